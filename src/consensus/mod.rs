//! Consensus: orders blocks and certifies states. Pure: `handle(now, input) -> effects`.

use crate::crypto::node_key::{Committee, IdentityKey};
use crate::crypto::threshold::Keyring;
use crate::types::*;

/// What this node signs with, and what it checks others by; all of one chain.
pub struct Keys {
    pub keyring: Keyring,
    pub identity: IdentityKey,
    pub committee: Committee,
}

/// What `Genesis` fixes about the pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    pub heartbeat_ms: u64,
    pub view_timeout_ms: u64,
}

impl From<&Genesis> for Pace {
    fn from(genesis: &Genesis) -> Pace {
        Pace { heartbeat_ms: genesis.heartbeat_ms, view_timeout_ms: genesis.view_timeout_ms }
    }
}

/// One replica's consensus machine.
pub struct Consensus(());

impl Consensus {
    /// A machine that waits for [`Input::Started`].
    pub fn new(keys: Keys, pace: Pace) -> Consensus {
        let _ = (keys, pace);
        todo!()
    }

    /// Takes one input; the effects are to be performed in order.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Effect> {
        let _ = (now, input);
        todo!()
    }

    /// Where this replica stands.
    pub fn status(&self) -> PeerStatus {
        todo!()
    }
}
