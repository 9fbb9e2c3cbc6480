//! `start_canister`, `stop_canister`, `uninstall_code` and `delete_canister`.

use super::{Caller, Done, Failure, administered, find};
use crate::encoding::management::{self as candid, CanisterIdRecord};
use crate::execution::Executor;
use crate::state::{CanisterState, ChangeDetails, IngressStatus, Message, Origin, Status, StopCall};
use crate::types::limits::STOP_CALLS_MAX;
use crate::types::*;

impl Executor<'_> {
    pub(super) fn start_canister(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (id, _) = administered(&self.state, &args.canister_id, &caller.principal)?;
        let start = |canister: &mut CanisterState| {
            canister.record.canister_version = canister.record.canister_version.saturating_add(1);
            std::mem::replace(&mut canister.record.status, Status::Running)
        };
        if let Some(Status::Stopping(calls)) = self.state.change_canister(id, start) {
            let message = format!("Canister {id} was started again before it had stopped.");
            let reject = Reject::new(ErrorCode::CanisterStoppingCancelled, message);
            self.answer_stops(calls, Answer::Reject(reject));
        }
        Ok(Done::unit())
    }

    /// Answered when the canister has stopped.
    pub(super) fn stop_canister(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (id, canister) = administered(&self.state, &args.canister_id, &caller.principal)?;
        let next = canister.record.canister_version.saturating_add(1);
        let mut calls = match &canister.record.status {
            Status::Stopped => {
                self.state.change_canister(id, |canister| canister.record.canister_version = next);
                return Ok(Done::unit());
            }
            Status::Running => Vec::new(),
            Status::Stopping(calls) => calls.clone(),
        };
        if calls.len() >= STOP_CALLS_MAX {
            let message = format!("{STOP_CALLS_MAX} calls wait already for canister {id} to stop.");
            return Err(Reject::new(ErrorCode::CanisterQueueFull, message).into());
        }
        calls.push(StopCall { origin: caller.origin, cycles: caller.cycles, since: self.environment.time });
        self.state.change_canister(id, |canister| {
            canister.record.status = Status::Stopping(calls);
            canister.record.canister_version = next;
        });
        self.finish_stop(id);
        Ok(Done::Waiting)
    }

    pub(super) fn uninstall_code(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::UninstallCodeArgs = candid::decode(arg)?;
        let (id, _) = administered(&self.state, &args.canister_id, &caller.principal)?;
        self.charge_idle(id)?;
        self.uninstall(id, caller, args.sender_canister_version);
        Ok(Done::unit())
    }

    /// Empties the canister, as its history says then.
    pub(super) fn uninstall(&mut self, id: CanisterId, caller: &Caller, version: Option<u64>) {
        let message = format!("Canister {id} has been uninstalled.");
        self.empty(id, &Reject::new(ErrorCode::CanisterRejectedMessage, message));
        let origin = self.change_origin(caller, version);
        self.note_change(id, origin, ChangeDetails::CodeUninstall);
    }

    pub(super) fn delete_canister(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (id, canister) = administered(&self.state, &args.canister_id, &caller.principal)?;
        if canister.record.status != Status::Stopped {
            let message =
                format!("Canister {id} must be stopped before it is deleted. Stop it with stop_canister.");
            return Err(Reject::new(ErrorCode::CanisterNotStopped, message).into());
        }
        self.charge_idle(id)?;
        let (_, canister) = find(&self.state, &args.canister_id)?;
        let discarded = canister.record.cycles.saturating_add(canister.record.reserved_cycles);
        let waiting: Vec<_> = canister.queue.iter().cloned().collect();
        let reject = Reject::new(ErrorCode::CanisterNotFound, format!("Canister {id} was deleted."));
        self.empty(id, &reject);
        self.drop_snapshots(id);
        self.state.remove_canister(id);
        self.burn(discarded);
        for message in waiting {
            self.refuse(id.principal(), &message, &reject);
        }
        Ok(Done::unit())
    }

    /// Answers a message that nobody takes.
    pub(super) fn refuse(&mut self, responder: Principal, message: &Message, reject: &Reject) {
        match message {
            Message::Ingress(ingress) if self.begin(ingress.id) => {
                self.finish(ingress.id, IngressStatus::Rejected(reject.clone()));
            }
            Message::Ingress(_) => (),
            Message::Request(request) => {
                let origin = Origin::Canister {
                    sender: request.sender,
                    callback: request.callback,
                    deadline: request.deadline,
                };
                self.answer(responder, &origin, Answer::Reject(reject.clone()), request.cycles);
            }
            Message::Response(response) => self.burn(response.refund),
        }
    }
}
