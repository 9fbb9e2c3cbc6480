//! Whole replicas in step: a message sent at one tick arrives at the next.

use super::{Keys, Replica};
use crate::crypto::hash::sha256;
use crate::crypto::node_key;
use crate::crypto::threshold::Keyring;
use crate::ingress::{Authenticator, sample};
use crate::types::*;
use bytes::Bytes;
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
            Effect::Persist(_) => assert!(first, "a record after something else: two syncs"),
            Effect::Broadcast(message) => {
                self.ingress_broadcasts += usize::from(matches!(message, PeerMessage::Ingress(_)));
                let others = (0..self.replicas.len()).filter(|other| *other != node);
                others.for_each(|other| self.on_the_way.push((other, peer(node, message.clone()))));
            }
            Effect::Send(to, message) => self.on_the_way.push((usize::from(to.0), peer(node, message))),
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

    /// Ids of the calls that `node` executed, in order.
    fn executed(&self, node: usize) -> Vec<RequestId> {
        self.batches[node].iter().flat_map(|batch| &batch.ingress).map(|ingress| ingress.id).collect()
    }
}

fn peer(from: usize, message: PeerMessage) -> Input {
    Input::Peer(NodeIndex(from as u16), message)
}

fn genesis() -> Genesis {
    Genesis {
        version: 1,
        name: "test".into(),
        heartbeat_ms: 500,
        view_timeout_ms: 1_000,
        provisional: true,
        minting_canister: None,
        subnet_admins: Vec::new(),
        epoch_length: 499,
        nodes: Vec::new(),
    }
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
