//! A file's answers: a picture has one, a video one for each range (206) and one for what lies behind the end (416).

use super::ladder::{self, Range, Rung};
use super::{File, Media, is_video};
use crate::memory::Memory;
use crate::types::{MediaId, MediaKind};
use ic_certification::{Hash, HashTree};
use site::answer::{Answer, headers, response_hash, sha256};
use site::seal::Seal;

const HASH: usize = 32;
/// Files never change, but a moderator may take one away: not kept for ever.
const CACHE: &str = "public, max-age=3600";
const BEHIND: &[u8] = b"The range lies behind the end.";

fn content_type(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Mp4 => "video/mp4",
        MediaKind::Webm => "video/webm",
        MediaKind::Jpeg => "image/jpeg",
        MediaKind::Png => "image/png",
        MediaKind::Webp => "image/webp",
    }
}

fn head(kind: MediaKind, range: &str) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("content-type", content_type(kind)),
        ("cache-control", CACHE),
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    if is_video(kind) {
        pairs.extend([("accept-ranges", "bytes"), ("content-range", range)]);
    }
    headers(&pairs)
}

fn range_head(file: &File, range: Range) -> Vec<(String, String)> {
    let text = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), file.bytes);
    head(file.kind, &text)
}

fn behind(file: &File) -> Answer {
    let headers = head(file.kind, &format!("bytes */{}", file.bytes));
    Answer { status: 416, headers, body: BEHIND.to_vec() }
}

/// The hashes of all answers from one chunk, one after the other.
pub fn leaves(file: &File, chunk: u32, bytes: &[u8]) -> Vec<u8> {
    if !is_video(file.kind) {
        return response_hash(200, &head(file.kind, ""), &sha256(bytes)).to_vec();
    }
    let base = ladder::chunk(chunk, file.bytes).start;
    let hash = |range: &Range| {
        let body = bytes.get((range.start - base) as usize..(range.end - base) as usize).unwrap_or_default();
        response_hash(206, &range_head(file, *range), &sha256(body))
    };
    ladder::ranges(chunk, file.bytes).iter().flat_map(hash).collect()
}

impl<M: Memory> Media<M> {
    /// The hashes of all answers of a complete file.
    pub(super) fn answers(&self, id: MediaId, file: &File) -> Vec<Hash> {
        let stored = self.leaves.range((id, 0)..=(id, u32::MAX)).flat_map(|entry| entry.value());
        let bytes: Vec<u8> = stored.collect();
        let mut hashes: Vec<Hash> = bytes.chunks_exact(HASH).filter_map(|it| it.try_into().ok()).collect();
        if is_video(file.kind) {
            hashes.push(behind(file).hash());
        }
        hashes
    }

    fn leaf(&self, id: MediaId, rung: &Rung) -> Option<Hash> {
        let hashes = self.leaves.get(&(id, rung.chunk))?;
        hashes.get(rung.index * HASH..(rung.index + 1) * HASH)?.try_into().ok()
    }

    /// The answer to a request for a file that is served, and what proves it under the file's path.
    pub fn answer(&self, id: MediaId, range: Option<&str>) -> Option<(Answer, HashTree)> {
        let file = self.file(id).filter(|file| file.shown && file.digest.is_some())?;
        let seal = Seal::from_bytes(self.seals.get(&id)?);
        let whole = Range { start: 0, end: file.bytes };
        let (answer, hash) = if is_video(file.kind) {
            match ladder::answering(range, file.bytes) {
                Some(rung) => (self.part(&file, 206, rung.range), self.leaf(id, &rung)?),
                None => (behind(&file), behind(&file).hash()),
            }
        } else {
            (self.part(&file, 200, whole), self.leaf(id, &Rung { chunk: 0, index: 0, range: whole })?)
        };
        Some((answer, seal.witness(&hash)))
    }

    /// The bytes of a chunk, whether the file is served or not.
    pub fn chunk(&self, id: MediaId, index: u32) -> Option<Vec<u8>> {
        let file = self.file(id)?;
        let place = ladder::chunk(index, file.bytes);
        let slots = file.slots.get(index as usize).filter(|it| !it.is_empty())?;
        Some(self.pool.read(slots, 0, (place.end - place.start) as usize))
    }

    /// A range lies within one chunk.
    fn part(&self, file: &File, status: u16, range: Range) -> Answer {
        let (chunk, within) = (range.start / ladder::CHUNK, range.start % ladder::CHUNK);
        let slots = file.slots.get(chunk as usize).map(Vec::as_slice).unwrap_or_default();
        let body = self.pool.read(slots, within, (range.end - range.start) as usize);
        Answer { status, headers: range_head(file, range), body }
    }
}
