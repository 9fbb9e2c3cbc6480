//! A replica at which nothing is certified any more says what it waits for (rule 11).

use crate::replica::Replica;
use crate::telemetry::Metrics;
use crate::types::Height;
use crate::types::limits::STALL_MS;
use std::time::{Duration, Instant};

const STALL: Duration = Duration::from_millis(STALL_MS);

/// When something was certified last, and when it was said last that nothing is.
pub struct Progress {
    certified: Height,
    since: Instant,
    said: Option<Instant>,
}

impl Progress {
    pub fn new(now: Instant) -> Progress {
        Progress { certified: Height::ZERO, since: now, said: None }
    }

    /// Looks, after a turn of the replica's thread. The replica's own timer brings a turn at least once a
    /// second.
    pub fn look(&mut self, now: Instant, replica: &Replica, metrics: &Metrics) {
        let certified = replica.status().certified;
        if certified != self.certified {
            (self.certified, self.since) = (certified, now);
            if self.said.take().is_some() {
                metrics.moves();
                tracing::info!(certified = certified.0, "heights are certified again");
            }
        }
        let stalled = now.saturating_duration_since(self.since);
        let fresh = self.said.is_some_and(|said| now.saturating_duration_since(said) < STALL);
        if stalled < STALL || fresh {
            return;
        }
        self.said = Some(now);
        let waits_for = replica.waits_for();
        metrics.stalled(stalled, waits_for.word(), waits_for.to_string());
        tracing::warn!(certified = certified.0, seconds = stalled.as_secs(), %waits_for, "no progress");
    }
}
