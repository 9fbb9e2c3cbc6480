//! What a canister pays, and how much it must keep.
//!
//! 1. **Time is paid late.** What a canister holds and has allocated is charged when it is next touched,
//!    before that changes. The index of `solvent_until` finds those whose funds end while they are idle.
//! 2. **Reserved cycles pay first** for time, and for nothing else; the balance pays the rest.
//! 3. **The balance keeps the freezing limit**, less what is reserved. Only responses, management, and
//!    time may take it lower.

use super::Executor;
use super::price::{IdleRate, PriceTable};
use crate::state::{CanisterState, Consumed, HostFailure, Use};
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

/// What is left after paying for time gone by.
pub fn funds_at(prices: &PriceTable, canister: &CanisterState, now: Time) -> Funds {
    let due = idle_rate(prices, canister).for_seconds(unpaid_seconds(canister, now));
    Funds::of(canister).after(due)
}

/// What the canister has spent, time until now included.
pub fn consumed_at(prices: &PriceTable, canister: &CanisterState, now: Time) -> Consumed {
    let (rate, seconds) = (idle_rate(prices, canister), unpaid_seconds(canister, now));
    let memory = rate.memory_for_seconds(seconds);
    let mut consumed = canister.record.consumed.clone();
    consumed.add(Use::Memory, memory);
    consumed.add(Use::ComputeAllocation, rate.for_seconds(seconds).saturating_sub(memory));
    consumed
}

/// The moment up to which the canister can surely pay for its time.
fn solvent_until(prices: &PriceTable, canister: &CanisterState) -> Time {
    let seconds = idle_rate(prices, canister).seconds_paid(Funds::of(canister).all());
    let nanos = seconds.map_or(u64::MAX, |seconds| seconds.saturating_mul(SECOND_NANOS));
    Time(canister.record.charged_until.0.saturating_add(nanos))
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
        let rate = idle_rate(&self.environment.prices, canister);
        let (due, memory) = (rate.for_seconds(seconds), rate.memory_for_seconds(seconds));
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

    fn foresee(&mut self, id: CanisterId) {
        let Some(canister) = self.state.canister(id) else {
            return;
        };
        let until = solvent_until(&self.environment.prices, canister);
        if until != canister.record.solvent_until {
            self.state.change_canister(id, |canister| canister.record.solvent_until = until);
        }
    }
}
