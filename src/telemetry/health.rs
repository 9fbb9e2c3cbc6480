//! How the node is, in one word and three heights.

use crate::types::Height;
use std::sync::Mutex;
use std::sync::PoisonError;

/// What a node is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Reading keys and disk.
    Starting,
    /// Taking part in the key generation of the first start.
    GeneratingKeys,
    Running,
    /// Its state differs from a quorum's: it votes no more and keeps the evidence.
    Halted,
    Stopping,
}

impl Health {
    /// The word in `/health`.
    pub fn word(self) -> &'static str {
        match self {
            Health::Starting => "starting",
            Health::GeneratingKeys => "generating keys",
            Health::Running => "running",
            Health::Halted => "halted",
            Health::Stopping => "stopping",
        }
    }
}

/// The current health and heights; written by the node, read by `/health`.
pub struct HealthBoard(Mutex<State>);

struct State {
    health: Health,
    executed: Height,
    certified: Height,
}

impl Default for HealthBoard {
    fn default() -> HealthBoard {
        HealthBoard(Mutex::new(State {
            health: Health::Starting,
            executed: Height::ZERO,
            certified: Height::ZERO,
        }))
    }
}

impl HealthBoard {
    /// A node that halted or stops does not run again.
    pub fn set(&self, health: Health) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.health != Health::Halted {
            state.health = health;
        }
    }

    pub fn executed(&self, height: Height) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .executed = height;
    }

    pub fn certified(&self, height: Height) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .certified = height;
    }

    /// Whether the node serves, and the JSON of `/health`.
    pub fn report(&self) -> (bool, String) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = state.health == Health::Running;
        let report = serde_json::json!({
            "status": state.health.word(),
            "executed_height": state.executed.0,
            "certified_height": state.certified.0,
        });
        (running, report.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halted_node_stays_halted() {
        let board = HealthBoard::default();
        board.set(Health::Running);
        assert!(board.report().0);
        board.set(Health::Halted);
        board.set(Health::Running);
        let (running, report) = board.report();
        assert!(!running);
        assert!(report.contains("\"halted\""), "{report}");
    }
}
