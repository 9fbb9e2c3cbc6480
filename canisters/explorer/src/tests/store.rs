//! Installation's arguments, names of series, and upgrades.

use crate::epochs::Epoch;
use crate::interface::*;
use crate::series::Resolution;
use crate::store::Store;
use crate::watch::id_of;
use candid::{Nat, Principal};
use ic_stable_structures::VectorMemory;

const SECOND: u64 = 1_000_000_000;

fn args() -> InitArgs {
    InitArgs {
        canisters: Canisters { ledger: Some(id_of(2)), ..Canisters::default() },
        watched: vec![Named { canister_id: id_of(33), name: "Explorer".to_owned() }],
        ..InitArgs::default()
    }
}

fn store() -> Store<VectorMemory> {
    let mut store = Store::open(VectorMemory::default());
    store.configure(args()).expect("good arguments");
    store
}

fn refused(args: InitArgs, why: &str) {
    let error = Store::open(VectorMemory::default()).configure(args).expect_err(why);
    assert!(error.contains(why), "{error}");
}

fn asked(series: Series, limit: u64) -> GetPointsArgs {
    GetPointsArgs { series, resolution: Resolution::Fine, from: Some(0), limit }
}

#[test]
fn bad_arguments_are_refused_with_a_reason() {
    refused(InitArgs { sample_seconds: Some(0), ..args() }, "sample_seconds is 0");
    refused(InitArgs { sample_seconds: Some(u64::MAX), ..args() }, "must be from 5 to 3600");
    refused(InitArgs { discover_from: Some(Principal::anonymous()), ..args() }, "no canister's id");
    refused(InitArgs { watched: vec![args().watched[0].clone(); 65], ..args() }, "at most 64");
}

#[test]
fn names_are_cut_between_characters() {
    let mut store = Store::open(VectorMemory::default());
    let name = "ä".repeat(100);
    store.configure(InitArgs { subnet_name: Some(name), ..args() }).expect("good arguments");
    assert_eq!(store.configuration().subnet_name, "ä".repeat(30));
}

#[test]
fn an_upgrade_keeps_all_and_may_change_settings() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone());
    store.configure(args()).expect("good arguments");
    store.sample(&Series::CanisterBalance(id_of(33)), SECOND, 7);
    store.change_progress(|progress| progress.tally.next = 12);
    let before = store.configuration();
    drop(store);
    let mut store = Store::open(memory);
    assert_eq!(store.configuration(), before);
    store.configure(InitArgs { sample_seconds: Some(5), ..args() }).expect("good arguments");
    let after = store.configuration();
    assert_eq!((after.sample_seconds, after.tally.next, after.points), (5, 12, 2));
    let page = store.points(&asked(Series::CanisterBalance(id_of(33)), 9)).expect("it is watched");
    assert_eq!(page.points[0].value, 7, "the canister kept its number");
}

#[test]
fn every_series_is_kept_apart() {
    let mut store = store();
    let all = [
        Series::TokenSupply,
        Series::TokenMinted,
        Series::TokenBurned,
        Series::TokenTransfers,
        Series::CyclesSupply,
        Series::CyclesMinted,
        Series::CyclesConsumed,
        Series::Blocks,
        Series::Instructions,
        Series::CanisterBalance(id_of(2)),
        Series::CanisterConsumed(id_of(2)),
        Series::CanisterBalance(id_of(33)),
        Series::CanisterConsumed(id_of(33)),
    ];
    for (value, series) in all.iter().enumerate() {
        store.sample(series, SECOND, value as u128);
    }
    for (value, series) in all.into_iter().enumerate() {
        let page = store.points(&asked(series, 9)).expect("a series");
        assert_eq!(page.points.iter().map(|point| point.value).collect::<Vec<_>>(), [value as u128]);
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let store = store();
    let stranger = id_of(77);
    let error = store.points(&asked(Series::CanisterBalance(stranger), 9));
    assert_eq!(error, Err(AskError::NotWatched(stranger)));
    assert_eq!(store.points(&asked(Series::TokenSupply, 0)), Err(AskError::NoLimit));
}

#[test]
fn an_epoch_brings_the_subnets_totals_once() {
    let mut store = store();
    let epoch = Epoch {
        timestamp_nanos: 5,
        node_metrics: vec![],
        height: None,
        cycles_consumed_total: Some(Nat::from(70u8)),
        instructions_total: None,
        blocks_total: Some(9),
    };
    store.add_epoch(epoch.clone());
    store.add_epoch(epoch);
    let values = |series| store.points(&asked(series, 9)).expect("a series").points.len();
    assert_eq!(
        (values(Series::CyclesConsumed), values(Series::Blocks), values(Series::Instructions)),
        (1, 1, 0)
    );
}

#[test]
fn recent_consumption_is_that_of_the_last_hour() {
    let mut store = store();
    let id = id_of(33);
    assert_eq!(store.recent(&id), None);
    for minute in 0..=90u64 {
        store.sample(&Series::CanisterConsumed(id), minute * 60 * SECOND + 1, u128::from(minute) * 10);
    }
    assert_eq!(store.recent(&id), Some(Recent { cycles: 600, seconds: 3_600 }));
    assert_eq!(store.recent(&id_of(2)), None, "no samples");
}

#[test]
fn canisters_are_listed_page_by_page() {
    use crate::ask::Range;
    use crate::live::{after, count};
    let range = |start, end| Range { start: id_of(start), end: id_of(end) };
    let ranges = [range(0, 2), range(4, 4), range(u64::MAX - 1, u64::MAX)];
    assert_eq!(count(&ranges), 6);
    let ids = |last: Option<u64>, limit| after(&ranges, last.map(id_of), limit);
    assert_eq!(ids(None, 2), [id_of(0), id_of(1), id_of(2)], "one more than asked for");
    assert_eq!(ids(Some(1), 2), [id_of(2), id_of(4), id_of(u64::MAX - 1)]);
    assert_eq!(ids(Some(4), 9), [id_of(u64::MAX - 1), id_of(u64::MAX)]);
    assert_eq!(ids(Some(u64::MAX), 9), []);
    assert_eq!(count(&[range(9, 3)]), 0, "a range that is none");
}
