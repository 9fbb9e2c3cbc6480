//! Governance's interface, as far as the command line uses it (`canisters/governance/governance.did`).
//!
//! As JSON the records look as they do in Candid, with numbers that may be large as digits in a string, accounts as
//! text, and bytes in hex.

use crate::cli::wallet::amount::show_tokens;
use crate::cli::wallet::icrc::IcrcAccount;
use crate::types::Principal;
use candid::{CandidType, Deserialize};
use serde::{Serialize, Serializer};
use serde_bytes::ByteBuf;

/// A number as a string of digits.
pub fn digits<S: Serializer>(number: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

/// Bytes in hex.
pub fn in_hex<S: Serializer>(bytes: &ByteBuf, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

#[derive(CandidType, Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voters {
    Neurons,
    Operators,
}

#[derive(CandidType, Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voter {
    Neuron(u64),
    Operator(Principal),
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
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

/// Kinds of proposals, for following.
#[derive(CandidType, Deserialize, Serialize, clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// Of topics for which nobody else is followed.
    All,
    /// Motions, and governance's own parameters.
    Governance,
    /// Conversion rate, prices, reward parameters.
    Economy,
    /// Nodes, operators, data centers.
    Membership,
    /// Replica versions and canisters.
    Upgrades,
    /// Freezing canisters.
    Content,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Followees {
    pub topic: Topic,
    pub followees: Vec<u64>,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub enum DissolveState {
    Locked { delay_seconds: u64 },
    Dissolving { when_dissolved_seconds: u64 },
    Dissolved,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Neuron {
    pub id: u64,
    pub controller: Principal,
    pub hot_keys: Vec<Principal>,
    pub account: IcrcAccount,
    #[serde(serialize_with = "digits")]
    pub stake_e8s: u64,
    #[serde(serialize_with = "digits")]
    pub reserved_e8s: u64,
    #[serde(serialize_with = "digits")]
    pub owed_e8s: u64,
    #[serde(serialize_with = "digits")]
    pub moving_e8s: u64,
    pub dissolve_state: DissolveState,
    pub dissolve_delay_seconds: u64,
    #[serde(serialize_with = "digits")]
    pub voting_power: u128,
    pub created_seconds: u64,
    pub followees: Vec<Followees>,
}

/// In cycles on 13 nodes.
#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Prices {
    pub ingress: u128,
    pub ingress_byte: u128,
    pub call: u128,
    pub call_byte: u128,
    pub message: u128,
    pub instruction: u128,
    pub gib_second: u128,
    pub compute_percent_second: u128,
    pub creation: u128,
    pub http: u128,
    pub http_node: u128,
    pub http_request_byte: u128,
    pub http_response_byte: u128,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct DataCenter {
    pub id: String,
    pub region: String,
    pub owner: String,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    pub operator: Principal,
    pub name: String,
    pub data_center: String,
    pub reward_account: Option<IcrcAccount>,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeCard {
    pub name: String,
    #[serde(serialize_with = "in_hex")]
    pub identity_key: ByteBuf,
    #[serde(serialize_with = "in_hex")]
    pub tls_key: ByteBuf,
    #[serde(serialize_with = "in_hex")]
    pub encryption_key: ByteBuf,
    pub address: String,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct ReplicaVersion {
    pub version: String,
    #[serde(serialize_with = "in_hex")]
    pub sha256: ByteBuf,
    pub urls: Vec<String>,
}

/// What is done when a proposal is adopted.
#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub enum Action {
    Motion,
    SetConversionRate {
        xdr_permyriad_per_icp: u64,
    },
    SetPrices(Prices),
    SetRewardParameters {
        period_seconds: Option<u64>,
        share_permille: Option<u32>,
    },
    SetParameters(Parameters),
    AddNode {
        node: NodeCard,
        operator: Principal,
    },
    RemoveNode {
        node_id: Principal,
    },
    ReplaceNode {
        leaving: Principal,
        node: NodeCard,
        operator: Option<Principal>,
    },
    AssignNode {
        node_id: Principal,
        operator: Option<Principal>,
    },
    AddOperator(Operator),
    UpdateOperator {
        operator: Principal,
        name: Option<String>,
        data_center: Option<String>,
        reward_account: Option<IcrcAccount>,
    },
    AddDataCenter(DataCenter),
    SetReplicaVersion(ReplicaVersion),
    UpgradeCanister {
        canister_id: Principal,
        #[serde(serialize_with = "in_hex")]
        wasm_module: ByteBuf,
        #[serde(serialize_with = "in_hex")]
        arg: ByteBuf,
        #[serde(serialize_with = "in_hex")]
        sha256: ByteBuf,
    },
    FreezeCanister {
        canister_id: Principal,
        reason: String,
    },
    UnfreezeCanister {
        canister_id: Principal,
    },
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    pub title: String,
    pub summary: String,
    pub url: String,
    pub action: Action,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub enum ProposalStatus {
    Open,
    Rejected,
    Adopted,
    Executing,
    Executed,
    Failed { reason: String },
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    #[serde(serialize_with = "digits")]
    pub yes: u128,
    #[serde(serialize_with = "digits")]
    pub no: u128,
    #[serde(serialize_with = "digits")]
    pub total: u128,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct ProposalInfo {
    pub id: u64,
    pub proposer: Voter,
    pub proposal: Proposal,
    pub topic: Topic,
    pub status: ProposalStatus,
    pub tally: Tally,
    pub quorum_permille: u32,
    pub threshold_permille: u32,
    #[serde(serialize_with = "digits")]
    pub fee_e8s: u64,
    pub created_seconds: u64,
    pub deadline_seconds: u64,
    pub decided_seconds: Option<u64>,
    pub ended_seconds: Option<u64>,
}

#[derive(CandidType, Deserialize, Serialize, clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vote {
    Yes,
    No,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Ballot {
    pub voter: Voter,
    pub vote: Vote,
    #[serde(serialize_with = "digits")]
    pub voting_power: u128,
    pub cast_seconds: u64,
    pub followed: bool,
}

/// What a neuron is told.
#[derive(CandidType, Clone, PartialEq, Eq, Debug)]
pub enum Command {
    IncreaseDissolveDelay { additional_seconds: u64 },
    StartDissolving,
    StopDissolving,
    AddHotKey { hot_key: Principal },
    RemoveHotKey { hot_key: Principal },
    Disburse { amount_e8s: Option<u64>, to: Option<IcrcAccount> },
    Follow(Followees),
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub enum Done {
    Done,
    Disbursed {
        block_index: u64,
        #[serde(serialize_with = "digits")]
        amount_e8s: u64,
    },
}

#[derive(CandidType)]
pub struct NeuronKey {
    pub controller: Option<Principal>,
    pub memo: u64,
}

#[derive(CandidType)]
pub struct ManageNeuron {
    pub neuron_id: u64,
    pub command: Command,
}

#[derive(CandidType)]
pub struct MakeProposal {
    pub neuron_id: Option<u64>,
    pub proposal: Proposal,
}

#[derive(CandidType)]
pub struct RegisterVote {
    pub neuron_id: Option<u64>,
    pub proposal_id: u64,
    pub vote: Vote,
}

#[derive(CandidType)]
pub struct ListNeurons {
    pub of: Option<Principal>,
    pub after: Option<u64>,
    pub limit: u32,
}

#[derive(CandidType)]
pub struct ListProposals {
    pub before: Option<u64>,
    pub open_only: bool,
    pub limit: u32,
}

#[derive(CandidType)]
pub struct ListBallots {
    pub proposal_id: u64,
    pub after: Option<Voter>,
    pub limit: u32,
}

/// Why governance does not do something; each says what can be done about it.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GovernanceError {
    #[error("not allowed: {0}; --identity names the PEM file of who may")]
    NotAuthorized(String),
    #[error("not found: {0}")]
    NotFound(String),
    #[error("not valid: {0}")]
    Invalid(String),
    #[error("not now: {0}")]
    PreconditionFailed(String),
    #[error(
        "{} tokens are free, but it takes {}: stake more with `atoll neuron stake`",
        show_tokens(*available_e8s),
        show_tokens(*needed_e8s)
    )]
    InsufficientFunds { available_e8s: u64, needed_e8s: u64 },
    #[error("too many: {0}")]
    TooMany(String),
    #[error("busy: {0}; try again in a moment")]
    Busy(String),
    #[error("another canister refused: {0}")]
    External(String),
}

/// That what is sent and read here is what a canister takes and gives, by its interface file.
#[cfg(test)]
pub mod agreement {
    use candid::CandidType;
    use candid::types::subtype::{Gamma, subtype};
    use candid::types::{Type, TypeEnv};
    use candid_parser::{IDLProg, check_prog};
    use std::path::Path;

    /// A canister's interface, from `canisters/`.
    pub struct Agreement(TypeEnv, Type);

    impl Agreement {
        pub fn of(file: &str) -> Agreement {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("canisters").join(file);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            let program: IDLProg = text.parse().expect("an interface");
            let mut env = TypeEnv::new();
            let actor = check_prog(&mut env, &program).expect("types").expect("a service");
            Agreement(env, actor)
        }

        /// `Sent` is taken, and what comes back can be read as `Read`. Methods without arguments are sent `()`.
        pub fn check<Sent: CandidType, Read: CandidType>(&self, method: &str) {
            let function =
                self.0.get_method(&self.1, method).unwrap_or_else(|error| panic!("{method}: {error}"));
            if let Some(taken) = function.args.first() {
                let fits = subtype(&mut Gamma::default(), &self.0, &Sent::ty(), taken);
                fits.unwrap_or_else(|error| panic!("{method} takes something else: {error}"));
            }
            let fits = subtype(&mut Gamma::default(), &self.0, &function.rets[0], &Read::ty());
            fits.unwrap_or_else(|error| panic!("{method} gives something else: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::agreement::Agreement;
    use super::*;

    #[test]
    fn what_is_asked_of_governance_is_what_it_answers() {
        let governance = Agreement::of("governance/governance.did");
        governance.check::<NeuronKey, IcrcAccount>("get_neuron_account");
        governance.check::<NeuronKey, Result<u64, GovernanceError>>("claim_or_refresh_neuron_from_account");
        governance.check::<u64, Option<Neuron>>("get_neuron");
        governance.check::<ListNeurons, Vec<Neuron>>("list_neurons");
        governance.check::<ManageNeuron, Result<Done, GovernanceError>>("manage_neuron");
        governance.check::<(), Voters>("get_voters");
        governance.check::<(), Parameters>("get_parameters");
        governance.check::<MakeProposal, Result<u64, GovernanceError>>("make_proposal");
        governance.check::<RegisterVote, Result<(), GovernanceError>>("register_vote");
        governance.check::<u64, Option<ProposalInfo>>("get_proposal_info");
        governance.check::<ListProposals, Vec<ProposalInfo>>("list_proposals");
        governance.check::<ListBallots, Vec<Ballot>>("list_ballots");
    }
}
