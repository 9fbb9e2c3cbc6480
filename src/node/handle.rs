//! What `http` may ask of a running node: cloneable, cheap, without locks held across waits.

use super::mailbox::{Event, Mailbox};
use crate::certification::LabelTree;
use crate::crypto::node_key::IdentityKey;
use crate::ingress::{Authenticator, PoolFull};
use crate::state::ReplicatedState;
use crate::types::*;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, oneshot, watch};

/// The newest state that a quorum certified: what queries and certificates are served from.
#[derive(Clone)]
pub struct CertifiedState {
    pub height: Height,
    pub time: Time,
    pub certification: Certification,
    /// The state after `height`; for the query pool. `http` reads it only through the methods.
    pub(crate) state: ReplicatedState,
}

impl CertifiedState {
    /// The spec's state tree after `height`: certificates are witnesses of it.
    pub fn tree(&self) -> &LabelTree {
        self.state.tree()
    }

    /// The subnet, which is the root subnet.
    pub fn subnet_id(&self) -> Principal {
        self.state.subnet().id
    }

    /// Who sent the request, if the ingress history knows it: only the sender may read its status.
    pub fn request_sender(&self, id: &RequestId) -> Option<Principal> {
        self.state.request_sender(id)
    }

    /// The canister that the request called, if the ingress history knows it.
    pub fn request_receiver(&self, id: &RequestId) -> Option<Principal> {
        self.state.history().get(id).map(|entry| entry.receiver)
    }

    /// Whether the request was answered: its certificate can be given out.
    pub fn is_answered(&self, id: &RequestId) -> bool {
        self.state.history().get(id).is_some_and(|entry| entry.status.is_final())
    }

    /// Whether `reader` may see the metadata section: all may, but for private sections, which are for
    /// controllers.
    pub fn may_read_metadata(&self, canister: CanisterId, name: &str, reader: &Principal) -> bool {
        let Some(canister) = self.state.canister(canister) else {
            return true;
        };
        let section = canister.module.as_ref().and_then(|module| module.record.metadata.get(name));
        section.is_none_or(|section| section.public) || canister.is_controller(reader)
    }
}

/// Who the members are after the newest certified height.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Members {
    pub chain: ChainId,
    pub height: Height,
    pub epoch: Epoch,
    /// 0: there is only one epoch.
    pub epoch_length: u64,
    /// The last height of the epoch before.
    pub began_after: Height,
    /// Whether members deal already: no change is taken until the next epoch.
    pub dealing: bool,
    /// How many changes there were.
    pub version: u64,
    /// In the order of their places.
    pub now: Vec<GenesisNode>,
    /// In the next epoch, as far as it is known.
    pub next: Vec<GenesisNode>,
}

/// Why a call was not taken. Asking again later can help for all but `Stopped`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("the ingress pool is full; send the call again, here or to another replica")]
    PoolFull,
    #[error("the replica is stopping")]
    Stopped,
}

/// Why a query was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("too many queries are waiting")]
    Overloaded,
    #[error("no height is certified yet")]
    NotReady,
    #[error("the replica is stopping")]
    Stopped,
}

/// Work for the query pool; the answer comes back through `answer`.
pub(crate) enum Job {
    Query { query: Authenticated<UserQuery>, answer: oneshot::Sender<QueryResult> },
    Inspect { call: Authenticated<UserCall>, answer: oneshot::Sender<Result<(), Reject>> },
}

/// What never changes while the node runs.
#[derive(Clone)]
pub struct Identity {
    pub node_id: NodeId,
    pub subnet_id: SubnetId,
    /// DER-encoded, 133 bytes.
    pub root_key_der: Vec<u8>,
    /// Lets users in by that root key.
    pub authenticator: Arc<Authenticator>,
    pub impl_version: String,
}

/// Where calls from HTTP enter.
#[derive(Clone)]
pub(crate) struct IngressDoor {
    pub mailbox: Arc<Mailbox>,
    /// Closed when the node stops.
    pub places: Arc<Semaphore>,
}

/// The door to a running node.
#[derive(Clone)]
pub struct Handle {
    pub(crate) identity: watch::Receiver<Option<Arc<Identity>>>,
    pub(crate) certified: watch::Receiver<Option<Arc<CertifiedState>>>,
    pub(crate) ingress: IngressDoor,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) signer: IdentityKey,
}

impl Handle {
    /// `None` until the key generation of the first start is done.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.borrow().clone()
    }

    /// `None` until a height is certified.
    pub fn certified(&self) -> Option<Arc<CertifiedState>> {
        self.certified.borrow().clone()
    }

    /// Wakes at every newly certified height.
    pub fn certified_changes(&self) -> watch::Receiver<Option<Arc<CertifiedState>>> {
        self.certified.clone()
    }

    /// Puts an authenticated call into the pool and on its way to every replica; a call that is known
    /// already, too.
    ///
    /// # Errors
    /// Too many calls are in the pool or on their way to it, or the node stops.
    pub async fn submit(&self, ingress: Arc<SignedIngress>) -> Result<(), SubmitError> {
        let _place = self.place()?;
        let (answer, admitted) = oneshot::channel();
        self.ingress.mailbox.put(Event::Ingress { ingress, answer, _place });
        match admitted.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(PoolFull)) => Err(SubmitError::PoolFull),
            Err(_) => Err(SubmitError::Stopped),
        }
    }

    /// Who the members are; `None` until a height is certified.
    pub fn members(&self) -> Option<Members> {
        let certified = self.certified()?;
        let succession = certified.state.succession()?;
        Some(Members {
            chain: succession.chain(),
            height: certified.height,
            epoch: succession.epoch(),
            epoch_length: succession.epoch_length(),
            began_after: succession.start(),
            dealing: succession.is_dealing(certified.height.next()),
            version: succession.version(),
            now: succession.members().to_vec(),
            next: succession.next_members().to_vec(),
        })
    }

    /// Hands a change of the membership to the chain. The inner error says why it may not be made.
    ///
    /// # Errors
    /// The node stops, or has no place for the change.
    pub async fn change_members(&self, change: MembershipChange) -> Result<Result<(), String>, SubmitError> {
        let _place = self.place()?;
        let (answer, verdict) = oneshot::channel();
        self.ingress.mailbox.put(Event::Change { change: Box::new(change), answer, _place });
        verdict.await.map_err(|_| SubmitError::Stopped)
    }

    /// Hands an order of the registry canister to the chain. The inner error says why it may not be done.
    ///
    /// # Errors
    /// The node stops, or has no place for the order.
    pub(crate) async fn order_members(
        &self,
        order: MembershipOrder,
    ) -> Result<Result<(), String>, SubmitError> {
        let _place = self.place()?;
        let (answer, verdict) = oneshot::channel();
        self.ingress.mailbox.put(Event::Order { order: Box::new(order), answer, _place });
        verdict.await.map_err(|_| SubmitError::Stopped)
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, SubmitError> {
        self.ingress.places.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => SubmitError::PoolFull,
            TryAcquireError::Closed => SubmitError::Stopped,
        })
    }

    /// Runs a query against the newest certified state.
    ///
    /// # Errors
    /// The pool is full, nothing is certified yet, or the node stops.
    pub async fn query(&self, query: Authenticated<UserQuery>) -> Result<QueryResult, QueryError> {
        let (answer, result) = oneshot::channel();
        self.run(Job::Query { query, answer }, result).await
    }

    /// Asks the called canister, on the newest certified state, whether it wants the call.
    ///
    /// # Errors
    /// The pool is full, nothing is certified yet, or the node stops.
    pub async fn inspect(&self, call: Authenticated<UserCall>) -> Result<Result<(), Reject>, QueryError> {
        let (answer, result) = oneshot::channel();
        self.run(Job::Inspect { call, answer }, result).await
    }

    async fn run<T>(&self, job: Job, result: oneshot::Receiver<T>) -> Result<T, QueryError> {
        if self.certified.borrow().is_none() {
            return Err(QueryError::NotReady);
        }
        self.jobs.try_send(job).map_err(overloaded)?;
        result.await.map_err(|_| QueryError::Stopped)
    }

    /// Signs a query response with this node's identity key: `\x0Bic-response` · `hash`.
    pub fn sign_response(&self, hash: &Digest) -> NodeSignature {
        self.signer.sign("ic-response", &hash.0)
    }
}

fn overloaded<J>(error: mpsc::error::TrySendError<J>) -> QueryError {
    match error {
        mpsc::error::TrySendError::Full(_) => QueryError::Overloaded,
        mpsc::error::TrySendError::Closed(_) => QueryError::Stopped,
    }
}
