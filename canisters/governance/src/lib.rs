//! The governance canister: who has a say proposes and votes, and what is adopted is done by itself.
//!
//! # Who votes
//! *Neurons*: tokens on an account of this canister, locked for a dissolve delay. A neuron's power is its stake
//! times one plus delay / maximal delay, and nothing below the minimal delay. Or *operators*, for a subnet without
//! tokens: one vote each operator of the registry; the registry is asked when a proposal is made, and where it does
//! not answer (it may be what is to be repaired) those count that it named last.
//!
//! # What holds
//! 1. Tokens come in by transfers and leave by disbursing and by fees of rejected proposals; between, what the
//!    ledger holds is what neurons have at stake and what is on its way ([`staking`]).
//! 2. A proposal is adopted when Yes has at least the quorum of all voting power and more than the threshold of the
//!    votes that were cast; nobody's vote counts twice, or for more than when the proposal was made ([`voting`]).
//! 3. An adopted proposal is executed once; how that ended stands on its record ([`execution`]).
//! 4. No message's work grows with the number of neurons: the total voting power comes of sums ([`weights`]), what
//!    a vote weighs of the neuron's own past, followers are visited in pieces.
//! 5. Collections are bounded: [`governance::MAX_NEURONS`], [`parameters::MAX_OPEN_PROPOSALS`],
//!    [`voting::MAX_PROPOSALS`], [`voting::MAX_BALLOTS`], and those of texts in [`action`].
//! 6. All state is in stable memory; an upgrade has nothing to save, and takes no arguments.
//!
//! # What can stay open
//! A callback that traps leaves a proposal of which it is not known whether it was done; it ends as failed and is
//! not done again. A canister that was to be upgraded then is started.

pub mod action;
mod calls;
pub mod commands;
pub mod execution;
pub mod governance;
pub mod interface;
mod keys;
mod moving;
pub mod neuron;
pub mod parameters;
pub mod proposal;
pub mod queries;
pub mod staking;
pub mod voting;
pub mod weights;

#[cfg(test)]
mod tests;

use candid::Principal;
use cycles_interface::Account;
use execution::Job;
use governance::Governance;
use ic_cdk::{init, post_upgrade, query, update};
use ic_cdk_timers::TimerId;
use ic_stable_structures::DefaultMemoryImpl;
use interface::*;
use interfaces::registry::UpgradeGovernance;
use moving::{Work, finish_order, refresh};
use parameters::Parameters;
use serde_bytes::ByteBuf;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// How long after tokens did not move they are tried again.
const SWEEP_AFTER: Duration = Duration::from_secs(5);
/// Most neurons of which tokens are tried in one sweep.
const NEURONS_PER_SWEEP: u32 = 10;
/// Most pieces of work in one message.
const PIECES_PER_MESSAGE: u32 = 20;
/// How often is looked for work of which a trap took the alarm.
const LOOK_EVERY: Duration = Duration::from_secs(60);

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../governance.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../governance.did");

thread_local! {
    static GOVERNANCE: RefCell<Governance<DefaultMemoryImpl>> =
        RefCell::new(Governance::open(DefaultMemoryImpl::default(), ic_cdk::api::canister_self()));
    static ALARM: Cell<Option<(u64, TimerId)>> = const { Cell::new(None) };
    static SWEEP_IS_SET: Cell<bool> = const { Cell::new(false) };
}

fn read<T>(f: impl FnOnce(&Governance<DefaultMemoryImpl>) -> T) -> T {
    GOVERNANCE.with_borrow(f)
}

fn change<T>(f: impl FnOnce(&mut Governance<DefaultMemoryImpl>) -> T) -> T {
    GOVERNANCE.with_borrow_mut(f)
}

fn now() -> u64 {
    ic_cdk::api::time()
}

fn now_seconds() -> u64 {
    now() / NANOS_PER_SECOND
}

fn caller() -> Principal {
    ic_cdk::api::msg_caller()
}

#[init]
fn init(args: InitArgs) {
    let InitArgs { ledger, minting, registry, rewards, voters, parameters } = args;
    let canisters = Canisters { ledger, minting, registry, rewards };
    change(|governance| governance.configure(canisters, voters, parameters))
        .unwrap_or_else(|reason| ic_cdk::trap(reason));
    keep_looking();
}

#[post_upgrade]
fn post_upgrade() {
    keep_looking();
    wake();
}

/// Looks for work from time to time, whatever became of alarms.
fn keep_looking() {
    ic_cdk_timers::set_timer_interval(LOOK_EVERY, || {
        SWEEP_IS_SET.set(false);
        tick()
    });
}

/// Sees to it that what is to do next is done when it is due.
fn wake() {
    if read(|governance| governance.is_unsettled()) && !SWEEP_IS_SET.replace(true) {
        ic_cdk_timers::set_timer(SWEEP_AFTER, sweep());
    }
    let Some(due) = read(|governance| governance.next_due()) else { return };
    match ALARM.get() {
        Some((set, _)) if set <= due => return,
        Some((_, later)) => ic_cdk_timers::clear_timer(later),
        None => (),
    }
    let delay = Duration::from_secs(due.saturating_sub(now_seconds()));
    ALARM.set(Some((due, ic_cdk_timers::set_timer(delay, tick()))));
}

/// Does what is due: some pieces of work, and what an adopted proposal says.
async fn tick() {
    ALARM.set(None);
    for _ in 0..PIECES_PER_MESSAGE {
        if !change(|governance| governance.work(now_seconds())) {
            break;
        }
    }
    let job = change(|governance| governance.next_job(now_seconds())).filter(|(job, _)| *job != Job::Ended);
    wake();
    if let Some((job, held)) = job {
        run(job).await;
        drop(held);
        wake();
    }
}

async fn run(job: Job) {
    let canisters = read(|governance| governance.config().canisters);
    match job {
        Job::Ended => (),
        Job::Do { id, action } => {
            let result = calls::execute(id, action, canisters, now_seconds()).await;
            change(|governance| governance.ended(id, result, now_seconds()));
        }
        Job::HandOver { id, wasm_module, arg, sha256 } => {
            let (wasm_module, arg) = (ByteBuf::from(wasm_module), ByteBuf::from(arg));
            let upgrade =
                UpgradeGovernance { wasm_module, arg, sha256: ByteBuf::from(sha256), proposal: Some(id) };
            let result = calls::hand_over(canisters.registry, upgrade).await;
            change(|governance| governance.handed_over(id, result, now_seconds()));
        }
        Job::Ask { id } => {
            let answer = calls::governance_upgrade(canisters.registry).await;
            change(|governance| governance.asked(id, answer, now_seconds()));
        }
        Job::Restart { id, canister_id } => {
            let result = calls::start(canister_id).await.and_then(|()| execution::lost());
            change(|governance| governance.ended(id, result, now_seconds()));
        }
    }
}

/// Tries again what did not move: orders without an answer, fees that are to be burnt.
async fn sweep() {
    for _ in 0..NEURONS_PER_SWEEP {
        let Some(id) = change(|governance| governance.next_unsettled()) else { break };
        if let Err(error) = moving::settle(id).await {
            ic_cdk::api::debug_print(format!("neuron {id}: {error:?}"));
        }
    }
    SWEEP_IS_SET.set(false);
    wake();
}

#[update]
async fn claim_or_refresh_neuron_from_account(arg: ControllerAndMemo) -> Result<u64, GovernanceError> {
    read(|governance| governance.require_neurons())?;
    let controller = arg.controller.unwrap_or_else(caller);
    let subaccount = neuron::subaccount_of(controller, arg.memo);
    let work = Work::begin(subaccount)?;
    if let Some(id) = read(|governance| governance.neuron_at(&subaccount)) {
        finish_order(id, &work).await?;
    }
    refresh(controller, arg.memo, &work).await
}

#[update]
async fn manage_neuron(arg: ManageNeuron) -> Result<Done, GovernanceError> {
    let ManageNeuron { neuron_id, command } = arg;
    match command {
        Command::Disburse { amount_e8s, to } => {
            let disbursed = moving::disburse(caller(), neuron_id, amount_e8s, to).await;
            wake();
            disbursed
        }
        command => change(|governance| governance.command(caller(), neuron_id, command, now_seconds()))
            .map(|()| Done::Done),
    }
}

#[update]
async fn make_proposal(arg: MakeProposal) -> Result<u64, GovernanceError> {
    let (caller, canisters) = (caller(), read(|governance| governance.config().canisters));
    if let (Voters::Operators, Some(registry)) = (get_voters(), canisters.registry) {
        match calls::operators(registry).await {
            Ok(operators) => change(|governance| governance.set_operators(operators))?,
            Err(reason) => ic_cdk::api::debug_print(format!("operators as before: {reason}")),
        }
    }
    let made =
        change(|governance| governance.make_proposal(caller, arg.neuron_id, arg.proposal, now_seconds()));
    wake();
    made
}

#[update]
fn register_vote(arg: RegisterVote) -> Result<(), GovernanceError> {
    let RegisterVote { neuron_id, proposal_id, vote } = arg;
    let voted =
        change(|governance| governance.register_vote(caller(), neuron_id, proposal_id, vote, now_seconds()));
    wake();
    voted
}

#[query]
fn get_ballot(arg: GetBallot) -> Option<Ballot> {
    read(|governance| governance.get_ballot(arg.proposal_id, arg.voter))
}

#[query]
fn get_canisters() -> Canisters {
    read(|governance| governance.config().canisters)
}

#[query]
fn get_neuron(id: u64) -> Option<Neuron> {
    read(|governance| governance.get_neuron(id, now_seconds()))
}

#[query]
fn get_neuron_account(arg: ControllerAndMemo) -> Account {
    read(|governance| governance.neuron_account(arg.controller.unwrap_or_else(caller), arg.memo))
}

#[query]
fn get_parameters() -> Parameters {
    read(|governance| governance.config().parameters)
}

#[query]
fn get_proposal_info(id: u64) -> Option<ProposalInfo> {
    read(|governance| governance.get_proposal(id))
}

#[query]
fn get_status() -> Status {
    read(|governance| governance.status(now_seconds()))
}

#[query]
fn get_voters() -> Voters {
    read(|governance| governance.config().voters)
}

#[query]
fn list_ballots(arg: ListBallots) -> Vec<Ballot> {
    read(|governance| governance.list_ballots(arg))
}

#[query]
fn list_neurons(arg: ListNeurons) -> Vec<Neuron> {
    read(|governance| governance.list_neurons(arg, now_seconds()))
}

#[query]
fn list_proposals(arg: ListProposals) -> Vec<ProposalInfo> {
    read(|governance| governance.list_proposals(arg))
}

#[cfg(test)]
candid::export_service!();
