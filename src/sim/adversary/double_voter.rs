//! The double voter: votes to notarize, to finalize and to give up whatever it hears of, all in one view.

use super::{Adversary, hash_of};
use crate::types::*;

/// Of a thousand votes and proposals heard, so many are joined.
const EAGER_PER_MILLE: u64 = 300;

impl Adversary {
    pub(super) fn vote_again(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        let (view, block) = match heard {
            PeerMessage::Proposal(proposal) => (proposal.header.view, hash_of(proposal)),
            PeerMessage::NotarizationShare(share) => (share.view, share.block),
            _ => return Vec::new(),
        };
        if !self.random.chance(EAGER_PER_MILLE) {
            return Vec::new();
        }
        self.deeds += 1;
        let all = [self.keys.notarize(view, block), self.keys.finalize(view, block), self.keys.nullify(view)];
        all.into_iter().map(Effect::Broadcast).collect()
    }
}
