//! Compiled modules: in memory, and on disk under a key of all that their code depends on (rule 3).

use super::cache::Cache;
use super::compile::{self, Compiled};
use super::facts::InvalidModule;
use crate::types::Digest;
use crate::types::limits::MODULES_LOADED_MAX;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wasmer::Engine;

/// The compiler and what it made.
pub struct Modules {
    engine: Engine,
    cache: Option<Cache>,
    /// Least recently used first.
    loaded: Mutex<VecDeque<Arc<Slot>>>,
    compilations: AtomicU64,
}

/// One module, made by whoever comes first; others wait for it, so nothing is compiled twice.
struct Slot {
    hash: Digest,
    compiled: Mutex<Option<Result<Arc<Compiled>, InvalidModule>>>,
}

impl Modules {
    pub fn new(cache_dir: Option<PathBuf>) -> Modules {
        Modules {
            engine: compile::engine(),
            cache: cache_dir.map(Cache::new),
            loaded: Mutex::new(VecDeque::new()),
            compilations: AtomicU64::new(0),
        }
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How often the compiler was needed.
    pub fn compilations(&self) -> u64 {
        self.compilations.load(Ordering::Relaxed)
    }

    /// The module with this hash, from memory, from disk, or compiled now from its bytes.
    pub fn get(&self, hash: Digest, module: &[u8]) -> Result<Arc<Compiled>, InvalidModule> {
        let slot = self.slot(hash);
        let mut compiled = slot.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.get_or_insert_with(|| self.load_or_compile(hash, module)).clone()
    }

    fn load_or_compile(&self, hash: Digest, module: &[u8]) -> Result<Arc<Compiled>, InvalidModule> {
        let loaded = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, hash));
        if let Some(compiled) = loaded {
            return Ok(Arc::new(compiled));
        }
        self.compilations.fetch_add(1, Ordering::Relaxed);
        let compiled = compile::compile(&self.engine, module)?;
        if compiled.facts.hash != hash {
            return Err(InvalidModule::Malformed(format!("its hash is {}, not {hash}", compiled.facts.hash)));
        }
        if let Some(cache) = &self.cache {
            // What cannot be kept is compiled again by the next process.
            let _ = cache.store(&compiled);
        }
        Ok(Arc::new(compiled))
    }

    fn slot(&self, hash: Digest) -> Arc<Slot> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().position(|slot| slot.hash == hash);
        let known = at.and_then(|at| loaded.remove(at));
        let slot = known.unwrap_or_else(|| Arc::new(Slot { hash, compiled: Mutex::new(None) }));
        loaded.push_back(Arc::clone(&slot));
        if loaded.len() > MODULES_LOADED_MAX {
            loaded.pop_front();
        }
        slot
    }
}
