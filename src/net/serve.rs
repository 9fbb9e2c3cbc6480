//! The receiving side: `Deliver` calls of proven peers, decoded and put into the inbox.

use super::proto::peer_server::{Peer, PeerServer};
use super::proto::{DeliverSummary, Frame};
use super::stream::{Caller, PeerStream};
use super::{Inbox, Received};
use crate::encoding::peer;
use crate::types::limits::*;
use crate::types::{ChainId, NodeIndex};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// Metadata of a call: the chain id in hex (rule 3).
pub const CHAIN_HEADER: &str = "atoll-chain";
/// Inbox room is counted in units of this many bytes, at least one a message.
const ROOM_UNIT_BYTES: usize = 1024;
/// Tag and length of a frame around its message.
const FRAME_OVERHEAD_BYTES: usize = 16;

/// The gRPC service of one node.
pub struct PeerService {
    chain: String,
    inbox: Inbox,
    /// By peer: how much of its share of the inbox is free (rule 5).
    room: Vec<Arc<Semaphore>>,
    generation: u64,
    /// Whether the members are still those of this generation.
    current: Arc<AtomicBool>,
}

impl PeerService {
    pub fn new(
        chain: ChainId,
        nodes: usize,
        inbox: Inbox,
        (generation, current): (u64, Arc<AtomicBool>),
    ) -> PeerService {
        let share = || Arc::new(Semaphore::new(PEER_INBOX_BYTES_MAX / ROOM_UNIT_BYTES));
        let room = (0..nodes).map(|_| share()).collect();
        PeerService { chain: chain.to_string(), inbox, room, generation, current }
    }

    async fn receive(&self, from: NodeIndex, frame: Bytes) -> Result<(), Status> {
        let room = self.make_room(from, frame.len()).await?;
        if !self.current.load(Ordering::Relaxed) {
            return Err(Status::unavailable("the members have changed"));
        }
        let generation = self.generation;
        let message = peer::decode(frame).map_err(|error| {
            tracing::warn!(peer = from.0, %error, "a peer sent a frame that cannot be read");
            Status::invalid_argument(error.to_string())
        })?;
        (self.inbox)(Received { from, generation, message, _room: room });
        Ok(())
    }

    async fn make_room(&self, from: NodeIndex, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        let share = self.room.get(usize::from(from.0)).cloned();
        let units = u32::try_from(bytes / ROOM_UNIT_BYTES + 1).ok();
        let (Some(share), Some(units)) = (share, units) else {
            return Err(Status::internal("no share of the inbox"));
        };
        share.acquire_many_owned(units).await.map_err(|_| Status::unavailable("stopping"))
    }
}

/// Serves until the accept loop ends.
pub async fn serve(service: PeerService, connections: mpsc::Receiver<io::Result<PeerStream>>) {
    let window = u32::try_from(PEER_MESSAGE_BYTES_MAX).unwrap_or(u32::MAX);
    let server =
        PeerServer::new(service).max_decoding_message_size(PEER_MESSAGE_BYTES_MAX + FRAME_OVERHEAD_BYTES);
    let served = Server::builder()
        .initial_stream_window_size(window)
        .initial_connection_window_size(window)
        .max_concurrent_streams(PEER_STREAMS_MAX)
        .concurrency_limit_per_connection(PEER_STREAMS_MAX as usize)
        .http2_keepalive_interval(Some(Duration::from_millis(PEER_KEEPALIVE_MS)))
        .http2_keepalive_timeout(Some(Duration::from_millis(PEER_KEEPALIVE_MS)))
        .http2_max_pending_accept_reset_streams(Some(PEER_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(PEER_RESETS_MAX))
        .http2_max_header_list_size(PEER_HEADER_BYTES_MAX)
        .serve_with_incoming(server, ReceiverStream::new(connections))
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "serving peers ended");
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn deliver(&self, request: Request<Streaming<Frame>>) -> Result<Response<DeliverSummary>, Status> {
        let Some(Caller(from)) = request.extensions().get::<Caller>().copied() else {
            return Err(Status::unauthenticated("unknown caller"));
        };
        let chain = request.metadata().get(CHAIN_HEADER).and_then(|value| value.to_str().ok());
        if chain != Some(&self.chain) {
            return Err(Status::failed_precondition(format!("this is chain {}", self.chain)));
        }
        let mut stream = request.into_inner();
        let mut frames = 0;
        while let Some(frame) = stream.message().await? {
            self.receive(from, frame.message).await?;
            frames += 1;
        }
        Ok(Response::new(DeliverSummary { frames }))
    }
}
