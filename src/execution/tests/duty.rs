//! What nodes did, as canisters read it; and the membership.

use super::govern::answer_of;
use super::*;
use crate::crypto::node_key::simulated;
use crate::crypto::reshare::PublicShares;
use crate::crypto::threshold::Keyring;
use crate::encoding::management as candid;
use crate::membership::{Succession, simulated_members};
use crate::types::*;
use ::candid::Nat;

const CHAIN: Digest = Digest([7; 32]);
const EPOCH: u64 = 20;

fn node(n: u8) -> Principal {
    Principal::from_slice(&[n; 29])
}

/// A subnet of four members with epochs, of which canister 4 is the minting canister.
fn subnet() -> Subnet {
    let mut subnet = Subnet::new();
    let (_, committee) = simulated(CHAIN, 4);
    let shares = PublicShares::of_keyring(&Keyring::simulated(CHAIN, 4)[0]);
    let succession = Succession::genesis(CHAIN, EPOCH, simulated_members(&committee), &shares);
    let minting = Some(CanisterId(4).principal());
    subnet.state = genesis_with(|genesis| genesis.minting_canister = minting).with_succession(succession);
    subnet.workshop_at(CanisterId(4));
    subnet.workshop_at(CanisterId(30));
    subnet
}

impl Subnet {
    fn block(
        &mut self,
        proposer: u16,
        voters: &[u16],
        missed: &[u16],
        ingress: Vec<std::sync::Arc<Ingress>>,
    ) {
        let places = |places: &[u16]| places.iter().copied().map(NodeIndex).collect();
        self.execute(Batch {
            height: self.state.height().next(),
            time: Time(self.state.time().0 + SECOND),
            randomness: Digest::ZERO,
            proposer: NodeIndex(proposer),
            voters: places(voters),
            missed: places(missed),
            system: Vec::new(),
            ingress,
        });
    }

    /// To the last height of the epoch.
    fn end_epoch(&mut self) {
        loop {
            self.block(0, &[], &[], vec![]);
            if self.state.height().0.is_multiple_of(EPOCH) {
                break;
            }
        }
    }

    fn history(&mut self, from: Time) -> Vec<candid::NodeMetricsHistoryEntry> {
        let subnet_id = self.state.subnet().id;
        let args = candid::NodeMetricsHistoryArgs { subnet_id, start_at_timestamp_nanos: from.0 };
        candid::decode(&self.through(CanisterId(30), "node_metrics_history", &args).unwrap()).unwrap()
    }
}

#[test]
fn a_sample_ends_each_epoch_with_all_that_its_nodes_did() {
    let mut subnet = subnet();
    subnet.end_epoch();
    let known = subnet.history(Time::ZERO);
    let (before, total) = (subnet.facts.instructions.0, known.last().unwrap().clone());
    let call = subnet.ingress(user(2), CanisterId(30).principal(), "inc", vec![]);
    subnet.block(1, &[0, 1, 2], &[], vec![call]);
    let used = subnet.facts.instructions.0;
    assert!(used > 0);
    subnet.block(2, &[0, 2, 3], &[3, 3, 1], vec![]);
    subnet.block(2, &[0, 1, 2], &[], vec![]);
    subnet.end_epoch();
    let (time, height) = (subnet.state.time(), subnet.state.height().0);
    let history = subnet.history(Time::ZERO);
    assert_eq!((history.len(), height), (known.len() + 1, total.height + EPOCH));
    let entry = history.last().unwrap();
    assert_eq!((entry.timestamp_nanos, entry.height), (time.0, height));
    assert_eq!(entry.blocks_total, known.last().unwrap().blocks_total + 3, "those that acknowledge votes");
    let more = |id: u8| {
        let of = |entry: &candid::NodeMetricsHistoryEntry| {
            let found = entry.node_metrics.iter().find(|metrics| metrics.node_id == node(id)).unwrap();
            [
                found.num_blocks_proposed_total,
                found.num_block_failures_total,
                found.num_votes_total,
                found.num_instructions_total,
            ]
        };
        let (then, now) = (of(&total), of(entry));
        [0, 1, 2, 3].map(|place| now[place] - then[place])
    };
    // The first block acknowledges votes for the one before, which ran what the question above took.
    assert_eq!(more(2), [1, 1, 2, before]);
    assert_eq!(more(3), [2, 0, 3, before + used]);
    assert_eq!(more(4), [0, 2, 1, used]);
    assert_eq!(more(1)[2..], [3, before + used]);
    assert_eq!(entry.instructions_total - total.instructions_total, before + used);
    assert_eq!(subnet.history(time).len(), 1, "from a time on, that time included");
    assert_eq!(subnet.history(Time(time.0 + 1)).len(), 0);
}

#[test]
fn consumed_cycles_leave_out_what_the_minting_canister_burned() {
    let mut subnet = subnet();
    subnet.update(CanisterId(4), "burn", vec![]).unwrap();
    subnet.update(CanisterId(30), "burn", vec![]).unwrap();
    subnet.end_epoch();
    let burned = subnet.state.counters.burned.0;
    let shown = subnet.history(Time::ZERO).pop().unwrap().cycles_consumed_total;
    assert_eq!(shown, Nat::from(burned - 1_000_000));
}

#[test]
fn the_history_is_for_canisters_and_for_this_subnet() {
    let mut subnet = subnet();
    let args = candid::NodeMetricsHistoryArgs { subnet_id: node(9), start_at_timestamp_nanos: 0 };
    let refused = subnet.manage("node_metrics_history", &args).unwrap_err();
    assert!(refused.message.contains("is not allowed to call ic00 method"), "{refused}");
    let arg = candid::encode(&args).unwrap();
    assert!(subnet.query(user(1), management_canister(), "node_metrics_history", arg).is_err());
    assert!(subnet.through(CanisterId(30), "node_metrics_history", &args).is_ok());
    let other = candid::NodeMetricsHistoryArgs { subnet_id: node(8), ..args };
    let refused = subnet.through(CanisterId(30), "node_metrics_history", &other);
    assert_eq!(refused, Err(RejectCode::CanisterReject));
}

#[test]
fn the_membership_is_known_to_canisters_and_to_everybody_who_asks() {
    let mut subnet = subnet();
    let reply =
        subnet.query(user(9), management_canister(), "atoll_membership", candid::encode_unit()).unwrap();
    let asked: candid::Membership = candid::decode(&reply).unwrap();
    assert_eq!((asked.version, asked.epoch, asked.dealing, asked.changes_max), (0, 0, false, 1));
    let (identities, _) = simulated(CHAIN, 4);
    let expected: Vec<_> = identities
        .iter()
        .enumerate()
        .map(|(place, identity)| {
            (format!("node-{place}"), identity.node_id().0, identity.public_key().to_vec())
        })
        .collect();
    let shown = |nodes: &[candid::Node]| {
        nodes
            .iter()
            .map(|node| (node.name.clone(), node.node_id, node.identity_key.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&asked.members), expected);
    assert_eq!(shown(&asked.next), expected);
    while subnet.state.height() < Height(EPOCH / 2) {
        subnet.height(vec![]);
    }
    let arg = forwarded(management_canister(), "atoll_membership", 0, &candid::encode_unit());
    let reply = subnet.update(CanisterId(30), "forward", arg).unwrap();
    let later: candid::Membership = candid::decode(&answer_of(&reply).unwrap()).unwrap();
    assert!(later.dealing);
    assert_eq!(later.members, asked.members);
}
