//! Whose turn a compute allocation makes it.

use super::Executor;
use crate::state::{CanisterState, HostFailure};
use crate::types::limits::COMPUTE_ALLOCATION_FULL;
use crate::types::*;

impl Executor<'_> {
    /// Canisters with messages and a compute allocation of `a` percent have a turn before all others in one
    /// of `100 / a` heights. All allocations together are bounded, so that a height has time for all of
    /// these turns.
    pub(super) fn run_allotted(&mut self) -> Result<(), HostFailure> {
        let height = self.batch.height;
        let last_turn = self.state.counters.last_turn;
        for id in self.allotted_turns() {
            if !self.has_time() {
                break;
            }
            self.state.change_canister(id, |canister| canister.record.allotted = height);
            self.take_turn(id)?;
        }
        // These turns come on top: the round of all goes on where it was.
        self.state.counters.last_turn = last_turn;
        Ok(())
    }

    /// Those who have waited longest come first.
    fn allotted_turns(&self) -> Vec<CanisterId> {
        let due = |(id, canister): (CanisterId, &CanisterState)| {
            let heights = self.batch.height.0.saturating_sub(canister.record.allotted.0);
            let weight = heights.saturating_mul(canister.record.settings.compute_allocation);
            (weight >= COMPUTE_ALLOCATION_FULL).then_some((std::cmp::Reverse(heights), id))
        };
        let mut turns: Vec<_> = self.state.allotted().filter_map(due).collect();
        turns.sort_unstable();
        turns.into_iter().map(|(_, id)| id).collect()
    }
}
