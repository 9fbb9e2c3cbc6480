//! Deals falsely: one receiver's shares are bad. If that one is away for long it has none in the next epoch; with
//! more such receivers than sinners the others would be no quorum.

use super::Adversary;
use crate::types::*;

/// Where the flags of a simulated dealing begin: one byte for each receiver, 0 for bad shares.
const FLAGS: usize = 32;

impl Adversary {
    /// The dealing that the node makes, bad for one receiver.
    pub(super) fn deal_falsely(&mut self, effect: Effect) -> Effect {
        let Effect::Broadcast(PeerMessage::System(message)) = &effect else { return effect };
        let SystemMessage::Dealing { epoch, dealer, dealing } = &**message else { return effect };
        let (epoch, dealer, mut bytes) = (*epoch, *dealer, dealing.to_vec());
        let victim = self.random.index(bytes.len().saturating_sub(FLAGS).max(1));
        bytes.iter_mut().skip(FLAGS + victim).take(1).for_each(|flag| *flag = 0);
        self.deeds += 1;
        let message = SystemMessage::Dealing { epoch, dealer, dealing: bytes.into() };
        Effect::Broadcast(PeerMessage::System(Box::new(message)))
    }
}
