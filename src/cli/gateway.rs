//! `atoll gateway`: serve canisters' pages to browsers.

use crate::gateway::{self, Config, GatewayError};
use clap::Parser;
use std::future::Future;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Why the gateway stopped.
#[derive(Debug, thiserror::Error)]
pub enum GatewayCommandError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("--root-key is not hexadecimal")]
    RootKey,
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

#[derive(Parser, Debug)]
pub struct Args {
    /// Where browsers connect.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A replica's public interface, e.g. http://127.0.0.1:9101; once for each replica.
    #[arg(long = "replica", required = true)]
    replicas: Vec<String>,
    /// The subnet's DER-encoded root key in hex. Without it the key is fetched from a replica at start, which
    /// trusts that replica: for development only.
    #[arg(long)]
    root_key: Option<String>,
}

/// Serves until `shutdown` resolves.
pub async fn run(args: Args, shutdown: impl Future<Output = ()> + Send) -> Result<(), GatewayCommandError> {
    let root_key = args.root_key.map(hex::decode).transpose().map_err(|_| GatewayCommandError::RootKey)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|source| GatewayCommandError::Listen { address: args.listen, source })?;
    tracing::info!(listen = %args.listen, replicas = args.replicas.len(), "gateway serves");
    Ok(gateway::serve(listener, Config { replicas: args.replicas, root_key }, shutdown).await?)
}
