//! A state that was fetched from peers takes the place of the own one (preface, rules 8 and 9).

use super::schema::{self, BY_VIEW, Family, meta};
use super::{Batch, Columns, StorageError, journal, recover};
use crate::encoding::record;
use crate::types::*;

/// The chain of a directory that holds the state of `package`'s first block, and nothing of consensus yet: that block
/// alone. Those above it, which prove that it is final, may be void, if its epoch ends among them; they are fetched.
/// `package` was verified.
pub(super) fn adoption(package: &ChainSegment) -> Batch {
    // What an adoption that a crash cut short left behind would be a hole in the chain, or damage.
    let dropped = vec![(Family::Block, Vec::new()), (Family::Finalized, Vec::new())];
    let mut batch = Batch { dropped, writes: Vec::new() };
    let child = package.blocks.get(1).map(|(block, _)| block.parent);
    let hash = child.unwrap_or(package.finalization.block);
    if let Some((block, beacon)) = package.blocks.first() {
        let (height, beacon, finalization) = (block.height, *beacon, package.finalization);
        let entry = record::Finalized { height, hash, beacon, finalization };
        batch.put(Family::Block, hash.0, record::encode_block(block));
        batch.put(Family::Finalized, schema::height_key(height), record::encode_finalized(&entry));
    }
    if let Some(certification) = &package.certification {
        let executed = [certification.height.0.to_be_bytes().as_slice(), &certification.root.0.0].concat();
        batch.put(Family::Meta, meta::EXECUTED, executed);
        batch.put(Family::Meta, meta::CERTIFICATION, record::encode_certification(certification));
    }
    batch
}

/// What must not be forgotten of `from` when `to` takes its place: the chain above `to`'s with what proves its end,
/// and everything of the views that are not final, own votes above all. `None` if `from` has executed as much as `to`, or more.
pub(super) fn carried(from: &impl Columns, to: &impl Columns) -> Result<Option<Batch>, StorageError> {
    if executed_of(from)? >= executed_of(to)? {
        return Ok(None);
    }
    let mut batch = Batch::default();
    let (own, new) = (journal::tip(from)?, journal::tip(to)?);
    let height = |tip: &Option<record::Finalized>| tip.as_ref().map_or(Height::ZERO, |tip| tip.height);
    for height in (height(&new).0.saturating_add(1)..=height(&own).0).map(Height) {
        let entry = recover::finalized(from, height)?;
        copy(from, Family::Block, &entry.hash.0, &mut batch)?;
        copy(from, Family::Finalized, &schema::height_key(height), &mut batch)?;
    }
    let view = [&own, &new].into_iter().flatten().map(|tip| tip.beacon.view).max().unwrap_or_default();
    for family in BY_VIEW {
        for (key, value) in from.range(family, &schema::view_key(view.next()), usize::MAX)? {
            if let (Family::Proposal, Some(hash)) = (family, schema::proposal_hash(&key)) {
                copy(from, Family::Block, &hash.0, &mut batch)?;
            }
            batch.put(family, key, value);
        }
    }
    if from.get(Family::Meta, meta::AMNESIA)?.is_some() {
        batch.put(Family::Meta, meta::AMNESIA, Vec::new());
    }
    for key in [meta::RECOLLECTED, meta::VOID] {
        if let Some(value) = from.get(Family::Meta, key)? {
            batch.put(Family::Meta, key, value);
        }
    }
    Ok(Some(batch))
}

fn executed_of(columns: &impl Columns) -> Result<Height, StorageError> {
    Ok(journal::executed(columns)?.map_or(Height::ZERO, |(height, _)| height))
}

fn copy(from: &impl Columns, family: Family, key: &[u8], batch: &mut Batch) -> Result<(), StorageError> {
    batch.put(family, key, from.required(family, key)?);
    Ok(())
}

/// Deletes up to `limit` finalized blocks below `below`, oldest first; and how many they are.
pub(super) fn purge(
    columns: &impl Columns,
    below: Height,
    limit: usize,
) -> Result<(Batch, usize), StorageError> {
    let mut batch = Batch::default();
    let mut purged = 0usize;
    for (key, value) in columns.range(Family::Finalized, &[], limit)? {
        let entry = super::decoded(Family::Finalized, &key, value, record::decode_finalized)?;
        if entry.height >= below {
            break;
        }
        batch.delete(Family::Block, entry.hash.0);
        batch.delete(Family::Finalized, key);
        purged = purged.saturating_add(1);
    }
    Ok((batch, purged))
}
