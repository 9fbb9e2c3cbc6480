//! Who holds a lock, and for how long.

use super::NOW;
use crate::lock::{HOLD_NANOS, given_back, is_free};

fn check(since: Option<u64>, now: u64, expected: bool) {
    assert_eq!(is_free(since, now), expected, "{since:?} at {now}");
}

#[test]
fn a_lock_is_free_when_nobody_holds_it_or_the_holder_is_lost() {
    check(None, NOW, true);
    check(Some(NOW), NOW, false);
    check(Some(NOW), NOW + HOLD_NANOS - 1, false);
    check(Some(NOW), NOW + HOLD_NANOS, true);
    check(Some(u64::MAX), NOW, false);
}

#[test]
fn only_its_holder_gives_a_lock_back() {
    assert_eq!(given_back(Some(NOW), NOW), None);
    assert_eq!(given_back(Some(NOW + HOLD_NANOS), NOW), Some(NOW + HOLD_NANOS));
    assert_eq!(given_back(None, NOW), None);
}
