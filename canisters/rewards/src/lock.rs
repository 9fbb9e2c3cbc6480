//! A lock on something that happens once at a time.
//!
//! 1. Who holds it gives it back, also if its message traps.
//! 2. A callback never runs if the canister is frozen when its answer comes (ADR 18), and nobody gives the lock
//!    back: so it is held for [`HOLD_NANOS`] at most, then the next one takes it.
//! 3. Whoever had it before, and goes on after all, does not give back what another holds.

/// For how long it is held at most: an hour.
pub const HOLD_NANOS: u64 = 3_600 * crate::book::NANOS_PER_SECOND;

/// Whether it can be taken; `since` is when it was taken last, if it was not given back.
pub fn is_free(since: Option<u64>, now: u64) -> bool {
    since.is_none_or(|since| since.saturating_add(HOLD_NANOS) <= now)
}

/// What it is after who took it at `own` has gone.
pub fn given_back(since: Option<u64>, own: u64) -> Option<u64> {
    since.filter(|since| *since != own)
}
