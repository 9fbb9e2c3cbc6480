//! `install_code` and `install_chunked_code`. All that can fail happens on a copy of the canister, whose code
//! and memories become the canister's at the end: a failed installation changes nothing but the fee and the
//! log. An installation is a long run (`execution::paused`) from its beginning.

use super::{Caller, Done, Failure, chunk, controlled, invalid, not_found, push_change};
use crate::crypto::hash::sha256;
use crate::encoding::management::{self as candid, InstallMode, UpgradeFlags, WasmMemoryPersistence};
use crate::execution::commit::{apply_memory, within_memory_limit};
use crate::execution::growth::{Keep, admit_growth};
use crate::execution::paused::as_found;
use crate::execution::run::{Environment, Run};
use crate::execution::{Executor, charge};
use crate::state::{
    Blob, CanisterState, ChangeDetails, Deployment, HostFailure, Install, Layers, Metadata, Module,
    ModuleRecord, Moment, Paused, Task, Use,
};
use crate::types::limits::{MODULE_BYTES_MAX, MODULE_CHUNKS_MAX, WASM_PAGE_BYTES};
use crate::types::*;
use crate::wasm::{Context, Entry, ModuleFacts};
use std::sync::Arc;

/// An installation as it is asked for.
pub(super) struct Wanted {
    pub id: CanisterId,
    pub mode: InstallMode,
    pub module: Vec<u8>,
    pub arg: Vec<u8>,
    pub sender_canister_version: Option<u64>,
}

/// An installation that is allowed to begin.
struct Installation {
    id: CanisterId,
    mode: InstallMode,
    module: Arc<Module>,
    arg: Arc<[u8]>,
    sender: Principal,
    instructions_max: Instructions,
}

/// What an installation has used until now.
#[derive(Default)]
struct Effort {
    instructions: Instructions,
    log: Vec<Vec<u8>>,
    /// By `ic0.cycles_burn`.
    burned: Cycles,
}

/// What came of an installation.
pub(in crate::execution) struct Prepared {
    installed: Result<CanisterState, Reject>,
    effort: Effort,
}

impl Prepared {
    /// Nothing came of it; it used so many instructions.
    pub(in crate::execution) fn broken_off(reject: Reject, instructions: Instructions) -> Prepared {
        Prepared { installed: Err(reject), effort: Effort { instructions, ..Effort::default() } }
    }
}

/// An installation under way, on the copy.
struct Preparation<'a> {
    environment: Environment<'a>,
    moment: Moment,
    installation: Installation,
    effort: Effort,
}

impl Executor<'_> {
    pub(super) fn install_code(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::InstallCodeArgs = candid::decode(arg)?;
        let (id, _) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let wanted = Wanted {
            id,
            mode: args.mode,
            module: args.wasm_module,
            arg: args.arg,
            sender_canister_version: args.sender_canister_version,
        };
        self.install(caller, wanted)
    }

    pub(super) fn install_chunked_code(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::InstallChunkedCodeArgs = candid::decode(arg)?;
        let (id, _) = controlled(&self.state, &args.target_canister, &caller.principal)?;
        let store = args.store_canister.unwrap_or(args.target_canister);
        let (store_id, store) = chunk::store(&self.state, &store, &caller.principal)?;
        if args.chunk_hashes_list.len() > MODULE_CHUNKS_MAX {
            return Err(
                invalid(format!("chunk_hashes_list has more than {MODULE_CHUNKS_MAX} entries")).into()
            );
        }
        let hashes: Result<Vec<Digest>, Reject> = args.chunk_hashes_list.iter().map(digest).collect();
        let module = chunk::join(&self.state, store_id, store, &hashes?, MODULE_BYTES_MAX)?;
        let hash = sha256(&module);
        if hash.0.as_slice() != args.wasm_module_hash {
            return Err(invalid(format!(
                "the chunks make a module with hash {hash}, not the one in wasm_module_hash"
            ))
            .into());
        }
        let sender_canister_version = args.sender_canister_version;
        let wanted = Wanted { id, mode: args.mode, module, arg: args.arg, sender_canister_version };
        self.install(caller, wanted)
    }

    fn install(&mut self, caller: &Caller, wanted: Wanted) -> Result<Done, Failure> {
        self.charge_idle(wanted.id)?;
        let canister = controlled(&self.state, &wanted.id.principal(), &caller.principal)?.1;
        self.may_install(&wanted, canister)?;
        self.begin_install(caller, wanted)
    }

    /// The installation begins, if the module is valid.
    pub(super) fn begin_install(&mut self, caller: &Caller, wanted: Wanted) -> Result<Done, Failure> {
        let id = wanted.id;
        let facts = match self.environment.engine.check(&wanted.module) {
            Ok(facts) => facts,
            Err(error) => {
                self.take(id, Use::Instructions, self.environment.prices.message(Instructions::ZERO));
                let message = format!("Canister's Wasm module is not valid: {error}");
                return Err(Reject::new(ErrorCode::CanisterInvalidWasm, message).into());
            }
        };
        if keeps_memory(&wanted.mode) && !persists(facts.metadata.get(PERSISTENCE).map(|of| of.public)) {
            return Err(no_persistence().into());
        }
        let module = self.module(&wanted.module, &facts);
        let task = Task::Install(Box::new(Install {
            origin: caller.origin,
            cycles: caller.cycles,
            mode: wanted.mode,
            module_hash: module.hash,
            compile_cost: facts.compile_cost,
            arg: wanted.arg,
            sender_canister_version: wanted.sender_canister_version,
        }));
        self.state.add_module(module);
        let prepaid = self.environment.prices.message(self.slicing.install_max);
        self.pause(id, task, self.environment.moment(&self.state, id), prepaid, None, None)?;
        Ok(Done::Waiting)
    }

    /// Mode and state of the canister fit together, and it can pay for the longest installation.
    fn may_install(&self, wanted: &Wanted, canister: &CanisterState) -> Result<(), Reject> {
        let id = wanted.id;
        match (&wanted.mode, &canister.module) {
            (InstallMode::Install, Some(_)) => {
                let message = format!(
                    "Canister {id} cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead."
                );
                return Err(Reject::new(ErrorCode::CanisterAlreadyInstalledError, message));
            }
            (InstallMode::Upgrade(_), None) => {
                let message = format!(
                    "Canister {id} cannot be upgraded because the canister is empty. Try installing with mode='install' instead."
                );
                return Err(Reject::new(ErrorCode::CanisterWasmModuleNotFound, message));
            }
            (InstallMode::Upgrade(flags), Some(old)) => may_upgrade(*flags, old)?,
            _ => (),
        }
        let prices = &self.environment.prices;
        let needed = prices.message(self.slicing.install_max);
        let keep = charge::must_keep(prices, canister);
        let balance = canister.record.cycles;
        match balance.checked_sub(needed).is_some_and(|rest| rest >= keep) {
            true => Ok(()),
            false => Err(charge::out_of_cycles(id, balance, needed.saturating_add(keep))),
        }
    }

    /// An equal module that a canister runs already is shared.
    pub(super) fn module(&self, content: &[u8], facts: &ModuleFacts) -> Arc<Module> {
        if let Some(module) = self.state.module(&facts.hash) {
            return module.clone();
        }
        Arc::new(Module::new(facts.hash, module_record(content, facts), Blob::held(Arc::from(content))))
    }

    /// What came of an installation that was granted so many instructions, if it has ended by then.
    pub(in crate::execution) fn advance_install(
        &self,
        id: CanisterId,
        canister: &CanisterState,
        paused: &Paused,
        install: &Install,
        key: Digest,
        granted: Instructions,
    ) -> Result<Option<Prepared>, HostFailure> {
        let module = self.state.module(&install.module_hash).cloned();
        let installation = Installation {
            id,
            mode: install.mode,
            module: module.ok_or_else(|| HostFailure(format!("the new module of canister {id} is lost")))?,
            arg: Arc::from(install.arg.as_slice()),
            sender: install.origin.caller(),
            instructions_max: self.slicing.install_max,
        };
        let (found, moment) = (as_found(canister, paused), paused.moment);
        let environment = self.environment.moved();
        let effort = Effort { instructions: install.compile_cost, ..Effort::default() };
        let runs = granted.saturating_sub(install.compile_cost);
        self.environment.engine.advance(key, runs, move |engine| {
            Preparation { environment: environment(engine), moment, installation, effort }.run(found)
        })
    }

    /// An installation has ended; `before` of its instructions were counted already.
    pub(in crate::execution) fn finish_install(
        &mut self,
        id: CanisterId,
        install: &Install,
        prepared: Prepared,
        before: Instructions,
    ) {
        let Prepared { installed, effort } = prepared;
        self.count_slice(effort.instructions.saturating_sub(before));
        if installed.is_ok() && !matches!(install.mode, InstallMode::Upgrade(_)) {
            self.state.change_canister(id, |canister| canister.log.clear());
        }
        self.log(id, effort.log);
        self.take(id, Use::Instructions, self.environment.prices.message(effort.instructions));
        let answer = match installed.and_then(|next| self.adopt(id, install, next, effort.burned)) {
            Ok(()) => Answer::Reply(candid::encode_unit()),
            Err(reject) => {
                self.state.release_module(&install.module_hash);
                Answer::Reject(reject)
            }
        };
        self.answer(management_canister(), &install.origin, answer, install.cycles);
    }

    /// The canister takes over what the installation has made of its copy.
    fn adopt(
        &mut self,
        id: CanisterId,
        install: &Install,
        next: CanisterState,
        burned: Cycles,
    ) -> Result<(), Reject> {
        let Some(now) = self.state.canister(id).cloned() else {
            return Err(not_found(&id.principal()));
        };
        let mut changed = CanisterState::clone(&now);
        take_over(&mut changed, next, &install.mode);
        changed.record.cycles = now
            .record
            .cycles
            .checked_sub(burned)
            .ok_or_else(|| charge::out_of_cycles(id, now.record.cycles, burned))?;
        changed.record.consumed.add(Use::Burned, burned);
        admit_growth(&self.environment.prices, &self.state, id, &mut changed, Keep::FreezingLimit)?;
        let keep = charge::must_keep(&self.environment.prices, &changed);
        if changed.record.cycles < keep {
            return Err(charge::out_of_cycles(id, changed.record.cycles, keep));
        }
        let old = now.record.module_hash;
        drop(now);
        let principal = install.origin.caller();
        let caller = Caller { origin: install.origin, principal, cycles: install.cycles };
        let origin = self.change_origin(&caller, install.sender_canister_version);
        let (time, mode, module_hash) =
            (self.environment.time, deployment(&install.mode), install.module_hash);
        push_change(&mut changed, time, origin, ChangeDetails::CodeDeployment { mode, module_hash });
        self.state.put_canister(id, changed);
        self.burn(burned);
        if let Some(old) = old {
            self.state.release_module(&old);
        }
        Ok(())
    }
}

impl Preparation<'_> {
    /// What comes of the installation of the new module in `canister`.
    fn run(mut self, canister: CanisterState) -> Result<Prepared, HostFailure> {
        let installed = match self.prepare(canister) {
            Ok(next) => Ok(next),
            Err(Failure::Refused(reject)) => Err(reject),
            Err(Failure::Host(failure)) => return Err(failure),
        };
        Ok(Prepared { installed, effort: self.effort })
    }

    /// The canister with its new module, initialized.
    fn prepare(&mut self, canister: CanisterState) -> Result<CanisterState, Failure> {
        let mode = self.installation.mode;
        let mut next = canister;
        if let (InstallMode::Upgrade(flags), Some(old)) = (&mode, next.module.clone())
            && !flags.is_some_and(|flags| flags.skip_pre_upgrade == Some(true))
        {
            let entry = Entry::Export("canister_pre_upgrade".into());
            self.step(&mut next, &old, entry, Context::PreUpgrade)?;
        }
        let module = self.installation.module.clone();
        self.replace_code(&mut next, &module);
        let instantiate = match keeps_memory(&mode) {
            true => Entry::Reinstantiate,
            false => Entry::Instantiate,
        };
        self.step(&mut next, &module, instantiate, Context::Start)?;
        let (name, context) = match mode {
            InstallMode::Upgrade(_) => ("canister_post_upgrade", Context::PostUpgrade),
            InstallMode::Install | InstallMode::Reinstall => ("canister_init", Context::Init),
        };
        self.step(&mut next, &module, Entry::Export(name.into()), context)?;
        let heap = u64::from(next.record.heap_wasm_pages).saturating_mul(WASM_PAGE_BYTES as u64);
        within_memory_limit(self.installation.id, &next, heap)?;
        let keep = charge::must_keep(&self.environment.prices, &next);
        match next.record.cycles >= keep {
            true => Ok(next),
            false => Err(charge::out_of_cycles(self.installation.id, next.record.cycles, keep).into()),
        }
    }

    /// The new module with nothing of the old but, in an upgrade, its stable memory and certified data, and
    /// its heap if the upgrade keeps it.
    fn replace_code(&self, next: &mut CanisterState, module: &Arc<Module>) {
        next.module = Some(module.clone());
        if !keeps_memory(&self.installation.mode) {
            next.clear_heap();
        }
        let record = &mut next.record;
        record.module_hash = Some(module.hash);
        record.globals = Vec::new();
        record.global_timer = Time::ZERO;
        record.installed = self.moment.time;
        record.canister_version = record.canister_version.saturating_add(1);
        if !matches!(self.installation.mode, InstallMode::Upgrade(_)) {
            record.certified_data = Vec::new();
            next.clear_stable();
        }
    }

    /// Runs one entry point on the copy.
    fn step(
        &mut self,
        next: &mut CanisterState,
        module: &Module,
        entry: Entry,
        context: Context,
    ) -> Result<(), Failure> {
        let Installation { id, sender, instructions_max, .. } = self.installation;
        let run = Run {
            caller: sender,
            arg: self.installation.arg.clone(),
            prepaid: self.environment.prices.message(instructions_max),
            instructions_max: instructions_max.saturating_sub(self.effort.instructions),
            ..Run::new(id, next, module, entry, context)
        };
        let execution = self.environment.run(self.moment, run)?;
        self.effort.instructions = self.effort.instructions.saturating_add(execution.instructions);
        self.effort.log.extend(execution.log);
        let changes = execution.outcome?;
        apply_memory(next, &changes)?;
        next.record.cycles = next.record.cycles.saturating_sub(changes.cycles_burned);
        self.effort.burned = self.effort.burned.saturating_add(changes.cycles_burned);
        Ok(())
    }
}

/// Code and memories of `next`, and what belongs to them, become the canister's. Where its memories are on disk
/// is not known to `next`, which was made before the last heights were sealed.
fn take_over(canister: &mut CanisterState, next: CanisterState, mode: &InstallMode) {
    if !keeps_memory(mode) {
        canister.record.heap_layers = Layers::default();
    }
    if !matches!(mode, InstallMode::Upgrade(_)) {
        canister.record.stable_layers = Layers::default();
    }
    canister.module = next.module;
    canister.heap = next.heap;
    canister.stable = next.stable;
    let (record, next) = (&mut canister.record, next.record);
    record.module_hash = next.module_hash;
    record.globals = next.globals;
    record.heap_wasm_pages = next.heap_wasm_pages;
    record.stable_wasm_pages = next.stable_wasm_pages;
    record.certified_data = next.certified_data;
    record.global_timer = next.global_timer;
    record.timer_again = Time::ZERO;
    record.installed = next.installed;
    record.canister_version = next.canister_version;
    record.next_callback = next.next_callback;
}

/// The private custom section by which a module says that its heap is made to outlive upgrades.
const PERSISTENCE: &str = "enhanced-orthogonal-persistence";

/// Whether a section [`PERSISTENCE`], public or not if there is one, is the sign.
fn persists(public: Option<bool>) -> bool {
    public == Some(false)
}

fn keeps_memory(mode: &InstallMode) -> bool {
    let InstallMode::Upgrade(Some(flags)) = mode else {
        return false;
    };
    flags.wasm_memory_persistence == Some(WasmMemoryPersistence::Keep)
}

/// Who upgrades a module whose state lives in its heap says what becomes of the heap.
fn may_upgrade(flags: Option<UpgradeFlags>, old: &Module) -> Result<(), Reject> {
    let chosen = flags.is_some_and(|flags| flags.wasm_memory_persistence.is_some());
    if chosen || !persists(old.record.metadata.get(PERSISTENCE).map(|of| of.public)) {
        return Ok(());
    }
    let message = "Missing upgrade option: the installed module keeps its state in its heap (enhanced orthogonal persistence): set `wasm_memory_persistence` to `opt keep` to preserve it, or to `opt replace` to lose it.";
    Err(Reject::new(ErrorCode::CanisterContractViolation, message))
}

fn no_persistence() -> Reject {
    let message = "Invalid upgrade option: `wasm_memory_persistence = opt keep` needs a new module with a private custom section `enhanced-orthogonal-persistence`.";
    Reject::new(ErrorCode::CanisterContractViolation, message)
}

fn deployment(mode: &InstallMode) -> Deployment {
    match mode {
        InstallMode::Install => Deployment::Install,
        InstallMode::Reinstall => Deployment::Reinstall,
        InstallMode::Upgrade(_) => Deployment::Upgrade,
    }
}

fn digest(chunk: &candid::ChunkHash) -> Result<Digest, Reject> {
    let bytes: Result<[u8; 32], _> = chunk.hash.as_slice().try_into();
    bytes.map(Digest).map_err(|_| invalid("a chunk hash does not have 32 bytes"))
}

/// What the state records of a module with these facts.
pub fn module_record(content: &[u8], facts: &ModuleFacts) -> ModuleRecord {
    let metadata = facts.metadata.iter().map(|(name, section)| {
        (name.clone(), Metadata { public: section.public, content: section.content.clone() })
    });
    ModuleRecord { exports: facts.exports.clone(), metadata: metadata.collect(), bytes: content.len() as u64 }
}
