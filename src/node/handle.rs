//! What `http` may ask of a running node: cloneable, cheap, without locks held across waits.

use crate::certification::LabelTree;
use crate::state::ReplicatedState;
use crate::types::*;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

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

/// Why a call was not taken. Asking again later can help for all but `Stopped`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("the ingress pool is full")]
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

/// A query to run on the query pool; the answer comes back through `answer`.
pub struct QueryJob {
    pub query: Authenticated<UserQuery>,
    pub answer: oneshot::Sender<QueryResult>,
}

/// A call to inspect on the query pool, before it may enter the ingress pool.
pub struct InspectJob {
    pub call: Authenticated<UserCall>,
    pub answer: oneshot::Sender<Result<(), Reject>>,
}

/// What never changes while the node runs.
#[derive(Clone, Debug)]
pub struct Identity {
    pub node_id: NodeId,
    pub subnet_id: SubnetId,
    /// DER-encoded, 133 bytes.
    pub root_key_der: Vec<u8>,
    pub impl_version: String,
}

/// The door to a running node.
#[derive(Clone)]
pub struct Handle {
    pub(crate) identity: watch::Receiver<Option<Arc<Identity>>>,
    pub(crate) certified: watch::Receiver<Option<Arc<CertifiedState>>>,
    pub(crate) ingress: mpsc::Sender<Arc<SignedIngress>>,
    pub(crate) queries: mpsc::Sender<QueryJob>,
    pub(crate) inspections: mpsc::Sender<InspectJob>,
    pub(crate) signer: Arc<crate::crypto::node_key::IdentityKey>,
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

    /// Puts an authenticated call into the pool and on its way to every replica.
    pub fn submit(&self, ingress: Arc<SignedIngress>) -> Result<(), SubmitError> {
        self.ingress.try_send(ingress).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::PoolFull,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
        })
    }

    /// Runs a query against the newest certified state.
    pub async fn query(&self, query: Authenticated<UserQuery>) -> Result<QueryResult, QueryError> {
        if self.certified.borrow().is_none() {
            return Err(QueryError::NotReady);
        }
        let (answer, result) = oneshot::channel();
        self.queries.try_send(QueryJob { query, answer }).map_err(overloaded)?;
        result.await.map_err(|_| QueryError::Stopped)
    }

    /// Asks the newest certified state whether `call` may enter the pool (interface spec,
    /// "Ingress message inspection"). The inner error is the refusal that the user sees.
    pub async fn inspect(&self, call: Authenticated<UserCall>) -> Result<Result<(), Reject>, QueryError> {
        if self.certified.borrow().is_none() {
            return Err(QueryError::NotReady);
        }
        let (answer, result) = oneshot::channel();
        self.inspections.try_send(InspectJob { call, answer }).map_err(overloaded)?;
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
