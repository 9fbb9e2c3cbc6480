//! The calls that governance makes. All wait for their answer without an end: whether something was done must
//! be known.

use crate::action::Action;
use crate::interface::Canisters;
use crate::staking::{Report, Transfer};
use candid::utils::ArgumentEncoder;
use candid::{CandidType, Nat, Principal};
use cycles_interface::{Account, UpdateIcpXdrConversionRatePayload};
use ic_cdk::call::{Call, Response};
use icrc::token::{TransferArg, TransferError};
use interfaces::management::{CanisterId, CanisterStatus, InstallCode, InstallMode, RunStatus};
use interfaces::registry::*;
use interfaces::rewards;
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};

/// What conversion rates are said to come from.
const DATA_SOURCE: &str = "proposal";

async fn send<A: ArgumentEncoder>(canister: Principal, method: &str, args: A) -> Result<Response, String> {
    Call::unbounded_wait(canister, method).with_args(&args).await.map_err(|error| error.to_string())
}

async fn ask<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
    canister: Principal,
    method: &str,
    args: A,
) -> Result<R, String> {
    let response = send(canister, method, args).await?;
    response.candid().map_err(|error| format!("it was called, and its answer cannot be read: {error}"))
}

/// Asks one that may refuse.
async fn ask_for<A: ArgumentEncoder, R: CandidType + DeserializeOwned, E>(
    canister: Principal,
    method: &str,
    args: A,
) -> Result<(), String>
where
    E: CandidType + DeserializeOwned + ToString,
{
    let result: Result<R, E> = ask(canister, method, args).await?;
    result.map(|_| ()).map_err(|refusal| refusal.to_string())
}

fn e8s(number: &Nat) -> u64 {
    u64::try_from(&number.0).unwrap_or(u64::MAX)
}

/// Tokens on an account.
pub async fn balance(ledger: Principal, account: Account) -> Result<u64, String> {
    ask::<_, Nat>(ledger, "icrc1_balance_of", (account,)).await.map(|balance| e8s(&balance))
}

/// Where tokens go to be burnt.
pub async fn minting_account(ledger: Principal) -> Result<Account, String> {
    let account: Option<Account> = ask(ledger, "icrc1_minting_account", ()).await?;
    account.ok_or_else(|| "the ledger has no minting account".to_owned())
}

/// Tells the ledger an order.
pub async fn transfer(ledger: Principal, order: Transfer) -> Report {
    let arg = TransferArg {
        from_subaccount: Some(order.from_subaccount),
        to: order.to,
        amount: order.amount_e8s.into(),
        fee: order.fee_e8s.map(Nat::from),
        memo: Some(ByteBuf::from(order.memo)),
        created_at_time: Some(order.created_at_nanos),
    };
    match ask::<_, Result<Nat, TransferError>>(ledger, "icrc1_transfer", (arg,)).await {
        Ok(Ok(block)) => Report::Done(e8s(&block)),
        Ok(Err(TransferError::Duplicate { duplicate_of })) => Report::Done(e8s(&duplicate_of)),
        Ok(Err(TransferError::BadFee { expected_fee })) => Report::BadFee(e8s(&expected_fee)),
        Ok(Err(TransferError::BadBurn { .. })) => Report::TooSmall,
        Ok(Err(TransferError::TooOld)) => Report::TooOld,
        Ok(Err(TransferError::TemporarilyUnavailable)) => {
            Report::Unheard("temporarily unavailable".to_owned())
        }
        Ok(Err(error)) => Report::Refused(format!("{error:?}")),
        Err(error) => Report::Unheard(error),
    }
}

/// Who runs nodes.
pub async fn operators(registry: Principal) -> Result<Vec<Principal>, String> {
    let operators: Vec<Operator> = ask(registry, "list_operators", ()).await?;
    Ok(operators.into_iter().map(|operator| operator.operator).collect())
}

/// Hands a module for this canister to the registry.
pub async fn hand_over(registry: Option<Principal>, upgrade: UpgradeGovernance) -> Result<(), String> {
    registry_does(registry, "upgrade_governance", upgrade).await
}

/// How that went.
pub async fn governance_upgrade(registry: Option<Principal>) -> Result<Option<GovernanceUpgrade>, String> {
    ask(there(registry, "registry")?, "get_governance_upgrade", ()).await
}

fn there(canister: Option<Principal>, name: &str) -> Result<Principal, String> {
    canister.ok_or_else(|| format!("this network has no {name} canister"))
}

async fn registry_does<A: CandidType>(
    registry: Option<Principal>,
    method: &str,
    arg: A,
) -> Result<(), String> {
    ask_for::<_, u64, Error>(there(registry, "registry")?, method, (arg,)).await
}

#[derive(CandidType)]
struct Freeze {
    canister_id: Principal,
    reason: String,
}

async fn management_does<A: CandidType>(method: &str, arg: A) -> Result<(), String> {
    send(Principal::management_canister(), method, (arg,)).await.map(|_| ())
}

/// Does what a proposal says, unless this canister does it alone.
pub async fn execute(id: u64, action: Action, canisters: Canisters, now_seconds: u64) -> Result<(), String> {
    let proposal = Some(id);
    match action {
        Action::SetConversionRate { xdr_permyriad_per_icp } => {
            let data_source = format!("{DATA_SOURCE} {id}");
            let rate = UpdateIcpXdrConversionRatePayload {
                data_source,
                timestamp_seconds: now_seconds,
                xdr_permyriad_per_icp,
            };
            let minting = there(canisters.minting, "minting")?;
            ask_for::<_, (), String>(minting, "set_icp_xdr_conversion_rate", (rate,)).await
        }
        Action::SetRewardParameters { period_seconds, share_permille } => {
            let arg = rewards::SetParameters { period_seconds, share_permille };
            let canister = there(canisters.rewards, "rewards")?;
            ask_for::<_, (), rewards::Error>(canister, "set_parameters", (arg,)).await
        }
        Action::SetPrices(prices) => management_does("atoll_set_prices", prices).await,
        Action::FreezeCanister { canister_id, reason } => {
            management_does("atoll_freeze_canister", Freeze { canister_id, reason }).await
        }
        Action::UnfreezeCanister { canister_id } => {
            management_does("atoll_unfreeze_canister", CanisterId { canister_id }).await
        }
        Action::UpgradeCanister { canister_id, wasm_module, arg, .. } => {
            upgrade(canister_id, wasm_module, arg).await
        }
        Action::SetReplicaVersion(replica_version) => {
            let arg = SetReplicaVersion { replica_version, proposal };
            registry_does(canisters.registry, "set_replica_version", arg).await
        }
        action => change_registry(proposal, action, canisters.registry).await,
    }
}

/// Changes who runs which node where.
async fn change_registry(
    proposal: Option<u64>,
    action: Action,
    registry: Option<Principal>,
) -> Result<(), String> {
    match action {
        Action::AddNode { node, operator } => {
            registry_does(registry, "add_node", AddNode { node, operator, proposal }).await
        }
        Action::RemoveNode { node_id } => {
            registry_does(registry, "remove_node", RemoveNode { node_id, proposal }).await
        }
        Action::ReplaceNode { leaving, node, operator } => {
            registry_does(registry, "replace_node", ReplaceNode { leaving, node, operator, proposal }).await
        }
        Action::AssignNode { node_id, operator } => {
            registry_does(registry, "assign_node", AssignNode { node_id, operator, proposal }).await
        }
        Action::AddOperator(operator) => {
            registry_does(registry, "add_operator", AddOperator { operator, proposal }).await
        }
        Action::UpdateOperator { operator, name, data_center, reward_account } => {
            let arg = UpdateOperator { operator, name, data_center, reward_account, proposal };
            registry_does(registry, "update_operator", arg).await
        }
        Action::AddDataCenter(data_center) => {
            registry_does(registry, "add_data_center", AddDataCenter { data_center, proposal }).await
        }
        other => Err(format!("nothing is done for {:?}", other.topic())),
    }
}

/// Stops, upgrades and starts a canister. One that was stopped stays so.
async fn upgrade(canister_id: Principal, wasm_module: ByteBuf, arg: ByteBuf) -> Result<(), String> {
    let management = Principal::management_canister();
    let before: CanisterStatus = ask(management, "canister_status", (CanisterId { canister_id },)).await?;
    let stopped = management_does("stop_canister", CanisterId { canister_id }).await;
    let installed = match stopped {
        Ok(()) => {
            let (wasm_module, arg) = (Bytes::new(&wasm_module), Bytes::new(&arg));
            let install = InstallCode { mode: InstallMode::Upgrade(None), canister_id, wasm_module, arg };
            management_does("install_code", install).await
        }
        Err(reason) => Err(format!("it did not stop: {reason}")),
    };
    let started = match before.status {
        RunStatus::Running => start(canister_id).await,
        RunStatus::Stopping | RunStatus::Stopped => Ok(()),
    };
    match (installed, started) {
        (Ok(()), Err(reason)) => Err(format!("it was upgraded, and did not start: {reason}")),
        (Err(reason), Err(start)) => Err(format!("{reason}; and did not start: {start}")),
        (installed, Ok(())) => installed,
    }
}

/// Starts a canister.
pub async fn start(canister_id: Principal) -> Result<(), String> {
    management_does("start_canister", CanisterId { canister_id }).await
}
