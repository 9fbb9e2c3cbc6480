//! The public interface: status, call, query, read_state (interface spec, "HTTPS Interface").
//!
//! 1. **Paths.** `/api/v2/status`; call v2, v3, v4 and query and read_state v2, v3 at
//!    `/api/vN/canister/<effective_canister_id>/…`; call v4, query v3 and read_state v2, v3 at
//!    `/api/vN/subnet/<subnet_id>/…`; `/health`.
//! 2. **Refusals.** What a client did wrong is a 4xx whose text names it; no request makes a 5xx but by
//!    overload or a node that is not ready, which carry `Retry-After`: a call for which the ingress pool
//!    has no room is refused, never lost in silence. What the subnet refuses is a 200 with a reject,
//!    always with an error code.
//! 3. **Synchronous calls** (v3, v4) wait until a quorum certified their answer, and are answered 202
//!    after the configured time. They wait for a height, never on a lock.
//! 4. **read_state** reveals a call's status to its sender alone, within its delegations' targets and
//!    under the id of the canister that was called, private metadata to controllers alone, and of the
//!    rest of the tree what the spec lists. Absence is proved.
//! 5. **Strangers.** Connections are counted, all together and by address. A connection without a
//!    complete head, a body that does not come, a reply that is not taken: each has a deadline, also
//!    before HTTP's version is known. A body's size is checked before it is kept, and the bodies of
//!    all connections share one budget.
//! 6. The wall clock is read here, for expiry checks and for the time in a query's signature, and
//!    nowhere below.

mod accept;
mod authenticate;
mod body;
mod call;
mod membership;
mod path;
mod query;
mod read_state;
mod reply;
mod route;
mod scope;
mod status;
mod stream;

#[cfg(test)]
pub(crate) mod tests;

pub use accept::serve;

use self::reply::Refusal;
use crate::node::{Handle, Identity};
use crate::types::Time;
use crate::types::limits::*;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// What an operator may narrow or widen for one node.
#[derive(Clone, Debug)]
pub struct Config {
    pub connections_max: usize,
    pub connections_per_ip_max: usize,
    /// Until the head of a request is complete.
    pub header_deadline: Duration,
    /// Until the body of a request is complete.
    pub body_deadline: Duration,
    /// Until a client took some of its reply.
    pub write_deadline: Duration,
    /// How long a synchronous call waits for its certificate.
    pub call_wait: Duration,
    /// How long a refusal waits for a certified state that is newer than the refused call.
    pub inspect_wait: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            connections_max: HTTP_CONNECTIONS_MAX,
            connections_per_ip_max: HTTP_CONNECTIONS_PER_IP_MAX,
            header_deadline: Duration::from_millis(HTTP_HEADER_MS),
            body_deadline: Duration::from_millis(HTTP_BODY_MS),
            write_deadline: Duration::from_millis(HTTP_WRITE_STALL_MS),
            call_wait: Duration::from_millis(CALL_WAIT_MS),
            inspect_wait: Duration::from_millis(INSPECT_WAIT_MS),
        }
    }
}

/// What every request is answered from.
struct Server {
    handle: Handle,
    config: Config,
    /// Bytes that bodies may still take.
    body_budget: Semaphore,
    /// Synchronous calls that may still wait.
    waiting: Semaphore,
    /// Costly authentications that may still be under way.
    checks: Arc<Semaphore>,
}

impl Server {
    /// Who this node is, and what lets users in.
    ///
    /// # Errors
    /// 503 until the key generation is done.
    fn identity(&self) -> Result<Arc<Identity>, Refusal> {
        self.handle.identity().ok_or_else(|| Refusal::busy("the key generation is not done yet"))
    }
}

/// The wall clock; zero before 1970.
fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
