//! What the system has to start at canisters by itself: heartbeats, and the hook of low Wasm memory.

use super::CanisterState;
use crate::types::CanisterId;
use crate::types::limits::{HEAP_BYTES_MAX, WASM_PAGE_BYTES};
use imbl::OrdSet;
use serde::{Deserialize, Serialize};

/// Whether `canister_on_low_wasm_memory` waits for its turn (interface spec, "On low Wasm memory").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum HookStatus {
    /// There is more Wasm memory left than the threshold says.
    #[default]
    ConditionNotSatisfied,
    /// There is less; the hook has not run since.
    Ready,
    Executed,
}

impl HookStatus {
    /// Nothing is to be done, nothing was.
    pub(super) fn is_idle(&self) -> bool {
        *self == HookStatus::ConditionNotSatisfied
    }
}

impl CanisterState {
    /// Whether the canister wants a heartbeat and can take one.
    pub fn beats(&self) -> bool {
        let wanted = self.module.as_ref().is_some_and(|module| module.has_heartbeat());
        wanted && self.takes_tasks() && self.paused.is_none()
    }

    /// Whether the hook of low memory comes before any other call.
    pub fn hook_is_due(&self) -> bool {
        self.record.low_memory_hook == HookStatus::Ready
            && self.takes_tasks()
            && self.paused.is_none()
            && self.module.as_ref().is_some_and(|module| module.exports(LOW_MEMORY_HOOK))
    }

    /// The heap or its limits may have changed: the hook becomes ready when less memory is left than the
    /// threshold, and rests when there is enough again.
    pub(super) fn watch_heap(&mut self) {
        let record = &mut self.record;
        let limit = match record.settings.wasm_memory_limit {
            0 => HEAP_BYTES_MAX,
            limit => limit,
        };
        let heap = u64::from(record.heap_wasm_pages).saturating_mul(WASM_PAGE_BYTES as u64);
        let low = limit < heap.saturating_add(record.settings.wasm_memory_threshold);
        record.low_memory_hook = match (low, record.low_memory_hook) {
            (false, _) => HookStatus::ConditionNotSatisfied,
            (true, HookStatus::ConditionNotSatisfied) => HookStatus::Ready,
            (true, status) => status,
        };
    }
}

/// The global timer's export.
pub const GLOBAL_TIMER: &str = "canister_global_timer";
/// The hook's export.
pub const LOW_MEMORY_HOOK: &str = "canister_on_low_wasm_memory";

/// Canisters by what has to be started at them.
#[derive(Clone, Default)]
pub(super) struct Tasks {
    heartbeats: OrdSet<CanisterId>,
    hooks: OrdSet<CanisterId>,
}

/// What one canister wants.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    heartbeat: bool,
    hook: bool,
}

impl Wanted {
    pub(super) fn by(canister: &CanisterState) -> Wanted {
        Wanted { heartbeat: canister.beats(), hook: canister.hook_is_due() }
    }
}

impl Tasks {
    /// Notes what a canister wants now.
    pub(super) fn note(&mut self, id: CanisterId, before: Wanted, after: Wanted) {
        note(&mut self.heartbeats, id, before.heartbeat, after.heartbeat);
        note(&mut self.hooks, id, before.hook, after.hook);
    }

    /// At most `count` canisters that want a heartbeat, beginning after `last`.
    pub(super) fn heartbeats(&self, last: Option<CanisterId>, count: usize) -> Vec<CanisterId> {
        following(&self.heartbeats, last, count)
    }

    /// At most `count` canisters whose hook is due, beginning after `last`.
    pub(super) fn hooks(&self, last: Option<CanisterId>, count: usize) -> Vec<CanisterId> {
        following(&self.hooks, last, count)
    }
}

/// The first `count` after `last`, around the end.
fn following(index: &OrdSet<CanisterId>, last: Option<CanisterId>, count: usize) -> Vec<CanisterId> {
    let from = CanisterId(last.map_or(0, |CanisterId(last)| last.saturating_add(1)));
    index.range(from..).chain(index.range(..from)).take(count).copied().collect()
}

fn note(index: &mut OrdSet<CanisterId>, id: CanisterId, before: bool, after: bool) {
    match (before, after) {
        (false, true) => index.insert(id),
        (true, false) => index.remove(&id),
        (true, true) | (false, false) => None,
    };
}
