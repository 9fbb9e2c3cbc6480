//! Posts, reactions, and the home feed.
//!
//! A page may be short while there is more: it says so by its cursor, because only so many entries are looked at for one
//! page ([`SCAN_MAX`]). The network's feed is merged from the lists of its people ([`MERGED_MAX`]), whatever all others
//! publish.

use crate::app::{App, Call, Edge, collect, next, page, step};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{Ordered, Post};
use crate::search::{Shelf, asked};
use crate::stored::Stored;
use crate::text;
use crate::types::*;
use serde_json::json;
use std::collections::BinaryHeap;

/// Posts of the certified first page.
const FIRST_PAGE: usize = 6;

/// All reactions; an edge holds a reaction's place among them.
const REACTIONS: [Reaction; 5] =
    [Reaction::Like, Reaction::Celebrate, Reaction::Support, Reaction::Insightful, Reaction::Funny];

fn place(reaction: Reaction) -> u64 {
    REACTIONS.iter().position(|it| *it == reaction).unwrap_or_default() as u64
}

pub(crate) fn reaction(place: u64) -> Option<Reaction> {
    REACTIONS.get(usize::try_from(place).ok()?).copied()
}

/// Counts a reaction once more, or once less.
fn tally(reactions: &mut Vec<(Reaction, u32)>, reaction: Reaction, up: bool) {
    match reactions.iter_mut().find(|(it, _)| *it == reaction) {
        Some((_, count)) => *count = step(*count, up),
        None if up => reactions.push((reaction, 1)),
        None => {}
    }
    reactions.retain(|(_, count)| *count > 0);
    reactions.sort_by_key(|(reaction, count)| (std::cmp::Reverse(*count), *reaction));
}

impl<M: Memory> App<M> {
    pub(crate) fn post_record(&self, id: PostId) -> Result<Post, Refusal> {
        self.posts.get(&id).map(|Stored(post)| post).ok_or(Refusal::NotFound)
    }

    /// Whether there is such a post, whose author has not left.
    pub(crate) fn is_seen(&self, id: PostId) -> bool {
        self.post_record(id).is_ok_and(|it| !self.leaving.contains(&it.author))
    }

    pub(crate) fn put_post(&mut self, id: PostId, post: Post) {
        self.posts.insert(id, Stored(post));
    }

    /// Publishes a post. The same order is done once.
    pub fn publish(&mut self, call: Call, new: NewPost) -> Result<PostView, Refusal> {
        let (author, user) = self.signed(call)?;
        if let Some(id) = Self::done(&user, Ordered::Post, new.order) {
            return self.post(call, id);
        }
        let text = text::tidy("post", &new.text, usize::from(new.picture.is_none()), POST_MAX)?;
        if user.posts >= POSTS_PER_USER || self.posts.len() >= POSTS_MAX {
            return Err(Refusal::TooMany(format!(
                "you have {POSTS_PER_USER} posts, or there is no space left"
            )));
        }
        if let Some(picture) = &new.picture {
            self.check_picture(author, picture)?;
        }
        self.spend(author, call.now, text.len())?;
        let picture = match new.picture {
            Some(picture) => Some(self.add_picture(author, picture)?),
            None => None,
        };
        let id = self.count(|counters| next(&mut counters.next_post));
        self.file(Shelf::Posts, id, "", &text);
        let post = Post { author, text, picture, created: call.now, reactions: Vec::new(), comments: 0 };
        self.put_post(id, post);
        self.link(Edge::Own, author.into(), id, true);
        self.change_user(author, |user| {
            user.posts = step(user.posts, true);
            Self::remember(user, Ordered::Post, new.order, id);
        });
        self.write_first_page();
        self.post(call, id)
    }

    /// Takes a post away: its author may, and admins. Nobody sees it from now on; what stands below it is erased now, as
    /// much as one call may, and by the timer.
    pub fn delete_post(&mut self, call: Call, id: PostId) -> Result<(), Refusal> {
        let post = self.post_record(id)?;
        self.owns(call, post.author)?;
        self.erase_post(id, post);
        self.write_first_page();
        self.erase_below(id, ERASED_AT_ONCE);
        Ok(())
    }

    /// Erases a post, and notes that what stands below it is to be erased.
    pub(crate) fn erase_post(&mut self, id: PostId, post: Post) {
        self.file(Shelf::Posts, id, &post.text, "");
        self.link(Edge::Own, post.author.into(), id, false);
        self.change_user(post.author, |user| user.posts = step(user.posts, false));
        self.posts.remove(&id);
        if let Some(picture) = post.picture {
            self.remove_picture(picture);
        }
        self.orphans.insert(id);
    }

    /// Erases what stands below a post that is erased, at most so many records; how many were erased.
    pub(crate) fn erase_below(&mut self, id: PostId, most: usize) -> usize {
        let comments: Vec<CommentId> =
            self.comments.range((id, 0)..=(id, u64::MAX)).take(most).map(|it| it.key().1).collect();
        for comment in &comments {
            self.erase_comment(id, *comment);
        }
        let users: Vec<u64> =
            self.ends(Edge::Reaction, id, u64::MAX).take(most.saturating_sub(comments.len())).collect();
        for user in users.iter().filter_map(|it| UserId::try_from(*it).ok()) {
            self.erase_reaction(id, user);
        }
        let erased = comments.len() + users.len();
        if erased < most {
            self.orphans.remove(&id);
        }
        erased
    }

    pub(crate) fn erase_reaction(&mut self, id: PostId, user: UserId) {
        let Some(before) = self.edge(Edge::Reaction, id, user.into()) else { return };
        self.link(Edge::Reaction, id, user.into(), false);
        self.link(Edge::Reacted, user.into(), id, false);
        self.change_user(user, |user| user.reactions = step(user.reactions, false));
        if let (Ok(mut post), Some(before)) = (self.post_record(id), reaction(before)) {
            tally(&mut post.reactions, before, false);
            self.put_post(id, post);
        }
    }

    /// Reacts to a post, in one way, in another way, or no longer.
    pub fn react(&mut self, call: Call, id: PostId, with: Option<Reaction>) -> Result<PostView, Refusal> {
        let (user, record) = self.signed(call)?;
        let post = self.post_record(id)?;
        self.user(post.author)?;
        let before = self.edge(Edge::Reaction, id, user.into()).and_then(reaction);
        if before == with {
            return self.post(call, id);
        }
        if with.is_some() && before.is_none() && record.reactions >= REACTIONS_PER_USER {
            return Err(Refusal::TooMany(format!("you reacted to {REACTIONS_PER_USER} posts")));
        }
        if with.is_some() {
            self.check_room()?;
        }
        self.erase_reaction(id, user);
        if let Some(with) = with {
            let mut post = self.post_record(id)?;
            tally(&mut post.reactions, with, true);
            let author = post.author;
            self.put_post(id, post);
            self.set_edge(Edge::Reaction, id, user.into(), place(with));
            self.link(Edge::Reacted, user.into(), id, true);
            self.change_user(user, |user| user.reactions = step(user.reactions, true));
            // who changes the way has told already
            if before.is_none() {
                self.tell(author, user, call.now, News::Reacted { post: id, reaction: with });
            }
        }
        self.post(call, id)
    }

    /// Who reacted to a post, and how.
    pub fn reactions(
        &self,
        call: Call,
        id: PostId,
        after: Option<UserId>,
        limit: u32,
    ) -> Vec<(Card, Reaction)> {
        let viewer = self.viewer(call);
        let room = if self.is_seen(id) { page(limit) } else { 0 };
        let ends = self.ends_after(Edge::Reaction, id, after.map(u64::from)).take(room);
        let view = |user: u64| {
            let with = self.edge(Edge::Reaction, id, user).and_then(reaction)?;
            Some((self.card(UserId::try_from(user).ok()?, viewer)?, with))
        };
        ends.filter_map(view).collect()
    }

    pub fn post(&self, call: Call, id: PostId) -> Result<PostView, Refusal> {
        self.post_view(self.viewer(call), id).ok_or(Refusal::NotFound)
    }

    fn post_view(&self, viewer: Option<UserId>, id: PostId) -> Option<PostView> {
        let post = self.post_record(id).ok()?;
        let mine = viewer.and_then(|it| self.edge(Edge::Reaction, id, it.into())).and_then(reaction);
        Some(PostView {
            id,
            author: self.card(post.author, viewer)?,
            text: post.text,
            picture: post.picture,
            created: post.created,
            reactions: post.reactions,
            comments: post.comments,
            mine,
        })
    }

    /// A page of posts before one, the latest first.
    pub fn posts(
        &self,
        call: Call,
        list: &PostList,
        before: Option<PostId>,
        limit: u32,
    ) -> Result<PostPage, Refusal> {
        let viewer = self.viewer(call);
        let before = before.unwrap_or(u64::MAX);
        let all = || self.posts.range(..before).rev().map(|it| *it.key());
        let (room, view) = (page(limit), |id| self.post_view(viewer, id));
        let (posts, next) = match list {
            PostList::Everyone => collect(all(), room, view),
            PostList::Network => {
                let (user, record) = self.signed(call)?;
                let near = |it: u32| it == user || self.linked(Edge::Connected, user.into(), it.into());
                let of_network =
                    |id| self.post_record(id).ok().filter(|it| near(it.author)).and_then(|_| view(id));
                match record.connections <= MERGED_MAX {
                    true => collect(self.merged(user, before), room, view),
                    false => collect(all(), room, of_network),
                }
            }
            PostList::Of(author) => collect(self.ends(Edge::Own, (*author).into(), before), room, view),
            PostList::Found(query) => {
                let found = self.find(Shelf::Posts, &asked(&[query])?);
                collect(found.into_iter().rev().filter(|it| *it < before), room, view)
            }
        };
        Ok(PostPage { posts, next })
    }

    /// Posts of somebody and of their connections before one, the latest first.
    fn merged(&self, user: UserId, before: PostId) -> impl Iterator<Item = PostId> + '_ {
        let latest = move |author: u64, before: PostId| {
            self.ends(Edge::Own, author, before).next().map(|id| (id, author))
        };
        let authors = self.ends_after(Edge::Connected, user.into(), None).chain([user.into()]);
        // the latest post of each, of which the latest comes first
        let mut due: BinaryHeap<(PostId, u64)> = authors.filter_map(|it| latest(it, before)).collect();
        std::iter::from_fn(move || {
            let (id, author) = due.pop()?;
            due.extend(latest(author, id));
            Some(id)
        })
    }

    /// Writes what a visitor sees before the app has asked for anything. Numbers are text: they may be larger than
    /// JavaScript's.
    pub(crate) fn write_first_page(&mut self) {
        let ids = self.posts.iter().rev().map(|it| *it.key()).take(SCAN_MAX);
        let post = |it: PostView| {
            json!({
                "id": it.id.to_string(),
                "author": {
                    "id": it.author.id,
                    "name": it.author.name,
                    "display": it.author.display,
                    "headline": it.author.headline,
                    "picture": it.author.picture.map(|it| it.to_string()),
                    "connections": it.author.connections,
                },
                "text": it.text,
                "picture": it.picture.map(|it| it.to_string()),
                "created": it.created.to_string(),
            })
        };
        let posts: Vec<_> = ids
            .filter(|id| self.is_seen(*id))
            .filter_map(|id| self.post_view(None, id))
            .take(FIRST_PAGE)
            .map(post)
            .collect();
        self.first_page.set(serde_json::Value::Array(posts).to_string().into_bytes());
    }

    /// The certified first page, as JSON.
    pub fn first_page(&self) -> &[u8] {
        self.first_page.get()
    }
}
