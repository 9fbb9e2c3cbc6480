//! What canisters have of the subnet, and what they spent their cycles on.

use super::CanisterState;
use crate::types::Cycles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What cycles are spent on (interface spec, "IC method canister_metrics").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Use {
    /// Bytes held or allocated, over time.
    Memory,
    ComputeAllocation,
    IngressInduction,
    Instructions,
    RequestAndResponseTransmission,
    /// What was left when the canister could not pay for its time any more.
    Uninstall,
    CanisterCreation,
    HttpOutcalls,
    /// By `ic0.cycles_burn128`.
    Burned,
}

/// Cycles that a canister has spent since it was made, by use.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Consumed(BTreeMap<Use, Cycles>);

impl Consumed {
    /// Counts cycles as spent.
    pub fn add(&mut self, purpose: Use, cycles: Cycles) {
        if cycles > Cycles::ZERO {
            let sum = self.0.entry(purpose).or_default();
            *sum = sum.saturating_add(cycles);
        }
    }

    /// Cycles spent on `purpose`.
    pub fn on(&self, purpose: Use) -> Cycles {
        self.0.get(&purpose).copied().unwrap_or_default()
    }
}

/// What canisters have of the subnet's bounded resources.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allocated {
    /// Bytes held or allocated.
    pub bytes: u64,
    /// Percent of a core.
    pub compute: u64,
    /// Calls in flight whose response is guaranteed.
    pub guaranteed_calls: u64,
}

impl Allocated {
    /// What one canister has.
    pub fn of(canister: &CanisterState) -> Allocated {
        Allocated {
            bytes: canister.allocated_bytes(),
            compute: canister.record.settings.compute_allocation,
            guaranteed_calls: canister.in_flight.guaranteed() as u64,
        }
    }

    /// This and `other` together.
    pub fn with(self, other: Allocated) -> Allocated {
        Allocated {
            bytes: self.bytes.saturating_add(other.bytes),
            compute: self.compute.saturating_add(other.compute),
            guaranteed_calls: self.guaranteed_calls.saturating_add(other.guaranteed_calls),
        }
    }

    /// This without `other`.
    pub fn without(self, other: Allocated) -> Allocated {
        Allocated {
            bytes: self.bytes.saturating_sub(other.bytes),
            compute: self.compute.saturating_sub(other.compute),
            guaranteed_calls: self.guaranteed_calls.saturating_sub(other.guaranteed_calls),
        }
    }
}

/// Cycles that stand in a canister's record, in calls that it handles or made, and in messages for it
/// (RELIABILITY I8).
#[cfg(test)]
pub(super) fn cycles_of(canister: &CanisterState) -> u128 {
    let record = &canister.record;
    let stops: u128 = match &record.status {
        super::Status::Stopping(calls) => calls.iter().map(|call| call.cycles.0).sum(),
        super::Status::Running | super::Status::Stopped => 0,
    };
    let contexts: u128 = record.contexts.values().map(|context| context.available.0).sum();
    let callbacks: u128 = record.callbacks.values().map(|callback| callback.reserved.0).sum();
    let waiting = canister.queue.cycles() + canister.held.cycles();
    let paused = canister.paused.as_ref().map_or(0, |paused| paused.cycles().0);
    record.cycles.0 + record.reserved_cycles.0 + stops + contexts + callbacks + waiting + paused
}
