//! The calls to the subnet, the minting canister, the registry and the token ledger.

use crate::book::Assignments;
use crate::interface::Parameters;
use crate::payments::{Order, Report};
use crate::work::{Baseline, Entry};
use candid::{CandidType, Nat, Principal};
use cycles_interface::Account;
use ic_cdk::call::Call;
use icrc::token::{TransferArg, TransferError};
use interfaces::management::NodeMetricsHistoryArgs;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Most answers that one reading of the history takes; more than a full history is.
const MAX_PAGES: u32 = 32;

async fn ask<A: CandidType, R: CandidType + DeserializeOwned>(
    canister: Principal,
    method: &str,
    arg: &A,
) -> Result<R, String> {
    let call = Call::unbounded_wait(canister, method).with_arg(arg);
    let response = call.await.map_err(|error| format!("{method}: {error}"))?;
    response.candid().map_err(|error| format!("{method}: {error}"))
}

async fn page(subnet_id: Principal, start_at_timestamp_nanos: u64) -> Result<Vec<Entry>, String> {
    let args = NodeMetricsHistoryArgs { subnet_id, start_at_timestamp_nanos };
    ask(Principal::management_canister(), "node_metrics_history", &args).await
}

/// Entries from a time on, until one of `until` or later.
async fn history(subnet_id: Principal, from: u64, until: u64) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut start = from;
    for _ in 0..MAX_PAGES {
        entries.extend(page(subnet_id, start).await?);
        match entries.last().map(|entry| entry.timestamp_nanos) {
            Some(last) if last < until && last >= start => start = last.saturating_add(1),
            _ => return Ok(entries),
        }
    }
    Err("the history has no end".to_owned())
}

/// The newest entry, as the beginning of the first statement; what a new subnet has, if there is none.
pub async fn first_baseline(subnet_id: Principal, now: u64) -> Result<Baseline, String> {
    let genesis = Baseline::genesis(now);
    match history(subnet_id, 0, u64::MAX).await?.last() {
        Some(entry) => genesis.after(entry),
        None => Ok(genesis),
    }
}

/// The entries that a period is made of; none while it is not over.
pub async fn entries(subnet_id: Principal, from: u64, period_nanos: u64) -> Result<Vec<Entry>, String> {
    let due = from.saturating_add(period_nanos);
    if page(subnet_id, due).await?.is_empty() {
        return Ok(Vec::new());
    }
    history(subnet_id, from, due).await
}

#[derive(CandidType, Deserialize)]
struct Rate {
    xdr_permyriad_per_icp: u64,
}

#[derive(CandidType, Deserialize)]
pub(crate) struct RateResponse {
    data: Rate,
}

/// The conversion rate.
pub async fn rate(minting: Principal) -> Result<u64, String> {
    let response: RateResponse = ask(minting, "get_icp_xdr_conversion_rate", &()).await?;
    Ok(response.data.xdr_permyriad_per_icp)
}

#[derive(CandidType, Deserialize)]
pub(crate) struct Node {
    pub(crate) node_id: Principal,
    pub(crate) operator: Option<Principal>,
}

#[derive(CandidType, Deserialize)]
pub(crate) struct Operator {
    pub(crate) operator: Principal,
    pub(crate) reward_account: Option<Account>,
}

/// For whom nodes work.
pub async fn assignments(registry: Principal) -> Result<Assignments, String> {
    let nodes: Vec<Node> = ask(registry, "list_nodes", &()).await?;
    let operators: Vec<Operator> = ask(registry, "list_operators", &()).await?;
    Ok(assign(nodes, operators))
}

pub(crate) fn assign(nodes: Vec<Node>, operators: Vec<Operator>) -> Assignments {
    let accounts: BTreeMap<Principal, Option<Account>> =
        operators.into_iter().map(|operator| (operator.operator, operator.reward_account)).collect();
    let assigned = |node: Node| {
        let operator = node.operator?;
        Some((node.node_id, (operator, accounts.get(&operator).copied().flatten())))
    };
    nodes.into_iter().filter_map(assigned).collect()
}

pub(crate) fn transfer_args(order: &Order) -> TransferArg {
    TransferArg {
        from_subaccount: None,
        to: order.to,
        amount: order.e8s.into(),
        fee: None,
        memo: Some(ByteBuf::from(order.memo.clone())),
        created_at_time: Some(order.created_at_time),
    }
}

/// Orders the token ledger to mint.
pub async fn mint(parameters: &Parameters, order: &Order) -> Report {
    let args = transfer_args(order);
    let response = match Call::unbounded_wait(parameters.ledger, "icrc1_transfer").with_arg(&args).await {
        Ok(response) => response,
        Err(error) => return Report::Unavailable(error.to_string()),
    };
    match response.candid::<Result<Nat, TransferError>>() {
        Ok(answer) => understood(answer),
        Err(error) => Report::Unheard(error.to_string()),
    }
}

/// What the ledger's answer means.
pub(crate) fn understood(answer: Result<Nat, TransferError>) -> Report {
    match answer {
        Ok(block) | Err(TransferError::Duplicate { duplicate_of: block }) => Report::Done(block),
        Err(TransferError::TooOld) => Report::TooOld,
        Err(error @ (TransferError::TemporarilyUnavailable | TransferError::CreatedInFuture { .. })) => {
            Report::Unavailable(format!("{error:?}"))
        }
        Err(error) => Report::Refused(format!("{error:?}")),
    }
}
