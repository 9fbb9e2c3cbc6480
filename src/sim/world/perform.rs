//! The hands of simulated nodes: inputs in, effects out, strictly in order.

use super::super::disk::DiskError;
use super::super::trace::Facts;
use super::super::workload::admissible;
use super::{Event, OUTBOX_PER_NODE_MAX, World};
use crate::encoding::{cbor, peer};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Of a thousand messages of honest nodes so many are encoded and decoded; of sinners' all are.
const ENCODED_PER_MILLE: u64 = 50;
/// Envelopes remembered with what they read as.
const ENVELOPES_READ_MAX: usize = 1_024;

impl World {
    pub(super) fn deliver(&mut self, from: NodeIndex, to: NodeIndex, message: PeerMessage) {
        // Strangers are not heard; nor is anybody where nobody lives.
        let Some(peer) = self.host(to).place_of(self.member(from)) else { return };
        self.tally.delivered += 1;
        self.note("hears", to, Some(from), Facts::of_message(&message));
        match message {
            PeerMessage::Ingress(envelope) => {
                if let Some(ingress) = self.admit(to, envelope) {
                    self.feed(to, Input::PeerIngress(ingress));
                }
            }
            message => {
                self.tally.bodies_fetched += u64::from(matches!(message, PeerMessage::Bodies { .. }));
                self.feed(to, Input::Peer(peer, message));
            }
        }
    }

    /// What a node's interface lets through: well-formed calls that are neither expired nor too early.
    pub(super) fn admit(&mut self, node: NodeIndex, envelope: bytes::Bytes) -> Option<Arc<SignedIngress>> {
        if self.read.len() >= ENVELOPES_READ_MAX {
            self.read.clear();
        }
        let entry = self.read.entry(envelope);
        let read =
            entry.or_insert_with_key(|envelope| Some(Arc::new(cbor::read_ingress(envelope.clone()).ok()?)));
        let ingress = read.clone()?;
        admissible(self.host(node).clock.read(self.now), ingress.expiry).then_some(ingress)
    }

    pub(super) fn ring(&mut self, node: NodeIndex, life: u32, count: u64) {
        let host = self.host(node);
        let Some(alive) = host.life.as_ref().filter(|_| host.incarnation == life) else {
            return;
        };
        let (asked, current) = alive.timer;
        if current != count {
            return;
        }
        if host.clock.read(self.now) < asked {
            // The clock was set back since.
            let at = host.clock.moment(self.now, asked);
            self.queue.push(at, Event::Timer { node, life, count });
            return;
        }
        self.note("rings", node, None, Facts::default());
        self.feed(node, Input::Timer);
    }

    pub(super) fn synced(&mut self, node: NodeIndex, life: u32) {
        let host = self.host_mut(node);
        let Some(alive) = host.life.as_mut().filter(|_| host.incarnation == life) else {
            return;
        };
        let Some(mark) = alive.syncing.take() else {
            return;
        };
        let synced = host.disk.sync(mark);
        self.now_safe(node, synced);
        self.note("synced", node, None, Facts::default());
        if self.struck_after_barrier() {
            self.crash_and_return(node);
            return;
        }
        self.drain(node);
    }

    pub(super) fn executed(&mut self, node: NodeIndex, life: u32) {
        let host = &mut self.hosts[usize::from(node.0)];
        let Some(alive) = host.life.as_mut().filter(|_| host.incarnation == life) else {
            return;
        };
        let Some(batch) = alive.batches.pop_front() else {
            return;
        };
        let outcome = match alive.executor.execute(&batch) {
            Ok(outcome) => outcome,
            Err(failure) => {
                return self.oracle.accuse("I11", format!("node {node} cannot execute: {failure}"));
            }
        };
        let more = !alive.batches.is_empty();
        host.disk.commit(outcome.delta, outcome.root);
        if self.scenario.checkpoint_every > 0 && batch.height.0.is_multiple_of(self.scenario.checkpoint_every)
        {
            match host.disk.frozen() {
                Ok(state) => alive.frozen = Some((batch.height, state)),
                Err(error) => return self.oracle.accuse("I5", format!("the disk of node {node}: {error}")),
            }
        }
        self.oracle.executed(node, batch.height, outcome.root);
        let (height, time, books) = (batch.height, batch.time, outcome.books);
        self.oracle.has_state(node, height, time, books, |id| alive.executor.answer(id));
        self.note(
            "executed",
            node,
            None,
            Facts::new("height", batch.height.0, super::super::trace::short(&outcome.root.0)),
        );
        if more {
            self.schedule_execution(node);
        }
        self.feed(node, Input::Executed(Executed { height: batch.height, root: outcome.root }));
    }

    /// Gives an input to a node: now, or once its effects are performed.
    pub(super) fn feed(&mut self, node: NodeIndex, input: Input) {
        let pipelined = self.scenario.pipelined;
        let Some(alive) = &mut self.host_mut(node).life else {
            return;
        };
        if alive.outbox.is_empty() || pipelined {
            self.handle(node, input);
        } else {
            alive.inbox.push_back(input);
        }
        self.drain(node);
    }

    fn handle(&mut self, node: NodeIndex, input: Input) {
        let now = self.now;
        let bound = OUTBOX_PER_NODE_MAX * self.hosts.len();
        let handled = self.host_mut(node).handle(now, input);
        let honest = self.honest(node);
        match handled {
            Err(panic) if honest => self.oracle.accuse("I11", format!("node {node} panics: {panic}")),
            Err(_) => self.crash_and_return(node),
            Ok(true) => self.meet(node),
            Ok(false) => {}
        }
        let Some(alive) = self.host(node).life.as_ref().filter(|_| honest) else { return };
        let calls = self.tally.calls as usize;
        if let Some(excess) = alive.excess(bound, calls) {
            self.oracle.accuse("I10", format!("node {node}: {excess}"));
        }
    }

    /// Performs effects until a barrier, a crash, or the end of all that waits.
    pub(super) fn drain(&mut self, node: NodeIndex) {
        loop {
            let Some(alive) = &mut self.host_mut(node).life else {
                return;
            };
            if alive.syncing.is_some() {
                return;
            }
            if let Some(effect) = alive.outbox.pop_front() {
                self.perform(node, effect);
                if self.struck_between_effects() {
                    self.tally.cut_short += 1;
                    self.crash_and_return(node);
                }
            } else if let Some(input) = alive.inbox.pop_front() {
                self.handle(node, input);
            } else {
                return;
            }
        }
    }

    fn perform(&mut self, node: NodeIndex, effect: Effect) {
        match effect {
            Effect::Persist(record) => self.persist(node, record),
            Effect::Send(to, message) => {
                self.say(node, Some(to), &message);
                self.send(node, to, message);
            }
            Effect::Broadcast(message) => {
                self.say(node, None, &message);
                let Some(message) = self.on_the_wire(node, message) else { return };
                let own = self.member(node);
                let peers = self.host(node).life.as_ref().map_or(Vec::new(), |life| life.peers.clone());
                let others = peers.into_iter().filter(|to| *to != own);
                others.for_each(|to| self.route_to(node, to, message.clone()));
            }
            Effect::SetTimer(moment) => self.set_timer(node, moment),
            Effect::Execute(batch) => self.execute(node, batch),
            Effect::Certified(certification) => {
                self.note(
                    "certified",
                    node,
                    None,
                    Facts::of_message(&PeerMessage::Certification(certification)),
                );
                self.oracle.certified(node, &certification);
                self.checkpoint(node, certification);
            }
            Effect::ServeChain { to, from } => self.serve_chain(node, to, from),
            Effect::FetchState(package) => self.fetch_state(node, package),
            Effect::Halt(divergence) => self.halt(node, &divergence),
            // The workload is no client that waits; a call that is not executed counts for nothing.
            Effect::IngressRefused(_) => {}
            Effect::OpenEpoch(opened) => {
                let peers = self.peers_of(&opened);
                let members = peers.iter().copied().take(opened.members.len()).collect::<Vec<_>>();
                self.oracle.opened(node, opened.epoch, &members);
                self.host_mut(node).open_epoch(&opened, peers);
                self.meet(node);
                let seed = Seed(Zeroizing::new([0; 32]));
                self.feed(node, Input::Seed { epoch: opened.epoch, seed });
            }
            Effect::SelectPayload { .. }
            | Effect::ValidatePayload { .. }
            | Effect::FindCalls { .. }
            | Effect::Deliver { .. } => {
                self.oracle.accuse("I11", format!("node {node} lets an inner effect out"));
            }
        }
    }

    /// Writes this record and those right behind it, and waits until they are safe.
    fn persist(&mut self, node: NodeIndex, record: Record) {
        let mut barrier = self.write(node, record);
        while let Some(record) = self.next_record(node) {
            barrier |= self.write(node, record);
        }
        if !barrier {
            return;
        }
        if self.struck_in_barrier() {
            self.crash_and_return(node);
            return;
        }
        let delay = self.delays.below(self.rates.sync_max + 1);
        let (at, host) = (Time(self.now.0 + delay), self.host_mut(node));
        let mark = host.disk.len();
        if delay == 0 {
            let synced = host.disk.sync(mark);
            return self.now_safe(node, synced);
        }
        let life = host.incarnation;
        if let Some(alive) = &mut host.life {
            alive.syncing = Some(mark);
        }
        self.queue.push(at, Event::Synced { node, life });
    }

    /// Whether what was written calls for a barrier: always, but for a planted bug.
    fn write(&mut self, node: NodeIndex, record: Record) -> bool {
        self.note("writes", node, None, Facts::of_record(&record));
        let careless = planted(Bug::NoFsyncBeforeVote) && matches!(record, Record::Vote(_));
        self.host_mut(node).disk.write(record);
        !careless
    }

    fn next_record(&mut self, node: NodeIndex) -> Option<Record> {
        let alive = self.host_mut(node).life.as_mut()?;
        match alive.outbox.pop_front()? {
            Effect::Persist(record) => Some(record),
            effect => {
                alive.outbox.push_front(effect);
                None
            }
        }
    }

    pub(super) fn say(&mut self, node: NodeIndex, to: Option<NodeIndex>, message: &PeerMessage) {
        self.note("says", node, to, Facts::of_message(message));
        self.oracle.said(node, message);
    }

    fn send(&mut self, from: NodeIndex, to: NodeIndex, message: PeerMessage) {
        if let Some(message) = self.on_the_wire(from, message) {
            self.route(from, to, message);
        }
    }

    /// Sends a message to whoever stands at a place for the sender.
    pub(super) fn route(&mut self, from: NodeIndex, to: NodeIndex, message: PeerMessage) {
        match self.host(from).peer(to).filter(|to| *to != self.member(from)) {
            Some(to) => self.route_to(from, to, message),
            None if self.honest(from) => self.oracle.accuse("I11", format!("node {from} sends to {to}")),
            // A sinner may take another epoch's members for its peers.
            None => {}
        }
    }

    /// Sends a message to all copies of a node.
    fn route_to(&mut self, from: NodeIndex, to: NodeIndex, message: PeerMessage) {
        let Some(copies) = self.copies.get(usize::from(to.0)) else { return };
        let (first, second) = (copies.first().copied(), copies.get(1).copied());
        if let Some(second) = second {
            self.carry(from, second, message.clone());
        }
        if let Some(first) = first {
            self.carry(from, first, message);
        }
    }

    fn carry(&mut self, from: NodeIndex, to: NodeIndex, message: PeerMessage) {
        let [first, second] = self.network.route(self.now, from, to);
        if let Some(at) = second {
            self.queue.push(at, Event::Deliver { from, to, message: message.clone(), sent: self.now });
        }
        if let Some(at) = first {
            self.queue.push(at, Event::Deliver { from, to, message, sent: self.now });
        }
    }

    /// What the other side reads: of an honest node's message always the message, of a sinner's at most.
    fn on_the_wire(&mut self, from: NodeIndex, message: PeerMessage) -> Option<PeerMessage> {
        let honest = self.honest(from);
        if honest && !self.delays.chance(ENCODED_PER_MILLE) {
            return Some(message);
        }
        self.tally.encoded += 1;
        let read = peer::decode(peer::encode(&message)).ok();
        if honest && read.as_ref() != Some(&message) {
            self.oracle.accuse("I11", format!("what node {from} says is read as {read:?}"));
        }
        read
    }

    fn set_timer(&mut self, node: NodeIndex, moment: Time) {
        let now = self.now;
        let host = self.host_mut(node);
        let (at, life) = (host.clock.moment(now, moment), host.incarnation);
        let Some(alive) = &mut host.life else { return };
        alive.timer = (moment, alive.timer.1 + 1);
        let count = alive.timer.1;
        self.queue.push(at, Event::Timer { node, life, count });
    }

    fn execute(&mut self, node: NodeIndex, batch: Batch) {
        self.note("orders", node, None, Facts::new("height", batch.height.0, batch.ingress.len() as u64));
        self.oracle.ordered(node, &batch);
        if self.honest(node) && batch.height == self.oracle.unreferenced() {
            self.execute_reference(&batch);
        }
        let Some(alive) = &mut self.host_mut(node).life else {
            return;
        };
        alive.batches.push_back(batch);
        if alive.batches.len() == 1 {
            self.schedule_execution(node);
        }
    }

    fn execute_reference(&mut self, batch: &Batch) {
        match self.reference.execute(batch) {
            Ok(outcome) => {
                self.tally.calls_executed += outcome.finished.len() as u64;
                self.oracle.reference(batch, outcome.root);
                for id in outcome.finished {
                    if let Some(says) = self.reference.answer(&id) {
                        self.oracle.answered(batch, id, says);
                    }
                }
            }
            Err(failure) => self.oracle.accuse("I11", format!("the reference cannot execute: {failure}")),
        }
    }

    fn schedule_execution(&mut self, node: NodeIndex) {
        let at = Time(self.now.0 + self.delays.below(self.rates.execute_max + 1));
        let life = self.host(node).incarnation;
        self.queue.push(at, Event::Executed { node, life });
    }

    fn serve_chain(&mut self, node: NodeIndex, to: NodeIndex, from: Height) {
        match self.host(node).disk.chain_segment(from) {
            Ok(Some(segment)) => {
                let adversary = self.host_mut(node).adversary.as_mut();
                let segment = match adversary {
                    Some(adversary) => adversary.serve(segment),
                    None => segment,
                };
                let message = PeerMessage::Chain(Box::new(segment));
                self.say(node, Some(to), &message);
                self.send(node, to, message);
            }
            Ok(None) => self.serve_package(node, to, from),
            Err(error) => self.now_safe(node, Err(error)),
        }
    }

    /// Only what no crash can take any more has happened.
    pub(super) fn now_safe(&mut self, node: NodeIndex, records: Result<Vec<Record>, DiskError>) {
        match records {
            Ok(records) => records.iter().for_each(|record| self.oracle.kept(node, record)),
            Err(error) => self.oracle.accuse("I5", format!("the disk of node {node} refuses: {error}")),
        }
    }

    fn halt(&mut self, node: NodeIndex, divergence: &Divergence) {
        self.note("halts", node, None, Facts::new("height", divergence.height.0, 0));
        self.oracle.halted(node, divergence);
        self.host_mut(node).life = None;
    }
}
