//! A second ledger, plain and slow to grow wrong, and a great many random operations on both.

use super::*;
use crate::allowance::Allowance;
use crate::window::PERMITTED_DRIFT_NANOS;
use icrc::AccountIdentifier;
use std::collections::HashMap;

const OPERATIONS: u32 = 200_000;
const SAMPLE_EVERY: u32 = 20_000;
const SEED: u64 = 0x5eed_1ed6;

type Pair = (AccountIdentifier, AccountIdentifier);

#[derive(Default)]
struct Model {
    balances: HashMap<AccountIdentifier, u128>,
    allowances: HashMap<Pair, (u64, Option<u64>)>,
    /// Transactions whose caller gave a time, and their blocks.
    done: HashMap<String, u64>,
    length: u64,
}

impl Model {
    fn balance(&self, account: AccountIdentifier) -> u64 {
        self.balances.get(&account).copied().unwrap_or(0) as u64
    }

    fn supply(&self) -> u64 {
        self.balances.values().sum::<u128>() as u64
    }

    fn allowance(&self, pair: Pair, now: u64) -> (u64, Option<u64>) {
        match self.allowances.get(&pair) {
            Some((amount, end)) if end.is_none_or(|end| end > now) => (*amount, *end),
            _ => (0, None),
        }
    }

    fn fee(given: Option<u128>, expected: u64) -> Result<(), Refusal> {
        if given.is_some_and(|given| given != expected as u128) {
            return Err(Refusal::BadFee { expected });
        }
        Ok(())
    }

    /// Time and duplicates; `key` is all by which two transactions differ.
    fn timely(&self, created_at: Option<u64>, key: &str, now: u64) -> Result<(), Refusal> {
        let Some(created_at) = created_at else { return Ok(()) };
        if created_at + WINDOW < now {
            return Err(Refusal::TooOld { window: WINDOW });
        }
        if created_at > now + PERMITTED_DRIFT_NANOS {
            return Err(Refusal::CreatedInFuture { now });
        }
        match self.done.get(key) {
            Some(of) => Err(Refusal::Duplicate { of: *of }),
            None => Ok(()),
        }
    }

    fn finish(&mut self, created_at: Option<u64>, key: String) -> u64 {
        if created_at.is_some() {
            self.done.insert(key, self.length);
        }
        self.length += 1;
        self.length - 1
    }

    fn transfer(&mut self, request: &TransferRequest, now: u64) -> Result<u64, Refusal> {
        let minter = minter().identifier();
        let (from, to) = (request.from.identifier, request.to.identifier);
        let spender = request.spender.map(|spender| spender.identifier);
        let balance = self.balance(from);
        if from == minter && to == minter {
            return Err(Refusal::MintToMinter);
        }
        if from == minter && spender.is_some() {
            return Err(Refusal::MinterDelegates);
        }
        let fee = if from == minter || to == minter { 0 } else { FEE };
        Self::fee(request.fee, fee)?;
        if to == minter {
            if request.amount == 0 {
                return Err(Refusal::BadBurn { least: FEE });
            }
            if request.amount < FEE.min(balance) as u128 {
                return Err(Refusal::BadBurn { least: FEE.min(balance) });
            }
        }
        let has = if from == minter { u64::MAX - self.supply() } else { balance };
        let short = Refusal::InsufficientFunds { balance: has };
        if request.amount > u64::MAX as u128 {
            return Err(short);
        }
        let key = format!(
            "{from} {to} {spender:?} {} {:?} {:?} {}",
            request.amount, request.icrc1_memo, request.created_at_time, request.memo
        );
        self.timely(request.created_at_time, &key, now)?;
        let total = request.amount + fee as u128;
        let lent = spender.filter(|spender| *spender != from);
        if let Some(spender) = lent {
            let (allowance, _) = self.allowance((from, spender), now);
            if (allowance as u128) < total {
                return Err(Refusal::InsufficientAllowance { allowance });
            }
        }
        if (has as u128) < total {
            return Err(short);
        }
        if from != minter {
            *self.balances.get_mut(&from).unwrap() -= total;
        }
        if to != minter {
            *self.balances.entry(to).or_default() += request.amount;
        }
        if let Some(spender) = lent {
            self.allowances.get_mut(&(from, spender)).unwrap().0 -= total as u64;
        }
        Ok(self.finish(request.created_at_time, key))
    }

    fn approve(&mut self, request: &ApproveRequest, now: u64) -> Result<u64, Refusal> {
        let pair = (request.from.identifier(), request.spender.identifier());
        if request.from.owner == Principal::anonymous() {
            return Err(Refusal::Anonymous);
        }
        if request.from.owner == request.spender.owner {
            return Err(Refusal::SelfApproval);
        }
        if request.from == minter() {
            return Err(Refusal::MinterDelegates);
        }
        Self::fee(request.fee, FEE)?;
        let amount = u64::try_from(request.amount).unwrap_or(u64::MAX);
        let ApproveRequest { expected_allowance, expires_at, created_at_time, .. } = request;
        let key = format!("{pair:?} {amount} {expected_allowance:?} {expires_at:?} {created_at_time:?}");
        self.timely(request.created_at_time, &key, now)?;
        let (current, _) = self.allowance(pair, now);
        if request.expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::Expired { now });
        }
        if request.expected_allowance.is_some_and(|expected| expected != current as u128) {
            return Err(Refusal::AllowanceChanged { current });
        }
        let balance = self.balance(pair.0);
        if balance < FEE {
            return Err(Refusal::InsufficientFunds { balance });
        }
        *self.balances.get_mut(&pair.0).unwrap() -= FEE as u128;
        self.allowances.insert(pair, (amount, request.expires_at));
        Ok(self.finish(request.created_at_time, key))
    }
}

/// Numbers that look random and are the same every time (SplitMix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn account(&mut self) -> Account {
        if self.one_in(8) {
            return minter();
        }
        let owner = match self.below(8) {
            0 => Principal::anonymous(),
            number => principal(number as u8),
        };
        let subaccount = [None, Some(subaccount(0)), Some(subaccount(1))][self.below(3) as usize];
        Account { owner, subaccount }
    }

    fn party(&mut self) -> Party {
        let account = self.account();
        if self.one_in(4) { Party::from(account.identifier()) } else { Party::from(account) }
    }

    fn amount(&mut self) -> u128 {
        match self.below(20) {
            0 => u64::MAX.into(),
            1 => u128::MAX,
            2..10 => self.below(30).into(),
            _ => self.below(5_000).into(),
        }
    }

    fn fee(&mut self) -> Option<u128> {
        [None, None, Some(FEE.into()), Some(0), Some(self.below(20).into())][self.below(5) as usize]
    }

    /// Around now and its limits, on few instants, so that some transactions come twice.
    fn created_at(&mut self, now: u64) -> Option<u64> {
        let instant = now / (10 * SECOND) + self.below(20);
        (!self.one_in(2)).then(|| (instant - 11) * 10 * SECOND)
    }

    fn transfer(&mut self, now: u64) -> TransferRequest {
        let with_spender = self.one_in(3);
        TransferRequest {
            from: self.party(),
            to: self.party(),
            spender: with_spender.then(|| Party::from(self.account())),
            amount: self.amount(),
            fee: self.fee(),
            memo: self.below(2),
            icrc1_memo: self.one_in(4).then(|| vec![1]),
            created_at_time: self.created_at(now),
        }
    }

    fn approve(&mut self, now: u64) -> ApproveRequest {
        // the zero subaccount is written one way: two ways are one transaction to the ledger
        let plain = |account: Account| Account {
            subaccount: account.subaccount.filter(|subaccount| *subaccount != super::subaccount(0)),
            ..account
        };
        ApproveRequest {
            from: plain(self.account()),
            spender: plain(self.account()),
            amount: self.amount(),
            expected_allowance: self.one_in(4).then(|| self.below(3).into()),
            expires_at: self.one_in(2).then(|| now - 5 * SECOND + self.below(60) * SECOND),
            fee: [None, Some(FEE.into()), Some(3)][self.below(3) as usize],
            icrc1_memo: None,
            created_at_time: self.created_at(now),
        }
    }
}

#[derive(Clone)]
enum Request {
    Transfer(TransferRequest),
    Approve(ApproveRequest),
}

fn compare(ledger: &Ledger<Memory>, model: &Model, now: u64) {
    assert_eq!(ledger.total_supply(), model.supply());
    assert_eq!(ledger.tip().length, model.length);
    let kept: u128 = ledger.balances.values().map(u128::from).sum();
    assert_eq!(kept, u128::from(model.supply()), "the balances are the supply");
    for (account, balance) in &model.balances {
        assert_eq!(u128::from(ledger.balance(*account)), *balance);
    }
    for pair in model.allowances.keys() {
        let (amount, end) = model.allowance(*pair, now);
        let expected = if amount == 0 { Allowance::default() } else { Allowance { amount, expires_at: end } };
        assert_eq!(ledger.allowances.get(pair.0, pair.1, now), expected);
    }
}

/// Runs both ledgers side by side; ours is opened anew at each sample, as by an upgrade.
fn run(operations: u32, seed: u64) -> (Model, u32) {
    let memory = VectorMemory::default();
    let mut ledger = open(&memory);
    ledger.set_config(Config::from_init(&init_args()).unwrap());
    let (mut model, mut numbers, mut now, mut done) = (Model::default(), Numbers(seed), NOW, 0);
    let mut recent: Vec<Request> = Vec::new();
    for step in 0..operations {
        if numbers.one_in(20) {
            let most = if numbers.one_in(50) { 400 } else { 10 };
            now += numbers.below(most) * SECOND;
        }
        let request = match numbers.below(10) {
            0 if !recent.is_empty() => recent[numbers.below(recent.len() as u64) as usize].clone(),
            1..4 => Request::Approve(numbers.approve(now)),
            _ => Request::Transfer(numbers.transfer(now)),
        };
        let (ours, expected) = match &request {
            Request::Transfer(request) => {
                (ledger.transfer(request.clone(), now), model.transfer(request, now))
            }
            Request::Approve(request) => (ledger.approve(request.clone(), now), model.approve(request, now)),
        };
        assert_eq!(ours, expected, "seed {seed}, step {step}");
        done += u32::from(ours.is_ok());
        if recent.len() < 16 {
            recent.push(request);
        } else {
            recent[step as usize % 16] = request;
        }
        if step % SAMPLE_EVERY == SAMPLE_EVERY - 1 {
            compare(&ledger, &model, now);
            drop(ledger);
            ledger = open(&memory);
            compare(&ledger, &model, now);
        }
    }
    compare(&ledger, &model, now);
    (model, done)
}

#[test]
fn random_operations_do_as_the_model_does_and_nothing_drifts_over_upgrades() {
    let (model, done) = run(OPERATIONS, SEED);
    assert!(done > OPERATIONS / 10, "only {done} operations did anything");
    assert!(model.done.len() > 1_000, "deduplication was used");
}

/// Run by hand: `cargo test --release -p ledger -- --ignored --nocapture accounts`.
#[test]
#[ignore = "prints; asserts nothing"]
fn the_cost_of_a_transfer_by_number_of_accounts() {
    let mut ledger = ledger();
    let holder = |number: u64| {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Account { owner: principal(1), subaccount: Some(Subaccount::new(bytes)) }
    };
    ledger.transfer(transfer(minter(), holder(0), u64::MAX as u128 / 2), NOW).unwrap();
    let mut accounts = 1;
    for target in [1_000, 10_000, 100_000, 1_000_000] {
        while accounts < target {
            ledger.transfer(transfer(holder(0), holder(accounts), 1_000_000), NOW).unwrap();
            accounts += 1;
        }
        let mut numbers = Numbers(target);
        let (begin, count) = (std::time::Instant::now(), 10_000);
        for memo in 0..count {
            let (from, to) = (holder(numbers.below(target)), holder(numbers.below(target)));
            let request = TransferRequest { memo, created_at_time: Some(NOW), ..transfer(from, to, 1) };
            ledger.transfer(request, NOW).unwrap();
        }
        println!("{target:>9} accounts: {:?} a transfer", begin.elapsed() / count as u32);
    }
}
