//! Disk: what consensus must not forget, the finalized chain, and the state after the last executed
//! height. [`Rocks`] is a RocksDB directory; [`Memory`] is the same for the simulator, with a tail that
//! a crash can tear. Both keep the same keys ([`schema`]) by the same code.
//!
//! 1. `persist` is a barrier: when it returns, its records, and everything written before them, survive
//!    the loss of power (one write batch, one synced log). It is all or nothing.
//! 2. `commit` is one atomic batch: all changes of a height, the height and its root. It is *not*
//!    synced: the block that led to it is, for consensus persists `Finalized` before it asks to execute.
//!    A height that is lost with the tail of the log is executed again, with the same result.
//! 3. After any crash the disk holds a prefix of what was written: one log for all families, replayed
//!    up to the first torn record. So the finalized tip is never below the executed height.
//! 4. What `persist` promised is checked at open: a mark beside the log says how far it was synced, and
//!    a log that ends earlier is refused (a vote may be missing, and voting again would be a
//!    contradiction). The mark itself is never synced: it may lag behind, but never runs ahead.
//! 5. Finalized heights come one after the other. Each deletes the votes, proposals, notarizations and
//!    nullifications of its view and those below, and the blocks that lost in them.
//! 6. Recovery reads from the executed height to the finalized tip, and the views above: never the
//!    whole chain, never the state.
//! 7. A chain may begin above height 1: below a height whose state is offered to others, and in a directory that was
//!    begun with a fetched state, there are no blocks.
//! 8. A fetched state grows in a directory of its own, unsynced and in any order; what crashes leave of it is checked
//!    again. Complete, it gets the block that it is the state after, then what must not be forgotten of the directory whose
//!    place it takes: only then does it take it.
//! 9. A directory that is made while the node's share of the subnet's keys exists already says so for as long as
//!    consensus has not made up for it: votes were lost with the one before.
//! 10. Any error of the disk means: stop. Nothing is retried, nothing is guessed, and bytes that do not
//!     decode are named, never a panic.

mod adopt;
mod journal;
pub mod key_file;
mod mark;
mod memory;
mod options;
mod recover;
mod rocks;
pub mod schema;
mod segment;
mod snapshot;
#[cfg(test)]
mod tests;

pub use memory::Memory;
pub use rocks::{Rocks, Votes};

use crate::encoding::DecodeError;
use crate::types::{ChainId, Height};
use bytes::Bytes;
use schema::Family;

/// Why the disk cannot be used (any more). The replica must stop.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("database: {0}")]
    Database(String),
    #[error("the directory holds layout version {found}, this is version {expected}")]
    Version { found: u32, expected: u32 },
    #[error("the directory belongs to chain {found}, not to {expected}")]
    Chain { found: ChainId, expected: ChainId },
    #[error("{family} {key} on disk is damaged: {error}")]
    Damaged { family: &'static str, key: String, error: String },
    #[error("{family} {key} is missing on disk")]
    Missing { family: &'static str, key: String },
    #[error("the log was synced up to write {synced}, but ends at {found}: votes may be lost")]
    LostWrites { synced: u64, found: u64 },
    #[error("the executed height {executed} is above the finalized tip {finalized}")]
    Ahead { executed: Height, finalized: Height },
    #[error("{what} {got} does not follow {last}")]
    Order { what: &'static str, last: Height, got: Height },
}

impl StorageError {
    fn damaged(family: Family, key: &[u8], error: impl ToString) -> StorageError {
        let (family, key) = (family.name(), hex::encode(key));
        StorageError::Damaged { family, key, error: error.to_string() }
    }

    fn missing(family: Family, key: &[u8]) -> StorageError {
        StorageError::Missing { family: family.name(), key: hex::encode(key) }
    }
}

/// Keys and values by family: what [`Rocks`] and [`Memory`] have in common.
trait Columns {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StorageError>;

    /// Up to `limit` entries with keys from `from` on, ascending.
    fn range(&self, family: Family, from: &[u8], limit: usize)
    -> Result<Vec<(Vec<u8>, Bytes)>, StorageError>;

    /// The entry with the greatest key.
    fn last(&self, family: Family) -> Result<Option<(Vec<u8>, Bytes)>, StorageError>;

    /// The value at `key`, which must be there.
    fn required(&self, family: Family, key: &[u8]) -> Result<Bytes, StorageError> {
        self.get(family, key)?.ok_or_else(|| StorageError::missing(family, key))
    }
}

/// Reads a value, naming it if it is damaged.
fn decoded<T>(
    family: Family,
    key: &[u8],
    value: Bytes,
    decode: impl Fn(Bytes) -> Result<T, DecodeError>,
) -> Result<T, StorageError> {
    decode(value).map_err(|error| StorageError::damaged(family, key, error))
}

/// Writes that reach the disk together or not at all; `None` deletes.
#[derive(Clone, Default, Debug)]
struct Batch {
    /// Prefixes of keys that are deleted, before anything is written.
    dropped: Vec<(Family, Vec<u8>)>,
    writes: Vec<(Family, Vec<u8>, Option<Bytes>)>,
}

impl Batch {
    fn put(&mut self, family: Family, key: impl Into<Vec<u8>>, value: impl Into<Bytes>) {
        self.writes.push((family, key.into(), Some(value.into())));
    }

    fn delete(&mut self, family: Family, key: impl Into<Vec<u8>>) {
        self.writes.push((family, key.into(), None));
    }
}
