//! CBOR as users speak it: request envelopes in, responses out (interface spec, "HTTPS Interface",
//! `requests.cddl`).
//!
//! 1. The self-describing tag 55799 may stand once in front; no other tag is accepted anywhere.
//! 2. Lengths may be definite or indefinite, integers of any width: clients differ (JSON-born
//!    libraries send indefinite maps), and the request id does not depend on it.
//! 3. Fields that the spec does not name are refused, so that the request id covers every field that
//!    was sent. `null` stands for an absent optional field.
//! 4. The schema bounds the depth: a value where none belongs is refused by its first byte, so
//!    nested bombs are never descended into.
//! 5. Authenticators' keys (COSE) have numbers for names; of them, fields that do not matter are passed
//!    over, as authenticators may add some and the key is no part of a request's id.

mod envelope;
mod reader;
mod request;
mod response;
mod webauthn;
mod writer;

pub use envelope::{Envelope, Permissions, SenderInfoProof, SignedDelegation};
pub use reader::Reader;
pub use request::{encode_call, read_call, read_call_again, read_ingress, read_query, read_read_state};
pub use response::{
    async_rejection, call_replied, non_replicated_rejection, query_response, query_response_hash,
    read_state_response, status,
};
pub use webauthn::{Assertion, CoseKey, read_assertion, read_cose_key};
pub use writer::Writer;

/// "This is CBOR": the tag in front of every request and response.
pub const SELF_DESCRIBING_TAG: u64 = 55_799;

#[cfg(test)]
mod tests;
