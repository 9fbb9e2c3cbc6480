//! Moving old blocks to archives, beside transfers and never in their way.
//!
//! A transfer only sets the timer; the work is done in messages of its own. One run works at a time. What
//! must not be lost is written before the next call leaves: the canister that was created, the archive that
//! was installed, the index that an archive confirmed. A run that fails anywhere is begun again a minute later
//! and repeats at most the last step, which does no harm. A run that traps is begun again by the next
//! transfer.

use crate::archives::{
    ArchiveEntry, DEFAULT_APPEND_BYTES, DEFAULT_ARCHIVE_BYTES, MAX_APPEND_BYTES, MAX_BLOCKS_PER_APPEND,
};
use crate::canister::with;
use crate::ledger::Ledger;
use crate::types::ArchiveOptions;
use crate::window::NANOS_PER_SECOND;
use candid::{CandidType, Deserialize, Principal};
use ic_cdk::call::{Call, Response};
use ic_stable_structures::Memory;
use ledger_block::wire::{AppendArgs, AppendResult, ArchiveInit};
use serde_bytes::ByteBuf;
use std::cell::Cell;

/// After a failure archiving rests for a minute.
pub const REST_NANOS: u64 = 60 * NANOS_PER_SECOND;

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static NOT_BEFORE: Cell<u64> = const { Cell::new(0) };
}

/// One run at a time; dropped when the run ends or traps.
struct Guard;

impl Guard {
    fn take() -> Option<Self> {
        (!RUNNING.replace(true)).then_some(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}

#[derive(CandidType)]
struct CreateArgs {
    settings: Option<CreateSettings>,
}

#[derive(CandidType)]
struct CreateSettings {
    controllers: Option<Vec<Principal>>,
}

#[derive(CandidType, Deserialize)]
struct Created {
    canister_id: Principal,
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "names of the management interface")]
enum InstallMode {
    install,
    reinstall,
}

#[derive(CandidType)]
struct InstallArgs<'a> {
    mode: InstallMode,
    canister_id: Principal,
    wasm_module: &'a serde_bytes::Bytes,
    arg: ByteBuf,
}

/// Blocks for one append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Index of the first.
    pub start: u64,
    /// In their stored form.
    pub blocks: Vec<ByteBuf>,
    /// Bytes of all.
    pub bytes: u64,
}

impl<M: Memory> Ledger<M> {
    /// One more than the index of the last block that should move now; none if none should.
    pub fn archive_goal(&self) -> Option<u64> {
        let options = self.config().archive.as_ref()?;
        let local = self.local_indices();
        let held = local.end - local.start;
        let goal = local.start + options.num_blocks_to_archive.min(held);
        (held > options.trigger_threshold && goal > local.start).then_some(goal)
    }

    /// The next blocks to move, below `goal`.
    pub fn archive_batch(&self, goal: u64, max_bytes: u64) -> Batch {
        let start = self.local_indices().start;
        let mut batch = Batch { start, blocks: Vec::new(), bytes: 0 };
        for (_, block) in self.blocks.stored(start..goal).take(MAX_BLOCKS_PER_APPEND) {
            let bytes = batch.bytes + block.as_bytes().len() as u64;
            if bytes > max_bytes && !batch.blocks.is_empty() {
                break;
            }
            batch.bytes = bytes;
            batch.blocks.push(ByteBuf::from(block.as_bytes()));
        }
        batch
    }

    /// The newest archive has all blocks of `batch` below `next`: they leave.
    pub fn note_archived(&mut self, batch: &Batch, next: u64) {
        let end = batch.start + batch.blocks.len() as u64;
        if self.local_indices().start != batch.start || next != end {
            return;
        }
        self.archives.note_appended(next, batch.bytes);
        (batch.start..next).for_each(|index| self.blocks.remove(index));
    }
}

/// Begins a run soon, if there is something to move and something to move it to.
pub fn wake() {
    let due = with(|ledger| ledger.archive_goal().is_some() && ledger.archives.has_wasm());
    if due && !RUNNING.get() {
        ic_cdk::api::global_timer_set(ic_cdk::api::time().max(NOT_BEFORE.get()));
    }
}

#[unsafe(export_name = "canister_global_timer")]
extern "C" fn global_timer() {
    ic_cdk::futures::internals::in_executor_context(|| {
        ic_cdk::futures::spawn(async {
            let Some(guard) = Guard::take() else { return };
            if let Err(error) = run().await {
                NOT_BEFORE.set(ic_cdk::api::time().saturating_add(REST_NANOS));
                ic_cdk::api::debug_print(format!("archiving stopped: {error}"));
            }
            drop(guard);
            wake();
        });
    });
}

async fn run() -> Result<(), String> {
    let (Some(goal), Some(options)) = with(|ledger| (ledger.archive_goal(), ledger.config().archive.clone()))
    else {
        return Ok(());
    };
    let max_bytes = options.max_message_size_bytes.unwrap_or(DEFAULT_APPEND_BYTES).min(MAX_APPEND_BYTES);
    while with(|ledger| ledger.local_indices().start) < goal {
        let archive = open_archive(&options).await?;
        let batch = with(|ledger| ledger.archive_batch(goal, max_bytes));
        append(archive.canister, batch).await?;
    }
    Ok(())
}

async fn call(call: Call<'_, '_>) -> Result<Response, String> {
    call.await.map_err(|error| error.to_string())
}

async fn append(archive: Principal, batch: Batch) -> Result<(), String> {
    let args = AppendArgs { start: batch.start, blocks: batch.blocks.clone() };
    let response = call(Call::unbounded_wait(archive, "append_blocks").with_arg(&args)).await?;
    let result: AppendResult = response.candid().map_err(|error| error.to_string())?;
    let next = result.map_err(|error| format!("{archive} refused blocks: {error:?}"))?;
    let expected = batch.start + batch.blocks.len() as u64;
    if next != expected {
        return Err(format!("{archive} expects block {next} after an append up to {expected}"));
    }
    with(|ledger| ledger.note_archived(&batch, next));
    Ok(())
}

/// The archive for the next blocks, made if need be.
async fn open_archive(options: &ArchiveOptions) -> Result<ArchiveEntry, String> {
    let max_bytes = options.node_max_memory_size_bytes.unwrap_or(DEFAULT_ARCHIVE_BYTES);
    let open = || with(|ledger| ledger.archives.open_archive(max_bytes));
    if let Some(entry) = open() {
        return Ok(entry);
    }
    let canister = match with(|ledger| ledger.archives.pending()) {
        Some(canister) => canister,
        None => create(options).await?,
    };
    install(canister).await?;
    with(|ledger| ledger.archives.note_installed(canister));
    open().ok_or_else(|| "archives hold no bytes at all".to_string())
}

async fn create(options: &ArchiveOptions) -> Result<Principal, String> {
    let mut controllers = vec![ic_cdk::api::canister_self(), options.controller_id];
    controllers.extend(options.more_controller_ids.iter().flatten());
    let args = CreateArgs { settings: Some(CreateSettings { controllers: Some(controllers) }) };
    let cycles = u128::from(options.cycles_for_archive_creation.unwrap_or(0));
    let management = Principal::management_canister();
    let response =
        call(Call::unbounded_wait(management, "create_canister").with_arg(&args).with_cycles(cycles)).await?;
    let created: Created = response.candid().map_err(|error| error.to_string())?;
    with(|ledger| ledger.archives.note_created(created.canister_id));
    Ok(created.canister_id)
}

/// Installs the module; again where an earlier run did but did not hear of it: no block was sent since.
async fn install(canister: Principal) -> Result<(), String> {
    let wasm = with(|ledger| ledger.archives.wasm()).ok_or("no module for archives")?;
    let init = ArchiveInit {
        ledger: ic_cdk::api::canister_self(),
        first_index: with(|ledger| ledger.local_indices().start),
    };
    let arg = ByteBuf::from(candid::encode_one(&init).map_err(|error| error.to_string())?);
    let mut failure = String::new();
    for mode in [InstallMode::install, InstallMode::reinstall] {
        let args = InstallArgs {
            mode,
            canister_id: canister,
            wasm_module: serde_bytes::Bytes::new(&wasm),
            arg: arg.clone(),
        };
        let management = Principal::management_canister();
        match call(Call::unbounded_wait(management, "install_code").with_arg(&args)).await {
            Ok(_) => return Ok(()),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
