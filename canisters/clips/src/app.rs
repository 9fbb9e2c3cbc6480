//! The app's whole state, in stable memory, and what all its parts use.

use crate::limits::*;
use crate::media::Media;
use crate::media::ladder::CHUNK;
use crate::memory::{Memory, Place, ROOM, Segment, Segments};
use crate::people;
use crate::records::*;
use crate::stored::Stored;
use crate::types::*;
use candid::Principal;
use ic_stable_structures::{StableBTreeMap, StableBTreeSet, StableCell};

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub caller: Principal,
    pub now: u64,
}

/// What stands between two things. The number is the first part of the edge's key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Edge {
    /// Follower, followed.
    Follow = 1,
    /// Followed, follower.
    Follower = 2,
    /// User, clip.
    Like = 3,
    /// Clip, user.
    Superlike = 4,
    /// User, clip.
    Bookmark = 5,
    /// User, whom they blocked.
    Block = 6,
    /// Author, clip.
    Own = 7,
    /// Clip, user who saw it.
    View = 8,
    /// Case, user.
    Report = 9,
    /// Case, moderator; holds the verdict.
    Vote = 10,
    /// 0, case that is open.
    OpenCase = 11,
    /// 0, moderator or admin.
    Moderator = 12,
}

pub type EdgeKey = (u8, u64, u64);
type Map<K, V, M> = StableBTreeMap<K, Stored<V>, Segment<M>>;

/// Everything that Clips knows.
pub struct App<M: Memory> {
    segments: Segments<M>,
    /// Pages that may be taken before nothing more is written.
    pub(crate) room: u64,
    pub(crate) counters: StableCell<Stored<Counters>, Segment<M>>,
    pub(crate) users: Map<UserId, User, M>,
    pub(crate) by_principal: StableBTreeMap<Principal, UserId, Segment<M>>,
    pub(crate) by_name: StableBTreeMap<String, UserId, Segment<M>>,
    pub(crate) edges: StableBTreeMap<EdgeKey, u64, Segment<M>>,
    pub(crate) clips: Map<ClipId, Clip, M>,
    pub(crate) heat: StableBTreeMap<(u64, ClipId), (), Segment<M>>,
    pub(crate) words: StableBTreeSet<Vec<u8>, Segment<M>>,
    pub(crate) tag_counts: StableBTreeMap<String, u64, Segment<M>>,
    /// Hashtags by how many clips have them.
    pub(crate) tag_ranks: StableBTreeMap<Vec<u8>, (), Segment<M>>,
    pub(crate) comments: Map<(ClipId, CommentId), Comment, M>,
    pub(crate) notices: Map<(UserId, u64), Notice, M>,
    pub(crate) letters: Map<(u64, u64), Letter, M>,
    pub(crate) threads: Map<(UserId, UserId), Thread, M>,
    pub(crate) cases: Map<CaseId, Case, M>,
    pub(crate) cases_by_target: StableBTreeMap<(ClipId, CommentId), CaseId, Segment<M>>,
    /// What users did; and what moderators, admins and the rules did.
    pub(crate) events: Map<u64, Event, M>,
    pub(crate) acts: Map<u64, Event, M>,
    /// Clips that are gone, of which edges are left.
    pub(crate) strays: StableBTreeSet<ClipId, Segment<M>>,
    pub(crate) first_page: StableCell<Vec<u8>, Segment<M>>,
    /// Videos and pictures.
    pub media: Media<M>,
}

impl<M: Memory> App<M> {
    /// The app that `memory` holds, or a new one where it holds nothing.
    pub fn open(memory: M) -> Self {
        let segments = Segments::open(memory);
        let at = |place| segments.at(place);
        Self {
            counters: StableCell::init(at(Place::Counters), Stored(Counters::default())),
            users: StableBTreeMap::init(at(Place::Users)),
            by_principal: StableBTreeMap::init(at(Place::UsersByPrincipal)),
            by_name: StableBTreeMap::init(at(Place::UsersByName)),
            edges: StableBTreeMap::init(at(Place::Edges)),
            clips: StableBTreeMap::init(at(Place::Clips)),
            heat: StableBTreeMap::init(at(Place::Heat)),
            words: StableBTreeSet::init(at(Place::Words)),
            tag_counts: StableBTreeMap::init(at(Place::TagCounts)),
            tag_ranks: StableBTreeMap::init(at(Place::TagRanks)),
            comments: StableBTreeMap::init(at(Place::Comments)),
            notices: StableBTreeMap::init(at(Place::Notifications)),
            letters: StableBTreeMap::init(at(Place::Messages)),
            threads: StableBTreeMap::init(at(Place::Threads)),
            cases: StableBTreeMap::init(at(Place::Cases)),
            cases_by_target: StableBTreeMap::init(at(Place::CasesByTarget)),
            events: StableBTreeMap::init(at(Place::Events)),
            acts: StableBTreeMap::init(at(Place::Acts)),
            strays: StableBTreeSet::init(at(Place::Strays)),
            first_page: StableCell::init(at(Place::FirstPage), b"[]".to_vec()),
            media: Media::open(&segments),
            room: ROOM,
            segments,
        }
    }

    /// Whether there is room for more. Where there is none, moderators still decide, and everybody takes away what is
    /// theirs.
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        match self.segments.pages() < self.room {
            true => Ok(()),
            false => Err(Refusal::TooMany("there is no space left".into())),
        }
    }

    /// Whether a call may come in, before the canister pays for it: no boundary of safety, execution decides again.
    pub fn admits(&self, call: Call, controller: bool, method: &str, argument_bytes: usize) -> bool {
        let most = ARGUMENT_BYTES_MAX + if method == "put_chunk" { CHUNK as usize } else { 0 };
        let user = self.viewer(call).and_then(|it| self.user(it).ok());
        call.caller != Principal::anonymous()
            && argument_bytes <= most
            && (controller || self.is_named_admin(call) || !user.is_some_and(|it| it.suspended))
    }

    /// Whether the caller is the admin who needs no profile.
    pub(crate) fn is_named_admin(&self, call: Call) -> bool {
        self.counters.get().0.admin == Some(call.caller)
    }

    /// Gives out the next number of a kind, and may change sums.
    pub(crate) fn count<T>(&mut self, change: impl FnOnce(&mut Counters) -> T) -> T {
        let mut counters = self.counters.get().0.clone();
        let answer = change(&mut counters);
        self.counters.set(Stored(counters));
        answer
    }

    /// Takes over what an installation or an upgrade says; what it does not say stays.
    pub fn configure(&mut self, args: InitArgs) {
        self.count(|counters| {
            counters.admin = args.admin.or(counters.admin);
            counters.identity = args.identity.or(counters.identity);
        });
    }

    /// The canister that signs people in.
    pub fn identity(&self) -> Option<Principal> {
        self.counters.get().0.identity
    }

    pub fn totals(&self) -> Totals {
        let counters = &self.counters.get().0;
        Totals {
            users: counters.users.into(),
            clips: counters.clips,
            media_bytes: self.media.bytes(),
            open_cases: counters.open_cases,
            points: counters.points,
        }
    }

    // --- who is who ---

    pub(crate) fn viewer(&self, call: Call) -> Option<UserId> {
        self.by_principal.get(&call.caller)
    }

    pub(crate) fn user(&self, id: UserId) -> Result<User, Refusal> {
        self.users.get(&id).map(|Stored(user)| user).ok_or(Refusal::NotFound)
    }

    pub(crate) fn put_user(&mut self, id: UserId, user: User) {
        self.users.insert(id, Stored(user));
    }

    /// The caller, who must have a profile that is not suspended.
    pub(crate) fn signed(&self, call: Call) -> Result<(UserId, User), Refusal> {
        if call.caller == Principal::anonymous() {
            return Err(Refusal::Anonymous);
        }
        let id = self.viewer(call).ok_or(Refusal::NoProfile)?;
        let user = self.user(id)?;
        if user.suspended { Err(Refusal::Suspended) } else { Ok((id, user)) }
    }

    /// What became of an order that the caller gave before.
    pub(crate) fn done(user: &User, what: Ordered, order: Order) -> Option<u64> {
        user.orders.iter().find(|it| (it.0, it.1) == (what, order)).map(|it| it.2)
    }

    pub(crate) fn remember(user: &mut User, what: Ordered, order: Order, result: u64) {
        if user.orders.len() >= ORDERS_REMEMBERED {
            user.orders.remove(0);
        }
        user.orders.push((what, order, result));
    }

    /// Changes a user's record.
    pub(crate) fn change_user(&mut self, id: UserId, change: impl FnOnce(&mut User)) {
        if let Ok(mut user) = self.user(id) {
            change(&mut user);
            self.put_user(id, user);
        }
    }

    /// Counts what somebody is about to write, against what they may write in a day and against the room that there is.
    pub(crate) fn spend(&self, user: &mut User, now: u64, bytes: usize) -> Result<(), Refusal> {
        self.check_room()?;
        let today = now / DAY;
        let before = if user.written.day == today { user.written.bytes } else { 0 };
        let bytes = before.saturating_add(ENTRY_BYTES).saturating_add(bytes as u64);
        if bytes > WRITTEN_PER_DAY {
            return Err(Refusal::TooMany("you have written as much as one may in a day".into()));
        }
        user.written = Written { day: today, bytes };
        Ok(())
    }

    pub(crate) fn card(&self, id: UserId, viewer: Option<UserId>) -> Option<Card> {
        let mut user = self.user(id).ok()?;
        if user.suspended && viewer != Some(id) {
            people::take_down(&mut user);
        }
        Some(Card {
            id,
            name: user.name,
            display: user.display,
            picture: user.picture,
            followers: user.followers,
            following_them: viewer.is_some_and(|it| self.linked(Edge::Follow, it.into(), id.into())),
        })
    }

    /// Whether one of the two blocked the other.
    pub(crate) fn blocked(&self, viewer: Option<UserId>, other: UserId) -> bool {
        viewer.is_some_and(|it| {
            self.linked(Edge::Block, it.into(), other.into())
                || self.linked(Edge::Block, other.into(), it.into())
        })
    }

    // --- edges ---

    pub(crate) fn linked(&self, edge: Edge, from: u64, to: u64) -> bool {
        self.edges.contains_key(&(edge as u8, from, to))
    }

    /// Draws or rubs out an edge; whether that changed anything.
    pub(crate) fn link(&mut self, edge: Edge, from: u64, to: u64, on: bool, value: u64) -> bool {
        let key = (edge as u8, from, to);
        match on {
            true if self.edges.contains_key(&key) => false,
            true => self.edges.insert(key, value).is_none(),
            false => self.edges.remove(&key).is_some(),
        }
    }

    /// Ends of edges before `before`, latest first; at most [`SCAN_MAX`].
    pub(crate) fn ends(&self, edge: Edge, from: u64, before: u64) -> impl Iterator<Item = u64> + '_ {
        let kind = edge as u8;
        self.edges.range((kind, from, 0)..(kind, from, before)).rev().take(SCAN_MAX).map(|it| it.key().2)
    }

    // --- news and deeds ---

    /// Tells somebody; the oldest notification makes room, and one that said the same: who does and undoes something
    /// drives no other news away. Nobody is told what they did themselves.
    pub(crate) fn tell(&mut self, to: UserId, from: Option<UserId>, now: u64, news: News) {
        if from == Some(to) || from.is_some_and(|it| self.blocked(Some(to), it)) {
            return;
        }
        let mut known = self.notices.range((to, 0)..=(to, u64::MAX));
        let is_same = |it: &Notice| from.is_some() && it.from == from && it.news.is_about_the_same(news);
        let same = known.find(|it| is_same(&it.value().0)).map(|it| *it.key());
        drop(known);
        if let Some(same) = same {
            self.notices.remove(&same);
        }
        let id = self.count(|counters| next(&mut counters.next_notice));
        self.notices.insert((to, id), Stored(Notice { at: now, from, news }));
        let all = || self.notices.range((to, 0)..=(to, u64::MAX));
        let oldest = all().next().map(|it| *it.key());
        if all().count() as u64 > NOTIFICATIONS_PER_USER
            && let Some(oldest) = oldest
        {
            self.notices.remove(&oldest);
        }
    }

    /// Writes into the log of events.
    pub(crate) fn log(&mut self, by: Option<UserId>, now: u64, deed: Deed) {
        let id = self.count(|counters| next(&mut counters.next_event));
        let (log, most) = match deed {
            Deed::Joined(_)
            | Deed::Published(_)
            | Deed::Deleted(_)
            | Deed::WentViral(_)
            | Deed::Reported(_) => (&mut self.events, EVENTS_MAX),
            Deed::Hid(_)
            | Deed::Voted { .. }
            | Deed::Decided { .. }
            | Deed::GaveRole { .. }
            | Deed::Suspended { .. } => (&mut self.acts, ACTS_MAX),
        };
        log.insert(id, Stored(Event { at: now, by, deed }));
        if log.len() > most {
            log.pop_first();
        }
    }
}

/// The next number, starting with 1.
pub(crate) fn next(counter: &mut u64) -> u64 {
    *counter = counter.saturating_add(1);
    *counter
}

/// How many entries a page may have.
pub(crate) fn page(limit: u32) -> usize {
    (limit as usize).clamp(1, PAGE_MAX)
}
