//! Payments in a world where every step can fail, trap, be repeated and meet others: nothing is minted
//! twice, nothing is lost.

use super::*;
use crate::interface::NotifyError;
use crate::notify::TransferReport;
use crate::payment::Bought;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 40;
const TURNS: u32 = 2_000;
const BLOCKS: u64 = 30;
/// For how long the ledger knows what it did.
const WINDOW: u64 = 24 * HOUR;

/// The token ledger and the cycles, with what happened to each payment.
struct World {
    payments: BTreeMap<u64, (u8, Payment)>,
    /// Tokens left of each payment in the minting canister's account.
    left: BTreeMap<u64, u64>,
    burnt: BTreeMap<u64, u64>,
    given_back: BTreeMap<u64, u64>,
    fees: u64,
    known: BTreeMap<(u64, u64, u64), u64>,
    fee: u64,
    next_block: u64,
    minted: u128,
    cycles_burnt: u128,
    kept: u128,
    delivered: BTreeMap<u64, u128>,
    /// Answers of calls with cycles that are on their way back.
    reports: BTreeMap<u64, PayReport>,
    /// Payments whose report of the cycles was lost in a trap.
    unheard: BTreeSet<u64>,
    /// Payments whose report of the tokens was lost in a trap: what became of the order is known only while
    /// the ledger knows it.
    doubtful: BTreeSet<u64>,
    now: u64,
    failures: bool,
}

impl World {
    fn new(random: &mut StdRng) -> Self {
        let payments: BTreeMap<_, _> = (0..BLOCKS)
            .map(|block| {
                let number = random.gen_range(1..5);
                let memo = if random.gen_bool(0.9) { MEMO_TOP_UP } else { 5 };
                let e8s = if random.gen_bool(0.1) {
                    random.gen_range(1..FEE)
                } else {
                    random.gen_range(4 * FEE..3 * E8S)
                };
                (block, (number, Payment { memo, e8s, ..payment(number) }))
            })
            .collect();
        Self {
            left: payments.iter().map(|(block, (_, payment))| (*block, payment.e8s)).collect(),
            payments,
            burnt: BTreeMap::new(),
            given_back: BTreeMap::new(),
            fees: 0,
            known: BTreeMap::new(),
            fee: FEE,
            next_block: 1_000,
            minted: 0,
            cycles_burnt: 0,
            kept: 0,
            delivered: BTreeMap::new(),
            reports: BTreeMap::new(),
            unheard: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            now: NOW,
            failures: true,
        }
    }

    fn fails(&self, random: &mut StdRng, chance: f64) -> bool {
        self.failures && random.gen_bool(chance)
    }

    fn pay(&mut self, random: &mut StdRng, block: u64, cycles: u128) -> PayReport {
        self.minted += cycles;
        if self.fails(random, 0.4) {
            let burnt = if random.gen_bool(0.9) { cycles } else { cycles / 2 };
            self.cycles_burnt += burnt;
            self.kept += cycles - burnt;
            return PayReport { burnt, ..came_back(cycles) };
        }
        assert_eq!(self.delivered.insert(block, cycles), None, "block {block} bought twice");
        arrived(cycles)
    }

    fn transfer(&mut self, random: &mut StdRng, block: u64, order: &TokenTransfer) -> TransferReport {
        if self.fails(random, 0.2) {
            return TransferReport::Refused("stopped".to_owned());
        }
        if self.now - order.created_at_time > WINDOW {
            return TransferReport::TooOld;
        }
        let is_burn = order.to == config().minting_account;
        if !is_burn && order.fee != self.fee {
            return TransferReport::BadFee(self.fee);
        }
        if let Some(done) = self.known.get(&(block, order.e8s, order.created_at_time)) {
            return TransferReport::Done(*done);
        }
        let left = self.left.entry(block).or_default();
        let cost = order.e8s + order.fee;
        assert!(cost <= *left, "tokens of block {block} move twice");
        *left -= cost;
        self.fees += order.fee;
        let moved = if is_burn { &mut self.burnt } else { &mut self.given_back };
        *moved.entry(block).or_default() += order.e8s;
        self.next_block += 1;
        self.known.insert((block, order.e8s, order.created_at_time), self.next_block);
        TransferReport::Done(self.next_block)
    }

    /// Takes a step and reports it; a trap loses the report, but not what was done. Cycles are minted and sent
    /// in the message that hears of the block.
    fn take(&mut self, random: &mut StdRng, mint: &mut TestMint, step: Step) -> Option<Step> {
        let trapped = self.fails(random, 0.1);
        match step {
            Step::Answer(_) => None,
            Step::Read { block } => {
                let read = match self.fails(random, 0.2) {
                    true => BlockRead::Failed("stopped".to_owned()),
                    false => read(self.payments[&block].1.clone()),
                };
                let next = self.reported(mint, block, trapped, |mint, now| mint.block_read(block, read, now));
                if let Some(Step::Pay { cycles, .. }) = next {
                    let report = self.pay(random, block, cycles);
                    self.reports.insert(block, report);
                }
                next
            }
            Step::Pay { block, .. } => {
                let report =
                    self.reports.remove(&block).unwrap_or_else(|| panic!("block {block} was not paid"));
                if trapped {
                    self.unheard.insert(block);
                }
                self.reported(mint, block, trapped, |mint, now| mint.paid(block, report, now))
            }
            Step::Settle { block, transfer } => {
                let report = self.transfer(random, block, &transfer);
                if trapped {
                    self.doubtful.insert(block);
                }
                self.reported(mint, block, trapped, |mint, now| mint.settled(block, report, now))
            }
        }
    }

    fn reported(
        &self,
        mint: &mut TestMint,
        block: u64,
        trapped: bool,
        report: impl FnOnce(&mut TestMint, u64) -> Step,
    ) -> Option<Step> {
        if trapped {
            mint.release(block);
            return None;
        }
        Some(report(mint, self.now))
    }

    /// Tokens and cycles are where they were or where they went.
    fn check(&self, mint: &TestMint) {
        for (block, (_, payment)) in &self.payments {
            let burnt = self.burnt.get(block).copied().unwrap_or(0);
            let given_back = self.given_back.get(block).copied().unwrap_or(0);
            assert!(burnt == 0 || given_back == 0, "block {block} was burnt and given back");
            assert!(
                given_back == 0 || !self.delivered.contains_key(block),
                "block {block} bought for nothing"
            );
            assert!(burnt + given_back + self.left[block] <= payment.e8s);
        }
        let sum = |moved: &BTreeMap<u64, u64>| moved.values().sum::<u64>();
        let paid: u64 = self.payments.values().map(|(_, payment)| payment.e8s).sum();
        assert_eq!(sum(&self.left) + sum(&self.burnt) + sum(&self.given_back) + self.fees, paid);
        assert_eq!(self.minted, self.delivered.values().sum::<u128>() + self.cycles_burnt + self.kept);
        assert_eq!(mint.totals().minted, self.minted);
    }

    /// Every payment has ended as it should, but those whose report was lost.
    fn check_end(&self, mint: &mut TestMint) {
        for (block, (number, payment)) in &self.payments {
            let answer = match mint.notify(*block, top_up(*number), self.now) {
                Step::Answer(answer) => answer,
                other => panic!("block {block} has not ended: {other:?}"),
            };
            match answer {
                _ if self.unheard.contains(block) => assert_eq!(answer, Err(NotifyError::Processing)),
                Ok(Bought::Cycles { cycles }) => {
                    assert_eq!(self.delivered.get(block), Some(&cycles));
                    assert_eq!(self.burnt.get(block), Some(&payment.e8s), "block {block}");
                }
                Err(NotifyError::Refunded { block_index, .. }) => {
                    assert!(!self.delivered.contains_key(block));
                    if block_index.is_none() && self.doubtful.contains(block) {
                        continue;
                    }
                    assert_eq!(block_index.is_some(), self.given_back.contains_key(block), "block {block}");
                    assert!(block_index.is_some() || payment.e8s <= self.fee, "block {block} is lost");
                }
                other => panic!("block {block}: {other:?}"),
            }
        }
    }
}

fn turn(random: &mut StdRng, world: &mut World, mint: &mut TestMint, workers: &mut Vec<Step>) {
    world.now += random.gen_range(0..10 * SECOND);
    if world.fails(random, 0.002) {
        world.fee = random.gen_range(1..4) * FEE;
    }
    if workers.is_empty() || random.gen_bool(0.3) {
        let block = random.gen_range(0..BLOCKS);
        let number = if random.gen_bool(0.9) { world.payments[&block].0 } else { random.gen_range(1..5) };
        workers.push(mint.notify(block, top_up(number), world.now));
    } else if random.gen_bool(0.05) {
        workers.extend(mint.sweep(world.now));
    } else {
        let step = workers.swap_remove(random.gen_range(0..workers.len()));
        workers.extend(world.take(random, mint, step));
    }
    world.check(mint);
}

/// Notifies every payment and takes all steps.
fn notify_all(random: &mut StdRng, world: &mut World, mint: &mut TestMint) {
    for block in 0..BLOCKS {
        let mut step = Some(mint.notify(block, top_up(world.payments[&block].0), world.now));
        while let Some(next) = step {
            step = world.take(random, mint, next);
        }
    }
}

#[test]
fn under_failures_traps_and_crowds_nothing_is_minted_twice_and_nothing_is_lost() {
    let mut bought = 0;
    let mut given_back = 0;
    for seed in 0..SEEDS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new(&mut random);
        let mut mint = mint();
        let mut workers = Vec::new();
        for _ in 0..TURNS {
            turn(&mut random, &mut world, &mut mint, &mut workers);
        }
        world.failures = false;
        for _ in 0..TURNS {
            turn(&mut random, &mut world, &mut mint, &mut workers);
        }
        while let Some(step) = workers.pop() {
            workers.extend(world.take(&mut random, &mut mint, step));
        }
        for passed in [0, WINDOW + HOUR] {
            world.now += passed;
            notify_all(&mut random, &mut world, &mut mint);
        }
        world.check(&mint);
        world.check_end(&mut mint);
        bought += world.delivered.len();
        given_back += world.given_back.len();
    }
    assert!(bought > 500 && given_back > 200, "{bought} bought, {given_back} given back");
}
