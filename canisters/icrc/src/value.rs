//! Generic values of ICRC-3, and their hash that does not depend on encodings.

use candid::{CandidType, Deserialize, Int, Nat};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// The standard's generic value.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Blob(ByteBuf),
    /// Text.
    Text(String),
    /// A natural number.
    Nat(Nat),
    /// An integer.
    Int(Int),
    /// A list.
    Array(Vec<Value>),
    /// Named values.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// A natural number.
    pub fn nat(number: impl Into<Nat>) -> Self {
        Self::Nat(number.into())
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// Bytes.
    pub fn blob(bytes: &[u8]) -> Self {
        Self::Blob(ByteBuf::from(bytes))
    }

    /// The representation-independent hash.
    pub fn hash(&self) -> Hash {
        match self {
            Self::Blob(bytes) => Sha256::digest(bytes).into(),
            Self::Text(text) => Sha256::digest(text).into(),
            Self::Nat(number) => Sha256::digest(leb128(number)).into(),
            Self::Int(number) => Sha256::digest(written(|bytes| number.encode(bytes))).into(),
            Self::Array(values) => {
                let mut hasher = Sha256::new();
                values.iter().for_each(|value| hasher.update(value.hash()));
                hasher.finalize().into()
            }
            Self::Map(entries) => hash_map(entries),
        }
    }
}

fn hash_map(entries: &[(String, Value)]) -> Hash {
    let mut pairs: Vec<(Hash, Hash)> =
        entries.iter().map(|(key, value)| (Sha256::digest(key).into(), value.hash())).collect();
    pairs.sort_unstable();
    let mut hasher = Sha256::new();
    for (key, value) in pairs {
        hasher.update(key);
        hasher.update(value);
    }
    hasher.finalize().into()
}

/// LEB128 of a number.
pub fn leb128(number: &Nat) -> Vec<u8> {
    written(|bytes| number.encode(bytes))
}

/// What is written to memory, which cannot fail.
fn written(write: impl FnOnce(&mut Vec<u8>) -> candid::Result<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = write(&mut bytes) {
        unreachable!("a vector takes all that is written: {error}");
    }
    bytes
}
