//! A proposal as it is kept, and how its votes are counted.

use crate::interface::{Proposal, ProposalInfo, ProposalStatus, Tally, Voter};
use crate::parameters::Parameters;
use serde::{Deserialize, Serialize};

const PERMILLE: u128 = 1_000;

/// What was in force when it was made, for as long as it is voted on.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    pub quorum_permille: u32,
    pub threshold_permille: u32,
    pub min_delay_seconds: u64,
    pub max_delay_seconds: u64,
    pub wait_for_quiet_seconds: u64,
    /// The deadline before votes moved it.
    pub first_deadline_seconds: u64,
}

impl Rules {
    pub fn of(parameters: &Parameters, now_seconds: u64) -> Self {
        Self {
            quorum_permille: parameters.quorum_permille,
            threshold_permille: parameters.threshold_permille,
            min_delay_seconds: parameters.min_dissolve_delay_seconds,
            max_delay_seconds: parameters.max_dissolve_delay_seconds,
            wait_for_quiet_seconds: parameters.wait_for_quiet_seconds,
            first_deadline_seconds: now_seconds.saturating_add(parameters.voting_period_seconds),
        }
    }

    fn has_quorum(&self, yes: u128, total: u128) -> bool {
        yes * PERMILLE >= total * u128::from(self.quorum_permille)
    }

    fn exceeds_threshold(&self, yes: u128, cast: u128) -> bool {
        yes * PERMILLE > cast * u128::from(self.threshold_permille)
    }

    /// The outcome if no more votes came.
    pub fn passes(&self, tally: &Tally) -> bool {
        self.has_quorum(tally.yes, tally.total)
            && self.exceeds_threshold(tally.yes, tally.yes.saturating_add(tally.no))
    }

    /// The outcome that no further votes can change.
    pub fn verdict(&self, tally: &Tally) -> Option<bool> {
        let reaches = |yes| self.has_quorum(yes, tally.total) && self.exceeds_threshold(yes, tally.total);
        if reaches(tally.yes) {
            return Some(true);
        }
        let possible = reaches(tally.total.saturating_sub(tally.no));
        if possible { None } else { Some(false) }
    }

    /// Where the deadline is after a vote turned the outcome: the later in the last part of the voting period it
    /// does, the further, and in all no further than the wait for quiet.
    pub fn moved_deadline(&self, deadline: u64, now_seconds: u64) -> u64 {
        let wait = self.wait_for_quiet_seconds;
        let begin = self.first_deadline_seconds.saturating_sub(wait);
        let late = now_seconds.saturating_sub(begin);
        let moved = now_seconds.saturating_add(wait.saturating_sub(late / 2));
        deadline.max(moved.min(self.first_deadline_seconds.saturating_add(wait)))
    }
}

/// What is kept of a proposal. A module is elsewhere, and only until it is not needed any more.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub id: u64,
    pub proposer: Voter,
    pub proposal: Proposal,
    pub status: ProposalStatus,
    /// In the least units: of neurons, e8s × seconds.
    pub tally: Tally,
    pub rules: Rules,
    pub fee_e8s: u64,
    pub created_seconds: u64,
    pub deadline_seconds: u64,
    pub decided_seconds: Option<u64>,
    pub ended_seconds: Option<u64>,
    /// The registry upgrades this canister, and will say how it went.
    pub awaits_registry: bool,
}

impl Record {
    pub fn is_open(&self) -> bool {
        self.status == ProposalStatus::Open
    }

    pub fn is_ended(&self) -> bool {
        self.ended_seconds.is_some()
    }

    /// How many least units are one unit that is shown.
    pub fn unit(&self) -> u128 {
        match self.proposer {
            Voter::Neuron(_) => self.rules.max_delay_seconds.max(1).into(),
            Voter::Operator(_) => 1,
        }
    }

    /// As it is shown.
    /// As everybody sees it.
    pub fn shown(self) -> ProposalInfo {
        let unit = self.unit();
        let Tally { yes, no, total } = self.tally;
        ProposalInfo {
            id: self.id,
            proposer: self.proposer,
            topic: self.proposal.action.topic(),
            proposal: self.proposal,
            status: self.status,
            tally: Tally { yes: yes / unit, no: no / unit, total: total / unit },
            quorum_permille: self.rules.quorum_permille,
            threshold_permille: self.rules.threshold_permille,
            fee_e8s: self.fee_e8s,
            created_seconds: self.created_seconds,
            deadline_seconds: self.deadline_seconds,
            decided_seconds: self.decided_seconds,
            ended_seconds: self.ended_seconds,
        }
    }
}

/// A vote as it is kept.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cast {
    pub yes: bool,
    pub power: u128,
    pub cast_seconds: u64,
    pub followed: bool,
}
