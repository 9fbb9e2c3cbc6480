//! The ledger's blocks, added up.

use crate::tally::{Block, Operation, Tally, Tokens, Transaction};

fn block(operation: Option<Operation>) -> Block {
    Block { transaction: Transaction { operation } }
}

fn e8s(e8s: u64) -> Tokens {
    Tokens { e8s }
}

fn log() -> Vec<Block> {
    vec![
        block(Some(Operation::Mint { amount: e8s(1_000) })),
        block(Some(Operation::Transfer { fee: e8s(10) })),
        block(Some(Operation::Approve { fee: e8s(10) })),
        block(Some(Operation::Burn { amount: e8s(100) })),
        block(None),
    ]
}

#[test]
fn what_was_minted_less_what_was_burnt_is_the_supply() {
    let mut tally = Tally::default();
    tally.take(0, &log());
    assert_eq!((tally.minted_e8s, tally.burned_e8s, tally.fees_e8s), (1_000, 120, 20));
    assert_eq!((tally.transfers, tally.next, tally.skipped), (1, 5, 0));
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let mut tally = Tally::default();
    tally.take(0, &log()[..2]);
    let before = tally.clone();
    tally.take(0, &log()[..2]);
    tally.take(3, &log()[3..]);
    assert_eq!(tally, before);
    tally.take(2, &log()[2..]);
    assert_eq!(tally.next, 5);
}

#[test]
fn blocks_that_cannot_be_read_are_counted_as_skipped() {
    let mut tally = Tally::default();
    tally.skip_to(7);
    tally.skip_to(3);
    tally.take(7, &log());
    assert_eq!((tally.skipped, tally.next, tally.minted_e8s), (7, 12, 1_000));
}

#[test]
fn sums_do_not_wrap() {
    let mut tally = Tally { minted_e8s: u128::MAX, ..Tally::default() };
    tally.take(0, &log());
    assert_eq!(tally.minted_e8s, u128::MAX);
}
