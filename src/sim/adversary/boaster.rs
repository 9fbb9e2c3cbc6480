//! The boaster: claims heights that nobody has, and serves nothing to those who believe it.

use super::Adversary;
use crate::types::*;

impl Adversary {
    pub(super) fn boast(&mut self, effect: Effect) -> Option<Effect> {
        let boasted =
            |status: PeerStatus| PeerMessage::Status(PeerStatus { finalized: Height(u64::MAX), ..status });
        let boast = match effect {
            Effect::Broadcast(PeerMessage::Status(status)) => Some(Effect::Broadcast(boasted(status))),
            Effect::Send(to, PeerMessage::Status(status)) => Some(Effect::Send(to, boasted(status))),
            Effect::ServeChain { .. } => None,
            effect => return Some(effect),
        };
        self.deeds += 1;
        boast
    }
}
