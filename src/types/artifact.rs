//! What replicas sign: shares, and the threshold signatures that a quorum of shares makes.
//! A share is always sent by its own signer and never relayed; the combined artifact may be.

use super::{Digest, Epoch, Height, NodeIndex, StateRoot, View};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A BLS12-381 signature, or a share of one: a compressed point in G1 (48 bytes).
/// The simulator's hash-based scheme uses the same 48 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlsBytes(pub [u8; 48]);

impl fmt::Debug for BlsBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for BlsBytes {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for BlsBytes {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(d)?;
        let array: [u8; 48] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| serde::de::Error::invalid_length(bytes.len(), &"48 bytes"))?;
        Ok(BlsBytes(array))
    }
}

/// One node's share of a threshold signature.
pub type SignatureShare = BlsBytes;
/// A threshold signature, equal whichever quorum made it.
pub type ThresholdSignature = BlsBytes;

/// An Ed25519 signature by a node's identity key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NodeSignature(pub [u8; 64]);

impl fmt::Debug for NodeSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A vote that `block` is the one proposal of `view`. Carries the signer's beacon share of the view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotarizationShare {
    pub view: View,
    pub block: Digest,
    pub signer: NodeIndex,
    pub share: SignatureShare,
    pub beacon: SignatureShare,
}

/// A vote to give up `view`. Carries the signer's beacon share of the view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NullificationShare {
    pub view: View,
    pub signer: NodeIndex,
    pub share: SignatureShare,
    pub beacon: SignatureShare,
}

/// A vote that `block`, notarized in `view`, is final; never given in a view its signer nullified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FinalizationShare {
    pub view: View,
    pub block: Digest,
    pub signer: NodeIndex,
    pub share: SignatureShare,
}

/// A quorum voted to notarize `block` in `view`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notarization {
    pub view: View,
    pub block: Digest,
    pub signature: ThresholdSignature,
}

/// A quorum gave up `view`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Nullification {
    pub view: View,
    pub signature: ThresholdSignature,
}

/// A quorum finalized `block` of `view`, and with it all its ancestors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finalization {
    pub view: View,
    pub block: Digest,
    pub signature: ThresholdSignature,
}

/// The unpredictable, unique randomness of a view; f+1 shares make it. It names the leader of the
/// next view and seeds `raw_rand` of the block that the view notarized.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RandomBeacon {
    pub view: View,
    pub signature: ThresholdSignature,
}

/// A vote for the state root after executing `height`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CertificationShare {
    /// Of whose shares it is one: a height that is not certified when an epoch ends is signed again.
    pub epoch: Epoch,
    pub height: Height,
    pub root: StateRoot,
    pub signer: NodeIndex,
    pub share: SignatureShare,
}

/// A quorum certified the state root after `height`. The signature is the one in every certificate
/// that a client of the Internet Computer verifies (interface spec, "Certification").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certification {
    pub height: Height,
    pub root: StateRoot,
    pub signature: ThresholdSignature,
}
