//! The management canister: no canister, but calls that the subnet itself answers (interface spec, "The IC
//! management canister").

mod chunk;
mod create;
mod cycles;
pub(in crate::execution) mod install;
mod lifecycle;
mod log;
mod settings;
mod status;

use super::Executor;
use super::induct::not_found;
use crate::encoding::management::{self as candid, InvalidArgument, effective_canister_id};
use crate::state::{
    CanisterState, Change, ChangeDetails, ChangeOrigin, HostFailure, Message, Origin, ReplicatedState,
};
use crate::types::limits::{CANISTER_HISTORY_MAX, HELD_CALLS_MAX};
use crate::types::*;
use std::sync::Arc;

/// Who may call a method.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Callers {
    /// Users and canisters that control the canister in question.
    Controllers,
    /// Users and canisters; the method says itself who may.
    Anyone,
    /// Canisters only.
    Canisters,
    /// Anyone, but only on development networks.
    Provisional,
}

/// Every method, and who may call it.
const METHODS: &[(&str, Callers)] = &[
    ("canister_info", Callers::Canisters),
    ("canister_metadata", Callers::Canisters),
    ("canister_status", Callers::Anyone),
    ("clear_chunk_store", Callers::Controllers),
    ("create_canister", Callers::Canisters),
    ("delete_canister", Callers::Controllers),
    ("deposit_cycles", Callers::Canisters),
    ("install_chunked_code", Callers::Controllers),
    ("install_code", Callers::Controllers),
    ("provisional_create_canister_with_cycles", Callers::Provisional),
    ("provisional_top_up_canister", Callers::Provisional),
    ("raw_rand", Callers::Canisters),
    ("start_canister", Callers::Controllers),
    ("stop_canister", Callers::Controllers),
    ("stored_chunks", Callers::Controllers),
    ("uninstall_code", Callers::Controllers),
    ("update_settings", Callers::Controllers),
    ("upload_chunk", Callers::Controllers),
];

/// Methods that change no more of a canister than its balance.
const AT_ANY_TIME: &[&str] = &[
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

fn callers(method: &str) -> Option<Callers> {
    METHODS.iter().find(|(name, _)| *name == method).map(|(_, callers)| *callers)
}

fn unknown_method(method: &str) -> Reject {
    let message = format!("The management canister has no method '{method}'");
    Reject::new(ErrorCode::UnknownManagementMethod, message)
}

fn not_allowed(sender: &Principal, method: &str) -> Reject {
    let message = format!("Caller {sender} is not allowed to call ic00 method {method}");
    Reject::new(ErrorCode::CanisterRejectedMessage, message)
}

/// Only controllers may do that.
fn not_controller(id: CanisterId, canister: &CanisterState, sender: &Principal) -> Reject {
    let list =
        |controllers: &[Principal]| controllers.iter().map(Principal::to_text).collect::<Vec<_>>().join(" ");
    let message = format!(
        "Only controllers of canister {id} can call ic00 method on it. The caller is {sender}, the controllers are: {}",
        list(&canister.record.settings.controllers)
    );
    Reject::new(ErrorCode::CanisterInvalidController, message)
}

fn find<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    let id = CanisterId::from_principal(principal);
    let found = id.and_then(|id| Some((id, state.canister(id)?.as_ref())));
    found.ok_or_else(|| not_found(principal))
}

/// The canister, if `sender` controls it.
fn controlled<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    let (id, canister) = find(state, principal)?;
    match canister.is_controller(sender) {
        true => Ok((id, canister)),
        false => Err(not_controller(id, canister, sender)),
    }
}

/// Whether a user may make this call: known method, open to users, on a canister that the user controls.
pub(super) fn authorize_ingress(state: &ReplicatedState, call: &UserCall) -> Result<(), Reject> {
    let method = call.method_name.as_str();
    let refused = || not_allowed(&call.sender, method);
    match callers(method).ok_or_else(|| unknown_method(method))? {
        Callers::Canisters => Err(refused()),
        Callers::Provisional if state.subnet().provisional => Ok(()),
        Callers::Provisional => Err(refused()),
        Callers::Controllers => {
            controlled(state, &managed(call)?, &call.sender)?;
            Ok(())
        }
        Callers::Anyone => {
            let (id, canister) = find(state, &managed(call)?)?;
            status::may_see_status(id, canister, &call.sender)
        }
    }
}

fn managed(call: &UserCall) -> Result<Principal, Reject> {
    effective_canister_id(&call.method_name, &call.arg)
        .ok_or_else(|| invalid("the argument is not of the type that the method takes"))
}

/// The canister that pays for taking in a user's management call.
pub(super) fn paying_canister(method: &str, arg: &[u8]) -> Option<CanisterId> {
    match callers(method)? {
        Callers::Controllers | Callers::Anyone => {
            CanisterId::from_principal(&effective_canister_id(method, arg)?)
        }
        Callers::Canisters | Callers::Provisional => None,
    }
}

/// The management methods that are queries.
pub(super) fn query(state: &ReplicatedState, query: &UserQuery) -> Result<Vec<u8>, Reject> {
    let arg = query.arg.as_slice();
    let answer = match query.method_name.as_str() {
        "fetch_canister_logs" => log::fetch_canister_logs(state, &query.sender, arg),
        "canister_status" => status::canister_status(state, &query.sender, arg),
        "canister_info" => status::canister_info(state, arg),
        method => Err(unknown_method(method).into()),
    };
    match answer {
        Ok(Done::Reply { reply, .. }) => Ok(reply),
        Ok(Done::Waiting) => Err(unknown_method(&query.method_name)),
        Err(Failure::Refused(reject)) => Err(reject),
        Err(Failure::Host(failure)) => Err(Reject::new(ErrorCode::CanisterQueueFull, failure.to_string())),
    }
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
        let (answer, refund) = match self.dispatch(caller, method, arg) {
            Ok(Done::Waiting) => {
                if let Origin::Ingress { id, .. } = caller.origin {
                    self.mark_processing(id);
                }
                return Ok(());
            }
            Ok(Done::Reply { reply, used }) => (Answer::Reply(reply), caller.cycles.saturating_sub(used)),
            Err(Failure::Refused(reject)) => (Answer::Reject(reject), caller.cycles),
            Err(Failure::Host(failure)) => return Err(failure),
        };
        self.answer(management_canister(), &caller.origin, answer, refund);
        Ok(())
    }

    fn dispatch(&mut self, caller: &Caller, method: &str, arg: &[u8]) -> Result<Done, Failure> {
        let from_user = matches!(caller.origin, Origin::Ingress { .. });
        let open = match callers(method).ok_or_else(|| unknown_method(method))? {
            Callers::Canisters => !from_user,
            Callers::Provisional => self.state.subnet().provisional,
            Callers::Controllers | Callers::Anyone => true,
        };
        if !open {
            return Err(not_allowed(&caller.principal, method).into());
        }
        match method {
            "canister_info" => status::canister_info(&self.state, arg),
            "canister_metadata" => status::canister_metadata(&self.state, &caller.principal, arg),
            "canister_status" => status::canister_status(&self.state, &caller.principal, arg),
            "clear_chunk_store" => self.clear_chunk_store(caller, arg),
            "create_canister" => self.create_canister(caller, arg),
            "delete_canister" => self.delete_canister(caller, arg),
            "deposit_cycles" => self.deposit_cycles(caller, arg),
            "install_chunked_code" => self.install_chunked_code(caller, arg),
            "install_code" => self.install_code(caller, arg),
            "provisional_create_canister_with_cycles" => self.provisional_create_canister(caller, arg),
            "provisional_top_up_canister" => self.provisional_top_up_canister(arg),
            "raw_rand" => self.raw_rand(),
            "start_canister" => self.start_canister(caller, arg),
            "stop_canister" => self.stop_canister(caller, arg),
            "stored_chunks" => self.stored_chunks(caller, arg),
            "uninstall_code" => self.uninstall_code(caller, arg),
            "update_settings" => self.update_settings(caller, arg),
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
