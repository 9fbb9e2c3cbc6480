//! The spec's labelled tree as a persistent treap with cached digests: its shape depends on the content
//! alone, an update costs O(log n), a snapshot is a clone.

use crate::types::Digest;

/// A leaf, or labelled children in ascending order of label.
#[derive(Clone, Default)]
pub struct LabelTree(());

impl LabelTree {
    /// The empty tree.
    pub fn new() -> LabelTree {
        LabelTree(())
    }
    /// Sets the leaf at `path`, making the nodes on the way. A leaf in the way is replaced.
    pub fn set_leaf(&mut self, path: &[&[u8]], leaf: Vec<u8>) {
        let _ = (path, leaf);
        todo!()
    }
    /// Replaces the whole subtree at `path`.
    pub fn set_subtree(&mut self, path: &[&[u8]], subtree: LabelTree) {
        let _ = (path, subtree);
        todo!()
    }
    /// Removes the node at `path` and everything below; parents left without children stay as empty nodes
    /// only at the root, and are removed elsewhere.
    pub fn remove(&mut self, path: &[&[u8]]) {
        let _ = path;
        todo!()
    }
    /// The leaf at `path`.
    pub fn leaf(&self, path: &[&[u8]]) -> Option<&[u8]> {
        let _ = path;
        todo!()
    }
    /// The subtree at `path`.
    pub fn subtree(&self, path: &[&[u8]]) -> Option<&LabelTree> {
        let _ = path;
        todo!()
    }
    /// The labels right below this node, ascending.
    pub fn labels(&self) -> Vec<&[u8]> {
        todo!()
    }
    /// Root hash (interface spec, "Certificate", `reconstruct`).
    pub fn digest(&self) -> Digest {
        todo!()
    }
}
