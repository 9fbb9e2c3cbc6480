//! Candid types of the management canister, as `ic.did` of the interface spec has them, with the fields
//! that published clients expect on top (INTEROP.md §5, "Trap: canister_status").

use crate::types::Principal;
use candid::{CandidType, Decode, DecoderConfig, Encode, Nat};
use serde::{Deserialize, Serialize};

mod field;
mod govern;
mod snapshot;

pub use field::{effective_canister_id, sender_canister_version};
pub use govern::*;
pub use snapshot::*;

/// Work that decoding one argument may cost: a byte costs one, a byte that no field takes fifty. Enough
/// for the largest message, with what may be skipped.
const DECODING_QUOTA: usize = 2 * crate::types::limits::CALL_PAYLOAD_BYTES_MAX;
/// Work spent on values that no field takes: those of versions to come.
const SKIPPING_QUOTA: usize = 100_000;

/// The argument does not have the method's type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the argument is not of the type that the method takes: {0}")]
pub struct InvalidArgument(pub String);

/// Decodes the one argument of a method.
///
/// # Errors
/// [`InvalidArgument`] says what does not fit.
pub fn decode<T>(arg: &[u8]) -> Result<T, InvalidArgument>
where
    T: CandidType + for<'a> Deserialize<'a>,
{
    let mut config = DecoderConfig::new();
    config.set_decoding_quota(DECODING_QUOTA);
    config.set_skipping_quota(SKIPPING_QUOTA);
    Decode!([config]; arg, T).map_err(|error| InvalidArgument(error.to_string()))
}

/// Encodes the one result of a method.
///
/// # Errors
/// The encoder's message; no type of this module makes it fail.
pub fn encode<T: CandidType>(value: &T) -> Result<Vec<u8>, InvalidArgument> {
    Encode!(value).map_err(|error| InvalidArgument(error.to_string()))
}

/// The empty result.
pub fn encode_unit() -> Vec<u8> {
    // The header, an empty type table and no values.
    b"DIDL\x00\x00".to_vec()
}

/// `record { canister_id : principal }`: argument of `start_canister`, `stop_canister`, `delete_canister`,
/// `canister_status`, `deposit_cycles`, `clear_chunk_store` and `stored_chunks`, result of the `create`s.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterIdRecord {
    pub canister_id: Principal,
}

/// `log_visibility`, `snapshot_visibility`, `status_visibility`.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Visibility {
    #[serde(rename = "controllers")]
    Controllers,
    #[serde(rename = "public")]
    Public,
    #[serde(rename = "allowed_viewers")]
    AllowedViewers(Vec<Principal>),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: String,
}

/// `canister_settings`: what is absent stays as it is.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct CanisterSettings {
    pub controllers: Option<Vec<Principal>>,
    pub compute_allocation: Option<Nat>,
    pub memory_allocation: Option<Nat>,
    pub freezing_threshold: Option<Nat>,
    pub reserved_cycles_limit: Option<Nat>,
    pub minimum_incoming_canister_call_cycles: Option<Nat>,
    pub log_visibility: Option<Visibility>,
    pub log_memory_limit: Option<Nat>,
    pub snapshot_visibility: Option<Visibility>,
    pub status_visibility: Option<Visibility>,
    pub wasm_memory_limit: Option<Nat>,
    pub wasm_memory_threshold: Option<Nat>,
    pub environment_variables: Option<Vec<EnvironmentVariable>>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DefiniteCanisterSettings {
    pub controllers: Vec<Principal>,
    pub compute_allocation: Nat,
    pub memory_allocation: Nat,
    pub freezing_threshold: Nat,
    pub reserved_cycles_limit: Nat,
    pub minimum_incoming_canister_call_cycles: Nat,
    pub log_visibility: Visibility,
    pub log_memory_limit: Nat,
    pub snapshot_visibility: Visibility,
    pub status_visibility: Visibility,
    pub wasm_memory_limit: Nat,
    pub wasm_memory_threshold: Nat,
    pub environment_variables: Vec<EnvironmentVariable>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct CreateCanisterArgs {
    pub settings: Option<CanisterSettings>,
    pub sender_canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct ProvisionalCreateCanisterArgs {
    pub amount: Option<Nat>,
    pub settings: Option<CanisterSettings>,
    pub specified_id: Option<Principal>,
    pub sender_canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ProvisionalTopUpCanisterArgs {
    pub canister_id: Principal,
    pub amount: Nat,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct UpdateSettingsArgs {
    pub canister_id: Principal,
    pub settings: CanisterSettings,
    pub sender_canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum WasmMemoryPersistence {
    #[serde(rename = "keep")]
    Keep,
    #[serde(rename = "replace")]
    Replace,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UpgradeFlags {
    pub skip_pre_upgrade: Option<bool>,
    pub wasm_memory_persistence: Option<WasmMemoryPersistence>,
}

/// `canister_install_mode`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstallMode {
    #[serde(rename = "install")]
    Install,
    #[serde(rename = "reinstall")]
    Reinstall,
    #[serde(rename = "upgrade")]
    Upgrade(Option<UpgradeFlags>),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct InstallCodeArgs {
    pub mode: InstallMode,
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub wasm_module: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ChunkHash {
    #[serde(with = "serde_bytes")]
    pub hash: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct InstallChunkedCodeArgs {
    pub mode: InstallMode,
    pub target_canister: Principal,
    pub store_canister: Option<Principal>,
    pub chunk_hashes_list: Vec<ChunkHash>,
    #[serde(with = "serde_bytes")]
    pub wasm_module_hash: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct UninstallCodeArgs {
    pub canister_id: Principal,
    pub sender_canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct UploadChunkArgs {
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum CanisterStatusType {
    #[serde(rename = "running")]
    Running,
    #[serde(rename = "stopping")]
    Stopping,
    #[serde(rename = "stopped")]
    Stopped,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct MemoryMetrics {
    pub wasm_memory_size: Nat,
    pub stable_memory_size: Nat,
    pub global_memory_size: Nat,
    pub wasm_binary_size: Nat,
    pub custom_sections_size: Nat,
    pub canister_history_size: Nat,
    pub wasm_chunk_store_size: Nat,
    pub snapshots_size: Nat,
    pub log_memory_store_size: Nat,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryStats {
    pub num_calls_total: Nat,
    pub num_instructions_total: Nat,
    pub request_payload_bytes_total: Nat,
    pub response_payload_bytes_total: Nat,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterStatusResult {
    pub status: CanisterStatusType,
    pub ready_for_migration: bool,
    pub version: u64,
    pub settings: DefiniteCanisterSettings,
    pub module_hash: Option<serde_bytes::ByteBuf>,
    pub memory_size: Nat,
    pub memory_metrics: MemoryMetrics,
    pub cycles: Nat,
    pub reserved_cycles: Nat,
    pub idle_cycles_burned_per_day: Nat,
    pub query_stats: QueryStats,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterInfoArgs {
    pub canister_id: Principal,
    pub num_requested_changes: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterMetadataArgs {
    pub canister_id: Principal,
    pub name: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterMetadataResult {
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FromUser {
    pub user_id: Principal,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FromCanister {
    pub canister_id: Principal,
    pub canister_version: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum ChangeOrigin {
    #[serde(rename = "from_user")]
    FromUser(FromUser),
    #[serde(rename = "from_canister")]
    FromCanister(FromCanister),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Creation {
    pub controllers: Vec<Principal>,
    pub environment_variables_hash: Option<serde_bytes::ByteBuf>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeploymentMode {
    #[serde(rename = "install")]
    Install,
    #[serde(rename = "reinstall")]
    Reinstall,
    #[serde(rename = "upgrade")]
    Upgrade,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CodeDeployment {
    pub mode: DeploymentMode,
    #[serde(with = "serde_bytes")]
    pub module_hash: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ControllersChange {
    pub controllers: Vec<Principal>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct LoadSnapshot {
    pub from_canister_id: Option<Principal>,
    #[serde(with = "serde_bytes")]
    pub snapshot_id: Vec<u8>,
    pub canister_version: u64,
    pub taken_at_timestamp: u64,
    pub source: SnapshotSource,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RenameTo {
    pub canister_id: Principal,
    pub version: u64,
    pub total_num_changes: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RenameCanister {
    pub canister_id: Principal,
    pub total_num_changes: u64,
    pub rename_to: RenameTo,
    pub requested_by: Principal,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum ChangeDetails {
    #[serde(rename = "creation")]
    Creation(Creation),
    #[serde(rename = "code_uninstall")]
    CodeUninstall,
    #[serde(rename = "code_deployment")]
    CodeDeployment(CodeDeployment),
    #[serde(rename = "load_snapshot")]
    LoadSnapshot(LoadSnapshot),
    #[serde(rename = "controllers_change")]
    ControllersChange(ControllersChange),
    #[serde(rename = "rename_canister")]
    RenameCanister(RenameCanister),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub timestamp_nanos: u64,
    pub canister_version: u64,
    pub origin: ChangeOrigin,
    pub details: ChangeDetails,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterInfoResult {
    pub total_num_changes: u64,
    pub recent_changes: Vec<Change>,
    pub module_hash: Option<serde_bytes::ByteBuf>,
    pub controllers: Vec<Principal>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogRange {
    pub start: u64,
    pub end: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFilter {
    #[serde(rename = "by_idx")]
    ByIndex(LogRange),
    #[serde(rename = "by_timestamp_nanos")]
    ByTime(LogRange),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FetchCanisterLogsArgs {
    pub canister_id: Principal,
    pub filter: Option<LogFilter>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterLogRecord {
    pub idx: u64,
    pub timestamp_nanos: u64,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FetchCanisterLogsResult {
    pub canister_log_records: Vec<CanisterLogRecord>,
}

/// What cycles were consumed for.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CyclesConsumed {
    pub memory: Nat,
    pub compute_allocation: Nat,
    pub ingress_induction: Nat,
    pub instructions: Nat,
    pub request_and_response_transmission: Nat,
    pub uninstall: Nat,
    pub canister_creation: Nat,
    pub http_outcalls: Nat,
    pub burned_cycles: Nat,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterMetricsResult {
    pub cycles_consumed: CyclesConsumed,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterIdRange {
    pub start: Principal,
    pub end: Principal,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ListCanistersResult {
    pub canisters: Vec<CanisterIdRange>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SubnetInfoArgs {
    pub subnet_id: Principal,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SubnetInfoResult {
    pub replica_version: String,
    pub registry_version: u64,
    /// This network's: market, quota or free.
    pub accounting: String,
}

/// Argument of `rename_canister`, which the canister migration orchestrator alone may call.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RenameCanisterArgs {
    pub canister_id: Principal,
    pub rename_to: RenameTo,
    pub requested_by: Principal,
    pub sender_canister_version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_result_is_what_candid_makes_of_it() {
        assert_eq!(encode_unit(), candid::encode_args(()).unwrap());
    }
}
