//! One run at a time, by a lock that ends.
//!
//! 1. A run that ends frees the lock. Where the callback of its call never runs (the canister was frozen when
//!    the answer came, ADR 18) nothing does: [`LOCK_NANOS`] after its last call another run may take it.
//! 2. A run whose lock was taken makes no call and writes nothing any more, whatever it hears: what the other
//!    run did since may contradict it.

use std::cell::Cell;

/// How long a run may hold the lock without making a call: an hour.
pub const LOCK_NANOS: u64 = 3_600 * 1_000_000_000;

/// Whether the lock can be taken that was last taken or renewed at a time.
pub const fn is_free(since: Option<u64>, now: u64) -> bool {
    match since {
        Some(since) => now.saturating_sub(since) >= LOCK_NANOS,
        None => true,
    }
}

thread_local! {
    static SINCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Whether a run could begin.
pub fn can_take(now: u64) -> bool {
    is_free(SINCE.get(), now)
}

/// The right to run; dropped when the run ends or traps.
pub struct Guard(Cell<u64>);

impl Guard {
    /// Takes the lock, if nobody holds it.
    pub fn take(now: u64) -> Option<Self> {
        can_take(now).then(|| {
            SINCE.set(Some(now));
            Self(Cell::new(now))
        })
    }

    /// Whether no other run has taken the lock.
    pub fn is_held(&self) -> bool {
        SINCE.get() == Some(self.0.get())
    }

    /// Holds the lock from now on; not if another run has taken it.
    pub fn renew(&self, now: u64) -> bool {
        let held = self.is_held();
        if held {
            SINCE.set(Some(now));
            self.0.set(now);
        }
        held
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_held() {
            SINCE.set(None);
        }
    }
}
