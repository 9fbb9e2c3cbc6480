//! Signatures of users: Ed25519, ECDSA on secp256k1 and P-256, by DER-encoded public key; those and RSA
//! as authenticators sign (WebAuthn); and the principals and DER forms of keys (interface spec,
//! "Authentication", "Signatures" and "Certification").
//!
//! Ed25519 follows ZIP 215 alone and in a batch, as on the Internet Computer. The cofactorless check
//! of RFC 8032 would not do: whether a batch with a crafted torsion component passes it depends on
//! the batch's random coefficients, and replicas could differ about a block (room rule 7).

mod der;
mod rsa;

pub use der::{Wrapped, may_hold_canister_key, unwrap_key};

use self::rsa::RsaKey;
use super::bls;
use crate::types::{BlsBytes, Principal};
use k256::ecdsa::signature::Verifier;
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha224};

/// SubjectPublicKeyInfo up to the raw key (RFC 8410).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// SubjectPublicKeyInfo up to the uncompressed point; curve 1.3.132.0.10 (RFC 5480).
const SECP256K1_PREFIX: [u8; 23] = [
    0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
];

/// SubjectPublicKeyInfo up to the uncompressed point; curve 1.2.840.10045.3.1.7 (RFC 5480).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// SubjectPublicKeyInfo up to the key in G2: algorithm 1.3.6.1.4.1.44668.5.3.1.2.1, curve
/// 1.3.6.1.4.1.44668.5.3.2.1 (interface spec, "Certification").
const BLS_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
    0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03, 0x02, 0x01,
    0x03, 0x61, 0x00,
];

/// A user's public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey(Scheme);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Scheme {
    Ed25519(ic_ed25519::PublicKey),
    Secp256k1(k256::ecdsa::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
    Rsa(RsaKey),
}

/// Why a key or a signature is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    #[error(
        "the public key is not the DER form of an Ed25519, secp256k1 (uncompressed) or P-256 (uncompressed) key"
    )]
    UnknownKey,
    #[error("the public key's {0} point is not on its curve")]
    InvalidKey(&'static str),
    #[error(
        "the RSA key's modulus has not 2048 to 8192 bits, or its exponent is no number up to 33 bits long"
    )]
    InvalidRsaKey,
    #[error("the signature has {0} bytes, 64 expected")]
    Length(usize),
    #[error("the signature is not the DER form of an ECDSA signature")]
    NotDer,
    #[error("the signature does not hold")]
    Invalid,
}

impl PublicKey {
    /// Reads a DER-encoded key in exactly the form that the interface spec prescribes.
    pub fn from_der(der: &[u8]) -> Result<PublicKey, SignatureError> {
        if let Some(raw) = der.strip_prefix(&ED25519_PREFIX).and_then(|raw| raw.try_into().ok()) {
            PublicKey::from_ed25519(raw)
        } else if let Some(point) = uncompressed(der, &SECP256K1_PREFIX) {
            let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(point);
            Ok(PublicKey(Scheme::Secp256k1(key.map_err(|_| SignatureError::InvalidKey("secp256k1"))?)))
        } else if let Some(point) = uncompressed(der, &P256_PREFIX) {
            PublicKey::from_p256(point)
        } else {
            Err(SignatureError::UnknownKey)
        }
    }

    /// A raw Ed25519 key.
    pub fn from_ed25519(raw: &[u8; 32]) -> Result<PublicKey, SignatureError> {
        let key = ic_ed25519::PublicKey::deserialize_raw(raw);
        key.map(|key| PublicKey(Scheme::Ed25519(key))).map_err(|_| SignatureError::InvalidKey("Ed25519"))
    }

    /// A point on P-256 in its SEC 1 form.
    pub fn from_p256(point: &[u8]) -> Result<PublicKey, SignatureError> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
        key.map(|key| PublicKey(Scheme::P256(key))).map_err(|_| SignatureError::InvalidKey("P-256"))
    }

    /// An RSA key, big-endian without leading zeros.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, SignatureError> {
        RsaKey::new(modulus, exponent).map(|key| PublicKey(Scheme::Rsa(key)))
    }

    /// Checks a 64-byte signature: Ed25519, or ECDSA r · s over SHA-256, of which either s is taken, as
    /// clients send both. RSA: RSASSA-PKCS1-v1_5 over SHA-256.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match &self.0 {
            Scheme::Ed25519(key) => {
                check_length(signature)?;
                key.verify_signature(message, signature).map_err(|_| SignatureError::Invalid)
            }
            Scheme::Secp256k1(key) => {
                check_length(signature)?;
                let signature =
                    k256::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
                // k256 takes the low s alone.
                let signature = signature.normalize_s().unwrap_or(signature);
                key.verify(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            Scheme::P256(key) => {
                check_length(signature)?;
                let signature =
                    p256::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
                key.verify(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            Scheme::Rsa(key) => key.verify(message, signature),
        }
    }

    /// Checks a signature in the form that authenticators give it (WebAuthn, "Signature Formats"): the
    /// same as [`PublicKey::verify`], but for P-256, whose signatures are in DER.
    pub fn verify_assertion(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match &self.0 {
            Scheme::P256(key) => {
                let signature =
                    p256::ecdsa::Signature::from_der(signature).map_err(|_| SignatureError::NotDer)?;
                key.verify(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            Scheme::Ed25519(_) | Scheme::Secp256k1(_) | Scheme::Rsa(_) => self.verify(message, signature),
        }
    }
}

fn uncompressed<'a>(der: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    der.strip_prefix(prefix).filter(|point| point.len() == 65 && point.first() == Some(&4))
}

fn check_length(signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() == 64 { Ok(()) } else { Err(SignatureError::Length(signature.len())) }
}

/// One signature to check together with others.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub key: &'a PublicKey,
    pub message: &'a [u8],
    pub signature: &'a [u8],
}

/// Checks many signatures, the Ed25519 ones at once: less than half the time of one by one. The answer
/// is that of [`PublicKey::verify`] for each, in order; `rng` only weighs the sum.
pub fn verify_batch(
    batch: &[Signed<'_>],
    rng: &mut (impl RngCore + CryptoRng),
) -> Vec<Result<(), SignatureError>> {
    if ed25519_holds(batch, rng) {
        let others = |item: &Signed<'_>| {
            if ed25519(item).is_some() { Ok(()) } else { item.key.verify(item.message, item.signature) }
        };
        return batch.iter().map(others).collect();
    }
    batch.iter().map(|item| item.key.verify(item.message, item.signature)).collect()
}

/// Whether all Ed25519 signatures of `batch` hold.
fn ed25519_holds(batch: &[Signed<'_>], rng: &mut (impl RngCore + CryptoRng)) -> bool {
    let keyed: Vec<(ic_ed25519::PublicKey, &Signed<'_>)> =
        batch.iter().filter_map(|item| Some((ed25519(item)?, item))).collect();
    let keys: Vec<_> = keyed.iter().map(|(key, _)| *key).collect();
    let messages: Vec<_> = keyed.iter().map(|(_, item)| item.message).collect();
    let signatures: Vec<_> = keyed.iter().map(|(_, item)| item.signature).collect();
    ic_ed25519::PublicKey::batch_verify(&messages, &signatures, &keys, rng).is_ok()
}

fn ed25519(item: &Signed<'_>) -> Option<ic_ed25519::PublicKey> {
    match &item.key.0 {
        Scheme::Ed25519(key) => Some(*key),
        _ => None,
    }
}

/// Whether `signature` is on `message` (all of it, domain separator included) by the owner of
/// `root_key`, a compressed point in G2.
pub fn verify_bls(root_key: &[u8; 96], message: &[u8], signature: &BlsBytes) -> bool {
    bls::PublicKey::from_bytes(root_key).is_some_and(|key| key.verify(message, signature))
}

/// The DER form of a root key, 133 bytes, as `/api/v2/status` shows it.
pub fn root_key_der(root_key: &[u8; 96]) -> Vec<u8> {
    [&BLS_PREFIX[..], root_key].concat()
}

/// The raw key in the DER form of a root key; `None` if the bytes are not one.
pub fn root_key_from_der(der: &[u8]) -> Option<[u8; 96]> {
    der.strip_prefix(&BLS_PREFIX)?.try_into().ok()
}

/// The DER form of a raw Ed25519 key, 44 bytes.
pub fn ed25519_der(raw: &[u8; 32]) -> [u8; 44] {
    let mut der = [0; 44];
    der[..12].copy_from_slice(&ED25519_PREFIX);
    der[12..].copy_from_slice(raw);
    der
}

/// The principal of whoever holds the key with this DER form: SHA-224, then the byte 2.
pub fn self_authenticating(der: &[u8]) -> Principal {
    let mut bytes = [2; 29];
    bytes[..28].copy_from_slice(&Sha224::digest(der));
    Principal::from_slice(&bytes)
}

#[cfg(test)]
pub(crate) mod tests;
