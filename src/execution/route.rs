//! Calls find their canister, answers their caller. Within the subnet both arrive at once, in the order
//! in which they were sent.

use super::Executor;
use super::induct::{accepts_calls, not_found};
use crate::state::{Callback, IngressStatus, Message, Origin};
use crate::types::limits::{CALL_TIMEOUT_MAX_S, RESPONSE_BYTES_MAX};
use crate::types::*;
use crate::wasm::OutgoingCall;
use std::sync::Arc;

impl Executor<'_> {
    /// Makes one of a canister's calls: its callback waits, the request goes on its way.
    pub(super) fn send(&mut self, sender: CanisterId, context: CallContextId, call: OutgoingCall) {
        let seconds = call.deadline_seconds.map(|seconds| seconds.min(CALL_TIMEOUT_MAX_S));
        let deadline =
            seconds.map(|seconds| self.environment.time.plus_ms(u64::from(seconds).saturating_mul(1_000)));
        let callback = Callback {
            context,
            respondent: call.receiver,
            reserved: call.reserved,
            on_reply: call.on_reply,
            on_reject: call.on_reject,
            on_cleanup: call.on_cleanup,
            deadline,
            given_up: false,
        };
        self.state.change_canister(sender, |canister| {
            canister.add_callback(call.callback, callback);
            if let Some(context) = canister.record.contexts.get_mut(&context) {
                context.outstanding = context.outstanding.saturating_add(1);
            }
        });
        if let Some(deadline) = deadline {
            self.state.add_deadline(deadline, sender, call.callback);
        }
        self.state.counters.calls_in_flight = self.state.counters.calls_in_flight.saturating_add(1);
        self.route(Request {
            sender,
            receiver: call.receiver,
            method_name: call.method_name,
            payload: call.payload,
            cycles: call.cycles,
            callback: call.callback,
            deadline,
        });
    }

    /// Puts the request into its receiver's queue, or answers it with the reason why not.
    fn route(&mut self, request: Request) {
        let receiver = request.receiver;
        if let Err(reject) = self.may_enter(&request) {
            let origin = Origin::Canister {
                sender: request.sender,
                callback: request.callback,
                deadline: request.deadline,
            };
            self.answer(receiver, &origin, Answer::Reject(reject), request.cycles);
            return;
        }
        let message = Message::Request(Arc::new(request));
        match CanisterId::from_principal(&receiver) {
            Some(id) => {
                self.state.change_canister(id, |canister| canister.queue.push(message));
            }
            None => self.state.management.push(message),
        }
    }

    fn may_enter(&self, request: &Request) -> Result<(), Reject> {
        if request.receiver == management_canister() {
            return self.has_management_room(request.payload.len());
        }
        self.has_queue_room(request.payload.len())?;
        let id = CanisterId::from_principal(&request.receiver);
        let canister = id.and_then(|id| Some((id, self.state.canister(id)?)));
        let (id, canister) = canister.ok_or_else(|| not_found(&request.receiver))?;
        accepts_calls(id, canister)?;
        let minimum = canister.record.settings.minimum_incoming_canister_call_cycles;
        match request.sender == id || request.cycles >= minimum {
            true => Ok(()),
            false => Err(too_few_cycles(id, minimum)),
        }
    }

    /// Answers a call, once. What it attached and nobody accepted goes back with the answer.
    pub(super) fn answer(&mut self, responder: Principal, origin: &Origin, answer: Answer, refund: Cycles) {
        match origin {
            Origin::Ingress { id, .. } => {
                self.burn(refund);
                self.finish(
                    *id,
                    match answer {
                        Answer::Reply(reply) => IngressStatus::Replied(reply),
                        Answer::Reject(reject) => IngressStatus::Rejected(reject),
                    },
                );
            }
            Origin::Canister { sender, callback, .. } => {
                let response = Response { callback: *callback, responder, refund, payload: bounded(answer) };
                self.respond(*sender, response);
            }
            Origin::System => self.burn(refund),
        }
    }

    /// Puts a response into the queue of the canister that awaits it. If it awaits it no more, because the
    /// deadline of the call has passed, the response is dropped with its cycles (interface spec, "Dropping expired
    /// messages"). A response that is not guaranteed is
    /// dropped when too much waits.
    fn respond(&mut self, sender: CanisterId, mut response: Response) {
        let Some(canister) = self.state.canister(sender) else {
            return self.burn(response.refund);
        };
        let Some(callback) = canister.record.callbacks.get(&response.callback) else {
            return self.burn(response.refund);
        };
        if callback.deadline.is_some() && self.has_queue_room(response.payload.bytes()).is_err() {
            let message = "The response was dropped because too many messages wait on this subnet.";
            response.payload = Answer::Reject(Reject::new(ErrorCode::ResponseDropped, message));
        }
        let message = Message::Response(Arc::new(response));
        self.state.change_canister(sender, |canister| canister.queue.push(message));
    }

    /// Whether a waiting request came too late: its caller has been told that its deadline has passed, so
    /// that nobody needs its answer. It is dropped with its cycles (interface spec, "Dropping expired messages").
    pub(super) fn drop_expired(&mut self, request: &Request) -> bool {
        let expired = request.deadline.is_some_and(|deadline| deadline < self.environment.time);
        if expired {
            self.burn(request.cycles);
        }
        expired
    }

    /// Best-effort calls whose deadline has passed are answered for whoever was called. Cycles that such a call
    /// attached do not come back: whoever accepted them keeps them, the others are gone (interface spec, "Call
    /// expiry").
    pub(super) fn give_up_calls(&mut self) {
        while let Some((deadline, id, callback)) = self.state.due_deadline(self.environment.time) {
            self.state.remove_deadline(deadline, id, callback);
            let waiting =
                self.state.canister(id).and_then(|canister| canister.record.callbacks.get(&callback));
            let Some(responder) = waiting.map(|waiting| waiting.respondent) else {
                continue;
            };
            let payload = Answer::Reject(deadline_expired());
            let response = Response { callback, responder, refund: Cycles::ZERO, payload };
            let message = Message::Response(Arc::new(response));
            self.state.change_canister(id, |canister| {
                if let Some(waiting) = canister.record.callbacks.get_mut(&callback) {
                    waiting.given_up = true;
                }
                canister.queue.push(message);
            });
        }
    }
}

/// No response is larger than what the caller set cycles aside for.
fn bounded(answer: Answer) -> Answer {
    let bytes = answer.bytes();
    if bytes <= RESPONSE_BYTES_MAX {
        return answer;
    }
    let message = format!("The response has {bytes} bytes; at most {RESPONSE_BYTES_MAX} are allowed.");
    Answer::Reject(Reject::new(ErrorCode::CanisterContractViolation, message))
}

/// A best-effort call was not answered in time: it may have been processed, or not.
pub(super) fn deadline_expired() -> Reject {
    Reject::new(ErrorCode::DeadlineExpired, "Call deadline has expired.")
}

fn too_few_cycles(id: CanisterId, minimum: Cycles) -> Reject {
    let message =
        format!("Canister {id} takes calls of other canisters only with at least {minimum} cycles attached.");
    Reject::new(ErrorCode::InsufficientCyclesInCall, message)
}
