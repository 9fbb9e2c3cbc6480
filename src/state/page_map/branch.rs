//! The nodes of a page map: branches of 32 slots over leaves, copied along the path that changes.

use super::{Page, page_digest};
use crate::crypto::hash::sha256;
use crate::types::Digest;
use std::sync::{Arc, OnceLock};

/// Bits of the index that one level consumes.
const BITS: u32 = 5;
const SLOTS: u32 = 1 << BITS;
const DOMAIN: &[u8; 13] = b"\x0catoll-branch";

/// One page: its content, or only its digest while the content is in the source.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) page: Option<Page>,
    digest: OnceLock<Digest>,
}

impl Leaf {
    pub(super) fn held(page: Page) -> Leaf {
        Leaf { page: Some(page), digest: OnceLock::new() }
    }

    fn stored(digest: Digest) -> Leaf {
        Leaf { page: None, digest: OnceLock::from(digest) }
    }

    pub(super) fn digest(&self) -> Digest {
        let hash = || self.page.as_ref().map_or(Digest::ZERO, |page| page_digest(page));
        *self.digest.get_or_init(hash)
    }
}

#[derive(Clone)]
enum Child {
    Branch(Arc<Branch>),
    Leaf(Leaf),
}

impl Child {
    fn digest(&self) -> Digest {
        match self {
            Child::Branch(branch) => branch.digest(),
            Child::Leaf(leaf) => leaf.digest(),
        }
    }

    fn count(&self) -> u64 {
        match self {
            Child::Branch(branch) => branch.count,
            Child::Leaf(_) => 1,
        }
    }
}

/// Up to 32 children; never empty, except while [`Branch::insert`] fills it.
#[derive(Clone)]
pub(super) struct Branch {
    /// Its children are leaves at level 1, branches of the level below else.
    level: u32,
    bitmap: u32,
    children: Vec<Child>,
    /// Leaves below.
    count: u64,
    digest: OnceLock<Digest>,
}

impl Branch {
    fn empty(level: u32) -> Branch {
        Branch { level, bitmap: 0, children: Vec::new(), count: 0, digest: OnceLock::new() }
    }

    /// The branch one level up that has only `child`, in slot 0.
    fn above(child: Arc<Branch>) -> Branch {
        let mut branch = Branch::empty(child.level + 1);
        branch.push(0, Child::Branch(child));
        branch
    }

    /// Builds the map's tree from digests in strictly ascending order of index.
    pub(super) fn from_ascending(index: Vec<(u64, Digest)>) -> Option<Arc<Branch>> {
        let leaf = |(index, digest)| (index, Child::Leaf(Leaf::stored(digest)));
        let mut nodes: Vec<(u64, Child)> = index.into_iter().map(leaf).collect();
        let mut level = 1;
        while !nodes.is_empty() {
            nodes = Branch::level_above(nodes, level);
            if let [(0, Child::Branch(top))] = nodes.as_slice() {
                return Some(top.clone());
            }
            level += 1;
        }
        None
    }

    fn level_above(nodes: Vec<(u64, Child)>, level: u32) -> Vec<(u64, Child)> {
        let mut above: Vec<(u64, Branch)> = Vec::new();
        for (index, child) in nodes {
            let parent = index >> BITS;
            if above.last().is_none_or(|(last, _)| *last != parent) {
                above.push((parent, Branch::empty(level)));
            }
            if let Some((_, branch)) = above.last_mut() {
                branch.push(index as u32 & (SLOTS - 1), child);
            }
        }
        above.into_iter().map(|(index, b)| (index, Child::Branch(Arc::new(b)))).collect()
    }

    /// Adds a child behind all others.
    fn push(&mut self, slot: u32, child: Child) {
        self.bitmap |= 1 << slot;
        self.count += child.count();
        self.children.push(child);
    }

    pub(super) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut bytes = Vec::with_capacity(DOMAIN.len() + 5 + 32 * self.children.len());
            bytes.extend_from_slice(DOMAIN);
            bytes.push(self.level as u8);
            bytes.extend_from_slice(&self.bitmap.to_le_bytes());
            for child in &self.children {
                bytes.extend_from_slice(&child.digest().0);
            }
            sha256(&bytes)
        })
    }

    /// How many leaves are below.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The leaf at `index`; to be asked of the top branch.
    pub(super) fn leaf(&self, index: u64) -> Option<&Leaf> {
        if !self.covers(index) {
            return None;
        }
        let mut branch = self;
        loop {
            match branch.child(branch.slot_of(index))? {
                Child::Branch(below) => branch = below,
                Child::Leaf(leaf) => return Some(leaf),
            }
        }
    }

    /// Appends leaves from `from` on, ascending, until there are `count`; `base` holds the index bits above
    /// this branch.
    pub(super) fn leaves_from<'a>(
        &'a self,
        from: u64,
        count: usize,
        base: u64,
        out: &mut Vec<(u64, &'a Leaf)>,
    ) {
        let width = BITS * (self.level - 1);
        for slot in 0..SLOTS {
            let index = base | self.offset(slot);
            let last = index | (1u64.checked_shl(width).unwrap_or(0).wrapping_sub(1));
            if last < from || out.len() >= count {
                continue;
            }
            match self.child(slot) {
                Some(Child::Branch(branch)) => branch.leaves_from(from, count, index, out),
                Some(Child::Leaf(leaf)) => out.push((index, leaf)),
                None => {}
            }
        }
    }

    /// Sets the leaf at `index`, raising the tree until it covers it.
    pub(super) fn insert(top: &mut Option<Arc<Branch>>, index: u64, leaf: Leaf) {
        let mut branch = match top.take() {
            Some(branch) => branch,
            None => Arc::new(Branch::empty(Branch::level_of(index))),
        };
        while !branch.covers(index) {
            branch = Arc::new(Branch::above(branch));
        }
        Arc::make_mut(&mut branch).put(index, leaf);
        *top = Some(branch);
    }

    /// True if there was no leaf at `index`.
    fn put(&mut self, index: u64, leaf: Leaf) -> bool {
        self.digest = OnceLock::new();
        let fresh = match self.child_or_new(self.slot_of(index)) {
            Slot::Below(branch) => Arc::make_mut(branch).put(index, leaf),
            Slot::Old(old) => {
                *old = leaf;
                false
            }
            Slot::New(children, place) => {
                children.insert(place, Child::Leaf(leaf));
                true
            }
        };
        self.bitmap |= 1 << self.slot_of(index);
        self.count += u64::from(fresh);
        fresh
    }

    fn child_or_new(&mut self, slot: u32) -> Slot<'_> {
        let place = self.place(slot);
        let missing = !self.has(slot);
        if missing && self.level == 1 {
            return Slot::New(&mut self.children, place);
        }
        if missing {
            let branch = Arc::new(Branch::empty(self.level - 1));
            self.children.insert(place, Child::Branch(branch));
        }
        match &mut self.children[place] {
            Child::Branch(branch) => Slot::Below(branch),
            Child::Leaf(leaf) => Slot::Old(leaf),
        }
    }

    /// Removes the leaf at `index`, lowering the tree to the least level that covers the rest.
    pub(super) fn remove(top: &mut Option<Arc<Branch>>, index: u64) {
        let Some(branch) = top else { return };
        if branch.leaf(index).is_none() {
            return;
        }
        Arc::make_mut(branch).take(index);
        while let Some(branch) = top {
            *top = match branch.children.as_slice() {
                [] => None,
                [Child::Branch(only)] if branch.bitmap == 1 => Some(only.clone()),
                _ => return,
            };
        }
    }

    /// There must be a leaf at `index`.
    fn take(&mut self, index: u64) {
        self.digest = OnceLock::new();
        self.count -= 1;
        let slot = self.slot_of(index);
        let place = self.place(slot);
        if let Some(Child::Branch(branch)) = self.children.get_mut(place) {
            let branch = Arc::make_mut(branch);
            branch.take(index);
            if !branch.children.is_empty() {
                return;
            }
        }
        self.children.remove(place);
        self.bitmap &= !(1 << slot);
    }

    /// The least level of a top branch that covers `index`.
    fn level_of(index: u64) -> u32 {
        (u64::BITS - index.leading_zeros()).div_ceil(BITS).max(1)
    }

    fn covers(&self, index: u64) -> bool {
        Branch::level_of(index) <= self.level
    }

    fn slot_of(&self, index: u64) -> u32 {
        (index >> (BITS * (self.level - 1))) as u32 & (SLOTS - 1)
    }

    fn offset(&self, slot: u32) -> u64 {
        u64::from(slot) << (BITS * (self.level - 1))
    }

    fn has(&self, slot: u32) -> bool {
        self.bitmap & (1 << slot) != 0
    }

    fn place(&self, slot: u32) -> usize {
        (self.bitmap & ((1 << slot) - 1)).count_ones() as usize
    }

    fn child(&self, slot: u32) -> Option<&Child> {
        self.has(slot).then(|| self.children.get(self.place(slot))).flatten()
    }
}

/// Where [`Branch::put`] goes on.
enum Slot<'a> {
    Below(&'a mut Arc<Branch>),
    Old(&'a mut Leaf),
    /// A leaf is to be inserted at this place.
    New(&'a mut Vec<Child>, usize),
}

/// Appends every index at which the trees differ, ascending, with the leaf that `newer` has there.
/// Subtrees that are shared, or have equal digests, are not entered.
pub(super) fn differences<'a>(
    newer: &'a Option<Arc<Branch>>,
    older: &'a Option<Arc<Branch>>,
    out: &mut Vec<(u64, Option<&'a Leaf>)>,
) {
    let node = |top: &'a Option<Arc<Branch>>| top.as_deref().map(Node::Branch);
    let level = |top: &Option<Arc<Branch>>| top.as_deref().map_or(0, |top| top.level);
    compare(node(newer), node(older), level(newer).max(level(older)), 0, out);
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Branch(&'a Branch),
    Leaf(&'a Leaf),
}

impl<'a> Node<'a> {
    fn digest(self) -> Digest {
        match self {
            Node::Branch(branch) => branch.digest(),
            Node::Leaf(leaf) => leaf.digest(),
        }
    }

    /// The child in `slot` when seen from `level`: a lower branch is its own first child there.
    fn child(self, level: u32, slot: u32) -> Option<Node<'a>> {
        match self {
            Node::Branch(branch) if branch.level < level => (slot == 0).then_some(self),
            Node::Branch(branch) => branch.child(slot).map(|child| match child {
                Child::Branch(branch) => Node::Branch(branch),
                Child::Leaf(leaf) => Node::Leaf(leaf),
            }),
            Node::Leaf(_) => None,
        }
    }
}

fn compare<'a>(
    newer: Option<Node<'a>>,
    older: Option<Node<'a>>,
    level: u32,
    base: u64,
    out: &mut Vec<(u64, Option<&'a Leaf>)>,
) {
    if newer.map(Node::digest) == older.map(Node::digest) {
        return;
    }
    if level == 0 {
        let leaf = match newer {
            Some(Node::Leaf(leaf)) => Some(leaf),
            _ => None,
        };
        out.push((base, leaf));
        return;
    }
    for slot in 0..SLOTS {
        let below = |node: Option<Node<'a>>| node.and_then(|node| node.child(level, slot));
        let index = base | u64::from(slot) << (BITS * (level - 1));
        compare(below(newer), below(older), level - 1, index, out);
    }
}
