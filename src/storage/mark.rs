//! How far the log is known to be synced (preface, rule 4): sixteen bytes beside the database.

use super::StorageError;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The number of the last write that was synced, and its complement as a checksum.
pub(super) struct Mark {
    file: File,
}

fn failed(error: std::io::Error) -> StorageError {
    StorageError::Database(format!("the mark of synced writes: {error}"))
}

impl Mark {
    /// Opens the mark, or makes it.
    pub(super) fn open(path: &Path) -> Result<Mark, StorageError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(failed)?;
        Ok(Mark { file })
    }

    /// The number last written; 0 if there is none, or it was torn: then the check is only weaker.
    pub(super) fn read(&self) -> u64 {
        let mut bytes = [0; 16];
        if self.file.read_exact_at(&mut bytes, 0).is_err() {
            return 0;
        }
        let both = u128::from_be_bytes(bytes);
        let (number, complement) = ((both >> 64) as u64, both as u64);
        if complement == !number { number } else { 0 }
    }

    /// Must be called after write `number` was synced, never before.
    pub(super) fn write(&self, number: u64) -> Result<(), StorageError> {
        let both = u128::from(number) << 64 | u128::from(!number);
        self.file.write_all_at(&both.to_be_bytes(), 0).map_err(failed)
    }
}
