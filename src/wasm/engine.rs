//! The engine: compiled modules and instances kept ready, for all canisters of a node.

use super::call::{Call, Entry, Execution};
use super::compile::{self, Compiled};
use super::facts::{InvalidModule, ModuleFacts};
use super::instance::Instance;
use super::modules::Modules;
use crate::state::{HostFailure, PageMap};
use crate::types::limits::{INSTANCES_MAX, INSTANCES_PER_CANISTER_MAX};
use crate::types::{CanisterId, Digest};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs canisters. Shared by all threads of a node.
pub struct Engine {
    modules: Modules,
    /// Least recently used first.
    idle: Mutex<VecDeque<Instance>>,
}

impl Engine {
    /// An engine that keeps machine code in `cache_dir` (which may vanish unnoticed), or nowhere.
    pub fn new(cache_dir: Option<PathBuf>) -> Engine {
        Engine { modules: Modules::new(cache_dir), idle: Mutex::new(VecDeque::new()) }
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

    /// Runs one entry point to its end. What it wishes comes back as data; nothing is kept.
    ///
    /// # Errors
    /// [`HostFailure`]: the host, not the canister, failed; nothing may be derived from the run.
    pub fn run(&self, call: Call) -> Result<Execution, HostFailure> {
        let compiled = self.compiled(&call)?;
        let target = match call.entry {
            Entry::Instantiate => PageMap::new(),
            _ => call.memory.heap.clone(),
        };
        let canister = call.system.canister;
        let mut instance = match self.take(canister, call.module_hash, &target) {
            Some(instance) => instance,
            None => Instance::new(canister, compiled)?,
        };
        let execution = instance.run(self.modules.engine(), call)?;
        self.keep(instance);
        Ok(execution)
    }

    fn compiled(&self, call: &Call) -> Result<Arc<Compiled>, HostFailure> {
        let compiled = self.modules.get(call.module_hash, &call.module);
        compiled.map_err(|error| {
            HostFailure(format!("module {} was installed and is invalid: {error}", call.module_hash))
        })
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The idle instance that is nearest to `heap`: one that holds it, else the least recently used of
    /// the canister once there are as many as may be.
    fn take(&self, canister: CanisterId, module: Digest, heap: &PageMap) -> Option<Instance> {
        let mut idle = self.idle();
        let mine =
            |instance: &Instance| instance.canister == canister && instance.compiled.facts.hash == module;
        let exact = idle.iter().position(|instance| mine(instance) && instance.is_at(heap));
        let any = || idle.iter().rposition(mine);
        let at = exact.or_else(any)?;
        idle.remove(at)
    }

    fn keep(&self, instance: Instance) {
        let canister = instance.canister;
        let mut idle = self.idle();
        idle.push_back(instance);
        let mine = |instance: &Instance| instance.canister == canister;
        let surplus = match idle.iter().filter(|instance| mine(instance)).count() > INSTANCES_PER_CANISTER_MAX
        {
            true => idle.iter().position(mine),
            false => (idle.len() > INSTANCES_MAX).then_some(0),
        };
        let dropped = surplus.and_then(|at| idle.remove(at));
        drop(idle);
        drop(dropped);
    }
}
