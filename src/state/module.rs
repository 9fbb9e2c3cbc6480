//! Modules and chunks: bytes that stay in their column until somebody asks for them.

use super::{Column, GLOBAL_TIMER, HostFailure, StateSource};
use crate::types::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Bytes in memory, or in a column and read at the first use.
#[derive(Clone)]
pub struct Blob(Arc<Place>);

struct Place {
    held: OnceLock<Arc<[u8]>>,
    stored: Option<(Arc<dyn StateSource>, Column, Vec<u8>)>,
}

impl Blob {
    /// Bytes that nobody has stored yet.
    pub fn held(bytes: Arc<[u8]>) -> Blob {
        Blob(Arc::new(Place { held: OnceLock::from(bytes), stored: None }))
    }

    /// The value of `key` in `column` of `source`.
    pub fn stored(source: Arc<dyn StateSource>, column: Column, key: Vec<u8>) -> Blob {
        Blob(Arc::new(Place { held: OnceLock::new(), stored: Some((source, column, key)) }))
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`HostFailure`] if they cannot be read, or are not there.
    pub fn load(&self) -> Result<Arc<[u8]>, HostFailure> {
        if let Some(bytes) = self.0.held.get() {
            return Ok(bytes.clone());
        }
        let missing = || HostFailure("a blob is neither in memory nor on disk".into());
        let (source, column, key) = self.0.stored.as_ref().ok_or_else(missing)?;
        let bytes = source.get(*column, key)?.ok_or_else(missing)?;
        Ok(self.0.held.get_or_init(|| Arc::from(bytes.as_ref())).clone())
    }
}

/// A custom section `icp:public <name>` or `icp:private <name>`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Metadata {
    pub public: bool,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// What execution must know of a module without reading it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModuleRecord {
    /// Exported functions that the System API gives a meaning, e.g. `canister_update increment`.
    pub exports: BTreeSet<String>,
    /// By name.
    pub metadata: BTreeMap<String, Metadata>,
    /// Size as installed, perhaps compressed.
    pub bytes: u64,
}

/// An installed module; canisters with equal modules share it.
pub struct Module {
    /// SHA-256 of the module as installed.
    pub hash: Digest,
    pub record: ModuleRecord,
    pub content: Blob,
    /// Looked up once: they are asked for whenever a canister changes.
    heartbeat: bool,
    timer: bool,
}

impl Module {
    /// The module of this hash.
    pub fn new(hash: Digest, record: ModuleRecord, content: Blob) -> Module {
        let heartbeat = record.exports.contains("canister_heartbeat");
        let timer = record.exports.contains(GLOBAL_TIMER);
        Module { hash, record, content, heartbeat, timer }
    }

    /// Whether `canister_heartbeat` is exported.
    pub fn has_heartbeat(&self) -> bool {
        self.heartbeat
    }

    /// Whether `canister_global_timer` is exported.
    pub fn has_timer(&self) -> bool {
        self.timer
    }

    /// Whether the function is exported.
    pub fn exports(&self, name: &str) -> bool {
        self.record.exports.contains(name)
    }

    /// Bytes of all metadata sections with their names.
    pub fn metadata_bytes(&self) -> u64 {
        let sections = self.record.metadata.iter();
        sections.map(|(name, section)| (name.len() + section.content.len()) as u64).sum()
    }
}
