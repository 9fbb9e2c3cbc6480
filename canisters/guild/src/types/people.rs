//! People, what their profiles say, and how they are connected.

use super::{PictureId, SkillId, UserId};
use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

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
