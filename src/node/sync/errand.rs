//! One fetch between its tasks and the peers: who is asked, how long that is waited for, and when it is in vain.
//!
//! 1. A part that is late is asked of others; patience with its sender grows when it comes at last, and it is taken if
//!    nobody was asked for it since.
//! 2. A sequence has a time in which it must end, whatever of it comes; then it is begun anew with another peer. When it
//!    was cut at as many as there are, they all have twice as long.
//! 3. Only time in which this thread waits for its peers counts against them: not its own work, and not a
//!    sequence within its time, for which it can ask one peer only.

use super::fetch::{Fetch, Verdict};
use super::other::Others;
use super::peer::Peers;
use super::task::Task;
use super::{Ask, News, Offer, Outcome, Sync};
use crate::net::Received;
use crate::node::NodeError;
use crate::state::transfer::{self, Part};
use crate::types::limits::{STATE_NEWS_MAX, STATE_PARTS_LATE_MAX, STATE_SEQUENCE_DOUBLINGS_MAX};
use crate::types::*;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A state with which nobody helped for so many patiences is given up, or too few while there is another one. A sequence
/// has as long to begin with.
const STALL_PATIENCES: u32 = 6;
/// How often it is said how far a fetch is.
const SAID: Duration = Duration::from_secs(5);
/// How often it is looked for parts that are late.
const LOOK: Duration = Duration::from_millis(200);

/// A part that was asked for.
#[derive(Clone)]
pub struct Asked {
    pub peer: NodeIndex,
    pub task: Task,
    pub at: Instant,
    /// From then on it is late.
    pub late: Instant,
}

/// One fetch under way.
pub struct Errand<'a, N> {
    sync: &'a Sync<N>,
    pub fetch: Fetch,
    offer: Offer,
    /// Nodes of the committee, as far as the own state says.
    members: usize,
    peers: Peers,
    pub asked: BTreeMap<u64, Asked>,
    /// Parts that were given up (rule 1).
    late: BTreeMap<u64, Asked>,
    next_id: u64,
    /// Sequences that were cut (rule 2).
    pub cuts: usize,
    /// How long this thread has waited for its peers (rule 3).
    waited: Duration,
    /// How long it had when each peer last sent a part that was kept.
    pub helped: BTreeMap<NodeIndex, Duration>,
    said: Instant,
    /// What came meanwhile, for when this one is given up.
    others: Others,
}

impl<'a, N: Ask> Errand<'a, N> {
    /// Nobody was asked yet. Peers are asked in an order that is drawn, so that no liar is the first of them each time.
    ///
    /// # Errors
    /// The own disk fails.
    pub fn new(sync: &'a Sync<N>, fetch: Fetch, offer: Offer) -> Result<Errand<'a, N>, NodeError> {
        let mut peers = sync.net.peers();
        let members =
            transfer::succession(&*sync.rocks.source())?.map(|succession| succession.members().len());
        let members = members.unwrap_or(peers.len().saturating_add(1));
        let others = Others::new(peers.len());
        peers.shuffle(&mut rand::thread_rng());
        Ok(Errand {
            sync,
            fetch,
            offer,
            members,
            peers: Peers::new(peers, sync.patience),
            asked: BTreeMap::new(),
            late: BTreeMap::new(),
            // Ids of different fetches do not meet: parts of an earlier one may still come.
            next_id: rand::random(),
            cuts: 0,
            waited: Duration::ZERO,
            helped: BTreeMap::new(),
            said: Instant::now(),
            others,
        })
    }

    /// Fetches until the state is there, or in vain.
    ///
    /// # Errors
    /// The disk fails.
    pub fn run(mut self, news: &Receiver<News>) -> Result<Outcome, NodeError> {
        loop {
            self.expire(Instant::now())?;
            self.ask()?;
            self.say();
            if self.fetch.is_complete() {
                return Ok(Outcome::Complete);
            }
            if self.is_in_vain() {
                tracing::warn!(height = self.offer.height.0, "too few peers help with this state: given up");
                return Ok(Outcome::GivenUp(self.others.take()));
            }
            if let Some(outcome) = self.hear(news)? {
                return Ok(outcome);
            }
        }
    }

    /// Waits for news, and takes all that there are: what came while this thread worked is not late.
    fn hear(&mut self, news: &Receiver<News>) -> Result<Option<Outcome>, NodeError> {
        let began = Instant::now();
        let mut next = match news.recv_timeout(LOOK) {
            Ok(next) => Some(next),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(Outcome::Stopped)),
        };
        self.wait(began.elapsed().min(LOOK));
        for _ in 0..STATE_NEWS_MAX {
            match next {
                Some(News::Package(package)) => self.keep(package),
                Some(News::Part(received, _place)) => {
                    if self.take(&received)? == Verdict::Void {
                        let height = self.offer.height.0;
                        tracing::warn!(height, "the package named the root of another block than its own");
                        return Ok(Some(Outcome::GivenUp(self.others.take())));
                    }
                }
                None => break,
            }
            next = news.try_recv().ok();
        }
        Ok(None)
    }

    /// So long was waited for peers (rule 3).
    pub fn wait(&mut self, time: Duration) {
        if !self.asked.values().any(|asked| asked.task.only.is_some()) {
            self.waited = self.waited.saturating_add(time);
        }
    }

    /// Whether for a while nobody helped, or, with another state to be had, nobody who is surely honest.
    pub fn is_in_vain(&self) -> bool {
        let long = self.sync.patience.saturating_mul(STALL_PATIENCES);
        let recent = |at: Duration| self.waited.saturating_sub(at) <= long;
        let helpers = self.helped.iter().filter(|(_, at)| recent(**at)).map(|(node, _)| usize::from(node.0));
        let is_helped = match self.others.is_empty() {
            true => helpers.count() > 0,
            false => helpers.filter(|node| *node < self.members).count() > faults_max(self.members),
        };
        !recent(Duration::ZERO) && !is_helped
    }

    /// A package that came meanwhile is for later, unless it is what is being fetched.
    pub fn keep(&mut self, package: Box<ChainSegment>) {
        if Offer::of(&package).is_some_and(|offer| offer != self.offer) {
            self.others.put(package, &mut rand::thread_rng());
        }
    }

    /// Asks peers for parts, as long as any may be asked.
    ///
    /// # Errors
    /// The disk fails.
    pub fn ask(&mut self) -> Result<(), NodeError> {
        while let Some((peer, mut task)) = self.next()? {
            let id = self.next_id;
            self.next_id = id.wrapping_add(1);
            let item = task.item().encode()?.into();
            self.sync.net.ask(peer, StateRequest { id, height: self.offer.height, item });
            // What was to be done before is not the peer's delay.
            let at = Instant::now();
            task.since.get_or_insert(at);
            let patience = self.peers.ask(peer, at);
            let late = self.end(&task).map_or(patience, |end| end.min(patience));
            self.asked.insert(id, Asked { peer, task, at, late });
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(NodeIndex, Task)>, NodeError> {
        for peer in self.peers.free(Instant::now()) {
            if let Some(task) = self.fetch.next(peer)? {
                return Ok(Some((peer, task)));
            }
        }
        Ok(None)
    }

    /// When the sequence that the task goes on with must be over (rule 2).
    pub fn end(&self, task: &Task) -> Option<Instant> {
        let since = task.since.filter(|_| task.only.is_some())?;
        let rounds = self.cuts.checked_div(self.peers.count()).unwrap_or_default();
        let doublings = u32::try_from(rounds).unwrap_or(u32::MAX).min(STATE_SEQUENCE_DOUBLINGS_MAX);
        let first = self.sync.patience.saturating_mul(STALL_PATIENCES);
        since.checked_add(first.saturating_mul(2u32.saturating_pow(doublings)))
    }

    /// Parts that are late are asked of others.
    ///
    /// # Errors
    /// The disk fails.
    pub fn expire(&mut self, now: Instant) -> Result<(), NodeError> {
        let late = self.asked.iter().filter(|(_, asked)| asked.late <= now).map(|(id, _)| *id);
        for id in late.collect::<Vec<_>>() {
            let Some(asked) = self.asked.remove(&id) else { continue };
            self.peers.answered(asked.peer);
            if self.end(&asked.task).is_some_and(|end| end <= now) {
                self.cuts = self.cuts.saturating_add(1);
            }
            self.leave(asked.peer, now)?;
            self.fetch.again(asked.task.clone())?;
            if asked.task.only.is_none() {
                self.late.insert(id, asked);
            }
        }
        while self.late.len() > STATE_PARTS_LATE_MAX {
            self.late.pop_first();
        }
        Ok(())
    }

    /// The peer did not help: it is not asked for a while.
    fn leave(&mut self, peer: NodeIndex, now: Instant) -> Result<(), NodeError> {
        self.peers.rest(peer, now);
        self.fetch.forsake(peer)
    }

    /// Takes an answer of a peer.
    ///
    /// # Errors
    /// The disk fails.
    pub fn take(&mut self, received: &Received) -> Result<Verdict, NodeError> {
        let PeerMessage::StatePart(StatePart { id, part }) = &received.message else {
            return Ok(Verdict::Kept);
        };
        let Some(Asked { peer, mut task, .. }) = self.answered(*id, received.from) else {
            return Ok(Verdict::Kept);
        };
        let Some(part) = part else {
            self.leave(peer, Instant::now())?;
            self.fetch.again(task)?;
            return Ok(Verdict::Kept);
        };
        let verdict = match Part::decode(part) {
            Some(part) => self.fetch.take(&mut task, peer, part)?,
            None => Verdict::Flaw,
        };
        match verdict {
            Verdict::Kept => {
                self.helped.insert(peer, self.waited);
            }
            Verdict::Flaw => {
                tracing::warn!(peer = peer.0, "sent a part that is not of the certified state");
                self.peers.put_aside(peer);
                self.fetch.forsake(peer)?;
                self.fetch.again(task)?;
            }
            Verdict::Void => {}
        }
        Ok(verdict)
    }

    /// What was asked of this peer under this id, if an answer to it is of use.
    fn answered(&mut self, id: u64, from: NodeIndex) -> Option<Asked> {
        let is_from = |asked: &&Asked| asked.peer == from;
        if let Some(asked) = self.asked.get(&id).filter(is_from) {
            self.peers.answered(from);
            self.peers.was_timely(from, asked.at.elapsed());
            return self.asked.remove(&id);
        }
        self.late.get(&id).filter(is_from)?;
        let mut asked = self.late.remove(&id)?;
        self.peers.was_late(from);
        asked.task.since = Some(Instant::now());
        self.fetch.reclaim(&asked.task).then_some(asked)
    }

    fn say(&mut self) {
        let (now, Fetch { fetched, reused, .. }) = (Instant::now(), &self.fetch);
        self.sync.metrics.state_sync(*fetched, *reused);
        if now.saturating_duration_since(self.said) >= SAID {
            self.said = now;
            tracing::info!(
                height = self.offer.height.0,
                stage = self.fetch.stage(),
                fetched_mib = fetched >> 20,
                reused_mib = reused >> 20,
                "fetching the state"
            );
        }
    }
}
