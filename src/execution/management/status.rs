//! `canister_status`, `canister_info` and `canister_metadata`.

use super::download::shown_source;
use super::{Done, Failure, find, invalid, not_controller};
use crate::encoding::management as candid;
use crate::execution::charge;
use crate::execution::price::PriceTable;
use crate::state::{CanisterState, Change, ChangeDetails, ChangeOrigin, Deployment, ReplicatedState};
use crate::state::{Settings, Status, Visibility};
use crate::types::limits::WASM_PAGE_BYTES;
use crate::types::*;
use ::candid::Nat;
use serde_bytes::ByteBuf;

/// The canister, if `sender` may see its status: a controller, the canister itself, a subnet admin, an observer, or
/// whom the settings allow.
pub(super) fn viewed<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    let (id, canister) = find(state, principal)?;
    let allowed = canister.is_controller(sender)
        || id.principal() == *sender
        || state.subnet().is_seen_by(sender)
        || canister.record.settings.status_visibility.allows(sender);
    match allowed {
        true => Ok((id, canister)),
        false => Err(not_controller(id, canister, sender)),
    }
}

pub(super) fn canister_status(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::CanisterIdRecord = candid::decode(arg)?;
    let (_, canister) = viewed(state, &args.canister_id, sender)?;
    let prices = PriceTable::of(state);
    let record = &canister.record;
    let funds = charge::funds_at(state, canister, state.time());
    let quiet = canister.queue.is_empty() && record.callbacks.is_empty();
    Done::reply(&candid::CanisterStatusResult {
        status: match record.status {
            Status::Running => candid::CanisterStatusType::Running,
            Status::Stopping(_) => candid::CanisterStatusType::Stopping,
            Status::Stopped => candid::CanisterStatusType::Stopped,
        },
        ready_for_migration: record.status == Status::Stopped && quiet,
        version: record.canister_version,
        settings: definite(&record.settings),
        module_hash: record.module_hash.map(|hash| ByteBuf::from(hash.0)),
        memory_size: Nat::from(canister.held_bytes()),
        memory_metrics: memory_metrics(canister),
        cycles: Nat::from(funds.balance.0),
        reserved_cycles: Nat::from(funds.reserved.0),
        idle_cycles_burned_per_day: Nat::from(charge::idle_cycles_per_day(&prices, canister).0),
        query_stats: candid::QueryStats::default(),
    })
}

fn memory_metrics(canister: &CanisterState) -> candid::MemoryMetrics {
    const PAGE: u64 = WASM_PAGE_BYTES as u64;
    let record = &canister.record;
    let module = canister.module.as_ref();
    candid::MemoryMetrics {
        wasm_memory_size: Nat::from(u64::from(record.heap_wasm_pages).saturating_mul(PAGE)),
        stable_memory_size: Nat::from(record.stable_wasm_pages.saturating_mul(PAGE)),
        global_memory_size: Nat::from(canister.global_bytes()),
        wasm_binary_size: Nat::from(module.map_or(0, |module| module.record.bytes)),
        custom_sections_size: Nat::from(module.map_or(0, |module| module.metadata_bytes())),
        canister_history_size: Nat::from(record.history_bytes()),
        wasm_chunk_store_size: Nat::from(record.chunk_store_bytes()),
        snapshots_size: Nat::from(canister.snapshot_bytes()),
        log_memory_store_size: Nat::from(canister.log.bytes()),
    }
}

fn shown(visibility: &Visibility) -> candid::Visibility {
    match visibility {
        Visibility::Controllers => candid::Visibility::Controllers,
        Visibility::Public => candid::Visibility::Public,
        Visibility::AllowedViewers(viewers) => candid::Visibility::AllowedViewers(viewers.clone()),
    }
}

fn definite(settings: &Settings) -> candid::DefiniteCanisterSettings {
    let variable = |(name, value): (&String, &String)| candid::EnvironmentVariable {
        name: name.clone(),
        value: value.clone(),
    };
    candid::DefiniteCanisterSettings {
        controllers: settings.controllers.clone(),
        compute_allocation: Nat::from(settings.compute_allocation),
        memory_allocation: Nat::from(settings.memory_allocation),
        freezing_threshold: Nat::from(settings.freezing_threshold),
        reserved_cycles_limit: Nat::from(settings.reserved_cycles_limit.0),
        minimum_incoming_canister_call_cycles: Nat::from(settings.minimum_incoming_canister_call_cycles.0),
        log_visibility: shown(&settings.log_visibility),
        log_memory_limit: Nat::from(settings.log_memory_limit),
        snapshot_visibility: shown(&settings.snapshot_visibility),
        status_visibility: shown(&settings.status_visibility),
        wasm_memory_limit: Nat::from(settings.wasm_memory_limit),
        wasm_memory_threshold: Nat::from(settings.wasm_memory_threshold),
        environment_variables: settings.environment_variables.iter().map(variable).collect(),
    }
}

/// Open to everybody.
pub(super) fn canister_info(state: &ReplicatedState, arg: &[u8]) -> Result<Done, Failure> {
    let args: candid::CanisterInfoArgs = candid::decode(arg)?;
    let (id, canister) = find(state, &args.canister_id)?;
    let record = &canister.record;
    let wanted = usize::try_from(args.num_requested_changes.unwrap_or(0)).unwrap_or(usize::MAX);
    let skipped = record.history.len().saturating_sub(wanted);
    Done::reply(&candid::CanisterInfoResult {
        total_num_changes: record.history_total,
        recent_changes: record.history.iter().skip(skipped).map(|change| shown_change(id, change)).collect(),
        module_hash: record.module_hash.map(|hash| ByteBuf::from(hash.0)),
        controllers: record.settings.controllers.clone(),
    })
}

fn shown_change(id: CanisterId, change: &Change) -> candid::Change {
    candid::Change {
        timestamp_nanos: change.time.0,
        canister_version: change.canister_version,
        origin: match &change.origin {
            ChangeOrigin::User(user) => candid::ChangeOrigin::FromUser(candid::FromUser { user_id: *user }),
            ChangeOrigin::Canister { canister, version } => {
                candid::ChangeOrigin::FromCanister(candid::FromCanister {
                    canister_id: canister.principal(),
                    canister_version: *version,
                })
            }
        },
        details: shown_details(id, &change.details),
    }
}

fn shown_details(id: CanisterId, details: &ChangeDetails) -> candid::ChangeDetails {
    match details {
        ChangeDetails::Creation { controllers, environment_variables_hash } => {
            candid::ChangeDetails::Creation(candid::Creation {
                controllers: controllers.clone(),
                environment_variables_hash: environment_variables_hash.map(|hash| ByteBuf::from(hash.0)),
            })
        }
        ChangeDetails::CodeUninstall => candid::ChangeDetails::CodeUninstall,
        ChangeDetails::CodeDeployment { mode, module_hash } => {
            candid::ChangeDetails::CodeDeployment(candid::CodeDeployment {
                mode: match mode {
                    Deployment::Install => candid::DeploymentMode::Install,
                    Deployment::Reinstall => candid::DeploymentMode::Reinstall,
                    Deployment::Upgrade => candid::DeploymentMode::Upgrade,
                },
                module_hash: module_hash.0.to_vec(),
            })
        }
        ChangeDetails::ControllersChange { controllers } => {
            let controllers = controllers.clone();
            candid::ChangeDetails::ControllersChange(candid::ControllersChange { controllers })
        }
        ChangeDetails::LoadSnapshot { snapshot, canister_version, taken, source } => {
            candid::ChangeDetails::LoadSnapshot(candid::LoadSnapshot {
                from_canister_id: (snapshot.canister != id).then(|| snapshot.canister.principal()),
                snapshot_id: snapshot.to_bytes(),
                canister_version: *canister_version,
                taken_at_timestamp: taken.0,
                source: shown_source(*source),
            })
        }
        ChangeDetails::RenameCanister(renaming) => {
            candid::ChangeDetails::RenameCanister(candid::RenameCanister {
                canister_id: renaming.canister_id,
                total_num_changes: renaming.total_num_changes,
                rename_to: candid::RenameTo {
                    canister_id: renaming.rename_to.canister_id,
                    version: renaming.rename_to.version,
                    total_num_changes: renaming.rename_to.total_num_changes,
                },
                requested_by: renaming.requested_by,
            })
        }
    }
}

/// Public sections are for everybody, private ones for controllers.
pub(super) fn canister_metadata(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::CanisterMetadataArgs = candid::decode(arg)?;
    let (id, canister) = find(state, &args.canister_id)?;
    let module = canister.module.as_ref();
    let section = module.and_then(|module| module.record.metadata.get(&args.name));
    let section =
        section.ok_or_else(|| invalid(format!("canister {id} has no metadata section {}", args.name)))?;
    if !section.public && !canister.is_controller(sender) {
        return Err(not_controller(id, canister, sender).into());
    }
    Done::reply(&candid::CanisterMetadataResult { value: section.content.clone() })
}
