//! Real keys without a key generation: one dealer draws both keys, and forgets them.

use super::{Keyring, bls};
use crate::types::{ChainId, Epoch, NodeIndex, faults_max, quorum};
use blst::min_sig::SecretKey;
use rand::SeedableRng;
use rand::rngs::StdRng;
use threshold_crypto::poly::Poly;

impl Keyring {
    /// Real keyrings of `n` nodes as a key generation leaves them, drawn from the chain's name, so that
    /// anybody could. Only `sim` and tests may call this (tests/tidy.rs).
    ///
    /// # Panics
    /// If a committee has no nodes: then there is nothing to share.
    pub fn dealt(chain: ChainId, n: usize) -> Vec<Keyring> {
        let mut rng = StdRng::from_seed(chain.0);
        let (quorums, beacons) = (deal(quorum(n), n, &mut rng), deal(faults_max(n) + 1, n, &mut rng));
        let members = (0..=u16::MAX).map(NodeIndex).zip(quorums.into_iter().zip(beacons));
        members
            .map(|(own, (quorum, beacon))| Keyring::real((chain, Epoch::ZERO), n, Some(own), quorum, beacon))
            .collect()
    }
}

/// One key in `n` shares, any `threshold` of which make it.
fn deal(threshold: usize, n: usize, rng: &mut StdRng) -> Vec<bls::Sharing> {
    let polynomial = Poly::random(threshold - 1, rng);
    let secret = |point: usize| SecretKey::from_bytes(&polynomial.evaluate(point).to_bytes_be());
    let secrets: Vec<SecretKey> =
        (1..=n).map(|point| secret(point).expect("a random polynomial has no root here")).collect();
    let keys: Vec<bls::PublicKey> = secrets.iter().filter_map(bls::PublicKey::of).collect();
    let sharing = |(own, secret): (NodeIndex, &SecretKey)| {
        bls::Sharing::new(threshold, own, Some(secret.clone()), keys.clone())
            .expect("shares of one polynomial")
    };
    (0..=u16::MAX).map(NodeIndex).zip(&secrets).map(sharing).collect()
}
