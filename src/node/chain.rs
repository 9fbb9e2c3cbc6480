//! The threads that read for peers that are behind, so that the replica's thread never waits for old blocks or for
//! parts of a state; and that purge what no peer needs any more.

use super::checkpoint::Checkpoints;
use super::jobs::{ChainJob, ChainJobs};
use super::requests::StateRequests;
use super::{End, NodeError};
use crate::net::Net;
use crate::state::transfer::Item;
use crate::storage::Rocks;
use crate::telemetry::Metrics;
use crate::types::{Certification, Height, NodeIndex, PeerMessage, StatePart, StateRequest};
use std::sync::Arc;
use std::time::Instant;

/// What the chain's thread works with.
pub struct Librarian {
    pub rocks: Arc<Rocks>,
    pub net: Arc<Net>,
    pub checkpoints: Arc<Checkpoints>,
    pub metrics: Arc<Metrics>,
    /// Whether all blocks are kept, for ever.
    pub keeps_history: bool,
}

impl Librarian {
    /// Works until no job can come any more.
    ///
    /// # Errors
    /// The disk fails.
    pub fn run(self, jobs: &ChainJobs) -> Result<Option<End>, NodeError> {
        while let Some(job) = jobs.take() {
            match job {
                ChainJob::Serve { to, from } => self.serve(to, from)?,
                ChainJob::Certified(certification) => self.checkpoint(certification)?,
            }
        }
        Ok(None)
    }

    fn serve(&self, to: NodeIndex, from: Height) -> Result<(), NodeError> {
        if let Some(segment) = self.rocks.chain_segment(from)? {
            self.net.send(to, &PeerMessage::Chain(Box::new(segment)));
            return Ok(());
        }
        if let Some(package) = self.checkpoints.package().filter(|package| package.stands_in_from(from)) {
            self.net.send(to, &PeerMessage::Package(Box::new(package.as_ref().clone())));
        }
        Ok(())
    }

    fn checkpoint(&self, certification: Certification) -> Result<(), NodeError> {
        let Some(frozen) = self.checkpoints.take(&certification)? else {
            return Ok(());
        };
        let Some(package) = self.rocks.package(certification)? else {
            return Ok(());
        };
        self.checkpoints.offer(frozen, package, Instant::now())?;
        self.metrics.checkpoint(certification.height);
        if !self.keeps_history {
            let purged = self.rocks.purge(certification.height)?;
            tracing::debug!(
                height = certification.height.0,
                purged,
                "this height's state is offered to peers"
            );
        }
        Ok(())
    }
}

/// Answers peers that fetch a state, for as long as the node runs.
///
/// # Errors
/// The disk fails.
pub fn serve_state(
    checkpoints: &Checkpoints,
    net: &Net,
    requests: &StateRequests,
) -> Result<Option<End>, NodeError> {
    loop {
        let received = requests.take();
        let now = Instant::now();
        let PeerMessage::FetchState(StateRequest { id, height, item }) = &received.message else {
            continue;
        };
        let part = Item::decode(item).map(|item| checkpoints.part(*height, &item, now));
        let part = part.transpose()?.flatten();
        net.send(received.from, &PeerMessage::StatePart(StatePart { id: *id, part }));
    }
}
