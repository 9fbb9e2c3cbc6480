use super::*;
use crate::archives::DEFAULT_APPEND_BYTES;
use crate::archiving::Batch;
use crate::types::{GetArchivesArgs, GetBlocksArgs, GetBlocksRequest};
use candid::Nat;
use icrc::history::BlockWithId;
use ledger_block::ArchiveStore;
use ledger_block::wire::{AppendArgs, AppendError};

const LEDGER_ID: u8 = 100;

fn archiving_ledger(blocks: u64, threshold: u64, count: u64) -> Ledger<Memory> {
    let mut ledger = ledger();
    let archive = Some(archive_options(threshold, count));
    ledger.set_config(Config { archive, ..ledger.config().clone() });
    while ledger.tip().length < blocks {
        ledger.transfer(transfer(user(1), user(1), 0), NOW).unwrap();
    }
    ledger
}

fn archive(first_index: u64) -> ArchiveStore<Memory> {
    let memories = MemoryManager::init_with_bucket_size(VectorMemory::default(), 1);
    let mut store = ArchiveStore::open(|number| memories.get(MemoryId::new(number)));
    store.begin(principal(LEDGER_ID), first_index);
    store
}

fn append(store: &mut ArchiveStore<Memory>, batch: &Batch) -> Result<u64, AppendError> {
    let args = AppendArgs { start: batch.start, blocks: batch.blocks.clone() };
    store.append(principal(LEDGER_ID), args)
}

fn all_blocks(ledger: &Ledger<Memory>, store: &ArchiveStore<Memory>) -> Vec<BlockWithId> {
    let everything = [GetBlocksRequest { start: Nat::from(0_u8), length: Nat::from(1_000_u16) }];
    let answer = ledger.icrc3_get_blocks(&everything).unwrap();
    let mut blocks = Vec::new();
    for archived in answer.archived_blocks {
        blocks.extend(store.icrc3_get_blocks(&archived.args).unwrap().blocks);
    }
    blocks.extend(answer.blocks);
    blocks
}

#[test]
fn archiving_begins_above_the_threshold_and_moves_so_many_of_the_oldest() {
    let check = |blocks, threshold, count, expected| {
        let ledger = archiving_ledger(blocks, threshold, count);
        assert_eq!(ledger.archive_goal(), expected, "{blocks} blocks, more than {threshold}: {count}");
    };
    check(10, 10, 4, None);
    check(11, 10, 4, Some(4));
    check(11, 10, 400, Some(11));
    check(11, 10, 0, None);
    assert_eq!(ledger().archive_goal(), None, "without archive options nothing moves");
}

#[test]
fn every_block_is_found_before_during_and_after_archiving() {
    let mut ledger = archiving_ledger(20, 10, 8);
    let mut store = archive(0);
    let before = all_blocks(&ledger, &store);
    ledger.archives.note_created(principal(101));
    assert_eq!(ledger.archives.pending(), Some(principal(101)));
    ledger.archives.note_installed(principal(101));
    assert_eq!((ledger.archives.pending(), ledger.archives.end()), (None, 0));
    assert_eq!(all_blocks(&ledger, &store), before);

    let goal = ledger.archive_goal().unwrap();
    let batch = ledger.archive_batch(goal, DEFAULT_APPEND_BYTES);
    assert_eq!((batch.start, batch.blocks.len()), (0, 8));
    ledger.transfer(transfer(user(1), user(1), 0), NOW).unwrap();
    let next = append(&mut store, &batch).unwrap();
    assert_eq!(all_blocks(&ledger, &store)[..20], before, "the confirmation is not here yet");
    ledger.note_archived(&batch, next).unwrap();
    assert_eq!(all_blocks(&ledger, &store)[..20], before);
    assert_eq!((ledger.local_indices(), ledger.blocks.len()), (8..21, 13));

    let answer = ledger.query_blocks(GetBlocksArgs { start: 5, length: 6 }, None).unwrap();
    let archived = &answer.archived_blocks[0];
    assert_eq!((archived.start, archived.length), (5, 3));
    assert_eq!(
        (archived.callback.0.principal, archived.callback.0.method.as_str()),
        (principal(101), "get_blocks")
    );
    assert_eq!((answer.first_block_index, answer.blocks.len()), (8, 3));
    let ranges = ledger.icrc3_get_archives(&GetArchivesArgs { from: None });
    assert_eq!((&ranges[0].start, &ranges[0].end), (&Nat::from(0_u8), &Nat::from(7_u8)));
    assert_eq!(ledger.icrc3_get_archives(&GetArchivesArgs { from: Some(principal(101)) }), []);
}

#[test]
fn a_confirmation_that_was_lost_or_comes_twice_changes_nothing() {
    let mut ledger = archiving_ledger(20, 10, 8);
    let mut store = archive(0);
    let before = all_blocks(&ledger, &store);
    ledger.archives.note_installed(principal(101));
    let batch = ledger.archive_batch(ledger.archive_goal().unwrap(), DEFAULT_APPEND_BYTES);
    assert_eq!(append(&mut store, &batch), Ok(8));
    let again = ledger.archive_batch(ledger.archive_goal().unwrap(), DEFAULT_APPEND_BYTES);
    assert_eq!(again, batch, "the ledger has not heard of it and sends the same");
    assert_eq!(append(&mut store, &again), Ok(8));
    assert_eq!(store.indices(), 0..8);
    ledger.note_archived(&again, 8).unwrap();
    ledger.note_archived(&again, 8).unwrap();
    assert_eq!(ledger.local_indices(), 8..20);
    assert_eq!(all_blocks(&ledger, &store), before);
}

#[test]
fn batches_are_bounded_by_bytes_and_have_a_block_at_least() {
    let ledger = archiving_ledger(20, 10, 8);
    let one = ledger.blocks.get(0).unwrap().as_bytes().len() as u64;
    let check = |max_bytes, expected| {
        assert_eq!(ledger.archive_batch(8, max_bytes).blocks.len(), expected, "{max_bytes}");
    };
    check(1, 1);
    check(one, 1);
    check(u64::MAX, 8);
    let batch = ledger.archive_batch(8, one * 5);
    assert!(batch.bytes <= one * 5 && !batch.blocks.is_empty());
    assert_eq!(batch.bytes, batch.blocks.iter().map(|block| block.len() as u64).sum::<u64>());
}

#[test]
fn a_full_archive_is_followed_by_another() {
    let mut ledger = archiving_ledger(20, 10, 8);
    ledger.archives.note_installed(principal(101));
    let first = ledger.archive_batch(4, u64::MAX);
    ledger.note_archived(&first, 4).unwrap();
    assert_eq!(ledger.archives.open_archive(first.bytes + 1).unwrap().canister, principal(101));
    assert_eq!(ledger.archives.open_archive(first.bytes), None);
    ledger.archives.note_installed(principal(102));
    let second = ledger.archive_batch(8, u64::MAX);
    assert_eq!((second.start, second.blocks.len()), (4, 4));
    ledger.note_archived(&second, 8).unwrap();
    assert_eq!(ledger.archives.holders(&(2..6)), [(2..4, principal(101)), (4..6, principal(102))]);
    assert_eq!(ledger.icrc3_get_archives(&GetArchivesArgs { from: Some(principal(101)) }).len(), 1);
}

#[test]
fn an_archive_takes_blocks_from_its_ledger_only_in_order_and_whole() {
    let ledger = archiving_ledger(20, 10, 8);
    let mut store = archive(3);
    let batch = |start: u64, end: u64| {
        let blocks = (start..end).map(|index| ledger.blocks.get(index).unwrap().as_bytes().to_vec().into());
        AppendArgs { start, blocks: blocks.collect() }
    };
    let owner = principal(LEDGER_ID);
    assert_eq!(store.append(principal(1), batch(3, 5)), Err(AppendError::Unauthorized));
    assert_eq!(store.append(owner, batch(4, 5)), Err(AppendError::Gap { next_index: 3 }));
    assert_eq!(store.append(owner, batch(3, 5)), Ok(5));
    assert_eq!(store.append(owner, batch(3, 7)), Ok(7), "what is known is passed over");
    assert_eq!(store.append(owner, batch(3, 4)), Ok(7));
    let mut bad = batch(7, 9);
    bad.blocks[1] = vec![1, 2, 3].into();
    assert_eq!(store.append(owner, bad), Err(AppendError::BadBlock { index: 8 }));
    assert_eq!(store.indices(), 3..7, "of a bad append nothing is taken");
    let early = store.get_blocks(GetBlocksArgs { start: 2, length: 5 });
    assert!(early.is_err(), "{early:?}");
    assert_eq!(store.get_blocks(GetBlocksArgs { start: 5, length: 50 }).unwrap().blocks.len(), 2);
    assert_eq!(store.get_encoded_blocks(GetBlocksArgs { start: 9, length: 5 }).unwrap().len(), 0);
}

#[test]
fn archives_are_remembered_by_stable_memory() {
    let memory = VectorMemory::default();
    let mut ledger = open(&memory);
    let archive = Some(archive_options(0, 2));
    ledger.set_config(Config { archive, ..Config::from_init(&init_args()).unwrap() });
    (0..4).for_each(|_| {
        ledger.transfer(transfer(minter(), user(1), 5), NOW).unwrap();
    });
    ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
    ledger.archives.note_installed(principal(101));
    ledger.archives.note_created(principal(102));
    ledger.note_archived(&ledger.archive_batch(2, u64::MAX), 2).unwrap();
    let (list, local) = (ledger.archives.list(), ledger.local_indices());
    drop(ledger);
    let ledger = open(&memory);
    assert_eq!((ledger.archives.list(), ledger.local_indices()), (list, local));
    assert_eq!(ledger.archives.pending(), Some(principal(102)));
    assert_eq!(ledger.archives.wasm(), Some(b"\0asm".to_vec()));
}
