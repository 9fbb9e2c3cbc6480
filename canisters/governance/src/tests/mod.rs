//! Rules, one case each; refusals, one case each; random operations beside a model of ledger and votes; the
//! interface against the file.

mod commands;
mod execution;
mod following;
mod interface;
mod keeping;
mod many;
mod model;
mod operators;
mod proposals;
mod refusals;
mod room;
mod tokens;
mod voting;

use crate::action::Action;
use crate::governance::Governance;
use crate::interface::{
    Canisters, Command, Followees, GovernanceError, Proposal, ProposalStatus, Topic, Vote, Voters,
};
use crate::parameters::Parameters;
use candid::Principal;
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

type TestGovernance = Governance<VectorMemory>;

const NOW: u64 = 1_800_000_000;
const NANOS: u64 = 1_000_000_000;
/// One token.
const E8S: u64 = 100_000_000;
const FEE: u64 = 10_000;
const PROPOSAL_FEE: u64 = E8S / 10;
const MIN_DELAY: u64 = 10;
const MAX_DELAY: u64 = 100;
const PERIOD: u64 = 1_000;
const WAIT: u64 = 200;

fn id(number: u8) -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, number, 1, 1])
}

fn own_id() -> Principal {
    id(1)
}

/// Somebody.
fn person(number: u8) -> Principal {
    Principal::from_slice(&[number, 7])
}

fn canisters() -> Canisters {
    Canisters { ledger: Some(id(2)), minting: Some(id(4)), registry: Some(id(0)), rewards: Some(id(32)) }
}

fn parameters() -> Parameters {
    Parameters {
        quorum_permille: 200,
        threshold_permille: 500,
        voting_period_seconds: PERIOD,
        wait_for_quiet_seconds: WAIT,
        minimum_stake_e8s: E8S,
        min_dissolve_delay_seconds: MIN_DELAY,
        max_dissolve_delay_seconds: MAX_DELAY,
        proposal_fee_e8s: PROPOSAL_FEE,
        max_open_proposals: 20,
    }
}

fn governance_of(voters: Voters) -> TestGovernance {
    let mut governance = Governance::open(VectorMemory::default(), own_id());
    governance.configure(canisters(), voters, parameters()).expect("a good configuration");
    governance
}

fn governance() -> TestGovernance {
    governance_of(Voters::Neurons)
}

/// A neuron of somebody with so many tokens, locked for so long.
fn neuron(governance: &mut TestGovernance, owner: u8, tokens: u64, delay: u64) -> u64 {
    let id = governance.claim(person(owner), 0, tokens * E8S, NOW).expect("enough tokens");
    if delay > 0 {
        let command = Command::IncreaseDissolveDelay { additional_seconds: delay };
        governance.command(person(owner), id, command, NOW).expect("longer");
    }
    id
}

fn proposal(action: Action) -> Proposal {
    Proposal { title: "A title".to_owned(), summary: "Why.".to_owned(), url: String::new(), action }
}

fn motion() -> Proposal {
    proposal(Action::Motion)
}

/// Somebody's neuron proposes.
fn propose(governance: &mut TestGovernance, owner: u8, neuron: u64, action: Action) -> u64 {
    governance.make_proposal(person(owner), Some(neuron), proposal(action), NOW).expect("a good proposal")
}

fn vote(governance: &mut TestGovernance, owner: u8, neuron: u64, proposal: u64, vote: Vote, now: u64) {
    governance.register_vote(person(owner), Some(neuron), proposal, vote, now).expect("a good vote");
}

fn follow(governance: &mut TestGovernance, owner: u8, neuron: u64, topic: Topic, followees: &[u64]) {
    let command = Command::Follow(Followees { topic, followees: followees.to_vec() });
    governance.command(person(owner), neuron, command, NOW).expect("good followees");
}

/// All work that is due.
fn work(governance: &mut TestGovernance, now: u64) {
    while governance.work(now) {}
}

fn status(governance: &TestGovernance, proposal: u64) -> ProposalStatus {
    governance.record(proposal).expect("a proposal").status
}

fn upgrade_of(canister_id: Principal) -> Action {
    let module = b"\0asm\x01\0\0\0".to_vec();
    let sha256 = ByteBuf::from(Sha256::digest(&module).to_vec());
    Action::UpgradeCanister { canister_id, wasm_module: ByteBuf::from(module), arg: ByteBuf::new(), sha256 }
}

fn is_unauthorized<T>(result: &Result<T, GovernanceError>) -> bool {
    matches!(result, Err(GovernanceError::NotAuthorized(_)))
}

fn is_unfit<T>(result: &Result<T, GovernanceError>) -> bool {
    matches!(result, Err(GovernanceError::PreconditionFailed(_)))
}

fn is_invalid<T>(result: &Result<T, GovernanceError>) -> bool {
    matches!(result, Err(GovernanceError::Invalid(_)))
}

fn is_too_many<T>(result: &Result<T, GovernanceError>) -> bool {
    matches!(result, Err(GovernanceError::TooMany(_)))
}
