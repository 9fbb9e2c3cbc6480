//! One replica without hands: consensus and the ingress pool joined into one machine.

use crate::consensus::Consensus;
pub use crate::consensus::Keys;
use crate::types::*;

/// The whole replica but its hands and its execution.
pub struct Replica {
    consensus: Consensus,
}

impl Replica {
    /// `keys` must be of `genesis`' chain. The first input must be [`Input::Started`].
    pub fn new(keys: Keys, genesis: &Genesis) -> Replica {
        Replica { consensus: Consensus::new(keys, genesis.into()) }
    }

    /// Takes one input; the effects are to be performed in order. Never returns `SelectPayload`,
    /// `ValidatePayload` or `Deliver`; records to persist come first, so that one sync serves them all.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Effect> {
        self.consensus.handle(now, input)
    }

    /// Where this replica stands: current view, finalized and certified height.
    pub fn status(&self) -> PeerStatus {
        self.consensus.status()
    }
}
