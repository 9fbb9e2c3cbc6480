//! Labelled state tree -> hash tree -> witness; certificates made and verified
//! (interface spec, "Certification").
//!
//! 1. [`LabelTree`] is the whole tree, with cached digests. Its shape depends on the content alone, so
//!    that all replicas sign the same root whatever order they learnt things in.
//! 2. [`HashTree`] is what travels: the tree with parts pruned to their digests.
//! 3. A witness reveals what was asked for completely, proves the absence of what is not there by the
//!    labels on both sides of the gap, and prunes everything else (INTEROP.md §2.5). It holds no
//!    `Empty` node unless the whole tree is empty: JavaScript agents choke on them (§2.3).
//! 4. A certificate is a witness with the subnet's threshold signature over its root hash. The one subnet
//!    here is the root subnet: certificates made here carry no delegation. Those that users show may
//!    carry one, which is followed and never further.
//! 5. A canister signs by putting the root of a tree into its certified data; whoever verifies that needs
//!    the root key alone ([`canister_signature`]).
//! 6. Bytes of strangers are decoded with bounded depth and size, and every error names what is wrong.

pub mod canister_signature;
pub mod certificate;
pub mod hash_tree;
pub mod tree;
pub mod verify;
mod wire;
mod witness;

#[cfg(test)]
mod tests;

pub use canister_signature::{CanisterKey, CanisterSignatureError};
pub use certificate::{Path, certificate, state_root_message};
pub use hash_tree::{HashTree, Lookup, Run};
pub use tree::LabelTree;
pub use verify::{Certificate, CertificateError, Delegation, Verifier, verify_own_certificate};
pub use wire::WireError;
