//! The book: balances, allowances, the log of blocks, and the sums that must always agree.

use crate::allowance::{Allowance, Allowances, Pair, pair};
use crate::block::{Block, Operation, Transaction};
use crate::flight::Flight;
use crate::key::AccountKey;
use crate::memory::{self, Memory, Segment};
use crate::quota::{Quota, Roll};
use crate::refusal::{Reason, Refusal};
use crate::seen::Seen;
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::{StableBTreeMap, StableCell, StableLog};
use icrc::{Account, Hash, MAX_MEMO_LENGTH};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// What installation decides.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub name: String,
    pub symbol: String,
    pub fee: u128,
    pub max_blocks_per_request: u64,
    pub index_id: Option<Principal>,
    pub minting_canister: Principal,
    /// Cycles that owners have each period without paying; none: they pay for all.
    pub quota: Option<Quota>,
}

/// The sums. At every moment `deposited = supply + fees + withdrawn + in_flight`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// All balances together.
    pub supply: u128,
    /// All that ever came in, or was granted.
    pub deposited: u128,
    /// Of that, granted from cycles that were this canister's own.
    #[serde(default)]
    pub granted: u128,
    /// Fees charged: no longer anybody's balance, they pay for this canister's upkeep.
    pub fees: u128,
    /// Cycles that left for other canisters.
    pub withdrawn: u128,
    /// Cycles attached to calls that have not been answered.
    pub in_flight: u128,
    /// The hash of the last block.
    pub tip: Option<ByteArray<32>>,
}

/// A transfer, by the owner or by a spender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    pub from: Account,
    pub to: Account,
    pub spender: Option<Account>,
    pub amount: u128,
    pub fee: Option<u128>,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

/// An approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    pub from: Account,
    pub spender: Account,
    pub amount: u128,
    pub expected_allowance: Option<u128>,
    pub expires_at: Option<u64>,
    pub fee: Option<u128>,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

/// Everything the ledger knows, all of it in stable memory.
pub struct Book<M: Memory> {
    settings: StableCell<Stored<Settings>, Segment<M>>,
    pub(crate) totals: StableCell<Stored<Totals>, Segment<M>>,
    balances: StableBTreeMap<AccountKey, u128, Segment<M>>,
    pub(crate) allowances: Allowances<M>,
    pub(crate) seen: Seen<M>,
    log: StableLog<Stored<Block>, Segment<M>, Segment<M>>,
    pub(crate) flights: StableBTreeMap<u64, Stored<Flight>, Segment<M>>,
    pub(crate) roll: Roll<M>,
    held: u128,
}

impl<M: Memory> Book<M> {
    /// Opens the book in a stable memory; in an empty one, a new book with these settings.
    pub fn open(memory: M, settings: Settings) -> Self {
        let segments = memory::open(memory);
        Self {
            settings: StableCell::init(segments.get(memory::SETTINGS), Stored(settings)),
            totals: StableCell::init(segments.get(memory::TOTALS), Stored::default()),
            balances: StableBTreeMap::init(segments.get(memory::BALANCES)),
            allowances: Allowances::open(&segments),
            seen: Seen::open(&segments),
            log: StableLog::init(segments.get(memory::LOG_INDEX), segments.get(memory::LOG_BLOCKS)),
            flights: StableBTreeMap::init(segments.get(memory::FLIGHTS)),
            roll: Roll::open(&segments),
            held: 0,
        }
    }

    /// Says how many cycles the canister could spend in this message: before anything that may grant some.
    pub fn set_held(&mut self, cycles: u128) {
        self.held = cycles;
    }

    pub(crate) fn held(&self) -> u128 {
        self.held
    }

    pub fn settings(&self) -> &Settings {
        &self.settings.get().0
    }

    pub fn set_settings(&mut self, settings: Settings) {
        self.settings.set(Stored(settings));
    }

    pub fn totals(&self) -> &Totals {
        &self.totals.get().0
    }

    pub fn balance(&self, account: &Account) -> u128 {
        self.balances.get(&account.into()).unwrap_or(0)
    }

    /// What an account can pay now: its balance, and what its next payment grants.
    pub fn spendable(&self, account: &Account, now: u64) -> u128 {
        self.balance(account).saturating_add(self.due(account, now).unwrap_or(0))
    }

    /// Accounts that are not empty.
    pub fn accounts(&self) -> u64 {
        self.balances.len()
    }

    pub fn allowance(&self, from: &Account, spender: &Account, now: u64) -> Option<Allowance> {
        self.allowances.get(&pair(from, spender), now).filter(|it| it.amount > 0)
    }

    pub fn allowances_after(
        &self,
        after: &Pair,
        take: usize,
        now: u64,
    ) -> Vec<(Account, Account, Allowance)> {
        self.allowances.page(after, take, now)
    }

    pub fn log_length(&self) -> u64 {
        self.log.len()
    }

    pub fn block(&self, index: u64) -> Option<Block> {
        self.log.get(index).map(|Stored(block)| block)
    }

    /// Calls that have not been answered.
    pub fn flights(&self) -> u64 {
        self.flights.len()
    }

    /// How many allowances and remembered transactions there are.
    pub fn index_sizes(&self) -> (u64, u64) {
        (self.allowances.len(), self.seen.len())
    }

    /// Books cycles that came in; the block and the new balance.
    pub fn deposit(
        &mut self,
        to: Account,
        amount: u128,
        memo: Option<ByteBuf>,
        now: u64,
    ) -> Result<(u64, u128), Refusal> {
        check_memo(&memo)?;
        if amount < self.settings().fee {
            return Err(Reason::DepositTooSmall.into());
        }
        let deposited = self.totals().deposited.checked_add(amount).ok_or(Reason::SupplyTooLarge)?;
        self.prune(now);
        self.credit(&to, amount);
        self.count(|totals| {
            totals.deposited = deposited;
            totals.supply += amount;
        });
        let transaction =
            Transaction { operation: Operation::Mint { to, amount }, memo, created_at_time: None };
        let (block, _) = self.append(transaction, 0, now);
        Ok((block, self.balance(&to)))
    }

    /// ICRC-1 and ICRC-2 transfers.
    pub fn transfer(&mut self, order: Transfer, now: u64) -> Result<u64, Refusal> {
        let Transfer { from, to, spender, amount, fee, memo, created_at_time } = order;
        self.check_fee(fee)?;
        check_memo(&memo)?;
        let operation = Operation::Transfer { from, to, spender, amount, fee };
        let transaction = Transaction { operation, memo, created_at_time };
        self.check_seen(&transaction, now)?;
        let charge = self.check_charge(&from, spender.as_ref(), amount, now)?;
        self.prune(now);
        self.apply_charge(&from, spender.as_ref(), &charge, false, now);
        self.credit(&to, amount);
        self.count(|totals| totals.supply += amount);
        Ok(self.append(transaction, charge.fee, now).0)
    }

    /// ICRC-2 approvals.
    pub fn approve(&mut self, order: Approval, now: u64) -> Result<u64, Refusal> {
        let Approval { from, spender, amount, expected_allowance, expires_at, fee, memo, created_at_time } =
            order;
        self.check_fee(fee)?;
        check_memo(&memo)?;
        if from.owner == spender.owner {
            return Err(Reason::SelfApproval.into());
        }
        let operation = Operation::Approve { from, spender, amount, expected_allowance, expires_at, fee };
        let transaction = Transaction { operation, memo, created_at_time };
        self.check_seen(&transaction, now)?;
        if expires_at.is_some_and(|time| time <= now) {
            return Err(Refusal::Expired { ledger_time: now });
        }
        let current_allowance = self.allowance(&from, &spender, now).map_or(0, |it| it.amount);
        if expected_allowance.is_some_and(|expected| expected != current_allowance) {
            return Err(Refusal::AllowanceChanged { current_allowance });
        }
        let charge = self.check_charge(&from, None, 0, now)?;
        self.prune(now);
        self.apply_charge(&from, None, &charge, false, now);
        let (block, _) = self.append(transaction, charge.fee, now);
        self.grant(&pair(&from, &spender), Allowance { amount, expires_at, granted: block });
        Ok(block)
    }

    pub(crate) fn grant(&mut self, pair: &Pair, allowance: Allowance) {
        match allowance.amount {
            0 => self.allowances.remove(pair),
            _ => self.allowances.put(*pair, allowance),
        }
    }

    fn check_fee(&self, fee: Option<u128>) -> Result<(), Refusal> {
        let expected_fee = self.settings().fee;
        match fee {
            Some(fee) if fee != expected_fee => Err(Refusal::BadFee { expected_fee }),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_seen(&self, transaction: &Transaction, now: u64) -> Result<(), Refusal> {
        match transaction.created_at_time {
            None => Ok(()),
            created => self.seen.check(created, &transaction.to_value().hash(), now),
        }
    }

    /// Whether an account, and a spender's allowance, can pay an amount and the fee.
    pub(crate) fn check_charge(
        &self,
        from: &Account,
        spender: Option<&Account>,
        amount: u128,
        now: u64,
    ) -> Result<Charge, Refusal> {
        let (fee, due) = (self.settings().fee, self.due(from, now));
        let balance = self.balance(from).saturating_add(due.unwrap_or(0));
        let insufficient = Refusal::InsufficientFunds { balance };
        let cost = amount.checked_add(fee);
        let used = match spender.filter(|it| AccountKey::from(*it) != AccountKey::from(from)) {
            None => None,
            Some(spender) => {
                let allowance = self.allowances.get(&pair(from, spender), now);
                let sum = allowance.map_or(0, |it| it.amount);
                if cost.is_none_or(|cost| sum < cost) {
                    return Err(Refusal::InsufficientAllowance { allowance: sum });
                }
                allowance
            }
        };
        match cost {
            Some(cost) if cost <= balance => Ok(Charge { cost, fee, used, due }),
            _ => Err(insufficient),
        }
    }

    /// Takes a charge that was checked: what is due is granted, balance and allowance go down, the fee is
    /// counted.
    pub(crate) fn apply_charge(
        &mut self,
        from: &Account,
        spender: Option<&Account>,
        charge: &Charge,
        keep_empty: bool,
        now: u64,
    ) {
        if let Some(amount) = charge.due {
            self.fill_up(*from, amount, now);
        }
        let key = AccountKey::from(from);
        match self.balance(from).saturating_sub(charge.cost) {
            0 => self.balances.remove(&key),
            left => self.balances.insert(key, left),
        };
        if let (Some(spender), Some(allowance)) = (spender, &charge.used) {
            self.allowances.spend(&pair(from, spender), allowance, charge.cost, keep_empty);
        }
        self.count(|totals| {
            totals.supply -= charge.cost;
            totals.fees += charge.fee;
        });
    }

    /// Adds to a balance; no balance exceeds the supply, and no supply 128 bits.
    pub(crate) fn credit(&mut self, to: &Account, amount: u128) {
        if amount > 0 {
            self.balances.insert(to.into(), self.balance(to) + amount);
        }
    }

    pub(crate) fn count(&mut self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals().clone();
        change(&mut totals);
        self.totals.set(Stored(totals));
    }

    /// Writes a block; its index, and the hash under which its transaction is remembered.
    pub(crate) fn append(&mut self, transaction: Transaction, fee: u128, now: u64) -> (u64, Option<Hash>) {
        let created = transaction.created_at_time;
        let remembered = created.map(|_| transaction.to_value().hash());
        let block = Block { parent_hash: self.totals().tip, timestamp: now, fee, transaction };
        let tip = ByteArray::new(block.hash());
        let index = match self.log.append(&Stored(block)) {
            Ok(index) => index,
            Err(error) => panic!("stable memory is full: {error:?}"),
        };
        self.count(|totals| totals.tip = Some(tip));
        if let Some(hash) = remembered {
            self.seen.remember(created, hash, index);
        }
        (index, remembered)
    }

    /// Takes away some of what time has made void.
    pub(crate) fn prune(&mut self, now: u64) {
        self.seen.forget(now);
        self.allowances.expire(now);
    }
}

/// What an order costs.
pub(crate) struct Charge {
    /// The amount and the fee.
    pub cost: u128,
    pub fee: u128,
    /// The allowance that pays for it, where a spender ordered.
    pub used: Option<Allowance>,
    /// What the payment grants first, where it is the owner's first in a period.
    pub due: Option<u128>,
}

pub(crate) fn check_memo(memo: &Option<ByteBuf>) -> Result<(), Refusal> {
    match memo {
        Some(memo) if memo.len() > MAX_MEMO_LENGTH => Err(Reason::MemoTooLong.into()),
        _ => Ok(()),
    }
}
