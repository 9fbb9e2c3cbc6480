//! Fetches the state of a catch-up package from peers, while consensus goes on (rule 13).
//!
//! 1. The package was verified by consensus; its root is the measure of every part that comes ([`fetch`]).
//! 2. Parts are asked of all peers at once, some of each ([`peer`]). Who is slow or has not got the state is
//!    left alone for a while; who sends what is not of the state is not asked again. When nobody helps
//!    for a while the fetch is given up; so it is when the package of another state has come and no more than f peers
//!    help, who may do so only to keep this replica where it is. What is there is of use to the next one.
//! 3. The state grows in the directory `incoming`. When all of it is there, is read like after a restart, and has the
//!    certified root, it gets the block of that state, then the mark that it is complete. The node then
//!    starts anew, and [`take_place`] gives it the place of the old directory before anything is opened.

mod fetch;
mod peer;
#[cfg(test)]
mod tests;

use self::fetch::{Fetch, Task, Verdict};
use self::peer::Peers;
use super::directory::{self, remove, rename};
use super::{End, NodeError};
use crate::net::{Net, Received};
use crate::state::ReplicatedState;
use crate::state::transfer::Part;
use crate::storage::{Rocks, Votes};
use crate::telemetry::{Health, Metrics};
use crate::types::*;
use crate::wasm::Engine;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

const CURRENT: &str = "chain";
const INCOMING: &str = "incoming";
const REPLACED: &str = "replaced";
/// In `incoming`: it may take the place of `chain`.
const COMPLETE: &str = "complete";
/// A state with which nobody helped for so many patiences is given up, or too few while there is another one.
const STALL_PATIENCES: u32 = 6;
/// How often it is said how far a fetch is.
const SAID: Duration = Duration::from_secs(5);
/// How often it is looked for parts that are late.
const LOOK: Duration = Duration::from_millis(200);

/// Something for the thread that fetches.
pub enum News {
    Package(Box<ChainSegment>),
    Part(Received),
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

/// A part that was asked for.
struct Asked {
    peer: NodeIndex,
    task: Task,
    late: Instant,
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
                    Ok(News::Part(_)) => continue,
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
        let Some(Certification { height, root, .. }) = package.certification else {
            return Ok(Outcome::GivenUp(None));
        };
        tracing::info!(
            height = height.0,
            "peers have purged the blocks that this replica lacks: fetching the state"
        );
        let shelf = self.open()?;
        let fetch = Fetch::begin(shelf.clone(), self.rocks.source(), self.engine.clone(), height, root)?;
        let outcome = Errand::new(self, fetch, height).run(news)?;
        if matches!(outcome, Outcome::Complete) {
            self.complete(shelf, package, root)?;
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

/// One fetch between its tasks and the peers.
struct Errand<'a, N> {
    sync: &'a Sync<N>,
    fetch: Fetch,
    height: Height,
    peers: Peers,
    asked: BTreeMap<u64, Asked>,
    next_id: u64,
    begun: Instant,
    /// When each peer last sent a part that was kept.
    helped: BTreeMap<NodeIndex, Instant>,
    said: Instant,
    /// The package of another state that came meanwhile, for when this one is given up.
    other: Option<Box<ChainSegment>>,
}

impl<'a, N: Ask> Errand<'a, N> {
    fn new(sync: &'a Sync<N>, fetch: Fetch, height: Height) -> Errand<'a, N> {
        let now = Instant::now();
        let peers = Peers::new(sync.net.peers(), sync.patience);
        // Ids of different fetches do not meet: parts of an earlier one may still come.
        let next_id = height.0 << 32;
        Errand {
            sync,
            fetch,
            height,
            peers,
            asked: BTreeMap::new(),
            next_id,
            begun: now,
            helped: BTreeMap::new(),
            said: now,
            other: None,
        }
    }

    fn run(mut self, news: &Receiver<News>) -> Result<Outcome, NodeError> {
        loop {
            let now = Instant::now();
            self.expire(now)?;
            self.ask(now)?;
            self.say(now);
            if self.fetch.is_complete() {
                return Ok(Outcome::Complete);
            }
            if self.is_in_vain(now) {
                tracing::warn!(height = self.height.0, "too few peers help with this state: given up");
                return Ok(Outcome::GivenUp(self.other));
            }
            match news.recv_timeout(LOOK) {
                Ok(News::Package(package)) => self.keep(package),
                Ok(News::Part(received)) => {
                    if self.take(&received)? == Verdict::Void {
                        tracing::warn!(
                            height = self.height.0,
                            "the package named the root of another height"
                        );
                        return Ok(Outcome::GivenUp(self.other));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Outcome::Stopped),
            }
        }
    }

    /// Whether for a while nobody helped, or, with another state to be had, nobody who is surely honest.
    fn is_in_vain(&self, now: Instant) -> bool {
        let long = self.sync.patience.saturating_mul(STALL_PATIENCES);
        let recent = |at: &Instant| now.saturating_duration_since(*at) <= long;
        let helpers = self.helped.values().filter(|at| recent(at)).count();
        let nodes = self.sync.net.peers().len().saturating_add(1);
        let liars = if self.other.is_some() { faults_max(nodes) } else { 0 };
        !recent(&self.begun) && helpers <= liars
    }

    /// A package that came meanwhile is for later: the last that came, but those below this state before those above it.
    /// Every height is certified, and its state held by whoever wants to: liars could name a higher one each time.
    fn keep(&mut self, package: Box<ChainSegment>) {
        let Some(height) = certified(&package) else { return };
        let known = self.other.as_deref().and_then(certified);
        let is_last = height < self.height || known.is_none_or(|known| known > self.height);
        if height != self.height && is_last {
            self.other = Some(package);
        }
    }

    fn ask(&mut self, now: Instant) -> Result<(), NodeError> {
        loop {
            let mut found = None;
            for peer in self.peers.free(now) {
                if let Some(task) = self.fetch.next(peer)? {
                    found = Some((peer, task));
                    break;
                }
            }
            let Some((peer, task)) = found else {
                return Ok(());
            };
            let id = self.next_id;
            self.next_id = id.wrapping_add(1);
            let item = task.item().encode()?.into();
            self.sync.net.ask(peer, StateRequest { id, height: self.height, item });
            let late = self.peers.ask(peer, now);
            self.asked.insert(id, Asked { peer, task, late });
        }
    }

    /// Parts that are late are asked of others.
    fn expire(&mut self, now: Instant) -> Result<(), NodeError> {
        let late: Vec<u64> =
            self.asked.iter().filter(|(_, asked)| asked.late <= now).map(|(id, _)| *id).collect();
        for Asked { peer, task, .. } in late.into_iter().filter_map(|id| self.asked.remove(&id)) {
            self.peers.answered(peer);
            self.peers.rest(peer, now);
            self.fetch.again(task)?;
        }
        Ok(())
    }

    fn take(&mut self, received: &Received) -> Result<Verdict, NodeError> {
        let PeerMessage::StatePart(StatePart { id, part }) = &received.message else {
            return Ok(Verdict::Kept);
        };
        let Entry::Occupied(asked) = self.asked.entry(*id) else {
            return Ok(Verdict::Kept);
        };
        if asked.get().peer != received.from {
            return Ok(Verdict::Kept);
        }
        let Asked { peer, mut task, .. } = asked.remove();
        let now = Instant::now();
        self.peers.answered(peer);
        let Some(part) = part else {
            self.peers.rest(peer, now);
            self.fetch.again(task)?;
            return Ok(Verdict::Kept);
        };
        let verdict = match Part::decode(part) {
            Some(part) => self.fetch.take(&mut task, peer, part)?,
            None => Verdict::Flaw,
        };
        match verdict {
            Verdict::Kept => {
                self.helped.insert(peer, now);
            }
            Verdict::Flaw => {
                tracing::warn!(peer = peer.0, "sent a part that is not of the certified state");
                self.peers.put_aside(peer);
                self.fetch.again(task)?;
            }
            Verdict::Void => {}
        }
        Ok(verdict)
    }

    fn say(&mut self, now: Instant) {
        let Fetch { fetched, reused, .. } = self.fetch;
        self.sync.metrics.state_sync(fetched, reused);
        if now.saturating_duration_since(self.said) >= SAID {
            self.said = now;
            let (fetched_mib, reused_mib) = (fetched >> 20, reused >> 20);
            tracing::info!(
                height = self.height.0,
                stage = self.fetch.stage(),
                fetched_mib,
                reused_mib,
                "fetching the state"
            );
        }
    }
}

/// The height whose state a package offers.
fn certified(package: &ChainSegment) -> Option<Height> {
    package.certification.map(|certification| certification.height)
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
