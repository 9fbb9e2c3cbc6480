//! The state from disk. Records are read; pages, modules and chunks stay where they are until used.

use super::record::{self, key};
use super::volume::{Layers, Shares, VolumeId, parts};
use super::{
    Blob, CanisterRecord, CanisterState, Column, Counters, HistoryEntry, HostFailure, InFlight, Log,
    LogRecord,
};
use super::{
    Message, Module, ModuleRecord, Page, PageMap, PageSource, Paused, Queue, ReplicatedState, Snapshot,
};
use super::{Sample, Samples, SnapshotRecord, StateSource, Task, Write, tree};
use crate::membership::Succession;
use crate::types::{CanisterId, Digest, RequestId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

impl ReplicatedState {
    /// The state that was written to `source`; its [`ReplicatedState::root`] is the one sealed then.
    ///
    /// # Errors
    /// [`HostFailure`] if something is missing or damaged.
    pub fn restore(source: Arc<dyn StateSource>) -> Result<ReplicatedState, HostFailure> {
        let subnet = required(&*source, "the subnet record", key::SUBNET)?;
        let counters: Counters = required(&*source, "the counters record", key::COUNTERS)?;
        let mut state = ReplicatedState::empty(subnet, counters);
        restore_subnet(&mut state, &*source)?;
        restore_canisters(&mut state, &source)?;
        restore_history(&mut state, &*source)?;
        tree::show_metrics(&mut state.tree, &state.subnet, &state.counters, state.canisters.len());
        let digests = state.records.digest().0.to_vec();
        state.tree.set_leaf(&[tree::ATOLL_STATE], digests);
        state.touched = Default::default();
        Ok(state)
    }
}

fn required<T: serde::de::DeserializeOwned>(
    source: &dyn StateSource,
    name: &str,
    key: &[u8],
) -> Result<T, HostFailure> {
    let bytes = source.get(Column::Subnet, key)?;
    let bytes = bytes.ok_or_else(|| HostFailure(format!("{name} is missing on disk")))?;
    record::decode(name, &bytes)
}

pub(super) fn read_succession(record: &[u8]) -> Result<Succession, HostFailure> {
    Succession::decode(record).map_err(|error| HostFailure(error.to_string()))
}

fn damaged(name: &str) -> HostFailure {
    HostFailure(format!("{name} on disk is damaged"))
}

/// Enters a record that is on disk into the tree of digests.
fn note(state: &mut ReplicatedState, column: Column, key: &[u8], value: &Bytes) {
    state.note_record(&Write::set(column, key.to_vec(), value.clone()));
}

fn restore_subnet(state: &mut ReplicatedState, source: &dyn StateSource) -> Result<(), HostFailure> {
    let (mut waiting, mut samples) = (BTreeMap::new(), BTreeMap::new());
    for (key, value) in source.scan(Column::Subnet, b"")? {
        note(state, Column::Subnet, &key, &value);
        if key == key::SUCCESSION {
            state.succession = Some(Arc::new(read_succession(&value)?));
        }
        if key == key::PRICES {
            state.prices = Arc::new(record::decode("the record of prices", &value)?);
        }
        if key == key::DUTIES {
            state.duties = Arc::new(record::decode("the record of duties", &value)?);
        }
        if key.starts_with(key::SAMPLE) {
            let number = key::number(&key).ok_or_else(|| damaged("a sample of duties"))?;
            let sample: Sample = record::decode("a sample of duties", &value)?;
            samples.insert(number, Arc::new(sample));
        }
        if key.starts_with(key::MANAGEMENT) {
            let number = key::number(&key).ok_or_else(|| damaged("a management call"))?;
            let message: Message = record::decode("a management call", &value)?;
            waiting.insert(number, Arc::new(message));
        }
    }
    let (first, end) = (state.counters.management_first, state.counters.management_end);
    state.management = restore_queue(first, end, waiting, "the queue of management calls")?;
    state.samples = restore_samples(samples)?;
    Ok(())
}

fn restore_samples(samples: BTreeMap<u64, Arc<Sample>>) -> Result<Samples, HostFailure> {
    let first = samples.keys().next().copied().unwrap_or_default();
    if !samples.keys().copied().eq((first..).take(samples.len())) {
        return Err(damaged("the list of samples of duties"));
    }
    Ok(Samples::restored(first, samples.into_values()))
}

fn restore_queue(
    first: u64,
    end: u64,
    messages: BTreeMap<u64, Arc<Message>>,
    name: &str,
) -> Result<Queue, HostFailure> {
    if !messages.keys().copied().eq(first..end) {
        return Err(damaged(name));
    }
    Ok(Queue::restored(first, messages.into_values()))
}

/// The module of this hash: one that another canister brought already, or its record from disk.
fn restore_module(
    state: &ReplicatedState,
    source: &Arc<dyn StateSource>,
    hash: &Digest,
) -> Result<Arc<Module>, HostFailure> {
    if let Some(module) = state.module(hash) {
        return Ok(module.clone());
    }
    let bytes = source.get(Column::Module, &key::module_record(hash))?;
    let bytes = bytes.ok_or_else(|| damaged("a module record"))?;
    let record: ModuleRecord = record::decode("a module record", &bytes)?;
    let content = Blob::stored(source.clone(), Column::Module, key::module(hash));
    Ok(Arc::new(Module::new(*hash, record, content)))
}

fn restore_canisters(state: &mut ReplicatedState, source: &Arc<dyn StateSource>) -> Result<(), HostFailure> {
    let mut canisters: BTreeMap<CanisterId, Belongings> = BTreeMap::new();
    for (key, value) in source.scan(Column::Canister, b"")? {
        note(state, Column::Canister, &key, &value);
        let number = key.get(..key::CANISTER_BYTES).and_then(key::number);
        let id = CanisterId(number.ok_or_else(|| damaged("a canister key"))?);
        canisters.entry(id).or_default().take(&key, &value)?;
    }
    let mut lists: BTreeMap<VolumeId, u64> = BTreeMap::new();
    for (id, belongings) in canisters {
        let canister = restore_canister(state, source, id, belongings)?;
        for (_, layers) in parts(&canister).filter_map(|part| part.of(&canister)) {
            for volume in &layers.volumes {
                *lists.entry(*volume).or_default() += 1;
            }
        }
        state.put_canister(id, canister);
    }
    state.shares = Shares::count(&lists);
    Ok(())
}

/// What the column `Canister` holds of one canister.
#[derive(Default)]
struct Belongings {
    record: Option<CanisterRecord>,
    messages: BTreeMap<u64, Arc<Message>>,
    held: BTreeMap<u64, Arc<Message>>,
    paused: Option<Arc<Paused>>,
    lines: BTreeMap<u64, Arc<LogRecord>>,
    snapshots: BTreeMap<u64, SnapshotRecord>,
}

impl Belongings {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostFailure> {
        let Some(kind) = key.get(key::CANISTER_BYTES) else {
            self.record = Some(record::decode("a canister record", value)?);
            return Ok(());
        };
        if *kind == key::PAUSED {
            self.paused = Some(Arc::new(record::decode("a paused run", value)?));
            return Ok(());
        }
        let number = key.get(key::CANISTER_BYTES.saturating_add(1)..).and_then(key::number);
        let number = number.ok_or_else(|| damaged("a key of a canister's belongings"))?;
        match *kind {
            key::MESSAGE => {
                let message: Message = record::decode("a waiting message", value)?;
                self.messages.insert(number, Arc::new(message));
            }
            key::HELD => {
                let message: Message = record::decode("a waiting message", value)?;
                self.held.insert(number, Arc::new(message));
            }
            key::LOG => {
                let line: LogRecord = record::decode("a line of a log", value)?;
                self.lines.insert(number, Arc::new(line));
            }
            key::SNAPSHOT => {
                self.snapshots.insert(number, record::decode("a snapshot record", value)?);
            }
            _ => return Err(damaged("a key of a canister's belongings")),
        }
        Ok(())
    }
}

fn restore_canister(
    state: &mut ReplicatedState,
    source: &Arc<dyn StateSource>,
    id: CanisterId,
    belongings: Belongings,
) -> Result<CanisterState, HostFailure> {
    let Belongings { record, messages, held, paused, lines, snapshots } = belongings;
    let record = record.ok_or_else(|| damaged("what belongs to a canister that does not exist"))?;
    let queue = restore_queue(record.queue_first, record.queue_end, messages, "a canister's queue")?;
    let held = restore_queue(record.held_first, record.held_end, held, "a canister's held calls")?;
    if record.granted.is_some() != paused.is_some() {
        return Err(damaged("the paused run of a canister"));
    }
    if let Some(Task::Install(install)) = paused.as_ref().map(|paused| &paused.task) {
        use_module(state, source, Some(&install.module_hash))?;
    }
    if !lines.keys().copied().eq(record.log_first..record.log_end) {
        return Err(damaged("a canister's log"));
    }
    let log = Log::restored(record.log_first, lines.into_values());
    let module = use_module(state, source, record.module_hash.as_ref())?;
    let heap = memory(source, id, "heap", record.heap_root, &record.heap_layers);
    let stable = memory(source, id, "stable memory", record.stable_root, &record.stable_layers);
    for (callback, waiting) in &record.callbacks {
        if let Some(deadline) = waiting.deadline.filter(|_| !waiting.given_up) {
            state.add_deadline(deadline, id, *callback);
        }
    }
    let in_flight = InFlight::of(record.callbacks.values());
    let snapshot_records = snapshots;
    let snapshots = BTreeMap::new();
    let mut canister =
        CanisterState { record, module, heap, stable, queue, held, paused, log, snapshots, in_flight };
    for (number, record) in snapshot_records {
        let snapshot = restore_snapshot(state, source, id, record)?;
        canister.snapshots.insert(number, Arc::new(snapshot));
    }
    for hash in canister.chunk_hashes() {
        let blob = Blob::stored(source.clone(), Column::Chunk, key::chunk(id, &hash));
        state.chunks.insert((id, hash), blob);
    }
    tree::show_canister(&mut state.tree, id, None, Some(&canister));
    Ok(canister)
}

fn restore_snapshot(
    state: &mut ReplicatedState,
    source: &Arc<dyn StateSource>,
    id: CanisterId,
    record: SnapshotRecord,
) -> Result<Snapshot, HostFailure> {
    let module = use_module(state, source, record.module_hash.as_ref())?;
    let memory = |name, root, layers| memory(source, id, name, root, layers);
    Ok(Snapshot {
        module,
        module_pages: memory("module of a snapshot", record.module_root, &record.module_layers),
        heap: memory("heap of a snapshot", record.heap_root, &record.heap_layers),
        stable: memory("stable memory of a snapshot", record.stable_root, &record.stable_layers),
        record,
    })
}

/// One more canister or snapshot uses the module of this hash.
fn use_module(
    state: &mut ReplicatedState,
    source: &Arc<dyn StateSource>,
    hash: Option<&Digest>,
) -> Result<Option<Arc<Module>>, HostFailure> {
    let Some(hash) = hash else {
        return Ok(None);
    };
    let module = restore_module(state, source, hash)?;
    state.add_module(module.clone());
    Ok(Some(module))
}

fn memory(
    source: &Arc<dyn StateSource>,
    id: CanisterId,
    name: &'static str,
    root: Digest,
    layers: &Layers,
) -> PageMap {
    let source = source.clone();
    PageMap::unloaded(root, Arc::new(LayeredPages { source, id, name, volumes: layers.volumes.clone() }))
}

fn restore_history(state: &mut ReplicatedState, source: &dyn StateSource) -> Result<(), HostFailure> {
    for (key, value) in source.scan(Column::History, b"")? {
        note(state, Column::History, &key, &value);
        let id: [u8; 32] = key.as_slice().try_into().map_err(|_| damaged("a request id"))?;
        let id = RequestId(id);
        let entry: HistoryEntry = record::decode("an ingress history entry", &value)?;
        tree::show_request(&mut state.tree, &id, Some(&entry));
        state.history.set(id, entry);
    }
    Ok(())
}

/// A memory in the columns `Page` and `PageDigest` (`volume`, rule 1).
struct LayeredPages {
    source: Arc<dyn StateSource>,
    id: CanisterId,
    name: &'static str,
    /// Oldest first.
    volumes: Vec<VolumeId>,
}

fn page_of(bytes: &[u8]) -> Result<Page, HostFailure> {
    bytes.try_into().map(Arc::new).map_err(|_| damaged("a page"))
}

impl PageSource for LayeredPages {
    fn load(&self, index: u64) -> Result<Option<Page>, HostFailure> {
        for volume in self.volumes.iter().rev() {
            if let Some(bytes) = self.source.get(Column::Page, &key::page(*volume, index))? {
                return page_of(&bytes).map(Some);
            }
        }
        Ok(None)
    }

    fn load_many(&self, indices: &[u64]) -> Result<Vec<Option<Page>>, HostFailure> {
        let mut pages: Vec<Option<Page>> = vec![None; indices.len()];
        for volume in self.volumes.iter().rev() {
            let missing = pages.iter_mut().zip(indices).filter(|(page, _)| page.is_none());
            let (slots, keys): (Vec<_>, Vec<_>) =
                missing.map(|(slot, index)| (slot, key::page(*volume, *index))).unzip();
            if keys.is_empty() {
                break;
            }
            for (slot, bytes) in slots.into_iter().zip(self.source.get_many(Column::Page, &keys)?) {
                *slot = bytes.as_deref().map(page_of).transpose()?;
            }
        }
        Ok(pages)
    }

    fn name(&self) -> String {
        format!("{} of canister {}", self.name, self.id)
    }

    fn digests(&self) -> Result<Vec<(u64, Digest)>, HostFailure> {
        merged_digests(&*self.source, &self.volumes)
    }
}

/// The digests of the memory that these volumes make, oldest first (`volume`, rule 1), in ascending order of index.
///
/// # Errors
/// [`HostFailure`] if `source` fails or is damaged.
pub(super) fn merged_digests(
    source: &dyn StateSource,
    volumes: &[VolumeId],
) -> Result<Vec<(u64, Digest)>, HostFailure> {
    let mut digests: BTreeMap<u64, Digest> = BTreeMap::new();
    for volume in volumes {
        for (key, value) in source.scan(Column::PageDigest, &key::volume(*volume))? {
            let index = key::number(&key).ok_or_else(|| damaged("the key of a page digest"))?;
            if value.is_empty() {
                digests.remove(&index);
                continue;
            }
            let digest: [u8; 32] = value.as_ref().try_into().map_err(|_| damaged("a page digest"))?;
            digests.insert(index, Digest(digest));
        }
    }
    Ok(digests.into_iter().collect())
}
