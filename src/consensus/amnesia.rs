//! A replica that lost its disk, and with it what it voted (rule 13).
//!
//! It may have voted in the view that it was in, and in none above: to enter a view it held a certificate of the one
//! before, so a quorum had been there. Of any n − f peers one at least is honest and was of that quorum, as long
//! as those that lost their disks and those that lie are not more than f together; that one is in no earlier
//! view now. So when n − f peers say that they are in no later view than this replica, which it reaches by
//! certificates and nobody's word, the next view may be the last of its epoch in which it voted, and none above is.
//!
//! Only the first view of an epoch is entered without a certificate of the view before: the last block of the old
//! epoch was final. A quorum had voted for that too, so by the same words its view is not above this replica's. Then
//! this replica may have voted in the first view of the next epoch, and, as nobody else had been there, in none above.
//!
//! So it votes again when a block of a view above all these is final, and only above that: if it had entered the next
//! epoch, no block of the old one is above, so that block is of the next epoch, and the first view there is over.

use super::machine::Consensus;
use crate::types::*;
use std::collections::BTreeMap;

/// What is known of the time before the loss.
#[derive(Clone, Debug, Default)]
pub struct Amnesia {
    /// The views that peers said they were in, since this replica started.
    said: BTreeMap<NodeIndex, View>,
    /// No vote was given in a later view of its epoch than this.
    until: Option<View>,
}

impl Consensus {
    /// Whether this replica may have voted in `view` without knowing it.
    pub(super) fn is_mute(&self, view: View) -> bool {
        self.is_silent() || view <= self.forgotten
    }

    /// Whether this replica gives no votes at all, for lost ones may be of any view.
    pub fn is_silent(&self) -> bool {
        self.amnesia.is_some()
    }

    /// Who has said that it is in no later view than this replica.
    pub(super) fn remembered_by(&self) -> Option<Vec<NodeIndex>> {
        let amnesia = self.amnesia.as_ref()?;
        let reached = amnesia.said.iter().filter(|(_, view)| **view <= self.view.number);
        Some(reached.map(|(node, _)| *node).collect())
    }

    /// Notes which view a peer says it is in.
    pub(super) fn hear_entered(&mut self, from: NodeIndex, view: View) {
        let is_member = !self.is_guest(from);
        if let Some(amnesia) = self.amnesia.as_mut().filter(|_| is_member) {
            amnesia.said.insert(from, view);
        }
    }

    /// The members changed: places are others' now.
    pub(super) fn forget_entered(&mut self) {
        if let Some(amnesia) = &mut self.amnesia {
            amnesia.said.clear();
        }
    }

    /// Once a view is final that cannot have been voted in, the replica votes again.
    pub(super) fn recollect(&mut self) {
        let (current, last) = (self.view.number, self.chain.tip.view);
        // Keys of a later epoch than the chain has reached say that votes may have been given in it, among others.
        let held_later = self.handing.kept.is_some();
        let Some(amnesia) = self.amnesia.as_mut().filter(|_| !held_later) else {
            return;
        };
        let reached = amnesia.said.values().filter(|view| **view <= current).count();
        if amnesia.until.is_none() && reached >= quorum(self.keys.keyring.nodes()) {
            amnesia.until = Some(current.next());
        }
        if amnesia.until.is_some_and(|until| until < last) {
            self.amnesia = None;
            self.forgotten = last;
            self.emit(Effect::Persist(Record::Recollected { until: last }));
        }
    }
}
