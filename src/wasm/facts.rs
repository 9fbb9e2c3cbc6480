//! What a valid module says about itself, and why an invalid one is refused.

use crate::types::{Digest, Instructions};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What execution needs to know of an installed module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// SHA-256 of the module as installed.
    pub hash: Digest,
    /// Full names of the exported entry points: `canister_init`, `canister_update add`, …
    pub exports: BTreeSet<String>,
    /// Custom sections `icp:public name` and `icp:private name`, by `name`.
    pub metadata: BTreeMap<String, Metadata>,
    /// Initial heap in 64 KiB pages.
    pub heap_wasm_pages: u32,
    /// Pages that the module allows its heap; 0 without a memory.
    pub heap_wasm_pages_max: u32,
    /// Globals that are mutable or exported, in module order: those that a snapshot shows.
    pub globals: Vec<GlobalFact>,
    /// What compiling is charged, whether or not a cache had the result.
    pub compile_cost: Instructions,
}

/// Type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum GlobalType {
    I32,
    I64,
    F32,
    F64,
    V128,
}

/// A global that a snapshot shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GlobalFact {
    pub mutable: bool,
    /// `None`: a reference, which no canister can keep.
    pub ty: Option<GlobalType>,
}

/// A custom section for the outside world.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Metadata {
    pub public: bool,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

impl ModuleFacts {
    /// Whether the module exports `canister_update name`.
    pub fn has_update(&self, name: &str) -> bool {
        self.has("canister_update", name)
    }
    /// Whether the module exports `canister_query name`.
    pub fn has_query(&self, name: &str) -> bool {
        self.has("canister_query", name)
    }
    /// Whether the module exports `canister_composite_query name`.
    pub fn has_composite_query(&self, name: &str) -> bool {
        self.has("canister_composite_query", name)
    }
    /// Whether the module exports the entry point of this full name, e.g. `canister_heartbeat`.
    pub fn exports(&self, entry: &str) -> bool {
        self.exports.contains(entry)
    }
    fn has(&self, kind: &str, name: &str) -> bool {
        self.exports.contains(&format!("{kind} {name}"))
    }
}

/// Why a module cannot be installed (IC0505).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidModule {
    #[error("gzip: {0}")]
    Gzip(String),
    #[error("{what}: {found}, at most {max} allowed")]
    Limit { what: String, found: u64, max: u64 },
    #[error("not a valid WebAssembly module: {0}")]
    Malformed(String),
    #[error("import `{module}.{name}`: {why}")]
    Import { module: String, name: String, why: String },
    #[error("export `{name}`: {why}")]
    Export { name: String, why: String },
    #[error("custom section `{name}`: {why}")]
    CustomSection { name: String, why: String },
    #[error("{0} is not supported")]
    Unsupported(String),
    #[error("compilation failed: {0}")]
    Compile(String),
}

impl InvalidModule {
    pub(super) fn limit(what: &str, found: usize, max: usize) -> InvalidModule {
        InvalidModule::Limit { what: what.into(), found: found as u64, max: max as u64 }
    }
}

impl From<wasmparser::Error> for InvalidModule {
    fn from(error: wasmparser::Error) -> InvalidModule {
        InvalidModule::Malformed(error.to_string())
    }
}
