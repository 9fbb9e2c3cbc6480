//! Asks processes of the network how they are.

use serde::Deserialize;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// A replica's `/health`.
#[derive(Clone, Debug, Deserialize)]
pub struct Health {
    pub status: String,
    pub certified_height: u64,
    /// Of the state after this height.
    #[serde(default)]
    pub executed_height: u64,
    /// Its root, in hex.
    #[serde(default)]
    pub state_root: Option<String>,
    /// What a replica that does not move waits for.
    #[serde(default)]
    pub waits_for: Option<String>,
    pub node_id: Option<String>,
    pub root_key: Option<String>,
}

/// `None` while it does not answer.
pub async fn health(metrics_port: u16) -> Option<Health> {
    let answer = get((Ipv4Addr::LOCALHOST, metrics_port).into(), "/health").await?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

/// Whether the HTTP server at `address` answers `path` with 200.
pub async fn answers(address: SocketAddr, path: &str) -> bool {
    let answer = get(address, path).await.unwrap_or_default();
    answer.split(' ').nth(1) == Some("200")
}

async fn get(address: SocketAddr, path: &str) -> Option<String> {
    timeout(ANSWER_TIMEOUT, exchange(address, path)).await.ok()?.ok()
}

async fn exchange(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut tcp = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tcp.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
