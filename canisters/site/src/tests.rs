//! Every answer proves itself as the gateway checks it, and no other does.

use crate::answer::{Answer, EXPRESSION, sha256};
use crate::files;
use crate::seal::Seal;
use crate::site::{Asked, Proved, Site, asked};
use ic_certification::{HashTree, SubtreeLookupResult};
use ic_http_certification::{DefaultCelBuilder, DefaultResponseCertification};

const FILES: &[(&str, &[u8])] =
    &[("app-1.js", b"1"), ("icon.svg", b"<svg/>"), ("index.html", b"<!doctype html>")];

fn is_found(tree: &HashTree, path: &[Vec<u8>]) -> bool {
    matches!(tree.lookup_subtree(path), SubtreeLookupResult::Found(_))
}

fn below(answer: &Answer) -> [Vec<u8>; 3] {
    [sha256(EXPRESSION.as_bytes()).to_vec(), Vec::new(), answer.hash().to_vec()]
}

#[track_caller]
fn proves(site: &Site, proved: &Proved, path: &[&str], status: u16) {
    assert_eq!(
        (proved.path.clone(), proved.answer.status),
        (path.iter().map(|it| it.to_string()).collect(), status)
    );
    assert_eq!(proved.tree.digest(), site.root_hash());
    let path: Vec<Vec<u8>> =
        path.iter().map(|it| it.as_bytes().to_vec()).chain(below(&proved.answer)).collect();
    assert!(is_found(&proved.tree, &path));
}

#[track_caller]
fn absent(proved: &Proved, path: &[&str]) {
    let path: Vec<Vec<u8>> = path.iter().map(|it| it.as_bytes().to_vec()).collect();
    assert_eq!(proved.tree.lookup_subtree(&path), SubtreeLookupResult::Absent);
}

fn picture(seed: u8) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: vec![seed; 9] }
}

fn seal(answer: &Answer) -> Seal {
    Seal::over(vec![answer.hash()])
}

#[test]
fn the_expression_is_the_librarys() {
    let all = DefaultResponseCertification::response_header_exclusions(vec![]);
    let library = DefaultCelBuilder::response_only_certification().with_response_certification(all).build();
    assert_eq!(library.to_string(), EXPRESSION);
}

#[test]
fn every_file_proves_itself() {
    let site = files::site(FILES);
    for name in ["", "app-1.js", "icon.svg"] {
        proves(&site, &site.answer(&format!("/{name}")), &["http_expr", name, "<$>"], 200);
    }
}

#[test]
fn a_path_of_the_app_gets_its_page_and_proves_that_nothing_is_better() {
    let site = files::site(FILES);
    for (path, better) in [("/p/12", "p"), ("/@ann", "@ann"), ("/zzz/", "zzz"), ("/index.html", "index.html")]
    {
        let proved = site.answer(path);
        proves(&site, &proved, &["http_expr", "<*>"], 200);
        absent(&proved, &["http_expr", better]);
        absent(&proved, &["http_expr", "", "<*>"]);
    }
    absent(&site.answer("/icon.svg/x"), &["http_expr", "icon.svg", "x"]);
}

#[test]
fn media_prove_themselves_until_they_are_gone() {
    let mut site = files::site(FILES);
    let file = picture(7);
    site.put_media(7, Some(seal(&file).digest()));
    assert_eq!(
        (asked("/v/7"), asked("/v/07"), asked("/v/7/x")),
        (Asked::Media(7), Asked::Other, Asked::Other)
    );
    let proved = site.prove_media(7, file.clone(), seal(&file).witness(&file.hash()));
    proves(&site, &proved, &["http_expr", "v", "7", "<$>"], 200);
    site.put_media(7, None);
    for path in ["/v/7", "/v/", "/v", "/v/07"] {
        proves(&site, &site.answer(path), &["http_expr", "v", "<*>"], 404);
    }
    absent(&site.answer("/v/7"), &["http_expr", "v", "7"]);
}

#[test]
fn a_changed_byte_is_not_proved() {
    let mut file = picture(7);
    let witness = seal(&file).witness(&file.hash());
    assert!(is_found(&witness, &below(&file)));
    file.body[3] ^= 1;
    assert!(!is_found(&witness, &below(&file)));
}

#[test]
fn a_site_that_is_built_again_has_the_same_root() {
    let (mut site, mut again) = (files::site(FILES), files::site(FILES));
    for id in 0..9 {
        site.put_media(id, Some(seal(&picture(id as u8)).digest()));
    }
    for id in [0, 3, 6] {
        site.put_media(id, None);
    }
    for id in [8, 1, 5, 2, 7, 4] {
        again.put_media(id, Some(seal(&picture(id as u8)).digest()));
    }
    assert_eq!(site.answer("/v/0").tree.digest(), site.root_hash());
    assert_eq!(again.answer("/v/1000").tree.digest(), again.root_hash());
}

#[test]
fn a_seal_shows_each_of_its_answers() {
    for count in [1, 2, 3, 5, 8, 33, 100] {
        let answers: Vec<Answer> = (0..count).map(picture).collect();
        let seal = Seal::over(answers.iter().map(Answer::hash).collect());
        for answer in &answers {
            let witness = seal.witness(&answer.hash());
            assert_eq!(witness.digest(), seal.digest());
            assert!(is_found(&witness, &below(answer)));
        }
    }
}
