//! The flooder: truly signed shares and blocks of views and heights that are not here yet, and of some
//! that never will be. What an honest replica keeps of them is bounded (I10).

use super::Adversary;
use crate::crypto::threshold::Statement;
use crate::types::*;

/// Of a thousand messages heard so many set off a flood.
const FLOODS_PER_MILLE: u64 = 40;
/// Messages of one flood.
const FLOOD: u64 = 24;

impl Adversary {
    pub(super) fn flood(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        match heard {
            PeerMessage::Proposal(proposal) => self.seen = Some(proposal.clone()),
            PeerMessage::CertificationShare(share) => self.height = self.height.max(share.height.0),
            _ => {}
        }
        let Some(proposal) = self.seen.clone() else { return Vec::new() };
        if !self.random.chance(FLOODS_PER_MILLE) {
            return Vec::new();
        }
        self.deeds += 1;
        let others: Vec<NodeIndex> = self.others().collect();
        let Some(victim) = others.get(self.random.index(others.len())).copied() else { return Vec::new() };
        (1..=FLOOD).map(|step| Effect::Send(victim, self.ahead(&proposal, step))).collect()
    }

    /// Something `step` or more steps ahead of `proposal`.
    fn ahead(&mut self, proposal: &CompactProposal, step: u64) -> PeerMessage {
        let distance = match self.random.below(4) {
            0 => step,
            1 => 60 + step % 8,
            2 => step << 32,
            _ => u64::MAX / 2,
        };
        let (view, digest) = (View(proposal.header.view.0.wrapping_add(distance)), self.digest());
        match self.random.below(5) {
            0 => self.keys.notarize(view, digest),
            1 => self.keys.nullify(view),
            2 => self.keys.finalize(view, digest),
            3 => {
                let proposer = self.own();
                let parent_view = View(view.0.saturating_sub(1));
                let header = Block { view, parent_view, proposer, parent: digest, ..proposal.header.clone() };
                PeerMessage::Proposal(self.keys.propose(header, proposal.calls.clone()))
            }
            _ => self.certify_ahead(distance, StateRoot(digest)),
        }
    }

    fn certify_ahead(&mut self, distance: u64, root: StateRoot) -> PeerMessage {
        let height = Height(self.height.wrapping_add(distance));
        let share = self.keys.keyring.sign_share(&Statement::Certify { height, root });
        PeerMessage::CertificationShare(CertificationShare {
            epoch: self.keys.keyring.epoch(),
            height,
            root,
            signer: self.own(),
            share,
        })
    }
}
