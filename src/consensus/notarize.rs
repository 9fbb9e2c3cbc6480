//! One vote a view for the leader's proposal (rules 3 and 7).

use super::machine::Consensus;
use crate::crypto::threshold::Statement;
use crate::types::planted::{Bug, planted};
use crate::types::*;

impl Consensus {
    /// Votes for the first proposal of the current view that may be voted for.
    pub(super) fn notarize(&mut self) -> bool {
        let view = self.view.number;
        if self.is_mute(view) || !self.is_voter() {
            return false;
        }
        let Some(attempt) = self.pool.get(view) else {
            return false;
        };
        if !attempt.may_notarize() {
            return false;
        }
        let voted = attempt.notarized;
        for candidate in attempt.candidates.clone() {
            if planted(Bug::NotarizeTwice) && voted >= Some(candidate.hash) {
                continue;
            }
            if self.weigh(&candidate) {
                self.vote_notarize(view, candidate.hash);
                return true;
            }
        }
        false
    }

    fn vote_notarize(&mut self, view: View, block: Digest) {
        let attempt = self.pool.at(view);
        attempt.notarized = Some(block);
        let calls = attempt.candidate(&block).map_or(0, |candidate| candidate.block.payload.ingress.len());
        self.load.add(calls, self.clock.steady());
        let attempt = self.pool.at(view);
        let unstored = attempt.candidate_mut(&block).filter(|candidate| !candidate.stored);
        let proposal = unstored.map(|candidate| {
            candidate.stored = true;
            candidate.proposal.clone()
        });
        if let Some(proposal) = proposal {
            self.emit(Effect::Persist(Record::Proposal { hash: block, proposal }));
        }
        self.emit(Effect::Persist(Record::Vote(Vote::Notarize { view, block })));
        let share = self.notarization_share(view, block);
        self.emit(Effect::Broadcast(PeerMessage::NotarizationShare(share)));
        self.add_notarization_share(share);
    }

    /// This replica's share for `block` in `view`. Only for a vote that is on disk or about to be.
    pub(super) fn notarization_share(&self, view: View, block: Digest) -> NotarizationShare {
        let keyring = &self.keys.keyring;
        let share = keyring.sign_share(&Statement::Notarize { view, block });
        NotarizationShare { view, block, signer: keyring.own(), share, beacon: self.beacon_share(view) }
    }

    /// This replica's beacon share of `view`, which rides on its votes.
    pub(super) fn beacon_share(&self, view: View) -> SignatureShare {
        let keyring = &self.keys.keyring;
        let known = self.pool.get(view).and_then(|attempt| attempt.beacons.of(keyring.own()));
        known.map_or_else(|| keyring.sign_share(&Statement::Beacon { view }), |(_, share)| share)
    }
}
