//! Dealer-less key generation: dealings, their verification, and the keys they add up to. Pure
//! arithmetic; `consensus::ceremony` is the protocol.
//!
//! Every node deals two random secrets to all: one for the quorum sharing (threshold n − f), one for
//! the beacon sharing (threshold f + 1). The two keys of the subnet are the sums over all n dealers, so
//! nobody, and no n − 1 nodes together, ever know or choose one.
//!
//! 1. A dealing's polynomials have exactly the degree of their threshold less one, and no coefficient
//!    is zero.
//! 2. A dealer proves that it knows the constant term, by a signature with it over the chain, its own
//!    index and the sharing: nobody can pass off another's dealing, or cancel it out, as its own.
//! 3. Each share is encrypted to its recipient's `threshold_crypto` key. The recipient checks it against
//!    the commitments in G1; nobody else can, so a bad share is told by the one who got it.
//! 4. Keys in G2 are checked against the summed commitments in G1 by a pairing.
//! 5. A dealing is a function of its seed: a restart deals the same again.

use super::bls::{PublicKey, Sharing};
use super::hash::{domain_message, hash_parts};
use super::node_key::{Committee, EncryptionKey};
use super::reader::Reader;
use super::seed::SeedStream;
use super::threshold::Keyring;
use crate::types::limits::{DEALING_BYTES_MAX, NODES_MAX};
use crate::types::{ChainId, Epoch, NodeIndex, faults_max, quorum};
use blst::min_sig::SecretKey;
use threshold_crypto::blstrs::{G1Affine, Scalar};
use threshold_crypto::group::Curve;
use threshold_crypto::group::prime::PrimeCurveAffine;
use threshold_crypto::poly::{Commitment, Poly};
use threshold_crypto::{Ciphertext, PK_SIZE, SIG_SIZE, SK_SIZE, Signature};
use zeroize::Zeroizing;

/// Bytes of one encrypted share: a point in G1, one in G2, and the scalar in disguise.
const CIPHERTEXT_BYTES: usize = PK_SIZE + SIG_SIZE + SK_SIZE;

/// Bytes of one node's public shares of both keys.
pub const PUBLIC_SHARES_BYTES: usize = 2 * 96;

/// The dealing of the largest committee fits its bound, whatever the thresholds are.
const _: () = {
    let sharing = 2 + NODES_MAX * PK_SIZE + SIG_SIZE + NODES_MAX * CIPHERTEXT_BYTES;
    assert!(2 * sharing <= DEALING_BYTES_MAX);
};

/// The two sharings of a key generation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Quorum,
    Beacon,
}

impl Kind {
    pub fn threshold(self, n: usize) -> usize {
        match self {
            Kind::Quorum => quorum(n),
            Kind::Beacon => faults_max(n) + 1,
        }
    }

    /// What the dealer signs with the constant term (rule 2).
    fn claim(self, chain: &ChainId, dealer: NodeIndex) -> Vec<u8> {
        let kind = [self as u8];
        domain_message("atoll-dealing", &[&chain.0, &dealer.0.to_be_bytes(), &kind])
    }
}

/// What is wrong with a dealing, or with the keys that come of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DealingError {
    #[error("the dealing is cut short or too long")]
    Size,
    #[error("a polynomial of degree {found}, {expected} expected")]
    Degree { found: usize, expected: usize },
    #[error("a commitment that is no point of G1's subgroup")]
    Point,
    #[error("a coefficient that is zero")]
    Identity,
    #[error("no proof that the dealer knows its secret")]
    Proof,
    #[error("a share that is not encrypted to its recipient")]
    Ciphertext,
    #[error("a share that does not lie on the committed polynomial")]
    Share,
    #[error("public shares that do not belong to the committed secrets")]
    PublicShares,
    #[error("dealings that cancel each other out")]
    Degenerate,
}

/// Makes node `own`'s dealing. The seed must be fresh for the chain, secret, and kept until the key
/// generation is over (rule 5). `None` if the committee is simulated.
pub fn deal(seed: &[u8; 32], chain: &ChainId, committee: &Committee, own: NodeIndex) -> Option<Vec<u8>> {
    let seed = hash_parts("atoll-dealing-seed", &[seed, &chain.0, &own.0.to_be_bytes()]);
    let mut stream = SeedStream::new(&seed);
    let mut bytes = Vec::new();
    for kind in [Kind::Quorum, Kind::Beacon] {
        let polynomial = Poly::random(kind.threshold(committee.nodes()).saturating_sub(1), &mut stream);
        bytes.extend(encode_shared(&polynomial, &kind.claim(chain, own), committee, &mut stream)?);
    }
    Some(bytes)
}

/// Number of coefficients, commitments to them, proof, an encrypted share for every node.
fn encode_shared(
    polynomial: &Poly,
    claim: &[u8],
    committee: &Committee,
    stream: &mut SeedStream,
) -> Option<Vec<u8>> {
    let count = u16::try_from(polynomial.degree() + 1).ok()?;
    let mut bytes = count.to_be_bytes().to_vec();
    bytes.extend(polynomial.commitment().to_bytes());
    bytes.extend(proof(polynomial, claim)?.to_bytes());
    for node in committee.indexes() {
        let share = Zeroizing::new(polynomial.evaluate(point(node)).to_bytes_be());
        let ciphertext = committee.encryption_key(node)?.encrypt_with_rng(stream, &share[..]);
        bytes.extend(ciphertext.to_bytes());
    }
    Some(bytes)
}

fn proof(polynomial: &Poly, claim: &[u8]) -> Option<Signature> {
    let constant = Zeroizing::new(polynomial.evaluate(0u64).to_bytes_be());
    Some(threshold_crypto::SecretKey::from_bytes(*constant).ok()?.sign(claim))
}

/// Where node i's share lies on a polynomial.
fn point(node: NodeIndex) -> u64 {
    u64::from(node.0) + 1
}

/// A dealing whose degrees, points and proofs hold. Its encrypted shares are still to be opened.
pub struct Dealing {
    quorum: Shared,
    beacon: Shared,
}

struct Shared {
    commitment: Commitment,
    ciphertexts: Vec<[u8; CIPHERTEXT_BYTES]>,
}

impl Dealing {
    /// Reads and checks what `deal` wrote (rules 1 and 2).
    pub fn decode(
        bytes: &[u8],
        chain: &ChainId,
        dealer: NodeIndex,
        nodes: usize,
    ) -> Result<Dealing, DealingError> {
        let mut reader = Reader::new(bytes);
        let mut shared =
            |kind: Kind| decode_shared(&mut reader, kind.threshold(nodes), &kind.claim(chain, dealer), nodes);
        let dealing = Dealing { quorum: shared(Kind::Quorum)?, beacon: shared(Kind::Beacon)? };
        reader.finish(dealing).ok_or(DealingError::Size)
    }

    /// Decrypts and checks node `own`'s shares (rule 3).
    fn open(&self, own: NodeIndex, key: &EncryptionKey) -> Result<[Scalar; 2], DealingError> {
        Ok([self.quorum.open(own, key)?, self.beacon.open(own, key)?])
    }
}

fn decode_shared(
    reader: &mut Reader<'_>,
    threshold: usize,
    claim: &[u8],
    nodes: usize,
) -> Result<Shared, DealingError> {
    let count = reader.count(usize::from(u16::MAX)).ok_or(DealingError::Size)?;
    if count != threshold {
        return Err(DealingError::Degree {
            found: count.saturating_sub(1),
            expected: threshold.saturating_sub(1),
        });
    }
    let coefficients = (0..count).map(|_| decode_coefficient(reader)).collect::<Result<Vec<_>, _>>()?;
    let proof =
        Signature::from_bytes(reader.array().ok_or(DealingError::Size)?).map_err(|_| DealingError::Proof)?;
    let constant = coefficients.first().copied().ok_or(DealingError::Identity)?;
    if !threshold_crypto::PublicKey::from(constant).verify(&proof, claim) {
        return Err(DealingError::Proof);
    }
    let ciphertexts = (0..nodes).map(|_| reader.array()).collect::<Option<_>>().ok_or(DealingError::Size)?;
    Ok(Shared { commitment: Commitment::from(coefficients), ciphertexts })
}

fn decode_coefficient(reader: &mut Reader<'_>) -> Result<G1Affine, DealingError> {
    let bytes: [u8; PK_SIZE] = reader.array().ok_or(DealingError::Size)?;
    let point: G1Affine = Option::from(G1Affine::from_compressed(&bytes)).ok_or(DealingError::Point)?;
    if bool::from(point.is_identity()) { Err(DealingError::Identity) } else { Ok(point) }
}

impl Shared {
    fn open(&self, own: NodeIndex, key: &EncryptionKey) -> Result<Scalar, DealingError> {
        let ciphertext = self.ciphertexts.get(usize::from(own.0)).ok_or(DealingError::Ciphertext)?;
        let ciphertext = Ciphertext::from_bytes(ciphertext).map_err(|_| DealingError::Ciphertext)?;
        let share = key.decrypt(&ciphertext).ok_or(DealingError::Ciphertext)?;
        let bytes: &[u8; SK_SIZE] = share.as_slice().try_into().map_err(|_| DealingError::Ciphertext)?;
        let share: Scalar = Option::from(Scalar::from_bytes_be(bytes)).ok_or(DealingError::Share)?;
        let lies = (G1Affine::generator() * share).to_affine() == self.commitment.evaluate(point(own));
        if lies { Ok(share) } else { Err(DealingError::Share) }
    }
}

/// What n good dealings add up to for one node: its secret shares of both keys, and the commitments
/// against which everybody's public shares are checked.
pub struct Outcome {
    chain: ChainId,
    own: NodeIndex,
    nodes: usize,
    secrets: [SecretKey; 2],
    commitments: [Commitment; 2],
}

impl Outcome {
    /// Opens and adds up the dealings of all nodes, in order. An error names the dealer.
    pub fn of(
        chain: ChainId,
        own: NodeIndex,
        key: &EncryptionKey,
        dealings: &[Dealing],
    ) -> Result<Outcome, (NodeIndex, DealingError)> {
        let mut sums = [Scalar::from(0), Scalar::from(0)];
        for (dealer, dealing) in (0..=u16::MAX).map(NodeIndex).zip(dealings) {
            let shares = dealing.open(own, key).map_err(|error| (dealer, error))?;
            sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
        }
        let commitments = [
            add_up(dealings.iter().map(|dealing| &dealing.quorum.commitment)),
            add_up(dealings.iter().map(|dealing| &dealing.beacon.commitment)),
        ];
        let secrets = sums.map(|sum| SecretKey::from_bytes(&Zeroizing::new(sum.to_bytes_be())[..]));
        let [Ok(quorum), Ok(beacon)] = secrets else {
            return Err((own, DealingError::Degenerate));
        };
        Ok(Outcome { chain, own, nodes: dealings.len(), secrets: [quorum, beacon], commitments })
    }

    /// This node's public shares of both keys, for everybody.
    pub fn public_shares(&self) -> [u8; PUBLIC_SHARES_BYTES] {
        let mut bytes = [0; PUBLIC_SHARES_BYTES];
        for (part, secret) in bytes.chunks_exact_mut(96).zip(&self.secrets) {
            part.copy_from_slice(&secret.sk_to_pk().to_bytes());
        }
        bytes
    }

    /// Checks node `node`'s public shares (rule 4).
    pub fn check(&self, node: NodeIndex, bytes: &[u8; PUBLIC_SHARES_BYTES]) -> Result<(), DealingError> {
        let keys = decode_public_shares(bytes).ok_or(DealingError::PublicShares)?;
        let matches =
            |(key, commitment): (&PublicKey, &Commitment)| key.matches(&commitment.evaluate(point(node)));
        let all = keys.iter().zip(&self.commitments).all(matches);
        if all { Ok(()) } else { Err(DealingError::PublicShares) }
    }

    /// The keys in force, from all nodes' public shares, each of which `check` accepted.
    pub fn keyring(&self, shares: &[[u8; PUBLIC_SHARES_BYTES]]) -> Result<Keyring, DealingError> {
        let keys = shares.iter().map(decode_public_shares).collect::<Option<Vec<_>>>();
        let keys = keys.filter(|keys| keys.len() == self.nodes).ok_or(DealingError::PublicShares)?;
        let [quorum_secret, beacon_secret] = &self.secrets;
        let sharing = |kind: Kind, secret: &SecretKey, shares: Vec<PublicKey>| {
            Sharing::new(kind.threshold(self.nodes), self.own, Some(secret.clone()), shares)
                .ok_or(DealingError::Degenerate)
        };
        let quorum = sharing(Kind::Quorum, quorum_secret, keys.iter().map(|[quorum, _]| *quorum).collect())?;
        let beacon = sharing(Kind::Beacon, beacon_secret, keys.iter().map(|[_, beacon]| *beacon).collect())?;
        Ok(Keyring::real((self.chain, Epoch::ZERO), self.nodes, Some(self.own), quorum, beacon))
    }
}

fn add_up<'a>(mut commitments: impl Iterator<Item = &'a Commitment>) -> Commitment {
    let first = commitments.next().cloned().unwrap_or_else(|| Commitment::from(Vec::new()));
    commitments.fold(first, |sum, commitment| sum + commitment)
}

fn decode_public_shares(bytes: &[u8; PUBLIC_SHARES_BYTES]) -> Option<[PublicKey; 2]> {
    let mut reader = Reader::new(bytes);
    let quorum = PublicKey::from_bytes(&reader.array()?)?;
    let beacon = PublicKey::from_bytes(&reader.array()?)?;
    reader.finish([quorum, beacon])
}

#[cfg(test)]
mod tests;
