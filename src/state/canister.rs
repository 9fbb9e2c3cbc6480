//! One canister: its record, its memories and the messages that wait for it.

use super::snapshot::{GLOBAL_BYTES, Snapshot, SnapshotId, SnapshotSource};
use super::volume::Layers;
use super::{
    CallContext, Callback, Consumed, Global, HookStatus, InFlight, Log, Module, Origin, PageMap, Paused,
    Queue, Settings,
};
use crate::types::limits::{CANISTER_HISTORY_ENTRY_BYTES, CHUNK_BYTES_MAX, STOP_TIMEOUT_MS, WASM_PAGE_BYTES};
use crate::types::{
    CallContextId, CallbackId, CanisterId, Cycles, Digest, Height, Instructions, Principal, Time,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Running, stopping or stopped (interface spec, "Canister status").
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Status {
    Running,
    /// With the `stop_canister` calls that wait for the end.
    Stopping(Vec<StopCall>),
    Stopped,
}

/// A `stop_canister` call that waits until the canister has stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopCall {
    pub origin: Origin,
    /// Attached to the call; goes back with the answer.
    pub cycles: Cycles,
    pub since: Time,
}

/// One entry of the canister's history (interface spec, "IC method canister_info").
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    pub time: Time,
    pub canister_version: u64,
    pub origin: ChangeOrigin,
    pub details: ChangeDetails,
}

/// Who changed the canister.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChangeOrigin {
    User(Principal),
    Canister { canister: CanisterId, version: Option<u64> },
}

/// How a module came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Deployment {
    Install,
    Reinstall,
    Upgrade,
}

/// What was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChangeDetails {
    Creation { controllers: Vec<Principal>, environment_variables_hash: Option<Digest> },
    CodeUninstall,
    CodeDeployment { mode: Deployment, module_hash: Digest },
    LoadSnapshot { snapshot: SnapshotId, canister_version: u64, taken: Time, source: SnapshotSource },
    ControllersChange { controllers: Vec<Principal> },
    RenameCanister(Renaming),
}

/// The canister had another id before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Renaming {
    pub canister_id: Principal,
    pub total_num_changes: u64,
    pub rename_to: RenamedTo,
    pub requested_by: Principal,
}

/// The id that a canister got, and what had become of it until then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RenamedTo {
    pub canister_id: Principal,
    pub version: u64,
    pub total_num_changes: u64,
}

/// Whoever governs the subnet has stopped the canister: its code does not run for anybody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Frozen {
    pub reason: String,
    pub since: Time,
}

/// All of a canister but its memories, module and waiting messages: what column `Canister` holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CanisterRecord {
    pub canister_version: u64,
    pub created: Time,
    /// Of the last installation; zero before the first.
    pub installed: Time,
    pub status: Status,
    pub settings: Settings,
    pub cycles: Cycles,
    /// Set aside for storage and allocations, which take from here first; they never come back.
    pub reserved_cycles: Cycles,
    /// Storage and allocations are paid for until here.
    pub charged_until: Time,
    /// The canister can pay for its time at least until here, if nothing but time happens.
    pub solvent_until: Time,
    pub consumed: Consumed,
    /// The last height in which its compute allocation gave it a turn.
    pub allotted: Height,
    pub module_hash: Option<Digest>,
    pub globals: Vec<Global>,
    pub heap_root: Digest,
    pub heap_layers: Layers,
    pub heap_wasm_pages: u32,
    pub stable_root: Digest,
    pub stable_layers: Layers,
    pub stable_wasm_pages: u64,
    #[serde(with = "serde_bytes")]
    pub certified_data: Vec<u8>,
    /// Zero: not set.
    pub global_timer: Time,
    /// When it is looked at again whether the timer, which is due, can be paid. Zero: it was not in vain yet.
    #[serde(default, skip_serializing_if = "Time::is_zero")]
    pub timer_again: Time,
    #[serde(default, skip_serializing_if = "HookStatus::is_idle")]
    pub low_memory_hook: HookStatus,
    pub next_context: u64,
    pub next_callback: u64,
    pub contexts: BTreeMap<CallContextId, CallContext>,
    pub callbacks: BTreeMap<CallbackId, Callback>,
    /// Sizes of the chunks in the chunk store, by hash.
    pub chunks: BTreeMap<Digest, u32>,
    pub history: VecDeque<Change>,
    pub history_total: u64,
    pub next_snapshot: u64,
    /// Index of the oldest line of the log, and of the next one to come.
    pub log_first: u64,
    pub log_end: u64,
    /// Number of the oldest waiting message, and of the next one to come.
    pub queue_first: u64,
    pub queue_end: u64,
    /// The same of the management calls that are held back.
    pub held_first: u64,
    pub held_end: u64,
    /// Instructions granted to the paused run, if there is one.
    pub granted: Option<Instructions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
}

/// A canister as execution sees it. The roots and queue numbers in `record` are brought up to date
/// when the height is sealed.
#[derive(Clone)]
pub struct CanisterState {
    pub record: CanisterRecord,
    pub module: Option<Arc<Module>>,
    pub heap: PageMap,
    pub stable: PageMap,
    pub queue: Queue,
    pub log: Log,
    /// By number.
    pub snapshots: BTreeMap<u64, Arc<Snapshot>>,
    /// Management calls about it that wait until its paused run has ended.
    pub held: Queue,
    /// The run that is in the middle.
    pub paused: Option<Arc<Paused>>,
    /// Of `record.callbacks`.
    pub in_flight: InFlight,
}

impl CanisterState {
    /// An empty, running canister.
    pub fn new(settings: Settings, cycles: Cycles, now: Time) -> CanisterState {
        CanisterState {
            record: CanisterRecord::new(settings, cycles, now),
            module: None,
            heap: PageMap::new(),
            stable: PageMap::new(),
            queue: Queue::default(),
            log: Log::default(),
            snapshots: BTreeMap::new(),
            held: Queue::default(),
            paused: None,
            in_flight: InFlight::default(),
        }
    }

    /// Gives the heap up, with what is on disk of it.
    pub fn clear_heap(&mut self) {
        self.heap = PageMap::new();
        self.record.heap_layers = Layers::default();
        self.record.heap_wasm_pages = 0;
    }

    /// Gives the stable memory up, with what is on disk of it.
    pub fn clear_stable(&mut self) {
        self.stable = PageMap::new();
        self.record.stable_layers = Layers::default();
        self.record.stable_wasm_pages = 0;
    }

    /// Bytes that its snapshots count.
    pub fn snapshot_bytes(&self) -> u64 {
        let bytes = self.snapshots.values().map(|snapshot| snapshot.record.bytes());
        bytes.fold(0, u64::saturating_add)
    }

    /// Bytes that its globals count.
    pub fn global_bytes(&self) -> u64 {
        (self.record.globals.len() as u64).saturating_mul(GLOBAL_BYTES)
    }

    /// Whether the chunk store, or that of a snapshot, lists the chunk.
    pub fn lists_chunk(&self, hash: &Digest) -> bool {
        let mut snapshots = self.snapshots.values();
        self.record.chunks.contains_key(hash)
            || snapshots.any(|snapshot| snapshot.record.chunks.contains_key(hash))
    }

    /// Hashes of all chunks that the chunk store or a snapshot lists.
    pub fn chunk_hashes(&self) -> BTreeSet<Digest> {
        let own = self.record.chunks.keys();
        let others = self.snapshots.values().flat_map(|snapshot| snapshot.record.chunks.keys());
        own.chain(others).copied().collect()
    }

    /// Whether `principal` may control the canister.
    pub fn is_controller(&self, principal: &Principal) -> bool {
        self.record.settings.controllers.contains(principal)
    }

    /// Whether it has something to do now: messages wait for it, and no run is in the middle.
    pub fn has_work(&self) -> bool {
        !self.queue.is_empty() && self.paused.is_none()
    }

    /// The moment at which its timer is due, while it can run.
    pub fn timer(&self) -> Option<Time> {
        let set = !self.record.global_timer.is_zero() && self.paused.is_none();
        let set = set && self.module.as_ref().is_some_and(|module| module.has_timer());
        let due = self.record.global_timer.max(self.record.timer_again);
        (set && self.takes_tasks()).then_some(due)
    }

    /// Whether the system may start anything at it.
    pub fn takes_tasks(&self) -> bool {
        self.record.status == Status::Running && self.record.frozen.is_none()
    }

    /// Bytes that heap and stable memory are large.
    pub fn memory_bytes(&self) -> u64 {
        const PAGE: u64 = WASM_PAGE_BYTES as u64;
        let pages = u64::from(self.record.heap_wasm_pages);
        pages.saturating_add(self.record.stable_wasm_pages).saturating_mul(PAGE)
    }

    /// Bytes of memories, module, chunks, logs, history and snapshots: what storage is charged for.
    pub fn held_bytes(&self) -> u64 {
        let parts = [
            self.module.as_ref().map_or(0, |module| module.record.bytes),
            self.record.chunk_store_bytes(),
            self.log.bytes(),
            self.record.history_bytes(),
            self.snapshot_bytes(),
        ];
        parts.into_iter().fold(self.memory_bytes(), u64::saturating_add)
    }

    /// Bytes of the subnet that nobody else can have: what the canister holds, or what is allocated to it
    /// if that is more.
    pub fn allocated_bytes(&self) -> u64 {
        self.held_bytes().max(self.record.settings.memory_allocation)
    }

    /// The canister awaits the response to a call.
    pub fn add_callback(&mut self, id: CallbackId, callback: Callback) {
        self.in_flight.add(&callback);
        if let Some(replaced) = self.record.callbacks.insert(id, callback) {
            self.in_flight.remove(&replaced);
        }
    }

    /// The canister does not await this response any more.
    pub fn take_callback(&mut self, id: CallbackId) -> Option<Callback> {
        let callback = self.record.callbacks.remove(&id)?;
        self.in_flight.remove(&callback);
        Some(callback)
    }

    /// The moment after which the oldest waiting `stop_canister` call is given up.
    pub fn stop_deadline(&self) -> Option<Time> {
        let Status::Stopping(calls) = &self.record.status else {
            return None;
        };
        let first = calls.iter().map(|call| call.since).min()?;
        Some(first.plus_ms(STOP_TIMEOUT_MS))
    }
}

impl CanisterRecord {
    /// Each chunk counts with the size of the largest.
    pub fn chunk_store_bytes(&self) -> u64 {
        (self.chunks.len() as u64).saturating_mul(CHUNK_BYTES_MAX as u64)
    }

    /// What the history counts as memory.
    pub fn history_bytes(&self) -> u64 {
        (self.history.len() as u64).saturating_mul(CANISTER_HISTORY_ENTRY_BYTES)
    }

    fn new(settings: Settings, cycles: Cycles, now: Time) -> CanisterRecord {
        CanisterRecord {
            canister_version: 0,
            created: now,
            installed: Time::ZERO,
            status: Status::Running,
            settings,
            cycles,
            reserved_cycles: Cycles::ZERO,
            charged_until: now,
            solvent_until: Time(u64::MAX),
            consumed: Consumed::default(),
            allotted: Height::ZERO,
            module_hash: None,
            globals: Vec::new(),
            heap_root: Digest::ZERO,
            heap_layers: Layers::default(),
            heap_wasm_pages: 0,
            stable_root: Digest::ZERO,
            stable_layers: Layers::default(),
            stable_wasm_pages: 0,
            certified_data: Vec::new(),
            global_timer: Time::ZERO,
            timer_again: Time::ZERO,
            low_memory_hook: HookStatus::default(),
            next_context: 0,
            next_callback: 0,
            contexts: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            chunks: BTreeMap::new(),
            history: VecDeque::new(),
            history_total: 0,
            next_snapshot: 0,
            log_first: 0,
            log_end: 0,
            queue_first: 0,
            queue_end: 0,
            held_first: 0,
            held_end: 0,
            granted: None,
            frozen: None,
        }
    }
}
