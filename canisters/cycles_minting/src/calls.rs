//! The calls that the machine asks for: the token ledger's blocks and transfers, and cycles on their way.

use crate::account::AccountIdentifier;
use crate::ledger::{
    Block, BlockRange, GetBlocksArgs, Operation, QueryArchiveError, QueryBlocksResponse, TimeStamp, Tokens,
    TransferArgs, TransferError,
};
use crate::notify::{BlockRead, Paid, PayReport, TokenTransfer, TransferReport};
use crate::payment::{Claim, Payment};
use candid::{CandidType, Principal};
use cycles_interface::{CanisterId, CanisterSettings, DepositArgs, DepositResult, NewCanister};
use ic_cdk::call::{Call, CallFailed, Response};
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

/// A call of which the outcome must be known: its answer is waited for without an end.
async fn ask<A: CandidType, R: CandidType + DeserializeOwned>(
    canister: Principal,
    method: &str,
    arg: A,
) -> Result<R, String> {
    let response: Response =
        Call::unbounded_wait(canister, method).with_arg(arg).await.map_err(|error| error.to_string())?;
    response.candid().map_err(|error| error.to_string())
}

/// Reads a block, from an archive if the ledger says that it is there.
pub async fn read_block(ledger: Principal, block: u64) -> BlockRead {
    let args = GetBlocksArgs { start: block, length: 1 };
    let response: QueryBlocksResponse = match ask(ledger, "query_blocks", args).await {
        Ok(response) => response,
        Err(error) => return BlockRead::Failed(error),
    };
    if let Some(found) = response.blocks.into_iter().next() {
        return match response.first_block_index == block {
            true => payment_in(found),
            false => BlockRead::Missing,
        };
    }
    let archive = response
        .archived_blocks
        .into_iter()
        .find(|it| it.start <= block && block - it.start < it.length)
        .map(|it| it.callback.0);
    let Some(candid::Func { principal, method }) = archive else { return BlockRead::Missing };
    match ask::<_, Result<BlockRange, QueryArchiveError>>(principal, &method, args).await {
        Ok(Ok(range)) => range.blocks.into_iter().next().map_or(BlockRead::Missing, payment_in),
        Ok(Err(error)) => BlockRead::Failed(format!("the archive: {error:?}")),
        Err(error) => BlockRead::Failed(error),
    }
}

fn payment_in(block: Block) -> BlockRead {
    let transaction = block.transaction;
    match transaction.operation {
        Some(Operation::Transfer { from, to, amount }) => BlockRead::Transfer(Payment {
            from: AccountIdentifier::from_ledger(from),
            to: AccountIdentifier::from_ledger(to),
            e8s: amount.e8s,
            memo: transaction.memo,
            icrc1_memo: transaction.icrc1_memo,
        }),
        _ => BlockRead::Other,
    }
}

/// Orders the token ledger to move tokens.
pub async fn transfer(ledger: Principal, order: TokenTransfer) -> TransferReport {
    let args = TransferArgs {
        memo: order.memo,
        amount: Tokens { e8s: order.e8s },
        fee: Tokens { e8s: order.fee },
        from_subaccount: Some(ByteBuf::from(order.from_subaccount)),
        to: order.to.to_bytes(),
        created_at_time: Some(TimeStamp { timestamp_nanos: order.created_at_time }),
    };
    match ask::<_, Result<u64, TransferError>>(ledger, "transfer", args).await {
        Ok(Ok(block)) => TransferReport::Done(block),
        Ok(Err(TransferError::TxDuplicate { duplicate_of })) => TransferReport::Done(duplicate_of),
        Ok(Err(TransferError::BadFee { expected_fee })) => TransferReport::BadFee(expected_fee.e8s),
        Ok(Err(TransferError::TxTooOld { .. })) => TransferReport::TooOld,
        Ok(Err(error)) => TransferReport::Refused(format!("{error:?}")),
        Err(error) => TransferReport::Refused(error),
    }
}

/// Mints cycles and sends them; what comes back is burnt. Minting and sending are one message.
pub async fn pay(cycles_ledger: Principal, claim: Claim, cycles: u128) -> PayReport {
    let minted = system::mint(cycles);
    if minted < cycles {
        let burnt = ic_cdk::api::cycles_burn(minted);
        let result = Err("there may be no more cycles".to_owned());
        return PayReport { minted, returned: minted, burnt, result };
    }
    let sent = match claim {
        Claim::TopUp { canister } => deposit_cycles(canister, cycles).await.map(|_| Paid::ToppedUp),
        Claim::Create { controller, settings } => {
            let settings = CanisterSettings::controlled_by(settings, controller);
            create_canister(settings, cycles).await.map(Paid::Created)
        }
        Claim::Mint { to, memo } => deposit(cycles_ledger, DepositArgs { to, memo }, cycles).await,
    };
    let (result, returned) = match sent {
        Ok(paid) => (Ok(paid), ic_cdk::api::msg_cycles_refunded()),
        Err(failure) => (Err(failure.reason), failure.returned),
    };
    let burnt = if returned > 0 { ic_cdk::api::cycles_burn(returned) } else { 0 };
    PayReport { minted, returned, burnt, result }
}

/// Why cycles bought nothing, and how many are here again.
pub struct Failure {
    pub reason: String,
    pub returned: u128,
}

async fn send<A: CandidType>(
    canister: Principal,
    method: &str,
    arg: A,
    cycles: u128,
) -> Result<Response, Failure> {
    let call = Call::unbounded_wait(canister, method).with_arg(arg).with_cycles(cycles);
    call.await.map_err(|error| Failure {
        reason: error.to_string(),
        returned: match error {
            CallFailed::CallRejected(_) => ic_cdk::api::msg_cycles_refunded(),
            _ => cycles,
        },
    })
}

fn decode<R: CandidType + DeserializeOwned>(response: &Response) -> Result<R, Failure> {
    response
        .candid()
        .map_err(|error| Failure { reason: error.to_string(), returned: ic_cdk::api::msg_cycles_refunded() })
}

/// Sends cycles to a canister.
pub async fn deposit_cycles(canister_id: Principal, cycles: u128) -> Result<Response, Failure> {
    send(Principal::management_canister(), "deposit_cycles", CanisterId { canister_id }, cycles).await
}

/// Has a canister created with these cycles.
pub async fn create_canister(settings: CanisterSettings, cycles: u128) -> Result<Principal, Failure> {
    let arg = NewCanister { settings: Some(settings) };
    let response = send(Principal::management_canister(), "create_canister", arg, cycles).await?;
    Ok(decode::<CanisterId>(&response)?.canister_id)
}

async fn deposit(cycles_ledger: Principal, args: DepositArgs, cycles: u128) -> Result<Paid, Failure> {
    let response = send(cycles_ledger, "deposit", args, cycles).await?;
    let result: DepositResult = decode(&response)?;
    let small = |number: candid::Nat| u128::try_from(number.0).unwrap_or(u128::MAX);
    Ok(Paid::Deposited { block_index: small(result.block_index), balance: small(result.balance) })
}

/// The runtime's right to mint, which genesis gives to this canister alone.
mod system {
    #[cfg(target_family = "wasm")]
    #[link(wasm_import_module = "ic0")]
    unsafe extern "C" {
        fn mint_cycles128(amount_high: u64, amount_low: u64, dst: usize);
    }

    /// Mints cycles into this canister's balance; fewer than asked for if there may be no more.
    #[cfg(target_family = "wasm")]
    pub fn mint(cycles: u128) -> u128 {
        let mut minted = [0u8; 16];
        // SAFETY: `minted` is 16 writable bytes, which is what the call writes.
        unsafe { mint_cycles128((cycles >> 64) as u64, cycles as u64, minted.as_mut_ptr() as usize) };
        u128::from_le_bytes(minted)
    }

    /// Outside of the runtime there are no cycles.
    #[cfg(not(target_family = "wasm"))]
    pub fn mint(_cycles: u128) -> u128 {
        0
    }
}
