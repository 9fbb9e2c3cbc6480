//! What a block says of the members' duties since its parent (rule 19): who voted for the parent, and who led
//! the views in between, of which nothing came onto the chain.

use super::chain::Link;
use super::machine::Consensus;
use super::validate::Objection;
use crate::types::limits::MISSED_VIEWS_MAX;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::collections::BTreeSet;

impl Consensus {
    /// What this leader's block on top of `parent` says.
    pub(super) fn attendance(&self, parent: &Link) -> Attendance {
        let missed = self.missed(parent.view, self.view.number).unwrap_or_default();
        Attendance { voters: self.voters(parent), missed }
    }

    /// Whose votes for `parent` are here, if they are a quorum's: a leader to which others brought the
    /// certificate blames nobody for the votes that did not come.
    fn voters(&self, parent: &Link) -> BTreeSet<NodeIndex> {
        let nodes = self.keys.keyring.nodes();
        let votes = self.pool.get(parent.view).filter(|_| may_acknowledge(parent, self.view.number));
        let votes = votes.map(|attempt| attempt.notarize.over(parent.hash)).unwrap_or_default();
        let voters = votes.into_iter().map(|(voter, _)| voter).filter(|voter| usize::from(voter.0) < nodes);
        let voters: BTreeSet<NodeIndex> = voters.collect();
        if voters.len() < quorum(nodes) { BTreeSet::new() } else { voters }
    }

    /// Leaders of the views of the epoch of `high` that lie between `low` and `high`, the latest at most
    /// [`MISSED_VIEWS_MAX`]. `None` while a beacon that drew one of them is not here.
    pub(super) fn missed(&self, low: View, high: View) -> Option<Vec<NodeIndex>> {
        let below = View(high.epoch().first_view().0.saturating_sub(1));
        let latest = View(high.0.saturating_sub(MISSED_VIEWS_MAX as u64));
        let mut view = low.max(below).next().max(latest);
        let mut missed = Vec::new();
        while view < high {
            match self.leader_of(view) {
                None if planted(Bug::GapUnchecked) => {}
                leader => missed.push(leader?),
            }
            view = view.next();
        }
        Some(missed)
    }

    /// The leader of a view above the base, if the beacon that draws it is here.
    fn leader_of(&self, view: View) -> Option<NodeIndex> {
        let before = View(view.0.saturating_sub(1));
        let beacon = match before == self.base() {
            true => self.chain.beacon,
            false => Some(self.pool.get(before)?.beacon?),
        };
        Some(self.keys.keyring.leader(view, beacon.as_ref().map(|beacon| &beacon.signature)))
    }

    /// Whether what `block` says on top of `parent` can be, as far as anybody but its leader can tell.
    pub(super) fn check_attendance(&self, block: &Block, parent: &Link) -> Result<(), Objection> {
        let Attendance { voters, missed } = &block.attendance;
        let nodes = self.keys.keyring.nodes();
        let (have, need) = (voters.len(), quorum(nodes));
        if planted(Bug::AttendanceUnchecked) {
            return Ok(());
        }
        if let Some(node) = voters.last().filter(|voter| usize::from(voter.0) >= nodes) {
            return Err(Objection::Stranger { node: *node });
        }
        if have > 0 && !may_acknowledge(parent, block.view) {
            return Err(Objection::Acknowledged);
        }
        if have > 0 && have < need {
            return Err(Objection::Voters { have, need });
        }
        let due = self.missed(parent.view, block.view).ok_or(Objection::Beacon)?;
        if *missed != due && !planted(Bug::GapUnchecked) {
            return Err(Objection::Missed);
        }
        Ok(())
    }
}

/// Whether the committee of the epoch of `view` voted for `parent`.
fn may_acknowledge(parent: &Link, view: View) -> bool {
    parent.height > Height::ZERO && parent.view.epoch() == view.epoch()
}
