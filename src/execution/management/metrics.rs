//! `canister_metrics`.

use super::{Done, Failure, observed};
use crate::encoding::management as candid;
use crate::execution::charge;
use crate::state::{ReplicatedState, Use};
use crate::types::*;
use ::candid::Nat;

/// What the canister has spent its cycles on, time until now included.
pub(super) fn canister_metrics(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::CanisterIdRecord = candid::decode(arg)?;
    let (_, canister) = observed(state, &args.canister_id, sender)?;
    let consumed = charge::consumed_at(state, canister, state.time());
    let on = |purpose| Nat::from(consumed.on(purpose).0);
    Done::reply(&candid::CanisterMetricsResult {
        cycles_consumed: candid::CyclesConsumed {
            memory: on(Use::Memory),
            compute_allocation: on(Use::ComputeAllocation),
            ingress_induction: on(Use::IngressInduction),
            instructions: on(Use::Instructions),
            request_and_response_transmission: on(Use::RequestAndResponseTransmission),
            uninstall: on(Use::Uninstall),
            canister_creation: on(Use::CanisterCreation),
            http_outcalls: on(Use::HttpOutcalls),
            burned_cycles: on(Use::Burned),
        },
    })
}
