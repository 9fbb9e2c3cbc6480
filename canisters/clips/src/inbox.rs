//! Notifications, and messages from one user to another.

use crate::app::{App, Call, next, page};
use crate::limits::*;
use crate::memory::Memory;
use crate::people::step;
use crate::records::{Letter, Ordered, Thread, User};
use crate::stored::Stored;
use crate::text;
use crate::types::*;

/// The number of the conversation of two users.
fn between(a: UserId, b: UserId) -> u64 {
    (u64::from(a.min(b)) << 32) | u64::from(a.max(b))
}

impl<M: Memory> App<M> {
    /// The caller's notifications, latest first.
    pub fn notifications(
        &self,
        call: Call,
        before: Option<u64>,
        limit: u32,
    ) -> Result<NotificationPage, Refusal> {
        let (user, record) = self.signed(call)?;
        let room = page(limit);
        let range = self.notices.range((user, 0)..(user, before.unwrap_or(u64::MAX))).rev().take(room);
        let view = |id: u64, Stored(it): Stored<crate::records::Notice>| Notification {
            id,
            at: it.at,
            from: it.from.and_then(|from| self.card(from, Some(user))),
            news: it.news,
            unread: id > record.seen,
        };
        let notifications: Vec<_> = range.map(|it| view(it.key().1, it.value())).collect();
        let next = notifications.last().filter(|_| notifications.len() == room).map(|it| it.id);
        Ok(NotificationPage { notifications, next })
    }

    /// Marks all notifications up to one as read.
    pub fn read_notifications(&mut self, call: Call, up_to: u64) -> Result<(), Refusal> {
        let (id, mut user) = self.signed(call)?;
        let last = self.counters.get().0.next_notice;
        user.seen = user.seen.max(up_to.min(last));
        self.put_user(id, user);
        Ok(())
    }

    fn thread(&self, user: UserId, with: UserId) -> Option<Thread> {
        self.threads.get(&(user, with)).map(|Stored(it)| it)
    }

    /// Sends a message. The same order is done once.
    pub fn send_message(&mut self, call: Call, new: NewMessage) -> Result<Message, Refusal> {
        let (from, mut sender) = self.signed(call)?;
        if let Some(id) = Self::done(&sender, Ordered::Message, new.order) {
            return self.letter(from, new.to, id).ok_or(Refusal::NotFound);
        }
        let text = text::tidy("message", &new.text, 1, MESSAGE_MAX)?;
        if from == new.to {
            return Err(Refusal::Invalid("nobody writes to themselves".into()));
        }
        let mut receiver = self.user(new.to)?;
        if self.blocked(Some(from), new.to) {
            return Err(Refusal::Blocked);
        }
        let known = self.thread(from, new.to).is_some();
        self.spend(&mut sender, call.now, text.len())?;
        if !known {
            let full = || Refusal::TooMany(format!("a user has at most {THREADS_PER_USER} conversations"));
            if sender.threads >= THREADS_PER_USER {
                return Err(full());
            }
            if receiver.threads >= THREADS_PER_USER {
                // many accounts close nobody to messages: what was never answered makes room, the oldest first
                let other = self.oldest_unanswered(new.to).ok_or_else(full)?;
                self.erase_thread(new.to, other);
                receiver = self.user(new.to)?;
            }
        }
        let id = self.count(|counters| next(&mut counters.next_message));
        self.letters.insert((between(from, new.to), id), Stored(Letter { at: call.now, from, text }));
        self.forget_oldest(between(from, new.to));
        let theirs = self.thread(new.to, from).unwrap_or_default();
        let was_unread = theirs.unread;
        if was_unread == 0 {
            receiver.unread_messages = receiver.unread_messages.saturating_add(1);
        }
        if !known {
            sender.threads = step(sender.threads, true);
            receiver.threads = step(receiver.threads, true);
        }
        if self.thread(from, new.to).is_some_and(|it| it.unread > 0) {
            sender.unread_messages = sender.unread_messages.saturating_sub(1);
        }
        self.threads.insert((from, new.to), Stored(Thread { last: id, unread: 0, answered: true }));
        let unread = was_unread.saturating_add(1);
        self.threads.insert((new.to, from), Stored(Thread { last: id, unread, ..theirs }));
        Self::remember(&mut sender, Ordered::Message, new.order, id);
        self.put_user(from, sender);
        self.put_user(new.to, receiver);
        if was_unread == 0 {
            self.tell(new.to, Some(from), call.now, News::Messaged);
        }
        self.letter(from, new.to, id).ok_or(Refusal::NotFound)
    }

    /// Whose messages somebody has left without an answer for longest.
    fn oldest_unanswered(&self, user: UserId) -> Option<UserId> {
        let threads = self.threads.range((user, 0)..=(user, UserId::MAX)).take(THREADS_PER_USER as usize);
        let last = |Stored(it): Stored<Thread>| (!it.answered).then_some(it.last);
        threads.filter_map(|it| Some((last(it.value())?, it.key().1))).min().map(|(_, with)| with)
    }

    /// Erases a conversation on both sides.
    fn erase_thread(&mut self, user: UserId, with: UserId) {
        let thread = between(user, with);
        let range = self.letters.range((thread, 0)..=(thread, u64::MAX));
        let letters: Vec<(u64, u64)> = range.map(|it| *it.key()).collect();
        for letter in &letters {
            self.letters.remove(letter);
        }
        for (one, other) in [(user, with), (with, user)] {
            if let Some(Stored(thread)) = self.threads.remove(&(one, other)) {
                self.change_user(one, |user| {
                    user.threads = step(user.threads, false);
                    user.unread_messages = user.unread_messages.saturating_sub(u32::from(thread.unread > 0));
                });
            }
        }
    }

    fn forget_oldest(&mut self, thread: u64) {
        let all = || self.letters.range((thread, 0)..=(thread, u64::MAX));
        let oldest = all().next().map(|it| *it.key());
        if all().count() as u64 > MESSAGES_PER_THREAD
            && let Some(oldest) = oldest
        {
            self.letters.remove(&oldest);
        }
    }

    fn letter(&self, user: UserId, with: UserId, id: u64) -> Option<Message> {
        let Stored(it) = self.letters.get(&(between(user, with), id))?;
        Some(Message { id, at: it.at, own: it.from == user, text: it.text })
    }

    /// The caller's conversations, the latest first.
    pub fn conversations(&self, call: Call) -> Result<Vec<ThreadView>, Refusal> {
        let (user, _) = self.signed(call)?;
        let threads = self.threads.range((user, 0)..=(user, UserId::MAX)).take(THREADS_PER_USER as usize);
        let mut threads: Vec<(UserId, Thread)> = threads.map(|it| (it.key().1, it.value().0)).collect();
        threads.sort_by_key(|(_, thread)| std::cmp::Reverse(thread.last));
        threads.truncate(PAGE_MAX);
        let view = |(with, thread): (UserId, Thread)| {
            Some(ThreadView {
                with: self.card(with, Some(user))?,
                last: self.letter(user, with, thread.last)?,
                unread: thread.unread,
            })
        };
        Ok(threads.into_iter().filter_map(view).collect())
    }

    /// The caller's messages with somebody, latest first.
    pub fn messages(
        &self,
        call: Call,
        with: UserId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<MessagePage, Refusal> {
        let (user, _) = self.signed(call)?;
        let (room, thread) = (page(limit), between(user, with));
        let range = self.letters.range((thread, 0)..(thread, before.unwrap_or(u64::MAX))).rev().take(room);
        let messages: Vec<Message> = range.filter_map(|it| self.letter(user, with, it.key().1)).collect();
        let next = messages.last().filter(|_| messages.len() == room).map(|it| it.id);
        Ok(MessagePage { messages, next })
    }

    /// Marks the messages of somebody as read.
    pub fn read_messages(&mut self, call: Call, with: UserId) -> Result<(), Refusal> {
        let (id, mut user): (UserId, User) = self.signed(call)?;
        if let Some(thread) = self.thread(id, with).filter(|it| it.unread > 0) {
            self.threads.insert((id, with), Stored(Thread { unread: 0, ..thread }));
            user.unread_messages = user.unread_messages.saturating_sub(1);
            self.put_user(id, user);
        }
        Ok(())
    }
}
