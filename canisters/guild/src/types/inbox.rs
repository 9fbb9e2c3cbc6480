//! Notifications, messages, views of profiles.

use super::{ApplicationState, Card, JobId, Order, PostId, Reaction, UserId};
use candid::CandidType;
use serde::{Deserialize, Serialize};

/// What happened to the one who is told.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum News {
    Invited,
    Connected,
    Reacted { post: PostId, reaction: Reaction },
    Commented(PostId),
    Endorsed(String),
    Messaged,
    Applied(JobId),
    Answered { job: JobId, state: ApplicationState },
}

impl News {
    /// Whether one makes the other old.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reacted { post: one, .. }, Self::Reacted { post: another, .. }) => one == another,
            (Self::Answered { job: one, .. }, Self::Answered { job: another, .. }) => one == another,
            _ => self == other,
        }
    }
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    pub id: u64,
    pub at: u64,
    pub from: Option<Card>,
    pub news: News,
    pub unread: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NotificationPage {
    pub notifications: Vec<Notification>,
    pub next: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewMessage {
    pub to: UserId,
    pub text: String,
    pub order: Order,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub id: u64,
    pub at: u64,
    pub own: bool,
    pub text: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    pub next: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ThreadView {
    pub with: Card,
    pub last: Message,
    pub unread: u32,
}

/// Somebody looked at the caller's profile.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ViewView {
    pub id: u64,
    /// None: somebody who looks at profiles without being named.
    pub viewer: Option<Card>,
    pub at: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ViewPage {
    pub views: Vec<ViewView>,
    pub next: Option<u64>,
}
