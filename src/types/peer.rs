//! What replicas say to each other.

use super::*;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A run of finalized blocks, oldest first, ending in the block that `finalization` names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChainSegment {
    /// Each block with the beacon of its view.
    pub blocks: Vec<(Arc<Block>, RandomBeacon)>,
    pub finalization: Finalization,
    /// The sender's newest certification at or above the first block's height, if it has one.
    pub certification: Option<Certification>,
}

impl ChainSegment {
    /// Whether a peer that asks for blocks from `from` on may have this package in their place: it begins above them.
    /// They are purged, or too many of them stand below one finalization for a message.
    pub fn stands_in_from(&self, from: Height) -> bool {
        self.blocks.first().is_some_and(|(first, _)| from < first.height)
    }
}

/// Where a replica stands; sent now and then, and when it is stuck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// The lowest view whose certificate it lacks.
    pub view: View,
    /// The view that it is in: it has voted in none above.
    pub entered: View,
    pub finalized: Height,
    pub certified: Height,
}

/// Asks for a part of the state after `height`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateRequest {
    /// Chosen by who asks; the answer carries it.
    pub id: u64,
    pub height: Height,
    /// What is asked for; opaque here, `state::transfer` reads it.
    pub item: Bytes,
}

/// The answer to a [`StateRequest`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatePart {
    pub id: u64,
    /// Opaque here, `state::transfer` reads it. `None`: the sender does not hold that state (any more).
    pub part: Option<Bytes>,
}

/// One message between replicas. The sender is known from the mutually authenticated connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerMessage {
    Proposal(Arc<CompactProposal>),
    NotarizationShare(NotarizationShare),
    NullificationShare(NullificationShare),
    FinalizationShare(FinalizationShare),
    CertificationShare(CertificationShare),
    Notarization(Notarization, RandomBeacon),
    Nullification(Nullification, RandomBeacon),
    Finalization(Finalization),
    Certification(Certification),
    /// An update call on its way into every pool: the CBOR envelope.
    Ingress(Bytes),
    Status(PeerStatus),
    /// Ask for the proposal with this hash; answered by `Proposal`.
    FetchBlock(Digest),
    /// Ask for the calls at these places of a block; answered by `Bodies`.
    FetchBodies {
        block: Digest,
        places: BTreeSet<u16>,
    },
    /// Calls of a block with their places: the CBOR envelopes.
    Bodies {
        block: Digest,
        bodies: Vec<(u16, Bytes)>,
    },
    /// Ask for finalized blocks from this height on; answered by `Chain`.
    FetchChain(Height),
    Chain(Box<ChainSegment>),
    /// The catch-up package, for a peer that asked for blocks that are purged here: a run that begins with the block
    /// whose state is offered, and the certification of that very height.
    Package(Box<ChainSegment>),
    /// Ask for a part of the state of a package; answered by `StatePart`.
    FetchState(StateRequest),
    StatePart(StatePart),
    /// A step of the key-generation ceremony at first start.
    Ceremony(Box<CeremonyMessage>),
    /// Something that blocks are to carry about the subnet itself.
    System(Box<SystemMessage>),
}

/// The steps of the dealer-less key generation, in order. Every message is signed by its sender's
/// identity key over its step, content and the chain id, so that the final transcript proves itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CeremonyMessage {
    pub sender: NodeIndex,
    pub step: CeremonyStep,
    pub signature: NodeSignature,
}

/// Content of a ceremony message (docs/adr: key generation).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CeremonyStep {
    /// Hash of the dealing to come: no dealer can choose after seeing the others.
    Commit(Digest),
    /// Commitments and encrypted shares, opaque here; `crypto::dkg` decodes and checks them.
    Deal(Bytes),
    /// The sender's public key shares in G2, with proofs; opaque here.
    Keys(Bytes),
    /// Agreement on the transcript's hash: with all n of these, the keys are in force.
    Agree(Digest),
    /// The whole transcript with all n agreements, for a node that missed the end.
    Done(Bytes),
}
