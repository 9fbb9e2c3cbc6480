//! `list_canisters` and `subnet_info`.

use super::{Done, Failure};
use crate::encoding::management::{self as candid, CanisterIdRange};
use crate::state::ReplicatedState;
use crate::types::limits::{CANISTER_RANGES_MAX, REPLICA_VERSION};
use crate::types::*;

/// All canisters, as ranges of ids that follow each other. Costs a walk over the ids: a query of subnet admins.
pub(super) fn list_canisters(state: &ReplicatedState, sender: &Principal) -> Result<Done, Failure> {
    if !state.subnet().admins.contains(sender) {
        let message =
            format!("Caller {sender} is no subnet admin; only those can list the subnet's canisters.");
        return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message).into());
    }
    let mut ranges: Vec<(CanisterId, CanisterId)> = Vec::new();
    for (id, _) in state.canisters() {
        match ranges.last_mut() {
            Some((_, end)) if end.0.checked_add(1) == Some(id.0) => *end = *id,
            _ => ranges.push((*id, *id)),
        }
    }
    if ranges.len() > CANISTER_RANGES_MAX {
        let message = format!(
            "The canisters are in {} ranges of ids, but a response holds {CANISTER_RANGES_MAX} only.",
            ranges.len()
        );
        return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message).into());
    }
    let range = |(start, end): (CanisterId, CanisterId)| CanisterIdRange {
        start: start.principal(),
        end: end.principal(),
    };
    Done::reply(&candid::ListCanistersResult { canisters: ranges.into_iter().map(range).collect() })
}

pub(super) fn subnet_info(state: &ReplicatedState, arg: &[u8]) -> Result<Done, Failure> {
    let args: candid::SubnetInfoArgs = candid::decode(arg)?;
    let own = state.subnet().id;
    if args.subnet_id != own {
        let message = format!("Subnet {} not found. This network has the one subnet {own}.", args.subnet_id);
        return Err(Reject::new(ErrorCode::SubnetNotFound, message).into());
    }
    let replica_version = REPLICA_VERSION.to_owned();
    Done::reply(&candid::SubnetInfoResult { replica_version, registry_version: 1 })
}
