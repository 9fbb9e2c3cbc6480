//! Blocks and threshold signatures as protobuf: shared by the wire and the disk.

use super::bound::Shape;
use super::system::SYSTEM_MESSAGE;
use super::{DecodeError, Fault, cbor, proto};
use crate::types::limits::{BLOCK_INGRESS_COUNT_MAX, BLOCK_SYSTEM_COUNT_MAX, MISSED_VIEWS_MAX, NODES_MAX};
use crate::types::*;
use prost::bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What may repeat inside a block.
pub(super) const BLOCK: &[Shape] = &[
    Shape { tag: 7, field: "block.ingress", max: BLOCK_INGRESS_COUNT_MAX, inside: &[] },
    Shape { tag: 20, field: "block.system", max: BLOCK_SYSTEM_COUNT_MAX, inside: SYSTEM_MESSAGE },
];
/// What may repeat inside a proposal.
pub(super) const PROPOSAL: &[Shape] = &[Shape { tag: 1, field: "proposal.block", max: 1, inside: BLOCK }];

/// What may repeat inside a proposal that travels: no call stands in it.
pub(super) const COMPACT_PROPOSAL: &[Shape] =
    &[Shape { tag: 1, field: "proposal.header", max: 1, inside: HEADER }];
const HEADER: &[Shape] = &[
    Shape { tag: 7, field: "proposal.header.ingress", max: 0, inside: &[] },
    Shape { tag: 20, field: "proposal.header.system", max: BLOCK_SYSTEM_COUNT_MAX, inside: SYSTEM_MESSAGE },
];

/// At most `max` bytes.
pub(super) fn bounded(bytes: Bytes, max: usize, field: &'static str) -> Result<Bytes, DecodeError> {
    if bytes.len() > max { Err(Fault::TooLong { max }.at(field)) } else { Ok(bytes) }
}

/// Exactly `N` bytes.
pub(super) fn array<const N: usize>(bytes: &[u8], field: &'static str) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| Fault::Length { have: bytes.len(), need: N }.at(field))
}

pub(super) fn digest(bytes: &[u8], field: &'static str) -> Result<Digest, DecodeError> {
    array(bytes, field).map(Digest)
}

/// At most `max` digests, one after the other.
fn digests(bytes: &[u8], max: usize, field: &'static str) -> Result<Vec<Digest>, DecodeError> {
    let (chunks, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Fault::Truncated.at(field));
    }
    if chunks.len() > max {
        return Err(Fault::TooMany { max }.at(field));
    }
    Ok(chunks.iter().copied().map(Digest).collect())
}

/// A bitmap as short as it can be.
fn voters(bitmap: &[u8]) -> Result<BTreeSet<NodeIndex>, DecodeError> {
    const MAX: usize = NODES_MAX.div_ceil(8);
    if bitmap.len() > MAX {
        return Err(Fault::TooLong { max: MAX }.at("block.voters"));
    }
    if bitmap.last() == Some(&0) {
        return Err(Fault::OutOfRange.at("block.voters"));
    }
    let bits = bitmap.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    Ok((0..=u16::MAX).map(NodeIndex).zip(bits).filter(|(_, voted)| *voted).map(|(node, _)| node).collect())
}

fn missed(bytes: &[u8]) -> Result<Vec<NodeIndex>, DecodeError> {
    let (chunks, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Fault::Truncated.at("block.missed"));
    }
    if chunks.len() > MISSED_VIEWS_MAX {
        return Err(Fault::TooMany { max: MISSED_VIEWS_MAX }.at("block.missed"));
    }
    Ok(chunks.iter().map(|leader| NodeIndex(u16::from_be_bytes(*leader))).collect())
}

pub(super) fn bls(bytes: &[u8], field: &'static str) -> Result<BlsBytes, DecodeError> {
    array(bytes, field).map(BlsBytes)
}

pub(super) fn node(index: u32, field: &'static str) -> Result<NodeIndex, DecodeError> {
    u16::try_from(index).map(NodeIndex).map_err(|_| Fault::OutOfRange.at(field))
}

/// The message that protobuf allows to be absent and we do not.
pub(super) fn present<T>(message: Option<T>, field: &'static str) -> Result<T, DecodeError> {
    message.ok_or(Fault::Missing.at(field))
}

pub(super) fn copy(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

impl From<&Block> for proto::Block {
    fn from(block: &Block) -> Self {
        proto::Block {
            view: block.view.0,
            height: block.height.0,
            parent: copy(&block.parent.0),
            parent_view: block.parent_view.0,
            proposer: u32::from(block.proposer.0),
            time: block.time.0,
            voters: block.attendance.bitmap().into(),
            missed: block.attendance.missed_bytes().into(),
            ingress: block.payload.ingress.iter().map(|ingress| ingress.envelope.clone()).collect(),
            system: block.payload.system.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<proto::Block> for Block {
    type Error = DecodeError;

    fn try_from(block: proto::Block) -> Result<Self, DecodeError> {
        let ingress = block.ingress.into_iter().map(|envelope| cbor::read_ingress(envelope).map(Arc::new));
        let system = block.system.into_iter().map(SystemMessage::try_from);
        let (ingress, system) = (ingress.collect::<Result<_, _>>()?, system.collect::<Result<_, _>>()?);
        Ok(Block {
            view: View(block.view),
            height: Height(block.height),
            parent: digest(&block.parent, "block.parent")?,
            parent_view: View(block.parent_view),
            proposer: node(block.proposer, "block.proposer")?,
            time: Time(block.time),
            attendance: Attendance { voters: voters(&block.voters)?, missed: missed(&block.missed)? },
            payload: Payload { ingress, system },
        })
    }
}

impl From<&Proposal> for proto::Proposal {
    fn from(proposal: &Proposal) -> Self {
        proto::Proposal { block: Some((&proposal.block).into()), signature: copy(&proposal.signature.0) }
    }
}

impl TryFrom<proto::Proposal> for Proposal {
    type Error = DecodeError;

    fn try_from(proposal: proto::Proposal) -> Result<Self, DecodeError> {
        let signature = NodeSignature(array(&proposal.signature, "proposal.signature")?);
        Ok(Proposal { block: present(proposal.block, "proposal.block")?.try_into()?, signature })
    }
}

impl From<&CompactProposal> for proto::CompactProposal {
    fn from(proposal: &CompactProposal) -> Self {
        let calls = proposal.calls.iter().flat_map(|call| call.0).collect::<Vec<u8>>();
        proto::CompactProposal {
            header: Some((&proposal.header).into()),
            calls: calls.into(),
            signature: copy(&proposal.signature.0),
        }
    }
}

impl TryFrom<proto::CompactProposal> for CompactProposal {
    type Error = DecodeError;

    fn try_from(proposal: proto::CompactProposal) -> Result<Self, DecodeError> {
        Ok(CompactProposal {
            signature: NodeSignature(array(&proposal.signature, "proposal.signature")?),
            header: present(proposal.header, "proposal.header")?.try_into()?,
            calls: digests(&proposal.calls, BLOCK_INGRESS_COUNT_MAX, "proposal.calls")?,
        })
    }
}

impl From<&Notarization> for proto::Notarization {
    fn from(notarization: &Notarization) -> Self {
        proto::Notarization {
            view: notarization.view.0,
            block: copy(&notarization.block.0),
            signature: copy(&notarization.signature.0),
        }
    }
}

impl TryFrom<proto::Notarization> for Notarization {
    type Error = DecodeError;

    fn try_from(notarization: proto::Notarization) -> Result<Self, DecodeError> {
        Ok(Notarization {
            view: View(notarization.view),
            block: digest(&notarization.block, "notarization.block")?,
            signature: bls(&notarization.signature, "notarization.signature")?,
        })
    }
}

impl From<&Nullification> for proto::Nullification {
    fn from(nullification: &Nullification) -> Self {
        proto::Nullification { view: nullification.view.0, signature: copy(&nullification.signature.0) }
    }
}

impl TryFrom<proto::Nullification> for Nullification {
    type Error = DecodeError;

    fn try_from(nullification: proto::Nullification) -> Result<Self, DecodeError> {
        let signature = bls(&nullification.signature, "nullification.signature")?;
        Ok(Nullification { view: View(nullification.view), signature })
    }
}

impl From<&Finalization> for proto::Finalization {
    fn from(finalization: &Finalization) -> Self {
        proto::Finalization {
            view: finalization.view.0,
            block: copy(&finalization.block.0),
            signature: copy(&finalization.signature.0),
        }
    }
}

impl TryFrom<proto::Finalization> for Finalization {
    type Error = DecodeError;

    fn try_from(finalization: proto::Finalization) -> Result<Self, DecodeError> {
        Ok(Finalization {
            view: View(finalization.view),
            block: digest(&finalization.block, "finalization.block")?,
            signature: bls(&finalization.signature, "finalization.signature")?,
        })
    }
}

impl From<&RandomBeacon> for proto::RandomBeacon {
    fn from(beacon: &RandomBeacon) -> Self {
        proto::RandomBeacon { view: beacon.view.0, signature: copy(&beacon.signature.0) }
    }
}

impl TryFrom<proto::RandomBeacon> for RandomBeacon {
    type Error = DecodeError;

    fn try_from(beacon: proto::RandomBeacon) -> Result<Self, DecodeError> {
        Ok(RandomBeacon { view: View(beacon.view), signature: bls(&beacon.signature, "beacon.signature")? })
    }
}

impl From<&Certification> for proto::Certification {
    fn from(certification: &Certification) -> Self {
        proto::Certification {
            height: certification.height.0,
            root: copy(&certification.root.0.0),
            signature: copy(&certification.signature.0),
        }
    }
}

impl TryFrom<proto::Certification> for Certification {
    type Error = DecodeError;

    fn try_from(certification: proto::Certification) -> Result<Self, DecodeError> {
        Ok(Certification {
            height: Height(certification.height),
            root: StateRoot(digest(&certification.root, "certification.root")?),
            signature: bls(&certification.signature, "certification.signature")?,
        })
    }
}

impl From<(&Notarization, &RandomBeacon)> for proto::NotarizationWithBeacon {
    fn from((notarization, beacon): (&Notarization, &RandomBeacon)) -> Self {
        proto::NotarizationWithBeacon { notarization: Some(notarization.into()), beacon: Some(beacon.into()) }
    }
}

impl TryFrom<proto::NotarizationWithBeacon> for (Notarization, RandomBeacon) {
    type Error = DecodeError;

    fn try_from(both: proto::NotarizationWithBeacon) -> Result<Self, DecodeError> {
        let notarization = present(both.notarization, "notarization")?;
        Ok((notarization.try_into()?, present(both.beacon, "beacon")?.try_into()?))
    }
}

impl From<(&Nullification, &RandomBeacon)> for proto::NullificationWithBeacon {
    fn from((nullification, beacon): (&Nullification, &RandomBeacon)) -> Self {
        proto::NullificationWithBeacon {
            nullification: Some(nullification.into()),
            beacon: Some(beacon.into()),
        }
    }
}

impl TryFrom<proto::NullificationWithBeacon> for (Nullification, RandomBeacon) {
    type Error = DecodeError;

    fn try_from(both: proto::NullificationWithBeacon) -> Result<Self, DecodeError> {
        let nullification = present(both.nullification, "nullification")?;
        Ok((nullification.try_into()?, present(both.beacon, "beacon")?.try_into()?))
    }
}
