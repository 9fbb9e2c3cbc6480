//! What a replica that does not move waits for: the first thing in the way of the next certified height,
//! and who could bring it. For its operator; nothing is decided by it.

use super::machine::Consensus;
use crate::types::*;
use std::fmt;

/// The first thing in the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// This replica diverged, or saw two chains, and signs nothing any more.
    Stopped,
    /// Shares of the root after `height`.
    Certification { height: Height, votes: Votes },
    /// Peers that say how far they are, for it lost its disk and does not know what it voted.
    Memory { votes: Votes },
    /// Its own execution of finalized blocks.
    Execution { executed: Height, finalized: Height },
    /// Finalized blocks, which it fetches from this peer.
    Chain { from: Height, peer: Option<NodeIndex> },
    /// The leader's block.
    Proposal { view: View, leader: NodeIndex },
    /// Calls of the leader's block, which it fetches from this peer.
    Calls { view: View, missing: usize, peer: NodeIndex },
    /// A block that may be voted for: what the leader proposed was refused, or cannot be judged yet.
    Block { view: View, leader: NodeIndex },
    /// Votes, to notarize or to give up.
    Votes { view: View, votes: Votes },
}

/// How many there are of how many that are needed, and who has said nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Votes {
    pub have: usize,
    pub need: usize,
    pub silent: Vec<NodeIndex>,
}

impl Waiting {
    /// One word, the label of the metric.
    pub fn word(&self) -> &'static str {
        match self {
            Waiting::Stopped => "stopped",
            Waiting::Certification { .. } => "certification",
            Waiting::Memory { .. } => "memory",
            Waiting::Execution { .. } => "execution",
            Waiting::Chain { .. } => "chain",
            Waiting::Proposal { .. } => "proposal",
            Waiting::Calls { .. } => "calls",
            Waiting::Block { .. } => "block",
            Waiting::Votes { .. } => "votes",
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::Stopped => write!(f, "nothing: it stopped"),
            Waiting::Certification { height, votes } => {
                write!(f, "signatures on the state after height {height}: {votes}")
            }
            Waiting::Memory { votes } => {
                write!(f, "peers to say in which view they are, for the votes on the lost disk: {votes}")
            }
            Waiting::Execution { executed, finalized } => {
                write!(f, "execution: height {executed} of {finalized} finalized ones")
            }
            Waiting::Chain { from, peer: Some(peer) } => {
                write!(f, "finalized blocks from height {from} on, asked of node {}", peer.0)
            }
            Waiting::Chain { from, peer: None } => {
                write!(f, "finalized blocks from height {from} on, and no peer has them")
            }
            Waiting::Proposal { view, leader } => {
                write!(f, "the block of view {view}, which node {} leads", leader.0)
            }
            Waiting::Calls { view, missing, peer } => {
                write!(f, "{missing} calls of the block of view {view}, asked of node {}", peer.0)
            }
            Waiting::Block { view, leader } => {
                write!(f, "a valid block of view {view}: what node {} proposed is not voted for", leader.0)
            }
            Waiting::Votes { view, votes } => write!(f, "votes in view {view}: {votes}"),
        }
    }
}

impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.have, self.need)?;
        if self.silent.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.silent.iter().map(|node| node.0.to_string()).collect();
        write!(f, ", none of node {}", names.join(", "))
    }
}

impl Consensus {
    /// What is in the way of the next certified height.
    pub fn waits_for(&self) -> Waiting {
        let (executed, finalized) = (self.chain.executed, self.chain.tip.height);
        if self.stopped {
            return Waiting::Stopped;
        }
        if let Some((height, signers)) = self.certifier.uncertified() {
            return Waiting::Certification { height, votes: self.votes(&signers) };
        }
        if executed < finalized {
            return Waiting::Execution { executed, finalized };
        }
        if self.is_behind() {
            return Waiting::Chain { from: finalized.next(), peer: self.catch_up.peer() };
        }
        match self.remembered_by() {
            Some(peers) => Waiting::Memory { votes: self.votes(&peers) },
            None => self.waits_for_view(),
        }
    }

    fn waits_for_view(&self) -> Waiting {
        let (view, leader) = (self.view.number, self.view.leader);
        let calls = self.missing_calls().map(|(missing, peer)| Waiting::Calls { view, missing, peer });
        let Some(attempt) = self.pool.get(view) else {
            return calls.unwrap_or(Waiting::Proposal { view, leader });
        };
        let voters: Vec<NodeIndex> = attempt.notarize.signers().chain(attempt.nullify.signers()).collect();
        let voted = attempt.notarized.is_some() || attempt.nullified;
        match (voted, attempt.candidates.is_empty()) {
            (true, _) => Waiting::Votes { view, votes: self.votes(&voters) },
            (false, true) => calls.unwrap_or(Waiting::Proposal { view, leader }),
            (false, false) => Waiting::Block { view, leader },
        }
    }

    fn votes(&self, signers: &[NodeIndex]) -> Votes {
        let n = self.keys.keyring.nodes();
        let all = (0..=u16::MAX).map(NodeIndex).take(n);
        let silent: Vec<NodeIndex> = all.filter(|node| !signers.contains(node)).collect();
        Votes { have: n.saturating_sub(silent.len()), need: quorum(n), silent }
    }
}
