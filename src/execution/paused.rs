//! Runs that go on over several heights (rule 7).
//!
//! A run that takes more than a slice is recorded with all that it depends on ([`Paused`]); the message that it
//! is about stays first in its queue. The first of the line are granted a slice in each second of block time, at
//! most one in a height: execution keeps up, however fast blocks come. When a run has been granted what it uses, its result is applied as if it had been made in that height. Whether the
//! host had kept the run or had to begin it again makes no difference ([`Engine::advance`]).
//!
//! [`Engine::advance`]: crate::wasm::Engine::advance

use super::Executor;
use super::management::install::Prepared;
use super::run::Run;
use crate::crypto::hash::hash_parts;
use crate::state::{CanisterState, HostFailure, Message, Moment, Paused, Task, record};
use crate::types::limits::{
    INLINE_INSTRUCTIONS, INSTALL_INSTRUCTIONS_MAX, SLICE_INSTRUCTIONS, UPDATE_INSTRUCTIONS_MAX,
};
use crate::types::*;
use crate::wasm::{Execution, Longer};
use std::sync::Arc;

const SECOND_NANOS: u128 = 1_000_000_000;

/// How many instructions runs get, at once and in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slicing {
    pub(super) slice: Instructions,
    /// Whether a run that goes on gets its slice in a second of block time, however many heights that has;
    /// otherwise in each height.
    pub(super) paced: bool,
    pub(super) update_max: Instructions,
    pub(super) install_max: Instructions,
}

impl Default for Slicing {
    fn default() -> Slicing {
        Slicing {
            slice: SLICE_INSTRUCTIONS,
            paced: true,
            update_max: UPDATE_INSTRUCTIONS_MAX,
            install_max: INSTALL_INSTRUCTIONS_MAX,
        }
    }
}

impl Slicing {
    /// What a run that goes on is granted in a height, `elapsed` after the one before.
    fn share(&self, elapsed: Time) -> Instructions {
        let share = u128::from(self.slice.0).saturating_mul(elapsed.0.into()) / SECOND_NANOS;
        match self.paced {
            true => Instructions(u64::try_from(share).unwrap_or(u64::MAX)).min(self.slice),
            false => self.slice,
        }
    }

    fn max(&self, task: &Task) -> Instructions {
        match task {
            Task::Install(_) => self.install_max,
            Task::Call | Task::Callback(_) | Task::System(_) => self.update_max,
        }
    }
}

impl Executor<'_> {
    /// Runs a task that is not an installation, to its end or as far as a slice goes.
    pub(super) fn execute(
        &mut self,
        id: CanisterId,
        task: Task,
        message: Option<&Arc<Message>>,
    ) -> Result<(), HostFailure> {
        let Some(canister) = self.state.canister(id).cloned() else {
            return Ok(());
        };
        let moment = self.environment.moment(&self.state, id);
        let Some(run) = self.run_of(id, &canister, &task, message) else {
            return Ok(());
        };
        let prepaid = run.prepaid;
        let short = INLINE_INSTRUCTIONS.min(self.slicing.slice);
        let execution = match self.environment.engine.begin(self.environment.call(moment, run)?, short)? {
            Ok(execution) => execution,
            Err(longer) => return self.pause(id, task, moment, prepaid, message, Some(longer)),
        };
        // So that what follows changes the canister in place.
        drop(canister);
        self.count(execution.instructions);
        self.finish_task(id, &task, message, execution)
    }

    fn run_of<'c>(
        &self,
        id: CanisterId,
        canister: &'c CanisterState,
        task: &Task,
        message: Option<&Arc<Message>>,
    ) -> Option<Run<'c>> {
        let run = match task {
            Task::Call => self.call_run(id, canister, message?),
            Task::Callback(callback) => self.response_run(id, canister, callback, message?),
            Task::System(entry) => self.system_run(id, canister, entry),
            Task::Install(_) => None,
        };
        Some(Run { instructions_max: self.slicing.update_max, ..run? })
    }

    fn finish_task(
        &mut self,
        id: CanisterId,
        task: &Task,
        message: Option<&Arc<Message>>,
        execution: Execution,
    ) -> Result<(), HostFailure> {
        match (task, message) {
            (Task::Call, Some(message)) => self.finish_call(id, message, execution),
            (Task::Callback(callback), Some(message)) => {
                self.finish_callback(id, callback, message, execution)
            }
            (Task::System(_), _) => self.finish_system(id, execution),
            (Task::Call | Task::Callback(_), None) | (Task::Install(_), _) => Ok(()),
        }
    }

    /// Records a run that begins now, with the message that it is about, and grants it its first slice. `begun`
    /// is what the host has of it already.
    pub(super) fn pause(
        &mut self,
        id: CanisterId,
        task: Task,
        moment: Moment,
        prepaid: Cycles,
        message: Option<&Arc<Message>>,
        begun: Option<Longer>,
    ) -> Result<(), HostFailure> {
        let number = self.state.next_place();
        let pause = |canister: &mut CanisterState| {
            let before = canister.record.clone();
            let prepaid = prepaid.min(before.cycles);
            canister.record.cycles = before.cycles.saturating_sub(prepaid);
            canister.record.granted = Some(Instructions::ZERO);
            canister.paused = Some(Arc::new(Paused { number, task, moment, before, prepaid }));
            if let Some(message) = message {
                canister.queue.put_back(message.clone());
            }
        };
        self.state.change_canister(id, pause);
        if let Some(Message::Ingress(ingress)) = message.map(Arc::as_ref) {
            self.mark_processing(ingress.id);
        }
        self.grant(id, self.slicing.slice, begun)
    }

    /// The paused runs that are first in the line go on.
    pub(super) fn advance_paused_runs(&mut self) -> Result<(), HostFailure> {
        let share = self.slicing.share(self.elapsed);
        self.state.under_way().into_iter().try_for_each(|id| self.grant(id, share, None))
    }

    /// Grants the canister's paused run `share` more. One that has no place keeps only that in the line.
    fn grant(
        &mut self,
        id: CanisterId,
        share: Instructions,
        begun: Option<Longer>,
    ) -> Result<(), HostFailure> {
        let Some(canister) = self.state.canister(id).cloned() else {
            return Ok(());
        };
        let (Some(paused), Some(before)) = (canister.paused.clone(), canister.record.granted) else {
            return Ok(());
        };
        let granted = before.saturating_add(share).min(self.slicing.max(&paused.task));
        let key = self.key(&canister, &paused)?;
        if let Some(begun) = begun {
            self.environment.engine.adopt(key, begun);
        }
        drop(canister);
        // All of a run costs what stood when it began (`charge`, rule 4).
        let prices = self.environment.prices;
        self.environment.prices = prices.with_tariff(paused.moment.tariff);
        let ended = self.end_if_granted(id, &paused, key, before, granted)?;
        self.environment.prices = prices;
        match ended {
            Some(starved) => self.after_run(id, starved),
            None => {
                self.go_on(id, key, before, granted);
                self.after_run(id, false)
            }
        }
    }

    /// Applies what came of a run that has ended with what it was granted; answers whether it could not pay for the
    /// time that it took.
    fn end_if_granted(
        &mut self,
        id: CanisterId,
        paused: &Paused,
        key: Digest,
        before: Instructions,
        granted: Instructions,
    ) -> Result<Option<bool>, HostFailure> {
        let Some(canister) = self.state.canister(id).cloned() else {
            return Ok(None);
        };
        match &paused.task {
            Task::Install(install) => {
                let ended = self.advance_install(id, &canister, paused, install, key, granted)?;
                drop(canister);
                let Some(prepared) = ended else { return Ok(None) };
                self.unpause(id);
                let starved = self.pay_idle(id);
                self.finish_install(id, install, prepared, before);
                Ok(Some(starved))
            }
            task => {
                let ended = self.advance_run(id, &canister, paused, key, granted)?;
                drop(canister);
                let Some(execution) = ended else { return Ok(None) };
                let message = self.unpause(id);
                let starved = self.pay_idle(id);
                self.count(execution.instructions.saturating_sub(before));
                self.finish_task(id, task, message.as_ref(), execution)?;
                Ok(Some(starved))
            }
        }
    }

    fn after_run(&mut self, id: CanisterId, starved: bool) -> Result<(), HostFailure> {
        if starved {
            self.starve(id)?;
        }
        self.finish_stop(id);
        self.assert_conserved();
        Ok(())
    }

    /// The canister's paused run ends with `reject`, whatever it would have come to. It costs what it was granted.
    pub(super) fn break_off(&mut self, id: CanisterId, reject: Reject) -> Result<(), HostFailure> {
        let Some(canister) = self.state.canister(id) else {
            return Ok(());
        };
        let (Some(paused), Some(granted)) = (canister.paused.clone(), canister.record.granted) else {
            return Ok(());
        };
        let key = self.key(canister, &paused)?;
        self.environment.engine.forget(key);
        let prices = self.environment.prices;
        self.environment.prices = prices.with_tariff(paused.moment.tariff);
        let message = self.unpause(id);
        let starved = self.pay_idle(id);
        match &paused.task {
            Task::Install(install) => {
                self.finish_install(id, install, Prepared::broken_off(reject, granted), granted);
            }
            task => {
                let log = vec![reject.message.clone().into_bytes()];
                let execution = Execution { outcome: Err(reject), instructions: granted, log };
                self.count(Instructions::ZERO);
                self.finish_task(id, task, message.as_ref(), execution)?;
            }
        }
        self.environment.prices = prices;
        self.after_run(id, starved)
    }

    fn advance_run(
        &self,
        id: CanisterId,
        canister: &CanisterState,
        paused: &Paused,
        key: Digest,
        granted: Instructions,
    ) -> Result<Option<Execution>, HostFailure> {
        let found = as_found(canister, paused);
        let message = subject(canister, &paused.task);
        let run = self.run_of(id, &found, &paused.task, message);
        let run = run.ok_or_else(|| HostFailure(format!("the paused run of canister {id} has no code")))?;
        let call = self.environment.call(paused.moment, run)?;
        self.environment.engine.advance(key, granted, move |engine| engine.run(call))
    }

    fn go_on(&mut self, id: CanisterId, key: Digest, before: Instructions, granted: Instructions) {
        self.count_slice(granted.saturating_sub(before));
        match self.state.under_way().contains(&id) {
            true => {
                self.state.change_canister(id, |canister| canister.record.granted = Some(granted));
            }
            false => self.environment.engine.forget(key),
        }
    }

    /// The run has ended: what was prepaid comes back, and what waited for the end goes on. Answers the
    /// message that the run was about.
    fn unpause(&mut self, id: CanisterId) -> Option<Arc<Message>> {
        let unpause = |canister: &mut CanisterState| {
            let paused = canister.paused.take();
            canister.record.granted = None;
            let held = canister.held.take_all();
            let paused = paused?;
            canister.record.cycles = canister.record.cycles.saturating_add(paused.prepaid);
            let message = subject(canister, &paused.task).is_some().then(|| canister.queue.pop());
            Some((message.flatten(), held))
        };
        let (message, held) = self.state.change_canister(id, unpause)??;
        for call in held {
            self.state.management.push(call.as_ref().clone());
        }
        message
    }

    /// Names all that the run depends on.
    fn key(&self, canister: &CanisterState, paused: &Paused) -> Result<Digest, HostFailure> {
        let message = match subject(canister, &paused.task) {
            Some(message) => record::encode(message.as_ref())?,
            None => Vec::new(),
        };
        let memories = [canister.heap.root(), canister.stable.root()];
        let parts: [&[u8]; 5] = [
            &record::encode(paused)?,
            &message,
            &memories[0].0,
            &memories[1].0,
            &record::encode(self.state.subnet())?,
        ];
        Ok(hash_parts("atoll-long-run", &parts))
    }
}

/// The canister as the run found it. Its memories and its code did not change since.
pub(super) fn as_found(canister: &CanisterState, paused: &Paused) -> CanisterState {
    CanisterState { record: paused.before.clone(), paused: None, ..canister.clone() }
}

/// The message that a paused run is about: the oldest.
fn subject<'c>(canister: &'c CanisterState, task: &Task) -> Option<&'c Arc<Message>> {
    match task {
        Task::Call | Task::Callback(_) => canister.queue.front(),
        Task::System(_) | Task::Install(_) => None,
    }
}
