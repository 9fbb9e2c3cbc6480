//! The records of stable memory that are not media.

use crate::types::*;
use candid::Principal;
use serde::{Deserialize, Serialize};

/// Numbers that are given out once, and sums.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub struct Counters {
    pub users: u32,
    pub clips: u64,
    pub next_clip: u64,
    pub next_comment: u64,
    pub next_case: u64,
    pub next_notice: u64,
    pub next_message: u64,
    pub next_event: u64,
    pub open_cases: u64,
    pub points: u64,
    pub moderators: u32,
    pub admin: Option<Principal>,
    #[serde(default)]
    pub identity: Option<Principal>,
}

/// What an order is for: what was given for one thing answers no call for another.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ordered {
    Clip,
    Comment,
    Message,
    Tip,
}

/// What somebody wrote in a day, by days since 1970.
#[derive(Serialize, Deserialize, Clone, Copy, Default, Debug)]
pub struct Written {
    pub day: u64,
    pub bytes: u64,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct User {
    pub principal: Principal,
    pub name: String,
    pub display: String,
    pub bio: String,
    pub picture: Option<MediaId>,
    pub joined: u64,
    pub followers: u32,
    pub following: u32,
    pub blocks: u32,
    pub clips: u32,
    pub likes: u64,
    pub points: u64,
    pub role: Role,
    pub suspended: bool,
    /// When the last superlikes were given, oldest first.
    pub superlikes: Vec<u64>,
    /// Orders of the last calls that must not be done twice, and what came of them.
    pub orders: Vec<(Ordered, Order, u64)>,
    /// Notifications up to this one are read.
    pub seen: u64,
    pub threads: u32,
    pub unread_messages: u32,
    /// Edges that this user drew, also to clips that are gone.
    #[serde(default)]
    pub liked: u32,
    #[serde(default)]
    pub bookmarked: u32,
    #[serde(default)]
    pub viewed: u32,
    /// When the last reports were made, oldest first.
    #[serde(default)]
    pub reports: Vec<u64>,
    #[serde(default)]
    pub written: Written,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Clip {
    pub author: UserId,
    pub caption: String,
    pub tags: Vec<String>,
    pub video: MediaId,
    pub poster: Option<MediaId>,
    pub width: u32,
    pub height: u32,
    pub duration_ms: u32,
    pub created: u64,
    pub likes: u32,
    pub superlikes: u32,
    pub comments: u32,
    pub views: u32,
    pub tips: u64,
    pub viral: bool,
    pub hidden: bool,
    /// Its place among all clips of For You.
    pub heat: u64,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Comment {
    pub author: UserId,
    pub text: String,
    pub created: u64,
    pub hidden: bool,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Notice {
    pub at: u64,
    pub from: Option<UserId>,
    pub news: News,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Letter {
    pub at: u64,
    pub from: UserId,
    pub text: String,
}

/// One side of a conversation.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Thread {
    pub last: u64,
    pub unread: u32,
    /// Whether this side ever wrote.
    #[serde(default)]
    pub answered: bool,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Case {
    pub target: Target,
    pub reasons: Vec<(Reason, u32)>,
    pub notes: Vec<String>,
    pub reports: u32,
    /// Reports since it was opened or opened again.
    pub fresh: u32,
    pub keep: u32,
    pub remove: u32,
    pub state: CaseState,
    pub opened: u64,
    /// Times that moderators decided to keep the target.
    pub kept: u32,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Event {
    pub at: u64,
    pub by: Option<UserId>,
    pub deed: Deed,
}
