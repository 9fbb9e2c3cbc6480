//! The miser: keeps calls to itself. It gossips to a few, proposes calls that nobody else has or that are none,
//! and whoever asks it for them gets nothing, or something else.

use super::Adversary;
use crate::types::*;
use bytes::Bytes;
use std::sync::Arc;

/// Of a thousand own proposals so many carry calls that nobody can have.
const EMPTY_PROMISES_PER_MILLE: u64 = 400;

impl Adversary {
    pub(super) fn keep_back(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Broadcast(PeerMessage::Ingress(envelope)) => {
                self.deeds += 1;
                self.kept = vec![PeerMessage::Ingress(envelope.clone())];
                let told = self.random.next() & self.random.next();
                let told = self.others().filter(|node| told >> (node.0 % 64) & 1 == 1);
                told.map(|node| Effect::Send(node, PeerMessage::Ingress(envelope.clone()))).collect()
            }
            Effect::Broadcast(PeerMessage::Proposal(proposal))
                if proposal.header.proposer == self.own() && self.random.chance(EMPTY_PROMISES_PER_MILLE) =>
            {
                self.deeds += 1;
                let proposal = self.with_an_empty_promise(&proposal);
                vec![Effect::Broadcast(PeerMessage::Proposal(proposal))]
            }
            Effect::Send(node, PeerMessage::Bodies { block, bodies }) => {
                let bodies = self.spoil(bodies);
                bodies
                    .map(|bodies| Effect::Send(node, PeerMessage::Bodies { block, bodies }))
                    .into_iter()
                    .collect()
            }
            effect => vec![effect],
        }
    }

    /// Somebody looks for calls: anybody may answer, and the miser does, with a call of its own users or with none.
    pub(super) fn answer_falsely(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        let PeerMessage::FetchBodies { block, places } = heard else { return Vec::new() };
        self.deeds += 1;
        let envelope = match self.kept.first() {
            Some(PeerMessage::Ingress(envelope)) => envelope.clone(),
            _ => Bytes::from_static(b"\xd9\xd9\xf7\xa1\x67content\xa0"),
        };
        let bodies = places.iter().map(|place| (*place, envelope.clone())).collect();
        vec![Effect::Broadcast(PeerMessage::Bodies { block: *block, bodies })]
    }

    /// A block that names, besides its calls or in their place, one that does not exist.
    fn with_an_empty_promise(&mut self, proposal: &CompactProposal) -> Arc<CompactProposal> {
        let mut calls = proposal.calls.clone();
        if self.random.chance(500) {
            calls.clear();
        }
        let place = self.random.index(calls.len() + 1);
        calls.insert(place, self.digest());
        self.keys.propose(proposal.header.clone(), calls)
    }

    fn spoil(&mut self, mut bodies: Vec<(u16, Bytes)>) -> Option<Vec<(u16, Bytes)>> {
        self.deeds += 1;
        match self.random.below(4) {
            0 => return None,
            1 => drop(bodies.pop()),
            2 => bodies.iter_mut().for_each(|(place, _)| *place = place.wrapping_add(1)),
            _ => {
                if let Some((_, envelope)) = bodies.last_mut() {
                    *envelope = envelope.slice(..envelope.len() / 2);
                }
            }
        }
        Some(bodies)
    }
}
