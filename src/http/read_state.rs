//! `read_state`: a certificate for parts of the state tree.

use super::path::Reader;
use super::reply::{self, Refusal, Reply};
use super::route::{Era, Scope};
use super::{Server, scope};
use crate::certification::{Path, certificate};
use crate::encoding::cbor;
use crate::node::QueryError;
use crate::types::{Principal, management_canister};
use bytes::Bytes;
use std::collections::BTreeSet;

impl Server {
    pub(super) async fn read_state(&self, era: Era, scope: Scope, body: Bytes) -> Result<Reply, Refusal> {
        let checked = self.authenticate(body, |users, body, now| users.authenticate_read_state(&body, now));
        let request = checked.await?;
        self.check_scope(scope)?;
        let state = self.handle.certified().ok_or(QueryError::NotReady)?;
        let content = request.content();
        let reader = Reader { state: &state, era, scope, sender: content.sender, targets: request.targets() };
        let mut paths = BTreeSet::new();
        for path in &content.paths {
            paths.insert(reader.resolve(path)?);
        }
        check_single(&paths, "request_status", "request")?;
        check_single(&paths, "canister_ranges", "subnet")?;
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

/// All paths under this label are about one thing. Each such path has been resolved to the whole of it.
fn check_single(paths: &BTreeSet<Path>, label: &str, thing: &str) -> Result<(), Refusal> {
    let under = |path: &&Path| path.first().is_some_and(|first| first == label.as_bytes());
    match paths.iter().filter(under).count() {
        0 | 1 => Ok(()),
        _ => Err(Refusal::bad(format!("all {label} paths must name one {thing}"))),
    }
}

fn is_placeless(id: Principal) -> bool {
    id == management_canister()
}
