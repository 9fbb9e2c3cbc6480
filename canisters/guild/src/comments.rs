//! Comments.

use crate::app::{App, Call, Edge, collect, next, page, step};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{Comment, Ordered};
use crate::stored::Stored;
use crate::text;
use crate::types::*;

impl<M: Memory> App<M> {
    /// Comments on a post. The same order is done once.
    pub fn comment(&mut self, call: Call, new: NewComment) -> Result<CommentView, Refusal> {
        let (author, user) = self.signed(call)?;
        let viewer = Some(author);
        if let Some(id) = Self::done(&user, Ordered::Comment, new.order) {
            return self.comment_view(call, viewer, new.post, id).ok_or(Refusal::NotFound);
        }
        let text = text::tidy("comment", &new.text, 1, COMMENT_MAX)?;
        let mut post = self.post_record(new.post)?;
        self.user(post.author)?;
        if post.comments >= COMMENTS_PER_POST || user.comments >= COMMENTS_PER_USER {
            return Err(Refusal::TooMany(format!("a post has at most {COMMENTS_PER_POST} comments")));
        }
        self.spend(author, call.now, text.len())?;
        let id = self.count(|counters| next(&mut counters.next_comment));
        self.comments.insert((new.post, id), Stored(Comment { author, text, created: call.now }));
        self.set_edge(Edge::Said, author.into(), id, new.post);
        self.change_user(author, |user| {
            user.comments = step(user.comments, true);
            Self::remember(user, Ordered::Comment, new.order, id);
        });
        post.comments = step(post.comments, true);
        let to = post.author;
        self.put_post(new.post, post);
        self.tell(to, author, call.now, News::Commented(new.post));
        self.comment_view(call, viewer, new.post, id).ok_or(Refusal::NotFound)
    }

    /// Takes a comment away: its writer may, the post's author, and admins.
    pub fn delete_comment(&mut self, call: Call, post: PostId, id: CommentId) -> Result<(), Refusal> {
        let comment = self.comments.get(&(post, id)).ok_or(Refusal::NotFound)?.0;
        let under_own = self.post_record(post).is_ok_and(|it| self.owns(call, it.author).is_ok());
        if !under_own {
            self.owns(call, comment.author)?;
        }
        self.erase_comment(post, id);
        Ok(())
    }

    pub(crate) fn erase_comment(&mut self, post: PostId, id: CommentId) {
        let Some(Stored(comment)) = self.comments.remove(&(post, id)) else { return };
        self.link(Edge::Said, comment.author.into(), id, false);
        self.change_user(comment.author, |user| user.comments = step(user.comments, false));
        if let Ok(mut record) = self.post_record(post) {
            record.comments = step(record.comments, false);
            self.put_post(post, record);
        }
    }

    fn comment_view(
        &self,
        call: Call,
        viewer: Option<UserId>,
        post: PostId,
        id: CommentId,
    ) -> Option<CommentView> {
        let comment = self.comments.get(&(post, id))?.0;
        let owner = self.post_record(post).ok()?.author;
        let own = viewer.is_some_and(|it| it == comment.author || it == owner);
        Some(CommentView {
            id,
            post,
            author: self.card(comment.author, viewer)?,
            text: comment.text,
            created: comment.created,
            removable: own || self.is_admin(call),
        })
    }

    /// A post's comments before one, latest first.
    pub fn comments(&self, call: Call, post: PostId, before: Option<CommentId>, limit: u32) -> CommentPage {
        let viewer = self.viewer(call);
        let range = (post, 0)..(post, before.unwrap_or(u64::MAX));
        let seen = self.is_seen(post);
        let ids = self.comments.range(range).rev().take_while(|_| seen).map(|it| it.key().1);
        let (comments, next) = collect(ids, page(limit), |id| self.comment_view(call, viewer, post, id));
        CommentPage { comments, next }
    }
}
