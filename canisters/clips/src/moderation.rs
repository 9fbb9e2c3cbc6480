//! Who answers for illegal content: the moderators of this app, together.
//!
//! 1. A user reports a clip or a comment once, with a reason. Who reported is kept and told to nobody.
//! 2. The first report opens a case in the moderators' queue; [`REPORTS_TO_HIDE`] distinct ones hide the target at once,
//!    and one more for every [`LIKES_PER_REPORT`] likes of a clip: a few accounts do not hide what many like. A hidden
//!    clip's video is no longer served by any replica. A user reports so often in a day and no more
//!    ([`REPORTS_PER_WINDOW`]).
//! 3. Each moderator has one vote in a case, and may change it while the case is open; not in their own matter. Only votes
//!    of those count who are moderators when it is decided.
//! 4. [`VOTES_TO_DECIDE`] equal votes decide, or a majority of the moderators who may judge where that is fewer. Kept: it
//!    is shown again. Removed: it is erased, and its maker told.
//! 5. A case whose target its maker takes away is closed.
//! 6. What was kept is not hidden by reports again; [`REPORTS_TO_HIDE`] new ones put it back into the queue.
//! 7. Every report, vote and decision stands in the log of events, from which users cannot drive moderators' deeds out.

use crate::app::{App, Call, Edge, next, page};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::Case;
use crate::stored::Stored;
use crate::text;
use crate::types::*;

const KEEP: u64 = 0;
const REMOVE: u64 = 1;

fn key(target: Target) -> (ClipId, CommentId) {
    match target {
        Target::Clip(clip) => (clip, 0),
        Target::Comment { clip, comment } => (clip, comment),
    }
}

impl<M: Memory> App<M> {
    /// The caller, who must be moderator or admin.
    pub(crate) fn moderator(&self, call: Call) -> Result<UserId, Refusal> {
        let (id, user) = self.signed(call)?;
        if user.role >= Role::Moderator { Ok(id) } else { Err(Refusal::NotAllowed) }
    }

    fn maker(&self, target: Target) -> Result<UserId, Refusal> {
        match target {
            Target::Clip(clip) => Ok(self.clip_record(clip)?.author),
            Target::Comment { clip, comment } => {
                self.comments.get(&(clip, comment)).map(|it| it.0.author).ok_or(Refusal::NotFound)
            }
        }
    }

    /// Reports a clip or a comment. A second report of the same by the same user changes nothing.
    pub fn report(&mut self, call: Call, report: NewReport) -> Result<(), Refusal> {
        let (user, mut record) = self.signed(call)?;
        let note = text::tidy("note", &report.note, 0, NOTE_MAX)?;
        if self.maker(report.target)? == user {
            return Err(Refusal::Invalid("nobody reports themselves: delete it".into()));
        }
        let known = self.cases_by_target.get(&key(report.target));
        if known.is_some_and(|id| self.linked(Edge::Report, id, user.into())) {
            return Ok(());
        }
        record.reports.retain(|at| call.now.saturating_sub(*at) < REPORT_WINDOW);
        if record.reports.len() >= REPORTS_PER_WINDOW {
            let oldest = record.reports.first().copied().unwrap_or(call.now);
            return Err(Refusal::NotBefore(oldest.saturating_add(REPORT_WINDOW)));
        }
        record.reports.push(call.now);
        self.put_user(user, record);
        let id = match known {
            Some(id) => id,
            None => self.count(|counters| next(&mut counters.next_case)),
        };
        self.link(Edge::Report, id, user.into(), true, call.now);
        let stored = self.cases.get(&id).map(|Stored(case)| case);
        let mut case = stored.unwrap_or_else(|| self.new_case(call.now, id, report.target));
        case.reports = case.reports.saturating_add(1);
        case.fresh = case.fresh.saturating_add(1);
        match case.reasons.iter_mut().find(|(reason, _)| *reason == report.reason) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => case.reasons.push((report.reason, 1)),
        }
        if !note.is_empty() && case.notes.len() < NOTES_PER_CASE {
            case.notes.push(note);
        }
        self.log(None, call.now, Deed::Reported(id));
        if case.fresh >= self.reports_to_hide(report.target) {
            self.enough_reports(call.now, id, &mut case);
        }
        self.cases.insert(id, Stored(case));
        Ok(())
    }

    fn reports_to_hide(&self, target: Target) -> u32 {
        let likes = match target {
            Target::Clip(id) => self.clip_record(id).map_or(0, |it| it.likes),
            Target::Comment { .. } => 0,
        };
        REPORTS_TO_HIDE.saturating_add(likes / LIKES_PER_REPORT)
    }

    fn new_case(&mut self, now: u64, id: CaseId, target: Target) -> Case {
        self.cases_by_target.insert(key(target), id);
        self.open_case(now, id, true);
        Case {
            target,
            reasons: Vec::new(),
            notes: Vec::new(),
            reports: 0,
            fresh: 0,
            keep: 0,
            remove: 0,
            state: CaseState::Open,
            opened: now,
            kept: 0,
        }
    }

    fn open_case(&mut self, now: u64, id: CaseId, on: bool) {
        if self.link(Edge::OpenCase, 0, id, on, now) {
            let step = |open: u64| if on { open.saturating_add(1) } else { open.saturating_sub(1) };
            self.count(|counters| counters.open_cases = step(counters.open_cases));
        }
    }

    fn enough_reports(&mut self, now: u64, id: CaseId, case: &mut Case) {
        if case.kept > 0 {
            if case.state == CaseState::Kept {
                (case.state, case.opened, case.keep, case.remove) = (CaseState::Open, now, 0, 0);
                self.forget_votes(id);
                self.open_case(now, id, true);
            }
        } else if self.hide(case.target, true) {
            self.log(None, now, Deed::Hid(id));
            if let (Target::Clip(clip), Ok(maker)) = (case.target, self.maker(case.target)) {
                self.tell(maker, None, now, News::Hidden(clip));
            }
        }
    }

    /// Nobody needs to decide about what is gone.
    pub(crate) fn close_case(&mut self, target: Target) {
        let Some(id) = self.cases_by_target.get(&key(target)) else { return };
        let Some(Stored(mut case)) = self.cases.get(&id) else { return };
        if case.state == CaseState::Open {
            case.state = CaseState::Removed;
            self.cases.insert(id, Stored(case));
            self.open_case(0, id, false);
        }
    }

    /// Whether somebody is a moderator, and the case no matter of their own.
    fn may_judge(&self, user: UserId, id: CaseId, maker: &Result<UserId, Refusal>) -> bool {
        *maker != Ok(user)
            && !self.linked(Edge::Report, id, user.into())
            && self.user(user).is_ok_and(|it| it.role >= Role::Moderator && !it.suspended)
    }

    /// The votes of those who may judge now: to keep, to remove.
    fn tally(&self, id: CaseId, target: Target) -> (u32, u32) {
        let (kind, maker, mut votes) = (Edge::Vote as u8, self.maker(target), (0_u32, 0_u32));
        for entry in self.edges.range((kind, id, 0)..=(kind, id, u64::MAX)).take(SCAN_MAX) {
            let voter = UserId::try_from(entry.key().2).ok();
            if voter.is_some_and(|it| self.may_judge(it, id, &maker)) {
                let which = if entry.value() == KEEP { &mut votes.0 } else { &mut votes.1 };
                *which = which.saturating_add(1);
            }
        }
        votes
    }

    fn forget_votes(&mut self, id: CaseId) {
        let voters: Vec<u64> = self.ends(Edge::Vote, id, u64::MAX).collect();
        for voter in voters {
            self.link(Edge::Vote, id, voter, false, 0);
        }
    }

    /// Hides or shows a target; whether that changed anything.
    fn hide(&mut self, target: Target, on: bool) -> bool {
        match target {
            Target::Clip(id) => match self.clip_record(id) {
                Ok(mut clip) if clip.hidden != on => {
                    clip.hidden = on;
                    self.media.show(clip.video, !on);
                    if let Some(poster) = clip.poster {
                        self.media.show(poster, !on);
                    }
                    self.put_clip(id, clip);
                    self.write_first_page();
                    true
                }
                _ => false,
            },
            Target::Comment { clip, comment } => match self.comments.get(&(clip, comment)) {
                Some(Stored(mut record)) if record.hidden != on => {
                    record.hidden = on;
                    self.comments.insert((clip, comment), Stored(record));
                    true
                }
                _ => false,
            },
        }
    }

    /// Equal votes that decide a case, of those who may judge it.
    fn needed(&self, id: CaseId, target: Target) -> u32 {
        let maker = self.maker(target);
        let moderators = self.ends(Edge::Moderator, 0, u64::MAX).filter_map(|it| UserId::try_from(it).ok());
        let judges = moderators.filter(|it| self.may_judge(*it, id, &maker));
        let judges = u32::try_from(judges.count()).unwrap_or(u32::MAX);
        (judges / 2).saturating_add(1).min(VOTES_TO_DECIDE)
    }

    /// A moderator's vote in a case.
    pub fn vote(&mut self, call: Call, id: CaseId, verdict: Verdict) -> Result<CaseView, Refusal> {
        let user = self.moderator(call)?;
        let mut case = self.cases.get(&id).ok_or(Refusal::NotFound)?.0;
        if case.state != CaseState::Open {
            return self.case_view(call, user, id);
        }
        let maker = self.maker(case.target);
        if !self.may_judge(user, id, &maker) {
            return Err(Refusal::Invalid("this is a matter of your own".into()));
        }
        let value = if verdict == Verdict::Keep { KEEP } else { REMOVE };
        let before = self.edges.insert((Edge::Vote as u8, id, user.into()), value);
        (case.keep, case.remove) = self.tally(id, case.target);
        if before != Some(value) {
            self.log(Some(user), call.now, Deed::Voted { case: id, verdict });
        }
        let agreeing = if verdict == Verdict::Keep { case.keep } else { case.remove };
        if agreeing >= self.needed(id, case.target) {
            self.decide(call.now, id, &mut case, verdict);
        }
        self.cases.insert(id, Stored(case));
        self.case_view(call, user, id)
    }

    fn decide(&mut self, now: u64, id: CaseId, case: &mut Case, verdict: Verdict) {
        let maker = self.maker(case.target);
        case.fresh = 0;
        match verdict {
            Verdict::Keep => {
                (case.state, case.kept) = (CaseState::Kept, case.kept.saturating_add(1));
                let shown = self.hide(case.target, false);
                if let (true, Target::Clip(clip), Ok(maker)) = (shown, case.target, maker) {
                    self.tell(maker, None, now, News::Restored(clip));
                }
            }
            Verdict::Remove => {
                case.state = CaseState::Removed;
                self.take_down(now, case.target, maker);
            }
        }
        self.open_case(now, id, false);
        self.log(None, now, Deed::Decided { case: id, verdict });
    }

    fn take_down(&mut self, now: u64, target: Target, maker: Result<UserId, Refusal>) {
        let news = match target {
            Target::Clip(id) => {
                if let Ok(clip) = self.clip_record(id) {
                    self.erase(id, clip);
                }
                News::Removed(id)
            }
            Target::Comment { clip, comment } => {
                self.erase_comment(clip, comment);
                News::CommentRemoved(clip)
            }
        };
        if let Ok(maker) = maker {
            self.tell(maker, None, now, news);
        }
    }

    fn case_view(&self, call: Call, user: UserId, id: CaseId) -> Result<CaseView, Refusal> {
        let case = self.cases.get(&id).ok_or(Refusal::NotFound)?.0;
        let (clip, comment) = match case.target {
            Target::Clip(clip) => (self.clip(call, clip).ok(), None),
            Target::Comment { clip, comment } => (None, self.comment_view(call, clip, comment)),
        };
        let hidden = match case.target {
            Target::Clip(clip) => self.clip_record(clip).is_ok_and(|it| it.hidden),
            Target::Comment { clip, comment } => {
                self.comments.get(&(clip, comment)).is_some_and(|it| it.0.hidden)
            }
        };
        let vote = self.edges.get(&(Edge::Vote as u8, id, user.into()));
        Ok(CaseView {
            id,
            target: case.target,
            clip,
            comment,
            reasons: case.reasons,
            notes: case.notes,
            reports: case.reports,
            hidden,
            keep: case.keep,
            remove: case.remove,
            needed: self.needed(id, case.target),
            state: case.state,
            opened: case.opened,
            my_vote: vote.map(|it| if it == KEEP { Verdict::Keep } else { Verdict::Remove }),
        })
    }

    /// Open cases, oldest first, for moderators.
    pub fn queue(&self, call: Call, after: Option<CaseId>, limit: u32) -> Result<CasePage, Refusal> {
        let user = self.moderator(call)?;
        let (kind, room) = (Edge::OpenCase as u8, page(limit));
        let range = (kind, 0, after.map_or(0, |it| it.saturating_add(1)))..=(kind, 0, u64::MAX);
        let ids: Vec<CaseId> = self.edges.range(range).take(room).map(|it| it.key().2).collect();
        let next = ids.last().copied().filter(|_| ids.len() == room);
        let cases = ids.into_iter().map(|id| self.case_view(call, user, id)).collect::<Result<_, _>>()?;
        Ok(CasePage { cases, next })
    }

    /// A hidden clip's video for those who must judge it: a part of the file, by a query that only they may make.
    pub fn evidence(&self, call: Call, id: ClipId, chunk: u32) -> Result<serde_bytes::ByteBuf, Refusal> {
        let clip = self.clip_record(id)?;
        if self.signed(call)?.0 != clip.author {
            self.moderator(call)?;
        }
        self.media.chunk(clip.video, chunk).map(Into::into).ok_or(Refusal::NotFound)
    }
}
