//! Candid types of block queries, which the ledger and its archives share.

use crate::account::Party;
use crate::block;
use candid::{CandidType, Deserialize, Int, define_function};
use serde_bytes::ByteBuf;

/// An amount on the ICP interface.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Hundred millionths of a token.
    pub e8s: u64,
}

/// A time on the ICP interface.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeStamp {
    /// Nanoseconds since 1970.
    pub timestamp_nanos: u64,
}

/// Which blocks are wanted.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetBlocksArgs {
    /// The first.
    pub start: u64,
    /// How many at most.
    pub length: u64,
}

/// An operation as the ICP interface shows it.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// New tokens.
    Mint { to: ByteBuf, amount: Tokens },
    /// Tokens gone.
    Burn { from: ByteBuf, spender: Option<ByteBuf>, amount: Tokens },
    /// Tokens moved.
    Transfer { from: ByteBuf, to: ByteBuf, amount: Tokens, fee: Tokens, spender: Option<ByteBuf> },
    /// An allowance given.
    Approve {
        from: ByteBuf,
        spender: ByteBuf,
        allowance_e8s: Int,
        allowance: Tokens,
        fee: Tokens,
        expires_at: Option<TimeStamp>,
        expected_allowance: Option<Tokens>,
    },
}

/// A transaction as the ICP interface shows it.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Memo of the ICP interface.
    pub memo: u64,
    /// Memo of the ICRC interface.
    pub icrc1_memo: Option<ByteBuf>,
    /// What happened.
    pub operation: Option<Operation>,
    /// The caller's time, or the block's where the caller gave none.
    pub created_at_time: TimeStamp,
}

/// A block as the ICP interface shows it.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Hash of the block before.
    pub parent_hash: Option<ByteBuf>,
    /// What happened.
    pub transaction: Transaction,
    /// The ledger's time.
    pub timestamp: TimeStamp,
}

/// Blocks from an archive.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BlockRange {
    /// From the index asked for on.
    pub blocks: Vec<Block>,
}

/// Why an archive gives no blocks.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum QueryArchiveError {
    /// They are older than the archive's first.
    BadFirstBlockIndex { requested_index: u64, first_valid_index: u64 },
    /// Something else.
    Other { error_code: u64, error_message: String },
}

/// Answer of an archive's `get_blocks`.
pub type QueryArchiveResult = Result<BlockRange, QueryArchiveError>;
/// Answer of an archive's `get_encoded_blocks`.
pub type QueryEncodedArchiveResult = Result<Vec<ByteBuf>, QueryArchiveError>;

define_function!(pub QueryArchiveFn : (GetBlocksArgs) -> (QueryArchiveResult) query);
define_function!(pub QueryEncodedArchiveFn : (GetBlocksArgs) -> (QueryEncodedArchiveResult) query);

/// Blocks on their way into an archive.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AppendArgs {
    /// Index of the first.
    pub start: u64,
    /// In their stored form.
    pub blocks: Vec<ByteBuf>,
}

/// Why an archive took nothing.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Only the archive's ledger may append.
    Unauthorized,
    /// There would be a gap: the block expected next has this index.
    Gap { next_index: u64 },
    /// The block of this index is none.
    BadBlock { index: u64 },
}

/// The index that the archive expects next, or why it took nothing.
pub type AppendResult = Result<u64, AppendError>;

/// Init argument of an archive.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ArchiveInit {
    /// Who may append.
    pub ledger: candid::Principal,
    /// Index of the first block that will come.
    pub first_index: u64,
}

fn tokens(e8s: u64) -> Tokens {
    Tokens { e8s }
}

fn time(timestamp_nanos: u64) -> TimeStamp {
    TimeStamp { timestamp_nanos }
}

fn identifier(party: Party) -> ByteBuf {
    ByteBuf::from(party.identifier.as_bytes())
}

impl From<block::Operation> for Operation {
    fn from(operation: block::Operation) -> Self {
        use block::Operation as From;
        match operation {
            From::Mint { to, amount } => Self::Mint { to: identifier(to), amount: tokens(amount) },
            From::Burn { from, spender, amount } => Self::Burn {
                from: identifier(from),
                spender: spender.map(identifier),
                amount: tokens(amount),
            },
            From::Transfer { from, to, spender, amount, fee } => Self::Transfer {
                from: identifier(from),
                to: identifier(to),
                amount: tokens(amount),
                fee: tokens(fee),
                spender: spender.map(identifier),
            },
            From::Approve { from, spender, allowance, expected_allowance, expires_at, fee } => {
                Self::Approve {
                    from: identifier(from),
                    spender: identifier(spender),
                    allowance_e8s: Int::from(allowance),
                    allowance: tokens(allowance),
                    fee: tokens(fee),
                    expires_at: expires_at.map(time),
                    expected_allowance: expected_allowance.map(tokens),
                }
            }
        }
    }
}

impl From<block::Block> for Block {
    fn from(block: block::Block) -> Self {
        let transaction = block.transaction;
        Self {
            parent_hash: block.parent.map(|parent| ByteBuf::from(parent.icp)),
            timestamp: time(block.timestamp),
            transaction: Transaction {
                memo: transaction.memo,
                icrc1_memo: transaction.icrc1_memo.map(ByteBuf::from),
                operation: Some(transaction.operation.into()),
                created_at_time: time(transaction.created_at_time.unwrap_or(block.timestamp)),
            },
        }
    }
}
