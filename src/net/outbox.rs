//! What waits to be sent to one peer: two FIFO queues, bounded together in count and bytes.

use super::proto::Frame;
use crate::types::limits::{PEER_QUEUE_BYTES_MAX, PEER_QUEUE_COUNT_MAX};
use bytes::Bytes;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Whether a frame overtakes the bulk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// Votes, certificates, proposals, requests: small or on the critical path.
    Prompt,
    /// Gossip and history: dropped first.
    Bulk,
}

/// Frames for one peer. Many push, one takes.
#[derive(Default)]
pub struct Outbox(Mutex<Queues>);

#[derive(Default)]
struct Queues {
    prompt: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
    bytes: usize,
    dropped: u64,
    taker: Option<Waker>,
}

impl Outbox {
    /// Queues `frame`, dropping the oldest bulk, then the oldest prompt frames, where there is no room.
    pub fn push(&self, frame: Bytes, urgency: Urgency) {
        let mut queues = self.lock();
        queues.bytes += frame.len();
        match urgency {
            Urgency::Prompt => queues.prompt.push_back(frame),
            Urgency::Bulk => queues.bulk.push_back(frame),
        }
        while queues.overflows() {
            queues.drop_oldest();
        }
        let taker = queues.taker.take();
        drop(queues);
        if let Some(taker) = taker {
            taker.wake();
        }
    }

    /// How many frames were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// The next frame, prompt ones first; remembers the newest taker and wakes it when there is one.
    fn poll_take(&self, context: &mut Context<'_>) -> Poll<Bytes> {
        let mut queues = self.lock();
        match queues.take() {
            Some(frame) => Poll::Ready(frame),
            None => {
                queues.taker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn take(&mut self) -> Option<Bytes> {
        let frame = self.prompt.pop_front().or_else(|| self.bulk.pop_front())?;
        self.bytes -= frame.len();
        Some(frame)
    }

    fn overflows(&self) -> bool {
        self.bytes > PEER_QUEUE_BYTES_MAX || self.prompt.len() + self.bulk.len() > PEER_QUEUE_COUNT_MAX
    }

    fn drop_oldest(&mut self) {
        if let Some(frame) = self.bulk.pop_front().or_else(|| self.prompt.pop_front()) {
            self.bytes -= frame.len();
            self.dropped += 1;
        }
    }
}

/// An endless stream of the frames of one link's outbox.
pub struct Frames(pub Arc<[super::Link]>, pub usize);

impl tokio_stream::Stream for Frames {
    type Item = Frame;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        match self.0.get(self.1) {
            Some(link) => link.outbox.poll_take(context).map(|message| Some(Frame { message })),
            None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pushed: &[(&'static str, Urgency)], taken: &[&str]) {
        let outbox = Outbox::default();
        for (frame, urgency) in pushed {
            outbox.push(Bytes::from_static(frame.as_bytes()), *urgency);
        }
        let mut queues = outbox.lock();
        let frames: Vec<Bytes> = std::iter::from_fn(|| queues.take()).collect();
        assert_eq!(frames, taken);
        assert_eq!(queues.bytes, 0);
    }

    #[test]
    fn lets_votes_overtake_bulk_and_keeps_the_order_of_each() {
        use Urgency::*;
        check(&[("i1", Bulk), ("v1", Prompt), ("i2", Bulk), ("v2", Prompt)], &["v1", "v2", "i1", "i2"]);
    }

    #[test]
    fn drops_the_oldest_bulk_when_there_are_too_many() {
        let outbox = Outbox::default();
        outbox.push(Bytes::from_static(b"vote"), Urgency::Prompt);
        for number in 0..PEER_QUEUE_COUNT_MAX as u64 {
            outbox.push(Bytes::copy_from_slice(&number.to_be_bytes()), Urgency::Bulk);
        }
        let mut queues = outbox.lock();
        assert_eq!(queues.dropped, 1);
        assert_eq!(queues.take().unwrap(), "vote");
        assert_eq!(queues.take().unwrap(), 1u64.to_be_bytes().as_slice());
    }

    #[test]
    fn drops_prompt_frames_only_when_no_bulk_is_left_and_bytes_overflow() {
        let outbox = Outbox::default();
        let big = Bytes::from(vec![0; PEER_QUEUE_BYTES_MAX / 2]);
        outbox.push(Bytes::from_static(b"old bulk"), Urgency::Bulk);
        outbox.push(big.clone(), Urgency::Prompt);
        outbox.push(big.clone(), Urgency::Prompt);
        assert_eq!(outbox.dropped(), 1, "the bulk went");
        outbox.push(Bytes::from_static(b"newest"), Urgency::Prompt);
        let mut queues = outbox.lock();
        assert_eq!(queues.dropped, 2, "then the oldest prompt frame");
        assert_eq!(queues.take().unwrap(), big);
        assert_eq!(queues.take().unwrap(), "newest");
    }
}
