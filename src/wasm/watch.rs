//! How far runs have come, seen from another thread, which may also stop them.

use super::cells::Cells;
use crate::types::Instructions;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The progress of the runs of one thread.
#[derive(Default)]
pub struct Watch(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    /// Instructions of runs that have ended.
    ended: u64,
    /// The cells of the run that goes on, while they are there, and its limit.
    running: Option<(Cells, u64)>,
    stopped: bool,
}

impl Progress {
    fn running(&self) -> u64 {
        let Some((cells, limit)) = &self.running else {
            return 0;
        };
        let used = i128::from(*limit) - i128::from(cells.instructions_left());
        u64::try_from(used).unwrap_or(0).min(*limit)
    }
}

impl Watch {
    /// A run begins with `limit` instructions in its cells. They stay where they are until the answer is dropped.
    pub fn begin(&self, cells: &Cells, limit: Instructions) -> Watched<'_> {
        let mut progress = self.lock();
        if progress.stopped {
            cells.exhaust();
        }
        progress.running = Some((cells.clone(), limit.0));
        Watched(self)
    }

    /// Instructions that all runs have used until now; never more than their limits.
    pub fn used(&self) -> Instructions {
        let progress = self.lock();
        Instructions(progress.ended.saturating_add(progress.running()))
    }

    /// Makes the run that goes on, and those that follow, end soon, as if they had no instructions left.
    pub fn stop(&self) {
        let mut progress = self.lock();
        progress.stopped = true;
        if let Some((cells, _)) = &progress.running {
            cells.exhaust();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that goes on; dropped when it has ended and its cells are still there.
pub struct Watched<'w>(&'w Watch);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let mut progress = self.0.lock();
        progress.ended = progress.ended.saturating_add(progress.running());
        progress.running = None;
    }
}
