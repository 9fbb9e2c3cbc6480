//! Pictures: each arrives in one call, is certified when it arrives, and is served until it is removed.
//!
//! What a picture claims to be must agree with its first bytes; it is served as that kind and as nothing else.

use crate::app::{App, Edge, next};
use crate::limits::*;
use crate::memory::{Memory, Place, Segment, Segments};
use crate::records::Picture;
use crate::stored::Stored;
use crate::text::invalid;
use crate::types::*;
use ic_certification::{Hash, HashTree};
use ic_stable_structures::StableBTreeMap;
use site::answer::{Answer, headers};
use site::seal::Seal;

/// A picture never changes, but may be taken away: it is not kept for ever.
const CACHE: &str = "public, max-age=3600";

/// All pictures.
pub struct Pictures<M: Memory> {
    records: StableBTreeMap<PictureId, Stored<Picture>, Segment<M>>,
    digests: StableBTreeMap<PictureId, Vec<u8>, Segment<M>>,
    bytes: StableBTreeMap<PictureId, Vec<u8>, Segment<M>>,
    /// Pictures whose place in the certified tree is no longer right; to be taken by [`Pictures::changed`].
    changed: Vec<PictureId>,
}

fn content_type(kind: PictureKind) -> &'static str {
    match kind {
        PictureKind::Jpeg => "image/jpeg",
        PictureKind::Png => "image/png",
        PictureKind::Webp => "image/webp",
    }
}

/// Whether a file that begins so can be of that kind.
fn begins_like(kind: PictureKind, start: &[u8]) -> bool {
    match kind {
        PictureKind::Jpeg => start.starts_with(&[0xFF, 0xD8, 0xFF]),
        PictureKind::Png => start.starts_with(b"\x89PNG\r\n\x1a\n"),
        PictureKind::Webp => start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP"),
    }
}

fn response(kind: PictureKind, body: Vec<u8>) -> Answer {
    let headers = headers(&[
        ("content-type", content_type(kind)),
        ("cache-control", CACHE),
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ]);
    Answer { status: 200, headers, body }
}

impl<M: Memory> Pictures<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self {
            records: StableBTreeMap::init(segments.at(Place::Pictures)),
            digests: StableBTreeMap::init(segments.at(Place::PictureDigests)),
            bytes: StableBTreeMap::init(segments.at(Place::PictureBytes)),
            changed: Vec::new(),
        }
    }

    fn digest(&self, id: PictureId) -> Option<Hash> {
        self.digests.get(&id).and_then(|bytes| bytes.try_into().ok())
    }

    /// Pictures that changed since the last time, each with the digest under which it is served, if it is.
    pub fn changed(&mut self) -> Vec<(PictureId, Option<Hash>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|id| (id, self.digest(id))).collect()
    }

    /// All pictures that are served.
    pub fn served(&self) -> impl Iterator<Item = (PictureId, Hash)> + '_ {
        self.digests.iter().filter_map(|entry| Some((*entry.key(), entry.value().try_into().ok()?)))
    }

    /// The answer to a request for a picture, and what proves it under the picture's path.
    pub fn answer(&self, id: PictureId) -> Option<(Answer, HashTree)> {
        let Stored(record) = self.records.get(&id)?;
        let answer = response(record.kind, self.bytes.get(&id)?);
        let hash = answer.hash();
        let witness = Seal::over(vec![hash]).witness(&hash);
        Some((answer, witness))
    }
}

impl<M: Memory> App<M> {
    /// The answer to a request for a picture; for that of somebody who left there is none.
    pub fn picture(&self, id: PictureId) -> Option<(Answer, HashTree)> {
        let Stored(record) = self.pictures.records.get(&id)?;
        if self.leaving.contains(&record.owner) { None } else { self.pictures.answer(id) }
    }

    /// Whether [`App::add_picture`] would succeed.
    pub(crate) fn check_picture(&self, owner: UserId, new: &NewPicture) -> Result<(), Refusal> {
        let size = new.bytes.len();
        if size == 0 || size > PICTURE_BYTES_MAX {
            return Err(invalid("picture", &format!("has 1 to {PICTURE_BYTES_MAX} bytes")));
        }
        if !begins_like(new.kind, &new.bytes) {
            return Err(invalid("picture", "is not of the kind that it claims"));
        }
        let owned = self.user(owner)?.picture_bytes.saturating_add(size as u64);
        if owned > PICTURE_BYTES_PER_USER {
            return Err(Refusal::TooMany(format!("your pictures have {PICTURE_BYTES_PER_USER} bytes")));
        }
        let all = self.counters.get().0.picture_bytes.saturating_add(size as u64);
        if all > PICTURE_BYTES || self.pictures.records.len() >= PICTURES_MAX {
            return Err(Refusal::TooMany("there is no space for pictures left".into()));
        }
        Ok(())
    }

    /// Stores a picture, which is served from now on.
    pub(crate) fn add_picture(&mut self, owner: UserId, new: NewPicture) -> Result<PictureId, Refusal> {
        self.check_picture(owner, &new)?;
        let size = new.bytes.len() as u64;
        let id = self.count(|counters| {
            counters.picture_bytes = counters.picture_bytes.saturating_add(size);
            next(&mut counters.next_picture)
        });
        self.change_user(owner, |user| user.picture_bytes = user.picture_bytes.saturating_add(size));
        self.link(Edge::Picture, owner.into(), id, true);
        let answer = response(new.kind, new.bytes.into_vec());
        let digest = Seal::over(vec![answer.hash()]).digest();
        self.pictures.records.insert(id, Stored(Picture { owner, kind: new.kind, bytes: size }));
        self.pictures.digests.insert(id, digest.to_vec());
        self.pictures.bytes.insert(id, answer.body);
        self.pictures.changed.push(id);
        Ok(id)
    }

    /// Forgets a picture.
    pub(crate) fn remove_picture(&mut self, id: PictureId) {
        let Some(Stored(picture)) = self.pictures.records.remove(&id) else { return };
        self.pictures.digests.remove(&id);
        self.pictures.bytes.remove(&id);
        self.pictures.changed.push(id);
        self.link(Edge::Picture, picture.owner.into(), id, false);
        self.change_user(picture.owner, |user| {
            user.picture_bytes = user.picture_bytes.saturating_sub(picture.bytes);
        });
        self.count(|counters| counters.picture_bytes = counters.picture_bytes.saturating_sub(picture.bytes));
    }
}
