//! Identities: principals, canisters, nodes, requests, digests.

use candid::Principal as RawPrincipal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An opaque identity of 0 to 29 bytes (interface spec, "Principals").
pub type Principal = RawPrincipal;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of nothing: parent of the first block, root of an empty page map.
    pub const ZERO: Digest = Digest([0; 32]);
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A canister of this subnet. Its principal is the number, big-endian, followed by `01 01`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CanisterId(pub u64);

impl CanisterId {
    /// The ten-byte principal of this canister.
    pub fn principal(self) -> Principal {
        let mut bytes = [0u8; 10];
        bytes[..8].copy_from_slice(&self.0.to_be_bytes());
        bytes[8] = 1;
        bytes[9] = 1;
        Principal::from_slice(&bytes)
    }

    /// The canister that `principal` names, if it has the form of a canister id of this subnet.
    pub fn from_principal(principal: &Principal) -> Option<CanisterId> {
        let bytes: [u8; 10] = principal.as_slice().try_into().ok()?;
        let number: [u8; 8] = bytes[..8].try_into().ok()?;
        (bytes[8..] == [1, 1]).then(|| CanisterId(u64::from_be_bytes(number)))
    }
}

impl fmt::Display for CanisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.principal().fmt(f)
    }
}

/// The management canister, `aaaaa-aa`.
pub fn management_canister() -> Principal {
    Principal::management_canister()
}

/// A node's place in the committee of its subnet: its index in `genesis.toml`, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct NodeIndex(pub u16);

impl fmt::Display for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A node's public identity: the self-authenticating principal of its DER-encoded Ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct NodeId(pub Principal);

/// The subnet's identity: the self-authenticating principal of its DER-encoded root key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct SubnetId(pub Principal);

/// The representation-independent hash of a request's content (interface spec, "Request ids").
/// It does not cover the signature: two envelopes with one id are the same request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub [u8; 32]);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest(self.0).fmt(f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest(self.0).fmt(f)
    }
}

/// The Merkle root that replicas sign after executing a height: the root hash of the state tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct StateRoot(pub Digest);
