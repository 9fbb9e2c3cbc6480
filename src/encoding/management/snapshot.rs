//! Types of the methods about snapshots.

use crate::types::Principal;
use candid::{CandidType, Deserialize, Nat, Reserved};
use serde::Serialize;
use serde_bytes::ByteBuf;

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TakeCanisterSnapshotArgs {
    pub canister_id: Principal,
    pub replace_snapshot: Option<ByteBuf>,
    pub uninstall_code: Option<bool>,
    pub sender_canister_version: Option<u64>,
}

/// `snapshot`: what is listed of one.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SnapshotEntry {
    #[serde(with = "serde_bytes")]
    pub id: Vec<u8>,
    pub taken_at_timestamp: u64,
    pub total_size: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct LoadCanisterSnapshotArgs {
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub snapshot_id: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

/// Argument of `delete_canister_snapshot` and `read_canister_snapshot_metadata`.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterSnapshotArgs {
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub snapshot_id: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum SnapshotSource {
    #[serde(rename = "taken_from_canister")]
    TakenFromCanister(Reserved),
    #[serde(rename = "metadata_upload")]
    MetadataUpload(Reserved),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Debug)]
pub enum SnapshotGlobal {
    #[serde(rename = "i32")]
    I32(i32),
    #[serde(rename = "i64")]
    I64(i64),
    #[serde(rename = "f32")]
    F32(f32),
    #[serde(rename = "f64")]
    F64(f64),
    #[serde(rename = "v128")]
    V128(Nat),
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum GlobalTimer {
    #[serde(rename = "inactive")]
    Inactive,
    #[serde(rename = "active")]
    Active(u64),
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnLowWasmMemoryHookStatus {
    #[serde(rename = "condition_not_satisfied")]
    ConditionNotSatisfied,
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "executed")]
    Executed,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct ReadCanisterSnapshotMetadataResponse {
    pub source: SnapshotSource,
    pub taken_at_timestamp: u64,
    pub wasm_module_size: u64,
    pub globals: Vec<SnapshotGlobal>,
    pub wasm_memory_size: u64,
    pub stable_memory_size: u64,
    pub wasm_chunk_store: Vec<super::ChunkHash>,
    pub canister_version: u64,
    #[serde(with = "serde_bytes")]
    pub certified_data: Vec<u8>,
    pub global_timer: Option<GlobalTimer>,
    pub on_low_wasm_memory_hook_status: Option<OnLowWasmMemoryHookStatus>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    pub offset: u64,
    pub size: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum SnapshotDataKind {
    #[serde(rename = "wasm_module")]
    WasmModule(Slice),
    #[serde(rename = "wasm_memory")]
    WasmMemory(Slice),
    #[serde(rename = "stable_memory")]
    StableMemory(Slice),
    #[serde(rename = "wasm_chunk")]
    WasmChunk(super::ChunkHash),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ReadCanisterSnapshotDataArgs {
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub snapshot_id: Vec<u8>,
    pub kind: SnapshotDataKind,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ReadCanisterSnapshotDataResponse {
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct UploadCanisterSnapshotMetadataArgs {
    pub canister_id: Principal,
    pub replace_snapshot: Option<ByteBuf>,
    pub wasm_module_size: u64,
    pub globals: Vec<SnapshotGlobal>,
    pub wasm_memory_size: u64,
    pub stable_memory_size: u64,
    #[serde(with = "serde_bytes")]
    pub certified_data: Vec<u8>,
    pub global_timer: Option<GlobalTimer>,
    pub on_low_wasm_memory_hook_status: Option<OnLowWasmMemoryHookStatus>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct UploadCanisterSnapshotMetadataResponse {
    #[serde(with = "serde_bytes")]
    pub snapshot_id: Vec<u8>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offset {
    pub offset: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotUploadKind {
    #[serde(rename = "wasm_module")]
    WasmModule(Offset),
    #[serde(rename = "wasm_memory")]
    WasmMemory(Offset),
    #[serde(rename = "stable_memory")]
    StableMemory(Offset),
    #[serde(rename = "wasm_chunk")]
    WasmChunk,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct UploadCanisterSnapshotDataArgs {
    pub canister_id: Principal,
    #[serde(with = "serde_bytes")]
    pub snapshot_id: Vec<u8>,
    pub kind: SnapshotUploadKind,
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}
