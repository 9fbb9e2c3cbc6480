//! Canisters come to rest: stopping ends when the last call has been answered; a canister that cannot pay
//! loses its code.

use super::Executor;
use crate::encoding::management;
use crate::state::{CanisterState, HostFailure, Status, StopCall};
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
            format!("Canister {id} ran out of cycles and was uninstalled. Top it up and install it again.");
        self.empty(id, &Reject::new(ErrorCode::CanisterRejectedMessage, message));
        self.drop_snapshots(id);
        self.state.change_canister(id, |canister| {
            canister.record.settings.compute_allocation = 0;
            canister.record.settings.memory_allocation = 0;
            canister.record.history.clear();
        });
        Ok(())
    }

    /// Deletes all snapshots of the canister.
    pub(super) fn drop_snapshots(&mut self, id: CanisterId) {
        let Some(canister) = self.state.canister(id) else {
            return;
        };
        let chunks = canister.chunk_hashes();
        let modules: Vec<Digest> =
            canister.snapshots.values().filter_map(|snapshot| snapshot.record.module_hash).collect();
        self.state.change_canister(id, |canister| canister.snapshots.clear());
        self.state.release_chunks(id, chunks);
        for hash in &modules {
            self.state.release_module(hash);
        }
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
        let chunks = canister.chunk_hashes();
        let module = canister.record.module_hash;
        for context in contexts {
            self.answer_context(id, context, Answer::Reject(reject.clone()));
        }
        self.state.change_canister(id, wipe);
        self.state.release_chunks(id, chunks);
        if let Some(hash) = module {
            self.state.release_module(&hash);
        }
    }
}

/// The canister without code and state.
pub(super) fn wipe(canister: &mut CanisterState) {
    canister.module = None;
    canister.clear_heap();
    canister.clear_stable();
    canister.log.clear();
    let record = &mut canister.record;
    record.module_hash = None;
    record.globals = Vec::new();
    record.certified_data = Vec::new();
    record.global_timer = Time::ZERO;
    record.installed = Time::ZERO;
    record.chunks.clear();
    record.canister_version = record.canister_version.saturating_add(1);
    for context in record.contexts.values_mut() {
        context.deleted = true;
    }
}
