//! What final blocks say of their parents' voters and of missed views (I17).

use super::votes::{Votes, bit, epoch_of};
use super::{Finding, violation};
use crate::types::*;

/// A final block's word.
pub struct Claim<'a> {
    pub view: View,
    pub proposer: NodeIndex,
    /// View and hash; none at height 1.
    pub parent: Option<(View, Digest)>,
    pub said: &'a Attendance,
}

/// As many missed views are named as this, the latest.
const NAMED_MAX: u64 = 180;

impl Votes {
    /// I17: all voters are members, and a quorum or nobody; every skipped view's leader is named. An honest
    /// proposer names no honest node that did not vote.
    pub fn attended(&self, claim: &Claim) -> Finding {
        let Claim { view, proposer, parent, said } = claim;
        let accuse =
            |what: &str| violation("I17", format!("the block of view {view} by node {proposer} {what}"));
        let Some(reign) = self.members.of(epoch_of(*view)) else {
            return accuse("is of an epoch that did not begin");
        };
        let mut voters = said.voters.iter();
        let Some(named) = voters.try_fold(0, |named, voter| Some(named | bit(reign.node(*voter)?))) else {
            return accuse("acknowledges a vote of nobody");
        };
        let parent = parent.filter(|(parent, _)| epoch_of(*parent) == epoch_of(*view));
        let floor = parent.map_or(0, |_| reign.needed);
        if named != 0 && (parent.is_none() || named.count_ones() < floor) {
            return accuse("acknowledges too few votes, or votes of another epoch");
        }
        let voted = parent.and_then(|parent| self.notarizing.get(&parent)).copied().unwrap_or(0);
        let honest = reign.node(*proposer).is_some_and(|proposer| bit(proposer) & self.sinning == 0);
        if honest && named & !voted & !self.sinning != 0 {
            return accuse("acknowledges votes that were not given");
        }
        if !self.names_all_missed(*view, parent.map(|(parent, _)| parent), &said.missed) {
            return accuse("names other leaders of skipped views");
        }
        Ok(())
    }

    /// Whether exactly the leaders of the skipped views are named, as far as the beacons are known.
    fn names_all_missed(&self, view: View, parent: Option<View>, named: &[NodeIndex]) -> bool {
        let first = parent.map_or((view.0 >> 40 << 40).max(1), |parent| parent.0 + 1);
        let skipped = first.max(view.0.saturating_sub(NAMED_MAX))..view.0;
        let drawn = |(skipped, named): (u64, &NodeIndex)| {
            self.drawn(View(skipped)).is_none_or(|leader| leader == u64::from(named.0))
        };
        skipped.end.saturating_sub(skipped.start) == named.len() as u64 && skipped.zip(named).all(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = Digest([1; 32]);

    /// Nodes 1 to 3 voted for A in view 3; node 0 is a sinner.
    fn votes() -> Votes {
        let mut votes = Votes::new(&[false, true, true, true], 4, 15, Digest::ZERO);
        for signer in (1..4).map(NodeIndex) {
            let (share, beacon) = (BlsBytes([0; 48]), BlsBytes([0; 48]));
            let share = NotarizationShare { view: View(3), block: A, signer, share, beacon };
            votes.said(signer, &PeerMessage::NotarizationShare(share)).unwrap();
        }
        votes
    }

    fn check(proposer: u16, view: u64, voters: &[u16], missed: usize, good: bool) {
        let voters = voters.iter().copied().map(NodeIndex).collect();
        let said = Attendance { voters, missed: vec![NodeIndex(0); missed] };
        let (view, proposer, parent) = (View(view), NodeIndex(proposer), Some((View(3), A)));
        let finding = votes().attended(&Claim { view, proposer, parent, said: &said });
        assert_eq!(finding.is_ok(), good, "{said:?}: {finding:?}");
    }

    #[test]
    fn a_block_acknowledges_a_quorum_of_members_or_nobody() {
        check(1, 4, &[1, 2, 3], 0, true);
        check(1, 4, &[0, 1, 2, 3], 0, true);
        check(1, 4, &[], 0, true);
        check(1, 4, &[1, 2], 0, false);
        check(1, 4, &[1, 2, 4], 0, false);
        check(1, 1 << 40, &[1, 2, 3], 0, false);
    }

    #[test]
    fn a_block_names_a_leader_for_each_view_since_its_parent() {
        check(1, 7, &[], 3, true);
        check(1, 7, &[], 2, false);
        check(1, 7, &[], 4, false);
        check(1, (1 << 40) + 2, &[], 2, true);
        check(1, 1_000, &[], 180, true);
    }
}
