//! What may have been lost is sent again, at a steady pace (rule 11).

use super::machine::Consensus;
use crate::types::limits::CERTIFICATES_PUSHED_MAX;
use crate::types::planted::{Bug, planted};
use crate::types::*;

impl Consensus {
    /// At each interval: the status, the own share for an uncertified height; and if the view does not
    /// move, own votes and the certificates below them.
    pub(super) fn resend(&mut self) {
        let steady = self.clock.steady();
        if steady < self.resend_due {
            return;
        }
        self.resend_due = steady.plus_ms(self.resend_ms());
        self.peers.reset_served();
        let status = self.status();
        self.emit(Effect::Broadcast(PeerMessage::Status(status)));
        self.resend_certification_share();
        self.resend_system();
        if self.is_stuck() && !planted(Bug::NothingResent) {
            self.resend_certificates();
            self.resend_votes();
            self.resend_proposal();
        }
    }

    /// In the view for a whole interval, and a vote given or a proposal overdue.
    fn is_stuck(&self) -> bool {
        let steady = self.clock.steady();
        let voted = self
            .pool
            .get(self.view.number)
            .is_some_and(|attempt| attempt.notarized.is_some() || attempt.nullified);
        let long = self.view.entered.plus_ms(self.resend_ms()) <= steady;
        long && (voted || self.proposal_expected() <= steady)
    }

    fn resend_certification_share(&mut self) {
        let height = self.chain.executed;
        if let Some(root) = self.certifier.root(height).filter(|_| self.is_voter()) {
            let share = self.certification_share(height, root);
            self.emit(Effect::Broadcast(PeerMessage::CertificationShare(share)));
        }
    }

    /// The certificates on which a proposal of the current view stands: down to the highest notarized block that is
    /// here with all its ancestors. That one's are sent however far below it is; and where a view was given up too,
    /// both, for a replica that cannot get the block builds below it.
    fn resend_certificates(&mut self) {
        let mut messages = Vec::new();
        let mut view = View(self.view.number.0.saturating_sub(1));
        while view > self.base() {
            let Some(attempt) = self.pool.get(view) else {
                break;
            };
            let Some(beacon) = attempt.beacon else { break };
            let notarized = attempt.notarization.map(|notarization| notarization.block);
            let linked = notarized.is_some_and(|block| self.branch(view, block).is_ok());
            if linked || messages.len() < CERTIFICATES_PUSHED_MAX {
                messages.extend(attempt.certificates(beacon));
            }
            if linked {
                break;
            }
            view = View(view.0.saturating_sub(1));
        }
        messages.into_iter().rev().for_each(|message| self.emit(Effect::Broadcast(message)));
    }

    /// Own votes of the current view, and the own vote to finalize the highest block it was given for.
    fn resend_votes(&mut self) {
        if !self.is_voter() {
            return;
        }
        let view = self.view.number;
        let (notarized, nullified) =
            self.pool.get(view).map_or((None, false), |attempt| (attempt.notarized, attempt.nullified));
        let finalized = self.last_finalize_vote();
        if let Some(block) = notarized {
            let share = self.notarization_share(view, block);
            self.emit(Effect::Broadcast(PeerMessage::NotarizationShare(share)));
        }
        if nullified {
            let share = self.nullification_share(view);
            self.emit(Effect::Broadcast(PeerMessage::NullificationShare(share)));
        }
        if let Some((view, block)) = finalized {
            let share = self.finalization_share(view, block);
            self.emit(Effect::Broadcast(PeerMessage::FinalizationShare(share)));
        }
    }

    fn last_finalize_vote(&self) -> Option<(View, Digest)> {
        let mut above = self.pool.from(self.chain.tip.view.next()).rev();
        above.find_map(|(view, attempt)| Some((view, attempt.finalized?)))
    }

    /// The own proposal of the current view, to those who have not voted for it.
    fn resend_proposal(&mut self) {
        let own = self.keys.keyring.own();
        let Some(attempt) = self.pool.get(self.view.number) else {
            return;
        };
        let candidate = attempt.candidates.iter().find(|candidate| candidate.block.proposer == own);
        let Some(proposal) = candidate.map(|candidate| candidate.compact.clone()) else {
            return;
        };
        let silent = self.others().into_iter().filter(|peer| attempt.notarize.of(*peer).is_none());
        for peer in silent.collect::<Vec<_>>() {
            self.emit(Effect::Send(peer, PeerMessage::Proposal(proposal.clone())));
        }
    }
}
