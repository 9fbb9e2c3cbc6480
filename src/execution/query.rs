//! Queries: one run on a snapshot, whose changes are thrown away.

use super::induct::{accepts_message, not_found};
use super::message::{did_not_reply, method_not_found, module_of};
use super::run::{Environment, Run};
use super::{charge, management};
use crate::state::{CanisterState, HostFailure, Module, ReplicatedState};
use crate::types::limits::QUERY_INSTRUCTIONS_MAX;
use crate::types::*;
use crate::wasm::{Context, Engine, Entry};
use std::sync::Arc;

/// Answers a user's query from `state`. `data_certificate` is asked for the certificate of the canister's
/// certified data.
///
/// # Errors
/// [`HostFailure`] if the host failed.
pub fn query(
    engine: &Engine,
    state: &ReplicatedState,
    query: &Authenticated<UserQuery>,
    data_certificate: impl FnOnce(CanisterId) -> Vec<u8>,
) -> Result<QueryResult, HostFailure> {
    let content = query.content();
    if content.canister_id == management_canister() {
        return Ok(match management::query(state, content) {
            Ok(reply) => QueryResult::Replied(reply),
            Err(reject) => QueryResult::Rejected(reject),
        });
    }
    let environment = Environment::of(engine, state, state.time());
    let (id, canister, module, entry, context) = match admit(&environment, state, content) {
        Ok(admitted) => admitted,
        Err(reject) => return Ok(QueryResult::Rejected(reject)),
    };
    let run = Run {
        caller: content.sender,
        arg: Arc::from(content.arg.as_slice()),
        method_name: content.method_name.clone(),
        instructions_max: QUERY_INSTRUCTIONS_MAX,
        data_certificate: Some(Arc::from(data_certificate(id))),
        ..Run::new(id, canister, &module, entry, context)
    };
    let changes = match environment.run(environment.moment(state, id), run)?.outcome {
        Ok(changes) => changes,
        Err(reject) => {
            let message = format!("Error from Canister {id}: {}", reject.message);
            return Ok(QueryResult::Rejected(Reject { message, ..reject }));
        }
    };
    Ok(match changes.answer {
        _ if !changes.calls.is_empty() => QueryResult::Rejected(calls_from_query(id)),
        Some(Answer::Reply(reply)) => QueryResult::Replied(reply),
        Some(Answer::Reject(reject)) => QueryResult::Rejected(reject),
        None => QueryResult::Rejected(did_not_reply(id)),
    })
}

type Admitted<'s> = (CanisterId, &'s CanisterState, Arc<Module>, Entry, Context);

fn admit<'s>(
    environment: &Environment<'_>,
    state: &'s ReplicatedState,
    query: &UserQuery,
) -> Result<Admitted<'s>, Reject> {
    let id = CanisterId::from_principal(&query.canister_id);
    let found = id.and_then(|id| Some((id, state.canister(id)?)));
    let (id, canister) = found.ok_or_else(|| not_found(&query.canister_id))?;
    accepts_message(id, canister)?;
    let module = module_of(id, canister)?;
    let keep = charge::must_keep(&environment.prices, canister);
    let balance = charge::funds_at(&environment.prices, canister, state.time()).balance;
    if balance < keep {
        return Err(charge::out_of_cycles(id, balance, keep));
    }
    let plain = format!("canister_query {}", query.method_name);
    let composite = format!("canister_composite_query {}", query.method_name);
    let (entry, context) = match () {
        () if module.exports(&plain) => (plain, Context::Query),
        () if module.exports(&composite) => (composite, Context::CompositeQuery),
        () => return Err(method_not_found(id, "query", &query.method_name)),
    };
    Ok((id, canister, module, Entry::Export(entry), context))
}

/// A composite query wanted to call others.
fn calls_from_query(id: CanisterId) -> Reject {
    let message = format!(
        "Error from Canister {id}: composite queries cannot call other canisters on this subnet yet. Use an update call."
    );
    Reject::new(ErrorCode::CanisterContractViolation, message)
}
