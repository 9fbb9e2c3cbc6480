//! Random operations beside a model that knows nothing of blocks, keys or memories.

use super::*;
use crate::flight::Landing;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const OPERATIONS: u32 = 200_000;
const SEED: u64 = 5;
/// Operations between two comparisons of everything.
const COMPARED_EVERY: u32 = 1_000;

/// An allowance of the model: the amount, its end, and which approval it comes from.
type Allowed = (u128, Option<u64>, u64);

struct Away {
    block: u64,
    from: u8,
    amount: u128,
    spender: Option<(u8, u64)>,
}

/// What the book should say.
#[derive(Default)]
struct Model {
    balances: BTreeMap<u8, u128>,
    allowances: BTreeMap<(u8, u8), Allowed>,
    away: Vec<Away>,
    deposited: u128,
    fees: u128,
    withdrawn: u128,
    blocks: u64,
    now: u64,
}

impl Model {
    fn balance(&self, account: u8) -> u128 {
        self.balances.get(&account).copied().unwrap_or(0)
    }

    fn allowed(&self, pair: (u8, u8)) -> Option<Allowed> {
        self.allowances.get(&pair).copied().filter(|it| it.1.is_none_or(|end| end > self.now))
    }

    fn block(&mut self) -> u64 {
        self.blocks += 1;
        self.blocks - 1
    }

    /// Takes the amount and the fee from an account and its spender's allowance.
    fn charge(&mut self, from: u8, spender: Option<u8>, amount: u128) -> Result<Option<u64>, Refusal> {
        let cost = amount + FEE;
        let spender = spender.filter(|it| *it != from);
        let allowed = spender.and_then(|it| self.allowed((from, it)));
        if spender.is_some() && allowed.map_or(0, |it| it.0) < cost {
            return Err(Refusal::InsufficientAllowance { allowance: allowed.map_or(0, |it| it.0) });
        }
        let balance = self.balance(from);
        if balance < cost {
            return Err(Refusal::InsufficientFunds { balance });
        }
        self.balances.insert(from, balance - cost);
        self.fees += FEE;
        if let (Some(spender), Some((sum, end, granted))) = (spender, allowed) {
            self.allowances.insert((from, spender), (sum - cost, end, granted));
        }
        Ok(allowed.map(|it| it.2))
    }

    fn deposit(&mut self, to: u8, amount: u128) -> u64 {
        *self.balances.entry(to).or_default() += amount;
        self.deposited += amount;
        self.block()
    }

    fn transfer(&mut self, from: u8, to: u8, spender: Option<u8>, amount: u128) -> Result<u64, Refusal> {
        self.charge(from, spender, amount)?;
        if let (Some(spender), false) = (spender, spender == Some(from)) {
            self.allowances.retain(|pair, it| *pair != (from, spender) || it.0 > 0);
        }
        *self.balances.entry(to).or_default() += amount;
        Ok(self.block())
    }

    fn approve(&mut self, from: u8, spender: u8, amount: u128, end: Option<u64>) -> Result<u64, Refusal> {
        self.charge(from, None, 0)?;
        let block = self.block();
        self.allowances.insert((from, spender), (amount, end, block));
        if amount == 0 {
            self.allowances.remove(&(from, spender));
        }
        Ok(block)
    }

    fn depart(&mut self, from: u8, spender: Option<u8>, amount: u128) -> Result<u64, Refusal> {
        let granted = self.charge(from, spender, amount)?;
        let block = self.block();
        self.away.push(Away { block, from, amount, spender: spender.zip(granted) });
        Ok(block)
    }

    fn land(&mut self, index: usize, returned: u128, fee: u128) -> u64 {
        let Away { block, from, amount, spender } = self.away.swap_remove(index);
        let fee_paid = fee.min(returned);
        self.withdrawn += amount - returned;
        self.fees += fee_paid;
        if returned > fee_paid {
            *self.balances.entry(from).or_default() += returned - fee_paid;
            self.block();
        }
        if let Some((spender, granted)) = spender {
            let pair = (from, spender);
            let holds = self.allowed(pair).filter(|it| it.2 == granted);
            if let (Some(allowed), true, true) =
                (holds, fee > 0 && amount > 2 * FEE, self.balance(from) >= FEE)
            {
                *self.balances.entry(from).or_default() -= FEE;
                self.fees += FEE;
                self.allowances.insert(pair, (allowed.0 + amount - 2 * FEE, allowed.1, granted));
                self.block();
            }
            if self.allowed(pair).is_some_and(|it| it.2 == granted && it.0 == 0) {
                self.allowances.remove(&pair);
            }
        }
        block
    }

    fn compare(&self, book: &TestBook) {
        let flying: u128 = self.away.iter().map(|it| it.amount).sum();
        let sum: u128 = self.balances.values().sum();
        assert_eq!(sum + self.fees + self.withdrawn + flying, self.deposited, "the model drifts");
        for number in 0..ACCOUNTS {
            assert_eq!(book.balance(&account(number)), self.balance(number), "account {number}");
            for spender in 0..ACCOUNTS {
                let here = book.allowance(&account(number), &account(spender), self.now).map(|it| it.amount);
                let there = self.allowed((number, spender)).map(|it| it.0).filter(|it| *it > 0);
                assert_eq!(here, there, "allowance of {number} for {spender}");
            }
        }
        let totals = book.totals();
        assert_eq!((totals.supply, totals.in_flight), (sum, flying));
        assert_eq!((totals.fees, totals.withdrawn), (self.fees, self.withdrawn));
        assert_eq!((totals.deposited, book.log_length()), (self.deposited, self.blocks));
    }
}

fn departure(from: u8, spender: Option<u8>, amount: u128, creation: bool) -> Departure {
    let purpose = if creation { Purpose::Creation } else { Purpose::Withdrawal { to: canister() } };
    Departure { spender: spender.map(account), purpose, ..withdrawal(from, amount) }
}

/// One random operation on both.
fn step(random: &mut StdRng, book: &mut TestBook, model: &mut Model) {
    model.now += random.gen_range(0..1_000);
    let now = model.now;
    let mut any = || random.gen_range(0..ACCOUNTS);
    let (from, to, spender) = (any(), any(), any());
    let spender = random.gen_bool(0.5).then_some(spender);
    let amount = random.gen_range(0..400u128);
    match random.gen_range(0..10) {
        0 => {
            let expected = model.deposit(to, amount + FEE);
            assert_eq!(book.deposit(account(to), amount + FEE, None, now).map(|it| it.0), Ok(expected));
        }
        1..=3 => {
            let order = Transfer { spender: spender.map(account), ..transfer(from, to, amount) };
            assert_eq!(book.transfer(order, now), model.transfer(from, to, spender, amount));
        }
        4 | 5 if from != to => {
            let expires_at = random.gen_bool(0.3).then(|| now + random.gen_range(1..50_000));
            let order = Approval { expires_at, ..approval(from, to, amount * 4) };
            assert_eq!(book.approve(order, now), model.approve(from, to, amount * 4, expires_at));
        }
        6 | 7 => {
            let order = departure(from, spender, amount, random.gen_bool(0.5));
            assert_eq!(book.depart(order, now), model.depart(from, spender, amount));
        }
        _ if !model.away.is_empty() => {
            let index = random.gen_range(0..model.away.len());
            let sent = model.away[index].amount;
            let returned = if random.gen_bool(0.5) { sent } else { random.gen_range(0..=sent) };
            let failed = random.gen_bool(0.5);
            let block = model.land(index, returned, if failed { FEE } else { 0 });
            let landing = match failed {
                true => Landing::Failed { returned },
                false => Landing::Arrived { canister_id: Some(canister()), returned },
            };
            book.land(block, landing, now);
        }
        _ => {}
    }
}

#[test]
fn two_hundred_thousand_random_operations_drift_by_nothing() {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut book = TestBook::open(VectorMemory::default(), settings());
    let mut model = Model { now: NOW, ..Model::default() };
    for operation in 0..OPERATIONS {
        step(&mut random, &mut book, &mut model);
        if operation % COMPARED_EVERY == 0 {
            model.compare(&book);
        }
    }
    model.compare(&book);
    assert!(model.withdrawn > 0 && model.fees > 0 && model.blocks > u64::from(OPERATIONS) / 3);
}
