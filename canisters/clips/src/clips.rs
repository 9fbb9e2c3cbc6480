//! Clips: publishing, deleting, and what people do with them.

use crate::app::{App, Call, Edge, next};
use crate::limits::*;
use crate::memory::Memory;
use crate::people::{step, superlikes_in_window};
use crate::records::{Clip, Ordered};
use crate::search::Shelf;
use crate::stored::Stored;
use crate::text;
use crate::types::*;

impl<M: Memory> App<M> {
    pub(crate) fn clip_record(&self, id: ClipId) -> Result<Clip, Refusal> {
        self.clips.get(&id).map(|Stored(clip)| clip).ok_or(Refusal::NotFound)
    }

    pub(crate) fn put_clip(&mut self, id: ClipId, mut clip: Clip) {
        let heat = heat(&clip);
        if heat != clip.heat || clip.hidden {
            self.heat.remove(&(clip.heat, id));
        }
        clip.heat = heat;
        if !clip.hidden {
            self.heat.insert((heat, id), ());
        }
        self.clips.insert(id, Stored(clip));
    }

    /// Publishes an uploaded video. The same video once more gives the clip that it became.
    pub fn publish(&mut self, call: Call, new: NewClip) -> Result<ClipView, Refusal> {
        let (author, mut user) = self.signed(call)?;
        if let Some(id) = Self::done(&user, Ordered::Clip, new.video) {
            return self.clip(call, id);
        }
        let caption = text::tidy("caption", &new.caption, 0, CAPTION_MAX)?;
        if new.width == 0 || new.height == 0 || new.width > SIDE_MAX || new.height > SIDE_MAX {
            return Err(Refusal::Invalid(format!("width and height are 1 to {SIDE_MAX}")));
        }
        if new.duration_ms > DURATION_MAX_MS {
            return Err(Refusal::Invalid(format!("a clip lasts at most {} s", DURATION_MAX_MS / 1_000)));
        }
        if user.clips >= CLIPS_PER_USER || self.counters.get().0.clips >= CLIPS_MAX {
            return Err(Refusal::TooMany(format!("a user has at most {CLIPS_PER_USER} clips")));
        }
        self.media.attachable(new.video, author, true)?;
        self.media.check_room(2)?;
        self.spend(&mut user, call.now, caption.len())?;
        if let Some(poster) = new.poster {
            self.media.attach(poster, author, false)?;
        }
        self.media.attach(new.video, author, true)?;
        let id = self.count(|counters| {
            counters.clips = counters.clips.saturating_add(1);
            next(&mut counters.next_clip)
        });
        user.clips = step(user.clips, true);
        Self::remember(&mut user, Ordered::Clip, new.video, id);
        self.put_user(author, user);
        self.link(Edge::Own, author.into(), id, true, call.now);
        self.file(Shelf::Captions, id, &caption, true);
        self.file(Shelf::Tags, id, &caption, true);
        self.put_clip(id, fresh(author, call.now, caption, new));
        self.log(Some(author), call.now, Deed::Published(id));
        self.write_first_page();
        self.clear_strays();
        self.clip(call, id)
    }

    /// Deletes a clip of the caller's.
    pub fn delete_clip(&mut self, call: Call, id: ClipId) -> Result<(), Refusal> {
        let (user, _) = self.signed(call)?;
        let clip = self.clip_record(id)?;
        if clip.author != user {
            return Err(Refusal::NotAllowed);
        }
        self.erase(id, clip);
        self.log(Some(user), call.now, Deed::Deleted(id));
        Ok(())
    }

    /// Takes a clip and all that hangs on it away. Likes and bookmarks of it stay with whoever gave them and lead nowhere;
    /// who saw and superliked it is erased by and by.
    pub(crate) fn erase(&mut self, id: ClipId, clip: Clip) {
        self.file(Shelf::Captions, id, &clip.caption, false);
        self.file(Shelf::Tags, id, &clip.caption, false);
        self.heat.remove(&(clip.heat, id));
        self.link(Edge::Own, clip.author.into(), id, false, 0);
        let comments: Vec<_> = self.comments.range((id, 0)..=(id, u64::MAX)).map(|it| *it.key()).collect();
        for (clip, comment) in comments {
            self.comments.remove(&(clip, comment));
            self.close_case(Target::Comment { clip, comment });
        }
        self.close_case(Target::Clip(id));
        self.strays.insert(id);
        self.media.remove(clip.video);
        if let Some(poster) = clip.poster {
            self.media.remove(poster);
        }
        if let Ok(mut author) = self.user(clip.author) {
            author.clips = step(author.clips, false);
            self.put_user(clip.author, author);
        }
        self.clips.remove(&id);
        self.count(|counters| counters.clips = counters.clips.saturating_sub(1));
        self.write_first_page();
    }

    /// Erases some edges of clips that are gone.
    fn clear_strays(&mut self) {
        let mut left = STRAYS_PER_CALL;
        while left > 0
            && let Some(clip) = self.strays.first()
        {
            let viewers: Vec<u64> = self.ends(Edge::View, clip, u64::MAX).take(left).collect();
            let fans: Vec<u64> =
                self.ends(Edge::Superlike, clip, u64::MAX).take(left - viewers.len()).collect();
            for viewer in &viewers {
                self.link(Edge::View, clip, *viewer, false, 0);
                if let Ok(viewer) = UserId::try_from(*viewer) {
                    self.change_user(viewer, |user| user.viewed = step(user.viewed, false));
                }
            }
            for fan in &fans {
                self.link(Edge::Superlike, clip, *fan, false, 0);
            }
            let erased = viewers.len() + fans.len();
            if erased < left {
                self.strays.remove(&clip);
            }
            left -= erased.max(1);
        }
    }

    // --- seeing ---

    fn view(&self, viewer: Option<UserId>, id: ClipId, clip: Clip) -> Option<ClipView> {
        let mine = |viewer: UserId| Mine {
            own: viewer == clip.author,
            liked: self.linked(Edge::Like, viewer.into(), id),
            superliked: self.linked(Edge::Superlike, id, viewer.into()),
            bookmarked: self.linked(Edge::Bookmark, viewer.into(), id),
        };
        Some(ClipView {
            id,
            author: self.card(clip.author, viewer)?,
            mine: viewer.map(mine).unwrap_or_default(),
            caption: clip.caption,
            tags: clip.tags,
            video: clip.video,
            poster: clip.poster,
            width: clip.width,
            height: clip.height,
            duration_ms: clip.duration_ms,
            created: clip.created,
            likes: clip.likes,
            superlikes: clip.superlikes,
            comments: clip.comments,
            views: clip.views,
            tips: clip.tips,
            viral: clip.viral,
            hidden: clip.hidden,
        })
    }

    /// A clip in a list: neither hidden, nor of somebody blocked.
    pub(crate) fn seen_by(&self, viewer: Option<UserId>, id: ClipId) -> Option<ClipView> {
        let clip = self.clip_record(id).ok()?;
        if clip.hidden || self.blocked(viewer, clip.author) {
            return None;
        }
        self.view(viewer, id, clip)
    }

    /// One clip. A hidden one is shown, without its video, to its maker and to moderators, from whom nobody hides by
    /// blocking them.
    pub fn clip(&self, call: Call, id: ClipId) -> Result<ClipView, Refusal> {
        let viewer = self.viewer(call);
        let clip = self.clip_record(id)?;
        let is_kept_from = (clip.hidden && viewer != Some(clip.author)) || self.blocked(viewer, clip.author);
        if is_kept_from && self.moderator(call).is_err() {
            return Err(Refusal::NotFound);
        }
        self.view(viewer, id, clip).ok_or(Refusal::NotFound)
    }

    // --- doing ---

    /// A clip that the caller may do something with.
    pub(crate) fn open_clip(&self, user: UserId, id: ClipId) -> Result<Clip, Refusal> {
        let clip = self.clip_record(id)?;
        if clip.hidden && clip.author != user {
            return Err(Refusal::NotFound);
        }
        if self.blocked(Some(user), clip.author) { Err(Refusal::Blocked) } else { Ok(clip) }
    }

    pub fn like(&mut self, call: Call, id: ClipId, on: bool) -> Result<ClipView, Refusal> {
        let (user, record) = self.signed(call)?;
        if on && record.liked >= LIKES_PER_USER {
            return Err(Refusal::TooMany(format!("you like {LIKES_PER_USER} clips")));
        }
        if !on && !self.clips.contains_key(&id) && self.link(Edge::Like, user.into(), id, false, 0) {
            self.change_user(user, |user| user.liked = step(user.liked, false));
        }
        let mut clip = self.open_clip(user, id)?;
        if on {
            self.check_room()?;
        }
        if self.link(Edge::Like, user.into(), id, on, call.now) {
            self.change_user(user, |user| user.liked = step(user.liked, on));
            clip.likes = step(clip.likes, on);
            let mut author = self.user(clip.author)?;
            author.likes = if on { author.likes.saturating_add(1) } else { author.likes.saturating_sub(1) };
            let to = clip.author;
            self.put_user(to, author);
            self.put_clip(id, clip);
            if on {
                self.tell(to, Some(user), call.now, News::Liked(id));
            }
        }
        self.clip(call, id)
    }

    /// A like that counts more, of which there are few. It cannot be taken back, so a window's superlikes are real.
    pub fn superlike(&mut self, call: Call, id: ClipId) -> Result<ClipView, Refusal> {
        let (user, mut record) = self.signed(call)?;
        let mut clip = self.open_clip(user, id)?;
        if clip.author == user {
            return Err(Refusal::Invalid("nobody superlikes their own clip".into()));
        }
        if self.linked(Edge::Superlike, id, user.into()) {
            return self.clip(call, id);
        }
        record.superlikes = superlikes_in_window(&record, call.now);
        if record.superlikes.len() >= SUPERLIKES_PER_WINDOW {
            let oldest = record.superlikes.first().copied().unwrap_or(call.now);
            return Err(Refusal::NotBefore(oldest.saturating_add(SUPERLIKE_WINDOW)));
        }
        self.check_room()?;
        record.superlikes.push(call.now);
        self.put_user(user, record);
        self.link(Edge::Superlike, id, user.into(), true, call.now);
        clip.superlikes = step(clip.superlikes, true);
        let goes_viral = !clip.viral && clip.superlikes >= VIRAL_SUPERLIKES;
        clip.viral |= goes_viral;
        let author = clip.author;
        self.put_clip(id, clip);
        self.tell(author, Some(user), call.now, News::Superliked(id));
        if goes_viral {
            self.celebrate(call.now, id, author);
        }
        self.clip(call, id)
    }

    /// Points and news for the maker of a viral clip and for those who found it. Once for each clip.
    fn celebrate(&mut self, now: u64, id: ClipId, author: UserId) {
        self.reward(author, VIRAL_REWARD);
        self.tell(author, None, now, News::Viral { clip: id, points: VIRAL_REWARD });
        let finders: Vec<u64> = self.ends(Edge::Superlike, id, u64::MAX).collect();
        for finder in finders.into_iter().filter_map(|it| u32::try_from(it).ok()) {
            self.reward(finder, VIRAL_THANKS);
            self.tell(finder, None, now, News::Viral { clip: id, points: VIRAL_THANKS });
        }
        self.log(None, now, Deed::WentViral(id));
    }

    pub fn bookmark(&mut self, call: Call, id: ClipId, on: bool) -> Result<(), Refusal> {
        let (user, record) = self.signed(call)?;
        if on {
            self.open_clip(user, id)?;
            self.check_room()?;
            if record.bookmarked >= BOOKMARKS_PER_USER {
                return Err(Refusal::TooMany(format!("you have {BOOKMARKS_PER_USER} bookmarks")));
            }
        }
        if self.link(Edge::Bookmark, user.into(), id, on, call.now) {
            self.change_user(user, |user| user.bookmarked = step(user.bookmarked, on));
        }
        Ok(())
    }

    /// Gives points to a clip's maker. The same order is done once.
    pub fn tip(&mut self, call: Call, tip: NewTip) -> Result<ClipView, Refusal> {
        let (user, record) = self.signed(call)?;
        if Self::done(&record, Ordered::Tip, tip.order).is_some() {
            return self.clip(call, tip.clip);
        }
        let mut clip = self.open_clip(user, tip.clip)?;
        if clip.author == user {
            return Err(Refusal::Invalid("nobody tips themselves".into()));
        }
        if tip.points == 0 || tip.points > TIP_MAX {
            return Err(Refusal::Invalid(format!("a tip is 1 to {TIP_MAX} points")));
        }
        self.pay(user, clip.author, tip.points)?;
        let mut record = self.user(user)?;
        Self::remember(&mut record, Ordered::Tip, tip.order, tip.clip);
        self.put_user(user, record);
        clip.tips = clip.tips.saturating_add(tip.points);
        let to = clip.author;
        self.put_clip(tip.clip, clip);
        self.tell(to, Some(user), call.now, News::Tipped { clip: tip.clip, points: tip.points });
        self.clip(call, tip.clip)
    }

    /// Counts that a user has seen a clip, once for each user.
    pub fn viewed(&mut self, call: Call, id: ClipId) -> Result<(), Refusal> {
        let (user, record) = self.signed(call)?;
        let mut clip = self.open_clip(user, id)?;
        self.clear_strays();
        let counts = clip.author != user && record.viewed < VIEWS_PER_USER && self.check_room().is_ok();
        if counts && self.link(Edge::View, id, user.into(), true, call.now) {
            self.change_user(user, |user| user.viewed = step(user.viewed, true));
            clip.views = step(clip.views, true);
            self.put_clip(id, clip);
        }
        Ok(())
    }

    /// Writes down what the certified page of first clips has.
    pub(crate) fn write_first_page(&mut self) {
        let page = self.first_page_json();
        if *self.first_page.get() != page {
            self.first_page.set(page);
        }
    }
}

fn fresh(author: UserId, now: u64, caption: String, new: NewClip) -> Clip {
    Clip {
        author,
        tags: text::tags(&caption),
        caption,
        video: new.video,
        poster: new.poster,
        width: new.width,
        height: new.height,
        duration_ms: new.duration_ms,
        created: now,
        likes: 0,
        superlikes: 0,
        comments: 0,
        views: 0,
        tips: 0,
        viral: false,
        hidden: false,
        heat: 0,
    }
}

/// A clip's place in For You: newer is higher, and twice the attention is worth [`HEAT_STEP_SECONDS`]. It does not
/// depend on the time of asking, so an index can hold it.
fn heat(clip: &Clip) -> u64 {
    let count = |number: u32, weight: u64| u64::from(number).saturating_mul(weight);
    let attention = 1_u64
        .saturating_add(count(clip.likes, 2))
        .saturating_add(count(clip.superlikes, 6))
        .saturating_add(count(clip.comments, 3))
        .saturating_add(count(clip.views, 1) / 4);
    (clip.created / SECOND).saturating_add(u64::from(attention.ilog2()).saturating_mul(HEAT_STEP_SECONDS))
}
