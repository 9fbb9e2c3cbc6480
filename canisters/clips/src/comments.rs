//! Comments.

use crate::app::{App, Call, next, page};
use crate::limits::*;
use crate::memory::Memory;
use crate::people::step;
use crate::records::{Comment, Ordered};
use crate::stored::Stored;
use crate::text;
use crate::types::*;

impl<M: Memory> App<M> {
    /// Comments on a clip. The same order is done once.
    pub fn comment(&mut self, call: Call, new: NewComment) -> Result<CommentView, Refusal> {
        let (author, mut user) = self.signed(call)?;
        if let Some(id) = Self::done(&user, Ordered::Comment, new.order) {
            return self.comment_view(call, new.clip, id).ok_or(Refusal::NotFound);
        }
        let text = text::tidy("comment", &new.text, 1, COMMENT_MAX)?;
        let mut clip = self.open_clip(author, new.clip)?;
        if clip.comments >= COMMENTS_PER_CLIP {
            return Err(Refusal::TooMany(format!("a clip has at most {COMMENTS_PER_CLIP} comments")));
        }
        self.spend(&mut user, call.now, text.len())?;
        let id = self.count(|counters| next(&mut counters.next_comment));
        let comment = Comment { author, text, created: call.now, hidden: false };
        self.comments.insert((new.clip, id), Stored(comment));
        Self::remember(&mut user, Ordered::Comment, new.order, id);
        self.put_user(author, user);
        clip.comments = step(clip.comments, true);
        let to = clip.author;
        self.put_clip(new.clip, clip);
        self.tell(to, Some(author), call.now, News::Commented(new.clip));
        self.comment_view(call, new.clip, id).ok_or(Refusal::NotFound)
    }

    /// Takes a comment away: its writer may, and the clip's maker.
    pub fn delete_comment(&mut self, call: Call, clip: ClipId, id: CommentId) -> Result<(), Refusal> {
        let (user, _) = self.signed(call)?;
        let owner = self.clip_record(clip)?.author;
        let comment = self.comments.get(&(clip, id)).ok_or(Refusal::NotFound)?.0;
        if comment.author != user && owner != user {
            return Err(Refusal::NotAllowed);
        }
        self.erase_comment(clip, id);
        self.close_case(Target::Comment { clip, comment: id });
        Ok(())
    }

    pub(crate) fn erase_comment(&mut self, clip: ClipId, id: CommentId) {
        if self.comments.remove(&(clip, id)).is_some()
            && let Ok(mut record) = self.clip_record(clip)
        {
            record.comments = step(record.comments, false);
            self.put_clip(clip, record);
        }
    }

    pub(crate) fn comment_view(&self, call: Call, clip: ClipId, id: CommentId) -> Option<CommentView> {
        let comment = self.comments.get(&(clip, id))?.0;
        let viewer = self.viewer(call);
        let own = viewer == Some(comment.author);
        let owner = self.clip_record(clip).ok().map(|it| it.author);
        Some(CommentView {
            id,
            clip,
            author: self.card(comment.author, viewer)?,
            text: comment.text,
            created: comment.created,
            own,
            removable: own || (viewer.is_some() && viewer == owner),
        })
    }

    /// A clip's comments, latest first; of a clip that the caller does not see, none.
    pub fn comments(&self, call: Call, clip: ClipId, before: Option<CommentId>, limit: u32) -> CommentPage {
        let viewer = self.viewer(call);
        if self.clip(call, clip).is_err() {
            return CommentPage { comments: Vec::new(), next: None };
        }
        let range = (clip, 0)..(clip, before.unwrap_or(u64::MAX));
        let (room, mut comments, mut last, mut looked) = (page(limit), Vec::new(), None, 0);
        for entry in self.comments.range(range).rev().take(SCAN_MAX) {
            if comments.len() >= room {
                break;
            }
            let comment = entry.value().0;
            let own = viewer == Some(comment.author);
            if (!comment.hidden || own) && !self.blocked(viewer, comment.author) {
                comments.extend(self.comment_view(call, clip, entry.key().1));
            }
            (last, looked) = (Some(entry.key().1), looked + 1);
        }
        let more = comments.len() >= room || looked >= SCAN_MAX;
        CommentPage { comments, next: last.filter(|_| more) }
    }
}
