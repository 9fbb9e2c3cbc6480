//! BLS12-381 in the Internet Computer's suite: signatures in G1 (48 bytes), keys in G2 (96 bytes), and
//! one sharing of a key among the committee. Node i's share is the secret polynomial at i + 1.

use super::hash::hash_parts;
use super::reader::Reader;
use crate::types::{BlsBytes, NodeIndex};
use blst::min_sig::SecretKey;
use blst::{Pairing, blst_fp12};
use std::sync::atomic::{AtomicU64, Ordering};
use threshold_crypto::blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use threshold_crypto::group::ff::Field;
use threshold_crypto::group::prime::PrimeCurveAffine;
use threshold_crypto::group::{Curve, Group};
use zeroize::Zeroizing;

/// The suite of the interface spec, "Certification".
const SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// What stands for the share of a node that has no secret: no point, so nobody takes it for one.
const NO_SHARE: BlsBytes = BlsBytes([0; 48]);

/// A signature with `secret`, in the suite.
pub(super) fn sign(secret: &SecretKey, message: &[u8]) -> BlsBytes {
    BlsBytes(secret.sign(message, SUITE, &[]).to_bytes())
}

/// A checked public key.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct PublicKey(G2Affine);

impl PublicKey {
    /// The key of a point, if it is not the identity.
    pub fn from_point(point: G2Projective) -> Option<PublicKey> {
        (!bool::from(point.is_identity())).then(|| PublicKey(point.to_affine()))
    }

    /// The point.
    pub fn point(&self) -> &G2Affine {
        &self.0
    }

    /// Room rule 3: on the curve, in the subgroup, not the identity.
    pub fn from_bytes(bytes: &[u8; 96]) -> Option<PublicKey> {
        let point: G2Affine = Option::from(G2Affine::from_compressed(bytes))?;
        (!bool::from(point.is_identity())).then_some(PublicKey(point))
    }

    pub fn to_bytes(self) -> [u8; 96] {
        self.0.to_compressed()
    }

    /// The key of a secret share.
    pub fn of(secret: &SecretKey) -> Option<PublicKey> {
        PublicKey::from_bytes(&secret.sk_to_pk().to_bytes())
    }

    /// Whether this key and the `commitment` in G1 hide one and the same secret: e(C, g2) = e(g1, P).
    pub fn matches(&self, commitment: &G1Affine) -> bool {
        let left = (&G2Affine::generator(), commitment);
        !bool::from(commitment.is_identity()) && equal_pairings(left, (&self.0, &G1Affine::generator()))
    }

    pub fn verify(&self, message: &[u8], signature: &BlsBytes) -> bool {
        decode_signature(signature).is_some_and(|point| self.verify_point(message, &point))
    }

    /// e(signature, g2) = e(H(message), key).
    fn verify_point(&self, message: &[u8], signature: &G1Affine) -> bool {
        equal_pairings((&G2Affine::generator(), signature), (&self.0, &hash_to_curve(message)))
    }
}

fn hash_to_curve(message: &[u8]) -> G1Affine {
    G1Projective::hash_to_curve(message, SUITE, &[]).to_affine()
}

/// A signature on `message` that is claimed to be of `key`.
pub(super) struct Claim<'a> {
    pub key: &'a PublicKey,
    pub message: &'a [u8],
    pub signature: G1Affine,
}

/// Whether both claims hold, by one final exponentiation:
/// e(s + r·s', g2) = e(H(m), k) · e(r·H(m'), k'), where r is drawn from all that was claimed, so that
/// two claims that are wrong can cancel each other by chance alone (2^-128).
pub(super) fn verify_both(first: &Claim<'_>, second: &Claim<'_>) -> bool {
    let factor = factor(first, second);
    let sum = (G1Projective::from(first.signature) + second.signature * factor).to_affine();
    let other = (hash_to_curve(second.message) * factor).to_affine();
    if bool::from(sum.is_identity()) || bool::from(other.is_identity()) {
        return false;
    }
    let mut pairing = Pairing::new(true, SUITE);
    pairing.raw_aggregate(G2Affine::generator().as_ref(), sum.as_ref());
    pairing.raw_aggregate(first.key.0.as_ref(), (-hash_to_curve(first.message)).as_ref());
    pairing.raw_aggregate(second.key.0.as_ref(), (-other).as_ref());
    is_one(&mut pairing)
}

/// 128 bits that nobody can choose.
fn factor(first: &Claim<'_>, second: &Claim<'_>) -> Scalar {
    let part = |claim: &Claim<'_>| {
        let (key, signature) = (claim.key.to_bytes(), claim.signature.to_compressed());
        hash_parts("atoll-claim", &[&key, claim.message, &signature])
    };
    let hash = hash_parts("atoll-claims", &[&part(first).0, &part(second).0]).0;
    let half = |at: usize| hash.iter().skip(at).take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    // 2^64 · a + b, and never zero.
    let shift = Scalar::from(u64::MAX) + Scalar::one();
    Scalar::from(half(0)) * shift + Scalar::from(half(8) | 1)
}

/// For metrics; nothing is decided by it.
static CHECKS: AtomicU64 = AtomicU64::new(0);

/// How many final exponentiations, the cost of a check, this process has done.
pub(super) fn checks() -> u64 {
    CHECKS.load(Ordering::Relaxed)
}

/// Whether two pairings of points other than the identity are equal, by one shared Miller loop. (The
/// `verify` of `blst` itself takes two, on a pool of threads.)
pub(super) fn equal_pairings(left: (&G2Affine, &G1Affine), right: (&G2Affine, &G1Affine)) -> bool {
    let mut pairing = Pairing::new(true, SUITE);
    pairing.raw_aggregate(left.0.as_ref(), left.1.as_ref());
    pairing.raw_aggregate(right.0.as_ref(), (-right.1).as_ref());
    is_one(&mut pairing)
}

/// The check itself, which is what costs.
fn is_one(pairing: &mut Pairing) -> bool {
    CHECKS.fetch_add(1, Ordering::Relaxed);
    #[cfg(test)]
    CHECKED_HERE.set(CHECKED_HERE.get() + 1);
    pairing.as_fp12().final_exp() == blst_fp12::default()
}

#[cfg(test)]
thread_local! {
    static CHECKED_HERE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How many pairings this thread has checked.
#[cfg(test)]
pub fn pairing_checks() -> u64 {
    CHECKED_HERE.get()
}

/// Room rule 3: on the curve, in the subgroup, not the identity.
pub(super) fn decode_signature(bytes: &BlsBytes) -> Option<G1Affine> {
    let point: G1Affine = Option::from(G1Affine::from_compressed(&bytes.0))?;
    (!bool::from(point.is_identity())).then_some(point)
}

/// One key shared among the committee: this node's secret share, if it has one, and everybody's public ones.
pub(super) struct Sharing {
    threshold: usize,
    secret: Option<SecretKey>,
    group: PublicKey,
    shares: Vec<PublicKey>,
}

impl Sharing {
    /// A sharing of which any `threshold` shares make the key; `None` if `secret` is given and not the share
    /// of node `own`, or if the shares have no key.
    pub fn new(
        threshold: usize,
        own: NodeIndex,
        secret: Option<SecretKey>,
        shares: Vec<PublicKey>,
    ) -> Option<Sharing> {
        let group = interpolate_keys(threshold, &shares)?;
        let public = secret.as_ref().map(PublicKey::of);
        let matches = public.is_none_or(|public| shares.get(usize::from(own.0)) == public.as_ref());
        matches.then_some(Sharing { threshold, secret, group, shares })
    }

    /// Everybody's public shares.
    pub fn shares(&self) -> &[PublicKey] {
        &self.shares
    }

    /// This node's secret share.
    pub fn secret(&self) -> Option<&SecretKey> {
        self.secret.as_ref()
    }

    pub fn threshold(&self) -> usize {
        self.threshold
    }

    pub fn group(&self) -> &PublicKey {
        &self.group
    }

    /// A share of the signature; [`NO_SHARE`] without a secret.
    pub fn sign(&self, message: &[u8]) -> BlsBytes {
        self.secret.as_ref().map_or(NO_SHARE, |secret| sign(secret, message))
    }

    pub fn verify_share(&self, message: &[u8], signer: NodeIndex, share: &BlsBytes) -> bool {
        self.shares.get(usize::from(signer.0)).is_some_and(|key| key.verify(message, share))
    }

    /// The signature that `shares` of distinct nodes lie on, if they decode and it holds.
    pub fn combine(&self, message: &[u8], shares: &[(NodeIndex, BlsBytes)]) -> Option<BlsBytes> {
        let signature = interpolate_signature(shares)?;
        self.group.verify_point(message, &signature).then(|| BlsBytes(signature.to_compressed()))
    }

    /// What `shares` lie on, claimed to be the signature on `message`.
    pub fn claim<'a>(&'a self, message: &'a [u8], shares: &[(NodeIndex, BlsBytes)]) -> Option<Claim<'a>> {
        Some(Claim { key: &self.group, message, signature: interpolate_signature(shares)? })
    }

    /// Threshold, secret share (zero for none), public shares; the group key follows from them.
    pub fn encode(&self, out: &mut Zeroizing<Vec<u8>>) {
        out.extend_from_slice(&(self.threshold as u32).to_be_bytes());
        let secret = self.secret.as_ref().map_or([0; 32], SecretKey::to_bytes);
        out.extend_from_slice(Zeroizing::new(secret).as_ref());
        self.shares.iter().for_each(|share| out.extend_from_slice(&share.to_bytes()));
    }

    /// Reads a sharing among `n` nodes and checks it as `new` does.
    pub fn decode(reader: &mut Reader<'_>, n: usize, own: NodeIndex) -> Option<Sharing> {
        let threshold = usize::try_from(u32::from_be_bytes(reader.array()?)).ok()?;
        let secret = match reader.slice(32)? {
            none if none.iter().all(|byte| *byte == 0) => None,
            some => Some(SecretKey::from_bytes(some).ok()?),
        };
        let shares = (0..n).map(|_| PublicKey::from_bytes(&reader.array()?)).collect::<Option<_>>()?;
        Sharing::new(threshold, own, secret, shares)
    }
}

/// The point that `shares` of distinct nodes lie on, if they decode; not the identity.
fn interpolate_signature(shares: &[(NodeIndex, BlsBytes)]) -> Option<G1Affine> {
    let points = shares.iter().map(|(_, share)| decode_signature(share)).collect::<Option<Vec<_>>>()?;
    let nodes: Vec<NodeIndex> = shares.iter().map(|(node, _)| *node).collect();
    let products = points.iter().zip(lagrange_at_zero(&nodes)?).map(|(point, factor)| point * factor);
    let signature = products.sum::<G1Projective>().to_affine();
    (!bool::from(signature.is_identity())).then_some(signature)
}

/// The group's key: the first `threshold` public shares, interpolated at 0.
fn interpolate_keys(threshold: usize, shares: &[PublicKey]) -> Option<PublicKey> {
    let shares = shares.get(..threshold).filter(|shares| !shares.is_empty())?;
    let nodes: Vec<NodeIndex> = (0..=u16::MAX).map(NodeIndex).take(threshold).collect();
    let products = shares.iter().zip(lagrange_at_zero(&nodes)?).map(|(share, factor)| share.0 * factor);
    let sum: G2Projective = products.sum();
    (!bool::from(sum.is_identity())).then(|| PublicKey(sum.to_affine()))
}

/// What each of `nodes` is multiplied by to get from their points i + 1 to the point 0: the product of
/// j / (j − i) over the others j. `None` if a node is named twice.
pub(super) fn lagrange_at_zero(nodes: &[NodeIndex]) -> Option<Vec<Scalar>> {
    let points: Vec<Scalar> = nodes.iter().map(|node| Scalar::from(u64::from(node.0) + 1)).collect();
    let factor = |(i, own): (usize, &Scalar)| {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        let (above, below) = others.fold((Scalar::one(), Scalar::one()), |(above, below), (_, other)| {
            (above * other, below * (other - own))
        });
        Option::<Scalar>::from(below.invert()).map(|inverse| above * inverse)
    };
    points.iter().enumerate().map(factor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_claims_that_are_wrong_by_the_same_amount_do_not_cancel() {
        let secrets = [1, 2].map(|seed| SecretKey::key_gen(&[seed; 32], &[]).unwrap());
        let keys = secrets.clone().map(|secret| PublicKey::of(&secret).unwrap());
        let sign = |of: usize| BlsBytes(secrets[of].sign(&[of as u8], SUITE, &[]).to_bytes());
        let points = [0, 1].map(|of| decode_signature(&sign(of)).unwrap());
        let holds = |first: G1Affine, second: G1Affine| {
            let claim = |of: usize, message, signature| Claim { key: &keys[of], message, signature };
            verify_both(&claim(0, &[0], first), &claim(1, &[1], second))
        };
        assert!(holds(points[0], points[1]));
        let amount = G1Projective::from(hash_to_curve(b"amount"));
        let add = |point: G1Affine| (G1Projective::from(point) + amount).to_affine();
        let subtract = |point: G1Affine| (G1Projective::from(point) - amount).to_affine();
        assert!(!holds(add(points[0]), subtract(points[1])));
        assert!(!holds(add(points[0]), points[1]) && !holds(points[0], add(points[1])));
        assert!(!holds(points[1], points[0]));
    }
}
