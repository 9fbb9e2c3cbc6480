//! Candid types of the public interface.

use crate::action::Action;
use crate::parameters::Parameters;
use candid::{CandidType, Principal};
use cycles_interface::Account;
use serde::{Deserialize, Serialize};

/// Who votes.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voters {
    Neurons,
    Operators,
}

/// Somebody with votes.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Voter {
    Neuron(u64),
    Operator(Principal),
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct InitArgs {
    pub ledger: Option<Principal>,
    pub minting: Option<Principal>,
    pub registry: Option<Principal>,
    pub rewards: Option<Principal>,
    pub voters: Voters,
    pub parameters: Parameters,
}

/// The other canisters.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Canisters {
    pub ledger: Option<Principal>,
    pub minting: Option<Principal>,
    pub registry: Option<Principal>,
    pub rewards: Option<Principal>,
}

/// Kinds of proposals.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Topic {
    /// Those of topics for which a neuron follows nobody.
    All,
    Governance,
    Economy,
    Membership,
    Upgrades,
    Content,
}

impl Topic {
    pub const EACH: [Topic; 6] =
        [Self::All, Self::Governance, Self::Economy, Self::Membership, Self::Upgrades, Self::Content];
}

/// Whom a neuron follows.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Followees {
    pub topic: Topic,
    pub followees: Vec<u64>,
}

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DissolveState {
    Locked { delay_seconds: u64 },
    Dissolving { when_dissolved_seconds: u64 },
    Dissolved,
}

/// A neuron as it is shown.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Neuron {
    pub id: u64,
    pub controller: Principal,
    pub hot_keys: Vec<Principal>,
    pub account: Account,
    pub stake_e8s: u64,
    pub reserved_e8s: u64,
    pub owed_e8s: u64,
    pub moving_e8s: u64,
    pub dissolve_state: DissolveState,
    pub dissolve_delay_seconds: u64,
    pub voting_power: u128,
    pub created_seconds: u64,
    pub followees: Vec<Followees>,
}

/// What somebody proposes.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    pub title: String,
    pub summary: String,
    pub url: String,
    pub action: Action,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum ProposalStatus {
    Open,
    Rejected,
    Adopted,
    Executing,
    Executed,
    Failed { reason: String },
}

/// Voting power for and against, and all there is.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    pub yes: u128,
    pub no: u128,
    pub total: u128,
}

/// A proposal as it is shown.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ProposalInfo {
    pub id: u64,
    pub proposer: Voter,
    pub proposal: Proposal,
    pub topic: Topic,
    pub status: ProposalStatus,
    pub tally: Tally,
    pub quorum_permille: u32,
    pub threshold_permille: u32,
    pub fee_e8s: u64,
    pub created_seconds: u64,
    pub deadline_seconds: u64,
    pub decided_seconds: Option<u64>,
    pub ended_seconds: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vote {
    Yes,
    No,
}

/// A vote that was cast.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Ballot {
    pub voter: Voter,
    pub vote: Vote,
    pub voting_power: u128,
    pub cast_seconds: u64,
    pub followed: bool,
}

/// Why something was not done.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum GovernanceError {
    NotAuthorized(String),
    NotFound(String),
    Invalid(String),
    PreconditionFailed(String),
    InsufficientFunds { available_e8s: u64, needed_e8s: u64 },
    TooMany(String),
    Busy(String),
    External(String),
}

/// What is done with a neuron.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Command {
    IncreaseDissolveDelay { additional_seconds: u64 },
    StartDissolving,
    StopDissolving,
    AddHotKey { hot_key: Principal },
    RemoveHotKey { hot_key: Principal },
    Disburse { amount_e8s: Option<u64>, to: Option<Account> },
    Follow(Followees),
}

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    Done,
    Disbursed { block_index: u64, amount_e8s: u64 },
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    pub neurons: u64,
    pub proposals: u64,
    pub open_proposals: u64,
    pub stake_e8s: u128,
    pub voting_power: u128,
    pub disbursed_e8s: u128,
    pub burnt_e8s: u128,
    pub fees_e8s: u128,
    pub unsettled_neurons: u64,
}

/// Whose neuron of which number.
#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct ControllerAndMemo {
    pub controller: Option<Principal>,
    pub memo: u64,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct ManageNeuron {
    pub neuron_id: u64,
    pub command: Command,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct MakeProposal {
    pub neuron_id: Option<u64>,
    pub proposal: Proposal,
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct RegisterVote {
    pub neuron_id: Option<u64>,
    pub proposal_id: u64,
    pub vote: Vote,
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct GetBallot {
    pub proposal_id: u64,
    pub voter: Voter,
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct ListBallots {
    pub proposal_id: u64,
    pub after: Option<Voter>,
    pub limit: u32,
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct ListNeurons {
    pub of: Option<Principal>,
    pub after: Option<u64>,
    pub limit: u32,
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
pub struct ListProposals {
    pub before: Option<u64>,
    pub open_only: bool,
    pub limit: u32,
}
