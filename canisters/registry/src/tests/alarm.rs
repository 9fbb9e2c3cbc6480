//! Which alarms are set.

use super::NOW;
use crate::alarm::{LOST_AFTER_NANOS, is_to_be_set};

const SECOND: u64 = 1_000_000_000;

fn check(pending: Option<u64>, due: u64, now: u64, expected: bool) {
    assert_eq!(is_to_be_set(pending, due, now), expected, "{pending:?}, {due}, {now}");
}

#[test]
fn an_alarm_is_only_brought_forward() {
    let pending = NOW + 3 * SECOND;
    check(None, u64::MAX, NOW, true);
    check(Some(pending), pending - 1, NOW, true);
    check(Some(pending), pending, NOW, false);
    check(Some(pending), pending + 1, NOW, false);
}

#[test]
fn changes_without_end_put_nothing_off() {
    let mut pending = None;
    for turn in 0..30 {
        let now = NOW + turn * SECOND;
        if is_to_be_set(pending, now + 3 * SECOND, now) {
            pending = Some(now + 3 * SECOND);
        }
    }
    assert_eq!(pending, Some(NOW + 3 * SECOND));
}

#[test]
fn an_alarm_that_never_went_off_is_replaced() {
    let lost = NOW + LOST_AFTER_NANOS;
    check(Some(NOW), lost + SECOND, lost - 1, false);
    check(Some(NOW), lost + SECOND, lost, true);
}
