//! The vote that makes a notarized block final (rules 5 and 7).

use super::machine::Consensus;
use crate::crypto::threshold::Statement;
use crate::types::*;

impl Consensus {
    /// Votes to finalize what `view` notarized, unless this replica voted to nullify the view.
    pub(super) fn finalize(&mut self, view: View) {
        if !self.is_voter() || self.is_mute(view) {
            return;
        }
        let Some(attempt) = self.pool.get_mut(view) else {
            return;
        };
        let Some(block) = attempt.may_finalize() else {
            return;
        };
        attempt.finalized = Some(block);
        self.emit(Effect::Persist(Record::Vote(Vote::Finalize { view, block })));
        let share = self.finalization_share(view, block);
        self.emit(Effect::Broadcast(PeerMessage::FinalizationShare(share)));
        self.add_finalization_share(share);
    }

    /// This replica's share for finalizing `block`. Only for a vote that is on disk or about to be.
    pub(super) fn finalization_share(&self, view: View, block: Digest) -> FinalizationShare {
        let keyring = &self.keys.keyring;
        let share = keyring.sign_share(&Statement::Finalize { view, block });
        FinalizationShare { view, block, signer: keyring.own(), share }
    }
}
