//! The canisters of the genesis, with the modules that lie beside it.

use super::ConfigError;
use crate::crypto::genesis::founding;
use crate::crypto::hash::sha256;
use crate::types::limits::MODULE_BYTES_MAX;
use crate::types::{Digest, Foundings, Genesis};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the module of this hash lies, beside the genesis file.
pub fn module_file(genesis: &Path, hash: &Digest) -> PathBuf {
    genesis.with_file_name("modules").join(format!("{hash}.wasm"))
}

/// What the first block makes.
///
/// # Errors
/// [`ConfigError`] naming the module that is not there, or is another.
pub fn load_founding(file: &Path, genesis: &Genesis) -> Result<Foundings, ConfigError> {
    let load = |canister| {
        let founding =
            founding(canister).map_err(|error| ConfigError::Genesis { path: file.to_path_buf(), error })?;
        let path = module_file(file, &founding.module);
        let module = read_module(&path).map_err(|error| ConfigError::Read { path: path.clone(), error })?;
        match sha256(&module) == founding.module {
            true => Ok((founding, Arc::from(module))),
            false => Err(ConfigError::Module { path }),
        }
    };
    genesis.canisters.iter().map(load).collect()
}

/// A module's file; one byte more than may be, so that too much is noticed where it is checked.
///
/// # Errors
/// What the file system says.
pub fn read_module(path: &Path) -> io::Result<Vec<u8>> {
    let mut module = Vec::new();
    File::open(path)?.take(MODULE_BYTES_MAX as u64 + 1).read_to_end(&mut module)?;
    Ok(module)
}
