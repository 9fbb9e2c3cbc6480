//! Who may spend whose tokens, and how long.

use ic_stable_structures::storable::Bound;
use ic_stable_structures::{Memory, StableBTreeMap, Storable};
use icrc::AccountIdentifier;
use std::borrow::Cow;
use std::ops::Bound as Edge;

/// The most expired allowances that one call removes.
pub const MAX_EXPIRED_PER_CALL: usize = 100;

/// The most allowances that one answer of `get_allowances` holds.
pub const MAX_ALLOWANCES_PER_RESPONSE: usize = 500;

/// The most allowances that one call of `get_allowances` looks at, ended ones among them.
pub const MAX_ALLOWANCES_SEEN_PER_CALL: usize = 10_000;

/// What may be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// So much in all, fees included.
    pub amount: u64,
    /// Until then (exclusive); none: for ever.
    pub expires_at: Option<u64>,
}

impl Allowance {
    fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

const ALLOWANCE_BYTES: usize = 17;

impl Storable for Allowance {
    const BOUND: Bound = Bound::Bounded { max_size: ALLOWANCE_BYTES as u32, is_fixed_size: true };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.into_bytes())
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ALLOWANCE_BYTES);
        bytes.extend(self.amount.to_le_bytes());
        bytes.push(u8::from(self.expires_at.is_some()));
        bytes.extend(self.expires_at.unwrap_or(0).to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(number)
        };
        Self { amount: number(0), expires_at: (bytes[8] == 1).then(|| number(9)) }
    }
}

/// Whose tokens, and who may spend them.
type Pair = (AccountIdentifier, AccountIdentifier);

/// Why an approval is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApproveRefusal {
    /// It would have ended already.
    Expired,
    /// The allowance is not what the caller thinks.
    Changed { current: u64 },
}

/// All allowances, and the order in which they end.
pub struct Allowances<M: Memory> {
    table: StableBTreeMap<Pair, Allowance, M>,
    ends: StableBTreeMap<(u64, Pair), (), M>,
}

impl<M: Memory> Allowances<M> {
    /// Opens what the memories hold.
    pub fn open(table: M, ends: M) -> Self {
        Self { table: StableBTreeMap::init(table), ends: StableBTreeMap::init(ends) }
    }

    /// How many allowances are kept, ended ones that are not yet removed among them.
    pub fn count(&self) -> u64 {
        self.table.len()
    }

    /// What `spender` may spend of `from` now; an ended allowance is none.
    pub fn get(&self, from: AccountIdentifier, spender: AccountIdentifier, now: u64) -> Allowance {
        self.table.get(&(from, spender)).filter(|allowance| !allowance.is_expired(now)).unwrap_or_default()
    }

    /// Whether [`Self::approve`] would be refused.
    pub fn validate_approval(
        &self,
        pair: Pair,
        expected: Option<u64>,
        expires_at: Option<u64>,
        now: u64,
    ) -> Result<(), ApproveRefusal> {
        let current = self.get(pair.0, pair.1, now).amount;
        if expires_at.is_some_and(|end| end <= now) {
            return Err(ApproveRefusal::Expired);
        }
        if expected.is_some_and(|expected| expected != current) {
            return Err(ApproveRefusal::Changed { current });
        }
        Ok(())
    }

    /// Replaces an allowance; of nothing removes it.
    pub fn set(&mut self, pair: Pair, allowance: Allowance) {
        let old =
            if allowance.amount == 0 { self.table.remove(&pair) } else { self.table.insert(pair, allowance) };
        if let Some(end) = old.and_then(|old| old.expires_at) {
            self.ends.remove(&(end, pair));
        }
        if let Some(end) = allowance.expires_at.filter(|_| allowance.amount > 0) {
            self.ends.insert((end, pair), ());
        }
    }

    /// Takes from an allowance what was looked at before.
    pub fn spend(&mut self, pair: Pair, amount: u64, now: u64) {
        let current = self.get(pair.0, pair.1, now);
        self.set(pair, Allowance { amount: current.amount.saturating_sub(amount), ..current });
    }

    /// Removes allowances that ended, at most [`MAX_EXPIRED_PER_CALL`].
    pub fn prune(&mut self, now: u64) {
        for _ in 0..MAX_EXPIRED_PER_CALL {
            match self.ends.first_key_value() {
                Some(((end, pair), ())) if end <= now => {
                    self.ends.remove(&(end, pair));
                    self.table.remove(&pair);
                }
                _ => return,
            }
        }
    }

    /// Allowances of an account in the order of spenders, after `previous`.
    pub fn list(
        &self,
        from: AccountIdentifier,
        previous: Option<AccountIdentifier>,
        take: usize,
        now: u64,
    ) -> Vec<(AccountIdentifier, Allowance)> {
        let start = match previous {
            Some(previous) => Edge::Excluded((from, previous)),
            None => Edge::Included((from, AccountIdentifier::FIRST)),
        };
        self.table
            .range((start, Edge::Unbounded))
            .take(MAX_ALLOWANCES_SEEN_PER_CALL)
            .map(|entry| entry.into_pair())
            .take_while(|((owner, _), _)| *owner == from)
            .filter(|(_, allowance)| !allowance.is_expired(now))
            .take(take.min(MAX_ALLOWANCES_PER_RESPONSE))
            .map(|((_, spender), allowance)| (spender, allowance))
            .collect()
    }
}
