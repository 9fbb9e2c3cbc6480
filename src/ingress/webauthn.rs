//! Signatures of authenticators (interface spec, "Web Authentication"): the payload is the challenge
//! that the browser's JSON quotes, and the signature covers that JSON.

use crate::crypto::hash::sha256;
use crate::crypto::user::{PublicKey, SignatureError};
use crate::encoding::DecodeError;
use crate::encoding::cbor::read_assertion;
use serde::Deserialize;

/// Why an authenticator's signature does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssertionError {
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    #[error("client_data_json is not a JSON object with one text named challenge")]
    ClientData,
    #[error("the challenge in client_data_json is not the base64url encoding of what was to be signed")]
    Challenge,
    #[error("{0}")]
    Signature(#[from] SignatureError),
}

/// What counts of the browser's JSON; its other fields are passed over.
#[derive(Deserialize)]
struct ClientData {
    challenge: String,
}

/// Checks that the authenticator with this key signed `payload`.
pub(super) fn verify(key: &PublicKey, payload: &[u8], signature: &[u8]) -> Result<(), AssertionError> {
    let assertion = read_assertion(signature)?;
    let client_data: ClientData =
        serde_json::from_str(&assertion.client_data_json).map_err(|_| AssertionError::ClientData)?;
    if client_data.challenge != base64url(payload) {
        return Err(AssertionError::Challenge);
    }
    let digest = sha256(assertion.client_data_json.as_bytes());
    let signed = [assertion.authenticator_data.as_slice(), &digest.0].concat();
    Ok(key.verify_assertion(&signed, &assertion.signature)?)
}

/// RFC 4648, section 5, without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |group: u32, place: u32| {
        let value = group >> (18 - 6 * place) & 0x3f;
        DIGITS.get(value as usize).copied().map_or('A', char::from)
    };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().zip([16, 8, 0]).fold(0, |group, (byte, shift)| group | u32::from(*byte) << shift);
        // A byte more is a digit more, on top of the first.
        text.extend((0..4).take(chunk.len() + 1).map(|place| digit(group, place)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_encodes_the_vectors_of_the_rfc() {
        let vectors = [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff, 0xbf]), "-_-_");
    }
}
