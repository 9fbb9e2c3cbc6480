//! What calls take and answer: the Rust side of `clips.did`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

pub type UserId = u32;
pub type ClipId = u64;
pub type MediaId = u64;
pub type CommentId = u64;
pub type CaseId = u64;

/// Why a call changed nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The call is not signed.
    Anonymous,
    /// The caller has no profile yet.
    NoProfile,
    /// The caller's account is suspended.
    Suspended,
    /// Only its owner, or somebody with a higher role, may do this.
    NotAllowed,
    NotFound,
    /// The name belongs to somebody else.
    Taken,
    /// One of the two blocked the other.
    Blocked,
    /// What was given breaks the rule that the text tells.
    Invalid(String),
    /// A bound is reached, which the text tells.
    TooMany(String),
    /// Not before this time (nanoseconds since 1970).
    NotBefore(u64),
    /// The caller has fewer points.
    NoPoints(u64),
}

/// What a user may do.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Role {
    #[default]
    User,
    Moderator,
    Admin,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default)]
pub struct InitArgs {
    /// Who is admin besides the controllers, without a profile.
    pub admin: Option<Principal>,
    /// The canister that signs people in.
    pub identity: Option<Principal>,
}

/// A person, as lists show them.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Card {
    pub id: UserId,
    pub name: String,
    pub display: String,
    pub picture: Option<MediaId>,
    pub followers: u32,
    pub following_them: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    pub card: Card,
    pub bio: String,
    pub joined: u64,
    pub following: u32,
    pub clips: u32,
    pub likes: u64,
    pub role: Role,
    pub suspended: bool,
    pub blocked_by_me: bool,
    pub own: bool,
}

/// The caller.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Me {
    pub profile: Profile,
    pub points: u64,
    pub superlikes_left: u32,
    pub unread_notifications: u32,
    pub unread_messages: u32,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewProfile {
    pub name: String,
    pub display: String,
    pub bio: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ProfileEdit {
    pub display: String,
    pub bio: String,
    /// A finished upload; none keeps the picture that is there.
    pub picture: Option<MediaId>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaKind {
    Mp4,
    Webm,
    Jpeg,
    Png,
    Webp,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewUpload {
    pub kind: MediaKind,
    pub bytes: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub id: MediaId,
    pub kind: MediaKind,
    pub bytes: u64,
    pub chunk_bytes: u32,
    /// Which chunks are still to come.
    pub missing: Vec<u32>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    pub upload: MediaId,
    pub index: u32,
    pub bytes: ByteBuf,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewClip {
    pub video: MediaId,
    pub poster: Option<MediaId>,
    pub caption: String,
    pub width: u32,
    pub height: u32,
    pub duration_ms: u32,
}

/// What the caller did with a clip.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mine {
    pub own: bool,
    pub liked: bool,
    pub superliked: bool,
    pub bookmarked: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ClipView {
    pub id: ClipId,
    pub author: Card,
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
    /// Hidden until the moderators have decided; only its maker and moderators see it.
    pub hidden: bool,
    pub mine: Mine,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tab {
    ForYou,
    Following,
}

/// Where a list goes on; to be given back as it came.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    pub part: u8,
    pub rank: u64,
    pub id: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ClipPage {
    pub clips: Vec<ClipView>,
    pub next: Option<Cursor>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PeoplePage {
    pub people: Vec<Card>,
    pub next: Option<Cursor>,
}

/// Which clips a list has.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum ClipList {
    Of(UserId),
    Liked,
    Bookmarked,
    Tagged(String),
}

/// Which people a list has.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeopleList {
    Followers(UserId),
    FollowedBy(UserId),
    Blocked,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TagCount {
    pub tag: String,
    pub clips: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub people: Vec<Card>,
    pub clips: Vec<ClipView>,
    pub tags: Vec<TagCount>,
}

/// A number that the caller chose, so that a call that is repeated is done once.
pub type Order = u64;

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewComment {
    pub clip: ClipId,
    pub text: String,
    pub order: Order,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CommentView {
    pub id: CommentId,
    pub clip: ClipId,
    pub author: Card,
    pub text: String,
    pub created: u64,
    pub own: bool,
    /// The caller may take it away: it is theirs, or stands under their clip.
    pub removable: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CommentPage {
    pub comments: Vec<CommentView>,
    pub next: Option<CommentId>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewTip {
    pub clip: ClipId,
    pub points: u64,
    pub order: Order,
}

/// What happened to the one who is told.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    Followed,
    Liked(ClipId),
    Superliked(ClipId),
    Commented(ClipId),
    Tipped {
        clip: ClipId,
        points: u64,
    },
    /// Their clip went viral, or one that they superliked.
    Viral {
        clip: ClipId,
        points: u64,
    },
    Messaged,
    Hidden(ClipId),
    Restored(ClipId),
    Removed(ClipId),
    CommentRemoved(ClipId),
    RoleChanged(Role),
}

impl News {
    /// Whether one makes the other old.
    pub fn is_about_the_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Tipped { .. }, _) => false,
            (Self::RoleChanged(_), Self::RoleChanged(_)) => true,
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

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Clip(ClipId),
    Comment { clip: ClipId, comment: CommentId },
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    Illegal,
    Violence,
    Hate,
    Sexual,
    Harassment,
    Copyright,
    Spam,
    Other,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewReport {
    pub target: Target,
    pub reason: Reason,
    pub note: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Keep,
    Remove,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaseState {
    Open,
    Kept,
    Removed,
}

/// A case of the moderation queue. Who reported is told to nobody.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CaseView {
    pub id: CaseId,
    pub target: Target,
    pub clip: Option<ClipView>,
    pub comment: Option<CommentView>,
    pub reasons: Vec<(Reason, u32)>,
    pub notes: Vec<String>,
    pub reports: u32,
    pub hidden: bool,
    pub keep: u32,
    pub remove: u32,
    pub needed: u32,
    pub state: CaseState,
    pub opened: u64,
    pub my_vote: Option<Verdict>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CasePage {
    pub cases: Vec<CaseView>,
    pub next: Option<CaseId>,
}

/// What moderators and admins did, and what the rules did by themselves.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    Joined(UserId),
    Published(ClipId),
    Deleted(ClipId),
    WentViral(ClipId),
    Reported(CaseId),
    Hid(CaseId),
    Voted { case: CaseId, verdict: Verdict },
    Decided { case: CaseId, verdict: Verdict },
    GaveRole { user: UserId, role: Role },
    Suspended { user: UserId, suspended: bool },
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct EventView {
    pub id: u64,
    pub at: u64,
    /// None: the rules themselves, or somebody whose name the log must not tell.
    pub by: Option<UserId>,
    pub deed: Deed,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct EventPage {
    pub events: Vec<EventView>,
    pub next: Option<u64>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    pub users: u64,
    pub clips: u64,
    pub media_bytes: u64,
    pub open_cases: u64,
    pub points: u64,
}
