//! Candid types of ICRC-3: blocks, archives, the certified tip.

use crate::value::Value;
use candid::{CandidType, Deserialize, Nat, Principal, define_function};
use serde_bytes::ByteBuf;
use std::ops::Range;

/// A range of a request for blocks.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetBlocksRequest {
    /// The first.
    pub start: Nat,
    /// How many at most.
    pub length: Nat,
}

impl GetBlocksRequest {
    /// The indices that are meant, as far as indices reach.
    pub fn range(&self) -> Range<u64> {
        let start = u64::try_from(&self.start.0).unwrap_or(u64::MAX);
        let length = u64::try_from(&self.length.0).unwrap_or(u64::MAX);
        start..start.saturating_add(length)
    }
}

/// A block and where it stands.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BlockWithId {
    pub id: Nat,
    pub block: Value,
}

define_function!(pub GetBlocksFn : (Vec<GetBlocksRequest>) -> (GetBlocksResult) query);

/// Ranges that another canister holds.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ArchivedBlocks {
    /// What to ask.
    pub args: Vec<GetBlocksRequest>,
    /// Whom to ask.
    pub callback: GetBlocksFn,
}

/// Answer of `icrc3_get_blocks`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetBlocksResult {
    /// How many blocks the log has.
    pub log_length: Nat,
    /// Those held here.
    pub blocks: Vec<BlockWithId>,
    /// Where the others are.
    pub archived_blocks: Vec<ArchivedBlocks>,
}

/// Argument of `icrc3_get_archives`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetArchivesArgs {
    pub from: Option<Principal>,
}

/// An archive and what it holds, first and last included.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRange {
    pub canister_id: Principal,
    pub start: Nat,
    pub end: Nat,
}

/// Answer of `icrc3_get_tip_certificate`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DataCertificate {
    pub certificate: ByteBuf,
    pub hash_tree: ByteBuf,
}

/// A type of block and where it is written.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SupportedBlockType {
    pub block_type: String,
    pub url: String,
}
