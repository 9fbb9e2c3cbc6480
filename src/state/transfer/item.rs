//! What is asked for, and what is answered: CBOR, as records are.

use super::super::record::{self, key};
use super::super::{Column, HostFailure, ReplicatedState, StateSource, VolumeId};
use super::{Piece, RECORDS};
use crate::certification::HashTree;
use crate::types::limits::{PAGE_BYTES, STATE_PART_BYTES, STATE_PART_PAGES};
use crate::types::{CanisterId, Digest};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A part of a state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Item {
    /// The leaf `atoll_state` under the root.
    Head,
    /// Records of the column with this place in [`RECORDS`], after a key.
    Records {
        column: u8,
        after: Option<ByteBuf>,
    },
    /// A module from `offset` on.
    Module {
        hash: Digest,
        offset: u64,
    },
    Chunk {
        canister: CanisterId,
        hash: Digest,
    },
    /// The digests of the pages of all volumes, after a page of one.
    Digests {
        after: Option<PageName>,
    },
    Pages {
        pages: Vec<PageName>,
    },
}

/// The content of an [`Item`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Part {
    /// A hash tree.
    Head(ByteBuf),
    Records {
        values: Vec<ByteBuf>,
        /// A hash tree.
        proof: ByteBuf,
    },
    /// Of a module or chunk.
    Content {
        /// Of all of it.
        total: u64,
        bytes: ByteBuf,
    },
    /// Volume and index (16 bytes, big-endian), then 32 bytes: the digest, or zeros where a page of an older volume is
    /// gone. Fewer than [`STATE_PART_BYTES`] are the last; an entry that would begin beyond them is in the next part.
    Digests(ByteBuf),
    /// One after the other, as they were asked for.
    Pages(ByteBuf),
}

/// A page, by its volume and its index in the memory.
pub type PageName = (VolumeId, u64);

/// A page of a volume, or that it hides one of an older volume.
pub type DigestEntry = (PageName, Option<Digest>);

const ENTRY_BYTES: usize = 16 + 32;

impl Item {
    /// # Errors
    /// None that an item can have.
    pub fn encode(&self) -> Result<Vec<u8>, HostFailure> {
        record::encode(self)
    }

    /// What a peer asks for; `None` if it is nothing.
    pub fn decode(bytes: &[u8]) -> Option<Item> {
        ciborium::from_reader(bytes).ok()
    }
}

impl Part {
    /// # Errors
    /// None that a part can have.
    pub fn encode(&self) -> Result<Vec<u8>, HostFailure> {
        record::encode(self)
    }

    /// What a peer sent; `None` if it is nothing.
    pub fn decode(bytes: &[u8]) -> Option<Part> {
        ciborium::from_reader(bytes).ok()
    }

    /// A run of records, if it is one.
    pub fn piece(self) -> Option<Piece> {
        let Part::Records { values, proof } = self else {
            return None;
        };
        let values = values.into_iter().map(|value| Bytes::from(value.into_vec())).collect();
        Some(Piece { values, proof: HashTree::decode(&proof).ok()? })
    }
}

/// The entries of [`Part::Digests`], and whether they are the last; `None` unless they ascend from above `after`, and are
/// no more than a part holds.
pub fn read_digests(entries: &[u8], after: Option<PageName>) -> Option<(Vec<DigestEntry>, bool)> {
    let is_last = entries.len() < STATE_PART_BYTES;
    if entries.len() >= STATE_PART_BYTES.saturating_add(ENTRY_BYTES) {
        return None;
    }
    let (entries, []) = entries.as_chunks::<ENTRY_BYTES>() else {
        return None;
    };
    let mut last = after;
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        let (volume, rest) = entry.split_first_chunk::<8>()?;
        let (index, digest) = rest.split_first_chunk::<8>()?;
        let name = (VolumeId(u64::from_be_bytes(*volume)), u64::from_be_bytes(*index));
        let digest = Digest(digest.try_into().ok()?);
        if last.is_some_and(|last| name <= last) {
            return None;
        }
        last = Some(name);
        read.push((name, (digest != Digest::ZERO).then_some(digest)));
    }
    Some((read, is_last))
}

impl ReplicatedState {
    /// The part of this state that `item` names, as a peer is answered; `None` if there is no such part. `source` holds
    /// this state. Costs what the answer holds.
    ///
    /// # Errors
    /// [`HostFailure`] if `source` fails.
    pub fn part(&self, source: &dyn StateSource, item: &Item) -> Result<Option<Part>, HostFailure> {
        Ok(match item {
            Item::Head => Some(Part::Head(ByteBuf::from(self.head().encode()))),
            Item::Records { column, after } => {
                let Some(column) = RECORDS.get(usize::from(*column)) else {
                    return Ok(None);
                };
                let after = after.as_ref().map(|after| after.as_slice());
                let Piece { values, proof } = self.piece(source, *column, after, STATE_PART_BYTES)?;
                let values = values.into_iter().map(|value| ByteBuf::from(value.to_vec())).collect();
                Some(Part::Records { values, proof: ByteBuf::from(proof.encode()) })
            }
            Item::Module { hash, offset } => {
                content(source.get(Column::Module, &key::module(hash))?, *offset)
            }
            Item::Chunk { canister, hash } => {
                content(source.get(Column::Chunk, &key::chunk(*canister, hash))?, 0)
            }
            Item::Digests { after } => Some(digests(source, *after)?),
            Item::Pages { pages } => contents(source, pages)?,
        })
    }
}

fn content(value: Option<Bytes>, offset: u64) -> Option<Part> {
    let value = value?;
    let rest = value.get(usize::try_from(offset).ok()?..)?;
    let bytes = ByteBuf::from(rest.get(..STATE_PART_BYTES).unwrap_or(rest));
    Some(Part::Content { total: value.len() as u64, bytes })
}

/// Whole runs of the column, each entry as long as the next, so that only the last part is short.
fn digests(source: &dyn StateSource, after: Option<PageName>) -> Result<Part, HostFailure> {
    let first =
        after.map_or_else(Vec::new, |(volume, index)| [key::page(volume, index).as_slice(), &[0]].concat());
    // An entry on disk is no longer than one in the answer.
    let found = source.scan_from(Column::PageDigest, &first, STATE_PART_BYTES)?;
    let mut entries = Vec::with_capacity(STATE_PART_BYTES.saturating_add(ENTRY_BYTES));
    for (key, digest) in found {
        if entries.len() >= STATE_PART_BYTES {
            break;
        }
        entries.extend_from_slice(&key);
        entries.extend_from_slice(if digest.is_empty() { &[0; 32] } else { &digest });
    }
    Ok(Part::Digests(ByteBuf::from(entries)))
}

fn contents(source: &dyn StateSource, pages: &[PageName]) -> Result<Option<Part>, HostFailure> {
    if pages.len() > STATE_PART_PAGES {
        return Ok(None);
    }
    let keys: Vec<_> = pages.iter().map(|(volume, index)| key::page(*volume, *index)).collect();
    let mut contents = Vec::with_capacity(keys.len().saturating_mul(PAGE_BYTES));
    for page in source.get_many(Column::Page, &keys)? {
        match page {
            Some(page) => contents.extend_from_slice(&page),
            None => return Ok(None),
        }
    }
    Ok(Some(Part::Pages(ByteBuf::from(contents))))
}
