//! What the asset canister's methods take and give, as `ic-certified-assets` publishes them (version 2 of its
//! interface). Fields that nobody here needs are left out, as Candid allows.

use candid::{CandidType, Int, Nat};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Names and values of headers.
pub type Headers = BTreeMap<String, String>;

/// An asset as `list` shows it.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    pub key: String,
    pub content_type: String,
    pub encodings: Vec<RemoteEncoding>,
}

/// One encoding of a listed asset.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RemoteEncoding {
    pub content_encoding: String,
    /// What the uploader said; the canister does not compute it.
    pub sha256: Option<ByteBuf>,
    pub length: Option<Nat>,
    /// The time of the message that set it.
    pub modified: Option<Int>,
}

/// What a string, a number and their like take in memory beside what is in them.
const FIELD: usize = 32;

impl Remote {
    /// About as many bytes as it takes in memory.
    pub fn bytes(&self) -> usize {
        let each = self.encodings.iter().map(|encoding| encoding.content_encoding.len() + 6 * FIELD);
        self.key.len() + self.content_type.len() + 4 * FIELD + each.sum::<usize>()
    }

    /// Its encoding of this name.
    pub fn encoding(&self, name: &str) -> Option<&RemoteEncoding> {
        self.encodings.iter().find(|encoding| encoding.content_encoding == name)
    }
}

impl RemoteEncoding {
    /// Whether it is what has this hash.
    pub fn is(&self, sha256: &[u8; 32]) -> bool {
        self.sha256.as_ref().is_some_and(|known| known.as_slice() == sha256)
    }
}

/// A page of `list`; canisters that know no pages answer with all there is.
#[derive(CandidType, Debug)]
pub struct ListPage {
    pub start: Option<Nat>,
    pub length: Option<Nat>,
}

/// What is said of an asset beside its contents.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Default, Debug)]
pub struct Properties {
    pub max_age: Option<u64>,
    pub headers: Option<Headers>,
    pub is_aliased: Option<bool>,
    pub allow_raw_access: Option<bool>,
}

impl Properties {
    /// About as many bytes as they take in memory.
    pub fn bytes(&self) -> usize {
        let each = self.headers.iter().flatten().map(|(name, value)| name.len() + value.len() + 2 * FIELD);
        2 * FIELD + each.sum::<usize>()
    }
}

/// What the canister's owner lets a batch take (`get_configuration`).
#[derive(CandidType, Deserialize, Clone, Copy, Default, Debug)]
pub struct Limits {
    pub max_chunks: Option<u64>,
    pub max_bytes: Option<u64>,
}

#[derive(CandidType, Debug)]
pub struct NoArgument {}

#[derive(CandidType, Deserialize, Debug)]
pub struct Batch {
    pub batch_id: Nat,
}

#[derive(CandidType, Debug)]
pub struct Pieces {
    pub batch_id: Nat,
    pub content: Vec<ByteBuf>,
}

#[derive(CandidType, Deserialize, Debug)]
pub struct PieceIds {
    pub chunk_ids: Vec<Nat>,
}

#[derive(CandidType, Debug)]
pub struct Commit {
    pub batch_id: Nat,
    pub operations: Vec<Operation>,
}

/// One step of a commit.
#[derive(CandidType, Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    CreateAsset {
        key: String,
        content_type: String,
        max_age: Option<u64>,
        headers: Option<Headers>,
        enable_aliasing: Option<bool>,
        allow_raw_access: Option<bool>,
    },
    SetAssetContent {
        key: String,
        content_encoding: String,
        chunk_ids: Vec<Nat>,
        sha256: Option<ByteBuf>,
    },
    UnsetAssetContent {
        key: String,
        content_encoding: String,
    },
    DeleteAsset {
        key: String,
    },
    /// `None` leaves a property as it is, `Some(None)` takes it away.
    SetAssetProperties {
        key: String,
        max_age: Option<Option<u64>>,
        headers: Option<Option<Headers>>,
        is_aliased: Option<Option<bool>>,
        allow_raw_access: Option<Option<bool>>,
    },
}

impl Operation {
    /// The asset that it is about.
    pub fn key(&self) -> &str {
        match self {
            Operation::CreateAsset { key, .. }
            | Operation::SetAssetContent { key, .. }
            | Operation::UnsetAssetContent { key, .. }
            | Operation::DeleteAsset { key }
            | Operation::SetAssetProperties { key, .. } => key,
        }
    }

    /// About as many bytes as it takes in a message.
    pub fn bytes(&self) -> usize {
        /// Numbers, tags and lengths of one operation.
        const FRAME: usize = 64;
        let of = |headers: &Option<Headers>| {
            let each = headers.iter().flatten().map(|(name, value)| name.len() + value.len() + 4);
            each.sum::<usize>()
        };
        FRAME
            + match self {
                Operation::CreateAsset { key, content_type, headers, .. } => {
                    key.len() + content_type.len() + of(headers)
                }
                Operation::SetAssetContent { key, chunk_ids, .. } => key.len() + 32 + 8 * chunk_ids.len(),
                Operation::UnsetAssetContent { key, .. } | Operation::DeleteAsset { key } => key.len(),
                Operation::SetAssetProperties { key, headers, .. } => {
                    key.len() + headers.as_ref().map_or(0, of)
                }
            }
    }
}
