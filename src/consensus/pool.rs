//! Everything known about the views above the finalized one (rule 9).

use super::share::Shares;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the check of a proposal's payload stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Unasked,
    Asked,
    Valid,
    /// Never to be voted for.
    Refused,
    /// To be asked again at this moment (on the scale of waits).
    Later(Time),
}

/// A proposal and what was found out about it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub hash: Digest,
    pub proposal: Arc<Proposal>,
    /// The same as it travels.
    pub compact: Arc<CompactProposal>,
    /// The proposal's block once more, in the form that is handed on.
    pub block: Arc<Block>,
    pub standing: Standing,
    /// Its calls were authenticated when they came.
    pub proven: bool,
    /// On disk already.
    pub stored: bool,
}

impl Candidate {
    /// A proposal about which nothing is known yet.
    pub fn new(hash: Digest, proposal: Arc<Proposal>, compact: Arc<CompactProposal>) -> Candidate {
        let block = Arc::new(proposal.block.clone());
        let standing = Standing::Unasked;
        Candidate { hash, proposal, compact, block, standing, proven: false, stored: false }
    }
}

/// One view: what its leader proposed, who voted how, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    pub candidates: Vec<Candidate>,
    pub notarize: Shares<Digest>,
    pub nullify: Shares<()>,
    pub finalize: Shares<Digest>,
    pub beacons: Shares<()>,
    pub notarization: Option<Notarization>,
    pub nullification: Option<Nullification>,
    pub finalization: Option<Finalization>,
    pub beacon: Option<RandomBeacon>,
    /// The block of this view that a certified one descends from.
    pub ancestor: Option<Digest>,
    pub notarization_stored: bool,
    pub nullification_stored: bool,
    /// Own votes.
    pub notarized: Option<Digest>,
    pub nullified: bool,
    pub finalized: Option<Digest>,
}

impl Attempt {
    /// Whether a replica may leave this view (rule 1).
    pub fn is_certified(&self) -> bool {
        self.has_certificate() && self.beacon.is_some()
    }

    /// Whether a quorum decided this view.
    pub fn has_certificate(&self) -> bool {
        self.notarization.is_some() || self.nullification.is_some() || self.finalization.is_some()
    }

    /// Whether this replica may vote to notarize a block of this view (rule 3).
    pub fn may_notarize(&self) -> bool {
        (self.notarized.is_none() || planted(Bug::NotarizeTwice)) && !self.nullified
    }

    /// Whether this replica may vote to give this view up (rule 4).
    pub fn may_nullify(&self) -> bool {
        !self.nullified && self.finalized.is_none() && !self.is_certified()
    }

    /// The block of this view that this replica may vote to finalize (rule 5). Its certificate is on disk: if a crash
    /// left the vote alone, the view could stay one that nobody finalizes and that not enough may give up.
    pub fn may_finalize(&self) -> Option<Digest> {
        let given_up = self.nullified && !planted(Bug::FinalizeAfterNullify);
        let free = !given_up && self.finalized.is_none() && self.finalization.is_none();
        let stored = self.notarization.filter(|_| self.notarization_stored);
        stored.filter(|_| free).map(|notarization| notarization.block)
    }

    /// The block that a quorum notarized or finalized.
    pub fn certified_block(&self) -> Option<Digest> {
        let finalized = self.finalization.map(|finalization| finalization.block);
        finalized.or(self.notarization.map(|notarization| notarization.block))
    }

    /// The block of this view that must be here: a certified one, or one that others are built on. A quorum certified
    /// that one too, but if it also gave the view up, no peer repeats its certificate.
    pub fn needed_block(&self) -> Option<Digest> {
        self.certified_block().or(self.ancestor)
    }

    /// Its certificates as they travel.
    pub fn certificates(&self, beacon: RandomBeacon) -> impl Iterator<Item = PeerMessage> {
        let notarization = self.notarization.map(|found| PeerMessage::Notarization(found, beacon));
        let nullification = self.nullification.map(|found| PeerMessage::Nullification(found, beacon));
        notarization.into_iter().chain(nullification)
    }

    /// The proposal with this hash.
    pub fn candidate(&self, hash: &Digest) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.hash == *hash)
    }

    /// The proposal with this hash, to change what is known about it.
    pub fn candidate_mut(&mut self, hash: &Digest) -> Option<&mut Candidate> {
        self.candidates.iter_mut().find(|candidate| candidate.hash == *hash)
    }
}

/// All attempts by view. Views at or below the finalized one are dropped, except that very one.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    attempts: BTreeMap<View, Attempt>,
}

impl Pool {
    /// What is known of `view`.
    pub fn get(&self, view: View) -> Option<&Attempt> {
        self.attempts.get(&view)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, view: View) -> Option<&mut Attempt> {
        self.attempts.get_mut(&view)
    }

    /// The entry of `view`, made if it is new.
    pub fn at(&mut self, view: View) -> &mut Attempt {
        self.attempts.entry(view).or_default()
    }

    /// Attempts from `view` on, lowest first.
    pub fn from(&self, view: View) -> impl DoubleEndedIterator<Item = (View, &Attempt)> {
        self.attempts.range(view..).map(|(view, attempt)| (*view, attempt))
    }

    /// The highest view from `view` on that may be left, and its beacon.
    pub fn highest_certified(&self, view: View) -> Option<(View, &Attempt)> {
        self.from(view).rev().find(|(_, attempt)| attempt.is_certified())
    }

    /// The finalizations of views above `view`, highest first.
    pub fn finalizations(&self, view: View) -> Vec<Finalization> {
        self.from(view.next()).rev().filter_map(|(_, attempt)| attempt.finalization).collect()
    }

    /// The lowest view above `view` that may not be left yet: what is missed first.
    pub fn first_gap(&self, view: View) -> View {
        let mut gap = view.next();
        while self.get(gap).is_some_and(Attempt::is_certified) {
            gap = gap.next();
        }
        gap
    }

    /// Whether every view strictly between `low` and `high` is nullified.
    pub fn is_nullified_between(&self, low: View, high: View) -> bool {
        let mut view = if planted(Bug::GapUnchecked) { high } else { low.next() };
        while view < high {
            if self.get(view).is_none_or(|attempt| attempt.nullification.is_none()) {
                return false;
            }
            view = view.next();
        }
        true
    }

    /// Whether a quorum stands behind this block of `view`, by its own certificate or by one of a block above.
    pub fn is_needed(&self, view: View, hash: &Digest) -> bool {
        self.get(view).and_then(Attempt::needed_block) == Some(*hash)
    }

    /// Notes what the needed blocks that are here descend from, above `base`.
    pub fn note_ancestors(&mut self, base: View) {
        let mut parents = BTreeMap::new();
        for (view, attempt) in self.attempts.iter_mut().rev() {
            attempt.ancestor = parents.remove(view).or(attempt.ancestor);
            let needed = attempt.needed_block();
            if let Some(needed) = needed.and_then(|hash| attempt.candidate(&hash)) {
                parents.entry(needed.block.parent_view).or_insert(needed.block.parent);
            }
        }
        // Of these views nothing at all was heard.
        for (view, parent) in parents.split_off(&base.next()) {
            self.at(view).ancestor = Some(parent);
        }
    }

    /// The proposal with this hash in any view.
    pub fn find(&self, hash: &Digest) -> Option<&Candidate> {
        self.attempts.values().rev().find_map(|attempt| attempt.candidate(hash))
    }

    /// Forgets all views below `view`.
    pub fn purge_below(&mut self, view: View) {
        self.attempts = self.attempts.split_off(&view);
    }

    /// On entering `current`: drops proposals of it that are not by its leader, and those of the view
    /// before the last that nobody notarized; a later certificate fetches its body again.
    pub fn tidy(&mut self, base: View, current: View, leader: NodeIndex) {
        self.note_ancestors(base);
        if let Some(attempt) = self.get_mut(current) {
            let anybody = planted(Bug::LeaderUnchecked);
            attempt.candidates.retain(|candidate| candidate.block.proposer == leader || anybody);
        }
        let left = View(current.0.saturating_sub(1));
        for (_, attempt) in self.attempts.range_mut(..left) {
            let needed = attempt.needed_block();
            attempt.candidates.retain(|candidate| Some(candidate.hash) == needed);
        }
    }

    /// How many views are kept.
    pub fn len(&self) -> usize {
        self.attempts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(nullified: &[u64]) -> Pool {
        let mut pool = Pool::default();
        for view in nullified.iter().map(|view| View(*view)) {
            let signature = BlsBytes([0; 48]);
            pool.at(view).nullification = Some(Nullification { view, signature });
            pool.at(view).beacon = Some(RandomBeacon { view, signature });
        }
        pool
    }

    #[test]
    fn the_first_gap_is_the_lowest_view_without_a_certificate() {
        assert_eq!(pool(&[]).first_gap(View(4)), View(5));
        assert_eq!(pool(&[5, 6, 8]).first_gap(View(4)), View(7));
    }

    #[test]
    fn neighbouring_views_have_nothing_between_them() {
        assert!(pool(&[]).is_nullified_between(View(4), View(5)));
        assert!(pool(&[5, 6]).is_nullified_between(View(4), View(7)));
        assert!(!pool(&[5]).is_nullified_between(View(4), View(7)));
    }
}
