//! Blocks and what they carry.

use super::{Digest, Height, NodeIndex, NodeSignature, RequestId, SystemMessage, Time, View};
use bytes::Bytes;
use std::sync::Arc;

/// A user's update call as it arrived: the CBOR envelope, byte for byte, and what was read from it.
/// Only the envelope crosses the wire; id and expiry are computed from it on every arrival.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIngress {
    pub id: RequestId,
    /// No block with a later time may carry it: `ingress_expiry`, or the first expiration of its
    /// delegations if that comes earlier.
    pub expiry: Time,
    pub envelope: Bytes,
}

/// What a block orders.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Payload {
    pub ingress: Vec<Arc<SignedIngress>>,
    /// About the subnet itself; what is wrong among them changes nothing (`membership`).
    pub system: Vec<SystemMessage>,
}

impl Payload {
    /// Whether it orders nothing.
    pub fn is_empty(&self) -> bool {
        self.ingress.is_empty() && self.system.is_empty()
    }
}

/// One link of the chain. Its hash (`crypto::hash_block`) covers every field, and the calls by the hashes of
/// all their bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    pub view: View,
    pub height: Height,
    /// Hash of the parent; [`Digest::ZERO`] at height 1.
    pub parent: Digest,
    /// View of the parent; 0 at height 1.
    pub parent_view: View,
    pub proposer: NodeIndex,
    /// Strictly greater than the parent's; what canisters see as the time.
    pub time: Time,
    pub payload: Payload,
}

impl Block {
    /// The block without its calls.
    pub fn header(&self) -> Block {
        let Block { view, height, parent, parent_view, proposer, time, .. } = *self;
        let payload = Payload { ingress: Vec::new(), system: self.payload.system.clone() };
        Block { view, height, parent, parent_view, proposer, time, payload }
    }
}

/// A block signed by the leader of its view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    pub block: Block,
    pub signature: NodeSignature,
}

/// A proposal as it travels: the calls, which spread apart from it, by their hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompactProposal {
    /// The block without its calls.
    pub header: Block,
    /// What `crypto::hash_call` says of each call, in the block's order.
    pub calls: Vec<Digest>,
    /// The whole proposal's.
    pub signature: NodeSignature,
}

impl CompactProposal {
    /// The whole proposal, of these calls.
    pub fn complete(&self, ingress: Vec<Arc<SignedIngress>>) -> Proposal {
        let mut block = self.header.clone();
        block.payload.ingress = ingress;
        Proposal { block, signature: self.signature }
    }
}

/// A call that a peer sent because a block carries it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// Which of the block's calls it is said to be.
    pub place: u16,
    pub envelope: Bytes,
    /// What the envelope says, if its proof holds. Whether it is in time is for the block's time to say.
    pub call: Option<Arc<SignedIngress>>,
}
