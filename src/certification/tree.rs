//! The spec's labelled tree as a persistent search tree with cached digests: its shape depends on the
//! content alone, an update costs O(log n), a snapshot is a clone.
//!
//! The children of a node form a crit-bit tree over their labels: every fork names the first bit in
//! which the labels below it differ. It was chosen over a treap whose priorities are hashes of labels,
//! because labels are attacker-chosen (request ids, method names): out of N labels made offline, an
//! attacker finds ~2·√N with ascending labels and descending hashes, which make a treap that deep. Here
//! the depth below one label is the number of its bits at which a sibling branches off; siblings that
//! branch off at bit k share k bits with it, and finding a request id (itself a SHA-256) with k given
//! bits costs 2^k hashes. Depth is log₂ n plus the bits an attacker can grind, some 60, never n.

mod node;

use super::hash_tree::{empty_digest, leaf_digest};
use crate::types::Digest;
pub(super) use node::{Link, Neighbours, Node};
use std::sync::{Arc, OnceLock};

/// A leaf, or labelled children in ascending order of label.
#[derive(Clone, Default)]
pub struct LabelTree {
    pub(super) content: Content,
}

#[derive(Clone, Default)]
pub(super) enum Content {
    #[default]
    Empty,
    Leaf(Arc<Leaf>),
    Children(Link),
}

pub(super) struct Leaf {
    pub(super) value: Vec<u8>,
    digest: OnceLock<Digest>,
}

impl LabelTree {
    /// The empty tree.
    pub fn new() -> LabelTree {
        LabelTree::default()
    }

    /// The tree that is one leaf.
    pub fn of_leaf(value: Vec<u8>) -> LabelTree {
        LabelTree { content: Content::Leaf(Arc::new(Leaf { value, digest: OnceLock::new() })) }
    }

    /// Whether there is neither a leaf nor a label.
    pub fn is_empty(&self) -> bool {
        matches!(self.content, Content::Empty)
    }

    /// Sets the leaf at `path`, making the nodes on the way. A leaf in the way is replaced.
    pub fn set_leaf(&mut self, path: &[&[u8]], leaf: Vec<u8>) {
        self.set_subtree(path, LabelTree::of_leaf(leaf));
    }

    /// Replaces the whole subtree at `path`, making the nodes on the way; an empty one removes it.
    pub fn set_subtree(&mut self, path: &[&[u8]], subtree: LabelTree) {
        if subtree.is_empty() {
            return self.remove(path);
        }
        let Some((label, rest)) = path.split_first() else {
            *self = subtree;
            return;
        };
        match &mut self.content {
            Content::Children(children) => {
                children.child_or_empty(label).set_subtree(rest, subtree);
            }
            Content::Empty | Content::Leaf(_) => {
                let mut child = LabelTree::new();
                child.set_subtree(rest, subtree);
                self.content = Content::Children(Link::labeled(label, child));
            }
        }
    }

    /// Removes the node at `path` and everything below; parents left without children stay as empty nodes
    /// only at the root, and are removed elsewhere.
    pub fn remove(&mut self, path: &[&[u8]]) {
        if self.subtree(path).is_some() {
            self.take(path);
        }
    }

    /// There must be something at `path`.
    fn take(&mut self, path: &[&[u8]]) {
        let Content::Children(children) = &mut self.content else {
            self.content = Content::Empty;
            return;
        };
        let Some((label, rest)) = path.split_first() else {
            self.content = Content::Empty;
            return;
        };
        let child = children.child_or_empty(label);
        child.take(rest);
        if child.is_empty() {
            match children.without(label) {
                Some(rest) => *children = rest,
                None => self.content = Content::Empty,
            }
        }
    }

    /// The leaf at `path`.
    pub fn leaf(&self, path: &[&[u8]]) -> Option<&[u8]> {
        match &self.subtree(path)?.content {
            Content::Leaf(leaf) => Some(&leaf.value),
            _ => None,
        }
    }

    /// The subtree at `path`.
    pub fn subtree(&self, path: &[&[u8]]) -> Option<&LabelTree> {
        let Some((label, rest)) = path.split_first() else {
            return Some(self);
        };
        match &self.content {
            Content::Children(children) => children.node().child(label)?.subtree(rest),
            _ => None,
        }
    }

    /// The labels right below this node, ascending.
    pub fn labels(&self) -> Vec<&[u8]> {
        let mut labels = Vec::new();
        if let Content::Children(children) = &self.content {
            children.node().labels(&mut labels);
        }
        labels
    }

    /// Root hash (interface spec, "Certificate", `reconstruct`).
    pub fn digest(&self) -> Digest {
        match &self.content {
            Content::Empty => empty_digest(),
            Content::Leaf(leaf) => *leaf.digest.get_or_init(|| leaf_digest(&leaf.value)),
            Content::Children(children) => children.digest(),
        }
    }
}
