//! Which archive holds which blocks, and what moves next.
//!
//! A block leaves the ledger in the same message in which the archive's confirmation arrives, so that each
//! block is at any time in the ledger or confirmed by an archive. Appends are idempotent: an archive that is
//! sent blocks again says which index it expects next.

use crate::types::SetArchiveWasmError;
use candid::Principal;
use ic_stable_structures::storable::Bound;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell, Storable};
use ledger_block::overlap;
use std::borrow::Cow;
use std::ops::Range;

/// Bytes after which an archive is full, where the options name none: 1 GiB.
pub const DEFAULT_ARCHIVE_BYTES: u64 = 1 << 30;
/// Bytes of one append, where the options name none: 1 MiB.
pub const DEFAULT_APPEND_BYTES: u64 = 1 << 20;
/// No append is longer, whatever the options say: canisters on other subnets take 2 MiB.
pub const MAX_APPEND_BYTES: u64 = 1_900_000;
/// The most blocks of one append.
pub const MAX_BLOCKS_PER_APPEND: usize = 1_000;
/// Cycles of a new archive, where the options name none: those of some years.
pub const DEFAULT_ARCHIVE_CYCLES: u128 = 10_000_000_000_000;
/// The most archives; then blocks stay with the ledger.
pub const MAX_ARCHIVES: u64 = 1_000;
/// After so many failures in a row, a minute apart, an archive is given up, or installed anew: an hour.
pub const MAX_FAILURES: u32 = 60;
/// The longest module of an archive.
pub const MAX_WASM_BYTES: usize = 1_900_000;

const WASM_KEY: u8 = 0;
const MODULE_MAGIC: &[u8] = b"\0asm";
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];

/// What an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// The archive.
    pub canister: Principal,
    /// One more than the index of its last block.
    pub end: u64,
    /// Bytes sent to it.
    pub bytes: u64,
}

impl Storable for ArchiveEntry {
    const BOUND: Bound = Bound::Bounded { max_size: 45, is_fixed_size: false };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.into_bytes())
    }

    fn into_bytes(self) -> Vec<u8> {
        let parts: [&[u8]; 3] =
            [&self.end.to_le_bytes(), &self.bytes.to_le_bytes(), self.canister.as_slice()];
        parts.concat()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let number = |at: usize| u64::from_le_bytes(<[u8; 8]>::from_bytes(Cow::Borrowed(&bytes[at..at + 8])));
        Self { end: number(0), bytes: number(8), canister: Principal::from_slice(&bytes[16..]) }
    }
}

fn is_module(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_WASM_BYTES && (bytes.starts_with(MODULE_MAGIC) || bytes.starts_with(GZIP_MAGIC))
}

/// A canister that was created and has no archive in it that works; the management canister stands for none.
type Pending = Principal;

/// All archives, oldest first.
pub struct Archives<M: Memory> {
    table: StableBTreeMap<u64, ArchiveEntry, M>,
    pending: StableCell<Pending, M>,
    wasm: StableBTreeMap<u8, Vec<u8>, M>,
    /// Appends that failed in a row; an upgrade begins anew.
    failures: u32,
}

impl<M: Memory> Archives<M> {
    /// Opens what the memories hold.
    pub fn open(table: M, pending: M, wasm: M) -> Self {
        Self {
            table: StableBTreeMap::init(table),
            pending: StableCell::init(pending, Principal::management_canister()),
            wasm: StableBTreeMap::init(wasm),
            failures: 0,
        }
    }

    /// How many archives there are.
    pub fn len(&self) -> u64 {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// One more than the index of the newest archived block.
    pub fn end(&self) -> u64 {
        self.table.last_key_value().map_or(0, |(_, entry)| entry.end)
    }

    /// First index and entry of each archive.
    pub fn list(&self) -> Vec<(u64, ArchiveEntry)> {
        self.table.iter().map(|entry| entry.into_pair()).collect()
    }

    /// The parts of a range that archives hold.
    pub fn holders(&self, range: &Range<u64>) -> Vec<(Range<u64>, Principal)> {
        self.list()
            .into_iter()
            .map(|(start, entry)| (overlap(range, &(start..entry.end)), entry.canister))
            .filter(|(part, _)| !part.is_empty())
            .collect()
    }

    /// The archive that takes the next blocks; none if there is none, or it is full. An empty one never is.
    pub fn open_archive(&self, max_bytes: u64) -> Option<ArchiveEntry> {
        let (start, entry) = self.table.last_key_value()?;
        (entry.bytes < max_bytes || entry.end == start).then_some(entry)
    }

    /// The canister in which an archive has still to be installed.
    pub fn pending(&self) -> Option<Principal> {
        Some(*self.pending.get()).filter(|pending| *pending != Principal::management_canister())
    }

    /// Notes a canister that was just created.
    pub fn note_created(&mut self, canister: Principal) {
        self.pending.set(canister);
    }

    /// The pending canister is an archive now, and the newest.
    pub fn note_installed(&mut self, canister: Principal) {
        let end = self.end();
        self.table.insert(end, ArchiveEntry { canister, end, bytes: 0 });
        self.pending.set(Principal::management_canister());
    }

    /// The newest archive took nothing. One that did so too often in a row counts as full; if it never took
    /// a block it is no archive any more, and its canister is pending again. So each archive that is
    /// followed by another adds to the table, which ends.
    pub fn note_append_failed(&mut self, max_failures: u32) {
        self.failures += 1;
        if self.failures < max_failures {
            return;
        }
        self.failures = 0;
        let Some((start, entry)) = self.table.last_key_value() else { return };
        if entry.end == start {
            self.table.remove(&start);
            self.pending.set(self.pending().unwrap_or(entry.canister));
        } else {
            self.table.insert(start, ArchiveEntry { bytes: u64::MAX, ..entry });
        }
    }

    /// The newest archive confirmed that it expects `next`; `bytes` were sent.
    pub fn note_appended(&mut self, next: u64, bytes: u64) {
        self.failures = 0;
        if let Some((start, mut entry)) = self.table.last_key_value() {
            entry.end = next;
            entry.bytes = entry.bytes.saturating_add(bytes);
            self.table.insert(start, entry);
        }
    }

    /// The module of archives.
    pub fn wasm(&self) -> Option<Vec<u8>> {
        self.wasm.get(&WASM_KEY)
    }

    /// Whether there is a module.
    pub fn has_wasm(&self) -> bool {
        self.wasm.contains_key(&WASM_KEY)
    }

    /// Keeps the module of archives, which a controller alone may hand over.
    pub fn set_wasm(&mut self, from_controller: bool, bytes: Vec<u8>) -> Result<(), SetArchiveWasmError> {
        if !from_controller {
            return Err(SetArchiveWasmError::Unauthorized);
        }
        if !is_module(&bytes) {
            return Err(SetArchiveWasmError::NotAModule);
        }
        self.wasm.insert(WASM_KEY, bytes);
        Ok(())
    }
}
