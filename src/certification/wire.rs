//! CBOR of hash trees and certificates (`certificates.cddl`): only what these need, definite lengths,
//! bounded depth. `[0]` empty, `[1, l, r]` fork, `[2, label, t]` labelled, `[3, leaf]`, `[4, digest]`.

use super::HashTree;
use crate::types::{BlsBytes, Digest, limits};

const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SELF_DESCRIBED: u64 = 55_799;

/// Bytes that are no hash tree, or no certificate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    #[error("the bytes end in the middle of an item")]
    Truncated,
    #[error("{0} bytes follow the last item")]
    Trailing(usize),
    #[error("expected {expected}, found an item of CBOR major type {found}")]
    Type { expected: &'static str, found: u8 },
    #[error("lengths of indefinite or reserved form are not accepted")]
    Length,
    #[error("a hash tree node of kind {kind} with {items} items")]
    Node { kind: u64, items: u64 },
    #[error("a digest of {0} bytes")]
    DigestLength(usize),
    #[error("a signature of {0} bytes")]
    SignatureLength(usize),
    #[error("deeper than {} nodes", limits::HASH_TREE_DEPTH_MAX)]
    Depth,
    #[error("unknown or repeated field {0:?}")]
    Field(String),
    #[error("field {0:?} is missing")]
    Missing(&'static str),
}

/// A certificate as it travels; nothing in it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RawCertificate {
    pub tree: HashTree,
    pub signature: BlsBytes,
    pub delegation: Option<RawDelegation>,
}

/// The root subnet's word for another subnet: the subnet's id, and the certificate that shows its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RawDelegation {
    pub subnet_id: Vec<u8>,
    pub certificate: Vec<u8>,
}

impl HashTree {
    /// The tree's CBOR, without the self-describing tag.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_tree(&mut out, self);
        out
    }

    /// Reads what [`HashTree::encode`] writes, with or without the self-describing tag.
    ///
    /// # Errors
    /// [`WireError`] for everything else, and beyond `limits::HASH_TREE_DEPTH_MAX`.
    pub fn decode(bytes: &[u8]) -> Result<HashTree, WireError> {
        let mut reader = Reader::new(bytes)?;
        let tree = reader.tree(limits::HASH_TREE_DEPTH_MAX)?;
        reader.end()?;
        Ok(tree)
    }
}

pub(super) fn encode_certificate(tree: &HashTree, signature: &BlsBytes) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(&mut out, TAG, SELF_DESCRIBED);
    put_head(&mut out, MAP, 2);
    put_text(&mut out, "tree");
    put_tree(&mut out, tree);
    put_text(&mut out, "signature");
    put_bytes(&mut out, &signature.0);
    out
}

pub(super) fn decode_certificate(bytes: &[u8]) -> Result<RawCertificate, WireError> {
    let mut reader = Reader::new(bytes)?;
    let (mut tree, mut signature, mut delegation) = (None, None, None);
    for _ in 0..reader.head("a certificate's map", MAP)? {
        match reader.text()? {
            b"tree" if tree.is_none() => tree = Some(reader.tree(limits::HASH_TREE_DEPTH_MAX)?),
            b"signature" if signature.is_none() => signature = Some(reader.signature()?),
            b"delegation" if delegation.is_none() => delegation = Some(reader.delegation()?),
            other => return Err(field(other)),
        }
    }
    reader.end()?;
    let tree = tree.ok_or(WireError::Missing("tree"))?;
    let signature = signature.ok_or(WireError::Missing("signature"))?;
    Ok(RawCertificate { tree, signature, delegation })
}

/// A canister's signature: a certificate, and the tree whose root is the canister's certified data.
pub(super) fn decode_canister_signature(bytes: &[u8]) -> Result<(Vec<u8>, HashTree), WireError> {
    let mut reader = Reader::new(bytes)?;
    let (mut certificate, mut tree) = (None, None);
    for _ in 0..reader.head("a canister signature's map", MAP)? {
        match reader.text()? {
            b"certificate" if certificate.is_none() => {
                certificate = Some(reader.bytes("a certificate")?.to_vec());
            }
            b"tree" if tree.is_none() => tree = Some(reader.tree(limits::HASH_TREE_DEPTH_MAX)?),
            other => return Err(field(other)),
        }
    }
    reader.end()?;
    let certificate = certificate.ok_or(WireError::Missing("certificate"))?;
    Ok((certificate, tree.ok_or(WireError::Missing("tree"))?))
}

/// An unknown or repeated field, of which at most 64 bytes are quoted.
fn field(name: &[u8]) -> WireError {
    let quoted: Vec<u8> = name.iter().take(64).copied().collect();
    WireError::Field(String::from_utf8_lossy(&quoted).into_owned())
}

fn put_tree(out: &mut Vec<u8>, tree: &HashTree) {
    let mut node = |items, kind| {
        put_head(out, ARRAY, items);
        put_head(out, UNSIGNED, kind);
    };
    match tree {
        HashTree::Empty => node(1, 0),
        HashTree::Fork(left, right) => {
            node(3, 1);
            put_tree(out, left);
            put_tree(out, right);
        }
        HashTree::Labeled(label, tree) => {
            node(3, 2);
            put_bytes(out, label);
            put_tree(out, tree);
        }
        HashTree::Leaf(value) => {
            node(2, 3);
            put_bytes(out, value);
        }
        HashTree::Pruned(digest) => {
            node(2, 4);
            put_bytes(out, &digest.0);
        }
    }
}

/// An item's major type and number, in the shortest form.
fn put_head(out: &mut Vec<u8>, major: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let (info, length) = match number {
        0..24 => (bytes[7], 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend_from_slice(&bytes[8 - length..]);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, BYTES, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Skips the self-describing tag, if there is one.
    fn new(bytes: &'a [u8]) -> Result<Reader<'a>, WireError> {
        let mut tagged = Reader { rest: bytes };
        match tagged.any_head()? {
            (TAG, SELF_DESCRIBED) => Ok(tagged),
            _ => Ok(Reader { rest: bytes }),
        }
    }

    fn end(&self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(WireError::Trailing(more)),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn any_head(&mut self) -> Result<(u8, u64), WireError> {
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let length = match first & 0x1f {
            small @ 0..24 => return Ok((first >> 5, u64::from(small))),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(WireError::Length),
        };
        let number = self.take(length)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Ok((first >> 5, number))
    }

    fn head(&mut self, expected: &'static str, major: u8) -> Result<u64, WireError> {
        match self.any_head()? {
            (found, number) if found == major => Ok(number),
            (found, _) => Err(WireError::Type { expected, found }),
        }
    }

    fn bytes(&mut self, expected: &'static str) -> Result<&'a [u8], WireError> {
        let length = self.head(expected, BYTES)?;
        self.take(usize::try_from(length).map_err(|_| WireError::Truncated)?)
    }

    fn text(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.head("a field's name", TEXT)?;
        self.take(usize::try_from(length).map_err(|_| WireError::Truncated)?)
    }

    fn signature(&mut self) -> Result<BlsBytes, WireError> {
        let bytes = self.bytes("a signature")?;
        bytes.try_into().map(BlsBytes).map_err(|_| WireError::SignatureLength(bytes.len()))
    }

    fn delegation(&mut self) -> Result<RawDelegation, WireError> {
        let (mut subnet_id, mut certificate) = (None, None);
        for _ in 0..self.head("a delegation's map", MAP)? {
            match self.text()? {
                b"subnet_id" if subnet_id.is_none() => subnet_id = Some(self.bytes("a subnet id")?.to_vec()),
                b"certificate" if certificate.is_none() => {
                    certificate = Some(self.bytes("a certificate")?.to_vec());
                }
                other => return Err(field(other)),
            }
        }
        let subnet_id = subnet_id.ok_or(WireError::Missing("subnet_id"))?;
        Ok(RawDelegation { subnet_id, certificate: certificate.ok_or(WireError::Missing("certificate"))? })
    }

    /// `depth`: how many nodes may still be nested.
    fn tree(&mut self, depth: usize) -> Result<HashTree, WireError> {
        let below = depth.checked_sub(1).ok_or(WireError::Depth)?;
        let items = self.head("a hash tree node", ARRAY)?;
        let kind = self.head("the kind of a hash tree node", UNSIGNED)?;
        Ok(match (kind, items) {
            (0, 1) => HashTree::Empty,
            (1, 3) => HashTree::Fork(self.tree(below)?.into(), self.tree(below)?.into()),
            (2, 3) => HashTree::Labeled(self.bytes("a label")?.into(), self.tree(below)?.into()),
            (3, 2) => HashTree::Leaf(self.bytes("a leaf")?.into()),
            (4, 2) => HashTree::Pruned(self.digest()?),
            _ => return Err(WireError::Node { kind, items }),
        })
    }

    fn digest(&mut self) -> Result<Digest, WireError> {
        let bytes = self.bytes("a digest")?;
        bytes.try_into().map(Digest).map_err(|_| WireError::DigestLength(bytes.len()))
    }
}
