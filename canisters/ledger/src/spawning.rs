//! Making archives and sending blocks to them, beside transfers and never in their way.
//!
//! A transfer only sets the timer; the work is done in messages of its own, one run at a time
//! ([`crate::lock`]). What to do is decided in [`crate::archiving`]. A run that fails anywhere is begun again
//! a minute later and repeats at most the last step. A run that traps is begun again by the next transfer;
//! one that was not told the answer, because the ledger was frozen, by a transfer an hour later.

use crate::archiving::{Batch, Step};
use crate::canister::with;
use crate::lock::{self, Guard};
use crate::window::NANOS_PER_SECOND;
use candid::Principal;
use ic_cdk::call::{Call, Response};
use interfaces::management::{CanisterId, CanisterSettings, InstallCode, InstallMode, NewCanister};
use ledger_block::wire::{AppendArgs, AppendResult, ArchiveInit};
use serde_bytes::Bytes;
use std::cell::Cell;

/// After a failure archiving rests for a minute.
pub const REST_NANOS: u64 = 60 * NANOS_PER_SECOND;

thread_local! {
    static NOT_BEFORE: Cell<u64> = const { Cell::new(0) };
}

/// Begins a run soon, if there is something to move and something to move it to.
pub fn wake() {
    let due = with(|ledger| ledger.archive_goal().is_some() && ledger.archives.has_wasm());
    let now = ic_cdk::api::time();
    if due && lock::can_take(now) {
        ic_cdk::api::global_timer_set(now.max(NOT_BEFORE.get()));
    }
}

#[unsafe(export_name = "canister_global_timer")]
extern "C" fn global_timer() {
    ic_cdk::futures::internals::in_executor_context(|| {
        ic_cdk::futures::spawn(async {
            let Some(guard) = Guard::take(ic_cdk::api::time()) else { return };
            if let Err(error) = run(&guard).await {
                NOT_BEFORE.set(ic_cdk::api::time().saturating_add(REST_NANOS));
                ic_cdk::api::debug_print(format!("archiving stopped: {error}"));
            }
            drop(guard);
            wake();
        });
    });
}

async fn run(guard: &Guard) -> Result<(), String> {
    let Some(goal) = with(|ledger| ledger.archive_goal()) else { return Ok(()) };
    loop {
        let step = with(|ledger| ledger.archive_step(goal)).map_err(|error| error.to_string())?;
        if step == Step::Done {
            return Ok(());
        }
        if let Err(error) = take(guard, &step).await {
            if guard.is_held() {
                with(|ledger| ledger.note_archiving_failed(&step));
            }
            return Err(error);
        }
    }
}

/// Takes a step and writes down what came of it.
async fn take(guard: &Guard, step: &Step) -> Result<(), String> {
    match step {
        Step::Done => Ok(()),
        Step::Create { controllers, cycles } => create(guard, controllers, *cycles).await,
        Step::Install { canister, first_index } => install(guard, *canister, *first_index).await,
        Step::Append { archive, batch } => append(guard, *archive, batch).await,
    }
}

/// Makes a call, and hears the answer, only while the lock is this run's.
async fn call(guard: &Guard, call: Call<'_, '_>) -> Result<Response, String> {
    const TAKEN: &str = "another run has begun";
    if !guard.renew(ic_cdk::api::time()) {
        return Err(TAKEN.to_string());
    }
    let answer = call.await.map_err(|error| error.to_string());
    if guard.is_held() { answer } else { Err(TAKEN.to_string()) }
}

async fn append(guard: &Guard, archive: Principal, batch: &Batch) -> Result<(), String> {
    let args = AppendArgs { start: batch.start, blocks: batch.blocks.clone() };
    let response = call(guard, Call::unbounded_wait(archive, "append_blocks").with_arg(&args)).await?;
    let result: AppendResult = response.candid().map_err(|error| error.to_string())?;
    let next = result.map_err(|error| format!("{archive} refused blocks: {error:?}"))?;
    with(|ledger| ledger.note_archived(batch, next)).map_err(|error| error.to_string())
}

async fn create(guard: &Guard, controllers: &[Principal], cycles: u128) -> Result<(), String> {
    let controllers = [&[ic_cdk::api::canister_self()][..], controllers].concat();
    let settings = CanisterSettings { controllers: Some(controllers), ..CanisterSettings::default() };
    let args = NewCanister { settings: Some(settings) };
    let management = Principal::management_canister();
    let order = Call::unbounded_wait(management, "create_canister").with_arg(&args).with_cycles(cycles);
    let response = call(guard, order).await?;
    let created: CanisterId = response.candid().map_err(|error| error.to_string())?;
    with(|ledger| ledger.archives.note_created(created.canister_id));
    Ok(())
}

/// Installs the module; again where an earlier run did but did not hear of it, or where what was installed
/// took no block: nothing is lost with it.
async fn install(guard: &Guard, canister: Principal, first_index: u64) -> Result<(), String> {
    let wasm = with(|ledger| ledger.archives.wasm()).ok_or("no module for archives")?;
    let init = ArchiveInit { ledger: ic_cdk::api::canister_self(), first_index };
    let arg = candid::encode_one(&init).map_err(|error| error.to_string())?;
    let mut failure = String::new();
    for mode in [InstallMode::Install, InstallMode::Reinstall] {
        let (wasm_module, arg) = (Bytes::new(&wasm), Bytes::new(&arg));
        let args = InstallCode { mode, canister_id: canister, wasm_module, arg };
        let management = Principal::management_canister();
        match call(guard, Call::unbounded_wait(management, "install_code").with_arg(&args)).await {
            Ok(_) => {
                with(|ledger| ledger.archives.note_installed(canister));
                return Ok(());
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
