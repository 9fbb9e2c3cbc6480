//! SHA-256 with domain separation; the one encoding of everything that is hashed.

use crate::types::{Block, ChainId, Digest, Genesis};
use sha2::{Digest as _, Sha256};

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// SHA-256 over a domain separator (one length byte, then the name) and length-prefixed parts.
pub fn hash_parts(domain: &str, parts: &[&[u8]]) -> Digest {
    let _ = (domain, parts);
    todo!()
}

/// The identity of a block: covers every field and every envelope byte.
pub fn hash_block(block: &Block) -> Digest {
    let _ = block;
    todo!()
}

/// The name of the chain: hash of the canonical encoding of its genesis.
pub fn chain_id(genesis: &Genesis) -> ChainId {
    let _ = genesis;
    todo!()
}
