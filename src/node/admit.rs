//! Authenticates calls that peers send, off the replica's thread: gossip, and what blocks lack.

use super::handle::Identity;
use super::mailbox::{Event, Mailbox};
use super::thread::{Threads, parallelism};
use super::{NodeError, wall_clock};
use crate::ingress::Authenticator;
use crate::net::Received;
use crate::telemetry::Metrics;
use crate::types::limits::{ADMISSION_BATCH_MAX, ADMISSION_THREADS_MAX};
use crate::types::{Body, PeerMessage};
use bytes::Bytes;
use rand::rngs::OsRng;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What waits to be authenticated; bounded by the rooms that it holds. The threads end when it is dropped.
pub struct Admission(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    lines: Mutex<Lines>,
    filled: Condvar,
}

#[derive(Default)]
struct Lines {
    /// Calls that blocks lack: a view waits for them.
    bodies: VecDeque<Received>,
    gossip: VecDeque<Received>,
    /// Whether bodies went last: nobody can hold up gossip by sending bodies.
    bodies_went: bool,
    closed: bool,
}

impl Admission {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system has no thread left.
    pub fn start(
        threads: &Threads,
        mailbox: &Arc<Mailbox>,
        metrics: &Arc<Metrics>,
        identity: &watch::Receiver<Option<Arc<Identity>>>,
    ) -> Result<Admission, NodeError> {
        let waiting = Arc::new(Waiting::default());
        for _ in 0..parallelism(ADMISSION_THREADS_MAX) {
            let (waiting, mailbox, metrics) = (waiting.clone(), mailbox.clone(), metrics.clone());
            let identity = identity.clone();
            threads.spawn("atoll-admit", move || {
                admit(&waiting, &mailbox, &metrics, &identity);
                Ok(None)
            })?;
        }
        Ok(Admission(waiting))
    }

    /// Queues a call, or calls of a block.
    pub fn put(&self, received: Received) {
        let mut lines = self.0.lock();
        match &received.message {
            PeerMessage::Bodies { .. } => lines.bodies.push_back(received),
            _ => lines.gossip.push_back(received),
        }
        drop(lines);
        self.0.filled.notify_one();
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.filled.notify_all();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something: bodies and gossip in turn, and of gossip what waits together. `None` when nothing can come
    /// any more.
    fn next(&self) -> Option<Vec<Received>> {
        let idle = |lines: &mut Lines| lines.bodies.is_empty() && lines.gossip.is_empty() && !lines.closed;
        let lines = self.filled.wait_while(self.lock(), idle);
        let mut lines = lines.unwrap_or_else(PoisonError::into_inner);
        lines.bodies_went = !lines.bodies.is_empty() && (!lines.bodies_went || lines.gossip.is_empty());
        if lines.bodies_went {
            return lines.bodies.pop_front().map(|bodies| vec![bodies]);
        }
        let count = lines.gossip.len().min(ADMISSION_BATCH_MAX);
        (count > 0).then(|| lines.gossip.drain(..count).collect())
    }
}

/// Before the key generation is done there is no replica that could take a call: it is let go.
fn admit(
    waiting: &Waiting,
    mailbox: &Mailbox,
    metrics: &Metrics,
    identity: &watch::Receiver<Option<Arc<Identity>>>,
) {
    while let Some(batch) = waiting.next() {
        let Some(identity) = identity.borrow().clone() else { continue };
        let users = &identity.authenticator;
        let mut gossip = Vec::new();
        for received in batch {
            match &received.message {
                PeerMessage::Bodies { block, bodies } => {
                    let (block, bodies) = (*block, prove(users, bodies));
                    mailbox.put(Event::Bodies { block, bodies, room: received });
                }
                PeerMessage::Ingress(envelope) => gossip.push((envelope.clone(), received)),
                _ => {}
            }
        }
        let (envelopes, rooms) = gossip.into_iter().unzip();
        admit_gossip(users, envelopes, rooms, mailbox, metrics);
    }
}

fn admit_gossip(
    users: &Authenticator,
    envelopes: Vec<Bytes>,
    rooms: Vec<Received>,
    mailbox: &Mailbox,
    metrics: &Metrics,
) {
    let verdicts = users.authenticate_calls(envelopes, wall_clock(), &mut OsRng);
    for (received, verdict) in rooms.into_iter().zip(verdicts) {
        match verdict {
            Ok(ingress) => mailbox.put(Event::PeerIngress { ingress: Arc::new(ingress), _room: received }),
            Err(error) => {
                metrics.refused();
                tracing::debug!(peer = received.from.0, %error, "a gossiped call was refused");
            }
        }
    }
}

/// Whether the proofs of a block's calls hold; all Ed25519 signatures are checked at once.
fn prove(users: &Authenticator, bodies: &[(u16, Bytes)]) -> Vec<Body> {
    let envelopes = bodies.iter().map(|(_, envelope)| envelope.clone()).collect();
    let verdicts = users.authenticate_bodies(envelopes, &mut OsRng);
    let body = |((place, envelope), verdict): (&(u16, Bytes), Result<_, _>)| Body {
        place: *place,
        envelope: envelope.clone(),
        call: verdict.ok().map(Arc::new),
    };
    bodies.iter().zip(verdicts).map(body).collect()
}
