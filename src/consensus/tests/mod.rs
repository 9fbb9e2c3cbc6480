//! Committees under faults, and single machines fed by hand.

mod attendance;
mod bodies;
mod cluster;
mod disk;
mod epochs;
mod faults;
mod model;
mod repeats;
mod shares;

use cluster::{Cluster, PACE};

/// All replicas run for a while and must have finalized and certified at least `heights`.
fn check_progress(cluster: &mut Cluster, ms: u64, heights: u64) {
    let running: Vec<usize> =
        (0..cluster.nodes.len()).filter(|node| cluster.nodes[*node].consensus.is_some()).collect();
    let before: Vec<u64> = running.iter().map(|node| cluster.finalized(*node)).collect();
    cluster.run_ms(ms);
    for (node, before) in running.into_iter().zip(before) {
        let (finalized, certified) = (cluster.finalized(node), cluster.certified(node));
        assert!(
            finalized >= before + heights,
            "node {node} finalized {before} to {finalized}, {heights} expected: {:?} {:?}",
            cluster.consensus(node).view(),
            cluster.consensus(node).faults()
        );
        assert!(certified + 3 >= finalized, "node {node} certified {certified} of {finalized}");
    }
}

#[test]
fn committees_of_any_size_make_progress() {
    for n in [1, 2, 3, 4, 7, 13] {
        check_progress(&mut Cluster::started(n), 10_000, 14);
    }
}

#[test]
fn an_idle_subnet_beats_once_a_heartbeat() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(60_000);
    let interval = PACE.heartbeat_ms + 2 * cluster.delay_ms;
    let expected = 60_000 / interval;
    assert!((expected - 2..=expected + 2).contains(&cluster.finalized(0)), "{}", cluster.finalized(0));
    assert!(cluster.consensus(0).views_kept() < 8);
}

#[test]
fn finality_takes_three_delays_and_the_next_proposal_starts_at_two() {
    let mut cluster = Cluster::started(4);
    cluster.delay_ms = 100;
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    cluster.run_ms(10_000);
    let proposals: Vec<_> = cluster.proposed.values().skip(2).take(40).copied().collect();
    for pair in proposals.windows(2) {
        assert_eq!(pair[1].ms_since(pair[0]), 2 * cluster.delay_ms);
    }
    for node in &cluster.nodes {
        let finalized = node.delivered.iter().map(|(_, _, at)| *at).skip(2);
        for (proposed, finalized) in proposals.iter().zip(finalized) {
            assert_eq!(finalized.ms_since(*proposed), 3 * cluster.delay_ms);
        }
    }
}

#[test]
fn an_idle_subnet_proposes_at_once_when_a_payload_comes() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(3_000);
    let before = cluster.finalized(0);
    cluster.nodes.iter_mut().for_each(|node| node.busy = true);
    for node in 0..4 {
        cluster.input(node, crate::types::Input::PayloadWaiting);
    }
    cluster.run_ms(4 * cluster.delay_ms);
    assert!(cluster.finalized(0) > before);
}
