//! The calls that carry cycles out, and what their answers mean for the book.

use crate::errors::RejectionCode;
use candid::Principal;
use cycles_interface::{
    CanisterId, CanisterSettings, CreateCanisterArg, CreateCanisterError, NewCanister, SubnetSelection,
};
use ic_cdk::call::{Call, CallFailed, Response};

/// Why a call moved nothing, and which of its cycles are here again.
pub struct Failure {
    pub returned: u128,
    pub code: RejectionCode,
    pub reason: String,
}

impl Failure {
    /// What a call that did not succeed means. Cycles of a call that was never made were never away.
    fn of(error: CallFailed, attached: u128) -> Self {
        match error {
            CallFailed::CallRejected(reject) => Self {
                returned: ic_cdk::api::msg_cycles_refunded(),
                code: reject.raw_reject_code().into(),
                reason: reject.reject_message().to_owned(),
            },
            unsent => {
                Self { returned: attached, code: RejectionCode::SysTransient, reason: unsent.to_string() }
            }
        }
    }
}

async fn send<A: candid::CandidType>(
    canister: Principal,
    method: &str,
    arg: A,
    cycles: u128,
) -> Result<Response, Failure> {
    let call = Call::unbounded_wait(canister, method).with_arg(arg).with_cycles(cycles);
    call.await.map_err(|error| Failure::of(error, cycles))
}

/// Sends cycles to a canister; what came back although the call succeeded.
pub async fn deposit_cycles(to: Principal, cycles: u128) -> Result<u128, Failure> {
    let arg = CanisterId { canister_id: to };
    send(Principal::management_canister(), "deposit_cycles", arg, cycles).await?;
    Ok(ic_cdk::api::msg_cycles_refunded())
}

/// Has a canister created by the minting canister, as the public ledger does. Where there is none, as on a
/// network without tokens, the management canister creates it, unless a subnet was asked for.
pub async fn create_canister(
    minting_canister: Principal,
    settings: CanisterSettings,
    selection: Option<SubnetSelection>,
    cycles: u128,
) -> Result<(Principal, u128), Failure> {
    let selected = selection.is_some();
    let arg = CreateCanisterArg {
        settings: Some(settings.clone()),
        subnet_type: None,
        subnet_selection: selection,
    };
    match send(minting_canister, "create_canister", arg, cycles).await {
        Ok(response) => created(&response, cycles),
        Err(failure)
            if failure.code == RejectionCode::DestinationInvalid
                && failure.returned == cycles
                && !selected =>
        {
            let arg = NewCanister { settings: Some(settings) };
            let response = send(Principal::management_canister(), "create_canister", arg, cycles).await?;
            match response.candid::<CanisterId>() {
                Ok(created) => Ok((created.canister_id, ic_cdk::api::msg_cycles_refunded())),
                Err(error) => Err(unreadable(error)),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// The minting canister's answer: it gives back by a deposit what it names as refunded.
fn created(response: &Response, cycles: u128) -> Result<(Principal, u128), Failure> {
    let returned = ic_cdk::api::msg_cycles_refunded();
    match response.candid::<Result<Principal, CreateCanisterError>>() {
        Ok(Ok(canister_id)) => Ok((canister_id, returned)),
        Ok(Err(CreateCanisterError::Refunded { refund_amount, create_error })) => {
            let refunded = u128::try_from(refund_amount.0).unwrap_or(0);
            let returned = returned.saturating_add(refunded).min(cycles);
            Err(Failure { returned, code: RejectionCode::CanisterError, reason: create_error })
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn unreadable(error: impl ToString) -> Failure {
    Failure {
        returned: ic_cdk::api::msg_cycles_refunded(),
        code: RejectionCode::CanisterError,
        reason: error.to_string(),
    }
}
