//! Delegations: an app's session key may sign for the identity that the app knows, for a while.
//!
//! 1. An app's identity is a canister signature's public key whose seed is [`crate::origin::seed`].
//! 2. `prepare_delegation` certifies the signature, `get_delegation` reads it from one replica, with the certificate. What
//!    is signed is a delegation as the interface specification has it, for all canisters.

use crate::book::{Book, Call};
use crate::devices::Anchor;
use crate::interface::*;
use crate::keys;
use crate::limits::*;
use crate::memory::Memory;
use crate::origin;
use candid::Principal;
use ic_certification::HashTree;
use ic_representation_independent_hash::{Value, representation_independent_hash};
use serde::Serialize;
use serde_bytes::{ByteBuf, Bytes};

/// What signatures of delegations are over begins with this.
const DOMAIN: &[u8] = b"\x1Aic-request-auth-delegation";

/// CBOR that says of itself that it is CBOR.
const SELF_DESCRIBED: [u8; 3] = [0xd9, 0xd9, 0xf7];

/// What is signed for a delegation.
pub fn message(session_key: &[u8], expiration: Timestamp) -> Vec<u8> {
    let fields = [
        ("pubkey".to_owned(), Value::Bytes(session_key.to_vec())),
        ("expiration".to_owned(), Value::Number(expiration)),
    ];
    [DOMAIN, &representation_independent_hash(&fields)].concat()
}

/// A canister signature in CBOR: the certificate of a root, and what leads from it to the leaf.
///
/// # Errors
/// When it cannot be encoded, with the reason.
pub fn encode_signature(certificate: &[u8], tree: &HashTree) -> Result<Vec<u8>, String> {
    #[derive(Serialize)]
    struct Signature<'a> {
        certificate: &'a Bytes,
        tree: &'a HashTree,
    }
    let mut bytes = SELF_DESCRIBED.to_vec();
    let signature = Signature { certificate: Bytes::new(certificate), tree };
    ciborium::into_writer(&signature, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A prepared delegation, and what proves it below the root of all signatures.
pub struct Proved {
    pub delegation: Delegation,
    pub witness: HashTree,
}

impl<M: Memory> Book<M> {
    fn seed(&self, anchor: &Anchor, origin: &str) -> Result<[u8; 32], Refusal> {
        origin::check(origin)?;
        Ok(origin::seed(&self.salt()?, &anchor.name, origin))
    }

    /// The principal by which the app at `origin` knows the caller.
    ///
    /// # Errors
    /// Of rights, and of the origin.
    pub fn principal(&self, call: Call, user: UserNumber, origin: &str) -> Result<Principal, Refusal> {
        let (anchor, _) = self.mine(call, user)?;
        Ok(keys::principal(&keys::canister_key(self.canister, &self.seed(&anchor, origin)?)))
    }

    /// Prepares a delegation that lasts `ttl`, [`DEFAULT_TTL`] if that is not said and [`MAX_TTL`] at most.
    ///
    /// # Errors
    /// Of rights, of what was given.
    pub fn prepare(
        &mut self,
        call: Call,
        user: UserNumber,
        origin: &str,
        session_key: &[u8],
        ttl: Option<u64>,
    ) -> Result<PreparedDelegation, Refusal> {
        let (mut anchor, place) = self.mine(call, user)?;
        let seed = self.seed(&anchor, origin)?;
        keys::check_session(session_key)?;
        let expiration = call.now.saturating_add(ttl.unwrap_or(DEFAULT_TTL).min(MAX_TTL));
        self.signatures.prepare(user, &seed, &message(session_key, expiration), call.now);
        self.unused.remove(&user);
        if let Some(device) = anchor.devices.get_mut(place) {
            device.last_usage = Some(call.now);
        }
        self.put(user, anchor);
        let user_key = ByteBuf::from(keys::canister_key(self.canister, &seed));
        Ok(PreparedDelegation { user_key, expiration })
    }

    /// The prepared delegation, if it is there and the caller's.
    pub fn prepared(
        &self,
        call: Call,
        user: UserNumber,
        origin: &str,
        session_key: &[u8],
        expiration: Timestamp,
    ) -> Option<Proved> {
        let (anchor, _) = self.mine(call, user).ok()?;
        let seed = self.seed(&anchor, origin).ok()?;
        let witness = self.signatures.witness(&seed, &message(session_key, expiration), call.now)?;
        Some(Proved { delegation: Delegation { pubkey: ByteBuf::from(session_key), expiration }, witness })
    }
}
