//! Whole replicas in step: a message sent at one tick arrives at the next.

use super::{Keys, Replica};
use crate::crypto::hash::{hash_block, hash_call, sha256};
use crate::crypto::node_key;
use crate::crypto::threshold::Keyring;
use crate::encoding::{cbor, peer as wire, record};
use crate::ingress::{Authenticator, sample};
use crate::types::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

const CHAIN: ChainId = Digest([4; 32]);
const TICK_MS: u64 = 10;

struct Subnet {
    now: Time,
    replicas: Vec<Replica>,
    timers: Vec<Option<Time>>,
    on_the_way: Vec<(usize, Input)>,
    batches: Vec<Vec<Batch>>,
    ingress_broadcasts: usize,
    /// Whether a message from one to another is lost.
    lost: fn(usize, usize, &PeerMessage) -> bool,
    /// Bytes sent, by node and kind.
    sent: BTreeMap<(usize, &'static str), usize>,
    /// Bytes that the proposals would have had with their calls.
    whole: usize,
}

impl Subnet {
    fn new(n: usize) -> Subnet {
        let (identities, committee) = node_key::simulated(CHAIN, n);
        let pairs = Keyring::simulated(CHAIN, n).into_iter().zip(identities);
        let replica =
            |(keyring, identity)| Replica::new(Keys::simulated(keyring, identity, &committee, 0), &genesis());
        let mut subnet = Subnet {
            now: sample::NOW,
            replicas: pairs.map(replica).collect(),
            timers: vec![None; n],
            on_the_way: Vec::new(),
            batches: vec![Vec::new(); n],
            ingress_broadcasts: 0,
            lost: |_, _, _| false,
            sent: BTreeMap::new(),
            whole: 0,
        };
        (0..n).for_each(|node| subnet.input(node, Input::Started(Box::default())));
        subnet
    }

    fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms / TICK_MS {
            self.now = self.now.plus_ms(TICK_MS);
            let arrived = std::mem::take(&mut self.on_the_way);
            arrived.into_iter().for_each(|(node, input)| self.input(node, input));
            for node in 0..self.replicas.len() {
                if self.timers[node].is_some_and(|due| due <= self.now) {
                    self.timers[node] = None;
                    self.input(node, Input::Timer);
                }
            }
        }
    }

    fn input(&mut self, node: usize, input: Input) {
        let effects = self.replicas[node].handle(self.now, input);
        let records = effects.iter().take_while(|effect| matches!(effect, Effect::Persist(_))).count();
        for (place, effect) in effects.into_iter().enumerate() {
            self.perform(node, effect, place < records);
        }
    }

    fn perform(&mut self, node: usize, effect: Effect, first: bool) {
        match effect {
            Effect::Persist(record) => {
                assert!(first, "a record after something else: two syncs");
                self.check_record(node, &record);
            }
            Effect::Broadcast(message) => {
                self.ingress_broadcasts += usize::from(matches!(message, PeerMessage::Ingress(_)));
                let others = (0..self.replicas.len()).filter(|other| *other != node);
                others.for_each(|other| self.send(node, other, message.clone()));
            }
            Effect::Send(to, message) => self.send(node, usize::from(to.0), message),
            Effect::SetTimer(at) => self.timers[node] = Some(at),
            Effect::Execute(batch) => {
                let executed =
                    Executed { height: batch.height, root: StateRoot(sha256(&batch.height.0.to_be_bytes())) };
                self.batches[node].push(batch);
                self.on_the_way.push((node, Input::Executed(executed)));
            }
            Effect::Certified(_) | Effect::OpenEpoch(_) | Effect::ServeChain { .. } => {}
            other => panic!("not for the hands, or a halt: {other:?}"),
        }
    }

    /// What is kept is what its hash says, byte for byte.
    fn check_record(&mut self, node: usize, record: &Record) {
        match record {
            Record::Proposal { hash, proposal } => {
                assert_eq!(hash_block(&proposal.block), *hash);
                if usize::from(proposal.block.proposer.0) == node {
                    self.whole += record::encode_proposal(proposal).len();
                }
            }
            Record::Block { hash, block } => assert_eq!(hash_block(block), *hash),
            _ => {}
        }
    }

    fn send(&mut self, from: usize, to: usize, message: PeerMessage) {
        let kind = match &message {
            PeerMessage::Ingress(_) => "gossip",
            PeerMessage::Proposal(_) => "proposals",
            PeerMessage::Bodies { .. } => "bodies",
            PeerMessage::FetchBodies { .. } => "requests",
            _ => "votes",
        };
        *self.sent.entry((from, kind)).or_default() += wire::encode(&message).len();
        if !(self.lost)(from, to, &message) {
            self.on_the_way.push((to, peer(from, message)));
        }
    }

    /// Bytes of one kind that all sent.
    fn sent(&self, kind: &str) -> usize {
        self.sent.iter().filter(|((_, of), _)| *of == kind).map(|(_, bytes)| bytes).sum()
    }

    /// Ids of the calls that `node` executed, in order.
    fn executed(&self, node: usize) -> Vec<RequestId> {
        self.batches[node].iter().flat_map(|batch| &batch.ingress).map(|ingress| ingress.id).collect()
    }
}

fn peer(from: usize, message: PeerMessage) -> Input {
    Input::Peer(NodeIndex(from as u16), message)
}

fn genesis() -> Genesis {
    Genesis::local("test", Vec::new())
}

/// A call by the sender with this seed.
fn call(seed: u8) -> Arc<SignedIngress> {
    let sender = sample::basic(seed);
    let envelope = Bytes::from(sample::sign(&sender, &sample::call(&sender)));
    let authenticator = Authenticator::new(crate::ingress::signer::root_key());
    let (_, ingress) = authenticator.authenticate_call(envelope, sample::NOW).expect("authentic");
    Arc::new(ingress)
}

#[test]
fn every_replica_executes_a_call_once_wherever_and_however_often_it_came() {
    for n in [1, 4] {
        let mut subnet = Subnet::new(n);
        let calls: Vec<_> = (1..=5).map(call).collect();
        for call in &calls {
            subnet.input(0, Input::Ingress(call.clone()));
            subnet.input(0, Input::Ingress(call.clone()));
            subnet.input(n - 1, Input::PeerIngress(call.clone()));
        }
        subnet.run_ms(3_000);
        assert_eq!(subnet.ingress_broadcasts, 5);
        subnet.input(0, Input::Ingress(calls[0].clone()));
        subnet.run_ms(3_000);
        assert_eq!(subnet.ingress_broadcasts, 5, "known to be in the chain");
        let mut ids: Vec<_> = calls.iter().map(|call| call.id).collect();
        ids.sort();
        for node in 0..n {
            let mut executed = subnet.executed(node);
            executed.sort();
            assert_eq!(executed, ids, "node {node} of {n}");
        }
        assert_eq!(subnet.replicas[0].waiting(), (0, 0));
    }
}

#[test]
fn a_call_is_executed_without_waiting_for_the_heartbeat() {
    let mut subnet = Subnet::new(4);
    subnet.run_ms(2_000);
    subnet.input(2, Input::Ingress(call(1)));
    // To the leader, proposal, notarization, finalization.
    subnet.run_ms(5 * TICK_MS);
    assert_eq!(subnet.executed(2).len(), 1);
}

#[test]
fn an_unsigned_call_from_a_peer_goes_nowhere() {
    let mut subnet = Subnet::new(4);
    let mut envelope = call(1).envelope.to_vec();
    let last = envelope.len() - 1;
    envelope[last] ^= 1;
    for node in 0..4 {
        subnet.input(node, peer((node + 1) % 4, PeerMessage::Ingress(envelope.clone().into())));
    }
    subnet.run_ms(2_000);
    assert!((0..4).all(|node| subnet.executed(node).is_empty() && subnet.replicas[node].waiting() == (0, 0)));
}

#[test]
fn batches_are_the_same_everywhere_and_heights_come_one_by_one() {
    let mut subnet = Subnet::new(4);
    subnet.input(1, Input::Ingress(call(1)));
    subnet.run_ms(5_000);
    let shortest = subnet.batches.iter().map(Vec::len).min().unwrap_or(0);
    assert!(shortest > 5);
    for batches in &subnet.batches {
        assert_eq!(batches[..shortest], subnet.batches[0][..shortest]);
        let heights: Vec<u64> = batches.iter().map(|batch| batch.height.0).collect();
        assert_eq!(heights, (1..=batches.len() as u64).collect::<Vec<_>>());
    }
    let randomness: std::collections::BTreeSet<_> =
        subnet.batches[0].iter().map(|batch| batch.randomness).collect();
    assert_eq!(randomness.len(), subnet.batches[0].len());
}

#[test]
fn every_height_is_certified() {
    let mut subnet = Subnet::new(4);
    subnet.run_ms(5_000);
    for replica in &subnet.replicas {
        let status = replica.status();
        assert!(status.certified.0 > 5 && status.certified.0 + 1 >= status.finalized.0, "{status:?}");
    }
}

#[test]
fn a_full_pool_says_so_to_the_interface() {
    let mut subnet = Subnet::new(4);
    let anonymous = |n: u64| {
        let call = UserCall {
            canister_id: CanisterId(n).principal(),
            method_name: "inc".into(),
            arg: Vec::new(),
            sender: Principal::anonymous(),
            ingress_expiry: sample::NOW.plus_ms(1_000),
            nonce: None,
            sender_info: None,
        };
        let envelope = crate::encoding::cbor::encode_call(&call, None);
        Arc::new(crate::encoding::cbor::read_ingress(envelope).expect("well-formed"))
    };
    let replica = &mut subnet.replicas[0];
    for n in 0..limits::INGRESS_POOL_COUNT_MAX as u64 {
        replica.handle(sample::NOW, Input::PeerIngress(anonymous(n)));
    }
    let late = anonymous(u64::MAX);
    let effects = replica.handle(sample::NOW, Input::Ingress(late.clone()));
    assert!(matches!(effects.as_slice(), [Effect::IngressRefused(id)] if *id == late.id), "{effects:?}");
    let effects = replica.handle(sample::NOW, Input::PeerIngress(late));
    assert!(effects.is_empty(), "{effects:?}");
    let effects = replica.handle(sample::NOW, Input::Ingress(anonymous(0)));
    assert!(effects.is_empty(), "a call that has its place is not refused: {effects:?}");
}

/// A call of its own kind for every `n`, anonymous, with an argument of `size` bytes.
fn sized_call(n: u64, size: usize) -> Arc<SignedIngress> {
    let call = UserCall {
        canister_id: CanisterId(n).principal(),
        method_name: "inc".into(),
        arg: vec![7; size],
        sender: Principal::anonymous(),
        ingress_expiry: sample::NOW.plus_ms(60_000),
        nonce: None,
        sender_info: None,
    };
    Arc::new(cbor::read_ingress(cbor::encode_call(&call, None)).expect("well-formed"))
}

/// Feeds `count` calls of `size` bytes to all replicas in turn, while the network loses what `lost` says.
/// All are executed everywhere.
fn run_calls(count: u64, size: usize, lost: fn(usize, usize, &PeerMessage) -> bool) -> Subnet {
    let mut subnet = Subnet::new(4);
    subnet.lost = lost;
    subnet.run_ms(1_000);
    for n in 0..count {
        subnet.input(n as usize % 4, Input::Ingress(sized_call(n, size)));
        if n % 20 == 19 {
            subnet.run_ms(TICK_MS);
        }
    }
    subnet.run_ms(20_000);
    for node in 0..4 {
        assert_eq!(subnet.executed(node).len() as u64, count, "node {node}");
    }
    subnet
}

#[test]
fn a_leader_sends_no_bodies_that_its_peers_have() {
    const CALLS: u64 = 400;
    let subnet = run_calls(CALLS, 1_000, |_, _, _| false);
    assert_eq!((subnet.sent("bodies"), subnet.sent("requests")), (0, 0));
    let (proposals, before) = (subnet.sent("proposals"), 3 * subnet.whole);
    let heights = subnet.batches[0].len();
    println!(
        "{CALLS} calls of 1,000 B in {heights} blocks: proposals {proposals} B, with their calls {before} B"
    );
    let (header, per_call) = (200, 32);
    assert!(proposals <= 3 * (heights + 2) * header + 3 * CALLS as usize * per_call, "{proposals}");
    // Gossip is the only time that a body is sent: once to each peer, by whoever took it.
    let envelope = sized_call(1, 1_000).envelope.len();
    assert!(subnet.sent("gossip") <= 3 * CALLS as usize * (envelope + 8));
    for node in 0..4 {
        assert!(subnet.sent[&(node, "gossip")] <= 3 * CALLS as usize / 4 * (envelope + 8), "node {node}");
    }
}

#[test]
fn what_gossip_lost_is_fetched_once_by_each_that_lacks_it() {
    const CALLS: u64 = 40;
    let subnet =
        run_calls(CALLS, 1_000, |_, to, message| to == 3 && matches!(message, PeerMessage::Ingress(_)));
    let envelope = sized_call(1, 1_000).envelope.len();
    // Node 3 has a quarter of them from its own users.
    let lacked = CALLS as usize * 3 / 4 * envelope;
    let bodies = subnet.sent("bodies");
    assert!((lacked..lacked + lacked / 10).contains(&bodies), "{bodies} for {lacked}");
    let all = run_calls(CALLS, 1_000, |_, _, message| matches!(message, PeerMessage::Ingress(_)));
    let lacked = CALLS as usize * 3 * envelope;
    assert!((lacked..lacked + lacked / 10).contains(&all.sent("bodies")), "{}", all.sent("bodies"));
    assert!(
        all.replicas.iter().all(|replica| replica.consensus().faults().iter().all(|faults| *faults == 0))
    );
}

/// One call with two valid signatures.
fn twins(nonce: u64) -> [Arc<SignedIngress>; 2] {
    let sender = sample::secp256k1();
    let mut content = sample::call(&sender);
    if let ic_agent::agent::EnvelopeContent::Call { nonce: at, .. } = &mut content {
        *at = Some(nonce.to_be_bytes().to_vec());
    }
    let envelope = sample::sign(&sender, &content);
    let mut other = None;
    let twin = sample::bend(&envelope, |value| {
        let fields = value.as_map_mut().expect("a map");
        let signature = fields.iter_mut().find(|(name, _)| name.as_text() == Some("sender_sig"));
        let bytes = signature.expect("signed").1.as_bytes_mut().expect("bytes");
        let signature = k256::ecdsa::Signature::from_slice(bytes).expect("a signature");
        let s: k256::Scalar = *signature.s().as_ref();
        let negated = k256::ecdsa::Signature::from_scalars(signature.r().to_bytes(), (-s).to_bytes());
        *bytes = negated.expect("a signature").to_bytes().to_vec();
        other = Some(());
    });
    assert!(other.is_some());
    [envelope, twin].map(|envelope| Arc::new(cbor::read_ingress(envelope.into()).expect("well-formed")))
}

/// RELIABILITY.md, row B9.
#[test]
fn one_call_with_two_signatures_stalls_nothing_and_is_executed_once() {
    const PAIRS: u64 = 200;
    for lost in [false, true] {
        let mut subnet = Subnet::new(4);
        if lost {
            subnet.lost =
                |from, to, message| (from + to) % 2 == 1 && matches!(message, PeerMessage::Ingress(_));
        }
        subnet.run_ms(1_000);
        let mut ids = Vec::new();
        for n in 0..PAIRS {
            let [one, twin] = twins(n);
            assert!(one.id == twin.id && hash_call(&one.envelope) != hash_call(&twin.envelope));
            ids.push(one.id);
            let first = n as usize % 4;
            subnet.input(first, Input::Ingress(one));
            subnet.input((first + 1) % 4, Input::Ingress(twin));
            if n % 20 == 19 {
                subnet.run_ms(TICK_MS);
            }
        }
        let heights = subnet.batches[0].len();
        subnet.run_ms(20_000);
        assert!(subnet.batches[0].len() > heights + 20, "stalled");
        ids.sort();
        for node in 0..4 {
            let mut executed = subnet.executed(node);
            executed.sort();
            assert_eq!(executed, ids, "node {node}");
            assert_eq!(subnet.replicas[node].waiting(), (0, 0));
            assert!(subnet.replicas[node].consensus().faults().iter().all(|faults| *faults == 0));
        }
    }
}

#[test]
fn calls_that_were_fetched_for_a_block_are_not_lost_with_it() {
    let mut subnet = Subnet::new(4);
    subnet.run_ms(1_000);
    let call = sized_call(1, 10);
    let bodies = vec![(0, call.envelope.clone()), (1, Bytes::from_static(b"no envelope"))];
    let block = Digest([1; 32]);
    subnet.input(2, peer(1, PeerMessage::Bodies { block, bodies: bodies.clone() }));
    assert_eq!(subnet.replicas[2].waiting(), (1, call.envelope.len()));
    subnet.run_ms(20_000);
    assert!(
        (0..4).all(|node| subnet.executed(node) == [call.id]),
        "proposed when its turn comes, and fetched"
    );
    subnet.input(2, peer(1, PeerMessage::Bodies { block, bodies }));
    assert_eq!(subnet.replicas[2].waiting(), (0, 0), "executed before");
}
