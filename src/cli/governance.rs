//! The governance canister, as one of those sees it who propose and vote.
//!
//! 1. What decides where tokens go (a neuron's account) and what comes of an order is asked with certified calls; what
//!    is only shown, with queries.
//! 2. Whose neuron is meant need not be said where there is one answer.
//! 3. Errors say what can be done.

pub mod interface;

use super::connection::ConnectionError;
use super::moment::DurationError;
use super::wallet::WalletError;
use super::wallet::amount::AmountError;
use super::wallet::icrc::{IcrcAccount, IcrcAccountError};
use crate::agent::{AgentFailure, Client};
use crate::types::Principal;
use candid::CandidType;
use interface::*;
use serde::{Deserialize, Serialize};

/// rrkah-fqaaa-aaaaa-aaaaq-cai
const GOVERNANCE: &str = "rrkah-fqaaa-aaaaa-aaaaq-cai";
/// Items of one answer, as governance has them.
const NEURONS_PAGE: u32 = 100;
const PROPOSALS_PAGE: u32 = 50;
const BALLOTS_PAGE: u32 = 500;
/// Pages of a list that are asked for.
const PAGES_MAX: usize = 200;

/// Why a command for governance failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("there is no canister {0} on this subnet: it was founded without governance (docs/economy.md)")]
    Absent(Principal),
    #[error(transparent)]
    Agent(#[from] AgentFailure),
    #[error("the canister {canister} answers {method} in another way than is known: {error}")]
    Answer { canister: Principal, method: String, error: candid::Error },
    #[error("candid: {0}")]
    Candid(#[from] candid::Error),
    #[error(transparent)]
    Wallet(#[from] WalletError),
    #[error(transparent)]
    Amount(#[from] AmountError),
    #[error(transparent)]
    Account(#[from] IcrcAccountError),
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("governance refuses: {0}")]
    Refused(#[from] GovernanceError),
    #[error("there is no {0}")]
    Unknown(String),
    #[error("{0} has no neuron: `atoll neuron stake AMOUNT` makes one")]
    NoNeuron(Principal),
    #[error("there are several neurons: name one with --neuron ({0})")]
    WhichNeuron(String),
    /// The tokens are there, and can be claimed again.
    #[error("{error}\nthe tokens are at the neuron's account: go on with `atoll neuron stake --memo {memo}`")]
    Unclaimed { memo: u64, error: Box<CommandError> },
    #[error("{0}")]
    Wrong(String),
    #[error("{path}: {error}", path = path.display())]
    File { path: std::path::PathBuf, error: std::io::Error },
    #[error(transparent)]
    Card(#[from] super::genesis::AssembleError),
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

/// Where governance is.
#[derive(clap::Args, Debug)]
pub struct Place {
    /// The governance canister.
    #[arg(long, global = true, value_name = "CANISTER", default_value = GOVERNANCE)]
    governance: Principal,
}

/// A canister, and in whose name it is asked.
pub struct Canister<'a> {
    pub client: &'a Client,
    pub id: Principal,
}

impl Canister<'_> {
    /// One replica's answer.
    ///
    /// # Errors
    /// [`CommandError`]: also if there is no such canister.
    pub async fn query<A: CandidType, R>(&self, method: &str, args: &A) -> Result<R, CommandError>
    where
        R: CandidType + for<'de> Deserialize<'de>,
    {
        let reply = self.client.query(self.id, method, candid::encode_one(args)?).await;
        self.answer(method, reply)
    }

    /// The subnet's answer, certified.
    ///
    /// # Errors
    /// [`CommandError`]: also if there is no such canister.
    pub async fn update<A: CandidType, R>(&self, method: &str, args: &A) -> Result<R, CommandError>
    where
        R: CandidType + for<'de> Deserialize<'de>,
    {
        let reply = self.client.update(self.id, method, candid::encode_one(args)?).await;
        self.answer(method, reply)
    }

    fn answer<R>(&self, method: &str, reply: Result<Vec<u8>, AgentFailure>) -> Result<R, CommandError>
    where
        R: CandidType + for<'de> Deserialize<'de>,
    {
        let reply = reply.map_err(|error| match error.is_no_canister() {
            true => CommandError::Absent(self.id),
            false => error.into(),
        })?;
        let canister = self.id;
        candid::decode_one(&reply).map_err(|error| CommandError::Answer {
            canister,
            method: method.into(),
            error,
        })
    }
}

/// Governance, in somebody's name.
pub struct Governance<'a>(Canister<'a>);

impl<'a> Governance<'a> {
    pub fn new(client: &'a Client, place: &Place) -> Governance<'a> {
        Governance(Canister { client, id: place.governance })
    }

    pub fn client(&self) -> &'a Client {
        self.0.client
    }

    pub fn id(&self) -> Principal {
        self.0.id
    }

    /// Where the tokens of the caller's neuron with this number go.
    pub async fn neuron_account(&self, memo: u64) -> Result<IcrcAccount, CommandError> {
        self.0.update("get_neuron_account", &NeuronKey { controller: None, memo }).await
    }

    /// Makes the caller's neuron with this number of what is on its account, or counts that again.
    pub async fn claim(&self, memo: u64) -> Result<u64, CommandError> {
        let key = NeuronKey { controller: None, memo };
        let claimed: Result<u64, GovernanceError> =
            self.0.update("claim_or_refresh_neuron_from_account", &key).await?;
        Ok(claimed?)
    }

    pub async fn neuron(&self, id: u64) -> Result<Neuron, CommandError> {
        let neuron: Option<Neuron> = self.0.query("get_neuron", &id).await?;
        neuron.ok_or_else(|| CommandError::Unknown(format!("neuron {id}")))
    }

    /// Neurons of which somebody is controller or hot key; all without a name.
    pub async fn neurons(&self, of: Option<Principal>) -> Result<Vec<Neuron>, CommandError> {
        let mut found: Vec<Neuron> = Vec::new();
        for _ in 0..PAGES_MAX {
            let after = found.last().map(|neuron| neuron.id);
            let args = ListNeurons { of, after, limit: NEURONS_PAGE };
            let page: Vec<Neuron> = self.0.query("list_neurons", &args).await?;
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        Ok(found)
    }

    pub async fn manage(&self, neuron_id: u64, command: Command) -> Result<Done, CommandError> {
        let args = ManageNeuron { neuron_id, command };
        let done: Result<Done, GovernanceError> = self.0.update("manage_neuron", &args).await?;
        Ok(done?)
    }

    /// Neurons with which the caller can vote; nobody where operators vote.
    pub async fn voting_neurons(&self) -> Result<Option<Vec<u64>>, CommandError> {
        if self.0.query::<_, Voters>("get_voters", &()).await? == Voters::Operators {
            return Ok(None);
        }
        let own = self.client().principal()?;
        let neurons = self.neurons(Some(own)).await?;
        let able: Vec<u64> = neurons.iter().filter(|one| one.voting_power > 0).map(|one| one.id).collect();
        match able.is_empty() {
            true => Err(CommandError::NoNeuron(own)),
            false => Ok(Some(able)),
        }
    }

    pub async fn parameters(&self) -> Result<Parameters, CommandError> {
        self.0.query("get_parameters", &()).await
    }

    pub async fn propose(&self, neuron_id: Option<u64>, proposal: Proposal) -> Result<u64, CommandError> {
        let args = MakeProposal { neuron_id, proposal };
        let made: Result<u64, GovernanceError> = self.0.update("make_proposal", &args).await?;
        Ok(made?)
    }

    pub async fn vote(
        &self,
        neuron_id: Option<u64>,
        proposal_id: u64,
        vote: Vote,
    ) -> Result<(), CommandError> {
        let args = RegisterVote { neuron_id, proposal_id, vote };
        let voted: Result<(), GovernanceError> = self.0.update("register_vote", &args).await?;
        Ok(voted?)
    }

    pub async fn proposal(&self, id: u64) -> Result<ProposalInfo, CommandError> {
        let found: Option<ProposalInfo> = self.0.query("get_proposal_info", &id).await?;
        found.ok_or_else(|| CommandError::Unknown(format!("proposal {id}")))
    }

    /// The newest first, below `before`.
    pub async fn proposals(
        &self,
        open_only: bool,
        mut before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ProposalInfo>, CommandError> {
        let mut found: Vec<ProposalInfo> = Vec::new();
        for _ in 0..PAGES_MAX {
            let missing = u32::try_from(limit.saturating_sub(found.len())).unwrap_or(u32::MAX);
            if missing == 0 {
                break;
            }
            let args = ListProposals { before, open_only, limit: missing.min(PROPOSALS_PAGE) };
            let page: Vec<ProposalInfo> = self.0.query("list_proposals", &args).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            found.extend(page);
        }
        Ok(found)
    }

    /// Votes that were cast.
    pub async fn ballots(&self, proposal_id: u64) -> Result<Vec<Ballot>, CommandError> {
        let mut found: Vec<Ballot> = Vec::new();
        for _ in 0..PAGES_MAX {
            let after = found.last().map(|ballot| ballot.voter);
            let args = ListBallots { proposal_id, after, limit: BALLOTS_PAGE };
            let page: Vec<Ballot> = self.0.query("list_ballots", &args).await?;
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        Ok(found)
    }

    /// The registry that governance knows.
    pub async fn registry(&self) -> Result<Canister<'a>, CommandError> {
        #[derive(CandidType, Deserialize)]
        struct Canisters {
            registry: Option<Principal>,
        }
        let canisters: Canisters = self.0.query("get_canisters", &()).await?;
        let id = canisters
            .registry
            .ok_or_else(|| CommandError::Unknown("registry that governance knows".into()))?;
        Ok(Canister { client: self.client(), id })
    }
}

/// Prints as JSON.
pub fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
