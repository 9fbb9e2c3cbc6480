//! The state in pieces that prove themselves, for a replica that has only a certified root (state sync).
//!
//! 1. The certified root shows the leaf `atoll_state`, the digest of the tree of records: the *head*.
//! 2. A *piece* is a run of consecutive records of one column, and the tree of records pruned to it. It is right if
//!    the tree has the head's digest, the run begins where it was asked for with nothing left out, and each
//!    value has the digest that stands there. So a piece is checked alone, before it is kept, and nobody has to
//!    sign a list of pieces.
//! 3. What records only name ([`Needs`]) is checked by its name: a module and a chunk by its hash, the digests of a
//!    memory's pages by the memory's root, a page by its digest.
//! 4. Parts are bounded, and asked for in any number at once: a state of many small canisters comes in as few parts as
//!    one of a few large ones. [`Item`] is what is asked for, [`Part`] the answer.

mod item;
mod plan;
#[cfg(test)]
mod tests;
pub use item::{DigestEntry, Item, PageName, Part, read_digests};
pub use plan::{Memory, Needs};

use super::restore::read_succession;
use super::{Column, Counters, HostFailure, ReplicatedState, StateSource, VolumeId, record, tree};
use crate::certification::{HashTree, Lookup, Path, Run};
use crate::crypto::hash::sha256;
use crate::membership::Succession;
use crate::types::{Digest, Epoch, Height, StateRoot};
use bytes::Bytes;

/// The columns whose records the root covers one by one, in the order in which they are fetched.
pub const RECORDS: [Column; 3] = [Column::Subnet, Column::Canister, Column::History];

/// A run of records of one column, in order of their keys, with the proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    pub values: Vec<Bytes>,
    /// The tree of records, pruned to the run.
    pub proof: HashTree,
}

/// Why what a peer sent is not of the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    #[error("the proof is of another state")]
    Digest,
    #[error("the proof does not show what follows the key that was asked for")]
    Gap,
    #[error("{values} values for {keys} keys")]
    Count { values: usize, keys: usize },
    #[error("a value does not match its digest")]
    Value,
}

/// The records of a piece, and whether they are the last of their column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    pub records: Vec<(Vec<u8>, Bytes)>,
    pub is_last: bool,
}

impl ReplicatedState {
    /// The proof of [`digest_of`] for this state.
    pub fn head(&self) -> HashTree {
        self.tree.witness(&[vec![tree::ATOLL_STATE.to_vec()]])
    }

    /// The records of `column` after the key `after` (from the first on, if there is none): as many as have
    /// some `bytes` together, but at least one if there is any. `source` holds this state.
    ///
    /// # Errors
    /// [`HostFailure`] if `source` fails, or holds another state.
    pub fn piece(
        &self,
        source: &dyn StateSource,
        column: Column,
        after: Option<&[u8]>,
        bytes: usize,
    ) -> Result<Piece, HostFailure> {
        let label = record::label(column);
        let first = after.map_or_else(Vec::new, |after| [after, &[0]].concat());
        let entries = source.scan_from(column, &first, bytes)?;
        let path = |key: &[u8]| -> Path { vec![label.to_vec(), key.to_vec()] };
        // The first path shows what is on both sides of the run's beginning.
        let mut paths: Vec<Path> = after.map(path).into_iter().collect();
        paths.extend(entries.iter().map(|(key, _)| path(key)));
        if paths.is_empty() {
            paths.push(path(b""));
        }
        let values = entries.into_iter().map(|(_, value)| value).collect();
        Ok(Piece { values, proof: self.records.witness(&paths) })
    }
}

/// The height of the state in `source`, whose records are there.
///
/// # Errors
/// [`HostFailure`] if `source` fails, or the record is missing.
pub fn height(source: &dyn StateSource) -> Result<Height, HostFailure> {
    let bytes = source.get(Column::Subnet, record::key::COUNTERS)?;
    let bytes = bytes.ok_or_else(|| HostFailure("a state without the record of its height".into()))?;
    let counters: Counters = record::decode("the counters record", &bytes)?;
    Ok(counters.height)
}

/// The members in `source`, whose records are there; `None` if it has no record of them.
///
/// # Errors
/// [`HostFailure`] if `source` fails, or the record is damaged.
pub fn succession(source: &dyn StateSource) -> Result<Option<Succession>, HostFailure> {
    let bytes = source.get(Column::Subnet, record::key::SUCCESSION)?;
    bytes.map(|bytes| read_succession(&bytes)).transpose()
}

/// Of which epoch the block is whose state is in `source`. A block of this height that is of another epoch is not that
/// one: it stands on top of the last block of its epoch, and is void.
///
/// # Errors
/// [`HostFailure`] if `source` fails, or a record is missing or damaged.
pub fn epoch(source: &dyn StateSource) -> Result<Epoch, HostFailure> {
    let next = succession(source)?.map(|succession| (succession.epoch(), succession.start()));
    match next {
        Some(next) => Ok(epoch_at(height(source)?, next)),
        None => Ok(Epoch::ZERO),
    }
}

/// The epoch of `height`, given that of the height after it and the last height before that epoch.
fn epoch_at(height: Height, (next, start): (Epoch, Height)) -> Epoch {
    if height == start { Epoch(next.0.saturating_sub(1)) } else { next }
}

/// The page that a key of the columns `Page` and `PageDigest` names.
pub fn page_name(key: &[u8]) -> Option<PageName> {
    let (volume, index) = key.split_first_chunk::<8>()?;
    let index = index.try_into().ok()?;
    Some((VolumeId(u64::from_be_bytes(*volume)), u64::from_be_bytes(index)))
}

/// The digest of all records, as `head` shows it for the state with this root.
///
/// # Errors
/// [`Flaw::Digest`].
pub fn digest_of(root: StateRoot, head: &HashTree) -> Result<Digest, Flaw> {
    if head.digest() != root.0 {
        return Err(Flaw::Digest);
    }
    match head.lookup(&[tree::ATOLL_STATE]) {
        Lookup::Found(digest) => digest.try_into().map(Digest).map_err(|_| Flaw::Digest),
        _ => Err(Flaw::Digest),
    }
}

/// The records that `piece` holds, if they are those after `after` in `column` of the state whose records have
/// this `digest`.
///
/// # Errors
/// [`Flaw`]: the sender is wrong.
pub fn check(digest: Digest, column: Column, after: Option<&[u8]>, piece: &Piece) -> Result<Checked, Flaw> {
    if piece.proof.digest() != digest {
        return Err(Flaw::Digest);
    }
    let run = match piece.proof.lookup_subtree(&[record::label(column)]) {
        Lookup::Found(records) => records.run_after(after).ok_or(Flaw::Gap)?,
        Lookup::Absent => Run { entries: Vec::new(), is_last: true },
        Lookup::Unknown | Lookup::NotLeaf => return Err(Flaw::Gap),
    };
    // The proof may show one record more than there are values: the neighbour that ends a gap.
    let shown: Vec<_> = run.entries.iter().filter(|(_, below)| matches!(below, HashTree::Leaf(_))).collect();
    let (values, keys) = (piece.values.len(), shown.len());
    let leading = run.entries.iter().take(keys).all(|(_, below)| matches!(below, HashTree::Leaf(_)));
    if values != keys || !leading {
        return Err(Flaw::Count { values, keys });
    }
    if values == 0 && !(run.is_last && run.entries.is_empty()) {
        return Err(Flaw::Gap);
    }
    let mut records = Vec::new();
    for ((key, below), value) in run.entries.iter().zip(&piece.values) {
        match below {
            HashTree::Leaf(digest) if *digest == sha256(value).0 => {
                records.push((key.to_vec(), value.clone()));
            }
            _ => return Err(Flaw::Value),
        }
    }
    Ok(Checked { is_last: run.is_last && run.entries.len() == keys, records })
}
