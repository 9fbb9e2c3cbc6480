//! A frozen view of the committed state, which outlives the borrow of the database.

use super::rocks::family;
use super::schema::Family;
use crate::state::{Column, HostFailure, StateSource};
use bytes::Bytes;
use rocksdb::{DB, Direction, IteratorMode};
use std::sync::Arc;

/// While one is held, RocksDB keeps the values that were current when it was made: at most one old
/// version of each key that is overwritten later.
pub(super) struct Snapshot {
    /// Declared before `db`, so that it is released first.
    view: rocksdb::Snapshot<'static>,
    db: Arc<DB>,
}

fn failed(error: impl ToString) -> HostFailure {
    HostFailure(format!("database: {}", error.to_string()))
}

impl Snapshot {
    pub(super) fn new(db: Arc<DB>) -> Snapshot {
        let view = db.snapshot();
        // SAFETY: the view borrows `*db`, which is on the heap and lives as long as this struct's `db`;
        // fields drop in order of declaration, so the view is gone before the database can be.
        let view = unsafe { std::mem::transmute::<rocksdb::Snapshot<'_>, rocksdb::Snapshot<'static>>(view) };
        Snapshot { view, db }
    }
}

impl StateSource for Snapshot {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Bytes>, HostFailure> {
        let handle = family(&self.db, Family::State(column)).map_err(failed)?;
        let value = self.view.get_cf(handle, key).map_err(failed)?;
        Ok(value.map(Bytes::from))
    }

    fn get_many(&self, column: Column, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, HostFailure> {
        let handle = family(&self.db, Family::State(column)).map_err(failed)?;
        let values = self.view.multi_get_cf(keys.iter().map(|key| (handle, key)));
        let value = |value: Result<Option<Vec<u8>>, _>| value.map(|value| value.map(Bytes::from));
        values.into_iter().map(|found| value(found).map_err(failed)).collect()
    }

    fn scan_from(
        &self,
        column: Column,
        first: &[u8],
        bytes: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let handle = family(&self.db, Family::State(column)).map_err(failed)?;
        let (mut entries, mut taken) = (Vec::new(), 0usize);
        for entry in self.view.iterator_cf(handle, IteratorMode::From(first, Direction::Forward)) {
            let (key, value) = entry.map_err(failed)?;
            taken = taken.saturating_add(key.len()).saturating_add(value.len());
            entries.push((key.into_vec(), Bytes::from(value)));
            if taken >= bytes {
                break;
            }
        }
        Ok(entries)
    }

    fn scan(&self, column: Column, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let handle = family(&self.db, Family::State(column)).map_err(failed)?;
        let mode = IteratorMode::From(prefix, Direction::Forward);
        let mut entries = Vec::new();
        for entry in self.view.iterator_cf(handle, mode) {
            let (key, value) = entry.map_err(failed)?;
            if !key.starts_with(prefix) {
                break;
            }
            entries.push((key.into_vec(), Bytes::from(value)));
        }
        Ok(entries)
    }
}
