//! The management canister: no canister, but calls that the subnet itself answers (interface spec, "The IC
//! management canister").

mod chunk;
mod create;
mod cycles;
mod download;
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
use std::sync::Arc;

/// Which users may call a method. Canisters may call every one but queries, and each method says itself
/// which.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Users {
    Nobody,
    /// Those that control the canister in question.
    Controllers,
    /// Those, and subnet admins.
    Administrators,
    /// Those whom the canister's `status_visibility` allows.
    StatusViewers,
    /// Those whom the canister's `snapshot_visibility` allows.
    SnapshotViewers,
    Admins,
    /// Everybody, but only on development networks; so for canisters.
    Provisional,
}

/// Every method that is answered here, and which users may call it.
const METHODS: &[(&str, Users)] = &[
    ("canister_info", Users::Nobody),
    ("canister_metadata", Users::Nobody),
    ("canister_metrics", Users::Administrators),
    ("canister_status", Users::StatusViewers),
    ("clear_chunk_store", Users::Controllers),
    ("create_canister", Users::Admins),
    ("delete_canister", Users::Administrators),
    ("delete_canister_snapshot", Users::Controllers),
    ("deposit_cycles", Users::Nobody),
    ("fetch_canister_logs", Users::Nobody),
    ("install_chunked_code", Users::Controllers),
    ("install_code", Users::Controllers),
    ("list_canister_snapshots", Users::SnapshotViewers),
    ("list_canisters", Users::Nobody),
    ("load_canister_snapshot", Users::Controllers),
    ("provisional_create_canister_with_cycles", Users::Provisional),
    ("provisional_top_up_canister", Users::Provisional),
    ("raw_rand", Users::Nobody),
    ("read_canister_snapshot_data", Users::SnapshotViewers),
    ("read_canister_snapshot_metadata", Users::SnapshotViewers),
    ("rename_canister", Users::Nobody),
    ("start_canister", Users::Administrators),
    ("stop_canister", Users::Administrators),
    ("stored_chunks", Users::Controllers),
    ("subnet_info", Users::Nobody),
    ("take_canister_snapshot", Users::Controllers),
    ("uninstall_code", Users::Administrators),
    ("update_settings", Users::Controllers),
    ("upload_canister_snapshot_data", Users::Controllers),
    ("upload_canister_snapshot_metadata", Users::Controllers),
    ("upload_chunk", Users::Controllers),
];

/// Methods of the interface spec that this network does not have.
const ABSENT: &[&str] = &[
    "bitcoin_get_balance",
    "bitcoin_get_block_headers",
    "bitcoin_get_current_fee_percentiles",
    "bitcoin_get_utxos",
    "bitcoin_send_transaction",
    "ecdsa_public_key",
    "flexible_http_request",
    "http_request",
    "node_metrics_history",
    "schnorr_public_key",
    "sign_with_ecdsa",
    "sign_with_schnorr",
    "vetkd_derive_key",
    "vetkd_public_key",
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

fn users(method: &str) -> Result<Users, Reject> {
    let found = METHODS.iter().find(|(name, _)| *name == method).map(|(_, users)| *users);
    found.ok_or_else(|| unknown_method(method))
}

fn unknown_method(method: &str) -> Reject {
    let message = match ABSENT.contains(&method) {
        true => format!("This network does not support the management method '{method}'."),
        false => format!("The management canister has no method '{method}'. Check its name against ic.did."),
    };
    Reject::new(ErrorCode::CanisterMethodNotFound, message)
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

/// The canister, if `sender` controls it or is a subnet admin.
fn administered<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    match state.subnet().admins.contains(sender) {
        true => find(state, principal),
        false => controlled(state, principal, sender),
    }
}

/// Whether a user may make this call: known method, open to users, on a canister that the user may manage.
pub(super) fn authorize_ingress(state: &ReplicatedState, call: &UserCall) -> Result<(), Reject> {
    let (method, sender) = (call.method_name.as_str(), &call.sender);
    let allowed = match users(method)? {
        Users::Nobody => false,
        Users::Admins => state.subnet().admins.contains(sender),
        Users::Provisional => state.subnet().provisional,
        Users::Controllers => return controlled(state, &managed(call)?, sender).map(|_| ()),
        Users::Administrators => return administered(state, &managed(call)?, sender).map(|_| ()),
        Users::StatusViewers => return status::viewed(state, &managed(call)?, sender).map(|_| ()),
        Users::SnapshotViewers => return snapshot::viewed(state, &managed(call)?, sender).map(|_| ()),
    };
    match allowed {
        true => Ok(()),
        false => Err(not_allowed(sender, method)),
    }
}

fn managed(call: &UserCall) -> Result<Principal, Reject> {
    effective_canister_id(&call.method_name, &call.arg)
        .ok_or_else(|| invalid("the argument is not of the type that the method takes"))
}

/// The canister that pays for taking in a user's management call.
pub(super) fn paying_canister(method: &str, arg: &[u8]) -> Option<CanisterId> {
    match users(method).ok()? {
        Users::Nobody | Users::Admins | Users::Provisional => None,
        _ => CanisterId::from_principal(&effective_canister_id(method, arg)?),
    }
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
    let message =
        format!("The management method '{method}' can only be called as a query, by subnet admins.");
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
    fn weigh(&mut self, bytes: usize) {
        let effort = (bytes as u64).saturating_mul(MANAGEMENT_BYTE_INSTRUCTIONS);
        self.effort = self.effort.saturating_add(Instructions(effort));
    }

    fn dispatch(&mut self, caller: &Caller, method: &str, arg: &[u8]) -> Result<Done, Failure> {
        let open = match (users(method)?, &caller.origin) {
            (Users::Provisional, _) => self.state.subnet().provisional,
            (Users::Nobody, Origin::Ingress { .. }) => false,
            (Users::Admins, Origin::Ingress { sender, .. }) => self.state.subnet().admins.contains(sender),
            _ => true,
        };
        if !open {
            return Err(not_allowed(&caller.principal, method).into());
        }
        let sender = &caller.principal;
        match method {
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
