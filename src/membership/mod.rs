//! Who holds the threshold keys, and how they pass to the next. One pure state machine that every replica
//! feeds with the finalized chain: consensus as it delivers, execution as it executes. It stands in the
//! replicated state, so that it is under the certified root.
//!
//! 1. An epoch is the reign of one set of shares. It begins after a height that is a multiple of the genesis'
//!    `epoch_length`, and ends at such a height as soon as its succession is complete; else it goes on to the
//!    next multiple.
//! 2. In the first half of `epoch_length` the operators may change who the members of the next epoch are
//!    ([`change`]); where genesis names a registry canister, they may not, and what that canister orders and the
//!    subnet certified that it orders is done ([`order`]; docs/adr/0019). After that nothing changes any more, and members deal their shares out to the next
//!    members.
//! 3. One good dealing of each member is kept, in the order of the chain. A dealing that cannot be read, is of
//!    another epoch, or does not hold, changes nothing; so does everything else that is wrong here.
//! 4. For a quarter of an epoch after a dealing, and [`COMPLAINT_HEIGHTS`] heights at the least, its receivers
//!    may prove that it gave one of them a bad share; then it does not count. Later, it is *ripe*.
//! 5. The succession is complete when a quorum's dealings are ripe. The first of these, as many as make a
//!    quorum, make the next epoch's shares. The root key stays what it is.
//! 6. A member whose dealing was kept gets a new encryption key with the next epoch: the one that its dealing
//!    names.
//! 7. Those dealings stay in the state through the epoch that they made, so that a member that was away
//!    finds its shares.
//! 8. Dealings whose commitments cancel each other out convict the last of their dealers, and the epoch goes on.
//!
//! A member that was away for the whole of that time and was dealt a bad share has none in that
//! epoch: it counts among the faulty until the next.
//!
//! [`COMPLAINT_HEIGHTS`]: crate::types::limits::COMPLAINT_HEIGHTS

pub mod change;
pub mod order;
#[cfg(test)]
pub mod proof;
mod succession;

#[cfg(test)]
mod tests;

pub use succession::{Succession, SuccessionError};

use crate::crypto::node_key::Committee;
use crate::types::GenesisNode;

/// The cards of simulated nodes: only their identity keys matter. Only `sim` and tests may call this.
pub fn simulated_members(committee: &Committee) -> Vec<GenesisNode> {
    let node = |index| GenesisNode {
        name: format!("node-{index}"),
        identity_key: committee.identity_key(index).map(hex::encode).unwrap_or_default(),
        tls_key: String::new(),
        encryption_key: String::new(),
        address: String::new(),
    };
    committee.indexes().map(node).collect()
}
