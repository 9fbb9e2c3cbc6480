//! The cycles ledger, and every balance beside it.

use crate::system::{Place, System};
use candid::Principal;
use cycles_ledger::book::{Approval, Book, Settings, Totals, Transfer};
use cycles_ledger::flight::{Departure, Landing, Purpose, Refunds};
use cycles_ledger::quota::{Members, Quota, RESERVE};
use cycles_ledger::refusal::Refusal;
use ic_stable_structures::VectorMemory;
use icrc::{Account, Subaccount};
use std::collections::BTreeMap;

pub const FEE: u128 = 100_000_000;
pub const ALLOWANCE: u128 = 20 * FEE;
/// What the ledger holds at genesis, and nobody's.
pub const POOL: u128 = 1_000_000 * FEE;
pub const USERS: u8 = 6;
const PERIOD_SECONDS: u64 = 3_600;

/// Users first, then their subaccounts.
pub fn account(number: u8) -> Account {
    let subaccount = (number >= USERS).then(|| Subaccount::new([1; 32]));
    Account { owner: Principal::from_slice(&[number % USERS, 7]), subaccount }
}

/// Cycles on their way.
pub struct Away {
    block: u64,
    from: u8,
    pub amount: u128,
    pub purpose: Purpose,
}

pub struct Books {
    memory: VectorMemory,
    pub book: Book<VectorMemory>,
    balances: BTreeMap<u8, u128>,
    granted_in: BTreeMap<u8, u64>,
    pub away: Vec<Away>,
    /// What was sent by flights whose landing trapped, and of that, what came back.
    unheard: (u128, u128),
    granted: u128,
    held: u128,
}

fn settings() -> Settings {
    Settings {
        name: "Cycles".to_owned(),
        symbol: "C".to_owned(),
        fee: FEE,
        max_blocks_per_request: 1,
        index_id: None,
        minting_canister: Principal::management_canister(),
        quota: Some(Quota {
            cycles: ALLOWANCE,
            period_seconds: PERIOD_SECONDS,
            members: Members::Everyone,
            governance: None,
        }),
    }
}

impl Books {
    pub fn new() -> Self {
        let memory = VectorMemory::default();
        Self {
            book: Book::open(memory.clone(), settings()),
            memory,
            balances: BTreeMap::new(),
            granted_in: BTreeMap::new(),
            away: Vec::new(),
            unheard: (0, 0),
            granted: 0,
            held: 0,
        }
    }

    pub fn upgrade(&mut self) {
        self.book = Book::open(self.memory.clone(), settings());
    }

    fn balance(&self, number: u8) -> u128 {
        self.balances.get(&number).copied().unwrap_or(0)
    }

    fn add(&mut self, number: u8, amount: u128) {
        *self.balances.entry(number).or_default() += amount;
    }

    fn pay(&mut self, number: u8, amount: u128) {
        let left = self.balance(number).checked_sub(amount);
        self.balances.insert(number, left.unwrap_or_else(|| panic!("{number} had less than {amount}")));
    }

    fn period(now: u64) -> u64 {
        now / 1_000_000_000 / PERIOD_SECONDS
    }

    /// The grant that a payment from an account brings with it.
    fn due(&self, number: u8, now: u64) -> Option<u128> {
        let is_new = self.granted_in.get(&number).is_none_or(|period| *period < Self::period(now));
        let amount = ALLOWANCE.saturating_sub(self.balance(number));
        let supply: u128 = self.balances.values().sum();
        let free = (self.held - supply).saturating_sub(RESERVE);
        (number < USERS && is_new && amount <= free).then_some(amount)
    }

    fn grant(&mut self, number: u8, due: Option<u128>, now: u64) {
        if let Some(amount) = due {
            self.granted_in.insert(number, Self::period(now));
            self.add(number, amount);
            self.granted += amount;
        }
    }

    /// Tells the book and the world what the canister holds now.
    pub fn hold(&mut self, system: &mut System) {
        self.held = system.held(Place::Ledger);
        self.book.set_held(self.held);
    }

    /// Cycles from somewhere are accepted, or go back.
    pub fn deposit(
        &mut self,
        system: &mut System,
        from: Place,
        to: u8,
        amount: u128,
        now: u64,
    ) -> Option<(u64, u128)> {
        system.send(from, Place::Ledger, amount);
        self.hold(system);
        match self.book.deposit(account(to), amount, None, now) {
            Ok(done) => {
                self.add(to, amount);
                Some(done)
            }
            Err(_) => {
                system.send(Place::Ledger, from, amount);
                None
            }
        }
    }

    pub fn transfer(&mut self, from: u8, to: u8, spender: Option<u8>, amount: u128, now: u64) {
        let due = self.due(from, now);
        let order = Transfer {
            from: account(from),
            to: account(to),
            spender: spender.map(account),
            amount,
            fee: None,
            memo: None,
            created_at_time: None,
        };
        let expected = self.balance(from) + due.unwrap_or(0) >= amount + FEE;
        let answer = self.book.transfer(order, now);
        match &answer {
            Ok(_) => {
                self.grant(from, due, now);
                self.pay(from, amount + FEE);
                self.add(to, amount);
            }
            Err(Refusal::InsufficientAllowance { .. }) => assert!(spender.is_some()),
            Err(Refusal::InsufficientFunds { .. }) => assert!(!expected),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    pub fn approve(&mut self, from: u8, spender: u8, amount: u128, now: u64) {
        let due = self.due(from, now);
        let order = Approval {
            from: account(from),
            spender: account(spender),
            amount,
            expected_allowance: None,
            expires_at: None,
            fee: None,
            memo: None,
            created_at_time: None,
        };
        if self.book.approve(order, now).is_ok() {
            self.grant(from, due, now);
            self.pay(from, FEE);
        }
    }

    /// Sends cycles out, if the book says so.
    pub fn depart(
        &mut self,
        system: &mut System,
        (from, spender): (u8, Option<u8>),
        amount: u128,
        purpose: Purpose,
        now: u64,
    ) {
        let due = self.due(from, now);
        let order = Departure {
            from: account(from),
            spender: spender.map(account),
            amount,
            purpose,
            created_at_time: None,
        };
        if let Ok(block) = self.book.depart(order, now) {
            self.grant(from, due, now);
            self.pay(from, amount + FEE);
            system.send(Place::Ledger, Place::Away, amount);
            self.away.push(Away { block, from, amount, purpose });
        }
    }

    /// The call was answered and the cycles are where they are; a trap keeps the book from hearing of it.
    pub fn land(&mut self, flight: Away, landing: Landing, trapped: bool, now: u64) {
        let (returned, fee) = match landing {
            Landing::Arrived { returned, .. } => (returned, 0),
            Landing::Failed { returned } => (returned, FEE.min(returned)),
        };
        if trapped {
            self.unheard.0 += flight.amount;
            self.unheard.1 += returned;
            return;
        }
        let before = self.book.totals().granted;
        let Refunds { approval_refund_block, .. } = self.book.land(flight.block, landing, now);
        self.add(flight.from, returned - fee);
        let due = self.due(flight.from, now);
        if approval_refund_block.is_some() {
            self.grant(flight.from, due, now);
            self.pay(flight.from, FEE);
        } else {
            assert_eq!(self.book.totals().granted, before);
        }
        assert_eq!(self.book.land(flight.block, landing, now), Refunds::default(), "it lands once");
    }

    pub fn check(&self, system: &mut System) {
        let Totals { supply, deposited, fees, withdrawn, in_flight, granted, .. } = *self.book.totals();
        let held = system.held(Place::Ledger);
        assert_eq!(deposited, supply + fees + withdrawn + in_flight);
        assert_eq!(granted, self.granted);
        let flying: u128 = self.away.iter().map(|it| it.amount).sum();
        assert_eq!(in_flight, flying + self.unheard.0);
        assert_eq!(held + granted + withdrawn + in_flight, POOL + deposited + self.unheard.1);
        assert!(supply + RESERVE <= held, "{supply} of balances, {held} cycles");
    }

    pub fn check_balances(&self) {
        for number in 0..2 * USERS {
            assert_eq!(self.book.balance(&account(number)), self.balance(number), "account {number}");
        }
        assert_eq!(self.balances.values().sum::<u128>(), self.book.totals().supply);
    }
}
