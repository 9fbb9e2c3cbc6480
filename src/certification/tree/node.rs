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

/// A subtree of the children: one label, or a fork.
#[derive(Clone)]
pub(in crate::certification) struct Node {
    pub(in crate::certification) kind: Kind,
    digest: OnceLock<Digest>,
}

#[derive(Clone)]
pub(in crate::certification) enum Kind {
    Labeled { label: Arc<[u8]>, child: LabelTree },
    Fork(Fork),
}

/// All labels below are equal before `bit`, 0 there on the left side and 1 on the right.
#[derive(Clone)]
pub(in crate::certification) struct Fork {
    bit: usize,
    pub(in crate::certification) left: Arc<Node>,
    pub(in crate::certification) right: Arc<Node>,
}

impl Fork {
    /// Whether `label` belongs on the right side.
    pub(in crate::certification) fn leads_right(&self, label: &[u8]) -> bool {
        bit_at(label, self.bit)
    }

    fn side(&self, label: &[u8]) -> &Arc<Node> {
        match self.leads_right(label) {
            true => &self.right,
            false => &self.left,
        }
    }

    fn side_mut(&mut self, label: &[u8]) -> &mut Arc<Node> {
        match self.leads_right(label) {
            true => &mut self.right,
            false => &mut self.left,
        }
    }
}

impl Node {
    fn new(kind: Kind) -> Node {
        Node { kind, digest: OnceLock::new() }
    }

    pub(super) fn labeled(label: &[u8], child: LabelTree) -> Node {
        Node::new(Kind::Labeled { label: label.into(), child })
    }

    /// The child that `label` would be, were it there: it agrees with it in all bits that forks test.
    fn nearest(&self, label: &[u8]) -> (&[u8], &LabelTree) {
        let mut node = self;
        loop {
            match &node.kind {
                Kind::Labeled { label, child } => return (label, child),
                Kind::Fork(fork) => node = fork.side(label),
            }
        }
    }

    /// The child under `label`.
    pub(super) fn child(&self, label: &[u8]) -> Option<&LabelTree> {
        let (found, child) = self.nearest(label);
        (found == label).then_some(child)
    }

    /// The child under `label`, to be changed; an empty one is made if there is none, which the caller
    /// must fill.
    pub(super) fn child_or_empty<'a>(node: &'a mut Arc<Node>, label: &[u8]) -> &'a mut LabelTree {
        let (nearest, _) = node.nearest(label);
        let bit = first_difference(nearest, label);
        Node::descend(node, label, bit)
    }

    /// `bit`: where `label` leaves all labels that are there; `None` if it is one of them.
    fn descend<'a>(node: &'a mut Arc<Node>, label: &[u8], mut bit: Option<usize>) -> &'a mut LabelTree {
        if let Some(leaves_at) = bit.take_if(|bit| node.agrees_up_to(*bit)) {
            Node::split(node, label, leaves_at);
        }
        let node = Arc::make_mut(node);
        node.digest = OnceLock::new();
        match &mut node.kind {
            Kind::Labeled { child, .. } => child,
            Kind::Fork(fork) => Node::descend(fork.side_mut(label), label, bit),
        }
    }

    /// Whether all labels below have the same bits up to `bit`, inclusive.
    fn agrees_up_to(&self, bit: usize) -> bool {
        match &self.kind {
            Kind::Labeled { .. } => true,
            Kind::Fork(fork) => fork.bit > bit,
        }
    }

    /// Puts a fork at `bit` in the place of `node`, with `node` on one side and `label` on the other.
    fn split(node: &mut Arc<Node>, label: &[u8], bit: usize) {
        let new = Arc::new(Node::labeled(label, LabelTree::new()));
        let old = node.clone();
        let (left, right) = match bit_at(label, bit) {
            true => (old, new),
            false => (new, old),
        };
        *node = Arc::new(Node::new(Kind::Fork(Fork { bit, left, right })));
    }

    /// The children without `label`; `None` if none is left.
    pub(super) fn without(node: &Arc<Node>, label: &[u8]) -> Option<Arc<Node>> {
        let fork = match &node.kind {
            Kind::Labeled { label: own, .. } => return (**own != *label).then(|| node.clone()),
            Kind::Fork(fork) => fork,
        };
        let Some(side) = Node::without(fork.side(label), label) else {
            let other = if fork.leads_right(label) { &fork.left } else { &fork.right };
            return Some(other.clone());
        };
        let mut fork = fork.clone();
        *fork.side_mut(label) = side;
        Some(Arc::new(Node::new(Kind::Fork(fork))))
    }

    /// Appends all labels, ascending.
    pub(super) fn labels<'a>(&'a self, out: &mut Vec<&'a [u8]>) {
        match &self.kind {
            Kind::Labeled { label, .. } => out.push(label),
            Kind::Fork(fork) => {
                fork.left.labels(out);
                fork.right.labels(out);
            }
        }
    }

    pub(in crate::certification) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| match &self.kind {
            Kind::Labeled { label, child } => labeled_digest(label, &child.digest()),
            Kind::Fork(fork) => fork_digest(&fork.left.digest(), &fork.right.digest()),
        })
    }

    /// The labels next to `label` on both sides, if it is not there itself.
    pub(in crate::certification) fn neighbours(&self, label: &[u8]) -> Neighbours<'_> {
        let (nearest, _) = self.nearest(label);
        let Some(bit) = first_difference(nearest, label) else {
            return Neighbours::Present;
        };
        let (mut below, mut above) = (None, None);
        let mut node = self;
        while let Kind::Fork(fork) = &node.kind {
            if fork.bit > bit {
                break;
            }
            match fork.leads_right(label) {
                true => below = Some(&fork.left),
                false => above = Some(&fork.right),
            }
            node = fork.side(label);
        }
        match bit_at(label, bit) {
            true => Neighbours::Absent(Some(node.last()), above.map(|node| node.first())),
            false => Neighbours::Absent(below.map(|node| node.last()), Some(node.first())),
        }
    }

    fn first(&self) -> &[u8] {
        match &self.kind {
            Kind::Labeled { label, .. } => label,
            Kind::Fork(fork) => fork.left.first(),
        }
    }

    fn last(&self) -> &[u8] {
        match &self.kind {
            Kind::Labeled { label, .. } => label,
            Kind::Fork(fork) => fork.right.last(),
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
