//! Transactions of the last day, by hash: what is ordered twice is done once.

use crate::memory::{self, Memory, Segment, Segments};
use crate::refusal::Refusal;
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::{StableBTreeMap, StableBTreeSet};
use icrc::Hash;
use serde::{Deserialize, Serialize};

/// For how long a transaction is remembered, and how old one may be.
pub const WINDOW_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

/// How far clocks may differ.
pub const DRIFT_NS: u64 = 60 * 1_000_000_000;

/// Most transactions forgotten in one call: more than one call can add, so that none pile up.
pub const FORGOTTEN_PER_CALL: usize = 32;

/// Where a transaction went.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
struct Sighting {
    block: u64,
    canister_id: Option<Principal>,
}

/// An index by hash, and one by creation time for forgetting.
pub struct Seen<M: Memory> {
    by_hash: StableBTreeMap<Hash, Stored<Sighting>, Segment<M>>,
    by_time: StableBTreeSet<(u64, Hash), Segment<M>>,
}

impl<M: Memory> Seen<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self {
            by_hash: StableBTreeMap::init(segments.get(memory::SEEN_BY_HASH)),
            by_time: StableBTreeSet::init(segments.get(memory::SEEN_BY_TIME)),
        }
    }

    /// Refuses what is too old, from the future, or seen before.
    pub fn check(&self, created_at_time: Option<u64>, hash: &Hash, now: u64) -> Result<(), Refusal> {
        let Some(created) = created_at_time else { return Ok(()) };
        if is_past(created, now) {
            return Err(Refusal::TooOld);
        }
        if created > now.saturating_add(DRIFT_NS) {
            return Err(Refusal::CreatedInFuture { ledger_time: now });
        }
        match self.by_hash.get(hash) {
            None => Ok(()),
            Some(Stored(Sighting { block, canister_id })) => {
                Err(Refusal::Duplicate { duplicate_of: block, canister_id })
            }
        }
    }

    /// Remembers a transaction that names its time.
    pub fn remember(&mut self, created_at_time: Option<u64>, hash: Hash, block: u64) {
        let Some(created) = created_at_time else { return };
        self.by_hash.insert(hash, Stored(Sighting { block, canister_id: None }));
        self.by_time.insert((created, hash));
    }

    /// Notes which canister a transaction made, if it is still remembered.
    pub fn note_canister(&mut self, hash: &Hash, canister_id: Principal) {
        if let Some(Stored(sighting)) = self.by_hash.get(hash) {
            self.by_hash.insert(*hash, Stored(Sighting { canister_id: Some(canister_id), ..sighting }));
        }
    }

    /// Forgets some of what no order can repeat any more.
    pub fn forget(&mut self, now: u64) {
        for _ in 0..FORGOTTEN_PER_CALL {
            match self.by_time.first() {
                Some((created, hash)) if is_past(created, now) => {
                    self.by_time.remove(&(created, hash));
                    self.by_hash.remove(&hash);
                }
                _ => return,
            }
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> u64 {
        self.by_hash.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

fn is_past(created: u64, now: u64) -> bool {
    created.saturating_add(WINDOW_NS).saturating_add(DRIFT_NS) < now
}
