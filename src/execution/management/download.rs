//! `read_canister_snapshot_metadata` and `read_canister_snapshot_data`.

use super::snapshot::{named, viewed, within};
use super::{Done, Failure, invalid};
use crate::encoding::management::{self as candid, ChunkHash, SnapshotDataKind, SnapshotGlobal};
use crate::state::{Global, HookStatus, HostFailure, PageMap, ReplicatedState, Snapshot, SnapshotSource};
use crate::types::limits::{PAGE_BYTES, SNAPSHOT_SLICE_BYTES_MAX, WASM_PAGE_BYTES};
use crate::types::*;
use ::candid::{Nat, Reserved};

const WASM_PAGE: u64 = WASM_PAGE_BYTES as u64;

/// Bytes of the snapshot's heap.
pub(super) fn heap_bytes(snapshot: &Snapshot) -> u64 {
    u64::from(snapshot.record.heap_wasm_pages).saturating_mul(WASM_PAGE)
}

/// Bytes of the snapshot's stable memory.
pub(super) fn stable_bytes(snapshot: &Snapshot) -> u64 {
    snapshot.record.stable_wasm_pages.saturating_mul(WASM_PAGE)
}

pub(super) fn read_canister_snapshot_metadata(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::CanisterSnapshotArgs = candid::decode(arg)?;
    let (id, canister) = viewed(state, &args.canister_id, sender)?;
    let (_, snapshot) = named(id, canister, &args.snapshot_id)?;
    let record = &snapshot.record;
    Done::reply(&candid::ReadCanisterSnapshotMetadataResponse {
        source: shown_source(record.source),
        taken_at_timestamp: record.taken.0,
        wasm_module_size: record.module_bytes,
        globals: record.globals.iter().map(shown_global).collect(),
        wasm_memory_size: heap_bytes(snapshot),
        stable_memory_size: stable_bytes(snapshot),
        wasm_chunk_store: record.chunks.keys().map(|hash| ChunkHash { hash: hash.0.to_vec() }).collect(),
        canister_version: record.canister_version,
        certified_data: record.certified_data.clone(),
        global_timer: record.global_timer.map(|timer| match timer {
            Time::ZERO => candid::GlobalTimer::Inactive,
            Time(nanos) => candid::GlobalTimer::Active(nanos),
        }),
        on_low_wasm_memory_hook_status: record.hook.map(|hook| match hook {
            HookStatus::ConditionNotSatisfied => candid::OnLowWasmMemoryHookStatus::ConditionNotSatisfied,
            HookStatus::Ready => candid::OnLowWasmMemoryHookStatus::Ready,
            HookStatus::Executed => candid::OnLowWasmMemoryHookStatus::Executed,
        }),
    })
}

pub(super) fn shown_source(source: SnapshotSource) -> candid::SnapshotSource {
    match source {
        SnapshotSource::TakenFromCanister => candid::SnapshotSource::TakenFromCanister(Reserved),
        SnapshotSource::MetadataUpload => candid::SnapshotSource::MetadataUpload(Reserved),
    }
}

fn shown_global(global: &Global) -> SnapshotGlobal {
    match *global {
        Global::I32(bits) => SnapshotGlobal::I32(bits.cast_signed()),
        Global::I64(bits) => SnapshotGlobal::I64(bits.cast_signed()),
        Global::F32(bits) => SnapshotGlobal::F32(f32::from_bits(bits)),
        Global::F64(bits) => SnapshotGlobal::F64(f64::from_bits(bits)),
        Global::V128(bits) => SnapshotGlobal::V128(Nat::from(bits)),
    }
}

pub(super) fn read_canister_snapshot_data(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::ReadCanisterSnapshotDataArgs = candid::decode(arg)?;
    let (id, canister) = viewed(state, &args.canister_id, sender)?;
    let (_, snapshot) = named(id, canister, &args.snapshot_id)?;
    let chunk = match &args.kind {
        SnapshotDataKind::WasmModule(slice) => {
            allowed("module", slice, snapshot.record.module_bytes)?;
            read_module(snapshot, slice)?
        }
        SnapshotDataKind::WasmMemory(slice) => {
            allowed("Wasm memory", slice, heap_bytes(snapshot))?;
            read(&snapshot.heap, slice.offset, slice.size)?
        }
        SnapshotDataKind::StableMemory(slice) => {
            allowed("stable memory", slice, stable_bytes(snapshot))?;
            read(&snapshot.stable, slice.offset, slice.size)?
        }
        SnapshotDataKind::WasmChunk(chunk) => {
            let hash: Option<[u8; 32]> = chunk.hash.as_slice().try_into().ok();
            let hash = hash.map(Digest).filter(|hash| snapshot.record.chunks.contains_key(hash));
            let hash = hash.ok_or_else(|| invalid("the snapshot has no chunk of this hash"))?;
            let missing = || HostFailure(format!("chunk {hash} of a snapshot of {id} has no content"));
            state.chunk(id, &hash).ok_or_else(missing)?.load()?.to_vec()
        }
    };
    Done::reply(&candid::ReadCanisterSnapshotDataResponse { chunk })
}

fn allowed(what: &str, slice: &candid::Slice, size: u64) -> Result<(), Reject> {
    within(what, slice.offset, slice.size, size)?;
    match slice.size <= SNAPSHOT_SLICE_BYTES_MAX {
        true => Ok(()),
        false => Err(invalid(format!(
            "{} bytes are more than one call can read; ask for at most {SNAPSHOT_SLICE_BYTES_MAX}",
            slice.size
        ))),
    }
}

fn read_module(snapshot: &Snapshot, slice: &candid::Slice) -> Result<Vec<u8>, HostFailure> {
    let Some(module) = &snapshot.module else {
        return read(&snapshot.module_pages, slice.offset, slice.size);
    };
    let (content, short) =
        (module.content.load()?, || HostFailure("a module is shorter than its size".into()));
    let start = usize::try_from(slice.offset).map_err(|_| short())?;
    let size = usize::try_from(slice.size).map_err(|_| short())?;
    let bytes = content.get(start..).and_then(|rest| rest.get(..size));
    bytes.map(<[u8]>::to_vec).ok_or_else(short)
}

/// So many bytes of a memory from `offset` on; a page that is not there is all zero.
pub(super) fn read(map: &PageMap, offset: u64, size: u64) -> Result<Vec<u8>, HostFailure> {
    const PAGE: u64 = PAGE_BYTES as u64;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let (mut at, end) = (offset, offset.saturating_add(size));
    while at < end {
        let (index, start) = (at / PAGE, at % PAGE);
        let count = (PAGE - start).min(end - at);
        let part = start as usize..(start + count) as usize;
        match map.get(index)? {
            Some(page) => bytes.extend_from_slice(page.get(part).unwrap_or_default()),
            None => bytes.resize(bytes.len().saturating_add(part.len()), 0),
        }
        at = at.saturating_add(count);
    }
    Ok(bytes)
}
