//! Replicas are killed under load, some and all; states are damaged: clients lose nothing.

mod network;

use ic_agent::export::Principal;
use network::{Network, eventually, load};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A kill must be healed before the next one, so that at most one of four is down.
const KILLS: usize = 40;
/// Calls that are certified before all replicas are killed.
const REPLIES: u64 = 20;

fn counter(network: &Network) -> Principal {
    Principal::from_text(network.counter.as_ref().expect("the counter is installed")).expect("a principal")
}

fn value(network: &Network, runtime: &tokio::runtime::Runtime) -> u64 {
    let agent = load::agent(&network.gateway_url, &network.root_key, 99);
    // An update, so that the value is the newest one that a quorum executed.
    runtime.block_on(load::increment(&agent, counter(network))).expect("the subnet answers")
}

#[test]
fn kills_of_single_replicas_lose_and_double_no_certified_update() {
    let mut network = Network::up();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stop = Arc::new(AtomicBool::new(false));
    let gateway = network.gateway_url.clone();
    let clients = runtime.spawn(load::run(
        vec![gateway.clone(), gateway.clone(), gateway],
        network.root_key.clone(),
        counter(&network),
        stop.clone(),
    ));
    let mut rejoin = Vec::new();
    for kill in 0..KILLS {
        let victim = (kill * 7 + kill / 4) % network.replicas.len();
        let other = (victim + 1) % network.replicas.len();
        network.kill(victim);
        let seen = eventually("the others answer", || network.certified_height(other));
        network.await_height(other, seen + 3);
        let begun = Instant::now();
        network.revive(victim);
        let tip = eventually("the others answer", || network.certified_height(other));
        network.await_height(victim, tip);
        rejoin.push(begun.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    let journal = runtime.block_on(clients).expect("the clients end");
    rejoin.sort();
    eprintln!(
        "{KILLS} kills, {} certified updates, {} unanswered, rejoin median {:?}, worst {:?}",
        journal.entries.len(),
        journal.unanswered,
        rejoin[KILLS / 2],
        rejoin[KILLS - 1]
    );
    assert!(journal.entries.len() > KILLS, "throughput went on");
    let last = value(&network, &runtime);
    journal.check(last - 1);
    assert!(rejoin[KILLS - 1] < Duration::from_secs(60), "a replica took {:?} to rejoin", rejoin[KILLS - 1]);
}

#[test]
fn a_kill_of_all_replicas_at_once_keeps_every_certified_reply() {
    let mut network = Network::up();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let agent = load::agent(&network.gateway_url, &network.root_key, 5);
    let replies: Vec<_> = (0..REPLIES)
        .map(|_| runtime.block_on(load::increment_by_id(&agent, counter(&network))).expect("counted"))
        .collect();
    network.kill_all();
    (0..network.replicas.len()).for_each(|index| network.revive(index));
    let last = eventually("the subnet counts on", || {
        runtime.block_on(load::increment(&agent, counter(&network))).ok()
    });
    assert_eq!(last, REPLIES + 1);
    for (index, replica) in network.replicas.iter().enumerate() {
        eventually("a replica serves its state", || {
            network.certified_height(index).filter(|height| *height > 0)
        });
        let agent = load::agent(&replica.api_url, &network.root_key, 5);
        for (id, value) in &replies {
            let read = runtime.block_on(load::reply_of(&agent, id, counter(&network)));
            assert_eq!(
                read.expect("a verified certificate"),
                Some(*value),
                "of call {id:?} at replica {index}"
            );
        }
    }
}
