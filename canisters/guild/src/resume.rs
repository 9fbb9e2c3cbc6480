//! Experience, education, skills, and endorsements of skills.

use crate::app::{App, Call, Edge, step};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{Skill, User};
use crate::text::{self, invalid};
use crate::types::*;

fn bounded<T>(what: &str, list: &[T], most: usize) -> Result<(), Refusal> {
    if list.len() > most {
        return Err(Refusal::TooMany(format!("a profile has at most {most} entries of {what}")));
    }
    Ok(())
}

fn year(year: u16) -> Result<(), Refusal> {
    if (YEAR_MIN..=YEAR_MAX).contains(&year) {
        return Ok(());
    }
    Err(invalid("year", &format!("lies between {YEAR_MIN} and {YEAR_MAX}")))
}

fn month(month: Month) -> Result<(), Refusal> {
    year(month.year)?;
    if (1..=12).contains(&month.month) { Ok(()) } else { Err(invalid("month", "is 1 to 12")) }
}

/// Places of work as they are stored, the latest first.
pub fn experience(list: &[Experience]) -> Result<Vec<Experience>, Refusal> {
    bounded("experience", list, EXPERIENCE_PER_USER)?;
    let tidy = |it: &Experience| {
        month(it.from)?;
        if let Some(to) = it.to {
            month(to)?;
            if to < it.from {
                return Err(invalid("experience", "ends before it begins"));
            }
        }
        Ok(Experience {
            title: text::line("title", &it.title, 1, LINE_MAX)?,
            company: text::line("company", &it.company, 1, LINE_MAX)?,
            place: text::line("place", &it.place, 0, LINE_MAX)?,
            from: it.from,
            to: it.to,
            text: text::tidy("what you did", &it.text, 0, STORY_MAX)?,
        })
    };
    let mut list: Vec<Experience> = list.iter().map(tidy).collect::<Result<_, _>>()?;
    list.sort_by_key(|it| std::cmp::Reverse((it.to.is_none(), it.to, it.from)));
    Ok(list)
}

/// Schools as they are stored, the latest first.
pub fn education(list: &[Education]) -> Result<Vec<Education>, Refusal> {
    bounded("education", list, EDUCATION_PER_USER)?;
    let tidy = |it: &Education| {
        year(it.from)?;
        if let Some(to) = it.to {
            year(to)?;
            if to < it.from {
                return Err(invalid("education", "ends before it begins"));
            }
        }
        Ok(Education {
            school: text::line("school", &it.school, 1, LINE_MAX)?,
            degree: text::line("degree", &it.degree, 0, LINE_MAX)?,
            from: it.from,
            to: it.to,
        })
    };
    let mut list: Vec<Education> = list.iter().map(tidy).collect::<Result<_, _>>()?;
    list.sort_by_key(|it| std::cmp::Reverse((it.to.is_none(), it.to, it.from)));
    Ok(list)
}

/// Names of skills as they are stored, each once.
pub fn skills(list: &[String]) -> Result<Vec<String>, Refusal> {
    bounded("skills", list, SKILLS_PER_USER)?;
    let mut names: Vec<String> = Vec::new();
    for name in list {
        let name = text::line("skill", name, 1, SKILL_MAX)?;
        if !names.iter().any(|it| same(it, &name)) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Bytes of all that a profile says, with these skills.
pub fn bytes(user: &User, skills: &[String]) -> usize {
    let User { display, headline, company, place, about, .. } = user;
    let lines = [display, headline, company, place, about].map(String::len).iter().sum::<usize>();
    let work =
        user.experience.iter().map(|it| it.title.len() + it.company.len() + it.place.len() + it.text.len());
    let schools = user.education.iter().map(|it| it.school.len() + it.degree.len());
    lines + work.chain(schools).chain(skills.iter().map(String::len)).sum::<usize>()
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// The text by whose words somebody is found.
pub fn all_words(user: &User) -> String {
    let User { name, display, headline, company, place, .. } = user;
    let mut text = [name, display, headline, company, place].map(String::as_str).join(" ");
    let skills = user.skills.iter().map(|it| it.name.as_str());
    let work = user.experience.iter().flat_map(|it| [it.company.as_str(), it.title.as_str()]);
    let schools = user.education.iter().map(|it| it.school.as_str());
    for more in skills.chain(work).chain(schools) {
        text.push(' ');
        text.push_str(more);
    }
    text
}

/// The end of an edge that is a skill of a user.
pub fn key(user: UserId, skill: SkillId) -> u64 {
    (u64::from(user) << 32) | u64::from(skill)
}

/// Whose skill, and which.
pub fn of_key(key: u64) -> (UserId, SkillId) {
    ((key >> 32) as UserId, key as SkillId)
}

impl<M: Memory> App<M> {
    /// Skills that keep their names keep their endorsements; those of others are forgotten.
    pub(crate) fn replace_skills(&mut self, id: UserId, user: &mut User, names: Vec<String>) {
        let mut before = std::mem::take(&mut user.skills);
        for name in names {
            let known = before.iter().position(|it| same(&it.name, &name)).map(|at| before.remove(at));
            let skill = known.map(|it| Skill { name: name.clone(), ..it }).unwrap_or_else(|| {
                user.next_skill = user.next_skill.saturating_add(1);
                Skill { id: user.next_skill, name, endorsements: 0 }
            });
            user.skills.push(skill);
        }
        for gone in before {
            let ends = self.ends(Edge::Endorser, key(id, gone.id), u64::MAX);
            let endorsers: Vec<u64> = ends.take(ENDORSEMENTS_PER_SKILL as usize).collect();
            for endorser in endorsers.into_iter().filter_map(|it| UserId::try_from(it).ok()) {
                self.unendorse(endorser, id, gone.id);
            }
        }
    }

    /// Rubs out an endorsement; the skill's own count is not touched.
    pub(crate) fn unendorse(&mut self, endorser: UserId, whose: UserId, skill: SkillId) -> bool {
        let key = key(whose, skill);
        let there = self.link(Edge::Endorser, key, endorser.into(), false);
        if there {
            self.link(Edge::Endorsed, endorser.into(), key, false);
            self.change_user(endorser, |user| user.endorsed = step(user.endorsed, false));
        }
        there
    }

    /// Endorses a skill of a connection, or no longer.
    pub fn endorse(&mut self, call: Call, whom: UserId, skill: SkillId, on: bool) -> Result<(), Refusal> {
        let (id, user) = self.signed(call)?;
        let mut other = self.user(whom)?;
        if on && !self.linked(Edge::Connected, id.into(), whom.into()) {
            return Err(Refusal::NotConnected);
        }
        let found = other.skills.iter_mut().find(|it| it.id == skill).ok_or(Refusal::NotFound)?;
        let name = found.name.clone();
        if self.linked(Edge::Endorser, key(whom, skill), id.into()) == on {
            return Ok(());
        }
        if on && (found.endorsements >= ENDORSEMENTS_PER_SKILL || user.endorsed >= ENDORSEMENTS_PER_USER) {
            return Err(Refusal::TooMany(format!(
                "a skill has at most {ENDORSEMENTS_PER_SKILL} endorsements"
            )));
        }
        if on {
            self.check_room()?;
        }
        found.endorsements = step(found.endorsements, on);
        self.put_user(whom, other);
        if on {
            self.link(Edge::Endorser, key(whom, skill), id.into(), true);
            self.link(Edge::Endorsed, id.into(), key(whom, skill), true);
            self.change_user(id, |user| user.endorsed = step(user.endorsed, true));
            self.tell(whom, id, call.now, News::Endorsed(name));
        } else {
            self.unendorse(id, whom, skill);
        }
        Ok(())
    }

    /// Who endorsed a skill.
    pub fn endorsers(&self, call: Call, whose: UserId, skill: SkillId) -> Vec<Card> {
        let viewer = self.viewer(call);
        let ends = self.ends(Edge::Endorser, key(whose, skill), u64::MAX).take(PAGE_MAX);
        ends.filter_map(|it| self.card(UserId::try_from(it).ok()?, viewer)).collect()
    }
}
