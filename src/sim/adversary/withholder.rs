//! The withholder: an honest replica some of whose words reach only some, or nobody.

use super::{Adversary, Sin};
use crate::sim::random::Random;
use crate::types::*;

/// For each kind of message the nodes that never get it, one bit each.
#[derive(Clone, Copy, Default, Debug)]
pub struct Withheld {
    shares: u64,
    proposals: u64,
    certificates: u64,
}

impl Withheld {
    /// What `sin` withholds.
    pub fn draw(sin: Sin, random: &mut Random) -> Withheld {
        let mut mask = || match random.below(3) {
            0 => 0,
            1 => u64::MAX,
            _ => random.next(),
        };
        match sin {
            Sin::Mute => Withheld { shares: u64::MAX, proposals: u64::MAX, certificates: u64::MAX },
            _ => Withheld { shares: mask(), proposals: mask(), certificates: mask() },
        }
    }

    fn mask(&self, message: &PeerMessage) -> u64 {
        use PeerMessage as M;
        match message {
            M::NotarizationShare(_)
            | M::NullificationShare(_)
            | M::FinalizationShare(_)
            | M::CertificationShare(_) => self.shares,
            M::Proposal(_) | M::Bodies { .. } => self.proposals,
            M::Notarization(..)
            | M::Nullification(..)
            | M::Finalization(_)
            | M::Certification(_)
            | M::Chain(_)
            | M::Package(_) => self.certificates,
            M::Ingress(_)
            | M::Status(_)
            | M::FetchBlock(_)
            | M::FetchBodies { .. }
            | M::FetchChain(_)
            | M::FetchState(_)
            | M::StatePart(_)
            | M::System(_)
            | M::Ceremony(_) => 0,
        }
    }
}

impl Adversary {
    pub(super) fn withhold(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Broadcast(message) => {
                let mask = self.withheld.mask(&message);
                self.deeds += u64::from(mask != 0);
                let told = self.others().filter(|node| mask >> (node.0 % 64) & 1 == 0);
                told.map(|node| Effect::Send(node, message.clone())).collect()
            }
            Effect::Send(node, message) if self.withheld.mask(&message) >> (node.0 % 64) & 1 == 1 => {
                self.deeds += 1;
                Vec::new()
            }
            // Chains are served below the effects, where no mask reaches: it serves none at all.
            Effect::ServeChain { .. } if self.withheld.certificates != 0 => Vec::new(),
            effect => vec![effect],
        }
    }
}
