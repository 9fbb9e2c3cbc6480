//! When a timer is set.
//!
//! 1. An alarm is only ever brought forward: one that is later than the one that is set is none. So whoever makes
//!    changes often puts nothing off.
//! 2. One that has not gone off [`LOST_AFTER_NANOS`] after it was due is lost, and any other takes its place.

/// How long after it was due an alarm may still go off.
pub const LOST_AFTER_NANOS: u64 = 60_000_000_000;

/// Whether an alarm for `due` is set, if the one before is for `pending`.
pub fn is_to_be_set(pending: Option<u64>, due: u64, now: u64) -> bool {
    pending.is_none_or(|pending| due < pending || pending.saturating_add(LOST_AFTER_NANOS) <= now)
}
