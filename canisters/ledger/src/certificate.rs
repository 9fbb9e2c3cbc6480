//! What the subnet certifies of the block log: its tip.
//!
//! One tree with three leaves: `last_block_index` (LEB128) and `last_block_hash` as ICRC-3 wants them,
//! and `icp_last_block_hash`, the tip of the ICP chain. (The public ICP ledger certifies that hash alone;
//! 32 bytes of certified data cannot be both, and only a tree names what it holds.)

use ic_certification::{HashTree, fork, label, leaf};
use icrc::tree;
use ledger_block::Hashes;

/// The tree over the last block.
pub fn tip_tree(last_index: u64, last: &Hashes) -> HashTree {
    fork(label("icp_last_block_hash", leaf(last.icp.to_vec())), tree::tip(last_index, &last.icrc3))
}
