//! Types of the canister's own interface (`explorer.did`).

use crate::epochs::Epoch;
use crate::series::{PointPage, Resolution};
use crate::tally::Tally;
use candid::{CandidType, Nat, Principal};
use interfaces::management::RunStatus;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The canisters that the page asks. Those that are absent are shown as not installed.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Canisters {
    pub ledger: Option<Principal>,
    pub cycles_ledger: Option<Principal>,
    pub minting: Option<Principal>,
    pub registry: Option<Principal>,
    pub governance: Option<Principal>,
    pub rewards: Option<Principal>,
}

/// A canister whose balance is sampled, under a name for people.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Named {
    pub canister_id: Principal,
    pub name: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct InitArgs {
    /// What the page calls the subnet.
    pub subnet_name: Option<String>,
    pub canisters: Canisters,
    /// Further canisters to watch.
    pub watched: Vec<Named>,
    /// Canisters with this id and those that follow are found by themselves.
    pub discover_from: Option<Principal>,
    /// Time between samples; a minute if absent.
    pub sample_seconds: Option<u64>,
}

/// What the page needs to know first.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Configuration {
    pub subnet_name: String,
    pub canisters: Canisters,
    pub sample_seconds: u64,
    pub watched: Vec<Named>,
    pub tally: Tally,
    pub points: u64,
}

/// What was asked, and how that went last.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub name: String,
    pub answered_at_nanos: Option<u64>,
    /// Why it did not answer since.
    pub error: Option<String>,
}

/// Names of series.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Series {
    /// Tokens, in e8s; minted and burnt ones are sums since the first block.
    #[serde(rename = "token_supply")]
    TokenSupply,
    #[serde(rename = "token_minted")]
    TokenMinted,
    #[serde(rename = "token_burned")]
    TokenBurned,
    #[serde(rename = "token_transfers")]
    TokenTransfers,
    /// What the accounts of the cycles ledger hold.
    #[serde(rename = "cycles_supply")]
    CyclesSupply,
    /// What was minted for tokens since the beginning.
    #[serde(rename = "cycles_minted")]
    CyclesMinted,
    /// Totals of the subnet since genesis, at the ends of epochs.
    #[serde(rename = "cycles_consumed")]
    CyclesConsumed,
    #[serde(rename = "blocks")]
    Blocks,
    #[serde(rename = "instructions")]
    Instructions,
    #[serde(rename = "canister_balance")]
    CanisterBalance(Principal),
    /// What the canister consumed since its creation.
    #[serde(rename = "canister_consumed")]
    CanisterConsumed(Principal),
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct GetPointsArgs {
    pub series: Series,
    pub resolution: Resolution,
    /// Place of the first point; the newest ones if absent.
    pub from: Option<u64>,
    pub limit: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ListEpochsArgs {
    /// Epochs that ended later than this; the newest ones if absent.
    pub after_nanos: Option<u64>,
    pub limit: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ListCanistersArgs {
    /// Canisters whose ids follow this one.
    pub after: Option<Principal>,
    pub limit: u64,
}

/// What a canister has consumed since its creation.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Consumed {
    pub memory: Nat,
    pub compute_allocation: Nat,
    pub ingress_induction: Nat,
    pub instructions: Nat,
    pub request_and_response_transmission: Nat,
    pub uninstall: Nat,
    pub canister_creation: Nat,
    pub http_outcalls: Nat,
    pub burned_cycles: Nat,
}

impl Consumed {
    pub fn total(&self) -> u128 {
        let parts = [
            &self.memory,
            &self.compute_allocation,
            &self.ingress_induction,
            &self.instructions,
            &self.request_and_response_transmission,
            &self.uninstall,
            &self.canister_creation,
            &self.http_outcalls,
            &self.burned_cycles,
        ];
        parts.into_iter().fold(0, |sum: u128, part| sum.saturating_add(crate::small(part)))
    }
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterStatus {
    pub status: RunStatus,
    pub cycles: Nat,
    pub reserved_cycles: Nat,
    pub idle_cycles_burned_per_day: Nat,
    pub memory_size: Nat,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Frozen {
    pub reason: String,
    pub since_nanos: u64,
}

/// A canister now, as far as this one may see it.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterView {
    pub canister_id: Principal,
    pub name: Option<String>,
    pub module_hash: Option<ByteBuf>,
    pub controllers: Vec<Principal>,
    pub status: Option<CanisterStatus>,
    pub consumed: Option<Consumed>,
    pub frozen: Option<Frozen>,
    /// Consumed in the last hour, as far as there are samples: cycles and the seconds between them.
    pub recent: Option<Recent>,
}

#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recent {
    pub cycles: u128,
    pub seconds: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CanisterPage {
    /// Canisters of the subnet, or of those that are watched if `partial` says why it may not list them.
    pub total: u64,
    pub partial: Option<String>,
    pub canisters: Vec<CanisterView>,
    /// Ask for those after this one next.
    pub next: Option<Principal>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum AskError {
    /// The limit must be at least one.
    #[serde(rename = "no_limit")]
    NoLimit,
    #[serde(rename = "not_watched")]
    NotWatched(Principal),
}

pub type PointsResult = Result<PointPage, AskError>;
pub type EpochsResult = Result<Vec<Epoch>, AskError>;
pub type CanistersResult = Result<CanisterPage, AskError>;
