//! The thread that reads finalized blocks for peers that are behind, so that the replica's thread
//! never waits for old blocks.

use super::{End, NodeError};
use crate::net::Net;
use crate::storage::Rocks;
use crate::types::{Height, NodeIndex, PeerMessage};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Serves requests until none can come any more.
///
/// # Errors
/// The disk fails.
pub fn serve_chain(
    rocks: &Rocks,
    net: &Arc<Net>,
    requests: &Receiver<(NodeIndex, Height)>,
) -> Result<Option<End>, NodeError> {
    while let Ok((to, from)) = requests.recv() {
        if let Some(segment) = rocks.chain_segment(from)? {
            net.send(to, &PeerMessage::Chain(Box::new(segment)));
        }
    }
    Ok(None)
}
