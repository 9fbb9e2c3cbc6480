//! What an upload that was interrupted leaves, and what the next one makes of it.

use crate::agent::assets::encode::Encoding;
use crate::agent::assets::journal::{Journal, JournalError, Pages, PieceName};
use crate::agent::assets::plan::Place;
use std::fs;

fn piece(key: &str, index: u64) -> PieceName {
    let place = Place { key: key.into(), encoding: Encoding::Brotli };
    PieceName { place, index, sha256: [9; 32] }
}

fn line(key: &str, index: u64, chunk: u64) -> String {
    let hash = "09".repeat(32);
    format!(
        r#"{{"piece":{{"key":"{key}","encoding":"br","index":{index},"sha256":"{hash}","chunk":{chunk}}}}}"#
    )
}

/// The batch, and how many pieces of `/a` are known.
fn check(text: &str, batch: Option<u64>, known: u64) {
    let pages = Pages::read(text);
    assert_eq!(pages.batch, batch, "{text}");
    let found = (0..100).filter(|index| pages.chunk(&piece("/a", *index)) == Some(10 + index)).count();
    assert_eq!(found as u64, known, "{text}");
}

#[test]
fn lines_count_up_to_the_first_that_is_none() {
    let (begun, one, two) = ("{\"batch\":7}", line("/a", 0, 10), line("/a", 1, 11));
    check("", None, 0);
    check(&format!("{begun}\n"), Some(7), 0);
    check(&format!("{begun}\n{one}\n{two}\n"), Some(7), 2);
    check(&format!("{begun}\n{one}\n{two}"), Some(7), 1);
    check(&format!("{begun}\n{one}\n{}", &two[..20]), Some(7), 1);
    check(&format!("{begun}\n{one}\nnonsense\n{two}\n"), Some(7), 1);
    check(&format!("{one}\n{two}\n"), None, 0);
    check(&format!("{begun}\n{one}\n{begun}\n{two}\n"), Some(7), 1);
    check(&format!("{begun}\n{}\n", one.replace("br", "zip")), Some(7), 0);
    check(&format!("{begun}\n{}\n", line("/b", 0, 10)), Some(7), 0);
    check(&format!("{begun}\n{one}\n{{\"set\":[\"/a\",\"/b\"]}}\n{two}\n"), Some(7), 1);
    check("\u{fffd}\u{fffd}\n", None, 0);
}

#[test]
fn ids_that_were_given_out_since_tell_a_canister_that_counts_anew() {
    let pages = Pages::read(&format!("{{\"batch\":7}}\n{}\n{}\n", line("/a", 0, 10), line("/a", 1, 12)));
    assert!(pages.are_before(13) && !pages.are_before(12) && !pages.are_before(3));
    assert!(Pages::default().are_before(0));
}

#[test]
fn pieces_are_there_after_a_kill_and_gone_after_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state/one.jsonl");
    let mut journal = Journal::open(&path).expect("opens");
    assert!(matches!(Journal::open(&path), Err(JournalError::Busy(_))));
    journal.begin(3).expect("begins");
    journal.keep(&[piece("/a", 0), piece("/a", 1)], &[10, 11]).expect("keeps");
    drop(journal);
    let mut bytes = fs::read(&path).expect("a file");
    bytes.extend(b"{\"piece\":{\"key\":");
    fs::write(&path, bytes).expect("written");
    let mut journal = Journal::open(&path).expect("opens again");
    journal.keep(&[piece("/a", 2)], &[12]).expect("keeps");
    drop(journal);
    let mut journal = Journal::open(&path).expect("opens once more");
    assert_eq!(journal.pages.batch, Some(3));
    let known: Vec<_> = (0..4).map(|index| journal.pages.chunk(&piece("/a", index))).collect();
    assert_eq!(known, [Some(10), Some(11), Some(12), None]);
    journal.forget().expect("forgets");
    drop(journal);
    let journal = Journal::open(&path).expect("opens at last");
    assert_eq!(journal.pages, Pages::default());
}
