//! Directories that take each other's place, and stay in it.

use super::NodeError;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Removes a directory, if it is there.
///
/// # Errors
/// The disk fails.
pub fn remove(dir: &Path) -> Result<(), NodeError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(NodeError::io(format!("removing {}", dir.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Renames a directory; safe after the next [`sync`] of the one that both are in.
///
/// # Errors
/// The disk fails.
pub fn rename(from: &Path, to: &Path) -> Result<(), NodeError> {
    fs::rename(from, to).map_err(NodeError::io(format!("renaming {} to {}", from.display(), to.display())))
}

/// Writes a file whose content is safe then; that it is there, after the next [`sync`] of its directory.
///
/// # Errors
/// The disk fails.
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), NodeError> {
    let written = fs::write(file, bytes).and_then(|()| fs::File::open(file)?.sync_all());
    written.map_err(NodeError::io(format!("writing {}", file.display())))
}

/// What was renamed, made and removed in the directory is safe.
///
/// # Errors
/// The disk fails.
pub fn sync(dir: &Path) -> Result<(), NodeError> {
    let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(NodeError::io(format!("syncing {}", dir.display())))
}
