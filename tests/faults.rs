//! All replicas are killed at once, one is away for long, one loses its disk: clients lose nothing, and it comes back.
//! Everything else that befalls replicas: `tests/chaos.rs`.

mod network;

use ic_agent::export::Principal;
use network::{Network, eventually, load};
use std::path::Path;

/// Calls that are certified before all replicas are killed.
const REPLIES: u64 = 20;

fn counter(network: &Network) -> Principal {
    Principal::from_text(network.counter.as_ref().expect("the counter is installed")).expect("a principal")
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
