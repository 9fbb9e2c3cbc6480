//! The node: performs what the replica machine asks for, in order, and owns all threads and timers.
//! It takes no decision of the protocol.
//!
//! **Threads**
//! 1. *Replica* ([`order`]): the only one that calls `Replica::handle`. It takes what waits in the
//!    mailbox, at most a turn's worth, and performs the effects: first all records of the turn, as one
//!    synced batch, then everything else in order. So nothing leaves before what it rests on is on
//!    disk, and a sync is shared by all that a turn brought.
//! 2. *Execution* ([`execute`]): heights in order: execute, commit, report the root.
//! 3. *Admission* ([`admit`]): calls that peers gossip are authenticated here, in as many threads as
//!    there is use for, before they reach the replica.
//! 4. *Queries* ([`query`]): on the newest certified state, never on anything newer.
//! 5. *Chain* ([`chain`]): reads old blocks for peers that are behind.
//! 6. The network, HTTP and metrics run on tokio.
//!
//! **Certified state** ([`certified`])
//! 7. Executed snapshots wait, bounded, for their certification; then they are published. Users see
//!    certified states only.
//!
//! **Start and end**
//! 8. Keys, genesis, disk, listeners: anything wrong is named before anything is started. Without a
//!    keyring on disk the key generation comes first ([`ceremony`], [`boot`]); afterwards the node answers
//!    those that missed its end.
//! 9. A failure of the host (disk, memory, a panic in a thread) stops the process with code 1: no
//!    result is derived from it. All that was promised is on disk.
//! 10. A divergence stops the voting at once and keeps the evidence as `divergence-<height>.json` in
//!     the data directory; metrics and health are served on, until the operator stops the process,
//!     which then ends with code 2.
//! 11. When nothing was certified for a while, log, metrics and health name what consensus waits for, and
//!     of whom ([`stall`]).

mod admit;
mod boot;
mod ceremony;
mod certified;
mod chain;
mod config;
mod error;
mod evidence;
mod execute;
pub(crate) mod handle;
mod harden;
mod key;
pub(crate) mod mailbox;
mod order;
mod peers;
mod query;
mod replay;
mod stall;
mod start;
#[cfg(test)]
mod tests;
mod thread;

pub use config::{Config, ConfigError, load_genesis};
pub use error::NodeError;
pub use handle::{CertifiedState, Handle, Identity, Members, QueryError, SubmitError};
pub use replay::{Replayed, replay};
pub use start::{End, Node};

use crate::types::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock; zero before 1970.
pub fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    Time(u64::try_from(nanos).unwrap_or(u64::MAX))
}
