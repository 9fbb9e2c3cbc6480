//! The subnet as a whole: `list_canisters`, `subnet_info`, `node_metrics_history` and `atoll_membership`.

use super::{Done, Failure};
use crate::crypto::node_key::node_id;
use crate::encoding::management::{self as candid, CanisterIdRange};
use crate::state::{Duty, ReplicatedState, Sample, Samples};
use crate::types::limits::{CANISTER_RANGES_MAX, REPLICA_VERSION, SAMPLED_NODES_PER_ANSWER_MAX};
use crate::types::*;
use ::candid::Nat;
use std::sync::Arc;

/// All canisters, as ranges of ids that follow each other. Costs a walk over the ids: a query of subnet
/// admins and observers.
pub(super) fn list_canisters(state: &ReplicatedState, sender: &Principal) -> Result<Done, Failure> {
    if !state.subnet().is_seen_by(sender) {
        let message = format!(
            "Caller {sender} is no subnet admin or observer; only those can list the subnet's canisters."
        );
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
    is_own(state, &args.subnet_id)?;
    let subnet = state.subnet();
    let accounting = Accounting::of(subnet.accounting, subnet.provisional);
    Done::reply(&candid::SubnetInfoResult {
        replica_version: REPLICA_VERSION.to_owned(),
        registry_version: 1,
        accounting: accounting.name().to_owned(),
    })
}

fn is_own(state: &ReplicatedState, subnet_id: &Principal) -> Result<(), Reject> {
    let own = state.subnet().id;
    if *subnet_id == own {
        return Ok(());
    }
    let message = format!("Subnet {subnet_id} not found. This network has the one subnet {own}.");
    Err(Reject::new(ErrorCode::SubnetNotFound, message))
}

/// What the nodes did (`state::duty`), from a time on; of long lists the beginning: whoever wants more asks again,
/// from the time after the last.
pub(super) fn node_metrics_history(state: &ReplicatedState, arg: &[u8]) -> Result<Done, Failure> {
    let args: candid::NodeMetricsHistoryArgs = candid::decode(arg)?;
    is_own(state, &args.subnet_id)?;
    let samples = answered(state.samples(), Time(args.start_at_timestamp_nanos));
    Done::reply(&samples.map(|sample| entry(sample)).collect::<Vec<_>>())
}

/// As many samples from `start` on as one answer holds.
fn answered(samples: &Samples, start: Time) -> impl Iterator<Item = &Arc<Sample>> {
    let mut nodes = 0usize;
    samples.since(start).take_while(move |sample| {
        let is_first = nodes == 0;
        nodes = nodes.saturating_add(sample.nodes.len());
        is_first || nodes <= SAMPLED_NODES_PER_ANSWER_MAX
    })
}

fn entry(sample: &Sample) -> candid::NodeMetricsHistoryEntry {
    let node = |(id, duty): (&NodeId, &Duty)| candid::NodeMetrics {
        node_id: id.0,
        num_blocks_proposed_total: duty.proposed,
        num_block_failures_total: duty.missed,
        num_votes_total: duty.votes,
        num_instructions_total: duty.instructions.0,
    };
    candid::NodeMetricsHistoryEntry {
        timestamp_nanos: sample.time.0,
        node_metrics: sample.nodes.iter().map(node).collect(),
        height: sample.height.0,
        cycles_consumed_total: Nat::from(sample.cycles_consumed.0),
        instructions_total: sample.instructions.0,
        blocks_total: sample.acknowledging,
    }
}

/// Who the members are and who they will be, as the next block finds it.
pub(super) fn atoll_membership(state: &ReplicatedState) -> Result<Done, Failure> {
    let Some(succession) = state.succession() else {
        let message = "This subnet keeps no record of its membership.";
        return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message).into());
    };
    let cards = |nodes: &[GenesisNode]| nodes.iter().filter_map(card).collect();
    Done::reply(&candid::Membership {
        version: succession.version(),
        epoch: succession.epoch().0,
        dealing: succession.is_dealing(state.height().next()),
        changes_max: succession.changes_max(),
        members: cards(succession.members()),
        next: cards(succession.next_members()),
    })
}

/// Validated nodes have keys in hex.
fn card(node: &GenesisNode) -> Option<candid::Node> {
    let identity: [u8; 32] = hex::decode(&node.identity_key).ok()?.try_into().ok()?;
    Some(candid::Node {
        name: node.name.clone(),
        node_id: node_id(&identity).0,
        identity_key: identity.to_vec(),
        tls_key: hex::decode(&node.tls_key).ok()?,
        encryption_key: hex::decode(&node.encryption_key).ok()?,
        address: node.address.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Samples at the times from 0 on, of so many nodes.
    fn samples(count: u64, nodes: u16) -> Samples {
        let id = |n: u16| NodeId(Principal::from_slice(&n.to_be_bytes()));
        let mut samples = Samples::default();
        for n in 0..count {
            samples.push(Sample {
                time: Time(n),
                height: Height(n),
                acknowledging: n,
                cycles_consumed: Cycles::ZERO,
                instructions: Instructions::ZERO,
                nodes: (0..nodes).map(|n| (id(n), Duty::default())).collect::<BTreeMap<_, _>>(),
            });
        }
        samples
    }

    #[test]
    fn a_long_history_is_answered_from_its_beginning_and_no_answer_is_empty_before_its_end() {
        let check = |nodes: u16, start: u64, first: Option<u64>, count: usize| {
            let samples = samples(100, nodes);
            let times: Vec<u64> = answered(&samples, Time(start)).map(|sample| sample.time.0).collect();
            assert_eq!((times.first().copied(), times.len()), (first, count), "{nodes} nodes from {start}");
        };
        check(4, 0, Some(0), 100);
        check(64, 0, Some(0), 64);
        check(64, 64, Some(64), 36);
        check(64, 100, None, 0);
        check(5_000, 7, Some(7), 1);
    }
}
