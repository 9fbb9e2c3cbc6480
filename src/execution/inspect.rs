//! Whether one replica lets a user's call into its pool. No boundary of safety: only execution decides.

use super::induct::{accepts_calls, ingress_bytes, not_found};
use super::message::{module_of, no_update};
use super::run::{Environment, Run};
use super::{charge, management};
use crate::state::{CanisterState, Module, ReplicatedState};
use crate::types::limits::INSPECT_INSTRUCTIONS_MAX;
use crate::types::*;
use crate::wasm::{Context, Engine, Entry};
use std::sync::Arc;

const INSPECT: &str = "canister_inspect_message";

/// Whether a user's call may enter the pool: its canister exists, runs, can pay, has the method, and does
/// not refuse the call in `canister_inspect_message`; for the management canister: the sender may make it.
///
/// # Errors
/// The reason, which the user sees as `non_replicated_rejection`.
pub fn inspect(engine: &Engine, state: &ReplicatedState, call: &UserCall) -> Result<(), Reject> {
    if call.canister_id == management_canister() {
        return management::authorize_ingress(state, call);
    }
    let id = CanisterId::from_principal(&call.canister_id);
    let found = id.and_then(|id| Some((id, state.canister(id)?)));
    let (id, canister) = found.ok_or_else(|| not_found(&call.canister_id))?;
    accepts_calls(id, canister)?;
    let module = module_of(id, canister)?;
    let kinds = ["canister_update", "canister_query"];
    if !kinds.iter().any(|kind| module.exports(&format!("{kind} {}", call.method_name))) {
        return Err(no_update(id, &module, &call.method_name));
    }
    let environment = Environment::of(engine, state, state.time());
    can_pay(&environment, state, id, canister, call)?;
    match module.exports(INSPECT) {
        true => ask_canister(&environment, state, id, canister, &module, call),
        false => Ok(()),
    }
}

fn can_pay(
    environment: &Environment<'_>,
    state: &ReplicatedState,
    id: CanisterId,
    canister: &CanisterState,
    call: &UserCall,
) -> Result<(), Reject> {
    let cost = environment.prices.ingress(ingress_bytes(call));
    let needed = cost.saturating_add(charge::must_keep(&environment.prices, canister));
    let balance = charge::funds_at(state, canister, environment.time).balance;
    match balance >= needed {
        true => Ok(()),
        false => Err(charge::out_of_cycles(id, balance, needed)),
    }
}

fn ask_canister(
    environment: &Environment<'_>,
    state: &ReplicatedState,
    id: CanisterId,
    canister: &CanisterState,
    module: &Module,
    call: &UserCall,
) -> Result<(), Reject> {
    let entry = Entry::Export(INSPECT.to_owned());
    let run = Run {
        caller: call.sender,
        caller_info: call.sender_info.clone(),
        arg: Arc::from(call.arg.as_slice()),
        method_name: call.method_name.clone(),
        instructions_max: INSPECT_INSTRUCTIONS_MAX,
        ..Run::new(id, canister, module, entry, Context::InspectMessage)
    };
    let failed =
        |error: crate::state::HostFailure| Reject::new(ErrorCode::CanisterQueueFull, error.to_string());
    let changes = environment.run(environment.moment(state, id), run).map_err(failed)?.outcome?;
    match changes.message_accepted {
        true => Ok(()),
        false => {
            let message = format!("Canister {id} rejected the message in canister_inspect_message.");
            Err(Reject::new(ErrorCode::CanisterRejectedMessage, message))
        }
    }
}
