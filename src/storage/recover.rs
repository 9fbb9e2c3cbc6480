//! What a restart finds.

use super::schema::{self, Family, meta};
use super::{Columns, StorageError, decoded, journal};
use crate::encoding::record;
use crate::types::*;
use bytes::Bytes;
use std::sync::Arc;

/// A finalized block with its hash and beacon.
type Link = (Digest, Arc<Block>, RandomBeacon);

/// Rule 6.
pub(super) fn recover(columns: &impl Columns) -> Result<Recovered, StorageError> {
    let executed = journal::executed(columns)?;
    let tip = journal::tip(columns)?;
    let height = executed.map_or(Height::ZERO, |(height, _)| height);
    let finalized = tip.as_ref().map_or(Height::ZERO, |tip| tip.height);
    if finalized < height {
        return Err(StorageError::Ahead { executed: height, finalized });
    }
    let view = tip.as_ref().map_or(View::ZERO, |tip| tip.beacon.view);
    Ok(Recovered {
        executed: height,
        root: executed.map(|(_, root)| root),
        certification: journal::certification(columns)?,
        finalized: chain(columns, height.max(Height(1)), finalized)?,
        finalization: tip.map(|tip| tip.finalization),
        proposals: proposals(columns, view)?,
        notarizations: above(columns, Family::Notarization, view, record::decode_notarization)?,
        nullifications: above(columns, Family::Nullification, view, record::decode_nullification)?,
        votes: above(columns, Family::Vote, view, record::decode_vote)?,
        executed_requests: Vec::new(),
        votes_lost: columns.get(Family::Meta, meta::AMNESIA)?.is_some(),
        votes_lost_until: recollected(columns)?,
        succession: None,
    })
}

/// Up to which view votes may have been lost with an earlier disk.
fn recollected(columns: &impl Columns) -> Result<View, StorageError> {
    let Some(value) = columns.get(Family::Meta, meta::RECOLLECTED)? else {
        return Ok(View::ZERO);
    };
    let until = <[u8; 8]>::try_from(value.as_ref()).map(u64::from_be_bytes);
    until.map(View).map_err(|_| StorageError::damaged(Family::Meta, meta::RECOLLECTED, "wrong length"))
}

/// The block with this hash, and its size on disk.
pub(super) fn block(columns: &impl Columns, hash: &Digest) -> Result<(Arc<Block>, usize), StorageError> {
    let value = columns.required(Family::Block, &hash.0)?;
    let size = value.len();
    let block = decoded(Family::Block, &hash.0, value, record::decode_block)?;
    Ok((Arc::new(block), size))
}

/// What is recorded of a finalized height.
pub(super) fn finalized(columns: &impl Columns, height: Height) -> Result<record::Finalized, StorageError> {
    let key = schema::height_key(height);
    let value = columns.required(Family::Finalized, &key)?;
    let entry = decoded(Family::Finalized, &key, value, record::decode_finalized)?;
    match entry.height == height {
        true => Ok(entry),
        false => Err(StorageError::damaged(Family::Finalized, &key, "names another height")),
    }
}

/// Finalized blocks from `first` to `last`, each linked to the one before.
fn chain(columns: &impl Columns, first: Height, last: Height) -> Result<Vec<Link>, StorageError> {
    let mut links: Vec<Link> = Vec::new();
    for height in (first.0..=last.0).map(Height) {
        let entry = finalized(columns, height)?;
        let (block, _) = block(columns, &entry.hash)?;
        let linked = links.last().is_none_or(|(hash, ..)| block.parent == *hash);
        if block.height != height || block.view != entry.beacon.view || !linked {
            return Err(StorageError::damaged(Family::Block, &entry.hash.0, "not of this chain"));
        }
        links.push((entry.hash, block, entry.beacon));
    }
    Ok(links)
}

/// All values of a family in views above `view`.
fn above<T>(
    columns: &impl Columns,
    family: Family,
    view: View,
    decode: impl Fn(Bytes) -> Result<T, crate::encoding::DecodeError>,
) -> Result<Vec<T>, StorageError> {
    let entries = columns.range(family, &schema::view_key(view.next()), usize::MAX)?;
    let value = |(key, value): (Vec<u8>, Bytes)| decoded(family, &key, value, &decode);
    entries.into_iter().map(value).collect()
}

fn proposals(columns: &impl Columns, view: View) -> Result<Vec<(Digest, Arc<Proposal>)>, StorageError> {
    let entries = columns.range(Family::Proposal, &schema::view_key(view.next()), usize::MAX)?;
    let proposal = |(key, value): (Vec<u8>, Bytes)| {
        let wrong = || StorageError::damaged(Family::Proposal, &key, "key or signature length");
        let hash = schema::proposal_hash(&key).ok_or_else(wrong)?;
        let signature = value.as_ref().try_into().map_err(|_| wrong())?;
        let (block, _) = block(columns, &hash)?;
        let block = Arc::unwrap_or_clone(block);
        Ok((hash, Arc::new(Proposal { block, signature: NodeSignature(signature) })))
    };
    entries.into_iter().map(proposal).collect()
}
