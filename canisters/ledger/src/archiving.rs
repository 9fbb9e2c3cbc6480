//! Which step moves old blocks to archives next, and what an answer means.
//!
//! 1. A block is at any time in the ledger or confirmed by an archive: it leaves in the message in which
//!    the confirmation arrives.
//! 2. What must not be lost is written before the next call leaves: the canister that was created, the
//!    archive that was installed, the index that an archive confirmed.
//! 3. A step that failed, or whose answer was lost, is taken again and does no harm.
//! 4. Transfers never wait for an archive: while it fails, blocks stay.
//! 5. An archive that took nothing [`MAX_FAILURES`] times in a row is left as it is, and followed by another.
//!    One that holds no confirmed block is not: its canister gets the module anew, as it is now. All that it
//!    could hold is in the ledger still. A new canister costs cycles; so there are no more of them than
//!    archives that hold blocks, and one.

use crate::archives::{
    DEFAULT_APPEND_BYTES, DEFAULT_ARCHIVE_BYTES, DEFAULT_ARCHIVE_CYCLES, MAX_APPEND_BYTES, MAX_ARCHIVES,
    MAX_BLOCKS_PER_APPEND, MAX_FAILURES,
};
use crate::ledger::Ledger;
use candid::Principal;
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;

/// The call that is made next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// None: all has moved.
    Done,
    /// A canister for an archive, with these controllers beside the ledger.
    Create { controllers: Vec<Principal>, cycles: u128 },
    /// The module goes into the canister.
    Install { canister: Principal, first_index: u64 },
    /// Blocks go to the newest archive.
    Append { archive: Principal, batch: Batch },
}

/// Why no step can be taken, or what is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// No module was handed over.
    NoModule,
    /// There are [`MAX_ARCHIVES`].
    TooMany,
    /// The archive has fewer blocks than were sent.
    Behind { next: u64, expected: u64 },
}

impl std::fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoModule => f.write_str("no module for archives was handed over"),
            Self::TooMany => write!(f, "there are {MAX_ARCHIVES} archives"),
            Self::Behind { next, expected } => {
                write!(f, "the archive expects block {next} after an append up to {expected}")
            }
        }
    }
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

    /// The step by which blocks below `goal` move on.
    pub fn archive_step(&self, goal: u64) -> Result<Step, ArchiveError> {
        let first_index = self.local_indices().start;
        let Some(options) = self.config().archive.as_ref().filter(|_| first_index < goal) else {
            return Ok(Step::Done);
        };
        let archive_bytes = options.node_max_memory_size_bytes.unwrap_or(DEFAULT_ARCHIVE_BYTES);
        if let Some(entry) = self.archives.open_archive(archive_bytes) {
            let bytes = options.max_message_size_bytes.unwrap_or(DEFAULT_APPEND_BYTES).min(MAX_APPEND_BYTES);
            let batch = self.archive_batch(goal, bytes);
            return Ok(Step::Append { archive: entry.canister, batch });
        }
        if !self.archives.has_wasm() {
            return Err(ArchiveError::NoModule);
        }
        if let Some(canister) = self.archives.pending() {
            return Ok(Step::Install { canister, first_index });
        }
        if self.archives.len() >= MAX_ARCHIVES {
            return Err(ArchiveError::TooMany);
        }
        let mut controllers = vec![options.controller_id];
        controllers.extend(options.more_controller_ids.iter().flatten());
        let cycles = options.cycles_for_archive_creation.map_or(DEFAULT_ARCHIVE_CYCLES, u128::from);
        Ok(Step::Create { controllers, cycles })
    }

    /// The newest archive expects `next`: if it has all of `batch`, they leave. One that has more already
    /// did not lose what an answer that was lost had confirmed.
    pub fn note_archived(&mut self, batch: &Batch, next: u64) -> Result<(), ArchiveError> {
        let end = batch.start + batch.blocks.len() as u64;
        if next < end {
            return Err(ArchiveError::Behind { next, expected: end });
        }
        if self.local_indices().start == batch.start {
            self.archives.note_appended(end, batch.bytes);
            (batch.start..end).for_each(|index| self.blocks.remove(index));
        }
        Ok(())
    }

    /// A step did not succeed.
    pub fn note_archiving_failed(&mut self, step: &Step) {
        if let Step::Append { .. } = step {
            self.archives.note_append_failed(MAX_FAILURES);
        }
    }
}
