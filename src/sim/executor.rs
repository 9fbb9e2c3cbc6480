//! What executes batches in a simulated node: the production executor with a canister of a few
//! instructions, or a ledger that is faster and makes as good a state for consensus.

mod canister;
mod ledger;

use super::oracle::Books;
use super::scenario::Scenario;
use crate::membership::Succession;
use crate::state::{HostFailure, StateDelta, StateSource};
use crate::types::*;
use canister::Canister;
use ledger::Ledger;
use std::sync::Arc;

pub use canister::{FIRST_CANISTER, MODULE};

/// The state of one node's execution. A clone is a snapshot.
#[derive(Clone)]
pub enum Executor {
    Ledger(Box<Ledger>),
    Canister(Box<Canister>),
}

/// What executing a height came to.
pub struct Outcome {
    pub root: StateRoot,
    /// Requests that took effect at this height.
    pub finished: Vec<RequestId>,
    /// What goes to disk.
    pub delta: StateDelta,
    /// Cycles after the height.
    pub books: Books,
}

impl Executor {
    /// The state at genesis.
    ///
    /// # Errors
    /// [`HostFailure`] if the production state cannot be made.
    pub fn genesis(
        scenario: &Scenario,
        genesis: &Genesis,
        members: Succession,
    ) -> Result<Executor, HostFailure> {
        match scenario.real_execution {
            true => Ok(Executor::Canister(Box::new(Canister::genesis(genesis, members)?))),
            false => Ok(Executor::Ledger(Box::new(Ledger::of(members)))),
        }
    }

    /// A ledger without members.
    #[cfg(test)]
    pub fn ledger() -> Executor {
        Executor::Ledger(Box::default())
    }

    /// The state of the same kind that is on disk.
    ///
    /// # Errors
    /// [`HostFailure`] if there is none, or it does not make sense.
    pub fn restored(&self, source: Arc<dyn StateSource>) -> Result<Executor, HostFailure> {
        match self {
            Executor::Ledger(_) => Ok(Executor::Ledger(Box::new(Ledger::restored(&*source)?))),
            Executor::Canister(_) => Ok(Executor::Canister(Box::new(Canister::restored(source)?))),
        }
    }

    /// Executes the next height.
    ///
    /// # Errors
    /// [`HostFailure`] of the production executor.
    pub fn execute(&mut self, batch: &Batch) -> Result<Outcome, HostFailure> {
        match self {
            Executor::Ledger(ledger) => ledger.execute(batch),
            Executor::Canister(canister) => canister.execute(batch),
        }
    }

    /// Who the members are, encoded.
    pub fn succession(&self) -> Option<bytes::Bytes> {
        match self {
            Executor::Ledger(ledger) => ledger.succession(),
            Executor::Canister(canister) => canister.succession(),
        }
    }

    /// The last height executed.
    pub fn height(&self) -> Height {
        match self {
            Executor::Ledger(ledger) => ledger.height(),
            Executor::Canister(canister) => canister.height(),
        }
    }

    /// Executed requests that have not expired, with their expiry.
    pub fn history(&self) -> Vec<(RequestId, Time)> {
        match self {
            Executor::Ledger(ledger) => ledger.history(),
            Executor::Canister(canister) => canister.history(),
        }
    }

    /// What the answer to a call says, in short; `None` if there is none.
    pub fn answer(&self, id: &RequestId) -> Option<u64> {
        match self {
            Executor::Ledger(ledger) => ledger.answer(id),
            Executor::Canister(canister) => canister.answer(id),
        }
    }

    /// The root after that height.
    pub fn root(&self) -> StateRoot {
        match self {
            Executor::Ledger(ledger) => ledger.root(),
            Executor::Canister(canister) => canister.root(),
        }
    }
}
