//! Giving up a view whose time is over (rules 4 and 7).

use super::machine::Consensus;
use crate::crypto::threshold::Statement;
use crate::types::*;

impl Consensus {
    /// Votes to nullify the current view after its deadline, unless it is decided or voted final.
    pub(super) fn nullify(&mut self) -> bool {
        let view = self.view.number;
        if !self.is_voter() || self.clock.steady() < self.deadline() || self.is_mute(view) {
            return false;
        }
        let attempt = self.pool.at(view);
        if !attempt.may_nullify() {
            return false;
        }
        attempt.nullified = true;
        self.emit(Effect::Persist(Record::Vote(Vote::Nullify { view })));
        let share = self.nullification_share(view);
        self.emit(Effect::Broadcast(PeerMessage::NullificationShare(share)));
        self.add_nullification_share(share);
        true
    }

    /// This replica's share for giving up `view`. Only for a vote that is on disk or about to be.
    pub(super) fn nullification_share(&self, view: View) -> NullificationShare {
        let keyring = &self.keys.keyring;
        let share = keyring.sign_share(&Statement::Nullify { view });
        NullificationShare { view, signer: keyring.own(), share, beacon: self.beacon_share(view) }
    }
}
