//! The index of words: who and what is found by the beginnings of words.
//!
//! An entry is shelf, word, 0, number; for clips the number counts backwards, so that the latest come first.

use crate::app::{App, Call};
use crate::limits::*;
use crate::memory::Memory;
use crate::text;
use crate::types::*;

/// What is found where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Shelf {
    /// Users, by the words of their names.
    People = 1,
    /// Clips, by the words of their captions.
    Captions = 2,
    /// Clips, by hashtag.
    Tags = 3,
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

impl<M: Memory> App<M> {
    /// Files something under the words of a text, or takes it out.
    pub(crate) fn file(&mut self, shelf: Shelf, number: u64, text: &str, on: bool) {
        let words = if shelf == Shelf::Tags { text::tags(text) } else { text::words(text) };
        for word in words {
            let key = entry(shelf, &word, number);
            let changed = if on { self.words.insert(key) } else { self.words.remove(&key) };
            if shelf == Shelf::Tags && changed {
                self.count_tag(word, on);
            }
        }
    }

    fn count_tag(&mut self, tag: String, up: bool) {
        let count = self.tag_counts.get(&tag).unwrap_or_default();
        let is = if up { count.saturating_add(1) } else { count.saturating_sub(1) };
        self.tag_ranks.remove(&rank(count, &tag));
        if is > 0 {
            self.tag_ranks.insert(rank(is, &tag), ());
        }
        match is {
            0 => self.tag_counts.remove(&tag),
            count => self.tag_counts.insert(tag, count),
        };
    }

    fn begins(&self, shelf: Shelf, word: &str) -> Vec<u64> {
        let start = prefix(shelf, word);
        let entries = self.words.range(start.clone()..).take_while(|it| it.starts_with(&start));
        entries.take(SCAN_MAX).filter_map(|it| number(shelf, &it)).collect()
    }

    /// Numbers with a word for each of these beginnings.
    fn find(&self, shelf: Shelf, words: &[String]) -> Vec<u64> {
        let Some((first, others)) = words.split_first() else { return Vec::new() };
        let mut found = self.begins(shelf, first);
        for word in others {
            let also = self.begins(shelf, word);
            found.retain(|it| also.contains(it));
        }
        let mut once = Vec::new();
        found.into_iter().for_each(|it| {
            if !once.contains(&it) {
                once.push(it);
            }
        });
        once
    }

    /// Clips with exactly this hashtag, latest first, before a clip.
    pub(crate) fn tagged(&self, tag: &str, before: ClipId) -> Vec<ClipId> {
        let mut start = prefix(Shelf::Tags, &text::word(tag));
        start.push(0);
        let mut from = start.clone();
        from.extend(turned(Shelf::Tags, before.saturating_sub(1)).to_be_bytes());
        let entries = self.words.range(from..).take_while(|it| it.starts_with(&start));
        entries.take(SCAN_MAX).filter_map(|it| number(Shelf::Tags, &it)).collect()
    }

    /// People, clips and hashtags; a query that begins with `#` or `@` asks for one kind only.
    pub fn search(&self, call: Call, query: &str) -> Result<Found, Refusal> {
        let query = text::tidy("query", query, 1, QUERY_MAX)?;
        let viewer = self.viewer(call);
        let words = text::words(&query);
        let (tags_only, people_only) = (query.starts_with('#'), query.starts_with('@'));
        let people = self.find(Shelf::People, if tags_only { &[] } else { &words });
        let shelf = if tags_only { Shelf::Tags } else { Shelf::Captions };
        let clips = self.find(shelf, if people_only { &[] } else { &words });
        let card = |id: u64| {
            let id = u32::try_from(id).ok().filter(|it| !self.blocked(viewer, *it))?;
            self.card(id, viewer)
        };
        let tags = match words.first().filter(|_| !people_only) {
            Some(word) => self.tags_like(word),
            None => Vec::new(),
        };
        Ok(Found {
            people: people.into_iter().filter_map(card).take(SEARCH_MAX).collect(),
            clips: clips.into_iter().filter_map(|id| self.seen_by(viewer, id)).take(SEARCH_MAX).collect(),
            tags,
        })
    }

    fn tags_like(&self, word: &str) -> Vec<TagCount> {
        let entries = self.tag_counts.range(word.to_owned()..).take(SCAN_MAX);
        let tags = entries.map(|it| TagCount { tag: it.key().clone(), clips: it.value() });
        busiest(tags.take_while(|it| it.tag.starts_with(word)).collect())
    }

    /// The hashtags with the most clips.
    pub fn trends(&self) -> Vec<TagCount> {
        self.tag_ranks.keys().rev().take(TRENDS_MAX).filter_map(|it| ranked(&it)).collect()
    }
}

/// A hashtag's place among all: by count, then by its letters, the first of which is the highest.
fn rank(clips: u64, tag: &str) -> Vec<u8> {
    let letters = tag.bytes().map(|it| !it).chain([u8::MAX]);
    clips.to_be_bytes().into_iter().chain(letters).collect()
}

fn ranked(rank: &[u8]) -> Option<TagCount> {
    let (clips, letters) = rank.split_first_chunk::<NUMBER>()?;
    let (_, letters) = letters.split_last()?;
    let tag = String::from_utf8(letters.iter().map(|it| !it).collect()).ok()?;
    Some(TagCount { tag, clips: u64::from_be_bytes(*clips) })
}

fn busiest(mut tags: Vec<TagCount>) -> Vec<TagCount> {
    tags.sort_by(|a, b| b.clips.cmp(&a.clips).then_with(|| a.tag.cmp(&b.tag)));
    tags.truncate(TRENDS_MAX);
    tags
}
