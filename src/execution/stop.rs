//! Canisters come to rest: stopping ends when the last call has been answered; a canister that cannot pay
//! loses its code.

use super::Executor;
use crate::encoding::management;
use crate::state::{CanisterState, HostFailure, PageMap, Status, StopCall};
use crate::types::limits::STOP_TIMEOUT_MS;
use crate::types::*;

impl Executor<'_> {
    /// A stopping canister without open calls is stopped, and everyone who waited for that hears it.
    pub(super) fn finish_stop(&mut self, id: CanisterId) {
        let Some(canister) = self.state.canister(id) else {
            return;
        };
        let record = &canister.record;
        let done = record.contexts.is_empty() && record.callbacks.is_empty();
        let Status::Stopping(calls) = &record.status else {
            return;
        };
        if !done {
            return;
        }
        let calls = calls.clone();
        self.state.change_canister(id, |canister| {
            canister.record.status = Status::Stopped;
            canister.record.canister_version = canister.record.canister_version.saturating_add(1);
        });
        let reply = management::encode_unit();
        self.answer_stops(calls, Answer::Reply(reply));
    }

    /// Answers calls of `stop_canister`.
    pub(super) fn answer_stops(&mut self, calls: Vec<StopCall>, answer: Answer) {
        for call in calls {
            self.answer(management_canister(), &call.origin, answer.clone(), call.cycles);
        }
    }

    /// Calls of `stop_canister` that waited for too long are refused; the canister goes on stopping.
    pub(super) fn give_up_stops(&mut self) {
        while let Some(id) = self.state.due_stop(self.environment.time) {
            let now = self.environment.time;
            let late = |call: &StopCall| call.since.plus_ms(STOP_TIMEOUT_MS) < now;
            let split = |canister: &mut CanisterState| match &mut canister.record.status {
                Status::Stopping(calls) => {
                    let (late, rest) = std::mem::take(calls).into_iter().partition(late);
                    *calls = rest;
                    late
                }
                Status::Running | Status::Stopped => Vec::new(),
            };
            let late: Vec<StopCall> = self.state.change_canister(id, split).unwrap_or_default();
            let message =
                format!("Canister {id} did not stop in time; it is still stopping. Ask again, or start it.");
            let reject = Reject::new(ErrorCode::StopCanisterRequestTimeout, message);
            self.answer_stops(late, Answer::Reject(reject));
        }
    }

    /// The canister cannot pay for its time: it loses its code, what it holds and its allocations
    /// (interface spec, "Canister out of cycles").
    pub(super) fn starve(&mut self, id: CanisterId) -> Result<(), HostFailure> {
        let message =
            format!("Canister {id} ran out of cycles and was uninstalled. Top it up and install it.");
        self.empty(id, &Reject::new(ErrorCode::CanisterMethodReject, message));
        self.state.change_canister(id, |canister| {
            canister.record.settings.compute_allocation = 0;
            canister.record.settings.memory_allocation = 0;
            canister.record.history.clear();
        });
        Ok(())
    }

    /// Removes code and state. Calls that are not answered get `reject`; callbacks of calls in flight will
    /// not run.
    pub(super) fn empty(&mut self, id: CanisterId, reject: &Reject) {
        let Some(canister) = self.state.canister(id) else {
            return;
        };
        let unanswered = |(id, context): (&CallContextId, &crate::state::CallContext)| {
            (!context.answered && !context.deleted).then_some(*id)
        };
        let contexts: Vec<_> = canister.record.contexts.iter().filter_map(unanswered).collect();
        let chunks: Vec<Digest> = canister.record.chunks.keys().copied().collect();
        let module = canister.record.module_hash;
        for context in contexts {
            self.answer_context(id, context, Answer::Reject(reject.clone()));
        }
        for hash in &chunks {
            self.state.remove_chunk(id, hash);
        }
        self.state.change_canister(id, wipe);
        if let Some(hash) = module {
            self.state.release_module(&hash);
        }
    }
}

fn wipe(canister: &mut CanisterState) {
    canister.module = None;
    canister.heap = PageMap::new();
    canister.stable = PageMap::new();
    let record = &mut canister.record;
    record.module_hash = None;
    record.globals = Vec::new();
    record.heap_wasm_pages = 0;
    record.stable_wasm_pages = 0;
    record.certified_data = Vec::new();
    record.global_timer = Time::ZERO;
    record.chunks.clear();
    record.logs.clear();
    record.canister_version = record.canister_version.saturating_add(1);
    for context in record.contexts.values_mut() {
        context.deleted = true;
    }
}
