//! Pictures and the first page, as they are served.

use super::*;
use crate::FILES;
use site::files;

fn served(app: &mut TestApp, site: &mut site::site::Site) {
    app.pictures.changed().into_iter().for_each(|(id, digest)| site.put_media(id, digest));
}

#[test]
fn names_of_files_stand_before_media() {
    assert!(FILES.iter().any(|(name, _)| *name == "index.html"));
    assert!(FILES.iter().all(|(name, _)| *name < site::site::MEDIA));
}

#[test]
fn a_picture_is_what_it_claims_to_be_and_bounded() {
    let mut app = app();
    join(&mut app, 1);
    let of = |kind, bytes: &[u8]| Some(NewPicture { kind, bytes: ByteBuf::from(bytes.to_vec()) });
    refused(app.set_picture(by(1), of(PictureKind::Png, b"")), invalid());
    refused(app.set_picture(by(1), of(PictureKind::Png, b"<svg onload=alert(1)>")), invalid());
    refused(app.set_picture(by(1), of(PictureKind::Jpeg, b"\x89PNG\r\n\x1a\n")), invalid());
    refused(app.set_picture(by(1), Some(png(PICTURE_BYTES_MAX + 1))), invalid());
    refused(app.set_picture(nobody(), Some(png(100))), Refusal::Anonymous);
    ok(app.set_picture(by(1), Some(png(PICTURE_BYTES_MAX))));
}

#[test]
fn a_picture_proves_itself_until_another_takes_its_place() {
    let (mut app, mut site) = (app(), files::site(FILES));
    join(&mut app, 1);
    let first = ok(app.set_picture(by(1), Some(png(900)))).card.picture.expect("a picture");
    served(&mut app, &mut site);
    let (answer, proof) = app.pictures.answer(first).expect("an answer");
    assert_eq!(answer.body, png(900).bytes.into_vec());
    assert_eq!(site.prove_media(first, answer, proof).tree.digest(), site.root_hash());
    let second = ok(app.set_picture(by(1), Some(png(800)))).card.picture.expect("a picture");
    served(&mut app, &mut site);
    assert!(app.pictures.answer(first).is_none() && site.answer(&format!("/v/{first}")).answer.status == 404);
    let mut again = files::site(FILES);
    app.pictures.served().for_each(|(id, digest)| again.put_media(id, Some(digest)));
    assert_eq!((again.root_hash(), app.totals().picture_bytes), (site.root_hash(), 800));
    ok(app.set_picture(by(1), None));
    assert!(app.pictures.answer(second).is_none() && app.totals().picture_bytes == 0);
}

#[test]
fn the_first_page_follows_the_posts() {
    let mut app = app();
    join(&mut app, 1);
    assert_eq!(app.first_page(), b"[]");
    let post = publish(&mut app, 1, "hello <b>");
    let page: serde_json::Value = serde_json::from_slice(app.first_page()).expect("JSON");
    assert_eq!(
        (page[0]["text"].as_str(), page[0]["id"].as_str()),
        (Some("hello <b>"), Some(&*post.to_string()))
    );
    ok(app.delete_post(by(1), post));
    assert_eq!(app.first_page(), b"[]");
}
