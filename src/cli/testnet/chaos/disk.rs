//! What befalls a replica's data directory, and how large it is.

use crate::sim::random::Random;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A small disk has this much more room than the data that it begins with: the database opens, and little more.
const ROOM_BYTES: u64 = 24 << 20;
/// Bits that one fault flips, at most.
const FLIPS_MAX: u64 = 16;
const BALLAST: &str = "ballast";

/// Bytes of all files under `folder`; those that go meanwhile count for nothing.
pub fn bytes(folder: &Path) -> u64 {
    files(folder).iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
}

/// All files under `folder`, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

/// Removes the directory with all that is in it.
///
/// # Errors
/// The file system refuses.
pub fn wipe(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Flips some bits of the files under `folder`, often a single one; says which. Half of them are anywhere in the data,
/// the others in any file, which finds the small ones.
///
/// # Errors
/// The file system refuses, or there is nothing to flip.
pub fn flip(folder: &Path, seed: u64) -> io::Result<Vec<String>> {
    let mut random = Random::new(seed);
    let mut files = files(folder);
    files.retain(|path| fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0));
    if files.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} is empty", folder.display())));
    }
    let count = if random.chance(600) { 1 } else { random.between(2, FLIPS_MAX) };
    let flip = |_| {
        let file = match random.chance(500) {
            true => by_size(&files, &mut random),
            false => random.index(files.len()),
        };
        flip_one(folder, &files[file], &mut random)
    };
    (0..count).map(flip).collect()
}

/// The file that has a byte drawn from all bytes.
fn by_size(files: &[PathBuf], random: &mut Random) -> usize {
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut byte = random.below(files.iter().map(size).sum());
    let holds = |path: &PathBuf| {
        let (size, before) = (size(path), byte);
        byte = byte.saturating_sub(size);
        before < size
    };
    files.iter().position(holds).unwrap_or_default()
}

fn flip_one(folder: &Path, path: &Path, random: &mut Random) -> io::Result<String> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let (offset, bit) = (random.below(file.metadata()?.len()), random.below(8));
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset)?;
    byte[0] ^= 1 << bit;
    file.write_all_at(&byte, offset)?;
    let name = path.strip_prefix(folder).unwrap_or(path);
    Ok(format!("bit {bit} of byte {offset} of {}", name.display()))
}

/// A small file system in memory; unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `at` that has room for the files of `data` and little more, and copies them there.
    ///
    /// # Errors
    /// Mounting needs root, and may be forbidden even then.
    pub fn with_copy_of(data: &Path, at: &Path) -> io::Result<SmallDisk> {
        fs::create_dir_all(at)?;
        let size = format!("size={}", bytes(data) + ROOM_BYTES);
        run("mount", &["-t", "tmpfs", "-o", &size, "none", &at.display().to_string()])?;
        let disk = SmallDisk(at.to_path_buf());
        copy(data, &disk.data())?;
        Ok(disk)
    }

    /// Where the copy is.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Takes all the room that is left, also what was freed since the last time.
    ///
    /// # Errors
    /// Anything but that no room is left.
    pub fn fill(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.0.join(BALLAST))?;
        for size in [1 << 20, 1 << 12, 1] {
            let chunk = vec![0xff; size];
            loop {
                match file.write_all(&chunk) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Puts what is on it in the place of `data`, as an operator would move it to a larger disk.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn move_to(self, data: &Path) -> io::Result<()> {
        let next = data.with_extension("next");
        wipe(&next)?;
        copy(&self.data(), &next)?;
        wipe(data)?;
        fs::rename(&next, data)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = run("umount", &["--lazy", &self.0.display().to_string()]) {
            eprintln!("chaos: {error}");
        }
        let _ = fs::remove_dir(&self.0);
    }
}

/// Whether small disks are to be had here; if not, why.
///
/// # Errors
/// What the system says.
pub fn small_disks(folder: &Path) -> io::Result<()> {
    let (empty, at) = (folder.join("empty"), folder.join("try"));
    fs::create_dir_all(&empty)?;
    SmallDisk::with_copy_of(&empty, &at).map(drop)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    run("cp", &["-r", &from.display().to_string(), &to.display().to_string()])
}

fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
            Err(io::Error::other(format!("{program} {}: {said}", args.join(" "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_says_which_bits_are_flipped_and_twice_is_never() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let path = folder.path().join("sub/file");
        let content = vec![7; 10_000];
        fs::write(&path, &content).unwrap();
        fs::write(folder.path().join("empty"), []).unwrap();
        let first = flip(folder.path(), 3).unwrap();
        assert!(!first.is_empty() && first.iter().all(|bit| bit.ends_with("of sub/file")), "{first:?}");
        assert_ne!(fs::read(&path).unwrap(), content);
        assert_eq!(flip(folder.path(), 3).unwrap(), first);
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(bytes(folder.path()), 10_000);
    }

    #[test]
    fn an_empty_directory_has_no_bits() {
        let folder = tempfile::tempdir().unwrap();
        assert!(flip(folder.path(), 1).is_err());
        wipe(folder.path()).unwrap();
        wipe(folder.path()).unwrap();
    }
}
