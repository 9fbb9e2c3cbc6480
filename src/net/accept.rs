//! The accept loop: TLS first, then a seat, then gRPC.

use super::Link;
use super::stream::{PeerStream, Seats};
use super::tls::{Tls, TlsError};
use crate::types::NodeIndex;
use crate::types::limits::{PEER_CONNECTIONS_MAX, PEER_HANDSHAKE_MS, PEER_HANDSHAKES_MAX};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// After an error of `accept` (no file descriptor left, say) the loop rests this long.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Why a connection was closed before gRPC.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no handshake within {PEER_HANDSHAKE_MS} ms")]
    Slow,
    #[error("handshake: {0}")]
    Handshake(#[from] io::Error),
    #[error("not of the committee")]
    Stranger,
    #[error("node {0} has {PEER_CONNECTIONS_MAX} connections already")]
    NoSeat(NodeIndex),
}

/// What every handshake needs.
#[derive(Clone)]
struct Door {
    tls: Arc<Tls>,
    acceptor: TlsAcceptor,
    seats: Seats,
    links: Arc<[Link]>,
    admitted: mpsc::Sender<io::Result<PeerStream>>,
}

/// Starts the loop; yields the connections of proven peers.
pub fn start(
    tasks: &mut JoinSet<()>,
    listener: TcpListener,
    tls: Arc<Tls>,
    links: Arc<[Link]>,
) -> Result<mpsc::Receiver<io::Result<PeerStream>>, TlsError> {
    let acceptor = TlsAcceptor::from(tls.server()?);
    let (admitted, connections) = mpsc::channel(PEER_HANDSHAKES_MAX);
    let seats = Seats::new(&links);
    tasks.spawn(accept(listener, Door { tls, acceptor, seats, links, admitted }));
    Ok(connections)
}

async fn accept(listener: TcpListener, door: Door) {
    let handshakes = Arc::new(Semaphore::new(PEER_HANDSHAKES_MAX));
    loop {
        let Ok(permit) = handshakes.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((tcp, address)) => {
                let door = door.clone();
                tokio::spawn(async move {
                    let _permit = permit;
                    door.admit(tcp, address).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a peer failed");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

impl Door {
    async fn admit(&self, tcp: TcpStream, address: SocketAddr) {
        match self.shake_hands(tcp).await {
            Ok(stream) => drop(self.admitted.send(Ok(stream)).await),
            Err(refusal) => tracing::debug!(%address, %refusal, "peer connection refused"),
        }
    }

    async fn shake_hands(&self, tcp: TcpStream) -> Result<PeerStream, Refusal> {
        tcp.set_nodelay(true)?;
        let deadline = Duration::from_millis(PEER_HANDSHAKE_MS);
        let tls = timeout(deadline, self.acceptor.accept(tcp)).await.map_err(|_| Refusal::Slow)??;
        let certificates = tls.get_ref().1.peer_certificates().unwrap_or_default();
        let peer = self.tls.node_of(certificates).ok_or(Refusal::Stranger)?;
        let seat = self.seats.take(peer, PEER_CONNECTIONS_MAX).ok_or(Refusal::NoSeat(peer))?;
        if let Some(link) = self.links.get(usize::from(peer.0)) {
            link.seen.notify_one();
        }
        Ok(PeerStream { tls, seat })
    }
}
