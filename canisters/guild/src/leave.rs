//! Delete me: somebody leaves, and all that Guild knows of them is erased.
//!
//! 1. At once: the account is nobody's any more, its name is free, nobody finds or sees the profile, nor anything by it,
//!    nor what others said below it. Pictures are served no more, but who has one may keep it.
//! 2. Then records are erased, pictures and connections first: [`ERASED_BY_CALL`] by the call, and [`ERASED_AT_ONCE`] at
//!    every stroke of the timer, where those who leave have their turns, each for [`ERASED_IN_TURN`] at most.
//! 3. Connections are parted like any other ([`crate::ties`]); the last record, the user's own, is erased when the graph
//!    has confirmed the last of them.
//! 4. Conversations are erased on both sides. What others were told (a notification) keeps a number that means nobody.

use crate::app::{App, Call, Edge};
use crate::limits::*;
use crate::memory::Memory;
use crate::resume;
use crate::search::Shelf;
use crate::stored::Stored;
use crate::text;
use crate::types::*;

impl<M: Memory> App<M> {
    /// Deletes the caller's account. A suspended user may do so too.
    pub fn delete_me(&mut self, call: Call) -> Result<(), Refusal> {
        let Some(id) = self.viewer(call) else { return Err(Refusal::NoProfile) };
        let user = self.user(id)?;
        self.by_principal.remove(&call.caller);
        self.by_name.remove(&user.name);
        self.file(Shelf::People, id.into(), &resume::all_words(&user), "");
        self.change_user(id, |user| user.leaving = true);
        self.leaving.insert(id);
        self.count(|counters| counters.users = counters.users.saturating_sub(1));
        self.write_first_page();
        self.erase_of(id, call.now, ERASED_BY_CALL);
        Ok(())
    }

    /// Whether there is something to be erased.
    pub fn is_sweeping(&self) -> bool {
        !self.leaving.is_empty() || !self.orphans.is_empty()
    }

    /// Erases some of what is to be erased.
    pub fn sweep(&mut self, now: u64) {
        let posts = self.posts.len();
        // what stands below erased posts takes at most half of a stroke from those who leave
        let kept = if self.leaving.is_empty() { 0 } else { ERASED_AT_ONCE / 2 };
        let mut left = ERASED_AT_ONCE;
        while left > kept
            && let Some(orphan) = self.orphans.first()
        {
            left = left.saturating_sub(self.erase_below(orphan, left - kept).max(1));
        }
        let turns = self.turns();
        let fair = ERASED_IN_TURN.max(left / turns.len().max(1));
        for id in turns {
            if left == 0 {
                break;
            }
            let share = left.min(fair);
            // somebody who only waits for the graph was looked at, too
            left = left.saturating_sub(self.erase_of(id, now, share).max(1));
            self.count(|counters| counters.swept = id);
        }
        // posts of those who leave may have been all that the page looks at
        if self.posts.len() < posts {
            self.write_first_page();
        }
    }

    /// Those who leave, beginning after the one whose turn was last.
    fn turns(&self) -> Vec<UserId> {
        let swept = self.counters.get().0.swept;
        let first = swept.saturating_add(1);
        let later = self.leaving.range(first..).chain(self.leaving.range(..first));
        later.take(self.leaving.len().min(ERASED_AT_ONCE as u64) as usize).collect()
    }

    /// Erases records of somebody who leaves; how many, or what as many cost.
    fn erase_of(&mut self, id: UserId, now: u64, most: usize) -> usize {
        let mut left = most.saturating_sub(self.erase_pictures(id, most));
        left = left.saturating_sub(self.erase_ties(id, now, left));
        let parts = [
            Self::erase_own_posts,
            Self::erase_said,
            Self::erase_reacted,
            Self::erase_endorsements,
            Self::erase_jobs,
            Self::erase_talks,
            Self::erase_views,
        ];
        for part in parts {
            if left == 0 {
                return most;
            }
            left = left.saturating_sub(part(self, id, left));
        }
        if left > 0 && self.ends(Edge::Bond, id.into(), u64::MAX).next().is_none() {
            self.users.remove(&id);
            self.leaving.remove(&id);
        }
        most - left
    }

    fn some(&self, edge: Edge, from: u64, most: usize) -> Vec<u64> {
        self.ends(edge, from, u64::MAX).take(most).collect()
    }

    /// Posts; each costs as much as its words in the index, with which the last may exceed what is left.
    fn erase_own_posts(&mut self, id: UserId, most: usize) -> usize {
        let mut erased = 0;
        while erased < most
            && let Some(post) = self.some(Edge::Own, id.into(), 1).first()
        {
            erased += 1;
            match self.post_record(*post) {
                Ok(record) => {
                    erased += text::words(&record.text).len();
                    self.erase_post(*post, record);
                }
                Err(_) => {
                    self.link(Edge::Own, id.into(), *post, false);
                }
            }
        }
        erased
    }

    fn erase_said(&mut self, id: UserId, most: usize) -> usize {
        let comments = self.some(Edge::Said, id.into(), most);
        for comment in &comments {
            if let Some(post) = self.edge(Edge::Said, id.into(), *comment) {
                self.erase_comment(post, *comment);
            }
        }
        comments.len()
    }

    fn erase_reacted(&mut self, id: UserId, most: usize) -> usize {
        let posts = self.some(Edge::Reacted, id.into(), most);
        posts.iter().for_each(|post| self.erase_reaction(*post, id));
        posts.len()
    }

    /// Endorsements that somebody gave, then those that they got.
    fn erase_endorsements(&mut self, id: UserId, most: usize) -> usize {
        let given = self.some(Edge::Endorsed, id.into(), most);
        for key in &given {
            let (whose, skill) = resume::of_key(*key);
            if self.unendorse(id, whose, skill) {
                self.change_user(whose, |user| {
                    if let Some(it) = user.skills.iter_mut().find(|it| it.id == skill) {
                        it.endorsements = it.endorsements.saturating_sub(1);
                    }
                });
            }
        }
        let mut erased = given.len();
        let skills = self.users.get(&id).map(|it| it.0.skills).unwrap_or_default();
        for skill in skills.iter().map(|it| it.id) {
            let got = self.some(Edge::Endorser, resume::key(id, skill), most.saturating_sub(erased));
            for endorser in got.iter().filter_map(|it| UserId::try_from(*it).ok()) {
                self.unendorse(endorser, id, skill);
            }
            erased += got.len();
        }
        erased
    }

    /// Applications that somebody made, then their jobs; the last job may exceed what is left with its applications.
    fn erase_jobs(&mut self, id: UserId, most: usize) -> usize {
        let applied = self.some(Edge::Applied, id.into(), most);
        applied.iter().for_each(|job| self.erase_application(*job, id));
        let mut erased = applied.len();
        while erased < most
            && let Some(job) = self.some(Edge::Posted, id.into(), 1).first()
        {
            let applications = self.job_record(*job).map_or(0, |it| it.applications);
            self.erase_job(*job);
            erased += 1 + applications as usize;
        }
        erased
    }

    /// Conversations, the last of which may exceed what is left, then notifications.
    fn erase_talks(&mut self, id: UserId, most: usize) -> usize {
        let mut erased = 0;
        let first = |app: &Self| app.threads.range((id, 0)..=(id, UserId::MAX)).next().map(|it| it.key().1);
        while erased < most
            && let Some(with) = first(self)
        {
            erased += 1 + self.erase_thread(id, with);
        }
        let range = self.notices.range((id, 0)..=(id, u64::MAX));
        let notices: Vec<(UserId, u64)> =
            range.take(most.saturating_sub(erased)).map(|it| *it.key()).collect();
        for notice in &notices {
            self.notices.remove(notice);
        }
        erased + notices.len()
    }

    /// Views of somebody's profile, and theirs of others'.
    fn erase_views(&mut self, id: UserId, most: usize) -> usize {
        let range = self.views.range((id, 0)..=(id, u64::MAX));
        let of: Vec<u64> = range.take(most).map(|it| it.key().1).collect();
        of.iter().for_each(|view| self.erase_view(id, *view));
        let by = self.some(Edge::Saw, id.into(), most.saturating_sub(of.len()));
        for whom in by.iter().filter_map(|it| UserId::try_from(*it).ok()) {
            if let Some(view) = self.edge(Edge::Saw, id.into(), whom.into()) {
                self.erase_view(whom, view);
            }
            self.link(Edge::Saw, id.into(), whom.into(), false);
        }
        of.len() + by.len()
    }

    fn erase_pictures(&mut self, id: UserId, most: usize) -> usize {
        let pictures = self.some(Edge::Picture, id.into(), most);
        pictures.iter().for_each(|picture| self.remove_picture(*picture));
        pictures.len()
    }

    /// Ends invitations, and parts from connections. Nobody who leaves gets new ones: what was looked at is not looked at
    /// again, and waits for the graph.
    fn erase_ties(&mut self, id: UserId, now: u64, most: usize) -> usize {
        let Some(Stored(user)) = self.users.get(&id) else { return 0 };
        let others = self.ends_after(Edge::Bond, id.into(), Some(user.parted.into()));
        let others: Vec<UserId> = others.filter_map(|it| UserId::try_from(it).ok()).take(most).collect();
        let (mut parted, mut done) = (user.parted, 0);
        for other in &others {
            self.end_invitation(id, *other, now);
            // full: the next stroke goes on
            if !self.has_room_for_many() || self.part(id, *other, now).is_err() {
                break;
            }
            (parted, done) = (*other, done + 1);
        }
        if parted != user.parted {
            self.change_user(id, |user| user.parted = parted);
        }
        done
    }
}
