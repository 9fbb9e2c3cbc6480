//! A waiting message runs: a call starts, and ends or opens a call context.

use super::commit::Effects;
use super::induct::accepts_message;
use super::route::deadline_expired;
use super::run::Run;
use super::{Executor, charge};
use crate::state::{CallContext, CanisterState, HostFailure, Message, Module, Origin};
use crate::types::limits::UPDATE_INSTRUCTIONS_MAX;
use crate::types::*;
use crate::wasm::{Context, Entry};
use std::sync::Arc;

/// A call that comes to a canister.
struct Incoming<'m> {
    origin: Origin,
    sender_info: Option<&'m SenderInfo>,
    method_name: &'m str,
    payload: &'m [u8],
    cycles: Cycles,
}

impl Executor<'_> {
    /// Processes the message that was first in the canister's queue.
    pub(super) fn process(&mut self, id: CanisterId, message: &Message) -> Result<(), HostFailure> {
        match message {
            Message::Ingress(ingress) => self.start_ingress(id, ingress)?,
            Message::Request(request) => self.start_request(id, request)?,
            Message::Response(response) => self.resume(id, response)?,
        }
        self.finish_stop(id);
        Ok(())
    }

    fn start_ingress(&mut self, id: CanisterId, ingress: &Ingress) -> Result<(), HostFailure> {
        if !self.begin(ingress.id) {
            return Ok(());
        }
        let origin = Origin::Ingress { id: ingress.id, sender: ingress.call.sender };
        let incoming = Incoming {
            origin,
            sender_info: ingress.call.sender_info.as_ref(),
            method_name: &ingress.call.method_name,
            payload: &ingress.call.arg,
            cycles: Cycles::ZERO,
        };
        self.start(id, incoming)
    }

    fn start_request(&mut self, id: CanisterId, request: &Request) -> Result<(), HostFailure> {
        let origin = Origin::Canister {
            sender: request.sender,
            callback: request.callback,
            deadline: request.deadline,
        };
        // Nobody awaits the answer any more; what was attached goes back.
        if request.deadline.is_some_and(|deadline| deadline < self.environment.time) {
            self.count(Instructions::ZERO);
            self.answer(id.principal(), &origin, Answer::Reject(deadline_expired()), request.cycles);
            return Ok(());
        }
        let incoming = Incoming {
            origin,
            sender_info: None,
            method_name: &request.method_name,
            payload: &request.payload,
            cycles: request.cycles,
        };
        self.start(id, incoming)
    }

    fn start(&mut self, id: CanisterId, incoming: Incoming<'_>) -> Result<(), HostFailure> {
        self.run_hook(id)?;
        self.charge_idle(id)?;
        let Some(canister) = self.state.canister(id).cloned() else {
            return Ok(());
        };
        match self.admit(id, &canister, &incoming) {
            Ok((module, entry, context)) => self.call(id, canister, &module, entry, context, incoming),
            Err(reject) => {
                self.count(Instructions::ZERO);
                self.answer(id.principal(), &incoming.origin, Answer::Reject(reject), incoming.cycles);
                Ok(())
            }
        }
    }

    /// Whether the canister can take the call now, and where it goes.
    fn admit(
        &self,
        id: CanisterId,
        canister: &CanisterState,
        incoming: &Incoming<'_>,
    ) -> Result<(Arc<Module>, Entry, Context), Reject> {
        accepts_message(id, canister)?;
        let module = module_of(id, canister)?;
        let update = format!("canister_update {}", incoming.method_name);
        let query = format!("canister_query {}", incoming.method_name);
        let (entry, context) = match () {
            () if module.exports(&update) => (update, Context::Update),
            () if module.exports(&query) => (query, Context::ReplicatedQuery),
            () => return Err(no_update(id, &module, incoming.method_name)),
        };
        let needed = self.environment.prices.message(UPDATE_INSTRUCTIONS_MAX);
        let keep = charge::freezing_limit(&self.environment.prices, canister);
        let balance = canister.record.cycles;
        match balance.checked_sub(needed).is_some_and(|rest| rest >= keep) {
            true => Ok((module, Entry::Export(entry), context)),
            false => Err(charge::out_of_cycles(id, balance, needed.saturating_add(keep))),
        }
    }

    fn call(
        &mut self,
        id: CanisterId,
        canister: Arc<CanisterState>,
        module: &Module,
        entry: Entry,
        context: Context,
        incoming: Incoming<'_>,
    ) -> Result<(), HostFailure> {
        let run = Run {
            caller: incoming.origin.caller(),
            caller_info: incoming.sender_info.cloned(),
            arg: Arc::from(incoming.payload),
            method_name: incoming.method_name.to_owned(),
            prepaid: self.environment.prices.message(UPDATE_INSTRUCTIONS_MAX),
            cycles_available: incoming.cycles,
            deadline: incoming.origin.deadline().filter(|_| context == Context::Update),
            ..Run::new(id, &canister, module, entry, context)
        };
        let execution = self.environment.run(&self.state, run)?;
        // So that what follows changes the canister in place.
        drop(canister);
        self.count(execution.instructions);
        let opened = CallContext {
            sender_info: incoming.sender_info.cloned(),
            available: incoming.cycles,
            instructions: execution.instructions,
            ..CallContext::new(incoming.origin, self.environment.time)
        };
        let effects = self.apply(id, context, incoming.cycles, execution)?;
        self.open_context(id, opened, effects)
    }

    /// The first run of a call has ended. A context is kept only if callbacks will follow.
    pub(super) fn open_context(
        &mut self,
        id: CanisterId,
        mut context: CallContext,
        effects: Result<Effects, Reject>,
    ) -> Result<(), HostFailure> {
        let origin = context.origin;
        let effects = match effects {
            Ok(effects) => effects,
            Err(reject) => {
                self.answer(id.principal(), &origin, Answer::Reject(reject), context.available);
                return Ok(());
            }
        };
        context.available = context.available.saturating_sub(effects.accepted);
        if effects.calls.is_empty() {
            let silent = || Answer::Reject(did_not_reply(id));
            let answer = effects.answer.unwrap_or_else(silent);
            self.answer(id.principal(), &origin, answer, context.available);
            return Ok(());
        }
        let open = |canister: &mut CanisterState| {
            let context_id = CallContextId(canister.record.next_context);
            canister.record.next_context = canister.record.next_context.saturating_add(1);
            canister.record.contexts.insert(context_id, context);
            context_id
        };
        if let Some(context_id) = self.state.change_canister(id, open) {
            self.continue_context(id, context_id, effects);
        }
        Ok(())
    }
}

/// The canister's module.
pub(super) fn module_of(id: CanisterId, canister: &CanisterState) -> Result<Arc<Module>, Reject> {
    canister.module.clone().ok_or_else(|| {
        let message = format!(
            "Error from Canister {id}: Attempted to execute a message, but the canister contains no Wasm module. \
             Install code with install_code."
        );
        Reject::new(ErrorCode::CanisterWasmModuleNotFound, message)
    })
}

/// The module exports no method of this name that can be called in replicated execution.
pub(super) fn no_update(id: CanisterId, module: &Module, method: &str) -> Reject {
    match module.exports(&format!("canister_composite_query {method}")) {
        true => {
            let message = format!(
                "Error from Canister {id}: Composite query '{method}' cannot be called in replicated mode. \
                 Send it as a query."
            );
            Reject::new(ErrorCode::CompositeQueryCalledInReplicatedMode, message)
        }
        false => method_not_found(id, "update", method),
    }
}

/// The module exports no such method.
pub(super) fn method_not_found(id: CanisterId, kind: &str, method: &str) -> Reject {
    let message = format!(
        "Error from Canister {id}: Canister has no {kind} method '{method}'. Check the name against the canister's \
         Candid interface."
    );
    Reject::new(ErrorCode::CanisterMethodNotFound, message)
}

/// The call ended without an answer, and no callback can still give one.
pub(super) fn did_not_reply(id: CanisterId) -> Reject {
    let message = format!("Error from Canister {id}: Canister did not reply to the call");
    Reject::new(ErrorCode::CanisterDidNotReply, message)
}
