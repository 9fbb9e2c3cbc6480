//! What the replicas did in each epoch of keys (`node_metrics_history`), the newest ones.
//!
//! All numbers are totals since genesis; what an epoch brought is the difference of two entries. Entries come in the
//! order of their times, one for each time.

use crate::memory::{self, Memory, Segment, Segments};
use candid::{CandidType, Nat, Principal};
use ic_stable_structures::StableBTreeMap;
use serde::{Deserialize, Serialize};
use std::ops::Bound::{Excluded, Unbounded};

/// Epochs that are kept, as many as the replicas keep themselves.
pub const EPOCHS_MAX: u64 = 400;
/// Epochs in one answer.
pub const PAGE_EPOCHS_MAX: u64 = 100;
/// Nodes of an epoch; more are left out.
pub const NODES_MAX: usize = 200;

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeMetrics {
    pub node_id: Principal,
    pub num_blocks_proposed_total: u64,
    pub num_block_failures_total: u64,
    pub num_votes_total: Option<u64>,
    pub num_instructions_total: Option<u64>,
}

/// An entry as the subnet answers it. What only Atoll has is optional.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Epoch {
    pub timestamp_nanos: u64,
    pub node_metrics: Vec<NodeMetrics>,
    pub height: Option<u64>,
    pub cycles_consumed_total: Option<Nat>,
    pub instructions_total: Option<u64>,
    pub blocks_total: Option<u64>,
}

/// Each under its time, in Candid.
pub struct Epochs<M: Memory>(StableBTreeMap<u64, Vec<u8>, Segment<M>>);

impl<M: Memory> Epochs<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self(StableBTreeMap::init(segments.get(memory::EPOCHS)))
    }

    /// Time of the newest entry.
    pub fn last_time(&self) -> Option<u64> {
        self.0.last_key_value().map(|(time, _)| time)
    }

    /// Adds an entry that is newer than all; whether it was.
    pub fn push(&mut self, mut epoch: Epoch) -> bool {
        if self.last_time().is_some_and(|last| last >= epoch.timestamp_nanos) {
            return false;
        }
        epoch.node_metrics.truncate(NODES_MAX);
        let Ok(bytes) = candid::encode_one(&epoch) else { return false };
        self.0.insert(epoch.timestamp_nanos, bytes);
        if self.0.len() > EPOCHS_MAX {
            self.0.pop_first();
        }
        true
    }

    /// At most `limit` entries after a time, or the newest ones; oldest first.
    pub fn page(&self, after: Option<u64>, limit: u64) -> Vec<Epoch> {
        let limit = usize::try_from(limit.min(PAGE_EPOCHS_MAX)).unwrap_or(usize::MAX);
        let read = |bytes: Vec<u8>| candid::decode_one::<Epoch>(&bytes).ok();
        match after {
            Some(time) => {
                let range = self.0.range((Excluded(time), Unbounded)).take(limit);
                range.filter_map(|entry| read(entry.value())).collect()
            }
            None => {
                let newest = self.0.iter().rev().take(limit);
                let mut page: Vec<_> = newest.filter_map(|entry| read(entry.value())).collect();
                page.reverse();
                page
            }
        }
    }
}
