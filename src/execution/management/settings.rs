//! `update_settings`, and what settings may be.

use super::{Caller, Done, Failure, controlled, find, invalid};
use crate::encoding::management::{self as candid, CanisterSettings};
use crate::execution::Executor;
use crate::execution::growth::{Keep, admit_growth, check_reserved_limit};
use crate::state::{ChangeDetails, Settings, Visibility};
use crate::types::limits::*;
use crate::types::*;
use ::candid::Nat;
use std::collections::BTreeMap;

/// A setting cannot have this value.
fn out_of_range(message: String) -> Reject {
    Reject::new(ErrorCode::CanisterContractViolation, format!("Could not validate the settings: {message}."))
}

/// An amount of cycles: a number that fits into 128 bits.
pub(super) fn cycles(name: &str, value: &Nat) -> Result<Cycles, Reject> {
    let number = u128::try_from(&value.0).map_err(|_| invalid(format!("{name} is larger than 2^128 - 1")))?;
    Ok(Cycles(number))
}

/// A setting that is an amount of cycles.
fn cycles_setting(name: &str, value: &Nat) -> Result<Cycles, Reject> {
    cycles(name, value).map_err(|_| out_of_range(format!("{name} is larger than 2^128 - 1")))
}

/// A number that is at most `max`.
fn bounded(name: &str, value: &Nat, max: u64) -> Result<u64, Reject> {
    let number = u64::try_from(&value.0).ok().filter(|number| *number <= max);
    number.ok_or_else(|| out_of_range(format!("{name} is {value}; it may be at most {max}")))
}

fn visibility(name: &str, value: &candid::Visibility) -> Result<Visibility, Reject> {
    match value {
        candid::Visibility::Controllers => Ok(Visibility::Controllers),
        candid::Visibility::Public => Ok(Visibility::Public),
        candid::Visibility::AllowedViewers(viewers) if viewers.len() <= CONTROLLERS_MAX => {
            Ok(Visibility::AllowedViewers(viewers.clone()))
        }
        candid::Visibility::AllowedViewers(viewers) => {
            let count = viewers.len();
            Err(invalid(format!("{name} names {count} viewers; at most {CONTROLLERS_MAX} are allowed")))
        }
    }
}

fn controllers(list: &[Principal]) -> Result<Vec<Principal>, Reject> {
    if list.len() > CONTROLLERS_MAX {
        let count = list.len();
        return Err(invalid(format!(
            "controllers names {count} principals; at most {CONTROLLERS_MAX} are allowed"
        )));
    }
    let mut controllers = list.to_vec();
    controllers.sort_unstable();
    controllers.dedup();
    Ok(controllers)
}

fn environment(list: &[candid::EnvironmentVariable]) -> Result<BTreeMap<String, String>, Reject> {
    if list.len() > ENVIRONMENT_VARIABLES_MAX {
        return Err(invalid(format!("more than {ENVIRONMENT_VARIABLES_MAX} environment variables")));
    }
    let mut variables = BTreeMap::new();
    for variable in list {
        let longest = variable.name.len().max(variable.value.len());
        if longest > ENVIRONMENT_VARIABLE_BYTES_MAX {
            let message =
                format!("environment variables may have at most {ENVIRONMENT_VARIABLE_BYTES_MAX} bytes");
            return Err(invalid(message));
        }
        if variables.insert(variable.name.clone(), variable.value.clone()).is_some() {
            return Err(invalid(format!("environment variable {} is named twice", variable.name)));
        }
    }
    Ok(variables)
}

fn log_limit(value: &Nat) -> Result<u64, Reject> {
    let limit = bounded("log_memory_limit", value, LOG_MEMORY_LIMIT_MAX)?;
    match limit == 0 || limit >= LOG_MEMORY_LIMIT_MIN {
        true => Ok(limit),
        false => Err(out_of_range(format!(
            "log_memory_limit is {limit}; it may be 0 or at least {LOG_MEMORY_LIMIT_MIN}"
        ))),
    }
}

/// `current`, changed by `change`.
///
/// # Errors
/// The first setting that may not be.
pub(super) fn changed(current: &Settings, change: &CanisterSettings) -> Result<Settings, Reject> {
    let mut next = current.clone();
    if let Some(list) = &change.controllers {
        next.controllers = controllers(list)?;
    }
    if let Some(percent) = &change.compute_allocation {
        next.compute_allocation = bounded("compute_allocation", percent, 100)?;
    }
    if let Some(bytes) = &change.memory_allocation {
        next.memory_allocation = bounded("memory_allocation", bytes, u64::MAX)?;
        if next.memory_allocation > SUBNET_MEMORY_MAX.0 {
            let message = format!(
                "Canister requested {bytes} bytes of memory, but the subnet has only {SUBNET_MEMORY_MAX}."
            );
            return Err(Reject::new(ErrorCode::SubnetOversubscribed, message));
        }
    }
    if let Some(seconds) = &change.freezing_threshold {
        next.freezing_threshold = bounded("freezing_threshold", seconds, u64::MAX)?;
    }
    if let Some(limit) = &change.reserved_cycles_limit {
        next.reserved_cycles_limit = cycles_setting("reserved_cycles_limit", limit)?;
    }
    if let Some(minimum) = &change.minimum_incoming_canister_call_cycles {
        next.minimum_incoming_canister_call_cycles =
            cycles_setting("minimum_incoming_canister_call_cycles", minimum)?;
    }
    if let Some(bytes) = &change.log_memory_limit {
        next.log_memory_limit = log_limit(bytes)?;
    }
    if let Some(bytes) = &change.wasm_memory_limit {
        next.wasm_memory_limit = bounded("wasm_memory_limit", bytes, WASM_MEMORY_LIMIT_MAX)?;
    }
    if let Some(bytes) = &change.wasm_memory_threshold {
        next.wasm_memory_threshold = bounded("wasm_memory_threshold", bytes, WASM_MEMORY_LIMIT_MAX)?;
    }
    if let Some(variables) = &change.environment_variables {
        next.environment_variables = environment(variables)?;
    }
    change_visibilities(&mut next, change)?;
    Ok(next)
}

fn change_visibilities(next: &mut Settings, change: &CanisterSettings) -> Result<(), Reject> {
    if let Some(value) = &change.log_visibility {
        next.log_visibility = visibility("log_visibility", value)?;
    }
    if let Some(value) = &change.snapshot_visibility {
        next.snapshot_visibility = visibility("snapshot_visibility", value)?;
    }
    if let Some(value) = &change.status_visibility {
        next.status_visibility = visibility("status_visibility", value)?;
    }
    Ok(())
}

impl Executor<'_> {
    pub(super) fn update_settings(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::UpdateSettingsArgs = candid::decode(arg)?;
        let (id, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let next = changed(&canister.record.settings, &args.settings)?;
        let controllers = args.settings.controllers.is_some().then(|| next.controllers.clone());
        check_reserved_limit(canister, next.reserved_cycles_limit)?;
        self.charge_idle(id)?;
        let (_, canister) = find(&self.state, &args.canister_id)?;
        let mut changed = canister.clone();
        changed.record.settings = next;
        changed.record.canister_version = changed.record.canister_version.saturating_add(1);
        changed.log.trim(changed.record.settings.log_memory_limit);
        admit_growth(&self.environment.prices, &self.state, id, &mut changed, Keep::FreezingLimit)?;
        self.state.put_canister(id, changed);
        if let Some(controllers) = controllers {
            let origin = self.change_origin(caller, args.sender_canister_version);
            self.note_change(id, origin, ChangeDetails::ControllersChange { controllers });
        }
        Ok(Done::unit())
    }
}
