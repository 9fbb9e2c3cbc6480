//! What the subnet certifies of the block log: its tip.
//!
//! One tree with three leaves: `last_block_index` (LEB128) and `last_block_hash` as ICRC-3 wants them,
//! and `icp_last_block_hash`, the tip of the ICP chain. (The public ICP ledger certifies that hash alone;
//! 32 bytes of certified data cannot be both, and only a tree names what it holds.)

use ic_certification::{HashTree, fork, label, leaf};
use ledger_block::Hashes;

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The tree over the last block.
pub fn tip_tree(last_index: u64, last: &Hashes) -> HashTree {
    fork(
        label("icp_last_block_hash", leaf(last.icp.to_vec())),
        fork(
            label("last_block_hash", leaf(last.icrc3.to_vec())),
            label("last_block_index", leaf(leb128(last_index))),
        ),
    )
}

/// A tree in CBOR.
pub fn encode(tree: &HashTree) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(tree, &mut bytes).expect("a vector takes all that is written");
    bytes
}
