//! Blocks are put together from their headers and the calls that spread apart from them (rule 14).

use super::machine::Consensus;
use super::pool::Candidate;
use super::receive::Arrived;
use crate::crypto::hash::hash_call;
use crate::types::limits::{
    BLOCK_INGRESS_COUNT_MAX, BLOCK_PAYLOAD_BYTES_MAX, BODY_PATIENCE_MAX_MS, BODY_PATIENCE_MS, BODY_RETRY_MS,
};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A block some of whose calls are not here.
#[derive(Clone, Debug)]
pub struct Assembly {
    proposal: Arc<CompactProposal>,
    /// Who sent it, and so has the calls if it is honest.
    source: NodeIndex,
    calls: Vec<Option<Arc<SignedIngress>>>,
    /// Places of the calls that are missing, by the hashes of their bodies.
    missing: BTreeMap<Digest, u16>,
    /// Bytes of the calls that are here.
    bytes: usize,
    /// When it came, and when to ask (again), on the scale of waits.
    since: Time,
    due: Time,
    tries: usize,
    /// Not to be voted for, whatever else comes: kept so that it is not begun again.
    void: bool,
}

/// All such blocks by their hashes.
pub type Assemblies = BTreeMap<Digest, Assembly>;

impl Assembly {
    fn new(arrived: &Arrived, steady: Time) -> Assembly {
        let calls = &arrived.proposal.calls;
        Assembly {
            proposal: arrived.proposal.clone(),
            source: arrived.from,
            calls: vec![None; calls.len()],
            missing: calls.iter().copied().zip(0..=u16::MAX).collect(),
            bytes: 0,
            since: steady,
            due: steady.plus_ms(BODY_PATIENCE_MS),
            tries: 0,
            void: false,
        }
    }

    /// The view, the proposer and its signature.
    pub fn signed(&self) -> (View, NodeIndex, NodeSignature) {
        let Block { view, proposer, .. } = self.proposal.header;
        (view, proposer, self.proposal.signature)
    }

    /// Puts a call into its place; others of them seem to be on their way.
    fn put(&mut self, hash: &Digest, call: Arc<SignedIngress>, steady: Time) {
        let Some(place) = self.missing.remove(hash) else { return };
        self.bytes = self.bytes.saturating_add(call.envelope.len());
        if let Some(slot) = self.calls.get_mut(usize::from(place)) {
            *slot = Some(call);
        }
        if self.tries == 0 {
            let latest = self.since.plus_ms(BODY_PATIENCE_MAX_MS);
            self.due = steady.plus_ms(BODY_PATIENCE_MS).min(latest);
        }
    }
}

impl Consensus {
    /// Whether the block with this hash is being put together.
    pub(super) fn is_assembling(&self, hash: &Digest) -> bool {
        self.assemblies.contains_key(hash)
    }

    /// Whether a block that is being put together lacks any call.
    pub fn lacks_calls(&self) -> bool {
        self.assemblies.values().any(|assembly| !assembly.void)
    }

    /// Whether a block that is being put together lacks the call with this hash.
    pub fn lacks(&self, call: &Digest) -> bool {
        self.assemblies.values().any(|assembly| !assembly.void && assembly.missing.contains_key(call))
    }

    /// How many calls of the current view's block are missing, and of whom they are asked.
    pub(super) fn missing_calls(&self) -> Option<(usize, NodeIndex)> {
        let mut current = self.assemblies.iter().filter(|(hash, assembly)| self.may_fetch(hash, assembly));
        let found = current.find(|(_, assembly)| assembly.proposal.header.view == self.view.number);
        found.map(|(hash, assembly)| (assembly.missing.len(), self.asked(hash, assembly)))
    }

    /// Begins with a signed proposal; its hash is that of its header and calls.
    pub(super) fn assemble(&mut self, arrived: &Arrived) {
        let assembly = Assembly::new(arrived, self.clock.steady());
        let count = arrived.proposal.calls.len();
        if count > BLOCK_INGRESS_COUNT_MAX || assembly.missing.len() != count {
            return self.peers.fault(arrived.from);
        }
        self.assemblies.insert(arrived.hash, assembly);
        if count > 0 {
            let calls = arrived.proposal.calls.clone();
            self.emit(Effect::FindCalls { block: arrived.hash, calls });
        }
        self.finish(&arrived.hash);
    }

    /// The answer to `FindCalls`.
    pub(super) fn take_found(&mut self, block: &Digest, calls: Vec<Option<Arc<SignedIngress>>>) {
        let steady = self.clock.steady();
        let Some(assembly) = self.assemblies.get_mut(block) else { return };
        let proposal = assembly.proposal.clone();
        for (hash, call) in proposal.calls.iter().zip(calls) {
            call.into_iter().for_each(|call| assembly.put(hash, call, steady));
        }
        self.finish(block);
    }

    /// A call got here by itself.
    pub(super) fn take_call(&mut self, hash: &Digest, call: &Arc<SignedIngress>) {
        let steady = self.clock.steady();
        let blocks: Vec<Digest> = self.assemblies.keys().copied().collect();
        for block in blocks {
            if let Some(assembly) = self.assemblies.get_mut(&block) {
                assembly.put(hash, call.clone(), steady);
                self.finish(&block);
            }
        }
    }

    /// Calls that a peer sent, as the block's. That a body has not the hash that the block names is the
    /// peer's fault; that a body which has it proves no sender is the proposer's.
    pub(super) fn take_bodies(&mut self, from: NodeIndex, block: &Digest, bodies: Vec<Body>) {
        let steady = self.clock.steady();
        let Some(assembly) = self.assemblies.get_mut(block) else { return };
        for Body { place, envelope, call } in bodies {
            let named = assembly.proposal.calls.get(usize::from(place)).copied();
            let Some(hash) =
                named.filter(|hash| planted(Bug::BodyUnchecked) || *hash == hash_call(&envelope))
            else {
                return self.peers.fault(from);
            };
            match call {
                Some(call) => assembly.put(&hash, call, steady),
                None => return self.void(block),
            }
        }
        self.finish(block);
    }

    /// The proposer signed what no honest replica votes for.
    fn void(&mut self, block: &Digest) {
        let Some(assembly) = self.assemblies.get_mut(block).filter(|assembly| !assembly.void) else { return };
        assembly.void = true;
        assembly.calls = Vec::new();
        let proposer = assembly.proposal.header.proposer;
        self.peers.fault(proposer);
    }

    /// A block of which nothing is missing any more is a proposal like any other.
    fn finish(&mut self, hash: &Digest) {
        let Some(assembly) = self.assemblies.get(hash) else { return };
        if assembly.bytes > BLOCK_PAYLOAD_BYTES_MAX {
            return self.void(hash);
        }
        if assembly.void || !assembly.missing.is_empty() {
            return;
        }
        let Some(Assembly { proposal, calls, .. }) = self.assemblies.remove(hash) else { return };
        let view = proposal.header.view;
        let whole = Arc::new(proposal.complete(calls.into_iter().flatten().collect()));
        let mut candidate = Candidate::new(*hash, whole, proposal);
        candidate.proven = true;
        self.pool.at(view).candidates.push(candidate);
    }

    /// Asks for the missing calls whose time has come, and forgets blocks that are not needed any more.
    pub(super) fn fetch_bodies(&mut self) {
        self.tidy_assemblies();
        let steady = self.clock.steady();
        if self.chain.is_backlogged() {
            return;
        }
        let wanted = self.assemblies.iter().filter(|(hash, assembly)| self.may_fetch(hash, assembly));
        let due = wanted.filter(|(_, assembly)| assembly.due <= steady);
        let asked: Vec<(Digest, NodeIndex, BTreeSet<u16>)> = due
            .map(|(hash, assembly)| {
                (*hash, self.asked(hash, assembly), assembly.missing.values().copied().collect())
            })
            .collect();
        for (block, peer, places) in asked {
            if let Some(assembly) = self.assemblies.get_mut(&block) {
                assembly.due = steady.plus_ms(BODY_RETRY_MS);
                assembly.tries = assembly.tries.saturating_add(1);
            }
            self.emit(Effect::Send(peer, PeerMessage::FetchBodies { block, places }));
        }
    }

    /// When to ask for calls (again).
    pub(super) fn bodies_due(&self) -> Option<Time> {
        let wanted = self.assemblies.iter().filter(|(hash, assembly)| self.may_fetch(hash, assembly));
        wanted.map(|(_, assembly)| assembly.due).min()
    }

    /// Whether the block can be voted for now, or is needed.
    fn may_fetch(&self, hash: &Digest, assembly: &Assembly) -> bool {
        let (view, proposer, _) = assembly.signed();
        let led = view == self.view.number && proposer == self.view.leader;
        !assembly.void && (led || self.pool.is_needed(view, hash))
    }

    /// Whom to ask this time: who sent the block, then those who voted for it, then everybody, in turn.
    fn asked(&self, hash: &Digest, assembly: &Assembly) -> NodeIndex {
        let mut turn = self.holders(assembly.proposal.header.view, *hash);
        turn.retain(|peer| *peer != assembly.source);
        turn.insert(0, assembly.source);
        let place = assembly.tries.checked_rem(turn.len()).unwrap_or(0);
        turn.get(place).copied().unwrap_or(assembly.source)
    }

    /// As `Pool::tidy` does with whole proposals.
    fn tidy_assemblies(&mut self) {
        let (tip, current, leader) = (self.chain.tip.view, self.view.number, self.view.leader);
        let pool = &self.pool;
        self.assemblies.retain(|hash, assembly| {
            let (view, proposer, _) = assembly.signed();
            let open = view.next() >= current && (view != current || proposer == leader);
            view > tip && (open || pool.is_needed(view, hash))
        });
    }

    /// Answers a peer that lacks calls.
    pub(super) fn serve_bodies(&mut self, to: NodeIndex, block: Digest, places: &BTreeSet<u16>) {
        let Some(candidate) = self.pool.find(&block) else { return };
        let ingress = &candidate.block.payload.ingress;
        let body = |place: &u16| Some((*place, ingress.get(usize::from(*place))?.envelope.clone()));
        let bodies: Vec<(u16, bytes::Bytes)> = places.iter().filter_map(body).collect();
        if !bodies.is_empty() && self.peers.may_serve(to) {
            self.emit(Effect::Send(to, PeerMessage::Bodies { block, bodies }));
        }
    }
}
