//! States that are offered to peers that are far behind (rule 12).
//!
//! Every `CHECKPOINT_HEIGHTS` the state is frozen as it is executed: a clone of it and a snapshot of the disk, both of
//! which share all that does not change. When a quorum has certified the height, it takes the place of the state offered
//! before, and the blocks below are purged. A state of which parts are being fetched is held on for a
//! while beside the new one.

use crate::state::transfer::Item;
use crate::state::{HostFailure, ReplicatedState, StateSource};
use crate::types::limits::{CHECKPOINT_LEASE_MAX_MS, CHECKPOINT_LEASE_MS};
use crate::types::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frozen states that may await their certification.
const WAITING_MAX: usize = 2;

/// A state, and the disk that holds it.
#[derive(Clone)]
pub struct Frozen {
    pub state: ReplicatedState,
    pub source: Arc<dyn StateSource>,
}

#[derive(Clone)]
struct Offered {
    frozen: Frozen,
    package: Arc<ChainSegment>,
    since: Instant,
    /// When a part of it was last asked for.
    asked: Option<Instant>,
}

impl Offered {
    fn height(&self) -> Height {
        self.frozen.state.height()
    }

    fn is_leased(&self, now: Instant) -> bool {
        let fresh = |since: Instant, ms| now.saturating_duration_since(since) < Duration::from_millis(ms);
        self.asked.is_some_and(|asked| fresh(asked, CHECKPOINT_LEASE_MS))
            && fresh(self.since, CHECKPOINT_LEASE_MAX_MS)
    }
}

/// What is frozen and what is offered.
#[derive(Default)]
pub struct Checkpoints(Mutex<Shelves>);

#[derive(Default)]
struct Shelves {
    waiting: BTreeMap<Height, Frozen>,
    offered: Option<Offered>,
    /// Offered before, and still fetched.
    leased: Option<Offered>,
}

impl Checkpoints {
    /// A state that may be offered once it is certified. The oldest that waits is let go if there are too many.
    pub fn freeze(&self, frozen: Frozen) {
        let mut shelves = self.lock();
        shelves.waiting.insert(frozen.state.height(), frozen);
        while shelves.waiting.len() > WAITING_MAX {
            shelves.waiting.pop_first();
        }
    }

    /// Whether the state after `height` is frozen.
    pub fn awaits(&self, height: Height) -> bool {
        self.lock().waiting.contains_key(&height)
    }

    /// The frozen state of this height, if it has this root; it waits no longer, and none below it.
    pub fn take(&self, certification: &Certification) -> Option<Frozen> {
        let mut shelves = self.lock();
        let above = shelves.waiting.split_off(&certification.height.next());
        let mut passed = std::mem::replace(&mut shelves.waiting, above);
        let frozen = passed.remove(&certification.height);
        frozen.filter(|frozen| frozen.state.root() == certification.root)
    }

    /// Offers `frozen` from now on, with the package that proves it.
    pub fn offer(&self, frozen: Frozen, package: Arc<ChainSegment>, now: Instant) {
        let mut shelves = self.lock();
        let offered = Offered { frozen, package, since: now, asked: None };
        let before = shelves.offered.replace(offered);
        shelves.expire(now);
        if let Some(before) = before.filter(|before| before.is_leased(now))
            && shelves.leased.is_none()
        {
            shelves.leased = Some(before);
        }
    }

    /// What a peer gets that asked for blocks that are purged here.
    pub fn package(&self) -> Option<Arc<ChainSegment>> {
        self.lock().offered.as_ref().map(|offered| offered.package.clone())
    }

    /// A part of the state after `height`; `None` if that state is not held here, or has no such part.
    ///
    /// # Errors
    /// The disk fails.
    pub fn part(&self, height: Height, item: &Item, now: Instant) -> Result<Option<Bytes>, HostFailure> {
        let Some(Frozen { state, source }) = self.ask(height, now) else {
            return Ok(None);
        };
        let part = state.part(&*source, item)?;
        part.map(|part| part.encode().map(Bytes::from)).transpose()
    }

    fn ask(&self, height: Height, now: Instant) -> Option<Frozen> {
        let mut shelves = self.lock();
        shelves.expire(now);
        let Shelves { offered, leased, .. } = &mut *shelves;
        let held = [offered, leased].into_iter().flatten().find(|offered| offered.height() == height)?;
        held.asked = Some(now);
        Some(held.frozen.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn expire(&mut self, now: Instant) {
        self.leased.take_if(|leased| !leased.is_leased(now));
    }
}
