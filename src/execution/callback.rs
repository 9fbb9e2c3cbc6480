//! A response arrives: its callback runs, or its cleanup, and its call context goes on or ends.

use super::Executor;
use super::commit::Effects;
use super::freeze::is_free;
use super::message::did_not_reply;
use super::run::Run;
use crate::state::{CallContext, Callback, CanisterState, HostFailure, Message, Task, Use};
use crate::types::limits::{CALLBACK_INSTRUCTIONS_MAX, CLEANUP_INSTRUCTIONS_MAX};
use crate::types::*;
use crate::wasm::{Context, Entry, Execution};
use std::sync::Arc;

impl Executor<'_> {
    /// The response to one of the canister's calls. A second one for the same call (the first said that its
    /// deadline had passed) is dropped with its cycles.
    pub(super) fn resume(
        &mut self,
        id: CanisterId,
        message: &Arc<Message>,
        response: &Response,
    ) -> Result<(), HostFailure> {
        self.charge_idle(id)?;
        let take = |canister: &mut CanisterState| canister.take_callback(response.callback);
        let Some(callback) = self.state.change_canister(id, take).flatten() else {
            self.burn(response.refund);
            return Ok(());
        };
        if let Some(deadline) = callback.deadline {
            self.state.remove_deadline(deadline, id, response.callback);
        }
        self.state.counters.calls_in_flight = self.state.counters.calls_in_flight.saturating_sub(1);
        let carried = self.environment.prices.response(response.payload.bytes()).min(callback.reserved);
        let income = callback.reserved.saturating_add(response.refund);
        self.credit(id, income);
        self.take(id, Use::RequestAndResponseTransmission, carried);
        let Some(canister) = self.state.canister(id) else {
            return Ok(());
        };
        let Some(context) = canister.record.contexts.get(&callback.context) else {
            return Ok(());
        };
        let frozen = is_free(id, canister).err();
        if canister.module.is_some() && !context.deleted && frozen.is_none() {
            return self.execute(id, Task::Callback(callback), Some(message));
        }
        self.end_callback(id, callback.context, frozen);
        Ok(())
    }

    /// The run of the callback for a response.
    pub(super) fn response_run<'c>(
        &self,
        id: CanisterId,
        canister: &'c CanisterState,
        callback: &Callback,
        message: &Message,
    ) -> Option<Run<'c>> {
        let Message::Response(response) = message else {
            return None;
        };
        let module = canister.module.as_deref()?;
        let context = canister.record.contexts.get(&callback.context)?;
        let (kind, function, arg) = match &response.payload {
            Answer::Reply(reply) => (Context::ReplyCallback, callback.on_reply, reply.as_slice()),
            Answer::Reject(_) => (Context::RejectCallback, callback.on_reject, [].as_slice()),
        };
        let entry = Entry::Callback { fun: function.0, env: function.1 };
        Some(Run {
            arg: Arc::from(arg),
            reject: rejected(message).cloned(),
            cycles_refunded: response.refund,
            ..self.callback_run(id, canister, module, context, entry, kind)
        })
    }

    /// The run of a callback has ended.
    pub(super) fn finish_callback(
        &mut self,
        id: CanisterId,
        callback: &Callback,
        message: &Message,
        execution: Execution,
    ) -> Result<(), HostFailure> {
        let read = |context: &mut CallContext| context.available;
        let available = self.change_context(id, callback.context, read).unwrap_or_default();
        self.add_instructions(id, callback.context, execution.instructions);
        // Reply and reject callbacks keep the same changes.
        match self.apply(id, Context::ReplyCallback, available, execution)? {
            Ok(effects) => {
                self.take_available(id, callback.context, effects.accepted);
                self.count_down(id, callback.context);
                self.continue_context(id, callback.context, effects);
            }
            Err(reject) => {
                self.clean_up(id, callback, rejected(message))?;
                self.end_callback(id, callback.context, Some(reject));
            }
        }
        Ok(())
    }

    fn callback_run<'c>(
        &self,
        id: CanisterId,
        canister: &'c CanisterState,
        module: &'c crate::state::Module,
        context: &CallContext,
        entry: Entry,
        kind: Context,
    ) -> Run<'c> {
        Run {
            caller: context.origin.caller(),
            caller_info: context.sender_info.clone(),
            prepaid: self.environment.prices.message(CALLBACK_INSTRUCTIONS_MAX),
            cycles_available: context.available,
            answered: context.answered,
            deadline: context.origin.deadline(),
            instructions_before: context.instructions,
            ..Run::new(id, canister, module, entry, kind)
        }
    }

    /// The callback trapped: its cleanup runs in the state before it (interface spec, "Callbacks").
    fn clean_up(
        &mut self,
        id: CanisterId,
        callback: &Callback,
        reject: Option<&Reject>,
    ) -> Result<(), HostFailure> {
        let Some((fun, env)) = callback.on_cleanup else {
            return Ok(());
        };
        let Some(canister) =
            self.state.canister(id).filter(|canister| canister.record.frozen.is_none()).cloned()
        else {
            return Ok(());
        };
        let (Some(module), Some(context)) =
            (&canister.module, canister.record.contexts.get(&callback.context))
        else {
            return Ok(());
        };
        let entry = Entry::Callback { fun, env };
        let run = Run {
            reject: reject.cloned(),
            instructions_max: CLEANUP_INSTRUCTIONS_MAX,
            ..self.callback_run(id, &canister, module, context, entry, Context::Cleanup)
        };
        let execution = self.environment.run(self.environment.moment(&self.state, id), run)?;
        self.count(execution.instructions);
        self.add_instructions(id, callback.context, execution.instructions);
        // A cleanup that traps changes nothing; its text is in the log.
        let _ = self.apply(id, Context::Cleanup, Cycles::ZERO, execution)?;
        Ok(())
    }

    /// A run in the context succeeded: its answer goes out, its calls go on their way, and the context
    /// ends if nothing is outstanding.
    pub(super) fn continue_context(&mut self, id: CanisterId, context_id: CallContextId, effects: Effects) {
        if let Some(answer) = effects.answer {
            self.answer_context(id, context_id, answer);
        }
        for call in effects.calls {
            self.send(id, context_id, call);
        }
        self.end_context(id, context_id, None);
    }

    /// A callback is over without having run, or having trapped.
    fn end_callback(&mut self, id: CanisterId, context_id: CallContextId, reject: Option<Reject>) {
        self.count_down(id, context_id);
        self.end_context(id, context_id, reject);
    }

    /// Ends the context if no callback is outstanding; if nobody answered, `reject` is the answer.
    fn end_context(&mut self, id: CanisterId, context_id: CallContextId, reject: Option<Reject>) {
        let Some(context) =
            self.state.canister(id).and_then(|canister| canister.record.contexts.get(&context_id))
        else {
            return;
        };
        let (origin, open) = (context.origin, !context.answered && !context.deleted);
        if context.outstanding > 0 {
            if let (crate::state::Origin::Ingress { id, .. }, true) = (origin, open) {
                self.mark_processing(id);
            }
            return;
        }
        if open {
            let reject = reject.unwrap_or_else(|| did_not_reply(id));
            self.answer_context(id, context_id, Answer::Reject(reject));
        }
        self.state.change_canister(id, |canister| canister.record.contexts.remove(&context_id));
    }

    /// Answers the caller of the context; what it attached and nobody accepted goes back.
    pub(super) fn answer_context(&mut self, id: CanisterId, context_id: CallContextId, answer: Answer) {
        let close = |context: &mut CallContext| {
            let refund = std::mem::take(&mut context.available);
            context.answered = true;
            (context.origin, refund)
        };
        if let Some((origin, refund)) = self.change_context(id, context_id, close) {
            self.answer(id.principal(), &origin, answer, refund);
        }
    }

    fn take_available(&mut self, id: CanisterId, context_id: CallContextId, accepted: Cycles) {
        let take = |context: &mut CallContext| context.available = context.available.saturating_sub(accepted);
        self.change_context(id, context_id, take);
    }

    fn count_down(&mut self, id: CanisterId, context_id: CallContextId) {
        let count = |context: &mut CallContext| context.outstanding = context.outstanding.saturating_sub(1);
        self.change_context(id, context_id, count);
    }

    fn add_instructions(&mut self, id: CanisterId, context_id: CallContextId, used: Instructions) {
        let add =
            |context: &mut CallContext| context.instructions = context.instructions.saturating_add(used);
        self.change_context(id, context_id, add);
    }

    fn change_context<R>(
        &mut self,
        id: CanisterId,
        context_id: CallContextId,
        change: impl FnOnce(&mut CallContext) -> R,
    ) -> Option<R> {
        let change = |canister: &mut CanisterState| canister.record.contexts.get_mut(&context_id).map(change);
        self.state.change_canister(id, change).flatten()
    }
}

/// Why the call was refused, if it was.
fn rejected(message: &Message) -> Option<&Reject> {
    match message {
        Message::Response(response) => match &response.payload {
            Answer::Reply(_) => None,
            Answer::Reject(reject) => Some(reject),
        },
        Message::Ingress(_) | Message::Request(_) => None,
    }
}
