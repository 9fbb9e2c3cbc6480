//! The simulator's stand-in for a dealing: it says by itself for whom it is bad.

use super::{Complaint, ReshareError, Terms};
use crate::crypto::dkg::Kind;
use crate::crypto::hash::hash_parts;
use crate::crypto::threshold::Keyring;
use crate::types::{ChainId, Digest, Epoch, NodeIndex, quorum};

/// A hash for the proof, then one byte for each receiver: 0 if its shares are bad.
#[derive(Clone)]
pub struct Dealing {
    proof: Digest,
    good: Vec<bool>,
}

/// A dealing that is bad for `victims`.
pub fn deal(terms: &Terms, dealer: NodeIndex, victims: &[NodeIndex]) -> Vec<u8> {
    let good = terms.receivers.indexes().map(|node| u8::from(!victims.contains(&node)));
    [&proof(terms, dealer).0[..], &good.collect::<Vec<u8>>()].concat()
}

fn proof(terms: &Terms, dealer: NodeIndex) -> Digest {
    let (epoch, dealer) = (terms.epoch.0.to_be_bytes(), dealer.0.to_be_bytes());
    let receivers = terms.receivers.digest();
    hash_parts("atoll-simulated-dealing", &[&terms.chain.0, &epoch, &dealer, &receivers.0])
}

impl Dealing {
    pub fn decode(bytes: &[u8], terms: &Terms, dealer: NodeIndex) -> Result<Dealing, ReshareError> {
        if usize::from(dealer.0) >= terms.dealers.nodes() {
            return Err(ReshareError::Dealer);
        }
        let (found, good) = bytes.split_first_chunk::<32>().ok_or(ReshareError::Size)?;
        if good.len() != terms.receivers.nodes() || good.iter().any(|byte| *byte > 1) {
            return Err(ReshareError::Size);
        }
        let proof = proof(terms, dealer);
        if proof.0 != *found {
            return Err(ReshareError::Proof);
        }
        Ok(Dealing { proof, good: good.iter().map(|byte| *byte == 1).collect() })
    }

    /// The complaint of a receiver whose shares are bad.
    pub fn complain(&self, receiver: NodeIndex) -> Option<Complaint> {
        let bad = self.good.get(usize::from(receiver.0)) == Some(&false);
        let hash = hash_parts("atoll-simulated-complaint", &[&self.proof.0, &receiver.0.to_be_bytes()]);
        let mut point = [0; 48];
        point[..32].copy_from_slice(&hash.0);
        bad.then_some(Complaint { kind: Kind::Quorum, point })
    }
}

/// The keyring of the next epoch.
pub fn keyring(chain: ChainId, epoch: Epoch, nodes: usize, own: Option<NodeIndex>, excess: i8) -> Keyring {
    let threshold = quorum(nodes).saturating_add_signed(isize::from(excess));
    Keyring::simulated_at(chain, epoch, nodes, own.filter(|own| usize::from(own.0) < nodes), threshold)
}
