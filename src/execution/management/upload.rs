//! `upload_canister_snapshot_metadata` and `upload_canister_snapshot_data`, and whether what was uploaded is a canister.

use super::download::{heap_bytes, read, stable_bytes};
use super::snapshot::{named, within};
use super::{Caller, Done, Failure, controlled, invalid};
use crate::crypto::hash::sha256;
use crate::encoding::management::{self as candid, SnapshotGlobal, SnapshotUploadKind};
use crate::execution::Executor;
use crate::state::{CanisterState, Global, HookStatus, HostFailure, PageMap, Snapshot};
use crate::state::{SnapshotRecord, SnapshotSource};
use crate::types::limits::*;
use crate::types::*;
use crate::wasm::{Engine, GlobalType, ModuleFacts};
use std::sync::Arc;

/// Chunks that one canister can store: each counts as the largest.
const CHUNKS_MAX: usize = CHUNK_STORE_BYTES_MAX / CHUNK_BYTES_MAX;

/// A snapshot whose data is still to come, all zero.
fn announced(
    args: &candid::UploadCanisterSnapshotMetadataArgs,
    version: u64,
    now: Time,
) -> Result<Snapshot, Reject> {
    let heap = wasm_pages("wasm_memory_size", args.wasm_memory_size, u64::from(HEAP_WASM_PAGES_MAX))?;
    let stable_max = STABLE_BYTES_MAX / WASM_PAGE_BYTES as u64;
    at_most("wasm_module_size", args.wasm_module_size, MODULE_BYTES_MAX as u64)?;
    at_most("the number of globals", args.globals.len() as u64, GLOBALS_MAX as u64)?;
    at_most("the size of certified_data", args.certified_data.len() as u64, CERTIFIED_DATA_BYTES_MAX as u64)?;
    let globals: Result<Vec<Global>, Reject> = args.globals.iter().map(global).collect();
    let record = SnapshotRecord {
        source: SnapshotSource::MetadataUpload,
        taken: now,
        canister_version: version,
        module_hash: None,
        module_bytes: args.wasm_module_size,
        module_root: Digest::ZERO,
        module_layers: Default::default(),
        globals: globals?,
        heap_root: Digest::ZERO,
        heap_layers: Default::default(),
        heap_wasm_pages: u32::try_from(heap).unwrap_or(u32::MAX),
        stable_root: Digest::ZERO,
        stable_layers: Default::default(),
        stable_wasm_pages: wasm_pages("stable_memory_size", args.stable_memory_size, stable_max)?,
        certified_data: args.certified_data.clone(),
        global_timer: args.global_timer.map(|timer| match timer {
            candid::GlobalTimer::Inactive => Time::ZERO,
            candid::GlobalTimer::Active(nanos) => Time(nanos),
        }),
        hook: args.on_low_wasm_memory_hook_status.map(|hook| match hook {
            candid::OnLowWasmMemoryHookStatus::ConditionNotSatisfied => HookStatus::ConditionNotSatisfied,
            candid::OnLowWasmMemoryHookStatus::Ready => HookStatus::Ready,
            candid::OnLowWasmMemoryHookStatus::Executed => HookStatus::Executed,
        }),
        chunks: Default::default(),
    };
    let (heap, stable, module_pages) = (PageMap::new(), PageMap::new(), PageMap::new());
    Ok(Snapshot { record, module: None, module_pages, heap, stable })
}

fn at_most(name: &str, found: u64, max: u64) -> Result<(), Reject> {
    match found <= max {
        true => Ok(()),
        false => Err(invalid(format!("{name} is {found}; it may be at most {max}"))),
    }
}

fn wasm_pages(name: &str, bytes: u64, max: u64) -> Result<u64, Reject> {
    const PAGE: u64 = WASM_PAGE_BYTES as u64;
    if !bytes.is_multiple_of(PAGE) {
        return Err(invalid(format!("{name} is {bytes}; it must be a multiple of {PAGE}")));
    }
    at_most(name, bytes, max.saturating_mul(PAGE))?;
    Ok(bytes / PAGE)
}

fn global(global: &SnapshotGlobal) -> Result<Global, Reject> {
    Ok(match global {
        SnapshotGlobal::I32(value) => Global::I32(value.cast_unsigned()),
        SnapshotGlobal::I64(value) => Global::I64(value.cast_unsigned()),
        SnapshotGlobal::F32(value) => Global::F32(value.to_bits()),
        SnapshotGlobal::F64(value) => Global::F64(value.to_bits()),
        SnapshotGlobal::V128(value) => {
            let bits = u128::try_from(&value.0);
            Global::V128(bits.map_err(|_| invalid("a v128 global is larger than 2^128 - 1"))?)
        }
    })
}

impl Executor<'_> {
    pub(super) fn upload_canister_snapshot_metadata(
        &mut self,
        caller: &Caller,
        arg: &[u8],
    ) -> Result<Done, Failure> {
        let args: candid::UploadCanisterSnapshotMetadataArgs = candid::decode(arg)?;
        let (id, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let snapshot = announced(&args, canister.record.canister_version, self.environment.time)?;
        self.charge_idle(id)?;
        let replaced = args.replace_snapshot.as_ref().map(|name| name.as_slice());
        let entry = self.add_snapshot(id, snapshot, replaced, false)?;
        Done::reply(&candid::UploadCanisterSnapshotMetadataResponse { snapshot_id: entry.id })
    }

    pub(super) fn upload_canister_snapshot_data(
        &mut self,
        caller: &Caller,
        arg: &[u8],
    ) -> Result<Done, Failure> {
        let args: candid::UploadCanisterSnapshotDataArgs = candid::decode(arg)?;
        let (id, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let (number, snapshot) = named(id, canister, &args.snapshot_id)?;
        if snapshot.record.source != SnapshotSource::MetadataUpload {
            let message = "Only canister snapshots created by metadata upload can be mutated.";
            return Err(Reject::new(ErrorCode::CanisterSnapshotImmutable, message).into());
        }
        let bytes = args.chunk.len() as u64;
        at_most("the size of the chunk", bytes, SNAPSHOT_SLICE_BYTES_MAX)?;
        let (what, offset, size) = match args.kind {
            SnapshotUploadKind::WasmChunk => return self.upload_snapshot_chunk(id, number, args.chunk),
            SnapshotUploadKind::WasmModule(at) => ("module", at.offset, snapshot.record.module_bytes),
            SnapshotUploadKind::WasmMemory(at) => ("Wasm memory", at.offset, heap_bytes(snapshot)),
            SnapshotUploadKind::StableMemory(at) => ("stable memory", at.offset, stable_bytes(snapshot)),
        };
        within(what, offset, bytes, size)?;
        let mut next = snapshot.as_ref().clone();
        let memory = match args.kind {
            SnapshotUploadKind::WasmMemory(_) => &mut next.heap,
            SnapshotUploadKind::StableMemory(_) => &mut next.stable,
            SnapshotUploadKind::WasmModule(_) | SnapshotUploadKind::WasmChunk => &mut next.module_pages,
        };
        write(memory, offset, &args.chunk)?;
        self.state.change_canister(id, |canister| canister.snapshots.insert(number, Arc::new(next)));
        Ok(Done::unit())
    }

    fn upload_snapshot_chunk(
        &mut self,
        id: CanisterId,
        number: u64,
        chunk: Vec<u8>,
    ) -> Result<Done, Failure> {
        at_most("the size of the chunk", chunk.len() as u64, CHUNK_BYTES_MAX as u64)?;
        self.charge_idle(id)?;
        let Some(canister) = self.state.canister(id) else {
            return Ok(Done::unit());
        };
        let mut next = canister.as_ref().clone();
        let Some(slot) = next.snapshots.get_mut(&number) else {
            return Err(invalid("the snapshot is gone: its canister ran out of cycles").into());
        };
        let (hash, size) = (sha256(&chunk), u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        let chunks = &mut Arc::make_mut(slot).record.chunks;
        chunks.insert(hash, size);
        at_most("the number of chunks", chunks.len() as u64, CHUNKS_MAX as u64)?;
        self.may_hold(id, &mut next)?;
        self.state.put_canister(id, next);
        if self.state.chunk(id, &hash).is_none() {
            self.state.put_chunk(id, hash, Arc::from(chunk));
        }
        Ok(Done::unit())
    }
}

/// Writes bytes into a memory from `offset` on.
fn write(map: &mut PageMap, offset: u64, bytes: &[u8]) -> Result<(), HostFailure> {
    const PAGE: u64 = PAGE_BYTES as u64;
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let (index, start) = (at / PAGE, (at % PAGE) as usize);
        let count = PAGE_BYTES.saturating_sub(start).min(rest.len());
        let (part, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let mut page = map.get(index)?.map_or([0; PAGE_BYTES], |page| *page);
        if let Some(place) = page.get_mut(start..start.saturating_add(count)) {
            place.copy_from_slice(part);
        }
        map.set(index, Some(Arc::new(page)))?;
        at = at.saturating_add(count as u64);
        rest = later;
    }
    Ok(())
}

/// A module that was uploaded, its mutable globals and its bytes.
type Checked = (Arc<ModuleFacts>, Vec<Global>, Vec<u8>);

/// The module of an uploaded snapshot, its mutable globals and its bytes, if they fit together and the
/// canister (interface spec, "Load canister snapshot").
///
/// # Errors
/// What does not fit.
pub(super) fn check(
    engine: &Engine,
    canister: &CanisterState,
    snapshot: &Snapshot,
) -> Result<Checked, Failure> {
    let content = read(&snapshot.module_pages, 0, snapshot.record.module_bytes)?;
    let facts = engine.check(&content).map_err(|error| {
        let message = format!("The snapshot's Wasm module is not valid: {error}. Upload it whole.");
        Reject::new(ErrorCode::CanisterInvalidWasm, message)
    })?;
    let pages = snapshot.record.heap_wasm_pages;
    if !(facts.heap_wasm_pages..=facts.heap_wasm_pages_max).contains(&pages) {
        return Err(inconsistent(&format!(
            "the Wasm memory has {pages} pages, but the module allows {} to {}",
            facts.heap_wasm_pages, facts.heap_wasm_pages_max
        ))
        .into());
    }
    let globals = mutable_globals(&facts, &snapshot.record.globals)?;
    fits_hook(canister, snapshot)?;
    Ok((facts, globals, content))
}

fn inconsistent(why: &str) -> Reject {
    invalid(format!("the uploaded snapshot does not fit together: {why}"))
}

/// What was uploaded names either the mutable globals, or those that are mutable or exported.
fn mutable_globals(facts: &ModuleFacts, found: &[Global]) -> Result<Vec<Global>, Reject> {
    let ty = |global: &Global| match global {
        Global::I32(_) => GlobalType::I32,
        Global::I64(_) => GlobalType::I64,
        Global::F32(_) => GlobalType::F32,
        Global::F64(_) => GlobalType::F64,
        Global::V128(_) => GlobalType::V128,
    };
    let shown: Vec<_> = facts.globals.iter().filter(|fact| fact.ty.is_some()).collect();
    let mutable: Vec<_> = shown.iter().filter(|fact| fact.mutable).copied().collect();
    let expected = if found.len() == mutable.len() { mutable } else { shown };
    if found.len() != expected.len() {
        let (found, expected) = (found.len(), expected.len());
        return Err(inconsistent(&format!("{found} globals are given, but the module has {expected}")));
    }
    let mut globals = Vec::new();
    for (number, (fact, global)) in expected.into_iter().zip(found).enumerate() {
        if fact.ty != Some(ty(global)) {
            return Err(inconsistent(&format!("global {number} is not of the type that the module says")));
        }
        if fact.mutable {
            globals.push(*global);
        }
    }
    Ok(globals)
}

/// The hook's status agrees with whether its condition holds.
fn fits_hook(canister: &CanisterState, snapshot: &Snapshot) -> Result<(), Reject> {
    let settings = &canister.record.settings;
    let used = heap_bytes(snapshot).saturating_add(settings.wasm_memory_threshold);
    let limit = match settings.wasm_memory_limit {
        0 => u64::from(HEAP_WASM_PAGES_MAX).saturating_mul(WASM_PAGE_BYTES as u64),
        limit => limit,
    };
    let holds = limit < used;
    match snapshot.record.hook {
        Some(hook) if (hook != HookStatus::ConditionNotSatisfied) != holds => Err(inconsistent(
            "on_low_wasm_memory_hook_status does not agree with the size of the Wasm memory",
        )),
        _ => Ok(()),
    }
}
