//! The management canister: no canister, but calls that the subnet itself answers (interface spec, "The IC
//! management canister").

mod access;
mod chunk;
mod create;
mod cycles;
mod download;
mod founding;
mod govern;
pub(in crate::execution) mod install;
mod lifecycle;
mod log;
mod metrics;
mod rename;
mod settings;
mod snapshot;
mod status;
mod subnet;
mod upload;

use super::Executor;
use super::induct::not_found;
use crate::encoding::management::{self as candid, InvalidArgument, effective_canister_id};
use crate::state::{
    CanisterState, Change, ChangeDetails, ChangeOrigin, HostFailure, Message, Origin, ReplicatedState,
};
use crate::types::limits::{CANISTER_HISTORY_MAX, HELD_CALLS_MAX, MANAGEMENT_BYTE_INSTRUCTIONS};
use crate::types::*;
use access::{
    Users, administered, controlled, find, not_allowed, not_controller, observed, unknown_method, users,
};
pub(super) use access::{authorize_ingress, paying_canister};
use std::sync::Arc;

/// Methods that change no more of a canister than its balance; and those that freeze it, which end the run that it is in
/// the middle of.
const AT_ANY_TIME: &[&str] = &[
    "atoll_freeze_canister",
    "atoll_frozen",
    "atoll_unfreeze_canister",
    "canister_info",
    "canister_metadata",
    "canister_metrics",
    "canister_status",
    "deposit_cycles",
    "fetch_canister_logs",
    "list_canister_snapshots",
    "provisional_top_up_canister",
    "read_canister_snapshot_data",
    "read_canister_snapshot_metadata",
];

/// Who calls, and what it attached.
struct Caller {
    origin: Origin,
    principal: Principal,
    cycles: Cycles,
}

/// How a call ended.
enum Done {
    /// With this reply; `used` of the attached cycles do not go back.
    Reply { reply: Vec<u8>, used: Cycles },
    /// It will be answered later.
    Waiting,
}

/// Why a call did not succeed.
enum Failure {
    Refused(Reject),
    Host(HostFailure),
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Failure {
        Failure::Refused(reject)
    }
}

impl From<HostFailure> for Failure {
    fn from(failure: HostFailure) -> Failure {
        Failure::Host(failure)
    }
}

impl From<InvalidArgument> for Failure {
    fn from(error: InvalidArgument) -> Failure {
        Failure::Refused(invalid(error.to_string()))
    }
}

impl Done {
    /// The empty reply; all attached cycles go back.
    fn unit() -> Done {
        Done::Reply { reply: candid::encode_unit(), used: Cycles::ZERO }
    }

    /// A reply; all attached cycles go back.
    fn reply<T: ::candid::CandidType>(value: &T) -> Result<Done, Failure> {
        Ok(Done::Reply { reply: candid::encode(value)?, used: Cycles::ZERO })
    }
}

/// The argument cannot be used.
fn invalid(message: impl Into<String>) -> Reject {
    Reject::new(ErrorCode::InvalidManagementPayload, message)
}

/// Answers a management method that is a query, to a user or to a canister's composite query.
///
/// # Errors
/// The refusal; also that there is no such query.
pub(super) fn query(
    state: &ReplicatedState,
    sender: &Principal,
    method: &str,
    arg: &[u8],
) -> Result<Vec<u8>, Reject> {
    let answer = match method {
        "atoll_frozen" => govern::atoll_frozen(state, arg),
        "atoll_membership" => subnet::atoll_membership(state),
        "atoll_prices" => govern::atoll_prices(state),
        "canister_info" => status::canister_info(state, arg),
        "canister_metrics" => metrics::canister_metrics(state, sender, arg),
        "canister_status" => status::canister_status(state, sender, arg),
        "fetch_canister_logs" => log::fetch_canister_logs(state, sender, arg),
        "list_canisters" => subnet::list_canisters(state, sender),
        _ => Err(match users(method) {
            Ok(_) => not_a_query(method),
            Err(unknown) => unknown,
        }
        .into()),
    };
    match answer {
        Ok(Done::Reply { reply, .. }) => Ok(reply),
        Ok(Done::Waiting) => Err(not_a_query(method)),
        Err(Failure::Refused(reject)) => Err(reject),
        Err(Failure::Host(failure)) => Err(Reject::new(ErrorCode::CanisterQueueFull, failure.to_string())),
    }
}

fn only_a_query(method: &str) -> Reject {
    let message = format!(
        "The management method '{method}' can only be called as a query, by subnet admins and observers."
    );
    Reject::new(ErrorCode::CanisterMethodNotFound, message)
}

fn not_a_query(method: &str) -> Reject {
    let message = format!("The management method '{method}' is not a query. Send it as an update call.");
    Reject::new(ErrorCode::CanisterMethodNotFound, message)
}

impl Executor<'_> {
    /// Answers the management call that waits longest; `false` if none waits.
    pub(super) fn run_management_call(&mut self) -> Result<bool, HostFailure> {
        let Some(message) = self.state.management.pop() else {
            return Ok(false);
        };
        if self.hold_back(&message) {
            return Ok(true);
        }
        match message.as_ref() {
            Message::Ingress(ingress) if self.begin(ingress.id) => {
                let call = &ingress.call;
                let origin = Origin::Ingress { id: ingress.id, sender: call.sender };
                let caller = Caller { origin, principal: call.sender, cycles: Cycles::ZERO };
                self.manage(&caller, &call.method_name, &call.arg)?;
            }
            Message::Request(request) if self.drop_expired(request) => (),
            Message::Request(request) => {
                let origin = Origin::Canister {
                    sender: request.sender,
                    callback: request.callback,
                    deadline: request.deadline,
                };
                let principal = request.sender.principal();
                let caller = Caller { origin, principal, cycles: request.cycles };
                self.manage(&caller, &request.method_name, &request.payload)?;
            }
            Message::Ingress(_) | Message::Response(_) => (),
        }
        self.assert_conserved();
        Ok(true)
    }

    /// A call about a canister in the middle of a run waits until the run has ended, unless it changes no more
    /// than the balance. Whether it does.
    fn hold_back(&mut self, message: &Message) -> bool {
        let Some(id) = self.held_by(message) else {
            return false;
        };
        let full = |canister: &Arc<CanisterState>| canister.held.len() >= HELD_CALLS_MAX;
        if self.state.canister(id).is_some_and(full) {
            let message_text = format!("Too many management calls wait for canister {id} to end its run.");
            let reject = Reject::new(ErrorCode::CanisterQueueFull, message_text);
            self.refuse(management_canister(), message, &reject);
            return true;
        }
        let message = message.clone();
        self.state.change_canister(id, |canister| canister.held.push(message));
        true
    }

    fn held_by(&self, message: &Message) -> Option<CanisterId> {
        if self.state.paused_count() == 0 {
            return None;
        }
        let (method, arg) = match message {
            Message::Ingress(ingress) => (&ingress.call.method_name, &ingress.call.arg),
            Message::Request(request) => (&request.method_name, &request.payload),
            Message::Response(_) => return None,
        };
        if AT_ANY_TIME.contains(&method.as_str()) {
            return None;
        }
        let id = CanisterId::from_principal(&effective_canister_id(method, arg)?)?;
        self.state.paused(id).map(|_| id)
    }

    fn manage(&mut self, caller: &Caller, method: &str, arg: &[u8]) -> Result<(), HostFailure> {
        self.count(Instructions::ZERO);
        self.weigh(arg.len());
        let (answer, refund) = match self.dispatch(caller, method, arg) {
            Ok(Done::Waiting) => {
                if let Origin::Ingress { id, .. } = caller.origin {
                    self.mark_processing(id);
                }
                return Ok(());
            }
            Ok(Done::Reply { reply, used }) => {
                self.weigh(reply.len());
                (Answer::Reply(reply), caller.cycles.saturating_sub(used))
            }
            Err(Failure::Refused(reject)) => (Answer::Reject(reject), caller.cycles),
            Err(Failure::Host(failure)) => return Err(failure),
        };
        self.answer(management_canister(), &caller.origin, answer, refund);
        Ok(())
    }

    /// Holds what reading or writing so many bytes takes against the height.
    pub(super) fn weigh(&mut self, bytes: usize) {
        let effort = (bytes as u64).saturating_mul(MANAGEMENT_BYTE_INSTRUCTIONS);
        self.effort = self.effort.saturating_add(Instructions(effort));
    }

    fn dispatch(&mut self, caller: &Caller, method: &str, arg: &[u8]) -> Result<Done, Failure> {
        let open = match (users(method)?, &caller.origin) {
            (Users::Provisional, _) => self.state.subnet().provisional,
            (Users::Nobody | Users::Governance, Origin::Ingress { .. }) => false,
            (Users::Governance, _) => {
                let governance = self.state.subnet().governance_canister;
                governance.is_some_and(|canister| canister.principal() == caller.principal)
            }
            (Users::Admins, Origin::Ingress { sender, .. }) => self.state.subnet().admins.contains(sender),
            _ => true,
        };
        if !open {
            return Err(not_allowed(&caller.principal, method).into());
        }
        govern::of_free_canister(&self.state, method, arg)?;
        let sender = &caller.principal;
        match method {
            "atoll_freeze_canister" => self.atoll_freeze_canister(arg),
            "atoll_frozen" => govern::atoll_frozen(&self.state, arg),
            "atoll_membership" => subnet::atoll_membership(&self.state),
            "atoll_prices" => govern::atoll_prices(&self.state),
            "atoll_set_prices" => self.atoll_set_prices(arg),
            "atoll_unfreeze_canister" => self.atoll_unfreeze_canister(arg),
            "canister_info" => status::canister_info(&self.state, arg),
            "canister_metadata" => status::canister_metadata(&self.state, sender, arg),
            "canister_metrics" => metrics::canister_metrics(&self.state, sender, arg),
            "canister_status" => status::canister_status(&self.state, sender, arg),
            "clear_chunk_store" => self.clear_chunk_store(caller, arg),
            "create_canister" => self.create_canister(caller, arg),
            "delete_canister" => self.delete_canister(caller, arg),
            "delete_canister_snapshot" => self.delete_canister_snapshot(caller, arg),
            "deposit_cycles" => self.deposit_cycles(caller, arg),
            "fetch_canister_logs" => log::fetch_canister_logs(&self.state, sender, arg),
            "install_chunked_code" => self.install_chunked_code(caller, arg),
            "install_code" => self.install_code(caller, arg),
            "list_canister_snapshots" => snapshot::list_canister_snapshots(&self.state, sender, arg),
            "list_canisters" => Err(only_a_query(method).into()),
            "load_canister_snapshot" => self.load_canister_snapshot(caller, arg),
            "node_metrics_history" => subnet::node_metrics_history(&self.state, arg),
            "provisional_create_canister_with_cycles" => self.provisional_create_canister(caller, arg),
            "provisional_top_up_canister" => self.provisional_top_up_canister(arg),
            "raw_rand" => self.raw_rand(),
            "read_canister_snapshot_data" => download::read_canister_snapshot_data(&self.state, sender, arg),
            "read_canister_snapshot_metadata" => {
                download::read_canister_snapshot_metadata(&self.state, sender, arg)
            }
            "rename_canister" => self.rename_canister(caller, arg),
            "start_canister" => self.start_canister(caller, arg),
            "stop_canister" => self.stop_canister(caller, arg),
            "stored_chunks" => self.stored_chunks(caller, arg),
            "subnet_info" => subnet::subnet_info(&self.state, arg),
            "take_canister_snapshot" => self.take_canister_snapshot(caller, arg),
            "uninstall_code" => self.uninstall_code(caller, arg),
            "update_settings" => self.update_settings(caller, arg),
            "upload_canister_snapshot_data" => self.upload_canister_snapshot_data(caller, arg),
            "upload_canister_snapshot_metadata" => self.upload_canister_snapshot_metadata(caller, arg),
            "upload_chunk" => self.upload_chunk(caller, arg),
            _ => Err(unknown_method(method).into()),
        }
    }

    /// What the canister's history says about who changed it.
    fn change_origin(&self, caller: &Caller, version: Option<u64>) -> ChangeOrigin {
        match caller.origin {
            Origin::Canister { sender, .. } => ChangeOrigin::Canister { canister: sender, version },
            Origin::Ingress { .. } | Origin::System => ChangeOrigin::User(caller.principal),
        }
    }

    /// A new version of the canister, with an entry in its history.
    fn note_change(&mut self, id: CanisterId, origin: ChangeOrigin, details: ChangeDetails) {
        let time = self.environment.time;
        self.state.change_canister(id, |canister| push_change(canister, time, origin, details));
    }
}

/// Adds to the history, whose oldest entries go when it is full.
fn push_change(canister: &mut CanisterState, time: Time, origin: ChangeOrigin, details: ChangeDetails) {
    let record = &mut canister.record;
    let canister_version = record.canister_version;
    record.history.push_back(Change { time, canister_version, origin, details });
    record.history_total = record.history_total.saturating_add(1);
    while record.history.len() > CANISTER_HISTORY_MAX {
        record.history.pop_front();
    }
}
