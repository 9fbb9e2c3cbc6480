//! Videos and pictures: uploaded in chunks, in any order and with pauses; certified as they arrive; served by ranges.
//!
//! 1. A file is announced with its size and kind, which is counted against its owner at once. Space for all is taken
//!    as chunks arrive, in whole slots: who only announces takes nothing from others.
//! 2. A chunk that came before is accepted and ignored, so a call may come twice; an announcement that comes twice is two
//!    uploads, of which one is cancelled or forgotten.
//! 3. A file is served from when it is attached to a profile or a clip until it is removed or hidden ([`Media::show`]).
//! 4. What is announced and not attached within [`UPLOAD_LIFE`] is forgotten, a few files with each new announcement.
//! 5. What a file claims to be must agree with its first bytes; it is served as that kind and as nothing else.

pub mod ladder;
mod pool;
mod serve;

use crate::app::next;
use crate::limits::*;
use crate::memory::{Memory, Place, Segment, Segments};
use crate::stored::Stored;
use crate::types::*;
use ic_certification::Hash;
use ic_stable_structures::{StableBTreeMap, StableBTreeSet};
use pool::Pool;
use serde::{Deserialize, Serialize};
use site::seal::Seal;

/// A file and where its bytes are.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct File {
    pub owner: UserId,
    pub kind: MediaKind,
    pub bytes: u64,
    /// Of each chunk that is here.
    slots: Vec<Vec<u32>>,
    /// Bit n: chunk n is here. A file has at most 64.
    received: u64,
    begun: u64,
    attached: bool,
    shown: bool,
    /// Of the seal over all of its answers, once attached.
    digest: Option<Hash>,
}

/// All files.
pub struct Media<M: Memory> {
    files: StableBTreeMap<MediaId, Stored<File>, Segment<M>>,
    /// Files that are not attached: by when they were begun, and by owner.
    uploads: StableBTreeSet<(u8, u64, MediaId), Segment<M>>,
    /// Response hashes of a chunk's ranges, in their order.
    leaves: StableBTreeMap<(MediaId, u32), Vec<u8>, Segment<M>>,
    seals: StableBTreeMap<MediaId, Vec<u8>, Segment<M>>,
    /// Of the files that are served: what an upgrade reads all of.
    digests: StableBTreeMap<MediaId, Vec<u8>, Segment<M>>,
    pool: Pool<M>,
    /// Files whose place in the certified tree is no longer right; to be taken by [`Media::changed`].
    changed: Vec<MediaId>,
}

// By what a key of `Media::uploads` is sorted.
const BY_TIME: u8 = 0;
const BY_OWNER: u8 = 1;

fn is_video(kind: MediaKind) -> bool {
    matches!(kind, MediaKind::Mp4 | MediaKind::Webm)
}

/// Whether a file that begins so can be of that kind.
fn begins_like(kind: MediaKind, start: &[u8]) -> bool {
    match kind {
        MediaKind::Mp4 => start.get(4..8) == Some(b"ftyp"),
        MediaKind::Webm => start.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]),
        MediaKind::Jpeg => start.starts_with(&[0xFF, 0xD8, 0xFF]),
        MediaKind::Png => start.starts_with(b"\x89PNG\r\n\x1a\n"),
        MediaKind::Webp => start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP"),
    }
}

impl<M: Memory> Media<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self {
            files: StableBTreeMap::init(segments.at(Place::Media)),
            uploads: StableBTreeSet::init(segments.at(Place::Uploads)),
            leaves: StableBTreeMap::init(segments.at(Place::Leaves)),
            seals: StableBTreeMap::init(segments.at(Place::Seals)),
            digests: StableBTreeMap::init(segments.at(Place::Digests)),
            pool: Pool::open(segments),
            changed: Vec::new(),
        }
    }

    /// Bytes that all files take, in whole slots.
    pub fn bytes(&self) -> u64 {
        self.pool.used()
    }

    /// Whether so many more files can be served.
    pub fn check_room(&self, more: u64) -> Result<(), Refusal> {
        match self.digests.len().saturating_add(more) <= FILES_MAX {
            true => Ok(()),
            false => Err(Refusal::TooMany(format!("there are {FILES_MAX} files"))),
        }
    }

    /// Announces a file.
    pub fn begin(&mut self, owner: UserId, now: u64, new: NewUpload) -> Result<Upload, Refusal> {
        self.forget_old(now);
        let most = if is_video(new.kind) { VIDEO_BYTES_MAX } else { IMAGE_BYTES_MAX };
        if new.bytes == 0 || new.bytes > most {
            return Err(Refusal::Invalid(format!("a file of this kind has 1 to {most} bytes")));
        }
        if self.unfinished(owner).len() >= UPLOADS_PER_USER {
            return Err(Refusal::TooMany(format!("finish or cancel one of your {UPLOADS_PER_USER} uploads")));
        }
        if self.pool.owned(owner).saturating_add(pool::whole(new.bytes)) > BYTES_PER_USER {
            return Err(Refusal::TooMany(format!("your files take {BYTES_PER_USER} bytes")));
        }
        self.check_space(new.bytes)?;
        self.pool.reserve(owner, new.bytes);
        let id = self.pool.number(next);
        let file = File {
            owner,
            kind: new.kind,
            bytes: new.bytes,
            slots: vec![Vec::new(); ladder::chunks(new.bytes) as usize],
            received: 0,
            begun: now,
            attached: false,
            shown: false,
            digest: None,
        };
        let upload = describe(id, &file);
        self.files.insert(id, Stored(file));
        self.uploads.insert((BY_TIME, now, id));
        self.uploads.insert((BY_OWNER, owner.into(), id));
        Ok(upload)
    }

    fn check_space(&self, bytes: u64) -> Result<(), Refusal> {
        match self.pool.used().saturating_add(pool::whole(bytes)) <= BYTES_MAX {
            true => Ok(()),
            false => Err(Refusal::TooMany("there is no space left".into())),
        }
    }

    /// The caller's unfinished uploads.
    pub fn unfinished(&self, owner: UserId) -> Vec<Upload> {
        let key = |id| (BY_OWNER, u64::from(owner), id);
        let ids = self.uploads.range(key(0)..=key(MediaId::MAX)).map(|(_, _, id)| id);
        ids.filter_map(|id| self.file(id).map(|file| describe(id, &file))).take(UPLOADS_PER_USER).collect()
    }

    /// Takes a chunk in; what is still missing then.
    pub fn put(&mut self, owner: UserId, chunk: &Chunk) -> Result<Upload, Refusal> {
        let id = chunk.upload;
        let mut file = self.own(id, owner)?;
        let bytes: &[u8] = &chunk.bytes;
        if chunk.index >= ladder::chunks(file.bytes) {
            return Err(Refusal::Invalid(format!("chunk {} lies behind the end", chunk.index)));
        }
        let place = ladder::chunk(chunk.index, file.bytes);
        if bytes.len() as u64 != place.end - place.start {
            return Err(Refusal::Invalid(format!(
                "chunk {} has {} bytes",
                chunk.index,
                place.end - place.start
            )));
        }
        let bit = 1_u64.checked_shl(chunk.index).unwrap_or(0);
        if file.attached || file.received & bit != 0 {
            return Ok(describe(id, &file));
        }
        if chunk.index == 0 && !begins_like(file.kind, bytes) {
            return Err(Refusal::Invalid("the file is not of the kind that it claims".into()));
        }
        self.check_space(bytes.len() as u64)?;
        let Some(slots) = file.slots.get_mut(chunk.index as usize) else { return Err(Refusal::NotFound) };
        *slots = self.pool.take(bytes.len() as u64);
        self.pool.write(slots, bytes);
        self.leaves.insert((id, chunk.index), serve::leaves(&file, chunk.index, bytes));
        file.received |= bit;
        let upload = describe(id, &file);
        self.files.insert(id, Stored(file));
        Ok(upload)
    }

    /// Gives up an upload.
    pub fn cancel(&mut self, owner: UserId, id: MediaId) -> Result<(), Refusal> {
        if self.own(id, owner)?.attached {
            return Err(Refusal::Invalid("the file is in use".into()));
        }
        self.remove(id);
        Ok(())
    }

    /// Puts a complete file to its use: it is served from now on.
    pub fn attach(&mut self, id: MediaId, owner: UserId, video: bool) -> Result<(), Refusal> {
        self.attachable(id, owner, video)?;
        let Some(mut file) = self.file(id) else { return Err(Refusal::NotFound) };
        let seal = Seal::over(self.answers(id, &file));
        (file.attached, file.shown, file.digest) = (true, true, Some(seal.digest()));
        self.seals.insert(id, seal.bytes().to_vec());
        self.settle(id, &file);
        self.put_file(id, file);
        Ok(())
    }

    /// Whether [`Media::attach`] would succeed.
    pub fn attachable(&self, id: MediaId, owner: UserId, video: bool) -> Result<(), Refusal> {
        let file = self.own(id, owner)?;
        if is_video(file.kind) != video {
            return Err(Refusal::Invalid("the file is of another kind".into()));
        }
        if file.attached {
            return Err(Refusal::Invalid("the file is in use".into()));
        }
        match describe(id, &file).missing.len() {
            0 => Ok(()),
            missing => Err(Refusal::Invalid(format!("{missing} chunks of the file are missing"))),
        }
    }

    /// Serves a file, or no longer.
    pub fn show(&mut self, id: MediaId, shown: bool) {
        if let Some(mut file) = self.file(id) {
            file.shown = shown;
            self.put_file(id, file);
        }
    }

    /// Keeps a file that is served from now on, or no longer.
    fn put_file(&mut self, id: MediaId, file: File) {
        match file.digest.filter(|_| file.shown) {
            Some(digest) => self.digests.insert(id, digest.to_vec()),
            None => self.digests.remove(&id),
        };
        self.files.insert(id, Stored(file));
        self.changed.push(id);
    }

    /// Forgets a file and gives its space back.
    pub fn remove(&mut self, id: MediaId) {
        let Some(Stored(file)) = self.files.remove(&id) else { return };
        for chunk in 0..ladder::chunks(file.bytes) {
            self.leaves.remove(&(id, chunk));
        }
        self.seals.remove(&id);
        self.digests.remove(&id);
        self.settle(id, &file);
        self.pool.release(file.owner, file.bytes);
        file.slots.iter().for_each(|slots| self.pool.give_back(slots));
        self.changed.push(id);
    }

    /// Files that changed since the last time, each with the digest under which it is served, if it is.
    pub fn changed(&mut self) -> Vec<(MediaId, Option<Hash>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|id| (id, self.digest(id))).collect()
    }

    /// All files that are served.
    pub fn served(&self) -> impl Iterator<Item = (MediaId, Hash)> + '_ {
        self.digests.iter().filter_map(|entry| Some((*entry.key(), entry.value().try_into().ok()?)))
    }

    fn digest(&self, id: MediaId) -> Option<Hash> {
        self.digests.get(&id).and_then(|bytes| bytes.try_into().ok())
    }

    fn file(&self, id: MediaId) -> Option<File> {
        self.files.get(&id).map(|Stored(file)| file)
    }

    fn own(&self, id: MediaId, owner: UserId) -> Result<File, Refusal> {
        let file = self.file(id).ok_or(Refusal::NotFound)?;
        if file.owner == owner { Ok(file) } else { Err(Refusal::NotAllowed) }
    }

    /// The file is no unfinished upload any more.
    fn settle(&mut self, id: MediaId, file: &File) {
        self.uploads.remove(&(BY_TIME, file.begun, id));
        self.uploads.remove(&(BY_OWNER, file.owner.into(), id));
    }

    fn forget_old(&mut self, now: u64) {
        for _ in 0..CLEARED_PER_CALL {
            match self.uploads.first() {
                Some((BY_TIME, begun, id)) if now.saturating_sub(begun) > UPLOAD_LIFE => self.remove(id),
                _ => return,
            }
        }
    }
}

fn describe(id: MediaId, file: &File) -> Upload {
    let here = |chunk: &u32| file.received & 1_u64.checked_shl(*chunk).unwrap_or(0) != 0;
    Upload {
        id,
        kind: file.kind,
        bytes: file.bytes,
        chunk_bytes: ladder::CHUNK as u32,
        missing: (0..ladder::chunks(file.bytes)).filter(|chunk| !here(chunk)).collect(),
    }
}
