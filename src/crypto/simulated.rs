//! The simulator's stand-in for one sharing: a hash for a pairing. Every holder knows every secret, so
//! anyone could forge; but the only way through this code to a signature is a threshold of valid shares.

use super::hash::hash_parts;
use crate::types::planted::{Bug, planted};
use crate::types::{BlsBytes, ChainId, Digest, Epoch, NodeIndex};

/// One simulated key, shared among `secrets.len()` nodes.
pub(super) struct Sharing {
    threshold: usize,
    own: Option<Digest>,
    master: Digest,
    secrets: Vec<Digest>,
}

impl Sharing {
    /// Each epoch has shares of its own; the key is one for all.
    pub fn new(
        chain: &ChainId,
        epoch: Epoch,
        name: &str,
        threshold: usize,
        n: usize,
        own: Option<NodeIndex>,
    ) -> Sharing {
        let epoch = epoch.0.to_be_bytes();
        let secret = |index: u64| {
            let parts: [&[u8]; 4] = [&chain.0, &epoch, name.as_bytes(), &index.to_be_bytes()];
            hash_parts("atoll-simulated-share", &parts)
        };
        let master = hash_parts("atoll-simulated-master", &[&chain.0, name.as_bytes()]);
        Sharing {
            threshold,
            own: own.map(|own| secret(u64::from(own.0))),
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
        self.own.map_or(BlsBytes([0; 48]), |own| seal(&own, message))
    }

    pub fn verify_share(&self, message: &[u8], signer: NodeIndex, share: &BlsBytes) -> bool {
        self.share_of(message, signer).as_ref() == Some(share)
    }

    pub fn verify(&self, message: &[u8], signature: &BlsBytes) -> bool {
        seal(&self.master, message) == *signature
    }

    /// The signature, if `shares` are a threshold and each of them holds.
    pub fn combine(&self, message: &[u8], shares: &[(NodeIndex, BlsBytes)]) -> Option<BlsBytes> {
        let hold = planted(Bug::ShareOfAnotherBlock)
            || shares.iter().all(|(signer, share)| self.verify_share(message, *signer, share));
        (shares.len() >= self.threshold && hold).then(|| seal(&self.master, message))
    }

    fn share_of(&self, message: &[u8], signer: NodeIndex) -> Option<BlsBytes> {
        self.secrets.get(usize::from(signer.0)).map(|secret| seal(secret, message))
    }
}

/// A keyed mixture of `message`, eight bytes at a time: splitmix64's finalizer over each. Not for secrets;
/// what it must do is to tell one message and one holder from another.
fn seal(secret: &Digest, message: &[u8]) -> BlsBytes {
    let start = absorb(message.len() as u64, &secret.0);
    let sum = absorb(start, message);
    let mut bytes = [0; 48];
    for (place, chunk) in bytes.chunks_mut(8).enumerate().take(4) {
        chunk.copy_from_slice(&mix(sum ^ place as u64).to_be_bytes());
    }
    BlsBytes(bytes)
}

fn absorb(start: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(start, |sum, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(sum.rotate_left(5) ^ u64::from_be_bytes(word))
    })
}

/// Every input bit changes half the output bits (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
