//! What the replica's thread does before the first block: keys, then disk, then state.

use super::ceremony::{Ceremonial, Latecomers, generate_keys};
use super::certified::Certifier;
use super::chain::{Librarian, serve_state};
use super::checkpoint::Checkpoints;
use super::execute::Execution;
use super::founding::load_founding;
use super::handle::Identity;
use super::jobs::{ChainDoor, ChainJobs};
use super::key::{KeyDir, NodeKeys, SubnetKeys};
use super::mailbox::Mailbox;
use super::order::{Order, Outside};
use super::peers::PeerBook;
use super::requests::StateRequests;
use super::sync::{News, Sync};
use super::thread::Threads;
use super::{End, NodeError};
use crate::consensus::Keys;
use crate::consensus::ceremony::CeremonyKeys;
use crate::crypto::node_key::Committee;
use crate::crypto::reshare::PublicShares;
use crate::crypto::user::{root_key_der, self_authenticating};
use crate::ingress::Authenticator;
use crate::membership::Succession;
use crate::net::Net;
use crate::replica::Replica;
use crate::state::{HostFailure, ReplicatedState};
use crate::storage::Rocks;
use crate::telemetry::{Health, Metrics};
use crate::types::limits::{EXECUTION_QUEUE_MAX, STATE_PART_PATIENCE_MS};
use crate::types::*;
use crate::wasm::Engine;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::watch;

/// All that a replica is made of.
pub struct Boot {
    pub data_dir: PathBuf,
    pub genesis: Genesis,
    /// Beside it are the modules of its canisters.
    pub genesis_file: PathBuf,
    pub committee: Committee,
    pub key_dir: KeyDir,
    pub keys: NodeKeys,
    pub peers: PeerBook,
    pub chain: ChainId,
    pub rocks: Arc<Rocks>,
    pub engine: Arc<Engine>,
    pub net: Arc<Net>,
    pub mailbox: Arc<Mailbox>,
    pub metrics: Arc<Metrics>,
    pub certifier: Arc<Certifier>,
    pub identity: watch::Sender<Option<Arc<Identity>>>,
    pub threads: Threads,
    pub keeps_history: bool,
    pub checkpoint_heights: NonZeroU64,
    /// Requests for parts of the state.
    pub state_requests: Arc<StateRequests>,
    /// The door of the thread that fetches a state, and what comes through it.
    pub sync: (SyncSender<News>, Receiver<News>),
}

/// The members before the first block.
pub fn first_members(chain: ChainId, genesis: &Genesis, shares: &PublicShares) -> Succession {
    Succession::genesis(chain, genesis.epoch_length, genesis.nodes.clone(), shares)
        .with_registry(genesis.registry_canister)
}

/// The state before the first block, of a subnet with this root key in DER.
///
/// # Errors
/// [`HostFailure`] if a record cannot be encoded.
pub fn genesis_state(
    genesis: &Genesis,
    committee: &Committee,
    root_key: &[u8],
    members: Succession,
    founding: Foundings,
) -> Result<ReplicatedState, HostFailure> {
    let subnet = SubnetId(self_authenticating(root_key));
    let node = |index| Some((committee.node_id(index)?, committee.identity_key(index)?));
    let nodes: Vec<_> = committee.indexes().filter_map(node).collect();
    let state = ReplicatedState::genesis(genesis, root_key, subnet, &nodes)?;
    Ok(state.with_succession(members).with_founding(founding))
}

/// Runs the replica's thread to its end.
///
/// # Errors
/// [`NodeError`]: the node must stop.
pub fn run(boot: Boot) -> Result<Option<End>, NodeError> {
    let keys = match boot.subnet_keys()? {
        Ceremonial::Keys(keys) => keys,
        Ceremonial::Ended(end) => return Ok(Some(end)),
    };
    let raw_root_key = keys.keyring.root_key();
    let root_key = root_key_der(&raw_root_key);
    boot.publish_identity(&root_key, Authenticator::new(raw_root_key));
    let mut recovered = boot.rocks.recover()?;
    let members = first_members(boot.chain, &boot.genesis, &keys.first_shares);
    let state = boot.state(&recovered, &root_key, &members)?;
    recovered.succession = state.succession().map(|succession| succession.encode().into());
    let requests = state.history().iter().map(|(id, entry)| (*id, entry.expiry));
    recovered.executed_requests = requests.collect();
    boot.start_replica(keys, members, recovered, state)
}

impl Boot {
    /// From disk, or from the ceremony.
    fn subnet_keys(&self) -> Result<Ceremonial, NodeError> {
        if let Some(keys) = self.key_dir.load_subnet_keys(self.chain)? {
            return Ok(Ceremonial::Keys(keys));
        }
        if self.peers.own().is_none() || self.key_dir.may_join()? {
            // It joins a subnet whose keys exist: it follows, until it has shares.
            return Ok(Ceremonial::Keys(self.key_dir.joining_keys(self.chain, &self.genesis)?));
        }
        self.metrics.health.set(Health::GeneratingKeys);
        generate_keys(self.ceremony_keys()?, self.chain, &self.key_dir, &self.mailbox, &self.net)
    }

    fn ceremony_keys(&self) -> Result<CeremonyKeys, NodeError> {
        Ok(CeremonyKeys {
            chain: self.chain,
            committee: self.committee.clone(),
            identity: self.keys.identity.clone(),
            encryption: self.key_dir.load_node_keys()?.encryption,
        })
    }

    fn publish_identity(&self, root_key: &[u8], authenticator: Authenticator) {
        let identity = Identity {
            node_id: self.keys.identity.node_id(),
            subnet_id: SubnetId(self_authenticating(root_key)),
            root_key_der: root_key.to_vec(),
            authenticator: Arc::new(authenticator),
            impl_version: env!("CARGO_PKG_VERSION").to_string(),
        };
        tracing::info!(
            node = %identity.node_id.0,
            subnet = %identity.subnet_id.0,
            chain = %self.chain,
            index = self.peers.own().map(|own| own.0),
            "this node"
        );
        self.metrics.health.identify(identity.node_id, identity.subnet_id, root_key);
        self.identity.send_replace(Some(Arc::new(identity)));
    }

    /// The state after the last executed height, which must have the root that was committed.
    fn state(
        &self,
        recovered: &Recovered,
        root_key: &[u8],
        members: &Succession,
    ) -> Result<ReplicatedState, NodeError> {
        let Some(stored) = recovered.root else {
            let founding = load_founding(&self.genesis_file, &self.genesis)?;
            return Ok(genesis_state(&self.genesis, &self.committee, root_key, members.clone(), founding)?);
        };
        let state = ReplicatedState::restore(self.rocks.source())?;
        let (height, found) = (state.height(), state.root());
        if height != recovered.executed || found != stored {
            return Err(NodeError::Damaged { height, found, stored });
        }
        Ok(state)
    }

    fn start_replica(
        self,
        subnet: SubnetKeys,
        members: Succession,
        recovered: Recovered,
        state: ReplicatedState,
    ) -> Result<Option<End>, NodeError> {
        if recovered.votes_lost {
            tracing::warn!(
                "this node's keys are here but its chain is not: silent until no lost vote can be contradicted"
            );
        }
        tracing::info!(
            executed = recovered.executed.0,
            finalized = recovered.finalized.last().map_or(0, |(_, block, _)| block.height.0),
            certified = recovered.certification.map_or(0, |certification| certification.height.0),
            "recovered from disk"
        );
        let transcript =
            subnet.transcript.map(|transcript| Ok::<_, NodeError>((self.ceremony_keys()?, transcript)));
        let latecomers = Latecomers::new(transcript.transpose()?)?;
        let (batches, batches_waiting) = sync_channel(EXECUTION_QUEUE_MAX);
        let chain_jobs = Arc::new(ChainJobs::default());
        let chain_door = ChainDoor::new(chain_jobs.clone());
        let checkpoints = Arc::new(Checkpoints::open(&self.data_dir)?);
        self.certifier.recovered(state.clone(), recovered.certification);
        let execution = Execution {
            engine: self.engine.clone(),
            rocks: self.rocks.clone(),
            certifier: self.certifier.clone(),
            checkpoints: checkpoints.clone(),
            checkpoint_heights: self.checkpoint_heights,
            mailbox: self.mailbox.clone(),
            metrics: self.metrics.clone(),
        };
        let executing =
            self.threads.spawn("atoll-execute", move || execution.run(state, &batches_waiting))?;
        let librarian = Librarian {
            rocks: self.rocks.clone(),
            net: self.net.clone(),
            checkpoints: checkpoints.clone(),
            metrics: self.metrics.clone(),
            keeps_history: self.keeps_history,
        };
        let serving = self.threads.spawn("atoll-chain", move || librarian.run(&chain_jobs))?;
        let (net, requests) = (self.net.clone(), self.state_requests);
        let offers = checkpoints.clone();
        self.threads.spawn("atoll-state", move || serve_state(&offers, &net, &requests))?;
        let sync = Sync {
            data_dir: self.data_dir.clone(),
            chain: self.chain,
            rocks: self.rocks.clone(),
            engine: self.engine.clone(),
            net: self.net.clone(),
            metrics: self.metrics.clone(),
            patience: Duration::from_millis(STATE_PART_PATIENCE_MS),
        };
        let (door, news) = self.sync;
        self.threads.spawn("atoll-sync", move || sync.run(&news))?;
        let keys = Keys {
            keyring: subnet.keyring,
            identity: self.keys.identity.clone(),
            committee: self.committee.clone(),
            encryption: subnet.encryption,
            seed: subnet.seed,
            genesis: members,
        };
        #[cfg(feature = "malicious")]
        let malice = super::malice::Malice(keys.clone());
        let order = Order {
            replica: Replica::new(keys, &self.genesis),
            latecomers,
            mailbox: self.mailbox.clone(),
            outside: Outside {
                chain: self.chain,
                peers: self.peers,
                data_dir: self.data_dir,
                key_dir: self.key_dir,
                mailbox: self.mailbox.clone(),
                rocks: self.rocks,
                net: self.net,
                certifier: self.certifier,
                metrics: self.metrics.clone(),
                batches,
                chain_jobs: chain_door,
                checkpoints,
                sync: door,
                timer: None,
                #[cfg(feature = "malicious")]
                malice,
            },
        };
        self.metrics.health.set(Health::Running);
        let end = order.run(recovered);
        let _ = executing.join();
        let _ = serving.join();
        end
    }
}
