//! Deals falsely: some receivers' shares are bad.

use super::Adversary;
use crate::types::*;

/// Where the flags of a simulated dealing begin: one byte for each receiver, 0 for bad shares.
const FLAGS: usize = 32;

impl Adversary {
    /// The dealing that the node makes, bad for one receiver or for each with equal chances.
    pub(super) fn deal_falsely(&mut self, effect: Effect) -> Effect {
        let Effect::Broadcast(PeerMessage::System(message)) = &effect else { return effect };
        let SystemMessage::Dealing { epoch, dealer, dealing } = &**message else { return effect };
        let (epoch, dealer, mut bytes) = (*epoch, *dealer, dealing.to_vec());
        let victim = self.random.index(bytes.len().saturating_sub(FLAGS).max(1));
        let many = self.random.chance(300);
        for (place, flag) in bytes.iter_mut().skip(FLAGS).enumerate() {
            if place == victim || (many && self.random.chance(500)) {
                *flag = 0;
            }
        }
        self.deeds += 1;
        let message = SystemMessage::Dealing { epoch, dealer, dealing: bytes.into() };
        Effect::Broadcast(PeerMessage::System(Box::new(message)))
    }
}
