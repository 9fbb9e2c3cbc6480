//! `/api/v2/status` and `/health`.

use super::reply::{self, Refusal, Reply};
use super::{Server, wall_clock};
use crate::encoding::cbor;
use crate::types::limits::HTTP_CERTIFIED_AGE_MAX_MS;

impl Server {
    pub(super) fn status(&self) -> Reply {
        let identity = self.handle.identity();
        let root_key = identity.as_ref().map(|identity| identity.root_key_der.as_slice());
        let version = identity.as_ref().map_or(env!("CARGO_PKG_VERSION"), |identity| &identity.impl_version);
        let certified = self.handle.certified().map(|state| state.height);
        reply::cbor(cbor::status(root_key, version, self.condition(), certified))
    }

    pub(super) fn health(&self) -> Result<Reply, Refusal> {
        match self.condition() {
            "healthy" => Ok(reply::text("healthy\n")),
            condition => Err(Refusal::busy(condition)),
        }
    }

    /// The word that tools wait for is `healthy`.
    fn condition(&self) -> &'static str {
        match self.handle.certified() {
            None if self.handle.identity().is_none() => "waiting_for_key_generation",
            None => "waiting_for_certified_state",
            Some(state) if wall_clock().ms_since(state.time) > HTTP_CERTIFIED_AGE_MAX_MS => {
                "certified_state_behind"
            }
            Some(_) => "healthy",
        }
    }
}
