//! Which subnet, and in whose name: flags of all commands that are a user's.

use crate::agent::{AgentFailure, Client};
use std::path::PathBuf;

/// The gateway that `make run` starts.
const LOCAL: &str = "http://127.0.0.1:8080";

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error(transparent)]
    Agent(#[from] AgentFailure),
    #[error("--root-key is not hexadecimal")]
    Hex,
}

#[derive(clap::Args, Debug)]
pub struct Connection {
    /// A replica or gateway of the subnet; the one that the environment's ATOLL_URL names, or one on this machine.
    #[arg(long, global = true, default_value_t = url())]
    url: String,
    /// PEM file of the identity to act as (Ed25519, secp256k1 or P-256); anonymous without it.
    #[arg(long, global = true)]
    identity: Option<PathBuf>,
    /// The subnet's DER-encoded root key in hex; fetched from the URL without it.
    #[arg(long, global = true)]
    root_key: Option<String>,
}

fn url() -> String {
    std::env::var("ATOLL_URL").unwrap_or_else(|_| LOCAL.into())
}

impl Connection {
    /// # Errors
    /// [`ConnectionError`]: a flag cannot be used, or nobody answers.
    pub async fn client(&self) -> Result<Client, ConnectionError> {
        let root_key = self.root_key.as_ref().map(hex::decode).transpose();
        let root_key = root_key.map_err(|_| ConnectionError::Hex)?;
        Ok(Client::connect(&self.url, self.identity.as_deref(), root_key).await?)
    }
}
