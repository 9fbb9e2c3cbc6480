//! Which pieces a canister has of a batch that is not committed yet, on disk, so that an upload that was interrupted
//! goes on where it stopped (rule 10 of the room).
//!
//! The file is lines of JSON, only ever appended to: the batch, then each piece as its call is answered, and what was
//! set. A last line that was cut off says nothing. Nobody else writes the file while it is open.

use super::encode::Encoding;
use super::plan::Place;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A million pieces. What is larger is forgotten.
const JOURNAL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The journal cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("another upload to this canister is under way (it holds {0})")]
    Busy(PathBuf),
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
enum Line {
    Batch(u64),
    Piece(PieceLine),
    /// Keys whose pieces were set, and are used up.
    Set(BTreeSet<String>),
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
struct PieceLine {
    key: String,
    encoding: String,
    index: u64,
    sha256: String,
    chunk: u64,
}

/// A piece of a content, by what it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PieceName {
    pub place: Place,
    pub index: u64,
    /// Of the piece alone: pieces of a file that changed elsewhere are of use too.
    pub sha256: [u8; 32],
}

/// What a journal says.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Pages {
    pub batch: Option<u64>,
    chunks: BTreeMap<PieceName, u64>,
    /// As many bytes as were understood.
    length: usize,
}

impl Pages {
    /// Reads lines up to the first that is not one.
    pub fn read(text: &str) -> Pages {
        let mut pages = Pages::default();
        for line in text.split_inclusive('\n') {
            let known: Option<Line> =
                line.strip_suffix('\n').and_then(|line| serde_json::from_str(line).ok());
            match known {
                Some(Line::Batch(batch)) if pages.length == 0 => pages.batch = Some(batch),
                Some(Line::Piece(piece)) if pages.length > 0 => {
                    let Some(name) = name_of(&piece) else { return pages };
                    pages.chunks.insert(name, piece.chunk);
                }
                Some(Line::Set(keys)) if pages.length > 0 => {
                    pages.chunks.retain(|piece, _| !keys.contains(&piece.place.key));
                }
                _ => return pages,
            }
            pages.length += line.len();
        }
        pages
    }

    /// The canister's id of a piece, if it has it.
    pub fn chunk(&self, piece: &PieceName) -> Option<u64> {
        self.chunks.get(piece).copied()
    }

    /// Whether all pieces were there before `chunk`: ids only grow.
    pub fn are_before(&self, chunk: u64) -> bool {
        self.chunks.values().all(|known| *known < chunk)
    }
}

fn name_of(piece: &PieceLine) -> Option<PieceName> {
    let sha256: [u8; 32] = hex::decode(&piece.sha256).ok()?.try_into().ok()?;
    let place = Place { key: piece.key.clone(), encoding: Encoding::named(&piece.encoding)? };
    Some(PieceName { place, index: piece.index, sha256 })
}

fn line_of(PieceName { place, index, sha256 }: &PieceName, chunk: u64) -> Line {
    let (key, encoding) = (place.key.clone(), place.encoding.name().to_string());
    Line::Piece(PieceLine { key, encoding, index: *index, sha256: hex::encode(sha256), chunk })
}

/// An open journal.
pub struct Journal {
    file: File,
    path: PathBuf,
    pub pages: Pages,
}

impl Journal {
    /// Opens or makes the file, and takes it for this process alone.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        let opened = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            // Not somebody else's file, where folders are shared.
            options.custom_flags(libc::O_NOFOLLOW).open(path)
        };
        let wrong = |source| JournalError::File { path: path.to_path_buf(), source };
        let mut file = opened().map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy(path.to_path_buf())),
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        let mut bytes = Vec::new();
        (&file).take(JOURNAL_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(wrong)?;
        let fits = bytes.len() as u64 <= JOURNAL_BYTES_MAX;
        let text = String::from_utf8_lossy(&bytes);
        let pages = if fits { Pages::read(&text) } else { Pages::default() };
        // What was cut off must not run into what is appended.
        let kept = pages.length as u64;
        file.set_len(kept).and_then(|()| file.seek(io::SeekFrom::Start(kept))).map_err(wrong)?;
        Ok(Journal { file, path: path.to_path_buf(), pages })
    }

    /// Forgets everything, and keeps pieces of `batch` from now on.
    ///
    /// # Errors
    /// [`JournalError::File`].
    pub fn begin(&mut self, batch: u64) -> Result<(), JournalError> {
        self.forget()?;
        self.append(&[Line::Batch(batch)])?;
        self.pages.batch = Some(batch);
        Ok(())
    }

    /// Keeps pieces that the canister has.
    ///
    /// # Errors
    /// [`JournalError::File`].
    pub fn keep(&mut self, pieces: &[PieceName], chunks: &[u64]) -> Result<(), JournalError> {
        let lines = pieces.iter().zip(chunks).map(|(piece, chunk)| line_of(piece, *chunk));
        self.append(&lines.collect::<Vec<_>>())
    }

    /// Forgets the pieces of these keys: the canister has set them.
    ///
    /// # Errors
    /// [`JournalError::File`].
    pub fn set(&mut self, keys: BTreeSet<String>) -> Result<(), JournalError> {
        self.append(&[Line::Set(keys)])
    }

    /// Forgets everything: the batch is done, or the canister does not go on with it.
    ///
    /// # Errors
    /// [`JournalError::File`].
    pub fn forget(&mut self) -> Result<(), JournalError> {
        self.pages = Pages::default();
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(io::SeekFrom::Start(0)));
        emptied.map(drop).map_err(|source| JournalError::File { path: self.path.clone(), source })
    }

    fn append(&mut self, lines: &[Line]) -> Result<(), JournalError> {
        let mut write = || {
            let mut bytes = Vec::new();
            for line in lines {
                serde_json::to_writer(&mut bytes, line)?;
                bytes.push(b'\n');
            }
            self.file.write_all(&bytes)
        };
        write().map_err(|source| JournalError::File { path: self.path.clone(), source })
    }
}
