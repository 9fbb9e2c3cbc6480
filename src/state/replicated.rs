//! The state after a height, with the indexes that make time and idle canisters cost nothing.

mod economy;
mod index;

use super::account::Allocated;
use super::record::key;
use super::task::Tasks;
use super::volume::Shares;
use super::{Blob, CanisterState, Counters, History, HistoryEntry, Module, Queue, SubnetRecord};
use super::{Column, HostFailure, StateDelta, SubnetNode, Write, record, tree};
use super::{Duties, PriceBook, Samples};
use crate::certification::LabelTree;
use crate::crypto::hash::sha256;
use crate::membership::Succession;
use crate::types::*;
use imbl::{OrdMap, OrdSet};
use index::Marks;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A module and how many canisters run it.
#[derive(Clone)]
pub(super) struct SharedModule {
    pub(super) module: Arc<Module>,
    pub(super) users: u64,
}

/// What changed since the last height was sealed.
#[derive(Clone, Default)]
pub(super) struct Touched {
    pub(super) canisters: BTreeSet<CanisterId>,
    pub(super) requests: BTreeSet<RequestId>,
    pub(super) modules: BTreeSet<Digest>,
    /// Written at genesis, not yet in any delta.
    pub(super) unwritten: Vec<Write>,
}

/// Everything that execution may depend on besides the batch. Cloning is cheap and shares all.
#[derive(Clone)]
pub struct ReplicatedState {
    pub(super) subnet: Arc<SubnetRecord>,
    /// Absent where no chain is: in tests of execution alone.
    pub(super) succession: Option<Arc<Succession>>,
    pub(crate) counters: Counters,
    pub(super) prices: Arc<PriceBook>,
    pub(super) duties: Arc<Duties>,
    pub(super) samples: Samples,
    pub(super) canisters: OrdMap<CanisterId, Arc<CanisterState>>,
    pub(super) modules: OrdMap<Digest, SharedModule>,
    pub(super) shares: Shares,
    /// Chunk stores, of canisters and snapshots: contents by canister and hash.
    pub(super) chunks: OrdMap<(CanisterId, Digest), Blob>,
    pub(super) history: History,
    pub(crate) management: Queue,
    /// Canisters for which messages wait.
    active: OrdSet<CanisterId>,
    /// Timers of running canisters.
    timers: OrdSet<(Time, CanisterId)>,
    /// Canisters at which `stop_canister` calls wait, by the moment the first of them is given up.
    stops: OrdSet<(Time, CanisterId)>,
    tasks: Tasks,
    /// Canisters with a paused run, in the order of the line.
    line: OrdSet<(u64, CanisterId)>,
    /// Canisters by the moment until which they can pay for their time.
    solvent: OrdSet<(Time, CanisterId)>,
    /// Running canisters with a compute allocation for which messages wait.
    allotted: OrdSet<CanisterId>,
    /// How many canisters are frozen.
    frozen: u64,
    allocated: Allocated,
    /// Cycles of all canisters, kept by every change.
    #[cfg(test)]
    cycles: u128,
    /// Bytes that messages carry which wait for canisters.
    queue_bytes: u64,
    /// Best-effort calls in flight, by the moment they are given up.
    deadlines: OrdSet<(Time, CanisterId, CallbackId)>,
    pub(super) tree: LabelTree,
    /// Digest of every record by column and key: what the leaf `atoll_state` summarizes.
    pub(super) records: LabelTree,
    pub(super) touched: Touched,
    /// What the first block makes, with its modules.
    pub(crate) founding: Foundings,
}

impl ReplicatedState {
    /// The state before the first block. `nodes` holds each node's id and raw Ed25519 identity key.
    ///
    /// # Errors
    /// [`HostFailure`] if a record cannot be encoded.
    pub fn genesis(
        genesis: &Genesis,
        root_key_der: &[u8],
        subnet: SubnetId,
        nodes: &[(NodeId, [u8; 32])],
    ) -> Result<ReplicatedState, HostFailure> {
        let node =
            |(id, key): &(NodeId, [u8; 32])| SubnetNode { id: *id, public_key: tree::node_key_der(key) };
        let record = SubnetRecord {
            id: subnet.0,
            root_key: root_key_der.to_vec(),
            nodes: nodes.iter().map(node).collect(),
            provisional: genesis.provisional,
            minting_canister: genesis.minting_canister.as_ref().and_then(CanisterId::from_principal),
            governance_canister: genesis.governance_canister.as_ref().and_then(CanisterId::from_principal),
            registry_canister: genesis.registry_canister.as_ref().and_then(CanisterId::from_principal),
            accounting: genesis.accounting,
            admins: genesis.subnet_admins.clone(),
            observers: genesis.observers.clone(),
        };
        let mut state = ReplicatedState::empty(record, Counters::genesis());
        let bytes = record::encode(state.subnet.as_ref())?;
        let write = Write::set(Column::Subnet, key::SUBNET.to_vec(), bytes);
        state.note_record(&write);
        state.touched.unwritten.push(write);
        Ok(state)
    }

    /// The same state, before the first block, with the canisters that this block makes. They need not be on disk: as
    /// long as no block was executed, a node begins with its genesis.
    pub fn with_founding(mut self, founding: Foundings) -> ReplicatedState {
        self.founding = founding;
        self
    }

    /// The same state with its first succession.
    pub fn with_succession(mut self, succession: Succession) -> ReplicatedState {
        let write = Write::set(Column::Subnet, key::SUCCESSION.to_vec(), succession.encode());
        self.note_record(&write);
        self.touched.unwritten.push(write);
        self.succession = Some(Arc::new(succession));
        self
    }

    /// Who the members are, and who come after them.
    pub fn succession(&self) -> Option<&Arc<Succession>> {
        self.succession.as_ref()
    }

    /// Takes what the block of this height says about the subnet itself.
    ///
    /// # Errors
    /// [`HostFailure`] if the record of the membership is damaged.
    pub fn apply_system(&mut self, messages: &[SystemMessage]) -> Result<(), HostFailure> {
        let height = self.counters.height;
        let Some(succession) = self.succession.as_ref() else {
            return Ok(());
        };
        if messages.is_empty() && !succession.may_end_at(height) {
            return Ok(());
        }
        let mut next = Succession::clone(succession);
        let changed = next.apply(height, messages).map_err(|error| HostFailure(error.to_string()))?;
        if changed && next.epoch() != succession.epoch() {
            self.set_members(&next)?;
        }
        if changed {
            self.succession = Some(Arc::new(next));
        }
        Ok(())
    }

    /// The certified tree shows the members of the epoch.
    fn set_members(&mut self, succession: &Succession) -> Result<(), HostFailure> {
        let committee = succession.committee().map_err(|error| HostFailure(error.to_string()))?;
        let node = |index| {
            let (id, key) = (committee.node_id(index)?, committee.identity_key(index)?);
            Some(SubnetNode { id, public_key: tree::node_key_der(&key) })
        };
        let nodes: Vec<SubnetNode> = committee.indexes().filter_map(node).collect();
        if nodes == self.subnet.nodes {
            return Ok(());
        }
        if nodes.len() != self.subnet.nodes.len() {
            self.reprice(|_| ());
        }
        let subnet = Arc::make_mut(&mut self.subnet);
        let before = std::mem::replace(&mut subnet.nodes, nodes);
        tree::hide_nodes(&mut self.tree, self.subnet.id.as_slice(), &before);
        tree::show_subnet(&mut self.tree, &self.subnet);
        let bytes = record::encode(self.subnet.as_ref())?;
        let write = Write::set(Column::Subnet, key::SUBNET.to_vec(), bytes);
        self.note_record(&write);
        self.touched.unwritten.push(write);
        Ok(())
    }

    /// A state without canisters and history; its tree shows the subnet.
    pub(super) fn empty(subnet: SubnetRecord, counters: Counters) -> ReplicatedState {
        let mut tree = LabelTree::new();
        tree::show_subnet(&mut tree, &subnet);
        tree::show_time(&mut tree, counters.time);
        tree::show_metrics(&mut tree, &subnet, &counters, 0);
        ReplicatedState {
            subnet: Arc::new(subnet),
            succession: None,
            counters,
            prices: Arc::default(),
            duties: Arc::default(),
            samples: Samples::default(),
            canisters: OrdMap::new(),
            modules: OrdMap::new(),
            shares: Shares::default(),
            chunks: OrdMap::new(),
            history: History::default(),
            management: Queue::default(),
            active: OrdSet::new(),
            timers: OrdSet::new(),
            stops: OrdSet::new(),
            tasks: Tasks::default(),
            line: OrdSet::new(),
            solvent: OrdSet::new(),
            allotted: OrdSet::new(),
            frozen: 0,
            allocated: Allocated::default(),
            #[cfg(test)]
            cycles: 0,
            queue_bytes: 0,
            deadlines: OrdSet::new(),
            tree,
            records: LabelTree::new(),
            touched: Touched::default(),
            founding: Vec::new(),
        }
    }

    /// The spec's state tree after the last sealed height. Its digest is what replicas sign.
    pub fn tree(&self) -> &LabelTree {
        &self.tree
    }

    /// Who sent the request, if the ingress history knows it.
    pub fn request_sender(&self, id: &RequestId) -> Option<Principal> {
        self.history.get(id).map(|entry| entry.sender)
    }

    /// The height executed last; 0 at genesis.
    pub fn height(&self) -> Height {
        self.counters.height
    }

    /// The time of that height.
    pub fn time(&self) -> Time {
        self.counters.time
    }

    /// The digest of the state tree.
    pub fn root(&self) -> StateRoot {
        StateRoot(self.tree.digest())
    }

    /// Who the subnet is.
    pub fn subnet(&self) -> &SubnetRecord {
        &self.subnet
    }

    /// How many canisters there are.
    pub fn canister_count(&self) -> usize {
        self.canisters.len()
    }

    /// The canister.
    pub fn canister(&self, id: CanisterId) -> Option<&Arc<CanisterState>> {
        self.canisters.get(&id)
    }

    /// All canisters, by id.
    pub fn canisters(&self) -> impl Iterator<Item = (&CanisterId, &Arc<CanisterState>)> {
        self.canisters.iter()
    }

    /// The ingress history.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Calls that the chain carried and that have not expired, with their expiry: what a restarted
    /// replica must not let into a block again ([`Recovered::executed_requests`]).
    pub fn executed_requests(&self) -> Vec<(RequestId, Time)> {
        let unexpired = self.history.iter().filter(|(_, entry)| entry.expiry >= self.counters.time);
        unexpired.map(|(id, entry)| (*id, entry.expiry)).collect()
    }

    /// How many users' calls are remembered.
    pub fn history_len(&self) -> usize {
        self.history.len()
    }

    /// The content of a stored chunk.
    pub fn chunk(&self, id: CanisterId, hash: &Digest) -> Option<&Blob> {
        self.chunks.get(&(id, *hash))
    }

    /// The module of this hash, if a canister runs it.
    pub fn module(&self, hash: &Digest) -> Option<&Arc<Module>> {
        self.modules.get(hash).map(|shared| &shared.module)
    }
}

/// Changes. Every one goes through here, so that indexes and the list of what was touched hold.
impl ReplicatedState {
    /// Adds a canister, or replaces it.
    pub fn put_canister(&mut self, id: CanisterId, mut canister: CanisterState) {
        canister.watch_heap();
        let new = Arc::new(canister);
        let old = self.canisters.insert(id, new.clone());
        self.touched.canisters.insert(id);
        self.reindex(id, old.as_deref(), Some(&new));
    }

    /// Changes a canister; `None` if there is no such canister.
    pub fn change_canister<R>(
        &mut self,
        id: CanisterId,
        change: impl FnOnce(&mut CanisterState) -> R,
    ) -> Option<R> {
        let slot = self.canisters.get_mut(&id)?;
        let before = Marks::of(slot);
        let canister = Arc::make_mut(slot);
        let result = change(canister);
        canister.watch_heap();
        let after = Marks::of(slot);
        #[cfg(test)]
        index::assert_paid(slot, before, after, self.counters.time);
        self.touched.canisters.insert(id);
        self.remark(id, before, after);
        Some(result)
    }

    /// Removes a canister with its record, memories, messages and log. Its module and chunks, and those of its
    /// snapshots, are released by the caller.
    pub fn remove_canister(&mut self, id: CanisterId) {
        let old = self.canisters.remove(&id);
        self.touched.canisters.insert(id);
        self.reindex(id, old.as_deref(), None);
    }

    /// Seals the canister with this height, though nothing of it changes: another takes over what it has on disk.
    pub fn touch_canister(&mut self, id: CanisterId) {
        self.touched.canisters.insert(id);
    }

    /// Sets what is known of a user's call.
    pub fn set_history(&mut self, id: RequestId, entry: HistoryEntry) {
        self.touched.requests.insert(id);
        self.history.set(id, entry);
    }

    /// Forgets a user's call.
    pub fn remove_history(&mut self, id: RequestId) {
        self.touched.requests.insert(id);
        self.history.remove(&id);
    }

    /// Counts one more canister that runs `module`.
    pub fn add_module(&mut self, module: Arc<Module>) {
        self.touched.modules.insert(module.hash);
        let shared = self.modules.entry(module.hash).or_insert(SharedModule { module, users: 0 });
        shared.users = shared.users.saturating_add(1);
    }

    /// Counts one canister less that runs the module.
    pub fn release_module(&mut self, hash: &Digest) {
        self.touched.modules.insert(*hash);
        let Some(shared) = self.modules.get_mut(hash) else {
            return;
        };
        shared.users = shared.users.saturating_sub(1);
        if shared.users == 0 {
            self.modules.remove(hash);
        }
    }

    /// Stores a chunk's content; the canister's record or a snapshot lists it.
    pub fn put_chunk(&mut self, id: CanisterId, hash: Digest, content: Arc<[u8]>) {
        self.chunks.insert((id, hash), Blob::held(content));
    }

    /// Shares a chunk's content that another canister holds.
    pub fn share_chunk(&mut self, id: CanisterId, hash: Digest, content: Blob) {
        self.chunks.insert((id, hash), content);
    }

    /// Removes the contents of those chunks that neither the canister nor a snapshot of it lists any more.
    pub fn release_chunks(&mut self, id: CanisterId, hashes: impl IntoIterator<Item = Digest>) {
        for hash in hashes {
            if !self.canisters.get(&id).is_some_and(|canister| canister.lists_chunk(&hash)) {
                self.chunks.remove(&(id, hash));
            }
        }
    }

    /// Enters a write into the tree of record digests.
    pub(super) fn note_record(&mut self, write: &Write) {
        let path: [&[u8]; 2] = [record::label(write.column), &write.key];
        match &write.value {
            Some(value) => self.records.set_leaf(&path, sha256(value).0.to_vec()),
            None => self.records.remove(&path),
        }
    }

    /// Seals a height: brings the state tree up to date and returns what is to be written.
    /// `before` is the state when the last height was sealed.
    ///
    /// # Errors
    /// [`HostFailure`] if pages cannot be read or a record cannot be encoded.
    pub fn seal(&mut self, before: &ReplicatedState) -> Result<(StateDelta, StateRoot), HostFailure> {
        super::seal::seal(self, before)
    }
}
