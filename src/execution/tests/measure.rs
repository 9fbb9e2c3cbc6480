//! Figures for people (`cargo test --release --lib execution::tests::measure -- --ignored --nocapture`); nothing is asserted
//! about time.

use super::*;
use crate::execution::execute_batch;
use crate::types::*;
use std::time::Instant;

/// Median time of a height with `calls` empty updates of one warm canister, per call.
fn measure(calls: usize, heights: usize) {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let mut micros = Vec::new();
    let mut writes = 0;
    for _ in 0..heights {
        let ingress = (0..calls).map(|_| subnet.ingress(user(2), id.principal(), "inc", vec![])).collect();
        let batch = Batch {
            height: subnet.state.height().next(),
            time: Time(subnet.state.time().0 + SECOND),
            randomness: Digest::ZERO,
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress,
        };
        let state = subnet.state.clone();
        let start = Instant::now();
        let executed = execute_batch(&subnet.engine, state, &batch).unwrap();
        micros.push(start.elapsed().as_nanos() as f64 / 1_000.0 / calls.max(1) as f64);
        assert_eq!(executed.finished.len(), calls);
        writes = executed.delta.writes.len();
        subnet.state = executed.state;
    }
    micros.sort_by(f64::total_cmp);
    let (low, median) = (micros[0], micros[micros.len() / 2]);
    println!("{calls} updates a height: {median:.1} us each (least {low:.1}), {writes} writes");
}

#[test]
#[ignore = "prints figures"]
fn empty_updates() {
    measure(0, 200);
    measure(1, 500);
    measure(10, 200);
    measure(1_000, 40);
}
