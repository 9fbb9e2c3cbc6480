//! The library, by what it promises.

mod bounds;
mod consistency;
mod inbox;
mod interface;
mod jobs;
mod leaving;
mod people;
mod posts;
mod web;

use crate::app::{App, Call};
use crate::limits::*;
use crate::types::*;
use candid::Principal;
use guild_connections::{Change, Outcome};
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;

pub type TestApp = App<VectorMemory>;

pub const NOW: u64 = 1_700_000_000 * SECOND;

pub fn app() -> TestApp {
    TestApp::open(VectorMemory::default())
}

pub fn at(person: u8, now: u64) -> Call {
    Call { caller: Principal::from_slice(&[person; 29]), now, controller: false }
}

pub fn by(person: u8) -> Call {
    at(person, NOW)
}

pub fn nobody() -> Call {
    Call { caller: Principal::anonymous(), now: NOW, controller: false }
}

pub fn controller() -> Call {
    Call { caller: Principal::from_slice(&[200; 29]), now: NOW, controller: true }
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

pub fn too_many() -> Refusal {
    Refusal::TooMany(String::new())
}

/// Makes person n a user, whose number is returned.
pub fn join(app: &mut TestApp, person: u8) -> UserId {
    let new = NewProfile {
        name: format!("user_{person}"),
        display: format!("User {person}"),
        headline: "Works".into(),
    };
    ok(app.create_profile(by(person), new)).card.id
}

/// Connects two, with a graph that confirms at once.
pub fn befriend(app: &mut TestApp, one: u8, other: u8) {
    let id = |app: &TestApp, person| app.me(by(person)).expect("a user").profile.card.id;
    let (a, b) = (id(app, one), id(app, other));
    ok(app.invite(by(one), b, ""));
    let wish: Change = ok(app.accept(by(other), a)).expect("a wish");
    app.settle(wish.number, Outcome::Done, NOW);
}

pub fn edit() -> ProfileEdit {
    ProfileEdit {
        display: "Ann Example".into(),
        headline: "Builds bridges".into(),
        company: "Bridge Works".into(),
        place: "Lisbon".into(),
        about: "Of stone and steel.".into(),
        open_to_work: false,
        private_views: false,
        experience: Vec::new(),
        education: Vec::new(),
        skills: vec!["Statics".into(), "Welding".into()],
    }
}

pub fn png(size: usize) -> NewPicture {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(size, 7);
    NewPicture { kind: PictureKind::Png, bytes: ByteBuf::from(bytes) }
}

pub fn publish(app: &mut TestApp, person: u8, text: &str) -> PostId {
    let order = app.totals().posts.wrapping_add(1_000) ^ (u64::from(person) << 32);
    ok(app.publish(by(person), NewPost { text: text.into(), picture: None, order })).id
}

pub fn tie(app: &TestApp, person: u8, whom: UserId) -> Tie {
    app.cards(by(person), &[whom]).first().map_or(Tie::Stranger, |it| it.tie)
}
