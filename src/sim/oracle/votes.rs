//! Who voted for what, and which certificates those votes bear.

use super::members::{Members, Reign};
use super::{Finding, violation};
use crate::crypto::hash::hash_parts;
use crate::types::*;
use std::collections::BTreeMap;

/// A set of nodes, one bit each.
pub(super) type Nodes = u64;

/// Everything that honest nodes were seen to vote for.
pub struct Votes {
    /// Who the members are, and were.
    pub(super) members: Members,
    /// Sinners: each may have voted for anything.
    pub(super) sinning: Nodes,
    chain: ChainId,
    pub(super) notarizing: BTreeMap<(View, Digest), Nodes>,
    nullifying: BTreeMap<View, Nodes>,
    finalizing: BTreeMap<(View, Digest), Nodes>,
    certifying: BTreeMap<(Height, StateRoot), Nodes>,
    /// Who gave its beacon share of a view: it rides on votes to notarize and to nullify.
    beaconing: BTreeMap<View, Nodes>,
    beacons: BTreeMap<View, BlsBytes>,
    /// What each node said in public, by kind and number.
    spoken: BTreeMap<(NodeIndex, Kind, u64), Digest>,
    /// The latest epoch of which each node spoke.
    epochs: BTreeMap<NodeIndex, u64>,
    notarized: BTreeMap<View, Digest>,
    nullified: BTreeMap<View, ()>,
    finalized: BTreeMap<View, Digest>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Proposal,
    Notarize,
    Nullify,
    Finalize,
    Certify,
}

impl Votes {
    /// All nodes, of which the first `members` are the first members; epochs have this length.
    pub fn new(honest: &[bool], members: usize, epoch_length: u64, chain: ChainId) -> Votes {
        let sinning = (0..).map(NodeIndex).zip(honest).filter(|(_, honest)| !**honest).map(|(node, _)| node);
        let sinning = sinning.map(bit).sum();
        Votes {
            members: Members::new(members, sinning, epoch_length),
            sinning,
            chain,
            notarizing: BTreeMap::new(),
            nullifying: BTreeMap::new(),
            finalizing: BTreeMap::new(),
            certifying: BTreeMap::new(),
            beaconing: BTreeMap::new(),
            beacons: BTreeMap::new(),
            spoken: BTreeMap::new(),
            epochs: BTreeMap::new(),
            notarized: BTreeMap::new(),
            nullified: BTreeMap::new(),
            finalized: BTreeMap::new(),
        }
    }

    pub fn said(&mut self, node: NodeIndex, message: &PeerMessage) -> Finding {
        use PeerMessage as M;
        match message {
            M::Proposal(proposal)
                if self.is_at(node, epoch_of(proposal.header.view), proposal.header.proposer) =>
            {
                self.speak(
                    node,
                    Kind::Proposal,
                    proposal.header.view.0,
                    crate::crypto::hash::hash_header(&proposal.header, &proposal.calls),
                )
            }
            M::NotarizationShare(share) => {
                self.signed_by(node, epoch_of(share.view), share.signer)?;
                self.vote(node, &Vote::Notarize { view: share.view, block: share.block });
                self.speak(node, Kind::Notarize, share.view.0, share.block)
            }
            M::NullificationShare(share) => {
                self.signed_by(node, epoch_of(share.view), share.signer)?;
                self.vote(node, &Vote::Nullify { view: share.view });
                self.speak(node, Kind::Nullify, share.view.0, Digest::ZERO)
            }
            M::FinalizationShare(share) => {
                self.signed_by(node, epoch_of(share.view), share.signer)?;
                self.vote(node, &Vote::Finalize { view: share.view, block: share.block });
                self.speak(node, Kind::Finalize, share.view.0, share.block)
            }
            M::CertificationShare(share) => {
                self.signed_by(node, share.epoch.0, share.signer)?;
                self.executed(node, share.height, share.root);
                self.speak(node, Kind::Certify, share.height.0, share.root.0)
            }
            M::Notarization(notarization, beacon) => {
                self.notarization(notarization).and_then(|()| self.beacon(notarization.view, beacon))
            }
            M::Nullification(nullification, beacon) => {
                self.nullification(nullification).and_then(|()| self.beacon(nullification.view, beacon))
            }
            M::Finalization(finalization) => self.finalization(finalization),
            M::Certification(certification) => self.certified(certification),
            M::Chain(segment) | M::Package(segment) => self.finalization(&segment.finalization),
            _ => Ok(()),
        }
    }

    pub fn kept(&mut self, node: NodeIndex, record: &Record) -> Finding {
        match record {
            Record::Vote(vote) => {
                self.vote(node, vote);
                Ok(())
            }
            Record::Notarization(notarization, beacon) => {
                self.notarization(notarization).and_then(|()| self.beacon(notarization.view, beacon))
            }
            Record::Nullification(nullification, beacon) => {
                self.nullification(nullification).and_then(|()| self.beacon(nullification.view, beacon))
            }
            Record::Finalized { finalization, beacon, .. } => {
                self.finalization(finalization).and_then(|()| self.beacon(beacon.view, beacon))
            }
            Record::Void { finalization, .. } => self.finalization(finalization),
            Record::Certification(certification) => self.certified(certification),
            Record::Proposal { .. } | Record::Block { .. } | Record::Recollected { .. } => Ok(()),
        }
    }

    /// A root that a node came to counts as its vote for it.
    pub fn executed(&mut self, node: NodeIndex, height: Height, root: StateRoot) {
        *self.certifying.entry((height, root)).or_default() |= bit(node);
    }

    /// Whether enough nodes voted to notarize `block`, sinners believed capable of anything.
    pub fn could_notarize(&self, view: View, block: Digest) -> bool {
        self.suffice(view, self.notarizing.get(&(view, block)))
    }

    /// Whether the beacon of the view before, as far as it is known, draws another leader than `proposer`.
    pub fn out_of_turn(&self, view: View, proposer: NodeIndex) -> bool {
        self.drawn(view).is_some_and(|leader| leader != u64::from(proposer.0))
    }

    /// Whom the beacon of the view before draws, as far as it is known.
    pub(super) fn drawn(&self, view: View) -> Option<u64> {
        let before = View(view.0.saturating_sub(1));
        let draw = match self.beacons.get(&before) {
            Some(beacon) => &beacon.0[..],
            None if before == View::ZERO => &[],
            None => return None,
        };
        let drawn = hash_parts("atoll-leader", &[&self.chain.0, &view.0.to_be_bytes(), draw]);
        let number = drawn.0.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        let nodes = self.members.of(epoch_of(view))?.nodes.len() as u64;
        Some(number % nodes.max(1))
    }

    pub fn certified(&self, certification: &Certification) -> Finding {
        let Certification { height, root, .. } = certification;
        // The root key is one for all epochs, and heights that are not certified when one ends are signed again.
        let votes = self.certifying.get(&(*height, *root)).copied().unwrap_or(0);
        if self.members.all().any(|reign| reign.suffice(votes)) {
            return Ok(());
        }
        violation("I3", format!("certification of {root:?} at height {height} without its votes"))
    }

    fn vote(&mut self, node: NodeIndex, vote: &Vote) {
        let nodes = match vote {
            Vote::Notarize { view, block } => self.notarizing.entry((*view, *block)).or_default(),
            Vote::Nullify { view } => self.nullifying.entry(*view).or_default(),
            Vote::Finalize { view, block } => self.finalizing.entry((*view, *block)).or_default(),
        };
        *nodes |= bit(node);
        if !matches!(vote, Vote::Finalize { .. }) {
            *self.beaconing.entry(vote.view()).or_default() |= bit(node);
        }
    }

    /// The beacon of a view is its own, one, and borne by enough shares.
    fn beacon(&mut self, view: View, beacon: &RandomBeacon) -> Finding {
        let given = self.beaconing.get(&view).copied().unwrap_or(0);
        let reign = self.members.of(epoch_of(view));
        let shares = reign.map_or(0, |reign| (given & reign.all).count_ones() + reign.sinners);
        if beacon.view != view || reign.is_none_or(|reign| shares < reign.needed_for_beacon) {
            let of = beacon.view;
            return violation(
                "I3",
                format!("view {view} comes with the beacon of view {of}, {shares} shares"),
            );
        }
        let one = *self.beacons.entry(view).or_insert(beacon.signature);
        if one != beacon.signature {
            return violation("I3", format!("view {view} has two beacons"));
        }
        Ok(())
    }

    /// I5: what is said once is never said differently, and who gave a view up does not finalize it.
    /// Nor does anybody who spoke in an epoch speak in an earlier one: its shares are forgotten.
    fn speak(&mut self, node: NodeIndex, kind: Kind, number: u64, what: Digest) -> Finding {
        let epoch = if kind == Kind::Certify { 0 } else { number >> 40 };
        let latest = self.epochs.entry(node).or_default();
        if kind != Kind::Certify && epoch < *latest {
            return violation("I5", format!("node {node} speaks in epoch {epoch} after epoch {latest}"));
        }
        *latest = epoch.max(*latest);
        let said = *self.spoken.entry((node, kind, number)).or_insert(what);
        if said != what {
            return violation(
                "I5",
                format!("node {node} said {kind:?} of {said:?} and of {what:?}, both for {number}"),
            );
        }
        let opposite = match kind {
            Kind::Finalize => Kind::Nullify,
            Kind::Nullify => Kind::Finalize,
            _ => return Ok(()),
        };
        if self.spoken.contains_key(&(node, opposite, number)) {
            return violation("I5", format!("node {node} both finalizes and nullifies view {number}"));
        }
        Ok(())
    }

    fn signed_by(&self, node: NodeIndex, epoch: u64, signer: NodeIndex) -> Finding {
        if self.is_at(node, epoch, signer) {
            return Ok(());
        }
        violation("I5", format!("node {node} speaks for the node at place {signer} of epoch {epoch}"))
    }

    /// Whether `node` stands at that place among the members of `epoch`.
    fn is_at(&self, node: NodeIndex, epoch: u64, place: NodeIndex) -> bool {
        self.members.of(epoch).and_then(|reign| reign.node(place)) == Some(node)
    }

    fn notarization(&mut self, notarization: &Notarization) -> Finding {
        let (view, block) = (notarization.view, notarization.block);
        if !self.could_notarize(view, block) {
            return violation("I3", format!("notarization of {block:?} in view {view} without its votes"));
        }
        let other = *self.notarized.entry(view).or_insert(block);
        if other != block {
            return violation("I2", format!("view {view} notarizes {other:?} and {block:?}"));
        }
        Ok(())
    }

    fn nullification(&mut self, nullification: &Nullification) -> Finding {
        let view = nullification.view;
        if !self.suffice(view, self.nullifying.get(&view)) {
            return violation("I3", format!("nullification of view {view} without its votes"));
        }
        self.nullified.insert(view, ());
        self.one_outcome(view)
    }

    fn finalization(&mut self, finalization: &Finalization) -> Finding {
        let (view, block) = (finalization.view, finalization.block);
        if !self.suffice(view, self.finalizing.get(&(view, block))) {
            return violation("I3", format!("finalization of {block:?} in view {view} without its votes"));
        }
        let other = *self.finalized.entry(view).or_insert(block);
        if other != block {
            return violation("I1", format!("view {view} finalizes {other:?} and {block:?}"));
        }
        self.one_outcome(view)
    }

    fn one_outcome(&self, view: View) -> Finding {
        if self.nullified.contains_key(&view) && self.finalized.contains_key(&view) {
            return violation("I2", format!("view {view} is both nullified and finalized"));
        }
        Ok(())
    }

    fn suffice(&self, view: View, votes: Option<&Nodes>) -> bool {
        let votes = votes.copied().unwrap_or(0);
        self.members.of(epoch_of(view)).is_some_and(|reign: &Reign| reign.suffice(votes))
    }
}

/// A view's bits from 40 on.
pub(super) fn epoch_of(view: View) -> u64 {
    view.0 >> 40
}

pub(super) fn bit(node: NodeIndex) -> Nodes {
    1 << (node.0 % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = Digest([1; 32]);
    const B: Digest = Digest([2; 32]);
    const SIGNATURE: BlsBytes = BlsBytes([0; 48]);

    fn notarize(signer: u16, block: Digest) -> PeerMessage {
        let share = NotarizationShare {
            view: View(3),
            block,
            signer: NodeIndex(signer),
            share: SIGNATURE,
            beacon: SIGNATURE,
        };
        PeerMessage::NotarizationShare(share)
    }

    fn nullify(signer: u16) -> PeerMessage {
        PeerMessage::NullificationShare(NullificationShare {
            view: View(3),
            signer: NodeIndex(signer),
            share: SIGNATURE,
            beacon: SIGNATURE,
        })
    }

    fn finalize(signer: u16, block: Digest) -> PeerMessage {
        PeerMessage::FinalizationShare(FinalizationShare {
            view: View(3),
            block,
            signer: NodeIndex(signer),
            share: SIGNATURE,
        })
    }

    fn notarization(block: Digest) -> PeerMessage {
        let beacon = RandomBeacon { view: View(3), signature: SIGNATURE };
        PeerMessage::Notarization(Notarization { view: View(3), block, signature: SIGNATURE }, beacon)
    }

    /// Everything is said by its signer, or by node 3 when it has none; the verdict is on the last.
    fn check(sinners: usize, said: &[PeerMessage], expected: Option<&str>) {
        let honest: Vec<bool> = (0..4).map(|node| node >= sinners).collect();
        let mut votes = Votes::new(&honest, honest.len(), 0, Digest::ZERO);
        let mut last = None;
        for message in said {
            assert_eq!(last, None, "only the last message may be wrong");
            let node = match message {
                PeerMessage::NotarizationShare(share) => share.signer,
                PeerMessage::NullificationShare(share) => share.signer,
                PeerMessage::FinalizationShare(share) => share.signer,
                _ => NodeIndex(3),
            };
            let finding = votes.said(node, message);
            last = finding.err().map(|violation| violation.invariant);
        }
        assert_eq!(last, expected);
    }

    #[test]
    fn a_certificate_needs_its_votes() {
        check(0, &[notarize(1, A), notarize(2, A), notarization(A)], Some("I3"));
        check(0, &[notarize(1, A), notarize(2, A), notarize(2, A), notarization(A)], Some("I3"));
        check(0, &[notarize(1, A), notarize(2, A), notarize(3, A), notarization(A)], None);
        check(1, &[notarize(1, A), notarize(2, A), notarization(A)], None);
    }

    #[test]
    fn a_node_votes_for_one_block_a_view() {
        check(0, &[notarize(1, A), notarize(1, A)], None);
        check(0, &[notarize(1, A), notarize(1, B)], Some("I5"));
        check(0, &[finalize(1, A), finalize(1, B)], Some("I5"));
    }

    #[test]
    fn a_node_does_not_finalize_what_it_gave_up() {
        check(0, &[notarize(1, A), nullify(1)], None);
        check(0, &[nullify(1), finalize(1, A)], Some("I5"));
        check(0, &[finalize(1, A), nullify(1)], Some("I5"));
    }

    #[test]
    fn a_view_notarizes_one_block() {
        let mut said: Vec<PeerMessage> = (1..4).map(|node| notarize(node, A)).collect();
        said.push(notarization(A));
        check(2, &said, None);
        let both = [notarize(2, A), notarize(3, B), notarization(A), notarization(B)];
        check(2, &both, Some("I2"));
    }
}
