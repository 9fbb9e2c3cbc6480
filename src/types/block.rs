//! Blocks and what they carry.

use super::{Digest, Height, NodeIndex, NodeSignature, RequestId, SystemMessage, Time, View};
use bytes::Bytes;
use std::collections::BTreeSet;
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

/// What a block says of the members' duties since its parent: all places are of the committee of the block's
/// own epoch. Voters for the block have checked what they can (`consensus`, rule 19).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attendance {
    /// Whose votes to notarize the parent the leader had seen: a quorum's at least, or nobody's. Nobody's where
    /// the epoch begins, for its committee did not vote for that parent.
    pub voters: BTreeSet<NodeIndex>,
    /// Leaders of the views of this epoch between the parent's and the block's, one entry a view, the lowest view
    /// first; of the latest [`MISSED_VIEWS_MAX`](super::limits::MISSED_VIEWS_MAX) views if there are more.
    pub missed: Vec<NodeIndex>,
}

impl Attendance {
    /// The voters as a bitmap, as it is hashed and encoded: place p is bit p mod 8 of byte p / 8, the lowest
    /// first, and the last byte is not zero.
    pub fn bitmap(&self) -> Vec<u8> {
        let length = self.voters.last().map_or(0, |last| usize::from(last.0) / 8 + 1);
        let mut bitmap = vec![0; length];
        for voter in &self.voters {
            if let Some(byte) = bitmap.get_mut(usize::from(voter.0) / 8) {
                *byte |= 1 << (voter.0 % 8);
            }
        }
        bitmap
    }

    /// The missed views' leaders as they are hashed and encoded: two bytes each, big-endian.
    pub fn missed_bytes(&self) -> Vec<u8> {
        self.missed.iter().flat_map(|leader| leader.0.to_be_bytes()).collect()
    }

    /// Whether it says nothing of anybody.
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty() && self.missed.is_empty()
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
    pub attendance: Attendance,
    pub payload: Payload,
}

impl Block {
    /// The block without its calls.
    pub fn header(&self) -> Block {
        let Block { view, height, parent, parent_view, proposer, time, .. } = *self;
        let attendance = self.attendance.clone();
        let payload = Payload { ingress: Vec::new(), system: self.payload.system.clone() };
        Block { view, height, parent, parent_view, proposer, time, attendance, payload }
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
