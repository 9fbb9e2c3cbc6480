//! A deterministic table of counters, with the replay protection that the real executor has.

use super::Outcome;
use crate::crypto::hash::hash_parts;
use crate::sim::bug::Planted;
use crate::state::{Column, HostFailure, StateDelta, StateSource, Write};
use crate::types::*;
use imbl::OrdMap;

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

/// Where the ledger's values are on disk.
const KEY: &[u8] = b"ledger";

impl Ledger {
    /// An empty ledger.
    pub fn new(planted: Planted) -> Ledger {
        Ledger { planted, ..Ledger::default() }
    }

    /// The ledger that `source` holds.
    ///
    /// # Errors
    /// [`HostFailure`] if it holds none.
    pub fn restored(&self, source: &dyn StateSource) -> Result<Ledger, HostFailure> {
        let missing = || HostFailure("no ledger on disk".into());
        let values = source.get(Column::Subnet, KEY)?.ok_or_else(missing)?;
        let (fixed, counters) = values.split_at_checked(48).ok_or_else(missing)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        let mut journal = Digest::ZERO;
        journal.0.copy_from_slice(&fixed[16..]);
        let history = source
            .scan(Column::History, &[])?
            .into_iter()
            .filter_map(|(id, expiry)| Some((RequestId(id.try_into().ok()?), Time(number(&expiry)))));
        Ok(Ledger {
            height: Height(number(&fixed[..8])),
            time: Time(number(&fixed[8..16])),
            journal,
            counters: counters.chunks_exact(9).map(|line| (line[0], number(&line[1..]))).collect(),
            history: history.collect(),
            planted: self.planted,
        })
    }

    /// The last height executed.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Executed requests, with their expiry.
    pub fn history(&self) -> Vec<(RequestId, Time)> {
        self.history.iter().map(|(id, expiry)| (*id, *expiry)).collect()
    }

    /// Executes the next height.
    pub fn execute(&mut self, batch: &Batch) -> Outcome {
        self.height = batch.height;
        self.time = batch.time;
        self.journal = hash_parts(
            "sim-height",
            &[&self.journal.0, &batch.randomness.0, &batch.proposer.0.to_be_bytes()],
        );
        let mut writes = Vec::new();
        let mut finished = Vec::new();
        for ingress in batch.ingress.iter().filter(|ingress| self.apply(ingress)) {
            finished.push(ingress.id);
            let expiry = ingress.call.ingress_expiry.0.to_be_bytes().to_vec();
            writes.push(write(Column::History, &ingress.id.0, expiry));
        }
        writes.push(write(Column::Subnet, KEY, self.values()));
        Outcome {
            root: self.root(),
            finished,
            delta: StateDelta { height: self.height, writes, dropped: Vec::new() },
        }
    }

    fn values(&self) -> Vec<u8> {
        let (height, time) = (self.height.0.to_be_bytes(), self.time.0.to_be_bytes());
        [&height, &time, &self.journal.0[..], &self.ordered()].concat()
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

    /// The root after the last height.
    pub fn root(&self) -> StateRoot {
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

fn write(column: Column, key: &[u8], value: Vec<u8>) -> Write {
    Write { column, key: key.to_vec(), value: Some(value.into()) }
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
                sender_info: None,
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
        let mut executor = Ledger::new(Planted::default());
        assert_eq!(executor.execute(&batch(1, &[1, 2])).finished.len(), 2);
        assert_eq!(executor.execute(&batch(2, &[2, 3])).finished, [RequestId([3; 32])]);
    }

    #[test]
    fn executes_nothing_after_its_expiry() {
        let mut executor = Ledger::new(Planted::default());
        assert_eq!(executor.execute(&batch(1_000, &[1])).finished.len(), 1);
        assert_eq!(executor.execute(&batch(1_001, &[2])).finished.len(), 0);
    }

    #[test]
    fn equal_batches_make_equal_roots_and_others_others() {
        let root = |ids: &[u8]| Ledger::new(Planted::default()).execute(&batch(1, ids)).root;
        assert_eq!(root(&[1, 2]), root(&[1, 2]));
        assert_ne!(root(&[1, 2]), root(&[2, 1]));
        assert_ne!(root(&[1, 2]), root(&[1]));
    }
}
