//! What a canister pays, and how much it must keep.

use super::Executor;
use super::price::PriceTable;
use crate::state::{CanisterState, HostFailure};
use crate::types::*;

/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;
const SECOND_NANOS: u64 = 1_000_000_000;
/// What each entry of a canister's history counts as memory.
const HISTORY_ENTRY_BYTES: u64 = 256;

/// Bytes that a canister holds: memories, module, chunks, logs, history, snapshots.
pub fn held_bytes(canister: &CanisterState) -> u64 {
    held_bytes_with(canister, canister.memory_bytes())
}

/// What it would hold with memories of so many bytes.
fn held_bytes_with(canister: &CanisterState, memory_bytes: u64) -> u64 {
    let parts = [
        memory_bytes,
        canister.module.as_ref().map_or(0, |module| module.record.bytes),
        chunk_store_bytes(canister),
        log_bytes(canister),
        history_bytes(canister),
        canister.snapshot_bytes(),
    ];
    parts.into_iter().fold(0, u64::saturating_add)
}

/// Each chunk counts with the size of the largest.
pub fn chunk_store_bytes(canister: &CanisterState) -> u64 {
    (canister.record.chunks.len() as u64).saturating_mul(limits::CHUNK_BYTES_MAX as u64)
}

/// Bytes of the log lines.
pub fn log_bytes(canister: &CanisterState) -> u64 {
    canister.log.bytes()
}

/// Bytes that the history counts.
pub fn history_bytes(canister: &CanisterState) -> u64 {
    (canister.record.history.len() as u64).saturating_mul(HISTORY_ENTRY_BYTES)
}

/// Cycles that holding the canister as it is costs in `seconds`.
fn idle_cost(prices: &PriceTable, canister: &CanisterState, seconds: u64) -> Cycles {
    idle_cost_with(prices, canister, canister.memory_bytes(), seconds)
}

/// It pays for what it holds, or for what it reserved if that is more.
fn idle_cost_with(prices: &PriceTable, canister: &CanisterState, memory_bytes: u64, seconds: u64) -> Cycles {
    let settings = &canister.record.settings;
    let bytes = held_bytes_with(canister, memory_bytes).max(settings.memory_allocation);
    prices.idle(bytes, settings.compute_allocation, seconds)
}

/// Cycles burned in a day by a canister that does nothing.
pub fn idle_cycles_per_day(prices: &PriceTable, canister: &CanisterState) -> Cycles {
    idle_cost(prices, canister, DAY_SECONDS)
}

/// Below this balance a canister is frozen: what `freezing_threshold` seconds of doing nothing cost.
pub fn freezing_limit(prices: &PriceTable, canister: &CanisterState) -> Cycles {
    freezing_limit_with(prices, canister, canister.memory_bytes())
}

/// The freezing limit with memories of so many bytes.
pub fn freezing_limit_with(prices: &PriceTable, canister: &CanisterState, memory_bytes: u64) -> Cycles {
    idle_cost_with(prices, canister, memory_bytes, canister.record.settings.freezing_threshold)
}

/// Whole seconds not yet paid for.
fn unpaid_seconds(canister: &CanisterState, now: Time) -> u64 {
    now.0.saturating_sub(canister.record.charged_until.0) / SECOND_NANOS
}

/// The balance after paying for time gone by; zero if it does not suffice.
pub fn balance_at(prices: &PriceTable, canister: &CanisterState, now: Time) -> Cycles {
    let due = idle_cost(prices, canister, unpaid_seconds(canister, now));
    canister.record.cycles.saturating_sub(due)
}

/// Why a canister that cannot pay is refused.
pub fn out_of_cycles(id: CanisterId, balance: Cycles, needed: Cycles) -> Reject {
    let message = format!(
        "Canister {id} is out of cycles: it has {balance} and needs {needed} above its freezing threshold. \
         Top up the canister, or lower its freezing threshold."
    );
    Reject::new(ErrorCode::CanisterOutOfCycles, message)
}

impl Executor<'_> {
    /// Takes cycles off the balance and counts them as burned, if the balance stays at `keep` or above.
    pub(super) fn charge(&mut self, id: CanisterId, cost: Cycles, keep: Cycles) -> Result<(), Reject> {
        let pay = |canister: &mut CanisterState| {
            let balance = canister.record.cycles;
            match balance.checked_sub(cost).filter(|rest| *rest >= keep) {
                Some(rest) => {
                    canister.record.cycles = rest;
                    Ok(())
                }
                None => Err(out_of_cycles(id, balance, cost.saturating_add(keep))),
            }
        };
        self.state.change_canister(id, pay).unwrap_or(Ok(()))?;
        self.burn(cost);
        Ok(())
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
    /// and what it holds (interface spec, "Canister cycles"). In the middle of a run it does not pay yet.
    pub(super) fn charge_idle(&mut self, id: CanisterId) -> Result<(), HostFailure> {
        let Some(canister) = self.state.canister(id).filter(|canister| canister.paused.is_none()) else {
            return Ok(());
        };
        let seconds = unpaid_seconds(canister, self.environment.time);
        if seconds == 0 {
            return Ok(());
        }
        let due = idle_cost(&self.environment.prices, canister, seconds);
        let paid = due.min(canister.record.cycles);
        self.state.change_canister(id, |canister| {
            let until = canister.record.charged_until.0;
            canister.record.charged_until = Time(until.saturating_add(seconds.saturating_mul(SECOND_NANOS)));
            canister.record.cycles = canister.record.cycles.saturating_sub(paid);
        });
        self.burn(paid);
        match paid < due {
            true => self.starve(id),
            false => Ok(()),
        }
    }
}
