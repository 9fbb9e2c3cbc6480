//! The governance canister's own upgrade. It cannot install itself, so the registry controls it.
//!
//! 1. One upgrade at a time. It is checked and stored before anything is done, and answered at once: the
//!    governance canister could not be stopped while it waits for the answer.
//! 2. Stop, install, start, each step recorded before the next. What was not answered, because this
//!    canister was upgraded or trapped, is done again; an installation only if the module is not there.
//! 3. One takes steps at a time. If nothing is heard of it for [`STEP_NANOS`], the next takes them, and what the
//!    first hears after all changes nothing.
//! 4. Whatever fails, the governance canister is started again, and that is tried until it works.

use crate::book::{Draft, Module, Registry, Upgrade};
use crate::changes::Call;
use crate::check::HASH_BYTES;
use crate::interface::*;
use ic_stable_structures::Memory;
use lease::Held;
use sha2::{Digest, Sha256};

/// Most bytes of module and argument: what a call carries.
pub const MAX_UPGRADE_BYTES: usize = 2_000_000;

/// After what time of which nothing was heard another takes the steps: an hour, more than any takes.
pub const STEP_NANOS: u64 = 3_600_000_000_000;

/// Most letters that are kept of why something failed.
const MAX_REASON_LENGTH: usize = 500;

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Stop,
    /// Read the hash of the module: the answer to an installation was not heard.
    Look,
    Install,
    Start,
}

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Done,
    /// The module's hash, if there is one.
    Found(Option<Vec<u8>>),
    Failed(String),
}

fn shortened(reason: String) -> String {
    reason.chars().take(MAX_REASON_LENGTH).collect()
}

impl<M: Memory> Registry<M> {
    /// # Errors
    /// Nothing is upgraded.
    pub fn ask_upgrade(&mut self, call: Call, args: UpgradeGovernance) -> Result<u64, Error> {
        self.check_governance(&call)?;
        if self.upgrade_step().is_some() {
            return Err(Error::NotNow("an upgrade of the governance canister is under way".to_owned()));
        }
        let bytes = args.wasm_module.len().saturating_add(args.arg.len());
        if bytes > MAX_UPGRADE_BYTES {
            return Err(Error::TooMany(format!(
                "{bytes} bytes; at most {MAX_UPGRADE_BYTES} fit into a call"
            )));
        }
        if args.sha256.len() != HASH_BYTES || args.sha256[..] != Sha256::digest(&args.wasm_module)[..] {
            return Err(Error::Invalid("the SHA-256 is not the module's".to_owned()));
        }
        let what = format!("the governance canister shall run {}", hex::encode(&args.sha256));
        let view = GovernanceUpgrade {
            proposal: args.proposal,
            sha256: args.sha256,
            asked_nanos: call.now,
            status: UpgradeStatus::Stopping,
        };
        self.set_module(Module { wasm: args.wasm_module.into_vec(), arg: args.arg.into_vec() });
        self.set_upgrade(Upgrade { view, unanswered: false });
        Ok(self.commit(Draft::new(call.caller, args.proposal, call.now), what))
    }

    /// What is to be done next, if an upgrade is under way.
    pub fn upgrade_step(&self) -> Option<Step> {
        let upgrade = self.upgrade()?;
        match upgrade.view.status {
            UpgradeStatus::Stopping => Some(Step::Stop),
            UpgradeStatus::Installing if upgrade.unanswered => Some(Step::Look),
            UpgradeStatus::Installing => Some(Step::Install),
            UpgradeStatus::Starting(_) => Some(Step::Start),
            UpgradeStatus::Done | UpgradeStatus::Failed(_) => None,
        }
    }

    /// The step that is to be taken now, and the right to; none while another has it.
    pub fn begin_step(&mut self, now: u64) -> Option<(Step, Held)> {
        let (step, held) = (self.upgrade_step()?, self.upgrader.take(now)?);
        if let (Step::Install, Some(upgrade)) = (step, self.upgrade()) {
            self.set_upgrade(Upgrade { unanswered: true, ..upgrade.clone() });
        }
        Some((step, held))
    }

    /// A step was answered.
    pub fn step_went(&mut self, held: &Held, step: Step, outcome: Outcome, now: u64) {
        let Some(mut upgrade) = self.upgrade().filter(|_| held.is_held()).cloned() else { return };
        let status = match (step, outcome, upgrade.view.status) {
            (Step::Stop, Outcome::Failed(reason), _) => {
                UpgradeStatus::Starting(Some(shortened(format!("it did not stop: {reason}"))))
            }
            (Step::Stop, _, _) => UpgradeStatus::Installing,
            (Step::Look, Outcome::Found(hash), _) if hash.as_deref() == Some(&upgrade.view.sha256[..]) => {
                UpgradeStatus::Starting(None)
            }
            (Step::Look, Outcome::Found(_), status) => {
                upgrade.unanswered = false;
                status
            }
            (Step::Install, Outcome::Failed(reason), _) => UpgradeStatus::Starting(Some(shortened(reason))),
            (Step::Install, _, _) => UpgradeStatus::Starting(None),
            (Step::Start, Outcome::Done, UpgradeStatus::Starting(failure)) => {
                failure.map_or(UpgradeStatus::Done, UpgradeStatus::Failed)
            }
            // Look and Start are tried again.
            (_, _, status) => status,
        };
        upgrade.view.status = status;
        let proposal = upgrade.view.proposal;
        let what = match &upgrade.view.status {
            UpgradeStatus::Done => Some("the governance canister is upgraded".to_owned()),
            UpgradeStatus::Failed(reason) => {
                Some(format!("the governance canister is not upgraded: {reason}"))
            }
            _ => None,
        };
        self.set_upgrade(upgrade);
        if let Some(what) = what {
            self.set_module(Module::default());
            self.commit(Draft::new(self.own_id, proposal, now), what);
        }
    }
}
