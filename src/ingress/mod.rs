//! Users' requests: who sent them, and calls on their way into blocks.
//!
//! 1. A request is *authenticated* when its sender is the self-authenticating principal of its public
//!    key, an unbroken chain of delegations leads from that key to the one that signed the request id,
//!    and all of it is valid now; or when it is anonymous and carries no proof (interface spec,
//!    "Authentication"). [`authenticate_call`] and its siblings are the only makers of
//!    [`crate::types::Authenticated`].
//! 2. Whether a block may carry an envelope depends on the envelope's bytes, the block's time and the
//!    block's ancestors alone, so that honest replicas agree about every block. What a pool holds only
//!    saves work: an envelope with equal bytes was verified when it came in.
//! 3. A call is its id, and an id does not cover the signature: of two envelopes with one id a pool
//!    keeps the first, and a chain carries one.
//! 4. Pools are bounded by count and bytes; a full pool refuses, it never evicts what it promised.
//!
//! Canister signatures and WebAuthn keys, and with them `sender_info`, are refused by name.

mod authenticate;
mod delegation;
mod pool;

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) use tests::sample;

pub use authenticate::{
    AuthError, authenticate_call, authenticate_calls, authenticate_query, authenticate_read_state, read_call,
};
pub use pool::{Pool, PoolFull};
