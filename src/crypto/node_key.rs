//! A node's own keys: Ed25519 identity, TLS, share encryption.

use crate::types::{NodeId, NodeIndex, NodeSignature};

/// The Ed25519 identity key of this node. Signs proposals, ceremony messages and query responses.
/// Zeroized on drop; never printed.
pub struct IdentityKey(());

impl IdentityKey {
    pub fn node_id(&self) -> NodeId {
        todo!()
    }
    pub fn public_key(&self) -> [u8; 32] {
        todo!()
    }
    /// Signs domain-separated bytes: one length byte, the domain, then `message`.
    pub fn sign(&self, domain: &str, message: &[u8]) -> NodeSignature {
        let _ = (domain, message);
        todo!()
    }
}

/// The committee's identity keys by index.
#[derive(Clone)]
pub struct Committee(());

impl Committee {
    pub fn verify(
        &self,
        signer: NodeIndex,
        domain: &str,
        message: &[u8],
        signature: &NodeSignature,
    ) -> bool {
        let _ = (signer, domain, message, signature);
        todo!()
    }
}
