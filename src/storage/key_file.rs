//! Files with secrets: readable by the user who runs the node and by nobody else, or refused.
//!
//! 1. A key directory has mode 0700, a key file 0600 (or less), both belong to the running user, and
//!    neither is a symbolic link. What was opened is checked, not what the path named a moment before.
//! 2. A file appears whole or not at all: written beside its place, synced, renamed, directory synced.
//! 3. Secrets in memory are zeroized when dropped.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The node's Ed25519 identity key, 32 bytes.
pub const IDENTITY: &str = "identity.key";
/// The node's Ed25519 TLS key, 32 bytes.
pub const TLS: &str = "tls.key";
/// The node's share-encryption key, 32 bytes.
pub const ENCRYPTION: &str = "encryption.key";
/// What the key-generation ceremony must remember (`CeremonyEffect::Persist`).
pub const SEED: &str = "ceremony.seed";
/// The node's shares of the subnet's keys (`CeremonyEffect::Finished`).
pub const KEYRING: &str = "keyring.key";
/// The transcript of the ceremony; not secret, kept beside the keyring.
pub const TRANSCRIPT: &str = "ceremony.transcript";
/// Everybody's public shares of the first epoch; not secret. Not needed by a node that has executed a height.
pub const FIRST_SHARES: &str = "first.shares";
/// From the second epoch on in the place of the keyring: the secret key that opens the shares of the next epoch,
/// 32 bytes, and the keyring.
pub const EPOCH: &str = "epoch.key";
/// What a node deals its shares out with: number of the epoch, 8 bytes, and 32 random bytes.
pub const DEALING_SEED: &str = "dealing.seed";

/// Larger files are no key files.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file or directory that is not fit for secrets.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct KeyFileError {
    pub path: PathBuf,
    pub problem: Problem,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("does not exist")]
    Missing,
    #[error("exists already and is not overwritten")]
    Exists,
    #[error("is a symbolic link")]
    Link,
    #[error("is not a directory")]
    NotDirectory,
    #[error("is not a regular file")]
    NotFile,
    #[error("belongs to user {found}, but this process runs as user {expected}")]
    Owner { found: u32, expected: u32 },
    #[error("has mode {found:04o}, but only its owner may reach it: chmod {expected:04o}")]
    Mode { found: u32, expected: u32 },
    #[error("has {found} bytes, {expected} expected")]
    Size { found: u64, expected: u64 },
    #[error("has no name in a directory")]
    NoName,
    #[error("{0}")]
    Io(io::Error),
}

fn fail(path: &Path, problem: Problem) -> KeyFileError {
    KeyFileError { path: path.to_path_buf(), problem }
}

fn io_problem(path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    let path = path.to_path_buf();
    move |error| {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => Problem::Missing,
            io::ErrorKind::AlreadyExists => Problem::Exists,
            io::ErrorKind::NotADirectory => Problem::NotDirectory,
            _ if error.raw_os_error() == Some(libc::ELOOP) => Problem::Link,
            _ => Problem::Io(error),
        };
        KeyFileError { path: path.clone(), problem }
    }
}

/// Makes `dir` (and what is missing above it) with mode 0700, or checks the one that is there.
pub fn create_dir(dir: &Path) -> Result<(), KeyFileError> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(io_problem(parent))?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => open_dir(dir).map(drop),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_dir(dir).map(drop),
        Err(error) => Err(io_problem(dir)(error)),
    }
}

/// Opens a key directory (rule 1).
fn open_dir(dir: &Path) -> Result<File, KeyFileError> {
    if fs::symlink_metadata(dir).map_err(io_problem(dir))?.is_symlink() {
        return Err(fail(dir, Problem::Link));
    }
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(dir).map_err(io_problem(dir))?;
    check_owner_and_mode(dir, &file, 0o700)?;
    Ok(file)
}

fn check_owner_and_mode(path: &Path, file: &File, expected: u32) -> Result<(), KeyFileError> {
    let metadata = file.metadata().map_err(io_problem(path))?;
    let (found, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if found != user {
        return Err(fail(path, Problem::Owner { found, expected: user }));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & !expected != 0 { Err(fail(path, Problem::Mode { found: mode, expected })) } else { Ok(()) }
}

/// The directory of a key file, checked.
fn open_parent(path: &Path) -> Result<File, KeyFileError> {
    open_dir(parent(path))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Reads a key file (rule 1).
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    open_parent(path)?;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(io_problem(path))?;
    let metadata = file.metadata().map_err(io_problem(path))?;
    if !metadata.is_file() {
        return Err(fail(path, Problem::NotFile));
    }
    check_owner_and_mode(path, &file, 0o600)?;
    if metadata.len() > BYTES_MAX {
        return Err(fail(path, Problem::Size { found: metadata.len(), expected: BYTES_MAX }));
    }
    // Room for everything at once: a vector that grows leaves copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(io_problem(path))?;
    Ok(bytes)
}

/// Reads a key file, if it exists.
pub fn read_if_exists(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(KeyFileError { path: missing, problem: Problem::Missing }) if missing == path => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a key of exactly `N` bytes.
pub fn read_array<const N: usize>(path: &Path) -> Result<Zeroizing<[u8; N]>, KeyFileError> {
    let bytes = read(path)?;
    let size = Problem::Size { found: bytes.len() as u64, expected: N as u64 };
    <[u8; N]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| fail(path, size))
}

/// Writes a key file that does not exist yet (rule 2).
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    place(path, bytes, |temporary| {
        let linked = fs::hard_link(temporary, path);
        fs::remove_file(temporary).and(linked)
    })
}

/// Writes a key file, in the place of the one that may be there (rule 2).
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    place(path, bytes, |temporary| fs::rename(temporary, path))
}

/// Writes a key file in the place of another, whose bytes are overwritten on disk.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let old = open_to_erase(path)?;
    write(path, bytes)?;
    match old {
        Some(old) => overwrite(&old).map_err(io_problem(path)),
        None => Ok(()),
    }
}

/// Overwrites a key file and removes it; nothing if there is none.
pub fn erase(path: &Path) -> Result<(), KeyFileError> {
    let Some(old) = open_to_erase(path)? else { return Ok(()) };
    let dir = open_parent(path)?;
    overwrite(&old).and_then(|()| fs::remove_file(path)).map_err(io_problem(path))?;
    dir.sync_all().map_err(io_problem(path))
}

fn open_to_erase(path: &Path) -> Result<Option<File>, KeyFileError> {
    let opened = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(path);
    match opened {
        Ok(file) => {
            check_owner_and_mode(path, &file, 0o600)?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_problem(path)(error)),
    }
}

/// Zeros in the place of everything.
fn overwrite(mut file: &File) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

fn place(path: &Path, bytes: &[u8], put: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), KeyFileError> {
    let dir = open_parent(path)?;
    let name = path.file_name().ok_or_else(|| fail(path, Problem::NoName))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    let temporary = parent(path).join(hidden);
    write_synced(&temporary, bytes).map_err(io_problem(&temporary))?;
    put(&temporary).and_then(|()| dir.sync_all()).map_err(io_problem(path))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A crash may have left one behind.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn keys() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/keys");
        create_dir(&dir).unwrap();
        (root, dir)
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn check<T>(result: Result<T, KeyFileError>, path: &Path, expected: &str) {
        let message = result.map(drop).unwrap_err().to_string();
        assert_eq!(message, format!("{}: {expected}", path.display()));
    }

    #[test]
    fn what_is_written_is_read_and_private() {
        let (_root, dir) = keys();
        let path = dir.join(IDENTITY);
        write_new(&path, &[7; 32]).unwrap();
        assert_eq!(*read_array::<32>(&path).unwrap(), [7; 32]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o700);
        write(&path, &[8; 32]).unwrap();
        assert_eq!(**read(&path).unwrap(), [8; 32]);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn an_erased_key_is_overwritten_before_it_is_removed() {
        let (_root, dir) = keys();
        let (path, other) = (dir.join(KEYRING), dir.join("other"));
        write(&path, b"old secret").unwrap();
        fs::hard_link(&path, &other).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!((&**read(&path).unwrap(), &**read(&other).unwrap()), (&b"new"[..], &[0; 10][..]));
        erase(&path).unwrap();
        assert!(read_if_exists(&path).unwrap().is_none());
        erase(&path).unwrap();
        replace(&path, b"again").unwrap();
        assert_eq!(**read(&path).unwrap(), *b"again");
    }

    #[test]
    fn a_new_key_never_replaces_an_old_one() {
        let (_root, dir) = keys();
        let path = dir.join(TLS);
        write_new(&path, b"old").unwrap();
        check(write_new(&path, b"new"), &path, "exists already and is not overwritten");
        assert_eq!(**read(&path).unwrap(), *b"old");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_file_that_others_can_reach_is_refused() {
        let (_root, dir) = keys();
        let path = dir.join(ENCRYPTION);
        write_new(&path, b"key").unwrap();
        chmod(&path, 0o640);
        check(read(&path), &path, "has mode 0640, but only its owner may reach it: chmod 0600");
        chmod(&path, 0o400);
        assert_eq!(**read(&path).unwrap(), *b"key");
        chmod(&dir, 0o750);
        let expected = "has mode 0750, but only its owner may reach it: chmod 0700";
        check(read(&path), &dir, expected);
        check(write(&path, b"x"), &dir, expected);
        check(create_dir(&dir), &dir, expected);
    }

    #[test]
    fn links_and_other_things_are_refused() {
        let (_root, dir) = keys();
        let path = dir.join(IDENTITY);
        write_new(&path, b"key").unwrap();
        let link = dir.join("link");
        symlink(&path, &link).unwrap();
        check(read(&link), &link, "is a symbolic link");
        let dir_link = dir.parent().unwrap().join("link");
        symlink(&dir, &dir_link).unwrap();
        check(read(&dir_link.join(IDENTITY)), &dir_link, "is a symbolic link");
        check(create_dir(&dir_link), &dir_link, "is a symbolic link");
        check(create_dir(&path), &path, "is not a directory");
        let inner = dir.join("inner");
        create_dir(&inner).unwrap();
        check(read(&inner), &inner, "is not a regular file");
    }

    #[test]
    fn a_missing_file_or_a_wrong_size_is_named() {
        let (_root, dir) = keys();
        let path = dir.join(SEED);
        check(read(&path), &path, "does not exist");
        assert!(read_if_exists(&path).unwrap().is_none());
        write_new(&path, b"short").unwrap();
        check(read_array::<32>(&path), &path, "has 5 bytes, 32 expected");
        let nowhere = dir.join("no/such");
        check(read_if_exists(&nowhere), &dir.join("no"), "does not exist");
    }

    #[test]
    fn another_users_file_is_refused_where_this_test_may_make_one() {
        let (_root, dir) = keys();
        let path = dir.join(IDENTITY);
        write_new(&path, b"key").unwrap();
        if !rustix::process::geteuid().is_root() {
            return;
        }
        std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
        check(read(&path), &path, "belongs to user 12345, but this process runs as user 0");
    }
}
