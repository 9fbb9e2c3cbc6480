//! The usurper: builds where no block may stand. As leader on an old block, on one that nobody notarized,
//! at a wrong height or time, with a false word on who voted or who led; and now and then when it does not lead
//! at all.

use super::{Adversary, hash_of};
use crate::types::*;
use std::sync::Arc;

/// Blocks remembered to be built on.
const KNOWN_MAX: usize = 12;
/// Of a thousand proposals heard so many are answered with an own one, out of turn.
const OUT_OF_TURN_PER_MILLE: u64 = 250;

impl Adversary {
    pub(super) fn usurp(&mut self, effect: Effect) -> Vec<Effect> {
        match &effect {
            Effect::Broadcast(PeerMessage::Proposal(proposal)) if proposal.header.proposer == self.own() => {
                self.remember(proposal);
                match self.random.chance(700) {
                    true => self.put_wrongly(proposal),
                    false => vec![effect],
                }
            }
            _ => vec![effect],
        }
    }

    pub(super) fn out_of_turn(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        let Some((header, calls)) =
            self.place_out_of_turn(heard).filter(|_| self.random.chance(OUT_OF_TURN_PER_MILLE))
        else {
            return Vec::new();
        };
        self.deeds += 1;
        let proposal = self.keys.propose(header, calls);
        let vote = self.keys.notarize(proposal.header.view, hash_of(&proposal));
        vec![Effect::Broadcast(PeerMessage::Proposal(proposal)), Effect::Broadcast(vote)]
    }

    /// A block in the place of one that was heard of, or in the view after one that is notarized.
    fn place_out_of_turn(&mut self, heard: &PeerMessage) -> Option<(Block, Vec<Digest>)> {
        let proposer = self.own();
        match heard {
            PeerMessage::Proposal(proposal) => {
                self.remember(proposal);
                let view = View(proposal.header.view.0.saturating_add(self.random.below(2)));
                Some((Block { view, proposer, ..proposal.header.clone() }, proposal.calls.clone()))
            }
            PeerMessage::Notarization(notarization, _) => {
                let (hash, parent) = self.known.iter().find(|(hash, _)| *hash == notarization.block)?;
                let header = Block {
                    view: notarization.view.next(),
                    height: parent.height.next(),
                    parent: *hash,
                    parent_view: parent.view,
                    proposer,
                    time: Time(parent.time.0.saturating_add(1)),
                    attendance: Attendance::default(),
                    payload: Payload::default(),
                };
                Some((header, Vec::new()))
            }
            _ => None,
        }
    }

    fn remember(&mut self, proposal: &CompactProposal) {
        if self.known.len() == KNOWN_MAX {
            self.known.remove(0);
        }
        self.known.push((hash_of(proposal), Arc::new(proposal.header.clone())));
    }

    /// The block with one thing wrong about its place, and the own votes for it.
    fn put_wrongly(&mut self, proposal: &CompactProposal) -> Vec<Effect> {
        self.deeds += 1;
        let (mut block, mut calls) = (proposal.header.clone(), proposal.calls.clone());
        match self.random.below(6) {
            0 => block.height = block.height.next(),
            1 => block.height = Height(block.height.0.saturating_sub(1)),
            2 => block.time = Time(block.time.0.saturating_sub(self.random.below(20_000_000_000))),
            3 => defame(&mut block),
            _ if self.move_to_another_parent(&mut block) => calls.clear(),
            _ => {}
        }
        let proposal = self.keys.propose(block, calls);
        let (view, hash) = (proposal.header.view, hash_of(&proposal));
        let votes = [self.keys.notarize(view, hash), self.keys.finalize(view, hash)];
        self.remember(&proposal);
        let proposal = Effect::Broadcast(PeerMessage::Proposal(proposal));
        std::iter::once(proposal).chain(votes.into_iter().map(Effect::Broadcast)).collect()
    }

    /// Onto a block heard of before, notarized or not; all else about it fits.
    fn move_to_another_parent(&mut self, block: &mut Block) -> bool {
        let (hash, parent) = self.known[self.random.index(self.known.len())].clone();
        let earlier = parent.view < block.view;
        if earlier {
            block.parent = hash;
            block.parent_view = parent.view;
            block.height = parent.height.next();
            block.time = block.time.max(Time(parent.time.0.saturating_add(1)));
        }
        earlier
    }
}

/// Says of the others what cannot be: a vote of nobody, votes that are no quorum's, a view that there was not.
fn defame(block: &mut Block) {
    let Attendance { voters, missed } = &mut block.attendance;
    match block.view.0 % 3 {
        0 => drop(voters.insert(NodeIndex(63))),
        1 => *voters = [block.proposer].into(),
        _ => missed.push(block.proposer),
    }
}
