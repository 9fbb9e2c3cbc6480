//! Fetches the state of a catch-up package from peers, while consensus goes on (rule 13).
//!
//! 1. The package was verified by consensus; its root is the measure of every part that comes ([`fetch`]). That the state
//!    is that of the package's first block shows as soon as the records of the subnet are there; if it is not, for that
//!    block is void, nothing is adopted.
//! 2. Parts are asked of all peers in turn, some of each ([`peer`]). Who is slow or has not got the state is
//!    left alone for a while; who sends what is not of the state is not asked again. When nobody helps
//!    for a while the fetch is given up; so it is when the package of another state has come and no more than f peers
//!    help, who may do so only to keep this replica where it is ([`errand`]). What is there is of use to the next one,
//!    which is drawn from the packages that came ([`other`]).
//! 3. The state grows in the directory `incoming`. When all of it is there, is read like after a restart, and has the
//!    certified root, it gets the block of that state, then the mark that it is complete. The node then
//!    starts anew, and [`take_place`] gives it the place of the old directory before anything is opened.

mod door;
mod errand;
mod fetch;
mod other;
mod peer;
mod task;
#[cfg(test)]
mod tests;

pub use self::door::{PartDoor, Place};

use self::errand::Errand;
use self::fetch::Fetch;
use super::directory::{self, remove, rename};
use super::{End, NodeError};
use crate::net::{Net, Received};
use crate::state::ReplicatedState;
use crate::storage::{Rocks, Votes};
use crate::telemetry::{Health, Metrics};
use crate::types::*;
use crate::wasm::Engine;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

const CURRENT: &str = "chain";
const INCOMING: &str = "incoming";
const REPLACED: &str = "replaced";
/// In `incoming`: it may take the place of `chain`.
const COMPLETE: &str = "complete";

/// Something for the thread that fetches.
pub enum News {
    Package(Box<ChainSegment>),
    Part(Received, Place),
}

/// What a package offers: the state with this root, as that of its first block, which is of this height and view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    pub height: Height,
    pub root: StateRoot,
    pub view: View,
}

impl Offer {
    /// `None` if it is no package.
    pub fn of(package: &ChainSegment) -> Option<Offer> {
        let (block, _) = package.blocks.first()?;
        let Certification { height, root, .. } = package.certification?;
        Some(Offer { height, root, view: block.view })
    }
}

/// How parts are asked for.
pub trait Ask {
    /// All other nodes.
    fn peers(&self) -> Vec<NodeIndex>;
    fn ask(&self, peer: NodeIndex, request: StateRequest);
}

impl Ask for Net {
    fn peers(&self) -> Vec<NodeIndex> {
        self.others()
    }

    fn ask(&self, peer: NodeIndex, request: StateRequest) {
        self.send(peer, &PeerMessage::FetchState(request));
    }
}

/// What the thread works with.
pub struct Sync<N> {
    pub data_dir: PathBuf,
    pub chain: ChainId,
    pub rocks: Arc<Rocks>,
    pub engine: Arc<Engine>,
    pub net: Arc<N>,
    pub metrics: Arc<Metrics>,
    /// How long a part is waited for.
    pub patience: Duration,
}

/// How a fetch ended.
#[derive(Debug)]
pub enum Outcome {
    /// The state is in `incoming`, whole.
    Complete,
    /// It could not be fetched; another package may have come meanwhile.
    GivenUp(Option<Box<ChainSegment>>),
    /// No news can come any more.
    Stopped,
}

impl<N: Ask> Sync<N> {
    /// Waits for packages, and fetches their states, until one is there or no news can come any more.
    ///
    /// # Errors
    /// The disk fails.
    pub fn run(self, news: &Receiver<News>) -> Result<Option<End>, NodeError> {
        let mut next = None;
        loop {
            let package = match next.take() {
                Some(package) => package,
                None => match news.recv() {
                    Ok(News::Package(package)) => package,
                    Ok(News::Part(..)) => continue,
                    Err(_) => return Ok(None),
                },
            };
            self.metrics.health.set(Health::FetchingState);
            match self.fetch(&package, news)? {
                Outcome::Complete => return Ok(Some(End::Synced)),
                Outcome::GivenUp(other) => next = other,
                Outcome::Stopped => return Ok(None),
            }
            self.metrics.health.set(Health::Running);
        }
    }

    /// Fetches the state of `package`.
    ///
    /// # Errors
    /// The disk fails.
    pub fn fetch(&self, package: &ChainSegment, news: &Receiver<News>) -> Result<Outcome, NodeError> {
        let Some(offer) = Offer::of(package) else {
            return Ok(Outcome::GivenUp(None));
        };
        tracing::info!(
            height = offer.height.0,
            "peers have purged the blocks that this replica lacks: fetching the state"
        );
        let shelf = self.open()?;
        let fetch = Fetch::begin(shelf.clone(), self.rocks.source(), self.engine.clone(), offer)?;
        let outcome = Errand::new(self, fetch, offer)?.run(news)?;
        if matches!(outcome, Outcome::Complete) {
            self.complete(shelf, package, offer.root)?;
        }
        Ok(outcome)
    }

    /// The directory in which the state grows; one that cannot be used any more is begun anew.
    fn open(&self) -> Result<Arc<Rocks>, NodeError> {
        let dir = self.data_dir.join(INCOMING);
        if let Ok(shelf) = Rocks::open(&dir, &self.chain, Votes::None) {
            return Ok(Arc::new(shelf));
        }
        remove(&dir)?;
        Ok(Arc::new(Rocks::open(&dir, &self.chain, Votes::None)?))
    }

    /// Reads the state as a restart will; if it is the certified one, says that it is complete.
    fn complete(&self, shelf: Arc<Rocks>, package: &ChainSegment, root: StateRoot) -> Result<(), NodeError> {
        let state = ReplicatedState::restore(shelf.source())?;
        let (height, found) = (state.height(), state.root());
        if found != root {
            // Every part was right, so this is the own disk's doing.
            return Err(NodeError::Damaged { height, found, stored: root });
        }
        drop(state);
        shelf.adopt(package)?;
        drop(shelf);
        let dir = self.data_dir.join(INCOMING);
        directory::write(&dir.join(COMPLETE), b"")?;
        directory::sync(&dir)?;
        tracing::info!(height = height.0, "the state is here; starting again from it");
        Ok(())
    }
}

/// Gives a fetched state that is complete the place of the directory `chain`, with what must not be forgotten of that one.
/// To be called before anything in `data_dir` is opened. A crash at any moment leaves what the next call
/// finishes. `votes` is heard if `chain` is lost.
///
/// # Errors
/// The disk fails.
pub fn take_place(data_dir: &Path, chain: &ChainId, votes: Votes) -> Result<(), NodeError> {
    let [current, incoming, replaced] = [CURRENT, INCOMING, REPLACED].map(|name| data_dir.join(name));
    if incoming.join(COMPLETE).exists() {
        if current.exists() {
            let (from, to) = (Rocks::open(&current, chain, votes)?, Rocks::open(&incoming, chain, votes)?);
            if !to.carry_over(&from)? {
                drop(to);
                return remove(&incoming);
            }
            drop((from, to));
            remove(&replaced)?;
            rename(&current, &replaced)?;
        } else if !replaced.exists() && votes == Votes::MayBeLost {
            Rocks::open(&incoming, chain, votes)?.forget_votes()?;
        }
        rename(&incoming, &current)?;
        directory::sync(data_dir)?;
    }
    let mark = current.join(COMPLETE);
    if mark.exists() {
        fs::remove_file(&mark).map_err(NodeError::io(format!("removing {}", mark.display())))?;
    }
    if current.exists() { remove(&replaced) } else { Ok(()) }
}
