//! The compiler: one backend, one set of flags, everywhere (two compilers are two semantics).

use super::decode::decode;
use super::facts::InvalidModule;
use super::facts::ModuleFacts;
use super::import::Width;
use super::{cost, instrument, validate};
use crate::types::Digest;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use wasmer::sys::{Cranelift, CraneliftOptLevel, EngineBuilder, Features, Target};
use wasmer::{Engine, Module};

/// Raised whenever instrumentation or the flags below change what is compiled.
const CODE_VERSION: u32 = 5;

/// A module ready to be instantiated.
pub struct Compiled {
    pub facts: Arc<ModuleFacts>,
    pub plan: Plan,
    pub module: Module,
}

/// What instances of the module need to know besides its facts.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// The module changes tables or drops segments: every run needs a fresh instance.
    pub fresh_instances: bool,
    /// 64 KiB pages the module allows its heap; 0 without a memory.
    pub heap_wasm_pages_max: u32,
    /// The form in which the System API's functions are linked.
    pub width: Width,
}

/// Makes the engine that compiles.
pub fn engine() -> Engine {
    let mut compiler = Cranelift::new();
    // The code does it itself (`nan`).
    compiler.canonicalize_nans(false);
    compiler.opt_level(CraneliftOptLevel::Speed);
    EngineBuilder::new(compiler).set_features(Some(features())).engine().into()
}

/// The features of `validate`, as wasmer names them; what it does not name there is off.
fn features() -> Features {
    let mut features = Features::none();
    features.bulk_memory(true).reference_types(true).multi_value(true).simd(true);
    features
}

/// Everything besides the module that its machine code depends on.
pub fn fingerprint() -> Digest {
    let target = Target::default();
    let text = format!(
        "wasmer 7.4.2 cranelift speed nans; code {CODE_VERSION}; costs {}; {:?} {:?}",
        cost::VERSION,
        target.triple(),
        target.cpu_features(),
    );
    sha256(text.as_bytes())
}

/// Decodes, validates, instruments and compiles `module`.
pub fn compile(engine: &Engine, module: &[u8]) -> Result<Compiled, InvalidModule> {
    let wasm = decode(module)?;
    let parsed = validate::validate(&wasm)?;
    let facts = Arc::new(validate::facts(&parsed, sha256(module))?);
    let plan = Plan {
        fresh_instances: parsed.code.iter().any(|code| code.changes_tables),
        heap_wasm_pages_max: parsed
            .memory
            .map_or(0, |memory| u32::try_from(memory.maximum.unwrap_or(u64::MAX)).unwrap_or(u32::MAX)),
        width: Width::of(&parsed),
    };
    let instrumented = instrument::instrument(&parsed)?;
    let module =
        Module::new(engine, &instrumented).map_err(|error| InvalidModule::Compile(error.to_string()))?;
    Ok(Compiled { facts, plan, module })
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
