//! What the records of a state name and do not hold.

use super::super::record::{self, key};
use super::super::restore::merged_digests;
use super::super::{
    CanisterRecord, Column, HostFailure, Layers, PageMap, Paused, SnapshotRecord, StateSource, Task, VolumeId,
};
use crate::types::limits::{PAGE_BYTES, WASM_PAGE_BYTES};
use crate::types::{CanisterId, Digest};
use std::collections::{BTreeMap, BTreeSet};

/// All that is to be there beside the records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    pub modules: BTreeSet<Digest>,
    pub chunks: BTreeSet<(CanisterId, Digest)>,
    pub memories: BTreeSet<Memory>,
}

/// A memory, as records name it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Memory {
    /// Oldest first.
    pub volumes: Vec<VolumeId>,
    pub root: Digest,
    /// Its size, which never shrinks while it has these volumes: no entry of theirs is of a page beyond.
    pub pages: u64,
}

impl Memory {
    /// Whether the digests of its pages are in `source`, all of them and no other.
    ///
    /// # Errors
    /// [`HostFailure`] if `source` fails.
    pub fn is_complete(&self, source: &dyn StateSource) -> Result<bool, HostFailure> {
        Ok(PageMap::root_of(merged_digests(source, &self.volumes)?) == self.root)
    }
}

impl Needs {
    /// What the records in `source` name. Reads the canisters' records.
    ///
    /// # Errors
    /// [`HostFailure`] if `source` fails, or a record does not read.
    pub fn of(source: &dyn StateSource) -> Result<Needs, HostFailure> {
        let mut needs = Needs::default();
        for (key, value) in source.scan(Column::Canister, b"")? {
            needs.add(&key, &value)?;
        }
        Ok(needs)
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostFailure> {
        let number = key.get(..key::CANISTER_BYTES).and_then(key::number);
        let Some(id) = number.map(CanisterId) else {
            return Ok(());
        };
        match key.get(key::CANISTER_BYTES) {
            None => {
                let record: CanisterRecord = record::decode("a canister record", value)?;
                self.modules.extend(record.module_hash);
                self.list_chunks(id, &record.chunks);
                self.memory(record.heap_root, record.heap_layers, pages(record.heap_wasm_pages.into()));
                self.memory(record.stable_root, record.stable_layers, pages(record.stable_wasm_pages));
            }
            Some(&key::SNAPSHOT) => {
                let record: SnapshotRecord = record::decode("a snapshot record", value)?;
                self.modules.extend(record.module_hash);
                self.list_chunks(id, &record.chunks);
                let module = record.module_bytes.div_ceil(PAGE_BYTES as u64);
                self.memory(record.module_root, record.module_layers, module);
                self.memory(record.heap_root, record.heap_layers, pages(record.heap_wasm_pages.into()));
                self.memory(record.stable_root, record.stable_layers, pages(record.stable_wasm_pages));
            }
            Some(&key::PAUSED) => {
                let paused: Paused = record::decode("a paused run", value)?;
                if let Task::Install(install) = paused.task {
                    self.modules.insert(install.module_hash);
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn memory(&mut self, root: Digest, layers: Layers, pages: u64) {
        if !layers.volumes.is_empty() {
            self.memories.insert(Memory { volumes: layers.volumes, root, pages });
        }
    }

    fn list_chunks(&mut self, id: CanisterId, chunks: &BTreeMap<Digest, u32>) {
        self.chunks.extend(chunks.keys().map(|hash| (id, *hash)));
    }

    /// All volumes of all memories, each with the size of the largest memory that lists it.
    pub fn volumes(&self) -> BTreeMap<VolumeId, u64> {
        let mut volumes: BTreeMap<VolumeId, u64> = BTreeMap::new();
        for memory in &self.memories {
            for volume in &memory.volumes {
                let pages = volumes.entry(*volume).or_default();
                *pages = memory.pages.max(*pages);
            }
        }
        volumes
    }
}

/// Pages in so many of Wasm.
fn pages(wasm_pages: u64) -> u64 {
    wasm_pages.saturating_mul((WASM_PAGE_BYTES / PAGE_BYTES) as u64)
}
