//! What the subnet certifies: the open order, all records, and their version, in one tree.
//!
//! `membership_order` → bytes of the open order (absent while there is none); `records` → key → Candid of the
//! [`Record`](crate::interface::Record); `version` → 8 bytes, big-endian. The tree under `records` is balanced
//! over the keys in order. Its hashes are kept in the heap, and made anew after an upgrade.

use ic_certification::hash_tree::leaf_hash;
use ic_certification::{HashTree, fork, label, leaf, pruned};
use std::collections::BTreeMap;

/// Where replicas look for the order.
pub const ORDER_LABEL: &str = "membership_order";
const RECORDS_LABEL: &str = "records";
const VERSION_LABEL: &str = "version";

type Hash = [u8; 32];

/// Leaf hashes of all records.
#[derive(Default)]
pub struct Leaves(BTreeMap<String, Hash>);

/// A record that is shown: its key and its bytes.
type Shown<'a> = Option<(&'a str, &'a [u8])>;

impl Leaves {
    /// Takes over a record's bytes; none if it is forgotten.
    pub fn set(&mut self, key: String, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.0.insert(key, leaf_hash(bytes)),
            None => self.0.remove(&key),
        };
    }

    fn records(&self, shown: Shown) -> HashTree {
        let entries: Vec<(&str, &Hash)> = self.0.iter().map(|(key, hash)| (key.as_str(), hash)).collect();
        label(RECORDS_LABEL, balanced(&entries, shown))
    }

    fn records_and_version(&self, version: u64, shown: Shown) -> HashTree {
        fork(self.records(shown), label(VERSION_LABEL, leaf(version.to_be_bytes().to_vec())))
    }

    /// The whole tree, with what is shown not pruned.
    pub fn tree(&self, order: Option<&[u8]>, version: u64, shown: Shown) -> HashTree {
        let rest = self.records_and_version(version, shown);
        match order {
            Some(order) if shown.is_none() => {
                fork(label(ORDER_LABEL, leaf(order.to_vec())), pruned(rest.digest()))
            }
            Some(order) => {
                fork(pruned(label::<Vec<u8>, _, _>(ORDER_LABEL, leaf(order.to_vec())).digest()), rest)
            }
            None => rest,
        }
    }
}

/// A tree over entries in order; all but the shown one are hashes.
fn balanced(entries: &[(&str, &Hash)], shown: Shown) -> HashTree {
    match entries {
        [] => ic_certification::empty(),
        [(key, hash)] => match shown.filter(|(wanted, _)| wanted == key) {
            Some((_, bytes)) => label(*key, leaf(bytes.to_vec())),
            None => label(*key, pruned(**hash)),
        },
        _ => {
            let (left, right) = entries.split_at(entries.len() / 2);
            fork(branch(left, shown), branch(right, shown))
        }
    }
}

/// Half of a tree: a hash, if what is shown is elsewhere.
fn branch(entries: &[(&str, &Hash)], shown: Shown) -> HashTree {
    let tree = balanced(entries, shown);
    let is_here = shown.is_some_and(|(wanted, _)| entries.iter().any(|(key, _)| *key == wanted));
    if is_here { tree } else { pruned(tree.digest()) }
}
