//! Making archives and sending blocks to them, beside transfers and never in their way.
//!
//! A transfer only sets the timer; the work is done in messages of its own, one run at a time ([`lease`]).
//! What to do is decided in [`crate::archiving`]. A run that fails anywhere is begun again a minute later and
//! repeats at most the last step. A run that traps is begun again by the next transfer; one that was not told
//! the answer, because the ledger was frozen, by a transfer [`RUN_NANOS`] after its last call. A run of which
//! another took the place makes no call and writes nothing any more, whatever it hears.

use crate::archiving::{Batch, Step};
use crate::canister::with;
use crate::window::NANOS_PER_SECOND;
use candid::Principal;
use ic_cdk::call::{Call, Response};
use interfaces::management::{CanisterId, CanisterSettings, InstallCode, InstallMode, NewCanister};
use lease::{Held, Lease};
use ledger_block::wire::{AppendArgs, AppendResult, ArchiveInit};
use serde_bytes::Bytes;
use std::cell::Cell;

/// After a failure archiving rests for a minute.
pub const REST_NANOS: u64 = 60 * NANOS_PER_SECOND;

/// How long a run may go on without making a call: an hour.
pub const RUN_NANOS: u64 = 3_600 * NANOS_PER_SECOND;

thread_local! {
    static NOT_BEFORE: Cell<u64> = const { Cell::new(0) };
    static RUN: Lease = Lease::lasting(RUN_NANOS);
}

/// Begins a run soon, if there is something to move and something to move it to.
pub fn wake() {
    let due = with(|ledger| ledger.archive_goal().is_some() && ledger.archives.has_wasm());
    let now = ic_cdk::api::time();
    if due && RUN.with(|run| run.is_free(now)) {
        ic_cdk::api::global_timer_set(now.max(NOT_BEFORE.get()));
    }
}

#[unsafe(export_name = "canister_global_timer")]
extern "C" fn global_timer() {
    ic_cdk::futures::internals::in_executor_context(|| {
        ic_cdk::futures::spawn(async {
            let Some(held) = RUN.with(|run| run.take(ic_cdk::api::time())) else { return };
            if let Err(error) = run(&held).await {
                NOT_BEFORE.set(ic_cdk::api::time().saturating_add(REST_NANOS));
                ic_cdk::api::debug_print(format!("archiving stopped: {error}"));
            }
            drop(held);
            wake();
        });
    });
}

async fn run(held: &Held) -> Result<(), String> {
    let Some(goal) = with(|ledger| ledger.archive_goal()) else { return Ok(()) };
    loop {
        let step = with(|ledger| ledger.archive_step(goal)).map_err(|error| error.to_string())?;
        if step == Step::Done {
            return Ok(());
        }
        if let Err(error) = take(held, &step).await {
            if held.is_held() {
                with(|ledger| ledger.note_archiving_failed(&step));
            }
            return Err(error);
        }
    }
}

/// Takes a step and writes down what came of it.
async fn take(held: &Held, step: &Step) -> Result<(), String> {
    match step {
        Step::Done => Ok(()),
        Step::Create { controllers, cycles } => create(held, controllers, *cycles).await,
        Step::Install { canister, first_index } => install(held, *canister, *first_index).await,
        Step::Append { archive, batch } => append(held, *archive, batch).await,
    }
}

/// Makes a call, and hears the answer, only while no other run has begun.
async fn call(held: &Held, call: Call<'_, '_>) -> Result<Response, String> {
    const TAKEN: &str = "another run has begun";
    if !held.renew(ic_cdk::api::time()) {
        return Err(TAKEN.to_string());
    }
    let answer = call.await.map_err(|error| error.to_string());
    if held.is_held() { answer } else { Err(TAKEN.to_string()) }
}

async fn append(held: &Held, archive: Principal, batch: &Batch) -> Result<(), String> {
    let args = AppendArgs { start: batch.start, blocks: batch.blocks.clone() };
    let response = call(held, Call::unbounded_wait(archive, "append_blocks").with_arg(&args)).await?;
    let result: AppendResult = response.candid().map_err(|error| error.to_string())?;
    let next = result.map_err(|error| format!("{archive} refused blocks: {error:?}"))?;
    with(|ledger| ledger.note_archived(batch, next)).map_err(|error| error.to_string())
}

async fn create(held: &Held, controllers: &[Principal], cycles: u128) -> Result<(), String> {
    let controllers = [&[ic_cdk::api::canister_self()][..], controllers].concat();
    let settings = CanisterSettings { controllers: Some(controllers), ..CanisterSettings::default() };
    let args = NewCanister { settings: Some(settings) };
    let management = Principal::management_canister();
    let order = Call::unbounded_wait(management, "create_canister").with_arg(&args).with_cycles(cycles);
    let response = call(held, order).await?;
    let created: CanisterId = response.candid().map_err(|error| error.to_string())?;
    with(|ledger| ledger.archives.note_created(created.canister_id));
    Ok(())
}

/// Installs the module; again where an earlier run did but did not hear of it, or where what was installed
/// took no block: nothing is lost with it.
async fn install(held: &Held, canister: Principal, first_index: u64) -> Result<(), String> {
    let wasm = with(|ledger| ledger.archives.wasm()).ok_or("no module for archives")?;
    let init = ArchiveInit { ledger: ic_cdk::api::canister_self(), first_index };
    let arg = candid::encode_one(&init).map_err(|error| error.to_string())?;
    let mut failure = String::new();
    for mode in [InstallMode::Install, InstallMode::Reinstall] {
        let (wasm_module, arg) = (Bytes::new(&wasm), Bytes::new(&arg));
        let args = InstallCode { mode, canister_id: canister, wasm_module, arg };
        let management = Principal::management_canister();
        match call(held, Call::unbounded_wait(management, "install_code").with_arg(args)).await {
            Ok(_) => {
                with(|ledger| ledger.archives.note_installed(canister));
                return Ok(());
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
