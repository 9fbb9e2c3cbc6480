//! The gateway put together.

use super::accept::{Deadlines, Door, accept};
use super::answer::Gateway;
use super::cache::Pages;
use super::candid_page::CandidPage;
use super::domain::{Domains, Follower};
use super::fetch::Fetcher;
use super::limit::{Limits, Memory, Share};
use super::metrics::Metrics;
use super::preflight::Preflights;
use super::tls::{Server, Tls, TlsError};
use super::upstream::{Upstream, UpstreamError};
use super::verify::Judge;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Requests under way at once.
const UNDER_WAY_MAX: usize = 4_096;
/// Bodies of requests at once.
const REQUEST_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bodies of replies at once, besides those that are kept.
const REPLY_BYTES_MAX: usize = 512 * 1024 * 1024;
/// What kept pages take, unless said otherwise.
pub const CACHE_BYTES: u64 = 256 * 1024 * 1024;

/// What a gateway needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `http://host:port` of each replica's public interface.
    pub replicas: Vec<String>,
    /// The subnet's DER-encoded root key. `None`: fetched from a replica at start, which trusts that replica.
    pub root_key: Option<Vec<u8>>,
    /// A file of `domain:canister` lines.
    pub domains: Option<PathBuf>,
    /// Update calls are held up by this long: what a network far away feels like.
    pub call_delay: Duration,
    /// `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// Bytes of verified pages that are kept.
    pub cache_bytes: u64,
    /// One line for each request.
    pub access_log: bool,
    /// What one client may take; `None`: no bound but everybody's.
    pub share: Option<Share>,
    /// Requests under way at once.
    pub under_way: usize,
    /// Bytes of bodies held at once, of replies besides those that are kept.
    pub memory: Memory,
    pub deadlines: Deadlines,
}

impl Config {
    /// A gateway to these replicas, for development: plain HTTP, and no bound on a single client.
    pub fn new(replicas: Vec<String>) -> Config {
        Config {
            replicas,
            root_key: None,
            domains: None,
            call_delay: Duration::ZERO,
            tls: None,
            cache_bytes: CACHE_BYTES,
            access_log: false,
            share: None,
            under_way: UNDER_WAY_MAX,
            memory: Memory { requests: REQUEST_BYTES_MAX, replies: REPLY_BYTES_MAX },
            deadlines: Deadlines::default(),
        }
    }
}

/// The gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the root key is none: it is no DER of a BLS key")]
    RootKey,
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
}

async fn start(config: &Config, domains: watch::Receiver<Arc<Domains>>) -> Result<Gateway, GatewayError> {
    let upstream = Arc::new(Upstream::new(&config.replicas)?);
    let root_key = upstream.set_root_key(config.root_key.clone()).await?;
    let metrics = Arc::new(Metrics::new()?);
    let kept = usize::try_from(config.cache_bytes).unwrap_or(usize::MAX);
    let memory = Memory { replies: config.memory.replies.saturating_add(kept), ..config.memory };
    let limits = Arc::new(Limits::new(config.under_way, memory, config.share));
    let pages = Pages::new(config.cache_bytes);
    let candid_page = CandidPage::new(&root_key);
    let judge = Judge::new(root_key).ok_or(GatewayError::RootKey)?;
    let fetcher = Fetcher::new(upstream.clone(), judge, pages, limits.clone(), metrics.clone());
    Ok(Gateway {
        upstream,
        fetcher: Arc::new(fetcher),
        limits,
        metrics,
        preflights: Preflights::new(),
        candid_page,
        domains,
        call_delay: config.call_delay,
        body: config.deadlines.body,
        access_log: config.access_log,
        strict: matches!(config.tls, Some(Tls::Files { .. })),
    })
}

/// Serves until `shutdown` resolves, then lets open requests finish for a few seconds.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), GatewayError> {
    let (domains, follower) = custom_domains(config.domains.clone()).await;
    let gateway = Arc::new(start(&config, domains).await?);
    // All end with this function.
    let mut watchers = JoinSet::new();
    let upstream = gateway.upstream.clone();
    watchers.spawn(async move { upstream.watch().await });
    if let Some(follower) = follower {
        watchers.spawn(follower.follow());
    }
    let tls = match &config.tls {
        None => None,
        Some(tls) => {
            let server = Server::new(tls)?;
            let acceptor = TlsAcceptor::from(server.config.clone());
            watchers.spawn(server.follow());
            Some(acceptor)
        }
    };
    accept(listener, Door { gateway, tls, deadlines: config.deadlines }, shutdown).await;
    Ok(())
}

/// The domains of the file, and who goes on looking at it.
async fn custom_domains(file: Option<PathBuf>) -> (watch::Receiver<Arc<Domains>>, Option<Follower>) {
    let Some(file) = file else {
        return (watch::channel(Arc::default()).1, None);
    };
    let (mut follower, domains) = Follower::new(file);
    follower.look().await;
    (domains, Some(follower))
}
