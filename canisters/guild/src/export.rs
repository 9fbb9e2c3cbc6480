//! Export my data: all that Guild knows of the caller, as JSON objects, page by page.
//!
//! Numbers are text where JavaScript's may be too small for them. Of others only what the caller sees anyway is told, and
//! of applications to the caller's jobs not the letters, which those who wrote them take along. Pictures are links; they
//! are to be fetched before one leaves.

use crate::app::{App, Call, Edge, collect};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::Bond;
use crate::resume;
use crate::stored::Stored;
use crate::types::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
    Endorsers,
    Candidates,
    Viewers,
}

/// Applicants of a page, of whom each may have applied to all jobs of one user.
const CANDIDATES_AT_ONCE: usize = 20;

const PARTS: [Part; 14] = [
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
    Part::Endorsers,
    Part::Candidates,
    Part::Viewers,
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
                let with = self.edge(Edge::Reaction, it, id.into()).and_then(crate::posts::reaction)?;
                Some(json!({ "kind": "reaction", "post": it.to_string(), "reaction": with }))
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
            Part::Endorsers => self.export_endorsers(id, after),
            Part::Candidates => {
                collect(ends(Edge::Candidate), CANDIDATES_AT_ONCE, |it| self.export_candidate(id, it))
            }
            Part::Viewers => self.export_viewers(id, after),
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
        let note = match tie.bond {
            Bond::Invited { note, .. } => Some(note),
            _ => None,
        };
        let since = tie.at.to_string();
        Some(json!({ "kind": "tie", "with": name, "state": state, "since": since, "note": note }))
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

    /// Who endorsed which skill; what is gone on after holds both.
    fn export_endorsers(&self, id: UserId, after: u64) -> (Vec<Value>, Option<u64>) {
        let Ok(user) = self.user(id) else { return (Vec::new(), None) };
        let kind = Edge::Endorser as u8;
        let (skill, endorser) = resume::of_key(after);
        let first = (kind, resume::key(id, skill), u64::from(endorser).saturating_add(1));
        let range = self.edges.range(first..=(kind, resume::key(id, SkillId::MAX), u64::MAX));
        let both = range.filter_map(|it| {
            let (_, key, endorser) = *it.key();
            Some(resume::key(resume::of_key(key).1, UserId::try_from(endorser).ok()?))
        });
        collect(both, PAGE_MAX, |it| {
            let (skill, endorser) = resume::of_key(it);
            let skill = user.skills.iter().find(|it| it.id == skill)?;
            let by = self.user(endorser).ok()?.name;
            Some(json!({ "kind": "endorser", "by": by, "skill": skill.name }))
        })
    }

    /// To which of somebody's jobs one applied.
    fn export_candidate(&self, id: UserId, applicant: u64) -> Option<Value> {
        let applicant = UserId::try_from(applicant).ok()?;
        let by = self.user(applicant).ok()?.name;
        let one = |job: JobId| {
            let Stored(it) = self.applications.get(&(job, applicant))?;
            Some(json!({ "job": job.to_string(), "at": it.at.to_string(), "state": it.state }))
        };
        let all: Vec<Value> = self.ends_after(Edge::Posted, id.into(), None).filter_map(one).collect();
        Some(json!({ "kind": "candidate", "by": by, "applications": all }))
    }

    /// Who looked at a profile, named as the app names them.
    fn export_viewers(&self, id: UserId, after: u64) -> (Vec<Value>, Option<u64>) {
        let Ok(user) = self.user(id) else { return (Vec::new(), None) };
        let ids = self.views.range((id, after.saturating_add(1))..=(id, u64::MAX)).map(|it| it.key().1);
        collect(ids, PAGE_MAX, |it| {
            let Stored(view) = self.views.get(&(id, it))?;
            let named = view.named && !user.private_views;
            let by = if named { Some(self.user(view.viewer).ok()?.name) } else { None };
            Some(json!({ "kind": "viewer", "by": by, "at": view.at.to_string() }))
        })
    }

    /// Messages of all conversations by their numbers, so that none is left out when others are written or forgotten.
    fn export_messages(&self, id: UserId, after: u64) -> (Vec<Value>, Option<u64>) {
        let following = |with: UserId, after: u64| {
            let thread = crate::inbox::between(id, with);
            let mut later = self.letters.range((thread, after.saturating_add(1))..=(thread, u64::MAX));
            later.next().map(|it| (it.key().1, (with, it.value().0)))
        };
        // the next of each conversation, of which the earliest is told first
        let people = self.threads.range((id, 0)..=(id, UserId::MAX)).map(|it| it.key().1);
        let mut due: BTreeMap<_, _> = people.filter_map(|with| following(with, after)).collect();
        let (mut page, mut last) = (Vec::new(), None);
        while page.len() < PAGE_MAX
            && let Some((number, (with, letter))) = due.pop_first()
        {
            let (name, at) = (self.user(with).ok().map(|it| it.name), letter.at.to_string());
            let own = letter.from == id;
            page.push(json!({ "kind": "message", "with": name, "own": own, "at": at, "text": letter.text }));
            due.extend(following(with, number));
            last = Some(number);
        }
        (page, last.filter(|_| !due.is_empty()))
    }
}
