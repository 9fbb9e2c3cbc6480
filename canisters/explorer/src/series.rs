//! Bounded series of numbers over time, in stable memory.
//!
//! 1. A series is kept twice: every sample ([`Resolution::Fine`]) and the first of each hour
//!    ([`Resolution::Coarse`]). When one is full its oldest point goes.
//! 2. The points of a series have places 0, 1, 2, …, which they keep for good. So a reader that asks from where
//!    it stopped sees each point once, whatever came and went meanwhile.
//! 3. Times of a series strictly increase: a point that is not later than the last one is dropped.

use crate::memory::{self, Memory, Segment, Segments};
use candid::CandidType;
use ic_stable_structures::storable::Bound;
use ic_stable_structures::{StableBTreeMap, Storable};
use serde::Deserialize;
use std::borrow::Cow;

/// Samples of one series: a day, when they are taken every minute.
pub const FINE_POINTS_MAX: u64 = 1_440;
/// Hours of one series: ninety days.
pub const COARSE_POINTS_MAX: u64 = 2_160;
/// Points in one answer.
pub const PAGE_POINTS_MAX: u64 = 2_000;

const HOUR_NANOS: u64 = 3_600_000_000_000;

/// How dense a series is read.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    #[serde(rename = "fine")]
    Fine,
    #[serde(rename = "coarse")]
    Coarse,
}

/// A number at a time.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    pub time_nanos: u64,
    pub value: u128,
}

impl Storable for Point {
    const BOUND: Bound = Bound::Bounded { max_size: 24, is_fixed_size: true };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend(self.time_nanos.to_le_bytes());
        bytes.extend(self.value.to_le_bytes());
        Cow::Owned(bytes)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.to_bytes().into_owned()
    }

    /// # Panics
    /// When stable memory holds what this canister never wrote.
    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let (Some(time), Some(value)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<16>()) else {
            panic!("no point in stable memory")
        };
        Self { time_nanos: u64::from_le_bytes(*time), value: u128::from_le_bytes(*value) }
    }
}

/// Part of a series.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct PointPage {
    /// Place of the oldest point that is kept.
    pub oldest: u64,
    /// Place after the newest one.
    pub end: u64,
    /// Where to go on reading.
    pub next: u64,
    pub points: Vec<Point>,
}

/// Places of the oldest point and after the newest one.
type Ends = (u64, u64);

/// All series. Their numbers are given by [`crate::store`].
pub struct Plots<M: Memory> {
    ends: StableBTreeMap<u32, Ends, Segment<M>>,
    points: StableBTreeMap<(u32, u64), Point, Segment<M>>,
}

/// Each series is two lines.
fn line(series: u32, resolution: Resolution) -> u32 {
    let coarse = u32::from(resolution == Resolution::Coarse);
    series.saturating_mul(2).saturating_add(coarse)
}

fn room(resolution: Resolution) -> u64 {
    match resolution {
        Resolution::Fine => FINE_POINTS_MAX,
        Resolution::Coarse => COARSE_POINTS_MAX,
    }
}

impl<M: Memory> Plots<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self {
            ends: StableBTreeMap::init(segments.get(memory::ENDS)),
            points: StableBTreeMap::init(segments.get(memory::POINTS)),
        }
    }

    /// Adds a point to both resolutions.
    pub fn push(&mut self, series: u32, point: Point) {
        let last = self.last(series, Resolution::Fine);
        if last.is_some_and(|last| last.time_nanos >= point.time_nanos) {
            return;
        }
        self.append(series, Resolution::Fine, point);
        let hour = |point: &Point| point.time_nanos / HOUR_NANOS;
        let last = self.last(series, Resolution::Coarse);
        if last.is_none_or(|last| hour(&last) < hour(&point)) {
            self.append(series, Resolution::Coarse, point);
        }
    }

    fn append(&mut self, series: u32, resolution: Resolution, point: Point) {
        let line = line(series, resolution);
        let (mut oldest, end) = self.ends.get(&line).unwrap_or_default();
        self.points.insert((line, end), point);
        let end = end.saturating_add(1);
        if end.saturating_sub(oldest) > room(resolution) {
            self.points.remove(&(line, oldest));
            oldest = oldest.saturating_add(1);
        }
        self.ends.insert(line, (oldest, end));
    }

    /// The newest point.
    pub fn last(&self, series: u32, resolution: Resolution) -> Option<Point> {
        let line = line(series, resolution);
        let (_, end) = self.ends.get(&line)?;
        self.points.get(&(line, end.checked_sub(1)?))
    }

    /// At most `limit` points from place `from` on, or the newest ones.
    pub fn page(&self, series: u32, resolution: Resolution, from: Option<u64>, limit: u64) -> PointPage {
        let line = line(series, resolution);
        let (oldest, end) = self.ends.get(&line).unwrap_or_default();
        let limit = limit.min(PAGE_POINTS_MAX);
        let first = from.unwrap_or(end.saturating_sub(limit)).clamp(oldest, end);
        let next = first.saturating_add(limit).min(end);
        let range = self.points.range((line, first)..(line, next));
        PointPage { oldest, end, next, points: range.map(|entry| entry.value()).collect() }
    }

    /// Forgets a series.
    pub fn drop_series(&mut self, series: u32) {
        for resolution in [Resolution::Fine, Resolution::Coarse] {
            let line = line(series, resolution);
            let Some((oldest, end)) = self.ends.remove(&line) else { continue };
            for place in oldest..end {
                self.points.remove(&(line, place));
            }
        }
    }

    /// Points of all series.
    pub fn len(&self) -> u64 {
        self.points.len()
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}
