//! How the node is, in one word and three heights.

use crate::types::{Epoch, Height, NodeId, StateRoot, SubnetId};
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
    /// Far behind: it fetches the state of a recent height.
    FetchingState,
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
            Health::FetchingState => "fetching state",
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
    /// Of the state after `executed`; none before something was executed since the start.
    root: Option<StateRoot>,
    certified: Height,
    epoch: Epoch,
    members: usize,
    votes: bool,
    /// What a node that does not move waits for.
    waits_for: Option<String>,
    /// Node id, subnet id, root key in hex; known when the key generation is over.
    identity: Option<(String, String, String)>,
}

impl Default for HealthBoard {
    fn default() -> HealthBoard {
        HealthBoard(Mutex::new(State {
            health: Health::Starting,
            executed: Height::ZERO,
            root: None,
            certified: Height::ZERO,
            epoch: Epoch::ZERO,
            members: 0,
            votes: false,
            waits_for: None,
            identity: None,
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

    pub fn executed(&self, height: Height, root: StateRoot) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.executed, state.root) = (height, Some(root));
    }

    pub fn certified(&self, height: Height) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).certified = height;
    }

    /// An epoch began; a node that does not vote in it is no member, or was dealt bad shares.
    pub fn epoch(&self, epoch: Epoch, members: usize, votes: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.epoch, state.members, state.votes) = (epoch, members, votes);
    }

    /// What this node waits for, if it does not move.
    pub fn waits_for(&self, what: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waits_for = what;
    }

    /// Who this node is.
    pub fn identify(&self, node: NodeId, subnet: SubnetId, root_key_der: &[u8]) {
        let root_key = root_key_der.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).identity =
            Some((node.0.to_text(), subnet.0.to_text(), root_key));
    }

    /// Whether the node serves, and the JSON of `/health`.
    pub fn report(&self) -> (bool, String) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = state.health == Health::Running;
        let report = serde_json::json!({
            "status": state.health.word(),
            "executed_height": state.executed.0,
            "state_root": state.root.map(|root| root.0.to_string()),
            "certified_height": state.certified.0,
            "epoch": state.epoch.0,
            "members": state.members,
            "votes": state.votes,
            "waits_for": state.waits_for,
            "node_id": state.identity.as_ref().map(|(node, _, _)| node),
            "subnet_id": state.identity.as_ref().map(|(_, subnet, _)| subnet),
            "root_key": state.identity.as_ref().map(|(_, _, root_key)| root_key),
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
