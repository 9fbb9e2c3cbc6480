//! The state from disk. Records are read; pages, modules and chunks stay where they are until used.

use super::record::{self, key};
use super::{
    Blob, CanisterRecord, CanisterState, Column, Counters, HistoryEntry, HostFailure, InFlight, Message,
};
use super::{
    Module, ModuleRecord, Page, PageMap, PageSource, Paused, Queue, ReplicatedState, StateSource, Task,
    Write, tree,
};
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

fn damaged(name: &str) -> HostFailure {
    HostFailure(format!("{name} on disk is damaged"))
}

/// Enters a record that is on disk into the tree of digests.
fn note(state: &mut ReplicatedState, column: Column, key: &[u8], value: &Bytes) {
    state.note_record(&Write::set(column, key.to_vec(), value.clone()));
}

fn restore_subnet(state: &mut ReplicatedState, source: &dyn StateSource) -> Result<(), HostFailure> {
    let mut waiting = BTreeMap::new();
    for (key, value) in source.scan(Column::Subnet, b"")? {
        note(state, Column::Subnet, &key, &value);
        if key.starts_with(key::MANAGEMENT) {
            let number = key::number(&key).ok_or_else(|| damaged("a management call"))?;
            let message: Message = record::decode("a management call", &value)?;
            waiting.insert(number, Arc::new(message));
        }
    }
    let (first, end) = (state.counters.management_first, state.counters.management_end);
    state.management = restore_queue(first, end, waiting, "the queue of management calls")?;
    Ok(())
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
    Ok(Arc::new(Module { hash: *hash, record, content }))
}

fn restore_canisters(state: &mut ReplicatedState, source: &Arc<dyn StateSource>) -> Result<(), HostFailure> {
    let mut records = BTreeMap::new();
    let mut waiting: BTreeMap<CanisterId, Waiting> = BTreeMap::new();
    for (key, value) in source.scan(Column::Canister, b"")? {
        note(state, Column::Canister, &key, &value);
        let number = key.get(..key::CANISTER_BYTES).and_then(key::number);
        let id = CanisterId(number.ok_or_else(|| damaged("a canister key"))?);
        if key.len() == key::CANISTER_BYTES {
            let record: CanisterRecord = record::decode("a canister record", &value)?;
            records.insert(id, record);
        } else {
            waiting.entry(id).or_default().take(&key, &value)?;
        }
    }
    for (id, record) in records {
        restore_canister(state, source, id, record, waiting.remove(&id).unwrap_or_default())?;
    }
    match waiting.is_empty() {
        true => Ok(()),
        false => Err(damaged("the queue of a canister that does not exist")),
    }
}

/// What column `Canister` holds of a canister besides its record.
#[derive(Default)]
struct Waiting {
    messages: BTreeMap<u64, Arc<Message>>,
    held: BTreeMap<u64, Arc<Message>>,
    paused: Option<Arc<Paused>>,
}

impl Waiting {
    fn take(&mut self, key: &[u8], value: &Bytes) -> Result<(), HostFailure> {
        if key.len() == key::PAUSED_BYTES {
            self.paused = Some(Arc::new(record::decode("a paused run", value)?));
            return Ok(());
        }
        let messages = match key.len() {
            key::MESSAGE_BYTES => &mut self.messages,
            key::HELD_BYTES => &mut self.held,
            _ => return Err(damaged("a message key")),
        };
        let number = key::number(key).ok_or_else(|| damaged("a message key"))?;
        let message: Message = record::decode("a waiting message", value)?;
        messages.insert(number, Arc::new(message));
        Ok(())
    }
}

fn restore_canister(
    state: &mut ReplicatedState,
    source: &Arc<dyn StateSource>,
    id: CanisterId,
    record: CanisterRecord,
    waiting: Waiting,
) -> Result<(), HostFailure> {
    let Waiting { messages, held, paused } = waiting;
    let queue = restore_queue(record.queue_first, record.queue_end, messages, "a canister's queue")?;
    let held = restore_queue(record.held_first, record.held_end, held, "a canister's held calls")?;
    if record.granted.is_some() != paused.is_some() {
        return Err(damaged("the paused run of a canister"));
    }
    let module = match &record.module_hash {
        Some(hash) => Some(restore_module(state, source, hash)?),
        None => None,
    };
    let memory = |kind, root| {
        let pages = ColumnPages { source: source.clone(), id, kind };
        PageMap::unloaded(root, Arc::new(pages))
    };
    let heap = memory(key::HEAP, record.heap_root);
    let stable = memory(key::STABLE, record.stable_root);
    for hash in record.chunks.keys() {
        let blob = Blob::stored(source.clone(), Column::Chunk, key::chunk(id, hash));
        state.chunks.insert((id, *hash), blob);
    }
    for (callback, waiting) in &record.callbacks {
        if let Some(deadline) = waiting.deadline.filter(|_| !waiting.given_up) {
            state.add_deadline(deadline, id, *callback);
        }
    }
    if let Some(module) = &module {
        state.add_module(module.clone());
    }
    if let Some(Task::Install(install)) = paused.as_ref().map(|paused| &paused.task) {
        let module = restore_module(state, source, &install.module_hash)?;
        state.add_module(module);
    }
    let in_flight = InFlight::of(record.callbacks.values());
    let canister = CanisterState { record, module, heap, stable, queue, held, paused, in_flight };
    tree::show_canister(&mut state.tree, id, None, Some(&canister));
    state.put_canister(id, canister);
    Ok(())
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

/// A canister's memory in the columns `Page` and `PageDigest`.
struct ColumnPages {
    source: Arc<dyn StateSource>,
    id: CanisterId,
    kind: u8,
}

fn page_of(bytes: &[u8]) -> Result<Page, HostFailure> {
    bytes.try_into().map(Arc::new).map_err(|_| damaged("a page"))
}

impl PageSource for ColumnPages {
    fn load(&self, index: u64) -> Result<Option<Page>, HostFailure> {
        let bytes = self.source.get(Column::Page, &key::page(self.id, self.kind, index))?;
        bytes.as_deref().map(page_of).transpose()
    }

    fn load_many(&self, indices: &[u64]) -> Result<Vec<Option<Page>>, HostFailure> {
        let keys: Vec<_> = indices.iter().map(|index| key::page(self.id, self.kind, *index)).collect();
        let values = self.source.get_many(Column::Page, &keys)?;
        values.iter().map(|bytes| bytes.as_deref().map(page_of).transpose()).collect()
    }

    fn name(&self) -> String {
        let kind = if self.kind == key::HEAP { "heap" } else { "stable memory" };
        format!("{kind} of canister {}", self.id)
    }

    fn digests(&self) -> Result<Vec<(u64, Digest)>, HostFailure> {
        let pair = |(key, value): (Vec<u8>, Bytes)| {
            let index = key::number(&key)?;
            Some((index, Digest(value.as_ref().try_into().ok()?)))
        };
        let entries = self.source.scan(Column::PageDigest, &key::memory(self.id, self.kind))?;
        entries.into_iter().map(|entry| pair(entry).ok_or_else(|| damaged("a page digest"))).collect()
    }
}
