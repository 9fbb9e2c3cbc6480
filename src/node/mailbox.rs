//! What waits for the replica's thread: two queues, so that a flood of calls never delays a vote.

use crate::ingress::PoolFull;
use crate::net::Received;
use crate::types::*;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Hears whether a call got into the pool.
pub type Admitted = oneshot::Sender<Result<(), PoolFull>>;

/// Something for the replica's thread.
pub enum Event {
    /// A peer's message, with its room in the peer's share of the inbox.
    Peer(Received),
    /// A peer's call, authenticated; with the room of the message that brought it.
    PeerIngress {
        ingress: Arc<SignedIngress>,
        _room: Received,
    },
    /// Calls of a block that a peer sent, with their proofs checked.
    Bodies {
        block: Digest,
        bodies: Vec<Body>,
        room: Received,
    },
    /// A user's call, with its place among those under way from HTTP.
    Ingress {
        ingress: Arc<SignedIngress>,
        answer: Admitted,
        _place: OwnedSemaphorePermit,
    },
    Executed(Executed),
    /// A change of the membership, with its place among what is under way from HTTP; why it may not be made is
    /// answered.
    Change {
        change: Box<MembershipChange>,
        answer: oneshot::Sender<Result<(), String>>,
        _place: OwnedSemaphorePermit,
    },
    /// An order of the registry canister, in the same way.
    Order {
        order: Box<MembershipOrder>,
        answer: oneshot::Sender<Result<(), String>>,
        _place: OwnedSemaphorePermit,
    },
    /// Randomness for the dealing of an epoch.
    Seed {
        epoch: Epoch,
        seed: Seed,
    },
    Stop,
}

impl Event {
    fn is_bulk(&self) -> bool {
        matches!(self, Event::PeerIngress { .. } | Event::Ingress { .. })
    }
}

/// Many put, one takes. Bounded by the permits that its events hold: each peer's share of the
/// network's inbox, the places for calls from HTTP, and one `Executed` for each height asked for.
#[derive(Default)]
pub struct Mailbox {
    queues: Mutex<Queues>,
    filled: Condvar,
}

#[derive(Default)]
struct Queues {
    prompt: VecDeque<Event>,
    bulk: VecDeque<Event>,
}

impl Mailbox {
    pub fn put(&self, event: Event) {
        let mut queues = self.lock();
        let queue = if event.is_bulk() { &mut queues.bulk } else { &mut queues.prompt };
        queue.push_back(event);
        drop(queues);
        self.filled.notify_one();
    }

    /// What waits: up to `prompt_max` prompt events, then up to `bulk_max` calls, each in order. Waits
    /// for the first one until `deadline`; empty when it passes.
    pub fn take(&self, prompt_max: usize, bulk_max: usize, deadline: Option<Instant>) -> Vec<Event> {
        let mut queues = self.wait(deadline);
        let prompt = queues.prompt.len().min(prompt_max);
        let mut events: Vec<Event> = queues.prompt.drain(..prompt).collect();
        let bulk = queues.bulk.len().min(bulk_max);
        events.extend(queues.bulk.drain(..bulk));
        events
    }

    fn wait(&self, deadline: Option<Instant>) -> MutexGuard<'_, Queues> {
        let mut queues = self.lock();
        while queues.prompt.is_empty() && queues.bulk.is_empty() {
            let Some(deadline) = deadline else {
                queues = self.filled.wait(queues).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.filled.wait_timeout(queues, left);
            queues = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        queues
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::Semaphore;

    fn call(id: u8) -> Event {
        let _place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (answer, _) = oneshot::channel();
        Event::Ingress { ingress: Arc::new(super::super::tests::ingress(id)), answer, _place }
    }

    fn executed(height: u64) -> Event {
        Event::Executed(Executed { height: Height(height), root: StateRoot(Digest::ZERO) })
    }

    fn names(events: &[Event]) -> Vec<String> {
        let name = |event: &Event| match event {
            Event::Ingress { ingress, .. } => format!("call {}", ingress.id.0[0]),
            Event::Executed(executed) => format!("height {}", executed.height),
            _ => "other".into(),
        };
        events.iter().map(name).collect()
    }

    #[test]
    fn a_flood_of_calls_does_not_delay_the_rest() {
        let mailbox = Mailbox::default();
        (0..5).for_each(|id| mailbox.put(call(id)));
        mailbox.put(executed(1));
        mailbox.put(executed(2));
        let deadline = Some(Instant::now());
        assert_eq!(names(&mailbox.take(1, 2, deadline)), ["height 1", "call 0", "call 1"]);
        assert_eq!(names(&mailbox.take(1, 2, deadline)), ["height 2", "call 2", "call 3"]);
        assert_eq!(names(&mailbox.take(1, 2, deadline)), ["call 4"]);
        assert!(mailbox.take(1, 2, deadline).is_empty());
    }

    #[test]
    fn waits_until_something_comes() {
        let mailbox = Arc::new(Mailbox::default());
        let putter = mailbox.clone();
        let thread = std::thread::spawn(move || putter.put(executed(7)));
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(names(&mailbox.take(9, 9, Some(deadline))), ["height 7"]);
        thread.join().unwrap();
    }
}
