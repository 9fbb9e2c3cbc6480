//! A node's wrong clock: an offset and a drift against the simulation's own time.

use crate::types::Time;

/// Where virtual time starts: some moment of the year 2025, so that clocks may also run behind.
pub const EPOCH: Time = Time(1_750_000_000_000_000_000);

/// Turns virtual time into one node's time and back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Nanoseconds ahead (or behind, when negative) at [`EPOCH`].
    pub offset: i64,
    /// Millionths by which the clock runs too fast (or too slow, when negative).
    pub drift_ppm: i64,
}

impl Clock {
    /// What this clock shows at the virtual moment `at`.
    pub fn read(&self, at: Time) -> Time {
        let elapsed = i128::from(at.0) - i128::from(EPOCH.0);
        let shown =
            i128::from(at.0) + i128::from(self.offset) + elapsed * i128::from(self.drift_ppm) / 1_000_000;
        Time(u64::try_from(shown).unwrap_or(0))
    }

    /// The first virtual moment, not before `now`, at which this clock shows `local` or later.
    pub fn moment(&self, now: Time, local: Time) -> Time {
        let missing = local.saturating_sub(self.read(now)).0;
        let rate = u128::try_from(1_000_000 + self.drift_ppm).unwrap_or(1).max(1);
        let wait = (u128::from(missing) * 1_000_000).div_ceil(rate);
        let at = now.saturating_add(Time(u64::try_from(wait).unwrap_or(u64::MAX)));
        if self.read(at) < local { at.saturating_add(Time(1)) } else { at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_never_rings_before_its_moment() {
        for drift_ppm in [-100_000, -700, -1, 0, 1, 333, 100_000] {
            for offset in [-30_000_000_000, -1, 0, 1, 29_999_999_999] {
                let clock = Clock { offset, drift_ppm };
                let now = EPOCH.plus_ms(123_457);
                for wait in [0, 1, 999, 1_000_000, 12_345_678_901] {
                    let local = clock.read(now).saturating_add(Time(wait));
                    let at = clock.moment(now, local);
                    assert!(clock.read(at) >= local, "{clock:?} rings early for {wait} ns");
                    assert!(
                        clock.read(Time(at.0.saturating_sub(3)).max(now)) <= local,
                        "{clock:?} rings late for {wait} ns"
                    );
                }
            }
        }
    }

    #[test]
    fn a_moment_gone_by_is_now() {
        assert_eq!(Clock::default().moment(EPOCH.plus_ms(5), EPOCH), EPOCH.plus_ms(5));
    }
}
