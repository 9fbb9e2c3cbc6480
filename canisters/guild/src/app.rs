//! The app's whole state, in stable memory, and what all its parts use.

use crate::limits::*;
use crate::memory::{Memory, Place, ROOM, Segment, Segments};
use crate::people;
use crate::pictures::Pictures;
use crate::records::*;
use crate::stored::Stored;
use crate::types::*;
use candid::Principal;
use ic_stable_structures::{StableBTreeMap, StableBTreeSet, StableCell};

/// Who calls, when, and whether they control the canister.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub caller: Principal,
    pub now: u64,
    pub controller: bool,
}

/// What stands between two things. The number is the first part of the edge's key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Edge {
    /// Who was invited, who invited.
    Received = 1,
    /// Who invited, who was invited.
    Sent = 2,
    /// Two who are connected, both ways.
    Connected = 3,
    /// Two between whom there is any tie, both ways.
    Bond = 4,
    /// Author, post.
    Own = 5,
    /// Author, comment; holds the post.
    Said = 6,
    /// Post, user; holds the reaction.
    Reaction = 7,
    /// User, post.
    Reacted = 8,
    /// Skill of a user, who endorsed it.
    Endorser = 9,
    /// Who endorsed, skill of a user.
    Endorsed = 10,
    /// Poster, job.
    Posted = 11,
    /// Applicant, job.
    Applied = 12,
    /// Poster, applicant; holds to how many of the poster's jobs.
    Candidate = 13,
    /// Viewer, whose profile; holds the view.
    Saw = 14,
    /// Owner, picture.
    Picture = 15,
}

pub type EdgeKey = (u8, u64, u64);
pub(crate) type Map<K, V, M> = StableBTreeMap<K, Stored<V>, Segment<M>>;

/// Everything that Guild knows.
pub struct App<M: Memory> {
    segments: Segments<M>,
    /// Pages that may be taken before nothing more is written.
    pub(crate) room: u64,
    pub(crate) counters: StableCell<Stored<Counters>, Segment<M>>,
    pub(crate) users: Map<UserId, User, M>,
    pub(crate) by_principal: StableBTreeMap<Principal, UserId, Segment<M>>,
    pub(crate) by_name: StableBTreeMap<String, UserId, Segment<M>>,
    pub(crate) edges: StableBTreeMap<EdgeKey, u64, Segment<M>>,
    pub(crate) ties: Map<(UserId, UserId), TieRecord, M>,
    pub(crate) intents: Map<u64, Intent, M>,
    pub(crate) posts: Map<PostId, Post, M>,
    pub(crate) comments: Map<(PostId, CommentId), Comment, M>,
    pub(crate) words: StableBTreeSet<Vec<u8>, Segment<M>>,
    pub(crate) jobs: Map<JobId, Job, M>,
    pub(crate) applications: Map<(JobId, UserId), Application, M>,
    pub(crate) notices: Map<(UserId, u64), Notice, M>,
    pub(crate) letters: Map<(u64, u64), Letter, M>,
    pub(crate) threads: Map<(UserId, UserId), Thread, M>,
    pub(crate) views: Map<(UserId, u64), View, M>,
    /// Users whose data is being erased.
    pub(crate) leaving: StableBTreeSet<UserId, Segment<M>>,
    /// Erased posts below which something may stand.
    pub(crate) orphans: StableBTreeSet<PostId, Segment<M>>,
    pub(crate) first_page: StableCell<Vec<u8>, Segment<M>>,
    pub pictures: Pictures<M>,
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
            ties: StableBTreeMap::init(at(Place::Ties)),
            intents: StableBTreeMap::init(at(Place::Intents)),
            posts: StableBTreeMap::init(at(Place::Posts)),
            comments: StableBTreeMap::init(at(Place::Comments)),
            words: StableBTreeSet::init(at(Place::Words)),
            jobs: StableBTreeMap::init(at(Place::Jobs)),
            applications: StableBTreeMap::init(at(Place::Applications)),
            notices: StableBTreeMap::init(at(Place::Notifications)),
            letters: StableBTreeMap::init(at(Place::Messages)),
            threads: StableBTreeMap::init(at(Place::Threads)),
            views: StableBTreeMap::init(at(Place::Views)),
            leaving: StableBTreeSet::init(at(Place::Leaving)),
            orphans: StableBTreeSet::init(at(Place::Orphans)),
            first_page: StableCell::init(at(Place::FirstPage), b"[]".to_vec()),
            pictures: Pictures::open(&segments),
            room: ROOM,
            segments,
        }
    }

    /// Whether there is room for more. Where there is none, people still leave, part and take away what is theirs, and the
    /// graph's answers are taken in.
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        match self.segments.pages() < self.room {
            true => Ok(()),
            false => Err(Refusal::TooMany("there is no space left".into())),
        }
    }

    /// Counts what somebody is about to write.
    pub(crate) fn spend(&mut self, id: UserId, now: u64, bytes: usize) -> Result<(), Refusal> {
        self.check_room()?;
        let mut user = self.user(id)?;
        spend(&mut user, now, bytes)?;
        self.put_user(id, user);
        Ok(())
    }

    /// Whether a call may come in, before the canister pays for it: no boundary of safety, execution decides again.
    pub fn admits(&self, call: Call, method: &str, argument_bytes: usize) -> bool {
        let with_picture = matches!(method, "publish" | "set_picture");
        let most = ARGUMENT_BYTES_MAX + if with_picture { PICTURE_BYTES_MAX } else { 0 };
        let user = self.viewer(call).and_then(|it| self.user(it).ok());
        call.caller != Principal::anonymous()
            && argument_bytes <= most
            && (method == "delete_me" || self.is_admin(call) || !user.is_some_and(|it| it.suspended))
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
            counters.graph = args.graph.or(counters.graph);
            counters.identity = args.identity.or(counters.identity);
        });
    }

    /// The canister that holds the connections.
    pub fn graph(&self) -> Option<Principal> {
        self.counters.get().0.graph
    }

    /// The canister that signs people in.
    pub fn identity(&self) -> Option<Principal> {
        self.counters.get().0.identity
    }

    pub fn totals(&self) -> Totals {
        let counters = &self.counters.get().0;
        Totals {
            users: counters.users,
            posts: self.posts.len(),
            jobs: self.jobs.len(),
            connections: counters.connections,
            picture_bytes: counters.picture_bytes,
            pending: self.intents.len(),
            not_held: counters.not_held,
            leaving: self.leaving.len(),
        }
    }

    // --- who is who ---

    pub(crate) fn viewer(&self, call: Call) -> Option<UserId> {
        self.by_principal.get(&call.caller)
    }

    /// A user who has not left.
    pub(crate) fn user(&self, id: UserId) -> Result<User, Refusal> {
        let user = self.users.get(&id).map(|Stored(user)| user);
        user.filter(|it| !it.leaving).ok_or(Refusal::NotFound)
    }

    pub(crate) fn put_user(&mut self, id: UserId, user: User) {
        self.users.insert(id, Stored(user));
    }

    /// Changes a user's record, also that of one who leaves.
    pub(crate) fn change_user(&mut self, id: UserId, change: impl FnOnce(&mut User)) {
        if let Some(Stored(mut user)) = self.users.get(&id) {
            change(&mut user);
            self.put_user(id, user);
        }
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

    pub(crate) fn is_admin(&self, call: Call) -> bool {
        call.controller || self.counters.get().0.admin == Some(call.caller)
    }

    pub(crate) fn admin(&self, call: Call) -> Result<(), Refusal> {
        if self.is_admin(call) { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    /// The caller must be the owner, or an admin.
    pub(crate) fn owns(&self, call: Call, owner: UserId) -> Result<(), Refusal> {
        if self.is_admin(call) {
            return Ok(());
        }
        let (caller, _) = self.signed(call)?;
        if caller == owner { Ok(()) } else { Err(Refusal::NotAllowed) }
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

    pub(crate) fn card(&self, id: UserId, viewer: Option<UserId>) -> Option<Card> {
        let mut user = self.user(id).ok()?;
        if user.suspended && viewer != Some(id) {
            people::take_down(&mut user);
        }
        Some(Card {
            id,
            name: user.name,
            display: user.display,
            headline: user.headline,
            picture: user.picture,
            connections: user.connections,
            tie: self.tie(viewer, id),
        })
    }

    // --- edges ---

    pub(crate) fn linked(&self, edge: Edge, from: u64, to: u64) -> bool {
        self.edges.contains_key(&(edge as u8, from, to))
    }

    pub(crate) fn edge(&self, edge: Edge, from: u64, to: u64) -> Option<u64> {
        self.edges.get(&(edge as u8, from, to))
    }

    pub(crate) fn set_edge(&mut self, edge: Edge, from: u64, to: u64, value: u64) {
        self.edges.insert((edge as u8, from, to), value);
    }

    /// Draws or rubs out an edge; whether that changed anything.
    pub(crate) fn link(&mut self, edge: Edge, from: u64, to: u64, on: bool) -> bool {
        let key = (edge as u8, from, to);
        match on {
            true if self.edges.contains_key(&key) => false,
            true => self.edges.insert(key, 0).is_none(),
            false => self.edges.remove(&key).is_some(),
        }
    }

    /// Ends of edges before `before`, latest first.
    pub(crate) fn ends(&self, edge: Edge, from: u64, before: u64) -> impl Iterator<Item = u64> + '_ {
        let kind = edge as u8;
        self.edges.range((kind, from, 0)..(kind, from, before)).rev().map(|it| it.key().2)
    }

    /// Ends of edges after `after`, in their order.
    pub(crate) fn ends_after(
        &self,
        edge: Edge,
        from: u64,
        after: Option<u64>,
    ) -> impl Iterator<Item = u64> + '_ {
        let (kind, first) = (edge as u8, after.map_or(0, |it| it.saturating_add(1)));
        self.edges.range((kind, from, first)..=(kind, from, u64::MAX)).map(|it| it.key().2)
    }

    // --- news ---

    /// Tells somebody; the oldest notification makes room, and one that said the same: who does and undoes something
    /// drives no other news away. Nobody is told what they did themselves.
    pub(crate) fn tell(&mut self, to: UserId, from: UserId, now: u64, news: News) {
        if from == to || self.user(to).is_err() {
            return;
        }
        let mut known = self.notices.range((to, 0)..=(to, u64::MAX));
        let is_same = |it: &Notice| it.from == Some(from) && it.news.is_about_the_same(&news);
        let same = known.find(|it| is_same(&it.value().0)).map(|it| *it.key());
        drop(known);
        if let Some(same) = same {
            self.notices.remove(&same);
        }
        let id = self.count(|counters| next(&mut counters.next_notice));
        self.notices.insert((to, id), Stored(Notice { at: now, from: Some(from), news }));
        let all = || self.notices.range((to, 0)..=(to, u64::MAX));
        let oldest = all().next().map(|it| *it.key());
        if all().count() as u64 > NOTIFICATIONS_PER_USER
            && let Some(oldest) = oldest
        {
            self.notices.remove(&oldest);
        }
    }
}

/// Counts so many bytes, and what stands around them, against what a user may write in a day.
pub(crate) fn spend(user: &mut User, now: u64, bytes: usize) -> Result<(), Refusal> {
    let today = now / DAY;
    let before = if user.written.day == today { user.written.bytes } else { 0 };
    let bytes = before.saturating_add(ENTRY_BYTES).saturating_add(bytes as u64);
    if bytes > WRITTEN_PER_DAY {
        return Err(Refusal::TooMany("you have written as much as one may in a day".into()));
    }
    user.written = Written { day: today, bytes };
    Ok(())
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

/// One more, or one less.
pub(crate) fn step(count: u32, up: bool) -> u32 {
    if up { count.saturating_add(1) } else { count.saturating_sub(1) }
}

/// Takes entries until a page is full or enough was looked at; the page, and the key to go on from.
pub(crate) fn collect<K: Copy, T>(
    keys: impl Iterator<Item = K>,
    room: usize,
    mut view: impl FnMut(K) -> Option<T>,
) -> (Vec<T>, Option<K>) {
    let mut items = Vec::new();
    for (looked, key) in keys.enumerate() {
        items.extend(view(key));
        if items.len() >= room || looked + 1 >= SCAN_MAX {
            return (items, Some(key));
        }
    }
    (items, None)
}
