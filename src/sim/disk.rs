//! A node's disk: an ordered log whose tail is not safe yet. A crash keeps everything up to the last
//! barrier, and of the rest a prefix of any length: what a write-ahead log with torn tail keeps.

use super::executor::Executor;
use super::random::Random;
use crate::types::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One node's disk.
pub struct Disk {
    log: Vec<Entry>,
    /// Entries that survive any crash.
    synced: usize,
}

enum Entry {
    Record(Record),
    /// The state after a height.
    Commit {
        root: StateRoot,
        state: Executor,
    },
}

/// What a crash took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Entries that were not synced when it struck.
    pub unsynced: usize,
    /// How many of them are gone.
    pub lost: usize,
}

impl Disk {
    /// A disk that holds `genesis` alone.
    pub fn new(genesis: Executor) -> Disk {
        let root = genesis.root();
        Disk { log: vec![Entry::Commit { root, state: genesis }], synced: 1 }
    }

    /// Writes a record; it is safe after the next barrier.
    pub fn write(&mut self, record: Record) {
        self.log.push(Entry::Record(record));
    }

    /// Writes the state after a height; it is safe after the next barrier.
    pub fn commit(&mut self, root: StateRoot, state: Executor) {
        self.log.push(Entry::Commit { root, state });
    }

    /// Entries written so far.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// The first `mark` entries are safe from now on.
    pub fn sync(&mut self, mark: usize) {
        self.synced = self.synced.max(mark.min(self.log.len()));
    }

    /// Power fails: a random part of the unsynced tail is gone.
    pub fn crash(&mut self, random: &mut Random) -> Torn {
        let unsynced = self.log.len() - self.synced;
        let kept = random.below(unsynced as u64 + 1) as usize;
        self.log.truncate(self.synced + kept);
        self.synced = self.log.len();
        Torn { unsynced, lost: unsynced - kept }
    }

    /// What a restart finds, and the state to go on from.
    pub fn recover(&self) -> (Recovered, Executor) {
        let (root, state) = self.newest_state();
        let executed = state.height();
        let index = Index::read(self.records());
        let root = (executed > Height::ZERO).then_some(root);
        let executed_requests = state.history();
        (Recovered { executed_requests, ..index.recovered(executed, root) }, state)
    }

    /// Finalized blocks from `from` on, ending in one that a finalization names.
    pub fn chain_segment(&self, from: Height) -> Option<ChainSegment> {
        Index::read(self.records()).segment(from)
    }

    fn newest_state(&self) -> (StateRoot, Executor) {
        let commits = self.log.iter().rev().filter_map(|entry| match entry {
            Entry::Commit { root, state } => Some((*root, state.clone())),
            Entry::Record(_) => None,
        });
        commits.take(1).next().unwrap_or_else(|| unreachable!("the genesis is never torn off"))
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.log.iter().filter_map(|entry| match entry {
            Entry::Record(record) => Some(record),
            Entry::Commit { .. } => None,
        })
    }
}

/// The log's records by key: a later record replaces an earlier one of the same key.
#[derive(Default)]
struct Index<'a> {
    votes: Vec<Vote>,
    proposals: BTreeMap<Digest, &'a Arc<Proposal>>,
    blocks: BTreeMap<Digest, &'a Arc<Block>>,
    notarizations: BTreeMap<(View, Digest), (Notarization, RandomBeacon)>,
    nullifications: BTreeMap<View, (Nullification, RandomBeacon)>,
    finalized: BTreeMap<Height, (Digest, RandomBeacon, Finalization)>,
    certification: Option<Certification>,
}

impl<'a> Index<'a> {
    fn read(records: impl Iterator<Item = &'a Record>) -> Index<'a> {
        let mut index = Index::default();
        records.for_each(|record| index.add(record));
        index
    }

    fn add(&mut self, record: &'a Record) {
        match record {
            Record::Vote(vote) => self.votes.push(*vote),
            Record::Proposal { hash, proposal } => drop(self.proposals.insert(*hash, proposal)),
            Record::Block { hash, block } => drop(self.blocks.insert(*hash, block)),
            Record::Notarization(n, beacon) => {
                drop(self.notarizations.insert((n.view, n.block), (*n, *beacon)))
            }
            Record::Nullification(n, beacon) => drop(self.nullifications.insert(n.view, (*n, *beacon))),
            Record::Finalized { height, hash, beacon, finalization } => {
                self.finalized.insert(*height, (*hash, *beacon, *finalization));
            }
            Record::Certification(certification) => {
                let newest = self.certification.filter(|old| old.height >= certification.height);
                self.certification = newest.or(Some(*certification));
            }
        }
    }

    fn block(&self, hash: &Digest) -> Option<Arc<Block>> {
        let proposed = self.proposals.get(hash).map(|proposal| Arc::new(proposal.block.clone()));
        proposed.or_else(|| self.blocks.get(hash).map(|block| Arc::clone(block)))
    }

    fn recovered(&self, executed: Height, root: Option<StateRoot>) -> Recovered {
        let first = executed.max(Height(1));
        let tip = self.finalized.values().next_back();
        let above = tip.and_then(|(hash, ..)| self.block(hash)).map_or(View::ZERO, |block| block.view);
        Recovered {
            executed,
            root,
            certification: self.certification,
            finalized: self.finalized_from(first),
            finalization: tip.map(|(_, _, finalization)| *finalization),
            proposals: self.proposals_above(above),
            notarizations: self.notarizations.values().filter(|(n, _)| n.view > above).copied().collect(),
            nullifications: self.nullifications.values().filter(|(n, _)| n.view > above).copied().collect(),
            votes: self.votes.iter().filter(|vote| vote.view() > above).copied().collect(),
            executed_requests: Vec::new(),
        }
    }

    fn finalized_from(&self, first: Height) -> Vec<(Digest, Arc<Block>, RandomBeacon)> {
        let found = self.finalized.range(first..);
        found.filter_map(|(_, (hash, beacon, _))| Some((*hash, self.block(hash)?, *beacon))).collect()
    }

    fn proposals_above(&self, view: View) -> Vec<(Digest, Arc<Proposal>)> {
        let above = self.proposals.iter().filter(|(_, proposal)| proposal.block.view > view);
        above.map(|(hash, proposal)| (*hash, Arc::clone(proposal))).collect()
    }

    fn segment(&self, from: Height) -> Option<ChainSegment> {
        let end = self.segment_end(from)?;
        let (_, _, finalization) = self.finalized.get(&end)?;
        let run = self.finalized.range(from..=end);
        let blocks = run.map(|(_, (hash, beacon, _))| Some((self.block(hash)?, *beacon)));
        Some(ChainSegment {
            blocks: blocks.collect::<Option<Vec<_>>>()?,
            finalization: *finalization,
            certification: self.certification.filter(|certification| certification.height >= from),
        })
    }

    /// The last height within the bound (or the first one beyond it) that its own finalization names.
    fn segment_end(&self, from: Height) -> Option<Height> {
        let bound = Height(from.0.saturating_add(limits::CHAIN_SEGMENT_BLOCKS_MAX as u64 - 1));
        let named = |(height, (hash, _, finalization)): (&Height, &(Digest, RandomBeacon, Finalization))| {
            (finalization.block == *hash).then_some(*height)
        };
        self.finalized.contains_key(&from).then_some(())?;
        let within = self.finalized.range(from..=bound).rev().find_map(named);
        within.or_else(|| self.finalized.range(bound..).find_map(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(view: u64) -> Record {
        Record::Vote(Vote::Nullify { view: View(view) })
    }

    fn votes(disk: &Disk) -> usize {
        disk.recover().0.votes.len()
    }

    #[test]
    fn a_crash_keeps_what_is_synced_and_a_prefix_of_the_rest() {
        let mut kept = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut disk = Disk::new(Executor::ledger(Default::default()));
            (1..=3).for_each(|view| disk.write(vote(view)));
            disk.sync(disk.len());
            (4..=6).for_each(|view| disk.write(vote(view)));
            let torn = disk.crash(&mut Random::new(seed));
            assert_eq!(votes(&disk), 6 - torn.lost);
            assert_eq!(torn.unsynced, 3);
            kept.insert(votes(&disk));
        }
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
