//! A module as it arrives: raw, or one gzip member (rule 1).

use super::InvalidModule;
use crate::types::limits::MODULE_BYTES_MAX;
use flate2::bufread::GzDecoder;
use std::borrow::Cow;
use std::io::Read;

/// The interface spec's sign of a compressed module.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];

/// The Wasm binary in `module`. Reads at most one byte more than a module may have, so that a bomb
/// costs no more than an honest module of the greatest size.
pub fn decode(module: &[u8]) -> Result<Cow<'_, [u8]>, InvalidModule> {
    if !module.starts_with(GZIP_MAGIC) {
        return bounded(Cow::Borrowed(module));
    }
    let mut decoder = GzDecoder::new(module);
    let mut wasm = Vec::new();
    decoder
        .by_ref()
        .take(MODULE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut wasm)
        .map_err(|error| InvalidModule::Gzip(error.to_string()))?;
    let wasm = bounded(Cow::Owned(wasm))?;
    match decoder.into_inner() {
        [] => Ok(wasm),
        rest if rest.starts_with(&GZIP_MAGIC[..2]) => Err(InvalidModule::Gzip("more than one member".into())),
        rest => Err(InvalidModule::Gzip(format!("{} trailing bytes", rest.len()))),
    }
}

fn bounded(wasm: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, InvalidModule> {
    match wasm.len() {
        len if len > MODULE_BYTES_MAX => Err(InvalidModule::limit("module bytes", len, MODULE_BYTES_MAX)),
        _ => Ok(wasm),
    }
}
