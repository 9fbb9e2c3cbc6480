//! Candid types of the ledger's interface: names and shapes of the public ledgers.

use candid::{CandidType, Deserialize, Principal};
use icrc::{Account, Subaccount};
use ledger_block::wire::{QueryArchiveFn, QueryEncodedArchiveFn};
use serde_bytes::ByteBuf;

pub use icrc::history::{
    ArchiveRange, DataCertificate, GetArchivesArgs, GetBlocksRequest, GetBlocksResult, SupportedBlockType,
};
pub use icrc::token::{
    AllowanceAnswer, AllowanceArgs, ApproveArgs, ApproveError, GetIndexPrincipalError, MetadataValue,
    SupportedStandard, TransferArg, TransferError as Icrc1TransferError, TransferFromArgs, TransferFromError,
};
pub use ledger_block::wire::{GetBlocksArgs, TimeStamp, Tokens};

/// A span of time.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// Whole seconds.
    pub secs: u64,
    /// And nanoseconds.
    pub nanos: u32,
}

/// When and how old blocks move to archives.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Archiving starts when more blocks than this are held.
    pub trigger_threshold: u64,
    /// So many then move.
    pub num_blocks_to_archive: u64,
    /// An archive that holds this many bytes is full.
    pub node_max_memory_size_bytes: Option<u64>,
    /// One append carries at most this many bytes.
    pub max_message_size_bytes: Option<u64>,
    /// Who controls archives, beside the ledger.
    pub controller_id: Principal,
    /// Who else does.
    pub more_controller_ids: Option<Vec<Principal>>,
    /// Cycles given to a new archive.
    pub cycles_for_archive_creation: Option<u64>,
    /// Kept for scripts that give it; archives answer up to the ledger's own bound.
    pub max_transactions_per_response: Option<u64>,
}

/// What can be turned off.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureFlags {
    /// Allowances.
    pub icrc2: bool,
}

/// First installation.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct InitArgs {
    /// Account identifier (hexadecimal) from which tokens are minted.
    pub minting_account: String,
    /// The same account by owner.
    pub icrc1_minting_account: Option<Account>,
    /// Balances to begin with, by account identifier (hexadecimal).
    pub initial_values: Vec<(String, Tokens)>,
    /// Bound of one message to an archive, where `archive_options` name none.
    pub max_message_size_bytes: Option<u64>,
    /// How long duplicates are known.
    pub transaction_window: Option<Duration>,
    /// Archives; none: all blocks stay.
    pub archive_options: Option<ArchiveOptions>,
    /// Kept for scripts that give it: every canister may send.
    pub send_whitelist: Vec<Principal>,
    /// Fee of a transfer.
    pub transfer_fee: Option<Tokens>,
    /// Symbol of the token.
    pub token_symbol: Option<String>,
    /// Name of the token.
    pub token_name: Option<String>,
    /// What is on.
    pub feature_flags: Option<FeatureFlags>,
    /// The index canister, for ICRC-106.
    pub index_principal: Option<Principal>,
    /// Module of archives (package `ledger_archive`); may come later by `set_archive_wasm`. Ours.
    pub archive_wasm: Option<ByteBuf>,
}

/// Changes with an upgrade.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UpgradeArgs {
    /// Owner of the minting account.
    pub icrc1_minting_account: Option<Account>,
    /// What is on.
    pub feature_flags: Option<FeatureFlags>,
    /// The index canister.
    pub index_principal: Option<Principal>,
    /// How archives are made from now on. Ours.
    pub archive_options: Option<ArchiveOptions>,
    /// Module of the next archives. Ours.
    pub archive_wasm: Option<ByteBuf>,
}

/// Argument of install and upgrade.
#[allow(clippy::large_enum_variant, reason = "read once, at installation")]
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum LedgerCanisterPayload {
    /// Install.
    Init(InitArgs),
    /// Upgrade.
    Upgrade(Option<UpgradeArgs>),
}

/// Argument of `transfer`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TransferArgs {
    pub memo: u64,
    pub amount: Tokens,
    pub fee: Tokens,
    pub from_subaccount: Option<Subaccount>,
    pub to: ByteBuf,
    pub created_at_time: Option<TimeStamp>,
}

/// Argument of `send_dfx`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SendArgs {
    pub memo: u64,
    pub amount: Tokens,
    pub fee: Tokens,
    pub from_subaccount: Option<Subaccount>,
    pub to: String,
    pub created_at_time: Option<TimeStamp>,
}

/// Error of `transfer`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum TransferError {
    BadFee { expected_fee: Tokens },
    InsufficientFunds { balance: Tokens },
    TxTooOld { allowed_window_nanos: u64 },
    TxCreatedInFuture,
    TxDuplicate { duplicate_of: u64 },
}

/// Argument of `account_balance`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AccountBalanceArgs {
    pub account: ByteBuf,
}

/// Argument of `account_balance_dfx`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AccountBalanceArgsDfx {
    pub account: String,
}

/// Argument of `transfer_fee`.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferFeeArg {}

/// Answer of `transfer_fee`.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferFee {
    pub transfer_fee: Tokens,
}

/// Answer of `symbol`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub symbol: String,
}

/// Answer of `name`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub name: String,
}

/// Answer of `decimals`.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimals {
    pub decimals: u32,
}

/// Blocks in an archive.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ArchivedBlocksRange {
    pub start: u64,
    pub length: u64,
    pub callback: QueryArchiveFn,
}

/// Encoded blocks in an archive.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ArchivedEncodedBlocksRange {
    pub start: u64,
    pub length: u64,
    pub callback: QueryEncodedArchiveFn,
}

/// Answer of `query_blocks`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct QueryBlocksResponse {
    pub chain_length: u64,
    pub certificate: Option<ByteBuf>,
    pub blocks: Vec<ledger_block::wire::Block>,
    pub first_block_index: u64,
    pub archived_blocks: Vec<ArchivedBlocksRange>,
}

/// Answer of `query_encoded_blocks`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct QueryEncodedBlocksResponse {
    pub chain_length: u64,
    pub certificate: Option<ByteBuf>,
    pub blocks: Vec<ByteBuf>,
    pub first_block_index: u64,
    pub archived_blocks: Vec<ArchivedEncodedBlocksRange>,
}

/// An archive.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archive {
    pub canister_id: Principal,
}

/// Answer of `archives`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Archives {
    pub archives: Vec<Archive>,
}

/// Argument of `get_allowances`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct GetAllowancesArgs {
    pub from_account_id: String,
    pub prev_spender_id: Option<String>,
    pub take: Option<u64>,
}

/// One of the answers of `get_allowances`.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ListedAllowance {
    pub from_account_id: String,
    pub to_spender_id: String,
    pub allowance: Tokens,
    pub expires_at: Option<u64>,
}

/// Error of `set_archive_wasm` (ours).
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum SetArchiveWasmError {
    /// The caller does not control the ledger.
    Unauthorized,
    /// The bytes are neither a Wasm module nor a compressed one, or too many.
    NotAModule,
}
