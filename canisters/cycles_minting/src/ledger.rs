//! What the token ledger says and is told, in its own Candid types.

use candid::CandidType;
use serde::Deserialize;
use serde_bytes::ByteBuf;

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tokens {
    pub e8s: u64,
}

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeStamp {
    pub timestamp_nanos: u64,
}

/// What a block did; only transfers can be payments.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    Mint {},
    Burn {},
    Approve {},
    Transfer { from: ByteBuf, to: ByteBuf, amount: Tokens },
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    pub memo: u64,
    pub icrc1_memo: Option<ByteBuf>,
    pub operation: Option<Operation>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Block {
    pub transaction: Transaction,
}

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetBlocksArgs {
    pub start: u64,
    pub length: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct BlockRange {
    pub blocks: Vec<Block>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum QueryArchiveError {
    BadFirstBlockIndex { requested_index: u64, first_valid_index: u64 },
    Other { error_code: u64, error_message: String },
}

candid::define_function!(pub QueryArchive : (GetBlocksArgs) -> (Result<BlockRange, QueryArchiveError>) query);

/// Where blocks are that the ledger does not hold any more.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ArchivedBlocks {
    pub start: u64,
    pub length: u64,
    pub callback: QueryArchive,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct QueryBlocksResponse {
    pub blocks: Vec<Block>,
    pub first_block_index: u64,
    pub archived_blocks: Vec<ArchivedBlocks>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TransferArgs {
    pub memo: u64,
    pub amount: Tokens,
    pub fee: Tokens,
    pub from_subaccount: Option<ByteBuf>,
    pub to: ByteBuf,
    pub created_at_time: Option<TimeStamp>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum TransferError {
    BadFee { expected_fee: Tokens },
    InsufficientFunds { balance: Tokens },
    TxTooOld { allowed_window_nanos: u64 },
    TxCreatedInFuture,
    TxDuplicate { duplicate_of: u64 },
}
