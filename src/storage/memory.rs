//! A disk for the simulator: the same keys in a map, and a tail of writes that a crash can tear.

use super::journal::Journal;
use super::schema::{Family, KEY_BYTES_MAX, meta};
use super::{Batch, Columns, StorageError, adopt, recover, segment};
use crate::state::{Column, HostFailure, StateDelta, StateSource};
use crate::types::{Certification, ChainSegment, Height, Record, Recovered, StateRoot};
use bytes::Bytes;
use imbl::OrdMap;
use std::sync::Arc;

type Map = OrdMap<(Family, Vec<u8>), Bytes>;

/// One simulated disk.
#[derive(Clone, Default)]
pub struct Memory {
    journal: Journal,
    /// What every crash leaves. Nobody else holds this map for long: it is changed in place.
    synced: Shelf,
    /// Batches since the last sync, oldest first.
    tail: Vec<Batch>,
}

#[derive(Clone, Default)]
struct Shelf {
    map: Map,
}

impl Memory {
    /// An empty disk.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// An empty disk in the place of one that held votes: [`super::Votes::MayBeLost`].
    pub fn after_loss() -> Memory {
        let mut memory = Memory::default();
        let mut batch = Batch::default();
        batch.put(Family::Meta, meta::AMNESIA, Vec::new());
        memory.synced.apply(&batch);
        memory
    }

    /// The state in `source`, which is that of `package`'s first block, takes the place of the own one, as
    /// [`super::Rocks::adopt`] and [`super::Rocks::carry_over`] do it. `false`, and nothing is changed, if this disk has
    /// executed as much.
    ///
    /// # Errors
    /// As [`Memory::recover`].
    pub fn adopt(&mut self, package: &ChainSegment, source: &Memory) -> Result<bool, StorageError> {
        let state = source.now();
        let state = state.map.iter().filter(|((family, _), _)| matches!(family, Family::State(_)));
        let mut new = Memory::default();
        new.synced.map = state.map(|(key, value)| (key.clone(), value.clone())).collect();
        new.synced.apply(&adopt::adoption(package));
        let Some(carried) = adopt::carried(&self.now(), &new.synced)? else {
            return Ok(false);
        };
        new.synced.apply(&carried);
        new.journal = Journal::load(&new.synced)?;
        *self = new;
        Ok(true)
    }

    /// As [`super::Rocks::purge`].
    ///
    /// # Errors
    /// As [`Memory::recover`].
    pub fn purge(&mut self, below: Height) -> Result<usize, StorageError> {
        let (batch, purged) = adopt::purge(&self.now(), below, usize::MAX)?;
        self.tail.push(batch);
        Ok(purged)
    }

    /// As [`super::Rocks::package`].
    ///
    /// # Errors
    /// As [`Memory::recover`].
    pub fn package(&self, certification: Certification) -> Result<Option<ChainSegment>, StorageError> {
        segment::package(&self.now(), certification)
    }

    /// Whether votes may have been lost with the disk before this one.
    ///
    /// # Errors
    /// As [`Memory::recover`].
    pub fn votes_lost(&self) -> Result<bool, StorageError> {
        Ok(Columns::get(&self.now(), Family::Meta, meta::AMNESIA)?.is_some())
    }

    /// As [`super::Rocks::persist`].
    ///
    /// # Errors
    /// Records that contradict what is on disk.
    pub fn persist(&mut self, records: &[Record]) -> Result<(), StorageError> {
        let batch = self.journal.persist(records)?;
        self.tail.push(batch);
        self.tail.drain(..).for_each(|batch| self.synced.apply(&batch));
        Ok(())
    }

    /// As [`super::Rocks::commit`].
    ///
    /// # Errors
    /// A height that does not follow the last one.
    pub fn commit(&mut self, delta: &StateDelta, root: StateRoot) -> Result<(), StorageError> {
        let batch = self.journal.commit(delta, root)?;
        self.tail.push(batch);
        Ok(())
    }

    /// How many batches a crash may tear off.
    pub fn unsynced(&self) -> usize {
        self.tail.len()
    }

    /// Power fails: of the batches that were not synced, the first `kept` survive.
    ///
    /// # Errors
    /// As [`Memory::recover`].
    pub fn crash(&mut self, kept: usize) -> Result<(), StorageError> {
        for batch in self.tail.drain(..).take(kept) {
            self.synced.apply(&batch);
        }
        self.journal = Journal::load(&self.synced)?;
        Ok(())
    }

    /// As [`super::Rocks::recover`].
    ///
    /// # Errors
    /// As [`super::Rocks::recover`].
    pub fn recover(&self) -> Result<Recovered, StorageError> {
        recover::recover(&self.now())
    }

    /// As [`super::Rocks::chain_segment`].
    ///
    /// # Errors
    /// As [`super::Rocks::chain_segment`].
    pub fn chain_segment(&self, from: Height) -> Result<Option<ChainSegment>, StorageError> {
        segment::chain_segment(&self.now(), from)
    }

    /// With what is not synced yet.
    fn now(&self) -> Shelf {
        let mut now = self.synced.clone();
        self.tail.iter().for_each(|batch| now.apply(batch));
        now
    }

    /// As [`super::Rocks::source`].
    pub fn source(&self) -> Arc<dyn StateSource> {
        Arc::new(self.now())
    }
}

impl Shelf {
    fn apply(&mut self, batch: &Batch) {
        for (family, prefix) in &batch.dropped {
            let keys: Vec<_> = self.from(*family, prefix).map(|(key, _)| key.clone()).collect();
            for key in keys.into_iter().take_while(|key| key.starts_with(prefix)) {
                self.map.remove(&(*family, key));
            }
        }
        for (family, key, value) in &batch.writes {
            let key = (*family, key.clone());
            match value {
                Some(value) => drop(self.map.insert(key, value.clone())),
                None => drop(self.map.remove(&key)),
            }
        }
    }

    /// Entries of a family from `from` on, ascending.
    fn from<'a>(&'a self, family: Family, from: &[u8]) -> impl Iterator<Item = (&'a Vec<u8>, &'a Bytes)> {
        let entries = self.map.range((family, from.to_vec())..);
        let same = move |((other, _), _): &(&(Family, Vec<u8>), &Bytes)| *other == family;
        entries.take_while(same).map(|((_, key), value)| (key, value))
    }
}

impl Columns for Shelf {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.map.get(&(family, key.to_vec())).cloned())
    }

    fn range(
        &self,
        family: Family,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StorageError> {
        let entries = self.from(family, from).take(limit);
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn last(&self, family: Family) -> Result<Option<(Vec<u8>, Bytes)>, StorageError> {
        let last = self.map.range(..=(family, vec![0xff; KEY_BYTES_MAX])).next_back();
        let own = last.filter(|((other, _), _)| *other == family);
        Ok(own.map(|((_, key), value)| (key.clone(), value.clone())))
    }
}

impl StateSource for Shelf {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Bytes>, HostFailure> {
        Ok(self.map.get(&(Family::State(column), key.to_vec())).cloned())
    }

    fn scan_from(
        &self,
        column: Column,
        first: &[u8],
        bytes: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let mut taken = 0usize;
        let within = |(key, value): &(&Vec<u8>, &Bytes)| {
            let is_room = taken == 0 || taken < bytes;
            taken = taken.saturating_add(key.len()).saturating_add(value.len());
            is_room
        };
        let entries = self.from(Family::State(column), first).take_while(within);
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn scan(&self, column: Column, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let entries = self.from(Family::State(column), prefix);
        let entries = entries.take_while(|(key, _)| key.starts_with(prefix));
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
