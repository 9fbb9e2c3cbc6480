//! A node's disk: the production journal over memory, and before it a tail of writes that are not safe
//! yet. A crash keeps everything up to the last barrier, and of the tail a prefix of any length: what a
//! write-ahead log keeps that is torn off.

use super::executor::Executor;
use super::random::Random;
use crate::state::StateDelta;
use crate::storage::Memory;
use crate::types::*;

/// One node's disk.
pub struct Disk {
    /// What survives any crash.
    safe: Memory,
    /// How many entries that is.
    synced: usize,
    /// Entries since the last barrier, oldest first.
    tail: Vec<Entry>,
    /// The state before the first height.
    genesis: Executor,
}

enum Entry {
    Record(Record),
    /// The changes of a height.
    Commit(StateDelta, StateRoot),
}

/// What a crash took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Entries that were not synced when it struck.
    pub unsynced: usize,
    /// How many of them are gone.
    pub lost: usize,
    /// The records that are not.
    pub kept: Vec<Record>,
}

/// What the journal or the state says is wrong.
pub type DiskError = String;

impl Disk {
    /// A disk on which nothing was written since `genesis`.
    pub fn new(genesis: Executor) -> Disk {
        Disk { safe: Memory::new(), synced: 0, tail: Vec::new(), genesis }
    }

    /// Everything on it is gone.
    pub fn lose(&mut self) {
        self.safe = Memory::after_loss();
        self.synced = 0;
        self.tail.clear();
    }

    /// The state as executed last, safe or not.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn frozen(&self) -> Result<Memory, DiskError> {
        let mut frozen = self.safe.clone();
        for entry in &self.tail {
            if let Entry::Commit(delta, root) = entry {
                frozen.commit(delta, *root).map_err(|error| error.to_string())?;
            }
        }
        Ok(frozen)
    }

    /// A fetched state takes the place of the own one, unless this one is as new.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn adopt(&mut self, package: &ChainSegment, state: &Memory) -> Result<bool, DiskError> {
        self.safe.adopt(package, state).map_err(|error| error.to_string())
    }

    /// Deletes the finalized blocks below `height`.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn purge(&mut self, height: Height) -> Result<usize, DiskError> {
        self.safe.purge(height).map_err(|error| error.to_string())
    }

    /// The catch-up package of a certified height.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn package(&self, certification: Certification) -> Result<Option<ChainSegment>, DiskError> {
        self.safe.package(certification).map_err(|error| error.to_string())
    }

    /// Whether it says, for good, that votes are missing on it.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn lacks_votes(&self) -> Result<bool, DiskError> {
        self.safe.votes_lost().map_err(|error| error.to_string())
    }

    /// Writes a record; it is safe after the next barrier.
    pub fn write(&mut self, record: Record) {
        self.tail.push(Entry::Record(record));
    }

    /// Writes the changes of a height; they are safe after the next barrier.
    pub fn commit(&mut self, delta: StateDelta, root: StateRoot) {
        self.tail.push(Entry::Commit(delta, root));
    }

    /// Entries written so far.
    pub fn len(&self) -> usize {
        self.synced + self.tail.len()
    }

    /// The first `mark` entries are safe from now on. Returns the records that became it.
    ///
    /// # Errors
    /// The journal finds that they contradict what is on disk.
    pub fn sync(&mut self, mark: usize) -> Result<Vec<Record>, DiskError> {
        let count = mark.saturating_sub(self.synced).min(self.tail.len());
        self.synced += count;
        let (mut records, mut written) = (Vec::new(), 0);
        for entry in self.tail.drain(..count) {
            match entry {
                Entry::Record(record) => records.push(record),
                Entry::Commit(delta, root) => {
                    persist(&mut self.safe, &records[written..])?;
                    written = records.len();
                    self.safe.commit(&delta, root).map_err(|error| error.to_string())?;
                }
            }
        }
        persist(&mut self.safe, &records[written..])?;
        Ok(records)
    }

    /// Power fails: a random part of the unsynced tail is gone.
    ///
    /// # Errors
    /// What is left does not make sense.
    pub fn crash(&mut self, random: &mut Random) -> Result<Torn, DiskError> {
        let unsynced = self.tail.len();
        let kept = random.below(unsynced as u64 + 1) as usize;
        let records = self.sync(self.synced + kept)?;
        self.tail.clear();
        self.safe.crash(self.safe.unsynced()).map_err(|error| error.to_string())?;
        Ok(Torn { unsynced, lost: unsynced - kept, kept: records })
    }

    /// What a restart finds, and the state to go on from.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn recover(&self) -> Result<(Recovered, Executor), DiskError> {
        let recovered = self.safe.recover().map_err(|error| error.to_string())?;
        let state = match recovered.executed {
            Height::ZERO => self.genesis.clone(),
            _ => self.genesis.restored(self.safe.source()).map_err(|error| error.to_string())?,
        };
        if state.height() != recovered.executed || recovered.root.is_some_and(|root| root != state.root()) {
            return Err(format!("height {} is restored as another state", recovered.executed));
        }
        let (executed_requests, succession) = (state.history(), state.succession());
        Ok((Recovered { executed_requests, succession, ..recovered }, state))
    }

    /// Finalized blocks from `from` on, ending in one that a finalization names.
    ///
    /// # Errors
    /// What is on disk does not make sense.
    pub fn chain_segment(&self, from: Height) -> Result<Option<ChainSegment>, DiskError> {
        self.safe.chain_segment(from).map_err(|error| error.to_string())
    }
}

/// Writes `records` as one batch.
fn persist(safe: &mut Memory, records: &[Record]) -> Result<(), DiskError> {
    if records.is_empty() {
        return Ok(());
    }
    safe.persist(records).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(view: u64) -> Record {
        Record::Vote(Vote::Nullify { view: View(view) })
    }

    fn votes(disk: &Disk) -> usize {
        disk.recover().unwrap().0.votes.len()
    }

    #[test]
    fn a_crash_keeps_what_is_synced_and_a_prefix_of_the_rest() {
        let mut kept = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut disk = Disk::new(Executor::ledger());
            (1..=3).for_each(|view| disk.write(vote(view)));
            disk.sync(disk.len()).unwrap();
            (4..=6).for_each(|view| disk.write(vote(view)));
            let torn = disk.crash(&mut Random::new(seed)).unwrap();
            assert_eq!(votes(&disk), 6 - torn.lost);
            assert_eq!((torn.unsynced, torn.kept.len()), (3, 3 - torn.lost));
            kept.insert(votes(&disk));
        }
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
