//! Why a node cannot start, or must stop.

use super::config::ConfigError;
use crate::consensus::ceremony::CeremonyError;
use crate::crypto::node_key::KeyError;
use crate::crypto::threshold::KeyringError;
use crate::net::TlsError;
use crate::state::HostFailure;
use crate::storage::StorageError;
use crate::storage::key_file::KeyFileError;
use crate::telemetry::MetricError;
use crate::types::{Height, NodeId, StateRoot};
use std::io;
use std::path::PathBuf;

/// Everything that keeps a node from running. Each names what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("{path}: {error}")]
    Keyring { path: PathBuf, error: KeyringError },
    #[error("{0}: not the public shares of a committee")]
    FirstShares(PathBuf),
    #[error(
        "this node, {0:?}, is not in the genesis: to join the running subnet, copy first.shares of another node to {path}",
        path = .1.display()
    )]
    Stranger(NodeId, PathBuf),
    #[error("cannot listen on {address} ({purpose}): {error}")]
    Listen { address: String, purpose: &'static str, error: io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("key generation: {0}")]
    Ceremony(#[from] CeremonyError),
    #[error("storage: {0}")]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Host(#[from] HostFailure),
    #[error("the state on disk after height {height} has root {found:?}, but {stored:?} was committed")]
    Damaged { height: Height, found: StateRoot, stored: StateRoot },
    #[error("this replica has executed nothing yet")]
    NothingExecuted,
    #[error(
        "the blocks below height {0} are purged; a replica with keep_history = true in node.toml has them all"
    )]
    Purged(Height),
    #[error(transparent)]
    Metric(#[from] MetricError),
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
    #[error("thread {0} panicked")]
    Panic(String),
}

impl NodeError {
    /// An I/O error, with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> NodeError {
        let what = what.into();
        move |error| NodeError::Io { what, error }
    }
}
