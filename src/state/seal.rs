//! The end of a height: what changed becomes writes, digests and the new state tree. Costs what was
//! touched, whatever else there is.

use super::record::{self, key};
use super::replicated::Touched;
use super::volume::seal_memories;
use super::{CanisterState, Column, HostFailure, Log, Queue, ReplicatedState, StateDelta, Write, tree};
use crate::membership::Succession;
use crate::types::limits::METRICS_INTERVAL;
use crate::types::{CanisterId, RequestId, StateRoot};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Write {
    /// Sets `key` to `value`.
    pub fn set(column: Column, key: Vec<u8>, value: impl Into<Bytes>) -> Write {
        let value = Some(value.into());
        Write { column, key, value }
    }

    /// Removes `key`.
    pub fn remove(column: Column, key: Vec<u8>) -> Write {
        Write { column, key, value: None }
    }
}

/// See [`ReplicatedState::seal`].
pub(super) fn seal(
    state: &mut ReplicatedState,
    before: &ReplicatedState,
) -> Result<(StateDelta, StateRoot), HostFailure> {
    let mut touched = std::mem::take(&mut state.touched);
    let mut writes = std::mem::take(&mut touched.unwritten);
    let (pages, dropped) = seal_memories(state, before, &touched.canisters)?;
    writes.extend(pages);
    seal_subnet(state, before, &mut writes)?;
    seal_modules(state, before, &touched, &mut writes)?;
    for id in &touched.canisters {
        seal_canister(state, before, *id, &mut writes)?;
    }
    for id in &touched.requests {
        seal_request(state, id, &mut writes)?;
    }
    let digests = state.records.digest().0.to_vec();
    state.tree.set_leaf(&[tree::ATOLL_STATE], digests);
    let height = state.counters.height;
    let prefixes = dropped
        .into_iter()
        .flat_map(|volume| [Column::Page, Column::PageDigest].map(|column| (column, key::volume(volume))));
    Ok((StateDelta { height, writes, dropped: prefixes.collect() }, state.root()))
}

/// Notes a hashed record and adds it to the writes.
fn hashed(state: &mut ReplicatedState, writes: &mut Vec<Write>, write: Write) {
    state.note_record(&write);
    writes.push(write);
}

fn seal_subnet(
    state: &mut ReplicatedState,
    before: &ReplicatedState,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    if state.counters.height.0.is_multiple_of(METRICS_INTERVAL) {
        state.counters.canister_state_bytes = state.allocated().bytes;
    }
    tree::show_time(&mut state.tree, state.counters.time);
    tree::show_metrics(&mut state.tree, &state.subnet, &state.counters, state.canisters.len());
    state.counters.management_first = state.management.first();
    state.counters.management_end = state.management.end();
    let counters = record::encode(&state.counters)?;
    let counters = Write::set(Column::Subnet, key::COUNTERS.to_vec(), counters);
    hashed(state, writes, counters);
    let same = |now: &Arc<Succession>| before.succession.as_ref().is_some_and(|then| Arc::ptr_eq(then, now));
    if let Some(succession) = state.succession.as_ref().filter(|now| !same(now)) {
        let write = Write::set(Column::Subnet, key::SUCCESSION.to_vec(), succession.encode());
        hashed(state, writes, write);
    }
    seal_economy(state, before, writes)?;
    for write in queue_writes(Column::Subnet, &before.management, &state.management, key::management)? {
        hashed(state, writes, write);
    }
    Ok(())
}

/// Prices and what the nodes did, as far as they changed.
fn seal_economy(
    state: &mut ReplicatedState,
    before: &ReplicatedState,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    let set = |key: &[u8], record: Vec<u8>| Write::set(Column::Subnet, key.to_vec(), record);
    let mut changed = Vec::new();
    if !Arc::ptr_eq(&before.prices, &state.prices) {
        changed.push(set(key::PRICES, record::encode(state.prices.as_ref())?));
    }
    if !Arc::ptr_eq(&before.duties, &state.duties) {
        changed.push(set(key::DUTIES, record::encode(state.duties.as_ref())?));
    }
    for number in before.samples.first()..state.samples.first() {
        changed.push(Write::remove(Column::Subnet, key::sample(number)));
    }
    for number in before.samples.end()..state.samples.end() {
        if let Some(sample) = state.samples.get(number) {
            changed.push(set(&key::sample(number), record::encode(sample.as_ref())?));
        }
    }
    changed.into_iter().for_each(|write| hashed(state, writes, write));
    Ok(())
}

/// Modules are named by their hash in canister records: their content needs no digest of its own.
fn seal_modules(
    state: &ReplicatedState,
    before: &ReplicatedState,
    touched: &Touched,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    for hash in &touched.modules {
        let keys = [key::module(hash), key::module_record(hash)];
        match (before.module(hash), state.module(hash)) {
            (None, Some(module)) => {
                let content = Bytes::copy_from_slice(&module.content.load()?);
                let [module_key, record_key] = keys;
                writes.push(Write::set(Column::Module, module_key, content));
                writes.push(Write::set(Column::Module, record_key, record::encode(&module.record)?));
            }
            (Some(_), None) => writes.extend(keys.map(|key| Write::remove(Column::Module, key))),
            (None, None) | (Some(_), Some(_)) => (),
        }
    }
    Ok(())
}

fn seal_canister(
    state: &mut ReplicatedState,
    before: &ReplicatedState,
    id: CanisterId,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    if let Some(slot) = state.canisters.get_mut(&id) {
        let canister = Arc::make_mut(slot);
        canister.record.log_first = canister.log.first();
        canister.record.log_end = canister.log.end();
        canister.record.queue_first = canister.queue.first();
        canister.record.queue_end = canister.queue.end();
        canister.record.held_first = canister.held.first();
        canister.record.held_end = canister.held.end();
    }
    let old = before.canisters.get(&id);
    let new = state.canisters.get(&id).cloned();
    match (old, &new) {
        (None, None) => Ok(()),
        // Deleted, and made again with the same id: nothing of the old one stays.
        (Some(gone), Some(made)) if gone.record.created != made.record.created => {
            replace_canister(state, id, old, None, writes)?;
            replace_canister(state, id, None, new, writes)
        }
        _ => replace_canister(state, id, old, new, writes),
    }
}

fn replace_canister(
    state: &mut ReplicatedState,
    id: CanisterId,
    old: Option<&Arc<CanisterState>>,
    new: Option<Arc<CanisterState>>,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    write_chunks(state, id, old, new.as_ref(), writes)?;
    let mut records = message_writes(id, old, new.as_ref())?;
    records.extend(log_writes(id, old, new.as_ref())?);
    records.extend(snapshot_writes(id, old, new.as_ref())?);
    records.extend(paused_write(id, old, new.as_ref())?);
    for write in records {
        hashed(state, writes, write);
    }
    let write = match &new {
        Some(canister) => Write::set(Column::Canister, key::canister(id), record::encode(&canister.record)?),
        None => Write::remove(Column::Canister, key::canister(id)),
    };
    hashed(state, writes, write);
    tree::show_canister(&mut state.tree, id, old.map(Arc::as_ref), new.as_deref());
    Ok(())
}

/// The paused run is written when it begins and removed when it has ended.
fn paused_write(
    id: CanisterId,
    old: Option<&Arc<CanisterState>>,
    new: Option<&Arc<CanisterState>>,
) -> Result<Option<Write>, HostFailure> {
    let paused =
        |canister: Option<&Arc<CanisterState>>| canister.and_then(|canister| canister.paused.clone());
    Ok(match (paused(old), paused(new)) {
        (None, None) => None,
        (Some(before), Some(now)) if Arc::ptr_eq(&before, &now) => None,
        (Some(_), None) => Some(Write::remove(Column::Canister, key::paused(id))),
        (_, Some(now)) => Some(Write::set(Column::Canister, key::paused(id), record::encode(now.as_ref())?)),
    })
}

fn seal_request(
    state: &mut ReplicatedState,
    id: &RequestId,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    let entry = state.history.get(id);
    tree::show_request(&mut state.tree, id, entry);
    let write = match entry {
        Some(entry) => Write::set(Column::History, key::history(id), record::encode(entry)?),
        None => Write::remove(Column::History, key::history(id)),
    };
    hashed(state, writes, write);
    Ok(())
}

fn message_writes(
    id: CanisterId,
    old: Option<&Arc<CanisterState>>,
    new: Option<&Arc<CanisterState>>,
) -> Result<Vec<Write>, HostFailure> {
    let none = Queue::default();
    type Kind = (u8, fn(&CanisterState) -> &Queue);
    let queues: [Kind; 2] =
        [(key::MESSAGE, |canister| &canister.queue), (key::HELD, |canister| &canister.held)];
    let mut writes = Vec::new();
    for (kind, queue) in queues {
        let [before, now] = [old, new].map(|canister| canister.map_or(&none, |canister| queue(canister)));
        let key = |number| key::belonging(id, kind, number);
        writes.extend(queue_writes(Column::Canister, before, now, key)?);
    }
    Ok(writes)
}

/// Messages that left the queue are removed, those that came are set.
fn queue_writes(
    column: Column,
    before: &Queue,
    now: &Queue,
    key: impl Fn(u64) -> Vec<u8>,
) -> Result<Vec<Write>, HostFailure> {
    let mut writes = Vec::new();
    for number in before.first()..before.end() {
        if now.get(number).is_none() {
            writes.push(Write::remove(column, key(number)));
        }
    }
    for number in now.first().max(before.end())..now.end() {
        if let Some(message) = now.get(number) {
            writes.push(Write::set(column, key(number), record::encode(message.as_ref())?));
        }
    }
    Ok(writes)
}

/// Lines that were dropped from the log are removed, those that were printed are set.
fn log_writes(
    id: CanisterId,
    old: Option<&Arc<CanisterState>>,
    new: Option<&Arc<CanisterState>>,
) -> Result<Vec<Write>, HostFailure> {
    let none = Log::default();
    let [before, now] = [old, new].map(|canister| canister.map_or(&none, |canister| &canister.log));
    let key = |index: u64| key::belonging(id, key::LOG, index);
    let mut writes = Vec::new();
    for index in before.first()..now.first().min(before.end()) {
        writes.push(Write::remove(Column::Canister, key(index)));
    }
    if new.is_none() {
        writes
            .extend((before.first()..before.end()).map(|index| Write::remove(Column::Canister, key(index))));
    }
    for index in now.first().max(before.end())..now.end() {
        if let Some(line) = now.get(index) {
            writes.push(Write::set(Column::Canister, key(index), record::encode(line.as_ref())?));
        }
    }
    Ok(writes)
}

/// Snapshots that are gone are removed, new and changed ones are set.
fn snapshot_writes(
    id: CanisterId,
    old: Option<&Arc<CanisterState>>,
    new: Option<&Arc<CanisterState>>,
) -> Result<Vec<Write>, HostFailure> {
    let none = BTreeMap::new();
    let [before, now] = [old, new].map(|canister| canister.map_or(&none, |canister| &canister.snapshots));
    let key = |number: &u64| key::belonging(id, key::SNAPSHOT, *number);
    let gone = before.keys().filter(|number| !now.contains_key(number));
    let mut writes: Vec<Write> = gone.map(|number| Write::remove(Column::Canister, key(number))).collect();
    for (number, snapshot) in now {
        let same = before.get(number).is_some_and(|before| before.record == snapshot.record);
        if !same {
            writes.push(Write::set(Column::Canister, key(number), record::encode(&snapshot.record)?));
        }
    }
    Ok(writes)
}

/// Chunks are named by their hash in the records of the canister and its snapshots, which are hashed.
fn write_chunks(
    state: &ReplicatedState,
    id: CanisterId,
    old: Option<&Arc<CanisterState>>,
    new: Option<&Arc<CanisterState>>,
    writes: &mut Vec<Write>,
) -> Result<(), HostFailure> {
    let hashes = |canister: Option<&Arc<CanisterState>>| {
        canister.map_or_else(BTreeSet::new, |canister| canister.chunk_hashes())
    };
    let (before, now) = (hashes(old), hashes(new));
    for hash in before.difference(&now) {
        writes.push(Write::remove(Column::Chunk, key::chunk(id, hash)));
    }
    for hash in now.difference(&before) {
        let missing = || HostFailure(format!("chunk {hash} of canister {id} has no content"));
        let content = state.chunk(id, hash).ok_or_else(missing)?.load()?;
        writes.push(Write::set(Column::Chunk, key::chunk(id, hash), Bytes::copy_from_slice(&content)));
    }
    Ok(())
}
