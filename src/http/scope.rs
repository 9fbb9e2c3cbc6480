//! Whether a request belongs to the canister or subnet in its URL (interface spec, "Effective canister
//! id", "Effective subnet id").

use super::Server;
use super::reply::Refusal;
use super::route::Scope;
use crate::encoding::management::effective_canister_id;
use crate::types::{CanisterId, Principal, management_canister};

/// Methods that make a canister: they may be sent under any effective canister id.
const CREATIONS: [&str; 2] = ["create_canister", "provisional_create_canister_with_cycles"];
/// Queries about the subnet as a whole.
const SUBNET_QUERIES: [&str; 3] = ["list_canisters", "atoll_membership", "atoll_prices"];

/// What a call or query says of itself.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub canister_id: Principal,
    pub method_name: &'a str,
    pub arg: &'a [u8],
}

/// May this update call be sent there?
pub(super) fn check_call(server: &Server, scope: Scope, target: Target<'_>) -> Result<(), Refusal> {
    check(server, scope, target, &CREATIONS)
}

/// May this query be sent there?
pub(super) fn check_query(server: &Server, scope: Scope, target: Target<'_>) -> Result<(), Refusal> {
    check(server, scope, target, &SUBNET_QUERIES)
}

/// `anywhere`: methods of the management canister that concern no canister.
fn check(server: &Server, scope: Scope, target: Target<'_>, anywhere: &[&str]) -> Result<(), Refusal> {
    let management = target.canister_id == management_canister();
    let placeless = management && anywhere.contains(&target.method_name);
    match scope {
        Scope::Subnet(id) => {
            check_subnet(server, id)?;
            match placeless {
                true => Ok(()),
                false => Err(Refusal::bad(format!(
                    "at a subnet's endpoint only {} of the management canister can be called",
                    anywhere.join(", ")
                ))),
            }
        }
        Scope::Canister(_) if placeless => Ok(()),
        Scope::Canister(id) if management => check_management(id, target),
        Scope::Canister(id) => {
            check_equal(id, target.canister_id)?;
            check_range(id)
        }
    }
}

/// The effective canister id is the canister that the argument names. A call whose argument names none
/// is rejected by whoever reads it, wherever it was sent.
fn check_management(id: Principal, target: Target<'_>) -> Result<(), Refusal> {
    match effective_canister_id(target.method_name, target.arg) {
        Some(effective) => {
            check_equal(id, effective)?;
            check_range(id)
        }
        None => Ok(()),
    }
}

fn check_equal(url: Principal, effective: Principal) -> Result<(), Refusal> {
    if url == effective {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "the effective canister id in the URL is {url}, but the request is for {effective}"
    )))
}

/// The canister id is one of this subnet's range.
pub(super) fn check_range(id: Principal) -> Result<(), Refusal> {
    match CanisterId::from_principal(&id) {
        Some(_) => Ok(()),
        // Tools look for the first word.
        None => Err(Refusal::bad(format!(
            "canister_not_found: {id} is not in the canister ranges of this subnet"
        ))),
    }
}

/// The subnet id is this subnet's.
pub(super) fn check_subnet(server: &Server, id: Principal) -> Result<(), Refusal> {
    let identity = server.identity()?;
    if identity.subnet_id.0 == id {
        return Ok(());
    }
    Err(Refusal::bad(format!("subnet_not_found: {id} is not this subnet, which is {}", identity.subnet_id.0)))
}
