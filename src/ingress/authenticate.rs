//! Envelope to [`Authenticated`].

use super::batch::{Check, Claimed, Complaint};
use super::delegation::{self, Chain};
use super::key::{KeyError, ProofError, SenderKey};
use crate::certification::Verifier;
use crate::crypto::user::{may_hold_canister_key, self_authenticating};
use crate::encoding::DecodeError;
use crate::encoding::cbor::{self, Envelope, SenderInfoProof};
use crate::encoding::management::effective_canister_id;
use crate::encoding::request_id::{Value, hash_of_map};
use crate::types::limits::{
    ENVELOPE_BYTES_PROMPT, INGRESS_BYTES_MAX, INGRESS_DRIFT_MS, INGRESS_TTL_MS, NONCE_BYTES_MAX,
};
use crate::types::{
    Authenticated, Ingress, Principal, RequestId, SignedIngress, Time, UserCall, UserQuery, UserReadState,
    management_canister,
};
use bytes::Bytes;

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
    #[error("anonymous request with sender_info: only identities that a canister signs for can have it")]
    AnonymousWithInfo,
    #[error("missing signature: sender {0} is not anonymous, but sender_pubkey or sender_sig is absent")]
    MissingSignature(Principal),
    #[error("sender {sender} does not match the public key, whose principal is {of_key}")]
    SenderMismatch { sender: Principal, of_key: Principal },
    #[error("invalid public key: {0}")]
    PublicKey(KeyError),
    #[error("invalid signature: {0}")]
    Signature(ProofError),
    #[error("invalid delegation {index}: its signature is refused: {error}")]
    DelegationSignature { index: usize, error: ProofError },
    #[error("invalid delegation {index}: invalid public key: {error}")]
    DelegationKey { index: usize, error: KeyError },
    #[error("delegation {index} expired at {expiration}; it is {now} (nanoseconds since 1970)")]
    DelegationExpired { index: usize, expiration: Time, now: Time },
    #[error("delegation cycle: the key of delegation {index} stands in the chain twice")]
    DelegationCycle { index: usize },
    #[error("the delegations' targets do not include canister {0}")]
    NotATarget(Principal),
    #[error("a delegation permits queries only, and this is an update call")]
    QueriesOnly,
    #[error("sender_info without a canister's key: sender_pubkey must be the key of a canister signature")]
    InfoWithoutCanisterKey,
    #[error("the signer of sender_info is {signer}, but sender_pubkey is a key of canister {canister}")]
    InfoSigner { signer: Principal, canister: Principal },
    #[error("invalid sender_info: its signature is refused: {0}")]
    InfoSignature(ProofError),
}

/// What authentication must know of a request's content.
struct Claim {
    sender: Principal,
    expiry: Time,
    nonce_bytes: usize,
    /// Canisters that the request is for: one of them must be a target of the delegations.
    canisters: Vec<Principal>,
    updates: bool,
}

/// When a request may expire.
#[derive(Clone, Copy)]
pub(super) struct Window {
    now: Time,
    max: Time,
}

impl Window {
    /// For a request that came in at `now`.
    pub(super) fn arrival(now: Time) -> Window {
        Window { now, max: now.plus_ms(INGRESS_TTL_MS + INGRESS_DRIFT_MS) }
    }

    /// For a call that a block carries, whose time is judged elsewhere.
    pub(super) const ANY: Window = Window { now: Time::ZERO, max: Time(u64::MAX) };

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

/// A query that this node asks as anybody could: anonymous, so that there is nothing to prove.
pub fn anonymous_query(
    canister_id: Principal,
    method: &str,
    arg: &[u8],
    now: Time,
) -> Authenticated<UserQuery> {
    let sender = Principal::anonymous();
    let id = hash_of_map(&[
        ("request_type", Value::Text("query")),
        ("ingress_expiry", Value::Nat(now.0)),
        ("sender", Value::Bytes(sender.as_slice())),
        ("canister_id", Value::Bytes(canister_id.as_slice())),
        ("method_name", Value::Text(method)),
        ("arg", Value::Bytes(arg)),
    ]);
    let query = UserQuery {
        canister_id,
        method_name: method.to_owned(),
        arg: arg.to_vec(),
        sender,
        ingress_expiry: now,
        nonce: None,
        sender_info: None,
    };
    Authenticated::by_ingress(query, RequestId(id.0), None)
}

/// Lets users in: knows the root key, which canister signatures lead to.
pub struct Authenticator {
    verifier: Verifier,
}

impl Authenticator {
    /// For the subnet with this root key (96 bytes in G2).
    pub fn new(root_key: [u8; 96]) -> Authenticator {
        Authenticator { verifier: Verifier::new(root_key) }
    }

    /// Authenticates an update call that came in at `now`.
    ///
    /// # Errors
    /// The first rule that the envelope breaks.
    pub fn authenticate_call(
        &self,
        envelope: Bytes,
        now: Time,
    ) -> Result<(Authenticated<UserCall>, SignedIngress), AuthError> {
        self.authenticate_call_in(envelope, Window::arrival(now), &mut self.at_once())
    }

    /// Authenticates a call that a block carries: whether its proof holds, whatever the time is. The pool checks the
    /// expiry, by a rule that fits what it selects.
    ///
    /// # Errors
    /// The first rule that the envelope breaks.
    pub fn authenticate_body(&self, envelope: Bytes) -> Result<SignedIngress, AuthError> {
        self.authenticate_call_in(envelope, Window::ANY, &mut self.at_once()).map(|(_, ingress)| ingress)
    }

    fn at_once(&self) -> impl FnMut(SenderKey, Claimed<'_>) -> Result<(), AuthError> {
        |key, claimed| self.check_now(&key, &claimed)
    }

    pub(super) fn check_now(&self, key: &SenderKey, claimed: &Claimed<'_>) -> Result<(), AuthError> {
        let held = key.verify(&self.verifier, &claimed.message, claimed.signature);
        held.map_err(|error| claimed.complaint.about(error))
    }

    pub(super) fn authenticate_call_in(
        &self,
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
            canisters: vec![call.canister_id],
            updates: true,
        };
        window.check(claim.expiry)?;
        let ingress =
            SignedIngress { id: envelope.id, expiry: envelope.valid_until(claim.expiry), envelope: bytes };
        Ok((self.authenticate(envelope, claim, window, check)?, ingress))
    }

    /// Authenticates a query that came in at `now`. An anonymous one may carry any expiry (interface
    /// spec, "Authentication"): there is nothing to replay.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate_call`].
    pub fn authenticate_query(&self, bytes: &[u8], now: Time) -> Result<Authenticated<UserQuery>, AuthError> {
        let envelope = cbor::read_query(bytes)?;
        let query = &envelope.content;
        let claim = Claim {
            sender: query.sender,
            expiry: query.ingress_expiry,
            nonce_bytes: query.nonce.as_ref().map_or(0, Vec::len),
            canisters: queried(query),
            updates: false,
        };
        self.authenticate_read(envelope, claim, now)
    }

    /// Authenticates a `read_state` request that came in at `now`; expiry as for queries.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate_call`].
    pub fn authenticate_read_state(
        &self,
        bytes: &[u8],
        now: Time,
    ) -> Result<Authenticated<UserReadState>, AuthError> {
        let envelope = cbor::read_read_state(bytes)?;
        let request = &envelope.content;
        let claim = Claim {
            sender: request.sender,
            expiry: request.ingress_expiry,
            nonce_bytes: request.nonce.as_ref().map_or(0, Vec::len),
            canisters: Vec::new(),
            updates: false,
        };
        self.authenticate_read(envelope, claim, now)
    }

    fn authenticate_read<R>(
        &self,
        envelope: Envelope<R>,
        claim: Claim,
        now: Time,
    ) -> Result<Authenticated<R>, AuthError> {
        let window = Window::arrival(now);
        if claim.sender != Principal::anonymous() {
            window.check(claim.expiry)?;
        }
        self.authenticate(envelope, claim, window, &mut self.at_once())
    }

    fn authenticate<R>(
        &self,
        envelope: Envelope<R>,
        claim: Claim,
        window: Window,
        check: Check<'_>,
    ) -> Result<Authenticated<R>, AuthError> {
        if claim.nonce_bytes > NONCE_BYTES_MAX {
            return Err(AuthError::NonceTooLong(claim.nonce_bytes));
        }
        let targets = if claim.sender == Principal::anonymous() {
            check_anonymous(&envelope)?;
            None
        } else {
            self.check_signed(&envelope, &claim, window.now, check)?
        };
        Ok(Authenticated::by_ingress(envelope.content, envelope.id, targets.map(Into::into)))
    }

    /// Checks the proof, and returns the canisters that the delegations are limited to. What costs no
    /// signature check comes first.
    fn check_signed<R>(
        &self,
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
        delegation::check_fresh(pubkey, delegations, now)?;
        if claim.updates && delegation::queries_only(delegations) {
            return Err(AuthError::QueriesOnly);
        }
        let sender = SenderKey::from_der(pubkey).map_err(AuthError::PublicKey)?;
        let Chain { key, targets } = delegation::follow(check, &sender, delegations)?;
        check_target(targets.as_deref(), &claim.canisters)?;
        let message = [b"\x0aic-request".as_slice(), &envelope.id.0].concat();
        check(key, Claimed { message, signature, complaint: Complaint::Request })?;
        if let Some(proof) = &envelope.sender_info {
            self.check_info(&sender, proof)?;
        }
        Ok(targets)
    }

    /// `sender_info` is signed by the canister whose key is the sender's, with that same key.
    fn check_info(&self, sender: &SenderKey, proof: &SenderInfoProof) -> Result<(), AuthError> {
        let SenderKey::Canister(key) = sender else {
            return Err(AuthError::InfoWithoutCanisterKey);
        };
        if proof.info.signer != key.canister {
            return Err(AuthError::InfoSigner { signer: proof.info.signer, canister: key.canister });
        }
        let message = [b"\x0eic-sender-info".as_slice(), &proof.info.info].concat();
        sender.verify(&self.verifier, &message, &proof.sig).map_err(AuthError::InfoSignature)
    }
}

/// The canisters that a query is for: the one that it calls; the one, too, that a query of the
/// management canister is about, so that a canister's logs can be read within delegations to it.
fn queried(query: &UserQuery) -> Vec<Principal> {
    let about = match query.canister_id == management_canister() {
        true => effective_canister_id(&query.method_name, &query.arg),
        false => None,
    };
    std::iter::once(query.canister_id).chain(about).collect()
}

/// Reads a call whose envelope some block carries: authenticated before, by whoever let it in.
///
/// # Errors
/// None for an envelope that was read before.
pub fn read_call(ingress: &SignedIngress) -> Result<Ingress, DecodeError> {
    let envelope = cbor::read_call_again(ingress)?;
    Ok(Ingress { id: envelope.id, call: envelope.content })
}

/// Whether to authenticate this envelope may take longer than a thread should be held up that others wait for:
/// there is much to hash, or a canister's key, whose signatures are certificates.
pub fn is_costly(envelope: &[u8]) -> bool {
    envelope.len() > ENVELOPE_BYTES_PROMPT || may_hold_canister_key(envelope)
}

fn check_anonymous<R>(envelope: &Envelope<R>) -> Result<(), AuthError> {
    let proof = envelope.sender_pubkey.is_some()
        || envelope.sender_sig.is_some()
        || envelope.sender_delegation.is_some();
    match (proof, envelope.sender_info.is_some()) {
        (true, _) => Err(AuthError::AnonymousWithProof),
        (false, true) => Err(AuthError::AnonymousWithInfo),
        (false, false) => Ok(()),
    }
}

/// No canister: the request is for none in particular.
fn check_target(targets: Option<&[Principal]>, canisters: &[Principal]) -> Result<(), AuthError> {
    let (Some(targets), Some(first)) = (targets, canisters.first()) else {
        return Ok(());
    };
    match canisters.iter().any(|canister| targets.contains(canister)) {
        true => Ok(()),
        false => Err(AuthError::NotATarget(*first)),
    }
}
