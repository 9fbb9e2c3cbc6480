//! A node's wrong clock: an offset and a drift against the simulation's own time.

use crate::types::Time;

/// Where virtual time starts: some moment of the year 2025, so that clocks may also run behind.
pub const EPOCH: Time = Time(1_750_000_000_000_000_000);

/// Nanoseconds that a clock runs away at most: then somebody has it set right again and again. Two of them agree about a
/// block's time for as long as a run lasts.
const DRIFT_MAX: i128 = 29_500_000_000;

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
        let drifted = elapsed * i128::from(self.drift_ppm) / 1_000_000;
        let shown = i128::from(at.0) + i128::from(self.offset) + drifted.clamp(-DRIFT_MAX, DRIFT_MAX);
        Time(u64::try_from(shown).unwrap_or(0))
    }

    /// The first virtual moment, not before `now`, at which this clock shows `local` or later.
    pub fn moment(&self, now: Time, local: Time) -> Time {
        let missing = local.saturating_sub(self.read(now)).0;
        let rate = u128::try_from(1_000_000 + self.drift_ppm).unwrap_or(1).max(1);
        let wait = (u128::from(missing) * 1_000_000).div_ceil(rate);
        let at = now.saturating_add(Time(u64::try_from(wait).unwrap_or(u64::MAX)));
        // Rounded; or a clock that ran fast no longer does.
        at.saturating_add(local.saturating_sub(self.read(at)))
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
    fn a_clock_runs_away_no_further_than_blocks_bear() {
        let year = EPOCH.plus_ms(365 * 86_400_000);
        for drift_ppm in [-100_000, -1, 0, 1, 100_000] {
            let clock = Clock { offset: 0, drift_ppm };
            let wrong = i128::from(clock.read(year).0) - i128::from(year.0);
            assert!(wrong.abs() <= DRIFT_MAX && wrong.signum() == i128::from(drift_ppm.signum()), "{wrong}");
            let local = clock.read(year).saturating_add(Time(1_000_000_000));
            assert!(clock.read(clock.moment(year, local)) >= local);
        }
    }

    #[test]
    fn a_moment_gone_by_is_now() {
        assert_eq!(Clock::default().moment(EPOCH.plus_ms(5), EPOCH), EPOCH.plus_ms(5));
    }
}
