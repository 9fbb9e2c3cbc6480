//! Authenticates calls that peers gossip, off the replica's thread.

use super::mailbox::{Event, Mailbox};
use super::thread::{Threads, parallelism};
use super::{NodeError, wall_clock};
use crate::ingress::authenticate_call;
use crate::net::Received;
use crate::telemetry::Metrics;
use crate::types::PeerMessage;
use crate::types::limits::ADMISSION_THREADS_MAX;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

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
    ) -> Result<Admission, NodeError> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..parallelism(ADMISSION_THREADS_MAX) {
            let (receiver, mailbox, metrics) = (receiver.clone(), mailbox.clone(), metrics.clone());
            threads.spawn("atoll-admit", move || {
                admit(&receiver, &mailbox, &metrics);
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

fn admit(calls: &Mutex<Receiver<Received>>, mailbox: &Mailbox, metrics: &Metrics) {
    while let Some(received) = next(calls) {
        let PeerMessage::Ingress(envelope) = &received.message else { continue };
        match authenticate_call(envelope.clone(), wall_clock()) {
            Ok((_, ingress)) => {
                let ingress = Arc::new(ingress);
                mailbox.put(Event::PeerIngress { ingress, _room: received });
            }
            Err(error) => {
                metrics.refused();
                tracing::debug!(peer = received.from.0, %error, "a gossiped call was refused");
            }
        }
    }
}

fn next(calls: &Mutex<Receiver<Received>>) -> Option<Received> {
    calls.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
