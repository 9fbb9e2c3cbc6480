//! The replicated state: canisters, queues, call contexts, ingress history, memories.
//! Snapshots are cheap: cloning shares everything that did not change.

pub mod disk;
pub mod page_map;

pub use disk::{Column, StateDelta, StateSource, Write};
pub use page_map::{HostFailure, Page, PageMap, PageSource};

use crate::certification::LabelTree;
use crate::types::{Principal, RequestId};
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

/// Everything that execution may depend on besides the batch.
#[derive(Clone)]
pub struct ReplicatedState(());

impl ReplicatedState {
    /// The spec's state tree, kept up to date by execution.
    pub fn tree(&self) -> &LabelTree {
        todo!()
    }
    /// Who sent the request, if the ingress history knows it.
    pub fn request_sender(&self, id: &RequestId) -> Option<Principal> {
        let _ = id;
        todo!()
    }
}
