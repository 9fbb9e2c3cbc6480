//! The transactions of the last day, by which duplicates are known.

use ic_stable_structures::{Memory, StableBTreeMap};
use icrc::Hash;

/// How far the caller's clock may be ahead of the ledger's: 60 s.
pub const PERMITTED_DRIFT_NANOS: u64 = 60 * NANOS_PER_SECOND;

/// The most transactions that one call forgets.
pub const MAX_FORGOTTEN_PER_CALL: usize = 100;

/// The most transactions that are known at once.
pub const MAX_TRANSACTIONS_IN_WINDOW: u64 = 3_000_000;

pub(crate) const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Transactions by hash, and by the time at which they were done.
pub struct Window<M: Memory> {
    by_hash: StableBTreeMap<Hash, u64, M>,
    by_time: StableBTreeMap<(u64, u64), Hash, M>,
    max_transactions: u64,
}

impl<M: Memory> Window<M> {
    /// Opens what the memories hold.
    pub fn open(by_hash: M, by_time: M) -> Self {
        Self {
            by_hash: StableBTreeMap::init(by_hash),
            by_time: StableBTreeMap::init(by_time),
            max_transactions: MAX_TRANSACTIONS_IN_WINDOW,
        }
    }

    /// A smaller window, to see it full.
    #[cfg(test)]
    pub fn set_max_transactions(&mut self, max: u64) {
        self.max_transactions = max;
    }

    /// How many transactions are known.
    pub fn count(&self) -> u64 {
        self.by_hash.len()
    }

    /// The block of a transaction that was done before.
    pub fn find(&self, hash: &Hash) -> Option<u64> {
        self.by_hash.get(hash)
    }

    /// Remembers a transaction done in block `index` at time `now`.
    pub fn remember(&mut self, hash: Hash, index: u64, now: u64) {
        self.by_hash.insert(hash, index);
        self.by_time.insert((now, index), hash);
    }

    /// Forgets transactions that would be refused as too old, at most [`MAX_FORGOTTEN_PER_CALL`]; says how
    /// many.
    pub fn forget(&mut self, window: u64, now: u64) -> usize {
        let keep = window.saturating_add(PERMITTED_DRIFT_NANOS);
        for forgotten in 0..MAX_FORGOTTEN_PER_CALL {
            match self.by_time.first_key_value() {
                Some((key, hash)) if key.0.saturating_add(keep) < now => {
                    self.by_time.remove(&key);
                    self.by_hash.remove(&hash);
                }
                _ => return forgotten,
            }
        }
        MAX_FORGOTTEN_PER_CALL
    }

    /// Whether a further transaction has to wait. The first half of the window is free; what is left is
    /// given out evenly, second by second, so that the window can never overflow.
    pub fn is_full(&self, window: u64, now: u64) -> bool {
        let half = self.max_transactions / 2;
        if self.count() < half {
            return false;
        }
        let seconds = (window / NANOS_PER_SECOND).max(1);
        let per_second = half.div_ceil(seconds).max(1) as usize;
        let last_second = (now.saturating_sub(NANOS_PER_SECOND - 1), 0)..;
        self.count() >= self.max_transactions
            || self.by_time.keys_range(last_second).take(per_second).count() == per_second
    }
}
