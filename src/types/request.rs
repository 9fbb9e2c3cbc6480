//! Requests of users and calls between canisters (interface spec, "HTTPS Interface", "Abstract behavior").

use super::{CanisterId, Cycles, Principal, Time};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The content of an update call. Words are the interface spec's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UserCall {
    /// The canister called; may be the management canister.
    pub canister_id: Principal,
    pub method_name: String,
    #[serde(with = "serde_bytes")]
    pub arg: Vec<u8>,
    pub sender: Principal,
    pub ingress_expiry: Time,
    #[serde(with = "serde_bytes")]
    pub nonce: Option<Vec<u8>>,
    /// Set by `ingress::authenticate` alone, when it has verified the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_info: Option<SenderInfo>,
}

/// What a canister vouches for about the sender, whose identity it issued (interface spec,
/// "Authentication"). Its signature is verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SenderInfo {
    #[serde(with = "serde_bytes")]
    pub info: Vec<u8>,
    /// The canister that signed.
    pub signer: Principal,
}

/// The content of a query call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserQuery {
    pub canister_id: Principal,
    pub method_name: String,
    pub arg: Vec<u8>,
    pub sender: Principal,
    pub ingress_expiry: Time,
    pub nonce: Option<Vec<u8>>,
    /// As in [`UserCall`].
    pub sender_info: Option<SenderInfo>,
}

/// The content of a `read_state` request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserReadState {
    pub paths: Vec<Vec<Vec<u8>>>,
    pub sender: Principal,
    pub ingress_expiry: Time,
    pub nonce: Option<Vec<u8>>,
}

/// A request whose signature, delegations and expiry were checked. Only `ingress::authenticate`
/// makes one (kept by `tests/tidy.rs`): holding it is the proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authenticated<R> {
    content: R,
    id: super::RequestId,
    /// Canisters that the delegations allow; `None` means all.
    targets: Option<Arc<[Principal]>>,
}

impl<R> Authenticated<R> {
    /// For `ingress::authenticate` alone.
    pub(crate) fn by_ingress(content: R, id: super::RequestId, targets: Option<Arc<[Principal]>>) -> Self {
        Authenticated { content, id, targets }
    }

    /// What the user asked.
    pub fn content(&self) -> &R {
        &self.content
    }

    /// The request id.
    pub fn id(&self) -> super::RequestId {
        self.id
    }

    /// The canisters that the sender's delegations are limited to.
    pub fn targets(&self) -> Option<&[Principal]> {
        self.targets.as_deref()
    }
}

/// A canister's call to another canister (or to the management canister).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    pub sender: CanisterId,
    pub receiver: Principal,
    pub method_name: String,
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
    pub cycles: Cycles,
    /// The sender's callback that awaits the response.
    pub callback: CallbackId,
    /// `None`: the response is guaranteed. `Some`: best-effort, given up at this moment.
    pub deadline: Option<Time>,
}

/// The one answer to a [`Request`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Response {
    pub callback: CallbackId,
    pub responder: Principal,
    pub refund: Cycles,
    pub payload: Answer,
}

/// A canister's answer: the spec's `reply` or `reject`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    Reply(#[serde(with = "serde_bytes")] Vec<u8>),
    Reject(super::Reject),
}

impl Answer {
    /// Bytes that it carries.
    pub fn bytes(&self) -> usize {
        match self {
            Answer::Reply(reply) => reply.len(),
            Answer::Reject(reject) => reject.message.len(),
        }
    }
}

/// Names a pending callback within its canister.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CallbackId(pub u64);

/// Names a call context within its canister.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CallContextId(pub u64);

/// What a query came to; the node signs it (interface spec, "Request: Query call").
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryResult {
    Replied(Vec<u8>),
    Rejected(super::Reject),
}
