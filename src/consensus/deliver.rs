//! Finalized blocks go to execution, oldest first, each once (rule 6).

use super::chain::{Link, Unlinked};
use super::machine::Consensus;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::sync::Arc;

impl Consensus {
    /// Delivers the block of the highest finalization that can be linked to the tip, and its ancestors.
    pub(super) fn deliver(&mut self) -> bool {
        let finalizations = self.pool.finalizations(self.chain.tip.view);
        if finalizations.is_empty() {
            self.catch_up.stalled_since = None;
        }
        if self.chain.is_backlogged() {
            return false;
        }
        if let Some(highest) = finalizations.first() {
            self.make_beacons(highest.view);
        }
        // Finalized blocks lie on one chain: what a higher one lacks, all down to there lack.
        let mut lacking = None;
        for finalization in finalizations {
            if lacking.is_some_and(|view| finalization.view >= view) {
                continue;
            }
            match self.final_branch(&finalization) {
                Ok(branch) => {
                    self.extend_chain(branch, finalization);
                    return true;
                }
                Err(Unlinked::Missing { view, .. }) => {
                    self.catch_up.stalled_since.get_or_insert(self.clock.steady());
                    lacking = Some(view);
                }
                // More than f replicas are faulty: a replica that cannot know which fork its own state
                // stands on signs nothing further.
                Err(Unlinked::Fork) => self.stopped = true,
            }
        }
        false
    }

    /// Makes the beacons that are missing between the tip and `view`: a view's certificate, with which its
    /// beacon comes, may have passed this replica by.
    fn make_beacons(&mut self, view: View) {
        let open = self.pool.from(self.chain.tip.view.next()).take_while(|(at, _)| *at <= view);
        let without = open.filter(|(_, attempt)| attempt.beacon.is_none()).map(|(at, _)| at);
        let without: Vec<View> = without.collect();
        without.into_iter().for_each(|view| self.make_beacon(view));
    }

    /// The blocks that `finalization` makes final, oldest first, with their hashes and beacons.
    fn final_branch(&self, finalization: &Finalization) -> Result<Vec<Final>, Unlinked> {
        let mut hash = finalization.block;
        let mut branch = Vec::new();
        for block in self.branch(finalization.view, hash)? {
            let beacon = self.pool.get(block.view).and_then(|attempt| attempt.beacon);
            let beacon = beacon.ok_or(Unlinked::Missing { view: block.view, hash })?;
            let candidate = self.pool.get(block.view).and_then(|attempt| attempt.candidate(&hash));
            let stored = candidate.is_some_and(|candidate| candidate.stored);
            let parent = block.parent;
            branch.push(Final { hash, block, beacon, stored });
            hash = parent;
        }
        branch.reverse();
        Ok(branch)
    }

    /// Makes `branch` the newest part of the finalized chain.
    pub(super) fn extend_chain(&mut self, branch: Vec<Final>, finalization: Finalization) {
        let mut void = Vec::new();
        for Final { hash, block, beacon, stored } in branch {
            if block.view.epoch() != self.epoch() && !planted(Bug::VoidDelivered) {
                // A block of an epoch to come, on top of one that does not end: more than f replicas are faulty.
                self.stopped |= block.view.epoch() > self.epoch();
                void.push((block, beacon));
                continue;
            }
            if !stored {
                self.emit(Effect::Persist(Record::Block { hash, block: block.clone() }));
            }
            // Segments end at finalizations: the nearest one keeps them short.
            let own = self.pool.get(block.view).and_then(|attempt| attempt.finalization);
            let finalization = own.filter(|own| own.block == hash).unwrap_or(finalization);
            self.emit(Effect::Persist(Record::Finalized {
                height: block.height,
                hash,
                beacon,
                finalization,
            }));
            self.chain.tip = Link::of(hash, &block);
            self.chain.beacon = Some(beacon);
            self.emit(Effect::Deliver { block: block.clone(), beacon });
            self.apply_system(&block);
        }
        if !void.is_empty() {
            self.emit(Effect::Persist(Record::Void { blocks: void, finalization }));
        }
        self.chain.finalization = Some(finalization);
        if finalization.view.epoch() == self.epoch() {
            self.pool.purge_below(finalization.view);
        }
        self.view.nullified_in_row = 0;
        self.catch_up.stalled_since = None;
    }
}

/// A finalized block.
#[derive(Clone, Debug)]
pub struct Final {
    pub hash: Digest,
    pub block: Arc<Block>,
    pub beacon: RandomBeacon,
    /// Its body is on disk: this replica proposed it or voted for it.
    pub stored: bool,
}
