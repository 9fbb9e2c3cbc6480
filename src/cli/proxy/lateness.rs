//! What the proxy itself adds to the delay.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds.
const BUCKETS_US: [u64; 14] =
    [20, 50, 100, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, u64::MAX];

/// How late chunks left, counted by buckets.
#[derive(Default)]
pub struct Lateness(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    buckets: [u64; BUCKETS_US.len()],
    chunks: u64,
    sum_us: u64,
    max_us: u64,
}

impl Lateness {
    /// One chunk left so much later than it should have.
    pub fn count(&self, late: Duration) {
        let us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = BUCKETS_US.iter().position(|bound| us <= *bound);
        if let Some(bucket) = bucket.and_then(|bucket| counts.buckets.get_mut(bucket)) {
            *bucket += 1;
        }
        counts.chunks += 1;
        counts.sum_us = counts.sum_us.saturating_add(us);
        counts.max_us = counts.max_us.max(us);
    }

    /// Mean, bounds of the median and the 99th percentile, and the worst, in microseconds.
    pub fn json(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({
            "chunks": counts.chunks,
            "added_us_mean": counts.sum_us.checked_div(counts.chunks),
            "added_us_p50_below": counts.percentile(50),
            "added_us_p99_below": counts.percentile(99),
            "added_us_max": counts.max_us,
        })
        .to_string()
    }
}

impl Counts {
    /// The bound below which `percent` of the chunks are.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.chunks * percent).div_ceil(100);
        let mut seen = 0;
        for (count, bound) in self.buckets.iter().zip(BUCKETS_US) {
            seen += count;
            if seen >= rank {
                return bound.min(self.max_us);
            }
        }
        self.max_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_mean_the_percentiles_and_the_worst() {
        let lateness = Lateness::default();
        for _ in 0..99 {
            lateness.count(Duration::from_micros(40));
        }
        lateness.count(Duration::from_micros(1_500));
        let expected = serde_json::json!({
            "chunks": 100, "added_us_mean": 54, "added_us_p50_below": 50,
            "added_us_p99_below": 50, "added_us_max": 1_500,
        });
        let json: serde_json::Value = serde_json::from_str(&lateness.json()).unwrap();
        assert_eq!(json, expected);
    }
}
