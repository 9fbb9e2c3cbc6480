//! The records and their history, in stable memory.

use crate::certify::Leaves;
use crate::chain::Membership;
use crate::interface::*;
use crate::orders::READING_NANOS;
use crate::upgrade::STEP_NANOS;
use candid::Principal;
use cycles_interface::Stored;
use ic_certification::HashTree;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell, Storable};
use lease::Lease;
use serde::{Deserialize, Serialize};

/// Most changes that are remembered.
pub const MAX_CHANGES: u64 = 10_000;
/// Most data centers.
pub const MAX_DATA_CENTERS: usize = 500;
/// Most operators.
pub const MAX_OPERATORS: usize = 1_000;
/// Most nodes that are gone and remembered.
pub const MAX_GONE: usize = 500;
/// Most orders that are remembered after they ended.
pub const MAX_ENDED_ORDERS: usize = 100;
/// Most changes in one answer.
pub const MAX_CHANGES_PER_PAGE: u64 = 100;
/// Most bytes of changes in one answer, beside the first.
pub const MAX_BYTES_PER_PAGE: usize = 1_000_000;
/// Most names of genesis nodes that wait for the first reading of the chain.
pub const MAX_INITIAL_NODES: usize = 1_000;

/// Pages of which segments of stable memory are made: 2 MiB.
const BUCKET_PAGES: u16 = 32;

// A number once used is never used for something else.
const CONFIG: MemoryId = MemoryId::new(0);
const STATE: MemoryId = MemoryId::new(1);
const RECORDS: MemoryId = MemoryId::new(2);
const CHANGES: MemoryId = MemoryId::new(3);
const READING: MemoryId = MemoryId::new(4);
const UPGRADE: MemoryId = MemoryId::new(5);
const MODULE: MemoryId = MemoryId::new(6);

type Segment<M> = VirtualMemory<M>;

/// What installation decides.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Config {
    pub governance: Principal,
    /// Who runs which genesis node, by its name.
    pub initial_nodes: Vec<(String, Principal)>,
}

impl Config {
    /// The id that tools expect: `rrkah-fqaaa-aaaaa-aaaaq-cai`.
    fn usual() -> Self {
        Self { governance: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]), initial_nodes: Vec::new() }
    }
}

/// Numbers.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// The version of the last change.
    pub version: u64,
    /// The oldest change that is remembered.
    pub oldest: u64,
    pub next_order: u64,
}

/// What the chain said last, and when.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    pub nanos: u64,
    pub membership: Membership,
}

/// A record, and the version that made it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub version: u64,
    pub record: Record,
}

/// Module and argument for the governance canister.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Module {
    #[serde(with = "serde_bytes")]
    pub wasm: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
}

/// An upgrade of the governance canister.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Upgrade {
    pub view: GovernanceUpgrade,
    /// The order to install went out, and its answer was not heard.
    pub unanswered: bool,
}

/// A change that is being made.
pub struct Draft {
    pub caller: Principal,
    pub proposal: Option<u64>,
    pub now: u64,
    deltas: Vec<Delta>,
}

impl Draft {
    pub fn new(caller: Principal, proposal: Option<u64>, now: u64) -> Self {
        Self { caller, proposal, now, deltas: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }
}

/// All state.
pub struct Registry<M: Memory> {
    pub(crate) own_id: Principal,
    config: StableCell<Stored<Config>, Segment<M>>,
    state: StableCell<Stored<State>, Segment<M>>,
    records: StableBTreeMap<String, Stored<Entry>, Segment<M>>,
    changes: StableBTreeMap<u64, Stored<Change>, Segment<M>>,
    reading: StableCell<Stored<Option<Reading>>, Segment<M>>,
    upgrade: StableCell<Stored<Option<Upgrade>>, Segment<M>>,
    module: StableCell<Stored<Module>, Segment<M>>,
    /// What is certified of the records; made anew when the memory is opened.
    leaves: Leaves,
    /// Who reads the chain, and who takes a step of an upgrade; an upgrade of this canister forgets them.
    pub(crate) reader: Lease,
    pub(crate) upgrader: Lease,
    /// [`MAX_CHANGES`]; tests do with fewer.
    pub(crate) max_changes: u64,
}

pub fn data_center_key(id: &str) -> String {
    format!("data_center/{id}")
}

pub fn operator_key(operator: Principal) -> String {
    format!("operator/{operator}")
}

pub fn node_key(node_id: Principal) -> String {
    format!("node/{node_id}")
}

pub fn order_key(id: u64) -> String {
    format!("order/{id}")
}

pub const SUBNET_KEY: &str = "subnet";

/// A record as it is certified.
pub fn record_bytes(record: &Record) -> Vec<u8> {
    match candid::encode_one(record) {
        Ok(bytes) => bytes,
        Err(error) => unreachable!("a record is always encoded: {error}"),
    }
}

impl<M: Memory> Registry<M> {
    pub fn open(memory: M, own_id: Principal) -> Self {
        let segments = MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES);
        let state = State { version: 0, oldest: 1, next_order: 0 };
        let mut registry = Self {
            own_id,
            config: StableCell::init(segments.get(CONFIG), Stored(Config::usual())),
            state: StableCell::init(segments.get(STATE), Stored(state)),
            records: StableBTreeMap::init(segments.get(RECORDS)),
            changes: StableBTreeMap::init(segments.get(CHANGES)),
            reading: StableCell::init(segments.get(READING), Stored(None)),
            upgrade: StableCell::init(segments.get(UPGRADE), Stored(None)),
            module: StableCell::init(segments.get(MODULE), Stored::default()),
            leaves: Leaves::default(),
            reader: Lease::lasting(READING_NANOS),
            upgrader: Lease::lasting(STEP_NANOS),
            max_changes: MAX_CHANGES,
        };
        let records: Vec<_> = registry.records().collect();
        for (key, entry) in records {
            registry.leaves.set(key, Some(&record_bytes(&entry.record)));
        }
        registry
    }

    pub fn config(&self) -> &Config {
        &self.config.get().0
    }

    pub fn set_config(&mut self, config: Config) {
        self.config.set(Stored(config));
    }

    pub fn version(&self) -> u64 {
        self.state.get().0.version
    }

    pub fn reading(&self) -> Option<&Reading> {
        self.reading.get().0.as_ref()
    }

    pub(crate) fn set_reading(&mut self, reading: Reading) {
        self.reading.set(Stored(Some(reading)));
    }

    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.upgrade.get().0.as_ref()
    }

    pub(crate) fn set_upgrade(&mut self, upgrade: Upgrade) {
        self.upgrade.set(Stored(Some(upgrade)));
    }

    pub fn module(&self) -> &Module {
        &self.module.get().0
    }

    pub(crate) fn set_module(&mut self, module: Module) {
        self.module.set(Stored(module));
    }

    /// The number of a new order.
    pub(crate) fn number_order(&mut self) -> u64 {
        let mut state = self.state.get().0;
        let id = state.next_order;
        state.next_order = id.saturating_add(1);
        self.state.set(Stored(state));
        id
    }

    pub fn record(&self, key: &str) -> Option<Record> {
        self.records.get(&key.to_owned()).map(|Stored(entry)| entry.record)
    }

    /// All records, by their keys.
    pub fn records(&self) -> impl Iterator<Item = (String, Entry)> + '_ {
        self.records.iter().map(|entry| (entry.key().clone(), entry.value().0))
    }

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Entry> + 'a {
        let range = self.records.range(prefix.to_owned()..);
        range.take_while(move |entry| entry.key().starts_with(prefix)).map(|entry| entry.value().0)
    }

    pub fn data_centers(&self) -> Vec<DataCenter> {
        let center = |entry: Entry| match entry.record {
            Record::DataCenter(center) => Some(center),
            _ => None,
        };
        self.with_prefix("data_center/").filter_map(center).collect()
    }

    pub fn operators(&self) -> Vec<Operator> {
        let operator = |entry: Entry| match entry.record {
            Record::Operator(operator) => Some(operator),
            _ => None,
        };
        self.with_prefix("operator/").filter_map(operator).collect()
    }

    /// Nodes, each with the version that made its record.
    pub(crate) fn versioned_nodes(&self) -> Vec<(u64, Node)> {
        let node = |entry: Entry| match entry.record {
            Record::Node(node) => Some((entry.version, node)),
            _ => None,
        };
        self.with_prefix("node/").filter_map(node).collect()
    }

    pub fn nodes(&self) -> Vec<Node> {
        self.versioned_nodes().into_iter().map(|(_, node)| node).collect()
    }

    /// All orders that are remembered, the first first.
    pub fn orders(&self) -> Vec<Order> {
        let order = |entry: Entry| match entry.record {
            Record::Order(order) => Some(order),
            _ => None,
        };
        let mut orders: Vec<Order> = self.with_prefix("order/").filter_map(order).collect();
        orders.sort_by_key(|order| order.id);
        orders
    }

    pub fn data_center(&self, id: &str) -> Option<DataCenter> {
        match self.record(&data_center_key(id)) {
            Some(Record::DataCenter(center)) => Some(center),
            _ => None,
        }
    }

    pub fn operator(&self, operator: Principal) -> Option<Operator> {
        match self.record(&operator_key(operator)) {
            Some(Record::Operator(operator)) => Some(operator),
            _ => None,
        }
    }

    pub fn node(&self, node_id: Principal) -> Option<Node> {
        match self.record(&node_key(node_id)) {
            Some(Record::Node(node)) => Some(node),
            _ => None,
        }
    }

    pub fn subnet(&self) -> Subnet {
        match self.record(SUBNET_KEY) {
            Some(Record::Subnet(subnet)) => subnet,
            _ => Subnet::default(),
        }
    }

    /// Writes a record, as part of a change that is then [`commit`](Self::commit)ted; the same again is no change.
    pub(crate) fn put(&mut self, draft: &mut Draft, key: String, record: Record) {
        if self.record(&key).as_ref() == Some(&record) {
            return;
        }
        let version = self.version().saturating_add(1);
        self.leaves.set(key.clone(), Some(&record_bytes(&record)));
        self.records.insert(key.clone(), Stored(Entry { version, record: record.clone() }));
        draft.deltas.push(Delta { key, value: Some(record) });
    }

    /// Forgets a record, as part of a change.
    pub(crate) fn forget(&mut self, draft: &mut Draft, key: String) {
        self.leaves.set(key.clone(), None);
        self.records.remove(&key);
        draft.deltas.push(Delta { key, value: None });
    }

    /// Makes a new version of what was written.
    pub(crate) fn commit(&mut self, draft: Draft, what: String) -> u64 {
        let mut state = self.state.get().0;
        state.version = state.version.saturating_add(1);
        let Draft { caller, proposal, now, deltas } = draft;
        let change = Change { version: state.version, timestamp_nanos: now, caller, proposal, what, deltas };
        self.changes.insert(state.version, Stored(change));
        if self.changes.len() > self.max_changes && self.changes.pop_first().is_some() {
            state.oldest = state.oldest.saturating_add(1);
        }
        self.state.set(Stored(state));
        state.version
    }

    /// Makes a new version if anything was written. The version then.
    pub(crate) fn commit_news(&mut self, draft: Draft, what: String) -> u64 {
        match draft.is_empty() {
            true => self.version(),
            false => self.commit(draft, what),
        }
    }

    /// What is certified, with the open order shown.
    pub fn order_tree(&self) -> HashTree {
        self.leaves.tree(self.open_order_bytes().as_deref(), self.version(), None)
    }

    /// What is certified, with one record shown, and that record's bytes.
    pub fn record_tree(&self, key: &str) -> Option<(Vec<u8>, HashTree)> {
        let bytes = record_bytes(&self.record(key)?);
        let order = self.open_order_bytes();
        let tree = self.leaves.tree(order.as_deref(), self.version(), Some((key, &bytes)));
        Some((bytes, tree))
    }

    /// A page of the history.
    pub fn changes(&self, from: u64, limit: u64) -> ChangesPage {
        let limit = usize::try_from(limit.min(MAX_CHANGES_PER_PAGE)).unwrap_or_default();
        let mut bytes = 0;
        let mut changes: Vec<Change> = Vec::new();
        for entry in self.changes.range(from..).take(limit) {
            let stored = entry.value();
            bytes += stored.to_bytes().len();
            if !changes.is_empty() && bytes > MAX_BYTES_PER_PAGE {
                break;
            }
            changes.push(stored.0);
        }
        ChangesPage { changes, oldest: self.state.get().0.oldest, newest: self.version() }
    }
}
