//! Envelope to [`Authenticated`].

use super::delegation::{self, Chain};
use crate::crypto::user::{PublicKey, SignatureError, Signed, self_authenticating, verify_batch};
use crate::encoding::DecodeError;
use crate::encoding::cbor::{self, Envelope};
use crate::types::limits::{INGRESS_BYTES_MAX, INGRESS_DRIFT_MS, INGRESS_TTL_MS, NONCE_BYTES_MAX};
use crate::types::{
    Authenticated, Ingress, Principal, SignedIngress, Time, UserCall, UserQuery, UserReadState,
};
use bytes::Bytes;
use rand::{CryptoRng, RngCore};

/// Why nobody can be held to have sent a request. The texts name the class.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    #[error("malformed request: {0}")]
    Malformed(#[from] DecodeError),
    #[error("request too large: {size} bytes, at most {INGRESS_BYTES_MAX} are allowed")]
    TooLarge { size: usize },
    // JavaScript agents synchronize their clock when they read these first three words.
    #[error("Invalid request expiry: {expiry} is in the past; it is {now} (nanoseconds since 1970)")]
    Expired { expiry: Time, now: Time },
    #[error(
        "Invalid request expiry: {expiry} is too far in the future; at most {max} is allowed (nanoseconds since 1970)"
    )]
    ExpiresTooLate { expiry: Time, max: Time },
    #[error("nonce too long: {0} bytes, at most {NONCE_BYTES_MAX} are allowed")]
    NonceTooLong(usize),
    #[error("anonymous request with a signature: omit sender_pubkey, sender_sig and sender_delegation")]
    AnonymousWithProof,
    #[error("missing signature: sender {0} is not anonymous, but sender_pubkey or sender_sig is absent")]
    MissingSignature(Principal),
    #[error("sender {sender} does not match the public key, whose principal is {of_key}")]
    SenderMismatch { sender: Principal, of_key: Principal },
    #[error("unsupported key type: {0} are not accepted yet")]
    UnsupportedKey(&'static str),
    #[error("sender_info must be signed by a canister, and canister signatures are not accepted yet")]
    SenderInfo,
    #[error("invalid public key: {0}")]
    PublicKey(SignatureError),
    #[error("invalid signature: {0}")]
    Signature(SignatureError),
    #[error("invalid delegation {index}: its signature is refused: {error}")]
    DelegationSignature { index: usize, error: SignatureError },
    #[error("delegation {index} expired at {expiration}; it is {now} (nanoseconds since 1970)")]
    DelegationExpired { index: usize, expiration: Time, now: Time },
    #[error("delegation cycle: the key of delegation {index} stands in the chain twice")]
    DelegationCycle { index: usize },
    #[error("the delegations' targets do not include canister {0}")]
    NotATarget(Principal),
    #[error("a delegation permits queries only, and this is an update call")]
    QueriesOnly,
}

/// What authentication must know of a request's content.
struct Claim {
    sender: Principal,
    expiry: Time,
    nonce_bytes: usize,
    /// The canister that the request is for, if it is for one.
    canister: Option<Principal>,
    updates: bool,
}

/// What becomes of the signature on a request, when all else holds: checked now, or noted for a batch.
type Check<'a> = &'a mut dyn FnMut(PublicKey, Vec<u8>, &[u8]) -> Result<(), SignatureError>;

fn check_at_once(key: PublicKey, message: Vec<u8>, signature: &[u8]) -> Result<(), SignatureError> {
    key.verify(&message, signature)
}

/// When a request may expire.
#[derive(Clone, Copy)]
struct Window {
    now: Time,
    max: Time,
}

impl Window {
    /// For a request that came in at `now`.
    fn arrival(now: Time) -> Window {
        Window { now, max: now.plus_ms(INGRESS_TTL_MS + INGRESS_DRIFT_MS) }
    }

    fn check(self, expiry: Time) -> Result<(), AuthError> {
        if expiry < self.now {
            return Err(AuthError::Expired { expiry, now: self.now });
        }
        if expiry > self.max {
            return Err(AuthError::ExpiresTooLate { expiry, max: self.max });
        }
        Ok(())
    }
}

/// Authenticates an update call that came in at `now`.
///
/// # Errors
/// The first rule that the envelope breaks.
pub fn authenticate_call(
    envelope: Bytes,
    now: Time,
) -> Result<(Authenticated<UserCall>, SignedIngress), AuthError> {
    authenticate_call_in(envelope, Window::arrival(now), &mut check_at_once)
}

/// Authenticates calls that came in at `now`, their signatures together: less than half the work of one
/// by one ([`verify_batch`]). The answers are those of [`authenticate_call`], in order; `rng` only weighs.
pub fn authenticate_calls(
    envelopes: Vec<Bytes>,
    now: Time,
    rng: &mut (impl RngCore + CryptoRng),
) -> Vec<Result<SignedIngress, AuthError>> {
    let window = Window::arrival(now);
    let mut claims = Vec::new();
    let judge = |(index, envelope)| {
        let mut later = |key, message, signature: &[u8]| {
            claims.push((index, key, message, signature.to_vec()));
            Ok(())
        };
        authenticate_call_in(envelope, window, &mut later).map(|(_, ingress)| ingress)
    };
    let mut calls: Vec<_> = envelopes.into_iter().enumerate().map(judge).collect();
    let signed = claims.iter().map(|(_, key, message, signature)| Signed { key, message, signature });
    let verdicts = verify_batch(&signed.collect::<Vec<_>>(), rng);
    for ((index, ..), verdict) in claims.iter().zip(verdicts) {
        if let (Some(call), Err(error)) = (calls.get_mut(*index), verdict) {
            *call = Err(AuthError::Signature(error));
        }
    }
    calls
}

/// Authenticates an update call in a block with time `block_time`, whatever its expiry: the pool checks
/// that, by a rule that fits what it selects.
pub(super) fn authenticate_in_block(envelope: Bytes, block_time: Time) -> Result<(), AuthError> {
    let window = Window { now: block_time, max: Time(u64::MAX) };
    authenticate_call_in(envelope, window, &mut check_at_once).map(|_| ())
}

fn authenticate_call_in(
    bytes: Bytes,
    window: Window,
    check: Check<'_>,
) -> Result<(Authenticated<UserCall>, SignedIngress), AuthError> {
    if bytes.len() > INGRESS_BYTES_MAX {
        return Err(AuthError::TooLarge { size: bytes.len() });
    }
    let envelope = cbor::read_call(&bytes)?;
    let call = &envelope.content;
    let claim = Claim {
        sender: call.sender,
        expiry: call.ingress_expiry,
        nonce_bytes: call.nonce.as_ref().map_or(0, Vec::len),
        canister: Some(call.canister_id),
        updates: true,
    };
    window.check(claim.expiry)?;
    let ingress =
        SignedIngress { id: envelope.id, expiry: envelope.valid_until(claim.expiry), envelope: bytes };
    Ok((authenticate(envelope, claim, window, check)?, ingress))
}

/// Authenticates a query that came in at `now`. An anonymous one may carry any expiry (interface spec,
/// "Authentication"): there is nothing to replay.
///
/// # Errors
/// As [`authenticate_call`].
pub fn authenticate_query(bytes: &[u8], now: Time) -> Result<Authenticated<UserQuery>, AuthError> {
    let envelope = cbor::read_query(bytes)?;
    let query = &envelope.content;
    let claim = Claim {
        sender: query.sender,
        expiry: query.ingress_expiry,
        nonce_bytes: query.nonce.as_ref().map_or(0, Vec::len),
        canister: Some(query.canister_id),
        updates: false,
    };
    authenticate_read(envelope, claim, now)
}

/// Authenticates a `read_state` request that came in at `now`; expiry as for queries.
///
/// # Errors
/// As [`authenticate_call`].
pub fn authenticate_read_state(bytes: &[u8], now: Time) -> Result<Authenticated<UserReadState>, AuthError> {
    let envelope = cbor::read_read_state(bytes)?;
    let request = &envelope.content;
    let claim = Claim {
        sender: request.sender,
        expiry: request.ingress_expiry,
        nonce_bytes: request.nonce.as_ref().map_or(0, Vec::len),
        canister: None,
        updates: false,
    };
    authenticate_read(envelope, claim, now)
}

/// Reads a call whose envelope some block carries: authenticated before, by whoever let it in.
///
/// # Errors
/// None for an envelope that was read before.
pub fn read_call(ingress: &SignedIngress) -> Result<Ingress, DecodeError> {
    let envelope = cbor::read_call(&ingress.envelope)?;
    Ok(Ingress { id: envelope.id, call: envelope.content })
}

fn authenticate_read<R>(
    envelope: Envelope<R>,
    claim: Claim,
    now: Time,
) -> Result<Authenticated<R>, AuthError> {
    let window = Window::arrival(now);
    if claim.sender != Principal::anonymous() {
        window.check(claim.expiry)?;
    }
    authenticate(envelope, claim, window, &mut check_at_once)
}

fn authenticate<R>(
    envelope: Envelope<R>,
    claim: Claim,
    window: Window,
    check: Check<'_>,
) -> Result<Authenticated<R>, AuthError> {
    if claim.nonce_bytes > NONCE_BYTES_MAX {
        return Err(AuthError::NonceTooLong(claim.nonce_bytes));
    }
    if envelope.sender_info.is_some() {
        return Err(AuthError::SenderInfo);
    }
    let targets = if claim.sender == Principal::anonymous() {
        check_anonymous(&envelope)?;
        None
    } else {
        check_signed(&envelope, &claim, window.now, check)?
    };
    Ok(Authenticated::by_ingress(envelope.content, envelope.id, targets.map(Into::into)))
}

fn check_anonymous<R>(envelope: &Envelope<R>) -> Result<(), AuthError> {
    let proof = envelope.sender_pubkey.is_some()
        || envelope.sender_sig.is_some()
        || envelope.sender_delegation.is_some();
    if proof { Err(AuthError::AnonymousWithProof) } else { Ok(()) }
}

/// Checks the proof, and returns the canisters that the delegations are limited to.
fn check_signed<R>(
    envelope: &Envelope<R>,
    claim: &Claim,
    now: Time,
    check: Check<'_>,
) -> Result<Option<Vec<Principal>>, AuthError> {
    let (Some(pubkey), Some(signature)) = (&envelope.sender_pubkey, &envelope.sender_sig) else {
        return Err(AuthError::MissingSignature(claim.sender));
    };
    let of_key = self_authenticating(pubkey);
    if of_key != claim.sender {
        return Err(AuthError::SenderMismatch { sender: claim.sender, of_key });
    }
    let delegations = envelope.sender_delegation.as_deref().unwrap_or_default();
    let Chain { key, targets } = delegation::follow(pubkey, delegations, now)?;
    if claim.updates && delegation::queries_only(delegations) {
        return Err(AuthError::QueriesOnly);
    }
    check_target(targets.as_deref(), claim.canister)?;
    let message = [b"\x0aic-request".as_slice(), &envelope.id.0].concat();
    check(key, message, signature).map_err(AuthError::Signature)?;
    Ok(targets)
}

fn check_target(targets: Option<&[Principal]>, canister: Option<Principal>) -> Result<(), AuthError> {
    match (targets, canister) {
        (Some(targets), Some(canister)) if !targets.contains(&canister) => {
            Err(AuthError::NotATarget(canister))
        }
        _ => Ok(()),
    }
}

/// Reads a key that users sign with.
pub(super) fn read_key(der: &[u8]) -> Result<PublicKey, AuthError> {
    PublicKey::from_der(der).map_err(|error| match unsupported_key(der) {
        Some(name) => AuthError::UnsupportedKey(name),
        None => AuthError::PublicKey(error),
    })
}

/// The name of a key type that the interface spec knows and this room does not, by the algorithm's
/// object identifier at the front of the DER.
fn unsupported_key(der: &[u8]) -> Option<&'static str> {
    const OID_PREFIX: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01];
    let at = der.windows(OID_PREFIX.len()).take(16).position(|window| window == OID_PREFIX)?;
    match der.get(at + OID_PREFIX.len()) {
        Some(1) => Some("WebAuthn keys"),
        Some(2) => Some("canister signatures"),
        _ => None,
    }
}
