//! What a run wished becomes so, all of it or nothing.

use super::growth::{Keep, admit_growth};
use super::{Executor, charge};
use crate::encoding::management::sender_canister_version;
use crate::state::{CanisterState, HostFailure, PageMap, Use};
use crate::types::limits::{CANISTER_LOG_LINE_BYTES_MAX, LOG_LINE_OVERHEAD_BYTES, WASM_PAGE_BYTES};
use crate::types::*;
use crate::wasm::{Changes, Context, Execution, OutgoingCall};

/// What a successful run means for others.
pub(super) struct Effects {
    pub(super) answer: Option<Answer>,
    pub(super) calls: Vec<OutgoingCall>,
    pub(super) accepted: Cycles,
}

impl Executor<'_> {
    /// Charges for a run and keeps its log lines; applies its changes if it succeeded and may keep them.
    /// `available` is what the caller attached.
    pub(super) fn apply(
        &mut self,
        id: CanisterId,
        context: Context,
        available: Cycles,
        execution: Execution,
    ) -> Result<Result<Effects, Reject>, HostFailure> {
        self.log(id, execution.log);
        let price = self.environment.prices.message(execution.instructions);
        self.take(id, Use::Instructions, price);
        let outcome = match execution.outcome {
            Ok(changes) => self.apply_changes(id, context, available, changes)?,
            Err(reject) => Err(reject),
        };
        if outcome.is_err() {
            self.facts.traps = self.facts.traps.saturating_add(1);
        }
        Ok(outcome)
    }

    fn apply_changes(
        &mut self,
        id: CanisterId,
        context: Context,
        available: Cycles,
        changes: Changes,
    ) -> Result<Result<Effects, Reject>, HostFailure> {
        // They are read here, and again when they are answered.
        let managing = changes.calls.iter().filter(|call| call.receiver == management_canister());
        self.weigh(managing.fold(0, |bytes, call| bytes.saturating_add(call.payload.len())));
        let Some(canister) = self.state.canister(id) else {
            return Err(HostFailure(format!("canister {id} vanished while it ran")));
        };
        let balance = match settle(id, canister, available, &changes)? {
            Ok(balance) => balance,
            Err(reject) => return Ok(Err(reject)),
        };
        if let Err(reject) = named_versions(id, canister, &changes) {
            return Ok(Err(reject));
        }
        let fees = call_fees(id, &changes)?;
        let keeps_memory = context != Context::ReplicatedQuery;
        let (balance, reserved) = match self.pay_growth(id, context, canister, balance, &changes) {
            Ok(funds) => funds,
            Err(reject) => return Ok(Err(reject)),
        };
        let change = |canister: &mut CanisterState| {
            let record = &mut canister.record;
            record.cycles = balance;
            record.reserved_cycles = reserved;
            record.consumed.add(Use::RequestAndResponseTransmission, fees);
            record.consumed.add(Use::Burned, changes.cycles_burned);
            record.canister_version = record.canister_version.saturating_add(u64::from(keeps_memory));
            if keeps_memory { apply_memory(canister, &changes) } else { Ok(()) }
        };
        self.state.change_canister(id, change).unwrap_or(Ok(()))?;
        self.burn(fees.saturating_add(changes.cycles_burned));
        let minted = &mut self.state.counters.minted;
        *minted = minted.saturating_add(changes.cycles_minted);
        Ok(Ok(Effects { answer: changes.answer, calls: changes.calls, accepted: changes.cycles_accepted }))
    }

    /// Whether the memory that a run leaves behind is allowed and paid for: balance and reserved cycles
    /// after it.
    fn pay_growth(
        &self,
        id: CanisterId,
        context: Context,
        canister: &CanisterState,
        balance: Cycles,
        changes: &Changes,
    ) -> Result<(Cycles, Cycles), Reject> {
        const PAGE: u64 = WASM_PAGE_BYTES as u64;
        let heap = u64::from(changes.heap_wasm_pages).saturating_mul(PAGE);
        let grown = heap.saturating_add(changes.stable_wasm_pages.saturating_mul(PAGE));
        if grown <= canister.memory_bytes() || context == Context::ReplicatedQuery {
            return Ok((balance, canister.record.reserved_cycles));
        }
        if context == Context::Update {
            within_memory_limit(id, canister, heap)?;
        }
        let mut next = canister.clone();
        next.record.cycles = balance;
        next.record.heap_wasm_pages = changes.heap_wasm_pages;
        next.record.stable_wasm_pages = changes.stable_wasm_pages;
        let keep = match context {
            Context::ReplyCallback | Context::RejectCallback | Context::Cleanup => Keep::Nothing,
            _ => Keep::FreezingLimit,
        };
        admit_growth(&self.environment.prices, &self.state, id, &mut next, keep)?;
        Ok((next.record.cycles, next.record.reserved_cycles))
    }

    /// Adds lines to the canister's log and drops the oldest beyond its limit.
    pub(super) fn log(&mut self, id: CanisterId, lines: Vec<Vec<u8>>) {
        if lines.is_empty() {
            return;
        }
        let time = self.environment.time;
        self.state.change_canister(id, |canister| {
            let limit = canister.record.settings.log_memory_limit;
            let longest = limit.saturating_sub(LOG_LINE_OVERHEAD_BYTES);
            let longest = usize::try_from(longest).unwrap_or(usize::MAX).min(CANISTER_LOG_LINE_BYTES_MAX);
            for mut content in lines {
                content.truncate(longest);
                canister.log.push(time, content);
            }
            canister.log.trim(limit);
        });
    }
}

/// Whether the controllers allow a heap of so many bytes.
pub(super) fn within_memory_limit(
    id: CanisterId,
    canister: &CanisterState,
    heap_bytes: u64,
) -> Result<(), Reject> {
    let limit = canister.record.settings.wasm_memory_limit;
    if limit == 0 || heap_bytes <= limit {
        return Ok(());
    }
    let message = format!(
        "Error from Canister {id}: Canister exceeded its Wasm memory limit of {limit} bytes. \
         Raise the setting wasm_memory_limit."
    );
    Err(Reject::new(ErrorCode::CanisterWasmMemoryLimitExceeded, message))
}

/// The balance after a run. The engine kept the rules; that it did is checked, because cycles that come
/// from nothing cannot be taken back. While a long run went on, the balance may have become too small.
fn settle(
    id: CanisterId,
    canister: &CanisterState,
    available: Cycles,
    changes: &Changes,
) -> Result<Result<Cycles, Reject>, HostFailure> {
    if changes.cycles_accepted > available {
        return Err(HostFailure(format!("a run of canister {id} accepted more cycles than there were")));
    }
    let income = canister.record.cycles.saturating_add(changes.cycles_accepted);
    let income = income.saturating_add(changes.cycles_minted);
    let spent = changes.cycles_spent_on_calls.saturating_add(changes.cycles_burned);
    Ok(income.checked_sub(spent).ok_or_else(|| charge::out_of_cycles(id, income, spent)))
}

/// Whether the calls of the management canister that say which version their caller has are right about it: a run
/// that is wrong has trapped (interface spec, "Message execution").
fn named_versions(id: CanisterId, canister: &CanisterState, changes: &Changes) -> Result<(), Reject> {
    let version = canister.record.canister_version;
    let calls = changes.calls.iter().filter(|call| call.receiver == management_canister());
    for call in calls {
        match sender_canister_version(&call.method_name, &call.payload) {
            Some(named) if named != version => {
                let message = format!(
                    "Error from Canister {id}: Canister violated contract: a call of {} names \
                     sender_canister_version {named}, but the canister has version {version}. Name what \
                     ic0.canister_version returns, or nothing.",
                    call.method_name
                );
                return Err(Reject::new(ErrorCode::CanisterContractViolation, message));
            }
            _ => (),
        }
    }
    Ok(())
}

/// What of the cycles spent on calls is gone: neither attached to a call nor set aside.
fn call_fees(id: CanisterId, changes: &Changes) -> Result<Cycles, HostFailure> {
    let kept =
        |sum: Option<Cycles>, call: &OutgoingCall| sum?.checked_add(call.cycles)?.checked_add(call.reserved);
    let kept = changes.calls.iter().fold(Some(Cycles::ZERO), kept);
    let fees = kept.and_then(|kept| changes.cycles_spent_on_calls.checked_sub(kept));
    fees.ok_or_else(|| HostFailure(format!("calls of canister {id} carry more cycles than were spent")))
}

pub(super) fn apply_memory(canister: &mut CanisterState, changes: &Changes) -> Result<(), HostFailure> {
    set_pages(&mut canister.heap, &changes.heap)?;
    set_pages(&mut canister.stable, &changes.stable)?;
    let record = &mut canister.record;
    record.heap_wasm_pages = changes.heap_wasm_pages;
    record.stable_wasm_pages = changes.stable_wasm_pages;
    record.globals.clone_from(&changes.globals);
    record.next_callback = record.next_callback.max(changes.next_callback);
    if let Some(data) = &changes.certified_data {
        record.certified_data.clone_from(data);
    }
    if let Some(timer) = changes.global_timer {
        record.global_timer = timer;
        record.timer_again = Time::ZERO;
    }
    Ok(())
}

fn set_pages(memory: &mut PageMap, pages: &[(u64, crate::state::Page)]) -> Result<(), HostFailure> {
    for (index, page) in pages {
        memory.set(*index, Some(page.clone()))?;
    }
    Ok(())
}
