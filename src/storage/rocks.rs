//! Storage in a directory of RocksDB.

use super::journal::Journal;
use super::mark::Mark;
use super::schema::{Family, KEY_BYTES_MAX, VERSION, meta};
use super::snapshot::Snapshot;
use super::{Batch, Columns, StorageError, adopt, options, recover, segment};
use crate::state::{Column, StateDelta, StateSource, Write};
use crate::types::limits::PURGED_PER_WRITE_MAX;
use crate::types::{
    Block, Certification, ChainId, ChainSegment, Digest, Height, RandomBeacon, Record, Recovered, StateRoot,
};
use bytes::Bytes;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, WriteBatch, WriteOptions};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The disk of one replica. Threads may share it; writes are done one after the other.
pub struct Rocks {
    db: Arc<DB>,
    writer: Mutex<Writer>,
}

struct Writer {
    journal: Journal,
    mark: Mark,
    /// A write failed: what is on disk is not known any more (preface, rule 7).
    broken: bool,
}

/// What a directory that is made now must know of the time before it (preface, rule 9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Votes {
    /// This node cannot have voted in this chain yet.
    None,
    /// It may have, and what it voted is lost.
    MayBeLost,
}

/// The handle of a family.
pub(super) fn family(db: &DB, family: Family) -> Result<&ColumnFamily, StorageError> {
    let missing = || StorageError::Database(format!("no column family {}", family.name()));
    db.cf_handle(family.name()).ok_or_else(missing)
}

fn failed(error: rocksdb::Error) -> StorageError {
    StorageError::Database(error.to_string())
}

impl Rocks {
    /// Opens the directory, or makes it, for the chain of this id. `votes` is heard only if it is made.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be opened, is of another chain or layout, or if synced writes are
    /// missing from its log.
    pub fn open(dir: &Path, chain: &ChainId, votes: Votes) -> Result<Rocks, StorageError> {
        let io = |error| StorageError::Database(format!("{}: {error}", dir.display()));
        std::fs::create_dir_all(dir).map_err(io)?;
        let mark = Mark::open(&dir.join("synced"))?;
        let path = dir.join("db");
        let families = options::families();
        let db = DB::open_cf_descriptors(&options::database(), path, families).map_err(failed)?;
        let (synced, found) = (mark.read(), db.latest_sequence_number());
        if found < synced {
            return Err(StorageError::LostWrites { synced, found });
        }
        claim(&db, chain, votes)?;
        let writer = Writer { journal: Journal::load(&db)?, mark, broken: false };
        Ok(Rocks { db: Arc::new(db), writer: Mutex::new(writer) })
    }

    /// Returns when all of `records`, and all that was written before, is safe from a loss of power.
    ///
    /// # Errors
    /// [`StorageError`] if the disk fails, or the records contradict what is there; then nothing more
    /// can be written, and the replica must stop.
    pub fn persist(&self, records: &[Record]) -> Result<(), StorageError> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(|db, writer| {
            let batch = writer.journal.persist(records)?;
            // Other writes cannot come between: the writer is locked.
            let last = db.latest_sequence_number() + batch.writes.len() as u64;
            write(db, &batch, true)?;
            writer.mark.write(last)
        })
    }

    /// Writes all changes of a height, the height and its root, in one atomic batch, which the next
    /// [`Rocks::persist`] makes safe (preface, rule 2).
    ///
    /// # Errors
    /// As for [`Rocks::persist`]; also if the height does not follow the last one.
    pub fn commit(&self, delta: &StateDelta, root: StateRoot) -> Result<(), StorageError> {
        self.write(|db, writer| {
            let batch = writer.journal.commit(delta, root)?;
            write(db, &batch, false)
        })
    }

    /// Changes the state of the last executed height in place, as damage that no checksum shows would:
    /// how `atoll state flip` makes a replica diverge. Nothing else calls this.
    ///
    /// # Errors
    /// As for [`Rocks::persist`]; also if another height was executed last.
    pub fn amend(&self, delta: &StateDelta, root: StateRoot) -> Result<(), StorageError> {
        self.write(|db, writer| {
            let batch = writer.journal.amend(delta, root)?;
            write(db, &batch, true)
        })
    }

    /// Adds to a state that is being fetched (preface, rule 8): the prefixes of keys in `dropped` are deleted first.
    ///
    /// # Errors
    /// As for [`Rocks::persist`].
    pub fn grow(&self, dropped: &[(Column, Vec<u8>)], writes: Vec<Write>) -> Result<(), StorageError> {
        let dropped = dropped.iter().map(|(column, prefix)| (Family::State(*column), prefix.clone()));
        let writes = writes.into_iter().map(|write| (Family::State(write.column), write.key, write.value));
        let batch = Batch { dropped: dropped.collect(), writes: writes.collect() };
        self.write(|db, _| write(db, &batch, false))
    }

    /// The fetched state is complete: it is that of `package`'s first block. Synced.
    ///
    /// # Errors
    /// As for [`Rocks::persist`].
    pub fn adopt(&self, package: &ChainSegment) -> Result<(), StorageError> {
        self.write_whole(&adopt::adoption(package))
    }

    /// Takes over what must not be forgotten of the directory whose place this one takes. Synced. `false`, and nothing is
    /// changed, if that one has executed as much as this.
    ///
    /// # Errors
    /// [`StorageError`] of either.
    pub fn carry_over(&self, from: &Rocks) -> Result<bool, StorageError> {
        match adopt::carried(&*from.db, &*self.db)? {
            Some(batch) => self.write_whole(&batch).map(|()| true),
            None => Ok(false),
        }
    }

    /// As if it had been made with [`Votes::MayBeLost`]. Synced.
    ///
    /// # Errors
    /// As for [`Rocks::persist`].
    pub fn forget_votes(&self) -> Result<(), StorageError> {
        let mut batch = Batch::default();
        batch.put(Family::Meta, meta::AMNESIA, Vec::new());
        self.write_whole(&batch)
    }

    /// Deletes the finalized blocks below `below`, oldest first, some hundred a write; how many. To be called for heights
    /// that were executed.
    ///
    /// # Errors
    /// As for [`Rocks::persist`].
    pub fn purge(&self, below: Height) -> Result<usize, StorageError> {
        let mut all = 0usize;
        loop {
            let (batch, purged) = adopt::purge(&*self.db, below, PURGED_PER_WRITE_MAX)?;
            if purged == 0 {
                return Ok(all);
            }
            self.write(|db, _| write(db, &batch, false))?;
            all = all.saturating_add(purged);
        }
    }

    /// The catch-up package of the height that `certification` certifies; `None` if the height is not final here, or
    /// purged.
    ///
    /// # Errors
    /// [`StorageError`] naming what is missing or damaged.
    pub fn package(&self, certification: Certification) -> Result<Option<ChainSegment>, StorageError> {
        segment::package(&*self.db, certification)
    }

    /// The lowest finalized height that is not purged.
    ///
    /// # Errors
    /// [`StorageError`] if the disk fails.
    pub fn first_finalized(&self) -> Result<Option<Height>, StorageError> {
        segment::first(&*self.db)
    }

    /// What a restart needs (preface, rule 6).
    ///
    /// # Errors
    /// [`StorageError`] naming what is missing or damaged.
    pub fn recover(&self) -> Result<Recovered, StorageError> {
        recover::recover(&*self.db)
    }

    /// The state as committed now; later commits do not change it.
    pub fn source(&self) -> Arc<dyn StateSource> {
        Arc::new(Snapshot::new(self.db.clone()))
    }

    /// Puts what is committed now into the directory `dir`, which must not exist: mostly by links to files that do not
    /// change any more. What is in memory only is written to files for it.
    ///
    /// # Errors
    /// [`StorageError`] if the disk fails.
    pub fn checkpoint(&self, dir: &Path) -> Result<(), StorageError> {
        Checkpoint::new(&*self.db).and_then(|checkpoint| checkpoint.create_checkpoint(dir)).map_err(failed)
    }

    /// The state in a directory that [`Rocks::checkpoint`] made; it is only read.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be opened.
    pub fn read_checkpoint(dir: &Path) -> Result<Arc<dyn StateSource>, StorageError> {
        let (options, families) = (options::database(), options::families());
        let db = DB::open_cf_descriptors_read_only(&options, dir, families, false).map_err(failed)?;
        Ok(Arc::new(Snapshot::new(Arc::new(db))))
    }

    /// Finalized blocks from `from` on, for a replica that lags: bounded by
    /// `limits::CHAIN_SEGMENT_BLOCKS_MAX` and `limits::CHAIN_SEGMENT_BYTES_MAX`, and ending at a height that its own
    /// finalization names (a run without one may go beyond). `None` if `from` is not final here, or purged.
    ///
    /// # Errors
    /// [`StorageError`] naming what is missing or damaged.
    pub fn chain_segment(&self, from: Height) -> Result<Option<ChainSegment>, StorageError> {
        segment::chain_segment(&*self.db, from)
    }

    /// The finalized block at `height` and its beacon.
    ///
    /// # Errors
    /// [`StorageError`] naming what is missing or damaged.
    pub fn finalized_block(&self, height: Height) -> Result<(Arc<Block>, RandomBeacon), StorageError> {
        let entry = recover::finalized(&*self.db, height)?;
        let (block, _) = recover::block(&*self.db, &entry.hash)?;
        Ok((block, entry.beacon))
    }

    #[cfg(test)]
    pub(super) fn columns(&self) -> &impl Columns {
        &*self.db
    }

    /// Moves everything from the log into files.
    #[cfg(test)]
    pub(super) fn flush(&self) {
        for of in super::schema::FAMILIES {
            let handle = family(&self.db, of).expect("a test's disk works");
            self.db.flush_cf(handle).expect("a test's disk works");
        }
    }

    /// Puts a value behind the journal's back.
    #[cfg(test)]
    pub(super) fn overwrite(&self, of: Family, key: &[u8], value: &[u8]) {
        let mut batch = Batch::default();
        batch.put(of, key, value.to_vec());
        write(&self.db, &batch, true).expect("a test's disk works");
    }

    /// A synced write that the journal does not know of.
    fn write_whole(&self, batch: &Batch) -> Result<(), StorageError> {
        self.write(|db, writer| {
            write(db, batch, true)?;
            writer.mark.write(db.latest_sequence_number())?;
            writer.journal = Journal::load(db)?;
            Ok(())
        })
    }

    fn write(
        &self,
        write: impl FnOnce(&DB, &mut Writer) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.broken {
            return Err(StorageError::Database("an earlier write failed".into()));
        }
        writer.broken = true;
        write(&self.db, &mut writer)?;
        writer.broken = false;
        Ok(())
    }
}

/// Checks version and chain of a directory; writes them into a new one.
fn claim(db: &DB, chain: &ChainId, votes: Votes) -> Result<(), StorageError> {
    if db.latest_sequence_number() == 0 {
        let mut batch = Batch::default();
        batch.put(Family::Meta, meta::VERSION, VERSION.to_be_bytes().to_vec());
        batch.put(Family::Meta, meta::CHAIN, chain.0.to_vec());
        if votes == Votes::MayBeLost {
            batch.put(Family::Meta, meta::AMNESIA, Vec::new());
        }
        return write(db, &batch, true);
    }
    let wrong = |key| move |_| StorageError::damaged(Family::Meta, key, "wrong length");
    let version = db.required(Family::Meta, meta::VERSION)?;
    let found = version.as_ref().try_into().map(u32::from_be_bytes).map_err(wrong(meta::VERSION))?;
    if found != VERSION {
        return Err(StorageError::Version { found, expected: VERSION });
    }
    let found = db.required(Family::Meta, meta::CHAIN)?;
    let found = found.as_ref().try_into().map(Digest).map_err(wrong(meta::CHAIN))?;
    match found == *chain {
        true => Ok(()),
        false => Err(StorageError::Chain { found, expected: *chain }),
    }
}

fn write(db: &DB, batch: &Batch, sync: bool) -> Result<(), StorageError> {
    let mut writes = WriteBatch::default();
    for (of, prefix) in &batch.dropped {
        writes.delete_range_cf(family(db, *of)?, prefix.clone(), after(prefix));
    }
    for (to, key, value) in &batch.writes {
        let handle = family(db, *to)?;
        match value {
            Some(value) => writes.put_cf(handle, key, value),
            None => writes.delete_cf(handle, key),
        }
    }
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    db.write_opt(writes, &options).map_err(failed)
}

/// The least key that is greater than all keys with this prefix.
fn after(prefix: &[u8]) -> Vec<u8> {
    let mut key = prefix.to_vec();
    while let Some(last) = key.pop() {
        if let Some(next) = last.checked_add(1) {
            key.push(next);
            return key;
        }
    }
    vec![0xff; KEY_BYTES_MAX]
}

impl Columns for DB {
    fn get(&self, from: Family, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let value = self.get_cf(family(self, from)?, key).map_err(failed)?;
        Ok(value.map(Bytes::from))
    }

    fn range(&self, of: Family, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Bytes)>, StorageError> {
        let mode = IteratorMode::From(from, Direction::Forward);
        let entries = self.iterator_cf(family(self, of)?, mode).take(limit);
        let entry = |(key, value): (Box<[u8]>, Box<[u8]>)| (key.into_vec(), Bytes::from(value));
        entries.map(|found| found.map(entry).map_err(failed)).collect()
    }

    fn last(&self, of: Family) -> Result<Option<(Vec<u8>, Bytes)>, StorageError> {
        let mut entries = self.iterator_cf(family(self, of)?, IteratorMode::End);
        let entry = |(key, value): (Box<[u8]>, Box<[u8]>)| (key.into_vec(), Bytes::from(value));
        entries.next().transpose().map(|found| found.map(entry)).map_err(failed)
    }
}
