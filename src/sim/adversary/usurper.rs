//! The usurper: builds where no block may stand. As leader on an old block, on one that nobody notarized,
//! at a wrong height or time; and now and then when it does not lead at all.

use super::Adversary;
use crate::crypto::hash::hash_block;
use crate::types::*;
use std::sync::Arc;

/// Blocks remembered to be built on.
const KNOWN_MAX: usize = 12;
/// Of a thousand proposals heard so many are answered with an own one, out of turn.
const OUT_OF_TURN_PER_MILLE: u64 = 250;

impl Adversary {
    pub(super) fn usurp(&mut self, effect: Effect) -> Vec<Effect> {
        match &effect {
            Effect::Broadcast(PeerMessage::Proposal(proposal)) if proposal.block.proposer == self.own() => {
                self.remember(&proposal.block);
                match self.random.chance(700) {
                    true => self.put_wrongly(&proposal.block),
                    false => vec![effect],
                }
            }
            _ => vec![effect],
        }
    }

    pub(super) fn out_of_turn(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        let Some(block) = self.place_out_of_turn(heard).filter(|_| self.random.chance(OUT_OF_TURN_PER_MILLE))
        else {
            return Vec::new();
        };
        self.deeds += 1;
        let vote = self.keys.notarize(block.view, hash_block(&block));
        vec![Effect::Broadcast(PeerMessage::Proposal(self.keys.propose(block))), Effect::Broadcast(vote)]
    }

    /// A block in the place of one that was heard of, or in the view after one that is notarized.
    fn place_out_of_turn(&mut self, heard: &PeerMessage) -> Option<Block> {
        let proposer = self.own();
        match heard {
            PeerMessage::Proposal(proposal) => {
                self.remember(&proposal.block);
                let view = View(proposal.block.view.0.saturating_add(self.random.below(2)));
                Some(Block { view, proposer, ..proposal.block.clone() })
            }
            PeerMessage::Notarization(notarization, _) => {
                let (hash, parent) = self.known.iter().find(|(hash, _)| *hash == notarization.block)?;
                Some(Block {
                    view: notarization.view.next(),
                    height: parent.height.next(),
                    parent: *hash,
                    parent_view: parent.view,
                    proposer,
                    time: Time(parent.time.0.saturating_add(1)),
                    payload: Payload::default(),
                })
            }
            _ => None,
        }
    }

    fn remember(&mut self, block: &Block) {
        if self.known.len() == KNOWN_MAX {
            self.known.remove(0);
        }
        self.known.push((hash_block(block), Arc::new(block.clone())));
    }

    /// The block with one thing wrong about its place, and the own votes for it.
    fn put_wrongly(&mut self, block: &Block) -> Vec<Effect> {
        self.deeds += 1;
        let mut block = block.clone();
        match self.random.below(5) {
            0 => block.height = block.height.next(),
            1 => block.height = Height(block.height.0.saturating_sub(1)),
            2 => block.time = Time(block.time.0.saturating_sub(self.random.below(20_000_000_000))),
            _ => self.move_to_another_parent(&mut block),
        }
        let (view, hash) = (block.view, hash_block(&block));
        let votes = [self.keys.notarize(view, hash), self.keys.finalize(view, hash)];
        self.remember(&block);
        let proposal = Effect::Broadcast(PeerMessage::Proposal(self.keys.propose(block)));
        std::iter::once(proposal).chain(votes.into_iter().map(Effect::Broadcast)).collect()
    }

    /// Onto a block heard of before, notarized or not; all else about it fits.
    fn move_to_another_parent(&mut self, block: &mut Block) {
        let (hash, parent) = self.known[self.random.index(self.known.len())].clone();
        if parent.view < block.view {
            block.parent = hash;
            block.parent_view = parent.view;
            block.height = parent.height.next();
            block.time = block.time.max(Time(parent.time.0.saturating_add(1)));
            block.payload = Payload::default();
        }
    }
}
