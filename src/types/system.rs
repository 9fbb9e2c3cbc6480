//! What replicas and operators put on the chain about the subnet itself.

use super::{Epoch, GenesisNode, NodeIndex, NodeSignature};
use bytes::Bytes;

/// One message in a block's second section. Each proves itself: who brought it does not matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SystemMessage {
    /// A member's shares, dealt out again; `crypto::reshare` reads it.
    Dealing {
        /// The epoch of the dealer.
        epoch: Epoch,
        dealer: NodeIndex,
        dealing: Bytes,
    },
    /// Proof that a dealing's shares for one receiver are bad; `crypto::reshare` reads it.
    Complaint {
        /// The epoch of the dealer.
        epoch: Epoch,
        dealer: NodeIndex,
        /// Its place in the committee of the next epoch.
        receiver: NodeIndex,
        complaint: Bytes,
    },
    /// The operators change who the members of the next epoch are.
    Change(MembershipChange),
    /// The registry canister orders who the members of the next epoch are.
    Order(MembershipOrder),
}

impl SystemMessage {
    /// The bytes of what it brings or proves, without its frame.
    pub fn bytes(&self) -> usize {
        match self {
            SystemMessage::Dealing { dealing, .. } => dealing.len(),
            SystemMessage::Complaint { complaint, .. } => complaint.len(),
            SystemMessage::Change(change) => {
                let signatures = change.signatures.len().saturating_mul(size_of::<NodeSignature>());
                signatures.saturating_add(change.add.len().saturating_mul(size_of::<GenesisNode>()))
            }
            SystemMessage::Order(MembershipOrder { order, certificate, witness }) => {
                order.len().saturating_add(certificate.len()).saturating_add(witness.len())
            }
        }
    }
}

/// Who leaves and who comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipChange {
    /// The version of the membership that it builds upon: how many changes there were before it.
    pub version: u64,
    /// Raw identity keys of the nodes that leave.
    pub remove: Vec<[u8; 32]>,
    /// The nodes that come. They take the places of those that leave, in order; the others follow at the end.
    pub add: Vec<GenesisNode>,
    /// Signatures of operators of the current members, by place.
    pub signatures: Vec<(NodeIndex, NodeSignature)>,
}

/// What the registry canister wants of the membership, with the subnet's own word that it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipOrder {
    /// CBOR; `membership::order` reads it.
    pub order: Bytes,
    /// A certificate of the registry canister's certified data.
    pub certificate: Bytes,
    /// The hash tree whose root the certified data is, and which shows the order.
    pub witness: Bytes,
}
