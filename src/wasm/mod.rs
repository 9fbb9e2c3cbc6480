//! One entry point of one canister, run to its end: validate, instrument, compile, meter, run.
//! Returns changes as data, never applies them. The only home of `wasmer`.

pub mod call;
pub mod facts;

mod api;
mod cells;
mod compile;
mod cost;
mod decode;
mod dirty;
mod engine;

mod heap;
mod host;
mod import;
mod instance;
mod instrument;
mod meter;
mod modules;
mod parsed;
mod stable;
mod stack;
mod trap;
mod validate;

#[cfg(test)]
mod tests;

pub use call::*;
pub use engine::Engine;
pub use facts::{InvalidModule, Metadata, ModuleFacts};
use trap::Trap;

/// An error if `found` exceeds `max`.
fn limit(what: &str, found: usize, max: usize) -> Result<(), InvalidModule> {
    match found > max {
        true => Err(InvalidModule::limit(what, found, max)),
        false => Ok(()),
    }
}
