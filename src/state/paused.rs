//! A run that takes more than one slice of instructions: how it began, so that any replica can begin it
//! again and come to the same end.

use super::{Callback, CanisterRecord, Origin, Tariff};
use crate::encoding::management::InstallMode;
use crate::types::{Bytes, Cycles, Digest, Instructions, Time};
use serde::{Deserialize, Serialize};

/// What a run learns of the world around its canister.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moment {
    pub time: Time,
    /// Bytes that the canister may hold.
    pub memory_max: Bytes,
    /// Calls that it may make whose response is guaranteed.
    pub guaranteed_calls_room: u64,
    /// Cycles that the minting canister may still make.
    pub mint_room: Cycles,
    /// What is charged for all of the run.
    #[serde(default, skip_serializing_if = "Tariff::is_default")]
    pub tariff: Tariff,
}

/// What runs, and what becomes of its result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Task {
    /// A call: the oldest message that waits for the canister.
    Call,
    /// The response to a call of the canister, which is the oldest message.
    Callback(Callback),
    /// An entry point that nobody calls, e.g. `canister_global_timer`.
    System(String),
    /// The installation of a module.
    Install(Box<Install>),
}

/// An installation that was allowed to begin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Install {
    /// Who awaits the answer.
    pub origin: Origin,
    /// Attached to the call; goes back with the answer.
    pub cycles: Cycles,
    pub mode: InstallMode,
    /// The new module, which the state holds meanwhile.
    pub module_hash: Digest,
    /// Instructions charged for compiling it.
    pub compile_cost: Instructions,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

/// A run in the middle. While there is one, its canister runs nothing else, and nothing of it changes but
/// its balance and its queues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Paused {
    /// Its place in the line of the subnet's paused runs.
    pub number: u64,
    pub task: Task,
    pub moment: Moment,
    /// The canister as the run found it.
    pub before: CanisterRecord,
    /// Taken off the balance for the instructions it may use; what is too much comes back.
    pub prepaid: Cycles,
}

impl Paused {
    /// Cycles that it holds: what was prepaid, and what was attached to an installation.
    pub fn cycles(&self) -> Cycles {
        match &self.task {
            Task::Install(install) => self.prepaid.saturating_add(install.cycles),
            Task::Call | Task::Callback(_) | Task::System(_) => self.prepaid,
        }
    }

    /// Whether it is an installation.
    pub fn is_install(&self) -> bool {
        matches!(self.task, Task::Install(_))
    }
}
