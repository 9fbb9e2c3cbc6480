//! Allowances of ICRC-2: how much a spender may still take from an account, and until when.

use crate::key::AccountKey;
use crate::memory::{self, Memory, Segment, Segments};
use cycles_interface::Stored;
use ic_stable_structures::{StableBTreeMap, StableBTreeSet};
use icrc::Account;
use serde::{Deserialize, Serialize};

/// Most expired allowances removed in one call: more than one call can add.
pub const EXPIRED_PER_CALL: usize = 32;

/// Most allowances in one page.
pub const MAX_PAGE: usize = 500;

/// Most allowances looked at for one page, expired ones included.
pub const MAX_LOOKED_AT: usize = 1_000;

/// Whose, and for whom.
pub type Pair = (AccountKey, AccountKey);

/// What one account allows one spender.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    pub amount: u128,
    pub expires_at: Option<u64>,
    /// The block of the approval; what a failed withdrawal used is given back to this approval only.
    pub granted: u64,
}

/// All allowances, and which of them expire when.
pub struct Allowances<M: Memory> {
    by_pair: StableBTreeMap<Pair, Stored<Allowance>, Segment<M>>,
    expirations: StableBTreeSet<(u64, Pair), Segment<M>>,
}

/// The key of an allowance.
pub fn pair(from: &Account, spender: &Account) -> Pair {
    (from.into(), spender.into())
}

impl<M: Memory> Allowances<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self {
            by_pair: StableBTreeMap::init(segments.get(memory::ALLOWANCES)),
            expirations: StableBTreeSet::init(segments.get(memory::EXPIRATIONS)),
        }
    }

    /// The allowance that holds now.
    pub fn get(&self, pair: &Pair, now: u64) -> Option<Allowance> {
        self.by_pair.get(pair).map(|Stored(it)| it).filter(|it| !is_expired(it, now))
    }

    /// Writes an allowance in place of the one before.
    pub fn put(&mut self, pair: Pair, allowance: Allowance) {
        if let Some(Stored(before)) = self.by_pair.insert(pair, Stored(allowance)) {
            self.unschedule(&pair, &before);
        }
        if let Some(time) = allowance.expires_at {
            self.expirations.insert((time, pair));
        }
    }

    /// Takes an allowance away.
    pub fn remove(&mut self, pair: &Pair) {
        if let Some(Stored(before)) = self.by_pair.remove(pair) {
            self.unschedule(pair, &before);
        }
    }

    /// Lowers an allowance that suffices; one used up stays only where `keep_empty` is asked for.
    pub fn spend(&mut self, pair: &Pair, allowance: &Allowance, amount: u128, keep_empty: bool) {
        match allowance.amount.saturating_sub(amount) {
            0 if !keep_empty => self.remove(pair),
            left => self.put(*pair, Allowance { amount: left, ..*allowance }),
        }
    }

    /// Removes some of what has expired.
    pub fn expire(&mut self, now: u64) {
        for _ in 0..EXPIRED_PER_CALL {
            match self.expirations.first() {
                Some((time, pair)) if time <= now => self.remove(&pair),
                _ => return,
            }
        }
    }

    /// Allowances after a pair in order, of accounts of the same owner.
    pub fn page(&self, after: &Pair, take: usize, now: u64) -> Vec<(Account, Account, Allowance)> {
        let owner = Account::from(after.0).owner;
        self.by_pair
            .range(after..)
            .take(MAX_LOOKED_AT)
            .map(|entry| (*entry.key(), entry.value().0))
            .filter(|(pair, allowance)| pair != after && allowance.amount > 0 && !is_expired(allowance, now))
            .map(|((from, spender), allowance)| (Account::from(from), Account::from(spender), allowance))
            .take_while(|(from, _, _)| from.owner == owner)
            .take(take.min(MAX_PAGE))
            .collect()
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.by_pair.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_pair.is_empty()
    }

    fn unschedule(&mut self, pair: &Pair, allowance: &Allowance) {
        if let Some(time) = allowance.expires_at {
            self.expirations.remove(&(time, *pair));
        }
    }
}

fn is_expired(allowance: &Allowance, now: u64) -> bool {
    allowance.expires_at.is_some_and(|time| time <= now)
}
