//! The simulator's stand-in for one sharing: a hash for a pairing. Every holder knows every secret, so
//! anyone could forge; but the only way through this code to a signature is a threshold of valid shares.

use super::hash::hash_parts;
use crate::types::{BlsBytes, ChainId, Digest, NodeIndex};

/// One simulated key, shared among `secrets.len()` nodes.
pub(super) struct Sharing {
    threshold: usize,
    own: Digest,
    master: Digest,
    secrets: Vec<Digest>,
}

impl Sharing {
    pub fn new(chain: &ChainId, name: &str, threshold: usize, n: usize, own: NodeIndex) -> Sharing {
        let secret = |index: u64| {
            hash_parts("atoll-simulated-share", &[&chain.0, name.as_bytes(), &index.to_be_bytes()])
        };
        let master = hash_parts("atoll-simulated-master", &[&chain.0, name.as_bytes()]);
        Sharing {
            threshold,
            own: secret(u64::from(own.0)),
            master,
            secrets: (0..n as u64).map(secret).collect(),
        }
    }

    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// A stand-in for the public key, equal on all nodes.
    pub fn group(&self) -> [u8; 96] {
        let mut bytes = [0; 96];
        bytes[..32].copy_from_slice(&hash_parts("atoll-simulated-key", &[&self.master.0]).0);
        bytes
    }

    pub fn sign(&self, message: &[u8]) -> BlsBytes {
        seal(&self.own, message)
    }

    pub fn verify_share(&self, message: &[u8], signer: NodeIndex, share: &BlsBytes) -> bool {
        self.share_of(message, signer).as_ref() == Some(share)
    }

    pub fn verify(&self, message: &[u8], signature: &BlsBytes) -> bool {
        seal(&self.master, message) == *signature
    }

    /// The signature, if `shares` are a threshold and each of them holds.
    pub fn combine(&self, message: &[u8], shares: &[(NodeIndex, BlsBytes)]) -> Option<BlsBytes> {
        let hold = shares.iter().all(|(signer, share)| self.verify_share(message, *signer, share));
        (shares.len() >= self.threshold && hold).then(|| seal(&self.master, message))
    }

    fn share_of(&self, message: &[u8], signer: NodeIndex) -> Option<BlsBytes> {
        self.secrets.get(usize::from(signer.0)).map(|secret| seal(secret, message))
    }
}

fn seal(secret: &Digest, message: &[u8]) -> BlsBytes {
    let mut bytes = [0; 48];
    bytes[..32].copy_from_slice(&hash_parts("atoll-simulated-seal", &[&secret.0, message]).0);
    BlsBytes(bytes)
}
