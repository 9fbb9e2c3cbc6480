//! The index of words: who and what is found by the beginnings of words.
//!
//! An entry is shelf, word, 0, number; but for people the number counts backwards, so that the latest come first.

use crate::app::{App, Call, Edge, collect, page};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::User;
use crate::text;
use crate::types::*;

/// What is found where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Shelf {
    People = 1,
    Posts = 2,
    Jobs = 3,
}

const NUMBER: usize = 8;

fn entry(shelf: Shelf, word: &str, number: u64) -> Vec<u8> {
    let mut bytes = prefix(shelf, word);
    bytes.push(0);
    bytes.extend(turned(shelf, number).to_be_bytes());
    bytes
}

fn prefix(shelf: Shelf, word: &str) -> Vec<u8> {
    [&[shelf as u8], word.as_bytes()].concat()
}

fn turned(shelf: Shelf, number: u64) -> u64 {
    if shelf == Shelf::People { number } else { !number }
}

fn number(shelf: Shelf, entry: &[u8]) -> Option<u64> {
    let start = entry.len().checked_sub(NUMBER)?;
    let bytes: [u8; NUMBER] = entry.get(start..)?.try_into().ok()?;
    Some(turned(shelf, u64::from_be_bytes(bytes)))
}

/// The words that are asked for.
pub(crate) fn asked(texts: &[&str]) -> Result<Vec<String>, Refusal> {
    for text in texts {
        text::tidy("query", text, 0, QUERY_MAX)?;
    }
    let mut words = text::words(&texts.join(" "));
    words.truncate(QUERY_WORDS_MAX);
    Ok(words)
}

impl<M: Memory> App<M> {
    /// Files something under the words of a text, in place of those of the text before.
    pub(crate) fn file(&mut self, shelf: Shelf, number: u64, before: &str, after: &str) {
        let (before, after) = (text::words(before), text::words(after));
        for word in before.iter().filter(|it| !after.contains(it)) {
            self.words.remove(&entry(shelf, word, number));
        }
        for word in after.iter().filter(|it| !before.contains(it)) {
            self.words.insert(entry(shelf, word, number));
        }
    }

    fn begins(&self, shelf: Shelf, word: &str) -> Vec<u64> {
        let start = prefix(shelf, word);
        let entries = self.words.range(start.clone()..).take_while(|it| it.starts_with(&start));
        entries.take(SCAN_MAX).filter_map(|it| number(shelf, &it)).collect()
    }

    /// Numbers with a word for each of these beginnings, in rising order; of a common word only so many are looked at.
    pub(crate) fn find(&self, shelf: Shelf, words: &[String]) -> Vec<u64> {
        let Some((first, others)) = words.split_first() else { return Vec::new() };
        let mut found = self.begins(shelf, first);
        found.sort_unstable();
        found.dedup();
        for word in others {
            let mut also = self.begins(shelf, word);
            also.sort_unstable();
            found.retain(|it| also.binary_search(it).is_ok());
        }
        found
    }

    /// A page of people to whom a filter applies.
    pub fn search_people(
        &self,
        call: Call,
        filter: &PeopleFilter,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<PeoplePage, Refusal> {
        let PeopleFilter { query, company, place, school, skill, .. } = filter;
        let words = asked(&[query, company, place, school, skill])?;
        let viewer = self.viewer(call);
        let is_later = |id: &UserId| after.is_none_or(|after| *id > after);
        let candidates: Box<dyn Iterator<Item = UserId> + '_> = if !words.is_empty() {
            let found = self.find(Shelf::People, &words);
            Box::new(found.into_iter().filter_map(|it| UserId::try_from(it).ok()))
        } else if filter.connected {
            let of = self.signed(call)?.0;
            let ends = self.ends_after(Edge::Connected, of.into(), after.map(u64::from));
            Box::new(ends.filter_map(|it| UserId::try_from(it).ok()))
        } else {
            let first = after.map_or(0, |it| it.saturating_add(1));
            Box::new(self.users.range(first..).map(|it| *it.key()))
        };
        let card = |id: UserId| {
            let user = self.user(id).ok()?;
            let near = || viewer.is_some_and(|it| self.linked(Edge::Connected, it.into(), id.into()));
            let wanted = applies(filter, &user) && (!filter.connected || near());
            if wanted { self.card(id, viewer) } else { None }
        };
        let (people, next) = collect(candidates.filter(is_later), page(limit), card);
        Ok(PeoplePage { people, next })
    }
}

fn applies(filter: &PeopleFilter, user: &User) -> bool {
    let worked = || user.experience.iter().any(|it| text::holds(&it.company, &filter.company));
    (!filter.open_to_work || user.open_to_work)
        && (text::holds(&user.company, &filter.company) || worked())
        && text::holds(&user.place, &filter.place)
        && (filter.school.is_empty()
            || user.education.iter().any(|it| text::holds(&it.school, &filter.school)))
        && (filter.skill.is_empty() || user.skills.iter().any(|it| text::holds(&it.name, &filter.skill)))
}
