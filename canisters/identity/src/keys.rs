//! Public keys in DER: those of devices, which sign requests, and those of apps' identities, which this canister signs for.

use crate::interface::Refusal;
use crate::limits::MAX_KEY_BYTES;
use candid::Principal;
use sha2::{Digest, Sha256};

/// How a device's key begins, and how long it is if that is fixed.
const FIXED: &[(&str, &[u8], usize)] = &[
    ("Ed25519", &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], 44),
    (
        "ECDSA on P-256",
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ],
        91,
    ),
    (
        "ECDSA on secp256k1",
        &[
            0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
            0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00, 0x04,
        ],
        88,
    ),
];

/// Algorithm 1.3.6.1.4.1.56387.1.1: a COSE key of WebAuthn.
const COSE: &[u8] = &[0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x01];

/// Algorithm 1.3.6.1.4.1.56387.1.2: signatures of canisters.
const CANISTER: &[u8] = &[0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x02];

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A passkey.
    WebAuthn,
    /// A key that a program holds.
    Plain,
}

pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The value of a DER element with this tag that is all of `bytes`.
fn whole(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, value) = match length {
        0x00..=0x7f => (usize::from(length), rest),
        0x81 => rest.split_first().map(|(&length, value)| (usize::from(length), value))?,
        0x82 => {
            let (length, value) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), value)
        }
        _ => return None,
    };
    (first == tag && length == value.len()).then_some(value)
}

/// A COSE key begins with a map of at least three entries.
fn is_cose(der: &[u8]) -> bool {
    let inner = whole(SEQUENCE, der).and_then(|value| value.strip_prefix(COSE));
    let key = inner.and_then(|rest| whole(BIT_STRING, rest)).and_then(|bits| bits.strip_prefix(&[0]));
    key.and_then(|key| key.first()).is_some_and(|first| (0xa3..=0xb7).contains(first))
}

/// What kind of key a device has.
///
/// # Errors
/// [`Refusal::Invalid`] if no request could be signed with it.
pub fn kind(der: &[u8]) -> Result<Kind, Refusal> {
    if der.len() > MAX_KEY_BYTES {
        return Err(Refusal::Invalid(format!("a public key of more than {MAX_KEY_BYTES} bytes")));
    }
    let plain = |(_, prefix, length): &(&str, &[u8], usize)| der.starts_with(prefix) && der.len() == *length;
    if FIXED.iter().any(plain) {
        return Ok(Kind::Plain);
    }
    let known: Vec<&str> = FIXED.iter().map(|(name, ..)| *name).collect();
    let expected = || format!("the public key is none of WebAuthn, {} in DER", known.join(", "));
    is_cose(der).then_some(Kind::WebAuthn).ok_or_else(|| Refusal::Invalid(expected()))
}

/// A session's key may be anything that a request can be signed with, so it is only looked at from outside.
///
/// # Errors
/// [`Refusal::Invalid`] if it is no sequence of DER or too long.
pub fn check_session(der: &[u8]) -> Result<(), Refusal> {
    if der.len() > MAX_KEY_BYTES || whole(SEQUENCE, der).is_none() {
        return Err(Refusal::Invalid("the session's key is no public key in DER".into()));
    }
    Ok(())
}

/// The principal that signs with this key.
pub fn principal(der: &[u8]) -> Principal {
    Principal::self_authenticating(der)
}

/// The public key, in DER, for which `canister` signs under `seed`.
pub fn canister_key(canister: Principal, seed: &[u8; 32]) -> Vec<u8> {
    let id = canister.as_slice();
    let raw = [&[id.len() as u8], id, seed].concat();
    let bits = [&[BIT_STRING, raw.len() as u8 + 1, 0], raw.as_slice()].concat();
    let body = [CANISTER, &bits].concat();
    [&[SEQUENCE, body.len() as u8], body.as_slice()].concat()
}
