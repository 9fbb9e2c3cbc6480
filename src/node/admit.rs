//! Authenticates calls that peers gossip, off the replica's thread.

use super::handle::Identity;
use super::mailbox::{Event, Mailbox};
use super::thread::{Threads, parallelism};
use super::{NodeError, wall_clock};
use crate::net::Received;
use crate::telemetry::Metrics;
use crate::types::PeerMessage;
use crate::types::limits::{ADMISSION_BATCH_MAX, ADMISSION_THREADS_MAX};
use bytes::Bytes;
use rand::rngs::OsRng;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The queue of calls to authenticate; bounded by the rooms that they hold.
pub struct Admission(Sender<Received>);

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
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..parallelism(ADMISSION_THREADS_MAX) {
            let (receiver, mailbox, metrics) = (receiver.clone(), mailbox.clone(), metrics.clone());
            let identity = identity.clone();
            threads.spawn("atoll-admit", move || {
                admit(&receiver, &mailbox, &metrics, &identity);
                Ok(None)
            })?;
        }
        Ok(Admission(sender))
    }

    /// Queues a gossiped call.
    pub fn put(&self, received: Received) {
        let _ = self.0.send(received);
    }
}

/// Before the key generation is done there is no replica that could take a call: it is let go.
fn admit(
    calls: &Mutex<Receiver<Received>>,
    mailbox: &Mailbox,
    metrics: &Metrics,
    identity: &watch::Receiver<Option<Arc<Identity>>>,
) {
    while let Some(batch) = next(calls) {
        let Some(identity) = identity.borrow().clone() else { continue };
        let envelopes = batch.iter().map(envelope).collect();
        let verdicts = identity.authenticator.authenticate_calls(envelopes, wall_clock(), &mut OsRng);
        for (received, verdict) in batch.into_iter().zip(verdicts) {
            match verdict {
                Ok(ingress) => {
                    mailbox.put(Event::PeerIngress { ingress: Arc::new(ingress), _room: received });
                }
                Err(error) => {
                    metrics.refused();
                    tracing::debug!(peer = received.from.0, %error, "a gossiped call was refused");
                }
            }
        }
    }
}

/// What was queued is a call; nothing else decodes as one.
fn envelope(received: &Received) -> Bytes {
    match &received.message {
        PeerMessage::Ingress(envelope) => envelope.clone(),
        _ => Bytes::new(),
    }
}

/// Waits for a call, and takes with it those that wait besides.
fn next(calls: &Mutex<Receiver<Received>>) -> Option<Vec<Received>> {
    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    let first = calls.recv().ok()?;
    Some(std::iter::once(first).chain(calls.try_iter().take(ADMISSION_BATCH_MAX - 1)).collect())
}
