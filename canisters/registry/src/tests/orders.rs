//! Orders, one case for each thing that can become of them.

use super::*;
use crate::book::MAX_ENDED_ORDERS;
use crate::orders::{MAX_EPOCHS, MAX_ORDERS, READING_NANOS};

const DONE: Option<OrderStatus> = Some(OrderStatus::Done);

fn ok(result: Result<u64, Error>) -> u64 {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn a_node_comes_with_the_epoch_after_the_chain_took_its_order() {
    let (mut registry, mut chain) = following(4);
    ok(registry.add_node(voted(), adding(10)));
    assert_eq!(status(&registry, 10), Some(NodeStatus::Joining));
    assert!(carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert_eq!((order_status(&registry, 0), status(&registry, 10)), (DONE, Some(NodeStatus::Joining)));
    assert_eq!(registry.open_order_bytes(), None);
    assert!(!registry.is_settled());
    chain.end_epoch();
    read(&mut registry, &chain);
    assert_eq!(status(&registry, 10), Some(NodeStatus::Member));
    assert_eq!(registry.node(id(10)).and_then(|node| node.operator), Some(principal(1)));
    assert!(registry.is_settled());
}

#[test]
fn a_node_leaves_with_the_epoch_after_the_chain_took_its_order() {
    let (mut registry, mut chain) = following(4);
    ok(registry.remove_node(voted(), removing(0)));
    assert_eq!(status(&registry, 0), Some(NodeStatus::Leaving));
    assert!(carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert_eq!(status(&registry, 0), Some(NodeStatus::Leaving));
    chain.end_epoch();
    read(&mut registry, &chain);
    assert_eq!(status(&registry, 0), Some(NodeStatus::Gone));
    assert_eq!(registry.node(id(0)).and_then(|node| node.operator), Some(principal(1)));
}

#[test]
fn a_node_takes_the_place_of_another_in_one_order() {
    let (mut registry, mut chain) = following(4);
    ok(registry.replace_node(voted(), replacing(3, 10)));
    assert!(carry(&registry, &mut chain));
    chain.end_epoch();
    read(&mut registry, &chain);
    assert_eq!(status(&registry, 3), Some(NodeStatus::Gone));
    assert_eq!(status(&registry, 10), Some(NodeStatus::Member));
    assert_eq!(registry.node(id(10)).and_then(|node| node.operator), Some(principal(2)));
}

#[test]
fn an_order_that_comes_while_members_deal_stays_open_and_is_tried_in_the_next_epoch() {
    let (mut registry, mut chain) = following(4);
    chain.dealing = true;
    read(&mut registry, &chain);
    ok(registry.add_node(voted(), adding(10)));
    assert!(!carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert!(matches!(order_status(&registry, 0), Some(OrderStatus::Open { .. })));
    chain.end_epoch();
    read(&mut registry, &chain);
    assert!(carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert_eq!(order_status(&registry, 0), DONE);
}

#[test]
fn more_than_an_epoch_takes_waits_for_the_next() {
    let (mut registry, mut chain) = following(4);
    ok(registry.add_node(voted(), adding(10)));
    ok(registry.add_node(voted(), adding(11)));
    assert_eq!(order_status(&registry, 1), Some(OrderStatus::Queued));
    assert!(carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert_eq!(order_status(&registry, 1), Some(OrderStatus::Open { version: 1, since_epoch: 0 }));
    assert!(!carry(&registry, &mut chain));
    chain.end_epoch();
    read(&mut registry, &chain);
    assert!(carry(&registry, &mut chain));
    chain.end_epoch();
    read(&mut registry, &chain);
    assert_eq!(registry.subnet().members.len(), 6);
}

#[test]
fn an_order_is_made_again_when_the_version_has_moved_without_it() {
    let (mut registry, mut chain) = following(4);
    ok(registry.add_node(voted(), adding(10)));
    chain.version = 7;
    read(&mut registry, &chain);
    assert_eq!(order_status(&registry, 0), Some(OrderStatus::Open { version: 7, since_epoch: 0 }));
    assert!(carry(&registry, &mut chain));
}

#[test]
fn an_order_that_was_overtaken_by_what_the_chain_is_now_is_given_up() {
    let (mut registry, mut chain) = following(4);
    ok(registry.replace_node(voted(), replacing(1, 10)));
    ok(registry.add_node(voted(), adding(11)));
    chain.next.remove(1);
    chain.version = 1;
    read(&mut registry, &chain);
    assert!(matches!(order_status(&registry, 0), Some(OrderStatus::GivenUp(_))));
    assert_eq!(status(&registry, 10), Some(NodeStatus::Gone));
    assert_eq!(order_status(&registry, 1), Some(OrderStatus::Open { version: 1, since_epoch: 0 }));
}

#[test]
fn an_order_that_is_never_taken_is_given_up_for_those_behind_it() {
    let (mut registry, mut chain) = following(4);
    ok(registry.add_node(voted(), adding(10)));
    ok(registry.remove_node(voted(), removing(1)));
    let late = registry.open_order_bytes().unwrap_or_default();
    for epoch in 1..=MAX_EPOCHS {
        assert!(matches!(order_status(&registry, 0), Some(OrderStatus::Open { .. })), "epoch {epoch}");
        chain.end_epoch();
        read(&mut registry, &chain);
    }
    check_given_up(&registry, "; whoever kept it may bring it while the membership is of version 0");
    assert_eq!(status(&registry, 10), Some(NodeStatus::Gone));
    assert_eq!(order_status(&registry, 1), Some(OrderStatus::Open { version: 0, since_epoch: MAX_EPOCHS }));
    // A replica had kept it: the records follow, and the other order is made again.
    assert!(chain.take(&late));
    read(&mut registry, &chain);
    assert_eq!(status(&registry, 10), Some(NodeStatus::Joining));
    assert_eq!(registry.node(id(10)).and_then(|node| node.operator), Some(principal(1)));
    let again = OrderStatus::Open { version: 1, since_epoch: MAX_EPOCHS };
    assert_eq!(order_status(&registry, 1), Some(again));
}

/// Order 0 was not taken in time, and its record says what may still become of it.
#[test]
fn epochs_that_passed_unseen_before_an_order_was_made_do_not_count_against_it() {
    let (mut registry, mut chain) = following(4);
    (0..3 * MAX_EPOCHS).for_each(|_| chain.end_epoch());
    ok(registry.add_node(voted(), adding(10)));
    read(&mut registry, &chain);
    let since_epoch = 3 * MAX_EPOCHS - 1;
    assert_eq!(order_status(&registry, 0), Some(OrderStatus::Open { version: 0, since_epoch }));
    assert!(carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert_eq!(order_status(&registry, 0), DONE);
}

fn check_given_up(registry: &TestRegistry, then: &str) {
    let reason = format!("the chain did not take it in {MAX_EPOCHS} epochs{then}");
    assert_eq!(order_status(registry, 0), Some(OrderStatus::GivenUp(reason)));
}

#[test]
fn of_an_order_that_was_given_up_and_the_one_behind_it_the_chain_takes_one() {
    let (mut registry, mut chain) = following(4);
    ok(registry.add_node(voted(), adding(10)));
    let late = registry.open_order_bytes().unwrap_or_default();
    ok(registry.remove_node(voted(), removing(1)));
    for _ in 0..MAX_EPOCHS {
        chain.end_epoch();
        read(&mut registry, &chain);
    }
    assert!(carry(&registry, &mut chain));
    assert!(!chain.take(&late));
    read(&mut registry, &chain);
    assert_eq!((order_status(&registry, 1), status(&registry, 10)), (DONE, Some(NodeStatus::Gone)));
}

#[test]
fn an_order_that_is_given_up_when_the_version_has_moved_cannot_be_brought() {
    let (mut registry, mut chain) = following(4);
    ok(registry.add_node(voted(), adding(10)));
    let late = registry.open_order_bytes().unwrap_or_default();
    for _ in 1..MAX_EPOCHS {
        chain.end_epoch();
        read(&mut registry, &chain);
    }
    chain.end_epoch();
    chain.version = 7;
    read(&mut registry, &chain);
    check_given_up(&registry, "");
    assert!(!chain.take(&late));
}

fn check_never(name: &str, refused: Result<u64, Error>, is_expected: fn(&Error) -> bool) {
    assert!(refused.as_ref().is_err_and(is_expected), "{name}: {refused:?}");
}

#[test]
fn an_order_that_can_never_be_taken_is_refused_when_it_is_made() {
    let (mut registry, _) = following(4);
    let not_found = |error: &Error| matches!(error, Error::NotFound(_));
    let exists = |error: &Error| matches!(error, Error::AlreadyExists(_));
    let invalid = |error: &Error| matches!(error, Error::Invalid(_));
    check_never("unknown node", registry.remove_node(voted(), removing(20)), not_found);
    check_never("unknown node", registry.replace_node(voted(), replacing(20, 21)), not_found);
    check_never("a member", registry.add_node(voted(), adding(2)), exists);
    check_never("its own place", registry.replace_node(voted(), replacing(2, 2)), invalid);
    let shared = [
        NodeCard { tls_key: card(2).tls_key, ..card(10) },
        NodeCard { tls_key: card(2).identity_key, ..card(10) },
        NodeCard { encryption_key: card(2).encryption_key, ..card(10) },
        NodeCard { address: card(2).address, ..card(10) },
    ];
    for node in shared {
        check_never("shared", registry.add_node(voted(), AddNode { node, ..adding(10) }), exists);
    }
    ok(registry.add_node(voted(), adding(10)));
    ok(registry.remove_node(voted(), removing(1)));
    check_never("twice", registry.add_node(voted(), adding(10)), exists);
    check_never("twice", registry.remove_node(voted(), removing(1)), not_found);
    assert_eq!(registry.orders().len(), 2);
}

#[test]
fn what_one_node_gives_free_its_successor_may_have() {
    let (mut registry, mut chain) = following(4);
    let node = NodeCard { address: card(3).address, ..card(10) };
    ok(registry.replace_node(voted(), ReplaceNode { node, ..replacing(3, 10) }));
    assert!(carry(&registry, &mut chain));
}

#[test]
fn somebody_stays_and_there_is_room_for_so_many() {
    let (mut registry, _) = following(2);
    ok(registry.remove_node(voted(), removing(0)));
    let last = registry.remove_node(voted(), removing(1));
    check_never("the last", last, |error| matches!(error, Error::Invalid(_)));
    let (mut registry, _) = following(63);
    ok(registry.add_node(voted(), adding(100)));
    let full = registry.add_node(voted(), adding(101));
    check_never("too many", full, |error| matches!(error, Error::TooMany(_)));
    ok(registry.replace_node(voted(), replacing(5, 101)));
}

#[test]
fn before_the_chain_is_read_nothing_is_ordered() {
    let mut registry = installed();
    let refused = registry.add_node(voted(), adding(10));
    check_never("not now", refused, |error| matches!(error, Error::NotNow(_)));
    assert!(!registry.is_settled());
}

#[test]
fn orders_under_way_are_bounded_and_ended_ones_forgotten() {
    let (mut registry, mut chain) = following(4);
    for turn in 0..MAX_ORDERS {
        match turn % 2 {
            0 => ok(registry.add_node(voted(), adding(10))),
            _ => ok(registry.remove_node(voted(), removing(10))),
        };
    }
    let one_more = registry.add_node(voted(), adding(10));
    check_never("full", one_more, |error| matches!(error, Error::TooMany(_)));
    for _ in 0..MAX_ORDERS {
        assert!(carry(&registry, &mut chain));
        read(&mut registry, &chain);
    }
    for number in 20..30 {
        ok(registry.add_node(voted(), adding(number)));
        chain.end_epoch();
        read(&mut registry, &chain);
        assert!(carry(&registry, &mut chain));
        read(&mut registry, &chain);
    }
    assert_eq!(registry.orders().len(), MAX_ENDED_ORDERS);
}

#[test]
fn a_reading_that_is_older_or_no_membership_changes_nothing() {
    let (mut registry, mut chain) = following(4);
    let old = chain.membership();
    chain.end_epoch();
    read(&mut registry, &chain);
    let before = registry.version();
    let mut twice = chain.membership();
    twice.next.push(twice.members[0].clone());
    let mut nobody = chain.membership();
    nobody.members.clear();
    for (name, membership) in [("old", old), ("twice", twice), ("nobody", nobody)] {
        assert!(registry.follow(membership, NOW).is_err(), "{name}");
    }
    assert_eq!(registry.version(), before);
    assert_eq!(registry.reading().map(|reading| reading.membership.clone()), Some(chain.membership()));
}

#[test]
fn reading_the_same_again_makes_no_version() {
    let (mut registry, chain) = following(4);
    assert_eq!(read(&mut registry, &chain), None);
}

#[test]
fn a_reading_of_which_nothing_is_heard_is_followed_by_another_a_minute_later() {
    let (mut registry, mut chain) = following(3);
    let older = chain.membership();
    let lost = registry.begin_reading(NOW).unwrap_or_else(|| panic!("nobody reads"));
    assert!(registry.begin_reading(NOW + READING_NANOS - 1).is_none());
    let next = registry.begin_reading(NOW + READING_NANOS);
    assert!(next.is_some());
    registry.add_node(voted(), adding(10)).unwrap_or_else(|error| panic!("{error:?}"));
    assert!(carry(&registry, &mut chain));
    read(&mut registry, &chain);
    assert!(registry.follow(older, NOW).is_err(), "what the first hears after all is older");
    drop(lost);
    assert!(registry.begin_reading(NOW + READING_NANOS).is_none(), "the other one reads");
    drop(next);
    assert!(registry.begin_reading(NOW + READING_NANOS).is_some());
}
