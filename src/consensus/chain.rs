//! The finalized chain's end, and the branches that stand on it.

use super::machine::Consensus;
use crate::types::*;
use std::sync::Arc;

/// A place in the chain on which a block can stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Link {
    pub hash: Digest,
    pub height: Height,
    pub view: View,
    pub time: Time,
}

impl Link {
    /// The place of `block`, whose hash is `hash`.
    pub fn of(hash: Digest, block: &Block) -> Link {
        Link { hash, height: block.height, view: block.view, time: block.time }
    }
}

/// The finalized chain, as far as it matters from now on. Starts at genesis: all zero.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub tip: Link,
    /// Names the tip or, after a restart, nothing; once a state was fetched perhaps a block above.
    pub finalization: Option<Finalization>,
    /// The beacon of the tip's view.
    pub beacon: Option<RandomBeacon>,
    /// The last height whose execution came back.
    pub executed: Height,
}

impl Chain {
    /// Whether execution is so far behind that no more is delivered to it.
    pub fn is_backlogged(&self) -> bool {
        self.tip.height.saturating_sub(self.executed).0 >= limits::UNEXECUTED_HEIGHTS_MAX
    }
}

/// Why the blocks between the tip and a block could not be named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unlinked {
    /// The body of this block, or the beacon of its view, is not here.
    Missing { view: View, hash: Digest },
    /// The branch does not stand on the finalized tip.
    Fork,
}

impl Consensus {
    /// The block `hash` of `view` and its ancestors above the tip, newest first; empty for the tip.
    pub(super) fn branch(&self, view: View, hash: Digest) -> Result<Vec<Arc<Block>>, Unlinked> {
        let tip = self.chain.tip;
        let (mut view, mut hash) = (view, hash);
        let mut blocks = Vec::new();
        while view > tip.view {
            let candidate = self.pool.get(view).and_then(|attempt| attempt.candidate(&hash));
            let block = &candidate.ok_or(Unlinked::Missing { view, hash })?.block;
            // A parent is always of an earlier view (`receive` refuses others), so this ends.
            (view, hash) = (block.parent_view, block.parent);
            blocks.push(block.clone());
        }
        if view == tip.view && hash == tip.hash { Ok(blocks) } else { Err(Unlinked::Fork) }
    }
}
