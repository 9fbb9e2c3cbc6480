//! `atoll gateway`: serve canisters' pages to browsers.

use crate::gateway::{self, Config, GatewayError, Share, Tls};
use clap::Parser;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;

/// Requests of one client in a second, unless said otherwise: many pages with many pictures.
pub const RATE: u32 = 500;

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
    /// Serve HTTPS with this chain of certificates (PEM, the server's own first), read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve HTTPS with certificates of an authority in this folder, which is made if it is not there: for development,
    /// for names under localhost, test, local, internal and home.arpa.
    #[arg(long, value_name = "DIR", conflicts_with = "tls_cert")]
    tls_dev_ca: Option<PathBuf>,
    /// Requests that one client may make in a second (twice as many at once); 0 for no bound, e.g. behind a proxy,
    /// where all clients are one.
    #[arg(long, default_value_t = RATE)]
    rate_per_client: u32,
    /// Mebibytes of verified pages to keep.
    #[arg(long, default_value_t = gateway::serve::CACHE_BYTES >> 20)]
    cache_mib: u64,
    /// Log a line for each request.
    #[arg(long)]
    access_log: bool,
}

impl Args {
    fn tls(&self) -> Option<Tls> {
        match (&self.tls_cert, &self.tls_key, &self.tls_dev_ca) {
            (Some(chain), Some(key), _) => Some(Tls::Files { chain: chain.clone(), key: key.clone() }),
            (_, _, Some(folder)) => Some(Tls::Development { folder: folder.clone() }),
            _ => None,
        }
    }
}

/// Serves until `shutdown` resolves.
pub async fn run(args: Args, shutdown: impl Future<Output = ()> + Send) -> Result<(), GatewayCommandError> {
    let tls = args.tls();
    let root_key = args.root_key.map(hex::decode).transpose().map_err(|_| GatewayCommandError::RootKey)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|source| GatewayCommandError::Listen { address: args.listen, source })?;
    tracing::info!(listen = %args.listen, replicas = args.replicas.len(), tls = tls.is_some(), "gateway serves");
    let config = Config {
        root_key,
        domains: args.custom_domains,
        call_delay: Duration::from_millis(args.call_delay_ms),
        tls,
        cache_bytes: args.cache_mib << 20,
        access_log: args.access_log,
        share: (args.rate_per_client > 0).then(|| Share::of_rate(args.rate_per_client)),
        ..Config::new(args.replicas)
    };
    Ok(gateway::serve(listener, config, shutdown).await?)
}
