//! The records of stable memory.

use crate::types::*;
use candid::Principal;
use serde::{Deserialize, Serialize};

/// Numbers that are given out once, and sums.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub struct Counters {
    pub users: u64,
    pub connections: u64,
    pub next_user: u32,
    pub next_post: u64,
    pub next_comment: u64,
    pub next_job: u64,
    pub next_notice: u64,
    pub next_message: u64,
    pub next_view: u64,
    pub next_picture: u64,
    /// The number of the last change told the graph.
    pub next_change: u64,
    pub picture_bytes: u64,
    pub admin: Option<Principal>,
    #[serde(default)]
    pub identity: Option<Principal>,
    pub graph: Option<Principal>,
    /// Connections that the graph had no room for when it was told them again.
    #[serde(default)]
    pub not_held: u64,
    /// Of those who leave, the one whose turn was last.
    #[serde(default)]
    pub swept: UserId,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Skill {
    pub id: SkillId,
    pub name: String,
    pub endorsements: u32,
}

/// What an order is for: what was given for one thing answers no call for another.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ordered {
    Post,
    Comment,
    Message,
    Job,
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
    pub headline: String,
    pub company: String,
    pub place: String,
    pub about: String,
    pub picture: Option<PictureId>,
    pub open_to_work: bool,
    pub private_views: bool,
    pub joined: u64,
    pub suspended: bool,
    /// Their data is being erased; nobody sees them any more.
    pub leaving: bool,
    pub experience: Vec<Experience>,
    pub education: Vec<Education>,
    pub skills: Vec<Skill>,
    pub next_skill: SkillId,
    /// Confirmed connections.
    pub connections: u32,
    /// Confirmed connections, and those that a change waits for.
    pub bonds: u32,
    pub invitations_sent: u32,
    pub invitations_received: u32,
    pub posts: u32,
    pub comments: u32,
    pub reactions: u32,
    pub endorsed: u32,
    pub jobs: u32,
    pub applications: u32,
    pub views: u64,
    pub viewed: u32,
    pub picture_bytes: u64,
    /// Orders of the last calls that must not be done twice, and what came of them.
    pub orders: Vec<(Ordered, Order, u64)>,
    /// Notifications up to this one are read.
    pub seen: u64,
    pub threads: u32,
    pub unread_messages: u32,
    /// Of somebody who leaves: ties with people up to this one are ended, or wait for the graph.
    #[serde(default)]
    pub parted: UserId,
    #[serde(default)]
    pub written: Written,
}

/// What is between two people.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Bond {
    Invited {
        by: UserId,
        note: String,
    },
    /// Change `number` waits for the graph.
    Connecting {
        accepted_by: UserId,
        number: u64,
    },
    Connected,
    /// Change `number` waits for the graph.
    Parting {
        number: u64,
    },
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TieRecord {
    pub bond: Bond,
    pub at: u64,
}

/// A change that the graph has not confirmed.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Intent {
    pub a: UserId,
    pub b: UserId,
    pub connected: bool,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Post {
    pub author: UserId,
    pub text: String,
    pub picture: Option<PictureId>,
    pub created: u64,
    pub reactions: Vec<(Reaction, u32)>,
    pub comments: u32,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Comment {
    pub author: UserId,
    pub text: String,
    pub created: u64,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Job {
    pub poster: UserId,
    pub title: String,
    pub company: String,
    pub place: String,
    pub workplace: Workplace,
    pub hours: Hours,
    pub text: String,
    pub created: u64,
    pub open: bool,
    pub applications: u32,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Application {
    pub letter: String,
    pub at: u64,
    pub state: ApplicationState,
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

/// Somebody looked at a profile.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct View {
    pub viewer: UserId,
    pub named: bool,
    pub at: u64,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Picture {
    pub owner: UserId,
    pub kind: PictureKind,
    pub bytes: u64,
}
