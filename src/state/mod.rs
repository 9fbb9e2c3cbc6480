//! The replicated state: canisters, queues, call contexts, ingress history, memories.
//! Snapshots are cheap: cloning shares everything that did not change.
//!
//! 1. **One encoding.** Every record has one encoding ([`record`]); it is what is stored and what is
//!    hashed.
//! 2. **All state is signed.** Besides the spec's labels the state tree has the leaf `atoll_state`, the
//!    digest of a second tree that holds the digest of every record of the columns `Canister`,
//!    `History` and `Subnet`. Records of canisters and snapshots hold the roots of their memories, the hash of
//!    their module and the hashes of their chunks, so that no byte of the state is left out.
//! 3. **O(changed).** A change goes through [`ReplicatedState`], which notes what was touched;
//!    [`ReplicatedState::seal`] writes and hashes that alone.
//! 4. **Idle is free.** Indexes by time and of canisters with work name who has something to do:
//!    nothing loops over canisters.
//! 5. **One way back.** [`ReplicatedState::restore`] from the columns gives the state that was sealed,
//!    with the same root.

pub mod account;
pub mod call_context;
pub mod canister;
pub mod disk;
pub mod duty;
pub mod history;
pub mod log;
pub mod module;
pub mod page_map;
pub mod paused;
pub mod price;
pub mod queue;
pub mod record;
mod replicated;
mod restore;
mod seal;
pub mod settings;
pub mod snapshot;
pub mod subnet;
pub mod task;
#[cfg(test)]
mod tests;
pub mod transfer;
pub mod tree;
pub mod volume;

pub use account::{Allocated, Consumed, Use};
pub use call_context::{CallContext, Callback, InFlight, Origin};
pub use canister::*;
pub use disk::{Column, StateDelta, StateSource, Write};
pub use duty::{Duties, Duty, Sample, Samples};
pub use history::{History, HistoryEntry, IngressStatus};
pub use log::{Log, LogRecord};
pub use module::{Blob, Metadata, Module, ModuleRecord};
pub use page_map::{HostFailure, Page, PageMap, PageSource};
pub use paused::{Install, Moment, Paused, Task};
pub use price::{PriceBook, Span, Tariff};
pub use queue::{Message, Queue};
pub use replicated::ReplicatedState;
pub use settings::{Settings, Visibility};
pub use snapshot::{Snapshot, SnapshotId, SnapshotRecord, SnapshotSource};
pub use subnet::{Counters, FIRST_CANISTER, SubnetNode, SubnetRecord};
pub use task::{GLOBAL_TIMER, HookStatus, LOW_MEMORY_HOOK};
pub use volume::{Layers, VolumeId};

use serde::{Deserialize, Serialize};

/// A mutable global's value, bit for bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Global {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
    V128(u128),
}
