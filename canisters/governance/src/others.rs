//! What other canisters are told and say, in their own Candid types.

use crate::action::{DataCenter, NodeCard, Operator, ReplicaVersion};
use candid::{CandidType, Nat, Principal};
use cycles_interface::{Account, Subaccount};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::fmt;

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct TransferArg {
    pub from_subaccount: Option<Subaccount>,
    pub to: Account,
    pub amount: Nat,
    pub fee: Option<Nat>,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum TransferError {
    BadFee { expected_fee: Nat },
    BadBurn { min_burn_amount: Nat },
    InsufficientFunds { balance: Nat },
    TooOld,
    CreatedInFuture { ledger_time: u64 },
    TemporarilyUnavailable,
    Duplicate { duplicate_of: Nat },
    GenericError { error_code: Nat, message: String },
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct ConversionRate {
    pub data_source: String,
    pub timestamp_seconds: u64,
    pub xdr_permyriad_per_icp: u64,
}

/// Why registry or rewards did nothing.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum Refusal {
    Unauthorized(String),
    NotFound(String),
    AlreadyExists(String),
    Invalid(String),
    TooMany(String),
    NotNow(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, reason) = match self {
            Self::Unauthorized(reason) => ("unauthorized", reason),
            Self::NotFound(reason) => ("not found", reason),
            Self::AlreadyExists(reason) => ("already exists", reason),
            Self::Invalid(reason) => ("invalid", reason),
            Self::TooMany(reason) => ("too many", reason),
            Self::NotNow(reason) => ("not now", reason),
        };
        write!(f, "{kind}: {reason}")
    }
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct SetRewardParameters {
    pub period_seconds: Option<u64>,
    pub share_permille: Option<u32>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AddDataCenter {
    pub data_center: DataCenter,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AddOperator {
    pub operator: Operator,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct UpdateOperator {
    pub operator: Principal,
    pub name: Option<String>,
    pub data_center: Option<String>,
    pub reward_account: Option<Account>,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AddNode {
    pub node: NodeCard,
    pub operator: Principal,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct RemoveNode {
    pub node_id: Principal,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct ReplaceNode {
    pub leaving: Principal,
    pub node: NodeCard,
    pub operator: Option<Principal>,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AssignNode {
    pub node_id: Principal,
    pub operator: Option<Principal>,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct SetReplicaVersion {
    pub replica_version: ReplicaVersion,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct UpgradeGovernance {
    pub wasm_module: ByteBuf,
    pub arg: ByteBuf,
    pub sha256: ByteBuf,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum UpgradeStage {
    Stopping,
    Installing,
    Starting(Option<String>),
    Done,
    Failed(String),
}

/// How the registry's upgrade of this canister goes.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct GovernanceUpgrade {
    pub proposal: Option<u64>,
    pub status: UpgradeStage,
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct CanisterId {
    pub canister_id: Principal,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Freeze {
    pub canister_id: Principal,
    pub reason: String,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct UpgradeOptions {
    pub skip_pre_upgrade: Option<bool>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum InstallMode {
    #[serde(rename = "upgrade")]
    Upgrade(Option<UpgradeOptions>),
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct InstallCode {
    pub mode: InstallMode,
    pub canister_id: Principal,
    pub wasm_module: ByteBuf,
    pub arg: ByteBuf,
}

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    #[serde(rename = "running")]
    Running,
    #[serde(rename = "stopping")]
    Stopping,
    #[serde(rename = "stopped")]
    Stopped,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct CanisterStatus {
    pub status: RunState,
}
