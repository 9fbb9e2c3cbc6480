//! Tokens on their way: what the rules of [`crate::staking`] ask of the ledger, one message for one neuron.

use crate::interface::{Done, GovernanceError};
use crate::staking::Settled;
use crate::{calls, change, now, now_seconds, read};
use candid::Principal;
use cycles_interface::{Account, Subaccount};

/// Most orders of one neuron told to the ledger in one message; more than any takes.
const MAX_STEPS: u32 = 8;

/// An account that this message works on; it is released also if the message traps.
pub struct Work(Subaccount);

impl Work {
    pub fn begin(subaccount: Subaccount) -> Result<Self, GovernanceError> {
        match change(|governance| governance.hold(subaccount)) {
            true => Ok(Self(subaccount)),
            false => Err(GovernanceError::Busy("the account is worked on; try again later".to_owned())),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        change(|governance| governance.release(self.0));
    }
}

fn ledger() -> Result<Principal, GovernanceError> {
    let ledger = read(|governance| governance.config().canisters.ledger);
    ledger.ok_or_else(|| GovernanceError::PreconditionFailed("this network has no token ledger".to_owned()))
}

async fn balance(subaccount: Subaccount) -> Result<u64, GovernanceError> {
    let account = Account { owner: ic_cdk::api::canister_self(), subaccount: Some(subaccount) };
    calls::balance(ledger()?, account).await.map_err(GovernanceError::External)
}

/// Tells the ledger a neuron's order until it is known what became of it. None: there is no order.
async fn drive(id: u64, work: &Work) -> Result<Option<Settled>, GovernanceError> {
    let ledger = ledger()?;
    for _ in 0..MAX_STEPS {
        let Some(transfer) = change(|governance| governance.next_transfer(id)) else { return Ok(None) };
        let report = calls::transfer(ledger, transfer).await;
        let settled = match change(|governance| governance.settled(id, report, now())) {
            Settled::Unclear => {
                let balance = balance(work.0).await?;
                change(|governance| governance.reconcile(id, balance))
            }
            settled => settled,
        };
        if settled != Settled::Again {
            return Ok(Some(settled));
        }
    }
    Err(GovernanceError::External("the ledger's fee does not stay".to_owned()))
}

/// Ends what a neuron's order of before left open.
pub async fn finish_order(id: u64, work: &Work) -> Result<(), GovernanceError> {
    match drive(id, work).await? {
        Some(Settled::Later(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Makes a neuron's stake what its account holds.
pub async fn refresh(controller: Principal, memo: u64, work: &Work) -> Result<u64, GovernanceError> {
    let balance = balance(work.0).await?;
    change(|governance| governance.claim(controller, memo, balance, now_seconds()))
}

/// Tries what a neuron's order, or a fee that is to be burnt, left to do.
pub async fn settle(id: u64) -> Result<(), GovernanceError> {
    let Some(neuron) = read(|governance| governance.neuron(id)) else { return Ok(()) };
    let work = Work::begin(neuron.subaccount())?;
    if neuron.order.is_none() {
        refresh(neuron.controller, neuron.memo, &work).await?;
        let account = calls::minting_account(ledger()?).await.map_err(GovernanceError::External)?;
        change(|governance| governance.begin_burn(id, account, now()));
    }
    finish_order(id, &work).await
}

/// Disburses, and hears how it went.
pub async fn disburse(
    caller: Principal,
    id: u64,
    amount_e8s: Option<u64>,
    to: Option<Account>,
) -> Result<Done, GovernanceError> {
    let neuron = read(|governance| governance.disbursable(caller, id))?;
    let work = Work::begin(neuron.subaccount())?;
    finish_order(id, &work).await?;
    refresh(neuron.controller, neuron.memo, &work).await?;
    change(|governance| governance.begin_disburse(caller, id, amount_e8s, to, now()))?;
    match drive(id, &work).await? {
        Some(Settled::Done { block: Some(block_index), amount_e8s }) => {
            Ok(Done::Disbursed { block_index, amount_e8s })
        }
        Some(Settled::Undone(error) | Settled::Later(error)) => Err(error),
        other => Err(GovernanceError::External(format!("the block is not known: {other:?}"))),
    }
}
