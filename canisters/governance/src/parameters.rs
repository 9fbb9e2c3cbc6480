//! The rules of voting that votes can change.

use crate::interface::Topic;
use candid::CandidType;
use serde::{Deserialize, Serialize};

/// Most proposals that are not ended, whatever the parameters say.
pub const MAX_OPEN_PROPOSALS: u32 = 100;
/// So many proposals that are not ended double the fee of the next.
pub const OPEN_PER_DOUBLING: usize = 5;
/// One of so many slots, rounded down, is only for [`Topic::Upgrades`] and [`Topic::Content`]: what may have to be
/// done at once.
pub const URGENT_PART: usize = 4;
/// Longest voting period: a year.
pub const MAX_VOTING_PERIOD_SECONDS: u64 = 365 * 86_400;
/// Longest dissolve delay: a hundred years.
pub const MAX_DISSOLVE_DELAY_SECONDS: u64 = 36_525 * 86_400;
/// Most tokens of a stake or fee that can be asked for: a hundred million.
pub const MAX_ASKED_E8S: u64 = 10_000_000_000_000_000;

const PERMILLE: u32 = 1_000;
/// Less would let a minority adopt.
const LEAST_THRESHOLD_PERMILLE: u32 = 500;

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters {
    pub quorum_permille: u32,
    pub threshold_permille: u32,
    pub voting_period_seconds: u64,
    pub wait_for_quiet_seconds: u64,
    pub minimum_stake_e8s: u64,
    pub min_dissolve_delay_seconds: u64,
    pub max_dissolve_delay_seconds: u64,
    pub proposal_fee_e8s: u64,
    pub max_open_proposals: u32,
}

impl Parameters {
    /// How many that are not ended leave no room for one more of a topic.
    pub fn slots(&self, topic: Topic) -> usize {
        let all = self.max_open_proposals as usize;
        match topic {
            Topic::Upgrades | Topic::Content => all,
            Topic::All | Topic::Governance | Topic::Economy | Topic::Membership => all - all / URGENT_PART,
        }
    }

    /// The fee of one more while so many are not ended; none if it is more than a neuron can hold.
    pub fn fee_e8s(&self, under_way: usize) -> Option<u64> {
        let doublings = u32::try_from(under_way / OPEN_PER_DOUBLING).ok()?;
        2u64.checked_pow(doublings)?.checked_mul(self.proposal_fee_e8s)
    }

    /// Whether voting can go on by these.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), String> {
        let rules = [
            (self.quorum_permille <= PERMILLE, "quorum_permille is more than 1000"),
            (
                (LEAST_THRESHOLD_PERMILLE..PERMILLE).contains(&self.threshold_permille),
                "threshold_permille is not between 500 and 999",
            ),
            (
                (1..=MAX_VOTING_PERIOD_SECONDS).contains(&self.voting_period_seconds),
                "voting_period_seconds is not between 1 and a year",
            ),
            (
                self.wait_for_quiet_seconds <= self.voting_period_seconds,
                "wait_for_quiet_seconds is longer than the voting period",
            ),
            (
                (1..=MAX_ASKED_E8S).contains(&self.minimum_stake_e8s),
                "minimum_stake_e8s is not between 1 and 10^16",
            ),
            (self.proposal_fee_e8s <= MAX_ASKED_E8S, "proposal_fee_e8s is more than 10^16"),
            (self.min_dissolve_delay_seconds >= 1, "min_dissolve_delay_seconds is 0"),
            (
                self.min_dissolve_delay_seconds <= self.max_dissolve_delay_seconds,
                "min_dissolve_delay_seconds is more than max_dissolve_delay_seconds",
            ),
            (
                self.max_dissolve_delay_seconds <= MAX_DISSOLVE_DELAY_SECONDS,
                "max_dissolve_delay_seconds is more than a hundred years",
            ),
            (
                (1..=MAX_OPEN_PROPOSALS).contains(&self.max_open_proposals),
                "max_open_proposals is not between 1 and 100",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, broken)) => Err((*broken).to_owned()),
            None => Ok(()),
        }
    }
}
