//! Who is behind, and what helps (rules 11 and 12).

use super::chain::Link;
use super::deliver::Final;
use super::machine::Consensus;
use crate::crypto::hash::hash_block;
use crate::crypto::threshold::Statement;
use crate::types::limits::{
    CERTIFICATES_PUSHED_MAX, CHAIN_FETCH_DOUBLINGS_MAX, CHAIN_FETCH_RETRY_MS, FETCH_PATIENCE_MS,
    PACKAGE_RETRY_MS,
};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::collections::BTreeMap;

/// The one request for finalized blocks that is waited for, and those that may still be answered.
#[derive(Clone, Debug, Default)]
pub struct CatchUp {
    asked: Option<Asked>,
    /// What each peer has not answered yet: over a slow link the answer comes when another is asked.
    answering: BTreeMap<NodeIndex, Open>,
    /// How often patience is doubled: late answers say that links are slow, timely ones that they are not, and
    /// silence says nothing, or one who claims much and never answers would wear it out.
    slow: u32,
    /// Whom to ask next: the one after this.
    last: u16,
    /// Since when a finalization cannot be linked to the tip.
    pub stalled_since: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    peer: NodeIndex,
    /// When to give up on this peer.
    due: Time,
}

/// Questions to one peer that are open.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    count: usize,
    /// From which height on it was last asked for blocks.
    from: Height,
}

impl CatchUp {
    /// Takes an answer of `from` that begins at `first`: from which height on `from` was last asked, if it was asked at
    /// all. An answer that begins elsewhere leaves that question open; those before may never be answered.
    fn answered(&mut self, from: NodeIndex, first: Option<Height>) -> Option<Height> {
        let open = self.answering.get_mut(&from)?;
        let newest = open.from;
        open.count = open.count.saturating_sub(1);
        if open.count == 0 || first == Some(newest) {
            self.answering.remove(&from);
        }
        Some(newest)
    }

    /// What was asked for came from `from`, in time if nobody else is asked by now.
    fn came(&mut self, from: NodeIndex) {
        match self.asked.take() {
            Some(asked) if asked.peer == from => self.was_timely(),
            _ => self.was_late(),
        }
    }

    fn was_timely(&mut self) {
        self.slow = self.slow.saturating_sub(1);
    }

    fn was_late(&mut self) {
        self.slow = self.slow.saturating_add(1).min(CHAIN_FETCH_DOUBLINGS_MAX);
    }

    /// The members changed: places are others' now.
    pub(super) fn forget_asked(&mut self) {
        *self = CatchUp { slow: self.slow, ..CatchUp::default() };
    }

    /// The guests behind `members` members may be others now.
    pub(super) fn forget_guests(&mut self, members: usize) {
        let is_member = |node: &NodeIndex| usize::from(node.0) < members;
        self.answering.retain(|peer, _| is_member(peer));
        self.asked = self.asked.filter(|asked| is_member(&asked.peer));
    }

    /// Who was asked for blocks.
    pub fn peer(&self) -> Option<NodeIndex> {
        self.asked.map(|asked| asked.peer)
    }
}

/// Why a segment was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SegmentFlaw {
    #[error("nothing above the finalized tip")]
    Nothing,
    #[error("block {0} does not follow the one before it")]
    Unlinked(Height),
    #[error("beacon of block {0} is not its view's")]
    Beacon(Height),
    #[error("finalization does not name the last block, or is not a quorum's")]
    Finalization,
    #[error("the state of the first block is not certified")]
    Certification,
}

impl Consensus {
    /// Sends a peer that is behind what it lacks, at a bounded pace.
    pub(super) fn receive_status(&mut self, from: NodeIndex, status: PeerStatus) {
        let (steady, pace) = (self.clock.steady(), self.resend_ms() / 2);
        let settled = self.view.entered.plus_ms(FETCH_PATIENCE_MS) <= steady;
        let of_epoch = status.view.epoch() == self.epoch();
        let views_behind = if of_epoch { self.view.number.saturating_sub(status.view).0 } else { 0 };
        let behind_views = views_behind > 1 || (views_behind == 1 && settled);
        let behind_chain = status.finalized < self.chain.tip.height;
        let behind_roots = status.certified < self.certifier.height();
        self.hear_entered(from, status.entered);
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        peer.claim = status.finalized;
        let answered = peer.answered.is_some_and(|at| at.plus_ms(pace) > steady);
        if answered || !(behind_views || behind_chain || behind_roots) {
            return;
        }
        peer.answered = Some(steady);
        if behind_views {
            self.push_certificates(from, status.view);
        }
        if behind_chain {
            self.push_tip(from);
        }
        if let Some(certification) = self.certifier.newest().filter(|_| behind_roots) {
            self.emit(Effect::Send(from, PeerMessage::Certification(certification)));
        }
    }

    /// Certificates of views from `view` on.
    fn push_certificates(&mut self, to: NodeIndex, view: View) {
        let mut messages = Vec::new();
        for (_, attempt) in self.pool.from(view) {
            let Some(beacon) = attempt.beacon else {
                continue;
            };
            messages.extend(attempt.certificates(beacon));
            if messages.len() >= CERTIFICATES_PUSHED_MAX {
                break;
            }
        }
        messages.into_iter().for_each(|message| self.emit(Effect::Send(to, message)));
    }

    /// What is final here; a peer that is far behind fetches the chain when it sees the status.
    fn push_tip(&mut self, to: NodeIndex) {
        if let Some(finalization) = self.chain.finalization {
            self.emit(Effect::Send(to, PeerMessage::Finalization(finalization)));
        }
        let status = self.status();
        self.emit(Effect::Send(to, PeerMessage::Status(status)));
    }

    /// Answers a peer that fetches finalized blocks.
    pub(super) fn serve_chain(&mut self, to: NodeIndex, from: Height) {
        if from > Height::ZERO && from <= self.chain.tip.height && self.peers.may_serve(to) {
            self.emit(Effect::ServeChain { to, from });
        }
    }

    /// Whether others have more than the next height: a finalization cannot be linked, or so many claim it that one of
    /// them is honest. That somebody is asked means nothing, for anybody may boast.
    pub(super) fn is_behind(&self) -> bool {
        let next = self.chain.tip.height.next();
        let ahead = self.others().into_iter().filter(|peer| self.peers.claim(*peer) > next);
        self.catch_up.stalled_since.is_some() || ahead.count() > faults_max(self.keys.keyring.nodes())
    }

    /// When to look again whether the chain must be fetched.
    pub(super) fn chain_fetch_due(&self) -> Option<Time> {
        let stalled = self.catch_up.stalled_since.map(|since| since.plus_ms(FETCH_PATIENCE_MS));
        self.catch_up.asked.map(|asked| asked.due).or(stalled)
    }

    /// Asks one peer for the chain above the tip, if this replica is behind; another one if the first
    /// does not help in time.
    pub(super) fn fetch_chain(&mut self) {
        let steady = self.clock.steady();
        if let Some(asked) = self.catch_up.asked {
            if asked.due > steady {
                return;
            }
            self.disappointed_by(asked.peer);
        }
        if self.chain.is_backlogged() {
            return;
        }
        let Some(peer) = self.ahead() else { return };
        self.catch_up.last = peer.0;
        let from = self.chain.tip.height.next();
        let open = self.catch_up.answering.entry(peer).or_default();
        *open = Open { count: open.count.saturating_add(1), from };
        let patience = CHAIN_FETCH_RETRY_MS << self.catch_up.slow;
        self.catch_up.asked = Some(Asked { peer, due: steady.plus_ms(patience) });
        self.emit(Effect::Send(peer, PeerMessage::FetchChain(from)));
    }

    /// The peer to ask: the next that claims more than the next height, or, when a finalization cannot
    /// be linked for a while, simply the next.
    fn ahead(&self) -> Option<NodeIndex> {
        let tip = self.chain.tip.height;
        let since = self.catch_up.stalled_since;
        let stalled = since.is_some_and(|since| since.plus_ms(FETCH_PATIENCE_MS) <= self.clock.steady());
        let others = self.others();
        let after = others.iter().position(|peer| peer.0 > self.catch_up.last).unwrap_or(0);
        let turn = || others.iter().cycle().skip(after).take(others.len()).copied();
        let claims = |peer: &NodeIndex| self.peers.claim(*peer) > if stalled { tip } else { tip.next() };
        turn().find(claims).or_else(|| turn().next().filter(|_| stalled))
    }

    /// Its claim did not help: it is asked again when it makes a new one.
    fn disappointed_by(&mut self, peer: NodeIndex) {
        self.catch_up.asked = self.catch_up.asked.filter(|asked| asked.peer != peer);
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.claim = Height::ZERO;
        }
    }

    /// What it sent was of no use; unless it is merely stale, that is its fault.
    fn refuse(&mut self, from: NodeIndex, is_stale: bool) {
        self.disappointed_by(from);
        if !is_stale {
            self.peers.fault(from);
        }
    }

    /// Takes a segment that was asked for, late or not: it proves itself.
    pub(super) fn receive_chain(&mut self, from: NodeIndex, segment: ChainSegment) {
        let first = segment.blocks.first().map(|(block, _)| block.height);
        let Some(newest) = self.catch_up.answered(from, first) else {
            return;
        };
        match self.verify_segment(&segment) {
            Ok(branch) => {
                self.catch_up.came(from);
                self.take_segment(branch, segment.finalization);
            }
            Err(flaw) => {
                let is_stale = flaw == SegmentFlaw::Nothing || self.is_old(&segment);
                let is_newer_open = first != Some(newest) && self.catch_up.answering.contains_key(&from);
                if !(is_stale && is_newer_open) {
                    self.refuse(from, is_stale);
                }
            }
        }
        if let Some(certification) = segment.certification {
            self.assert_certification(from, certification);
        }
    }

    /// Whether a segment may have been the next one when it was asked for: all below the tip of now, or of an epoch that
    /// has ended here since.
    fn is_old(&self, segment: &ChainSegment) -> bool {
        let last = segment.blocks.last().map(|(block, _)| block);
        last.is_some_and(|last| last.height <= self.chain.tip.height || last.view.epoch() < self.epoch())
    }

    /// Takes the package that came in place of a segment: its state is to be fetched. Whoever offered it is not asked
    /// again soon, for that takes a while. When blocks have come since it was asked, and somebody else is asked for
    /// more, those that follow are likely to come too, and no state is needed.
    pub(super) fn receive_package(&mut self, from: NodeIndex, package: Box<ChainSegment>) {
        let Some(newest) = self.catch_up.answered(from, None) else {
            return;
        };
        if let Err(flaw) = self.verify_package(&package) {
            return self.refuse(from, flaw == SegmentFlaw::Nothing);
        }
        if self.catch_up.peer() == Some(from) {
            self.catch_up.was_timely();
        } else {
            self.catch_up.was_late();
            if newest != self.chain.tip.height.next() {
                return;
            }
        }
        // Segments under way are taken when they come; from this one comes nothing more without a question.
        self.catch_up.answering.remove(&from);
        let due = self.clock.steady().plus_ms(PACKAGE_RETRY_MS);
        self.catch_up.asked = Some(Asked { peer: from, due });
        self.emit(Effect::FetchState(package));
    }

    /// A package stands for itself: its first block needs no parent, for its state is certified.
    fn verify_package(&self, package: &ChainSegment) -> Result<(), SegmentFlaw> {
        let Some((first, _)) = package.blocks.first() else {
            return Err(SegmentFlaw::Nothing);
        };
        // One that is just ahead is as good as the chain, and not worth it.
        if first.height <= self.chain.tip.height.next() {
            return Err(SegmentFlaw::Nothing);
        }
        let before = Link {
            hash: first.parent,
            height: Height(first.height.0.saturating_sub(1)),
            view: first.parent_view,
            time: Time::ZERO,
        };
        let branch = Consensus::linked(package, before)?;
        let certification =
            package.certification.filter(|certification| certification.height == first.height);
        let is_certified = certification.is_some_and(|Certification { height, root, signature }| {
            self.keys.keyring.verify(&Statement::Certify { height, root }, &signature)
        });
        if !is_certified {
            return Err(SegmentFlaw::Certification);
        }
        self.verify_signatures(package, &branch)
    }

    /// The blocks of `segment` above the tip, if they are the chain. How many there are is bounded by
    /// the size of a message; signatures are looked at only when all blocks are linked.
    fn verify_segment(&self, segment: &ChainSegment) -> Result<Vec<Final>, SegmentFlaw> {
        let branch = Consensus::linked(segment, self.chain.tip)?;
        // The void of an epoch that ended here is nothing to a replica that knows its end.
        if branch.first().is_none_or(|first| first.block.view.epoch() < self.epoch()) {
            return Err(SegmentFlaw::Nothing);
        }
        if !planted(Bug::ChainUnverified) {
            self.verify_signatures(segment, &branch)?;
        }
        Ok(branch)
    }

    /// The blocks of `segment` above `place`, each linked to the one before.
    fn linked(segment: &ChainSegment, place: Link) -> Result<Vec<Final>, SegmentFlaw> {
        let mut last = place;
        let mut branch = Vec::new();
        for (block, beacon) in segment.blocks.iter().filter(|(block, _)| block.height > place.height) {
            let follows = block.parent == last.hash && block.parent_view == last.view;
            if !follows
                || block.height != last.height.next()
                || block.view <= last.view
                || block.time <= last.time
            {
                return Err(SegmentFlaw::Unlinked(block.height));
            }
            let hash = hash_block(block);
            last = Link::of(hash, block);
            branch.push(Final { hash, block: block.clone(), beacon: *beacon, stored: false });
        }
        Ok(branch)
    }

    fn verify_signatures(&self, segment: &ChainSegment, branch: &[Final]) -> Result<(), SegmentFlaw> {
        let keyring = &self.keys.keyring;
        let Finalization { view, block, signature } = segment.finalization;
        let named = branch.last().is_some_and(|last| last.hash == block && last.block.view == view);
        if !named || !keyring.verify(&Statement::Finalize { view, block }, &signature) {
            return Err(SegmentFlaw::Finalization);
        }
        for Final { block, beacon, .. } in branch {
            let view = block.view;
            if beacon.view != view || !keyring.verify(&Statement::Beacon { view }, &beacon.signature) {
                return Err(SegmentFlaw::Beacon(block.height));
            }
        }
        Ok(())
    }

    fn take_segment(&mut self, branch: Vec<Final>, finalization: Finalization) {
        let beacon = branch.last().map(|last| last.beacon);
        self.extend_chain(branch, finalization);
        if finalization.view.epoch() != self.epoch() {
            return;
        }
        let attempt = self.pool.at(finalization.view);
        attempt.finalization = Some(finalization);
        attempt.beacon = attempt.beacon.or(beacon);
    }
}
