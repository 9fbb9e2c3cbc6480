//! `node.toml`: what is this node's own. Everything that all nodes share is in the genesis.

use crate::crypto::genesis::{GenesisError, parse_genesis};
use crate::telemetry::LogFormat;
use crate::types::limits::CHECKPOINT_HEIGHTS;
use crate::types::{Genesis, NodeIndex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// The configuration of one node. Relative paths are relative to the file's directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where chain and state are kept. Only this node writes here.
    pub data_dir: PathBuf,
    /// Where the node's secret keys are: directory 0700, files 0600.
    pub key_dir: PathBuf,
    /// The genesis file, equal on all nodes.
    pub genesis: PathBuf,
    /// Where peers connect, `ip:port`.
    pub peer_listen: String,
    /// Where users connect, `ip:port`.
    pub api_listen: String,
    /// Where operators read `/metrics` and `/health`, `ip:port`. Not for the public.
    pub metrics_listen: String,
    #[serde(default)]
    pub log_format: LogFormat,
    /// Keep all blocks, so that `atoll replay` can begin at genesis. Otherwise they are purged when no peer
    /// needs them any more.
    #[serde(default)]
    pub keep_history: bool,
    /// Every so many heights a state is offered to replicas that are far behind, and the blocks below are purged.
    #[serde(default = "checkpoint_heights")]
    pub checkpoint_heights: NonZeroU64,
    /// Who the members are now, for a node that cannot know by itself: `atoll node list --cards` writes the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<PathBuf>,
    /// Addresses of peers that differ, seen from here, from those in the genesis, by node index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub peer_addresses: BTreeMap<String, String>,
}

/// A configuration or genesis file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {error}")]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{path}: {error}")]
    Syntax { path: PathBuf, error: toml::de::Error },
    #[error("{path}: {error}")]
    Genesis { path: PathBuf, error: GenesisError },
    #[error("{path}: is not the module that the genesis names")]
    Module { path: PathBuf },
    #[error("peer_addresses: {key:?} is not the index of another node of the genesis")]
    Peer { key: String },
}

fn checkpoint_heights() -> NonZeroU64 {
    CHECKPOINT_HEIGHTS
}

impl Config {
    /// Reads a file and makes its paths absolute.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and what is wrong with it.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let mut config: Config = toml::from_str(&read_text(file)?)
            .map_err(|error| ConfigError::Syntax { path: file.to_path_buf(), error })?;
        let home = file.parent().unwrap_or(Path::new("."));
        let paths = [&mut config.data_dir, &mut config.key_dir, &mut config.genesis];
        for path in paths.into_iter().chain(&mut config.members) {
            *path = home.join(&*path);
        }
        Ok(config)
    }

    /// The address to dial each node of `genesis` at, overrides applied.
    ///
    /// # Errors
    /// An override for a node that does not exist.
    pub fn addresses(&self, genesis: &Genesis) -> Result<Vec<String>, ConfigError> {
        let mut addresses: Vec<String> = genesis.nodes.iter().map(|node| node.address.clone()).collect();
        for (key, address) in &self.peer_addresses {
            let index: Option<usize> = key.parse().ok();
            let slot = index.and_then(|index| addresses.get_mut(index));
            *slot.ok_or_else(|| ConfigError::Peer { key: key.clone() })? = address.clone();
        }
        Ok(addresses)
    }
}

/// Reads and checks a genesis file.
///
/// # Errors
/// [`ConfigError`] naming the file and what is wrong with it.
pub fn load_genesis(file: &Path) -> Result<Genesis, ConfigError> {
    let text = read_text(file)?;
    parse_genesis(&text).map_err(|error| ConfigError::Genesis { path: file.to_path_buf(), error })
}

pub(super) fn read_text(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|error| ConfigError::Read { path: file.to_path_buf(), error })
}

/// All indexes of a committee of `n`.
pub(super) fn indexes(n: usize) -> impl Iterator<Item = NodeIndex> {
    (0..=u16::MAX).map(NodeIndex).take(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::GenesisNode;

    const FILE: &str = r#"
        data_dir = "data"
        key_dir = "/secret/keys"
        genesis = "../genesis.toml"
        peer_listen = "127.0.0.1:1"
        api_listen = "127.0.0.1:2"
        metrics_listen = "127.0.0.1:3"
        members = "members.toml"
        log_format = "json"
        [peer_addresses]
        1 = "127.0.0.1:9"
    "#;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("node.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file)?;
        assert_eq!(config.data_dir, dir.path().join("data"));
        assert_eq!(config.genesis, dir.path().join("../genesis.toml"));
        Ok(config)
    }

    fn genesis(n: usize) -> Genesis {
        let node = |i: usize| GenesisNode {
            name: format!("node {i}"),
            identity_key: String::new(),
            tls_key: String::new(),
            encryption_key: String::new(),
            address: format!("host-{i}:1"),
        };
        Genesis::local("test", (0..n).map(node).collect())
    }

    #[test]
    fn relative_paths_are_relative_to_the_file_and_absolute_ones_stay() {
        let config = load(FILE).unwrap();
        assert_eq!(config.key_dir, PathBuf::from("/secret/keys"));
        assert!(config.members.unwrap().is_absolute());
        assert_eq!(config.log_format, LogFormat::Json);
    }

    #[test]
    fn an_override_replaces_the_address_of_its_node_only() {
        let config = load(FILE).unwrap();
        assert_eq!(config.addresses(&genesis(2)).unwrap(), ["host-0:1", "127.0.0.1:9"]);
        assert!(matches!(config.addresses(&genesis(1)), Err(ConfigError::Peer { .. })));
    }

    #[test]
    fn a_misspelt_field_is_named() {
        let error = load(&FILE.replace("api_listen", "api_lisen")).unwrap_err().to_string();
        assert!(error.contains("api_lisen") && error.contains("node.toml"), "{error}");
    }
}
