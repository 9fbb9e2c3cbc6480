//! How many cycles were minted within the last hour.
//!
//! What is being paid out counts from the start, so that payments at the same time cannot exceed the
//! limit together; what failed is given back, so that in the end only completed operations count.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most cycles minted in any hour.
pub const CYCLES_PER_HOUR: u128 = 150_000_000_000_000_000;

/// How long cycles count; also the bound of the record's length.
pub const WINDOW_MINUTES: u64 = 60;

const NANOS_PER_MINUTE: u64 = 60 * 1_000_000_000;

/// Sums by minute, oldest first.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Limiter(VecDeque<(u64, u128)>);

/// The minute of a time.
pub fn minute(now: u64) -> u64 {
    now / NANOS_PER_MINUTE
}

impl Limiter {
    /// What may still be minted.
    pub fn room(&self, now: u64) -> u128 {
        let oldest = minute(now).saturating_sub(WINDOW_MINUTES - 1);
        let used = self.0.iter().filter(|it| it.0 >= oldest).fold(0u128, |sum, it| sum.saturating_add(it.1));
        CYCLES_PER_HOUR.saturating_sub(used)
    }

    /// Counts cycles for which there is room.
    pub fn count(&mut self, cycles: u128, now: u64) {
        let minute = minute(now);
        self.0.retain(|it| it.0 + WINDOW_MINUTES > minute);
        match self.0.back_mut() {
            Some(last) if last.0 >= minute => last.1 = last.1.saturating_add(cycles),
            _ => self.0.push_back((minute, cycles)),
        }
    }

    /// Takes back what was counted in a minute.
    pub fn give_back(&mut self, cycles: u128, minute: u64) {
        if let Some(sum) = self.0.iter_mut().rev().find(|it| it.0 == minute) {
            sum.1 = sum.1.saturating_sub(cycles);
        }
    }

    /// Minutes that are remembered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
