//! A waiting message runs: a call starts, and ends or opens a call context.

use super::commit::Effects;
use super::induct::accepts_message;
use super::run::Run;
use super::{Executor, charge};
use crate::state::{CallContext, CanisterState, HostFailure, Message, Module, Origin, Task};
use crate::types::*;
use crate::wasm::{Context, Entry, Execution};
use std::sync::Arc;

/// A call that comes to a canister.
struct Incoming<'m> {
    origin: Origin,
    sender_info: Option<&'m SenderInfo>,
    method_name: &'m str,
    payload: &'m [u8],
    cycles: Cycles,
}

impl Incoming<'_> {
    fn of(message: &Message) -> Option<Incoming<'_>> {
        match message {
            Message::Ingress(ingress) => Some(Incoming {
                origin: Origin::Ingress { id: ingress.id, sender: ingress.call.sender },
                sender_info: ingress.call.sender_info.as_ref(),
                method_name: &ingress.call.method_name,
                payload: &ingress.call.arg,
                cycles: Cycles::ZERO,
            }),
            Message::Request(request) => Some(Incoming {
                origin: Origin::Canister {
                    sender: request.sender,
                    callback: request.callback,
                    deadline: request.deadline,
                },
                sender_info: None,
                method_name: &request.method_name,
                payload: &request.payload,
                cycles: request.cycles,
            }),
            Message::Response(_) => None,
        }
    }
}

impl Executor<'_> {
    /// Processes the message that was first in the canister's queue.
    pub(super) fn process(&mut self, id: CanisterId, message: &Arc<Message>) -> Result<(), HostFailure> {
        match message.as_ref() {
            Message::Ingress(ingress) if !self.begin(ingress.id) => (),
            Message::Ingress(_) | Message::Request(_) => self.start(id, message)?,
            Message::Response(response) => self.resume(id, message, response)?,
        }
        self.finish_stop(id);
        self.assert_conserved();
        Ok(())
    }

    fn start(&mut self, id: CanisterId, message: &Arc<Message>) -> Result<(), HostFailure> {
        if let Message::Request(request) = message.as_ref()
            && self.drop_expired(request)
        {
            self.count(Instructions::ZERO);
            return Ok(());
        }
        self.run_hook(id)?;
        if self.state.paused(id).is_some() {
            self.state.change_canister(id, |canister| canister.queue.put_back(message.clone()));
            return Ok(());
        }
        self.charge_idle(id)?;
        let (Some(canister), Some(incoming)) = (self.state.canister(id).cloned(), Incoming::of(message))
        else {
            return Ok(());
        };
        let admitted = self.admit(id, &canister, &incoming);
        // So that what follows changes the canister in place.
        drop(canister);
        match admitted {
            Ok(()) => self.execute(id, Task::Call, Some(message)),
            Err(reject) => {
                self.count(Instructions::ZERO);
                self.answer(id.principal(), &incoming.origin, Answer::Reject(reject), incoming.cycles);
                Ok(())
            }
        }
    }

    /// Whether the canister can take the call now.
    fn admit(&self, id: CanisterId, canister: &CanisterState, incoming: &Incoming<'_>) -> Result<(), Reject> {
        accepts_message(id, canister)?;
        let module = module_of(id, canister)?;
        if entry_of(&module, incoming.method_name).is_none() {
            return Err(no_update(id, &module, incoming.method_name));
        }
        let needed = self.environment.prices.message(self.slicing.update_max);
        let keep = charge::must_keep(&self.environment.prices, canister);
        let balance = canister.record.cycles;
        match balance.checked_sub(needed).is_some_and(|rest| rest >= keep) {
            true => Ok(()),
            false => Err(charge::out_of_cycles(id, balance, needed.saturating_add(keep))),
        }
    }

    /// The run of a call.
    pub(super) fn call_run<'c>(
        &self,
        id: CanisterId,
        canister: &'c CanisterState,
        message: &Message,
    ) -> Option<Run<'c>> {
        let module = canister.module.as_deref()?;
        let incoming = Incoming::of(message)?;
        let (entry, context) = entry_of(module, incoming.method_name)?;
        Some(Run {
            caller: incoming.origin.caller(),
            caller_info: incoming.sender_info.cloned(),
            arg: Arc::from(incoming.payload),
            method_name: incoming.method_name.to_owned(),
            prepaid: self.environment.prices.message(self.slicing.update_max),
            cycles_available: incoming.cycles,
            deadline: incoming.origin.deadline().filter(|_| context == Context::Update),
            ..Run::new(id, canister, module, Entry::Export(entry), context)
        })
    }

    /// The run of a call has ended.
    pub(super) fn finish_call(
        &mut self,
        id: CanisterId,
        message: &Message,
        execution: Execution,
    ) -> Result<(), HostFailure> {
        let Some(incoming) = Incoming::of(message) else {
            return Ok(());
        };
        let module = self.state.canister(id).and_then(|canister| canister.module.as_deref());
        let entry = module.and_then(|module| entry_of(module, incoming.method_name));
        let context = entry.map_or(Context::Update, |(_, context)| context);
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

    /// The run of an entry point that nobody calls.
    pub(super) fn system_run<'c>(
        &self,
        id: CanisterId,
        canister: &'c CanisterState,
        entry: &str,
    ) -> Option<Run<'c>> {
        let module = canister.module.as_deref()?;
        let prepaid = self.environment.prices.message(self.slicing.update_max);
        let entry = Entry::Export(entry.to_owned());
        Some(Run { prepaid, answered: true, ..Run::new(id, canister, module, entry, Context::SystemTask) })
    }

    /// Such a run has ended.
    pub(super) fn finish_system(&mut self, id: CanisterId, execution: Execution) -> Result<(), HostFailure> {
        let opened = CallContext {
            instructions: execution.instructions,
            ..CallContext::new(Origin::System, self.environment.time)
        };
        let effects = self.apply(id, Context::SystemTask, Cycles::ZERO, execution)?;
        self.open_context(id, opened, effects)?;
        self.assert_conserved();
        Ok(())
    }
}

/// Where a call of `method` goes: an update method, or a query method in its place.
fn entry_of(module: &Module, method: &str) -> Option<(String, Context)> {
    let entries = [
        (format!("canister_update {method}"), Context::Update),
        (format!("canister_query {method}"), Context::ReplicatedQuery),
    ];
    entries.into_iter().find(|(entry, _)| module.exports(entry))
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
