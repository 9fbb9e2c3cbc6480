//! Random operations beside a ledger that refuses, forgets to answer, changes its fee and knows what it did, and
//! beside a plain count of votes.

use super::*;
use crate::execution::Job;
use crate::interface::Voter;
use crate::neuron::{Neuron, Purpose, subaccount_of};
use crate::proposal::Record;
use crate::staking::{Report, Settled, Transfer};
use cycles_interface::Account;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const OWNERS: u8 = 6;
const MEMOS: u64 = 3;
/// How long the ledger knows orders.
const WINDOW_NANOS: u64 = 300 * NANOS;

type Slot = (u8, u64);

/// The world beside the canister.
struct World {
    governance: TestGovernance,
    rng: StdRng,
    now: u64,
    fee: u64,
    balances: BTreeMap<Slot, u64>,
    /// Transferred and not claimed.
    unclaimed: BTreeMap<Slot, u64>,
    /// What the ledger did, by memo.
    done: BTreeMap<[u8; 16], u64>,
    deposited: u64,
    paid_out: u64,
    burnt: u64,
    fees: u64,
    /// What each neuron weighed when a proposal was made.
    weights: BTreeMap<u64, BTreeMap<u64, u128>>,
    executed: BTreeMap<u64, u32>,
}

fn minting_account() -> Account {
    Account::from(id(32))
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            governance: governance(),
            rng: StdRng::seed_from_u64(seed),
            now: NOW,
            fee: FEE,
            balances: BTreeMap::new(),
            unclaimed: BTreeMap::new(),
            done: BTreeMap::new(),
            deposited: 0,
            paid_out: 0,
            burnt: 0,
            fees: 0,
            weights: BTreeMap::new(),
            executed: BTreeMap::new(),
        }
    }

    fn slot(&mut self) -> Slot {
        (self.rng.gen_range(1..=OWNERS), self.rng.gen_range(0..MEMOS))
    }

    fn neuron_in(&self, (owner, memo): Slot) -> Option<Neuron> {
        let id = self.governance.neuron_at(&subaccount_of(person(owner), memo))?;
        self.governance.neuron(id)
    }

    fn some_neuron(&mut self) -> Option<(u8, Neuron)> {
        let slot = self.slot();
        self.neuron_in(slot).map(|neuron| (slot.0, neuron))
    }

    fn deposit(&mut self) {
        let slot = self.slot();
        if self.neuron_in(slot).is_some_and(|it| it.order.is_some()) {
            return;
        }
        let e8s = self.rng.gen_range(1..20 * E8S);
        self.deposited += e8s;
        *self.balances.entry(slot).or_default() += e8s;
        *self.unclaimed.entry(slot).or_default() += e8s;
    }

    fn claim(&mut self) {
        let slot = self.slot();
        let balance = self.balances.get(&slot).copied().unwrap_or(0);
        if self.governance.claim(person(slot.0), slot.1, balance, self.now).is_ok() {
            self.unclaimed.remove(&slot);
        }
    }

    /// Before tokens move all that is there is claimed.
    fn refresh(&mut self, owner: u8, neuron: &Neuron) {
        let balance = self.balances[&(owner, neuron.memo)];
        if self.governance.claim(person(owner), neuron.memo, balance, self.now).is_ok() {
            self.unclaimed.remove(&(owner, neuron.memo));
        }
    }

    fn command(&mut self) {
        let Some((owner, neuron)) = self.some_neuron() else { return };
        let others: Vec<u64> = (0..3).filter_map(|_| self.some_neuron()).map(|(_, it)| it.id).collect();
        let topic = *Topic::EACH.choose(&mut self.rng).expect("topics");
        let command = match self.rng.gen_range(0..5) {
            0 | 1 => Command::IncreaseDissolveDelay { additional_seconds: self.rng.gen_range(1..60) },
            2 => Command::StartDissolving,
            3 => Command::StopDissolving,
            _ => Command::Follow(Followees { topic, followees: others }),
        };
        let _ = self.governance.command(person(owner), neuron.id, command, self.now);
    }

    fn disburse(&mut self) {
        let Some((owner, neuron)) = self.some_neuron() else { return };
        self.refresh(owner, &neuron);
        let amount = self.rng.gen_bool(0.5).then(|| self.rng.gen_range(1..3 * E8S));
        let then = self.now * NANOS;
        if self.governance.begin_disburse(person(owner), neuron.id, amount, None, then).is_ok() {
            self.drive(neuron.id);
        }
    }

    fn sweep(&mut self) {
        let Some(id) = self.governance.next_unsettled() else { return };
        if let Some(neuron) = self.governance.neuron(id) {
            let owner = (1..=OWNERS).find(|it| person(*it) == neuron.controller).expect("one of them");
            self.refresh(owner, &neuron);
        }
        self.governance.begin_burn(id, minting_account(), self.now * NANOS);
        self.drive(id);
    }

    fn drive(&mut self, id: u64) {
        while let Some(transfer) = self.governance.next_transfer(id) {
            let neuron = self.governance.neuron(id).expect("it has an order");
            let owner = (1..=OWNERS).find(|it| person(*it) == neuron.controller).expect("one of them");
            let slot = (owner, neuron.memo);
            let report = self.ledger(slot, &transfer);
            let settled = match self.governance.settled(id, report, self.now * NANOS) {
                Settled::Unclear => self.governance.reconcile(id, self.balances[&slot]),
                settled => settled,
            };
            if settled != Settled::Again {
                return;
            }
        }
    }

    /// The ledger, not always heard.
    fn ledger(&mut self, slot: Slot, transfer: &Transfer) -> Report {
        match self.rng.gen_range(0..10) {
            0 => return Report::Unheard("it never arrived".to_owned()),
            1 => return Report::Refused("no".to_owned()),
            _ => (),
        }
        let report = self.book(slot, transfer);
        match self.rng.gen_range(0..5) {
            0 => Report::Unheard("the answer was lost".to_owned()),
            _ => report,
        }
    }

    fn book(&mut self, slot: Slot, transfer: &Transfer) -> Report {
        if self.now * NANOS > transfer.created_at_nanos + WINDOW_NANOS {
            return Report::TooOld;
        }
        if let Some(block) = self.done.get(&transfer.memo) {
            return Report::Done(*block);
        }
        let fee = transfer.fee_e8s.unwrap_or(0);
        if transfer.fee_e8s.is_some_and(|it| it != self.fee) {
            return Report::BadFee(self.fee);
        }
        let balance = self.balances.get_mut(&slot).expect("the neuron's account");
        *balance = balance.checked_sub(transfer.amount_e8s + fee).expect("the ledger has what is ordered");
        match transfer.to == minting_account() {
            true => self.burnt += transfer.amount_e8s,
            false => self.paid_out += transfer.amount_e8s,
        }
        self.fees += fee;
        let block = self.done.len() as u64;
        self.done.insert(transfer.memo, block);
        Report::Done(block)
    }

    fn propose(&mut self) {
        let Some((owner, neuron)) = self.some_neuron() else { return };
        let action = match self.rng.gen_bool(0.5) {
            true => Action::Motion,
            false => Action::SetConversionRate { xdr_permyriad_per_icp: 5 },
        };
        let made = self.governance.make_proposal(person(owner), Some(neuron.id), proposal(action), self.now);
        if let Ok(made) = made {
            // the proposer's fee is held back before the votes are weighed
            let weights = self.all_weights(neuron.id);
            let total: u128 = weights.values().sum();
            assert_eq!(self.governance.record(made).map(|it| it.tally.total), Some(total));
            self.weights.insert(made, weights);
        }
    }

    /// Each neuron's votes, counted one by one.
    fn all_weights(&self, proposer: u64) -> BTreeMap<u64, u128> {
        let weigh = |neuron: Neuron| {
            // a proposal that its own proposer adopted has given the fee back already
            let back = match self.governance.record(self.governance.totals().last_proposal) {
                Some(record) if neuron.id == proposer && !record.is_open() => record.fee_e8s,
                _ => 0,
            };
            let standing = neuron.standing();
            let standing = crate::neuron::Standing { stake_e8s: standing.stake_e8s - back, ..standing };
            (neuron.id, standing.power(self.now, MIN_DELAY, MAX_DELAY))
        };
        self.governance.neurons.values().map(|it| weigh(it.0)).collect()
    }

    fn vote(&mut self) {
        let Some((owner, neuron)) = self.some_neuron() else { return };
        let proposals: Vec<u64> = self.governance.open.keys().collect();
        let Some(proposal) = proposals.choose(&mut self.rng).copied() else { return };
        let vote = if self.rng.gen_bool(0.6) { Vote::Yes } else { Vote::No };
        let had = self.governance.cast_of(proposal, Voter::Neuron(neuron.id)).is_some();
        let voted = self.governance.register_vote(person(owner), Some(neuron.id), proposal, vote, self.now);
        assert!(!(had && voted.is_ok()), "a vote was counted twice");
    }

    fn execute(&mut self) {
        let job = self.governance.next_job(self.now);
        if let Some((Job::Do { id, .. }, _)) = job {
            *self.executed.entry(id).or_default() += 1;
            if self.rng.gen_bool(0.8) {
                let result = if self.rng.gen_bool(0.5) { Ok(()) } else { Err("no".to_owned()) };
                self.governance.ended(id, result, self.now);
            }
        }
    }

    fn step(&mut self) {
        match self.rng.gen_range(0..20) {
            0 | 1 => self.deposit(),
            2 | 3 => self.claim(),
            4..=7 => self.command(),
            8 | 9 => self.disburse(),
            10 => self.sweep(),
            11 | 12 => self.propose(),
            13..=15 => self.vote(),
            16 => self.execute(),
            17 => self.now += self.rng.gen_range(0..40),
            18 => self.fee = self.rng.gen_range(1..4) * FEE,
            _ => {
                self.governance.work(self.now);
            }
        }
    }

    fn check_tokens(&self) {
        let held: u64 = self.balances.values().sum();
        assert_eq!(self.deposited, held + self.paid_out + self.burnt + self.fees);
        let (mut stake, mut paid_out, mut burnt, mut fees) = (0u128, 0u64, 0u64, 0u64);
        for slot in (1..=OWNERS).flat_map(|owner| (0..MEMOS).map(move |memo| (owner, memo))) {
            let balance = self.balances.get(&slot).copied().unwrap_or(0);
            let unclaimed = self.unclaimed.get(&slot).copied().unwrap_or(0);
            let neuron = self.neuron_in(slot);
            let own = neuron.as_ref().map_or(0, |it| it.stake_e8s);
            stake += u128::from(own);
            let order = neuron.and_then(|it| it.order.map(|order| (it.id, order)));
            let moving = order.as_ref().map_or(0, |(_, order)| order.e8s);
            let left = order
                .filter(|(id, order)| self.done.contains_key(&crate::keys::pair(*id, order.number)))
                .map_or(0, |(_, order)| {
                    let amount = order.e8s - order.fee_e8s;
                    match order.purpose {
                        Purpose::Disburse => paid_out += amount,
                        Purpose::Burn => burnt += amount,
                    }
                    fees += order.fee_e8s;
                    order.e8s
                });
            assert_eq!(balance + left - unclaimed, own + moving, "{slot:?}");
        }
        let totals = self.governance.totals();
        assert_eq!(totals.stake_e8s, stake);
        let known = (self.paid_out - paid_out, self.burnt - burnt, self.fees - fees);
        let counted = (totals.disbursed_e8s, totals.burnt_e8s, totals.fees_e8s);
        assert_eq!(counted, (known.0.into(), known.1.into(), known.2.into()));
    }

    fn check_votes(&self) {
        let newest = self.governance.proposals.keys().rev().take(12);
        let mut ids: Vec<u64> = self.governance.open.keys().chain(newest).collect();
        ids.sort_unstable();
        ids.dedup();
        let records: Vec<Record> = ids.into_iter().filter_map(|id| self.governance.record(id)).collect();
        let total: u128 = self
            .governance
            .neurons
            .values()
            .map(|it| it.0.standing())
            .map(|it| it.power(self.now, MIN_DELAY, MAX_DELAY))
            .sum();
        assert_eq!(self.governance.total_power(self.now), total);
        for record in &records {
            let (mut yes, mut no) = (0u128, 0u128);
            for (voter, weight) in &self.weights[&record.id] {
                if let Some(cast) = self.governance.cast_of(record.id, Voter::Neuron(*voter)) {
                    assert_eq!(cast.power, *weight, "neuron {voter} in proposal {}", record.id);
                    *(if cast.yes { &mut yes } else { &mut no }) += weight;
                }
            }
            assert_eq!((record.tally.yes, record.tally.no), (yes, no), "votes of others were counted");
            assert!(yes + no <= record.tally.total);
            assert_eq!(record.is_open(), self.governance.open.contains_key(&record.id));
        }
        for neuron in self.governance.neurons.values().map(|it| it.0) {
            let own = |it: &&Record| it.is_open() && it.proposer == Voter::Neuron(neuron.id);
            assert_eq!(neuron.reserved_e8s, records.iter().filter(own).map(|it| it.fee_e8s).sum::<u64>());
        }
        assert!(self.executed.values().all(|times| *times == 1), "something was done twice");
    }
}

fn check(seed: u64, steps: u32) {
    let mut world = World::new(seed);
    for step in 0..steps {
        world.step();
        world.check_tokens();
        if step % 8 == 0 {
            world.check_votes();
        }
    }
    let records: Vec<ProposalStatus> = world.governance.proposals.values().map(|it| it.0.status).collect();
    assert!(records.contains(&ProposalStatus::Executed) && records.contains(&ProposalStatus::Rejected));
    assert!(world.burnt > 0 && world.paid_out > 0, "nothing happened");
}

#[test]
fn tokens_are_conserved_and_votes_counted_once_whatever_happens() {
    (0..6).for_each(|seed| check(seed, 8_000));
}
