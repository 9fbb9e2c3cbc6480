//! What a test replica wrote, and what its restart finds.

use crate::types::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A disk that loses nothing. Execution's commit is on it too.
#[derive(Clone, Default)]
pub struct Disk {
    pub votes: Vec<Vote>,
    pub proposals: BTreeMap<Digest, Arc<Proposal>>,
    pub blocks: BTreeMap<Digest, Arc<Block>>,
    pub notarizations: BTreeMap<View, (Notarization, RandomBeacon)>,
    pub nullifications: BTreeMap<View, (Nullification, RandomBeacon)>,
    pub finalized: BTreeMap<Height, (Digest, RandomBeacon, Finalization)>,
    pub certification: Option<Certification>,
    pub executed: Option<Executed>,
    /// It was lost once, and it is not known yet what was on it.
    pub votes_lost: bool,
    pub votes_lost_until: View,
    pub succession: Option<bytes::Bytes>,
    pub void: Option<ChainSegment>,
}

impl Disk {
    pub fn write(&mut self, record: Record) {
        match record {
            Record::Vote(vote) => self.votes.push(vote),
            Record::Proposal { hash, proposal } => {
                self.blocks.insert(hash, Arc::new(proposal.block.clone()));
                self.proposals.insert(hash, proposal);
            }
            Record::Block { hash, block } => {
                self.blocks.insert(hash, block);
            }
            Record::Notarization(notarization, beacon) => {
                self.notarizations.insert(notarization.view, (notarization, beacon));
            }
            Record::Nullification(nullification, beacon) => {
                self.nullifications.insert(nullification.view, (nullification, beacon));
            }
            Record::Finalized { height, hash, beacon, finalization } => {
                self.finalized.insert(height, (hash, beacon, finalization));
            }
            Record::Void { blocks, finalization } => {
                self.void = Some(ChainSegment { blocks, finalization, certification: None });
            }
            Record::Certification(certification) => self.certification = Some(certification),
            Record::Recollected { until } => (self.votes_lost, self.votes_lost_until) = (false, until),
        }
    }

    /// The block that a finalization names, if its body was written.
    pub fn block(&self, hash: &Digest) -> Arc<Block> {
        self.blocks.get(hash).expect("a finalized block is on disk").clone()
    }

    pub fn recover(&self) -> Recovered {
        let executed = self.executed.map_or(Height::ZERO, |executed| executed.height);
        let finalized = self.finalized.range(executed.max(Height(1))..);
        let finalized: Vec<_> =
            finalized.map(|(_, (hash, beacon, _))| (*hash, self.block(hash), *beacon)).collect();
        let tip = finalized.last().map_or(View::ZERO, |(_, block, _)| block.view);
        Recovered {
            executed,
            root: self.executed.map(|executed| executed.root),
            certification: self.certification,
            finalization: self.finalized.values().next_back().map(|(_, _, finalization)| *finalization),
            finalized,
            proposals: self
                .proposals
                .iter()
                .map(|(hash, proposal)| (*hash, proposal.clone()))
                .filter(|(_, proposal)| proposal.block.view > tip)
                .collect(),
            notarizations: self.notarizations.range(tip.next()..).map(|(_, found)| *found).collect(),
            nullifications: self.nullifications.range(tip.next()..).map(|(_, found)| *found).collect(),
            votes: self.votes.iter().filter(|vote| vote.view() > tip).copied().collect(),
            executed_requests: Vec::new(),
            votes_lost: self.votes_lost,
            votes_lost_until: self.votes_lost_until,
            succession: self.succession.clone(),
        }
    }

    /// Forgets the blocks below the certified height.
    pub fn purge(&mut self) {
        if let Some(certification) = self.certification {
            self.finalized = self.finalized.split_off(&certification.height);
        }
    }

    /// What a peer gets that asks for blocks that are purged.
    pub fn package(&self) -> Option<ChainSegment> {
        let certification = self.certification?;
        let from = self.finalized.range(certification.height..);
        let mut blocks = Vec::new();
        for (_, (hash, beacon, finalization)) in from {
            blocks.push((self.block(hash), *beacon));
            if finalization.block == *hash {
                return Some(ChainSegment {
                    blocks,
                    finalization: *finalization,
                    certification: Some(certification),
                });
            }
        }
        None
    }

    /// The fetched state of `package` takes the place of the own one; votes stay.
    pub fn adopt(&mut self, package: &ChainSegment) {
        let (block, beacon) = &package.blocks[0];
        let child = package.blocks.get(1).map(|(block, _)| block.parent);
        let hash = child.unwrap_or(package.finalization.block);
        self.blocks.insert(hash, block.clone());
        self.finalized = BTreeMap::from([(block.height, (hash, *beacon, package.finalization))]);
        let Certification { height, root, .. } = package.certification.expect("a package is certified");
        (self.certification, self.executed) = (package.certification, Some(Executed { height, root }));
    }

    /// What a peer that asks for the chain gets.
    pub fn segment(&self, from: Height) -> Option<ChainSegment> {
        if self.finalized.keys().next().is_none_or(|first| from < *first) {
            return None;
        }
        let found: Vec<_> = self.finalized.range(from..).take(limits::CHAIN_SEGMENT_BLOCKS_MAX).collect();
        let last = found.last().map(|(_, (hash, _, _))| *hash)?;
        let end = found.iter().rposition(|(_, (hash, _, finalization))| finalization.block == *hash);
        let void = self.void.as_ref().filter(|void| void.blocks[0].0.parent == last);
        if let Some(void) = void.filter(|_| end.is_none_or(|end| end + 1 < found.len())) {
            let blocks = found.iter().map(|(_, (hash, beacon, _))| (self.block(hash), *beacon));
            let blocks = blocks.chain(void.blocks.iter().cloned()).collect();
            let finalization = void.finalization;
            return Some(ChainSegment { blocks, finalization, certification: self.certification });
        }
        let end = end?;
        let (_, (_, _, finalization)) = found.get(end)?;
        let blocks =
            found.iter().take(end + 1).map(|(_, (hash, beacon, _))| (self.block(hash), *beacon)).collect();
        Some(ChainSegment { blocks, finalization: *finalization, certification: self.certification })
    }
}
