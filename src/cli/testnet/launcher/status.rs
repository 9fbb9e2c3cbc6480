//! The folder in which the caller learns that the network answers.

use super::LauncherError;
use crate::cli::file::write_atomically;
use crate::types::CanisterId;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const STATUS: &str = "status.json";
const CUSTOM_DOMAINS: &str = "custom-domains.txt";
/// What a caller does differently because of it.
const FEATURES: &[&str] = &["custom-domains"];

/// `status.json`: one line.
#[derive(Serialize)]
struct Status<'a> {
    v: &'a str,
    gateway_port: u16,
    /// DER, hex.
    root_key: &'a str,
    /// Of PocketIC.
    instance_id: Option<u64>,
    config_port: Option<u16>,
    /// Under which the provisional methods are called.
    default_effective_canister_id: String,
    supported_features: &'a [&'a str],
}

/// The folder, for as long as the network lives.
pub struct StatusFolder(PathBuf);

impl StatusFolder {
    /// Makes the folder, and removes what an earlier network said there.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(dir: &Path) -> Result<StatusFolder, LauncherError> {
        let failed = |path: &Path, error| LauncherError::File { path: path.into(), error };
        fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
        let dir = dir.canonicalize().map_err(|error| failed(dir, error))?;
        let status = dir.join(STATUS);
        match fs::remove_file(&status) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&status, error)),
            _ => Ok(StatusFolder(dir)),
        }
    }

    /// Where the caller says which canisters have domains.
    pub fn custom_domains(&self) -> PathBuf {
        self.0.join(CUSTOM_DOMAINS)
    }

    /// Says that the network answers.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, gateway_port: u16, root_key: &str) -> io::Result<()> {
        let status = Status {
            v: "1",
            gateway_port,
            root_key,
            instance_id: None,
            config_port: None,
            default_effective_canister_id: CanisterId(0).principal().to_text(),
            supported_features: FEATURES,
        };
        let line = serde_json::to_string(&status)? + "\n";
        write_atomically(&self.0.join(STATUS), line.as_bytes())
    }
}

/// Callers learn the network's end from what is gone. The folder itself may be a mount of theirs.
impl Drop for StatusFolder {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0.join(STATUS));
        let _ = fs::remove_file(self.custom_domains());
        let _ = fs::remove_dir(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_one_line_and_gone_with_the_network() {
        let root = tempfile::tempdir().expect("a folder");
        let dir = root.path().join("status");
        fs::create_dir(&dir).expect("a folder");
        fs::write(dir.join(STATUS), "of an earlier network").expect("a file");
        let folder = StatusFolder::open(&dir).expect("a folder");
        assert!(!dir.join(STATUS).exists());
        folder.write(8_000, "30").expect("written");
        let text = fs::read_to_string(dir.join(STATUS)).expect("it is there");
        assert_eq!(
            text,
            "{\"v\":\"1\",\"gateway_port\":8000,\"root_key\":\"30\",\"instance_id\":null,\"config_port\":null,\
             \"default_effective_canister_id\":\"rwlgt-iiaaa-aaaaa-aaaaa-cai\",\"supported_features\":[\"custom-domains\"]}\n"
        );
        drop(folder);
        assert!(!dir.exists());
    }
}
