//! Hash trees that canisters certify, and their CBOR.

use crate::value::{Hash, leb128};
use ic_certification::{HashTree, fork, label, leaf};

/// CBOR's mark "what follows is CBOR", with which certificates and many hash trees begin.
const SELF_DESCRIBED: [u8; 3] = [0xd9, 0xd9, 0xf7];

/// The tip of a log as ICRC-3 certifies it: `last_block_hash` and `last_block_index` (LEB128).
pub fn tip(last_index: u64, last_hash: &Hash) -> HashTree {
    fork(
        label("last_block_hash", leaf(last_hash.to_vec())),
        label("last_block_index", leaf(leb128(&last_index.into()))),
    )
}

/// A tree in CBOR.
pub fn encode(tree: &HashTree) -> Vec<u8> {
    write(tree, Vec::new())
}

/// A tree in CBOR that says that it is CBOR.
pub fn encode_self_described(tree: &HashTree) -> Vec<u8> {
    write(tree, SELF_DESCRIBED.to_vec())
}

fn write(tree: &HashTree, mut bytes: Vec<u8>) -> Vec<u8> {
    if let Err(error) = ciborium::into_writer(tree, &mut bytes) {
        unreachable!("a vector takes all that is written: {error}");
    }
    bytes
}
