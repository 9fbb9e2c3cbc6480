//! Whom to ask for parts of a state.

use crate::types::NodeIndex;
use crate::types::limits::{STATE_PART_DOUBLINGS_MAX, STATE_PARTS_PER_PEER, STATE_PARTS_UNDER_WAY_MAX};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The peers of one fetch.
pub struct Peers {
    peers: BTreeMap<NodeIndex, Peer>,
    /// How long a part is waited for at first; a peer that did not help rests twice as long.
    patience: Duration,
    /// How often somebody was asked.
    turns: u64,
}

#[derive(Default)]
struct Peer {
    /// Parts asked of it and not come.
    under_way: usize,
    /// When it was last asked, in turns.
    turn: u64,
    /// It did not help: not asked until then.
    rests_until: Option<Instant>,
    /// How often patience with it is doubled: late parts say that its link is slow, timely ones that it is not.
    slow: u32,
    /// It sent what no honest replica sends.
    lied: bool,
}

impl Peers {
    /// All of these, the first of whom is asked first.
    pub fn new(peers: impl IntoIterator<Item = NodeIndex>, patience: Duration) -> Peers {
        let peer = |(turn, node)| (node, Peer { turn, ..Peer::default() });
        let peers: BTreeMap<_, _> = (1..).zip(peers).map(peer).collect();
        let turns = peers.len() as u64;
        Peers { peers, patience, turns }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.peers.len()
    }

    /// Those that may be asked for one more part: the least busy first, and of these who was asked longest ago. So none
    /// gets the parts that one peer alone serves each time.
    pub fn free(&self, now: Instant) -> Vec<NodeIndex> {
        if self.peers.values().map(|peer| peer.under_way).sum::<usize>() >= STATE_PARTS_UNDER_WAY_MAX {
            return Vec::new();
        }
        let rests = |peer: &Peer| peer.rests_until.is_some_and(|until| now < until);
        let free = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.lied && !rests(peer) && peer.under_way < STATE_PARTS_PER_PEER);
        let mut free: Vec<_> = free.map(|(node, peer)| (peer.under_way, peer.turn, *node)).collect();
        free.sort_unstable();
        free.into_iter().map(|(_, _, node)| node).collect()
    }

    /// When a part that is asked for now is late.
    pub fn ask(&mut self, node: NodeIndex, now: Instant) -> Instant {
        self.turns = self.turns.saturating_add(1);
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.under_way = peer.under_way.saturating_add(1);
            peer.turn = self.turns;
        }
        now.checked_add(self.patience(node, 0)).unwrap_or(now)
    }

    /// How long this peer is waited for, had it been so much less slow.
    fn patience(&self, node: NodeIndex, less: u32) -> Duration {
        let slow = self.peers.get(&node).map_or(0, |peer| peer.slow).saturating_sub(less);
        self.patience.saturating_mul(2u32.saturating_pow(slow))
    }

    /// A part came, or is given up.
    pub fn answered(&mut self, node: NodeIndex) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.under_way = peer.under_way.saturating_sub(1);
        }
    }

    /// A part came in time, after so long: if half the patience were enough, it is half from now on.
    pub fn was_timely(&mut self, node: NodeIndex, took: Duration) {
        let enough = took <= self.patience(node, 1);
        if let Some(peer) = self.peers.get_mut(&node).filter(|_| enough) {
            peer.slow = peer.slow.saturating_sub(1);
        }
    }

    /// A part came that was given up.
    pub fn was_late(&mut self, node: NodeIndex) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.slow = peer.slow.saturating_add(1).min(STATE_PART_DOUBLINGS_MAX);
        }
    }

    /// It did not send what it was asked for.
    pub fn rest(&mut self, node: NodeIndex, now: Instant) {
        let pause = self.patience(node, 0).saturating_mul(2);
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.rests_until = now.checked_add(pause);
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

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn the_least_busy_peer_is_asked_and_a_liar_never_again() {
        let now = Instant::now();
        let mut peers = Peers::new([0, 1, 2].map(NodeIndex), PATIENCE);
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

    #[test]
    fn peers_that_are_equally_busy_are_asked_in_turn() {
        let now = Instant::now();
        let mut peers = Peers::new([2, 0, 1].map(NodeIndex), PATIENCE);
        let mut asked = Vec::new();
        for _ in 0..6 {
            let next = peers.free(now)[0];
            peers.ask(next, now);
            peers.answered(next);
            asked.push(next.0);
        }
        assert_eq!(asked, [2, 0, 1, 2, 0, 1]);
    }

    #[test]
    fn no_more_parts_are_asked_for_together_than_one_link_carries_in_time() {
        let now = Instant::now();
        let mut peers = Peers::new((0..40).map(NodeIndex), PATIENCE);
        let mut asked = 0;
        while let Some(next) = peers.free(now).first() {
            peers.ask(*next, now);
            asked += 1;
        }
        assert_eq!(asked, STATE_PARTS_UNDER_WAY_MAX);
    }

    #[test]
    fn patience_doubles_for_late_parts_and_halves_when_half_of_it_is_enough() {
        let now = Instant::now();
        let node = NodeIndex(0);
        let mut peers = Peers::new([node], PATIENCE);
        let check = |peers: &mut Peers, seconds| {
            assert_eq!(peers.ask(node, now).duration_since(now), Duration::from_secs(seconds));
            peers.answered(node);
        };
        check(&mut peers, 5);
        (0..9).for_each(|_| peers.was_late(node));
        check(&mut peers, 80);
        peers.was_timely(node, Duration::from_secs(41));
        check(&mut peers, 80);
        peers.was_timely(node, Duration::from_secs(40));
        check(&mut peers, 40);
    }
}
