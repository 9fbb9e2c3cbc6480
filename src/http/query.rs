//! Queries: answered by this node alone, and signed by it.

use super::reply::{self, Refusal, Reply};
use super::route::Scope;
use super::scope::{self, Target};
use super::{Server, wall_clock};
use crate::encoding::cbor;
use bytes::Bytes;

impl Server {
    pub(super) async fn query(&self, scope: Scope, body: Bytes) -> Result<Reply, Refusal> {
        let identity = self.identity()?;
        let checked = self.authenticate(body, |users, body, now| users.authenticate_query(&body, now));
        let query = checked.await?;
        let (id, content) = (query.id(), query.content());
        let target =
            Target { canister_id: content.canister_id, method_name: &content.method_name, arg: &content.arg };
        scope::check_query(self, scope, target)?;
        let result = self.handle.query(query).await?;
        let timestamp = wall_clock();
        let signature = self.handle.sign_response(&cbor::query_response_hash(&result, timestamp, &id));
        Ok(reply::cbor(cbor::query_response(&result, timestamp, &signature, &identity.node_id)))
    }
}
