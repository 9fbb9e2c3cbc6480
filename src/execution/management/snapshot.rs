//! Snapshots: take, load, list, delete. A snapshot shares pages, module and chunks with its canister
//! (`state::volume`), so that taking and loading one copies nothing.

use super::{Caller, Done, Failure, controlled, find, invalid, not_controller, push_change, upload};
use crate::encoding::management::{self as candid, SnapshotEntry};
use crate::execution::growth::{Keep, admit_growth};
use crate::execution::stop::wipe;
use crate::execution::{Executor, charge};
use crate::state::{Blob, CanisterState, ChangeDetails, Module, PageMap, ReplicatedState};
use crate::state::{Snapshot, SnapshotId, SnapshotRecord, SnapshotSource, Use};
use crate::types::limits::{LAYERS_MAX, SNAPSHOTS_MAX};
use crate::types::*;
use std::sync::Arc;

/// The canister, if `sender` may see its snapshots: a controller, or whom the settings allow.
pub(super) fn viewed<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    let (id, canister) = find(state, principal)?;
    match canister.is_controller(sender) || canister.record.settings.snapshot_visibility.allows(sender) {
        true => Ok((id, canister)),
        false => Err(not_controller(id, canister, sender)),
    }
}

/// The canister's snapshot of this name, and its number.
pub(super) fn named<'s>(
    id: CanisterId,
    canister: &'s CanisterState,
    name: &[u8],
) -> Result<(u64, &'s Arc<Snapshot>), Reject> {
    let text = hex_text(name);
    let not_found = || {
        let message = format!(
            "Could not find the snapshot ID {text} for canister {id}. See list_canister_snapshots for those that exist."
        );
        Reject::new(ErrorCode::CanisterSnapshotNotFound, message)
    };
    let named = SnapshotId::from_bytes(name).ok_or_else(not_found)?;
    if named.canister != id {
        let message = format!("The snapshot {text} does not belong to canister {id}.");
        return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message));
    }
    let found = canister.snapshots.get(&named.number);
    found.map(|snapshot| (named.number, snapshot)).ok_or_else(not_found)
}

fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().take(NAME_BYTES_SHOWN).map(|byte| format!("{byte:02x}")).collect()
}

/// So many bytes of a snapshot's name are shown in a refusal; real ones are shorter.
const NAME_BYTES_SHOWN: usize = 32;

pub(super) fn list_canister_snapshots(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::CanisterIdRecord = candid::decode(arg)?;
    let (id, canister) = viewed(state, &args.canister_id, sender)?;
    let snapshots = canister.snapshots.iter();
    let entries: Vec<SnapshotEntry> =
        snapshots.map(|(number, snapshot)| entry(id, *number, &snapshot.record)).collect();
    Done::reply(&entries)
}

fn entry(canister: CanisterId, number: u64, record: &SnapshotRecord) -> SnapshotEntry {
    SnapshotEntry {
        id: SnapshotId { canister, number }.to_bytes(),
        taken_at_timestamp: record.taken.0,
        total_size: record.bytes(),
    }
}

/// The canister as it is now.
fn taken(canister: &CanisterState, module: &Arc<Module>, now: Time) -> Snapshot {
    let record = &canister.record;
    Snapshot {
        record: SnapshotRecord {
            source: SnapshotSource::TakenFromCanister,
            taken: now,
            canister_version: record.canister_version,
            module_hash: Some(module.hash),
            module_bytes: module.record.bytes,
            module_root: Digest::ZERO,
            module_layers: Default::default(),
            globals: record.globals.clone(),
            heap_root: record.heap_root,
            heap_layers: record.heap_layers.clone(),
            heap_wasm_pages: record.heap_wasm_pages,
            stable_root: record.stable_root,
            stable_layers: record.stable_layers.clone(),
            stable_wasm_pages: record.stable_wasm_pages,
            certified_data: record.certified_data.clone(),
            global_timer: Some(record.global_timer),
            hook: Some(record.low_memory_hook),
            chunks: record.chunks.clone(),
        },
        module: Some(module.clone()),
        module_pages: PageMap::new(),
        heap: canister.heap.clone(),
        stable: canister.stable.clone(),
    }
}

impl Executor<'_> {
    pub(super) fn take_canister_snapshot(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::TakeCanisterSnapshotArgs = candid::decode(arg)?;
        let (id, _) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        self.charge_idle(id)?;
        let (_, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let module = canister.module.clone().ok_or_else(|| {
            let message = format!("Failed to create snapshot for empty canister {id}. Install code first.");
            Reject::new(ErrorCode::CanisterRejectedMessage, message)
        })?;
        settled(id, canister)?;
        let snapshot = taken(canister, &module, self.environment.time);
        let uninstall = args.uninstall_code == Some(true);
        let replaced = args.replace_snapshot.as_ref().map(|name| name.as_slice());
        let entry = self.add_snapshot(id, snapshot, replaced, uninstall)?;
        if uninstall {
            self.uninstall(id, caller, args.sender_canister_version);
        }
        Done::reply(&entry)
    }

    /// Adds a snapshot to the canister, in the place of the one named, if it is allowed and paid for.
    /// `emptied`: the canister is to be uninstalled next.
    pub(super) fn add_snapshot(
        &mut self,
        id: CanisterId,
        snapshot: Snapshot,
        replaced: Option<&[u8]>,
        emptied: bool,
    ) -> Result<SnapshotEntry, Reject> {
        let Some(canister) = self.state.canister(id) else {
            return Err(super::super::induct::not_found(&id.principal()));
        };
        let old = replaced.map(|name| named(id, canister, name)).transpose()?.map(|(number, _)| number);
        if old.is_none() && canister.snapshots.len() >= SNAPSHOTS_MAX {
            let message = format!(
                "Canister {id} has reached the maximum number of snapshots allowed: {SNAPSHOTS_MAX}. Delete one with \
                 delete_canister_snapshot, or name one in replace_snapshot."
            );
            return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message));
        }
        let number = canister.record.next_snapshot;
        let entry = entry(id, number, &snapshot.record);
        let mut next = canister.as_ref().clone();
        next.record.next_snapshot = number.saturating_add(1);
        next.snapshots.insert(number, Arc::new(snapshot));
        let gone = old.and_then(|old| next.snapshots.remove(&old));
        match emptied {
            true => {
                let mut judged = next.clone();
                wipe(&mut judged);
                self.may_hold(id, &mut judged)?;
                next.record.cycles = judged.record.cycles;
                next.record.reserved_cycles = judged.record.reserved_cycles;
            }
            false => self.may_hold(id, &mut next)?,
        }
        let module = next.snapshots.get(&number).and_then(|snapshot| snapshot.module.clone());
        self.state.put_canister(id, next);
        if let Some(module) = module {
            self.state.add_module(module);
        }
        if let Some(gone) = gone {
            self.release(id, &gone);
        }
        Ok(entry)
    }

    /// Gives up what only a snapshot that is gone used.
    fn release(&mut self, id: CanisterId, gone: &Snapshot) {
        self.state.release_chunks(id, gone.record.chunks.keys().copied());
        if let Some(hash) = &gone.record.module_hash {
            self.state.release_module(hash);
        }
    }

    /// Whether the canister may become `next`: the subnet has the memory, and the canister can pay for it.
    /// Cycles that this takes are set aside in `next`.
    pub(super) fn may_hold(&self, id: CanisterId, next: &mut CanisterState) -> Result<(), Reject> {
        admit_growth(&self.environment.prices, &self.state, id, next, Keep::FreezingLimit)
    }

    pub(super) fn delete_canister_snapshot(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::CanisterSnapshotArgs = candid::decode(arg)?;
        let (id, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let (number, _) = named(id, canister, &args.snapshot_id)?;
        self.charge_idle(id)?;
        let gone = self.state.change_canister(id, |canister| canister.snapshots.remove(&number)).flatten();
        if let Some(gone) = gone {
            self.release(id, &gone);
        }
        Ok(Done::unit())
    }

    pub(super) fn load_canister_snapshot(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::LoadCanisterSnapshotArgs = candid::decode(arg)?;
        let (id, _) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        self.charge_idle(id)?;
        let (_, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let (from, snapshot) = self.loadable(id, &args.snapshot_id, &caller.principal)?;
        let (module, globals) = match &snapshot.module {
            Some(module) => (module.clone(), snapshot.record.globals.clone()),
            None => {
                let checked = upload::check(self.environment.engine, canister, &snapshot)?;
                let (facts, globals, content) = checked;
                self.pay_for_compiling(id, facts.compile_cost)?;
                (self.module(&content, &facts), globals)
            }
        };
        let (_, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let mut next = loaded(canister, &snapshot, &module, self.environment.time);
        next.record.globals = globals;
        self.may_hold(id, &mut next)?;
        let details = ChangeDetails::LoadSnapshot {
            snapshot: from,
            canister_version: snapshot.record.canister_version,
            taken: snapshot.record.taken,
            source: snapshot.record.source,
        };
        let origin = self.change_origin(caller, args.sender_canister_version);
        push_change(&mut next, self.environment.time, origin, details);
        self.finish_load(id, next, module, from.canister);
        Ok(Done::unit())
    }

    /// The snapshot of this name, if `sender` may load it.
    fn loadable(
        &self,
        id: CanisterId,
        name: &[u8],
        sender: &Principal,
    ) -> Result<(SnapshotId, Arc<Snapshot>), Reject> {
        let from = SnapshotId::from_bytes(name);
        let owner = from.and_then(|from| Some((from.canister, self.state.canister(from.canister)?)));
        let Some((owner, canister)) = owner else {
            let message = format!("Could not find the snapshot ID {} on this subnet.", hex_text(name));
            return Err(Reject::new(ErrorCode::CanisterSnapshotNotFound, message));
        };
        if !canister.is_controller(sender) {
            let message = format!(
                "Only a controller of canister {owner}, to which the snapshot belongs, can load it on canister {id}."
            );
            return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message));
        }
        let (number, snapshot) = named(owner, canister, name)?;
        Ok((SnapshotId { canister: owner, number }, snapshot.clone()))
    }

    fn pay_for_compiling(&mut self, id: CanisterId, cost: Instructions) -> Result<(), Reject> {
        let fee = self.environment.prices.message(cost);
        let keep = self
            .state
            .canister(id)
            .map_or(Cycles::ZERO, |canister| charge::must_keep(&self.environment.prices, canister));
        self.charge(id, Use::Instructions, fee, keep)?;
        self.count(cost);
        Ok(())
    }

    fn finish_load(&mut self, id: CanisterId, next: CanisterState, module: Arc<Module>, from: CanisterId) {
        let held = self.state.canister(id);
        let (hashes, old) = held
            .map_or_else(Default::default, |canister| (canister.chunk_hashes(), canister.record.module_hash));
        let content = |hash: &Digest| Some((*hash, self.state.chunk(from, hash)?.clone()));
        let chunks: Vec<(Digest, Blob)> = next.record.chunks.keys().filter_map(content).collect();
        self.state.touch_canister(from);
        self.state.put_canister(id, next);
        for (hash, content) in chunks {
            self.state.share_chunk(id, hash, content);
        }
        self.state.release_chunks(id, hashes);
        self.state.add_module(module);
        if let Some(old) = old {
            self.state.release_module(&old);
        }
    }
}

/// A memory that is in too many volumes is put together first.
fn settled(id: CanisterId, canister: &CanisterState) -> Result<(), Reject> {
    let record = &canister.record;
    let most = record.heap_layers.volumes.len().max(record.stable_layers.volumes.len());
    if most < LAYERS_MAX {
        return Ok(());
    }
    let message = format!(
        "So many snapshots were taken of canister {id} that its memory is being put together. Use the canister and \
         try again later."
    );
    Err(Reject::new(ErrorCode::CanisterRejectedMessage, message))
}

/// The canister with the snapshot in it (interface spec, "Load canister snapshot").
fn loaded(canister: &CanisterState, snapshot: &Snapshot, module: &Arc<Module>, now: Time) -> CanisterState {
    let mut next = canister.clone();
    next.module = Some(module.clone());
    next.heap = snapshot.heap.clone();
    next.stable = snapshot.stable.clone();
    let (record, from) = (&mut next.record, &snapshot.record);
    record.module_hash = Some(module.hash);
    record.heap_layers = from.heap_layers.clone();
    record.heap_wasm_pages = from.heap_wasm_pages;
    record.stable_layers = from.stable_layers.clone();
    record.stable_wasm_pages = from.stable_wasm_pages;
    record.certified_data.clone_from(&from.certified_data);
    record.chunks.clone_from(&from.chunks);
    record.installed = now;
    record.canister_version = record.canister_version.saturating_add(1);
    if from.source == SnapshotSource::MetadataUpload {
        record.global_timer = from.global_timer.unwrap_or(record.global_timer);
        record.low_memory_hook = from.hook.unwrap_or(record.low_memory_hook);
    }
    next
}

/// A slice of so many bytes from `offset` on, of data of `size` bytes.
pub(super) fn within(what: &str, offset: u64, bytes: u64, size: u64) -> Result<(), Reject> {
    match offset.checked_add(bytes).is_some_and(|end| end <= size) {
        true => Ok(()),
        false => Err(invalid(format!(
            "{bytes} bytes from offset {offset} exceed the {what}, which has {size}. See read_canister_snapshot_metadata."
        ))),
    }
}
