//! What the cycles ledger and the cycles minting canister say to each other, and how both keep records.
//!
//! The Candid types are those of the public interfaces, letter by letter. Settings that the public
//! cycles ledger does not know (log visibility, memory limits, environment variables) are optional here
//! and passed on to the management canister.

mod stored;

// What this interface is made of, so that canisters that speak it need one crate.
pub use icrc::tree::encode_self_described as encode_hash_tree;
pub use icrc::{Account, MAX_MEMO_LENGTH, SUBACCOUNT_LENGTH, Subaccount};
pub use stored::Stored;

use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Who may read a canister's log.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum LogVisibility {
    #[serde(rename = "controllers")]
    Controllers,
    #[serde(rename = "public")]
    Public,
    #[serde(rename = "allowed_viewers")]
    AllowedViewers(Vec<Principal>),
}

/// A name and a value that a canister can ask for.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: String,
}

/// Settings of a canister to be created; what is absent is the management canister's default.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct CanisterSettings {
    pub controllers: Option<Vec<Principal>>,
    pub compute_allocation: Option<Nat>,
    pub memory_allocation: Option<Nat>,
    pub freezing_threshold: Option<Nat>,
    pub reserved_cycles_limit: Option<Nat>,
    pub log_visibility: Option<LogVisibility>,
    pub wasm_memory_limit: Option<Nat>,
    pub wasm_memory_threshold: Option<Nat>,
    pub environment_variables: Option<Vec<EnvironmentVariable>>,
}

impl CanisterSettings {
    /// These settings, with a controller where none is named.
    pub fn controlled_by(settings: Option<Self>, controller: Principal) -> Self {
        let mut settings = settings.unwrap_or_default();
        settings.controllers.get_or_insert_with(|| vec![controller]);
        settings
    }
}

/// Properties of the subnet on which a canister shall be.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct SubnetFilter {
    pub subnet_type: Option<String>,
}

/// On which subnet a canister shall be.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum SubnetSelection {
    Subnet { subnet: Principal },
    Filter(SubnetFilter),
}

/// What the minting canister's `create_canister` takes; `subnet_type` is the older way to select.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct CreateCanisterArg {
    pub settings: Option<CanisterSettings>,
    pub subnet_type: Option<String>,
    pub subnet_selection: Option<SubnetSelection>,
}

/// Why the minting canister's `create_canister` created nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum CreateCanisterError {
    Refunded { refund_amount: Nat, create_error: String },
}

/// What the management canister's `create_canister` takes.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewCanister {
    pub settings: Option<CanisterSettings>,
}

/// A canister's id as the management canister takes and gives it.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct CanisterId {
    pub canister_id: Principal,
}

/// What the cycles ledger's `deposit` takes.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DepositArgs {
    pub to: Account,
    pub memo: Option<ByteBuf>,
}

/// What the cycles ledger's `deposit` answers.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DepositResult {
    pub balance: Nat,
    pub block_index: Nat,
}
