//! Users' requests: who sent them, and calls on their way into blocks.
//!
//! 1. A request is *authenticated* when its sender is the self-authenticating principal of its public
//!    key, an unbroken chain of delegations leads from that key to the one that signed the request id,
//!    and all of it is valid now; or when it is anonymous and carries no proof (interface spec,
//!    "Authentication"). An [`Authenticator`] is the only maker of [`crate::types::Authenticated`]. Keys
//!    are plain ones, authenticators' (WebAuthn), or canisters', whose signatures are certificates that
//!    lead to the root key.
//! 2. Whether a block may carry an envelope depends on the envelope's bytes, the root key, the block's
//!    time and the block's ancestors alone, so that honest replicas agree about every block. What a pool holds only
//!    saves work: an envelope with equal bytes was verified when it came in. Whether a proof holds does not
//!    depend on the time at all: what expires in an envelope is summed up in [`SignedIngress::expiry`].
//! 3. A call is its id, and an id does not cover the signature: of all envelopes with one id a chain carries one.
//!    Bodies are told apart by [`hash_call`], over all their bytes: a pool keeps a few twins of a call, as blocks may
//!    carry any of them, and proposes the one that came first.
//! 4. Pools are bounded by count and bytes; a full pool refuses, it never evicts what it promised.
//! 5. `sender_info` reaches a canister only when the canister whose key is the sender's has signed it.

mod authenticate;
mod batch;
mod delegation;
mod key;
mod pool;
mod webauthn;

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) use tests::{sample, signer};

pub use authenticate::{AuthError, Authenticator, anonymous_query, is_costly, read_call};
pub use key::{KeyError, ProofError};
pub use pool::{Pool, PoolFull, valid_at};
pub use webauthn::AssertionError;

use crate::crypto::hash::hash_call;
use crate::types::{Digest, SignedIngress};

/// What tells the body of a call from those of its twins.
pub fn body_hash(ingress: &SignedIngress) -> Digest {
    hash_call(&ingress.envelope)
}
