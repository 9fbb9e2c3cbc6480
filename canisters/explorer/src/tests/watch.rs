//! Which canisters are watched, and how others are found.

use crate::memory;
use crate::watch::*;
use candid::Principal;
use ic_stable_structures::VectorMemory;

fn watch(ids: impl Iterator<Item = u64>) -> Watch<VectorMemory> {
    let mut watch = Watch::open(&memory::open(VectorMemory::default()));
    for id in ids {
        watch.add(id_of(id), None, u32::try_from(id).expect("a small id"));
    }
    watch
}

fn numbers(ids: Vec<Principal>) -> Vec<u64> {
    ids.iter().map(|id| number_of(id).expect("a canister")).collect()
}

#[test]
fn ids_and_numbers_belong_together() {
    let ledger = Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").expect("an id");
    assert_eq!((id_of(2), number_of(&ledger)), (ledger, Some(2)));
    assert_eq!(number_of(&Principal::anonymous()), None);
    assert_eq!(number_of(&Principal::management_canister()), None);
    assert_eq!(number_of(&id_of(u64::MAX)), Some(u64::MAX));
}

#[test]
fn all_canisters_take_turns() {
    let count = CANISTERS_PER_TICK as u64 * 2 + 3;
    let watch = watch(0..count);
    let mut last = None;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let turn = watch.turn(last);
        last = turn.last().copied();
        seen.extend(numbers(turn));
    }
    assert_eq!(seen, (0..CANISTERS_PER_TICK as u64 * 2).collect::<Vec<_>>());
    let turn = numbers(watch.turn(last));
    assert_eq!(turn[..4], [count - 3, count - 2, count - 1, 0], "from the beginning again");
}

#[test]
fn few_canisters_come_once_in_a_turn() {
    let watch = watch(0..3);
    assert_eq!(numbers(watch.turn(Some(id_of(1)))), [2, 0, 1]);
    assert_eq!(numbers(watch.turn(None)), [0, 1, 2]);
}

#[test]
fn one_that_is_gone_is_not_asked_and_makes_room() {
    let mut watch = watch(0..WATCHED_MAX);
    assert_eq!(watch.add(id_of(500), None, 500), Added::NoRoom);
    watch.set_gone(&id_of(7));
    assert!(!numbers(watch.turn(Some(id_of(6)))).contains(&7));
    assert_eq!(watch.add(id_of(500), None, 500), Added::New { freed: Some(7) });
    assert_eq!(watch.get(&id_of(7)), None);
    assert_eq!(watch.list().len() as u64, WATCHED_MAX);
}

#[test]
fn one_with_a_name_is_never_let_go_and_keeps_its_number() {
    let mut watch = watch(0..2);
    assert_eq!(watch.add(id_of(1), Some("Ledger".to_owned()), 99), Added::Known);
    watch.set_gone(&id_of(1));
    let record = watch.get(&id_of(1)).expect("it is there");
    assert_eq!(record, Watched { number: 1, name: Some("Ledger".to_owned()), gone: false });
}

#[test]
fn the_search_bridges_gaps_within_its_window_and_never_ends() {
    let mut search = Search { base: 100, offset: 0 };
    let mut tried = Vec::new();
    while tried.len() < PROBE_WINDOW as usize {
        tried.extend(search.probes());
        search.advance(None);
    }
    assert_eq!(tried, (100..100 + PROBE_WINDOW).collect::<Vec<_>>());
    assert_eq!(search.offset, 0, "it begins again");
    search.advance(Some(130));
    assert_eq!(search.probes()[0], 131);
    assert!(Search { base: u64::MAX, offset: 1 }.probes().is_empty());
}
