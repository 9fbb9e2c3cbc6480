//! Posts, reactions, comments.

use super::{Card, CommentId, NewPicture, Order, PictureId, PostId, UserId};
use candid::CandidType;
use serde::{Deserialize, Serialize};

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reaction {
    Like,
    Celebrate,
    Support,
    Insightful,
    Funny,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewPost {
    pub text: String,
    pub picture: Option<NewPicture>,
    pub order: Order,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PostView {
    pub id: PostId,
    pub author: Card,
    pub text: String,
    pub picture: Option<PictureId>,
    pub created: u64,
    pub reactions: Vec<(Reaction, u32)>,
    pub comments: u32,
    /// How the caller reacted.
    pub mine: Option<Reaction>,
}

/// Which posts a list has; the latest first.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum PostList {
    /// Of the caller and their connections.
    Network,
    Everyone,
    Of(UserId),
    /// With these words.
    Found(String),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PostPage {
    pub posts: Vec<PostView>,
    pub next: Option<PostId>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewComment {
    pub post: PostId,
    pub text: String,
    pub order: Order,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CommentView {
    pub id: CommentId,
    pub post: PostId,
    pub author: Card,
    pub text: String,
    pub created: u64,
    /// The caller may take it away: it is theirs, or stands under their post.
    pub removable: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CommentPage {
    pub comments: Vec<CommentView>,
    pub next: Option<CommentId>,
}
