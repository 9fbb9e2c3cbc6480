//! One entry point of one canister, run to its end: validate, instrument, compile, meter, run.
//! Returns changes as data, never applies them. The only home of `wasmer`.

pub mod call;

pub use call::*;
