//! The bytes of a ceremony: what `Keys` carries, and the transcript that is left at the end.

use crate::crypto::dkg::PUBLIC_SHARES_BYTES;
use crate::crypto::hash::hash_parts;
use crate::crypto::reader::Reader;
use crate::types::limits::DEALING_BYTES_MAX;
use crate::types::{CeremonyStep, ChainId, Digest, NodeSignature};
use bytes::Bytes;

/// First byte of a transcript.
const FORMAT: u8 = 1;

/// What one node added to the keys.
pub(super) struct Part {
    pub dealing: Bytes,
    pub shares: [u8; PUBLIC_SHARES_BYTES],
    pub agreement: NodeSignature,
}

/// What all agree to: the dealings and the public shares, in the order of the nodes. Signatures are not
/// in it: a signer can make several of one message, and nodes would differ about nothing.
pub(super) fn digest(chain: &ChainId, parts: &[Part]) -> Digest {
    let contents = parts.iter().flat_map(|part| [part.dealing.as_ref(), &part.shares[..]]);
    let all: Vec<&[u8]> = std::iter::once(&chain.0[..]).chain(contents).collect();
    hash_parts("atoll-transcript", &all)
}

/// Format, then for each node its dealing after its length, its public shares, its agreement.
pub(super) fn encode(parts: &[Part]) -> Bytes {
    let mut bytes = vec![FORMAT];
    for part in parts {
        bytes.extend((part.dealing.len() as u32).to_be_bytes());
        bytes.extend(&part.dealing);
        bytes.extend(part.shares);
        bytes.extend(part.agreement.0);
    }
    bytes.into()
}

/// Reads what `encode` wrote for `nodes` nodes.
pub(super) fn decode(bytes: &[u8], nodes: usize) -> Option<Vec<Part>> {
    let mut reader = Reader::new(bytes);
    reader.array().filter(|format: &[u8; 1]| *format == [FORMAT])?;
    let parts = (0..nodes).map(|_| {
        Some(Part {
            dealing: Bytes::copy_from_slice(reader.sized(DEALING_BYTES_MAX)?),
            shares: reader.array()?,
            agreement: NodeSignature(reader.array()?),
        })
    });
    let parts = parts.collect::<Option<Vec<_>>>()?;
    reader.finish(parts)
}

/// Size of the content of `Keys`.
pub(super) fn keys_bytes(nodes: usize) -> usize {
    PUBLIC_SHARES_BYTES + nodes * (32 + 64)
}

/// Public shares, then every node's commit and its signature.
pub(super) fn encode_keys(shares: &[u8; PUBLIC_SHARES_BYTES], commits: &[(Digest, NodeSignature)]) -> Bytes {
    let mut bytes = shares.to_vec();
    for (digest, signature) in commits {
        bytes.extend(digest.0);
        bytes.extend(signature.0);
    }
    bytes.into()
}

type Keys = ([u8; PUBLIC_SHARES_BYTES], Vec<(Digest, NodeSignature)>);

/// Reads what `encode_keys` wrote.
pub(super) fn decode_keys(bytes: &[u8]) -> Option<Keys> {
    let (shares, commits) = bytes.split_first_chunk()?;
    let commits = commits.chunks(96).map(|commit| {
        let mut reader = Reader::new(commit);
        let pair = (Digest(reader.array()?), NodeSignature(reader.array()?));
        reader.finish(pair)
    });
    Some((*shares, commits.collect::<Option<_>>()?))
}

/// Whether two messages of one step say the same. A dealer can sign one commit in several ways, so
/// that whoever hears it again after a restart passes on another signature: that is no contradiction.
pub(super) fn same(one: &CeremonyStep, other: &CeremonyStep) -> bool {
    let (CeremonyStep::Keys(one), CeremonyStep::Keys(other)) = (one, other) else { return one == other };
    let said = |keys: &[u8]| {
        let (shares, commits) = decode_keys(keys)?;
        Some((shares, commits.into_iter().map(|(digest, _)| digest).collect::<Vec<_>>()))
    };
    one == other || said(one).is_some_and(|keys| said(other) == Some(keys))
}
