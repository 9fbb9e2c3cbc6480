//! The leader makes the view's block (rule 2).

use super::chain::Link;
use super::machine::Consensus;
use super::pool::{Candidate, Standing};
use super::validate::PROPOSAL_DOMAIN;
use crate::crypto::hash::{hash_calls, hash_header};
use crate::types::limits::CHAIN_SEGMENT_BYTES_MAX;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::sync::Arc;

/// How far the leader is with its proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proposing {
    Idle,
    /// A payload was asked for.
    Asked {
        parent: Link,
        time: Time,
    },
    /// There was none: wait for one, or for the heartbeat.
    Empty,
    /// Proposed, perhaps before a restart.
    Done,
}

impl Consensus {
    /// Asks for a payload, or at the heartbeat of a throttled subnet proposes an empty block.
    pub(super) fn propose(&mut self) -> bool {
        let heartbeat = self.is_heartbeat_due();
        let ready = match self.view.proposing {
            Proposing::Idle => self.clock.steady() >= self.gathered(),
            Proposing::Empty => heartbeat,
            Proposing::Asked { .. } | Proposing::Done => false,
        };
        let leads = self.view.leader == self.keys.keyring.own() && !self.is_mute(self.view.number);
        if !ready || !leads || self.has_given_up() {
            return false;
        }
        let Some((parent, ancestors)) = self.best_parent() else {
            return false;
        };
        if self.missed(parent.view, self.view.number).is_none() {
            return false;
        }
        let time = self.clock.now().max(parent.time.saturating_add(Time(1)));
        let paused = self.is_throttled(parent.height) || self.ends_in(&ancestors);
        if paused && !heartbeat {
            return false;
        }
        // Others wait for a block that makes those below it final.
        if paused || are_heavy(&ancestors) {
            self.publish(parent, time, Payload::default());
        } else {
            self.view.proposing = Proposing::Asked { parent, time };
            self.emit(Effect::SelectPayload { view: self.view.number, time, ancestors });
        }
        true
    }

    /// Whether this replica voted to nullify the current view.
    fn has_given_up(&self) -> bool {
        self.pool.get(self.view.number).is_some_and(|attempt| attempt.nullified)
    }

    /// The answer to `SelectPayload`.
    pub(super) fn take_payload(&mut self, view: View, payload: Payload) {
        let Proposing::Asked { parent, time } = self.view.proposing else {
            return;
        };
        if view != self.view.number {
            return;
        }
        if payload.ingress.is_empty() && !self.is_heartbeat_due() {
            self.view.proposing = Proposing::Empty;
        } else {
            let branch = self.branch(parent.view, parent.hash).unwrap_or_default();
            let system = self.system_payload(parent.height.next(), &branch);
            self.publish(parent, time, Payload { system, ..payload });
        }
    }

    /// Where the next block goes: the highest notarized block whose later views are all nullified; and
    /// its branch above the tip, newest first.
    fn best_parent(&self) -> Option<(Link, Vec<Arc<Block>>)> {
        let mut view = View(self.view.number.0.saturating_sub(1));
        while view > self.base() {
            let attempt = match self.pool.get(view) {
                None if planted(Bug::GapUnchecked) => return Some((self.chain.tip, Vec::new())),
                attempt => attempt?,
            };
            let hash = attempt.certified_block();
            let linked = hash.and_then(|hash| Some((hash, self.branch(view, hash).ok()?)));
            if let Some((hash, branch)) = linked {
                return Some((Link::of(hash, branch.first()?), branch));
            }
            if !planted(Bug::GapUnchecked) {
                attempt.nullification?;
            }
            view = View(view.0.saturating_sub(1));
        }
        Some((self.chain.tip, Vec::new()))
    }

    /// The branch to build on: undelivered blocks, newest first.
    pub fn pending(&self) -> Vec<Arc<Block>> {
        self.best_parent().map(|(_, branch)| branch).unwrap_or_default()
    }

    /// Signs, stores and broadcasts the block.
    fn publish(&mut self, parent: Link, time: Time, payload: Payload) {
        let block = Block {
            view: self.view.number,
            height: parent.height.next(),
            parent: parent.hash,
            parent_view: parent.view,
            proposer: self.keys.keyring.own(),
            time,
            attendance: self.attendance(&parent),
            payload,
        };
        let calls = hash_calls(&block.payload);
        let hash = hash_header(&block, &calls);
        let signature = self.keys.identity.sign(PROPOSAL_DOMAIN, &self.proposal_message(&hash));
        let compact = Arc::new(CompactProposal { header: block.header(), calls, signature });
        let proposal = Arc::new(Proposal { block, signature });
        self.view.proposing = Proposing::Done;
        let mut candidate = Candidate::new(hash, proposal.clone(), compact.clone());
        (candidate.standing, candidate.stored) = (Standing::Valid, true);
        self.pool.at(self.view.number).candidates.push(candidate);
        self.emit(Effect::Persist(Record::Proposal { hash, proposal }));
        self.emit(Effect::Broadcast(PeerMessage::Proposal(compact)));
    }
}

/// Whether blocks that are not final hold more than one segment of the chain should: beyond a message's size,
/// no replica that lags could fetch them.
fn are_heavy(ancestors: &[Arc<Block>]) -> bool {
    let calls = ancestors.iter().flat_map(|block| &block.payload.ingress).map(|call| call.envelope.len());
    let system = ancestors.iter().flat_map(|block| &block.payload.system).map(SystemMessage::bytes);
    calls.chain(system).sum::<usize>() > CHAIN_SEGMENT_BYTES_MAX
}
