//! One entry point of one canister, run to its end: validate, instrument, compile, meter, run.
//! Returns changes as data, never applies them. The only home of `wasmer`.
//!
//! 1. **Arrival.** A module is a Wasm binary, or one whole gzip member of one; decompressing stops one byte
//!    beyond the limit.
//! 2. **Validity** is ours: an explicit set of language features, static limits, imports of `ic0` alone and
//!    with their types, entry points as the interface spec has them. The compiler sees nothing else.
//! 3. **Code is made once.** Machine code is kept in memory and on disk under a key of all that it
//!    depends on (module, compiler, flags, cost table, CPU); what is missing, stale or damaged is compiled
//!    again, and never run.
//! 4. **Every instruction is paid for**, by blocks, from one table; work that depends on a length is paid
//!    before it starts. A run that would use more than its limit ends with IC0522, on every host at the
//!    same place.
//! 5. **Calls end at a counted depth**, never at the end of the native stack.
//! 6. **A heap is an image and a private mapping.** A run changes the mapping; what changed *by content* is
//!    reported, in page order; then the mapping shows the image again. The image follows the page map handed in, so
//!    nobody has to say whether changes were applied.
//! 7. **Stable memory** is read through its page map and written beside it; what changed is reported.
//! 8. **64-bit memories** hold as much as 32-bit ones and are compiled as such; what does not fit into 32 bits
//!    lies outside of them, so every access ends as it would have with 64 bits.
//! 9. **Whose fault.** What the canister does wrong is a reject with a stable code. What the host fails
//!    at is a [`HostFailure`](crate::state::HostFailure): nothing may be derived from that run.
//! 10. **A long run is seen when it is granted.** [`Engine::advance`] answers what a run came to as soon as it
//!     was granted what it used, and never before; that it runs on meanwhile, on a thread of its own,
//!     or is begun again after a restart, nobody can tell.
//! 11. **There is one NaN** wherever code could see its bits (`nan`).

pub mod call;
pub mod facts;

mod api;
mod cache;
mod cells;
mod compile;
mod cost;
mod decode;
mod dirty;
mod engine;
mod habit;
mod heap;
mod host;
mod import;
mod instance;
mod instrument;
mod long;
mod lower;
mod meter;
mod modules;
mod nan;
mod outcall;
mod parsed;
mod pool;
mod stable;
mod stack;
mod trap;
mod validate;
mod watch;

#[cfg(test)]
mod tests;

pub use call::*;
pub use engine::{Engine, Longer};
pub use facts::{GlobalFact, GlobalType, InvalidModule, Metadata, ModuleFacts};
use trap::Trap;

/// An error if `found` exceeds `max`.
fn limit(what: &str, found: usize, max: usize) -> Result<(), InvalidModule> {
    match found > max {
        true => Err(InvalidModule::limit(what, found, max)),
        false => Ok(()),
    }
}
