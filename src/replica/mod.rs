//! One replica without hands: consensus and the ingress pool joined into one machine.
//!
//! 1. A call that this replica's own interface took goes into the pool and, once, to every other
//!    replica; a full pool refuses it, which leaves as [`Effect::IngressRefused`]. A call that came from a
//!    replica goes into the pool and no further; a full pool drops it, as another replica has it.
//!    What a block lacked goes to consensus first. Calls that were fetched for a block go into the pool too: should
//!    the block come to nothing, they are not lost.
//! 2. Consensus asks for payloads, calls and verdicts; the pool answers within the same call of
//!    [`Replica::handle`].
//! 3. A finalized block leaves as [`Effect::Execute`], oldest first, each once a run; from then on the
//!    pool neither proposes its calls nor votes for a block that repeats them.
//! 4. A restart remembers the calls of the chain that have not expired: those of executed heights by
//!    their ids, those of later heights by their blocks, which are executed again.
//! 5. When something waits that the newest notarized branch does not carry, consensus is told.

#[cfg(test)]
mod tests;

use crate::consensus::{Consensus, Equivocation, randomness, records_first};
pub use crate::consensus::{Keys, Waiting};
use crate::ingress::{Authenticator, Pool, PoolFull, body_hash, read_call, valid_at};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// The whole replica but its hands and its execution.
pub struct Replica {
    consensus: Consensus,
    authenticator: Arc<Authenticator>,
    pool: Pool,
}

impl Replica {
    /// `keys` must be of `genesis`' chain. The first input must be [`Input::Started`].
    pub fn new(keys: Keys, genesis: &Genesis) -> Replica {
        let authenticator = Arc::new(Authenticator::new(keys.keyring.root_key()));
        let pool = Pool::new(authenticator.clone());
        Replica { consensus: Consensus::new(keys, genesis.into()), authenticator, pool }
    }

    /// Takes one input; the effects are to be performed in order. Never returns `SelectPayload`,
    /// `ValidatePayload`, `FindCalls` or `Deliver`; records to persist come first, so that one sync serves them all.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Effect> {
        let view = self.consensus.view();
        let mut out = Vec::new();
        match input {
            Input::Ingress(ingress) => self.take_local(now, ingress, &mut out),
            Input::PeerIngress(ingress) => self.take_remote(now, ingress, &mut out),
            Input::Peer(_, PeerMessage::Ingress(envelope)) => {
                if let Ok((_, ingress)) = self.authenticator.authenticate_call(envelope, now) {
                    self.take_remote(now, Arc::new(ingress), &mut out);
                }
            }
            Input::Peer(from, PeerMessage::Bodies { block, bodies }) => {
                let bodies =
                    bodies.into_iter().map(|(place, envelope)| self.prove(place, envelope)).collect();
                self.take_bodies(now, Input::Bodies { from, block, bodies }, &mut out);
            }
            bodies @ Input::Bodies { .. } => self.take_bodies(now, bodies, &mut out),
            Input::Started(recovered) => {
                self.remember(&recovered);
                self.ask(now, Input::Started(recovered), &mut out);
            }
            other => self.ask(now, other, &mut out),
        }
        if self.consensus.view() != view {
            self.pool.purge_expired(now);
            if self.pool.has_work(now, &self.consensus.pending()) {
                self.ask(now, Input::PayloadWaiting, &mut out);
            }
        }
        records_first(out)
    }

    /// Rule 4.
    fn remember(&mut self, recovered: &Recovered) {
        if planted(Bug::HistoryForgottenAtRestart) {
            return;
        }
        self.pool.remember(&recovered.executed_requests);
        let executed = recovered.finalized.iter().map(|(_, block, _)| block);
        executed
            .filter(|block| block.height <= recovered.executed)
            .for_each(|block| self.pool.deliver(block));
    }

    /// Rule 1.
    fn take_local(&mut self, now: Time, ingress: Arc<SignedIngress>, out: &mut Vec<Effect>) {
        self.fill(now, &ingress, out);
        match self.pool.insert(ingress.clone()) {
            Ok(true) => {
                out.push(Effect::Broadcast(PeerMessage::Ingress(ingress.envelope.clone())));
                self.ask(now, Input::PayloadWaiting, out);
            }
            Ok(false) => {}
            Err(PoolFull) => out.push(Effect::IngressRefused(ingress.id)),
        }
    }

    fn take_remote(&mut self, now: Time, ingress: Arc<SignedIngress>, out: &mut Vec<Effect>) {
        self.fill(now, &ingress, out);
        if self.pool.insert(ingress) == Ok(true) {
            self.ask(now, Input::PayloadWaiting, out);
        }
    }

    /// Hands a call to the block that lacks it, if there is one.
    fn fill(&mut self, now: Time, ingress: &Arc<SignedIngress>, out: &mut Vec<Effect>) {
        if !self.consensus.lacks_calls() {
            return;
        }
        let hash = body_hash(ingress);
        if self.consensus.lacks(&hash) {
            self.ask(now, Input::CallArrived { hash, ingress: ingress.clone() }, out);
        }
    }

    /// Calls that were fetched: to consensus, and into the pool.
    fn take_bodies(&mut self, now: Time, input: Input, out: &mut Vec<Effect>) {
        let Input::Bodies { bodies, .. } = &input else { return };
        let calls: Vec<_> = bodies.iter().filter_map(|body| body.call.clone()).collect();
        self.ask(now, input, out);
        for call in calls.into_iter().filter(|call| valid_at(call, now)) {
            self.take_remote(now, call, out);
        }
    }

    /// For hands that prove no bodies themselves.
    fn prove(&self, place: u16, envelope: Bytes) -> Body {
        let call = self.authenticator.authenticate_body(envelope.clone()).ok().map(Arc::new);
        Body { place, envelope, call }
    }

    /// Gives consensus an input, and answers until it asks nothing more (rule 2). Each answer ends one
    /// question, and consensus asks once for each block and view, so this ends.
    fn ask(&mut self, now: Time, input: Input, out: &mut Vec<Effect>) {
        let (mut next, mut inputs) = (Some(input), VecDeque::new());
        while let Some(input) = next.take().or_else(|| inputs.pop_front()) {
            for effect in self.consensus.handle(now, input) {
                match effect {
                    Effect::SelectPayload { view, time, ancestors } => {
                        let payload = self.pool.select(time, &ancestors);
                        inputs.push_back(Input::Payload { view, payload });
                    }
                    Effect::ValidatePayload { hash, block, ancestors, proven } => {
                        let verdict = self.pool.validate(&block, &ancestors, proven);
                        inputs.push_back(Input::PayloadValidated { block: hash, verdict });
                    }
                    Effect::FindCalls { block, calls } => {
                        let calls = self.pool.find(&calls);
                        inputs.push_back(Input::CallsFound { block, calls });
                    }
                    Effect::Deliver { block, beacon } => out.push(self.execute(&block, &beacon)),
                    other => out.push(other),
                }
            }
        }
    }

    /// Rule 3.
    fn execute(&mut self, block: &Block, beacon: &RandomBeacon) -> Effect {
        self.pool.deliver(block);
        Effect::Execute(batch(block, beacon))
    }

    /// Where this replica stands: the lowest view it lacks a certificate of, finalized and certified height.
    pub fn status(&self) -> PeerStatus {
        self.consensus.status()
    }

    /// What is in the way of the next certified height.
    pub fn waits_for(&self) -> Waiting {
        self.consensus.waits_for()
    }

    /// Consensus, to read facts from.
    pub fn consensus(&self) -> &Consensus {
        &self.consensus
    }

    /// Nodes caught saying two things at once in this run.
    pub fn evidence(&self) -> &[Equivocation] {
        self.consensus.evidence()
    }

    /// Calls that wait for a block, and the bytes of their envelopes.
    pub fn waiting(&self) -> (usize, usize) {
        (self.pool.len(), self.pool.bytes())
    }
}

/// What execution sees of a finalized block and the beacon of its view.
pub fn batch(block: &Block, beacon: &RandomBeacon) -> Batch {
    // A quorum voted for every envelope of the block, so each of them reads; one that did not would be skipped
    // by all alike.
    let calls = block.payload.ingress.iter().filter_map(|ingress| read_call(ingress).ok());
    Batch {
        height: block.height,
        time: block.time,
        randomness: randomness(beacon),
        proposer: block.proposer,
        ingress: calls.map(Arc::new).collect(),
        system: block.payload.system.clone(),
        voters: block.attendance.voters.iter().copied().collect(),
        missed: block.attendance.missed.clone(),
    }
}
