//! `atoll gateway`: serve canisters' pages to browsers.

use crate::gateway::{self, Config, GatewayError};
use clap::Parser;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;

/// Clients give up on calls that take longer.
pub const CALL_DELAY_MS_MAX: u64 = 60_000;

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
    /// A file of `domain:canister` lines, read again when it changes: host names for canisters besides their ids.
    #[arg(long, value_name = "FILE")]
    custom_domains: Option<PathBuf>,
    /// Hold up update calls by this long, in milliseconds: what a network far away feels like.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=CALL_DELAY_MS_MAX))]
    call_delay_ms: u64,
}

/// Serves until `shutdown` resolves.
pub async fn run(args: Args, shutdown: impl Future<Output = ()> + Send) -> Result<(), GatewayCommandError> {
    let root_key = args.root_key.map(hex::decode).transpose().map_err(|_| GatewayCommandError::RootKey)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|source| GatewayCommandError::Listen { address: args.listen, source })?;
    tracing::info!(listen = %args.listen, replicas = args.replicas.len(), "gateway serves");
    let call_delay = Duration::from_millis(args.call_delay_ms);
    let config = Config { replicas: args.replicas, root_key, domains: args.custom_domains, call_delay };
    Ok(gateway::serve(listener, config, shutdown).await?)
}
