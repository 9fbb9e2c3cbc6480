//! What replicas say to each other, as protobuf (`proto/atoll/v1/peer.proto`).

use super::artifact::{BLOCK, COMPACT_PROPOSAL, array, bls, bounded, copy, digest, node, present};
use super::bound::{self, Shape};
use super::system::SYSTEM_MESSAGE;
use super::{DecodeError, Fault, proto};
use crate::types::limits::{
    BLOCK_INGRESS_COUNT_MAX, CHAIN_LINKS_MAX, INGRESS_BYTES_MAX, PEER_MESSAGE_BYTES_MAX, STATE_ITEM_BYTES_MAX,
};
use crate::types::*;
use prost::Message;
use prost::bytes::Bytes;
use proto::ceremony_message::Step;
use proto::peer_message::Message as Wire;
use std::collections::BTreeSet;
use std::sync::Arc;

const LINK: &[Shape] = &[Shape { tag: 1, field: "chain.block", max: 1, inside: BLOCK }];
pub(super) const CHAIN: &[Shape] =
    &[Shape { tag: 1, field: "chain.links", max: CHAIN_LINKS_MAX, inside: LINK }];
const BODIES: &[Shape] = &[Shape { tag: 2, field: "bodies.body", max: BLOCK_INGRESS_COUNT_MAX, inside: &[] }];
const PEER_MESSAGE: &[Shape] = &[
    Shape { tag: 1, field: "proposal", max: 1, inside: COMPACT_PROPOSAL },
    Shape { tag: 14, field: "chain", max: 1, inside: CHAIN },
    Shape { tag: 16, field: "package", max: 1, inside: CHAIN },
    Shape { tag: 21, field: "bodies", max: 1, inside: BODIES },
    Shape { tag: 30, field: "system", max: 1, inside: SYSTEM_MESSAGE },
];

/// One encoded message, ready to be sent to any number of peers.
pub fn encode(message: &PeerMessage) -> Bytes {
    proto::PeerMessage { message: Some(message.into()) }.encode_to_vec().into()
}

/// Reads what a peer sent. Envelopes share memory with `bytes`.
///
/// # Errors
/// Anything that [`encode`] would not have written, naming the field. Signatures are not verified here.
pub fn decode(bytes: impl Into<Bytes>) -> Result<PeerMessage, DecodeError> {
    let bytes = bytes.into();
    if bytes.len() > PEER_MESSAGE_BYTES_MAX {
        return Err(Fault::TooLong { max: PEER_MESSAGE_BYTES_MAX }.at("peer message"));
    }
    bound::check(&bytes, PEER_MESSAGE)?;
    let message = proto::PeerMessage::decode(bytes)
        .map_err(|error| Fault::Protobuf(error.to_string()).at("peer message"))?;
    present(message.message, "peer message")?.try_into()
}

impl From<&PeerMessage> for Wire {
    fn from(message: &PeerMessage) -> Wire {
        match message {
            PeerMessage::Proposal(proposal) => Wire::Proposal(proposal.as_ref().into()),
            PeerMessage::NotarizationShare(share) => Wire::NotarizationShare(share.into()),
            PeerMessage::NullificationShare(share) => Wire::NullificationShare(share.into()),
            PeerMessage::FinalizationShare(share) => Wire::FinalizationShare(share.into()),
            PeerMessage::CertificationShare(share) => Wire::CertificationShare(share.into()),
            PeerMessage::Notarization(notarization, beacon) => {
                Wire::Notarization((notarization, beacon).into())
            }
            PeerMessage::Nullification(nullification, beacon) => {
                Wire::Nullification((nullification, beacon).into())
            }
            PeerMessage::Finalization(finalization) => Wire::Finalization(finalization.into()),
            PeerMessage::Certification(certification) => Wire::Certification(certification.into()),
            PeerMessage::Ingress(envelope) => Wire::Ingress(envelope.clone()),
            PeerMessage::Status(status) => Wire::Status(status.into()),
            PeerMessage::FetchBlock(hash) => Wire::FetchBlock(copy(&hash.0)),
            PeerMessage::FetchBodies { block, places } => Wire::FetchBodies(fetch_bodies(block, places)),
            PeerMessage::Bodies { block, bodies } => Wire::Bodies(encode_bodies(block, bodies)),
            PeerMessage::FetchChain(height) => Wire::FetchChain(height.0),
            PeerMessage::Chain(segment) => Wire::Chain(segment.as_ref().into()),
            PeerMessage::Package(package) => Wire::Package(package.as_ref().into()),
            PeerMessage::FetchState(request) => Wire::FetchState(request.into()),
            PeerMessage::StatePart(part) => {
                Wire::StatePart(proto::StatePart { id: part.id, part: part.part.clone() })
            }
            PeerMessage::Ceremony(message) => Wire::Ceremony(message.as_ref().into()),
            PeerMessage::System(message) => Wire::System(message.as_ref().into()),
        }
    }
}

impl TryFrom<Wire> for PeerMessage {
    type Error = DecodeError;

    fn try_from(message: Wire) -> Result<PeerMessage, DecodeError> {
        Ok(match message {
            Wire::Proposal(proposal) => PeerMessage::Proposal(Arc::new(proposal.try_into()?)),
            Wire::NotarizationShare(share) => PeerMessage::NotarizationShare(share.try_into()?),
            Wire::NullificationShare(share) => PeerMessage::NullificationShare(share.try_into()?),
            Wire::FinalizationShare(share) => PeerMessage::FinalizationShare(share.try_into()?),
            Wire::CertificationShare(share) => PeerMessage::CertificationShare(share.try_into()?),
            Wire::Notarization(both) => {
                let (notarization, beacon) = both.try_into()?;
                PeerMessage::Notarization(notarization, beacon)
            }
            Wire::Nullification(both) => {
                let (nullification, beacon) = both.try_into()?;
                PeerMessage::Nullification(nullification, beacon)
            }
            Wire::Finalization(finalization) => PeerMessage::Finalization(finalization.try_into()?),
            Wire::Certification(certification) => PeerMessage::Certification(certification.try_into()?),
            Wire::Ingress(envelope) => PeerMessage::Ingress(bounded(envelope, INGRESS_BYTES_MAX, "ingress")?),
            Wire::Status(status) => PeerMessage::Status(status.into()),
            Wire::FetchBlock(hash) => PeerMessage::FetchBlock(digest(&hash, "fetch_block")?),
            Wire::FetchBodies(fetch) => PeerMessage::FetchBodies {
                block: digest(&fetch.block, "fetch_bodies.block")?,
                places: places(&fetch.places)?,
            },
            Wire::Bodies(bodies) => PeerMessage::Bodies {
                block: digest(&bodies.block, "bodies.block")?,
                bodies: bodies.bodies.into_iter().map(body).collect::<Result<_, _>>()?,
            },
            Wire::FetchChain(height) => PeerMessage::FetchChain(Height(height)),
            Wire::Chain(segment) => PeerMessage::Chain(Box::new(segment.try_into()?)),
            Wire::Package(package) => PeerMessage::Package(Box::new(package.try_into()?)),
            Wire::FetchState(request) => PeerMessage::FetchState(request.try_into()?),
            Wire::StatePart(part) => PeerMessage::StatePart(StatePart { id: part.id, part: part.part }),
            Wire::Ceremony(message) => PeerMessage::Ceremony(Box::new(message.try_into()?)),
            Wire::System(message) => PeerMessage::System(Box::new(message.try_into()?)),
        })
    }
}

fn fetch_bodies(block: &Digest, places: &BTreeSet<u16>) -> proto::FetchBodies {
    let places = places.iter().flat_map(|place| place.to_be_bytes()).collect::<Vec<u8>>();
    proto::FetchBodies { block: copy(&block.0), places: places.into() }
}

/// Each place once, ascending; so a short request cannot ask for a long answer.
fn places(bytes: &[u8]) -> Result<BTreeSet<u16>, DecodeError> {
    let (chunks, rest) = bytes.as_chunks();
    let places: Vec<u16> = chunks.iter().copied().map(u16::from_be_bytes).collect();
    if !rest.is_empty() || !places.is_sorted_by(|low, high| low < high) {
        return Err(Fault::OutOfRange.at("fetch_bodies.places"));
    }
    if places.len() > BLOCK_INGRESS_COUNT_MAX {
        return Err(Fault::TooMany { max: BLOCK_INGRESS_COUNT_MAX }.at("fetch_bodies.places"));
    }
    Ok(places.into_iter().collect())
}

fn encode_bodies(block: &Digest, bodies: &[(u16, Bytes)]) -> proto::Bodies {
    let body = |(place, envelope): &(u16, Bytes)| proto::Body {
        place: u32::from(*place),
        envelope: envelope.clone(),
    };
    proto::Bodies { block: copy(&block.0), bodies: bodies.iter().map(body).collect() }
}

fn body(body: proto::Body) -> Result<(u16, Bytes), DecodeError> {
    let place = u16::try_from(body.place).map_err(|_| Fault::OutOfRange.at("bodies.place"))?;
    Ok((place, bounded(body.envelope, INGRESS_BYTES_MAX, "bodies.envelope")?))
}

impl From<&NotarizationShare> for proto::NotarizationShare {
    fn from(share: &NotarizationShare) -> Self {
        proto::NotarizationShare {
            view: share.view.0,
            block: copy(&share.block.0),
            signer: u32::from(share.signer.0),
            share: copy(&share.share.0),
            beacon: copy(&share.beacon.0),
        }
    }
}

impl TryFrom<proto::NotarizationShare> for NotarizationShare {
    type Error = DecodeError;

    fn try_from(share: proto::NotarizationShare) -> Result<Self, DecodeError> {
        Ok(NotarizationShare {
            view: View(share.view),
            block: digest(&share.block, "notarization_share.block")?,
            signer: node(share.signer, "notarization_share.signer")?,
            share: bls(&share.share, "notarization_share.share")?,
            beacon: bls(&share.beacon, "notarization_share.beacon")?,
        })
    }
}

impl From<&NullificationShare> for proto::NullificationShare {
    fn from(share: &NullificationShare) -> Self {
        proto::NullificationShare {
            view: share.view.0,
            signer: u32::from(share.signer.0),
            share: copy(&share.share.0),
            beacon: copy(&share.beacon.0),
        }
    }
}

impl TryFrom<proto::NullificationShare> for NullificationShare {
    type Error = DecodeError;

    fn try_from(share: proto::NullificationShare) -> Result<Self, DecodeError> {
        Ok(NullificationShare {
            view: View(share.view),
            signer: node(share.signer, "nullification_share.signer")?,
            share: bls(&share.share, "nullification_share.share")?,
            beacon: bls(&share.beacon, "nullification_share.beacon")?,
        })
    }
}

impl From<&FinalizationShare> for proto::FinalizationShare {
    fn from(share: &FinalizationShare) -> Self {
        proto::FinalizationShare {
            view: share.view.0,
            block: copy(&share.block.0),
            signer: u32::from(share.signer.0),
            share: copy(&share.share.0),
        }
    }
}

impl TryFrom<proto::FinalizationShare> for FinalizationShare {
    type Error = DecodeError;

    fn try_from(share: proto::FinalizationShare) -> Result<Self, DecodeError> {
        Ok(FinalizationShare {
            view: View(share.view),
            block: digest(&share.block, "finalization_share.block")?,
            signer: node(share.signer, "finalization_share.signer")?,
            share: bls(&share.share, "finalization_share.share")?,
        })
    }
}

impl From<&CertificationShare> for proto::CertificationShare {
    fn from(share: &CertificationShare) -> Self {
        proto::CertificationShare {
            epoch: share.epoch.0,
            height: share.height.0,
            root: copy(&share.root.0.0),
            signer: u32::from(share.signer.0),
            share: copy(&share.share.0),
        }
    }
}

impl TryFrom<proto::CertificationShare> for CertificationShare {
    type Error = DecodeError;

    fn try_from(share: proto::CertificationShare) -> Result<Self, DecodeError> {
        Ok(CertificationShare {
            epoch: Epoch(share.epoch),
            height: Height(share.height),
            root: StateRoot(digest(&share.root, "certification_share.root")?),
            signer: node(share.signer, "certification_share.signer")?,
            share: bls(&share.share, "certification_share.share")?,
        })
    }
}

impl From<&PeerStatus> for proto::PeerStatus {
    fn from(status: &PeerStatus) -> Self {
        proto::PeerStatus {
            view: status.view.0,
            finalized: status.finalized.0,
            certified: status.certified.0,
            entered: status.entered.0,
        }
    }
}

impl From<proto::PeerStatus> for PeerStatus {
    fn from(status: proto::PeerStatus) -> Self {
        let (finalized, certified) = (Height(status.finalized), Height(status.certified));
        PeerStatus { view: View(status.view), entered: View(status.entered), finalized, certified }
    }
}

impl From<&StateRequest> for proto::StateRequest {
    fn from(request: &StateRequest) -> Self {
        proto::StateRequest { id: request.id, height: request.height.0, item: request.item.clone() }
    }
}

impl TryFrom<proto::StateRequest> for StateRequest {
    type Error = DecodeError;

    fn try_from(request: proto::StateRequest) -> Result<Self, DecodeError> {
        let item = bounded(request.item, STATE_ITEM_BYTES_MAX, "state_request.item")?;
        Ok(StateRequest { id: request.id, height: Height(request.height), item })
    }
}

impl From<&ChainSegment> for proto::ChainSegment {
    fn from(segment: &ChainSegment) -> Self {
        let link = |(block, beacon): &(Arc<Block>, RandomBeacon)| proto::ChainLink {
            block: Some(block.as_ref().into()),
            beacon: Some(beacon.into()),
        };
        proto::ChainSegment {
            links: segment.blocks.iter().map(link).collect(),
            finalization: Some((&segment.finalization).into()),
            certification: segment.certification.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<proto::ChainSegment> for ChainSegment {
    type Error = DecodeError;

    fn try_from(segment: proto::ChainSegment) -> Result<Self, DecodeError> {
        let links = segment.links.into_iter().map(|link| {
            let block: Block = present(link.block, "chain.block")?.try_into()?;
            Ok((Arc::new(block), present(link.beacon, "chain.beacon")?.try_into()?))
        });
        Ok(ChainSegment {
            blocks: links.collect::<Result<_, DecodeError>>()?,
            finalization: present(segment.finalization, "chain.finalization")?.try_into()?,
            certification: segment.certification.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<&CeremonyMessage> for proto::CeremonyMessage {
    fn from(message: &CeremonyMessage) -> Self {
        let step = match &message.step {
            CeremonyStep::Commit(hash) => Step::Commit(copy(&hash.0)),
            CeremonyStep::Deal(dealing) => Step::Deal(dealing.clone()),
            CeremonyStep::Keys(keys) => Step::Keys(keys.clone()),
            CeremonyStep::Agree(hash) => Step::Agree(copy(&hash.0)),
            CeremonyStep::Done(transcript) => Step::Done(transcript.clone()),
        };
        proto::CeremonyMessage {
            sender: u32::from(message.sender.0),
            step: Some(step),
            signature: copy(&message.signature.0),
        }
    }
}

impl TryFrom<proto::CeremonyMessage> for CeremonyMessage {
    type Error = DecodeError;

    fn try_from(message: proto::CeremonyMessage) -> Result<Self, DecodeError> {
        let step = match present(message.step, "ceremony.step")? {
            Step::Commit(hash) => CeremonyStep::Commit(digest(&hash, "ceremony.commit")?),
            Step::Deal(dealing) => CeremonyStep::Deal(dealing),
            Step::Keys(keys) => CeremonyStep::Keys(keys),
            Step::Agree(hash) => CeremonyStep::Agree(digest(&hash, "ceremony.agree")?),
            Step::Done(transcript) => CeremonyStep::Done(transcript),
        };
        Ok(CeremonyMessage {
            sender: node(message.sender, "ceremony.sender")?,
            step,
            signature: NodeSignature(array(&message.signature, "ceremony.signature")?),
        })
    }
}
