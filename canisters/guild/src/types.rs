//! What calls take and answer: the Rust side of `guild.did`.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

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
}

/// What is between the caller and somebody.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tie {
    Stranger,
    Own,
    /// The caller invited them.
    Invited,
    /// They invited the caller.
    Invites,
    /// Accepted; the graph has not yet confirmed it.
    Connecting,
    Connected,
    /// Ended; the graph has not yet confirmed it.
    Parting,
}

/// A person, as lists show them.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Card {
    pub id: UserId,
    pub name: String,
    pub display: String,
    pub headline: String,
    pub picture: Option<PictureId>,
    pub connections: u32,
    pub tie: Tie,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Month {
    pub year: u16,
    pub month: u8,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Experience {
    pub title: String,
    pub company: String,
    pub place: String,
    pub from: Month,
    /// None: still there.
    pub to: Option<Month>,
    pub text: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Education {
    pub school: String,
    pub degree: String,
    pub from: u16,
    pub to: Option<u16>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SkillView {
    pub id: SkillId,
    pub name: String,
    pub endorsements: u32,
    pub endorsed_by_me: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    pub card: Card,
    pub company: String,
    pub place: String,
    pub about: String,
    pub open_to_work: bool,
    pub joined: u64,
    pub posts: u32,
    pub experience: Vec<Experience>,
    pub education: Vec<Education>,
    pub skills: Vec<SkillView>,
    pub suspended: bool,
    /// The note with their invitation to the caller.
    pub invitation_note: Option<String>,
}

/// The caller.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Me {
    pub profile: Profile,
    pub unread_notifications: u32,
    pub unread_messages: u32,
    /// Invitations that wait for the caller's answer.
    pub invitations: u32,
    /// How often others looked at the caller's profile.
    pub views: u64,
    /// The caller looks at profiles without being named.
    pub private_views: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewProfile {
    pub name: String,
    pub display: String,
    pub headline: String,
}

/// All that a profile says, as it shall be.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ProfileEdit {
    pub display: String,
    pub headline: String,
    pub company: String,
    pub place: String,
    pub about: String,
    pub open_to_work: bool,
    pub private_views: bool,
    pub experience: Vec<Experience>,
    pub education: Vec<Education>,
    /// Endorsements stay with a skill that keeps its name.
    pub skills: Vec<String>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum PictureKind {
    Jpeg,
    Png,
    Webp,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewPicture {
    pub kind: PictureKind,
    pub bytes: ByteBuf,
}

/// Whom a search finds: those to whom all of it applies. Empty texts ask for nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct PeopleFilter {
    pub query: String,
    pub company: String,
    pub place: String,
    pub school: String,
    pub skill: String,
    pub open_to_work: bool,
    /// Only the caller's connections.
    pub connected: bool,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PeoplePage {
    pub people: Vec<Card>,
    /// To be given back for the page after.
    pub next: Option<UserId>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvitationList {
    Received,
    Sent,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct InvitationView {
    pub with: Card,
    pub note: String,
    pub at: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct InvitationPage {
    pub invitations: Vec<InvitationView>,
    pub next: Option<UserId>,
}

/// How the caller and somebody are connected, by the graph.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Network {
    /// 1, 2 or 3; none: further away.
    pub degree: Option<u8>,
    pub mutual: Vec<Card>,
    pub mutual_count: u32,
}

/// Somebody whom the caller may know.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Acquaintance {
    pub card: Card,
    /// How many both know; 0: they are new here, or share a word of the profile.
    pub mutual: u32,
}

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

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workplace {
    OnSite,
    Hybrid,
    Remote,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hours {
    FullTime,
    PartTime,
    Contract,
    Internship,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewJob {
    pub title: String,
    pub company: String,
    pub place: String,
    pub workplace: Workplace,
    pub hours: Hours,
    pub text: String,
    pub order: Order,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplicationState {
    Sent,
    Seen,
    Invited,
    Declined,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct JobView {
    pub id: JobId,
    pub poster: Card,
    pub title: String,
    pub company: String,
    pub place: String,
    pub workplace: Workplace,
    pub hours: Hours,
    pub text: String,
    pub created: u64,
    pub open: bool,
    pub applications: u32,
    /// What became of the caller's application.
    pub mine: Option<ApplicationState>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct JobFilter {
    pub query: String,
    pub place: String,
    pub workplace: Option<Workplace>,
    pub hours: Option<Hours>,
}

/// Which jobs a list has; the latest first.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum JobList {
    Open(JobFilter),
    /// Posted by the caller.
    Posted,
    /// To which the caller applied.
    Applied,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct JobPage {
    pub jobs: Vec<JobView>,
    pub next: Option<JobId>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewApplication {
    pub job: JobId,
    pub letter: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ApplicationView {
    pub job: JobId,
    pub applicant: Card,
    pub letter: String,
    pub at: u64,
    pub state: ApplicationState,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ApplicationPage {
    pub applications: Vec<ApplicationView>,
    pub next: Option<UserId>,
}

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
    /// People whose data is being erased.
    pub leaving: u64,
}
