//! A share encrypted to its receiver: U = r·g1, V = share ⊕ hash(r·key), W = r·H(label, U, V).
//!
//! W proves that U was made for this label and by someone who knows r: a ciphertext taken over from another
//! label is none, so nobody can be made to open another's. With D = secret·U, e(D, H) = e(key, W) proves to
//! everybody that D is what opens it.

use super::SecretBytes;
use super::shared::Label;
use crate::crypto::bls::equal_pairings;
use crate::crypto::hash::hash_parts;
use crate::types::NodeIndex;
use rand::RngCore;
use threshold_crypto::blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use threshold_crypto::group::Curve;
use threshold_crypto::group::ff::Field;
use threshold_crypto::group::prime::PrimeCurveAffine;
use zeroize::Zeroizing;

/// Bytes of a ciphertext.
pub const BYTES: usize = 48 + 32 + 96;

/// Domain of the hash to G2.
const SUITE: &[u8] = b"ATOLL_SHARE_BLS12381G2_XMD:SHA-256_SSWU_RO_";

/// Encrypts 32 bytes to `key`.
pub fn encrypt(
    label: &Label<'_>,
    receiver: NodeIndex,
    key: &G1Affine,
    share: &[u8; 32],
    rng: &mut impl RngCore,
) -> [u8; BYTES] {
    let random = Scalar::random(rng);
    let point = (G1Affine::generator() * random).to_compressed();
    let hidden = mask(label, receiver, &(key * random), share);
    let proof = (hash(label, receiver, &point, &hidden) * random).to_compressed();
    let mut bytes = [0; BYTES];
    bytes[..48].copy_from_slice(&point);
    bytes[48..80].copy_from_slice(&*hidden);
    bytes[80..].copy_from_slice(&proof);
    bytes
}

/// What is encrypted, or hidden again: the mask is undone by itself.
fn mask(label: &Label<'_>, receiver: NodeIndex, opening: &G1Projective, bytes: &[u8; 32]) -> SecretBytes {
    let point = opening.to_affine().to_compressed();
    let mask = hash_parts("atoll-share", &[&label.digest(receiver).0, &point]);
    let mut masked = Zeroizing::new(*bytes);
    masked.iter_mut().zip(mask.0).for_each(|(byte, mask)| *byte ^= mask);
    masked
}

fn hash(label: &Label<'_>, receiver: NodeIndex, point: &[u8; 48], hidden: &[u8; 32]) -> G2Projective {
    let message = hash_parts("atoll-share-proof", &[&label.digest(receiver).0, point, hidden]);
    G2Projective::hash_to_curve(&message.0, SUITE, &[])
}

/// A ciphertext that was made for its label.
pub struct Ciphertext {
    point: G1Affine,
    hidden: [u8; 32],
    proof: G2Affine,
    hash: G2Affine,
}

impl Ciphertext {
    /// Reads and checks one; `None` if it is none.
    pub fn decode(bytes: &[u8; BYTES], label: &Label<'_>, receiver: NodeIndex) -> Option<Ciphertext> {
        let (point_bytes, rest) = bytes.split_first_chunk::<48>()?;
        let (hidden, proof) = rest.split_first_chunk::<32>()?;
        let point = decode_g1(point_bytes)?;
        let proof: G2Affine = Option::from(G2Affine::from_compressed(proof.try_into().ok()?))?;
        let hash = hash(label, receiver, point_bytes, hidden).to_affine();
        let holds = !bool::from(proof.is_identity())
            && equal_pairings((&proof, &G1Affine::generator()), (&hash, &point));
        holds.then_some(Ciphertext { point, hidden: *hidden, proof, hash })
    }

    /// Decrypts with the receiver's secret.
    pub fn decrypt(&self, label: &Label<'_>, receiver: NodeIndex, secret: &Scalar) -> SecretBytes {
        mask(label, receiver, &(self.point * secret), &self.hidden)
    }

    /// What opens it, for everybody.
    pub fn opening(&self, secret: &Scalar) -> [u8; 48] {
        (self.point * secret).to_affine().to_compressed()
    }

    /// Decrypts with an opening, if it is that of the receiver with this public key.
    pub fn open(
        &self,
        label: &Label<'_>,
        receiver: NodeIndex,
        key: &[u8; 48],
        opening: &[u8; 48],
    ) -> Option<SecretBytes> {
        let (key, opening) = (decode_g1(key)?, decode_g1(opening)?);
        let holds = equal_pairings((&self.hash, &opening), (&self.proof, &key));
        holds.then(|| mask(label, receiver, &opening.into(), &self.hidden))
    }
}

/// A point of G1's subgroup, not the identity.
pub fn decode_g1(bytes: &[u8; 48]) -> Option<G1Affine> {
    let point: G1Affine = Option::from(G1Affine::from_compressed(bytes))?;
    (!bool::from(point.is_identity())).then_some(point)
}
