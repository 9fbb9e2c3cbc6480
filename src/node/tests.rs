//! What the tests of this room share.

use crate::types::*;
use bytes::Bytes;

/// A call whose id starts with `id`.
pub fn ingress(id: u8) -> SignedIngress {
    SignedIngress { id: RequestId([id; 32]), expiry: Time(0), envelope: Bytes::new() }
}
