//! What executes batches in a simulated node, and the ledger that does it fast: a deterministic table of
//! counters with the replay protection that the real executor has.

use super::bug::Planted;
use crate::crypto::hash::hash_parts;
use crate::types::*;
use imbl::OrdMap;

/// The state of one node's execution.
#[derive(Clone)]
pub enum Executor {
    Ledger(Ledger),
}

/// What executing a height came to.
pub struct Outcome {
    pub root: StateRoot,
    /// Requests that took effect at this height.
    pub finished: Vec<RequestId>,
}

impl Executor {
    /// A ledger at genesis.
    pub fn ledger(planted: Planted) -> Executor {
        Executor::Ledger(Ledger { planted, ..Ledger::default() })
    }

    /// Executes the next height.
    pub fn execute(&mut self, batch: &Batch) -> Outcome {
        match self {
            Executor::Ledger(ledger) => ledger.execute(batch),
        }
    }

    /// The last height executed.
    pub fn height(&self) -> Height {
        match self {
            Executor::Ledger(ledger) => ledger.height,
        }
    }

    /// Executed requests that have not expired, with their expiry.
    pub fn history(&self) -> Vec<(RequestId, Time)> {
        match self {
            Executor::Ledger(ledger) => ledger.history.iter().map(|(id, expiry)| (*id, *expiry)).collect(),
        }
    }

    /// The root after that height.
    pub fn root(&self) -> StateRoot {
        match self {
            Executor::Ledger(ledger) => ledger.root(),
        }
    }
}

/// Counters that calls raise, and the requests that did.
#[derive(Clone, Default)]
pub struct Ledger {
    height: Height,
    time: Time,
    counters: OrdMap<u8, u64>,
    /// Executed requests by id, until they expire.
    history: OrdMap<RequestId, Time>,
    /// Chained over every request that took effect.
    journal: Digest,
    planted: Planted,
}

impl Ledger {
    fn execute(&mut self, batch: &Batch) -> Outcome {
        self.height = batch.height;
        self.time = batch.time;
        self.journal = hash_parts(
            "sim-height",
            &[&self.journal.0, &batch.randomness.0, &batch.proposer.0.to_be_bytes()],
        );
        let finished =
            batch.ingress.iter().filter(|ingress| self.apply(ingress)).map(|ingress| ingress.id).collect();
        Outcome { root: self.root(), finished }
    }

    fn apply(&mut self, ingress: &Ingress) -> bool {
        if ingress.call.ingress_expiry < self.time || self.history.contains_key(&ingress.id) {
            return false;
        }
        self.history.insert(ingress.id, ingress.call.ingress_expiry);
        self.journal = hash_parts("sim-call", &[&self.journal.0, &ingress.id.0]);
        let counter = ingress.call.arg.first().copied().unwrap_or_default();
        *self.counters.entry(counter).or_default() += 1;
        true
    }

    fn root(&self) -> StateRoot {
        let counters = if self.planted.hashes_in_map_order() { self.disordered() } else { self.ordered() };
        let (height, time) = (self.height.0.to_be_bytes(), self.time.0.to_be_bytes());
        StateRoot(hash_parts("sim-ledger", &[&height, &time, &counters, &self.journal.0]))
    }

    fn ordered(&self) -> Vec<u8> {
        self.counters.iter().flat_map(|(key, count)| line(*key, *count)).collect()
    }

    #[cfg(test)]
    fn disordered(&self) -> Vec<u8> {
        let map: std::collections::HashMap<u8, u64> =
            self.counters.iter().map(|(key, count)| (*key, *count)).collect();
        map.iter().flat_map(|(key, count)| line(*key, *count)).collect()
    }

    #[cfg(not(test))]
    fn disordered(&self) -> Vec<u8> {
        self.ordered()
    }
}

fn line(key: u8, count: u64) -> impl Iterator<Item = u8> {
    std::iter::once(key).chain(count.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn batch(height: u64, ids: &[u8]) -> Batch {
        let ingress = ids.iter().map(|id| {
            let call = UserCall {
                canister_id: Principal::management_canister(),
                method_name: String::new(),
                arg: vec![*id],
                sender: Principal::anonymous(),
                ingress_expiry: Time(1_000),
                nonce: None,
            };
            Arc::new(Ingress { id: RequestId([*id; 32]), call })
        });
        Batch {
            height: Height(height),
            time: Time(height),
            randomness: Digest::ZERO,
            proposer: NodeIndex(0),
            ingress: ingress.collect(),
        }
    }

    #[test]
    fn executes_each_request_once() {
        let mut executor = Executor::ledger(Planted::default());
        assert_eq!(executor.execute(&batch(1, &[1, 2])).finished.len(), 2);
        assert_eq!(executor.execute(&batch(2, &[2, 3])).finished, [RequestId([3; 32])]);
    }

    #[test]
    fn executes_nothing_after_its_expiry() {
        let mut executor = Executor::ledger(Planted::default());
        assert_eq!(executor.execute(&batch(1_000, &[1])).finished.len(), 1);
        assert_eq!(executor.execute(&batch(1_001, &[2])).finished.len(), 0);
    }

    #[test]
    fn equal_batches_make_equal_roots_and_others_others() {
        let root = |ids: &[u8]| Executor::ledger(Planted::default()).execute(&batch(1, ids)).root;
        assert_eq!(root(&[1, 2]), root(&[1, 2]));
        assert_ne!(root(&[1, 2]), root(&[2, 1]));
        assert_ne!(root(&[1, 2]), root(&[1]));
    }
}
