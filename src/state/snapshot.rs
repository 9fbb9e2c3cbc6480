//! Snapshots of canisters (interface spec, "IC method take_canister_snapshot"). A snapshot shares pages, module and
//! chunks with its canister; its record lists them, so that the state root covers all of it.

use super::volume::Layers;
use super::{Global, HookStatus, Module, PageMap};
use crate::types::limits::{CHUNK_BYTES_MAX, WASM_PAGE_BYTES};
use crate::types::{CanisterId, Digest, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that a global counts as memory.
pub const GLOBAL_BYTES: u64 = 8;

/// Names a snapshot: its canister, and the snapshot's number there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotId {
    pub canister: CanisterId,
    pub number: u64,
}

impl SnapshotId {
    /// The id as users see it: the number, big-endian, and the canister's principal.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.number.to_be_bytes().as_slice(), self.canister.principal().as_slice()].concat()
    }

    /// The snapshot that these bytes name.
    pub fn from_bytes(bytes: &[u8]) -> Option<SnapshotId> {
        let (number, canister) = bytes.split_first_chunk::<8>()?;
        let canister = crate::types::Principal::try_from_slice(canister).ok()?;
        let canister = CanisterId::from_principal(&canister)?;
        Some(SnapshotId { canister, number: u64::from_be_bytes(*number) })
    }
}

/// How a snapshot came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SnapshotSource {
    TakenFromCanister,
    MetadataUpload,
}

/// All of a snapshot but its memories and module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotRecord {
    pub source: SnapshotSource,
    pub taken: Time,
    pub canister_version: u64,
    /// `None`: the module is uploaded, or still to be.
    pub module_hash: Option<Digest>,
    /// Size of the module as installed.
    pub module_bytes: u64,
    /// Pages of an uploaded module.
    pub module_root: Digest,
    pub module_layers: Layers,
    pub globals: Vec<Global>,
    pub heap_root: Digest,
    pub heap_layers: Layers,
    pub heap_wasm_pages: u32,
    pub stable_root: Digest,
    pub stable_layers: Layers,
    pub stable_wasm_pages: u64,
    #[serde(with = "serde_bytes")]
    pub certified_data: Vec<u8>,
    /// `None`: not said in the upload; zero: not set.
    pub global_timer: Option<Time>,
    /// `None`: not said in the upload.
    pub hook: Option<HookStatus>,
    /// Sizes of the chunks in the chunk store, by hash.
    pub chunks: BTreeMap<Digest, u32>,
}

impl SnapshotRecord {
    /// Bytes that the snapshot counts: each chunk as the largest.
    pub fn bytes(&self) -> u64 {
        const PAGE: u64 = WASM_PAGE_BYTES as u64;
        let parts = [
            u64::from(self.heap_wasm_pages).saturating_mul(PAGE),
            self.stable_wasm_pages.saturating_mul(PAGE),
            self.module_bytes,
            (self.chunks.len() as u64).saturating_mul(CHUNK_BYTES_MAX as u64),
            (self.globals.len() as u64).saturating_mul(GLOBAL_BYTES),
            self.certified_data.len() as u64,
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// A snapshot as execution sees it. Roots and layers in `record` are brought up to date when the height is sealed.
#[derive(Clone)]
pub struct Snapshot {
    pub record: SnapshotRecord,
    pub module: Option<Arc<Module>>,
    /// The bytes of an uploaded module.
    pub module_pages: PageMap,
    pub heap: PageMap,
    pub stable: PageMap,
}
