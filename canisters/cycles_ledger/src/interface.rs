//! Candid types of the public interface that methods take and give.

use crate::value::Value;
use candid::{CandidType, Nat, Principal};
use cycles_interface::{Account, CanisterSettings, Subaccount, SubnetSelection};
use serde::Deserialize;
use serde_bytes::ByteBuf;

/// First installation. What is absent is as at the public cycles ledger.
#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct InitArgs {
    pub max_blocks_per_request: u64,
    pub index_id: Option<Principal>,
    /// Balances from the start; the canister receives these cycles from genesis.
    pub initial_balances: Option<Vec<(Account, Nat)>>,
    pub token_name: Option<String>,
    pub token_symbol: Option<String>,
    pub fee: Option<Nat>,
    /// Who creates canisters.
    pub minting_canister_id: Option<Principal>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum ChangeIndexId {
    Unset,
    SetTo(Principal),
}

#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct UpgradeArgs {
    pub max_blocks_per_request: Option<u64>,
    pub change_index_id: Option<ChangeIndexId>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum LedgerArgs {
    Init(InitArgs),
    Upgrade(Option<UpgradeArgs>),
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct TransferArgs {
    pub from_subaccount: Option<Subaccount>,
    pub to: Account,
    pub amount: Nat,
    pub fee: Option<Nat>,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct TransferFromArgs {
    pub spender_subaccount: Option<Subaccount>,
    pub from: Account,
    pub to: Account,
    pub amount: Nat,
    pub fee: Option<Nat>,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct ApproveArgs {
    pub from_subaccount: Option<Subaccount>,
    pub spender: Account,
    pub amount: Nat,
    pub expected_allowance: Option<Nat>,
    pub expires_at: Option<u64>,
    pub fee: Option<Nat>,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AllowanceArgs {
    pub account: Account,
    pub spender: Account,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Allowance {
    pub allowance: Nat,
    pub expires_at: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct WithdrawArgs {
    pub amount: Nat,
    pub from_subaccount: Option<Subaccount>,
    pub to: Principal,
    pub created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct WithdrawFromArgs {
    pub spender_subaccount: Option<Subaccount>,
    pub from: Account,
    pub to: Principal,
    pub amount: Nat,
    pub created_at_time: Option<u64>,
}

/// How a new canister shall be.
#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct CmcCreateCanisterArgs {
    pub settings: Option<CanisterSettings>,
    pub subnet_selection: Option<SubnetSelection>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct CreateCanisterArgs {
    pub from_subaccount: Option<Subaccount>,
    pub created_at_time: Option<u64>,
    pub amount: Nat,
    pub creation_args: Option<CmcCreateCanisterArgs>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct CreateCanisterFromArgs {
    pub from: Account,
    pub spender_subaccount: Option<Subaccount>,
    pub created_at_time: Option<u64>,
    pub amount: Nat,
    pub creation_args: Option<CmcCreateCanisterArgs>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CreateCanisterSuccess {
    pub block_id: Nat,
    pub canister_id: Principal,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SupportedStandard {
    pub name: String,
    pub url: String,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SupportedBlockType {
    pub block_type: String,
    pub url: String,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum MetadataValue {
    Nat(Nat),
    Text(String),
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct GetBlocksRange {
    pub start: Nat,
    pub length: Nat,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct BlockWithId {
    pub id: Nat,
    pub block: Value,
}

candid::define_function!(pub GetBlocks : (Vec<GetBlocksRange>) -> (GetBlocksResult) query);

/// Where blocks would be that are not here; this ledger keeps all.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ArchivedBlocks {
    pub args: Vec<GetBlocksRange>,
    pub callback: GetBlocks,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct GetBlocksResult {
    pub log_length: Nat,
    pub blocks: Vec<BlockWithId>,
    pub archived_blocks: Vec<ArchivedBlocks>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct GetArchivesArgs {
    pub from: Option<Principal>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Archive {
    pub canister_id: Principal,
    pub start: Nat,
    pub end: Nat,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DataCertificate {
    pub certificate: ByteBuf,
    pub hash_tree: ByteBuf,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct GetAllowancesArgs {
    pub from_account: Option<Account>,
    pub prev_spender: Option<Account>,
    pub take: Option<Nat>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct AllowanceOfPair {
    pub from_account: Account,
    pub to_spender: Account,
    pub allowance: Nat,
    pub expires_at: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum GetAllowancesError {
    AccessDenied { reason: String },
    GenericError { error_code: Nat, message: String },
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum GetIndexPrincipalError {
    IndexPrincipalNotSet,
    GenericError { error_code: Nat, description: String },
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct HttpRequest {
    pub url: String,
    pub method: String,
    pub body: ByteBuf,
    pub headers: Vec<(String, String)>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct HttpResponse {
    pub status_code: u16,
    pub headers: Vec<(String, String)>,
    pub body: ByteBuf,
}
