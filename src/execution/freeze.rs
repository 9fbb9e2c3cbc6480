//! A canister is frozen: what it was in the middle of ends.

use super::Executor;
use crate::state::{CanisterState, Frozen, GLOBAL_TIMER, HostFailure, Task};
use crate::types::*;

/// Whether the canister's code may run, and the canister be changed.
///
/// # Errors
/// It is frozen, and why.
pub fn is_free(id: CanisterId, canister: &CanisterState) -> Result<(), Reject> {
    match &canister.record.frozen {
        None => Ok(()),
        Some(Frozen { reason, .. }) => {
            let message = format!("Canister {id} is frozen by the subnet's governance: {reason}");
            Err(Reject::new(ErrorCode::CanisterFrozen, message))
        }
    }
}

impl Executor<'_> {
    /// Freezes the canister, or says another reason; its code does not run any more.
    pub(super) fn freeze(&mut self, id: CanisterId, reason: String) -> Result<(), HostFailure> {
        let now = self.environment.time;
        let freeze = |canister: &mut CanisterState| {
            let since = canister.record.frozen.as_ref().map_or(now, |frozen| frozen.since);
            canister.record.frozen = Some(Frozen { reason, since });
        };
        self.state.change_canister(id, freeze);
        let Some(Err(reject)) = self.state.canister(id).map(|canister| is_free(id, canister)) else {
            return Ok(());
        };
        self.keep_timer(id);
        self.break_off(id, reject)
    }

    /// A timer that is broken off goes off again when the canister is free.
    fn keep_timer(&mut self, id: CanisterId) {
        let is_timer = |task: &Task| matches!(task, Task::System(entry) if entry == GLOBAL_TIMER);
        if self.state.paused(id).is_some_and(|paused| is_timer(&paused.task)) {
            let due = self.environment.time;
            self.state.change_canister(id, |canister| canister.record.global_timer = due);
        }
    }
}
