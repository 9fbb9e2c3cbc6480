//! Committees from epoch to epoch.

use super::check_progress;
use super::cluster::{CHAIN, Cluster};
use crate::crypto::node_key;
use crate::crypto::reshare::deal_badly;
use crate::crypto::threshold::Keyring;
use crate::membership::change::sign;
use crate::membership::proof::{order, proved};
use crate::membership::simulated_members;
use crate::types::*;
use std::cell::Cell;
use std::rc::Rc;

const LENGTH: u64 = 20;

fn started(n: usize) -> Cluster {
    let mut cluster = Cluster::new(n);
    cluster.epoch_length = LENGTH;
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    (0..n).for_each(|node| cluster.start(node));
    cluster
}

fn epoch(cluster: &Cluster, node: usize) -> u64 {
    cluster.consensus(node).epoch().0
}

/// Runs until `node` is in that epoch.
fn run_until_epoch(cluster: &mut Cluster, node: usize, wanted: u64) {
    for _ in 0..20_000 {
        if epoch(cluster, node) >= wanted {
            return;
        }
        cluster.run_ms(5);
    }
    panic!("node {node} is in epoch {} at height {}", epoch(cluster, node), cluster.finalized(node));
}

/// Whether node 0 voted for a proposal of `leader` after the first epoch.
fn has_led(cluster: &Cluster, leader: u16) -> bool {
    let mut proposals = cluster.nodes[0].disk.proposals.values().map(|proposal| &proposal.block);
    proposals.any(|block| block.view.epoch() > Epoch::ZERO && block.proposer == NodeIndex(leader))
}

#[test]
fn epochs_follow_each_other_and_the_chain_goes_on() {
    for n in [1, 4, 7] {
        let mut cluster = started(n);
        let root_key = cluster.consensus(0).keyring().root_key();
        run_until_epoch(&mut cluster, 0, 4);
        check_progress(&mut cluster, 5_000, 14);
        for node in 0..n {
            let consensus = cluster.consensus(node);
            assert!(consensus.epoch().0 >= 4 && consensus.is_voter());
            assert_eq!(consensus.view().epoch(), consensus.epoch());
            assert_eq!(consensus.keyring().root_key(), root_key);
            assert_eq!(consensus.succession().start().0 % LENGTH, 0);
            assert!(cluster.nodes[node].halted.is_none() && !consensus.is_stopped());
            assert!(consensus.faults().iter().all(|faults| *faults == 0), "{:?}", consensus.faults());
        }
    }
}

/// Nobody takes them at their word, and deals later for it or never.
#[test]
fn boasters_keep_no_epoch_from_ending() {
    let mut cluster = started(7);
    cluster.link = Box::new(|from, _, message| match message {
        PeerMessage::Status(status) if from >= 5 => {
            Some(PeerMessage::Status(PeerStatus { finalized: Height(u64::MAX), ..*status }))
        }
        PeerMessage::Chain(_) | PeerMessage::Package(_) if from >= 5 => None,
        message => Some(message.clone()),
    });
    run_until_epoch(&mut cluster, 0, 2);
    assert!((0..5).all(|node| cluster.consensus(node).is_voter()));
}

#[test]
fn a_replica_that_was_away_for_epochs_catches_up_and_votes() {
    let mut cluster = started(4);
    cluster.run_ms(1_000);
    cluster.crash(3);
    run_until_epoch(&mut cluster, 0, 3);
    cluster.start(3);
    cluster.run_ms(20_000);
    assert!(cluster.finalized(3) + 3 >= cluster.finalized(0));
    assert_eq!(epoch(&cluster, 3), epoch(&cluster, 0));
    assert!(cluster.consensus(3).is_voter());
    cluster.crash(2);
    check_progress(&mut cluster, 10_000, 5);
}

#[test]
fn restarts_at_any_moment_lose_no_epoch() {
    let mut cluster = started(4);
    for round in 0..60 {
        cluster.run_ms(370);
        let node = round % 4;
        cluster.crash(node);
        cluster.run_ms(30 * (round as u64 % 7));
        cluster.start(node);
    }
    cluster.run_ms(5_000);
    assert!(epoch(&cluster, 0) >= 3, "epoch {}", epoch(&cluster, 0));
    check_progress(&mut cluster, 10_000, 14);
}

#[test]
fn all_at_once_may_restart() {
    let mut cluster = started(4);
    run_until_epoch(&mut cluster, 0, 1);
    (0..4).for_each(|node| cluster.crash(node));
    (0..4).for_each(|node| cluster.start(node));
    check_progress(&mut cluster, 10_000, 14);
    assert!(epoch(&cluster, 2) >= 1);
}

#[test]
fn keys_that_a_crash_kept_from_the_disk_are_made_again() {
    let mut cluster = started(4);
    run_until_epoch(&mut cluster, 1, 2);
    cluster.crash(1);
    cluster.nodes[1].keyring = None;
    cluster.start(1);
    assert_eq!(epoch(&cluster, 1), 2);
    assert!(cluster.consensus(1).is_voter());
    check_progress(&mut cluster, 10_000, 14);
}

/// Node 1 of four, in epoch 2, lost its chain and not its keys, and has started again.
fn after_the_loss_of_a_chain() -> Cluster {
    let mut cluster = started(4);
    run_until_epoch(&mut cluster, 1, 2);
    cluster.crash(1);
    cluster.run_ms(10);
    cluster.nodes[1].disk = Default::default();
    cluster.start(1);
    cluster
}

#[test]
fn a_replica_that_lost_its_chain_and_not_its_keys_votes_again_when_it_is_there() {
    let mut cluster = after_the_loss_of_a_chain();
    assert!(!cluster.consensus(1).is_voter());
    cluster.run_ms(20_000);
    assert!(cluster.finalized(1) + 3 >= cluster.finalized(0));
    assert!(cluster.consensus(1).is_voter());
    assert_eq!(epoch(&cluster, 1), epoch(&cluster, 0));
}

/// With it, it finds the encryption key to which its shares of the epoch after are dealt.
#[test]
fn a_replica_that_lost_its_chain_keeps_the_seed_of_the_epoch_it_was_in() {
    let mut cluster = after_the_loss_of_a_chain();
    let seed = Some((Epoch(2), Seed(zeroize::Zeroizing::new([9; 32]))));
    cluster.nodes[1].consensus.as_mut().unwrap().handing.seed = seed;
    let held = |cluster: &Cluster| cluster.consensus(1).handing.seed.as_ref().map(|(of, _)| of.0);
    run_until_epoch(&mut cluster, 1, 1);
    assert!(epoch(&cluster, 1) > 2 || held(&cluster) == Some(2), "{:?}", held(&cluster));
    run_until_epoch(&mut cluster, 1, 3);
    assert_eq!(held(&cluster), Some(epoch(&cluster, 1)));
}

#[test]
fn the_last_block_of_an_epoch_is_proved_final_to_one_who_missed_it() {
    let mut cluster = started(4);
    // Node 2 hears of no finalization while epoch 0 lasts.
    cluster.link = Box::new(|_, to, message| {
        let deaf = to == 2
            && matches!(
                message,
                PeerMessage::FinalizationShare(_) | PeerMessage::Finalization(_) | PeerMessage::Chain(_)
            );
        (!deaf).then(|| message.clone())
    });
    run_until_epoch(&mut cluster, 0, 1);
    run_until_epoch(&mut cluster, 1, 1);
    // Now the others are one too few, and nobody finalizes anything in epoch 1 without node 2.
    cluster.crash(3);
    assert_eq!((epoch(&cluster, 2), cluster.finalized(0)), (0, cluster.finalized(1)));
    cluster.link = Box::new(|_, _, message| Some(message.clone()));
    cluster.run_ms(10_000);
    assert!(epoch(&cluster, 2) >= 1, "at height {} of {}", cluster.finalized(2), cluster.finalized(0));
    check_progress(&mut cluster, 30_000, 15);
    assert!(has_led(&cluster, 2), "nobody votes for what it proposes");
}

/// Node 3 alone knows that an epoch has ended and gives up the next one's first view; then it loses its disk, and goes
/// on with the others, who build on the last block, before all learn that it is final.
#[test]
fn a_vote_of_an_epoch_that_nobody_else_had_entered_is_not_contradicted_when_it_is_forgotten() {
    let mut cluster = started(4);
    run_until_epoch(&mut cluster, 0, 1);
    let end = cluster.consensus(0).succession().start().0;
    let mut cluster = started(4);
    while cluster.finalized(0) + 3 < end {
        cluster.run_ms(5);
    }
    cluster.link = Box::new(|_, to, message| {
        let is_final = matches!(
            message,
            PeerMessage::FinalizationShare(_) | PeerMessage::Finalization(_) | PeerMessage::Chain(_)
        );
        (to == 3 || !is_final).then(|| message.clone())
    });
    run_until_epoch(&mut cluster, 3, 1);
    cluster.run_ms(10_000);
    assert!((0..3).all(|node| epoch(&cluster, node) == 0));
    let first = Epoch(1).first_view();
    assert!(cluster.nodes[3].disk.votes.contains(&Vote::Nullify { view: first }));
    cluster.wipe(3);
    cluster.link = Box::new(|_, _, message| {
        let is_final = matches!(message, PeerMessage::FinalizationShare(_) | PeerMessage::Finalization(_));
        (!is_final).then(|| message.clone())
    });
    cluster.run_ms(60_000);
    assert_eq!(epoch(&cluster, 3), 0);
    assert!(cluster.nodes[3].disk.votes_lost);
    cluster.link = Box::new(|_, _, message| Some(message.clone()));
    cluster.run_ms(30_000);
    assert!((0..4).all(|node| epoch(&cluster, node) >= 1));
    assert!(!cluster.nodes[3].disk.votes_lost);
    cluster.crash(2);
    check_progress(&mut cluster, 30_000, 5);
}

/// Hands a change to node 0 that the operators of nodes 0 to 2 signed.
fn change(cluster: &mut Cluster, remove: &[usize], add: &[usize]) {
    let (identities, committee) = node_key::simulated(CHAIN, 6);
    let cards = simulated_members(&committee);
    let mut change = MembershipChange {
        version: 0,
        remove: remove.iter().map(|node| identities[*node].public_key()).collect(),
        add: add.iter().map(|node| cards[*node].clone()).collect(),
        signatures: Vec::new(),
    };
    let signature = |node: u16| (NodeIndex(node), sign(&CHAIN, &change, &identities[usize::from(node)]));
    change.signatures = (0..3).map(signature).collect();
    cluster.input(0, Input::System(Box::new(SystemMessage::Change(change))));
}

#[test]
fn a_node_that_is_replaced_falls_silent_and_the_new_one_votes_in_its_place() {
    let mut cluster = started(4);
    change(&mut cluster, &[3], &[4]);
    cluster.join(3, 4);
    run_until_epoch(&mut cluster, 0, 1);
    cluster.run_ms(5_000);
    assert!(!cluster.consensus(3).is_voter() && cluster.consensus(4).is_voter());
    assert_eq!(cluster.consensus(4).keyring().own(), NodeIndex(3));
    cluster.crash(3);
    cluster.crash(2);
    check_progress(&mut cluster, 30_000, 15);
    assert!(has_led(&cluster, 3), "nobody votes for what the new one proposes");
}

#[test]
fn the_registrys_order_replaces_a_node_where_the_operators_signatures_do_not() {
    let registry = CanisterId(0).principal();
    let mut cluster = Cluster::new(4);
    (cluster.epoch_length, cluster.registry) = (LENGTH, Some(registry));
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    (0..4).for_each(|node| cluster.start(node));
    change(&mut cluster, &[3], &[4]);
    cluster.run_ms(500);
    assert_eq!(cluster.consensus(0).succession().version(), 0);
    let (identities, committee) = node_key::simulated(CHAIN, 5);
    let ordered = |leaves: usize, comes: usize| {
        let card = simulated_members(&committee)[comes].clone();
        order(0, &[identities[leaves].public_key()], vec![card])
    };
    let keyrings = Keyring::simulated(CHAIN, 4);
    let strangers = Keyring::simulated(Digest([8; 32]), 4);
    let forged = proved(&strangers, &registry, ordered(2, 4));
    // From the own node it is dropped; a peer that says it is at fault.
    cluster.input(0, Input::System(Box::new(SystemMessage::Order(forged.clone()))));
    let said = PeerMessage::System(Box::new(SystemMessage::Order(forged)));
    cluster.input(0, Input::Peer(NodeIndex(1), said));
    assert_eq!(cluster.consensus(0).faults(), [0, 1, 0, 0]);
    // Each node's registry says the same, at about the same time.
    for node in 0..4 {
        let said = SystemMessage::Order(proved(&keyrings, &registry, ordered(3, 4)));
        cluster.input(node, Input::System(Box::new(said)));
    }
    cluster.join(3, 4);
    run_until_epoch(&mut cluster, 0, 1);
    assert_eq!(cluster.consensus(0).succession().version(), 1);
    cluster.run_ms(5_000);
    assert!(!cluster.consensus(3).is_voter() && cluster.consensus(4).is_voter());
    assert_eq!(cluster.consensus(4).keyring().own(), NodeIndex(3));
    cluster.crash(2);
    check_progress(&mut cluster, 30_000, 15);
}

#[test]
fn a_node_that_is_added_listens_as_a_guest_and_votes_from_the_next_epoch_on() {
    let mut cluster = started(4);
    change(&mut cluster, &[], &[4]);
    cluster.join(4, 4);
    cluster.run_ms(1_000);
    assert!(!cluster.consensus(4).is_voter());
    run_until_epoch(&mut cluster, 4, 1);
    cluster.run_ms(2_000);
    assert!(cluster.consensus(4).is_voter());
    assert_eq!(cluster.consensus(0).keyring().nodes(), 5);
    cluster.crash(1);
    check_progress(&mut cluster, 10_000, 5);
    run_until_epoch(&mut cluster, 4, 3);
}

#[test]
fn a_dealer_that_cheats_one_receiver_is_convicted_and_all_vote_in_the_next_epoch() {
    let mut cluster = started(4);
    let terms = cluster.consensus(3).succession().terms().unwrap();
    let complaints = Rc::new(Cell::new(0));
    let seen = complaints.clone();
    cluster.link = Box::new(move |from, _, message| match message {
        // Its blocks would carry the dealing that it really made.
        PeerMessage::Proposal(proposal) if from == 3 && proposal.header.view.epoch() == Epoch::ZERO => None,
        PeerMessage::System(said) => match &**said {
            SystemMessage::Dealing { epoch: Epoch(0), dealer: dealer @ NodeIndex(3), .. } => {
                let dealing = deal_badly(&terms, *dealer, &[NodeIndex(0)]).into();
                let said = SystemMessage::Dealing { epoch: Epoch(0), dealer: *dealer, dealing };
                Some(PeerMessage::System(Box::new(said)))
            }
            SystemMessage::Complaint { .. } => {
                seen.set(seen.get() + 1);
                Some(message.clone())
            }
            _ => Some(message.clone()),
        },
        _ => Some(message.clone()),
    });
    run_until_epoch(&mut cluster, 0, 2);
    assert!((0..4).all(|node| cluster.consensus(node).is_voter()));
    assert!(complaints.get() > 0);
}
