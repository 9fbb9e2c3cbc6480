//! Runs that take longer than a height may (rule 9).
//!
//! Each has a thread of its own, on which it runs on to its end, whatever was granted to it; but nothing of
//! it is seen before so much was granted as it used. So what is seen depends on the run alone, other
//! canisters' messages run at the same time, and a run that this host does not have (after a restart) is
//! the same run, begun again.

use super::Engine;
use super::watch::Watch;
use crate::state::HostFailure;
use crate::types::limits::{LONG_RUN_NICENESS, LONG_RUN_POLL_MS, LONG_RUNS_KEPT_MAX};
use crate::types::{Digest, Instructions};
use rustix::process::{Pid, setpriority_process};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

type Outcome = Result<Box<dyn Any + Send>, HostFailure>;

/// Runs between two heights, the oldest first.
#[derive(Default)]
pub struct LongRuns(Mutex<Vec<(Digest, LongRun)>>);

impl LongRuns {
    /// Takes out the run of this key.
    pub fn take(&self, key: Digest) -> Option<LongRun> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = runs.iter().position(|(of, _)| *of == key)?;
        Some(runs.remove(at).1)
    }

    /// Keeps a run under `key`, and drops the oldest ones beyond the bound.
    pub fn put(&self, key: Digest, run: LongRun) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push((key, run));
        let surplus = runs.len().saturating_sub(LONG_RUNS_KEPT_MAX);
        let dropped: Vec<_> = runs.drain(..surplus).collect();
        drop(runs);
        // Stopping takes time: not under the lock.
        drop(dropped);
    }

    /// How many runs are kept.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A run on a thread of its own, which ends at the latest when this is dropped.
pub struct LongRun {
    watch: Arc<Watch>,
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
}

/// Where the outcome is left.
#[derive(Default)]
struct End {
    outcome: Mutex<Option<Outcome>>,
    there: Condvar,
    /// The kernel's number of the thread, once it has begun.
    thread: AtomicI32,
}

impl LongRun {
    /// Starts `job`, which runs canisters with the engine that it is given.
    pub fn start<T: Send + 'static>(
        engine: &Engine,
        job: impl FnOnce(&Engine) -> Result<T, HostFailure> + Send + 'static,
    ) -> Result<LongRun, HostFailure> {
        let (watch, end) = (Arc::new(Watch::default()), Arc::new(End::default()));
        let (engine, theirs) = (engine.watched(watch.clone()), end.clone());
        let work = move || {
            // SAFETY: takes nothing and always succeeds.
            theirs.thread.store(unsafe { libc::gettid() }, Ordering::Relaxed);
            let outcome = catch_unwind(AssertUnwindSafe(|| job(&engine)));
            let outcome = outcome.unwrap_or_else(|_| Err(HostFailure("a long run panicked".into())));
            let boxed = outcome.map(|outcome| Box::new(outcome) as Box<dyn Any + Send>);
            *theirs.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(boxed);
            theirs.there.notify_all();
        };
        let thread = Builder::new().name("atoll-long-run".into()).spawn(work);
        let thread = thread.map_err(|error| HostFailure(format!("no thread for a long run: {error}")))?;
        Ok(LongRun { watch, end, thread: Some(thread) })
    }

    /// Waits until it has ended or used more than `granted`; says whether it has ended with that.
    pub fn ended_within(&self, granted: Instructions) -> Result<bool, HostFailure> {
        let mut outcome = self.end.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*outcome {
                Some(Err(failure)) => return Err(failure.clone()),
                Some(Ok(_)) => return Ok(self.watch.used() <= granted),
                None if self.watch.used() > granted => return Ok(false),
                None => (),
            }
            let wait = Duration::from_millis(LONG_RUN_POLL_MS);
            let waited = self.end.there.wait_timeout(outcome, wait);
            outcome = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nobody waits for it now: others go first.
    pub fn yield_to_others(&self) {
        let thread = self.end.thread.load(Ordering::Relaxed);
        if let Some(thread) = Pid::from_raw(thread) {
            // If it cannot be, it only takes more of others' time.
            let _ = setpriority_process(Some(thread), LONG_RUN_NICENESS);
        }
    }

    /// What came of it, once it has ended.
    pub fn outcome<T: 'static>(mut self) -> Result<T, HostFailure> {
        // It has left its outcome: all that it does now is to end. A panic was caught on the thread itself.
        let _ = self.thread.take().map(JoinHandle::join);
        let outcome = self.end.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let outcome = outcome.unwrap_or_else(|| Err(HostFailure("a long run has not ended".into())))?;
        match outcome.downcast::<T>() {
            Ok(outcome) => Ok(*outcome),
            Err(_) => Err(HostFailure("a long run ended as another".into())),
        }
    }
}

impl Drop for LongRun {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.watch.stop();
        // A panic was caught on the thread itself.
        let _ = thread.join();
    }
}
