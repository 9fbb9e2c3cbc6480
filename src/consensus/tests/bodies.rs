//! Calls that are not here when their block is (rule 14), and what a block costs in signatures.

use super::check_progress;
use super::cluster::{CHAIN, Cluster, PACE, keys};
use crate::consensus::{Consensus, Waiting};
use crate::crypto::hash::{hash_call, hash_calls, hash_header};
use crate::crypto::pairing_checks;
use crate::crypto::threshold::Keyring;
use crate::types::limits::*;
use crate::types::*;
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// Four replicas with much to propose, of which `lacking` get no call by gossip.
fn busy(lacking: &[usize]) -> Cluster {
    let mut cluster = Cluster::started(4);
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    cluster.lacking = lacking.iter().copied().collect();
    cluster
}

#[test]
fn a_replica_without_the_calls_fetches_them_and_votes() {
    let mut cluster = busy(&[3]);
    cluster.delay_ms = 10;
    let asked = Rc::new(RefCell::new(BTreeSet::new()));
    let seen = asked.clone();
    cluster.link = Box::new(move |from, to, message| {
        if let PeerMessage::FetchBodies { block, .. } = message {
            assert!(seen.borrow_mut().insert((*block, from, to)), "asked twice");
        }
        Some(message.clone())
    });
    check_progress(&mut cluster, 10_000, 200);
    let asked = asked.borrow();
    assert!(asked.len() > 100 && asked.iter().all(|(_, from, _)| *from == 3), "{}", asked.len());
    assert!(cluster.consensus(3).faults().iter().all(|faults| *faults == 0));
}

#[test]
fn calls_that_only_a_silent_leader_has_cost_no_more_than_its_views() {
    let mut cluster = busy(&[0, 1, 2, 3]);
    cluster.link = Box::new(|from, _, message| {
        let withheld = from == 0 && matches!(message, PeerMessage::Bodies { .. });
        (!withheld).then(|| message.clone())
    });
    check_progress(&mut cluster, 60_000, 50);
    assert!(cluster.payloads() > 40);
    let status = cluster.consensus(1).status();
    let given_up = status.view.0 - status.finalized.0;
    assert!(given_up > 5 && given_up < status.view.0 / 2, "{given_up} of {}", status.view);
}

#[test]
fn who_sends_other_bodies_is_found_and_another_one_asked() {
    let mut cluster = busy(&[3]);
    cluster.link = Box::new(|from, _, message| match message {
        PeerMessage::Bodies { block, bodies } if from == 1 => {
            let bodies = bodies.iter().map(|(place, _)| (*place, Bytes::from_static(b"another"))).collect();
            Some(PeerMessage::Bodies { block: *block, bodies })
        }
        other => Some(other.clone()),
    });
    check_progress(&mut cluster, 20_000, 80);
    let faults = cluster.consensus(3).faults();
    assert!(faults[1] > 3 && faults[1] <= PEER_FAULTS_MAX, "{faults:?}");
    assert_eq!((faults[0], faults[2]), (0, 0));
}

const NOW: Time = Time(1_000_000_000_000);

/// A replica that does not lead view 1, and who does.
fn follower() -> (Consensus, NodeIndex) {
    let leader = keys(4)[0].keyring.leader(View(1), None);
    let own = if leader.0 == 0 { 1 } else { 0 };
    let mut consensus = Consensus::new(keys(4).swap_remove(own), PACE);
    consensus.handle(NOW, Input::Started(Box::default()));
    (consensus, leader)
}

fn call(content: &'static [u8]) -> Arc<SignedIngress> {
    let envelope = Bytes::from_static(content);
    Arc::new(SignedIngress { id: RequestId([7; 32]), expiry: Time(u64::MAX), envelope })
}

/// The leader's proposal in view 1, and its hash.
fn proposal(leader: NodeIndex, calls: &[Digest]) -> (Digest, PeerMessage) {
    let header = Block {
        view: View(1),
        height: Height(1),
        parent: Digest::ZERO,
        parent_view: View(0),
        proposer: leader,
        time: NOW,
        attendance: Attendance::default(),
        payload: Payload::default(),
    };
    let hash = hash_header(&header, calls);
    let message = [CHAIN.0, hash.0].concat();
    let signature = keys(4)[usize::from(leader.0)].identity.sign("atoll-proposal", &message);
    let proposal = CompactProposal { header, calls: calls.to_vec(), signature };
    (hash, PeerMessage::Proposal(Arc::new(proposal)))
}

/// Whom the effects ask for calls of `block`, at which places.
fn asked(effects: &[Effect]) -> Vec<(NodeIndex, Vec<u16>)> {
    let of = |effect: &Effect| match effect {
        Effect::Send(to, PeerMessage::FetchBodies { places, .. }) => {
            Some((*to, places.iter().copied().collect()))
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// The block that the effects ask the pool about, put together.
fn whole(effects: &[Effect]) -> Option<(Arc<Block>, bool)> {
    effects.iter().find_map(|effect| match effect {
        Effect::ValidatePayload { block, proven, .. } => Some((block.clone(), *proven)),
        _ => None,
    })
}

#[test]
fn a_block_is_put_together_byte_for_byte_from_the_pool_gossip_and_the_leader() {
    let (mut consensus, leader) = follower();
    let calls = [call(b"pooled"), call(b"gossiped"), call(b"fetched")];
    let hashes = calls.each_ref().map(|call| hash_call(&call.envelope));
    let (hash, message) = proposal(leader, &hashes);
    let effects = consensus.handle(NOW, Input::Peer(leader, message));
    assert!(matches!(&effects[..], [Effect::FindCalls { calls, .. }, ..] if *calls == hashes), "{effects:?}");
    assert!(hashes.iter().all(|hash| consensus.lacks(hash)));
    let found = vec![Some(calls[0].clone()), None, None];
    consensus.handle(NOW, Input::CallsFound { block: hash, calls: found });
    let arrived = Input::CallArrived { hash: hashes[1], ingress: calls[1].clone() };
    let soon = NOW.plus_ms(BODY_PATIENCE_MS - 1);
    assert!(asked(&consensus.handle(soon, arrived)).is_empty());
    // A call came meanwhile, so others may be on their way.
    assert!(asked(&consensus.handle(NOW.plus_ms(BODY_PATIENCE_MS), Input::Timer)).is_empty());
    let late = soon.plus_ms(BODY_PATIENCE_MS);
    assert_eq!(asked(&consensus.handle(late, Input::Timer)), [(leader, vec![2])]);
    assert_eq!(consensus.waits_for(), Waiting::Calls { view: View(1), missing: 1, peer: asked_next(leader) });
    let body = Body { place: 2, envelope: calls[2].envelope.clone(), call: Some(calls[2].clone()) };
    let effects = consensus.handle(late, Input::Bodies { from: leader, block: hash, bodies: vec![body] });
    let (block, proven) = whole(&effects).expect("whole");
    assert!(proven);
    assert_eq!(
        (hash_header(&block, &hash_calls(&block.payload)), &block.payload.ingress[..]),
        (hash, &calls[..])
    );
    assert!(!consensus.lacks_calls());
}

/// Whom the follower asks after the leader when nobody has voted.
fn asked_next(leader: NodeIndex) -> NodeIndex {
    let own = if leader.0 == 0 { 1 } else { 0 };
    let mut others: Vec<u16> = (0..4).filter(|node| *node != own).collect();
    others.rotate_left(usize::from(own) % 3);
    NodeIndex(others.into_iter().find(|node| *node != leader.0).expect("there are three"))
}

#[test]
fn gossip_that_drips_does_not_put_off_the_question_for_long() {
    let (mut consensus, leader) = follower();
    let contents: [&[u8]; 6] = [b"0", b"1", b"2", b"3", b"4", b"5"];
    let calls = contents.map(call);
    let hashes = calls.each_ref().map(|call| hash_call(&call.envelope));
    consensus.handle(NOW, Input::Peer(leader, proposal(leader, &hashes).1));
    let mut now = NOW;
    for (call, hash) in calls.iter().zip(hashes).take(5) {
        now = now.plus_ms(BODY_PATIENCE_MS - 10);
        let effects = consensus.handle(now, Input::CallArrived { hash, ingress: call.clone() });
        if !asked(&effects).is_empty() {
            break;
        }
    }
    assert!(now.ms_since(NOW) <= BODY_PATIENCE_MAX_MS + BODY_PATIENCE_MS, "{}", now.ms_since(NOW));
}

#[test]
fn a_block_with_a_call_that_nobody_sent_is_never_whole_and_its_leaders_fault() {
    let (mut consensus, leader) = follower();
    let (hash, message) = proposal(leader, &[hash_call(b"forged")]);
    consensus.handle(NOW, Input::Peer(leader, message.clone()));
    let other = asked_next(leader);
    let bodies = vec![Body { place: 0, envelope: Bytes::from_static(b"forged"), call: None }];
    consensus.handle(NOW, Input::Bodies { from: other, block: hash, bodies });
    let faults = consensus.faults();
    assert_eq!((faults[usize::from(leader.0)], faults[usize::from(other.0)]), (1, 0));
    consensus.handle(NOW, Input::Peer(leader, message));
    assert!(!consensus.lacks_calls(), "begun again");
    assert!(asked(&consensus.handle(NOW.plus_ms(900), Input::Timer)).is_empty());
}

/// What a proposal of these calls makes of its leader.
fn check_fault(calls: &[Digest], faults: u32) {
    let (mut consensus, leader) = follower();
    consensus.handle(NOW, Input::Peer(leader, proposal(leader, calls).1));
    assert_eq!(consensus.faults()[usize::from(leader.0)], faults);
    assert_eq!(consensus.lacks_calls(), faults == 0);
}

#[test]
fn no_block_names_a_call_twice_or_more_calls_than_fit() {
    let many: Vec<Digest> =
        (0..=BLOCK_INGRESS_COUNT_MAX as u64).map(|n| hash_call(&n.to_be_bytes())).collect();
    check_fault(&many[1..], 0);
    check_fault(&many, 1);
    check_fault(&[many[0], many[1], many[0]], 1);
}

#[test]
fn a_twin_of_the_call_is_not_the_call() {
    let (mut consensus, leader) = follower();
    let (one, twin) = (call(b"content, signature"), call(b"content, another signature"));
    assert_eq!(one.id, twin.id);
    let (hash, message) = proposal(leader, &[hash_call(&one.envelope)]);
    consensus.handle(NOW, Input::Peer(leader, message));
    assert!(!consensus.lacks(&hash_call(&twin.envelope)));
    let body = |call: &Arc<SignedIngress>| Body {
        place: 0,
        envelope: call.envelope.clone(),
        call: Some(call.clone()),
    };
    let peer = asked_next(leader);
    let effects = consensus.handle(NOW, Input::Bodies { from: peer, block: hash, bodies: vec![body(&twin)] });
    assert!(whole(&effects).is_none());
    assert_eq!(consensus.faults()[usize::from(peer.0)], 1);
    let effects =
        consensus.handle(NOW, Input::Bodies { from: leader, block: hash, bodies: vec![body(&one)] });
    assert_eq!(whole(&effects).map(|(block, _)| block.payload.ingress.clone()), Some(vec![one]));
}

/// Pairings that all of `n` replicas check for each block of a fault-free run with real keys.
fn check_pairings(n: usize) {
    let mut cluster = Cluster::new(n);
    cluster.keyrings = Keyring::dealt(CHAIN, n);
    (0..n).for_each(|node| cluster.start(node));
    cluster.run_ms(1_500);
    let (before, first) = (pairing_checks(), cluster.certified(0));
    cluster.run_ms(4_000);
    let blocks = cluster.certified(0) - first;
    let checks = pairing_checks() - before;
    assert!(blocks >= 5, "{blocks} blocks");
    assert!(checks <= 3 * n as u64 * (blocks + 1), "{checks} checks of {n} nodes for {blocks} blocks");
}

#[test]
fn a_block_costs_a_replica_three_pairing_checks_whatever_the_committee() {
    [4, 7, 13].into_iter().for_each(check_pairings);
}
