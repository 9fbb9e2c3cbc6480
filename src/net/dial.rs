//! The sending side: one task a peer that keeps a `Deliver` call open, for ever.

use super::Link;
use super::outbox::Frames;
use super::proto::peer_client::PeerClient;
use super::serve::CHAIN_HEADER;
use super::tls::server_name;
use crate::types::limits::*;
use crate::types::{ChainId, NodeIndex};
use hyper_util::rt::TokioIo;
use rand::Rng;
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

/// A connection that lived this long resets the backoff.
const STEADY: Duration = Duration::from_secs(5);

/// How to reach one peer.
#[derive(Clone)]
pub struct Dialer {
    pub chain: ChainId,
    pub peer: NodeIndex,
    pub address: String,
    pub client: Arc<ClientConfig>,
}

/// Why a connection ended or was not made.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("connecting: {}", causes(.0))]
    Connect(#[from] tonic::transport::Error),
    #[error("the call ended: {0}")]
    Call(#[from] Status),
    #[error("the chain id is no header value: {0}")]
    Chain(#[from] InvalidMetadataValue),
}

/// An error with what caused it: tonic's own display says only "transport error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Dials, delivers, and dials again after a growing, jittered pause.
pub async fn keep_connected(dialer: Dialer, links: Arc<[Link]>) {
    let Some(link) = links.get(usize::from(dialer.peer.0)) else {
        return;
    };
    let mut backoff_ms = PEER_BACKOFF_MIN_MS;
    loop {
        let started = Instant::now();
        let ended = dialer.deliver(&links, link).await;
        link.open.store(false, Ordering::Relaxed);
        if started.elapsed() > STEADY {
            backoff_ms = PEER_BACKOFF_MIN_MS;
        }
        if let Err(reason) = ended {
            // A peer that is away for long is not worth a line every two seconds.
            match backoff_ms {
                PEER_BACKOFF_MIN_MS => tracing::info!(peer = dialer.peer.0, %reason, "not connected"),
                _ => tracing::debug!(peer = dialer.peer.0, %reason, "not connected"),
            }
        }
        let pause = Duration::from_millis(rand::thread_rng().gen_range(backoff_ms / 2..=backoff_ms));
        if timeout(pause, link.seen.notified()).await.is_ok() {
            sleep(Duration::from_millis(PEER_BACKOFF_MIN_MS / 2)).await;
        }
        backoff_ms = (backoff_ms * 2).min(PEER_BACKOFF_MAX_MS);
    }
}

impl Dialer {
    /// One connection, from dialling to its end.
    async fn deliver(&self, links: &Arc<[Link]>, link: &Link) -> Result<(), Broken> {
        let mut client = PeerClient::new(self.connect().await?);
        let mut request = Request::new(Frames(links.clone(), usize::from(self.peer.0)));
        request.metadata_mut().insert(CHAIN_HEADER, self.chain.to_string().parse()?);
        link.open.store(true, Ordering::Relaxed);
        tracing::info!(peer = self.peer.0, address = %self.address, "connected");
        client.deliver(request).await?;
        Ok(())
    }

    async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        let window = u32::try_from(PEER_MESSAGE_BYTES_MAX).unwrap_or(u32::MAX);
        let keepalive = Duration::from_millis(PEER_KEEPALIVE_MS);
        let dialer = self.clone();
        Endpoint::from_static("http://replica.atoll")
            .connect_timeout(Duration::from_millis(PEER_HANDSHAKE_MS))
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .http2_keep_alive_interval(keepalive)
            .keep_alive_timeout(keepalive)
            .keep_alive_while_idle(true)
            .http2_max_header_list_size(PEER_HEADER_BYTES_MAX)
            .connect_with_connector(tower::service_fn(move |_: Uri| {
                let dialer = dialer.clone();
                async move { dialer.shake_hands().await.map(TokioIo::new) }
            }))
            .await
    }

    async fn shake_hands(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(&self.address).await?;
        tcp.set_nodelay(true)?;
        let name = server_name().map_err(std::io::Error::other)?;
        TlsConnector::from(self.client.clone()).connect(name, tcp).await
    }
}
