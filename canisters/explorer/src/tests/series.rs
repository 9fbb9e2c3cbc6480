//! Rings of samples.

use crate::memory;
use crate::series::{COARSE_POINTS_MAX, FINE_POINTS_MAX, PAGE_POINTS_MAX, Plots, Point, Resolution};
use ic_stable_structures::VectorMemory;

const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;

fn plots() -> Plots<VectorMemory> {
    Plots::open(&memory::open(VectorMemory::default()))
}

/// A series with one point a minute, whose value is its number.
fn minutes(count: u64) -> Plots<VectorMemory> {
    let mut plots = plots();
    for number in 0..count {
        plots.push(3, Point { time_nanos: number * MINUTE, value: number.into() });
    }
    plots
}

/// The places `first..next` come from a request, with the values that were put there.
fn check(plots: &Plots<VectorMemory>, from: Option<u64>, limit: u64, first: u64, next: u64) {
    let page = plots.page(3, Resolution::Fine, from, limit);
    let values: Vec<u128> = page.points.iter().map(|point| point.value).collect();
    assert_eq!(values, (first..next).map(u128::from).collect::<Vec<_>>(), "from {from:?}, {limit}");
    assert_eq!(page.next, next, "from {from:?}, {limit}");
}

#[test]
fn a_full_ring_loses_its_oldest_point_and_no_other() {
    let more = FINE_POINTS_MAX + 7;
    let plots = minutes(more);
    let page = plots.page(3, Resolution::Fine, Some(0), u64::MAX);
    assert_eq!((page.oldest, page.end), (7, more));
    assert_eq!(page.points.len() as u64, FINE_POINTS_MAX.min(PAGE_POINTS_MAX));
    check(&plots, Some(0), 1, 7, 8);
    check(&plots, None, 2, more - 2, more);
}

#[test]
fn pages_follow_each_other_without_a_gap_or_a_repetition() {
    let plots = minutes(100);
    check(&plots, Some(0), 40, 0, 40);
    check(&plots, Some(40), 40, 40, 80);
    check(&plots, Some(80), 40, 80, 100);
    check(&plots, Some(100), 40, 100, 100);
    check(&plots, Some(u64::MAX), 40, 100, 100);
    check(&plots, None, 0, 100, 100);
}

#[test]
fn a_reader_that_stopped_below_the_oldest_point_goes_on_with_the_oldest() {
    let plots = minutes(FINE_POINTS_MAX + 10);
    check(&plots, Some(3), 2, 10, 12);
}

#[test]
fn the_coarse_ring_takes_the_first_point_of_each_hour() {
    let plots = minutes(3 * 60 + 1);
    let page = plots.page(3, Resolution::Coarse, Some(0), 10);
    let times: Vec<u64> = page.points.iter().map(|point| point.time_nanos / HOUR).collect();
    assert_eq!(times, [0, 1, 2, 3]);
}

#[test]
fn the_coarse_ring_is_bounded_too() {
    let mut plots = plots();
    for hour in 0..COARSE_POINTS_MAX + 5 {
        plots.push(1, Point { time_nanos: hour * HOUR + 1, value: 0 });
    }
    let page = plots.page(1, Resolution::Coarse, None, 1);
    assert_eq!((page.oldest, page.end), (5, COARSE_POINTS_MAX + 5));
    assert_eq!(plots.len(), FINE_POINTS_MAX + COARSE_POINTS_MAX);
}

#[test]
fn a_point_that_is_not_later_than_the_last_is_dropped() {
    let mut plots = minutes(5);
    plots.push(3, Point { time_nanos: 4 * MINUTE, value: 99 });
    plots.push(3, Point { time_nanos: 0, value: 99 });
    check(&plots, Some(0), 10, 0, 5);
}

#[test]
fn series_do_not_mix_and_one_can_be_forgotten() {
    let mut plots = minutes(5);
    plots.push(4, Point { time_nanos: 1, value: u128::MAX });
    plots.drop_series(3);
    assert_eq!(plots.page(3, Resolution::Fine, Some(0), 10).end, 0);
    let last = plots.last(4, Resolution::Fine).expect("the other series is there");
    assert_eq!(last, Point { time_nanos: 1, value: u128::MAX });
    assert_eq!(plots.len(), 2);
}
