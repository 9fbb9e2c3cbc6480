//! What of the state goes to disk: the state turns itself into writes by column, and is restored from
//! scans of the same columns. Storage knows only columns, keys and bytes.

use super::HostFailure;
use crate::types::Height;
use bytes::Bytes;

/// A family of keys; `storage::schema` gives each its RocksDB column family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Column {
    /// Canister number (8 bytes, big-endian) -> canister record without memories; canister number, kind (1 byte),
    /// number (8 bytes) -> waiting message, line of its log, or snapshot record.
    Canister,
    /// Volume (8 bytes), page index (8 bytes) -> page content.
    Page,
    /// The same key as `Page` -> digest of the page; empty where a page of an older volume is gone.
    PageDigest,
    /// Module hash -> module as installed.
    Module,
    /// Canister number, chunk hash -> chunk.
    Chunk,
    /// Request id -> ingress history entry.
    History,
    /// Names of single values of the subnet: next canister id, randomness, totals.
    Subnet,
}

/// One key set (`Some`) or removed (`None`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    pub column: Column,
    pub key: Vec<u8>,
    pub value: Option<Bytes>,
}

/// All that executing `height` changed; committed atomically together with the height.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StateDelta {
    pub height: Height,
    pub writes: Vec<Write>,
    /// Prefixes of keys that are removed, before anything is written.
    pub dropped: Vec<(Column, Vec<u8>)>,
}

/// A consistent view of committed state (a RocksDB snapshot, or the simulator's map).
pub trait StateSource: Send + Sync {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Bytes>, HostFailure>;
    /// The values at `keys`, in their order; a source that reads in bulk says so here.
    fn get_many(&self, column: Column, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, HostFailure> {
        keys.iter().map(|key| self.get(column, key)).collect()
    }
    /// All entries whose key starts with `prefix`, ascending.
    fn scan(&self, column: Column, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure>;
    /// Entries from the key `first` on, ascending: as many as have some `bytes` together, but at least one if there
    /// is any.
    fn scan_from(
        &self,
        column: Column,
        first: &[u8],
        bytes: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure>;
}
