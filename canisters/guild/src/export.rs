//! Export my data: all that Guild knows of the caller, as JSON objects, page by page.
//!
//! Numbers are text where JavaScript's may be too small for them. Of others only what the caller sees anyway is told.

use crate::app::{App, Call, Edge, collect};
use crate::limits::*;
use crate::memory::Memory;
use crate::resume;
use crate::stored::Stored;
use crate::types::*;
use serde_json::{Value, json};

/// Parts of an export, in their order.
#[derive(Clone, Copy, Debug)]
enum Part {
    Profile,
    Ties,
    Posts,
    Comments,
    Reactions,
    Endorsements,
    Jobs,
    Applications,
    Conversations,
    Notifications,
    Views,
}

/// Room for how many messages of a conversation were told: more than [`MESSAGES_PER_THREAD`].
const TOLD_BITS: u32 = 16;
const TOLD_MASK: usize = (1 << TOLD_BITS) - 1;

const PARTS: [Part; 11] = [
    Part::Profile,
    Part::Ties,
    Part::Posts,
    Part::Comments,
    Part::Reactions,
    Part::Endorsements,
    Part::Jobs,
    Part::Applications,
    Part::Conversations,
    Part::Notifications,
    Part::Views,
];

impl<M: Memory> App<M> {
    /// A page of the caller's data. A page may be empty while there is more.
    pub fn export_data(&self, call: Call, cursor: Option<ExportCursor>) -> Result<ExportPage, Refusal> {
        let id = self.viewer(call).ok_or(Refusal::NoProfile)?;
        let ExportCursor { part, after } = cursor.unwrap_or(ExportCursor { part: 0, after: 0 });
        let Some(which) = PARTS.get(usize::from(part)) else {
            return Ok(ExportPage { entries: Vec::new(), next: None });
        };
        let (entries, last) = self.entries(call, id, *which, after);
        let following = ExportCursor { part: part.saturating_add(1), after: 0 };
        let is_last = usize::from(following.part) >= PARTS.len();
        let next = match last {
            Some(after) => Some(ExportCursor { part, after }),
            None => Some(following).filter(|_| !is_last),
        };
        Ok(ExportPage { entries: entries.iter().map(Value::to_string).collect(), next })
    }

    /// Entries of a part after one, and the last of them where there may be more.
    fn entries(&self, call: Call, id: UserId, part: Part, after: u64) -> (Vec<Value>, Option<u64>) {
        // numbers begin with 1, so that 0 is before all
        let ends = |edge| self.ends_after(edge, id.into(), Some(after));
        match part {
            Part::Profile => (self.export_profile(call, id), None),
            Part::Ties => collect(ends(Edge::Bond), PAGE_MAX, |it| self.export_tie(id, it)),
            Part::Posts => collect(ends(Edge::Own), PAGE_MAX, |it| self.export_post(it)),
            Part::Comments => collect(ends(Edge::Said), PAGE_MAX, |it| self.export_comment(id, it)),
            Part::Reactions => collect(ends(Edge::Reacted), PAGE_MAX, |it| {
                let kind = self.edge(Edge::Reaction, it, id.into())?;
                Some(json!({ "kind": "reaction", "post": it.to_string(), "reaction": kind }))
            }),
            Part::Endorsements => collect(ends(Edge::Endorsed), PAGE_MAX, |it| {
                let (whose, skill) = resume::of_key(it);
                let user = self.user(whose).ok()?;
                let skill = user.skills.iter().find(|it| it.id == skill)?;
                Some(json!({ "kind": "endorsement", "of": user.name, "skill": skill.name }))
            }),
            Part::Jobs => collect(ends(Edge::Posted), PAGE_MAX, |it| {
                Some(json!({ "kind": "job", "id": it.to_string(), "job": self.job_record(it).ok()? }))
            }),
            Part::Applications => collect(ends(Edge::Applied), PAGE_MAX, |it| {
                let Stored(application) = self.applications.get(&(it, id))?;
                Some(json!({ "kind": "application", "job": it.to_string(), "application": application }))
            }),
            Part::Conversations => self.export_messages(id, after),
            Part::Notifications => {
                let ids =
                    self.notices.range((id, after.saturating_add(1))..=(id, u64::MAX)).map(|it| it.key().1);
                collect(ids, PAGE_MAX, |it| {
                    let Stored(notice) = self.notices.get(&(id, it))?;
                    let from = notice.from.and_then(|it| self.user(it).ok()).map(|it| it.name);
                    Some(
                        json!({ "kind": "notification", "at": notice.at.to_string(), "from": from, "news": notice.news }),
                    )
                })
            }
            Part::Views => collect(ends(Edge::Saw), PAGE_MAX, |it| {
                let user = self.user(UserId::try_from(it).ok()?).ok()?;
                Some(json!({ "kind": "viewed", "profile": user.name }))
            }),
        }
    }

    fn export_profile(&self, call: Call, id: UserId) -> Vec<Value> {
        let Ok(user) = self.user(id) else { return Vec::new() };
        let skills: Vec<Value> = user
            .skills
            .iter()
            .map(|it| json!({ "name": it.name, "endorsements": it.endorsements }))
            .collect();
        vec![json!({
            "kind": "profile", "number": id, "principal": call.caller.to_text(), "name": user.name,
            "display": user.display, "headline": user.headline, "company": user.company, "place": user.place,
            "about": user.about, "picture": user.picture.map(|it| format!("/v/{it}")),
            "open_to_work": user.open_to_work, "private_views": user.private_views,
            "joined": user.joined.to_string(), "experience": user.experience, "education": user.education,
            "skills": skills, "views": user.views.to_string(),
        })]
    }

    fn export_tie(&self, id: UserId, other: u64) -> Option<Value> {
        let with = UserId::try_from(other).ok()?;
        let Stored(tie) = self.ties.get(&crate::ties::pair(id, with))?;
        let name = self.user(with).ok()?.name;
        let state = format!("{:?}", self.tie(Some(id), with));
        Some(json!({ "kind": "tie", "with": name, "state": state, "since": tie.at.to_string() }))
    }

    fn export_post(&self, id: PostId) -> Option<Value> {
        let post = self.post_record(id).ok()?;
        let picture = post.picture.map(|it| format!("/v/{it}"));
        Some(json!({
            "kind": "post", "id": id.to_string(), "text": post.text, "picture": picture,
            "created": post.created.to_string(), "reactions": post.reactions, "comments": post.comments,
        }))
    }

    fn export_comment(&self, id: UserId, comment: CommentId) -> Option<Value> {
        let post = self.edge(Edge::Said, id.into(), comment)?;
        let Stored(it) = self.comments.get(&(post, comment))?;
        let created = it.created.to_string();
        Some(json!({ "kind": "comment", "post": post.to_string(), "text": it.text, "created": created }))
    }

    /// Messages of one conversation after another; what is gone on after holds whose, and how many of it were told.
    fn export_messages(&self, id: UserId, after: u64) -> (Vec<Value>, Option<u64>) {
        let first = u32::try_from(after >> TOLD_BITS).unwrap_or(u32::MAX);
        let with = self.threads.range((id, first)..=(id, UserId::MAX)).next().map(|it| it.key().1);
        let Some(with) = with else { return (Vec::new(), None) };
        let told = if with == first { after as usize & TOLD_MASK } else { 0 };
        let name = self.user(with).ok().map(|it| it.name);
        let thread = crate::inbox::between(id, with);
        let letters = self.letters.range((thread, 0)..=(thread, u64::MAX)).map(|it| it.value().0);
        let letter = |it: crate::records::Letter| {
            let at = it.at.to_string();
            json!({ "kind": "message", "with": name, "own": it.from == id, "at": at, "text": it.text })
        };
        let page: Vec<Value> = letters.skip(told).take(PAGE_MAX).map(letter).collect();
        let (whose, told) =
            if page.len() == PAGE_MAX { (with, told + PAGE_MAX) } else { (with.saturating_add(1), 0) };
        (page, Some((u64::from(whose) << TOLD_BITS) | told as u64))
    }
}
