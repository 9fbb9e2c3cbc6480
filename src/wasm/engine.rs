//! The engine: compiled modules and instances kept ready, for all canisters of a node.

use super::call::{Call, Entry, Execution};
use super::compile::{self, Compiled};
use super::dirty;
use super::facts::{InvalidModule, ModuleFacts};
use super::instance::Instance;
use super::modules::Modules;
use super::pool::{Owner, Pool};
use crate::state::{HostFailure, PageMap};
use std::path::PathBuf;
use std::sync::Arc;

/// Runs canisters. Shared by all threads of a node: runs of one canister may go on at the same time,
/// each over the page map it was handed.
pub struct Engine {
    modules: Modules,
    pool: Pool,
}

impl Engine {
    /// An engine that keeps machine code in `cache_dir` (which may vanish unnoticed), or nowhere.
    pub fn new(cache_dir: Option<PathBuf>) -> Engine {
        dirty::prepare();
        Engine { modules: Modules::new(cache_dir), pool: Pool::default() }
    }

    /// Whether `module` (raw or gzipped) can be installed, and what it says about itself. Compiles it,
    /// so that running it later does not have to.
    ///
    /// # Errors
    /// [`InvalidModule`], which names what is wrong.
    pub fn check(&self, module: &[u8]) -> Result<Arc<ModuleFacts>, InvalidModule> {
        let compiled = self.modules.get(compile::sha256(module), module)?;
        Ok(Arc::clone(&compiled.facts))
    }

    /// How often this engine compiled a module because no cache had it.
    pub fn compilations(&self) -> u64 {
        self.modules.compilations()
    }

    /// Runs one entry point to its end. What it wishes comes back as data; nothing is kept.
    ///
    /// # Errors
    /// [`HostFailure`]: the host, not the canister, failed; nothing may be derived from the run.
    pub fn run(&self, call: Call) -> Result<Execution, HostFailure> {
        let compiled = self.compiled(&call)?;
        let owner = Owner {
            canister: call.system.canister,
            module: call.module_hash,
            replicated: call.context.is_replicated() || call.entry.instantiates(),
        };
        let empty = PageMap::new();
        let heap = if call.entry == Entry::Instantiate { &empty } else { &call.memory.heap };
        let mut instance = match self.pool.take(owner, heap) {
            Some(instance) => instance,
            None => Instance::new(compiled)?,
        };
        let execution = instance.run(self.modules.engine(), call)?;
        self.pool.keep(owner, instance);
        Ok(execution)
    }

    fn compiled(&self, call: &Call) -> Result<Arc<Compiled>, HostFailure> {
        let compiled = self.modules.get(call.module_hash, &call.module);
        compiled.map_err(|error| HostFailure(format!("installed module {}: {error}", call.module_hash)))
    }
}
