//! The conspirator, for the control that must fork: with more than f of its kind, each half of the honest
//! gets a block of its own, and all votes that it lacks to finalize it.

use super::equivocator::twin;
use super::{Adversary, hash_of};
use crate::types::*;
use std::sync::Arc;

impl Adversary {
    pub(super) fn conspire(&mut self, effect: Effect) -> Vec<Effect> {
        match &effect {
            Effect::Broadcast(PeerMessage::Proposal(proposal)) if proposal.header.proposer == self.own() => {
                let twin = self.keys.propose(twin(&proposal.header), Vec::new());
                [Arc::clone(proposal), twin].iter().flat_map(|proposal| self.put_forward(proposal)).collect()
            }
            Effect::Broadcast(message) | Effect::Send(_, message) if tells_of_the_other_half(message) => {
                Vec::new()
            }
            _ => vec![effect],
        }
    }

    /// Hands one of the two blocks to its half and to the fellows, with all votes for it.
    fn put_forward(&mut self, proposal: &Arc<CompactProposal>) -> Vec<Effect> {
        self.deeds += 1;
        let told =
            self.others().filter(|node| self.fellows.contains(node) || in_half(*node, &proposal.header));
        let mut effects: Vec<Effect> =
            told.map(|node| Effect::Send(node, PeerMessage::Proposal(Arc::clone(proposal)))).collect();
        effects.extend(self.support(proposal));
        effects
    }

    /// Votes for a fellow's block as soon as it is heard of, and for everybody's else.
    pub(super) fn join_in(&mut self, message: &PeerMessage) -> Vec<Effect> {
        match message {
            PeerMessage::Proposal(proposal) => self.support(proposal),
            _ => Vec::new(),
        }
    }

    fn support(&mut self, proposal: &CompactProposal) -> Vec<Effect> {
        let block = &proposal.header;
        let (view, hash) = (block.view, hash_of(proposal));
        let split = self.fellows.contains(&block.proposer);
        let told: Vec<NodeIndex> = self.others().filter(|node| !split || in_half(*node, block)).collect();
        let votes = [self.keys.notarize(view, hash), self.keys.finalize(view, hash)];
        told.iter().flat_map(|node| votes.clone().map(|vote| Effect::Send(*node, vote))).collect()
    }
}

/// What the honest replica inside says about one block, which the other half must not hear.
fn tells_of_the_other_half(message: &PeerMessage) -> bool {
    use PeerMessage as M;
    matches!(
        message,
        M::NotarizationShare(_)
            | M::FinalizationShare(_)
            | M::Notarization(..)
            | M::Finalization(_)
            | M::Chain(_)
    )
}

/// The parity of a block's time says for which half of the nodes it is.
fn in_half(node: NodeIndex, block: &Block) -> bool {
    u64::from(node.0 % 2) == block.time.0 % 2
}
