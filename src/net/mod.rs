//! Replica to replica: gRPC over mutually authenticated TLS. No opinion on content.
//!
//! 1. Every node dials every other and pushes frames on one client-streaming call, `Deliver`; what
//!    it receives comes on the calls that the others made to it ([`dial`], [`serve`]).
//! 2. There is no certificate authority. A connection lives only if the other side proves, in the
//!    TLS 1.3 handshake, that it holds the Ed25519 key that genesis pins for it ([`tls`]). Everyone
//!    else is refused before one byte of HTTP is read.
//! 3. A call names the chain; a different chain is refused, whatever the keys.
//! 4. A slow or dead peer costs its own bounded queue and nothing else: the queue drops its oldest
//!    bulk first, and votes overtake bulk ([`outbox`]).
//! 5. What a peer sent and nobody has processed yet is bounded in bytes per peer; beyond it the
//!    peer's stream is not read, and HTTP/2 flow control holds the peer back ([`serve`]).
//! 6. The accept loop outlives every error of `accept`; a handshake takes at most
//!    `PEER_HANDSHAKE_MS`; a peer has at most `PEER_CONNECTIONS_MAX` connections ([`accept`]).
//! 7. When the members change, connections are made anew: the links, pins and places of before are worth
//!    nothing any more, and a message names the generation of members in which its sender has its place.
//! 8. Messages that were under way when a connection broke are lost. Consensus repeats itself.

mod accept;
mod dial;
mod outbox;
mod serve;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

/// The service of `proto/atoll/net/v1`, as tonic generates it.
mod proto {
    #![allow(clippy::all, clippy::pedantic)]
    tonic::include_proto!("atoll.net.v1");
}

use crate::encoding::peer;
use crate::types::*;
use outbox::{Outbox, Urgency};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
pub use tls::TlsError;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// Who is who: the committee as this node reaches it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    pub chain: ChainId,
    /// This node's place, if it has one.
    pub own: Option<NodeIndex>,
    /// The whole committee in the order of `NodeIndex`, this node included; then those who may follow.
    pub nodes: Vec<Member>,
}

/// One node of the committee.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Raw Ed25519 key that its TLS handshake must prove.
    pub tls_key: [u8; 32],
    /// `host:port` to dial; resolved anew at every attempt.
    pub address: String,
}

/// A message and the room it takes in its sender's share of the inbox, given back when dropped.
pub struct Received {
    pub from: NodeIndex,
    /// Of the members among whom that is its place ([`Net::generation`]).
    pub generation: u64,
    pub message: PeerMessage,
    _room: OwnedSemaphorePermit,
}

#[cfg(test)]
impl Received {
    /// As if `from` had sent it.
    pub fn new(from: NodeIndex, message: PeerMessage) -> Received {
        let room = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned();
        Received { from, message, generation: 0, _room: room.expect("a new semaphore has a permit") }
    }
}

/// Where received messages go; called from the network's own threads, must not block.
pub type Inbox = Arc<dyn Fn(Received) + Send + Sync>;

/// What a peer's connection looks like from here.
#[derive(Default)]
struct Link {
    outbox: Outbox,
    open: AtomicBool,
    /// The peer dialled us: it is alive, so dial it without waiting out the backoff.
    seen: tokio::sync::Notify,
}

/// The running network. Dropping it ends dialling and accepting; accepted connections end with the
/// runtime, or with their next message.
pub struct Net {
    tls_key: Zeroizing<Vec<u8>>,
    inbox: Inbox,
    listener: std::net::TcpListener,
    runtime: Handle,
    members: RwLock<Arc<Members>>,
}

/// One generation of members (rule 7).
struct Members {
    membership: Membership,
    generation: u64,
    links: Arc<[Link]>,
    /// Whether messages of this generation are still taken.
    current: Arc<AtomicBool>,
    /// Messages dropped in the generations before.
    dropped: u64,
    _tasks: JoinSet<()>,
}

impl Drop for Members {
    fn drop(&mut self) {
        self.current.store(false, Ordering::Relaxed);
    }
}

impl Net {
    /// Starts accepting on `listener` and dialling every other member. Must be called inside a tokio
    /// runtime. `tls_key` is this node's TLS key as PKCS#8 DER.
    ///
    /// # Errors
    /// The key cannot be used for TLS, or it is not the one that `membership` pins for this node.
    pub fn start(
        listener: TcpListener,
        membership: Membership,
        tls_key: Zeroizing<Vec<u8>>,
        inbox: Inbox,
    ) -> Result<Net, TlsError> {
        let listener = listener.into_std()?;
        let members = Members::meet(&listener, membership, &tls_key, &inbox, (0, 0))?;
        let members = RwLock::new(Arc::new(members));
        Ok(Net { tls_key, inbox, listener, runtime: Handle::current(), members })
    }

    /// From now on these are the members (rule 7). Nothing happens if they are already.
    ///
    /// # Errors
    /// As [`Net::start`].
    pub fn set_members(&self, membership: Membership) -> Result<(), TlsError> {
        let before = self.members();
        if before.membership == membership {
            return Ok(());
        }
        let _runtime = self.runtime.enter();
        before.current.store(false, Ordering::Relaxed);
        let after = (before.generation + 1, self.dropped());
        let members = Members::meet(&self.listener, membership, &self.tls_key, &self.inbox, after)?;
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(members);
        Ok(())
    }

    fn members(&self) -> Arc<Members> {
        self.members.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts how often the members changed. What came in an earlier generation is from nobody.
    pub fn generation(&self) -> u64 {
        self.members().generation
    }

    /// Queues `message` for `to`. Never blocks; an unknown node or this node itself is ignored.
    pub fn send(&self, to: NodeIndex, message: &PeerMessage) {
        let members = self.members();
        if Some(to) != members.membership.own
            && let Some(link) = members.links.get(usize::from(to.0))
        {
            link.outbox.push(peer::encode(message), urgency(message));
        }
    }

    /// Queues `message` for every other node; it is encoded once.
    pub fn broadcast(&self, message: &PeerMessage) {
        let (frame, members) = (peer::encode(message), self.members());
        for (index, link) in node_indexes().zip(members.links.iter()) {
            if Some(index) != members.membership.own {
                link.outbox.push(frame.clone(), urgency(message));
            }
        }
    }

    /// All nodes but this one.
    pub fn others(&self) -> Vec<NodeIndex> {
        let members = self.members();
        let nodes = node_indexes().take(members.links.len());
        nodes.filter(|node| Some(*node) != members.membership.own).collect()
    }

    /// To how many peers messages flow at this moment.
    pub fn connected(&self) -> usize {
        self.members().links.iter().filter(|link| link.open.load(Ordering::Relaxed)).count()
    }

    /// Messages dropped from full queues since the start.
    pub fn dropped(&self) -> u64 {
        let members = self.members();
        members.dropped + members.links.iter().map(|link| link.outbox.dropped()).sum::<u64>()
    }
}

impl Members {
    /// Accepts and dials. `(generation, dropped)` go on from the members before.
    fn meet(
        listener: &std::net::TcpListener,
        membership: Membership,
        tls_key: &[u8],
        inbox: &Inbox,
        (generation, dropped): (u64, u64),
    ) -> Result<Members, TlsError> {
        let Membership { chain, own, nodes } = &membership;
        let pins = nodes.iter().map(|member| member.tls_key).collect();
        let tls = Arc::new(tls::Tls::new(tls_key, *own, pins)?);
        let links: Arc<[Link]> = nodes.iter().map(|_| Link::default()).collect();
        let current = Arc::new(AtomicBool::new(true));
        let mut tasks = JoinSet::new();
        let listener = TcpListener::from_std(listener.try_clone()?)?;
        let connections = accept::start(&mut tasks, listener, tls.clone(), links.clone())?;
        let place = (generation, current.clone());
        let service = serve::PeerService::new(*chain, nodes.len(), inbox.clone(), place);
        tasks.spawn(serve::serve(service, connections));
        for (index, member) in node_indexes().zip(nodes).filter(|(index, _)| Some(*index) != *own) {
            let client = tls.client(index)?;
            let dialer = dial::Dialer { chain: *chain, peer: index, address: member.address.clone(), client };
            tasks.spawn(dial::keep_connected(dialer, links.clone()));
        }
        Ok(Members { membership, generation, links, current, dropped, _tasks: tasks })
    }
}

/// All node indexes, ascending.
fn node_indexes() -> impl Iterator<Item = NodeIndex> {
    (0..=u16::MAX).map(NodeIndex)
}

/// Rule 4: what must overtake, and what may wait and be dropped first.
fn urgency(message: &PeerMessage) -> Urgency {
    match message {
        PeerMessage::Ingress(_)
        | PeerMessage::Chain(_)
        | PeerMessage::Package(_)
        | PeerMessage::StatePart(_) => Urgency::Bulk,
        _ => Urgency::Prompt,
    }
}
