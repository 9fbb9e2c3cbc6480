//! What this replica remembers about each other one.

use crate::types::limits::{PEER_FAULTS_MAX, SERVED_PER_RESEND_MAX};
use crate::types::{Height, NodeIndex, Time, View};

/// One peer, as far as it showed itself.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Things it sent that no honest replica sends.
    pub faults: u32,
    /// A share of it once spoilt a combination: its shares are verified one by one (rule 8).
    pub suspect: bool,
    /// The highest view, not above the current one, in which it said something.
    pub heard: View,
    /// The finalized height that it says it has; a hint, not a fact.
    pub claim: Height,
    /// When its last status was answered.
    pub answered: Option<Time>,
    /// Blocks and segments sent to it since the last resend.
    served: u32,
}

/// All peers by index; the own entry stays unused.
#[derive(Clone, Debug)]
pub struct Peers(Vec<Peer>);

impl Peers {
    /// `n` peers of whom nothing is known.
    pub fn new(n: usize) -> Peers {
        Peers(vec![Peer::default(); n])
    }

    /// There are `n` peers now; those that stay keep what is known of them.
    pub fn resize(&mut self, n: usize) {
        self.0.resize(n, Peer::default());
    }

    /// The peer with this index, if the committee has one.
    pub fn get_mut(&mut self, node: NodeIndex) -> Option<&mut Peer> {
        self.0.get_mut(usize::from(node.0))
    }

    /// Notes something that only a faulty replica sends.
    pub fn fault(&mut self, node: NodeIndex) {
        if let Some(peer) = self.get_mut(node) {
            peer.faults = peer.faults.saturating_add(1);
        }
    }

    /// Notes a share that spoilt a combination.
    pub fn suspect(&mut self, node: NodeIndex) {
        self.fault(node);
        if let Some(peer) = self.get_mut(node) {
            peer.suspect = true;
        }
    }

    /// Whether shares of `node` are to be verified one by one.
    pub fn is_suspect(&self, node: NodeIndex) -> bool {
        self.0.get(usize::from(node.0)).is_some_and(|peer| peer.suspect)
    }

    /// Whether `node` is of the committee and has not shown itself faulty too often.
    pub fn is_heard(&self, node: NodeIndex) -> bool {
        self.0.get(usize::from(node.0)).is_some_and(|peer| peer.faults < PEER_FAULTS_MAX)
    }

    /// Notes that `node` said something in `view`.
    pub fn hear(&mut self, node: NodeIndex, view: View) {
        if let Some(peer) = self.get_mut(node) {
            peer.heard = peer.heard.max(view);
        }
    }

    /// Notes that nobody could be heard before `view`, because this replica was not there.
    pub fn hear_all(&mut self, view: View) {
        self.0.iter_mut().for_each(|peer| peer.heard = peer.heard.max(view));
    }

    /// The last view in which `node` said something.
    pub fn heard(&self, node: NodeIndex) -> View {
        self.0.get(usize::from(node.0)).map_or(View::ZERO, |peer| peer.heard)
    }

    /// The finalized height that `node` claims.
    pub fn claim(&self, node: NodeIndex) -> Height {
        self.0.get(usize::from(node.0)).map_or(Height::ZERO, |peer| peer.claim)
    }

    /// Whether one more block or segment may be sent to `node` before the next resend.
    pub fn may_serve(&mut self, node: NodeIndex) -> bool {
        let Some(peer) = self.get_mut(node) else {
            return false;
        };
        peer.served = peer.served.saturating_add(1);
        peer.served <= SERVED_PER_RESEND_MAX
    }

    /// A new interval for [`Peers::may_serve`].
    pub fn reset_served(&mut self) {
        self.0.iter_mut().for_each(|peer| peer.served = 0);
    }

    /// Proven faults by index.
    pub fn faults(&self) -> Vec<u32> {
        self.0.iter().map(|peer| peer.faults).collect()
    }
}
