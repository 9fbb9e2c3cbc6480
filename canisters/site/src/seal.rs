//! The hash tree over all answers of one path: `<$>` or `<*>` / expression / "" / response hash.
//!
//! The responses' hashes are labels of a balanced tree. Its digests are computed once and kept beside them, so that a
//! witness for one of two thousand ranges costs eleven look-ups and no hashing.

use super::answer::{EXPRESSION, sha256};
use ic_certification::{Hash, HashTree, fork, fork_hash, labeled, labeled_hash, leaf, leaf_hash, pruned};

const HASH: usize = 32;

/// The certified answers of one path. Bytes: sorted labels, then the digests of the tree in pre-order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal(Vec<u8>);

fn at(bytes: &[u8], index: usize) -> Hash {
    let mut hash = [0; HASH];
    if let Some(stored) = bytes.get(index * HASH..(index + 1) * HASH) {
        hash.copy_from_slice(stored);
    }
    hash
}

fn build(labels: &[Hash], digests: &mut Vec<u8>) -> Hash {
    let place = digests.len();
    digests.extend_from_slice(&[0; HASH]);
    let digest = match labels {
        [] => return [0; HASH],
        [only] => labeled_hash(only, &leaf_hash(b"")),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            let left = build(left, digests);
            fork_hash(&left, &build(right, digests))
        }
    };
    digests[place..place + HASH].copy_from_slice(&digest);
    digest
}

impl Seal {
    /// A seal over at least one answer.
    pub fn over(mut hashes: Vec<Hash>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let mut digests = Vec::with_capacity(hashes.len() * 2 * HASH);
        build(&hashes, &mut digests);
        let mut bytes: Vec<u8> = hashes.concat();
        bytes.extend(digests);
        Self(bytes)
    }

    /// What [`Seal::bytes`] gave.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// n labels and 2n - 1 digests.
    fn count(&self) -> usize {
        (self.0.len() / HASH).saturating_add(1) / 3
    }

    fn digests(&self) -> &[u8] {
        self.0.get(self.count() * HASH..).unwrap_or_default()
    }

    /// The digest below the terminator.
    pub fn digest(&self) -> Hash {
        labeled_hash(&sha256(EXPRESSION.as_bytes()), &labeled_hash(b"", &at(self.digests(), 0)))
    }

    /// The tree below the terminator that shows one answer.
    pub fn witness(&self, response: &Hash) -> HashTree {
        let shown = self.show(response, 0, self.count(), 0);
        labeled(sha256(EXPRESSION.as_bytes()), labeled("", shown))
    }

    fn show(&self, response: &Hash, from: usize, to: usize, node: usize) -> HashTree {
        let middle = from + (to - from) / 2;
        if to - from <= 1 {
            return labeled(at(&self.0, from), leaf(""));
        }
        let (left, right) = (node + 1, node + 2 * (middle - from));
        let hidden = |node| pruned(at(self.digests(), node));
        if *response < at(&self.0, middle) {
            fork(self.show(response, from, middle, left), hidden(right))
        } else {
            fork(hidden(left), self.show(response, middle, to, right))
        }
    }
}
