//! What the system starts by itself: the hook of low memory, timers that are due, heartbeats. All of them
//! together leave a quarter of the height at least for messages, however many there are.

use super::{Executor, charge};
use crate::state::{CanisterState, GLOBAL_TIMER, HookStatus, HostFailure, LOW_MEMORY_HOOK, Task};
use crate::types::limits::{
    HEARTBEATS_PER_HEIGHT_MAX, HEIGHT_INSTRUCTIONS_MAX, HOOKS_PER_HEIGHT_MAX, MESSAGE_INSTRUCTIONS,
    TIMER_AGAIN_MS,
};
use crate::types::*;

const HEARTBEAT: &str = "canister_heartbeat";
/// Timers are started until half of the height is used, then heartbeats for another quarter.
const TIMERS_UNTIL: Instructions = Instructions(HEIGHT_INSTRUCTIONS_MAX.0 / 2);
const HEARTBEATS_UNTIL: Instructions = Instructions(HEIGHT_INSTRUCTIONS_MAX.0 / 4 * 3);

impl Executor<'_> {
    /// Starts what is due, as far as the height reaches.
    pub(super) fn run_tasks(&mut self) -> Result<(), HostFailure> {
        for id in self.state.due_hooks(self.state.counters.last_hook, HOOKS_PER_HEIGHT_MAX) {
            if self.effort >= TIMERS_UNTIL {
                break;
            }
            self.state.counters.last_hook = Some(id);
            self.run_hook(id)?;
        }
        for id in self.state.due_timers(self.environment.time) {
            if self.effort >= TIMERS_UNTIL {
                break;
            }
            self.run_timer(id)?;
        }
        for id in self.state.due_heartbeats(self.state.counters.last_heartbeat, HEARTBEATS_PER_HEIGHT_MAX) {
            if self.effort >= HEARTBEATS_UNTIL {
                break;
            }
            self.state.counters.last_heartbeat = Some(id);
            self.run_hook(id)?;
            self.run_task(id, HEARTBEAT)?;
        }
        Ok(())
    }

    /// Runs the hook of low memory if it is due and the canister can pay for it; if not, it waits.
    pub(super) fn run_hook(&mut self, id: CanisterId) -> Result<(), HostFailure> {
        if !self.state.canister(id).is_some_and(|canister| canister.hook_is_due()) {
            return Ok(());
        }
        self.charge_idle(id)?;
        if !self.state.canister(id).is_some_and(|canister| self.can_pay_task(canister)) {
            self.count_skipped();
            return Ok(());
        }
        self.state.change_canister(id, |canister| canister.record.low_memory_hook = HookStatus::Executed);
        self.run_task(id, LOW_MEMORY_HOOK)
    }

    /// Runs the canister's global timer, which is over with that. One that cannot be paid waits (interface spec,
    /// "Call context creation").
    fn run_timer(&mut self, id: CanisterId) -> Result<(), HostFailure> {
        let now = self.environment.time;
        self.run_hook(id)?;
        self.charge_idle(id)?;
        // The hook may have set another timer, or go on.
        let due = self.state.canister(id).filter(|canister| canister.timer().is_some_and(|due| due <= now));
        let Some(canister) = due else {
            return Ok(());
        };
        if !self.can_pay_task(canister) {
            let again = now.plus_ms(TIMER_AGAIN_MS);
            self.state.change_canister(id, |canister| canister.record.timer_again = again);
            self.count_skipped();
            return Ok(());
        }
        self.state.change_canister(id, |canister| {
            canister.record.global_timer = Time::ZERO;
            canister.record.timer_again = Time::ZERO;
        });
        self.run_task(id, GLOBAL_TIMER)
    }

    /// Runs an export that nobody called, if the canister has it and can pay for it.
    fn run_task(&mut self, id: CanisterId, export: &str) -> Result<(), HostFailure> {
        self.charge_idle(id)?;
        let Some(canister) = self.state.canister(id).cloned() else {
            return Ok(());
        };
        let exported = canister.module.as_ref().is_some_and(|module| module.exports(export));
        let can_run = exported && self.can_pay_task(&canister) && canister.paused.is_none();
        // So that what follows changes the canister in place.
        drop(canister);
        match can_run {
            true => self.execute(id, Task::System(export.to_owned()), None),
            false => {
                self.count_skipped();
                Ok(())
            }
        }
    }

    fn can_pay_task(&self, canister: &CanisterState) -> bool {
        let prepaid = self.environment.prices.message(self.slicing.update_max);
        let keep = charge::must_keep(&self.environment.prices, canister);
        canister.record.cycles >= prepaid.saturating_add(keep)
    }

    /// Looking at a canister whose task cannot run takes time too.
    fn count_skipped(&mut self) {
        self.effort = self.effort.saturating_add(MESSAGE_INSTRUCTIONS);
    }
}
