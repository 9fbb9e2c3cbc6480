//! From counts to work.

use super::*;
use crate::work::{Counts, MAX_NODES, Work};

fn check_work(period: &Period, number: u8, counts: [u64; 4], blocks: u64) {
    let [proposed, failures, votes, instructions] = counts;
    let expected = Work { counts: Counts { proposed, failures, votes, instructions }, blocks };
    assert_eq!(period.nodes.get(&principal(number)), Some(&expected), "node {number}");
}

#[test]
fn a_period_ends_with_the_first_epoch_that_makes_it_long_enough() {
    let baseline = Baseline::genesis(NOW);
    let entries = [
        entry(50, 60, 10, vec![totals(1, [1, 0, 2, 3])]),
        entry(100, 130, 25, vec![totals(1, [2, 0, 4, 6])]),
        entry(150, 190, 99, vec![totals(1, [3, 0, 6, 9])]),
    ];
    assert_eq!(find(&baseline, &entries[..1]), None);
    let period = find(&baseline, &entries).unwrap_or_else(|| panic!("not over"));
    assert_eq!((period.to.height, period.to.cycles_consumed_total.clone()), (100, 25u8.into()));
    check_work(&period, 1, [2, 0, 4, 6], 100);
    // Later entries, or none of the earlier ones again, change nothing.
    assert_eq!(find(&baseline, &entries[..2]), Some(period.clone()));
    let next = find(&period.end, &entries);
    assert_eq!(next, None);
}

#[test]
fn the_next_period_begins_where_the_last_one_ended() {
    let first = [entry(100, 100, 25, vec![totals(1, [2, 1, 40, 600])])];
    let period = find(&Baseline::genesis(NOW), &first).unwrap_or_else(|| panic!("not over"));
    let second = [first[0].clone(), entry(250, 210, 30, vec![totals(1, [5, 1, 90, 700])])];
    let next = find(&period.end, &second).unwrap_or_else(|| panic!("not over"));
    check_work(&next, 1, [3, 0, 50, 100], 150);
    assert_eq!((next.from, next.to.height), (period.to, 250));
}

#[test]
fn a_node_has_duties_only_in_epochs_in_which_it_did_or_missed_something() {
    let entries = [
        entry(50, 30, 0, vec![totals(1, [1, 0, 50, 5]), totals(2, [1, 0, 50, 5])]),
        entry(100, 60, 0, vec![totals(1, [2, 0, 99, 9]), totals(2, [1, 0, 50, 5])]),
        entry(150, 120, 0, vec![totals(1, [2, 7, 99, 9]), totals(3, [1, 0, 44, 5])]),
    ];
    let period = find(&Baseline::genesis(NOW), &entries).unwrap_or_else(|| panic!("not over"));
    check_work(&period, 1, [2, 7, 99, 9], 150);
    check_work(&period, 2, [1, 0, 50, 5], 50);
    check_work(&period, 3, [1, 0, 44, 5], 50);
}

#[test]
fn a_node_that_comes_back_is_not_paid_twice() {
    let there = entry(100, 100, 0, vec![totals(1, [5, 0, 100, 50])]);
    let period = find(&Baseline::genesis(NOW), &[there]).unwrap_or_else(|| panic!("not over"));
    let away = entry(200, 200, 0, vec![]);
    let period = find(&period.end, &[away]).unwrap_or_else(|| panic!("not over"));
    assert!(period.nodes.is_empty());
    let back = entry(300, 300, 0, vec![totals(1, [6, 0, 150, 80])]);
    let period = find(&period.end, &[back]).unwrap_or_else(|| panic!("not over"));
    check_work(&period, 1, [1, 0, 50, 30], 100);
}

#[test]
fn a_node_that_the_subnet_forgot_begins_with_nothing() {
    let there = entry(100, 100, 0, vec![totals(1, [5, 0, 100, 50])]);
    let period = find(&Baseline::genesis(NOW), &[there]).unwrap_or_else(|| panic!("not over"));
    let anew = entry(200, 200, 0, vec![totals(1, [1, 0, 60, 70])]);
    let period = find(&period.end, &[anew]).unwrap_or_else(|| panic!("not over"));
    check_work(&period, 1, [1, 0, 60, 70], 100);
}

#[test]
fn a_node_that_we_forgot_is_paid_from_its_return_on() {
    let entries = [
        entry(100, 50, 0, vec![totals(1, [5, 0, 1_000, 50])]),
        entry(200, 100, 0, vec![totals(1, [6, 0, 1_090, 70])]),
    ];
    let period = find(&Baseline::genesis(NOW), &entries).unwrap_or_else(|| panic!("not over"));
    check_work(&period, 1, [1, 0, 90, 20], 100);
}

#[test]
fn a_first_period_after_a_late_installation_leaves_out_what_was_before() {
    let old = entry(1_000, 0, 9_999, vec![totals(1, [5, 0, 900, 50])]);
    let baseline = Baseline::genesis(NOW).after(&old).unwrap_or_else(|error| panic!("{error}"));
    let entries = [old, entry(1_100, 100, 10_999, vec![totals(1, [7, 0, 1_000, 60])])];
    let period = find(&baseline, &entries).unwrap_or_else(|| panic!("not over"));
    check_work(&period, 1, [2, 0, 100, 10], 100);
    assert_eq!(period.from.cycles_consumed_total, 9_999u32);
}

#[test]
fn a_period_of_too_many_nodes_is_shorter() {
    let nodes = |from: u64, count: u64| -> Vec<NodeMetrics> {
        let node = |number: u64| NodeMetrics {
            node_id: Principal::from_slice(&number.to_be_bytes()),
            ..totals(0, [1, 0, 1, 1])
        };
        (from..from + count).map(node).collect()
    };
    let most = MAX_NODES as u64;
    let entries = [entry(100, 10, 0, nodes(0, most)), entry(200, 200, 0, nodes(most, 1))];
    let period = find(&Baseline::genesis(NOW), &entries).unwrap_or_else(|| panic!("not over"));
    assert_eq!((period.to.height, period.nodes.len()), (100, MAX_NODES));
    let period = find(&period.end, &entries).unwrap_or_else(|| panic!("not over"));
    assert_eq!((period.to.height, period.nodes.len(), period.end.nodes.len()), (200, 1, MAX_NODES));
    let crowd = [entry(100, 200, 0, nodes(0, most + 1))];
    assert!(Period::find(&Baseline::genesis(NOW), PERIOD, &crowd).is_err());
}

#[test]
fn entries_that_go_backwards_or_have_too_many_cycles_are_refused() {
    let forth = entry(100, 50, 5, vec![]);
    let back = Entry { blocks_total: 7, ..entry(150, 200, 9, vec![]) };
    let earlier = entry(150, 40, 9, vec![]);
    let cycles = candid::Nat::from(u128::MAX) + candid::Nat::from(1u8);
    let large = Entry { cycles_consumed_total: cycles, ..entry(150, 200, 0, vec![]) };
    for (name, bad) in [("blocks", back), ("time", earlier), ("cycles", large)] {
        let found = Period::find(&Baseline::genesis(NOW), PERIOD, &[forth.clone(), bad]);
        assert!(found.is_err(), "{name}");
    }
}
