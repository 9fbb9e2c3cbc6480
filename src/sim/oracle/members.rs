//! Who the members of each epoch are (I18): what finalized blocks say that operators signed, in plain lists.

use super::votes::{Nodes, bit};
use super::{Finding, violation};
use crate::types::*;

/// The members of one epoch: nodes by their places in it.
#[derive(Clone, Debug)]
pub struct Reign {
    pub nodes: Vec<NodeIndex>,
    /// The same as a set.
    pub all: Nodes,
    /// Votes that make a certificate: all but as many as may be faulty.
    pub needed: u32,
    /// Shares that make a beacon: one more than may be faulty.
    pub needed_for_beacon: u32,
    /// How many of them sin: each may have voted for anything.
    pub sinners: u32,
}

/// A change that operators signed.
#[derive(Clone, Debug)]
pub struct Signed {
    pub change: MembershipChange,
    pub leave: Vec<NodeIndex>,
    pub come: Vec<NodeIndex>,
    /// The members whose operators signed, by place.
    pub by: Vec<NodeIndex>,
}

/// The members of all epochs so far, and of the next.
pub struct Members {
    epoch_length: u64,
    sinning: Nodes,
    reigns: Vec<Reign>,
    next: Reign,
    /// The last height of the epoch before.
    start: Height,
    /// The last height that was taken.
    height: Height,
    version: u64,
    signed: Vec<Signed>,
}

impl Members {
    /// The first `nodes` of all; `sinning` are the sinners.
    pub fn new(nodes: usize, sinning: Nodes, epoch_length: u64) -> Members {
        let first = Reign::of((0..nodes as u16).map(NodeIndex).collect(), sinning);
        Members {
            epoch_length,
            sinning,
            reigns: vec![first.clone()],
            next: first,
            start: Height::ZERO,
            height: Height::ZERO,
            version: 0,
            signed: Vec::new(),
        }
    }

    /// The members of `epoch`; those of the one to come are known before it begins.
    pub fn of(&self, epoch: u64) -> Option<&Reign> {
        let place = usize::try_from(epoch).ok()?;
        self.reigns.get(place).or((place == self.reigns.len()).then_some(&self.next))
    }

    /// The members of the newest epoch.
    pub fn newest(&self) -> &Reign {
        self.reigns.last().unwrap_or(&self.next)
    }

    /// Whether `node` is a member of the newest epoch and of the next.
    pub fn stays(&self, node: NodeIndex) -> bool {
        self.newest().all & self.next.all & bit(node) != 0
    }

    /// All epochs that began, and the one to come.
    pub fn all(&self) -> impl Iterator<Item = &Reign> {
        self.reigns.iter().chain([&self.next])
    }

    /// How many changes were made.
    pub fn changes(&self) -> u64 {
        self.version
    }

    /// The height whose block is to be taken next.
    pub fn awaited(&self) -> Height {
        self.height.next()
    }

    /// Operators signed this; it may get onto the chain.
    pub fn signed(&mut self, signed: Signed) {
        self.signed.push(signed);
    }

    /// The block at the awaited height, of an epoch, says this. True if another epoch began with it.
    pub fn finalized(&mut self, epoch: u64, said: &[MembershipChange]) -> bool {
        let began = epoch >= self.reigns.len() as u64;
        if began {
            self.reigns.push(self.next.clone());
            self.start = self.height;
        }
        self.height = self.height.next();
        for change in said {
            let in_time = self.height.0 <= self.start.0 + self.epoch_length / 2;
            let signed = self.signed.iter().find(|signed| signed.change == *change);
            let nodes = signed.filter(|_| in_time).and_then(|signed| self.changed(signed));
            if let Some(nodes) = nodes {
                self.next = Reign::of(nodes, self.sinning);
                self.version += 1;
            }
        }
        began
    }

    /// Who is to come next, if the change may be made now: a quorum of the members' operators signed it, it builds
    /// upon this version, and no more come or leave in an epoch than may be faulty, or one.
    fn changed(&self, signed: &Signed) -> Option<Vec<NodeIndex>> {
        let now = self.newest();
        let by = signed.by.iter().zip(&now.nodes).filter(|(by, member)| by == member).count();
        let known = signed.leave.iter().all(|node| self.next.nodes.contains(node));
        if signed.change.version != self.version || by < now.needed as usize || !known {
            return None;
        }
        let mut come = signed.come.iter().copied();
        let mut nodes = Vec::new();
        for node in &self.next.nodes {
            if signed.leave.contains(node) {
                nodes.extend(come.next());
            } else {
                nodes.push(*node);
            }
        }
        nodes.extend(come);
        let most = (now.nodes.len() - now.needed as usize).max(1);
        let left = now.nodes.iter().filter(|node| !nodes.contains(node)).count();
        let came = nodes.iter().filter(|node| !now.nodes.contains(node)).count();
        (left <= most && came <= most && !nodes.is_empty()).then_some(nodes)
    }

    /// I18: a node takes these for the members of `epoch`.
    pub fn opened(&self, node: NodeIndex, epoch: Epoch, members: &[NodeIndex]) -> Finding {
        match self.of(epoch.0) {
            Some(reign) if reign.nodes == members => Ok(()),
            reign => {
                let nodes = reign.map(|reign| &reign.nodes);
                violation(
                    "I18",
                    format!("node {node} takes {members:?} for the members of {epoch:?}: {nodes:?}"),
                )
            }
        }
    }
}

impl Reign {
    fn of(nodes: Vec<NodeIndex>, sinning: Nodes) -> Reign {
        let all = nodes.iter().fold(0, |all, node| all | bit(*node));
        let faulty = (nodes.len() as u32).saturating_sub(1) / 3;
        Reign {
            all,
            needed: nodes.len() as u32 - faulty,
            needed_for_beacon: faulty + 1,
            sinners: (all & sinning).count_ones(),
            nodes,
        }
    }

    /// The node at this place.
    pub fn node(&self, place: NodeIndex) -> Option<NodeIndex> {
        self.nodes.get(usize::from(place.0)).copied()
    }

    /// Whether so many of these are members, sinners among them believed capable of anything, as make a certificate.
    pub fn suffice(&self, votes: Nodes) -> bool {
        (votes & self.all).count_ones() + self.sinners >= self.needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(nodes: &[u16]) -> Vec<NodeIndex> {
        nodes.iter().copied().map(NodeIndex).collect()
    }

    fn signed(version: u64, leave: &[u16], come: &[u16], by: &[u16]) -> Signed {
        let change = MembershipChange {
            version,
            remove: leave.iter().map(|node| [*node as u8; 32]).collect(),
            add: Vec::new(),
            signatures: Vec::new(),
        };
        Signed { change, leave: nodes(leave), come: nodes(come), by: nodes(by) }
    }

    /// Epochs of 20, four nodes, none of whom sins: what one change at `height` makes of the next members.
    fn check(height: u64, signed: &Signed, expected: &[u16]) {
        let mut members = Members::new(4, 0, 20);
        members.signed(signed.clone());
        (1..height).for_each(|_| assert!(!members.finalized(0, &[])));
        members.finalized(0, std::slice::from_ref(&signed.change));
        assert_eq!(members.of(0).unwrap().nodes, nodes(&[0, 1, 2, 3]));
        assert_eq!(members.of(1).unwrap().nodes, nodes(expected), "{signed:?} at {height}");
        assert_eq!(members.changes(), u64::from(expected != [0, 1, 2, 3]));
        assert!(members.finalized(1, &[]));
        assert_eq!(members.newest().nodes, nodes(expected));
        assert!(members.opened(NodeIndex(0), Epoch(1), &nodes(expected)).is_ok());
        assert!(members.opened(NodeIndex(0), Epoch(1), &nodes(&[0, 1])).is_err());
    }

    #[test]
    fn a_signed_change_in_the_first_half_of_an_epoch_makes_the_next_members() {
        let all = [0, 1, 2, 3];
        check(10, &signed(0, &[1], &[4], &all), &[0, 4, 2, 3]);
        check(10, &signed(0, &[], &[4], &all), &[0, 1, 2, 3, 4]);
        check(10, &signed(0, &[3], &[], &all), &[0, 1, 2]);
        check(10, &signed(0, &[3], &[], &all[..3]), &[0, 1, 2]);
        check(10, &signed(0, &[3], &[], &all[..2]), &all);
        check(10, &signed(0, &[3], &[], &[1, 2, 3, 4]), &all);
        check(10, &signed(1, &[3], &[], &all), &all);
        check(10, &signed(0, &[2, 3], &[], &all), &all);
        check(10, &signed(0, &[], &[4, 5], &all), &all);
        check(10, &signed(0, &[4], &[], &all), &all);
        check(11, &signed(0, &[1], &[4], &all), &all);
    }

    #[test]
    fn votes_of_those_who_are_no_members_make_no_certificate() {
        let mut members = Members::new(4, bit(NodeIndex(0)), 20);
        let signed = signed(0, &[0], &[4], &[0, 1, 2, 3]);
        members.signed(signed.clone());
        members.finalized(0, &[signed.change]);
        let votes = |of: &[u16]| of.iter().fold(0, |votes, node| votes | bit(NodeIndex(*node)));
        let suffice = |epoch, of: &[u16]| members.of(epoch).unwrap().suffice(votes(of));
        assert!(suffice(0, &[1, 2]) && !suffice(0, &[1, 4]));
        assert!(suffice(1, &[1, 2, 4]) && !suffice(1, &[0, 1, 2]));
    }
}
