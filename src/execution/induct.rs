//! Users' calls enter the state, once each; time passes over those that are there.
//!
//! A call enters at most once because its id is remembered until it has expired, and a call that has
//! expired does not enter (RELIABILITY I7).

use super::freeze::is_free;
use super::{Executor, management};
use crate::crypto::hash::hash_parts;
use crate::state::{CanisterState, HistoryEntry, HostFailure, IngressStatus, Message, Status, Use};
use crate::types::limits::{CANISTER_INBOX_MAX, INGRESS_HISTORY_MAX, MANAGEMENT_QUEUE_MAX, QUEUE_BYTES_MAX};
use crate::types::*;
use std::sync::Arc;

impl Executor<'_> {
    /// Time passes over the ingress history (rules 2 and 3 of `state::history`).
    pub(super) fn age_history(&mut self) {
        while let Some(id) = self.state.history().due_before(self.environment.time) {
            let Some(entry) = self.state.history().get(&id) else {
                return;
            };
            match entry.status {
                IngressStatus::Received => self.expire(id),
                IngressStatus::Replied(_) | IngressStatus::Rejected(_) => self.forget_answer(id),
                IngressStatus::Done | IngressStatus::Processing => self.state.remove_history(id),
            }
        }
    }

    /// Too many bytes of answers: the oldest go (rule 4 of `state::history`).
    pub(super) fn shrink_history(&mut self) {
        while let Some(id) = self.state.history().excess() {
            self.forget_answer(id);
        }
    }

    fn forget_answer(&mut self, id: RequestId) {
        let Some(entry) = self.state.history().get(&id) else {
            return;
        };
        let HistoryEntry { sender, receiver, expiry, completed, .. } = *entry;
        let status = IngressStatus::Done;
        self.state.set_history(id, HistoryEntry { sender, receiver, expiry, completed, status });
    }

    fn expire(&mut self, id: RequestId) {
        self.facts.expired = self.facts.expired.saturating_add(1);
        let message = "The call expired before its turn came. Send it again.";
        self.finish(id, IngressStatus::Rejected(Reject::new(ErrorCode::IngressMessageTimeout, message)));
    }

    /// A user's call is answered.
    pub(super) fn finish(&mut self, id: RequestId, status: IngressStatus) {
        let Some(entry) = self.state.history().get(&id) else {
            return;
        };
        let completed = self.environment.time;
        let entry = HistoryEntry { status, completed, ..entry.clone() };
        self.state.set_history(id, entry);
        self.finished.push(id);
    }

    /// Execution of a user's call has begun; `false` if it may not, because the call was answered already
    /// (it expired).
    pub(super) fn begin(&mut self, id: RequestId) -> bool {
        self.state.history().get(&id).is_some_and(|entry| entry.status == IngressStatus::Received)
    }

    /// A user's call that is still unanswered after its first run.
    pub(super) fn mark_processing(&mut self, id: RequestId) {
        let Some(entry) = self.state.history().get(&id) else {
            return;
        };
        if entry.status == IngressStatus::Received {
            let status = IngressStatus::Processing;
            let entry = HistoryEntry { status, ..entry.clone() };
            self.state.set_history(id, entry);
        }
    }

    /// Takes in the batch's calls, in its order.
    pub(super) fn induct_ingress(&mut self) -> Result<(), HostFailure> {
        for ingress in &self.batch.ingress {
            let known = self.state.history().get(&ingress.id).is_some();
            let expired = ingress.call.ingress_expiry < self.environment.time;
            if known || expired || self.state.history_len() >= INGRESS_HISTORY_MAX {
                continue;
            }
            self.facts.ingress = self.facts.ingress.saturating_add(1);
            self.induct(ingress)?;
            self.assert_conserved();
        }
        Ok(())
    }

    fn induct(&mut self, ingress: &Arc<Ingress>) -> Result<(), HostFailure> {
        let entry = HistoryEntry {
            sender: ingress.call.sender,
            receiver: ingress.call.canister_id,
            expiry: ingress.call.ingress_expiry,
            completed: Time::ZERO,
            status: IngressStatus::Received,
        };
        self.state.set_history(ingress.id, entry);
        let inducted = match ingress.call.canister_id == management_canister() {
            true => self.induct_management(ingress)?,
            false => self.induct_canister(ingress)?,
        };
        if let Err(reject) = inducted {
            self.finish(ingress.id, IngressStatus::Rejected(reject));
        }
        Ok(())
    }

    fn induct_canister(&mut self, ingress: &Arc<Ingress>) -> Result<Result<(), Reject>, HostFailure> {
        let receiver = ingress.call.canister_id;
        let Some(id) = CanisterId::from_principal(&receiver) else {
            return Ok(Err(not_found(&receiver)));
        };
        self.charge_idle(id)?;
        let Some(canister) = self.state.canister(id) else {
            return Ok(Err(not_found(&receiver)));
        };
        let accepted = self.has_queue_room(ingress.call.arg.len()).and_then(|()| accepts_calls(id, canister));
        if let Err(reject) = accepted {
            return Ok(Err(reject));
        }
        let keep = super::charge::must_keep(&self.environment.prices, canister);
        let cost = self.environment.prices.ingress(ingress_bytes(&ingress.call));
        if let Err(reject) = self.charge(id, Use::IngressInduction, cost, keep) {
            return Ok(Err(reject));
        }
        let message = Message::Ingress(ingress.clone());
        self.state.change_canister(id, |canister| canister.queue.push(message));
        Ok(Ok(()))
    }

    /// The canister that is managed pays, from all it has: managing must be possible when it is frozen.
    fn induct_management(&mut self, ingress: &Arc<Ingress>) -> Result<Result<(), Reject>, HostFailure> {
        if let Err(reject) = self.has_management_room(ingress.call.arg.len()) {
            return Ok(Err(reject));
        }
        if let Err(reject) = management::authorize_ingress(&self.state, &ingress.call) {
            return Ok(Err(reject));
        }
        let managed = management::paying_canister(&ingress.call.method_name, &ingress.call.arg);
        if let Some(id) = managed.filter(|id| self.state.canister(*id).is_some()) {
            self.charge_idle(id)?;
            let cost = self.environment.prices.ingress(ingress_bytes(&ingress.call));
            if let Err(reject) = self.charge(id, Use::IngressInduction, cost, Cycles::ZERO) {
                return Ok(Err(reject));
            }
        }
        self.state.management.push(Message::Ingress(ingress.clone()));
        Ok(Ok(()))
    }

    /// Whether another message of so many bytes may wait.
    pub(super) fn has_queue_room(&self, bytes: usize) -> Result<(), Reject> {
        match self.state.queue_bytes().saturating_add(bytes as u64) <= QUEUE_BYTES_MAX {
            true => Ok(()),
            false => Err(queue_full("Messages that wait on this subnet have too many bytes.")),
        }
    }

    /// Whether another management call of so many bytes may wait.
    pub(super) fn has_management_room(&self, bytes: usize) -> Result<(), Reject> {
        match self.state.management.len() < MANAGEMENT_QUEUE_MAX {
            true => self.has_queue_room(bytes),
            false => Err(queue_full("Too many management calls wait.")),
        }
    }

    /// The next 32 bytes of randomness of this height.
    pub(super) fn draw(&mut self) -> Digest {
        let draw = self.draws.to_be_bytes();
        self.draws = self.draws.saturating_add(1);
        hash_parts("atoll-raw-rand", &[&self.batch.randomness.0, &draw])
    }
}

/// Bytes for which a user's call is charged.
pub(super) fn ingress_bytes(call: &UserCall) -> usize {
    let nonce = call.nonce.as_ref().map_or(0, Vec::len);
    call.arg.len() + call.method_name.len() + nonce
}

fn queue_full(why: &str) -> Reject {
    Reject::new(ErrorCode::CanisterQueueFull, format!("{why} Try again later."))
}

/// No canister has this id.
pub(super) fn not_found(id: &Principal) -> Reject {
    Reject::new(ErrorCode::CanisterNotFound, format!("Canister {id} not found"))
}

/// Whether a canister takes another call: it runs, and its queue has room.
pub(super) fn accepts_calls(id: CanisterId, canister: &CanisterState) -> Result<(), Reject> {
    accepts_message(id, canister)?;
    match canister.queue.len() < CANISTER_INBOX_MAX {
        true => Ok(()),
        false => Err(queue_full(&format!("The queue of canister {id} is full."))),
    }
}

/// Whether a canister may start a call: it is neither frozen nor stopped nor about to be.
pub(super) fn accepts_message(id: CanisterId, canister: &CanisterState) -> Result<(), Reject> {
    is_free(id, canister)?;
    let (error, message) = match canister.record.status {
        Status::Running => return Ok(()),
        Status::Stopping(_) => (
            ErrorCode::CanisterStopping,
            format!("Canister {id} is stopping and takes no calls. Wait until it has stopped, or start it."),
        ),
        Status::Stopped => {
            (ErrorCode::CanisterStopped, format!("Canister {id} is stopped. Start it with start_canister."))
        }
    };
    Err(Reject::new(error, message))
}
