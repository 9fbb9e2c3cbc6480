//! The balance book: one transaction at a time, from rules to balances to block.

use crate::allowance::{Allowance, Allowances, ApproveRefusal};
use crate::archives::Archives;
use crate::config::Config;
use crate::window::{PERMITTED_DRIFT_NANOS, Window};
use ic_stable_structures::storable::Bound;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell, Storable};
use icrc::{Account, AccountIdentifier};
use ledger_block::{Block, BlockLog, Hashes, Operation, StoredBlock, Transaction};
use std::borrow::Cow;

/// Why a transaction was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The fee is another.
    BadFee { expected: u64 },
    /// Too little to burn.
    BadBurn { least: u64 },
    /// The account has less.
    InsufficientFunds { balance: u64 },
    /// The spender may spend less.
    InsufficientAllowance { allowance: u64 },
    /// The approval would have ended already.
    Expired { now: u64 },
    /// The allowance is not what the caller thinks.
    AllowanceChanged { current: u64 },
    /// Made before the window.
    TooOld { window: u64 },
    /// Made after now and the permitted drift.
    CreatedInFuture { now: u64 },
    /// Done before.
    Duplicate { of: u64 },
    /// Too many transactions in the window: later.
    Throttled,
    /// The memo is longer than [`icrc::MAX_MEMO_LENGTH`].
    MemoTooLong,
    /// From the minting account to itself.
    MintToMinter,
    /// The minting account gives no allowances, and nobody spends in its name.
    MinterDelegates,
    /// An owner needs no allowance for its own accounts.
    SelfApproval,
    /// Nobody in particular cannot approve.
    Anonymous,
    /// Allowances are turned off.
    NoAllowances,
}

/// The chain's end and the sum of the balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tip {
    /// How many blocks there are.
    pub length: u64,
    /// Sum of all balances.
    pub supply: u64,
    /// Hashes of the last block.
    pub hashes: Option<Hashes>,
}

const TIP_BYTES: usize = 80;

impl Storable for Tip {
    const BOUND: Bound = Bound::Bounded { max_size: TIP_BYTES as u32, is_fixed_size: true };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.into_bytes())
    }

    fn into_bytes(self) -> Vec<u8> {
        let hashes = self.hashes.unwrap_or(Hashes { icp: [0; 32], icrc3: [0; 32] });
        let parts: [&[u8]; 4] =
            [&self.length.to_le_bytes(), &self.supply.to_le_bytes(), &hashes.icp, &hashes.icrc3];
        parts.concat()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let number = |at: usize| <[u8; 8]>::from_bytes(Cow::Borrowed(&bytes[at..at + 8]));
        let hash = |at: usize| <[u8; 32]>::from_bytes(Cow::Borrowed(&bytes[at..at + 32]));
        let length = u64::from_le_bytes(number(0));
        let hashes = (length > 0).then(|| Hashes { icp: hash(16), icrc3: hash(48) });
        Self { length, supply: u64::from_le_bytes(number(8)), hashes }
    }
}

/// The ledger over stable memories.
pub struct Ledger<M: Memory> {
    pub(crate) config: StableCell<Config, M>,
    pub(crate) tip: StableCell<Tip, M>,
    pub(crate) balances: StableBTreeMap<AccountIdentifier, u64, M>,
    pub(crate) allowances: Allowances<M>,
    pub(crate) window: Window<M>,
    pub(crate) blocks: BlockLog<M>,
    pub(crate) archives: Archives<M>,
}

impl<M: Memory> Ledger<M> {
    /// Opens what the memories hold; `memory` gives the memory of a number, always the same.
    pub fn open(memory: impl Fn(u8) -> M) -> Self {
        Self {
            config: StableCell::init(memory(0), Config::default()),
            tip: StableCell::init(memory(1), Tip::default()),
            balances: StableBTreeMap::init(memory(2)),
            allowances: Allowances::open(memory(3), memory(4)),
            window: Window::open(memory(5), memory(6)),
            blocks: BlockLog::open(memory(7)),
            archives: Archives::open(memory(8), memory(9), memory(10)),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        self.config.get()
    }

    /// Writes the settings.
    pub fn set_config(&mut self, config: Config) {
        self.config.set(config);
    }

    /// The chain's end.
    pub fn tip(&self) -> Tip {
        *self.tip.get()
    }

    /// The sum of all balances.
    pub fn total_supply(&self) -> u64 {
        self.tip.get().supply
    }

    /// What an account has.
    pub fn balance(&self, account: AccountIdentifier) -> u64 {
        self.balances.get(&account).unwrap_or(0)
    }

    /// What a spender may spend.
    pub fn allowance(&self, from: Account, spender: Account, now: u64) -> Allowance {
        self.allowances.get(from.identifier(), spender.identifier(), now)
    }

    /// Allowances of an account in the order of spenders.
    pub fn allowances_of(
        &self,
        from: AccountIdentifier,
        previous: Option<AccountIdentifier>,
        take: usize,
        now: u64,
    ) -> Vec<(AccountIdentifier, Allowance)> {
        self.allowances.list(from, previous, take, now)
    }

    /// The account from which tokens come.
    pub fn is_minting_account(&self, account: &AccountIdentifier) -> bool {
        account.to_string() == self.config.get().minting_account
    }

    /// Does a transaction, or says why not; returns the index of its block.
    pub fn submit(&mut self, transaction: Transaction, now: u64) -> Result<u64, Refusal> {
        let hash = self.admit(&transaction, now)?;
        self.apply(&transaction.operation, now)?;
        let index = self.append(transaction, now);
        if let Some(hash) = hash {
            self.window.remember(hash, index, now);
        }
        Ok(index)
    }

    /// Time, duplicates and the window's room, for a transaction whose caller gave a time.
    fn admit(&mut self, transaction: &Transaction, now: u64) -> Result<Option<[u8; 32]>, Refusal> {
        let window = self.config.get().window_nanos;
        let forgotten = self.window.forget(window, now);
        self.allowances.prune(now);
        let Some(created_at) = transaction.created_at_time else { return Ok(None) };
        if created_at.saturating_add(window) < now {
            return Err(Refusal::TooOld { window });
        }
        if created_at > now.saturating_add(PERMITTED_DRIFT_NANOS) {
            return Err(Refusal::CreatedInFuture { now });
        }
        let hash = transaction.hash();
        if let Some(of) = self.window.find(&hash) {
            return Err(Refusal::Duplicate { of });
        }
        if forgotten == 0 && self.window.is_full(window, now) {
            return Err(Refusal::Throttled);
        }
        Ok(Some(hash))
    }

    fn apply(&mut self, operation: &Operation, now: u64) -> Result<(), Refusal> {
        match operation {
            Operation::Mint { to, amount } => self.mint(to.identifier, *amount),
            Operation::Burn { from, spender, amount } => {
                let spender = spender.map(|spender| spender.identifier);
                self.spend(from.identifier, spender, *amount, now, |ledger| {
                    ledger.burn(from.identifier, *amount)
                })
            }
            Operation::Transfer { from, to, spender, amount, fee } => {
                let spender = spender.map(|spender| spender.identifier);
                let total = amount.checked_add(*fee).ok_or_else(|| match spender {
                    Some(spender) if spender != from.identifier => Refusal::InsufficientAllowance {
                        allowance: self.allowances.get(from.identifier, spender, now).amount,
                    },
                    _ => Refusal::InsufficientFunds { balance: self.balance(from.identifier) },
                })?;
                self.spend(from.identifier, spender, total, now, |ledger| {
                    ledger.debit(from.identifier, total)?;
                    ledger.credit(to.identifier, *amount);
                    ledger.shrink(*fee);
                    Ok(())
                })
            }
            Operation::Approve { from, spender, allowance, expected_allowance, expires_at, fee } => {
                let pair = (from.identifier, spender.identifier);
                self.allowances.validate_approval(pair, *expected_allowance, *expires_at, now).map_err(
                    |refusal| match refusal {
                        ApproveRefusal::Expired => Refusal::Expired { now },
                        ApproveRefusal::Changed { current } => Refusal::AllowanceChanged { current },
                    },
                )?;
                self.burn(from.identifier, *fee)?;
                self.allowances.set(pair, Allowance { amount: *allowance, expires_at: *expires_at });
                Ok(())
            }
        }
    }

    /// Does `action`, with an allowance where the spender is not the owner's account itself.
    fn spend(
        &mut self,
        from: AccountIdentifier,
        spender: Option<AccountIdentifier>,
        total: u64,
        now: u64,
        action: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some(spender) = spender.filter(|spender| *spender != from) else { return action(self) };
        let allowance = self.allowances.get(from, spender, now).amount;
        if allowance < total {
            return Err(Refusal::InsufficientAllowance { allowance });
        }
        action(self)?;
        self.allowances.spend((from, spender), total, now);
        Ok(())
    }

    fn mint(&mut self, to: AccountIdentifier, amount: u64) -> Result<(), Refusal> {
        let mut tip = self.tip();
        let room = u64::MAX - tip.supply;
        tip.supply = tip.supply.checked_add(amount).ok_or(Refusal::InsufficientFunds { balance: room })?;
        self.tip.set(tip);
        self.credit(to, amount);
        Ok(())
    }

    fn burn(&mut self, from: AccountIdentifier, amount: u64) -> Result<(), Refusal> {
        self.debit(from, amount)?;
        self.shrink(amount);
        Ok(())
    }

    fn debit(&mut self, from: AccountIdentifier, amount: u64) -> Result<(), Refusal> {
        let balance = self.balance(from);
        match balance.checked_sub(amount).ok_or(Refusal::InsufficientFunds { balance })? {
            0 => self.balances.remove(&from),
            left => self.balances.insert(from, left),
        };
        Ok(())
    }

    /// Balances never overflow: their sum is the supply, which is checked where it grows.
    fn credit(&mut self, to: AccountIdentifier, amount: u64) {
        if amount > 0 {
            let balance = self.balance(to).checked_add(amount).expect("no balance exceeds the supply");
            self.balances.insert(to, balance);
        }
    }

    fn shrink(&mut self, amount: u64) {
        let mut tip = self.tip();
        tip.supply = tip.supply.checked_sub(amount).expect("what is burnt was a balance");
        self.tip.set(tip);
    }

    fn append(&mut self, transaction: Transaction, now: u64) -> u64 {
        let mut tip = self.tip();
        let index = tip.length;
        let block = Block { parent: tip.hashes, timestamp: now, transaction };
        self.blocks.insert(index, StoredBlock::from(&block));
        tip.length += 1;
        tip.hashes = Some(block.hashes());
        self.tip.set(tip);
        index
    }
}
