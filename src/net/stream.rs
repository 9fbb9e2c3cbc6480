//! An accepted connection of a known peer, and its seat.

use super::Link;
use crate::types::NodeIndex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// How many connections each peer has open.
#[derive(Clone)]
pub struct Seats(Arc<[AtomicUsize]>);

/// One of a peer's connections; given back when dropped.
pub struct Seat {
    seats: Seats,
    peer: NodeIndex,
}

impl Seats {
    pub fn new(links: &[Link]) -> Seats {
        Seats(links.iter().map(|_| AtomicUsize::new(0)).collect())
    }

    /// A seat for `peer`, unless it has `max` already.
    pub fn take(&self, peer: NodeIndex, max: usize) -> Option<Seat> {
        let open = self.0.get(usize::from(peer.0))?;
        let more = |taken: usize| (taken < max).then_some(taken + 1);
        open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Seat { seats: self.clone(), peer })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(open) = self.seats.0.get(usize::from(self.peer.0)) {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A TLS connection whose other side proved to be the peer of `seat`.
pub struct PeerStream {
    pub tls: TlsStream<TcpStream>,
    pub seat: Seat,
}

/// Who is at the other end; tonic puts it beside every request.
#[derive(Clone, Copy)]
pub struct Caller(pub NodeIndex);

impl Connected for PeerStream {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        Caller(self.seat.peer)
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(context, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(context)
    }
}
