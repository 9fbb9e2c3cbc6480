//! Whom to ask for parts of a state.

use crate::types::NodeIndex;
use crate::types::limits::STATE_PARTS_PER_PEER;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The peers of one fetch.
pub struct Peers {
    peers: BTreeMap<NodeIndex, Peer>,
    /// How long a part is waited for; a peer that did not help rests twice as long.
    patience: Duration,
}

#[derive(Default)]
struct Peer {
    /// Parts asked of it and not come.
    under_way: usize,
    /// It did not help: not asked until then.
    rests_until: Option<Instant>,
    /// It sent what no honest replica sends.
    lied: bool,
}

impl Peers {
    /// All of these.
    pub fn new(peers: impl IntoIterator<Item = NodeIndex>, patience: Duration) -> Peers {
        Peers { peers: peers.into_iter().map(|peer| (peer, Peer::default())).collect(), patience }
    }

    /// Those that may be asked for one more part, the least busy first.
    pub fn free(&self, now: Instant) -> Vec<NodeIndex> {
        let rests = |peer: &Peer| peer.rests_until.is_some_and(|until| now < until);
        let free = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.lied && !rests(peer) && peer.under_way < STATE_PARTS_PER_PEER);
        let mut free: Vec<_> = free.map(|(node, peer)| (peer.under_way, *node)).collect();
        free.sort_unstable();
        free.into_iter().map(|(_, node)| node).collect()
    }

    /// When a part that is asked for now is late.
    pub fn ask(&mut self, node: NodeIndex, now: Instant) -> Instant {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.under_way = peer.under_way.saturating_add(1);
        }
        now.checked_add(self.patience).unwrap_or(now)
    }

    /// A part came, or is given up.
    pub fn answered(&mut self, node: NodeIndex) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.under_way = peer.under_way.saturating_sub(1);
        }
    }

    /// It did not send what it was asked for.
    pub fn rest(&mut self, node: NodeIndex, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.rests_until = now.checked_add(self.patience.saturating_mul(2));
        }
    }

    /// It sent something that is not of the state: it is not asked again.
    pub fn put_aside(&mut self, node: NodeIndex) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.lied = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_busy_peer_is_asked_and_a_liar_never_again() {
        let now = Instant::now();
        let mut peers = Peers::new([0, 1, 2].map(NodeIndex), Duration::from_secs(5));
        for _ in 0..STATE_PARTS_PER_PEER {
            peers.ask(NodeIndex(0), now);
        }
        peers.ask(NodeIndex(1), now);
        assert_eq!(peers.free(now), [NodeIndex(2), NodeIndex(1)]);
        peers.rest(NodeIndex(2), now);
        peers.put_aside(NodeIndex(1));
        peers.answered(NodeIndex(0));
        assert_eq!(peers.free(now), [NodeIndex(0)]);
        let later = now.checked_add(Duration::from_secs(10)).unwrap();
        assert_eq!(peers.free(later), [NodeIndex(2), NodeIndex(0)]);
    }
}
