//! The library, by what it promises.

mod bounds;
mod clips;
mod inbox;
mod interface;
mod media;
mod moderation;
mod people;
mod web;

use crate::app::{App, Call};
use crate::limits::*;
use crate::media::ladder::{CHUNK, chunk, chunks};
use crate::types::*;
use candid::Principal;
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;

pub type TestApp = App<VectorMemory>;

pub const NOW: u64 = 1_700_000_000 * SECOND;

pub fn app() -> TestApp {
    TestApp::open(VectorMemory::default())
}

pub fn at(person: u8, now: u64) -> Call {
    Call { caller: Principal::from_slice(&[person; 29]), now }
}

pub fn by(person: u8) -> Call {
    at(person, NOW)
}

pub fn nobody() -> Call {
    Call { caller: Principal::anonymous(), now: NOW }
}

#[track_caller]
pub fn ok<T>(answer: Result<T, Refusal>) -> T {
    match answer {
        Ok(it) => it,
        Err(refusal) => panic!("{refusal:?}"),
    }
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Refusal>, expected: Refusal) {
    match answer {
        Err(Refusal::Invalid(_)) if matches!(expected, Refusal::Invalid(_)) => {}
        Err(Refusal::TooMany(_)) if matches!(expected, Refusal::TooMany(_)) => {}
        other => assert_eq!(other.map(|_| ()).err(), Some(expected)),
    }
}

pub fn invalid() -> Refusal {
    Refusal::Invalid(String::new())
}

/// Makes person n a user, whose number is returned.
pub fn join(app: &mut TestApp, person: u8) -> UserId {
    let new =
        NewProfile { name: format!("user_{person}"), display: format!("User {person}"), bio: String::new() };
    ok(app.create_profile(by(person), new)).card.id
}

/// Makes a further person a user.
pub fn stranger(app: &mut TestApp, number: u32) -> Call {
    let call = Call { caller: Principal::from_slice(&number.to_be_bytes()), now: NOW };
    let new = NewProfile { name: format!("s{number}"), display: "S".into(), bio: String::new() };
    ok(app.create_profile(call, new));
    call
}

pub fn video_bytes(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|it| (it as u8).wrapping_mul(31).wrapping_add(seed)).collect();
    bytes[4..8].copy_from_slice(b"ftyp");
    bytes
}

/// Uploads a file whole.
pub fn upload(app: &mut TestApp, call: Call, kind: MediaKind, bytes: &[u8]) -> MediaId {
    let upload = ok(app.begin_upload(call, NewUpload { kind, bytes: bytes.len() as u64 }));
    for index in 0..chunks(bytes.len() as u64) {
        let place = chunk(index, bytes.len() as u64);
        let part = bytes[place.start as usize..place.end as usize].to_vec();
        ok(app.put_chunk(call, &Chunk { upload: upload.id, index, bytes: ByteBuf::from(part) }));
    }
    upload.id
}

pub fn new_clip(video: MediaId, caption: &str) -> NewClip {
    NewClip { video, poster: None, caption: caption.to_owned(), width: 720, height: 1280, duration_ms: 5_000 }
}

/// Publishes a small clip.
pub fn publish_at(app: &mut TestApp, call: Call, caption: &str) -> ClipId {
    let video = upload(app, call, MediaKind::Mp4, &video_bytes(1_000, 1));
    ok(app.publish(call, new_clip(video, caption))).id
}

pub fn publish(app: &mut TestApp, person: u8, caption: &str) -> ClipId {
    publish_at(app, by(person), caption)
}

pub fn ids(page: &ClipPage) -> Vec<ClipId> {
    page.clips.iter().map(|clip| clip.id).collect()
}

/// The sum of all points is what the counters say.
#[track_caller]
pub fn assert_points(app: &TestApp, persons: impl Iterator<Item = u8>) {
    let sum: u64 = persons.filter_map(|person| app.me(by(person))).map(|me| me.points).sum();
    assert_eq!(sum, app.totals().points);
}

pub const SOME_BYTES: usize = CHUNK as usize * 2 + 300_000;
