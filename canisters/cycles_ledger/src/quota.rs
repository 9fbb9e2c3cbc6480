//! Accounting mode `quota`: cycles that owners have each period without paying for them.
//!
//! 1. A member's *allowance* is the quota's number, or its own where governance set one. Members are
//!    everyone, or who is listed.
//! 2. The first payment from an owner's default account in a period fills the account up to the allowance: a
//!    `1mint` block with the memo [`GRANT_MEMO`], written before the payment's. What is left there of earlier
//!    periods counts; who has more gets nothing. Only that account is counted: an owner who moves cycles to
//!    its subaccounts, or to others, is filled up again, and so piles up an allowance each period.
//! 3. A grant is whole, or it waits: its cycles must be held by the canister ([`Book::set_held`]), be
//!    nobody's, and leave the [`RESERVE`] by which the canister runs and balances stay backed. In one period
//!    no owner is granted more than its allowance.
//! 4. A payment that is refused grants nothing.
//! 5. Periods are counted from 1970 on. Grants are remembered by time and outlive the list, so that neither
//!    another length of periods nor being listed again grants twice in one period.
//! 6. Everything costs O(log n). Records grow with members (at most [`MAX_MEMBERS`]) and with owners who pay.
//!
//! `Everyone` is for networks that let nobody in whom they do not know: keys are made for nothing.

use crate::block::{Operation, Transaction};
use crate::book::Book;
use crate::key::AccountKey;
use crate::memory::{self, Memory, Segment, Segments};
use candid::{CandidType, Principal};
use cycles_interface::Stored;
use ic_stable_structures::StableBTreeMap;
use icrc::Account;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::ops::Bound;

/// The memo of blocks that grant.
pub const GRANT_MEMO: &[u8] = b"quota";

/// Cycles beyond all balances that no grant takes, because the canister runs on them.
pub const RESERVE: u128 = 5_000_000_000_000;

/// Most members that are listed or have an allowance of their own.
pub const MAX_MEMBERS: u64 = 1_000_000;

/// Most principals that one call lists or unlists.
pub const MAX_OWNERS_PER_CALL: usize = 1_000;

/// Most members in one page.
pub const MAX_PAGE: usize = 500;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Who has an allowance.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Members {
    Everyone,
    Listed,
}

/// What installation or an upgrade decides.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    /// The allowance of members that have no other.
    pub cycles: u128,
    pub period_seconds: u64,
    pub members: Members,
    /// Who lists members and sets allowances.
    pub governance: Option<Principal>,
}

impl Quota {
    /// In which period a time is.
    fn period(&self, nanos: u64) -> u64 {
        nanos / NANOS_PER_SECOND / self.period_seconds.max(1)
    }
}

/// Why a change of members was refused.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuotaError {
    NoQuota,
    Unauthorized,
    TooMany { max: u64 },
    AllowanceTooLarge,
}

/// What is said of one owner.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Member {
    pub is_listed: bool,
    /// The allowance, where it is not the quota's.
    pub cycles: Option<u128>,
}

/// Members, and when owners were last granted cycles.
pub struct Roll<M: Memory> {
    members: StableBTreeMap<AccountKey, Stored<Member>, Segment<M>>,
    grants: StableBTreeMap<AccountKey, u64, Segment<M>>,
}

impl<M: Memory> Roll<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self {
            members: StableBTreeMap::init(segments.get(memory::MEMBERS)),
            grants: StableBTreeMap::init(segments.get(memory::GRANTS)),
        }
    }

    /// How many are listed or have an allowance of their own.
    pub fn len(&self) -> u64 {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn member(&self, owner: &AccountKey) -> Member {
        self.members.get(owner).map(|Stored(it)| it).unwrap_or_default()
    }

    /// A member of whom there is nothing to say leaves no record.
    fn set(&mut self, owner: AccountKey, member: Member) {
        match member == Member::default() {
            true => self.members.remove(&owner),
            false => self.members.insert(owner, Stored(member)),
        };
    }

    /// The allowance of a member; none of others.
    fn allowance(&self, quota: &Quota, owner: &AccountKey) -> Option<u128> {
        let member = self.member(owner);
        let is_member = member.is_listed || quota.members == Members::Everyone;
        is_member.then(|| member.cycles.unwrap_or(quota.cycles))
    }
}

fn key(owner: Principal) -> AccountKey {
    (&Account::from(owner)).into()
}

impl<M: Memory> Book<M> {
    /// What the next payment from an account grants first; nothing at all where this period's grant was, or
    /// where the account gets none.
    pub(crate) fn due(&self, account: &Account, now: u64) -> Option<u128> {
        let quota = self.settings().quota.as_ref().filter(|_| account.is_default())?;
        let owner = AccountKey::from(account);
        let allowance = self.roll.allowance(quota, &owner)?;
        let last = self.roll.grants.get(&owner).map(|time| quota.period(time));
        if last.is_some_and(|period| period >= quota.period(now)) {
            return None;
        }
        let amount = allowance.saturating_sub(self.balance(account));
        let free = self.held().saturating_sub(self.totals().supply).saturating_sub(RESERVE);
        let countable = self.totals().deposited.checked_add(amount).is_some();
        (amount <= free && countable).then_some(amount)
    }

    /// Fills an account up by what is due.
    pub(crate) fn fill_up(&mut self, to: Account, amount: u128, now: u64) {
        self.roll.grants.insert((&to).into(), now);
        if amount == 0 {
            return;
        }
        self.credit(&to, amount);
        self.count(|totals| {
            totals.deposited += amount;
            totals.supply += amount;
            totals.granted += amount;
        });
        let memo = Some(ByteBuf::from(GRANT_MEMO));
        let operation = Operation::Mint { to, amount };
        self.append(Transaction { operation, memo, created_at_time: None }, 0, now);
    }

    /// Whether an owner is a member, its allowance, and when it was last granted cycles.
    pub fn quota_of(&self, owner: Principal) -> (Option<u128>, Option<u64>) {
        let owner = key(owner);
        let allowance = self.settings().quota.as_ref().and_then(|quota| self.roll.allowance(quota, &owner));
        (allowance, self.roll.grants.get(&owner))
    }

    /// Members after one, in order.
    pub fn quota_members(&self, after: Option<Principal>, take: usize) -> Vec<(Principal, Member)> {
        let start = after.map_or(Bound::Unbounded, |owner| Bound::Excluded(key(owner)));
        self.roll
            .members
            .range((start, Bound::Unbounded))
            .take(take.min(MAX_PAGE))
            .map(|entry| (Account::from(*entry.key()).owner, entry.value().0))
            .collect()
    }

    /// How many members are listed or have an allowance of their own.
    pub fn members(&self) -> u64 {
        self.roll.len()
    }

    /// Lists or unlists owners; for governance only.
    pub fn quota_list(
        &mut self,
        caller: Principal,
        owners: &[Principal],
        is_listed: bool,
    ) -> Result<(), QuotaError> {
        self.check_governance(caller)?;
        if owners.len() > MAX_OWNERS_PER_CALL {
            return Err(QuotaError::TooMany { max: MAX_OWNERS_PER_CALL as u64 });
        }
        if is_listed {
            self.check_room(owners.len() as u64)?;
        }
        for owner in owners.iter().copied().map(key) {
            let member = Member { is_listed, ..self.roll.member(&owner) };
            self.roll.set(owner, member);
        }
        Ok(())
    }

    /// Gives an owner an allowance of its own, or the quota's again; for governance only.
    pub fn quota_set_allowance(
        &mut self,
        caller: Principal,
        owner: Principal,
        cycles: Option<u128>,
    ) -> Result<(), QuotaError> {
        self.check_governance(caller)?;
        self.check_room(1)?;
        let owner = key(owner);
        let member = Member { cycles, ..self.roll.member(&owner) };
        self.roll.set(owner, member);
        Ok(())
    }

    fn check_governance(&self, caller: Principal) -> Result<(), QuotaError> {
        match &self.settings().quota {
            None => Err(QuotaError::NoQuota),
            Some(quota) if quota.governance == Some(caller) => Ok(()),
            Some(_) => Err(QuotaError::Unauthorized),
        }
    }

    fn check_room(&self, more: u64) -> Result<(), QuotaError> {
        match self.roll.len().saturating_add(more) > MAX_MEMBERS {
            true => Err(QuotaError::TooMany { max: MAX_MEMBERS }),
            false => Ok(()),
        }
    }
}
