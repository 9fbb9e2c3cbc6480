//! The token ledger, and every balance beside it.

use candid::Principal;
use ic_stable_structures::VectorMemory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use icrc::{Account, AccountIdentifier};
use ledger::config::Config;
use ledger::ledger::{Ledger, Refusal};
use ledger::request::{ApproveRequest, TransferRequest};
use ledger_block::Party;
use std::collections::BTreeMap;

const DAY_NANOS: u64 = 24 * 60 * 60 * 1_000_000_000;

/// The account from which tokens come.
pub fn minter() -> Account {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1]).into()
}

pub struct Tokens {
    memory: VectorMemory,
    pub ledger: Ledger<VirtualMemory<VectorMemory>>,
    balances: BTreeMap<AccountIdentifier, u64>,
    minted: u64,
    burnt: u64,
    pub fees: u64,
}

fn open(memory: &VectorMemory) -> Ledger<VirtualMemory<VectorMemory>> {
    let memories = MemoryManager::init_with_bucket_size(memory.clone(), 32);
    Ledger::open(|number| memories.get(MemoryId::new(number)))
}

impl Tokens {
    pub fn new(fee: u64) -> Self {
        let memory = VectorMemory::default();
        let mut ledger = open(&memory);
        ledger.set_config(Config {
            minting_account: minter().identifier().to_string(),
            fee,
            window_nanos: DAY_NANOS,
            icrc2: true,
            ..Config::default()
        });
        Self { memory, ledger, balances: BTreeMap::new(), minted: 0, burnt: 0, fees: 0 }
    }

    pub fn upgrade(&mut self) {
        self.ledger = open(&self.memory);
    }

    pub fn set_fee(&mut self, fee: u64) {
        self.ledger.set_config(Config { fee, ..self.ledger.config().clone() });
    }

    fn pay(&mut self, from: AccountIdentifier, amount: u64) {
        let balance = self.balances.entry(from).or_default();
        *balance = balance.checked_sub(amount).unwrap_or_else(|| panic!("{from} had less than {amount}"));
    }

    /// Does a transfer; where the ledger did it, so does the world.
    pub fn transfer(&mut self, request: TransferRequest, now: u64) -> Result<u64, Refusal> {
        let (from, to) = (request.from.identifier, request.to.identifier);
        let fee = self.ledger.config().fee;
        let amount = request.amount as u64;
        let index = self.ledger.transfer(request, now)?;
        let minter = minter().identifier();
        match (from == minter, to == minter) {
            (true, _) => self.minted += amount,
            (false, true) => {
                self.pay(from, amount);
                self.burnt += amount;
            }
            (false, false) => {
                self.pay(from, amount + fee);
                self.fees += fee;
            }
        }
        if to != minter {
            *self.balances.entry(to).or_default() += amount;
        }
        Ok(index)
    }

    pub fn approve(&mut self, request: ApproveRequest, now: u64) -> Result<u64, Refusal> {
        let (from, fee) = (request.from.identifier(), self.ledger.config().fee);
        let index = self.ledger.approve(request, now)?;
        self.pay(from, fee);
        self.fees += fee;
        Ok(index)
    }

    pub fn check(&self) {
        assert_eq!(self.ledger.total_supply(), self.minted - self.burnt - self.fees);
    }

    pub fn check_balances(&self) {
        for (account, balance) in &self.balances {
            assert_eq!(self.ledger.balance(*account), *balance, "{account}");
        }
        assert_eq!(self.balances.values().sum::<u64>(), self.ledger.total_supply());
    }
}

/// A transfer without fee, memo and time.
pub fn transfer(from: Account, to: Account, amount: u64) -> TransferRequest {
    TransferRequest {
        from: Party::from(from),
        to: Party::from(to),
        spender: None,
        amount: amount.into(),
        fee: None,
        memo: 0,
        icrc1_memo: None,
        created_at_time: None,
    }
}
