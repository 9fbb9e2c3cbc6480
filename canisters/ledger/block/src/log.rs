//! A run of stored blocks in stable memory: the ledger's newest, or an archive's.

use crate::block::{BlockDecodeError, StoredBlock};
use crate::wire;
use candid::Nat;
use ic_stable_structures::{Memory, StableBTreeMap};
use icrc::history::{BlockWithId, GetBlocksRequest};
use std::ops::Range;

/// The most blocks that one answer holds.
pub const MAX_BLOCKS_PER_RESPONSE: u64 = 2_000;

/// The most ranges of one ICRC-3 request that are looked at; those after are left out of the answer.
pub const MAX_RANGES_PER_REQUEST: usize = 100;

/// Blocks of consecutive indices.
pub struct BlockLog<M: Memory> {
    blocks: StableBTreeMap<u64, StoredBlock, M>,
}

/// What two ranges share; an empty range at its start where nothing.
pub fn overlap(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

impl<M: Memory> BlockLog<M> {
    /// Opens what the memory holds.
    pub fn open(memory: M) -> Self {
        Self { blocks: StableBTreeMap::init(memory) }
    }

    /// The indices of the blocks held; none: an empty range at zero.
    pub fn indices(&self) -> Range<u64> {
        let first = self.blocks.first_key_value().map_or(0, |(index, _)| index);
        let end = self.blocks.last_key_value().map_or(0, |(index, _)| index + 1);
        first..end
    }

    /// How many blocks are held.
    pub fn len(&self) -> u64 {
        self.blocks.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds a block; its index must be the next one.
    pub fn insert(&mut self, index: u64, block: StoredBlock) {
        self.blocks.insert(index, block);
    }

    /// Drops a block.
    pub fn remove(&mut self, index: u64) {
        self.blocks.remove(&index);
    }

    /// The block at an index.
    pub fn get(&self, index: u64) -> Option<StoredBlock> {
        self.blocks.get(&index)
    }

    /// The stored blocks of a range, at most [`MAX_BLOCKS_PER_RESPONSE`].
    pub fn stored(&self, range: Range<u64>) -> impl Iterator<Item = (u64, StoredBlock)> + '_ {
        self.blocks
            .range(range)
            .take(MAX_BLOCKS_PER_RESPONSE as usize)
            .map(|entry| (*entry.key(), entry.value()))
    }

    /// A range for `query_blocks`.
    pub fn candid_blocks(&self, range: Range<u64>) -> Result<Vec<wire::Block>, BlockDecodeError> {
        self.stored(range).map(|(_, stored)| stored.decode().map(wire::Block::from)).collect()
    }

    /// A range for `query_encoded_blocks`.
    pub fn encoded_blocks(&self, range: Range<u64>) -> Result<Vec<serde_bytes::ByteBuf>, BlockDecodeError> {
        self.stored(range).map(|(_, stored)| stored.encoded_block().map(serde_bytes::ByteBuf::from)).collect()
    }

    /// The blocks held of those that an ICRC-3 request names, at most [`MAX_BLOCKS_PER_RESPONSE`] in all.
    pub fn values(&self, requests: &[GetBlocksRequest]) -> Result<Vec<BlockWithId>, BlockDecodeError> {
        let held = self.indices();
        let mut found = Vec::new();
        for range in Self::ranges(requests) {
            let room = MAX_BLOCKS_PER_RESPONSE as usize - found.len();
            for (index, stored) in self.stored(overlap(&range, &held)).take(room) {
                found.push(BlockWithId { id: Nat::from(index), block: stored.decode()?.to_value() });
            }
        }
        Ok(found)
    }

    /// The ranges that are looked at.
    pub fn ranges(requests: &[GetBlocksRequest]) -> impl Iterator<Item = Range<u64>> + '_ {
        requests.iter().take(MAX_RANGES_PER_REQUEST).map(GetBlocksRequest::range)
    }
}
