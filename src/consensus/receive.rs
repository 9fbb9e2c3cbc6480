//! What peers say: only what is well-formed, in the window, and where it must be, verified, goes on
//! (rules 8 and 9). Anything else is ignored, and counted if only a faulty replica says it.

use super::evidence::Equivocation;
use super::machine::Consensus;
use crate::crypto::hash::hash_header;
use crate::crypto::threshold::Statement;
use crate::types::limits::{PROPOSALS_AHEAD_MAX, PROPOSALS_PER_VIEW_MAX, VIEWS_AHEAD_MAX};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::sync::Arc;

/// A proposal with its hash, and who sent it.
pub struct Arrived {
    pub from: NodeIndex,
    pub hash: Digest,
    pub proposal: Arc<CompactProposal>,
}

impl Consensus {
    /// Takes one message of a peer.
    pub(super) fn receive(&mut self, from: NodeIndex, message: PeerMessage) {
        if !self.may_hear(from) {
            return;
        }
        let for_guests = matches!(
            message,
            PeerMessage::Status(_)
                | PeerMessage::FetchBlock(_)
                | PeerMessage::FetchChain(_)
                | PeerMessage::System(_)
        );
        if self.is_guest(from) && !for_guests {
            return;
        }
        match message {
            PeerMessage::Proposal(proposal) => self.receive_proposal(from, proposal),
            PeerMessage::NotarizationShare(share) => self.receive_notarization_share(from, share),
            PeerMessage::NullificationShare(share) => self.receive_nullification_share(from, share),
            PeerMessage::FinalizationShare(share) => self.receive_finalization_share(from, share),
            PeerMessage::CertificationShare(share) => self.receive_certification_share(from, share),
            PeerMessage::Notarization(notarization, beacon) => {
                self.receive_notarization(from, notarization, beacon)
            }
            PeerMessage::Nullification(nullification, beacon) => {
                self.receive_nullification(from, nullification, beacon);
            }
            PeerMessage::Finalization(finalization) => self.receive_finalization(from, finalization),
            PeerMessage::Certification(certification) => self.assert_certification(from, certification),
            PeerMessage::Status(status) => self.receive_status(from, status),
            PeerMessage::FetchBlock(hash) => self.serve_block(from, &hash),
            PeerMessage::FetchBodies { block, places } => self.serve_bodies(from, block, &places),
            PeerMessage::FetchChain(height) => self.serve_chain(from, height),
            PeerMessage::Chain(segment) => self.receive_chain(from, *segment),
            PeerMessage::Package(package) => self.receive_package(from, package),
            PeerMessage::System(message) => self.receive_system(from, &message),
            // Not for consensus, or not before their proofs are checked.
            PeerMessage::Ingress(_)
            | PeerMessage::Bodies { .. }
            | PeerMessage::Ceremony(_)
            | PeerMessage::FetchState(_)
            | PeerMessage::StatePart(_) => {}
        }
    }

    /// Whether anything from this node is looked at.
    pub(super) fn may_hear(&self, from: NodeIndex) -> bool {
        from != self.keys.keyring.own() && self.peers.is_heard(from)
    }

    /// A proposal from its proposer, near the current view; or any block that is being fetched.
    fn receive_proposal(&mut self, from: NodeIndex, proposal: Arc<CompactProposal>) {
        let Block { view, parent_view, proposer, .. } = proposal.header;
        let expected = from == proposer && self.is_near(view, proposer);
        if !self.is_open(view) || !(expected || self.is_fetching()) || self.chain.is_backlogged() {
            return;
        }
        let hash = hash_header(&proposal.header, &proposal.calls);
        let needed = self.pool.is_needed(view, &hash);
        let fetched = self.is_fetching_block(&hash) && (needed || self.is_near(view, proposer));
        let known = self.pool.get(view).is_some_and(|attempt| attempt.candidate(&hash).is_some());
        if !(expected || fetched) || known || self.is_assembling(&hash) {
            return;
        }
        if parent_view >= view || !self.verify_proposal(&hash, &proposal) {
            return self.peers.fault(from);
        }
        if self.has_room(&hash, &proposal) || needed {
            self.assemble(&Arrived { from, hash, proposal });
        }
    }

    /// Whether `view` is of this epoch, and above the finalized one.
    fn is_open(&self, view: View) -> bool {
        view > self.chain.tip.view && view.epoch() == self.epoch()
    }

    /// Whether a proposal of `view` by `proposer` may still be voted for.
    fn is_near(&self, view: View, proposer: NodeIndex) -> bool {
        let (current, ahead) =
            (self.view.number, View(self.view.number.0.saturating_add(PROPOSALS_AHEAD_MAX)));
        let led = proposer == self.view.leader || planted(Bug::LeaderUnchecked);
        (view == current && led) || (view > current && view <= ahead)
    }

    /// Whether its proposer has proposed less in its view than is kept. Two blocks are evidence.
    fn has_room(&mut self, hash: &Digest, proposal: &CompactProposal) -> bool {
        let Block { view, proposer: node, .. } = proposal.header;
        let whole = self.pool.get(view).into_iter().flat_map(|attempt| &attempt.candidates);
        let whole = whole.filter(|known| known.block.proposer == node);
        let partial = self.assemblies.iter().map(|(hash, known)| (*hash, known.signed()));
        let partial = partial.filter(|(_, (of, by, _))| (*of, *by) == (view, node));
        let mut same = whole
            .map(|known| (known.hash, known.proposal.signature))
            .chain(partial.map(|(hash, (_, _, signature))| (hash, signature)));
        let Some(first) = same.next() else { return true };
        let second = (*hash, proposal.signature);
        let room = 1 + same.count() < PROPOSALS_PER_VIEW_MAX;
        self.evidence.add(Equivocation::Proposals { view, node, first, second });
        room
    }

    /// A share comes from its signer (rule 8), in the window of views (rule 9).
    fn admits(&mut self, from: NodeIndex, signer: NodeIndex, view: View) -> bool {
        // In another epoch its signer may have another place.
        if view.epoch() != self.epoch() {
            return false;
        }
        if from != signer {
            self.peers.fault(from);
            return false;
        }
        self.peers.hear(from, view.min(self.view.number));
        self.is_open(view) && view.0 <= self.view.number.0.saturating_add(VIEWS_AHEAD_MAX)
    }

    /// Shares count unverified, except those of a node that once spoilt a combination (rule 8).
    fn vouches(&mut self, signer: NodeIndex, statement: Statement, share: &SignatureShare) -> bool {
        let ok = !self.peers.is_suspect(signer) || self.keys.keyring.verify_share(&statement, signer, share);
        if !ok {
            self.peers.fault(signer);
        }
        ok
    }

    fn receive_notarization_share(&mut self, from: NodeIndex, share: NotarizationShare) {
        let NotarizationShare { view, block, signer, .. } = share;
        if self.admits(from, signer, view)
            && self.vouches(signer, Statement::Notarize { view, block }, &share.share)
            && self.vouches(signer, Statement::Beacon { view }, &share.beacon)
        {
            self.add_notarization_share(share);
        } else if from == signer && view == self.chain.tip.view && view.epoch() == self.epoch() {
            self.note_late_vote(share);
        }
    }

    /// A vote for what is final already: noted for the block to come (rule 19).
    fn note_late_vote(&mut self, share: NotarizationShare) {
        if let Some(attempt) = self.pool.get_mut(share.view) {
            attempt.notarize.insert(share.signer, share.block, share.share);
        }
    }

    fn receive_nullification_share(&mut self, from: NodeIndex, share: NullificationShare) {
        let NullificationShare { view, signer, .. } = share;
        if self.admits(from, signer, view)
            && self.vouches(signer, Statement::Nullify { view }, &share.share)
            && self.vouches(signer, Statement::Beacon { view }, &share.beacon)
        {
            self.add_nullification_share(share);
        }
    }

    fn receive_finalization_share(&mut self, from: NodeIndex, share: FinalizationShare) {
        let FinalizationShare { view, block, signer, .. } = share;
        if self.admits(from, signer, view)
            && self.vouches(signer, Statement::Finalize { view, block }, &share.share)
        {
            self.add_finalization_share(share);
        }
    }

    fn receive_certification_share(&mut self, from: NodeIndex, share: CertificationShare) {
        let CertificationShare { height, root, signer, epoch, .. } = share;
        if epoch != self.epoch() {
            return;
        }
        if from != signer {
            return self.peers.fault(from);
        }
        if self.is_certifiable(height)
            && self.vouches(signer, Statement::Certify { height, root }, &share.share)
        {
            self.add_certification_share(share);
        }
    }

    fn receive_notarization(&mut self, from: NodeIndex, notarization: Notarization, beacon: RandomBeacon) {
        let Notarization { view, block, signature } = notarization;
        let known = self.pool.get(view).is_some_and(|attempt| attempt.notarization.is_some());
        if !self.admits_beacon(from, view, beacon, known) {
            return;
        }
        let believed = known || planted(Bug::CertificateUnchecked);
        if !believed && !self.keys.keyring.verify(&Statement::Notarize { view, block }, &signature) {
            return self.peers.fault(from);
        }
        self.add_beacon(beacon);
        self.add_notarization(notarization);
    }

    fn receive_nullification(&mut self, from: NodeIndex, nullification: Nullification, beacon: RandomBeacon) {
        let Nullification { view, signature } = nullification;
        let known = self.pool.get(view).is_some_and(|attempt| attempt.nullification.is_some());
        if !self.admits_beacon(from, view, beacon, known) {
            return;
        }
        if !known && !self.keys.keyring.verify(&Statement::Nullify { view }, &signature) {
            return self.peers.fault(from);
        }
        self.add_beacon(beacon);
        self.add_nullification(nullification);
    }

    /// Whether a certificate of `view` is of use and its beacon is the view's.
    fn admits_beacon(&mut self, from: NodeIndex, view: View, beacon: RandomBeacon, known: bool) -> bool {
        let had = self.pool.get(view).is_some_and(|attempt| attempt.beacon.is_some());
        if !self.is_open(view) || (known && had) {
            return false;
        }
        let valid = beacon.view == view
            && (had
                || planted(Bug::BeaconUnchecked)
                || self.keys.keyring.verify(&Statement::Beacon { view }, &beacon.signature));
        if !valid {
            self.peers.fault(from);
        }
        valid
    }

    fn receive_finalization(&mut self, from: NodeIndex, finalization: Finalization) {
        let Finalization { view, block, signature } = finalization;
        let known = self.pool.get(view).is_some_and(|attempt| attempt.finalization.is_some());
        if !self.is_open(view) || known {
            return;
        }
        if !self.keys.keyring.verify(&Statement::Finalize { view, block }, &signature) {
            return self.peers.fault(from);
        }
        self.pool.at(view).finalization = Some(finalization);
        self.complete_beacon(view);
    }
}
