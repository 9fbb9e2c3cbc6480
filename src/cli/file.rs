//! Files that others read while they are written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces `path` with `content`: a reader sees the old file or the new one, whole.
///
/// # Errors
/// What the file system says, naming the file.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    let next = Path::new(&next);
    let write = || {
        let mut file = File::create(next)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(next, path)
    };
    write().map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))
}
