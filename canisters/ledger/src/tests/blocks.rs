use super::*;
use crate::certificate::tip_tree;
use crate::types::{GetArchivesArgs, GetBlocksArgs, GetBlocksRequest};
use candid::Nat;
use ic_certification::{HashTree, LookupResult};
use icrc::Value;
use ledger_block::{Block, MAX_BLOCKS_PER_RESPONSE, StoredBlock};

/// A ledger with one block of each form of each interface.
fn varied() -> Ledger<Memory> {
    let mut ledger = ledger();
    let unnamed = Party::from(user(8).identifier());
    let requests = [
        transfer(user(1), user(2), 5),
        TransferRequest { to: unnamed, fee: Some(FEE.into()), memo: 9, ..transfer(user(1), user(8), 5) },
        TransferRequest { created_at_time: Some(NOW), ..transfer(user(2), minter(), 50) },
    ];
    for request in requests {
        ledger.transfer(request, NOW + 1).unwrap();
    }
    ledger.approve(approve(user(1), user(2), 500), NOW + 2).unwrap();
    ledger.transfer(transfer_from(user(2), user(1), user(3), 20), NOW + 3).unwrap();
    ledger.transfer(transfer_from(user(2), user(1), minter(), 20), NOW + 4).unwrap();
    ledger
}

fn chain(ledger: &Ledger<Memory>) -> Vec<Block> {
    (0..ledger.tip().length).map(|index| ledger.blocks.get(index).unwrap().decode().unwrap()).collect()
}

#[test]
fn each_block_names_both_hashes_of_the_one_before_and_the_tip_is_the_last() {
    let ledger = varied();
    let chain = chain(&ledger);
    assert_eq!(chain[0].parent, None);
    for pair in chain.windows(2) {
        assert_eq!(pair[1].parent, Some(pair[0].hashes()));
        assert!(pair[0].timestamp <= pair[1].timestamp);
    }
    assert_eq!(ledger.tip().hashes, chain.last().map(Block::hashes));
}

#[test]
fn the_icp_chain_can_be_checked_from_the_answers_alone() {
    use sha2::{Digest, Sha256};
    let ledger = varied();
    let all = GetBlocksArgs { start: 0, length: 100 };
    let encoded = ledger.query_encoded_blocks(all, None).unwrap().blocks;
    let shown = ledger.query_blocks(all, None).unwrap().blocks;
    for (bytes, next) in encoded.iter().zip(&shown[1..]) {
        assert_eq!(next.parent_hash.as_ref().unwrap().as_slice(), Sha256::digest(bytes).as_slice());
    }
}

#[test]
fn the_icrc_chain_can_be_checked_from_the_answers_alone() {
    let ledger = varied();
    let request = GetBlocksRequest { start: Nat::from(0_u8), length: Nat::from(100_u8) };
    let blocks = ledger.icrc3_get_blocks(&[request]).unwrap().blocks;
    assert_eq!(Nat::from(blocks.len()), Nat::from(ledger.tip().length));
    for pair in blocks.windows(2) {
        let Value::Map(entries) = &pair[1].block else { panic!("a block is a map") };
        let phash = entries.iter().find(|(name, _)| name == "phash").map(|(_, value)| value.clone());
        assert_eq!(phash, Some(Value::Blob(pair[0].block.hash().to_vec().into())));
    }
    let last = blocks.last().unwrap().block.hash();
    assert_eq!(ledger.tip().hashes.unwrap().icrc3, last);
}

#[test]
fn the_certified_tree_names_index_and_both_hashes_of_the_tip() {
    let tip = varied().tip();
    let hashes = tip.hashes.unwrap();
    let tree = tip_tree(300, &hashes);
    let read: HashTree = ciborium::from_reader(icrc::tree::encode(&tree).as_slice()).unwrap();
    assert_eq!(read.digest(), tree.digest());
    let check = |name: &str, expected: &[u8]| {
        let LookupResult::Found(found) = read.lookup_path([name.as_bytes()]) else { panic!("no {name}") };
        assert_eq!(found, expected, "{name}");
    };
    check("last_block_index", &[0xac, 0x02]);
    check("last_block_hash", &hashes.icrc3);
    check("icp_last_block_hash", &hashes.icp);
}

#[test]
fn ranges_are_cut_to_the_blocks_that_exist() {
    let ledger = varied();
    let length = ledger.tip().length;
    let check = |start, wanted, first, count| {
        let answer = ledger.query_blocks(GetBlocksArgs { start, length: wanted }, Some(vec![1_u8])).unwrap();
        assert_eq!(answer.blocks.len(), count, "{start} {wanted}");
        assert_eq!((answer.chain_length, answer.archived_blocks.len()), (length, 0));
        assert_eq!(answer.certificate, Some(vec![1_u8].into()));
        if count > 0 {
            assert_eq!(answer.first_block_index, first);
        }
    };
    check(0, 2, 0, 2);
    check(1, u64::MAX, 1, length as usize - 1);
    check(length - 1, 5, length - 1, 1);
    check(length, 5, 0, 0);
    check(u64::MAX, u64::MAX, 0, 0);
    check(3, 0, 3, 0);
}

#[test]
fn an_icrc_request_gets_what_exists_of_each_range() {
    let ledger = varied();
    let range = |start: u64, length: u64| GetBlocksRequest { start: start.into(), length: length.into() };
    let huge = Nat::parse(b"100000000000000000000000000").unwrap();
    let endless = GetBlocksRequest { start: Nat::from(7_u8), length: huge.clone() };
    let beyond = GetBlocksRequest { start: huge.clone(), length: huge };
    let answer = ledger.icrc3_get_blocks(&[range(1, 2), beyond, range(0, 1), endless]).unwrap();
    let ids: Vec<Nat> = answer.blocks.into_iter().map(|block| block.id).collect();
    assert_eq!(ids, [1_u8, 2, 0, 7, 8].map(Nat::from));
    assert_eq!(answer.log_length, Nat::from(9_u8));
}

#[test]
fn an_answer_has_a_bounded_number_of_blocks() {
    let mut ledger = ledger();
    let stored = ledger.blocks.get(0).unwrap();
    let length = MAX_BLOCKS_PER_RESPONSE + 10;
    (0..length).for_each(|index| ledger.blocks.insert(index, StoredBlock::clone(&stored)));
    let mut tip = ledger.tip();
    tip.length = length;
    ledger.tip.set(tip);
    let all = GetBlocksArgs { start: 5, length };
    let bound = MAX_BLOCKS_PER_RESPONSE as usize;
    assert_eq!(ledger.query_blocks(all, None).unwrap().blocks.len(), bound);
    assert_eq!(ledger.query_encoded_blocks(all, None).unwrap().blocks.len(), bound);
    let half = GetBlocksRequest { start: 0_u8.into(), length: (length - 20).into() };
    let requests = [half.clone(), half];
    assert_eq!(ledger.icrc3_get_blocks(&requests).unwrap().blocks.len(), bound);
    assert_eq!(ledger.icrc3_get_archives(&GetArchivesArgs { from: None }), []);
}
