//! Block queries: what the ledger holds, and which archive holds the rest.

use crate::ledger::Ledger;
use crate::types::{
    ArchiveRange, ArchivedBlocksRange, ArchivedEncodedBlocksRange, GetArchivesArgs, GetBlocksArgs,
    GetBlocksRequest, GetBlocksResult, QueryBlocksResponse, QueryEncodedBlocksResponse,
};
use candid::{Nat, Principal};
use ic_stable_structures::Memory;
use icrc::history::{ArchivedBlocks, GetBlocksFn};
use ledger_block::wire::{QueryArchiveFn, QueryEncodedArchiveFn};
use ledger_block::{BlockDecodeError, BlockLog, MAX_BLOCKS_PER_RESPONSE, overlap};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::ops::Range;

/// A requested range: the part answered here, and the parts that archives answer.
struct Located {
    local: Range<u64>,
    archived: Vec<(Range<u64>, Principal)>,
}

impl<M: Memory> Ledger<M> {
    /// The indices of blocks that are held here.
    pub fn local_indices(&self) -> Range<u64> {
        self.archives.end()..self.tip().length
    }

    fn locate(&self, args: GetBlocksArgs) -> Located {
        let wanted = args.start..args.start.saturating_add(args.length);
        let local = overlap(&wanted, &self.local_indices());
        let end = local.end.min(local.start.saturating_add(MAX_BLOCKS_PER_RESPONSE));
        Located { local: local.start..end, archived: self.archives.holders(&wanted) }
    }

    /// Answer of `query_blocks`.
    pub fn query_blocks(
        &self,
        args: GetBlocksArgs,
        certificate: Option<Vec<u8>>,
    ) -> Result<QueryBlocksResponse, BlockDecodeError> {
        let located = self.locate(args);
        let archived = |(range, canister): (Range<u64>, Principal)| ArchivedBlocksRange {
            start: range.start,
            length: range.end - range.start,
            callback: QueryArchiveFn::new(canister, "get_blocks".to_string()),
        };
        Ok(QueryBlocksResponse {
            chain_length: self.tip().length,
            certificate: certificate.map(ByteBuf::from),
            first_block_index: located.local.start,
            blocks: self.blocks.candid_blocks(located.local)?,
            archived_blocks: located.archived.into_iter().map(archived).collect(),
        })
    }

    /// Answer of `query_encoded_blocks`.
    pub fn query_encoded_blocks(
        &self,
        args: GetBlocksArgs,
        certificate: Option<Vec<u8>>,
    ) -> Result<QueryEncodedBlocksResponse, BlockDecodeError> {
        let located = self.locate(args);
        let archived = |(range, canister): (Range<u64>, Principal)| ArchivedEncodedBlocksRange {
            start: range.start,
            length: range.end - range.start,
            callback: QueryEncodedArchiveFn::new(canister, "get_encoded_blocks".to_string()),
        };
        Ok(QueryEncodedBlocksResponse {
            chain_length: self.tip().length,
            certificate: certificate.map(ByteBuf::from),
            first_block_index: located.local.start,
            blocks: self.blocks.encoded_blocks(located.local)?,
            archived_blocks: located.archived.into_iter().map(archived).collect(),
        })
    }

    /// Answer of `icrc3_get_blocks`.
    pub fn icrc3_get_blocks(
        &self,
        requests: &[GetBlocksRequest],
    ) -> Result<GetBlocksResult, BlockDecodeError> {
        let mut elsewhere: BTreeMap<Principal, Vec<GetBlocksRequest>> = BTreeMap::new();
        for range in BlockLog::<M>::ranges(requests) {
            for (part, canister) in self.archives.holders(&range) {
                elsewhere.entry(canister).or_default().push(GetBlocksRequest {
                    start: Nat::from(part.start),
                    length: Nat::from(part.end - part.start),
                });
            }
        }
        let archived = |(canister, args)| ArchivedBlocks {
            args,
            callback: GetBlocksFn::new(canister, "icrc3_get_blocks".to_string()),
        };
        Ok(GetBlocksResult {
            log_length: Nat::from(self.tip().length),
            blocks: self.blocks.values(requests)?,
            archived_blocks: elsewhere.into_iter().map(archived).collect(),
        })
    }

    /// Answer of `icrc3_get_archives`: archives after the one named, oldest first.
    pub fn icrc3_get_archives(&self, args: &GetArchivesArgs) -> Vec<ArchiveRange> {
        let archives = self.archives.list();
        let seen = args.from.and_then(|from| archives.iter().position(|(_, entry)| entry.canister == from));
        archives
            .into_iter()
            .skip(seen.map_or(0, |position| position + 1))
            .filter(|(start, entry)| entry.end > *start)
            .map(|(start, entry)| ArchiveRange {
                canister_id: entry.canister,
                start: Nat::from(start),
                end: Nat::from(entry.end - 1),
            })
            .collect()
    }
}
