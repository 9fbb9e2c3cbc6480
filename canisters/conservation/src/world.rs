//! One random operation after the other.

mod orders;

use crate::books::{ALLOWANCE, Away, Books, FEE, POOL, USERS, account};
use crate::payments::Payments;
use crate::system::{Place, System};
use crate::tokens::{Tokens, minter, transfer};
use candid::Principal;
use cycles_ledger::flight::{Landing, Purpose};
use icrc::Account;
use ledger::ledger::Refusal;
use ledger::request::{ApproveRequest, TransferRequest};
use ledger_block::Party;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const START: u64 = 1_800_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const TOKEN_FEE: u64 = 10_000;
/// One token.
const E8S: u64 = 100_000_000;
/// Cycles that a new canister costs.
const CREATION: u128 = FEE / 2;
/// Most canisters at once.
const MAX_CANISTERS: usize = 40;

/// A call with cycles from one canister to another.
struct CanisterCall {
    from: Principal,
    to: Principal,
    amount: u128,
}

pub struct World {
    random: StdRng,
    now: u64,
    pub system: System,
    pub tokens: Tokens,
    pub books: Books,
    pub payments: Payments,
    calls: Vec<CanisterCall>,
    /// How many canisters were deleted.
    pub deleted: u64,
    /// How many callbacks trapped.
    pub traps: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            now: START,
            system: System::new(POOL),
            tokens: Tokens::new(TOKEN_FEE),
            books: Books::new(),
            payments: Payments::new(),
            calls: Vec::new(),
            deleted: 0,
            traps: 0,
        }
    }

    fn chance(&mut self, chance: f64) -> bool {
        self.random.gen_bool(chance)
    }

    fn below<T: rand::distributions::uniform::SampleUniform + PartialOrd + From<u8>>(&mut self, end: T) -> T {
        self.random.gen_range(T::from(0)..end)
    }

    fn user(&mut self) -> Account {
        account(self.below(USERS))
    }

    /// Some canister, perhaps one that is gone.
    fn canister(&mut self) -> Principal {
        let canisters = self.system.canisters();
        match canisters.is_empty() || self.chance(0.1) {
            true => Principal::from_slice(&[9, 9]),
            false => canisters[self.below(canisters.len() as u64) as usize],
        }
    }

    /// One operation, and what must hold after it.
    pub fn turn(&mut self) {
        self.now += self.below(4 * SECOND);
        self.books.hold(&mut self.system);
        match self.below(20u8) {
            0..=4 => self.move_tokens(),
            5 => self.pay(),
            6 => self.notify(),
            7..=10 => self.work(),
            11..=13 => self.move_cycles(),
            14 | 15 => self.depart(),
            16 | 17 => self.land(),
            18 => self.canister_life(),
            _ => self.canister_call(),
        }
        self.tokens.check();
        self.payments.check(&self.system);
        self.books.check(&mut self.system);
    }

    /// Reads every balance.
    pub fn check_balances(&self) {
        self.tokens.check_balances();
        self.books.check_balances();
    }

    pub fn upgrade(&mut self) {
        self.tokens.upgrade();
        self.books.upgrade();
        self.payments.upgrade();
    }

    fn move_tokens(&mut self) {
        let (from, to, amount) = (self.user(), self.user(), self.below(10 * E8S));
        let now = self.now;
        let done = match self.below(10u8) {
            0 | 1 => self.tokens.transfer(transfer(minter(), to, 50 * amount), now),
            2 => self.tokens.transfer(transfer(from, minter(), amount), now),
            3 => self.tokens.approve(
                ApproveRequest {
                    from,
                    spender: to,
                    amount: (3 * amount).into(),
                    expected_allowance: None,
                    expires_at: Some(now + 100 * SECOND),
                    fee: None,
                    icrc1_memo: None,
                    created_at_time: None,
                },
                now,
            ),
            4 | 5 => {
                let spender = Some(Party::from(self.user()));
                self.tokens.transfer(TransferRequest { spender, ..transfer(from, to, amount) }, now)
            }
            6 if self.chance(0.01) => {
                let fee = TOKEN_FEE * self.random.gen_range(1..4);
                self.tokens.set_fee(fee);
                return;
            }
            // some twice: of the same time and content
            _ => {
                let created_at_time = Some(now / (10 * SECOND) * (10 * SECOND));
                let amount = amount / E8S * E8S;
                self.tokens.transfer(TransferRequest { created_at_time, ..transfer(from, to, amount) }, now)
            }
        };
        if let Err(Refusal::BadFee { .. } | Refusal::TooOld { .. } | Refusal::CreatedInFuture { .. }) = done {
            panic!("{done:?}");
        }
    }

    /// A canister for cycles; none if they do not suffice or there are too many.
    fn create(&mut self, from: Place, cycles: u128) -> Option<Principal> {
        if cycles < CREATION || self.system.canisters().len() >= MAX_CANISTERS {
            return None;
        }
        let id = self.system.create();
        self.system.send(from, Place::Burnt, CREATION);
        self.system.send(from, Place::Canister(id), cycles - CREATION);
        Some(id)
    }

    fn move_cycles(&mut self) {
        let (from, to) = (self.below(2 * USERS), self.below(2 * USERS));
        let amount = self.below(ALLOWANCE);
        match self.below(10u8) {
            0..=5 => {
                let spender = if self.chance(0.3) { Some(self.below(2 * USERS)) } else { None };
                self.books.transfer(from, to, spender, amount, self.now);
            }
            _ => self.books.approve(from, to, 2 * amount, self.now),
        }
    }

    fn depart(&mut self) {
        let from = (self.below(2 * USERS), if self.chance(0.3) { Some(self.below(2 * USERS)) } else { None });
        let amount = self.below(ALLOWANCE);
        let purpose = match self.chance(0.3) {
            true => Purpose::Creation,
            false => Purpose::Withdrawal { to: self.canister() },
        };
        self.books.depart(&mut self.system, from, amount, purpose, self.now);
    }

    /// A call that carried cycles is answered.
    fn land(&mut self) {
        let count = self.books.away.len();
        if count == 0 {
            return;
        }
        let index = self.below(count as u64) as usize;
        let flight = self.books.away.swap_remove(index);
        let landing = self.arrive(&flight);
        let trapped = self.chance(0.02);
        self.traps += u64::from(trapped);
        self.books.hold(&mut self.system);
        self.books.land(flight, landing, trapped, self.now);
    }

    /// Moves the cycles of a call to where they go, and back what comes back.
    fn arrive(&mut self, flight: &Away) -> Landing {
        let amount = flight.amount;
        let landing = match flight.purpose {
            _ if self.chance(0.1) => Landing::Failed { returned: amount },
            Purpose::Withdrawal { to } if self.system.exists(to) => {
                let returned = if self.chance(0.1) { self.below(amount + 1) } else { 0 };
                self.system.send(Place::Away, Place::Canister(to), amount - returned);
                Landing::Arrived { canister_id: None, returned }
            }
            Purpose::Withdrawal { .. } => Landing::Failed { returned: amount },
            Purpose::Creation => match self.create(Place::Away, amount) {
                Some(id) => Landing::Arrived { canister_id: Some(id), returned: 0 },
                None => {
                    let kept = self.below(amount + 1).min(FEE);
                    self.system.send(Place::Away, Place::Burnt, kept);
                    Landing::Failed { returned: amount - kept }
                }
            },
        };
        let (Landing::Arrived { returned, .. } | Landing::Failed { returned }) = landing;
        self.system.send(Place::Away, Place::Ledger, returned);
        landing
    }

    /// A canister burns cycles, deposits some on the ledger, or is deleted.
    fn canister_life(&mut self) {
        let id = self.canister();
        if !self.system.exists(id) {
            return;
        }
        let place = Place::Canister(id);
        let held = self.system.held(place);
        let part = self.below(held + 1);
        match self.below(10u8) {
            0..=3 => self.system.send(place, Place::Burnt, part / 4),
            4..=7 => {
                let to = self.below(2 * USERS);
                self.books.deposit(&mut self.system, place, to, part, self.now);
            }
            _ => {
                self.system.delete(id);
                self.deleted += 1;
            }
        }
    }

    /// A canister calls another with cycles, or such a call is answered: some are taken, the rest comes back
    /// or, where the caller is gone, is gone too.
    fn canister_call(&mut self) {
        if self.chance(0.5) {
            let (from, to) = (self.canister(), self.canister());
            if self.system.exists(from) {
                let held = self.system.held(Place::Canister(from));
                let amount = self.below(held / 2 + 1);
                self.system.send(Place::Canister(from), Place::Away, amount);
                self.calls.push(CanisterCall { from, to, amount });
            }
        } else if let Some(CanisterCall { from, to, amount }) = self.calls.pop() {
            let taken = if self.chance(0.2) { 0 } else { self.below(amount + 1) };
            let taken = if self.system.exists(to) { taken } else { 0 };
            if taken > 0 {
                self.system.send(Place::Away, Place::Canister(to), taken);
            }
            let back = if self.system.exists(from) { Place::Canister(from) } else { Place::Burnt };
            self.system.send(Place::Away, back, amount - taken);
        }
    }
}
