//! What calls take and answer: the Rust side of `guild.did`.

mod inbox;
mod jobs;
mod people;
mod posts;

pub use inbox::*;
pub use jobs::*;
pub use people::*;
pub use posts::*;

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

pub type UserId = u32;
pub type PostId = u64;
pub type CommentId = u64;
pub type JobId = u64;
pub type PictureId = u64;
pub type SkillId = u32;
/// A number that the caller chose, so that a call that is repeated is done once.
pub type Order = u64;

/// Why a call changed nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The call is not signed.
    Anonymous,
    /// The caller has no profile yet.
    NoProfile,
    /// The caller's account is suspended.
    Suspended,
    /// Only its owner, or an admin, may do this.
    NotAllowed,
    NotFound,
    /// The name belongs to somebody else.
    Taken,
    /// Only people who are connected may do this.
    NotConnected,
    /// What was asked for before is not yet confirmed by the graph.
    Pending,
    /// The graph did not answer; nothing is lost by asking again.
    NoAnswer,
    /// What was given breaks the rule that the text tells.
    Invalid(String),
    /// A bound is reached, which the text tells.
    TooMany(String),
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default)]
pub struct InitArgs {
    /// Who is admin besides the controllers.
    pub admin: Option<Principal>,
    /// The canister that holds the connections.
    pub graph: Option<Principal>,
    /// The canister that signs people in.
    pub identity: Option<Principal>,
}

/// Where an export goes on; to be given back as it came.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportCursor {
    pub part: u8,
    pub after: u64,
}

/// A part of what Guild knows of the caller.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ExportPage {
    /// JSON objects, each with the member `kind`.
    pub entries: Vec<String>,
    pub next: Option<ExportCursor>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    pub users: u64,
    pub posts: u64,
    pub jobs: u64,
    pub connections: u64,
    pub picture_bytes: u64,
    /// Changes that the graph has not yet confirmed.
    pub pending: u64,
    /// Connections that the graph had no room for when it was told them again.
    pub not_held: u64,
    /// People whose data is being erased.
    pub leaving: u64,
}
