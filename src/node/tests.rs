//! What the tests of this room share.

use crate::state::ReplicatedState;
use crate::types::*;
use bytes::Bytes;

/// A call whose id starts with `id`.
pub fn ingress(id: u8) -> SignedIngress {
    SignedIngress { id: RequestId([id; 32]), expiry: Time(0), envelope: Bytes::new() }
}

/// The state before the first block of a subnet without nodes.
pub fn first_state() -> ReplicatedState {
    let genesis = Genesis::local("test", Vec::new());
    ReplicatedState::genesis(&genesis, &[], SubnetId(Principal::anonymous()), &[]).unwrap()
}
