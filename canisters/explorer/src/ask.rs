//! Calls to other canisters and to the subnet itself: everything that the explorer asks.
//!
//! Nothing is changed by these calls, so none is repeated and an answer that does not come is an error like others.

use crate::epochs::Epoch;
use crate::interface::{CanisterStatus, Consumed, Frozen};
use crate::tally::Block;
use candid::utils::ArgumentEncoder;
use candid::{CandidType, Func, Nat, Principal};
use ic_cdk::call::{Call, CallFailed, RejectCode};
use interfaces::management::{CanisterId, NodeMetricsHistoryArgs};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

/// Bytes of an error that are kept.
const ERROR_BYTES_MAX: usize = 300;

/// How a call waits: an update lets go after a while, so that no sample waits for ever; a query cannot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    Bounded,
    Query,
}

async fn ask<R>(to: Principal, method: &str, args: &impl ArgumentEncoder, wait: Wait) -> Result<R, String>
where
    R: CandidType + DeserializeOwned,
{
    let call = match wait {
        Wait::Bounded => Call::bounded_wait(to, method),
        Wait::Query => Call::unbounded_wait(to, method),
    };
    let response = call.with_args(args).await.map_err(|error| short(&error.to_string()))?;
    response.candid::<R>().map_err(|error| short(&error.to_string()))
}

fn short(error: &str) -> String {
    let mut end = error.len().min(ERROR_BYTES_MAX);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    error[..end].to_owned()
}

#[derive(CandidType, Deserialize)]
struct InfoArgs {
    canister_id: Principal,
    num_requested_changes: Option<u64>,
}

/// What everybody may know of a canister.
#[derive(CandidType, Deserialize)]
pub struct Info {
    pub module_hash: Option<ByteBuf>,
    pub controllers: Vec<Principal>,
}

#[derive(CandidType, Deserialize)]
struct Metrics {
    cycles_consumed: Consumed,
}

#[derive(CandidType, Deserialize)]
pub struct Range {
    pub start: Principal,
    pub end: Principal,
}

#[derive(CandidType, Deserialize)]
struct Ranges {
    canisters: Vec<Range>,
}

#[derive(CandidType, Deserialize, Clone, Copy)]
pub struct BlockRange {
    pub start: u64,
    pub length: u64,
}

candid::define_function!(pub QueryArchiveFn : (BlockRange) -> (Result<BlockList, ArchiveError>) query);

#[derive(CandidType, Deserialize)]
pub struct ArchivedBlocks {
    pub start: u64,
    pub length: u64,
    pub callback: QueryArchiveFn,
}

#[derive(CandidType, Deserialize)]
pub struct Blocks {
    pub blocks: Vec<Block>,
    pub first_block_index: u64,
    pub archived_blocks: Vec<ArchivedBlocks>,
}

#[derive(CandidType, Deserialize)]
pub struct BlockList {
    pub blocks: Vec<Block>,
}

const SUBNET: Principal = Principal::management_canister();

pub async fn info(canister_id: Principal, wait: Wait) -> Result<Info, String> {
    ask(SUBNET, "canister_info", &(InfoArgs { canister_id, num_requested_changes: None },), wait).await
}

/// Whether there is such a canister; nothing if that cannot be said now.
pub async fn exists(canister_id: Principal) -> Option<bool> {
    let args = (InfoArgs { canister_id, num_requested_changes: None },);
    match Call::bounded_wait(SUBNET, "canister_info").with_args(&args).await {
        Ok(_) => Some(true),
        Err(CallFailed::CallRejected(reject)) => {
            (reject.reject_code() == Ok(RejectCode::DestinationInvalid)).then_some(false)
        }
        Err(_) => None,
    }
}

pub async fn status(canister_id: Principal, wait: Wait) -> Result<CanisterStatus, String> {
    ask(SUBNET, "canister_status", &(CanisterId { canister_id },), wait).await
}

pub async fn consumed(canister_id: Principal, wait: Wait) -> Result<Consumed, String> {
    let metrics: Metrics = ask(SUBNET, "canister_metrics", &(CanisterId { canister_id },), wait).await?;
    Ok(metrics.cycles_consumed)
}

pub async fn frozen(canister_id: Principal) -> Result<Option<Frozen>, String> {
    ask(SUBNET, "atoll_frozen", &(CanisterId { canister_id },), Wait::Query).await
}

/// Ids of all canisters; only for observers and subnet admins, and in composite queries.
pub async fn canisters() -> Result<Vec<Range>, String> {
    let ranges: Ranges = ask(SUBNET, "list_canisters", &(), Wait::Query).await?;
    Ok(ranges.canisters)
}

/// Epochs that ended at this time or later.
pub async fn epochs(subnet_id: Principal, start_at_timestamp_nanos: u64) -> Result<Vec<Epoch>, String> {
    let args = NodeMetricsHistoryArgs { subnet_id, start_at_timestamp_nanos };
    ask(SUBNET, "node_metrics_history", &(args,), Wait::Bounded).await
}

pub async fn total_supply(ledger: Principal) -> Result<Nat, String> {
    ask(ledger, "icrc1_total_supply", &(), Wait::Bounded).await
}

pub async fn total_cycles_minted(minting: Principal) -> Result<Nat, String> {
    ask(minting, "total_cycles_minted", &(), Wait::Bounded).await
}

pub async fn blocks(ledger: Principal, range: BlockRange) -> Result<Blocks, String> {
    ask(ledger, "query_blocks", &(range,), Wait::Bounded).await
}

/// Why an archive does not have the blocks.
#[derive(CandidType, Deserialize)]
pub enum ArchiveError {
    BadFirstBlockIndex { requested_index: u64, first_valid_index: u64 },
    Other { error_code: u64, error_message: String },
}

pub async fn archived(archive: &QueryArchiveFn, range: BlockRange) -> Result<Vec<Block>, String> {
    let Func { principal, method } = &archive.0;
    let answer: Result<BlockList, ArchiveError> = ask(*principal, method, &(range,), Wait::Bounded).await?;
    match answer {
        Ok(list) => Ok(list.blocks),
        Err(ArchiveError::Other { error_message, .. }) => Err(short(&error_message)),
        Err(ArchiveError::BadFirstBlockIndex { requested_index, first_valid_index }) => {
            Err(format!("the archive has no block {requested_index}, but from {first_valid_index} on"))
        }
    }
}
