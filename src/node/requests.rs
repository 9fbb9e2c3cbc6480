//! Requests for parts of states that wait to be answered: a line of each peer, of which one after the other has its turn,
//! so that nobody's requests keep those of others out.

use crate::net::Received;
use crate::types::NodeIndex;
use crate::types::limits::STATE_REQUESTS_PER_PEER;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Many put, one takes.
#[derive(Default)]
pub struct StateRequests {
    lines: Mutex<Lines>,
    filled: Condvar,
}

#[derive(Default)]
struct Lines {
    /// Oldest first; never empty.
    waiting: BTreeMap<NodeIndex, VecDeque<Received>>,
    /// Those who have a line, in the order in which they are answered.
    turns: VecDeque<NodeIndex>,
}

impl Lines {
    fn put(&mut self, received: Received) {
        let peer = received.from;
        let line = self.waiting.entry(peer).or_default();
        if line.is_empty() {
            self.turns.push_back(peer);
        }
        line.push_back(received);
        if line.len() > STATE_REQUESTS_PER_PEER {
            line.pop_front();
        }
    }

    fn take(&mut self) -> Option<Received> {
        let peer = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&peer)?;
        let received = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&peer);
        } else {
            self.turns.push_back(peer);
        }
        received
    }
}

impl StateRequests {
    /// Puts a request at the end of its sender's line. The oldest of a line that is too long is let go: it is the one that
    /// was most likely asked of others meanwhile.
    pub fn put(&self, received: Received) {
        self.lock().put(received);
        self.filled.notify_one();
    }

    /// The next request; waits for one.
    pub fn take(&self) -> Received {
        let mut lines = self.lock();
        loop {
            if let Some(received) = lines.take() {
                return received;
            }
            lines = self.filled.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Height, PeerMessage, StateRequest};

    fn request(peer: u16, id: u64) -> Received {
        let request = StateRequest { id, height: Height(1), item: Vec::new().into() };
        Received::new(NodeIndex(peer), PeerMessage::FetchState(request))
    }

    fn name(received: &Received) -> (u16, u64) {
        match &received.message {
            PeerMessage::FetchState(request) => (received.from.0, request.id),
            _ => unreachable!("only requests were put"),
        }
    }

    #[test]
    fn a_flood_of_one_peer_delays_the_requests_of_others_by_one_of_its_own() {
        let requests = StateRequests::default();
        (0..10_000).for_each(|id| requests.put(request(1, id)));
        requests.put(request(2, 7));
        requests.put(request(3, 8));
        requests.put(request(2, 9));
        let taken: Vec<_> = (0..5).map(|_| name(&requests.take())).collect();
        assert_eq!(taken, [(1, 9_992), (2, 7), (3, 8), (1, 9_993), (2, 9)]);
    }

    #[test]
    fn of_one_peer_s_requests_the_newest_wait_and_are_answered_in_their_order() {
        let requests = StateRequests::default();
        (0..100).for_each(|id| requests.put(request(1, id)));
        let taken: Vec<_> = (0..STATE_REQUESTS_PER_PEER).map(|_| name(&requests.take()).1).collect();
        assert_eq!(taken, (92..100).collect::<Vec<_>>());
        assert!(requests.lock().take().is_none() && requests.lock().waiting.is_empty());
    }
}
