//! The blocks of an archive: what its canister does, without the canister.

use crate::block::{BlockDecodeError, StoredBlock};
use crate::log::{BlockLog, overlap};
use crate::wire::{
    AppendArgs, AppendError, AppendResult, BlockRange, GetBlocksArgs, QueryArchiveError, QueryArchiveResult,
    QueryEncodedArchiveResult,
};
use candid::{Nat, Principal};
use ic_stable_structures::{Memory, StableCell};
use icrc::history::{GetBlocksRequest, GetBlocksResult};
use std::ops::Range;

const DAMAGED: u64 = 1;

/// An archive over stable memories.
pub struct ArchiveStore<M: Memory> {
    ledger: StableCell<Principal, M>,
    first: StableCell<u64, M>,
    blocks: BlockLog<M>,
}

fn damaged(_: BlockDecodeError) -> QueryArchiveError {
    QueryArchiveError::Other { error_code: DAMAGED, error_message: "a stored block is damaged".to_string() }
}

impl<M: Memory> ArchiveStore<M> {
    /// Opens what the memories hold.
    pub fn open(memory: impl Fn(u8) -> M) -> Self {
        Self {
            ledger: StableCell::init(memory(0), Principal::management_canister()),
            first: StableCell::init(memory(1), 0),
            blocks: BlockLog::open(memory(2)),
        }
    }

    /// Says whose blocks will come, and from which index on.
    pub fn begin(&mut self, ledger: Principal, first_index: u64) {
        self.ledger.set(ledger);
        self.first.set(first_index);
    }

    /// Whose blocks these are.
    pub fn ledger(&self) -> Principal {
        *self.ledger.get()
    }

    /// The indices held.
    pub fn indices(&self) -> Range<u64> {
        let first = *self.first.get();
        first..first + self.blocks.len()
    }

    /// Takes blocks; those that are held already are passed over.
    pub fn append(&mut self, caller: Principal, args: AppendArgs) -> AppendResult {
        if caller != self.ledger() {
            return Err(AppendError::Unauthorized);
        }
        let next = self.indices().end;
        let Some(known) = next.checked_sub(args.start) else {
            return Err(AppendError::Gap { next_index: next });
        };
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let mut blocks = Vec::new();
        for (index, bytes) in (next..).zip(args.blocks.into_iter().skip(known)) {
            let block = StoredBlock::from_vec(bytes.into_vec());
            blocks.push((index, block.map_err(|_| AppendError::BadBlock { index })?));
        }
        blocks.into_iter().for_each(|(index, block)| self.blocks.insert(index, block));
        Ok(self.indices().end)
    }

    fn locate(&self, args: GetBlocksArgs) -> Result<Range<u64>, QueryArchiveError> {
        let held = self.indices();
        if args.start < held.start {
            return Err(QueryArchiveError::BadFirstBlockIndex {
                requested_index: args.start,
                first_valid_index: held.start,
            });
        }
        Ok(overlap(&(args.start..args.start.saturating_add(args.length)), &held))
    }

    /// Answer of `get_blocks`.
    pub fn get_blocks(&self, args: GetBlocksArgs) -> QueryArchiveResult {
        let blocks = self.blocks.candid_blocks(self.locate(args)?).map_err(damaged)?;
        Ok(BlockRange { blocks })
    }

    /// Answer of `get_encoded_blocks`.
    pub fn get_encoded_blocks(&self, args: GetBlocksArgs) -> QueryEncodedArchiveResult {
        self.blocks.encoded_blocks(self.locate(args)?).map_err(damaged)
    }

    /// Answer of `icrc3_get_blocks`.
    pub fn icrc3_get_blocks(
        &self,
        requests: &[GetBlocksRequest],
    ) -> Result<GetBlocksResult, BlockDecodeError> {
        Ok(GetBlocksResult {
            log_length: Nat::from(self.indices().end),
            blocks: self.blocks.values(requests)?,
            archived_blocks: Vec::new(),
        })
    }
}
