//! A restart: what storage recovered becomes the machine's knowledge; the same rules go on from there
//! (rule 7).

use super::certify::Certifier;
use super::chain::Link;
use super::machine::Consensus;
use super::pool::Candidate;
use crate::crypto::hash::hash_calls;
use crate::membership::Succession;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::sync::Arc;

impl Consensus {
    /// Takes the first input.
    pub(super) fn recover(&mut self, recovered: Recovered) {
        self.started = true;
        let is_silent = recovered.votes_lost && !planted(Bug::AmnesiaIgnored);
        self.amnesia = is_silent.then(Default::default);
        self.forgotten = recovered.votes_lost_until;
        self.recover_chain(&recovered);
        if self.stopped {
            return;
        }
        self.recover_views(recovered.proposals, recovered.notarizations, recovered.nullifications);
        recovered.votes.iter().for_each(|vote| self.recover_vote(*vote));
        self.recover_certification(recovered.certification, recovered.executed, recovered.root);
        let beacon = self.chain.beacon.map(|beacon| beacon.signature);
        let first = self.base().next();
        self.open(first, self.keys.keyring.leader(first, beacon.as_ref()));
        while self.enter() {}
        self.peers.hear_all(self.view.number);
        recovered.votes.iter().for_each(|vote| self.recount(*vote));
        self.complain(self.chain.tip.height.next());
    }

    /// The finalized chain; heights that were not executed are delivered again.
    fn recover_chain(&mut self, recovered: &Recovered) {
        self.chain.executed = recovered.executed;
        let known = recovered.succession.as_deref().map(Succession::decode);
        let Ok(mut succession) = known.unwrap_or_else(|| Ok(self.handing.succession.clone())) else {
            self.stopped = true;
            return;
        };
        for (hash, block, beacon) in &recovered.finalized {
            self.chain.tip = Link::of(*hash, block);
            self.chain.beacon = Some(*beacon);
            let again = planted(Bug::ExecutedAgainAtRestart) && block.height == recovered.executed;
            if block.height > recovered.executed {
                self.stopped |= succession.apply(block.height, &block.payload.system).is_err();
            }
            if block.height > recovered.executed || again {
                self.emit(Effect::Deliver { block: block.clone(), beacon: *beacon });
            }
        }
        self.chain.finalization = recovered.finalization;
        self.recover_epoch(succession);
        let last = recovered.finalized.last();
        if let Some((_, block, beacon)) = last.filter(|(_, block, _)| block.view.epoch() == self.epoch()) {
            let attempt = self.pool.at(block.view);
            attempt.beacon = Some(*beacon);
            attempt.finalization =
                recovered.finalization.filter(|finalization| finalization.view == block.view);
        }
    }

    fn recover_views(
        &mut self,
        proposals: Vec<(Digest, Arc<Proposal>)>,
        notarizations: Vec<(Notarization, RandomBeacon)>,
        nullifications: Vec<(Nullification, RandomBeacon)>,
    ) {
        let (tip, epoch) = (self.chain.tip.view, self.epoch());
        let open = |view: View| view > tip && view.epoch() == epoch;
        for (hash, proposal) in proposals.into_iter().filter(|(_, proposal)| open(proposal.block.view)) {
            let Proposal { block, signature } = proposal.as_ref();
            let (header, calls) = (block.header(), hash_calls(&block.payload));
            let compact = CompactProposal { header, calls, signature: *signature };
            let mut candidate = Candidate::new(hash, proposal, Arc::new(compact));
            candidate.stored = true;
            self.pool.at(candidate.block.view).candidates.push(candidate);
        }
        for (notarization, beacon) in notarizations.into_iter().filter(|(found, _)| open(found.view)) {
            let attempt = self.pool.at(notarization.view);
            (attempt.notarization, attempt.beacon) = (Some(notarization), Some(beacon));
            attempt.notarization_stored = true;
        }
        for (nullification, beacon) in nullifications.into_iter().filter(|(found, _)| open(found.view)) {
            let attempt = self.pool.at(nullification.view);
            (attempt.nullification, attempt.beacon) = (Some(nullification), Some(beacon));
            attempt.nullification_stored = true;
        }
    }

    fn recover_vote(&mut self, vote: Vote) {
        let open = vote.view() > self.chain.tip.view && vote.view().epoch() == self.epoch();
        if !open || planted(Bug::VotesForgottenAtRestart) {
            return;
        }
        let attempt = self.pool.at(vote.view());
        match vote {
            Vote::Notarize { block, .. } => attempt.notarized = Some(block),
            Vote::Nullify { .. } => attempt.nullified = true,
            Vote::Finalize { block, .. } => attempt.finalized = Some(block),
        }
    }

    fn recover_certification(
        &mut self,
        newest: Option<Certification>,
        executed: Height,
        root: Option<StateRoot>,
    ) {
        self.certifier = Certifier::recovered(newest);
        if let Some(root) = root {
            self.take_executed(Executed { height: executed, root });
        }
    }

    /// Own votes that can still matter count again, as if they had just been given.
    fn recount(&mut self, vote: Vote) {
        let open = vote.view() > self.chain.tip.view && vote.view().epoch() == self.epoch();
        if !open || vote.view().next() < self.view.number || !self.is_voter() {
            return;
        }
        match vote {
            Vote::Notarize { view, block } => {
                self.add_notarization_share(self.notarization_share(view, block))
            }
            Vote::Nullify { view } => self.add_nullification_share(self.nullification_share(view)),
            Vote::Finalize { view, block } => {
                self.add_finalization_share(self.finalization_share(view, block))
            }
        }
    }
}
