//! The children of one node of a [`LabelTree`], as a crit-bit tree.
//!
//! Bits are counted over labels in which every byte is preceded by a 1 and the end is a 0, so that
//! order of bits is order of labels, and a label comes before those that extend it.

use super::LabelTree;
use crate::certification::hash_tree::{fork_digest, labeled_digest};
use crate::types::Digest;
use std::sync::{Arc, OnceLock};

/// Bits per byte of a label: the 1 in front, and its own eight.
const BITS: usize = 9;

/// A subtree of the children with its digest, which stands here and not in the node, so that hashing
/// a path does not touch the memory of its siblings.
#[derive(Clone)]
pub(in crate::certification) struct Link {
    node: Arc<Node>,
    digest: OnceLock<Digest>,
}

/// One label, or a fork.
#[derive(Clone)]
pub(in crate::certification) enum Node {
    Labeled { label: Arc<[u8]>, child: LabelTree },
    Fork(Fork),
}

/// All labels below are equal before `bit`, 0 there on the left side and 1 on the right.
#[derive(Clone)]
pub(in crate::certification) struct Fork {
    bit: usize,
    pub(in crate::certification) left: Link,
    pub(in crate::certification) right: Link,
}

impl Fork {
    /// Whether `label` belongs on the right side.
    pub(in crate::certification) fn leads_right(&self, label: &[u8]) -> bool {
        bit_at(label, self.bit)
    }

    fn side(&self, label: &[u8]) -> &Link {
        match self.leads_right(label) {
            true => &self.right,
            false => &self.left,
        }
    }

    fn side_mut(&mut self, label: &[u8]) -> &mut Link {
        match self.leads_right(label) {
            true => &mut self.right,
            false => &mut self.left,
        }
    }
}

impl Link {
    fn new(node: Node) -> Link {
        Link { node: Arc::new(node), digest: OnceLock::new() }
    }

    pub(super) fn labeled(label: &[u8], child: LabelTree) -> Link {
        Link::new(Node::Labeled { label: label.into(), child })
    }

    pub(in crate::certification) fn node(&self) -> &Node {
        &self.node
    }

    pub(in crate::certification) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| match &*self.node {
            Node::Labeled { label, child } => labeled_digest(label, &child.digest()),
            Node::Fork(fork) => fork_digest(&fork.left.digest(), &fork.right.digest()),
        })
    }

    /// The child under `label`, to be changed; an empty one is made if there is none, which the caller
    /// must fill.
    pub(super) fn child_or_empty(&mut self, label: &[u8]) -> &mut LabelTree {
        let (nearest, _) = self.node.nearest(label);
        let bit = first_difference(nearest, label);
        self.descend(label, bit)
    }

    /// `bit`: where `label` leaves all labels that are there; `None` if it is one of them.
    fn descend(&mut self, label: &[u8], mut bit: Option<usize>) -> &mut LabelTree {
        if let Some(leaves_at) = bit.take_if(|bit| self.node.agrees_up_to(*bit)) {
            self.split(label, leaves_at);
        }
        self.digest = OnceLock::new();
        match Arc::make_mut(&mut self.node) {
            Node::Labeled { child, .. } => child,
            Node::Fork(fork) => fork.side_mut(label).descend(label, bit),
        }
    }

    /// Becomes a fork at `bit`, with what was here on one side and `label` on the other.
    fn split(&mut self, label: &[u8], bit: usize) {
        let (old, new) = (self.clone(), Link::labeled(label, LabelTree::new()));
        let (left, right) = match bit_at(label, bit) {
            true => (old, new),
            false => (new, old),
        };
        *self = Link::new(Node::Fork(Fork { bit, left, right }));
    }

    /// What is left without `label`; `None` if nothing is.
    pub(super) fn without(&self, label: &[u8]) -> Option<Link> {
        let fork = match &*self.node {
            Node::Labeled { label: own, .. } => return (**own != *label).then(|| self.clone()),
            Node::Fork(fork) => fork,
        };
        let Some(side) = fork.side(label).without(label) else {
            let other = if fork.leads_right(label) { &fork.left } else { &fork.right };
            return Some(other.clone());
        };
        let mut fork = fork.clone();
        *fork.side_mut(label) = side;
        Some(Link::new(Node::Fork(fork)))
    }
}

impl Node {
    /// The child that `label` would be, were it there: it agrees with it in all bits that forks test.
    fn nearest(&self, label: &[u8]) -> (&[u8], &LabelTree) {
        let mut node = self;
        loop {
            match node {
                Node::Labeled { label, child } => return (label, child),
                Node::Fork(fork) => node = fork.side(label).node(),
            }
        }
    }

    /// The child under `label`.
    pub(super) fn child(&self, label: &[u8]) -> Option<&LabelTree> {
        let (found, child) = self.nearest(label);
        (found == label).then_some(child)
    }

    /// Whether all labels below have the same bits up to `bit`, inclusive.
    fn agrees_up_to(&self, bit: usize) -> bool {
        match self {
            Node::Labeled { .. } => true,
            Node::Fork(fork) => fork.bit > bit,
        }
    }

    /// Appends all labels, ascending.
    pub(super) fn labels<'a>(&'a self, out: &mut Vec<&'a [u8]>) {
        match self {
            Node::Labeled { label, .. } => out.push(label),
            Node::Fork(fork) => {
                fork.left.node().labels(out);
                fork.right.node().labels(out);
            }
        }
    }

    /// The labels next to `label` on both sides, if it is not there itself.
    pub(in crate::certification) fn neighbours(&self, label: &[u8]) -> Neighbours<'_> {
        let (nearest, _) = self.nearest(label);
        let Some(bit) = first_difference(nearest, label) else {
            return Neighbours::Present;
        };
        let (mut below, mut above) = (None, None);
        let mut node = self;
        while let Node::Fork(fork) = node {
            if fork.bit > bit {
                break;
            }
            match fork.leads_right(label) {
                true => below = Some(fork.left.node()),
                false => above = Some(fork.right.node()),
            }
            node = fork.side(label).node();
        }
        match bit_at(label, bit) {
            true => Neighbours::Absent(Some(node.last()), above.map(Node::first)),
            false => Neighbours::Absent(below.map(Node::last), Some(node.first())),
        }
    }

    fn first(&self) -> &[u8] {
        match self {
            Node::Labeled { label, .. } => label,
            Node::Fork(fork) => fork.left.node().first(),
        }
    }

    fn last(&self) -> &[u8] {
        match self {
            Node::Labeled { label, .. } => label,
            Node::Fork(fork) => fork.right.node().last(),
        }
    }
}

/// Answer of [`Node::neighbours`]: the label is there, or the greatest below and the least above it.
pub(in crate::certification) enum Neighbours<'a> {
    Present,
    Absent(Option<&'a [u8]>, Option<&'a [u8]>),
}

fn bit_at(label: &[u8], bit: usize) -> bool {
    let Some(byte) = label.get(bit / BITS) else {
        return false;
    };
    match bit % BITS {
        0 => true,
        nth => byte & (0x80 >> (nth - 1)) != 0,
    }
}

/// The first bit in which two labels differ; `None` if they are equal.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    match (a.get(same), b.get(same)) {
        (None, None) => None,
        (Some(a), Some(b)) => Some(same * BITS + 1 + (a ^ b).leading_zeros() as usize),
        _ => Some(same * BITS),
    }
}
