//! The one encoding of every record: CBOR with fields in the order of their declaration and maps in the
//! order of their keys. It is what is stored and what is hashed; `tests.rs` pins it.

use super::{Column, HostFailure};
use crate::types::{CanisterId, Digest, RequestId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of `record`.
///
/// # Errors
/// [`HostFailure`] if the record cannot be written as CBOR, which no record of this room does.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, HostFailure> {
    let mut bytes = Vec::with_capacity(256);
    match ciborium::into_writer(record, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(HostFailure(format!("a record cannot be encoded: {error}"))),
    }
}

/// The record in `bytes`, called `name` in the error.
///
/// # Errors
/// [`HostFailure`] if `bytes` is no such record: the disk is damaged.
pub fn decode<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, HostFailure> {
    ciborium::from_reader(bytes).map_err(|error| HostFailure(format!("{name} on disk is damaged: {error}")))
}

/// The label under which the digests of a column's records stand.
pub(super) fn label(column: Column) -> &'static [u8] {
    match column {
        Column::Canister => b"canister",
        Column::Page => b"page",
        Column::PageDigest => b"page_digest",
        Column::Module => b"module",
        Column::Chunk => b"chunk",
        Column::History => b"history",
        Column::Subnet => b"subnet",
    }
}

/// Keys of the columns.
pub mod key {
    use super::super::volume::VolumeId;
    use super::*;

    /// `Subnet`: who the subnet is.
    pub const SUBNET: &[u8] = b"subnet";
    /// `Subnet`: who the members are and who come after them; as `membership` encodes it.
    pub const SUCCESSION: &[u8] = b"succession";
    /// `Subnet`: single values.
    pub const COUNTERS: &[u8] = b"counters";
    /// `Subnet`: prices that were voted upon, and those before them.
    pub const PRICES: &[u8] = b"prices";
    /// `Subnet`: what the nodes did until now.
    pub const DUTIES: &[u8] = b"duties";
    /// `Subnet`: samples of that, followed by their number.
    pub const SAMPLE: &[u8] = b"sample/";
    /// `Subnet`: waiting management calls, followed by their number.
    pub const MANAGEMENT: &[u8] = b"management/";
    /// Length of a canister's key; longer keys of the column are what belongs to it.
    pub const CANISTER_BYTES: usize = 8;
    /// What of a canister a key is of.
    pub const MESSAGE: u8 = b'm';
    pub const HELD: u8 = b'h';
    pub const LOG: u8 = b'l';
    pub const PAUSED: u8 = b'p';
    pub const SNAPSHOT: u8 = b's';

    /// `Canister`: the record.
    pub fn canister(id: CanisterId) -> Vec<u8> {
        id.0.to_be_bytes().to_vec()
    }

    /// `Canister`: a waiting message, a management call that is held back, a line of its log or a snapshot.
    pub fn belonging(id: CanisterId, kind: u8, number: u64) -> Vec<u8> {
        joined(&joined(&id.0.to_be_bytes(), &[kind]), &number.to_be_bytes())
    }

    /// `Canister`: the run that is in the middle.
    pub fn paused(id: CanisterId) -> Vec<u8> {
        joined(&id.0.to_be_bytes(), &[PAUSED])
    }

    /// `Canister`: a management call about it that is held back.
    pub fn held(id: CanisterId, number: u64) -> Vec<u8> {
        belonging(id, HELD, number)
    }

    /// `Subnet`: a management call that waits.
    pub fn management(number: u64) -> Vec<u8> {
        joined(MANAGEMENT, &number.to_be_bytes())
    }

    /// `Subnet`: a sample of what the nodes did.
    pub fn sample(number: u64) -> Vec<u8> {
        joined(SAMPLE, &number.to_be_bytes())
    }

    /// `Page` and `PageDigest`: where a volume's pages begin.
    pub fn volume(id: VolumeId) -> Vec<u8> {
        id.0.to_be_bytes().to_vec()
    }

    /// `Page` and `PageDigest`: one page.
    pub fn page(id: VolumeId, index: u64) -> Vec<u8> {
        joined(&id.0.to_be_bytes(), &index.to_be_bytes())
    }

    /// `Module`: the module as installed.
    pub fn module(hash: &Digest) -> Vec<u8> {
        hash.0.to_vec()
    }

    /// `Module`: what is known of it.
    pub fn module_record(hash: &Digest) -> Vec<u8> {
        joined(&hash.0, b"record")
    }

    /// `Chunk`: one chunk.
    pub fn chunk(id: CanisterId, hash: &Digest) -> Vec<u8> {
        joined(&id.0.to_be_bytes(), &hash.0)
    }

    /// `History`: one call.
    pub fn history(id: &RequestId) -> Vec<u8> {
        id.0.to_vec()
    }

    fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
        [first, second].concat()
    }

    /// The number in the last eight bytes of a key.
    pub fn number(key: &[u8]) -> Option<u64> {
        let start = key.len().checked_sub(8)?;
        Some(u64::from_be_bytes(key.get(start..)?.try_into().ok()?))
    }
}
