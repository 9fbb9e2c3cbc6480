//! Volumes: where the pages of memories are on disk.
//!
//! 1. A memory (heap or stable memory of a canister or snapshot, module of an uploaded snapshot) is kept in
//!    **layers**: a list of volumes, oldest first. For each page the newest volume that has an entry says what it
//!    is; in `PageDigest` an empty value says that the page is gone.
//! 2. A copy of a memory lists the same volumes: a snapshot is taken, and loaded, without a page being copied.
//! 3. Only a volume that one memory alone lists, as its newest, is written to. Whoever must write and has
//!    none gets a new one on top.
//! 4. A volume that no memory lists any more is dropped whole.
//! 5. A memory of more than [`LAYERS_SETTLED_MAX`] layers is rewritten into its newest, [`SETTLE_PAGES`] pages each
//!    time its canister is sealed; then it gives the others up.

use super::record::key;
use super::{CanisterState, Column, HostFailure, Page, PageMap, ReplicatedState, Snapshot, Write};
use crate::types::limits::{LAYERS_SETTLED_MAX, SETTLE_PAGES};
use crate::types::{CanisterId, Digest};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names a volume; never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct VolumeId(pub u64);

/// The volumes of one memory, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Layers {
    pub volumes: Vec<VolumeId>,
    /// Pages below this index are in the newest volume (rule 5).
    pub settled: u64,
}

/// How many memories list a volume, where it is more than one.
#[derive(Clone, Default)]
pub(super) struct Shares(imbl::OrdMap<VolumeId, u64>);

impl Shares {
    /// The counts of all `lists`.
    pub(super) fn count(lists: &BTreeMap<VolumeId, u64>) -> Shares {
        Shares(lists.iter().filter(|(_, count)| **count > 1).map(|(id, count)| (*id, *count)).collect())
    }

    fn is_shared(&self, id: VolumeId) -> bool {
        self.0.contains_key(&id)
    }

    /// `change` more memories list the volume; `true` if none does any more.
    fn change(&mut self, id: VolumeId, change: i64) -> bool {
        let count = self.0.get(&id).copied().unwrap_or(1).saturating_add_signed(change);
        match count {
            0 | 1 => self.0.remove(&id),
            _ => self.0.insert(id, count),
        };
        count == 0
    }
}

/// One memory of a canister.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Heap,
    Stable,
    SnapshotHeap(u64),
    SnapshotStable(u64),
    SnapshotModule(u64),
}

/// Every memory of the canister.
pub(super) fn parts(canister: &CanisterState) -> impl Iterator<Item = Part> {
    let of = |number: &u64| {
        [Part::SnapshotHeap(*number), Part::SnapshotStable(*number), Part::SnapshotModule(*number)]
    };
    [Part::Heap, Part::Stable].into_iter().chain(canister.snapshots.keys().flat_map(of))
}

impl Part {
    pub(super) fn of(self, canister: &CanisterState) -> Option<(&PageMap, &Layers)> {
        let snapshot = |number: u64| canister.snapshots.get(&number).map(Arc::as_ref);
        Some(match self {
            Part::Heap => (&canister.heap, &canister.record.heap_layers),
            Part::Stable => (&canister.stable, &canister.record.stable_layers),
            Part::SnapshotHeap(n) => snapshot(n).map(|s| (&s.heap, &s.record.heap_layers))?,
            Part::SnapshotStable(n) => snapshot(n).map(|s| (&s.stable, &s.record.stable_layers))?,
            Part::SnapshotModule(n) => snapshot(n).map(|s| (&s.module_pages, &s.record.module_layers))?,
        })
    }

    fn set_layers(self, canister: &mut CanisterState, layers: Layers) {
        let mut snapshot = |number: u64, set: fn(&mut Snapshot) -> &mut Layers, layers| {
            if let Some(snapshot) = canister.snapshots.get_mut(&number) {
                *set(Arc::make_mut(snapshot)) = layers;
            }
        };
        match self {
            Part::Heap => canister.record.heap_layers = layers,
            Part::Stable => canister.record.stable_layers = layers,
            Part::SnapshotHeap(n) => snapshot(n, |s| &mut s.record.heap_layers, layers),
            Part::SnapshotStable(n) => snapshot(n, |s| &mut s.record.stable_layers, layers),
            Part::SnapshotModule(n) => snapshot(n, |s| &mut s.record.module_layers, layers),
        }
    }
}

/// Brings the memories of `touched` canisters to disk: the writes, and the volumes that nobody lists any more.
/// Sets layers and roots in the records.
///
/// # Errors
/// [`HostFailure`] if pages cannot be read.
pub(super) fn seal_memories(
    state: &mut ReplicatedState,
    before: &ReplicatedState,
    touched: &BTreeSet<CanisterId>,
) -> Result<(Vec<Write>, Vec<VolumeId>), HostFailure> {
    let mut volumes = Volumes {
        shares: std::mem::take(&mut state.shares),
        next: state.counters.next_volume,
        writes: Vec::new(),
        dropped: Vec::new(),
        stored: BTreeMap::new(),
        made: BTreeMap::new(),
    };
    volumes.recount(state, before, touched);
    for id in touched {
        let Some(slot) = state.canisters.get_mut(id) else {
            continue;
        };
        let old = before.canisters.get(id).map(Arc::as_ref);
        let canister = Arc::make_mut(slot);
        let memories: Vec<Part> = parts(canister).collect();
        for part in memories {
            volumes.seal(old, canister, part)?;
        }
        volumes.made.clear();
        note_roots(canister);
    }
    let Volumes { shares, next, writes, dropped, .. } = volumes;
    state.shares = shares;
    state.counters.next_volume = next;
    Ok((writes, dropped))
}

fn note_roots(canister: &mut CanisterState) {
    canister.record.heap_root = canister.heap.root();
    canister.record.stable_root = canister.stable.root();
    for slot in canister.snapshots.values_mut() {
        let roots = [slot.heap.root(), slot.stable.root(), slot.module_pages.root()];
        let record = &slot.record;
        if [record.heap_root, record.stable_root, record.module_root] != roots {
            let record = &mut Arc::make_mut(slot).record;
            [record.heap_root, record.stable_root, record.module_root] = roots;
        }
    }
}

struct Volumes {
    shares: Shares,
    /// The number of the next volume.
    next: u64,
    writes: Vec<Write>,
    dropped: Vec<VolumeId>,
    /// What is on disk under a list of volumes.
    stored: BTreeMap<Vec<VolumeId>, PageMap>,
    /// What a memory's list became in this height, by list and root.
    made: BTreeMap<(Vec<VolumeId>, Digest), Layers>,
}

impl Volumes {
    /// Lists that came and went change the counts (rule 4).
    fn recount(&mut self, state: &ReplicatedState, before: &ReplicatedState, touched: &BTreeSet<CanisterId>) {
        let mut net: BTreeMap<VolumeId, i64> = BTreeMap::new();
        let mut copied = false;
        for id in touched {
            let pair = [before, state].map(|state| state.canisters.get(id).map(Arc::as_ref));
            let parts: BTreeSet<Part> = pair.into_iter().flatten().flat_map(parts).collect();
            for part in parts {
                let [old, new] = pair.map(|canister| part.of(canister?).map(|(_, layers)| &layers.volumes));
                if old == new {
                    continue;
                }
                copied |= new.is_some_and(|volumes| !volumes.is_empty());
                for (volumes, change) in [(old, -1), (new, 1)] {
                    for volume in volumes.into_iter().flatten() {
                        *net.entry(*volume).or_default() += change;
                    }
                }
            }
        }
        for (volume, change) in net {
            if change != 0 && self.shares.change(volume, change) {
                self.dropped.push(volume);
            }
        }
        if copied {
            self.learn(before, touched);
        }
    }

    /// Notes what is on disk: somebody has a copy of another's list.
    fn learn(&mut self, before: &ReplicatedState, touched: &BTreeSet<CanisterId>) {
        for canister in touched.iter().filter_map(|id| before.canisters.get(id)) {
            for (map, layers) in parts(canister).filter_map(|part| part.of(canister)) {
                self.stored.insert(layers.volumes.clone(), map.clone());
            }
        }
    }

    fn seal(
        &mut self,
        old: Option<&CanisterState>,
        canister: &mut CanisterState,
        part: Part,
    ) -> Result<(), HostFailure> {
        let Some((map, layers)) = part.of(canister) else {
            return Ok(());
        };
        let base = self.base(old, part, layers)?;
        let equal = map.root() == base.root();
        if equal && layers.volumes.len() <= LAYERS_SETTLED_MAX {
            return Ok(());
        }
        let (map, mut layers) = (map.clone(), layers.clone());
        if !equal {
            self.store(&map, &base, &mut layers)?;
        }
        self.settle(&map, &mut layers)?;
        part.set_layers(canister, layers);
        Ok(())
    }

    /// What is on disk under the memory's layers.
    fn base(&self, old: Option<&CanisterState>, part: Part, layers: &Layers) -> Result<PageMap, HostFailure> {
        if layers.volumes.is_empty() {
            return Ok(PageMap::new());
        }
        let same = old.and_then(|old| part.of(old)).filter(|(_, old)| old.volumes == layers.volumes);
        let map = same.map(|(map, _)| map).or_else(|| self.stored.get(&layers.volumes));
        map.cloned().ok_or_else(|| HostFailure("a memory lists volumes that no memory had".into()))
    }

    /// Writes what differs from `base` into the newest volume, or a new one (rule 3).
    fn store(&mut self, map: &PageMap, base: &PageMap, layers: &mut Layers) -> Result<(), HostFailure> {
        let made = (layers.volumes.clone(), map.root());
        if let Some(equal) = self.made.get(&made) {
            *layers = equal.clone();
            if let Some(top) = layers.volumes.last() {
                self.shares.change(*top, 1);
            }
            return Ok(());
        }
        let top = match layers.volumes.last() {
            Some(top) if !self.shares.is_shared(*top) => *top,
            _ => {
                let top = VolumeId(self.next);
                self.next = self.next.saturating_add(1);
                layers.volumes.push(top);
                layers.settled = 0;
                self.made.insert(made, layers.clone());
                top
            }
        };
        let covers = layers.volumes.len() > 1;
        for (index, page) in map.changes_since(base)? {
            let digest = map.digest_at(index)?.map(|digest| Bytes::copy_from_slice(&digest.0));
            let digest = digest.or_else(|| covers.then(Bytes::new));
            self.write(top, index, digest, page);
        }
        Ok(())
    }

    fn write(&mut self, volume: VolumeId, index: u64, digest: Option<Bytes>, page: Option<Page>) {
        let key = key::page(volume, index);
        let content = page.map(|page| Bytes::copy_from_slice(page.as_slice()));
        self.writes.push(Write { column: Column::PageDigest, key: key.clone(), value: digest });
        self.writes.push(Write { column: Column::Page, key, value: content });
    }

    /// Rule 5.
    fn settle(&mut self, map: &PageMap, layers: &mut Layers) -> Result<(), HostFailure> {
        let Some((top, lower)) = layers.volumes.split_last() else {
            return Ok(());
        };
        if lower.len() < LAYERS_SETTLED_MAX || self.shares.is_shared(*top) {
            return Ok(());
        }
        let (top, lower) = (*top, lower.to_vec());
        let pages = map.pages_from(layers.settled, SETTLE_PAGES)?;
        let last = pages.last().map(|(index, _)| *index);
        let more = pages.len() == SETTLE_PAGES;
        for (index, page) in pages {
            let digest = map.digest_at(index)?.map(|digest| Bytes::copy_from_slice(&digest.0));
            self.write(top, index, digest, Some(page));
        }
        match last.and_then(|last| last.checked_add(1)).filter(|_| more) {
            Some(settled) => layers.settled = settled,
            None => {
                *layers = Layers { volumes: vec![top], settled: 0 };
                for volume in lower {
                    if self.shares.change(volume, -1) {
                        self.dropped.push(volume);
                    }
                }
            }
        }
        Ok(())
    }
}
