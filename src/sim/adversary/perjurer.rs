//! The perjurer: asserts of heights to come that they are certified, with roots and signatures of heights gone. The
//! signature covers the root alone, so only the number of those who assert the same can tell.

use super::Adversary;
use crate::types::limits::CERTIFICATIONS_AHEAD_MAX;
use crate::types::*;

/// Of a thousand certifications so many are asserted of another height, too.
const PERJURED_PER_MILLE: u64 = 300;

impl Adversary {
    pub(super) fn perjure(&mut self, effect: Effect) -> Vec<Effect> {
        let Effect::Certified(certification) = effect else { return vec![effect] };
        if !self.random.chance(PERJURED_PER_MILLE) {
            return vec![effect];
        }
        self.deeds += 1;
        let ahead = 1 + self.random.below(CERTIFICATIONS_AHEAD_MAX);
        let height = Height(certification.height.0.saturating_add(ahead));
        let false_one = Certification { height, ..certification };
        vec![effect, Effect::Broadcast(PeerMessage::Certification(false_one))]
    }
}
