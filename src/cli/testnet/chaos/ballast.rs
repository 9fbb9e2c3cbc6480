//! A canister that is only large, so that a state of some size must be carried.

use crate::agent::{AgentFailure, Client, Mode};
use crate::cli::testnet::apps::AppError;
use std::path::Path;

/// Operations of the probe canister (`canisters/probe/src/op.rs`).
const PUSH: u8 = 1;
const DROP: u8 = 2;
const DUP: u8 = 3;
const CONCAT: u8 = 4;
const REPLY: u8 = 13;
const STABLE_GROW: u8 = 31;
const STABLE_WRITE: u8 = 32;

const PAGE_BYTES: usize = 64 << 10;
const PAGES_PER_MIB: u64 = 16;
/// One call writes so much; it carries a sixteenth of that.
const MIB_PER_CALL: u64 = 8;
/// For its memory, for longer than any run.
const CYCLES: u128 = 1_000_000_000_000_000;

/// Installs `probe.wasm` from `modules` and fills its stable memory with `mib` MiB that do not compress.
///
/// # Errors
/// The module cannot be read, or the subnet refuses.
pub async fn load(modules: &Path, url: &str, root_key: &[u8], mib: u64) -> Result<(), AppError> {
    let path = modules.join("probe.wasm");
    let module = std::fs::read(&path).map_err(|error| AppError::Module { path, error })?;
    let filled = fill(url, root_key, &module, mib).await;
    filled.map_err(|error| AppError::Install { name: "ballast", error })
}

async fn fill(url: &str, root_key: &[u8], module: &[u8], mib: u64) -> Result<(), AgentFailure> {
    let client = Client::connect(url, None, Some(root_key.to_vec())).await?;
    let id = client.create(None, Some(CYCLES)).await?;
    client.install(id, Mode::Install, module, Vec::new()).await?;
    for first in (0..mib).step_by(MIB_PER_CALL as usize) {
        client.update(id, "run", script(first, MIB_PER_CALL.min(mib - first))).await?;
    }
    Ok(())
}

/// Appends `count` MiB to stable memory, from MiB `first` on.
fn script(first: u64, count: u64) -> Vec<u8> {
    let mut script = Vec::new();
    push(&mut script, &(count * PAGES_PER_MIB).to_le_bytes());
    script.extend([STABLE_GROW, DROP]);
    for mib in first..first + count {
        push(&mut script, &(mib << 20).to_le_bytes());
        let page: Vec<u8> = (0..PAGE_BYTES).map(|_| rand::random()).collect();
        push(&mut script, &page);
        (0..PAGES_PER_MIB.ilog2()).for_each(|_| script.extend([DUP, CONCAT]));
        script.push(STABLE_WRITE);
    }
    script.push(REPLY);
    script
}

fn push(script: &mut Vec<u8>, bytes: &[u8]) {
    script.push(PUSH);
    script.extend(u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes());
    script.extend(bytes);
}
