//! The replayer: certificates that were true once, and standings that it left long ago, said again as if
//! they were news.

use super::Adversary;
use crate::types::*;

/// Messages kept to be said again.
const KEPT_MAX: usize = 128;
/// Of a thousand messages heard so many are answered with an old one.
const REPLAYED_PER_MILLE: u64 = 200;

impl Adversary {
    pub(super) fn replay(&mut self, heard: &PeerMessage) -> Vec<Effect> {
        if is_old_news(heard) {
            if self.kept.len() == KEPT_MAX {
                let place = self.random.index(KEPT_MAX);
                self.kept.swap_remove(place);
            }
            self.kept.push(heard.clone());
        }
        if self.kept.is_empty() || !self.random.chance(REPLAYED_PER_MILLE) {
            return Vec::new();
        }
        self.deeds += 1;
        let message = self.kept[self.random.index(self.kept.len())].clone();
        let others: Vec<NodeIndex> = self.others().collect();
        match others.get(self.random.index(others.len())) {
            Some(node) if self.random.chance(700) => vec![Effect::Send(*node, message)],
            _ => vec![Effect::Broadcast(message)],
        }
    }
}

/// What carries no signer, so that anybody may say it at any time.
fn is_old_news(message: &PeerMessage) -> bool {
    use PeerMessage as M;
    matches!(
        message,
        M::Notarization(..)
            | M::Nullification(..)
            | M::Finalization(_)
            | M::Certification(_)
            | M::Chain(_)
            | M::Status(_)
    )
}
