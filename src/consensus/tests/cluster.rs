//! A committee on one thread: virtual time, a queue of events, disks that survive their replica.
//! Safety is asserted at every effect, whatever a test is about.

use super::disk::Disk;
use crate::consensus::{Consensus, Keys, Pace};
use crate::crypto::hash::{hash_block, hash_call, hash_header, sha256};
use crate::crypto::node_key;
use crate::crypto::threshold::Keyring;
use crate::membership::Succession;
use crate::types::*;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

pub const CHAIN: ChainId = Digest([7; 32]);
pub const PACE: Pace = Pace { heartbeat_ms: 500, view_timeout_ms: 1_000 };

pub fn keys(n: usize) -> Vec<Keys> {
    keys_for(n, 0)
}

pub fn keys_for(n: usize, epoch_length: u64) -> Vec<Keys> {
    let (identities, committee) = node_key::simulated(CHAIN, n);
    let keyrings = Keyring::simulated(CHAIN, n);
    let pairs = keyrings.into_iter().zip(identities);
    pairs.map(|(keyring, identity)| Keys::simulated(keyring, identity, &committee, epoch_length)).collect()
}

/// A replica, its disk and what it runs on. Several may share an index: they are twins.
pub struct Node {
    pub index: NodeIndex,
    pub consensus: Option<Consensus>,
    /// It is not of the genesis: which simulated identity it has.
    pub newcomer: Option<usize>,
    /// The keys on disk, once an epoch has begun.
    pub keyring: Option<Keyring>,
    /// After each height that is delivered and not executed.
    successions: BTreeMap<Height, Succession>,
    pub disk: Disk,
    pub timer: Option<Time>,
    /// Delivered in this run.
    pub delivered: Vec<(Height, Digest, Time)>,
    pub halted: Option<Box<Divergence>>,
    /// How often it started again from a package.
    pub fetched: u32,
    /// Something always waits to be proposed.
    pub busy: bool,
    /// Its execution goes wrong from this height on.
    pub wrong_from: Height,
    /// May contradict itself.
    pub twin: bool,
    /// How far its clock is behind.
    pub behind_ms: u64,
}

enum Event {
    Message { to: usize, from: NodeIndex, message: PeerMessage },
    Timer { node: usize },
    Executed { node: usize, executed: Executed },
}

pub type Link = Box<dyn FnMut(usize, usize, &PeerMessage) -> Option<PeerMessage>>;

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub now: Time,
    pub delay_ms: u64,
    /// What arrives of a message from one place to another.
    pub link: Link,
    pub proposed: BTreeMap<View, Time>,
    /// Nodes that find none of a block's calls in their pools.
    pub lacking: BTreeSet<usize>,
    /// Keys that are not simulated, for nodes that start from now on.
    pub keyrings: Vec<Keyring>,
    /// All calls that there ever were.
    calls: BTreeMap<Digest, Arc<SignedIngress>>,
    /// Nothing that is delivered is ever executed.
    pub stalled_execution: bool,
    /// 0: one epoch for ever.
    pub epoch_length: u64,
    /// Who orders the membership, in place of the operators.
    pub registry: Option<Principal>,
    full: BTreeMap<Height, bool>,
    events: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    final_hashes: BTreeMap<Height, Digest>,
    said: BTreeMap<(usize, View, &'static str), Digest>,
}

impl Cluster {
    /// `n` replicas, none started.
    pub fn new(n: usize) -> Cluster {
        let nodes = (0..n as u16).map(|index| Node::new(NodeIndex(index))).collect();
        Cluster {
            nodes,
            now: Time(1_000_000_000_000_000_000),
            delay_ms: 50,
            link: Box::new(|_, _, message| Some(message.clone())),
            proposed: BTreeMap::new(),
            lacking: BTreeSet::new(),
            keyrings: Vec::new(),
            calls: BTreeMap::new(),
            stalled_execution: false,
            epoch_length: 0,
            registry: None,
            full: BTreeMap::new(),
            events: BTreeMap::new(),
            sequence: 0,
            final_hashes: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    /// `n` replicas, all started.
    pub fn started(n: usize) -> Cluster {
        let mut cluster = Cluster::new(n);
        (0..n).for_each(|node| cluster.start(node));
        cluster
    }

    /// How many of the first committee there are, twins counted once.
    fn committee(&self) -> usize {
        let first = self.nodes.iter().filter(|node| node.newcomer.is_none());
        first.map(|node| usize::from(node.index.0) + 1).max().unwrap_or(0)
    }

    /// A node with the simulated identity `id`, which listens at the place `index`, and has no shares.
    pub fn join(&mut self, index: u16, id: usize) {
        let mut node = Node::new(NodeIndex(index));
        node.newcomer = Some(id);
        self.nodes.push(node);
        self.start(self.nodes.len() - 1);
    }

    /// The keys with which a node starts.
    fn keys_of(&self, node: usize) -> Keys {
        let Node { index, newcomer, .. } = self.nodes[node];
        let mut all = keys_for(self.committee(), self.epoch_length);
        for keys in &mut all {
            keys.genesis = keys.genesis.clone().with_registry(self.registry);
        }
        let Some(id) = newcomer else {
            return all.swap_remove(usize::from(index.0));
        };
        let (identities, _) = node_key::simulated(CHAIN, id + 1);
        let keys = all.swap_remove(0);
        let keyring = keys.genesis.blind_keyring().unwrap();
        Keys { keyring, identity: identities[id].clone(), ..keys }
    }

    pub fn start(&mut self, node: usize) {
        let mut keys = self.keys_of(node);
        if let Some(keyring) = self.keyrings.get(usize::from(self.nodes[node].index.0)) {
            keys.keyring = keyring.clone();
        }
        if let Some(keyring) = &self.nodes[node].keyring {
            keys.keyring = keyring.clone();
        }
        let executed = self.nodes[node].disk.succession.as_deref();
        let last = executed.map_or_else(|| keys.genesis.clone(), |bytes| Succession::decode(bytes).unwrap());
        let height = self.nodes[node].disk.executed.map_or(Height::ZERO, |executed| executed.height);
        self.nodes[node].successions = BTreeMap::from([(height, last)]);
        self.nodes[node].consensus = Some(Consensus::new(keys, PACE));
        self.nodes[node].delivered.clear();
        let recovered = self.nodes[node].disk.recover();
        self.input(node, Input::Started(Box::new(recovered)));
    }

    /// The node loses its disk, and what was on its way to it; it starts again with an empty one.
    pub fn wipe(&mut self, node: usize) {
        self.crash(node);
        self.nodes[node].disk = Disk { votes_lost: true, ..Disk::default() };
        self.events.retain(|_, event| !matches!(event, Event::Message { to, .. } if *to == node));
        self.forget_executions(node);
        self.start(node);
    }

    fn forget_executions(&mut self, node: usize) {
        self.events.retain(|_, event| !matches!(event, Event::Executed { node: of, .. } if *of == node));
    }

    pub fn crash(&mut self, node: usize) {
        self.nodes[node].consensus = None;
        self.nodes[node].timer = None;
    }

    fn schedule(&mut self, at: Time, event: Event) {
        self.sequence += 1;
        self.events.insert((at.max(self.now), self.sequence), event);
    }

    /// Runs for this long.
    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now = entry.key().0;
            match entry.remove() {
                Event::Message { to, from, message } => {
                    let input = self.proven(from, message);
                    self.input(to, input);
                }
                Event::Timer { node } => {
                    if self.nodes[node].timer == Some(self.now) {
                        self.nodes[node].timer = None;
                        self.input(node, Input::Timer);
                    }
                }
                Event::Executed { node, executed } => {
                    if self.nodes[node].consensus.is_some() {
                        self.nodes[node].disk.executed = Some(executed);
                        let after = self.nodes[node].successions.get(&executed.height);
                        if let Some(bytes) = after.map(|succession| succession.encode().into()) {
                            self.nodes[node].disk.succession = Some(bytes);
                        }
                        self.input(node, Input::Executed(executed));
                    }
                }
            }
        }
        self.now = end;
    }

    /// Bodies with their proofs checked: those of calls that there are hold.
    fn proven(&self, from: NodeIndex, message: PeerMessage) -> Input {
        let PeerMessage::Bodies { block, bodies } = message else {
            return Input::Peer(from, message);
        };
        let body = |(place, envelope): (u16, Bytes)| {
            let call = self.calls.get(&hash_call(&envelope)).cloned();
            Body { place, envelope, call }
        };
        Input::Bodies { from, block, bodies: bodies.into_iter().map(body).collect() }
    }

    /// Gives a replica one input and performs what follows, inner answers included.
    pub fn input(&mut self, node: usize, input: Input) {
        let now = Time(self.now.0 - self.nodes[node].behind_ms * 1_000_000);
        let busy = self.nodes[node].busy;
        let Some(consensus) = &mut self.nodes[node].consensus else { return };
        let entered = consensus.view();
        let mut effects = consensus.handle(now, input);
        if busy && consensus.view() != entered {
            effects.extend(consensus.handle(now, Input::PayloadWaiting));
        }
        effects.into_iter().for_each(|effect| self.perform(node, effect));
    }

    fn perform(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Persist(record) => self.nodes[node].disk.write(record),
            Effect::Send(to, message) => {
                let places = (0..self.nodes.len()).filter(|place| self.nodes[*place].index == to);
                places.collect::<Vec<_>>().into_iter().for_each(|place| self.send(node, place, &message));
            }
            Effect::Broadcast(message) => {
                self.check_said(node, &message);
                let own = self.nodes[node].index;
                let places = (0..self.nodes.len()).filter(|place| self.nodes[*place].index != own);
                places.collect::<Vec<_>>().into_iter().for_each(|place| self.send(node, place, &message));
            }
            Effect::SetTimer(at) => {
                let at = at.plus_ms(self.nodes[node].behind_ms);
                assert!(at > self.now, "a timer in the past");
                self.nodes[node].timer = Some(at);
                self.schedule(at, Event::Timer { node });
            }
            Effect::SelectPayload { view, .. } => {
                let payload = if self.nodes[node].busy { payload(view) } else { Payload::default() };
                for call in &payload.ingress {
                    self.calls.insert(hash_call(&call.envelope), call.clone());
                }
                self.input(node, Input::Payload { view, payload });
            }
            Effect::ValidatePayload { hash, .. } => {
                self.input(node, Input::PayloadValidated { block: hash, verdict: Verdict::Valid });
            }
            Effect::FindCalls { block, calls } => {
                let lacking = self.lacking.contains(&node);
                let find = |hash: &Digest| self.calls.get(hash).filter(|_| !lacking).cloned();
                let calls = calls.iter().map(find).collect();
                self.input(node, Input::CallsFound { block, calls });
            }
            Effect::Deliver { block, .. } => self.deliver(node, &block),
            Effect::ServeChain { to, from } => {
                let disk = &self.nodes[node].disk;
                let chain = disk.segment(from).map(|segment| PeerMessage::Chain(Box::new(segment)));
                let package = || disk.package().map(|package| PeerMessage::Package(Box::new(package)));
                if let Some(message) = chain.or_else(package) {
                    self.perform(node, Effect::Send(to, message));
                }
            }
            Effect::FetchState(package) => {
                self.nodes[node].fetched += 1;
                self.nodes[node].disk.adopt(&package);
                self.crash(node);
                self.forget_executions(node);
                self.start(node);
            }
            Effect::Halt(divergence) => self.nodes[node].halted = Some(divergence),
            Effect::OpenEpoch(opened) => {
                let place = &mut self.nodes[node];
                if let (Some(_), Some(consensus)) = (&opened.keys, &place.consensus) {
                    place.keyring = Some(consensus.keyring().clone());
                }
                if opened.signs {
                    let seed = Seed(Zeroizing::new([node as u8; 32]));
                    self.input(node, Input::Seed { epoch: opened.epoch, seed });
                }
            }
            Effect::Certified(_) | Effect::Execute(_) | Effect::IngressRefused(_) => {}
        }
    }

    fn send(&mut self, from: usize, to: usize, message: &PeerMessage) {
        if let Some(message) = (self.link)(from, to, message) {
            let (at, from) = (self.now.plus_ms(self.delay_ms), self.nodes[from].index);
            self.schedule(at, Event::Message { to, from, message });
        }
    }

    /// Heights come in order, each once, the same block everywhere.
    fn deliver(&mut self, node: usize, block: &Block) {
        let (hash, height) = (hash_block(block), block.height);
        assert_eq!(
            *self.final_hashes.entry(height).or_insert(hash),
            hash,
            "two final blocks at height {height}"
        );
        let expected = match self.nodes[node].delivered.last() {
            Some((last, _, _)) => last.next(),
            None => self.nodes[node].disk.executed.map_or(Height(1), |executed| executed.height.next()),
        };
        assert_eq!(height, expected, "node {node} delivers out of order");
        let now = self.now;
        self.nodes[node].delivered.push((height, hash, now));
        let (_, last) = self.nodes[node].successions.last_key_value().unwrap();
        let mut succession = last.clone();
        succession.apply(height, &block.payload.system).unwrap();
        self.nodes[node].successions.insert(height, succession);
        self.full.insert(height, !block.payload.ingress.is_empty());
        if self.stalled_execution {
            return;
        }
        let wrong = height >= self.nodes[node].wrong_from;
        let root = StateRoot(if wrong { sha256(&[node as u8]) } else { sha256(&hash.0) });
        self.schedule(now.plus_ms(1), Event::Executed { node, executed: Executed { height, root } });
    }

    /// A vote that leaves is on disk, and no replica votes for two things in a view, restarts or not.
    fn check_said(&mut self, node: usize, message: &PeerMessage) {
        if self.nodes[node].twin {
            return;
        }
        let votes = self.nodes[node].disk.votes.clone();
        let (kind, vote, block) = match message {
            PeerMessage::Proposal(proposal) => {
                let (view, hash) = (proposal.header.view, hash_header(&proposal.header, &proposal.calls));
                self.proposed.entry(view).or_insert(self.now);
                assert!(
                    self.nodes[node].disk.proposals.contains_key(&hash),
                    "a proposal left before it was on disk"
                );
                return self.check_once(node, view, "propose", hash);
            }
            PeerMessage::NotarizationShare(NotarizationShare { view, block, .. }) => {
                ("notarize", Vote::Notarize { view: *view, block: *block }, *block)
            }
            PeerMessage::NullificationShare(NullificationShare { view, .. }) => {
                ("decide", Vote::Nullify { view: *view }, Digest::ZERO)
            }
            PeerMessage::FinalizationShare(FinalizationShare { view, block, .. }) => {
                ("decide", Vote::Finalize { view: *view, block: *block }, *block)
            }
            _ => return,
        };
        assert!(votes.contains(&vote), "{vote:?} left node {node} before it was on disk");
        self.check_once(node, vote.view(), kind, block);
    }

    fn check_once(&mut self, node: usize, view: View, kind: &'static str, block: Digest) {
        let said = *self.said.entry((node, view, kind)).or_insert(block);
        assert_eq!(said, block, "node {node} contradicts its {kind} of view {view}");
    }

    /// How many delivered blocks carry a payload.
    pub fn payloads(&self) -> u64 {
        self.full.values().filter(|full| **full).count() as u64
    }

    pub fn consensus(&self, node: usize) -> &Consensus {
        self.nodes[node].consensus.as_ref().expect("the node runs")
    }

    pub fn finalized(&self, node: usize) -> u64 {
        self.consensus(node).status().finalized.0
    }

    pub fn certified(&self, node: usize) -> u64 {
        self.consensus(node).status().certified.0
    }
}

impl Node {
    pub fn new(index: NodeIndex) -> Node {
        Node {
            index,
            consensus: None,
            newcomer: None,
            keyring: None,
            successions: BTreeMap::new(),
            disk: Disk::default(),
            timer: None,
            delivered: Vec::new(),
            halted: None,
            fetched: 0,
            busy: false,
            wrong_from: Height(u64::MAX),
            twin: false,
            behind_ms: 0,
        }
    }
}

/// Some payload of its own for each view.
fn payload(view: View) -> Payload {
    let envelope = Bytes::copy_from_slice(&view.0.to_be_bytes());
    let id = RequestId(sha256(&envelope).0);
    let ingress = vec![Arc::new(SignedIngress { id, expiry: Time(u64::MAX), envelope })];
    Payload { ingress, ..Payload::default() }
}

/// A stream of numbers that a seed fixes (xorshift).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % below
    }
}
