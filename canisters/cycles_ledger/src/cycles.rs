//! What cycles are for: they come in, go out, and make canisters.

use crate::errors::{CreateCanisterError, CreateCanisterFromError, WithdrawError, WithdrawFromError};
use crate::flight::{Departure, Landing, Purpose, Refunds};
use crate::interface::*;
use crate::outgoing::{self, Failure};
use crate::refusal::Refusal;
use crate::{caller, change, metrics, now, payable, read};
use candid::{Nat, Principal};
use cycles_interface::{CanisterSettings, DepositArgs, DepositResult, SubnetSelection};
use ic_cdk::{query, update};
use serde_bytes::ByteBuf;

/// Takes the cycles attached to the call. One that is refused traps, so that they go back.
#[update]
fn deposit(args: DepositArgs) -> DepositResult {
    let amount = ic_cdk::api::msg_cycles_accept(ic_cdk::api::msg_cycles_available());
    match change(|book| book.deposit(args.to, amount, args.memo, now())) {
        Ok((block, balance)) => DepositResult { balance: balance.into(), block_index: block.into() },
        Err(Refusal::Generic(reason)) => ic_cdk::trap(reason.to_string()),
        Err(refusal) => ic_cdk::trap(format!("{refusal:?}")),
    }
}

/// Users have no cycles but here.
fn is_user(principal: Principal) -> bool {
    const SELF_AUTHENTICATING: u8 = 2;
    const ANONYMOUS: u8 = 4;
    match principal.as_slice() {
        [ANONYMOUS] => true,
        bytes => bytes.len() == Principal::MAX_LENGTH_IN_BYTES && bytes.last() == Some(&SELF_AUTHENTICATING),
    }
}

/// Sends cycles to a canister; the block, or what failed and what was given back.
async fn send_out(order: Departure, to: Principal) -> Result<Result<u64, (u64, Failure, Refunds)>, Refusal> {
    let amount = order.amount;
    let block = change(|book| book.depart(order, now()))?;
    let sent = outgoing::deposit_cycles(to, amount).await;
    let landing = match &sent {
        Ok(returned) => Landing::Arrived { canister_id: None, returned: *returned },
        Err(failure) => Landing::Failed { returned: failure.returned },
    };
    let refunds = change(|book| book.land(block, landing, now()));
    Ok(match sent {
        Ok(_) => Ok(block),
        Err(failure) => Err((block, failure, refunds)),
    })
}

#[update]
async fn withdraw(args: WithdrawArgs) -> Result<Nat, WithdrawError> {
    if is_user(args.to) {
        return Err(WithdrawError::InvalidReceiver { receiver: args.to });
    }
    let from = caller(args.from_subaccount);
    let order = Departure {
        from,
        spender: None,
        amount: payable(args.amount, &from)?,
        purpose: Purpose::Withdrawal { to: args.to },
        created_at_time: args.created_at_time,
    };
    send_out(order, args.to).await?.map(Nat::from).map_err(|(_, failure, refunds)| {
        WithdrawError::FailedToWithdraw {
            fee_block: refunds.refund_block.map(Nat::from),
            rejection_code: failure.code,
            rejection_reason: failure.reason,
        }
    })
}

#[update]
async fn withdraw_from(args: WithdrawFromArgs) -> Result<Nat, WithdrawFromError> {
    if is_user(args.to) {
        return Err(WithdrawFromError::InvalidReceiver { receiver: args.to });
    }
    let order = Departure {
        from: args.from,
        spender: Some(caller(args.spender_subaccount)),
        amount: payable(args.amount, &args.from)?,
        purpose: Purpose::Withdrawal { to: args.to },
        created_at_time: args.created_at_time,
    };
    send_out(order, args.to).await?.map(Nat::from).map_err(|(block, failure, refunds)| {
        WithdrawFromError::FailedToWithdrawFrom {
            withdraw_from_block: Some(block.into()),
            refund_block: refunds.refund_block.map(Nat::from),
            approval_refund_block: refunds.approval_refund_block.map(Nat::from),
            rejection_code: failure.code,
            rejection_reason: failure.reason,
        }
    })
}

/// Pays for a new canister; it, or what failed and what was given back.
async fn create(
    order: Departure,
    creation_args: Option<CmcCreateCanisterArgs>,
) -> Result<Result<CreateCanisterSuccess, (u64, Failure, Refunds)>, Refusal> {
    let amount = order.amount;
    let CmcCreateCanisterArgs { settings, subnet_selection } = creation_args.unwrap_or_default();
    let settings = CanisterSettings::controlled_by(settings, ic_cdk::api::msg_caller());
    let selection = subnet_selection.filter(|it| *it != SubnetSelection::Filter(Default::default()));
    let minting_canister = read(|book| book.settings().minting_canister);
    let block = change(|book| book.depart(order, now()))?;
    let created = outgoing::create_canister(minting_canister, settings, selection, amount).await;
    let landing = match &created {
        Ok((id, returned)) => Landing::Arrived { canister_id: Some(*id), returned: *returned },
        Err(failure) => Landing::Failed { returned: failure.returned },
    };
    let refunds = change(|book| book.land(block, landing, now()));
    Ok(match created {
        Ok((canister_id, _)) => Ok(CreateCanisterSuccess { block_id: block.into(), canister_id }),
        Err(failure) => Err((block, failure, refunds)),
    })
}

#[update]
async fn create_canister(args: CreateCanisterArgs) -> Result<CreateCanisterSuccess, CreateCanisterError> {
    let from = caller(args.from_subaccount);
    let order = Departure {
        from,
        spender: None,
        amount: payable(args.amount, &from)?,
        purpose: Purpose::Creation,
        created_at_time: args.created_at_time,
    };
    create(order, args.creation_args).await?.map_err(|(block, failure, refunds)| {
        CreateCanisterError::FailedToCreate {
            fee_block: Some(block.into()),
            refund_block: refunds.refund_block.map(Nat::from),
            error: failure.reason,
        }
    })
}

#[update]
async fn create_canister_from(
    args: CreateCanisterFromArgs,
) -> Result<CreateCanisterSuccess, CreateCanisterFromError> {
    let order = Departure {
        from: args.from,
        spender: Some(caller(args.spender_subaccount)),
        amount: payable(args.amount, &args.from)?,
        purpose: Purpose::Creation,
        created_at_time: args.created_at_time,
    };
    create(order, args.creation_args).await?.map_err(|(block, failure, refunds)| {
        CreateCanisterFromError::FailedToCreateFrom {
            create_from_block: Some(block.into()),
            refund_block: refunds.refund_block.map(Nat::from),
            approval_refund_block: refunds.approval_refund_block.map(Nat::from),
            rejection_code: failure.code,
            rejection_reason: failure.reason,
        }
    })
}

#[query]
fn http_request(request: HttpRequest) -> HttpResponse {
    let path = request.url.split('?').next().unwrap_or_default();
    let (status_code, body) = match path {
        "/metrics" => (
            200,
            read(|book| {
                metrics::page(book, ic_cdk::api::canister_cycle_balance(), ic_cdk::api::stable_size())
            }),
        ),
        _ => (404, "there is only /metrics\n".to_owned()),
    };
    let headers = vec![("content-type".to_owned(), "text/plain; version=0.0.4".to_owned())];
    HttpResponse { status_code, headers, body: ByteBuf::from(body.into_bytes()) }
}
