//! From the whole tree to the part of it that answers some paths (preface, rule 3).

use super::tree::{Content, LabelTree, Link, Neighbours, Node};
use super::{HashTree, Path};
use std::collections::BTreeMap;

impl LabelTree {
    /// Reveals the subtrees at `paths` completely, proves the absence of those that are not there, and
    /// prunes the rest; its digest is this tree's. A path that leads on from a leaf reveals the leaf.
    pub fn witness(&self, paths: &[Path]) -> HashTree {
        let paths: Vec<&[Vec<u8>]> = paths.iter().map(Vec::as_slice).collect();
        self.reveal(&paths)
    }

    fn reveal(&self, paths: &[&[Vec<u8>]]) -> HashTree {
        match &self.content {
            Content::Empty => HashTree::Empty,
            _ if paths.is_empty() => HashTree::Pruned(self.digest()),
            Content::Leaf(leaf) => HashTree::Leaf(leaf.value.clone()),
            Content::Children(children) if paths.iter().any(|path| path.is_empty()) => children.whole(),
            Content::Children(children) => {
                let wanted: Vec<Wanted> = wanted(children.node(), paths).into_iter().collect();
                children.part(&wanted)
            }
        }
    }

    fn whole(&self) -> HashTree {
        self.reveal(&[&[]])
    }
}

/// A label to be revealed, and what of the tree below it.
type Wanted<'a> = (&'a [u8], Vec<&'a [Vec<u8>]>);

/// The labels that answer `paths`, none of which is empty: those asked for, and for each that is not
/// there its neighbours, of whose subtrees nothing is wanted.
fn wanted<'a>(children: &'a Node, paths: &[&'a [Vec<u8>]]) -> BTreeMap<&'a [u8], Vec<&'a [Vec<u8>]>> {
    let mut wanted: BTreeMap<&[u8], Vec<&[Vec<u8>]>> = BTreeMap::new();
    for path in paths {
        let Some((label, rest)) = path.split_first() else {
            continue;
        };
        match children.neighbours(label) {
            Neighbours::Present => wanted.entry(label).or_default().push(rest),
            Neighbours::Absent(below, above) => {
                for neighbour in [below, above].into_iter().flatten() {
                    wanted.entry(neighbour).or_default();
                }
            }
        }
    }
    wanted
}

impl Link {
    fn whole(&self) -> HashTree {
        match self.node() {
            Node::Labeled { label, child } => HashTree::Labeled(label.to_vec(), Box::new(child.whole())),
            Node::Fork(fork) => HashTree::Fork(Box::new(fork.left.whole()), Box::new(fork.right.whole())),
        }
    }

    /// `wanted`, ascending, are labels below this node.
    fn part(&self, wanted: &[Wanted]) -> HashTree {
        let Some((_, paths)) = wanted.first() else {
            return HashTree::Pruned(self.digest());
        };
        match self.node() {
            Node::Labeled { label, child } => {
                HashTree::Labeled(label.to_vec(), Box::new(child.reveal(paths)))
            }
            Node::Fork(fork) => {
                let middle = wanted.partition_point(|(label, _)| !fork.leads_right(label));
                let (left, right) = wanted.split_at(middle);
                HashTree::Fork(Box::new(fork.left.part(left)), Box::new(fork.right.part(right)))
            }
        }
    }
}
