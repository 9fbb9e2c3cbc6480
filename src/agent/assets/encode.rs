//! A file's contents in the encodings that are worth it (rules 4 to 6 of the room).

use super::folder::Asset;
use super::wire::Remote;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A content is sent in pieces of so many bytes: each fits in a message with what is around it.
pub const PIECE_BYTES: usize = 1_900_000;
/// Below this, a response's headers are most of it.
const WORTH_BYTES_MIN: u64 = 1_024;
/// Larger files are compressed by Brotli's middle level: its best makes half a megabyte a second.
const BEST_BROTLI_BYTES_MAX: u64 = 512 * 1024;
const BEST_BROTLI: u32 = 11;
const FAST_BROTLI: u32 = 9;
const BROTLI_WINDOW: u32 = 22;
const BUFFER_BYTES: usize = 64 * 1024;

/// How a content is encoded. Their order is the order in which they are set.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    Identity,
    Gzip,
    #[serde(alias = "br")]
    Brotli,
}

impl Encoding {
    /// As it stands in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Brotli => "br",
        }
    }

    /// The encoding of this name.
    pub fn named(name: &str) -> Option<Encoding> {
        [Encoding::Identity, Encoding::Gzip, Encoding::Brotli].into_iter().find(|known| known.name() == name)
    }
}

/// A file cannot be read, or is another than a moment ago.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} changed while it was read; run the command again")]
    Changed(PathBuf),
}

/// What a content is, whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    pub sha256: [u8; 32],
    pub length: u64,
}

/// A content, and its bytes if they are one piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub content: Content,
    pub whole: Option<Vec<u8>>,
}

/// A file's contents by encoding.
pub type Contents = BTreeMap<Encoding, Found>;

/// The encodings that are tried if the configuration says nothing.
pub fn usual(media_type: &str, bytes: u64) -> &'static [Encoding] {
    let (kind, name) = media_type.split_once('/').unwrap_or((media_type, ""));
    let shrinks = kind == "text"
        || name.ends_with("+json")
        || name.ends_with("+xml")
        || ["javascript", "x-javascript", "html", "json", "xml", "wasm", "ttf", "font-sfnt", "bmp", "x-icon"]
            .contains(&name);
    match shrinks && bytes >= WORTH_BYTES_MIN {
        true => &[Encoding::Identity, Encoding::Gzip, Encoding::Brotli],
        false => &[Encoding::Identity],
    }
}

/// What of `asset` is to be in the canister, which has `remote` of it.
///
/// # Errors
/// [`ContentError::Read`].
pub fn contents(asset: &Asset, remote: Option<&Remote>) -> Result<Contents, ContentError> {
    let configured = asset.settings.encodings.as_deref();
    let wanted = configured.unwrap_or_else(|| usual(&asset.media_type, asset.bytes));
    let measured = |encoding| measure(asset, encoding);
    // An asset of another type is made anew, of contents that are here.
    let remote = remote.filter(|remote| remote.content_type == asset.media_type);
    let mut found = Contents::new();
    if wanted.contains(&Encoding::Identity) {
        found.insert(Encoding::Identity, measured(Encoding::Identity)?);
    }
    for encoding in [Encoding::Gzip, Encoding::Brotli].into_iter().filter(|it| wanted.contains(it)) {
        let identity = found.get(&Encoding::Identity).map(|identity| identity.content.sha256);
        let known = identity.and_then(|identity| vouched(remote?, &identity, encoding));
        let packed = match known {
            Some(content) => Found { content, whole: None },
            None => measured(encoding)?,
        };
        if pays(encoding, packed.content.length, &found, configured.is_some()) {
            found.insert(encoding, packed);
        }
    }
    Ok(found)
}

/// The canister's own encoding of a content that it has: set in the same message as the content itself, it is made
/// from it, and need not be made again.
fn vouched(remote: &Remote, identity: &[u8; 32], encoding: Encoding) -> Option<Content> {
    let original = remote.encoding(Encoding::Identity.name()).filter(|original| original.is(identity))?;
    let packed = remote.encoding(encoding.name())?;
    let together = packed.modified.is_some() && packed.modified == original.modified;
    let sha256: [u8; 32] = packed.sha256.as_ref()?.as_slice().try_into().ok()?;
    let length = u64::try_from(packed.length.clone()?.0).ok()?;
    together.then_some(Content { sha256, length })
}

/// Whether an encoding is kept beside those that are there.
fn pays(encoding: Encoding, length: u64, beside: &Contents, configured: bool) -> bool {
    let length_of = |encoding: Encoding| beside.get(&encoding).map(|found| found.content.length);
    let Some(identity) = length_of(Encoding::Identity) else {
        return true;
    };
    match (encoding, length_of(Encoding::Gzip)) {
        // Every client that takes Brotli takes gzip: a twentieth less is what it is kept for.
        (Encoding::Brotli, Some(gzip)) if !configured => length.saturating_mul(20) <= gzip.saturating_mul(19),
        _ => length < identity,
    }
}

/// The bytes of a file, encoded.
///
/// # Errors
/// The file cannot be opened.
pub fn open(path: &Path, bytes: u64, encoding: Encoding) -> io::Result<Box<dyn Read>> {
    // What was a file when the folder was read may have become a link out of it.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    Ok(match encoding {
        Encoding::Identity => Box::new(file),
        Encoding::Gzip => Box::new(flate2::read::GzEncoder::new(file, flate2::Compression::best())),
        Encoding::Brotli => {
            let level = if bytes <= BEST_BROTLI_BYTES_MAX { BEST_BROTLI } else { FAST_BROTLI };
            Box::new(brotli::CompressorReader::new(file, BUFFER_BYTES, level, BROTLI_WINDOW))
        }
    })
}

fn measure(asset: &Asset, encoding: Encoding) -> Result<Found, ContentError> {
    let read = || -> io::Result<Found> {
        let mut pieces = PiecesOf::new(open(&asset.path, asset.bytes, encoding)?);
        let mut whole = pieces.next_piece()?;
        while pieces.next_piece()?.is_some() {
            whole = None;
        }
        Ok(Found { content: pieces.content(), whole })
    };
    read().map_err(|source| ContentError::Read { path: asset.path.clone(), source })
}

/// Reads a content piece by piece, and says what it was at the end. What is empty is one empty piece.
pub struct PiecesOf {
    from: Box<dyn Read>,
    hasher: Sha256,
    length: u64,
    pieces: u64,
    ended: bool,
}

impl PiecesOf {
    pub fn new(from: Box<dyn Read>) -> PiecesOf {
        PiecesOf { from, hasher: Sha256::new(), length: 0, pieces: 0, ended: false }
    }

    /// The next piece: all have [`PIECE_BYTES`] but the last.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let mut piece = Vec::new();
        self.from.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        self.ended = piece.len() < PIECE_BYTES;
        if piece.is_empty() && self.pieces > 0 {
            return Ok(None);
        }
        self.hasher.update(&piece);
        self.length += piece.len() as u64;
        self.pieces += 1;
        Ok(Some(piece))
    }

    /// What all pieces so far are together.
    pub fn content(&self) -> Content {
        Content { sha256: self.hasher.clone().finalize().into(), length: self.length }
    }
}

/// How many pieces a content has.
pub fn pieces(length: u64) -> u64 {
    length.div_ceil(PIECE_BYTES as u64).max(1)
}
