//! Prepared signatures: a certified tree `sig` / SHA-256(seed) / SHA-256(message) / "" as the interface specification
//! wants it, and the same in stable memory by the time at which each expires, so that an upgrade loses none.
//!
//! 1. A signature is there for [`SIGNATURE_LASTS`]; then it is not given out, and pruned by what comes next.
//! 2. At most [`MAX_SIGNATURES`], at most [`MAX_SIGNATURES_OF_ANCHOR`] of one anchor. A new one is never refused: it takes
//!    the place of the anchor's oldest, or of the oldest of an anchor that has most of all. So who asks for many keeps
//!    nobody from signing in who asks for one.

use crate::interface::{Timestamp, UserNumber};
use crate::keys::sha256;
use crate::limits::*;
use crate::memory::{Memory, Segment};
use ic_certification::{AsHashTree, Hash, HashTree, RbTree, labeled, labeled_hash, leaf, leaf_hash};
use ic_stable_structures::StableBTreeMap;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The label of all signatures.
pub const LABEL: &[u8] = b"sig";

const HASH: usize = 32;
const TIME: usize = 8;

/// When it expires, hash of the seed, hash of the message.
type Key = [u8; TIME + HASH + HASH];

/// The leaf of a signature, which is empty; and until when it counts.
#[derive(Clone, Copy, Debug)]
struct Until(Timestamp);

impl AsHashTree for Until {
    fn root_hash(&self) -> Hash {
        leaf_hash(b"")
    }

    fn as_hash_tree(&self) -> HashTree {
        leaf("")
    }
}

type Messages = RbTree<Vec<u8>, Until>;

/// All prepared signatures.
pub struct Signatures<M: Memory> {
    queue: StableBTreeMap<Key, UserNumber, Segment<M>>,
    tree: RbTree<Vec<u8>, Messages>,
    of_anchor: BTreeMap<UserNumber, BTreeSet<Key>>,
    /// Anchors by how many each has; among equals, the one with the oldest is last.
    by_count: BTreeSet<(usize, Reverse<Key>, UserNumber)>,
}

fn key(until: Timestamp, seed: &Hash, message: &Hash) -> Key {
    let mut key = [0; TIME + HASH + HASH];
    key[..TIME].copy_from_slice(&until.to_be_bytes());
    key[TIME..TIME + HASH].copy_from_slice(seed);
    key[TIME + HASH..].copy_from_slice(message);
    key
}

fn parts(key: &Key) -> (Timestamp, Hash, Hash) {
    let (mut time, mut seed, mut message) = ([0; TIME], [0; HASH], [0; HASH]);
    time.copy_from_slice(&key[..TIME]);
    seed.copy_from_slice(&key[TIME..TIME + HASH]);
    message.copy_from_slice(&key[TIME + HASH..]);
    (Timestamp::from_be_bytes(time), seed, message)
}

impl<M: Memory> Signatures<M> {
    /// Builds the tree of what stable memory holds.
    pub fn open(memory: Segment<M>) -> Self {
        let queue = StableBTreeMap::init(memory);
        let mut signatures =
            Self { queue, tree: RbTree::new(), of_anchor: BTreeMap::new(), by_count: BTreeSet::new() };
        let kept: Vec<(Key, UserNumber)> = signatures.queue.iter().map(|it| it.into_pair()).collect();
        for (key, user) in kept {
            signatures.grow(&key, user);
        }
        signatures
    }

    fn grow(&mut self, key: &Key, user: UserNumber) {
        let (until, seed, message) = parts(key);
        if self.tree.get(&seed).is_none() {
            self.tree.insert(seed.to_vec(), RbTree::new());
        }
        self.tree.modify(&seed, |messages| messages.insert(message.to_vec(), Until(until)));
        self.count(user, |keys| keys.insert(*key));
    }

    /// Changes what an anchor has, and its place by count.
    fn count(&mut self, user: UserNumber, change: impl FnOnce(&mut BTreeSet<Key>) -> bool) {
        let place = |keys: &BTreeSet<Key>| keys.first().map(|oldest| (keys.len(), Reverse(*oldest), user));
        let keys = self.of_anchor.entry(user).or_default();
        if let Some(place) = place(keys) {
            self.by_count.remove(&place);
        }
        change(keys);
        match place(keys) {
            Some(place) => {
                self.by_count.insert(place);
            }
            None => {
                self.of_anchor.remove(&user);
            }
        }
    }

    fn shrink(&mut self, key: &Key, user: UserNumber) {
        let (until, seed, message) = parts(key);
        let here = self.tree.get(&seed).and_then(|messages| messages.get(&message));
        // the same message may have been prepared again, to last longer
        if here.is_some_and(|it| it.0 == until) {
            self.tree.modify(&seed, |messages| messages.delete(&message));
        }
        if self.tree.get(&seed).is_some_and(RbTree::is_empty) {
            self.tree.delete(&seed);
        }
        self.count(user, |keys| keys.remove(key));
    }

    fn remove(&mut self, key: &Key, user: UserNumber) {
        self.queue.remove(key);
        self.shrink(key, user);
    }

    /// Makes room for one more of an anchor.
    fn make_room(&mut self, user: UserNumber) {
        let own = self.of_anchor.get(&user).filter(|keys| keys.len() >= MAX_SIGNATURES_OF_ANCHOR);
        if let Some(oldest) = own.and_then(|keys| keys.first().copied()) {
            self.remove(&oldest, user);
        } else if self.queue.len() >= MAX_SIGNATURES
            && let Some((_, Reverse(oldest), other)) = self.by_count.last().copied()
        {
            self.remove(&oldest, other);
        }
    }

    /// Takes away what has expired, `most` at most.
    pub fn prune(&mut self, now: Timestamp, most: usize) {
        let end = key(now, &[u8::MAX; HASH], &[u8::MAX; HASH]);
        let expired = self.queue.range(..=end).take(most).map(|it| it.into_pair());
        let expired: Vec<(Key, UserNumber)> = expired.collect();
        for (key, user) in expired {
            self.remove(&key, user);
        }
    }

    /// Signs `message` for `seed`, for a while.
    pub fn prepare(&mut self, user: UserNumber, seed: &[u8], message: &[u8], now: Timestamp) {
        self.prune(now, PRUNED_PER_CALL);
        let until = now.saturating_add(SIGNATURE_LASTS);
        let key = key(until, &sha256(&[seed]), &sha256(&[message]));
        if !self.queue.contains_key(&key) {
            self.make_room(user);
            self.queue.insert(key, user);
            self.grow(&key, user);
        }
    }

    /// What proves the signature below [`LABEL`], if it is there.
    pub fn witness(&self, seed: &[u8], message: &[u8], now: Timestamp) -> Option<HashTree> {
        let (seed, message) = (sha256(&[seed]), sha256(&[message]));
        let until = self.tree.get(&seed)?.get(&message)?;
        let shown = self.tree.nested_witness(&seed, |messages| messages.witness(&message));
        (until.0 > now).then(|| labeled(LABEL, shown))
    }

    /// The digest of all, below [`LABEL`].
    pub fn digest(&self) -> Hash {
        labeled_hash(LABEL, &self.tree.root_hash())
    }

    pub fn len(&self) -> u64 {
        self.queue.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
