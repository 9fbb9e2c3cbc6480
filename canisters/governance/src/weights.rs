//! How much is at stake with which dissolve delay: sums that are changed and asked for in a fixed number of steps,
//! however many neurons there are.
//!
//! Stakes lie at a key: a delay (locked neurons) or the second of dissolution (dissolving ones). For each of
//! [`LEVELS`] prefixes of the key, shorter by [`DIGIT_BITS`] each, the sum of what begins with it is kept. All that
//! is at a key or above are, on each level, the prefixes to the right of the key's with the same parent.

use crate::neuron::Lock;
use ic_stable_structures::storable::Bound;
use ic_stable_structures::{Memory, StableBTreeMap, Storable};
use std::borrow::Cow;

/// Bits by which prefixes differ in length.
const DIGIT_BITS: u32 = 4;
/// Prefixes of a key.
const LEVELS: u8 = 10;
/// Highest key; higher ones count as this (in seconds: 30,000 years).
const KEY_MAX: u64 = (1 << (DIGIT_BITS * LEVELS as u32)) - 1;

/// Kind, level, prefix.
type Key = [u8; 10];

fn key(kind: u8, level: u8, prefix: u64) -> Key {
    let mut key = [0; 10];
    key[0] = kind;
    key[1] = level;
    key[2..].copy_from_slice(&prefix.to_be_bytes());
    key
}

/// A sum over neurons. Stakes of all of them are less than 2^64, so nothing overflows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    pub neurons: u64,
    pub stake: u128,
    /// Stake × key.
    pub weighted: u128,
}

const SUM_BYTES: usize = 40;

impl Storable for Sum {
    const BOUND: Bound = Bound::Bounded { max_size: SUM_BYTES as u32, is_fixed_size: true };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.into_bytes())
    }

    fn into_bytes(self) -> Vec<u8> {
        let Self { neurons, stake, weighted } = self;
        [&neurons.to_be_bytes()[..], &stake.to_be_bytes(), &weighted.to_be_bytes()].concat()
    }

    /// # Panics
    /// When stable memory holds what this canister never wrote.
    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte))
        };
        Self { neurons: number(0..8) as u64, stake: number(8..24), weighted: number(24..SUM_BYTES) }
    }
}

impl Sum {
    fn of(stake: u64, key: u64) -> Self {
        let stake = u128::from(stake);
        Self { neurons: 1, stake, weighted: stake.saturating_mul(key.into()) }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            neurons: self.neurons.saturating_add(other.neurons),
            stake: self.stake.saturating_add(other.stake),
            weighted: self.weighted.saturating_add(other.weighted),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            neurons: self.neurons.saturating_sub(other.neurons),
            stake: self.stake.saturating_sub(other.stake),
            weighted: self.weighted.saturating_sub(other.weighted),
        }
    }
}

fn kind_and_key(lock: Lock) -> (u8, u64) {
    match lock {
        Lock::Locked { delay_seconds } => (0, delay_seconds.min(KEY_MAX)),
        Lock::Dissolving { when_dissolved_seconds } => (1, when_dissolved_seconds.min(KEY_MAX)),
    }
}

/// The sums, in stable memory.
pub struct Weights<M: Memory>(StableBTreeMap<Key, Sum, M>);

impl<M: Memory> Weights<M> {
    pub fn init(memory: M) -> Self {
        Self(StableBTreeMap::init(memory))
    }

    pub fn add(&mut self, lock: Lock, stake: u64) {
        self.change(lock, stake, Sum::plus);
    }

    /// Takes away what was added.
    pub fn remove(&mut self, lock: Lock, stake: u64) {
        self.change(lock, stake, Sum::minus);
    }

    fn change(&mut self, lock: Lock, stake: u64, change: impl Fn(Sum, Sum) -> Sum) {
        let (kind, at) = kind_and_key(lock);
        for level in 0..LEVELS {
            let key = key(kind, level, at >> (DIGIT_BITS * u32::from(level)));
            let sum = change(self.0.get(&key).unwrap_or_default(), Sum::of(stake, at));
            match sum.neurons {
                0 => self.0.remove(&key),
                _ => self.0.insert(key, sum),
            };
        }
    }

    /// What is at a key or above.
    fn at_least(&self, kind: u8, from: u64) -> Sum {
        if from > KEY_MAX {
            return Sum::default();
        }
        let digit = (1u64 << DIGIT_BITS) - 1;
        let mut sum = Sum::default();
        for level in 0..LEVELS {
            let prefix = from >> (DIGIT_BITS * u32::from(level));
            let first = if level == 0 { prefix } else { prefix + 1 };
            let last = prefix | digit;
            if first <= last {
                let siblings = self.0.range(key(kind, level, first)..=key(kind, level, last));
                sum = siblings.fold(sum, |sum, entry| sum.plus(entry.value()));
            }
        }
        sum
    }

    /// Stake × (`max` + delay), for delays of at least `min`, which is not 0; delays count as `max` at most.
    pub fn power(&self, now_seconds: u64, min: u64, max: u64) -> u128 {
        let of_kind = |kind: u8, base: u64| {
            let above = self.at_least(kind, base.saturating_add(max));
            let between = self.at_least(kind, base.saturating_add(min)).minus(above);
            let delays = between.weighted.saturating_sub(between.stake.saturating_mul(base.into()));
            let full = above.stake.saturating_mul(2).saturating_mul(max.into());
            between.stake.saturating_mul(max.into()).saturating_add(delays).saturating_add(full)
        };
        of_kind(0, 0).saturating_add(of_kind(1, now_seconds))
    }
}
