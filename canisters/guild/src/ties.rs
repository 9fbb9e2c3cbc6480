//! Invitations and connections: what Guild and its graph agree on.
//!
//! The graph holds who is connected; Guild holds what it must know itself: who invited whom, whose posts and messages
//! reach whom, and what it has told the graph that was not yet confirmed. A connection is made so:
//!
//! 1. Accepting writes the tie as [`Bond::Connecting`] and an [`Intent`] under a new number, before anything is sent.
//! 2. The change is sent. Whatever happens to it, to its answer, or to the message that reads the answer, the intent
//!    stays where it is, also through an upgrade of either canister.
//! 3. An answer settles the intent of its number, once: [`App::settle`] does nothing where the number is no longer
//!    awaited. Only then is the tie [`Bond::Connected`], counted, and told to the one who invited.
//! 4. A timer tells the graph again what is not settled, oldest first, [`REPAIR_AT_ONCE`] at a time, and up to
//!    [`REPAIRS_IN_A_ROW`] times while the graph answers. The graph does every change once, and of one pair keeps the
//!    latest (the interface's rules), so neither repetition nor order matters. What tells many changes (leaving, an
//!    admin's telling again) leaves half of the room for them, [`INTENTS_OF_MANY`], to everybody else.
//! 5. Somebody who changes their mind meanwhile gives the pair a new intent in place of the old one: the number grows,
//!    and an answer to the old one settles nothing.
//! 6. Parting counts in Guild at once, and in the graph when it is confirmed: what one no longer wants is never served
//!    longer than needed.
//! 7. A connection that the graph has no room for when it is told it again is kept and counted ([`Totals::not_held`]):
//!    that happens to a graph that was put back, and ends when what only it knows was parted and all was told again.
//! 8. A number that the graph finds too old is replaced by a greater one, so that a graph or a Guild that was put back to
//!    an older state comes to agree again; an admin can have all ties told again ([`App::tell_again`]),
//!    and what only the graph calls connected parted ([`App::part_unknown`]).

use crate::app::{App, Call, Edge, collect, page, step};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{Bond, Intent, TieRecord};
use crate::stored::Stored;
use crate::text;
use crate::types::*;
use guild_connections::{Change, Outcome, PairPage};

pub(crate) fn pair(a: UserId, b: UserId) -> (UserId, UserId) {
    (a.min(b), a.max(b))
}

fn other(pair: (UserId, UserId), one: UserId) -> UserId {
    if pair.0 == one { pair.1 } else { pair.0 }
}

/// The cursor after which a pair, the smaller first, comes next.
fn before((low, high): (UserId, UserId)) -> (UserId, UserId) {
    (low, high.saturating_sub(1))
}

impl<M: Memory> App<M> {
    pub(crate) fn bond(&self, a: UserId, b: UserId) -> Option<Bond> {
        self.ties.get(&pair(a, b)).map(|Stored(it)| it.bond)
    }

    fn set_bond(&mut self, a: UserId, b: UserId, now: u64, bond: Option<Bond>) {
        let (low, high) = pair(a, b);
        for (from, to) in [(low, high), (high, low)] {
            self.link(Edge::Bond, from.into(), to.into(), bond.is_some());
        }
        match bond {
            Some(bond) => self.ties.insert((low, high), Stored(TieRecord { bond, at: now })),
            None => self.ties.remove(&(low, high)),
        };
    }

    pub(crate) fn tie(&self, viewer: Option<UserId>, id: UserId) -> Tie {
        match viewer {
            None => Tie::Stranger,
            Some(viewer) if viewer == id => Tie::Own,
            Some(viewer) => match self.bond(viewer, id) {
                None => Tie::Stranger,
                Some(Bond::Invited { by, .. }) if by == viewer => Tie::Invited,
                Some(Bond::Invited { .. }) => Tie::Invites,
                Some(Bond::Connecting { .. }) => Tie::Connecting,
                Some(Bond::Connected) => Tie::Connected,
                Some(Bond::Parting { .. }) => Tie::Parting,
            },
        }
    }

    /// The note with somebody's invitation to the viewer.
    pub(crate) fn note_to(&self, viewer: Option<UserId>, from: UserId) -> Option<String> {
        match self.bond(viewer?, from)? {
            Bond::Invited { by, note } if by == from => Some(note),
            _ => None,
        }
    }

    // --- invitations ---

    /// Invites somebody. Whoever is invited back has accepted: the change is to be told the graph.
    pub fn invite(&mut self, call: Call, whom: UserId, note: &str) -> Result<Option<Change>, Refusal> {
        let (id, user) = self.signed(call)?;
        let note = text::tidy("note", note, 0, NOTE_MAX)?;
        let other = self.user(whom)?;
        if id == whom {
            return Err(text::invalid("invitation", "nobody invites themselves"));
        }
        match self.bond(id, whom) {
            None => {}
            Some(Bond::Invited { by, .. }) if by == whom => return self.accept(call, whom),
            Some(Bond::Parting { .. }) => return Err(Refusal::Pending),
            Some(_) => return Ok(None),
        }
        let most = INVITATIONS_PER_USER;
        if user.invitations_sent >= most {
            return Err(Refusal::TooMany(format!("{most} of your invitations wait for an answer")));
        }
        self.check_room()?;
        // many accounts close nobody to invitations: the oldest makes room
        if other.invitations_received >= most {
            self.end_oldest_invitation(whom, call.now);
        }
        self.set_bond(id, whom, call.now, Some(Bond::Invited { by: id, note }));
        self.link_invitation(id, whom, true);
        self.tell(whom, id, call.now, News::Invited);
        Ok(None)
    }

    fn link_invitation(&mut self, from: UserId, to: UserId, on: bool) {
        self.link(Edge::Sent, from.into(), to.into(), on);
        self.link(Edge::Received, to.into(), from.into(), on);
        self.change_user(from, |user| user.invitations_sent = step(user.invitations_sent, on));
        self.change_user(to, |user| user.invitations_received = step(user.invitations_received, on));
    }

    /// Takes back an invitation of the caller's, or declines one to them. What is not there is not there any more.
    pub fn withdraw(&mut self, call: Call, whom: UserId) -> Result<(), Refusal> {
        let (id, _) = self.signed(call)?;
        self.end_invitation(id, whom, call.now);
        Ok(())
    }

    pub(crate) fn end_invitation(&mut self, id: UserId, whom: UserId, now: u64) {
        if let Some(Bond::Invited { by, .. }) = self.bond(id, whom) {
            self.link_invitation(by, other(pair(id, whom), by), false);
            self.set_bond(id, whom, now, None);
        }
    }

    fn end_oldest_invitation(&mut self, of: UserId, now: u64) {
        let from = self.ends(Edge::Received, of.into(), u64::MAX).filter_map(|it| UserId::try_from(it).ok());
        let dated = from.filter_map(|it| Some((self.ties.get(&pair(of, it))?.0.at, it)));
        if let Some((_, oldest)) = dated.min() {
            self.end_invitation(of, oldest, now);
        }
    }

    /// A page of the invitations that the caller sent or received.
    pub fn invitations(
        &self,
        call: Call,
        list: InvitationList,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<InvitationPage, Refusal> {
        let (id, _) = self.signed(call)?;
        let edge = if list == InvitationList::Sent { Edge::Sent } else { Edge::Received };
        let ends = self.ends_after(edge, id.into(), after.map(u64::from));
        let view = |with: UserId| {
            let Stored(tie) = self.ties.get(&pair(id, with))?;
            let Bond::Invited { note, .. } = tie.bond else { return None };
            Some(InvitationView { with: self.card(with, Some(id))?, note, at: tie.at })
        };
        let people = ends.filter_map(|it| UserId::try_from(it).ok());
        let (invitations, next) = collect(people, page(limit), view);
        Ok(InvitationPage { invitations, next })
    }

    /// A page of somebody's connections.
    pub fn connections(&self, call: Call, of: UserId, after: Option<UserId>, limit: u32) -> PeoplePage {
        let viewer = self.viewer(call);
        let ends = self.ends_after(Edge::Connected, of.into(), after.map(u64::from));
        let ends = ends.filter_map(|it| UserId::try_from(it).ok());
        // whoever left has no list
        let known = self.user(of).is_ok();
        let (people, next) = collect(ends.take_while(|_| known), page(limit), |it| self.card(it, viewer));
        PeoplePage { people, next }
    }

    // --- what the graph must know ---

    /// Accepts an invitation: what is then to be told the graph. The same call again gives the same change, or none where
    /// it is confirmed.
    pub fn accept(&mut self, call: Call, whom: UserId) -> Result<Option<Change>, Refusal> {
        let (id, user) = self.signed(call)?;
        let inviter = self.user(whom)?;
        match self.bond(id, whom) {
            Some(Bond::Invited { by, .. }) if by == whom => {}
            Some(Bond::Connecting { number, .. }) => return Ok(self.intent(number)),
            Some(Bond::Connected) => return Ok(None),
            Some(Bond::Parting { .. }) => return Err(Refusal::Pending),
            _ => return Err(Refusal::NotFound),
        }
        if user.bonds >= CONNECTIONS_MAX || inviter.bonds >= CONNECTIONS_MAX {
            return Err(Refusal::TooMany(format!("one of you has {CONNECTIONS_MAX} connections")));
        }
        let number = self.intend(id, whom, true)?;
        self.link_invitation(whom, id, false);
        self.set_bond(id, whom, call.now, Some(Bond::Connecting { accepted_by: id, number }));
        self.count_bond(id, whom, true);
        Ok(self.intent(number))
    }

    /// Ends a connection: what is then to be told the graph. Where there is none, nothing is.
    pub fn disconnect(&mut self, call: Call, whom: UserId) -> Result<Option<Change>, Refusal> {
        let (id, _) = self.signed(call)?;
        self.part(id, whom, call.now)
    }

    pub(crate) fn part(&mut self, id: UserId, whom: UserId, now: u64) -> Result<Option<Change>, Refusal> {
        let number = match self.bond(id, whom) {
            Some(Bond::Parting { number }) => number,
            Some(Bond::Connected) => {
                let number = self.intend(id, whom, false)?;
                self.count_connection(id, whom, false);
                self.set_bond(id, whom, now, Some(Bond::Parting { number }));
                number
            }
            Some(Bond::Connecting { number: before, .. }) => {
                self.intents.remove(&before);
                let number = self.intend(id, whom, false)?;
                self.set_bond(id, whom, now, Some(Bond::Parting { number }));
                number
            }
            Some(Bond::Invited { .. }) => return Err(Refusal::NotConnected),
            None => return Ok(None),
        };
        Ok(self.intent(number))
    }

    fn intend(&mut self, a: UserId, b: UserId, connected: bool) -> Result<u64, Refusal> {
        if self.intents.len() >= INTENTS_MAX {
            return Err(Refusal::TooMany("the graph has not answered for long".into()));
        }
        let number = self.count(|counters| {
            counters.next_change = counters.next_change.saturating_add(1);
            counters.next_change
        });
        self.intents.insert(number, Stored(Intent { a, b, connected }));
        Ok(number)
    }

    /// Whether one of those who tell many changes may tell one more.
    pub(crate) fn has_room_for_many(&self) -> bool {
        self.intents.len() < INTENTS_OF_MANY
    }

    fn intent(&self, number: u64) -> Option<Change> {
        let Stored(Intent { a, b, connected }) = self.intents.get(&number)?;
        Some(Change { a, b, connected, number })
    }

    /// What the graph has not confirmed, oldest first; at most [`REPAIR_AT_ONCE`].
    pub fn unsettled(&self) -> Vec<Change> {
        let numbers = self.intents.iter().take(REPAIR_AT_ONCE).map(|it| *it.key());
        numbers.filter_map(|number| self.intent(number)).collect()
    }

    /// Whether a change is what the pair waits for, or tells the graph again what is so.
    fn is_awaited(&self, number: u64, intent: Intent) -> bool {
        match self.bond(intent.a, intent.b) {
            Some(Bond::Connecting { number: awaited, .. } | Bond::Parting { number: awaited }) => {
                awaited == number
            }
            Some(Bond::Connected) => intent.connected,
            // of a pair that Guild does not know as connected, only a parting is told
            Some(Bond::Invited { .. }) | None => !intent.connected,
        }
    }

    /// Takes in what the graph says about a change. Doing so again changes nothing.
    pub fn settle(&mut self, number: u64, outcome: Outcome, now: u64) {
        let Some(Stored(intent)) = self.intents.remove(&number) else { return };
        let Intent { a, b, connected } = intent;
        if !self.is_awaited(number, intent) {
            return;
        }
        match outcome {
            Outcome::Older(than) => self.renumber(intent, than, now),
            Outcome::Done if connected => self.confirm(a, b, now),
            _ if matches!(self.bond(a, b), Some(Bond::Invited { .. }) | None) => {}
            // the graph was put back and knows others instead: what is so stays so until an admin has looked into it
            Outcome::Full | Outcome::Itself if self.bond(a, b) == Some(Bond::Connected) => {
                self.count(|counters| counters.not_held = counters.not_held.saturating_add(1));
            }
            // not connected: as wished, or because the graph takes no more
            Outcome::Done | Outcome::Full | Outcome::Itself => {
                self.count_bond(a, b, false);
                self.set_bond(a, b, now, None);
            }
        }
    }

    /// Gives a wish that came too late a number that is greater than all that the graph knows.
    fn renumber(&mut self, intent: Intent, than: u64, now: u64) {
        let number = self.count(|counters| {
            counters.next_change = counters.next_change.max(than).saturating_add(1);
            counters.next_change
        });
        self.intents.insert(number, Stored(intent));
        let (a, b) = (intent.a, intent.b);
        match self.bond(a, b) {
            Some(Bond::Connecting { accepted_by, .. }) => {
                self.set_bond(a, b, now, Some(Bond::Connecting { accepted_by, number }));
            }
            Some(Bond::Parting { .. }) => self.set_bond(a, b, now, Some(Bond::Parting { number })),
            _ => {}
        }
    }

    fn confirm(&mut self, a: UserId, b: UserId, now: u64) {
        let Some(Bond::Connecting { accepted_by, .. }) = self.bond(a, b) else { return };
        self.set_bond(a, b, now, Some(Bond::Connected));
        self.count_connection(a, b, true);
        self.tell(other(pair(a, b), accepted_by), accepted_by, now, News::Connected);
    }

    fn count_bond(&mut self, a: UserId, b: UserId, up: bool) {
        for id in [a, b] {
            self.change_user(id, |user| user.bonds = step(user.bonds, up));
        }
    }

    fn count_connection(&mut self, a: UserId, b: UserId, up: bool) {
        for (from, to) in [(a, b), (b, a)] {
            self.link(Edge::Connected, from.into(), to.into(), up);
            self.change_user(from, |user| user.connections = step(user.connections, up));
        }
        self.count(|counters| {
            let count = counters.connections;
            counters.connections = if up { count.saturating_add(1) } else { count.saturating_sub(1) };
        });
    }

    /// Has ties told the graph again, as when it was put back to an older state; where to go on, be it later, when there
    /// is room again. A connection stays one meanwhile.
    pub fn tell_again(
        &mut self,
        call: Call,
        after: Option<(UserId, UserId)>,
    ) -> Result<Option<(UserId, UserId)>, Refusal> {
        self.admin(call)?;
        if after.is_none() {
            self.count(|counters| counters.not_held = 0);
        }
        let first = after.map_or((0, 0), |(low, high)| (low, high.saturating_add(1)));
        let keys: Vec<(UserId, UserId)> =
            self.ties.range(first..).take(TOLD_AGAIN_AT_ONCE).map(|it| *it.key()).collect();
        for (a, b) in &keys {
            if self.bond(*a, *b) == Some(Bond::Connected) {
                if !self.has_room_for_many() {
                    return Ok(Some(before((*a, *b))));
                }
                self.intend(*a, *b, true)?;
            }
        }
        Ok(keys.last().copied().filter(|_| keys.len() == TOLD_AGAIN_AT_ONCE))
    }

    /// Has the graph part pairs of a page of its own that Guild does not know as connected, as when either was put back
    /// to an older state; where to go on. What Guild does know is left alone, whatever waits for the graph.
    pub fn part_unknown(&mut self, call: Call, page: &PairPage) -> Result<Option<(UserId, UserId)>, Refusal> {
        self.admin(call)?;
        for (a, b) in &page.pairs {
            if matches!(self.bond(*a, *b), Some(Bond::Invited { .. }) | None) {
                if !self.has_room_for_many() {
                    return Ok(Some(before((*a, *b))));
                }
                self.intend(*a, *b, false)?;
            }
        }
        Ok(page.next)
    }
}
