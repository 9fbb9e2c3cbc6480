//! One entry point of one canister, run to its end: validate, instrument, compile, meter, run.
//! Returns changes as data, never applies them. The only home of `wasmer`.

pub mod call;
pub mod facts;

pub use call::*;
pub use facts::*;

use crate::state::HostFailure;
use std::sync::Arc;

/// Placeholder with the agreed signatures, until the room's builder lands the engine (take theirs).
pub struct Engine(());

impl Engine {
    pub fn check(&self, module: &[u8]) -> Result<Arc<ModuleFacts>, InvalidModule> {
        let _ = module;
        todo!()
    }
    pub fn run(&self, call: Call) -> Result<Execution, HostFailure> {
        let _ = call;
        todo!()
    }
}
