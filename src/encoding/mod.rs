//! Bytes to types and back: what users send (CBOR), what peers say and disks keep (protobuf), and the
//! representation-independent hash that names requests.
//!
//! 1. Decoding never trusts a declared length: nothing is allocated before the bytes are there.
//! 2. Decoding is strict: a missing, repeated, unknown (CBOR), wrongly typed or oversized field is a
//!    [`DecodeError`] that names the field. No input panics.
//! 3. What was decoded is complete: an envelope inside a block or a message has been read again by
//!    [`cbor::read_ingress`], so its id and expiry are computed and never believed.
//! 4. Encodings are pinned by golden tests; changing one is a change of the protocol.

mod artifact;
mod bound;
pub mod cbor;
pub mod error;
pub mod peer;
mod proto;
pub mod record;
pub mod registry;
pub mod request_id;
pub mod system;

pub use error::{DecodeError, Fault};

pub mod management;
#[cfg(test)]
mod tests;
