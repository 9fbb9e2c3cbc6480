//! Archives that fail at every step, beside a ledger that goes on.

use super::model::Numbers;
use super::*;
use crate::archives::{DEFAULT_ARCHIVE_CYCLES, MAX_ARCHIVES, MAX_FAILURES};
use crate::archiving::{ArchiveError, Step};
use crate::types::GetBlocksRequest;
use candid::Nat;
use icrc::history::BlockWithId;
use ledger_block::ArchiveStore;
use ledger_block::wire::AppendArgs;
use std::collections::BTreeMap;

const LEDGER_ID: u8 = 100;
const SEEDS: u64 = 20;
const TURNS: u32 = 300;

/// A ledger that archives above 10 blocks, 8 at a time, into archives of about 20.
fn archiving_ledger() -> Ledger<Memory> {
    let mut ledger = ledger();
    let archive = ArchiveOptions { node_max_memory_size_bytes: Some(2_000), ..archive_options(10, 8) };
    ledger.set_config(Config { archive: Some(archive), ..ledger.config().clone() });
    ledger
}

fn grow(ledger: &mut Ledger<Memory>, blocks: u64) {
    (0..blocks).for_each(|_| {
        ledger.transfer(transfer(user(1), user(1), 0), NOW).unwrap();
        ledger.transfer(transfer(minter(), user(1), 2 * FEE as u128), NOW).unwrap();
    });
}

/// Canisters that the ledger made; what it sends them can fail, or do its work unheard.
struct Subnet {
    numbers: Numbers,
    canisters: BTreeMap<Principal, Option<ArchiveStore<Memory>>>,
    failures: bool,
}

impl Subnet {
    fn new(seed: u64) -> Self {
        Self { numbers: Numbers(seed), canisters: BTreeMap::new(), failures: true }
    }

    fn fails(&mut self) -> bool {
        self.failures && self.numbers.one_in(4)
    }

    fn store(&mut self, canister: &Principal) -> Result<&mut ArchiveStore<Memory>, String> {
        self.canisters.get_mut(canister).and_then(Option::as_mut).ok_or("no such archive".to_string())
    }

    /// Does a step; afterwards the answer may be lost.
    fn take(&mut self, ledger: &mut Ledger<Memory>, step: &Step) -> Result<(), String> {
        if self.fails() {
            return Err("stopped".to_string());
        }
        let lost = self.fails();
        let heard = |lost| if lost { Err("the callback trapped".to_string()) } else { Ok(()) };
        match step {
            Step::Done => Ok(()),
            Step::Create { .. } => {
                let id = Principal::from_slice(&[101, self.canisters.len() as u8, 1]);
                self.canisters.insert(id, None);
                heard(lost)?;
                ledger.archives.note_created(id);
                Ok(())
            }
            Step::Install { canister, first_index } => {
                let memories = MemoryManager::init_with_bucket_size(VectorMemory::default(), 1);
                let mut store = ArchiveStore::open(|number| memories.get(MemoryId::new(number)));
                store.begin(principal(LEDGER_ID), *first_index);
                self.canisters.insert(*canister, Some(store));
                heard(lost)?;
                ledger.archives.note_installed(*canister);
                Ok(())
            }
            Step::Append { archive, batch } => {
                let args = AppendArgs { start: batch.start, blocks: batch.blocks.clone() };
                let next = self.store(archive)?.append(principal(LEDGER_ID), args);
                heard(lost)?;
                let next = next.map_err(|error| format!("{error:?}"))?;
                ledger.note_archived(batch, next).map_err(|error| error.to_string())
            }
        }
    }

    /// A run, with transfers between its steps.
    fn run(&mut self, ledger: &mut Ledger<Memory>) -> Result<(), String> {
        let Some(goal) = ledger.archive_goal() else { return Ok(()) };
        loop {
            let step = ledger.archive_step(goal).map_err(|error| error.to_string())?;
            if step == Step::Done {
                return Ok(());
            }
            grow(ledger, 1);
            if let Err(error) = self.take(ledger, &step) {
                ledger.note_archiving_failed(&step);
                return Err(error);
            }
        }
    }

    /// All blocks as a client finds them.
    fn all_blocks(&mut self, ledger: &Ledger<Memory>) -> Vec<BlockWithId> {
        let everything = [GetBlocksRequest { start: Nat::from(0_u8), length: Nat::from(100_000_u32) }];
        let answer = ledger.icrc3_get_blocks(&everything).unwrap();
        let mut blocks = answer.blocks;
        for archived in answer.archived_blocks {
            let store = self.store(&archived.callback.0.principal).unwrap();
            blocks.extend(store.icrc3_get_blocks(&archived.args).unwrap().blocks);
        }
        blocks.sort_by(|a, b| a.id.cmp(&b.id));
        blocks
    }

    fn check_chain(&mut self, ledger: &Ledger<Memory>) {
        let blocks = self.all_blocks(ledger);
        assert_eq!(blocks.len() as u64, ledger.tip().length, "each block once");
        for (index, block) in blocks.iter().enumerate() {
            assert_eq!(block.id, Nat::from(index));
        }
        let last = blocks.last().map(|it| it.block.hash());
        assert_eq!(last, ledger.tip().hashes.map(|hashes| hashes.icrc3));
    }
}

#[test]
fn under_failures_and_lost_answers_every_block_is_found_and_transfers_go_on() {
    let (mut failed, mut archives) = (0, 0);
    for seed in 0..SEEDS {
        let mut subnet = Subnet::new(seed);
        let mut ledger = archiving_ledger();
        ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
        for turn in 0..TURNS {
            grow(&mut ledger, 1);
            failed += u32::from(subnet.run(&mut ledger).is_err());
            if turn % 50 == 0 {
                subnet.check_chain(&ledger);
            }
        }
        subnet.failures = false;
        while ledger.archive_goal().is_some() {
            subnet.run(&mut ledger).unwrap();
        }
        subnet.check_chain(&ledger);
        archives += ledger.archives.len();
    }
    assert!(failed > 1_000 && archives > SEEDS, "{failed} runs failed, {archives} archives");
}

#[test]
fn without_a_module_blocks_stay_and_transfers_go_on() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, 20);
    let goal = ledger.archive_goal().unwrap();
    assert_eq!(ledger.archive_step(goal), Err(ArchiveError::NoModule));
    grow(&mut ledger, 1);
    assert_eq!(ledger.local_indices().start, 0);
}

#[test]
fn an_archive_is_created_then_installed_then_filled() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, 20);
    ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
    let controllers = vec![principal(0)];
    let create = Step::Create { controllers, cycles: DEFAULT_ARCHIVE_CYCLES };
    assert_eq!(ledger.archive_step(8), Ok(create));
    ledger.archives.note_created(principal(101));
    assert_eq!(ledger.archive_step(8), Ok(Step::Install { canister: principal(101), first_index: 0 }));
    ledger.archives.note_installed(principal(101));
    let batch = ledger.archive_batch(8, u64::MAX);
    assert_eq!(ledger.archive_step(8), Ok(Step::Append { archive: principal(101), batch: batch.clone() }));
    assert_eq!(ledger.note_archived(&batch, 7), Err(ArchiveError::Behind { next: 7, expected: 8 }));
    assert_eq!(ledger.local_indices().start, 0, "what is not confirmed stays");
    assert_eq!(ledger.note_archived(&batch, 9), Ok(()), "an archive may know more than the ledger heard");
    assert_eq!((ledger.local_indices().start, ledger.archive_step(8)), (8, Ok(Step::Done)));
}

#[test]
fn an_archive_that_takes_nothing_for_long_is_followed_by_another() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, 20);
    ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
    ledger.archives.note_installed(principal(101));
    ledger.note_archived(&ledger.archive_batch(4, u64::MAX), 4).unwrap();
    let append = ledger.archive_step(8).unwrap();
    for _ in 1..MAX_FAILURES {
        ledger.note_archiving_failed(&append);
        assert_eq!(ledger.archive_step(8).as_ref(), Ok(&append));
    }
    ledger.note_archiving_failed(&append);
    assert!(matches!(ledger.archive_step(8), Ok(Step::Create { .. })));
}

/// A module that is not the archive of this ledger, say: it installs, and refuses blocks.
#[test]
fn an_archive_that_never_took_a_block_is_installed_anew_and_no_canister_is_made() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, 20);
    ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
    let mut created = 0;
    for _ in 0..20 * (MAX_FAILURES + 2) {
        let step = ledger.archive_step(8).unwrap();
        match step {
            Step::Create { .. } => {
                created += 1;
                ledger.archives.note_created(principal(100 + created));
            }
            Step::Install { canister, first_index } => {
                assert_eq!((canister, first_index), (principal(101), 0));
                assert!(ledger.archives.is_empty(), "what takes nothing is no archive");
                ledger.archives.note_installed(canister);
            }
            Step::Append { .. } | Step::Done => ledger.note_archiving_failed(&step),
        }
    }
    assert_eq!((created, ledger.local_indices().start), (1, 0));
    while !matches!(ledger.archive_step(8), Ok(Step::Append { .. })) {
        ledger.archives.note_installed(principal(101));
    }
    ledger.note_archived(&ledger.archive_batch(8, u64::MAX), 8).unwrap();
    assert_eq!(ledger.archives.holders(&(0..20)), [(0..8, principal(101))], "it takes blocks once it can");
}

#[test]
fn an_archive_after_others_that_never_took_a_block_begins_anew_where_they_end() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, 20);
    ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
    ledger.archives.note_installed(principal(101));
    ledger.note_archived(&ledger.archive_batch(4, u64::MAX), 4).unwrap();
    (0..MAX_FAILURES).for_each(|_| ledger.archives.note_append_failed(MAX_FAILURES));
    ledger.archives.note_created(principal(102));
    ledger.archives.note_installed(principal(102));
    (0..MAX_FAILURES).for_each(|_| ledger.archives.note_append_failed(MAX_FAILURES));
    assert_eq!(ledger.archive_step(8), Ok(Step::Install { canister: principal(102), first_index: 4 }));
    assert_eq!((ledger.archives.len(), ledger.archives.end()), (1, 4));
}

#[test]
fn failures_count_in_a_row_only() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, 20);
    ledger.archives.note_installed(principal(101));
    let append = ledger.archive_step(8).unwrap();
    (1..MAX_FAILURES).for_each(|_| ledger.note_archiving_failed(&append));
    ledger.note_archived(&ledger.archive_batch(4, u64::MAX), 4).unwrap();
    ledger.note_archiving_failed(&append);
    assert!(matches!(ledger.archive_step(8), Ok(Step::Append { .. })));
}

#[test]
fn there_are_no_more_archives_than_are_allowed() {
    let mut ledger = archiving_ledger();
    grow(&mut ledger, MAX_ARCHIVES);
    ledger.archives.set_wasm(true, b"\0asm".to_vec()).unwrap();
    for number in 0..MAX_ARCHIVES {
        ledger.archives.note_installed(principal(101));
        let batch = ledger.archive_batch(number + 1, u64::MAX);
        ledger.note_archived(&batch, number + 1).unwrap();
        (0..MAX_FAILURES).for_each(|_| ledger.archives.note_append_failed(MAX_FAILURES));
    }
    assert_eq!(ledger.archive_step(MAX_ARCHIVES + 1), Err(ArchiveError::TooMany));
}
