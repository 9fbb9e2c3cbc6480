//! The management canister, as far as canisters of ours call it.

use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

/// A canister's id as it is taken and given.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct CanisterId {
    pub canister_id: Principal,
}

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

/// Settings of a canister to be created; what is absent is as usual.
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

/// Argument of `create_canister`.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewCanister {
    pub settings: Option<CanisterSettings>,
}

/// How an upgrade is made.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpgradeOptions {
    pub skip_pre_upgrade: Option<bool>,
}

/// What becomes of the memory.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstallMode {
    #[serde(rename = "install")]
    Install,
    #[serde(rename = "reinstall")]
    Reinstall,
    #[serde(rename = "upgrade")]
    Upgrade(Option<UpgradeOptions>),
}

/// Argument of `install_code`.
#[derive(CandidType, Clone, Copy, Debug)]
pub struct InstallCode<'a> {
    pub mode: InstallMode,
    pub canister_id: Principal,
    pub wasm_module: &'a Bytes,
    pub arg: &'a Bytes,
}

/// Whether a canister runs.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunStatus {
    #[serde(rename = "running")]
    Running,
    #[serde(rename = "stopping")]
    Stopping,
    #[serde(rename = "stopped")]
    Stopped,
}

/// Of the answer of `canister_status`, what an upgrade depends on.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterStatus {
    pub status: RunStatus,
    pub module_hash: Option<ByteBuf>,
}

/// Argument of `node_metrics_history`.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeMetricsHistoryArgs {
    pub subnet_id: Principal,
    pub start_at_timestamp_nanos: u64,
}
