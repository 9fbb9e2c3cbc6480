//! Memory and compute are the subnet's, and bounded: who takes more of them must find them free, pay, and
//! when memory grows scarce set cycles aside for years of it (interface spec, "Cycle bookkeeping and resource
//! consumption"; developer-docs, "Storage reservation").

use super::charge::must_keep;
use super::price::PriceTable;
use crate::state::{Allocated, CanisterState, ReplicatedState};
use crate::types::limits::{
    COMPUTE_ALLOCATION_TOTAL_MAX, RESERVATION_SECONDS_MAX, SUBNET_MEMORY_MAX, SUBNET_MEMORY_RESERVING,
};
use crate::types::*;

/// Whether the balance must keep the freezing limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    FreezingLimit,
    /// Responses may use it up.
    Nothing,
}

/// Bytes that the canister may hold: what nobody else has.
pub fn memory_max(state: &ReplicatedState, id: CanisterId) -> Bytes {
    let own = state.canister(id).map(|now| Allocated::of(now)).unwrap_or_default();
    Bytes(SUBNET_MEMORY_MAX.0.saturating_sub(state.allocated().without(own).bytes))
}

/// Cycles to set aside for `grown` more bytes when `used` are allocated on the subnet with them: from nothing at
/// [`SUBNET_MEMORY_RESERVING`] to [`RESERVATION_SECONDS_MAX`] of their price when the subnet is full.
fn reservation(prices: &PriceTable, used: u64, grown: u64) -> Cycles {
    let over = u128::from(used.saturating_sub(SUBNET_MEMORY_RESERVING.0));
    let range = u128::from(SUBNET_MEMORY_MAX.0.saturating_sub(SUBNET_MEMORY_RESERVING.0));
    let longest = prices.idle(grown, 0).for_seconds(RESERVATION_SECONDS_MAX);
    let (whole, rest) = (longest.0.checked_div(range), longest.0.checked_rem(range));
    let part = |cycles: Option<u128>| cycles.unwrap_or(0).saturating_mul(over.min(range));
    Cycles(part(whole).saturating_add(part(rest).checked_div(range).unwrap_or(0)))
}

/// The canister `id` is to become `next`, which may be new. If it takes more of the subnet than it has,
/// that must be free; cycles are set aside in `next` for memory; and its balance must then keep `keep`.
///
/// # Errors
/// What is missing. `next` is to be thrown away then.
pub fn admit_growth(
    prices: &PriceTable,
    state: &ReplicatedState,
    id: CanisterId,
    next: &mut CanisterState,
    keep: Keep,
) -> Result<(), Reject> {
    let before = state.canister(id).map(|now| Allocated::of(now)).unwrap_or_default();
    let after = Allocated::of(next);
    let grown = after.bytes.saturating_sub(before.bytes);
    if grown == 0 && after.compute <= before.compute {
        return Ok(());
    }
    let others = state.allocated().without(before);
    is_free("compute allocation", "%", after.compute, COMPUTE_ALLOCATION_TOTAL_MAX, others.compute)?;
    is_free("memory", " bytes", after.bytes, SUBNET_MEMORY_MAX.0, others.bytes)?;
    let by_setting = next.record.settings.memory_allocation > next.held_bytes();
    set_aside(id, next, reservation(prices, others.with(after).bytes, grown), by_setting)?;
    let needed = match keep {
        Keep::FreezingLimit => must_keep(prices, next),
        Keep::Nothing => Cycles::ZERO,
    };
    let missing = needed.saturating_sub(next.record.cycles);
    match (missing > Cycles::ZERO, by_setting, grown) {
        (false, ..) => Ok(()),
        (true, _, 0) => Err(too_poor(id, ErrorCode::InsufficientCyclesInComputeAllocation, missing)),
        (true, true, _) => Err(too_poor(id, ErrorCode::InsufficientCyclesInMemoryAllocation, missing)),
        (true, false, _) => Err(too_poor(id, ErrorCode::InsufficientCyclesInMemoryGrow, missing)),
    }
}

fn is_free(what: &str, unit: &str, wanted: u64, all: u64, others: u64) -> Result<(), Reject> {
    let free = all.saturating_sub(others);
    if wanted <= free {
        return Ok(());
    }
    let message = format!(
        "Canister requested {what} of {wanted}{unit}, but only {free}{unit} are available in the subnet."
    );
    Err(Reject::new(ErrorCode::SubnetOversubscribed, message))
}

/// Moves cycles from the balance to those reserved.
fn set_aside(
    id: CanisterId,
    next: &mut CanisterState,
    cycles: Cycles,
    by_setting: bool,
) -> Result<(), Reject> {
    if cycles == Cycles::ZERO {
        return Ok(());
    }
    let (limit, record) = (next.record.settings.reserved_cycles_limit, &mut next.record);
    let reserved = record.reserved_cycles.saturating_add(cycles);
    if reserved > limit {
        let error = match by_setting {
            true => ErrorCode::ReservedCyclesLimitExceededInMemoryAllocation,
            false => ErrorCode::ReservedCyclesLimitExceededInMemoryGrow,
        };
        let excess = reserved.saturating_sub(limit);
        let message = format!(
            "Canister {id} cannot grow memory due to its reserved cycles limit. The current limit ({limit}) would be \
             exceeded by {excess}. Raise the setting reserved_cycles_limit."
        );
        return Err(Reject::new(error, message));
    }
    let Some(rest) = record.cycles.checked_sub(cycles) else {
        let missing = cycles.saturating_sub(record.cycles);
        return Err(too_poor(id, ErrorCode::InsufficientCyclesInMemoryGrow, missing));
    };
    record.cycles = rest;
    record.reserved_cycles = reserved;
    Ok(())
}

fn too_poor(id: CanisterId, error: ErrorCode, missing: Cycles) -> Reject {
    let what = match error {
        ErrorCode::InsufficientCyclesInComputeAllocation => "increase its compute allocation",
        ErrorCode::InsufficientCyclesInMemoryAllocation => "increase its memory allocation",
        _ => "grow its memory",
    };
    let message = format!(
        "Canister {id} cannot {what} due to insufficient cycles. At least {missing} additional cycles are required."
    );
    Reject::new(error, message)
}

/// Whether the limit can be set: what is reserved already stays reserved.
///
/// # Errors
/// The limit is below what is reserved.
pub fn check_reserved_limit(canister: &CanisterState, limit: Cycles) -> Result<(), Reject> {
    let reserved = canister.record.reserved_cycles;
    if limit >= reserved {
        return Ok(());
    }
    let message = format!(
        "Cannot set the reserved cycles limit {limit} below the reserved cycles balance of the canister {reserved}."
    );
    Err(Reject::new(ErrorCode::ReservedCyclesLimitIsTooLow, message))
}
