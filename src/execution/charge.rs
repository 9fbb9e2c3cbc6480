//! What a canister pays, and how much it must keep.
//!
//! 1. **Time is paid late.** What a canister holds and has allocated is charged when it is next touched,
//!    before that changes. The index of `solvent_until` finds those whose funds end while they are idle.
//! 2. **Reserved cycles pay first** for time, and for nothing else; the balance pays the rest.
//! 3. **The balance keeps the freezing limit**, less what is reserved. Only responses, management, and
//!    time may take it lower.
//! 4. **New prices are for what comes.** A tariff that is set in a height stands from the next height on. Time that is
//!    not paid for costs what stood while it passed, on as many nodes as there were (`state::price`): a second belongs
//!    to the prices that stand when it ends. A run that goes on over several heights costs what stood when it began. A
//!    response costs what stands when it comes, but carrying it never more than was set aside for it.
//! 5. **A change costs nothing at once.** Whoever is next touched pays as it should. The moments of rule 1 are found out
//!    anew in the heights that follow, for [`REPRICED_PER_HEIGHT_MAX`] canisters in each; until its turn, a canister
//!    that nobody touches may be kept for longer than it can pay, but never pays more than it has.

use super::Executor;
use super::price::{IdleRate, PriceTable};
use crate::state::{CanisterState, Consumed, HostFailure, ReplicatedState, Use};
use crate::types::limits::REPRICED_PER_HEIGHT_MAX;
use crate::types::*;

const SECOND_NANOS: u64 = 1_000_000_000;

/// What a canister can pay with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Funds {
    pub balance: Cycles,
    pub reserved: Cycles,
}

impl Funds {
    /// What the canister has, time gone by not yet paid for.
    fn of(canister: &CanisterState) -> Funds {
        Funds { balance: canister.record.cycles, reserved: canister.record.reserved_cycles }
    }

    fn all(self) -> Cycles {
        self.balance.saturating_add(self.reserved)
    }

    /// After paying for time, reserved cycles first; nothing is left if they do not suffice.
    fn after(self, due: Cycles) -> Funds {
        let rest = due.saturating_sub(self.reserved);
        Funds { balance: self.balance.saturating_sub(rest), reserved: self.reserved.saturating_sub(due) }
    }
}

/// What the canister pays for its time: for what it holds, or for what it has allocated if that is more.
fn idle_rate(prices: &PriceTable, canister: &CanisterState) -> IdleRate {
    prices.idle(canister.allocated_bytes(), canister.record.settings.compute_allocation)
}

/// Cycles burned in a day by a canister that does nothing.
pub fn idle_cycles_per_day(prices: &PriceTable, canister: &CanisterState) -> Cycles {
    idle_rate(prices, canister).a_day()
}

/// What `freezing_threshold` seconds of doing nothing cost (interface spec, "Cycle bookkeeping and resource
/// consumption").
pub fn freezing_limit(prices: &PriceTable, canister: &CanisterState) -> Cycles {
    idle_rate(prices, canister).freezing_limit(canister.record.settings.freezing_threshold)
}

/// Below this balance the canister is frozen: the freezing limit, less what is reserved.
pub fn must_keep(prices: &PriceTable, canister: &CanisterState) -> Cycles {
    freezing_limit(prices, canister).saturating_sub(canister.record.reserved_cycles)
}

/// Whole seconds not yet paid for.
fn unpaid_seconds(canister: &CanisterState, now: Time) -> u64 {
    now.0.saturating_sub(canister.record.charged_until.0) / SECOND_NANOS
}

/// Seconds at one price.
struct Stretch {
    rate: IdleRate,
    seconds: u64,
}

impl Stretch {
    fn cost(&self) -> Cycles {
        self.rate.for_seconds(self.seconds)
    }

    fn memory(&self) -> Cycles {
        self.rate.memory_for_seconds(self.seconds)
    }
}

/// The whole seconds that the canister has not paid for at `now`, at the prices that stood when each ended; the last
/// stretch is at those that stand now.
fn unpaid(state: &ReplicatedState, canister: &CanisterState, now: Time) -> Vec<Stretch> {
    let from = canister.record.charged_until;
    let whole = |until: Time| until.0.saturating_sub(from.0) / SECOND_NANOS;
    let (mut stretches, mut counted) = (Vec::new(), 0);
    for span in state.prices().since(from) {
        let until = whole(span.until.min(now));
        let rate = idle_rate(&PriceTable::of_span(span), canister);
        stretches.push(Stretch { rate, seconds: until.saturating_sub(counted) });
        counted = until.max(counted);
    }
    let rate = idle_rate(&PriceTable::of(state), canister);
    stretches.push(Stretch { rate, seconds: whole(now).saturating_sub(counted) });
    stretches
}

/// What time not yet paid for costs.
#[derive(Default)]
struct Due {
    all: Cycles,
    /// Of that, for memory; the rest is for the compute allocation.
    memory: Cycles,
}

fn due(state: &ReplicatedState, canister: &CanisterState, now: Time) -> Due {
    let add = |sum: Due, stretch: &Stretch| Due {
        all: sum.all.saturating_add(stretch.cost()),
        memory: sum.memory.saturating_add(stretch.memory()),
    };
    unpaid(state, canister, now).iter().fold(Due::default(), add)
}

/// What is left after paying for time gone by.
pub fn funds_at(state: &ReplicatedState, canister: &CanisterState, now: Time) -> Funds {
    Funds::of(canister).after(due(state, canister, now).all)
}

/// What the canister has spent, time until now included.
pub fn consumed_at(state: &ReplicatedState, canister: &CanisterState, now: Time) -> Consumed {
    let due = due(state, canister, now);
    let mut consumed = canister.record.consumed.clone();
    consumed.add(Use::Memory, due.memory);
    consumed.add(Use::ComputeAllocation, due.all.saturating_sub(due.memory));
    consumed
}

/// The moment up to which the canister can surely pay for its time.
fn solvent_until(prices: &PriceTable, state: &ReplicatedState, canister: &CanisterState) -> Time {
    let later = |from: Time, seconds: u64| Time(from.0.saturating_add(seconds.saturating_mul(SECOND_NANOS)));
    let mut until = canister.record.charged_until;
    let mut funds = Funds::of(canister).all();
    let stretches = unpaid(state, canister, state.time());
    let over = stretches.len().saturating_sub(1);
    for stretch in stretches.iter().take(over) {
        let Some(rest) = funds.checked_sub(stretch.cost()) else {
            return later(until, stretch.rate.seconds_paid(funds).unwrap_or(u64::MAX));
        };
        (funds, until) = (rest, later(until, stretch.seconds));
    }
    later(until, idle_rate(prices, canister).seconds_paid(funds).unwrap_or(u64::MAX))
}

/// Why a canister that cannot pay is refused.
pub fn out_of_cycles(id: CanisterId, balance: Cycles, needed: Cycles) -> Reject {
    let message = format!(
        "Canister {id} is out of cycles: it has {balance} and needs {needed}, its freezing threshold included. \
         Top up the canister, or lower its freezing threshold."
    );
    Reject::new(ErrorCode::CanisterOutOfCycles, message)
}

impl Executor<'_> {
    /// Takes cycles off the balance and counts them as burned, if the balance stays at `keep` or above.
    pub(super) fn charge(
        &mut self,
        id: CanisterId,
        purpose: Use,
        cost: Cycles,
        keep: Cycles,
    ) -> Result<(), Reject> {
        let pay = |canister: &mut CanisterState| {
            let balance = canister.record.cycles;
            match balance.checked_sub(cost).filter(|rest| *rest >= keep) {
                Some(rest) => {
                    canister.record.cycles = rest;
                    canister.record.consumed.add(purpose, cost);
                    Ok(())
                }
                None => Err(out_of_cycles(id, balance, cost.saturating_add(keep))),
            }
        };
        self.state.change_canister(id, pay).unwrap_or(Ok(()))?;
        self.burn(cost);
        Ok(())
    }

    /// Takes `cost` off the balance, or what there is of it. It was checked, or set aside, before.
    pub(super) fn take(&mut self, id: CanisterId, purpose: Use, cost: Cycles) -> Cycles {
        let take = |canister: &mut CanisterState| {
            let paid = cost.min(canister.record.cycles);
            canister.record.cycles = canister.record.cycles.saturating_sub(paid);
            canister.record.consumed.add(purpose, paid);
            paid
        };
        let paid = self.state.change_canister(id, take).unwrap_or(Cycles::ZERO);
        self.burn(paid);
        paid
    }

    /// Adds cycles to a canister's balance; to nobody, if it does not exist any more: then they are burned.
    pub(super) fn credit(&mut self, id: CanisterId, cycles: Cycles) {
        if cycles == Cycles::ZERO {
            return;
        }
        let add = |canister: &mut CanisterState| {
            canister.record.cycles = canister.record.cycles.saturating_add(cycles);
        };
        if self.state.change_canister(id, add).is_none() {
            self.burn(cycles);
        }
    }

    /// Counts cycles that are gone.
    pub(super) fn burn(&mut self, cycles: Cycles) {
        let burned = &mut self.state.counters.burned;
        *burned = burned.saturating_add(cycles);
    }

    /// Makes the canister pay for the time since it was charged last. One that cannot pay loses its code
    /// and what it holds (interface spec, "Canister out of cycles"). In the middle of a run it does not pay
    /// yet.
    pub(super) fn charge_idle(&mut self, id: CanisterId) -> Result<(), HostFailure> {
        match self.pay_idle(id) {
            true => self.starve(id),
            false => Ok(()),
        }
    }

    /// Makes the canister pay for its time; `true` if it cannot.
    pub(super) fn pay_idle(&mut self, id: CanisterId) -> bool {
        let Some(canister) = self.state.canister(id).filter(|canister| canister.paused.is_none()) else {
            return false;
        };
        let seconds = unpaid_seconds(canister, self.environment.time);
        if seconds == 0 {
            return false;
        }
        let Due { all: due, memory } = due(&self.state, canister, self.environment.time);
        let (before, after) = (Funds::of(canister), Funds::of(canister).after(due));
        let paid = before.all().saturating_sub(after.all());
        let starved = paid < due;
        self.state.change_canister(id, |canister| {
            let record = &mut canister.record;
            let until = record.charged_until.0;
            record.charged_until = Time(until.saturating_add(seconds.saturating_mul(SECOND_NANOS)));
            record.cycles = after.balance;
            record.reserved_cycles = after.reserved;
            if starved {
                record.consumed.add(Use::Uninstall, paid);
            } else {
                record.consumed.add(Use::Memory, memory);
                record.consumed.add(Use::ComputeAllocation, due.saturating_sub(memory));
            }
        });
        self.burn(paid);
        starved
    }

    /// No cycles came from nothing or went to nowhere (rule 5 of `execution`; RELIABILITY I8). Test builds
    /// check it after every message.
    pub(super) fn assert_conserved(&self) {
        #[cfg(test)]
        assert_eq!(self.state.cycles_there_are(), self.state.counters.minted.0, "cycles are not conserved");
    }

    /// Canisters whose funds end are charged, so that they are uninstalled in time though nobody calls them.
    pub(super) fn charge_insolvent(&mut self) -> Result<(), HostFailure> {
        for id in self.state.due_insolvent(self.environment.time) {
            self.charge_idle(id)?;
            self.foresee(id);
            self.assert_conserved();
        }
        Ok(())
    }

    /// Notes for all canisters that this height has changed until when they can pay.
    pub(super) fn foresee_insolvency(&mut self) {
        for id in self.state.touched() {
            self.foresee(id);
        }
    }

    /// After what time costs has changed: the same for the next of all canisters.
    pub(super) fn foresee_repriced(&mut self) {
        if let Some(first) = self.state.counters.repriced {
            let (ids, next) = self.state.canister_ids(first, REPRICED_PER_HEIGHT_MAX);
            ids.into_iter().for_each(|id| self.foresee(id));
            self.state.counters.repriced = next;
        }
    }

    fn foresee(&mut self, id: CanisterId) {
        let Some(canister) = self.state.canister(id) else {
            return;
        };
        let until = solvent_until(&self.environment.prices, &self.state, canister);
        if until != canister.record.solvent_until {
            self.state.change_canister(id, |canister| canister.record.solvent_until = until);
        }
    }
}
