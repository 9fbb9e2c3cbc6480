//! Update calls.

use super::reply::{self, Refusal, Reply};
use super::route::{CallStyle, Scope};
use super::scope::{self, Target};
use super::{Server, wall_clock};
use crate::certification::certificate;
use crate::encoding::cbor;
use crate::node::CertifiedState;
use crate::types::{Authenticated, Reject, RequestId, UserCall};
use bytes::Bytes;
use std::sync::Arc;
use tokio::time::{Instant, timeout, timeout_at};

impl Server {
    pub(super) async fn call(&self, style: CallStyle, scope: Scope, body: Bytes) -> Result<Reply, Refusal> {
        let deadline = Instant::now() + self.config.call_wait;
        let checked = self.authenticate(body, |users, body, now| users.authenticate_call(body, now));
        let (call, ingress) = checked.await?;
        let content = call.content();
        let target =
            Target { canister_id: content.canister_id, method_name: &content.method_name, arg: &content.arg };
        scope::check_call(self, scope, target)?;
        let id = ingress.id;
        let known = self.handle.certified().is_some_and(|state| state.request_sender(&id).is_some());
        if !known {
            if let Err(reject) = self.inspect(call).await? {
                return Ok(reply::cbor(match style {
                    CallStyle::Asynchronous => cbor::async_rejection(&reject),
                    CallStyle::Synchronous => cbor::non_replicated_rejection(&reject),
                }));
            }
            // A replica that is too busy to say whether there is room has the call, and will take it.
            timeout_at(deadline, self.handle.submit(Arc::new(ingress))).await.unwrap_or(Ok(()))?;
        }
        match style {
            CallStyle::Asynchronous => Ok(reply::accepted()),
            CallStyle::Synchronous => Ok(self.wait(id, deadline).await),
        }
    }

    /// Whether the call may enter the pool. A refusal is made by a state that is newer than the call: its sender may
    /// know, through another replica, of changes that this one has not certified yet.
    async fn inspect(&self, call: Authenticated<UserCall>) -> Result<Result<(), Reject>, Refusal> {
        let arrived = wall_clock();
        match self.handle.inspect(call.clone()).await? {
            Ok(()) => Ok(Ok(())),
            Err(_) => {
                let mut changes = self.handle.certified_changes();
                let newer = |state: &Option<Arc<CertifiedState>>| {
                    state.as_ref().is_some_and(|state| state.time >= arrived)
                };
                let _ = timeout(self.config.inspect_wait, changes.wait_for(newer)).await;
                Ok(self.handle.inspect(call).await?)
            }
        }
    }

    /// The certificate of the call's answer, or 202 when it takes too long.
    async fn wait(&self, id: RequestId, deadline: Instant) -> Reply {
        let Ok(_place) = self.waiting.try_acquire() else {
            return reply::accepted();
        };
        match timeout_at(deadline, self.answered(&id)).await {
            Ok(Some(state)) => reply::cbor(cbor::call_replied(&certificate_of(&state, &id))),
            Ok(None) | Err(_) => reply::accepted(),
        }
    }

    /// The first certified state that knows the answer; `None` when the node stops before.
    async fn answered(&self, id: &RequestId) -> Option<Arc<CertifiedState>> {
        let mut changes = self.handle.certified_changes();
        let answers =
            |state: &Option<Arc<CertifiedState>>| state.as_ref().is_some_and(|state| state.is_answered(id));
        changes.wait_for(answers).await.ok()?.clone()
    }
}

fn certificate_of(state: &CertifiedState, id: &RequestId) -> Vec<u8> {
    let path = vec![b"request_status".to_vec(), id.0.to_vec()];
    certificate(state.tree(), &[path], &state.certification)
}
