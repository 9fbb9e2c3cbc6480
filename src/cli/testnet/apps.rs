//! The sample canisters of a local network, installed once.

use crate::agent::{AgentFailure, Client, Mode};
use crate::cli::file::write_atomically;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Names of the samples; each is `NAME.wasm` in the canisters' directory.
const APPS: &[&str] = &["counter"];

/// A sample cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("{}: {error}; build it with `make canisters`, or start with --no-apps", path.display())]
    Module { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Record { path: PathBuf, error: io::Error },
    #[error("installing {name}: {error}")]
    Install { name: &'static str, error: AgentFailure },
}

/// Canister ids by name, as recorded in `DIR/canisters.json` by an earlier start.
///
/// # Errors
/// The file cannot be read.
pub fn installed(dir: &Path) -> Result<BTreeMap<String, String>, AppError> {
    let path = dir.join("canisters.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(AppError::Record { path, error }),
    };
    serde_json::from_slice(&text).map_err(|error| AppError::Record { path, error: error.into() })
}

/// Creates and installs what is missing, and records each as soon as it is there.
///
/// # Errors
/// A module cannot be read, or the subnet refuses it.
pub async fn install_missing(
    dir: &Path,
    modules: &Path,
    url: &str,
    root_key: &[u8],
) -> Result<BTreeMap<String, String>, AppError> {
    let mut ids = installed(dir)?;
    for name in APPS.iter().copied().filter(|name| !ids.contains_key(*name)).collect::<Vec<_>>() {
        let path = modules.join(format!("{name}.wasm"));
        let module = std::fs::read(&path).map_err(|error| AppError::Module { path, error })?;
        let id = install(url, root_key, &module).await.map_err(|error| AppError::Install { name, error })?;
        ids.insert(name.to_string(), id);
        record(dir, &ids)?;
    }
    Ok(ids)
}

/// Writes down which canisters there are for people.
///
/// # Errors
/// What the file system says.
pub fn record(dir: &Path, ids: &BTreeMap<String, String>) -> Result<(), AppError> {
    let path = dir.join("canisters.json");
    let text = serde_json::to_vec_pretty(ids).map_err(io::Error::from);
    text.and_then(|text| write_atomically(&path, &text)).map_err(|error| AppError::Record { path, error })
}

async fn install(url: &str, root_key: &[u8], module: &[u8]) -> Result<String, AgentFailure> {
    let client = Client::connect(url, None, Some(root_key.to_vec())).await?;
    let id = client.create(None, None).await?;
    client.install(id, Mode::Install, module, b"DIDL\0\0".to_vec()).await?;
    Ok(id.to_text())
}
