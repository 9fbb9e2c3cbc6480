//! Keys that users sign with, of every kind that the interface spec knows ("Signatures").

use super::webauthn::{self, AssertionError};
use crate::certification::{CanisterKey, CanisterSignatureError, Verifier};
use crate::crypto::user::{PublicKey, SignatureError, Wrapped, unwrap_key};
use crate::encoding::DecodeError;
use crate::encoding::cbor::{CoseKey, read_cose_key};

/// A public key, by the way in which its signatures are checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SenderKey {
    /// Signs the payload itself.
    Plain(PublicKey),
    /// Held by an authenticator, which signs a challenge that a browser passed on.
    Authenticator(PublicKey),
    /// A canister's.
    Canister(CanisterKey),
}

/// Why a key cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Plain(#[from] SignatureError),
    #[error("not a COSE key of ES256, RS256 or EdDSA: {0}")]
    Cose(#[from] DecodeError),
    #[error("not the key of a canister's signatures: no canister id where it should stand")]
    Canister,
}

/// Why a signature does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Plain(#[from] SignatureError),
    #[error("WebAuthn: {0}")]
    Authenticator(#[from] AssertionError),
    #[error("canister signature: {0}")]
    Canister(#[from] CanisterSignatureError),
}

impl SenderKey {
    /// Reads a DER-encoded key.
    pub fn from_der(der: &[u8]) -> Result<SenderKey, KeyError> {
        match unwrap_key(der) {
            None => Ok(SenderKey::Plain(PublicKey::from_der(der)?)),
            Some(Wrapped::Cose(key)) => Ok(SenderKey::Authenticator(read_authenticator_key(key)?)),
            Some(Wrapped::Canister(key)) => {
                CanisterKey::decode(key).map(SenderKey::Canister).ok_or(KeyError::Canister)
            }
        }
    }

    /// Checks a signature on `payload`, domain separator included.
    pub fn verify(&self, verifier: &Verifier, payload: &[u8], signature: &[u8]) -> Result<(), ProofError> {
        match self {
            SenderKey::Plain(key) => Ok(key.verify(payload, signature)?),
            SenderKey::Authenticator(key) => Ok(webauthn::verify(key, payload, signature)?),
            SenderKey::Canister(key) => Ok(key.verify(verifier, payload, signature)?),
        }
    }
}

fn read_authenticator_key(cose: &[u8]) -> Result<PublicKey, KeyError> {
    Ok(match read_cose_key(cose)? {
        CoseKey::P256 { x, y } => PublicKey::from_p256(&[&[4][..], &x, &y].concat())?,
        CoseKey::Rsa { modulus, exponent } => PublicKey::from_rsa(&modulus, &exponent)?,
        CoseKey::Ed25519(raw) => PublicKey::from_ed25519(&raw)?,
    })
}
