//! Videos in the certified tree: every range proves itself as the gateway checks it, and nothing else does.

use super::*;
use crate::FILES;
use ic_certification::{HashTree, SubtreeLookupResult};
use site::answer::{EXPRESSION, sha256};
use site::files;
use site::site::{Asked, MEDIA, Proved, Site, asked};

fn is_found(tree: &HashTree, path: &[Vec<u8>]) -> bool {
    matches!(tree.lookup_subtree(path), SubtreeLookupResult::Found(_))
}

fn bytes(path: &[String]) -> Vec<Vec<u8>> {
    path.iter().map(|it| it.as_bytes().to_vec()).collect()
}

#[track_caller]
pub fn proves(site: &Site, proved: &Proved) {
    assert_eq!(proved.tree.digest(), site.root_hash());
    let below = [sha256(EXPRESSION.as_bytes()).to_vec(), Vec::new(), proved.answer.hash().to_vec()];
    let path: Vec<Vec<u8>> = bytes(&proved.path).into_iter().chain(below).collect();
    assert!(is_found(&proved.tree, &path), "{:?}", proved.path);
}

#[track_caller]
fn absent(proved: &Proved, path: &[&str]) {
    let path: Vec<Vec<u8>> = path.iter().map(|it| it.as_bytes().to_vec()).collect();
    assert_eq!(proved.tree.lookup_subtree(&path), SubtreeLookupResult::Absent);
}

fn status(proved: &Proved) -> u16 {
    proved.answer.status
}

#[test]
fn names_of_files_stand_before_media() {
    assert!(FILES.iter().any(|(name, _)| *name == "index.html"));
    assert!(FILES.iter().all(|(name, _)| *name < MEDIA));
}

#[test]
fn every_range_of_a_video_proves_itself() {
    let mut app = app();
    join(&mut app, 1);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(SOME_BYTES, 7));
    let small = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(9, 7));
    ok(app.publish(by(1), new_clip(video, "x")));
    ok(app.publish(by(1), new_clip(small, "y")));
    let mut site = files::site(FILES);
    app.media.changed().into_iter().for_each(|(id, digest)| site.put_media(id, digest));
    let check = |id: MediaId, range: &str, status: u16| {
        assert_eq!(asked(&format!("/v/{id}")), Asked::Media(id));
        let (answer, proof) = app.media.answer(id, Some(range)).expect("an answer");
        assert_eq!(answer.status, status, "{range}");
        proves(&site, &site.prove_media(id, answer, proof));
    };
    for start in (0..SOME_BYTES as u64).step_by(32 * 1024) {
        check(video, &format!("bytes={start}-"), 206);
    }
    check(video, "bytes=0-1", 206);
    check(video, "bytes=99999999-", 416);
    check(small, "bytes=0-", 206);
}

#[test]
fn a_changed_byte_is_not_proved() {
    let mut app = app();
    join(&mut app, 1);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(5_000, 7));
    ok(app.publish(by(1), new_clip(video, "x")));
    let (mut answer, proof) = app.media.answer(video, None).expect("an answer");
    answer.body[100] ^= 1;
    let below = [sha256(EXPRESSION.as_bytes()).to_vec(), Vec::new(), answer.hash().to_vec()];
    assert!(!is_found(&proof, &below));
}

#[test]
fn hidden_and_missing_media_are_proved_to_be_missing() {
    let mut app = app();
    join(&mut app, 1);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(5_000, 7));
    ok(app.publish(by(1), new_clip(video, "x")));
    let mut site = files::site(FILES);
    app.media.changed().into_iter().for_each(|(id, digest)| site.put_media(id, digest));
    app.media.show(video, false);
    app.media.changed().into_iter().for_each(|(id, digest)| site.put_media(id, digest));
    let check = |path: &str| {
        let proved = site.answer(path);
        proves(&site, &proved);
        assert_eq!(
            (proved.path.clone(), status(&proved)),
            (vec!["http_expr".into(), "v".into(), "<*>".into()], 404)
        );
    };
    check(&format!("/v/{video}"));
    check("/v/77");
    check("/v/");
    check("/v");
    check("/v/01");
    check(&format!("/v/{video}/further"));
    for better in ["<$>", ""] {
        absent(&site.answer("/v/77"), &["http_expr", "v", better, "<*>"]);
    }
    let other = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(5_000, 7));
    ok(app.publish(by(1), new_clip(other, "y")));
    app.media.changed().into_iter().for_each(|(id, digest)| site.put_media(id, digest));
    let further = site.answer(&format!("/v/{other}/further"));
    absent(&further, &["http_expr", "v", &other.to_string(), "further"]);
    absent(&site.answer(&format!("/v/{video}")), &["http_expr", "v", &video.to_string()]);
}

#[test]
fn a_site_that_is_built_again_has_the_same_root() {
    let mut app = app();
    join(&mut app, 1);
    let mut site = files::site(FILES);
    for seed in 0..9 {
        let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(5_000, seed));
        let clip = ok(app.publish(by(1), new_clip(video, "x"))).id;
        if seed % 3 == 0 {
            ok(app.delete_clip(by(1), clip));
        }
        app.media.changed().into_iter().for_each(|(id, digest)| site.put_media(id, digest));
    }
    let mut again = files::site(FILES);
    app.media.served().for_each(|(id, digest)| again.put_media(id, Some(digest)));
    let answer = |site: &Site| site.answer("/v/1").tree.digest() == site.root_hash();
    assert!(answer(&site) && answer(&again));
    assert_eq!(app.media.served().count(), 6);
}
