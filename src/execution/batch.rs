//! One height: time, ingress, timers, messages, and the seal.

use super::paused::Slicing;
use super::run::Environment;
use crate::state::{CanisterState, HostFailure, ReplicatedState, StateDelta};
use crate::types::limits::{HEIGHT_INSTRUCTIONS_MAX, MESSAGE_INSTRUCTIONS, TURN_MESSAGES_MAX};
use crate::types::*;
use crate::wasm::Engine;

/// What came of a height.
pub struct Executed {
    pub state: ReplicatedState,
    pub delta: StateDelta,
    pub root: StateRoot,
    /// Users' calls that were answered in this height, in the order of their answers.
    pub finished: Vec<RequestId>,
    pub facts: HeightFacts,
}

/// What happened in a height, for whoever counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeightFacts {
    /// Users' calls taken in.
    pub ingress: u64,
    /// Messages executed: calls, callbacks, timers, management calls.
    pub messages: u64,
    /// Wasm instructions of all of them.
    pub instructions: Instructions,
    /// Runs that trapped.
    pub traps: u64,
    /// Users' calls that expired before their turn.
    pub expired: u64,
}

/// Executes one height on top of `state`. Depends on its arguments alone.
///
/// # Errors
/// [`HostFailure`] if the host failed or the batch does not follow the state; nothing may be derived then.
pub fn execute_batch(
    engine: &Engine,
    state: ReplicatedState,
    batch: &Batch,
) -> Result<Executed, HostFailure> {
    let expected = state.height().next();
    if batch.height != expected || batch.time < state.time() {
        let message = format!("batch {} at {} does not follow height {expected}", batch.height, batch.time);
        return Err(HostFailure(message));
    }
    execute_in_slices(engine, state, batch, Slicing::default())
}

/// The same with slices and limits of the caller's choice.
///
/// # Errors
/// As for [`execute_batch`].
pub(super) fn execute_in_slices(
    engine: &Engine,
    state: ReplicatedState,
    batch: &Batch,
    slicing: Slicing,
) -> Result<Executed, HostFailure> {
    let before = state.clone();
    let mut executor = Executor::new(engine, state, batch, slicing);
    executor.run()?;
    let Executor { mut state, finished, facts, .. } = executor;
    let (delta, root) = state.seal(&before)?;
    Ok(Executed { state, delta, root, finished, facts })
}

/// The state on its way through one height.
pub(super) struct Executor<'a> {
    pub(super) environment: Environment<'a>,
    pub(super) batch: &'a Batch,
    pub(super) slicing: Slicing,
    /// Block time since the height before.
    pub(super) elapsed: Time,
    pub(super) state: ReplicatedState,
    pub(super) finished: Vec<RequestId>,
    pub(super) facts: HeightFacts,
    /// Instructions and the fixed effort of each message: what is held against the height's limit.
    pub(super) effort: Instructions,
    /// How often `raw_rand` was answered in this height.
    pub(super) draws: u64,
}

impl<'a> Executor<'a> {
    fn new(engine: &'a Engine, state: ReplicatedState, batch: &'a Batch, slicing: Slicing) -> Executor<'a> {
        Executor {
            environment: Environment::of(engine, &state, batch.time),
            batch,
            slicing,
            elapsed: batch.time.saturating_sub(state.time()),
            state,
            finished: Vec::new(),
            facts: HeightFacts::default(),
            effort: Instructions::ZERO,
            draws: 0,
        }
    }

    fn run(&mut self) -> Result<(), HostFailure> {
        self.state.counters.height = self.batch.height;
        self.state.counters.time = self.batch.time;
        self.foresee_repriced();
        self.state.count_duties(self.batch);
        self.state.apply_system(&self.batch.system)?;
        // As many nodes as the record says that names what runs depend on (`paused::key`).
        self.environment = Environment::of(self.environment.engine, &self.state, self.batch.time);
        self.found_canisters()?;
        self.age_history();
        self.charge_insolvent()?;
        self.give_up_calls();
        self.give_up_stops();
        self.induct_ingress()?;
        self.advance_paused_runs()?;
        self.run_tasks()?;
        self.run_allotted()?;
        self.run_messages()?;
        self.shrink_history();
        self.foresee_insolvency();
        self.state.sample_duties(self.facts.instructions);
        Ok(())
    }

    /// Whether the height may start another message.
    pub(super) fn has_time(&self) -> bool {
        self.effort < HEIGHT_INSTRUCTIONS_MAX
    }

    /// Counts a part of a message.
    pub(super) fn count_slice(&mut self, instructions: Instructions) {
        self.facts.instructions = self.facts.instructions.saturating_add(instructions);
        self.effort = self.effort.saturating_add(instructions);
    }

    /// Counts a message that was executed, and the instructions of it that were not counted yet.
    pub(super) fn count(&mut self, instructions: Instructions) {
        self.count_slice(instructions);
        self.facts.messages = self.facts.messages.saturating_add(1);
        self.effort = self.effort.saturating_add(MESSAGE_INSTRUCTIONS);
        self.state.counters.messages = self.state.counters.messages.saturating_add(1);
    }

    /// Management calls and canisters with waiting messages, turn by turn, starting after the canister
    /// that had the last turn.
    fn run_messages(&mut self) -> Result<(), HostFailure> {
        while self.has_time() {
            let managed = self.run_management_call()?;
            match self.state.next_active(self.state.counters.last_turn) {
                Some(id) => self.take_turn(id)?,
                None if managed => (),
                None => break,
            }
        }
        Ok(())
    }

    pub(super) fn take_turn(&mut self, id: CanisterId) -> Result<(), HostFailure> {
        self.state.counters.last_turn = Some(id);
        for _ in 0..TURN_MESSAGES_MAX {
            let pop = |canister: &mut CanisterState| match canister.paused {
                None => canister.queue.pop(),
                Some(_) => None,
            };
            let Some(message) = self.state.change_canister(id, pop).flatten() else {
                break;
            };
            self.process(id, &message)?;
            if !self.has_time() {
                break;
            }
        }
        Ok(())
    }
}
