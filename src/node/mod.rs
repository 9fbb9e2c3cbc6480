//! The event loop: performs the replica's effects in order, owns threads and timers.

pub mod handle;

pub use handle::{CertifiedState, Handle, Identity, QueryError, SubmitError};
