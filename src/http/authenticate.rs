//! Who sent a request: found out where it holds up nobody else.

use super::reply::Refusal;
use super::{Server, wall_clock};
use crate::ingress::{AuthError, Authenticator, is_costly};
use crate::types::Time;
use bytes::Bytes;

impl Server {
    /// Authenticates `body` by `check`: on this thread if that is soon done, else on one of those for long work,
    /// a few at a time, so that certificates to verify and megabytes to hash delay no other connection.
    pub(super) async fn authenticate<T: Send + 'static>(
        &self,
        body: Bytes,
        check: impl FnOnce(&Authenticator, Bytes, Time) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (authenticator, now) = (self.identity()?.authenticator.clone(), wall_clock());
        if !is_costly(&body) {
            return Ok(check(&authenticator, body, now)?);
        }
        let stopping = || Refusal::busy("the node is stopping");
        // The place stays taken until the check is done, though its client may be gone before.
        let place = self.checks.clone().acquire_owned().await.map_err(|_| stopping())?;
        let checked = tokio::task::spawn_blocking(move || {
            let _place = place;
            check(&authenticator, body, now)
        });
        Ok(checked.await.map_err(|_| stopping())??)
    }
}
