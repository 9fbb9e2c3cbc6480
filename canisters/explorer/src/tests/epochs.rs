//! Epochs of what replicas did.

use crate::epochs::{EPOCHS_MAX, Epoch, Epochs, NODES_MAX, NodeMetrics, PAGE_EPOCHS_MAX};
use crate::memory;
use candid::{Nat, Principal};
use ic_stable_structures::VectorMemory;

fn epoch(timestamp_nanos: u64) -> Epoch {
    let node = |number: u8| NodeMetrics {
        node_id: Principal::from_slice(&[number]),
        num_blocks_proposed_total: timestamp_nanos,
        num_block_failures_total: 1,
        num_votes_total: None,
        num_instructions_total: Some(u64::MAX),
    };
    Epoch {
        timestamp_nanos,
        node_metrics: (0..4).map(node).collect(),
        height: Some(timestamp_nanos),
        cycles_consumed_total: Some(Nat::from(u128::MAX)),
        instructions_total: None,
        blocks_total: Some(3),
    }
}

fn epochs(count: u64) -> Epochs<VectorMemory> {
    let mut epochs = Epochs::open(&memory::open(VectorMemory::default()));
    (1..=count).for_each(|time| assert!(epochs.push(epoch(time))));
    epochs
}

fn check(epochs: &Epochs<VectorMemory>, after: Option<u64>, limit: u64, times: std::ops::Range<u64>) {
    let page: Vec<u64> = epochs.page(after, limit).iter().map(|epoch| epoch.timestamp_nanos).collect();
    assert_eq!(page, times.collect::<Vec<_>>(), "after {after:?}, {limit}");
}

#[test]
fn an_epoch_comes_out_as_it_went_in() {
    assert_eq!(epochs(2).page(None, 1), [epoch(2)]);
}

#[test]
fn epochs_are_read_page_by_page_or_from_the_end() {
    let epochs = epochs(20);
    check(&epochs, None, 3, 18..21);
    check(&epochs, Some(0), 7, 1..8);
    check(&epochs, Some(7), 100, 8..21);
    check(&epochs, Some(20), 5, 21..21);
}

#[test]
fn the_oldest_epochs_go_and_a_page_is_bounded() {
    let epochs = epochs(EPOCHS_MAX + 3);
    check(&epochs, Some(0), 1, 4..5);
    check(&epochs, None, u64::MAX, EPOCHS_MAX + 4 - PAGE_EPOCHS_MAX..EPOCHS_MAX + 4);
}

#[test]
fn an_epoch_that_is_known_is_not_taken_again() {
    let mut epochs = epochs(5);
    assert!(!epochs.push(epoch(5)));
    assert!(!epochs.push(epoch(1)));
    assert_eq!(epochs.last_time(), Some(5));
}

#[test]
fn nodes_beyond_the_bound_are_left_out() {
    let mut epochs = epochs(0);
    let mut large = epoch(1);
    large.node_metrics = vec![large.node_metrics[0].clone(); NODES_MAX + 1];
    assert!(epochs.push(large));
    assert_eq!(epochs.page(None, 1)[0].node_metrics.len(), NODES_MAX);
}
