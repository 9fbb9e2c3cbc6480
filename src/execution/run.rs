//! One run of one entry point: what the engine is told.

use super::charge::must_keep;
use super::growth::memory_max;
use super::price::PriceTable;
use crate::state::{CanisterState, HostFailure, Module, Moment, ReplicatedState, Status};
use crate::types::limits::{CALLS_PER_RUN_MAX, CANISTER_CALLS_MAX, GUARANTEED_CALLS_MAX};
use crate::types::*;
use crate::wasm::{Call, CallRoom, Context, DataCertificate, Engine, Entry, Execution, Memory, System};
use std::sync::Arc;

/// What is the same for all runs of a height, or of a query.
#[derive(Clone)]
pub(super) struct Environment<'a> {
    pub(super) engine: &'a Engine,
    pub(super) prices: PriceTable,
    pub(super) subnet: Principal,
    pub(super) subnet_nodes: u32,
    pub(super) minting_canister: Option<CanisterId>,
    pub(super) root_key: Arc<[u8]>,
    pub(super) time: Time,
}

/// What is particular to one run.
pub(super) struct Run<'a> {
    pub(super) id: CanisterId,
    pub(super) canister: &'a CanisterState,
    pub(super) module: &'a Module,
    pub(super) entry: Entry,
    pub(super) context: Context,
    pub(super) caller: Principal,
    pub(super) caller_info: Option<SenderInfo>,
    pub(super) arg: Arc<[u8]>,
    pub(super) reject: Option<Reject>,
    pub(super) method_name: String,
    /// Set aside for the run itself: not part of the balance that the canister sees.
    pub(super) prepaid: Cycles,
    pub(super) cycles_available: Cycles,
    pub(super) cycles_refunded: Cycles,
    pub(super) answered: bool,
    pub(super) deadline: Option<Time>,
    pub(super) instructions_before: Instructions,
    pub(super) instructions_max: Instructions,
    pub(super) data_certificate: Option<DataCertificate>,
}

impl<'a> Run<'a> {
    /// A run of `entry` without caller's cycles, argument or answer to give.
    pub(super) fn new(
        id: CanisterId,
        canister: &'a CanisterState,
        module: &'a Module,
        entry: Entry,
        context: Context,
    ) -> Run<'a> {
        Run {
            id,
            canister,
            module,
            entry,
            context,
            caller: management_canister(),
            caller_info: None,
            arg: Arc::from([].as_slice()),
            reject: None,
            method_name: String::new(),
            prepaid: Cycles::ZERO,
            cycles_available: Cycles::ZERO,
            cycles_refunded: Cycles::ZERO,
            answered: false,
            deadline: None,
            instructions_before: Instructions::ZERO,
            instructions_max: limits::UPDATE_INSTRUCTIONS_MAX,
            data_certificate: None,
        }
    }
}

impl<'a> Environment<'a> {
    /// The environment of `state` at its own time.
    pub(super) fn of(engine: &'a Engine, state: &ReplicatedState, time: Time) -> Environment<'a> {
        Environment {
            engine,
            prices: PriceTable::of(state),
            subnet: state.subnet().id,
            subnet_nodes: u32::try_from(state.subnet().nodes.len()).unwrap_or(u32::MAX),
            minting_canister: state.subnet().minting_canister,
            root_key: Arc::from(state.subnet().root_key.as_slice()),
            time,
        }
    }

    /// The same for another thread, with its engine.
    pub(super) fn moved(&self) -> impl FnOnce(&Engine) -> Environment<'_> + Send + use<> {
        let Environment { engine: _, prices, subnet, subnet_nodes, minting_canister, ref root_key, time } =
            *self;
        let root_key = root_key.clone();
        move |engine| Environment { engine, prices, subnet, subnet_nodes, minting_canister, root_key, time }
    }

    /// What a run of the canister that begins now learns of `state` as a whole. Nothing else of it may reach a
    /// run: a run that is begun again gets what it got then.
    pub(super) fn moment(&self, state: &ReplicatedState, id: CanisterId) -> Moment {
        let allocated = state.allocated();
        Moment {
            time: self.time,
            memory_max: memory_max(state, id),
            guaranteed_calls_room: GUARANTEED_CALLS_MAX.saturating_sub(allocated.guaranteed_calls),
            mint_room: limits::MINTED_CYCLES_MAX.saturating_sub(state.counters.minted),
            tariff: self.prices.tariff(),
        }
    }

    /// Runs. Nothing is changed: what the run wishes comes back.
    pub(super) fn run(&self, moment: Moment, run: Run<'_>) -> Result<Execution, HostFailure> {
        self.engine.run(self.call(moment, run)?)
    }

    /// What the engine is told.
    pub(super) fn call(&self, moment: Moment, run: Run<'_>) -> Result<Call, HostFailure> {
        let canister = run.canister;
        let memory = Memory {
            heap: canister.heap.clone(),
            heap_wasm_pages: canister.record.heap_wasm_pages,
            stable: canister.stable.clone(),
            stable_wasm_pages: canister.record.stable_wasm_pages,
            globals: canister.record.globals.clone(),
        };
        Ok(Call {
            module_hash: run.module.hash,
            module: run.module.content.load()?,
            memory,
            entry: run.entry.clone(),
            context: run.context,
            instructions_max: run.instructions_max,
            system: self.system(moment, run),
        })
    }

    fn system(&self, moment: Moment, run: Run<'_>) -> System {
        let record = &run.canister.record;
        System {
            canister: run.id,
            time: moment.time,
            caller: run.caller,
            caller_info: run.caller_info,
            arg: run.arg,
            reject: run.reject,
            method_name: run.method_name,
            balance: record.cycles.saturating_sub(run.prepaid),
            freezing_limit: must_keep(&self.prices, run.canister),
            cycles_available: run.cycles_available,
            cycles_refunded: run.cycles_refunded,
            answered: run.answered,
            deadline: run.deadline,
            canister_version: record.canister_version,
            canister_status: status_number(&record.status),
            controllers: Arc::from(record.settings.controllers.as_slice()),
            subnet: self.subnet,
            root_key: self.root_key.clone(),
            env_vars: Arc::new(record.settings.environment_variables.clone()),
            data_certificate: run.data_certificate,
            instructions_before: run.instructions_before,
            global_timer: record.global_timer,
            subnet_nodes: self.subnet_nodes,
            call_room: match run.context.is_replicated() {
                true => call_room(moment, run.canister),
                false => CallRoom::of_query(),
            },
            mint_room: Some(moment.mint_room).filter(|_| self.minting_canister == Some(run.id)),
            prices: self.prices.of_calls(),
            next_callback: record.next_callback,
            memory_room: Bytes(moment.memory_max.0.saturating_sub(run.canister.held_bytes())),
        }
    }
}

/// The number that `ic0.canister_status` gives.
fn status_number(status: &Status) -> u32 {
    match status {
        Status::Running => 1,
        Status::Stopping(_) => 2,
        Status::Stopped => 3,
    }
}

/// How many calls may be made in one run.
fn call_room(moment: Moment, canister: &CanisterState) -> CallRoom {
    CallRoom {
        in_flight: canister.in_flight.clone(),
        all: CANISTER_CALLS_MAX.saturating_sub(canister.record.callbacks.len()).min(CALLS_PER_RUN_MAX),
        guaranteed: usize::try_from(moment.guaranteed_calls_room).unwrap_or(usize::MAX),
    }
}
