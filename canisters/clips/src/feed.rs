//! Lists of clips, page by page.
//!
//! For You has fresh clips of followed people first, then all others by heat; Following has followed people's clips,
//! latest first, merged from the lists of those people ([`MERGED_MAX`]), whatever all others publish. A page may be
//! short while there is more: it says so by its cursor, because only so many entries are looked at for one page
//! ([`SCAN_MAX`]).

use crate::app::{App, Call, Edge, page};
use crate::limits::*;
use crate::memory::Memory;
use crate::types::*;
use serde_json::json;
use std::collections::BinaryHeap;

/// Clips of the certified first page.
const FIRST_PAGE: usize = 6;

const FOLLOWED: u8 = 0;
const OTHERS: u8 = 1;

const START: Cursor = Cursor { part: FOLLOWED, rank: u64::MAX, id: u64::MAX };

impl<M: Memory> App<M> {
    /// A page of the feed.
    pub fn feed(&self, call: Call, tab: Tab, after: Option<Cursor>, limit: u32) -> ClipPage {
        let viewer = self.viewer(call);
        let (mut cursor, room) = (after.unwrap_or(START), page(limit));
        let mut clips = Vec::new();
        if cursor.part == FOLLOWED {
            let since = if tab == Tab::ForYou { call.now.saturating_sub(FRESH) } else { 0 };
            if let Some(next) = self.followed(viewer, since, cursor, room, &mut clips) {
                return ClipPage { clips, next: Some(next) };
            }
            if tab == Tab::Following {
                return ClipPage { clips, next: None };
            }
            cursor = Cursor { part: OTHERS, ..START };
        }
        if clips.len() >= room {
            return ClipPage { clips, next: Some(cursor) };
        }
        let next = self.others(call, viewer, cursor, room, &mut clips);
        ClipPage { clips, next }
    }

    /// Clips of followed people; where to go on, if not all was looked at.
    fn followed(
        &self,
        viewer: Option<UserId>,
        since: u64,
        after: Cursor,
        room: usize,
        clips: &mut Vec<ClipView>,
    ) -> Option<Cursor> {
        let viewer = viewer?;
        let few = self.user(viewer).is_ok_and(|it| it.following <= MERGED_MAX);
        let ids: Box<dyn Iterator<Item = ClipId> + '_> = match few {
            true => Box::new(self.merged(viewer, after.id)),
            false => Box::new(self.clips.keys_range(..after.id).rev()),
        };
        for (looked, id) in ids.enumerate() {
            let Ok(clip) = self.clip_record(id) else { continue };
            if clip.created < since {
                return None;
            }
            if self.linked(Edge::Follow, viewer.into(), clip.author.into()) {
                clips.extend(self.seen_by(Some(viewer), id));
            }
            if clips.len() >= room || looked + 1 >= SCAN_MAX {
                return Some(Cursor { part: FOLLOWED, rank: 0, id });
            }
        }
        None
    }

    /// Clips of the people whom somebody follows before one, the latest first.
    fn merged(&self, viewer: UserId, before: ClipId) -> impl Iterator<Item = ClipId> + '_ {
        let (kind, of) = (Edge::Follow as u8, u64::from(viewer));
        let latest = move |author: u64, before: ClipId| {
            self.ends(Edge::Own, author, before).next().map(|id| (id, author))
        };
        let authors = self.edges.range((kind, of, 0)..=(kind, of, u64::MAX)).map(|it| it.key().2);
        // the latest clip of each, of which the latest comes first
        let mut due: BinaryHeap<(ClipId, u64)> = authors.filter_map(|it| latest(it, before)).collect();
        std::iter::from_fn(move || {
            let (id, author) = due.pop()?;
            due.extend(latest(author, id));
            Some(id)
        })
    }

    /// All clips that the first part has not shown, hottest first.
    fn others(
        &self,
        call: Call,
        viewer: Option<UserId>,
        after: Cursor,
        room: usize,
        clips: &mut Vec<ClipView>,
    ) -> Option<Cursor> {
        let fresh = call.now.saturating_sub(FRESH);
        for (looked, entry) in self.heat.range(..(after.rank, after.id)).rev().enumerate() {
            let (rank, id) = *entry.key();
            let shown = |clip: &ClipView| clip.created >= fresh && clip.author.following_them;
            clips.extend(self.seen_by(viewer, id).filter(|clip| !shown(clip)));
            if clips.len() >= room || looked + 1 >= SCAN_MAX {
                return Some(Cursor { part: OTHERS, rank, id });
            }
        }
        None
    }

    /// A page of one of the lists. What somebody liked or bookmarked is their own affair.
    pub fn clip_list(&self, call: Call, list: ClipList, after: Option<Cursor>, limit: u32) -> ClipPage {
        let viewer = self.viewer(call);
        let before = after.map_or(u64::MAX, |it| it.id);
        let own = |edge| viewer.map(|it| self.ends(edge, it.into(), before).collect()).unwrap_or_default();
        let ids: Vec<ClipId> = match list {
            ClipList::Of(user) => self.ends(Edge::Own, user.into(), before).collect(),
            ClipList::Liked => own(Edge::Like),
            ClipList::Bookmarked => own(Edge::Bookmark),
            ClipList::Tagged(tag) => self.tagged(&tag, before),
        };
        let (room, all) = (page(limit), ids.len());
        let (mut clips, mut last, mut looked) = (Vec::new(), None, 0);
        for id in ids {
            if clips.len() >= room {
                break;
            }
            // one's own hidden clips stay in one's own list, marked as hidden
            let own = self.clip(call, id).ok().filter(|it| it.hidden && it.mine.own);
            clips.extend(self.seen_by(viewer, id).or(own));
            (last, looked) = (Some(id), looked + 1);
        }
        let more = looked < all || all >= SCAN_MAX;
        let next = last.filter(|_| more).map(|id| Cursor { part: 0, rank: 0, id });
        ClipPage { clips, next }
    }

    /// What a visitor sees before the app has asked for anything. Numbers are text: they may be larger than JavaScript's.
    pub(crate) fn first_page_json(&self) -> Vec<u8> {
        let ids = self.heat.iter().rev().map(|entry| entry.key().1).take(FIRST_PAGE);
        let clip = |it: ClipView| {
            json!({
                "id": it.id.to_string(),
                "author": {
                    "id": it.author.id,
                    "name": it.author.name,
                    "display": it.author.display,
                    "picture": it.author.picture.map(|it| it.to_string()),
                },
                "caption": it.caption,
                "tags": it.tags,
                "video": it.video.to_string(),
                "poster": it.poster.map(|it| it.to_string()),
                "width": it.width,
                "height": it.height,
                "duration_ms": it.duration_ms,
                "created": it.created.to_string(),
            })
        };
        let clips: Vec<_> = ids.filter_map(|id| self.seen_by(None, id)).map(clip).collect();
        serde_json::Value::Array(clips).to_string().into_bytes()
    }

    /// The certified first page, as JSON.
    pub fn first_page(&self) -> &[u8] {
        self.first_page.get()
    }
}
