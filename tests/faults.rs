//! Replicas are killed under load, some and all; states are damaged: clients lose nothing.

mod network;

use ic_agent::export::Principal;
use network::{Network, eventually, load};
use std::path::Path;
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

/// Heights between two states that are offered.
const CHECKPOINT: u64 = 20;

/// A replica is down for so long that its peers purge what it lacks; `meanwhile` happens to its directory. Brought back, it
/// fetches a state, and then takes part: with another one away nothing goes on without it.
fn check_fetched_state(network: &mut Network, runtime: &tokio::runtime::Runtime, meanwhile: impl Fn(&Path)) {
    let agent = load::agent(&network.gateway_url, &network.root_key, 7);
    let counted = |runtime: &tokio::runtime::Runtime| {
        eventually("the subnet counts", || runtime.block_on(load::increment(&agent, counter(network))).ok())
    };
    let before = counted(runtime);
    let fetched = |network: &Network| {
        let log = network.dir.join("revived-3.log");
        std::fs::read_to_string(log).unwrap_or_default().matches("the state is here").count()
    };
    let fetched_before = fetched(network);
    network.kill(3);
    let left = network.certified_height(0).expect("replica 0 answers");
    meanwhile(&network.dir.join("node-3/data/chain"));
    let mut calls = 0;
    for other in 0..3 {
        let purged = || {
            calls += 1;
            let _ = counted(runtime);
            network.metric(other, "atoll_checkpoint_height").filter(|height| *height > left + CHECKPOINT)
        };
        eventually("a state is offered above the height that replica 3 left at", purged);
    }
    network.revive(3);
    let tip = network.certified_height(0).expect("replica 0 answers");
    network.await_height(3, tip);
    assert_eq!(fetched(network), fetched_before + 1, "replica 3 fetched a state");
    let voting = || network.metric(3, "atoll_silent").filter(|silent| *silent == 0);
    eventually("replica 3 votes again", voting);
    network.kill(0);
    let last = eventually("the subnet counts without replica 0", || {
        runtime.block_on(load::increment(&agent, counter(network))).ok()
    });
    assert!(last > before + calls, "{last} after {before} and {calls} calls");
    network.revive(0);
    let tip = eventually("replica 3 answers", || network.certified_height(3));
    network.await_height(0, tip);
}

#[test]
fn a_replica_that_was_away_for_long_or_lost_its_disk_fetches_the_state() {
    let mut network = Network::with(&["--nodes", "4", "--checkpoint-heights", &CHECKPOINT.to_string()]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    check_fetched_state(&mut network, &runtime, |_| ());
    check_fetched_state(&mut network, &runtime, |chain| std::fs::remove_dir_all(chain).expect("a directory"));
}
