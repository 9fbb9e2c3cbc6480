//! Answers of others are read, whatever more they hold.

use crate::ask::{ArchivedBlocks, BlockRange, Blocks, QueryArchiveFn};
use crate::epochs::Epoch;
use crate::tally::{Block, Operation, Tally, Tokens, Transaction};
use crate::watch::id_of;
use candid::{CandidType, Nat, Principal, decode_one, encode_one};

#[test]
fn the_ledgers_blocks_and_where_its_archives_are_come_through() {
    let operation = Some(Operation::Mint { amount: Tokens { e8s: 7 } });
    let archive = ArchivedBlocks {
        start: 0,
        length: 3,
        callback: QueryArchiveFn::new(id_of(9), "get_blocks".to_owned()),
    };
    let answer = Blocks {
        blocks: vec![Block { transaction: Transaction { operation } }],
        first_block_index: 3,
        archived_blocks: vec![archive],
    };
    let bytes = encode_one(&answer).expect("Candid");
    let read: Blocks = decode_one(&bytes).expect("the same");
    let archive = &read.archived_blocks[0];
    assert_eq!((archive.callback.0.principal, archive.start, archive.length), (id_of(9), 0, 3));
    let mut tally = Tally { next: 3, ..Tally::default() };
    tally.take(read.first_block_index, &read.blocks);
    assert_eq!((tally.next, tally.minted_e8s), (4, 7));
    assert!(encode_one(BlockRange { start: 0, length: 1 }).is_ok());
}

/// A node of a subnet that tells no more than the interface specification says.
#[derive(CandidType)]
struct PlainNode {
    node_id: Principal,
    num_blocks_proposed_total: u64,
    num_block_failures_total: u64,
}

#[derive(CandidType)]
struct PlainEpoch {
    timestamp_nanos: u64,
    node_metrics: Vec<PlainNode>,
}

#[test]
fn epochs_of_a_subnet_that_tells_less_are_read_too() {
    let node = PlainNode { node_id: id_of(1), num_blocks_proposed_total: 5, num_block_failures_total: 1 };
    let bytes = encode_one(PlainEpoch { timestamp_nanos: 9, node_metrics: vec![node] }).expect("Candid");
    let epoch: Epoch = decode_one(&bytes).expect("an epoch");
    assert_eq!((epoch.timestamp_nanos, epoch.height, epoch.cycles_consumed_total), (9, None, None::<Nat>));
    assert_eq!(epoch.node_metrics[0].num_votes_total, None);
}
