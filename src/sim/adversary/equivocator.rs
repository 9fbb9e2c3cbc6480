//! The equivocator: two blocks for two halves when it leads, and every vote that a view allows at once.

use super::{Adversary, hash_of};
use crate::types::*;
use std::sync::Arc;

impl Adversary {
    pub(super) fn equivocate(&mut self, effect: Effect) -> Vec<Effect> {
        match &effect {
            Effect::Broadcast(PeerMessage::Proposal(proposal)) if proposal.header.proposer == self.own() => {
                let twin = self.keys.propose(twin(&proposal.header), Vec::new());
                self.deeds += 1;
                self.two_halves(proposal, &twin)
            }
            Effect::Broadcast(PeerMessage::NotarizationShare(share)) => {
                let (view, block) = (share.view, share.block);
                let mut effects = vec![effect];
                effects.extend(self.vote_for_everything(view, block));
                effects
            }
            _ => vec![effect],
        }
    }

    fn two_halves(&mut self, left: &Arc<CompactProposal>, right: &Arc<CompactProposal>) -> Vec<Effect> {
        let sides = self.random.next();
        let mut effects = Vec::new();
        for node in self.others() {
            let proposal = if sides >> node.0 & 1 == 0 { left } else { right };
            effects.push(Effect::Send(node, PeerMessage::Proposal(Arc::clone(proposal))));
        }
        for proposal in [left, right] {
            let vote = self.keys.notarize(proposal.header.view, hash_of(proposal));
            effects.push(Effect::Broadcast(vote));
        }
        effects
    }

    fn vote_for_everything(&mut self, view: View, block: Digest) -> Vec<Effect> {
        if !self.random.chance(500) {
            return Vec::new();
        }
        self.deeds += 1;
        let votes = [self.keys.nullify(view), self.keys.finalize(view, block)];
        votes.into_iter().map(Effect::Broadcast).collect()
    }
}

/// The header of another block for the same place: as valid without calls, and different.
pub(super) fn twin(block: &Block) -> Block {
    Block { time: Time(block.time.0.saturating_add(1)), ..block.clone() }
}
