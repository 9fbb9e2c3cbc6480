//! Profiles, following, blocking, roles.

use crate::app::{App, Call, Edge, page};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{User, Written};
use crate::search::Shelf;
use crate::stored::Stored;
use crate::text;
use crate::types::*;
use candid::Principal;

impl<M: Memory> App<M> {
    /// Makes the caller a user.
    pub fn create_profile(&mut self, call: Call, new: NewProfile) -> Result<Profile, Refusal> {
        if call.caller == Principal::anonymous() {
            return Err(Refusal::Anonymous);
        }
        let name = text::name(&new.name)?;
        let display = text::display(&new.display)?;
        let bio = text::tidy("bio", &new.bio, 0, BIO_MAX)?;
        if let Some(id) = self.viewer(call) {
            // the same call once more, or somebody who has a name already
            let same = self.user(id)?.name == name;
            return if same {
                self.profile(call, id)
            } else {
                Err(Refusal::Invalid("you have a profile".into()))
            };
        }
        if self.by_name.contains_key(&name) {
            return Err(Refusal::Taken);
        }
        if u64::from(self.counters.get().0.users) >= USERS_MAX {
            return Err(Refusal::TooMany("there are as many users as fit".into()));
        }
        self.check_room()?;
        let id = self.count(|counters| {
            counters.users = counters.users.saturating_add(1);
            counters.points = counters.points.saturating_add(WELCOME_POINTS);
            counters.users
        });
        self.by_principal.insert(call.caller, id);
        self.by_name.insert(name.clone(), id);
        self.file(Shelf::People, id.into(), &format!("{name} {display}"), true);
        self.put_user(id, newcomer(call, name, display, bio));
        self.log(Some(id), call.now, Deed::Joined(id));
        self.profile(call, id)
    }

    /// Changes what the caller's profile says.
    pub fn edit_profile(&mut self, call: Call, edit: ProfileEdit) -> Result<Profile, Refusal> {
        let (id, mut user) = self.signed(call)?;
        let display = text::display(&edit.display)?;
        let bio = text::tidy("bio", &edit.bio, 0, BIO_MAX)?;
        let picture = edit.picture.filter(|it| user.picture != Some(*it));
        if picture.is_some() {
            self.media.check_room(1)?;
        }
        self.spend(&mut user, call.now, display.len() + bio.len())?;
        if let Some(picture) = picture {
            self.media.attach(picture, id, false)?;
            if let Some(old) = user.picture.replace(picture) {
                self.media.remove(old);
            }
        }
        self.file(Shelf::People, id.into(), &format!("{} {}", user.name, user.display), false);
        self.file(Shelf::People, id.into(), &format!("{} {display}", user.name), true);
        (user.display, user.bio) = (display, bio);
        self.put_user(id, user);
        self.write_first_page();
        self.profile(call, id)
    }

    pub fn me(&self, call: Call) -> Option<Me> {
        let id = self.viewer(call)?;
        let user = self.user(id).ok()?;
        let used = superlikes_in_window(&user, call.now).len();
        let unread = self.notices.range((id, user.seen.saturating_add(1))..=(id, u64::MAX)).count();
        Some(Me {
            profile: self.profile(call, id).ok()?,
            points: user.points,
            superlikes_left: SUPERLIKES_PER_WINDOW.saturating_sub(used) as u32,
            unread_notifications: unread as u32,
            unread_messages: user.unread_messages,
        })
    }

    pub fn profile_named(&self, call: Call, name: &str) -> Result<Profile, Refusal> {
        let id = self.by_name.get(&name.to_ascii_lowercase()).ok_or(Refusal::NotFound)?;
        self.profile(call, id)
    }

    pub fn profile(&self, call: Call, id: UserId) -> Result<Profile, Refusal> {
        let viewer = self.viewer(call);
        let mut user = self.user(id)?;
        if user.suspended && viewer != Some(id) {
            take_down(&mut user);
        }
        Ok(Profile {
            card: self.card(id, viewer).ok_or(Refusal::NotFound)?,
            bio: user.bio,
            joined: user.joined,
            following: user.following,
            clips: user.clips,
            likes: user.likes,
            role: user.role,
            suspended: user.suspended,
            blocked_by_me: viewer.is_some_and(|it| self.linked(Edge::Block, it.into(), id.into())),
            own: viewer == Some(id),
        })
    }

    /// Follows, or no longer.
    pub fn follow(&mut self, call: Call, whom: UserId, on: bool) -> Result<(), Refusal> {
        let (id, mut user) = self.signed(call)?;
        if id == whom {
            return Err(Refusal::Invalid("nobody follows themselves".into()));
        }
        let mut other = self.user(whom)?;
        if on && self.blocked(Some(id), whom) {
            return Err(Refusal::Blocked);
        }
        if on && user.following >= FOLLOWS_PER_USER {
            return Err(Refusal::TooMany(format!("you follow {FOLLOWS_PER_USER} people")));
        }
        if on {
            self.check_room()?;
        }
        if !self.link(Edge::Follow, id.into(), whom.into(), on, call.now) {
            return Ok(());
        }
        self.link(Edge::Follower, whom.into(), id.into(), on, call.now);
        user.following = step(user.following, on);
        other.followers = step(other.followers, on);
        self.put_user(id, user);
        self.put_user(whom, other);
        if on {
            self.tell(whom, Some(id), call.now, News::Followed);
        }
        Ok(())
    }

    /// Blocks, or no longer. Who is blocked follows no more, nor is followed.
    pub fn block(&mut self, call: Call, whom: UserId, on: bool) -> Result<(), Refusal> {
        let (id, mut user) = self.signed(call)?;
        let mut other = self.user(whom)?;
        if id == whom {
            return Err(Refusal::Invalid("nobody blocks themselves".into()));
        }
        if on && user.blocks >= BLOCKS_PER_USER {
            return Err(Refusal::TooMany(format!("you block {BLOCKS_PER_USER} people")));
        }
        if !self.link(Edge::Block, id.into(), whom.into(), on, call.now) {
            return Ok(());
        }
        user.blocks = step(user.blocks, on);
        if on {
            self.part(id, whom, &mut user, &mut other);
            self.part(whom, id, &mut other, &mut user);
        }
        self.put_user(id, user);
        self.put_user(whom, other);
        Ok(())
    }

    fn part(&mut self, from: UserId, to: UserId, follower: &mut User, followed: &mut User) {
        if self.link(Edge::Follow, from.into(), to.into(), false, 0) {
            self.link(Edge::Follower, to.into(), from.into(), false, 0);
            follower.following = step(follower.following, false);
            followed.followers = step(followed.followers, false);
        }
    }

    /// A page of people. Whom somebody blocked is their own affair.
    pub fn people(&self, call: Call, list: PeopleList, after: Option<Cursor>, limit: u32) -> PeoplePage {
        let viewer = self.viewer(call);
        let before = after.map_or(u64::MAX, |it| it.id);
        let (edge, from) = match list {
            PeopleList::Followers(user) => (Edge::Follower, Some(user)),
            PeopleList::FollowedBy(user) => (Edge::Follow, Some(user)),
            PeopleList::Blocked => (Edge::Block, viewer),
        };
        let Some(from) = from else { return PeoplePage { people: Vec::new(), next: None } };
        let ends: Vec<u64> = self.ends(edge, from.into(), before).take(page(limit)).collect();
        let full = ends.len() == page(limit);
        let next = ends.last().filter(|_| full).map(|id| Cursor { part: 0, rank: 0, id: *id });
        let card = |id: &u64| self.card(u32::try_from(*id).ok()?, viewer);
        PeoplePage { people: ends.iter().filter_map(card).collect(), next }
    }

    /// Gives somebody a role. Controllers may, and admins.
    pub fn set_role(
        &mut self,
        call: Call,
        controller: bool,
        whom: UserId,
        role: Role,
    ) -> Result<(), Refusal> {
        self.admin(call, controller)?;
        let mut user = self.user(whom)?;
        if user.role == role {
            return Ok(());
        }
        let (was, is) = (user.role >= Role::Moderator, role >= Role::Moderator);
        if is && !was && self.counters.get().0.moderators >= MODERATORS_MAX {
            return Err(Refusal::TooMany(format!("there are {MODERATORS_MAX} moderators")));
        }
        if was != is {
            self.link(Edge::Moderator, 0, whom.into(), is, call.now);
            self.count(|counters| counters.moderators = step(counters.moderators, is));
        }
        user.role = role;
        self.put_user(whom, user);
        let by = self.viewer(call);
        self.tell(whom, by, call.now, News::RoleChanged(role));
        self.log(by, call.now, Deed::GaveRole { user: whom, role });
        Ok(())
    }

    /// Takes away, or gives back, what a user may do, and what others see of their profile. Controllers may, and admins.
    pub fn suspend(&mut self, call: Call, controller: bool, whom: UserId, on: bool) -> Result<(), Refusal> {
        self.admin(call, controller)?;
        let mut user = self.user(whom)?;
        if user.suspended != on {
            user.suspended = on;
            if let Some(picture) = user.picture {
                self.media.show(picture, !on);
            }
            self.put_user(whom, user);
            self.write_first_page();
            self.log(self.viewer(call), call.now, Deed::Suspended { user: whom, suspended: on });
        }
        Ok(())
    }

    fn admin(&self, call: Call, controller: bool) -> Result<(), Refusal> {
        if controller || self.is_named_admin(call) {
            return Ok(());
        }
        let (_, user) = self.signed(call)?;
        if user.role == Role::Admin { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    /// The log, latest first, for moderators and admins.
    pub fn events(
        &self,
        call: Call,
        controller: bool,
        before: Option<u64>,
        limit: u32,
    ) -> Result<EventPage, Refusal> {
        if self.admin(call, controller).is_err() {
            self.moderator(call)?;
        }
        let before = before.unwrap_or(u64::MAX);
        let latest = [&self.events, &self.acts]
            .into_iter()
            .flat_map(|log| log.range(..before).rev().take(page(limit)));
        let view = |id: u64, Stored(it): Stored<crate::records::Event>| EventView {
            id,
            at: it.at,
            by: it.by,
            deed: it.deed,
        };
        let mut events: Vec<EventView> = latest.map(|it| view(*it.key(), it.value())).collect();
        events.sort_by_key(|it| std::cmp::Reverse(it.id));
        events.truncate(page(limit));
        let next = events.last().filter(|_| events.len() == page(limit)).map(|it| it.id);
        Ok(EventPage { events, next })
    }

    /// Moves points; the sum of all stays the same.
    pub(crate) fn pay(&mut self, from: UserId, to: UserId, points: u64) -> Result<(), Refusal> {
        let mut payer = self.user(from)?;
        let mut payee = self.user(to)?;
        payer.points = payer.points.checked_sub(points).ok_or(Refusal::NoPoints(payer.points))?;
        payee.points = payee.points.saturating_add(points);
        self.put_user(from, payer);
        self.put_user(to, payee);
        Ok(())
    }

    /// Makes points out of nothing, which only rewards do.
    pub(crate) fn reward(&mut self, to: UserId, points: u64) {
        if let Ok(mut user) = self.user(to) {
            user.points = user.points.saturating_add(points);
            self.put_user(to, user);
            self.count(|counters| counters.points = counters.points.saturating_add(points));
        }
    }
}

/// Leaves of a suspended user's profile nothing that they wrote but their handle.
pub(crate) fn take_down(user: &mut User) {
    user.display.clone_from(&user.name);
    user.bio.clear();
    user.picture = None;
}

fn newcomer(call: Call, name: String, display: String, bio: String) -> User {
    User {
        principal: call.caller,
        name,
        display,
        bio,
        picture: None,
        joined: call.now,
        followers: 0,
        following: 0,
        blocks: 0,
        clips: 0,
        likes: 0,
        points: WELCOME_POINTS,
        role: Role::User,
        suspended: false,
        superlikes: Vec::new(),
        orders: Vec::new(),
        seen: 0,
        threads: 0,
        unread_messages: 0,
        liked: 0,
        bookmarked: 0,
        viewed: 0,
        reports: Vec::new(),
        written: Written::default(),
    }
}

/// When the user gave the superlikes that count against the window.
pub(crate) fn superlikes_in_window(user: &User, now: u64) -> Vec<u64> {
    let young = |at: &&u64| now.saturating_sub(**at) < SUPERLIKE_WINDOW;
    user.superlikes.iter().filter(young).copied().collect()
}

/// One more, or one less.
pub(crate) fn step(count: u32, up: bool) -> u32 {
    if up { count.saturating_add(1) } else { count.saturating_sub(1) }
}
