//! The finalized chain, its batches and its states, as honest nodes showed them.

use super::attendance::Claim;
use super::votes::{Votes, epoch_of};
use super::{Finding, violation};
use crate::crypto::hash::hash_block;
use crate::types::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of the one chain, and how far each node is on it.
pub struct Chain {
    epoch_length: u64,
    /// The newest epoch, and its first height.
    reign: (u64, Height),
    /// Blocks that an honest node kept, by hash.
    blocks: BTreeMap<Digest, Arc<Facts>>,
    finalized: BTreeMap<Height, Digest>,
    batches: BTreeMap<Height, Batch>,
    requests: BTreeMap<RequestId, Height>,
    roots: BTreeMap<Height, StateRoot>,
    nodes: Vec<Standing>,
    /// Which node wrote which block.
    stored: BTreeSet<(NodeIndex, Digest)>,
}

/// A block without its envelopes.
struct Facts {
    view: View,
    height: Height,
    parent: Digest,
    proposer: NodeIndex,
    time: Time,
    attendance: Attendance,
    requests: Vec<(RequestId, Time)>,
    changes: Vec<MembershipChange>,
}

/// How far a node is.
#[derive(Clone, Copy, Default, Debug)]
pub struct Standing {
    pub finalized: Height,
    pub ordered: Height,
    pub executed: Height,
    pub certified: Height,
}

impl Chain {
    pub fn new(nodes: usize, epoch_length: u64) -> Chain {
        Chain {
            epoch_length,
            reign: (0, Height::ZERO),
            blocks: BTreeMap::new(),
            finalized: BTreeMap::new(),
            batches: BTreeMap::new(),
            requests: BTreeMap::new(),
            roots: BTreeMap::new(),
            nodes: vec![Standing::default(); nodes],
            stored: BTreeSet::new(),
        }
    }

    pub fn kept(&mut self, node: NodeIndex, record: &Record, votes: &Votes) -> Finding {
        match record {
            Record::Proposal { hash, proposal } => self.keep_block(node, *hash, &proposal.block),
            Record::Block { hash, block } => self.keep_block(node, *hash, block),
            Record::Finalized { height, hash, beacon, .. } => {
                self.finalize(node, *height, *hash, beacon, votes)
            }
            _ => Ok(()),
        }
    }

    fn keep_block(&mut self, node: NodeIndex, hash: Digest, block: &Block) -> Finding {
        if !self.blocks.contains_key(&hash) && hash_block(block) != hash {
            return violation("I2", format!("node {node} keeps a block under the wrong hash {hash:?}"));
        }
        self.learn(hash, block);
        self.stored.insert((node, hash));
        Ok(())
    }

    fn learn(&mut self, hash: Digest, block: &Block) {
        self.blocks.entry(hash).or_insert_with(|| {
            Arc::new(Facts {
                view: block.view,
                height: block.height,
                parent: block.parent,
                proposer: block.proposer,
                time: block.time,
                attendance: block.attendance.clone(),
                requests: block.payload.ingress.iter().map(|ingress| (ingress.id, ingress.expiry)).collect(),
                changes: changes(block),
            })
        });
    }

    /// I1, I2: one block a height, linked to the one below, notarized, known, in its turn.
    fn finalize(
        &mut self,
        node: NodeIndex,
        height: Height,
        hash: Digest,
        beacon: &RandomBeacon,
        votes: &Votes,
    ) -> Finding {
        let standing = self.standing_mut(node);
        if height.0 > standing.finalized.0 + 1 {
            return violation(
                "I2",
                format!("node {node} finalizes height {height} after {}", standing.finalized),
            );
        }
        standing.finalized = standing.finalized.max(height);
        let one = *self.finalized.entry(height).or_insert(hash);
        if one != hash {
            return violation("I1", format!("height {height} is {one:?} and, for node {node}, {hash:?}"));
        }
        let block = self.blocks.get(&hash).filter(|_| self.stored.contains(&(node, hash))).cloned();
        let Some(block) = block else {
            return violation(
                "I2",
                format!("node {node} finalizes {hash:?} at {height}, a block that it does not keep"),
            );
        };
        if beacon.view != block.view {
            return violation(
                "I3",
                format!("the block of view {} is finalized with the beacon of {}", block.view, beacon.view),
            );
        }
        self.linked(&block, height, hash)?;
        if block.view.0 >> 40 > self.reign.0 {
            self.reign = (block.view.0 >> 40, height);
        }
        if votes.out_of_turn(block.view, block.proposer) {
            let Facts { view, proposer, .. } = *block;
            return violation(
                "I2",
                format!("node {proposer} proposed the final block of view {view} out of turn"),
            );
        }
        let parent = self.blocks.get(&block.parent).map(|parent| (parent.view, block.parent));
        let (view, proposer, said) = (block.view, block.proposer, &block.attendance);
        votes.attended(&Claim { view, proposer, parent, said })?;
        if votes.could_notarize(block.view, hash) {
            return Ok(());
        }
        violation(
            "I2",
            format!("height {height} finalizes {hash:?} of view {}, which nobody could notarize", block.view),
        )
    }

    fn linked(&self, block: &Facts, height: Height, hash: Digest) -> Finding {
        let below = Height(height.0.saturating_sub(1));
        let parent = self.finalized.get(&below).copied().unwrap_or(Digest::ZERO);
        if block.height != height || block.parent != parent {
            return violation(
                "I2",
                format!(
                    "{hash:?} at height {height} says height {} on {:?}, and {parent:?} is below",
                    block.height, block.parent
                ),
            );
        }
        match self.blocks.get(&parent) {
            Some(parent) if parent.time >= block.time || parent.view >= block.view => {
                violation("I2", format!("{hash:?} at height {height} is not after its parent"))
            }
            // A view's bits from 40 on are its epoch, which may end at a multiple of its length.
            Some(parent) if parent.view.0 >> 40 != block.view.0 >> 40 => {
                let next = (parent.view.0 >> 40) + 1 == block.view.0 >> 40;
                if next && self.epoch_length > 0 && below.0.is_multiple_of(self.epoch_length) {
                    return Ok(());
                }
                violation("I2", format!("{hash:?} at height {height} is of another epoch than its parent"))
            }
            _ => Ok(()),
        }
    }

    /// I1, I7: heights in order and each once a life, the same batch everywhere, no request twice or late.
    pub fn ordered(&mut self, node: NodeIndex, batch: &Batch) -> Finding {
        let standing = self.standing_mut(node);
        if batch.height != standing.ordered.next() {
            return violation(
                "I7",
                format!("node {node} executes height {} after {}", batch.height, standing.ordered),
            );
        }
        standing.ordered = batch.height;
        if let Some(known) = self.batches.get(&batch.height) {
            if known == batch {
                return Ok(());
            }
            return violation("I1", format!("node {node} executes another batch at height {}", batch.height));
        }
        self.agrees_with_block(batch)?;
        self.each_once(batch)?;
        self.batches.insert(batch.height, batch.clone());
        Ok(())
    }

    fn agrees_with_block(&self, batch: &Batch) -> Finding {
        let block = self.finalized.get(&batch.height).and_then(|hash| self.blocks.get(hash));
        let Some(block) = block else {
            return violation("I1", format!("height {} is executed before it is finalized", batch.height));
        };
        let same = batch.time == block.time
            && batch.proposer == block.proposer
            && batch.voters.iter().eq(&block.attendance.voters)
            && batch.missed == block.attendance.missed
            && batch.ingress.iter().map(|ingress| ingress.id).eq(block.requests.iter().map(|(id, _)| *id));
        if same {
            return Ok(());
        }
        violation("I1", format!("the batch at height {} is not its block's", batch.height))
    }

    fn each_once(&mut self, batch: &Batch) -> Finding {
        for ingress in &batch.ingress {
            if let Some(before) = self.requests.insert(ingress.id, batch.height) {
                return violation(
                    "I7",
                    format!("request {:?} is executed at {before} and at {}", ingress.id, batch.height),
                );
            }
            if ingress.call.ingress_expiry < batch.time {
                return violation(
                    "I7",
                    format!("request {:?} is executed at {}, after its expiry", ingress.id, batch.height),
                );
            }
        }
        Ok(())
    }

    pub fn reference(&mut self, height: Height, root: StateRoot) {
        self.roots.insert(height, root);
    }

    /// The time of the block at `height`; zero before the first.
    pub fn time_of(&self, height: Height) -> Time {
        self.batches.get(&height).map_or(Time::ZERO, |batch| batch.time)
    }

    pub fn unreferenced(&self) -> Height {
        self.roots.keys().next_back().map_or(Height(1), |height| height.next())
    }

    /// I4: the root is the reference execution's.
    pub fn executed(&mut self, node: NodeIndex, height: Height, root: StateRoot) -> Finding {
        let standing = self.standing_mut(node);
        standing.executed = standing.executed.max(height);
        self.same_root(height, root, node)
    }

    pub fn certified(&mut self, node: NodeIndex, certification: &Certification) -> Finding {
        let standing = self.standing_mut(node);
        standing.certified = standing.certified.max(certification.height);
        self.same_root(certification.height, certification.root, node)
    }

    fn same_root(&self, height: Height, root: StateRoot, node: NodeIndex) -> Finding {
        match self.roots.get(&height) {
            Some(reference) if *reference == root => Ok(()),
            Some(reference) => violation(
                "I4",
                format!("node {node} has {root:?} at height {height}, the reference {reference:?}"),
            ),
            None => {
                violation("I4", format!("node {node} has a state at height {height}, which nothing ordered"))
            }
        }
    }

    /// A restart goes on from the disk: the node's past is what it kept, and that is of the one chain.
    pub fn restarted(&mut self, node: NodeIndex, recovered: &Recovered) -> Finding {
        let tip = recovered.finalized.last().map_or(Height::ZERO, |(_, block, _)| block.height);
        let first = recovered.executed.0.max(1);
        if !recovered
            .finalized
            .iter()
            .map(|(_, block, _)| block.height.0)
            .eq(first..=tip.0.max(recovered.executed.0))
        {
            return violation("I2", format!("node {node} restarts with a hole between {first} and {tip}"));
        }
        for (hash, block, _) in &recovered.finalized {
            if self.finalized.get(&block.height).is_some_and(|one| one != hash) {
                return violation(
                    "I1",
                    format!("node {node} restarts with {hash:?} at height {}", block.height),
                );
            }
        }
        let standing = self.standing_mut(node);
        standing.finalized = tip;
        standing.ordered = recovered.executed;
        standing.executed = recovered.executed;
        standing.certified =
            recovered.certification.map_or(Height::ZERO, |certification| certification.height);
        Ok(())
    }

    /// The epoch of the final block at `height`, and which changes of the members it asks for.
    pub fn asked_of_members(&self, height: Height) -> Option<(u64, &[MembershipChange])> {
        let block = self.blocks.get(self.finalized.get(&height)?)?;
        Some((epoch_of(block.view), &block.changes))
    }

    /// The lowest of what honest nodes finalized and certified.
    pub fn lowest(&self, honest: &[bool]) -> Height {
        let standings = self.nodes.iter().zip(honest).filter(|(_, honest)| **honest);
        standings.map(|(standing, _)| standing.finalized.min(standing.certified)).min().unwrap_or_default()
    }

    /// The highest height that an honest node finalized.
    pub fn highest(&self) -> Height {
        self.finalized.keys().next_back().copied().unwrap_or_default()
    }

    /// Where the newest epoch began.
    pub fn reign(&self) -> Height {
        self.reign.1
    }

    /// Where every honest node stands, for a report.
    pub fn standing(&self, honest: &[bool]) -> String {
        let standings =
            self.nodes.iter().enumerate().filter(|(node, _)| honest.get(*node).copied().unwrap_or(false));
        standings
            .map(|(node, s)| {
                format!(
                    "node {node}: finalized {}, executed {}, certified {}; ",
                    s.finalized, s.executed, s.certified
                )
            })
            .collect()
    }

    fn standing_mut(&mut self, node: NodeIndex) -> &mut Standing {
        &mut self.nodes[usize::from(node.0)]
    }
}

fn changes(block: &Block) -> Vec<MembershipChange> {
    let change = |message: &SystemMessage| match message {
        SystemMessage::Change(change) => Some(change.clone()),
        _ => None,
    };
    block.payload.system.iter().filter_map(change).collect()
}
