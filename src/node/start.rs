//! Starting a node, and its end (rules 8 to 10).

use super::admit::Admission;
use super::boot::Boot;
use super::certified::Certifier;
use super::config::{Config, load_genesis};
use super::handle::{Handle, IngressDoor};
use super::harden::harden;
use super::key::KeyDir;
use super::mailbox::{Event, Mailbox};
use super::peers::PeerBook;
use super::query::Queries;
use super::registry::Registry;
use super::requests::StateRequests;
use super::sync::{PartDoor, take_place};
use super::thread::Threads;
use super::{NodeError, boot};
use crate::crypto::hash::chain_id;
use crate::crypto::node_key::Committee;
use crate::crypto::threshold::pairing_checks;
use crate::net::{Inbox, Net, Received};
use crate::state::transfer;
use crate::storage::{Rocks, Votes};
use crate::telemetry::{self, Health, Metrics};
use crate::types::limits::{INGRESS_PLACES_MAX, NODE_STOP_MS, QUERY_QUEUE_MAX, STATE_NEWS_MAX};
use crate::types::{CanisterId, PeerMessage};
use crate::wasm::Engine;
use std::future::Future;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

/// How a node ended.
#[derive(Debug)]
pub enum End {
    /// It was told to.
    Stopped,
    /// Its state differs from a quorum's (rule 10).
    Halted,
    /// It fetched a recent state: to be started again, from that (rule 13).
    Synced,
    /// The host failed (rule 9).
    Failed(NodeError),
}

/// A running node.
pub struct Node {
    handle: Handle,
    api: Option<TcpListener>,
    mailbox: Arc<Mailbox>,
    metrics: Arc<Metrics>,
    ended: mpsc::UnboundedReceiver<End>,
}

/// The addresses that a node listens on; all bound before anything else is started.
struct Listeners {
    peer: TcpListener,
    api: TcpListener,
    metrics: TcpListener,
}

impl Node {
    /// Starts a node; must be called inside a tokio runtime with several threads. Key generation and
    /// recovery go on in the background: [`Handle::identity`] and [`Handle::certified`] say when.
    ///
    /// # Errors
    /// [`NodeError`] naming what is wrong with configuration, keys, genesis, disk or addresses.
    pub async fn start(config: &Config) -> Result<Node, NodeError> {
        let genesis = load_genesis(&config.genesis)?;
        let committee = Committee::from_genesis(&genesis)?;
        let key_dir = KeyDir::new(&config.key_dir);
        let keys = key_dir.load_node_keys()?;
        let chain = chain_id(&genesis);
        let peers = PeerBook::new(config, &genesis, chain, keys.identity.public_key())?;
        std::fs::create_dir_all(&config.data_dir)
            .map_err(NodeError::io(format!("creating {}", config.data_dir.display())))?;
        let votes = if key_dir.has_shares()? { Votes::MayBeLost } else { Votes::None };
        take_place(&config.data_dir, &chain, votes)?;
        let rocks = Arc::new(Rocks::open(&config.data_dir.join("chain"), &chain, votes)?);
        let stored = transfer::succession(&*rocks.source())?;
        let membership = peers.first(&genesis, stored.as_ref())?;
        let engine = Arc::new(Engine::new(Some(config.data_dir.join("modules"))));
        harden()?;
        let listeners = Listeners::bind(config).await?;

        let metrics = Arc::new(Metrics::new()?);
        let mailbox = Arc::new(Mailbox::default());
        let (ends, ended) = mpsc::unbounded_channel();
        let threads = Threads(ends);
        let (identity, identity_seen) = watch::channel(None);
        let admission = Admission::start(&threads, &mailbox, &metrics, &identity_seen)?;
        let state_requests = Arc::new(StateRequests::default());
        let sync = sync_channel(STATE_NEWS_MAX);
        let doors = Doors {
            mailbox: mailbox.clone(),
            admission,
            requests: state_requests.clone(),
            parts: PartDoor::new(sync.0.clone()),
        };
        let inbox = doors.inbox(metrics.clone());
        let tls_key = keys.tls.to_pkcs8_der();
        let net = Arc::new(Net::start(listeners.peer, membership, tls_key, inbox)?);
        tokio::spawn(telemetry::serve(listeners.metrics, pages(&metrics, &net)));

        let (certified, certified_seen) = watch::channel(None);
        let (jobs, jobs_waiting) = mpsc::channel(QUERY_QUEUE_MAX);
        let queries = Queries {
            engine: engine.clone(),
            certified: certified_seen.clone(),
            metrics: metrics.clone(),
            jobs: Arc::new(Mutex::new(jobs_waiting)),
        };
        queries.start(&threads)?;
        let places = Arc::new(Semaphore::new(INGRESS_PLACES_MAX));
        let handle = Handle {
            identity: identity_seen,
            certified: certified_seen,
            ingress: IngressDoor { mailbox: mailbox.clone(), places },
            jobs,
            signer: keys.identity.clone(),
        };
        let registry = genesis.registry_canister.as_ref().and_then(CanisterId::from_principal);
        if let Some(canister) = registry {
            tokio::spawn(Registry::new(canister, handle.clone()).run());
        }
        let certifier = Arc::new(Certifier::new(certified, metrics.clone()));
        let boot = Boot {
            data_dir: config.data_dir.clone(),
            genesis,
            genesis_file: config.genesis.clone(),
            committee,
            key_dir,
            keys,
            peers,
            chain,
            rocks,
            engine,
            net,
            mailbox: mailbox.clone(),
            metrics: metrics.clone(),
            certifier,
            identity,
            threads: threads.clone(),
            keeps_history: config.keep_history,
            checkpoint_heights: config.checkpoint_heights,
            state_requests,
            sync,
        };
        threads.spawn("atoll-replica", move || boot::run(boot))?;
        Ok(Node { handle, api: Some(listeners.api), mailbox, metrics, ended })
    }

    /// The door for `http`.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The bound listener for `http`; once.
    pub fn take_api_listener(&mut self) -> Option<TcpListener> {
        self.api.take()
    }

    /// Waits until the node ends by itself, or until `stop` resolves and it has ended then. A halted
    /// node goes on serving metrics until `stop`.
    pub async fn end(mut self, stop: impl Future<Output = ()>) -> End {
        tokio::pin!(stop);
        let own = tokio::select! {
            () = &mut stop => None,
            end = self.ended.recv() => end,
        };
        if matches!(own, Some(End::Halted)) {
            self.metrics.health.set(Health::Halted);
            stop.await;
            return End::Halted;
        }
        self.metrics.health.set(Health::Stopping);
        self.handle.ingress.places.close();
        self.mailbox.put(Event::Stop);
        match own {
            Some(end) => end,
            None => self.stopped().await,
        }
    }

    async fn stopped(&mut self) -> End {
        match timeout(Duration::from_millis(NODE_STOP_MS), self.ended.recv()).await {
            Ok(end) => end.unwrap_or(End::Stopped),
            Err(_) => {
                tracing::warn!("a height was still being executed; it will be executed again");
                End::Stopped
            }
        }
    }
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Listeners, NodeError> {
        Ok(Listeners {
            peer: bind(&config.peer_listen, "peer_listen").await?,
            api: bind(&config.api_listen, "api_listen").await?,
            metrics: bind(&config.metrics_listen, "metrics_listen").await?,
        })
    }
}

async fn bind(address: &str, purpose: &'static str) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address).await.map_err(|error| NodeError::Listen {
        address: address.to_string(),
        purpose,
        error,
    })
}

/// Where what peers send goes: calls, and those of blocks, to admission, what concerns a state to its
/// threads, everything else to the replica.
struct Doors {
    mailbox: Arc<Mailbox>,
    admission: Admission,
    requests: Arc<StateRequests>,
    parts: PartDoor,
}

impl Doors {
    fn inbox(self, metrics: Arc<Metrics>) -> Inbox {
        Arc::new(move |received: Received| {
            metrics.received(&received.message);
            match received.message {
                PeerMessage::Ingress(_) | PeerMessage::Bodies { .. } => self.admission.put(received),
                PeerMessage::FetchState(_) => self.requests.put(received),
                PeerMessage::StatePart(_) => self.parts.put(received),
                _ => self.mailbox.put(Event::Peer(received)),
            }
        })
    }
}

fn pages(metrics: &Arc<Metrics>, net: &Arc<Net>) -> telemetry::Pages {
    let net = Arc::downgrade(net);
    metrics.clone().pages(move |metrics| {
        if let Some(net) = net.upgrade() {
            metrics.peers(net.connected(), net.dropped());
            metrics.pairings(pairing_checks());
        }
    })
}
