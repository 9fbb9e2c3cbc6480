//! All replicas are killed at once: clients lose nothing. Everything else that befalls replicas: `tests/chaos.rs`.

mod network;

use ic_agent::export::Principal;
use network::{Network, eventually, load};

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
