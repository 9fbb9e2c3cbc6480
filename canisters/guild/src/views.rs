//! Who looked at whose profile. A viewer who does not want to be named is counted and not told; then they see the names
//! of their own viewers no more either.

use crate::app::{App, Call, Edge, collect, next, page, step};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::View;
use crate::stored::Stored;
use crate::types::*;

impl<M: Memory> App<M> {
    /// The caller looks at a profile. Within [`VIEW_WINDOW`] this counts once.
    pub fn view(&mut self, call: Call, whom: UserId) -> Result<(), Refusal> {
        let (id, user) = self.signed(call)?;
        self.user(whom)?;
        if id == whom {
            return Ok(());
        }
        let before = self.edge(Edge::Saw, id.into(), whom.into());
        if let Some(before) = before {
            let at = self.views.get(&(whom, before)).map_or(0, |Stored(it)| it.at);
            if call.now.saturating_sub(at) < VIEW_WINDOW {
                return Ok(());
            }
            self.views.remove(&(whom, before));
        } else if user.viewed >= VIEWED_PER_USER || self.check_room().is_err() {
            return Ok(());
        } else {
            self.change_user(id, |user| user.viewed = step(user.viewed, true));
        }
        let number = self.count(|counters| next(&mut counters.next_view));
        let view = View { viewer: id, named: !user.private_views, at: call.now };
        self.views.insert((whom, number), Stored(view));
        self.set_edge(Edge::Saw, id.into(), whom.into(), number);
        self.change_user(whom, |user| user.views = user.views.saturating_add(1));
        self.forget_oldest_view(whom);
        Ok(())
    }

    fn forget_oldest_view(&mut self, whom: UserId) {
        let all = || self.views.range((whom, 0)..=(whom, u64::MAX));
        let oldest = all().next().map(|it| *it.key());
        if all().count() as u64 > VIEWS_PER_USER
            && let Some((_, oldest)) = oldest
        {
            self.erase_view(whom, oldest);
        }
    }

    pub(crate) fn erase_view(&mut self, whom: UserId, id: u64) {
        let Some(Stored(view)) = self.views.remove(&(whom, id)) else { return };
        if self.link(Edge::Saw, view.viewer.into(), whom.into(), false) {
            self.change_user(view.viewer, |user| user.viewed = step(user.viewed, false));
        }
    }

    /// Who looked at the caller's profile, latest first.
    pub fn views(&self, call: Call, before: Option<u64>, limit: u32) -> Result<ViewPage, Refusal> {
        let (id, user) = self.signed(call)?;
        let ids = self.views.range((id, 0)..(id, before.unwrap_or(u64::MAX))).rev().map(|it| it.key().1);
        let view = |number: u64| {
            let Stored(it) = self.views.get(&(id, number))?;
            let named = it.named && !user.private_views;
            let viewer = if named { Some(self.card(it.viewer, Some(id))?) } else { None };
            Some(ViewView { id: number, viewer, at: it.at })
        };
        let (views, next) = collect(ids, page(limit), view);
        Ok(ViewPage { views, next })
    }
}
