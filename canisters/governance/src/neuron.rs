//! A neuron: tokens that are locked for as long as votes about their future are cast with them.

use candid::Principal;
use cycles_interface::{Account, Subaccount};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use sha2::{Digest, Sha256};

/// Most hot keys of a neuron.
pub const MAX_HOT_KEYS: usize = 10;

/// The name in the hash of a neuron's subaccount, as tools of the Internet Computer compute it.
const SUBACCOUNT_DOMAIN: &[u8] = b"neuron-stake";

/// When tokens come out.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// So long after dissolving was started.
    Locked {
        delay_seconds: u64,
    },
    Dissolving {
        when_dissolved_seconds: u64,
    },
}

impl Lock {
    pub const NONE: Self = Self::Locked { delay_seconds: 0 };

    /// How long until tokens come out at the earliest.
    pub fn delay(self, now_seconds: u64) -> u64 {
        match self {
            Self::Locked { delay_seconds } => delay_seconds,
            Self::Dissolving { when_dissolved_seconds } => when_dissolved_seconds.saturating_sub(now_seconds),
        }
    }

    pub fn is_open(self, now_seconds: u64) -> bool {
        self.delay(now_seconds) == 0
    }

    /// Longer by so much, but no longer than `max`.
    pub fn increased(self, additional: u64, max: u64, now_seconds: u64) -> Self {
        let delay = self.delay(now_seconds);
        let delay_seconds = delay.saturating_add(additional).min(max.max(delay));
        match self {
            Self::Dissolving { .. } if delay > 0 => {
                Self::Dissolving { when_dissolved_seconds: now_seconds.saturating_add(delay_seconds) }
            }
            _ => Self::Locked { delay_seconds },
        }
    }
}

/// What a neuron's votes weigh.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    pub stake_e8s: u64,
    pub lock: Lock,
}

impl Standing {
    /// Of a neuron that there is not yet.
    pub const NONE: Self = Self { stake_e8s: 0, lock: Lock::NONE };

    /// Stake × (`max` + delay); nothing with a delay of less than `min`.
    pub fn power(self, now_seconds: u64, min: u64, max: u64) -> u128 {
        let delay = self.lock.delay(now_seconds);
        if delay < min {
            return 0;
        }
        u128::from(self.stake_e8s) * (u128::from(max) + u128::from(delay.min(max)))
    }
}

/// Tokens that were ordered to move, until the ledger's answer is known. The neuron's account holds its stake
/// and these.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// In no other order of this canister.
    pub number: u64,
    pub purpose: Purpose,
    pub to: Account,
    /// What leaves the neuron's account, with the fee.
    pub e8s: u64,
    pub fee_e8s: u64,
    pub created_at_nanos: u64,
    /// How often the ledger was told.
    pub sent: u32,
    /// How often it wanted another fee.
    pub bad_fees: u32,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    Disburse,
    Burn,
}

/// A neuron as it is kept. Its account at the ledger holds at least `stake_e8s` and what its order moves.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Neuron {
    pub id: u64,
    pub controller: Principal,
    pub memo: u64,
    pub hot_keys: Vec<Principal>,
    pub stake_e8s: u64,
    /// Of these, held back for open proposals.
    pub reserved_e8s: u64,
    /// Of these, to be burnt for rejected ones.
    pub owed_e8s: u64,
    pub lock: Lock,
    pub order: Option<Order>,
    pub created_seconds: u64,
}

impl Neuron {
    pub fn new(id: u64, controller: Principal, memo: u64, stake_e8s: u64, created_seconds: u64) -> Self {
        Self {
            id,
            controller,
            memo,
            hot_keys: Vec::new(),
            stake_e8s,
            reserved_e8s: 0,
            owed_e8s: 0,
            lock: Lock::NONE,
            order: None,
            created_seconds,
        }
    }

    pub fn subaccount(&self) -> Subaccount {
        subaccount_of(self.controller, self.memo)
    }

    /// Stake that is free of fees.
    pub fn free_e8s(&self) -> u64 {
        self.stake_e8s.saturating_sub(self.reserved_e8s).saturating_sub(self.owed_e8s)
    }

    pub fn standing(&self) -> Standing {
        Standing { stake_e8s: self.free_e8s(), lock: self.lock }
    }

    pub fn is_controlled_by(&self, caller: Principal) -> bool {
        self.controller == caller
    }

    /// Whether somebody may vote, propose and follow with it.
    pub fn is_voted_by(&self, caller: Principal) -> bool {
        self.is_controlled_by(caller) || self.hot_keys.contains(&caller)
    }

    /// Nothing is in it, and nothing will be.
    pub fn is_spent(&self) -> bool {
        self.stake_e8s == 0 && self.reserved_e8s == 0 && self.owed_e8s == 0 && self.order.is_none()
    }

    /// Tokens of it are to move.
    pub fn is_unsettled(&self) -> bool {
        self.order.is_some() || self.owed_e8s > 0
    }

    /// Who finds it in lists.
    pub fn principals(&self) -> Vec<Principal> {
        [&[self.controller][..], &self.hot_keys].concat()
    }
}

/// Where somebody's tokens for the neuron of a number are.
pub fn subaccount_of(controller: Principal, memo: u64) -> Subaccount {
    let mut hash = Sha256::new();
    hash.update([SUBACCOUNT_DOMAIN.len() as u8]);
    hash.update(SUBACCOUNT_DOMAIN);
    hash.update(controller.as_slice());
    hash.update(memo.to_be_bytes());
    ByteArray::new(hash.finalize().into())
}
