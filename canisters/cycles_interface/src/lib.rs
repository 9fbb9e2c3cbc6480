//! What the cycles ledger and the cycles minting canister say to each other, and how both keep records.
//!
//! The Candid types are those of the public interfaces, letter by letter. Settings that the public
//! cycles ledger does not know (log visibility, memory limits, environment variables) are optional
//! and passed on to the management canister, whose types they are.

mod stored;

// What this interface is made of, so that canisters that speak it need one crate.
pub use icrc::tree::encode_self_described as encode_hash_tree;
pub use icrc::{Account, MAX_MEMO_LENGTH, SUBACCOUNT_LENGTH, Subaccount};
pub use interfaces::management::{
    CanisterId, CanisterSettings, EnvironmentVariable, LogVisibility, NewCanister,
};
pub use stored::Stored;

use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

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

/// What the minting canister's `set_icp_xdr_conversion_rate` takes when governance has adopted a rate.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct UpdateIcpXdrConversionRatePayload {
    pub data_source: String,
    pub timestamp_seconds: u64,
    pub xdr_permyriad_per_icp: u64,
}
