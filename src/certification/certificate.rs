//! Certificates made: a witness and the subnet's signature over its root.

use super::{LabelTree, wire};
use crate::types::{Certification, Digest};

/// Labels from the root of the state tree to the node that is meant.
pub type Path = Vec<Vec<u8>>;

/// What the threshold signature in a certificate covers (interface spec, "Certificate").
pub fn state_root_message(root: &Digest) -> Vec<u8> {
    [b"\x0dic-state-root".as_slice(), &root.0].concat()
}

/// The CBOR certificate for `paths` of `tree`, of which `certification` signs the root. `/time` is
/// always revealed besides: no client accepts a certificate without it.
pub fn certificate(tree: &LabelTree, paths: &[Path], certification: &Certification) -> Vec<u8> {
    let time = vec![b"time".to_vec()];
    let paths = [paths, &[time]].concat();
    wire::encode_certificate(&tree.witness(&paths), &certification.signature)
}
