//! Changes of the membership: what the operators sign, and what they or the registry canister may do.

use super::order::OrderError;
use crate::crypto::genesis::{GenesisError, validate_nodes};
use crate::crypto::hash::{hash_node, hash_parts};
use crate::crypto::node_key::{Committee, IdentityKey};
use crate::types::limits::NODES_MAX;
use crate::types::{
    ChainId, GenesisNode, MembershipChange, NodeIndex, NodeSignature, Principal, faults_max, quorum,
};
use std::collections::BTreeSet;

/// Domain of an operator's signature.
const DOMAIN: &str = "atoll-membership-change";

/// Why a change is not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("builds upon version {found} of the membership, but this is version {current}")]
    Version { found: u64, current: u64 },
    #[error("this epoch's members are dealing already: try again in the next epoch")]
    Dealing,
    #[error("changes nothing")]
    Empty,
    #[error("no member has the identity key {0}")]
    Unknown(String),
    #[error("the same node leaves twice")]
    Twice,
    #[error("{count} nodes would {what} in one epoch, at most {max} may")]
    TooMany { count: usize, what: &'static str, max: usize },
    #[error("{have} operators signed, {need} needed")]
    Signatures { have: usize, need: usize },
    #[error("canister {0} orders the membership of this subnet: operators' signatures change nothing")]
    Registry(Principal),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("the membership that it would make: {0}")]
    Membership(#[from] GenesisError),
}

/// What the operators sign: the chain, the version, who leaves and who comes.
fn signed_bytes(chain: &ChainId, change: &MembershipChange) -> [u8; 32] {
    let removed: Vec<&[u8]> = change.remove.iter().map(|key| key.as_slice()).collect();
    let added: Vec<_> = change.add.iter().map(hash_node).collect();
    let added: Vec<&[u8]> = added.iter().map(AsRef::as_ref).collect();
    let removed = hash_parts("atoll-nodes-removed", &removed);
    let added = hash_parts("atoll-nodes-added", &added);
    hash_parts(DOMAIN, &[&chain.0, &change.version.to_be_bytes(), &removed.0, &added.0]).0
}

/// An operator's signature. The operator of a node is whoever holds its identity key.
pub fn sign(chain: &ChainId, change: &MembershipChange, key: &IdentityKey) -> NodeSignature {
    key.sign(DOMAIN, &signed_bytes(chain, change))
}

/// How many nodes may come, and how many may leave, in one epoch of `n` members.
pub fn changes_max(n: usize) -> usize {
    faults_max(n).max(1)
}

/// The membership when those who `remove` names have left and those in `add` have come, whoever wants that. `next`
/// is what earlier changes of the epoch made of `members`. Cards of simulated nodes say nothing that could be checked.
///
/// # Errors
/// [`ChangeError`]: nothing changes.
pub(super) fn apply(
    members: &[GenesisNode],
    simulated: bool,
    next: &[GenesisNode],
    remove: &[[u8; 32]],
    add: &[GenesisNode],
) -> Result<Vec<GenesisNode>, ChangeError> {
    let nodes = replace(next, remove, add)?;
    let keys = |nodes: &[GenesisNode]| -> BTreeSet<String> {
        nodes.iter().map(|node| node.identity_key.clone()).collect()
    };
    let (before, after) = (keys(members), keys(&nodes));
    let max = changes_max(members.len());
    for (what, count) in
        [("leave", before.difference(&after).count()), ("come", after.difference(&before).count())]
    {
        if count > max {
            return Err(ChangeError::TooMany { count, what, max });
        }
    }
    if nodes.is_empty() || nodes.len() > NODES_MAX {
        return Err(GenesisError::Nodes { nodes: nodes.len() }.into());
    }
    if !simulated {
        validate_nodes(&nodes)?;
    }
    Ok(nodes)
}

/// That a quorum of the operators of the members signed.
pub(super) fn check_signatures(
    chain: &ChainId,
    committee: &Committee,
    change: &MembershipChange,
) -> Result<(), ChangeError> {
    let bytes = signed_bytes(chain, change);
    let valid = change
        .signatures
        .iter()
        .filter(|(operator, signature)| committee.verify(*operator, DOMAIN, &bytes, signature));
    let signers: BTreeSet<NodeIndex> = valid.map(|(operator, _)| *operator).collect();
    let (have, need) = (signers.len(), quorum(committee.nodes()));
    if have < need { Err(ChangeError::Signatures { have, need }) } else { Ok(()) }
}

/// Those who come take the places of those who leave.
fn replace(
    nodes: &[GenesisNode],
    remove: &[[u8; 32]],
    add: &[GenesisNode],
) -> Result<Vec<GenesisNode>, ChangeError> {
    if remove.is_empty() && add.is_empty() {
        return Err(ChangeError::Empty);
    }
    let leaving: Vec<String> = remove.iter().map(hex::encode).collect();
    for key in &leaving {
        if !nodes.iter().any(|node| node.identity_key == *key) {
            return Err(ChangeError::Unknown(key.clone()));
        }
    }
    if leaving.iter().collect::<BTreeSet<_>>().len() != leaving.len() {
        return Err(ChangeError::Twice);
    }
    let mut coming = add.iter().cloned();
    let mut changed = Vec::with_capacity(nodes.len());
    for node in nodes {
        if leaving.contains(&node.identity_key) {
            changed.extend(coming.next());
        } else {
            changed.push(node.clone());
        }
    }
    changed.extend(coming);
    Ok(changed)
}
