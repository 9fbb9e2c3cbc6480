//! The hash tree that travels (interface spec, "Certificate"), its digest and lookups in it.

use crate::crypto::hash::sha256;
use crate::types::Digest;

/// A labelled tree of which parts may be pruned to their digests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HashTree {
    Empty,
    Fork(Box<HashTree>, Box<HashTree>),
    Labeled(Vec<u8>, Box<HashTree>),
    Leaf(Vec<u8>),
    Pruned(Digest),
}

/// What a tree says about a path (interface spec, "Lookup").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup<T> {
    Found(T),
    /// Proved not to be there.
    Absent,
    /// Pruned: the tree does not say.
    Unknown,
    /// There is something at the path, but no leaf.
    NotLeaf,
}

/// Labels of one node that stand side by side ([`HashTree::run_after`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run<'a> {
    /// Each label and what is below it, ascending.
    pub entries: Vec<(&'a [u8], &'a HashTree)>,
    /// Whether no label follows.
    pub is_last: bool,
}

impl HashTree {
    /// The root hash (spec: `reconstruct`).
    pub fn digest(&self) -> Digest {
        match self {
            HashTree::Empty => empty_digest(),
            HashTree::Fork(left, right) => fork_digest(&left.digest(), &right.digest()),
            HashTree::Labeled(label, tree) => labeled_digest(label, &tree.digest()),
            HashTree::Leaf(value) => leaf_digest(value),
            HashTree::Pruned(digest) => *digest,
        }
    }

    /// The leaf at `path`.
    pub fn lookup(&self, path: &[&[u8]]) -> Lookup<&[u8]> {
        match self.lookup_subtree(path) {
            Lookup::Found(HashTree::Leaf(value)) => Lookup::Found(value),
            Lookup::Found(HashTree::Pruned(_)) => Lookup::Unknown,
            Lookup::Found(HashTree::Empty) => Lookup::Absent,
            Lookup::Found(_) | Lookup::NotLeaf => Lookup::NotLeaf,
            Lookup::Absent => Lookup::Absent,
            Lookup::Unknown => Lookup::Unknown,
        }
    }

    /// The subtree at `path`; never [`Lookup::NotLeaf`].
    pub fn lookup_subtree(&self, path: &[&[u8]]) -> Lookup<&HashTree> {
        let Some((label, rest)) = path.split_first() else {
            return Lookup::Found(self);
        };
        match self.find(label) {
            Lookup::Found(tree) => tree.lookup_subtree(rest),
            other => other,
        }
    }

    /// Whether labels stand in strictly ascending order everywhere, and no leaf stands beside anything
    /// (interface spec, "Lookup", `well_formed`).
    pub fn is_well_formed(&self) -> bool {
        if let HashTree::Leaf(_) = self {
            return true;
        }
        let nodes = self.flattened();
        let labels: Vec<&[u8]> = nodes.iter().filter_map(|node| node.label()).collect();
        let ascending = labels.windows(2).all(|pair| pair.first() < pair.last());
        ascending
            && nodes.iter().all(|node| match node {
                HashTree::Leaf(_) => false,
                HashTree::Labeled(_, below) => below.is_well_formed(),
                HashTree::Empty | HashTree::Fork(..) | HashTree::Pruned(_) => true,
            })
    }

    /// The values of all leaves that are revealed at and below this node, from left to right
    /// (interface spec, `lookup*`).
    pub fn leaves(&self) -> Vec<&[u8]> {
        let (mut leaves, mut open) = (Vec::new(), vec![self]);
        while let Some(node) = open.pop() {
            match node {
                HashTree::Leaf(value) => leaves.push(value.as_slice()),
                HashTree::Labeled(_, below) => open.push(below),
                HashTree::Fork(left, right) => open.extend([&**right, &**left]),
                HashTree::Empty | HashTree::Pruned(_) => {}
            }
        }
        leaves
    }

    /// The labels right below this node that are revealed, in order.
    pub fn labels(&self) -> Vec<&[u8]> {
        self.flattened().into_iter().filter_map(HashTree::label).collect()
    }

    /// The labels right below this node that follow `after` (all, if there is none) without a gap that this tree
    /// does not show to be empty, with what is below them; and whether the last of them is the last of all.
    /// `None` if what follows `after` is not shown.
    pub fn run_after(&self, after: Option<&[u8]>) -> Option<Run<'_>> {
        let nodes = self.flattened();
        let is_before =
            |node: &&HashTree| matches!((node.label(), after), (Some(label), Some(after)) if label <= after);
        let start = nodes.iter().rposition(is_before).map_or(0, |last| last + 1);
        let rest = nodes.get(start..).unwrap_or_default();
        let labeled = rest.iter().map_while(|node| match node {
            HashTree::Labeled(label, below) => Some((label.as_slice(), &**below)),
            _ => None,
        });
        let entries: Vec<_> = labeled.collect();
        let is_last = entries.len() == rest.len();
        (is_last || !entries.is_empty()).then_some(Run { entries, is_last })
    }

    /// The spec's `find_label`: absent only between two labels that stand side by side, or beyond
    /// the first or last with nothing pruned outside of it.
    fn find(&self, label: &[u8]) -> Lookup<&HashTree> {
        let nodes = self.flattened();
        let mut below = true;
        for node in &nodes {
            match node {
                HashTree::Labeled(own, tree) if own == label => return Lookup::Found(tree),
                HashTree::Labeled(own, _) if label < own.as_slice() => {
                    return if below { Lookup::Absent } else { Lookup::Unknown };
                }
                HashTree::Labeled(..) => below = true,
                HashTree::Leaf(_) => return Lookup::Absent,
                _ => below = false,
            }
        }
        if below { Lookup::Absent } else { Lookup::Unknown }
    }

    fn label(&self) -> Option<&[u8]> {
        match self {
            HashTree::Labeled(label, _) => Some(label),
            _ => None,
        }
    }

    /// The nodes under this one's forks from left to right, without empty ones.
    fn flattened(&self) -> Vec<&HashTree> {
        let (mut nodes, mut open) = (Vec::new(), vec![self]);
        while let Some(node) = open.pop() {
            match node {
                HashTree::Empty => {}
                HashTree::Fork(left, right) => open.extend([&**right, &**left]),
                other => nodes.push(other),
            }
        }
        nodes
    }
}

pub(super) fn empty_digest() -> Digest {
    sha256(b"\x11ic-hashtree-empty")
}

pub(super) fn fork_digest(left: &Digest, right: &Digest) -> Digest {
    const DOMAIN: &[u8; 17] = b"\x10ic-hashtree-fork";
    let mut bytes = [0; DOMAIN.len() + 64];
    bytes[..17].copy_from_slice(DOMAIN);
    bytes[17..49].copy_from_slice(&left.0);
    bytes[49..].copy_from_slice(&right.0);
    sha256(&bytes)
}

pub(super) fn labeled_digest(label: &[u8], tree: &Digest) -> Digest {
    sha256(&[b"\x13ic-hashtree-labeled", label, &tree.0].concat())
}

pub(super) fn leaf_digest(value: &[u8]) -> Digest {
    sha256(&[b"\x10ic-hashtree-leaf", value].concat())
}
