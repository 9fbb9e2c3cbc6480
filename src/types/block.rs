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

/// One link of the chain. Its hash (`crypto::hash_block`) covers every field, envelopes included.
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

/// A block signed by the leader of its view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    pub block: Block,
    pub signature: NodeSignature,
}
