//! RSASSA-PKCS1-v1_5 over SHA-256, as authenticators sign (WebAuthn's RS256).

use super::SignatureError;
use crate::types::limits::{RSA_EXPONENT_BYTES_MAX, RSA_MODULUS_BYTES_MAX, RSA_MODULUS_BYTES_MIN};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

/// A public key of bounded size, big-endian without leading zeros.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RsaKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl RsaKey {
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<RsaKey, SignatureError> {
        let positive = |number: &[u8]| number.first().is_some_and(|first| *first != 0);
        let fits = (RSA_MODULUS_BYTES_MIN..=RSA_MODULUS_BYTES_MAX).contains(&modulus.len())
            && exponent.len() <= RSA_EXPONENT_BYTES_MAX;
        match fits && positive(modulus) && positive(exponent) {
            true => Ok(RsaKey { modulus: modulus.to_vec(), exponent: exponent.to_vec() }),
            false => Err(SignatureError::InvalidRsaKey),
        }
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let key = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).map_err(|_| SignatureError::Invalid)
    }
}
