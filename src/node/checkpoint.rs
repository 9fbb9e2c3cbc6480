//! States that are offered to peers that are far behind (rule 12).
//!
//! 1. Every so many heights the state is frozen as it is executed: a clone of it, a snapshot of the disk, and the
//!    directory `checkpoint-<height>.new`, which links the disk's files. All share what does not change.
//! 2. When a quorum has certified the height, its package is put into the directory, which loses the `.new` and takes
//!    the place of the one offered before. Only then are the blocks below purged: at any moment, and after any crash,
//!    there are the blocks that a peer lacks or a state above them.
//! 3. A state of which parts are being fetched is held on for a while beside the new one.
//! 4. After a restart the state is read from its directory when the first part of it is asked for.
//! 5. The directory of a state stays as long as the state is held or read: RocksDB opens files when it needs them.

use super::NodeError;
use super::directory::{self, remove, rename};
use crate::encoding::peer;
use crate::state::transfer::Item;
use crate::state::{ReplicatedState, StateSource};
use crate::storage::Rocks;
use crate::types::limits::{CHECKPOINT_LEASE_MAX_MS, CHECKPOINT_LEASE_MS};
use crate::types::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frozen states that may await their certification.
const WAITING_MAX: usize = 2;
const PREFIX: &str = "checkpoint-";
/// Not offered yet.
const NEW: &str = ".new";
/// In the directory: the package, as it goes to peers.
const PACKAGE: &str = "package";

/// A state, and the disk that holds it.
#[derive(Clone)]
pub struct Frozen {
    pub state: ReplicatedState,
    pub source: Arc<dyn StateSource>,
}

/// A state that peers may fetch.
struct Offered {
    certification: Certification,
    package: Arc<ChainSegment>,
    /// `None`: in its directory.
    frozen: Option<Frozen>,
    since: Instant,
    /// When a part of it was last asked for.
    asked: Option<Instant>,
}

impl Offered {
    fn is_leased(&self, now: Instant) -> bool {
        let fresh = |since: Instant, ms| now.saturating_duration_since(since) < Duration::from_millis(ms);
        self.asked.is_some_and(|asked| fresh(asked, CHECKPOINT_LEASE_MS))
            && fresh(self.since, CHECKPOINT_LEASE_MAX_MS)
    }
}

/// What is frozen and what is offered.
pub struct Checkpoints {
    dir: PathBuf,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    waiting: BTreeMap<Height, Frozen>,
    offered: Option<Offered>,
    /// Offered before, and still fetched.
    leased: Option<Offered>,
    /// Of which a part is being read.
    reading: Option<Height>,
}

impl Checkpoints {
    /// Offers again what was offered from this directory before; removes what was not yet.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn open(dir: &Path) -> Result<Checkpoints, NodeError> {
        let mut newest: Option<Offered> = None;
        for (path, height) in directories(dir)? {
            let offered = height.and_then(|height| read_package(&path, height));
            let is_newer = |offered: &Offered| {
                newest
                    .as_ref()
                    .is_none_or(|newest| newest.certification.height < offered.certification.height)
            };
            match offered.filter(is_newer) {
                Some(offered) => newest = Some(offered),
                None => remove(&path)?,
            }
        }
        let shelves = Mutex::new(Shelves { offered: newest, ..Shelves::default() });
        Ok(Checkpoints { dir: dir.to_path_buf(), shelves })
    }

    /// A state that was just committed, and may be offered once it is certified. The oldest that waits is let go if there
    /// are too many.
    ///
    /// # Errors
    /// The disk fails.
    pub fn freeze(&self, rocks: &Rocks, state: ReplicatedState) -> Result<(), NodeError> {
        let height = state.height();
        let path = self.path(height, NEW);
        remove(&path)?;
        rocks.checkpoint(&path)?;
        let frozen = Frozen { state, source: rocks.source() };
        let mut passed = Vec::new();
        let mut shelves = self.lock();
        shelves.waiting.insert(height, frozen);
        while shelves.waiting.len() > WAITING_MAX {
            passed.extend(shelves.waiting.pop_first().map(|(height, _)| height));
        }
        drop(shelves);
        passed.into_iter().try_for_each(|height| remove(&self.path(height, NEW)))
    }

    /// Whether the state after `height` is frozen.
    pub fn awaits(&self, height: Height) -> bool {
        self.lock().waiting.contains_key(&height)
    }

    /// The frozen state of this height, if it has this root; it waits no longer, and none below it.
    ///
    /// # Errors
    /// The disk fails.
    pub fn take(&self, certification: &Certification) -> Result<Option<Frozen>, NodeError> {
        let mut shelves = self.lock();
        let above = shelves.waiting.split_off(&certification.height.next());
        let mut passed = std::mem::replace(&mut shelves.waiting, above);
        drop(shelves);
        let frozen = passed.remove(&certification.height);
        passed.into_keys().try_for_each(|height| remove(&self.path(height, NEW)))?;
        Ok(frozen.filter(|frozen| frozen.state.root() == certification.root))
    }

    /// Offers `frozen` from now on, with the package that proves it; on disk first.
    ///
    /// # Errors
    /// The disk fails, or the package is not that of the state.
    pub fn offer(&self, frozen: Frozen, package: ChainSegment, now: Instant) -> Result<(), NodeError> {
        let height = frozen.state.height();
        let Some(certification) = package.certification else {
            return Ok(());
        };
        let [new, kept] = [NEW, ""].map(|suffix| self.path(height, suffix));
        let bytes = peer::encode(&PeerMessage::Package(Box::new(package.clone())));
        directory::write(&new.join(PACKAGE), &bytes)?;
        remove(&kept)?;
        rename(&new, &kept)?;
        directory::sync(&self.dir)?;
        let package = Arc::new(package);
        let offered = Offered { certification, package, frozen: Some(frozen), since: now, asked: None };
        let mut shelves = self.lock();
        let before = shelves.offered.replace(offered);
        shelves.expire(now);
        if let Some(before) = before.filter(|before| before.is_leased(now))
            && shelves.leased.is_none()
        {
            shelves.leased = Some(before);
        }
        let held = shelves.held();
        drop(shelves);
        for (path, older) in directories(&self.dir)? {
            if older.is_some_and(|older| !held.contains(&Some(older))) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// What a peer gets that asked for blocks that are purged here.
    pub fn package(&self) -> Option<Arc<ChainSegment>> {
        self.lock().offered.as_ref().map(|offered| offered.package.clone())
    }

    /// A part of the state after `height`; `None` if that state is not held here, or has no such part. One thread calls
    /// this.
    ///
    /// # Errors
    /// The disk fails.
    pub fn part(&self, height: Height, item: &Item, now: Instant) -> Result<Option<Bytes>, NodeError> {
        let Some((certification, frozen)) = self.ask(height, now) else {
            return Ok(None);
        };
        let part = self.read(certification, frozen, item);
        self.lock().reading = None;
        part
    }

    fn read(
        &self,
        certification: Certification,
        frozen: Option<Frozen>,
        item: &Item,
    ) -> Result<Option<Bytes>, NodeError> {
        let frozen = frozen.map_or_else(|| self.load(certification), |it| Ok(Some(it)))?;
        let Some(Frozen { state, source }) = frozen else {
            return Ok(None);
        };
        let part = state.part(&*source, item)?;
        Ok(part.map(|part| part.encode().map(Bytes::from)).transpose()?)
    }

    fn ask(&self, height: Height, now: Instant) -> Option<(Certification, Option<Frozen>)> {
        let mut shelves = self.lock();
        shelves.expire(now);
        let held = shelves.find(height)?;
        held.asked = Some(now);
        let found = (held.certification, held.frozen.clone());
        shelves.reading = Some(height);
        Some(found)
    }

    /// Reads the offered state from its directory (rule 4). One that is damaged is offered no longer.
    fn load(&self, certification: Certification) -> Result<Option<Frozen>, NodeError> {
        let path = self.path(certification.height, "");
        let read = || -> Result<Frozen, NodeError> {
            let source = Rocks::read_checkpoint(&path)?;
            Ok(Frozen { state: ReplicatedState::restore(source.clone())?, source })
        };
        let frozen = match read() {
            Ok(frozen) if frozen.state.root() == certification.root => Some(frozen),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "this checkpoint cannot be offered");
                None
            }
        };
        let mut shelves = self.lock();
        if let Some(held) = shelves.find(certification.height) {
            held.frozen = frozen.clone();
        }
        if frozen.is_none() {
            shelves.forget(certification.height);
        }
        Ok(frozen)
    }

    fn path(&self, height: Height, suffix: &str) -> PathBuf {
        self.dir.join(format!("{PREFIX}{height}{suffix}"))
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    /// Of which states the directories must stay.
    fn held(&self) -> [Option<Height>; 3] {
        let height = |offered: &Option<Offered>| offered.as_ref().map(|of| of.certification.height);
        [height(&self.offered), height(&self.leased), self.reading]
    }

    fn find(&mut self, height: Height) -> Option<&mut Offered> {
        let mut held = [&mut self.offered, &mut self.leased].into_iter().flatten();
        held.find(|offered| offered.certification.height == height)
    }

    fn forget(&mut self, height: Height) {
        for shelf in [&mut self.offered, &mut self.leased] {
            shelf.take_if(|offered| offered.certification.height == height);
        }
    }

    fn expire(&mut self, now: Instant) {
        self.leased.take_if(|leased| !leased.is_leased(now));
    }
}

/// The checkpoints in `dir`, and the heights of those that were offered.
fn directories(dir: &Path) -> Result<Vec<(PathBuf, Option<Height>)>, NodeError> {
    let failed = || NodeError::io(format!("reading {}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if let Some(rest) = entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX)) {
            found.push((entry.path(), rest.parse().ok().map(Height)));
        }
    }
    Ok(found)
}

fn read_package(path: &Path, height: Height) -> Option<Offered> {
    let bytes = fs::read(path.join(PACKAGE)).ok()?;
    let PeerMessage::Package(package) = peer::decode(bytes).ok()? else {
        return None;
    };
    let certification = package.certification.filter(|certification| certification.height == height)?;
    let package = Arc::new(*package);
    Some(Offered { certification, package, frozen: None, since: Instant::now(), asked: None })
}
