//! The babbler: says what nobody should say. Extreme numbers, damaged signatures, shares of others,
//! blocks out of place, chains that lie: an honest replica drops it all and stands (I11).

use super::{Adversary, Sin};
use crate::crypto::threshold::Statement;
use crate::types::*;
use std::sync::Arc;

/// Of a thousand messages heard, so many are answered with nonsense.
const TALKATIVE_PER_MILLE: u64 = 150;

impl Adversary {
    pub(super) fn babble(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        if !self.random.chance(TALKATIVE_PER_MILLE) {
            return Vec::new();
        }
        self.deeds += 1;
        let nonsense = match self.random.below(5) {
            0 => heard.clone(),
            1 => self.invented(),
            _ => self.spoilt(heard),
        };
        let others: Vec<NodeIndex> = self.others().collect();
        match others.get(self.random.index(others.len())) {
            Some(node) if self.random.chance(600) => vec![Effect::Send(*node, nonsense)],
            _ => vec![Effect::Broadcast(nonsense)],
        }
    }

    /// A number near `number`, or at an edge.
    fn odd(&mut self, number: u64) -> u64 {
        let edges = [
            0,
            1,
            number.wrapping_add(1),
            number.wrapping_sub(1),
            number.saturating_add(63),
            number.saturating_add(65),
            u64::MAX,
            u64::MAX - 1,
        ];
        edges[self.random.index(edges.len())]
    }

    pub(super) fn noise(&mut self) -> BlsBytes {
        let mut bytes = [0; 48];
        bytes.iter_mut().for_each(|byte| *byte = self.random.next() as u8);
        BlsBytes(bytes)
    }

    pub(super) fn digest(&mut self) -> Digest {
        let mut digest = Digest::ZERO;
        if self.random.chance(700) {
            digest.0.iter_mut().for_each(|byte| *byte = self.random.next() as u8);
        }
        digest
    }

    fn beacon(&mut self, view: u64) -> RandomBeacon {
        RandomBeacon { view: View(view), signature: self.noise() }
    }

    /// Nonsense about nothing that was heard.
    fn invented(&mut self) -> PeerMessage {
        let number = self.odd(1);
        let (view, block, signature) = (View(number), self.digest(), self.noise());
        match self.random.below(8) {
            0 => PeerMessage::Status(PeerStatus {
                view,
                entered: View(self.odd(7)),
                finalized: Height(self.odd(7)),
                certified: Height(self.odd(7)),
            }),
            1 => PeerMessage::FetchChain(Height(number)),
            2 => PeerMessage::FetchBlock(block),
            3 => PeerMessage::Finalization(Finalization { view, block, signature }),
            4 => PeerMessage::Certification(Certification {
                height: Height(number),
                root: StateRoot(block),
                signature,
            }),
            5 => PeerMessage::Chain(Box::new(ChainSegment {
                blocks: Vec::new(),
                finalization: Finalization { view, block, signature },
                certification: None,
            })),
            6 => PeerMessage::Ingress(bytes::Bytes::from_static(b"\xd9\xd9\xf7\xa1\x67content\xbf")),
            _ => PeerMessage::Nullification(Nullification { view, signature }, self.beacon(number)),
        }
    }

    /// What was heard, with one thing wrong.
    fn spoilt(&mut self, heard: &PeerMessage) -> PeerMessage {
        use PeerMessage as M;
        match heard {
            M::Proposal(proposal) => M::Proposal(self.misplaced(proposal)),
            M::NotarizationShare(share) => self.false_share(*share),
            M::NullificationShare(share) => {
                M::NullificationShare(NullificationShare { signer: self.own(), ..*share })
            }
            M::FinalizationShare(share) => self.early_finalization(*share),
            M::CertificationShare(share) => self.wrong_root(*share),
            M::Notarization(n, beacon) => {
                M::Notarization(Notarization { block: self.digest(), ..*n }, *beacon)
            }
            M::Nullification(n, _) => M::Nullification(*n, self.beacon(n.view.0)),
            M::Finalization(f) => M::Finalization(Finalization { view: View(self.odd(f.view.0)), ..*f }),
            M::Certification(c) => {
                M::Certification(Certification { height: Height(self.odd(c.height.0)), ..*c })
            }
            M::Status(s) => M::Status(PeerStatus { finalized: Height(self.odd(s.finalized.0)), ..*s }),
            M::FetchChain(height) => M::FetchChain(Height(self.odd(height.0))),
            M::Chain(segment) => M::Chain(self.lying_chain(segment)),
            M::Ingress(bytes) => M::Ingress(bytes.slice(..self.random.index(bytes.len() + 1))),
            M::Package(package) => M::Package(self.lying_chain(package)),
            M::FetchBodies { block, .. } => {
                M::FetchBodies { block: *block, places: (0..self.random.below(2_000) as u16).collect() }
            }
            M::Bodies { bodies, .. } => M::Bodies { block: self.digest(), bodies: bodies.clone() },
            M::FetchBlock(_) | M::Ceremony(_) | M::FetchState(_) | M::StatePart(_) | M::System(_) => {
                self.invented()
            }
        }
    }

    /// A truly signed block in a place where no block may be.
    fn misplaced(&mut self, proposal: &CompactProposal) -> Arc<CompactProposal> {
        let mut block = Block { proposer: self.own(), ..proposal.header.clone() };
        let mut calls = proposal.calls.clone();
        match self.random.below(8) {
            0 => block.view = View(self.odd(block.view.0)),
            1 => block.height = Height(self.odd(block.height.0)),
            2 => block.parent = self.digest(),
            3 => block.parent_view = View(self.odd(block.parent_view.0)),
            4 => block.proposer = NodeIndex(self.random.next() as u16),
            5 => block.time = Time(self.odd(block.time.0)),
            6 => calls.extend(proposal.calls.clone()),
            _ => {}
        }
        self.keys.propose(block, calls)
    }

    fn false_share(&mut self, share: NotarizationShare) -> PeerMessage {
        let own = NotarizationShare { signer: self.own(), ..share };
        PeerMessage::NotarizationShare(match self.random.below(4) {
            0 => NotarizationShare { signer: NodeIndex(self.random.next() as u16), ..share },
            1 => NotarizationShare { share: self.noise(), ..own },
            2 => NotarizationShare {
                beacon: self.noise(),
                share: self
                    .keys
                    .keyring
                    .sign_share(&Statement::Notarize { view: share.view, block: share.block }),
                ..own
            },
            _ => {
                let (view, block) = (View(self.odd(share.view.0)), self.digest());
                return self.keys.notarize(view, block);
            }
        })
    }

    fn early_finalization(&mut self, share: FinalizationShare) -> PeerMessage {
        let view = View(self.odd(share.view.0));
        self.keys.finalize(view, share.block)
    }

    /// A true signature on a root that nobody has.
    fn wrong_root(&mut self, share: CertificationShare) -> PeerMessage {
        let (height, root) = (Height(self.odd(share.height.0)), StateRoot(self.digest()));
        let signature = self.keys.keyring.sign_share(&Statement::Certify { height, root });
        PeerMessage::CertificationShare(CertificationShare {
            epoch: share.epoch,
            height,
            root,
            signer: self.own(),
            share: signature,
        })
    }

    /// The chain that is served to somebody who asked: half of the babbler's are lies.
    pub fn serve(&mut self, segment: ChainSegment) -> ChainSegment {
        match self.sin {
            Sin::Babbler if self.random.chance(500) => {
                self.deeds += 1;
                *self.lying_chain(&segment)
            }
            _ => segment,
        }
    }

    fn lying_chain(&mut self, segment: &ChainSegment) -> Box<ChainSegment> {
        let mut segment = segment.clone();
        match self.random.below(4) {
            0 => drop(segment.blocks.pop()),
            1 => segment.blocks.reverse(),
            2 => segment.blocks.iter_mut().for_each(|(_, beacon)| beacon.signature = BlsBytes([7; 48])),
            _ => segment.finalization.block = self.digest(),
        }
        Box::new(segment)
    }
}
