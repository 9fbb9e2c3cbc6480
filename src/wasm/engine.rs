//! The engine: compiled modules and instances kept ready, for all canisters of a node.

use super::call::{Call, Entry, Execution};
use super::compile::{self, Compiled};
use super::dirty;
use super::facts::{InvalidModule, ModuleFacts};
use super::habit::Habits;
use super::instance::Instance;
use super::long::{LongRun, LongRuns};
use super::modules::Modules;
use super::pool::{Owner, Pool};
use super::watch::Watch;
use crate::state::{HostFailure, PageMap};
use crate::types::{Digest, Instructions};
use std::path::PathBuf;
use std::sync::Arc;

/// Runs canisters. Shared by all threads of a node: runs of one canister may go on at the same time,
/// each over the page map it was handed.
pub struct Engine {
    shared: Arc<Shared>,
    /// Those that were begun here; they end with this value.
    long_runs: LongRuns,
    habits: Habits,
    /// Who sees how far the runs of this value have come.
    watch: Option<Arc<Watch>>,
}

/// What the engines of long runs share with the one that began them.
struct Shared {
    modules: Modules,
    pool: Pool,
}

/// A run that uses more than a short one; what this host has of it ends when this is dropped.
pub struct Longer(Option<LongRun>);

impl Engine {
    /// An engine that keeps machine code in `cache_dir` (which may vanish unnoticed), or nowhere.
    pub fn new(cache_dir: Option<PathBuf>) -> Engine {
        dirty::prepare();
        let shared = Shared { modules: Modules::new(cache_dir), pool: Pool::default() };
        Engine::over(Arc::new(shared), None)
    }

    /// The same for one thread, whose runs `watch` sees.
    pub(super) fn watched(&self, watch: Arc<Watch>) -> Engine {
        Engine::over(self.shared.clone(), Some(watch))
    }

    fn over(shared: Arc<Shared>, watch: Option<Arc<Watch>>) -> Engine {
        Engine { shared, long_runs: LongRuns::default(), habits: Habits::default(), watch }
    }

    /// Whether `module` (raw or gzipped) can be installed, and what it says about itself. Compiles it,
    /// so that running it later does not have to.
    ///
    /// # Errors
    /// [`InvalidModule`], which names what is wrong.
    pub fn check(&self, module: &[u8]) -> Result<Arc<ModuleFacts>, InvalidModule> {
        let compiled = self.shared.modules.get(compile::sha256(module), module)?;
        Ok(Arc::clone(&compiled.facts))
    }

    /// How often this engine compiled a module because no cache had it.
    pub fn compilations(&self) -> u64 {
        self.shared.modules.compilations()
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
        let mut instance = match self.shared.pool.take(owner, heap) {
            Some(instance) => instance,
            None => Instance::new(compiled)?,
        };
        let execution = instance.run(self.shared.modules.engine(), call, self.watch.as_deref())?;
        self.shared.pool.keep(owner, instance);
        Ok(execution)
    }

    /// Begins a run, and ends it if it uses no more than `short`; the inner error: it uses more. One whose entry point
    /// took longer before begins where it can go on; another is thrown away, and begins again in
    /// [`Engine::advance`].
    ///
    /// # Errors
    /// [`HostFailure`] as for [`Engine::run`].
    pub fn begin(&self, call: Call, short: Instructions) -> Result<Result<Execution, Longer>, HostFailure> {
        if short >= call.instructions_max {
            return self.run(call).map(Ok);
        }
        let (canister, entry) = (call.system.canister, call.entry.clone());
        if self.habits.is_long(canister, &entry) {
            let run = LongRun::start(self, move |engine| engine.run(call))?;
            if !run.ended_within(short)? {
                return Ok(Err(Longer(Some(run))));
            }
            self.habits.was_short(canister, &entry);
            return run.outcome().map(Ok);
        }
        // One instruction more than is short shows whether the run ended within it.
        let execution = self.run(Call { instructions_max: short.saturating_add(Instructions(1)), ..call })?;
        if execution.instructions <= short {
            return Ok(Ok(execution));
        }
        self.habits.was_long(canister, entry);
        Ok(Err(Longer(None)))
    }

    /// From now on the run is asked for by `key` ([`Engine::advance`]), with a job that runs what began it.
    pub fn adopt(&self, key: Digest, longer: Longer) {
        if let Some(run) = longer.0 {
            self.long_runs.put(key, run);
        }
    }

    /// What comes of `job`, if its runs use no more than `granted` instructions together; `None` if they use
    /// more: then it is asked for again, with more granted. What is answered depends on `job` and `granted`
    /// alone, and `key` must name all that `job` depends on.
    ///
    /// # Errors
    /// [`HostFailure`] as for [`Engine::run`].
    pub fn advance<T: Send + 'static>(
        &self,
        key: Digest,
        granted: Instructions,
        job: impl FnOnce(&Engine) -> Result<T, HostFailure> + Send + 'static,
    ) -> Result<Option<T>, HostFailure> {
        let run = match self.long_runs.take(key) {
            Some(run) => run,
            None => LongRun::start(self, job)?,
        };
        if run.ended_within(granted)? {
            return run.outcome().map(Some);
        }
        run.yield_to_others();
        self.long_runs.put(key, run);
        Ok(None)
    }

    /// Stops the run of this key, which will be begun again if it is asked for.
    pub fn forget(&self, key: Digest) {
        drop(self.long_runs.take(key));
    }

    /// How many long runs go on between heights.
    pub fn long_runs(&self) -> usize {
        self.long_runs.len()
    }

    fn compiled(&self, call: &Call) -> Result<Arc<Compiled>, HostFailure> {
        let compiled = self.shared.modules.get(call.module_hash, &call.module);
        compiled.map_err(|error| HostFailure(format!("installed module {}: {error}", call.module_hash)))
    }
}
