//! Who may call which method, and on which canisters.

use super::govern::of_free_canister;
use super::{invalid, snapshot, status};
use crate::encoding::management::effective_canister_id;
use crate::execution::induct::not_found;
use crate::state::{CanisterState, ReplicatedState};
use crate::types::*;

/// Which users may call a method. Canisters may call every one but queries, and each method says itself
/// which.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Users {
    Nobody,
    /// No user either; of canisters, the governance canister alone.
    Governance,
    /// Those that control the canister in question.
    Controllers,
    /// Those, and subnet admins.
    Administrators,
    /// Those, subnet admins and observers.
    Observers,
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
    ("atoll_freeze_canister", Users::Governance),
    ("atoll_frozen", Users::Nobody),
    ("atoll_membership", Users::Nobody),
    ("atoll_prices", Users::Nobody),
    ("atoll_set_prices", Users::Governance),
    ("atoll_unfreeze_canister", Users::Governance),
    ("canister_info", Users::Nobody),
    ("canister_metadata", Users::Nobody),
    ("canister_metrics", Users::Observers),
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
    ("node_metrics_history", Users::Nobody),
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
    "schnorr_public_key",
    "sign_with_ecdsa",
    "sign_with_schnorr",
    "vetkd_derive_key",
    "vetkd_public_key",
];

pub(super) fn users(method: &str) -> Result<Users, Reject> {
    let found = METHODS.iter().find(|(name, _)| *name == method).map(|(_, users)| *users);
    found.ok_or_else(|| unknown_method(method))
}

pub(super) fn unknown_method(method: &str) -> Reject {
    let message = match ABSENT.contains(&method) {
        true => format!("This network does not support the management method '{method}'."),
        false => format!("The management canister has no method '{method}'. Check its name against ic.did."),
    };
    Reject::new(ErrorCode::CanisterMethodNotFound, message)
}

pub(super) fn not_allowed(sender: &Principal, method: &str) -> Reject {
    let message = format!("Caller {sender} is not allowed to call ic00 method {method}");
    Reject::new(ErrorCode::CanisterRejectedMessage, message)
}

/// Only controllers may do that.
pub(super) fn not_controller(id: CanisterId, canister: &CanisterState, sender: &Principal) -> Reject {
    let list =
        |controllers: &[Principal]| controllers.iter().map(Principal::to_text).collect::<Vec<_>>().join(" ");
    let message = format!(
        "Only controllers of canister {id} can call ic00 method on it. The caller is {sender}, the controllers are: {}",
        list(&canister.record.settings.controllers)
    );
    Reject::new(ErrorCode::CanisterInvalidController, message)
}

pub(super) fn find<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    let id = CanisterId::from_principal(principal);
    let found = id.and_then(|id| Some((id, state.canister(id)?.as_ref())));
    found.ok_or_else(|| not_found(principal))
}

/// The canister, if `sender` controls it.
pub(super) fn controlled<'s>(
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
pub(super) fn administered<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    match state.subnet().admins.contains(sender) {
        true => find(state, principal),
        false => controlled(state, principal, sender),
    }
}

/// The canister, if `sender` controls it, or may see all.
pub(super) fn observed<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    match state.subnet().is_seen_by(sender) {
        true => find(state, principal),
        false => controlled(state, principal, sender),
    }
}

/// Whether a user may make this call: known method, open to users, on a canister that the user may manage.
pub(in crate::execution) fn authorize_ingress(
    state: &ReplicatedState,
    call: &UserCall,
) -> Result<(), Reject> {
    let (method, sender) = (call.method_name.as_str(), &call.sender);
    let users = users(method)?;
    of_free_canister(state, method, &call.arg)?;
    let allowed = match users {
        Users::Nobody | Users::Governance => false,
        Users::Admins => state.subnet().admins.contains(sender),
        Users::Provisional => state.subnet().provisional,
        Users::Controllers => return controlled(state, &managed(call)?, sender).map(|_| ()),
        Users::Administrators => return administered(state, &managed(call)?, sender).map(|_| ()),
        Users::Observers => return observed(state, &managed(call)?, sender).map(|_| ()),
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
pub(in crate::execution) fn paying_canister(method: &str, arg: &[u8]) -> Option<CanisterId> {
    match users(method).ok()? {
        Users::Nobody | Users::Governance | Users::Admins | Users::Provisional => None,
        _ => CanisterId::from_principal(&effective_canister_id(method, arg)?),
    }
}
