//! The execution thread: heights in order, each executed, committed, reported.

use super::certified::Certifier;
use super::checkpoint::Checkpoints;
use super::mailbox::{Event, Mailbox};
use super::{End, NodeError};
use crate::execution::execute_batch;
use crate::state::ReplicatedState;
use crate::storage::Rocks;
use crate::telemetry::{HeightFacts, Metrics};
use crate::types::{Batch, Executed};
use crate::wasm::Engine;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

/// What execution works with.
pub struct Execution {
    pub engine: Arc<Engine>,
    pub rocks: Arc<Rocks>,
    pub certifier: Arc<Certifier>,
    pub checkpoints: Arc<Checkpoints>,
    pub checkpoint_heights: NonZeroU64,
    pub mailbox: Arc<Mailbox>,
    pub metrics: Arc<Metrics>,
}

impl Execution {
    /// Executes what comes on top of `state`, until nothing comes any more.
    ///
    /// # Errors
    /// The host failed; nothing may be derived from what was under way.
    pub fn run(
        self,
        mut state: ReplicatedState,
        batches: &Receiver<Batch>,
    ) -> Result<Option<End>, NodeError> {
        while let Ok(batch) = batches.recv() {
            state = self.execute(state, &batch)?;
        }
        Ok(None)
    }

    fn execute(&self, state: ReplicatedState, batch: &Batch) -> Result<ReplicatedState, NodeError> {
        let started = Instant::now();
        let executed = execute_batch(&self.engine, state, batch)?;
        let execution = started.elapsed();
        self.rocks.commit(&executed.delta, executed.root)?;
        let commit = started.elapsed().saturating_sub(execution);
        let (state, root) = (executed.state, executed.root);
        let facts = HeightFacts {
            height: batch.height,
            instructions: executed.facts.instructions,
            messages: executed.facts.messages,
            traps: executed.facts.traps,
            expired: executed.facts.expired,
            ingress: executed.facts.ingress,
            history: state.history_len() as u64,
            canisters: state.canister_count() as u64,
            execution,
            commit,
        };
        self.metrics.executed(&facts, root);
        if batch.height.0.is_multiple_of(self.checkpoint_heights.get()) {
            self.checkpoints.freeze(&self.rocks, state.clone())?;
        }
        self.certifier.executed(state.clone());
        self.mailbox.put(Event::Executed(Executed { height: batch.height, root }));
        Ok(state)
    }
}
