//! `read_state`: a certificate for parts of the state tree.

use super::path::Reader;
use super::reply::{self, Refusal, Reply};
use super::route::Scope;
use super::{Server, scope, wall_clock};
use crate::certification::certificate;
use crate::encoding::cbor;
use crate::ingress::authenticate_read_state;
use crate::node::QueryError;
use crate::types::{Principal, management_canister};
use std::collections::BTreeSet;

impl Server {
    pub(super) fn read_state(&self, scope: Scope, body: &[u8]) -> Result<Reply, Refusal> {
        let request = authenticate_read_state(body, wall_clock())?;
        self.check_scope(scope)?;
        let state = self.handle.certified().ok_or(QueryError::NotReady)?;
        let content = request.content();
        let reader = Reader { state: &state, scope, sender: content.sender, targets: request.targets() };
        let mut paths = BTreeSet::new();
        for path in &content.paths {
            paths.insert(reader.resolve(path)?);
        }
        if paths.iter().filter(|path| path.first().is_some_and(|label| label == b"request_status")).count()
            > 1
        {
            return Err(Refusal::bad("all request_status paths must name one request"));
        }
        let paths: Vec<_> = paths.into_iter().collect();
        Ok(reply::cbor(cbor::read_state_response(&certificate(state.tree(), &paths, &state.certification))))
    }

    /// Agents read the status of a management call that concerns no canister under `aaaaa-aa`.
    fn check_scope(&self, scope: Scope) -> Result<(), Refusal> {
        match scope {
            Scope::Subnet(id) => scope::check_subnet(self, id),
            Scope::Canister(id) if is_placeless(id) => Ok(()),
            Scope::Canister(id) => scope::check_range(id),
        }
    }
}

fn is_placeless(id: Principal) -> bool {
    id == management_canister()
}
