//! One sharing of a dealing: commitments in G2 and an encrypted share for each receiver.

use super::cipher::{self, Ciphertext};
use super::{ReshareError, SecretBytes};
use crate::crypto::bls::{PublicKey, lagrange_at_zero};
use crate::crypto::dkg::Kind;
use crate::crypto::hash::hash_parts;
use crate::crypto::node_key::{Committee, EncryptionKey};
use crate::crypto::reader::Reader;
use crate::crypto::seed::SeedStream;
use crate::types::{ChainId, Digest, Epoch, NodeIndex};
use blst::min_sig::SecretKey;
use threshold_crypto::SK_SIZE;
use threshold_crypto::blstrs::{G2Affine, G2Projective, Scalar};
use threshold_crypto::group::Group;
use threshold_crypto::group::prime::PrimeCurveAffine;
use threshold_crypto::poly::Poly;
use zeroize::Zeroizing;

/// What an encrypted share is bound to, besides its receiver.
pub struct Label<'a> {
    pub chain: &'a ChainId,
    pub epoch: Epoch,
    pub dealer: NodeIndex,
    pub kind: Kind,
}

impl Label<'_> {
    /// Names the label and the receiver.
    pub fn digest(&self, receiver: NodeIndex) -> Digest {
        let (epoch, dealer) = (self.epoch.0.to_be_bytes(), self.dealer.0.to_be_bytes());
        let parts: [&[u8]; 5] =
            [&self.chain.0, &epoch, &dealer, &[self.kind as u8], &receiver.0.to_be_bytes()];
        hash_parts("atoll-share-label", &parts)
    }
}

/// Where a node's share lies on a polynomial.
fn point(node: NodeIndex) -> Scalar {
    Scalar::from(u64::from(node.0) + 1)
}

/// Number of coefficients, commitments to them, an encrypted share for every receiver.
pub fn encode(
    label: &Label<'_>,
    secret: &SecretKey,
    receivers: &Committee,
    stream: &mut SeedStream,
) -> Option<Vec<u8>> {
    let threshold = label.kind.threshold(receivers.nodes());
    let secret: Scalar = Option::from(Scalar::from_bytes_be(&Zeroizing::new(secret.to_bytes())))?;
    let random = Poly::random(threshold.checked_sub(1)?, stream);
    let shift = secret - random.evaluate(0u64);
    let polynomial = random + shift;
    let mut bytes = u16::try_from(threshold).ok()?.to_be_bytes().to_vec();
    let coefficients = Zeroizing::new(polynomial.to_bytes());
    if coefficients.len() != threshold.checked_mul(SK_SIZE)? {
        return None;
    }
    for coefficient in coefficients.chunks_exact(SK_SIZE) {
        bytes.extend(SecretKey::from_bytes(coefficient).ok()?.sk_to_pk().to_bytes());
    }
    for receiver in receivers.indexes() {
        let share = Zeroizing::new(polynomial.evaluate(point(receiver)).to_bytes_be());
        let key = cipher::decode_g1(&receivers.encryption_key(receiver)?.to_bytes())?;
        bytes.extend(cipher::encrypt(label, receiver, &key, &share, stream));
    }
    Some(bytes)
}

/// A sharing whose degree, points and constant term hold.
#[derive(Clone)]
pub struct Shared {
    commitments: Vec<G2Affine>,
    ciphertexts: Vec<[u8; cipher::BYTES]>,
}

impl Shared {
    /// Reads and checks what [`encode`] wrote.
    pub fn decode(
        reader: &mut Reader<'_>,
        threshold: usize,
        constant: &PublicKey,
        receivers: usize,
    ) -> Result<Shared, ReshareError> {
        let count = reader.count(usize::from(u16::MAX)).ok_or(ReshareError::Size)?;
        if count != threshold {
            let (found, expected) = (count.saturating_sub(1), threshold.saturating_sub(1));
            return Err(ReshareError::Degree { found, expected });
        }
        let mut commitments = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes = reader.array().ok_or(ReshareError::Size)?;
            let key = PublicKey::from_bytes(&bytes).ok_or(ReshareError::Point)?;
            commitments.push(*key.point());
        }
        if commitments.first() != Some(constant.point()) {
            return Err(ReshareError::Constant);
        }
        let ciphertexts =
            (0..receivers).map(|_| reader.array()).collect::<Option<_>>().ok_or(ReshareError::Size)?;
        Ok(Shared { commitments, ciphertexts })
    }

    /// The receiver's share, if it is good.
    pub fn open(&self, label: &Label<'_>, receiver: NodeIndex, key: &EncryptionKey) -> Option<Scalar> {
        let ciphertext = self.ciphertext(label, receiver)?;
        self.check(receiver, &ciphertext.decrypt(label, receiver, &key.scalar()))
    }

    /// What opens the receiver's share for everybody. Nothing is opened that was not encrypted for this very
    /// place: it could be another dealer's.
    pub fn reveal(&self, label: &Label<'_>, receiver: NodeIndex, key: &EncryptionKey) -> [u8; 48] {
        self.ciphertext(label, receiver).map_or([0; 48], |ciphertext| ciphertext.opening(&key.scalar()))
    }

    /// Whether the receiver's share is bad: it is no ciphertext, or `opening` opens it and it is none.
    pub fn is_convicted_by(
        &self,
        label: &Label<'_>,
        receiver: NodeIndex,
        key: &[u8; 48],
        opening: &[u8; 48],
    ) -> bool {
        let Some(ciphertext) = self.ciphertext(label, receiver) else {
            return true;
        };
        let opened = ciphertext.open(label, receiver, key, opening);
        opened.is_some_and(|share| self.check(receiver, &share).is_none())
    }

    fn ciphertext(&self, label: &Label<'_>, receiver: NodeIndex) -> Option<Ciphertext> {
        Ciphertext::decode(self.ciphertexts.get(usize::from(receiver.0))?, label, receiver)
    }

    /// The share that these bytes are, if it lies on the committed polynomial.
    fn check(&self, receiver: NodeIndex, share: &SecretBytes) -> Option<Scalar> {
        let share: Scalar = Option::from(Scalar::from_bytes_be(share))?;
        let lies = (G2Affine::generator() * share) == evaluate(&self.commitments, receiver);
        lies.then_some(share)
    }
}

/// The committed polynomial at a node's place.
fn evaluate<'a, T>(commitments: &'a [T], node: NodeIndex) -> G2Projective
where
    G2Projective: std::ops::Add<&'a T, Output = G2Projective>,
{
    let point = point(node);
    commitments.iter().rev().fold(G2Projective::identity(), |sum, coefficient| sum * point + coefficient)
}

/// The public shares that these sharings of `dealers` add up to, one for each of `nodes` receivers.
pub fn next_keys(dealers: &[NodeIndex], shared: &[&Shared], nodes: usize) -> Option<Vec<PublicKey>> {
    let factors = lagrange_at_zero(dealers)?;
    let degree = shared.first()?.commitments.len();
    let coefficient = |at: usize| {
        let parts = shared
            .iter()
            .zip(&factors)
            .map(|(shared, factor)| shared.commitments.get(at).map(|commitment| commitment * factor));
        parts.sum::<Option<G2Projective>>()
    };
    let commitments = (0..degree).map(coefficient).collect::<Option<Vec<G2Projective>>>()?;
    let receivers = (0..=u16::MAX).map(NodeIndex).take(nodes);
    receivers.map(|receiver| PublicKey::from_point(evaluate(&commitments, receiver))).collect()
}

/// The secret share that these shares of `dealers` add up to.
pub fn next_secret(dealers: &[NodeIndex], shares: impl Iterator<Item = Option<Scalar>>) -> Option<SecretKey> {
    let factors = lagrange_at_zero(dealers)?;
    let mut sum = Scalar::from(0);
    for (share, factor) in shares.zip(factors) {
        sum += share? * factor;
    }
    SecretKey::from_bytes(&Zeroizing::new(sum.to_bytes_be())[..]).ok()
}
