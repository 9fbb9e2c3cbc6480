//! The node: performs what the replica machine asks for, in order, and owns all threads and timers.
//! It takes no decision of the protocol.
//!
//! **Threads**
//! 1. *Replica* ([`order`]): the only one that calls `Replica::handle`. It takes what waits in the
//!    mailbox, at most a turn's worth, and performs the effects: first all records of the turn, as one
//!    synced batch, then everything else in order. So nothing leaves before what it rests on is on
//!    disk, and a sync is shared by all that a turn brought.
//! 2. *Execution* ([`execute`]): heights in order: execute, commit, report the root.
//! 3. *Admission* ([`admit`]): calls that peers gossip, and those that they send because a block carries
//!    them, are authenticated here, together and in as many threads as there is use for, before they reach
//!    the replica; so its own thread checks no user's signature. What a block lacks goes first.
//! 4. *Queries* ([`query`]): on the newest certified state, never on anything newer.
//! 5. *Chain* and *state* ([`chain`]): read old blocks, and parts of a state, for peers that are behind; the first also
//!    purges blocks that nobody needs, before it answers anybody ([`jobs`]); for the second peers wait in turn
//!    ([`requests`]).
//! 6. *Sync* ([`sync`]): fetches a state when this replica is far behind. The network, HTTP and metrics run on tokio.
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
//!
//! **Far behind**
//! 12. Every so many heights the state is frozen; certified, it is offered to peers that are far behind, and the blocks
//!     below are purged, unless `keep_history` is set ([`checkpoint`]).
//! 13. A replica whose peers have purged the blocks that it lacks fetches such a state beside its own, and when it is
//!     whole starts anew from it: [`End::Synced`]. Its votes are carried over.
//! 14. Keys of the subnet on disk, and no chain: this replica lost its disk, and with it the votes that it gave. It is
//!     silent until it cannot contradict them (consensus, rule 13).
//!
//! **Membership**
//! 15. Where genesis names a registry canister, the node asks it for an open order of the membership by a query of its
//!     own on the certified state: only when the answer may be another than before, and at most once a second. What it
//!     answers goes to the replica, which believes nothing but its proof ([`registry`]; docs/adr/0019).

mod admit;
mod boot;
mod ceremony;
mod certified;
mod chain;
mod checkpoint;
mod config;
mod directory;
mod error;
mod evidence;
mod execute;
mod founding;
pub(crate) mod handle;
mod harden;
mod jobs;
mod key;
mod known;
pub(crate) mod mailbox;
#[cfg(any(test, feature = "malicious"))]
pub mod malice;
mod order;
mod peers;
mod query;
mod registry;
mod replay;
mod requests;
mod stall;
mod start;
mod sync;
#[cfg(test)]
mod tests;
mod thread;

pub use config::{Config, ConfigError, load_genesis};
pub use error::NodeError;
pub use founding::{load_founding, module_file, read_module};
pub use handle::{CertifiedState, Handle, Identity, Members, QueryError, SubmitError};
pub use known::KnownMembers;
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
