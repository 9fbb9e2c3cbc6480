//! ICRC-3 values: what a block looks like to readers, and its hash that does not depend on encodings.

use candid::{CandidType, Nat};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// An ICRC-3 value; this ledger's blocks need no other kinds.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Nat(Nat),
    Text(String),
    Blob(ByteBuf),
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub fn nat(number: impl Into<Nat>) -> Self {
        Self::Nat(number.into())
    }

    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub fn blob(bytes: &[u8]) -> Self {
        Self::Blob(ByteBuf::from(bytes))
    }

    /// The representation-independent hash of ICRC-3.
    pub fn hash(&self) -> Hash {
        match self {
            Self::Nat(number) => sha256(&leb128(number)),
            Self::Text(text) => sha256(text.as_bytes()),
            Self::Blob(bytes) => sha256(bytes),
            Self::Array(values) => sha256(&values.iter().map(Self::hash).collect::<Vec<_>>().concat()),
            Self::Map(fields) => {
                let mut pairs: Vec<_> =
                    fields.iter().map(|(name, value)| [sha256(name.as_bytes()), value.hash()]).collect();
                pairs.sort_unstable();
                sha256(pairs.concat().concat().as_slice())
            }
        }
    }
}

/// LEB128 of a number.
pub fn leb128(number: &Nat) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = number.encode(&mut bytes) {
        unreachable!("a number is always encoded: {error}");
    }
    bytes
}

fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}
