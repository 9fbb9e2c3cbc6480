//! The lock of runs, by the time.

use crate::lock::{Guard, LOCK_NANOS, can_take, is_free};

#[test]
fn a_lock_is_free_when_nobody_took_it_or_an_hour_has_passed() {
    let check = |since, now, free| assert_eq!(is_free(since, now), free, "{since:?}, {now}");
    check(None, 0, true);
    check(Some(5), 5, false);
    check(Some(5), 4, false);
    check(Some(5), 4 + LOCK_NANOS, false);
    check(Some(5), 5 + LOCK_NANOS, true);
    check(Some(u64::MAX), u64::MAX, false);
}

#[test]
fn a_run_that_ends_frees_the_lock_at_once() {
    let guard = Guard::take(7).unwrap();
    assert!(Guard::take(7).is_none() && !can_take(8));
    drop(guard);
    assert!(Guard::take(7).is_some());
}

#[test]
fn a_run_that_never_hears_an_answer_is_followed_by_another_and_learns_of_it() {
    let lost = Guard::take(7).unwrap();
    assert!(lost.renew(9), "it calls");
    assert!(Guard::take(8 + LOCK_NANOS).is_none(), "an hour from the last call on");
    let next = Guard::take(9 + LOCK_NANOS).unwrap();
    assert!(!lost.is_held() && !lost.renew(10 + LOCK_NANOS));
    drop(lost);
    assert!(next.is_held() && !can_take(10 + LOCK_NANOS), "it frees what is its own only");
    assert!(next.renew(11 + LOCK_NANOS));
    drop(next);
    assert!(can_take(12 + LOCK_NANOS));
}
