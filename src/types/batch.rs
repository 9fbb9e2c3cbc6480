//! What consensus hands down to execution, and what comes back.

use super::{Digest, Height, NodeIndex, RequestId, SystemMessage, Time, UserCall};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An authenticated update call, ready to execute.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ingress {
    pub id: RequestId,
    pub call: UserCall,
}

/// Everything that execution of one height may depend on besides the state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    pub height: Height,
    pub time: Time,
    /// Hash of the random beacon of the block's view; seeds `raw_rand`.
    pub randomness: Digest,
    pub proposer: NodeIndex,
    /// Members whose vote for the parent this block acknowledges, by their places in the committee of the
    /// parent's epoch, ascending. Empty where the epoch begins.
    pub voters: Vec<NodeIndex>,
    /// Leaders of the views between the parent's and the block's, where nothing came onto the chain; one entry
    /// a view, the lowest view first, of the latest views at most `limits::MISSED_VIEWS_MAX`.
    pub missed: Vec<NodeIndex>,
    pub ingress: Vec<Arc<Ingress>>,
    /// About the subnet itself.
    pub system: Vec<SystemMessage>,
}
