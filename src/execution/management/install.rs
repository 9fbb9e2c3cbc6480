//! `install_code` and `install_chunked_code`. All that can fail happens on a copy of the canister, which
//! takes the place of the canister at the end: a failed installation changes nothing but the fee and the log.

use super::{Caller, Done, Failure, chunk, controlled, invalid, push_change};
use crate::crypto::hash::sha256;
use crate::encoding::management::{self as candid, InstallMode, UpgradeFlags, WasmMemoryPersistence};
use crate::execution::commit::{apply_memory, within_memory_limit};
use crate::execution::run::Run;
use crate::execution::{Executor, charge};
use crate::state::{Blob, CanisterState, ChangeDetails, Deployment, Metadata, Module, ModuleRecord};
use crate::types::limits::{INSTALL_INSTRUCTIONS_MAX, MODULE_BYTES_MAX, MODULE_CHUNKS_MAX, WASM_PAGE_BYTES};
use crate::types::*;
use crate::wasm::{Context, Entry, ModuleFacts};
use std::sync::Arc;

/// An installation that is allowed to begin.
struct Installation {
    id: CanisterId,
    mode: InstallMode,
    module: Vec<u8>,
    arg: Vec<u8>,
    sender: Principal,
}

/// What an installation has used until now.
#[derive(Default)]
struct Effort {
    instructions: Instructions,
    log: Vec<Vec<u8>>,
    /// By `ic0.cycles_burn`.
    burned: Cycles,
}

impl Executor<'_> {
    pub(super) fn install_code(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::InstallCodeArgs = candid::decode(arg)?;
        let (id, _) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        let installation = Installation {
            id,
            mode: args.mode,
            module: args.wasm_module,
            arg: args.arg,
            sender: caller.principal,
        };
        self.install(caller, installation, args.sender_canister_version)
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
        let installation =
            Installation { id, mode: args.mode, module, arg: args.arg, sender: caller.principal };
        self.install(caller, installation, args.sender_canister_version)
    }

    fn install(
        &mut self,
        caller: &Caller,
        installation: Installation,
        version: Option<u64>,
    ) -> Result<Done, Failure> {
        let id = installation.id;
        self.charge_idle(id)?;
        let canister = controlled(&self.state, &id.principal(), &caller.principal)?.1.clone();
        self.may_install(&installation, &canister)?;
        let mut effort = Effort::default();
        let installed = self.prepare(&installation, canister, &mut effort);
        let fee = self.environment.prices.message(effort.instructions);
        self.count(effort.instructions);
        if installed.is_ok() && !matches!(installation.mode, InstallMode::Upgrade(_)) {
            self.state.change_canister(id, |canister| canister.log.clear());
        }
        self.log(id, effort.log);
        let paid = self.take(id, fee);
        let (mut next, module) = installed?;
        next.record.cycles = next.record.cycles.saturating_sub(paid);
        let origin = self.change_origin(caller, version);
        self.finish_install(id, next, module, effort.burned, |next, time, module_hash| {
            let mode = deployment(&installation.mode);
            push_change(next, time, origin, ChangeDetails::CodeDeployment { mode, module_hash });
        });
        Ok(Done::unit())
    }

    /// Mode and state of the canister fit together, and it can pay for the longest installation.
    fn may_install(&self, installation: &Installation, canister: &CanisterState) -> Result<(), Reject> {
        let id = installation.id;
        match (&installation.mode, &canister.module) {
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
            (InstallMode::Upgrade(Some(flags)), _) if keeps_memory(flags) => {
                return Err(invalid(
                    "wasm_memory_persistence = opt keep is not supported by this subnet yet",
                ));
            }
            _ => (),
        }
        let prices = &self.environment.prices;
        let needed = prices.message(INSTALL_INSTRUCTIONS_MAX);
        let keep = charge::freezing_limit(prices, canister);
        let balance = canister.record.cycles;
        match balance.checked_sub(needed).is_some_and(|rest| rest >= keep) {
            true => Ok(()),
            false => Err(charge::out_of_cycles(id, balance, needed.saturating_add(keep))),
        }
    }

    /// The canister with its new module, initialized.
    fn prepare(
        &self,
        installation: &Installation,
        canister: CanisterState,
        effort: &mut Effort,
    ) -> Result<(CanisterState, Arc<Module>), Failure> {
        let facts = self.environment.engine.check(&installation.module).map_err(|error| {
            let message = format!("Canister's Wasm module is not valid: {error}");
            Reject::new(ErrorCode::CanisterInvalidWasm, message)
        })?;
        effort.instructions = facts.compile_cost;
        let mut next = canister;
        if let (InstallMode::Upgrade(flags), Some(old)) = (&installation.mode, next.module.clone())
            && !flags.is_some_and(|flags| flags.skip_pre_upgrade == Some(true))
        {
            let entry = Entry::Export("canister_pre_upgrade".into());
            self.step(installation, &mut next, &old, entry, Context::PreUpgrade, effort)?;
        }
        let module = self.module(&installation.module, &facts);
        self.replace_code(installation, &mut next, &module);
        self.step(installation, &mut next, &module, Entry::Instantiate, Context::Start, effort)?;
        let (name, context) = match installation.mode {
            InstallMode::Upgrade(_) => ("canister_post_upgrade", Context::PostUpgrade),
            InstallMode::Install | InstallMode::Reinstall => ("canister_init", Context::Init),
        };
        self.step(installation, &mut next, &module, Entry::Export(name.into()), context, effort)?;
        let heap = u64::from(next.record.heap_wasm_pages).saturating_mul(WASM_PAGE_BYTES as u64);
        within_memory_limit(installation.id, &next, heap)?;
        let keep = charge::freezing_limit(&self.environment.prices, &next);
        match next.record.cycles >= keep {
            true => Ok((next, module)),
            false => Err(charge::out_of_cycles(installation.id, next.record.cycles, keep).into()),
        }
    }

    /// An equal module that a canister runs already is shared.
    pub(super) fn module(&self, content: &[u8], facts: &ModuleFacts) -> Arc<Module> {
        if let Some(module) = self.state.module(&facts.hash) {
            return module.clone();
        }
        let metadata = facts.metadata.iter().map(|(name, section)| {
            (name.clone(), Metadata { public: section.public, content: section.content.clone() })
        });
        let record = ModuleRecord {
            exports: facts.exports.clone(),
            metadata: metadata.collect(),
            bytes: content.len() as u64,
        };
        let blob = Blob::held(Arc::from(content));
        Arc::new(Module::new(facts.hash, record, blob))
    }

    /// The new module with nothing of the old but, in an upgrade, its stable memory.
    fn replace_code(&self, installation: &Installation, next: &mut CanisterState, module: &Arc<Module>) {
        next.module = Some(module.clone());
        next.clear_heap();
        let record = &mut next.record;
        record.module_hash = Some(module.hash);
        record.globals = Vec::new();
        record.certified_data = Vec::new();
        record.global_timer = Time::ZERO;
        record.installed = self.environment.time;
        record.canister_version = record.canister_version.saturating_add(1);
        if !matches!(installation.mode, InstallMode::Upgrade(_)) {
            next.clear_stable();
        }
    }

    /// Runs one entry point on the copy.
    fn step(
        &self,
        installation: &Installation,
        next: &mut CanisterState,
        module: &Module,
        entry: Entry,
        context: Context,
        effort: &mut Effort,
    ) -> Result<(), Failure> {
        let run = Run {
            caller: installation.sender,
            arg: Arc::from(installation.arg.as_slice()),
            prepaid: self.environment.prices.message(INSTALL_INSTRUCTIONS_MAX),
            instructions_max: INSTALL_INSTRUCTIONS_MAX.saturating_sub(effort.instructions),
            ..Run::new(installation.id, next, module, entry, context)
        };
        let execution = self.environment.run(&self.state, run)?;
        effort.instructions = effort.instructions.saturating_add(execution.instructions);
        effort.log.extend(execution.log);
        let changes = execution.outcome?;
        apply_memory(next, &changes)?;
        next.record.cycles = next.record.cycles.saturating_sub(changes.cycles_burned);
        effort.burned = effort.burned.saturating_add(changes.cycles_burned);
        Ok(())
    }

    /// Takes the fee, or what there is of it, and burns it.
    fn take(&mut self, id: CanisterId, fee: Cycles) -> Cycles {
        let take = |canister: &mut CanisterState| {
            let paid = fee.min(canister.record.cycles);
            canister.record.cycles = canister.record.cycles.saturating_sub(paid);
            paid
        };
        let paid = self.state.change_canister(id, take).unwrap_or(Cycles::ZERO);
        self.burn(paid);
        paid
    }

    /// The copy takes the canister's place. The log, which grew meanwhile, is kept.
    fn finish_install(
        &mut self,
        id: CanisterId,
        mut next: CanisterState,
        module: Arc<Module>,
        burned: Cycles,
        note: impl FnOnce(&mut CanisterState, Time, Digest),
    ) {
        let Some(now) = self.state.canister(id).cloned() else {
            return;
        };
        next.log = now.log.clone();
        note(&mut next, self.environment.time, module.hash);
        self.state.put_canister(id, next);
        self.state.add_module(module);
        if let Some(old) = now.record.module_hash {
            self.state.release_module(&old);
        }
        self.burn(burned);
    }
}

fn keeps_memory(flags: &UpgradeFlags) -> bool {
    flags.wasm_memory_persistence == Some(WasmMemoryPersistence::Keep)
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
