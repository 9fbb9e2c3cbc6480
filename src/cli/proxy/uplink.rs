//! The line by which a sender reaches everybody: what it sends to one waits for what it sent to others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A line of so many bits a second, or without a limit.
pub struct Uplink {
    bits_per_second: AtomicU64,
    /// When everything so far is sent.
    free: Mutex<Instant>,
}

impl Uplink {
    /// `None`: without a limit.
    pub fn new(bits_per_second: Option<u64>) -> Uplink {
        let uplink = Uplink { bits_per_second: AtomicU64::new(0), free: Mutex::new(Instant::now()) };
        uplink.limit(bits_per_second);
        uplink
    }

    /// From now on the line carries so much.
    pub fn limit(&self, bits_per_second: Option<u64>) {
        self.bits_per_second.store(bits_per_second.unwrap_or_default(), Ordering::Relaxed);
    }

    /// When the last of `bytes` is sent that are given to the line `now`.
    pub fn sent(&self, now: Instant, bytes: usize) -> Instant {
        let rate = self.bits_per_second.load(Ordering::Relaxed);
        let nanos = (bytes as u128 * 8 * 1_000_000_000).checked_div(u128::from(rate));
        let Some(nanos) = nanos else { return now };
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = (*free).max(now) + takes;
        *free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_to_one_waits_for_what_was_sent_to_others() {
        let uplink = Uplink::new(Some(8_000));
        let now = Instant::now() + Duration::from_secs(1);
        assert_eq!(uplink.sent(now, 1_000), now + Duration::from_secs(1));
        assert_eq!(uplink.sent(now, 500), now + Duration::from_millis(1_500));
        let later = now + Duration::from_secs(9);
        assert_eq!(uplink.sent(later, 0), later, "the line was free meanwhile");
        uplink.limit(None);
        assert_eq!(uplink.sent(now, 1_000_000), now);
    }
}
