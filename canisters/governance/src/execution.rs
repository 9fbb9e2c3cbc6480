//! What adopted proposals do, one after the other.
//!
//! # Rules
//! 1. A proposal is marked as executing before anything is done for it, and that is done once: if the answer is
//!    lost (the message that should hear it traps, or never runs: then after [`EXECUTION_SECONDS`]), it ends as
//!    failed, and is not done again. What is heard after all counts as long as the proposal has not ended.
//! 2. What is done here alone (a motion, parameters) ends in the same message.
//! 3. The upgrade of this canister itself is the registry's work, which says later how it went; an upgrade in the
//!    middle changes nothing of that.
//! 4. Whatever failed stands on the record with its reason.

use crate::action::Action;
use crate::governance::Governance;
use crate::interface::ProposalStatus;
use crate::proposal::Record;
use candid::Principal;
use ic_stable_structures::Memory;
use interfaces::registry::{GovernanceUpgrade, UpgradeStatus};
use lease::Held;

/// Most bytes of a reason on the record.
pub const MAX_FAILURE_BYTES: usize = 1_000;
/// How long the registry is left alone before it is asked again.
pub const ASK_AGAIN_SECONDS: u64 = 5;
/// After what time of which nothing was heard an execution is lost, and the next begins: an hour, more than any takes.
pub const EXECUTION_SECONDS: u64 = 3_600;
/// How long after the decision the registry may take to upgrade this canister: a day.
pub const REGISTRY_PATIENCE_SECONDS: u64 = 86_400;

const LOST: &str = "the answer was lost; it is not known whether it was done";

/// What is to do for a proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Job {
    /// It ended already.
    Ended,
    /// This, then [`Governance::ended`].
    Do { id: u64, action: Action },
    /// Hand the module for this canister to the registry, then [`Governance::handed_over`].
    HandOver { id: u64, wasm_module: Vec<u8>, arg: Vec<u8>, sha256: Vec<u8> },
    /// Ask the registry how it went, then [`Governance::asked`].
    Ask { id: u64 },
    /// The canister may have been left stopped: start it, then [`Governance::ended`] with [`lost`].
    Restart { id: u64, canister_id: Principal },
}

/// How a proposal ends of which the answer was lost.
pub fn lost() -> Result<(), String> {
    Err(LOST.to_owned())
}

impl<M: Memory> Governance<M> {
    /// The next thing to do, and the right to: nobody else does anything while the caller has it.
    pub fn next_job(&mut self, now_seconds: u64) -> Option<(Job, Held)> {
        if now_seconds < self.rest_until {
            return None;
        }
        let (id, ()) = self.adopted.first_key_value()?;
        let held = self.executor.take(now_seconds)?;
        Some((self.job(id, now_seconds), held))
    }

    fn job(&mut self, id: u64, now_seconds: u64) -> Job {
        let Some(record) = self.record(id) else {
            self.adopted.remove(&id);
            return Job::Ended;
        };
        match record.status {
            ProposalStatus::Adopted => self.start(record, now_seconds),
            _ if record.awaits_registry => Job::Ask { id },
            _ => match record.proposal.action {
                Action::UpgradeCanister { canister_id, .. } => Job::Restart { id, canister_id },
                _ => {
                    self.ended(id, lost(), now_seconds);
                    Job::Ended
                }
            },
        }
    }

    fn start(&mut self, mut record: Record, now_seconds: u64) -> Job {
        let id = record.id;
        let mut action = record.proposal.action.clone();
        if let Some(module) = self.modules.remove(&id) {
            action.put_module(module);
        }
        record.status = ProposalStatus::Executing;
        record.awaits_registry = matches!(&action, Action::UpgradeCanister { canister_id, .. }
            if *canister_id == self.own_id);
        let awaits_registry = record.awaits_registry;
        self.put_record(record);
        match action {
            Action::Motion => self.end_here(id, Ok(()), now_seconds),
            Action::SetParameters(parameters) => {
                let checked = parameters.check();
                if checked.is_ok() {
                    self.change_config(|config| config.parameters = parameters);
                }
                self.end_here(id, checked, now_seconds)
            }
            Action::UpgradeCanister { wasm_module, arg, sha256, .. } if awaits_registry => Job::HandOver {
                id,
                wasm_module: wasm_module.into_vec(),
                arg: arg.into_vec(),
                sha256: sha256.into_vec(),
            },
            action => Job::Do { id, action },
        }
    }

    fn end_here(&mut self, id: u64, result: Result<(), String>, now_seconds: u64) -> Job {
        self.ended(id, result, now_seconds);
        Job::Ended
    }

    /// A proposal was executed, or was not.
    pub fn ended(&mut self, id: u64, result: Result<(), String>, now_seconds: u64) {
        let executing = |record: &Record| record.status == ProposalStatus::Executing;
        let Some(mut record) = self.record(id).filter(executing) else { return };
        record.status = match result {
            Ok(()) => ProposalStatus::Executed,
            Err(reason) => ProposalStatus::Failed { reason: shortened(reason) },
        };
        record.ended_seconds = Some(now_seconds);
        record.awaits_registry = false;
        self.put_record(record);
        self.adopted.remove(&id);
    }

    /// The registry took the module for this canister, or did not.
    pub fn handed_over(&mut self, id: u64, result: Result<(), String>, now_seconds: u64) {
        match result {
            Ok(()) => self.rest_until = now_seconds.saturating_add(ASK_AGAIN_SECONDS),
            Err(_) => self.ended(id, result, now_seconds),
        }
    }

    /// The registry said how the upgrade of this canister goes.
    pub fn asked(&mut self, id: u64, answer: Result<Option<GovernanceUpgrade>, String>, now_seconds: u64) {
        let outcome = match answer {
            Ok(Some(upgrade)) if upgrade.proposal == Some(id) => match upgrade.status {
                UpgradeStatus::Done => Some(Ok(())),
                UpgradeStatus::Failed(reason) => Some(Err(reason)),
                _ => None,
            },
            Ok(_) => Some(Err("the registry knows nothing of it".to_owned())),
            Err(_) => None,
        };
        let decided = self.record(id).and_then(|record| record.decided_seconds).unwrap_or(0);
        let too_long = now_seconds > decided.saturating_add(REGISTRY_PATIENCE_SECONDS);
        match outcome {
            Some(result) => self.ended(id, result, now_seconds),
            None if too_long => {
                self.ended(id, Err("the registry does not say how it went".to_owned()), now_seconds);
            }
            None => self.rest_until = now_seconds.saturating_add(ASK_AGAIN_SECONDS),
        }
    }
}

fn shortened(mut reason: String) -> String {
    let mut end = reason.len().min(MAX_FAILURE_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}
