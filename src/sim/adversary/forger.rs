//! The forger: its shares are no shares. They come from the right node, at the right time, and spoil
//! every combination that believes them. Its certificates have one false part, and its chains it keeps.

use super::Adversary;
use crate::crypto::threshold::Statement;
use crate::types::*;

/// Of a thousand shares so many are false.
const FALSE_PER_MILLE: u64 = 700;

impl Adversary {
    pub(super) fn forge(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Broadcast(message) => Some(Effect::Broadcast(self.forged(message))),
            Effect::Send(node, message) => Some(Effect::Send(node, self.forged(message))),
            Effect::ServeChain { .. } => None,
            effect => Some(effect),
        }
    }

    fn forged(&mut self, message: PeerMessage) -> PeerMessage {
        use PeerMessage as M;
        let signature = self.false_signature();
        match message {
            M::Notarization(notarization, beacon) => {
                M::Notarization(notarization, RandomBeacon { signature, ..beacon })
            }
            M::Nullification(nullification, beacon) => {
                M::Nullification(nullification, RandomBeacon { signature, ..beacon })
            }
            M::Finalization(finalization) => M::Finalization(Finalization { signature, ..finalization }),
            M::Certification(certification) => M::Certification(Certification { signature, ..certification }),
            message => self.forged_share(message, signature),
        }
    }

    fn forged_share(&mut self, message: PeerMessage, false_share: SignatureShare) -> PeerMessage {
        use PeerMessage as M;
        if !self.random.chance(FALSE_PER_MILLE) {
            return message;
        }
        let forged = match message {
            M::NotarizationShare(share) if self.random.chance(500) => {
                M::NotarizationShare(NotarizationShare { beacon: false_share, ..share })
            }
            M::NotarizationShare(share) => {
                M::NotarizationShare(NotarizationShare { share: false_share, ..share })
            }
            M::NullificationShare(share) if self.random.chance(500) => {
                M::NullificationShare(NullificationShare { beacon: false_share, ..share })
            }
            M::NullificationShare(share) => {
                M::NullificationShare(NullificationShare { share: false_share, ..share })
            }
            M::FinalizationShare(share) => {
                M::FinalizationShare(FinalizationShare { share: false_share, ..share })
            }
            M::CertificationShare(share) => {
                M::CertificationShare(CertificationShare { share: false_share, ..share })
            }
            other => return other,
        };
        self.deeds += 1;
        forged
    }

    /// No point at all, or this node's true share of something that nobody asked for.
    fn false_signature(&mut self) -> SignatureShare {
        if self.random.chance(500) {
            return self.noise();
        }
        let view = View(self.random.below(1 << 40));
        self.keys.keyring.sign_share(&Statement::Nullify { view })
    }
}
