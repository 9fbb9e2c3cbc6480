//! The indexes that make time and idle canisters cost nothing: each change of a canister brings them up to date.

use super::ReplicatedState;
use crate::state::Allocated;
use crate::state::task::Wanted;
use crate::state::{CanisterState, Paused};
use crate::types::limits::{LONG_INSTALLS_MAX, LONG_RUNS_MAX};
use crate::types::*;
use imbl::OrdSet;
use std::sync::Arc;

impl ReplicatedState {
    /// The first canister after `last` for which messages wait, around the end.
    pub fn next_active(&self, last: Option<CanisterId>) -> Option<CanisterId> {
        let after = last.and_then(|CanisterId(last)| last.checked_add(1));
        let following = after.and_then(|from| self.active.range(CanisterId(from)..).next());
        following.or_else(|| self.active.get_min()).copied()
    }

    /// How many canisters have messages waiting.
    pub fn active_count(&self) -> usize {
        self.active.len()
    }

    /// Running canisters whose timer is due at `now`, earliest first.
    pub fn due_timers(&self, now: Time) -> Vec<CanisterId> {
        let due = self.timers.iter().take_while(|(time, _)| *time <= now);
        due.map(|(_, id)| *id).collect()
    }

    /// At most `count` canisters whose hook of low memory is due, beginning after `last` and around the end.
    pub fn due_hooks(&self, last: Option<CanisterId>, count: usize) -> Vec<CanisterId> {
        self.tasks.hooks(last, count)
    }

    /// At most `count` canisters that want a heartbeat, beginning after `last` and around the end.
    pub fn due_heartbeats(&self, last: Option<CanisterId>, count: usize) -> Vec<CanisterId> {
        self.tasks.heartbeats(last, count)
    }

    /// A canister at which a `stop_canister` call has waited for too long.
    pub fn due_stop(&self, now: Time) -> Option<CanisterId> {
        let (time, id) = self.stops.get_min()?;
        (*time < now).then_some(*id)
    }

    /// Canisters whose paused run goes on now: the first [`LONG_RUNS_MAX`] of the line, but no more than
    /// [`LONG_INSTALLS_MAX`] installations.
    pub fn under_way(&self) -> Vec<CanisterId> {
        let (mut under_way, mut installs) = (Vec::new(), 0);
        for (_, id) in &self.line {
            if under_way.len() >= LONG_RUNS_MAX {
                break;
            }
            let install = self.paused(*id).is_some_and(|paused| paused.is_install());
            if !install || installs < LONG_INSTALLS_MAX {
                under_way.push(*id);
                installs += usize::from(install);
            }
        }
        under_way
    }

    /// The place behind all others in the line of paused runs.
    pub fn next_place(&self) -> u64 {
        self.line.get_max().map_or(0, |(last, _)| last.saturating_add(1))
    }

    /// How many runs are in the middle, or wait to be again.
    pub fn paused_count(&self) -> usize {
        self.line.len()
    }

    /// The canister's paused run.
    pub fn paused(&self, id: CanisterId) -> Option<&Arc<Paused>> {
        self.canisters.get(&id)?.paused.as_ref()
    }

    /// What all canisters have together.
    pub fn allocated(&self) -> Allocated {
        self.allocated
    }

    /// Cycles that exist: of all canisters, of waiting management calls, and those that are burned.
    #[cfg(test)]
    pub fn cycles_there_are(&self) -> u128 {
        self.cycles + self.management.cycles() + self.counters.burned.0
    }

    /// Canisters whose funds may not last until `now`.
    pub fn due_insolvent(&self, now: Time) -> Vec<CanisterId> {
        let due = self.solvent.iter().take_while(|(time, _)| *time <= now);
        due.map(|(_, id)| *id).collect()
    }

    /// Running canisters with a compute allocation for which messages wait, by id. There are few: all
    /// allocations together are bounded.
    pub fn allotted(&self) -> impl Iterator<Item = (CanisterId, &CanisterState)> {
        self.allotted.iter().filter_map(|id| Some((*id, self.canisters.get(id)?.as_ref())))
    }

    /// Canisters changed since the last height was sealed, by id.
    pub fn touched(&self) -> Vec<CanisterId> {
        self.touched.canisters.iter().copied().collect()
    }

    /// A best-effort call whose deadline has passed.
    pub fn due_deadline(&self, now: Time) -> Option<(Time, CanisterId, CallbackId)> {
        self.deadlines.get_min().copied().filter(|(deadline, ..)| *deadline < now)
    }

    /// Whether any canister is frozen by whoever governs the subnet.
    pub fn any_frozen(&self) -> bool {
        self.frozen > 0
    }

    /// Bytes that all waiting messages carry.
    pub fn queue_bytes(&self) -> u64 {
        self.queue_bytes.saturating_add(self.management.bytes())
    }

    /// Remembers to give up a best-effort call.
    pub fn add_deadline(&mut self, deadline: Time, id: CanisterId, callback: CallbackId) {
        self.deadlines.insert((deadline, id, callback));
    }

    /// The call was answered or given up.
    pub fn remove_deadline(&mut self, deadline: Time, id: CanisterId, callback: CallbackId) {
        self.deadlines.remove(&(deadline, id, callback));
    }

    pub(super) fn reindex(
        &mut self,
        id: CanisterId,
        old: Option<&CanisterState>,
        new: Option<&CanisterState>,
    ) {
        let marks = |canister: Option<&CanisterState>| canister.map(Marks::of).unwrap_or_default();
        self.remark(id, marks(old), marks(new));
    }

    pub(super) fn remark(&mut self, id: CanisterId, before: Marks, after: Marks) {
        match (before.active, after.active) {
            (false, true) => self.active.insert(id),
            (true, false) => self.active.remove(&id),
            (true, true) | (false, false) => None,
        };
        reorder(&mut self.timers, id, before.timer, after.timer);
        reorder(&mut self.stops, id, before.stop, after.stop);
        self.tasks.note(id, before.wanted, after.wanted);
        reorder(&mut self.line, id, before.paused, after.paused);
        reorder(&mut self.solvent, id, before.insolvent, after.insolvent);
        match (before.allotted, after.allotted) {
            (false, true) => self.allotted.insert(id),
            (true, false) => self.allotted.remove(&id),
            (true, true) | (false, false) => None,
        };
        let others = self.frozen.saturating_sub(u64::from(before.frozen));
        self.frozen = others.saturating_add(u64::from(after.frozen));
        self.allocated = self.allocated.without(before.allocated).with(after.allocated);
        #[cfg(test)]
        (self.cycles = self.cycles - before.cycles + after.cycles);
        let others = self.queue_bytes.saturating_sub(before.queue_bytes);
        self.queue_bytes = others.saturating_add(after.queue_bytes);
    }
}

/// What the indexes hold of a canister.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    active: bool,
    timer: Option<Time>,
    stop: Option<Time>,
    wanted: Wanted,
    paused: Option<u64>,
    insolvent: Option<Time>,
    allotted: bool,
    frozen: bool,
    allocated: Allocated,
    #[cfg(test)]
    cycles: u128,
    queue_bytes: u64,
}

impl Marks {
    pub(super) fn of(canister: &CanisterState) -> Marks {
        let record = &canister.record;
        Marks {
            active: canister.has_work(),
            timer: canister.timer(),
            stop: canister.stop_deadline(),
            wanted: Wanted::by(canister),
            paused: canister.paused.as_ref().map(|paused| paused.number),
            insolvent: Some(record.solvent_until).filter(|until| *until != Time(u64::MAX)),
            allotted: canister.has_work() && record.settings.compute_allocation > 0,
            frozen: record.frozen.is_some(),
            allocated: Allocated::of(canister),
            #[cfg(test)]
            cycles: crate::state::account::cycles_of(canister),
            queue_bytes: canister.queue.bytes().saturating_add(canister.held.bytes()),
        }
    }
}

/// Moves a canister in an index by time, or by place in the line.
fn reorder<K: Ord + Copy>(
    index: &mut OrdSet<(K, CanisterId)>,
    id: CanisterId,
    before: Option<K>,
    after: Option<K>,
) {
    if before == after {
        return;
    }
    if let Some(place) = before {
        index.remove(&(place, id));
    }
    if let Some(place) = after {
        index.insert((place, id));
    }
}

/// What a canister pays for its time changes only when it has paid for the time until now.
#[cfg(test)]
pub(super) fn assert_paid(canister: &CanisterState, before: Marks, after: Marks, now: Time) {
    let rate = |marks: Marks| (marks.allocated.bytes, marks.allocated.compute);
    let paid = now.ms_since(canister.record.charged_until) < 1_000;
    assert!(rate(before) == rate(after) || paid, "what a canister holds changed before it paid for its time");
}
