//! What goes to disk, one pair of functions for each kind of record. Decoding is as strict as for a
//! peer: a disk may be damaged.

use super::artifact::{BLOCK, PROPOSAL, copy, digest, present};
use super::bound::{self, Shape};
use super::{DecodeError, Fault, proto};
use crate::types::*;
use prost::Message;
use prost::bytes::Bytes;
use std::sync::Arc;

/// The value of [`Record::Finalized`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finalized {
    pub height: Height,
    pub hash: Digest,
    pub beacon: RandomBeacon,
    pub finalization: Finalization,
}

fn decode<M, T>(bytes: Bytes, shapes: &'static [Shape]) -> Result<T, DecodeError>
where
    M: Message + Default,
    T: TryFrom<M, Error = DecodeError>,
{
    bound::check(&bytes, shapes)?;
    let message = M::decode(bytes).map_err(|error| Fault::Protobuf(error.to_string()).at("record"))?;
    message.try_into()
}

/// A block without its proposer's signature.
pub fn encode_block(block: &Block) -> Vec<u8> {
    proto::Block::from(block).encode_to_vec()
}

/// The inverse of [`encode_block`].
///
/// # Errors
/// Bytes that no block has, naming the field.
pub fn decode_block(bytes: Bytes) -> Result<Block, DecodeError> {
    decode::<proto::Block, _>(bytes, BLOCK)
}

/// A block with its proposer's signature.
pub fn encode_proposal(proposal: &Proposal) -> Vec<u8> {
    proto::Proposal::from(proposal).encode_to_vec()
}

/// The inverse of [`encode_proposal`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_proposal(bytes: Bytes) -> Result<Proposal, DecodeError> {
    decode::<proto::Proposal, _>(bytes, PROPOSAL)
}

/// A notarization and the beacon of its view.
pub fn encode_notarization(notarization: &Notarization, beacon: &RandomBeacon) -> Vec<u8> {
    proto::NotarizationWithBeacon::from((notarization, beacon)).encode_to_vec()
}

/// The inverse of [`encode_notarization`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_notarization(bytes: Bytes) -> Result<(Notarization, RandomBeacon), DecodeError> {
    decode::<proto::NotarizationWithBeacon, _>(bytes, &[])
}

/// A nullification and the beacon of its view.
pub fn encode_nullification(nullification: &Nullification, beacon: &RandomBeacon) -> Vec<u8> {
    proto::NullificationWithBeacon::from((nullification, beacon)).encode_to_vec()
}

/// The inverse of [`encode_nullification`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_nullification(bytes: Bytes) -> Result<(Nullification, RandomBeacon), DecodeError> {
    decode::<proto::NullificationWithBeacon, _>(bytes, &[])
}

/// That a height is final, and why.
pub fn encode_finalized(finalized: &Finalized) -> Vec<u8> {
    let message = proto::FinalizedRecord {
        height: finalized.height.0,
        hash: copy(&finalized.hash.0),
        beacon: Some((&finalized.beacon).into()),
        finalization: Some((&finalized.finalization).into()),
    };
    message.encode_to_vec()
}

/// The inverse of [`encode_finalized`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_finalized(bytes: Bytes) -> Result<Finalized, DecodeError> {
    decode::<proto::FinalizedRecord, _>(bytes, &[])
}

/// A certification.
pub fn encode_certification(certification: &Certification) -> Vec<u8> {
    proto::Certification::from(certification).encode_to_vec()
}

/// The inverse of [`encode_certification`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_certification(bytes: Bytes) -> Result<Certification, DecodeError> {
    decode::<proto::Certification, _>(bytes, &[])
}

/// Void blocks, in the form of a segment of the chain.
pub fn encode_void(blocks: &[(Arc<Block>, RandomBeacon)], finalization: &Finalization) -> Vec<u8> {
    let segment = ChainSegment { blocks: blocks.to_vec(), finalization: *finalization, certification: None };
    proto::ChainSegment::from(&segment).encode_to_vec()
}

/// The inverse of [`encode_void`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_void(bytes: Bytes) -> Result<ChainSegment, DecodeError> {
    decode::<proto::ChainSegment, _>(bytes, super::peer::CHAIN)
}

/// A vote of this replica.
pub fn encode_vote(vote: &Vote) -> Vec<u8> {
    let (kind, view, block) = match vote {
        Vote::Notarize { view, block } => (proto::vote::Kind::Notarize, view, copy(&block.0)),
        Vote::Nullify { view } => (proto::vote::Kind::Nullify, view, Bytes::new()),
        Vote::Finalize { view, block } => (proto::vote::Kind::Finalize, view, copy(&block.0)),
    };
    proto::Vote { kind: kind.into(), view: view.0, block }.encode_to_vec()
}

/// The inverse of [`encode_vote`].
///
/// # Errors
/// As [`decode_block`].
pub fn decode_vote(bytes: Bytes) -> Result<Vote, DecodeError> {
    decode::<proto::Vote, _>(bytes, &[])
}

impl TryFrom<proto::FinalizedRecord> for Finalized {
    type Error = DecodeError;

    fn try_from(record: proto::FinalizedRecord) -> Result<Self, DecodeError> {
        Ok(Finalized {
            height: Height(record.height),
            hash: digest(&record.hash, "finalized.hash")?,
            beacon: present(record.beacon, "finalized.beacon")?.try_into()?,
            finalization: present(record.finalization, "finalized.finalization")?.try_into()?,
        })
    }
}

impl TryFrom<proto::Vote> for Vote {
    type Error = DecodeError;

    fn try_from(vote: proto::Vote) -> Result<Self, DecodeError> {
        let view = View(vote.view);
        match proto::vote::Kind::try_from(vote.kind) {
            Ok(proto::vote::Kind::Notarize) => {
                Ok(Vote::Notarize { view, block: digest(&vote.block, "vote.block")? })
            }
            Ok(proto::vote::Kind::Finalize) => {
                Ok(Vote::Finalize { view, block: digest(&vote.block, "vote.block")? })
            }
            Ok(proto::vote::Kind::Nullify) if vote.block.is_empty() => Ok(Vote::Nullify { view }),
            Ok(proto::vote::Kind::Nullify) => {
                Err(Fault::Length { have: vote.block.len(), need: 0 }.at("vote.block"))
            }
            _ => Err(Fault::UnknownValue(vote.kind.to_string()).at("vote.kind")),
        }
    }
}
