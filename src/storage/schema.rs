//! The whole layout on disk: every family of keys, what is in it, who writes it, when it goes.
//!
//! Numbers in keys are big-endian, so that order of bytes is order of numbers. Values of consensus are
//! `encoding::record`'s; values of the state are the state's own and opaque here.
//!
//! | family | key | value | written by | deleted |
//! |---|---|---|---|---|
//! | `meta` | `version` | [`VERSION`], 4 bytes | first open | never |
//! | | `chain` | chain id, 32 bytes | first open | never |
//! | | `executed` | height, 8 bytes, and state root, 32 | commit | overwritten |
//! | | `certification` | newest certification | `Record::Certification` | overwritten |
//! | | `amnesia` | nothing; there if earlier votes may have been lost with the disk | first open | `Record::Recollected` |
//! | | `recollected` | view, 8 bytes: votes up to it may have been lost, and none above | `Record::Recollected` | overwritten |
//! | | `void` | void blocks with beacons, and the finalization that names the last of them | `Record::Void` | overwritten |
//! | `block` | block hash | block | `Record::{Proposal, Block}` | when its view is final without it; purge |
//! | `proposal` | view, block hash | the proposer's signature, 64 bytes | `Record::Proposal` | when a block of its view or a later one is final |
//! | `notarization` | view | notarization, beacon | `Record::Notarization` | likewise |
//! | `nullification` | view | nullification, beacon | `Record::Nullification` | likewise |
//! | `vote` | view, kind (1 byte) | own vote | `Record::Vote` | likewise |
//! | `finalized` | height | block hash, beacon, finalization of it or a descendant | `Record::Finalized` | purge |
//! | `canister` … `subnet` | see `state::Column` | state | commit | commit |
//!
//! Blocks and finalizations stay until they are purged, below a height whose state is offered to replicas that
//! lag; everything else of consensus is bounded by the views that are not final yet.

use crate::state::Column;
use crate::types::{Digest, Height, View, Vote};

/// No key is longer.
pub const KEY_BYTES_MAX: usize = 64;

/// Version of this layout. A directory of another version is refused, not converted.
pub const VERSION: u32 = 1;

/// A family of keys: a RocksDB column family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Family {
    Meta,
    Block,
    Proposal,
    Notarization,
    Nullification,
    Vote,
    Finalized,
    State(Column),
}

/// Every family.
pub const FAMILIES: [Family; 14] = [
    Family::Meta,
    Family::Block,
    Family::Proposal,
    Family::Notarization,
    Family::Nullification,
    Family::Vote,
    Family::Finalized,
    Family::State(Column::Canister),
    Family::State(Column::Page),
    Family::State(Column::PageDigest),
    Family::State(Column::Module),
    Family::State(Column::Chunk),
    Family::State(Column::History),
    Family::State(Column::Subnet),
];

/// The families whose keys start with a view, and are deleted once it is final.
pub const BY_VIEW: [Family; 4] =
    [Family::Proposal, Family::Notarization, Family::Nullification, Family::Vote];

/// Keys of `meta`.
pub mod meta {
    pub const VERSION: &[u8] = b"version";
    pub const CHAIN: &[u8] = b"chain";
    pub const EXECUTED: &[u8] = b"executed";
    pub const CERTIFICATION: &[u8] = b"certification";
    pub const AMNESIA: &[u8] = b"amnesia";
    pub const RECOLLECTED: &[u8] = b"recollected";
    pub const VOID: &[u8] = b"void";
}

impl Family {
    /// Its name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Family::Meta => "meta",
            Family::Block => "block",
            Family::Proposal => "proposal",
            Family::Notarization => "notarization",
            Family::Nullification => "nullification",
            Family::Vote => "vote",
            Family::Finalized => "finalized",
            Family::State(Column::Canister) => "canister",
            Family::State(Column::Page) => "page",
            Family::State(Column::PageDigest) => "page_digest",
            Family::State(Column::Module) => "module",
            Family::State(Column::Chunk) => "chunk",
            Family::State(Column::History) => "history",
            Family::State(Column::Subnet) => "subnet",
        }
    }
}

/// Key in `finalized`.
pub fn height_key(height: Height) -> Vec<u8> {
    height.0.to_be_bytes().to_vec()
}

/// Key in `notarization` and `nullification`.
pub fn view_key(view: View) -> Vec<u8> {
    view.0.to_be_bytes().to_vec()
}

/// Key in `proposal`.
pub fn proposal_key(view: View, hash: &Digest) -> Vec<u8> {
    [view.0.to_be_bytes().as_slice(), &hash.0].concat()
}

/// Key in `vote`.
pub fn vote_key(vote: &Vote) -> Vec<u8> {
    let kind = match vote {
        Vote::Notarize { .. } => 0,
        Vote::Nullify { .. } => 1,
        Vote::Finalize { .. } => 2,
    };
    [vote.view().0.to_be_bytes().as_slice(), &[kind]].concat()
}

/// The view or height that a key starts with.
pub fn leading_number(key: &[u8]) -> Option<u64> {
    key.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The block hash in a key of `proposal`.
pub fn proposal_hash(key: &[u8]) -> Option<Digest> {
    key.get(8..)?.try_into().ok().map(Digest)
}
