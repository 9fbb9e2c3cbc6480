//! Time that never runs backwards, for measuring waits.

use crate::types::Time;

/// Block times use the wall clock as it is. Waits use the sum of its forward steps, so that a clock
/// that is set back neither prolongs a timeout nor stops one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    wall: Time,
    steady: Time,
}

impl Clock {
    /// Takes note of the wall clock.
    pub fn advance(&mut self, now: Time) {
        self.steady = self.steady.saturating_add(now.saturating_sub(self.wall));
        self.wall = now;
    }

    /// The wall clock.
    pub fn now(&self) -> Time {
        self.wall
    }

    /// The moment on the scale of waits.
    pub fn steady(&self) -> Time {
        self.steady
    }

    /// The wall clock's reading at a later moment of the scale of waits.
    pub fn wall_at(&self, due: Time) -> Time {
        self.wall.saturating_add(due.saturating_sub(self.steady))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_does_not_prolong_a_wait() {
        let mut clock = Clock::default();
        clock.advance(Time(1_000));
        let due = clock.steady().saturating_add(Time(100));
        clock.advance(Time(400));
        assert_eq!(clock.wall_at(due), Time(500));
        clock.advance(Time(500));
        assert_eq!(clock.steady(), due);
    }
}
