//! Crashes, loss, lag and lies.

use super::check_progress;
use super::cluster::{Cluster, Dice, Node};
use crate::types::*;

/// Drops a message with this probability.
fn lossy(cluster: &mut Cluster, seed: u64, percent: u64) {
    let mut dice = Dice(seed);
    cluster.link = Box::new(move |_, _, message| (dice.roll(100) >= percent).then(|| message.clone()));
}

#[test]
fn one_crashed_of_four_does_not_stop_the_others() {
    for down in 0..4 {
        let mut cluster = Cluster::started(4);
        cluster.run_ms(2_000);
        cluster.crash(down);
        check_progress(&mut cluster, 30_000, 15);
    }
}

#[test]
fn a_leader_that_is_gone_is_soon_not_waited_for() {
    let mut cluster = Cluster::started(4);
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    cluster.crash(2);
    cluster.run_ms(10_000);
    let fault_free = 10_000 / (2 * cluster.delay_ms);
    check_progress(&mut cluster, 10_000, fault_free * 7 / 10);
    cluster.start(2);
    cluster.run_ms(2_000);
    check_progress(&mut cluster, 10_000, fault_free * 9 / 10);
}

#[test]
fn two_of_four_down_finalize_nothing_and_it_goes_on_when_they_are_back() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(5_000);
    cluster.crash(1);
    cluster.crash(2);
    cluster.run_ms(200);
    let before = cluster.finalized(0);
    cluster.run_ms(60_000);
    assert_eq!(cluster.finalized(0), before);
    cluster.start(1);
    cluster.start(2);
    check_progress(&mut cluster, 20_000, 15);
}

/// After a minute without the nodes `down`, node 0 says what it waits for.
fn check_stall(down: &[usize], stalled_execution: bool, expected: &str) {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(5_000);
    down.iter().for_each(|node| cluster.crash(*node));
    cluster.stalled_execution = stalled_execution;
    cluster.run_ms(60_000);
    let waiting = cluster.consensus(0).waits_for().to_string();
    assert!(waiting.contains(expected), "{waiting}");
}

#[test]
fn a_stall_names_what_is_waited_for_and_of_whom() {
    check_stall(&[1, 3], false, "2 of 3, none of node 1, 3");
    check_stall(&[], true, "execution: height");
}

#[test]
fn loss_of_three_in_ten_messages_does_not_stop_progress() {
    for seed in 1..=20 {
        let mut cluster = Cluster::started(4);
        lossy(&mut cluster, seed, 30);
        cluster.nodes.iter_mut().for_each(|node| node.busy = seed % 2 == 0);
        cluster.run_ms(60_000);
        let slowest = (0..4).map(|node| cluster.finalized(node)).min();
        assert!(slowest >= Some(20), "seed {seed}: {slowest:?}");
    }
}

#[test]
fn a_late_joiner_fetches_the_chain() {
    let mut cluster = Cluster::new(4);
    (0..3).for_each(|node| cluster.start(node));
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    cluster.run_ms(120_000);
    assert!(cluster.finalized(0) > 500);
    cluster.start(3);
    cluster.run_ms(5_000);
    assert!(
        cluster.finalized(3) + 3 >= cluster.finalized(0),
        "{} of {}",
        cluster.finalized(3),
        cluster.finalized(0)
    );
    assert!(
        cluster.certified(3) + 3 >= cluster.certified(0),
        "{} of {}",
        cluster.certified(3),
        cluster.certified(0)
    );
}

#[test]
fn restarts_at_any_moment_never_contradict_what_was_said() {
    for seed in 1..=30 {
        let mut cluster = Cluster::started(4);
        lossy(&mut cluster, seed, 10);
        cluster.nodes.iter_mut().for_each(|node| node.busy = seed % 3 == 0);
        let mut dice = Dice(seed + 1_000);
        for _ in 0..40 {
            let node = dice.roll(4) as usize;
            cluster.crash(node);
            cluster.run_ms(dice.roll(700));
            cluster.start(node);
            cluster.run_ms(dice.roll(700));
        }
        check_progress(&mut cluster, 20_000, 10);
    }
}

#[test]
fn all_four_killed_at_once_go_on_from_their_disks() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(7_777);
    let before = cluster.finalized(0);
    (0..4).for_each(|node| cluster.crash(node));
    cluster.run_ms(1_000);
    (0..4).for_each(|node| cluster.start(node));
    check_progress(&mut cluster, 10_000, 10);
    assert!(cluster.finalized(0) > before);
}

#[test]
fn partitions_heal() {
    for seed in 1..=10 {
        let mut cluster = Cluster::started(4);
        let mut dice = Dice(seed);
        for _ in 0..10 {
            let split = dice.roll(16);
            let side = move |node: usize| (split >> node) & 1;
            cluster.link =
                Box::new(move |from, to, message| (side(from) == side(to)).then(|| message.clone()));
            cluster.run_ms(dice.roll(5_000));
        }
        cluster.link = Box::new(|_, _, message| Some(message.clone()));
        check_progress(&mut cluster, 20_000, 10);
    }
}

/// Node 0 runs twice with one key; each of the others hears both.
#[test]
fn a_node_that_runs_twice_forks_nothing_and_is_noticed() {
    for seed in 1..=10 {
        let mut cluster = Cluster::new(4);
        cluster.nodes.push(Node::new(NodeIndex(0)));
        for twin in [0, 4] {
            cluster.nodes[twin].twin = true;
            cluster.nodes[twin].busy = true;
        }
        cluster.nodes[4].behind_ms = 7; // so that its blocks differ
        let mut dice = Dice(seed);
        cluster.link = Box::new(move |_, _, message| (dice.roll(100) >= 10).then(|| message.clone()));
        (0..5).for_each(|node| cluster.start(node));
        cluster.run_ms(30_000);
        let slowest = (1..4).map(|node| cluster.finalized(node)).min();
        assert!(slowest >= Some(15), "seed {seed}: {slowest:?}");
        assert!((1..4).any(|node| !cluster.consensus(node).evidence().is_empty()), "seed {seed}: unnoticed");
    }
}

#[test]
fn a_replica_whose_state_differs_halts_with_evidence_and_the_others_go_on() {
    let mut cluster = Cluster::started(4);
    cluster.nodes[2].wrong_from = Height(5);
    cluster.run_ms(10_000);
    let divergence = cluster.nodes[2].halted.clone().expect("halted");
    assert_eq!(divergence.height, Height(5));
    assert_ne!(divergence.own, divergence.certified.root);
    cluster.crash(2);
    assert!([0, 1, 3].iter().all(|node| cluster.nodes[*node].halted.is_none()));
    check_progress(&mut cluster, 20_000, 15);
}

#[test]
fn a_node_that_spoils_its_shares_is_found_and_stops_nothing() {
    let mut cluster = Cluster::started(4);
    cluster.link =
        Box::new(|from, _, message| Some(if from == 1 { spoilt(message) } else { message.clone() }));
    check_progress(&mut cluster, 20_000, 10);
    assert!([0, 2, 3].iter().all(|node| cluster.consensus(*node).faults()[1] > 0));
}

fn spoilt(message: &PeerMessage) -> PeerMessage {
    let bad = BlsBytes([9; 48]);
    match message.clone() {
        PeerMessage::NotarizationShare(share) => {
            PeerMessage::NotarizationShare(NotarizationShare { share: bad, beacon: bad, ..share })
        }
        PeerMessage::FinalizationShare(share) => {
            PeerMessage::FinalizationShare(FinalizationShare { share: bad, ..share })
        }
        PeerMessage::CertificationShare(share) => {
            PeerMessage::CertificationShare(CertificationShare { share: bad, ..share })
        }
        other => other,
    }
}

#[test]
fn clocks_minutes_off_or_set_back_do_not_stop_the_subnet() {
    let mut cluster = Cluster::started(4);
    cluster.nodes[1].behind_ms = 300_000;
    check_progress(&mut cluster, 20_000, 10);
    cluster.nodes[2].behind_ms = 30_000;
    cluster.nodes[1].behind_ms = 0;
    check_progress(&mut cluster, 20_000, 10);
}

#[test]
fn a_slow_execution_bounds_what_is_proposed() {
    let mut cluster = Cluster::started(4);
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    cluster.stalled_execution = true;
    cluster.run_ms(20_000);
    let full = cluster.payloads();
    assert!(
        (limits::UNCERTIFIED_HEIGHTS_MAX..=limits::UNCERTIFIED_HEIGHTS_MAX + 2).contains(&full),
        "{full}"
    );
}

/// Node 3 was away and asks the others for the chain; the first two answers are forged.
fn check_forged_segment(forge: fn(&mut ChainSegment)) {
    let mut cluster = Cluster::new(4);
    (0..3).for_each(|node| cluster.start(node));
    cluster.run_ms(20_000);
    let mut forgeries = 0..2;
    cluster.link = Box::new(move |_, _, message| match message {
        PeerMessage::Chain(segment) if forgeries.next().is_some() => {
            let mut segment = segment.clone();
            forge(&mut segment);
            Some(PeerMessage::Chain(segment))
        }
        other => Some(other.clone()),
    });
    cluster.start(3);
    cluster.run_ms(10_000);
    assert!(cluster.finalized(3) + 3 >= cluster.finalized(0));
    assert_eq!(cluster.consensus(3).faults().iter().sum::<u32>(), 2);
}

#[test]
fn a_forged_segment_of_the_chain_is_refused_and_another_peer_asked() {
    check_forged_segment(|segment| segment.blocks.swap(0, 1));
    check_forged_segment(|segment| segment.blocks[0].1.signature = BlsBytes([1; 48]));
    check_forged_segment(|segment| segment.blocks[1].1 = segment.blocks[0].1);
    check_forged_segment(|segment| segment.finalization.signature = BlsBytes([1; 48]));
    check_forged_segment(|segment| drop(segment.blocks.pop()));
    check_forged_segment(|segment| {
        let mut block = (*segment.blocks[0].0).clone();
        block.time = block.time.plus_ms(1);
        segment.blocks[0].0 = std::sync::Arc::new(block);
    });
}

/// Node 3 is away until the others have purged the blocks that it lacks.
fn left_behind(forge: Option<fn(&mut ChainSegment)>) -> Cluster {
    let mut cluster = Cluster::new(4);
    (0..3).for_each(|node| cluster.start(node));
    cluster.run_ms(20_000);
    (0..3).for_each(|node| cluster.nodes[node].disk.purge());
    let mut forgeries = 0..2;
    cluster.link = Box::new(move |_, _, message| match (message, forge) {
        (PeerMessage::Package(package), Some(forge)) if forgeries.next().is_some() => {
            let mut package = package.clone();
            forge(&mut package);
            Some(PeerMessage::Package(package))
        }
        (other, _) => Some(other.clone()),
    });
    cluster.start(3);
    cluster.run_ms(10_000);
    cluster
}

#[test]
fn a_replica_whose_peers_have_purged_what_it_lacks_starts_from_a_package() {
    let mut cluster = left_behind(None);
    assert_eq!(cluster.nodes[3].fetched, 1);
    check_progress(&mut cluster, 10_000, 10);
    assert!(cluster.finalized(3) + 3 >= cluster.finalized(0));
}

#[test]
fn a_forged_package_is_refused_and_another_peer_asked() {
    let forgeries: [fn(&mut ChainSegment); 6] = [
        |package| package.certification = None,
        |package| package.certification.as_mut().unwrap().height = Height(1),
        |package| package.certification.as_mut().unwrap().root = StateRoot(Digest([9; 32])),
        |package| package.finalization.signature = BlsBytes([1; 48]),
        |package| package.blocks[0].1.signature = BlsBytes([1; 48]),
        |package| {
            let mut block = (*package.blocks[0].0).clone();
            block.height = block.height.next();
            package.blocks[0].0 = std::sync::Arc::new(block);
        },
    ];
    for forge in forgeries {
        let cluster = left_behind(Some(forge));
        assert_eq!(cluster.nodes[3].fetched, 1);
        assert_eq!(cluster.consensus(3).faults().iter().sum::<u32>(), 0, "counted before the start");
        assert!(cluster.finalized(3) + 3 >= cluster.finalized(0));
    }
}

#[test]
fn a_replica_that_lost_its_disk_contradicts_nothing_and_votes_again() {
    for seed in 1..=30 {
        let mut cluster = Cluster::started(4);
        lossy(&mut cluster, seed, 10);
        cluster.nodes.iter_mut().for_each(|node| node.busy = seed % 3 == 0);
        let mut dice = Dice(seed + 2_000);
        for _ in 0..20 {
            cluster.run_ms(dice.roll(900));
            if dice.roll(2) == 0 {
                (0..3).for_each(|node| cluster.nodes[node].disk.purge());
            }
            cluster.wipe(3);
        }
        cluster.run_ms(20_000);
        assert!(!cluster.nodes[3].disk.votes_lost, "seed {seed}");
        // With one of the others away, nothing goes on without its votes.
        cluster.crash(0);
        cluster.run_ms(20_000);
        let before = cluster.finalized(3);
        cluster.run_ms(20_000);
        assert!(cluster.finalized(3) > before + 5, "seed {seed}");
    }
}

#[test]
fn a_replica_that_lost_its_disk_waits_for_peers_that_remember() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(5_000);
    let before = cluster.finalized(0);
    cluster.crash(0);
    cluster.wipe(3);
    cluster.run_ms(30_000);
    assert!(cluster.nodes[3].disk.votes.is_empty() && cluster.finalized(1) <= before + 2);
    cluster.start(0);
    // What is left of the timeouts of so long a stand.
    cluster.run_ms(20_000);
    check_progress(&mut cluster, 20_000, 10);
}
