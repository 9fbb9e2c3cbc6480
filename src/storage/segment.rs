//! Finalized blocks for a replica that lags.

use super::schema::{self, Family};
use super::{Columns, StorageError, journal, recover};
use crate::types::*;
use std::sync::Arc;

/// The finalized blocks from `from` on, and void ones if only they prove that the last is final.
/// The run ends at the last height within the limits whose finalization names it; if there is none,
/// at the first one beyond them that still fits a message. `None` if `from` is not final here, or
/// purged, or no such run fits.
pub(super) fn chain_segment(
    columns: &impl Columns,
    from: Height,
) -> Result<Option<ChainSegment>, StorageError> {
    let from = from.max(Height(1));
    if first(columns)?.is_none_or(|first| from < first) {
        return Ok(None);
    }
    let tip = journal::tip(columns)?.map_or(Height::ZERO, |tip| tip.height);
    let mut run = Run::default();
    for height in (from.0..=tip.0).map(Height) {
        if !run.take(columns, height)? {
            break;
        }
    }
    run.prove_end(columns, tip)?;
    let Some((count, finalization)) = run.end else {
        return Ok(None);
    };
    run.blocks.truncate(count);
    let certification = journal::certification(columns)?;
    let certification = certification.filter(|certification| certification.height >= from);
    Ok(Some(ChainSegment { blocks: run.blocks, finalization, certification }))
}

/// The catch-up package of the height that `certification` certifies: its block, those up to the next one that a
/// finalization names, and that. `None` if the height is not final here, or the run does not fit a message.
pub(super) fn package(
    columns: &impl Columns,
    certification: Certification,
) -> Result<Option<ChainSegment>, StorageError> {
    let tip = journal::tip(columns)?.map_or(Height::ZERO, |tip| tip.height);
    if first(columns)?.is_none_or(|first| certification.height < first) {
        return Ok(None);
    }
    let mut run = Run::default();
    let mut heights = (certification.height.0..=tip.0).map(Height);
    while run.end.is_none() {
        match heights.next() {
            Some(height) if run.take(columns, height)? => {}
            _ => return Ok(None),
        }
    }
    let finalization = run.end.map(|(_, finalization)| finalization);
    let segment =
        |finalization| ChainSegment { blocks: run.blocks, finalization, certification: Some(certification) };
    Ok(finalization.map(segment))
}

/// The lowest finalized height that is not purged.
pub(super) fn first(columns: &impl Columns) -> Result<Option<Height>, StorageError> {
    let first = columns.range(Family::Finalized, &[], 1)?.into_iter().next();
    Ok(first.and_then(|(key, _)| schema::leading_number(&key)).map(Height))
}

#[derive(Default)]
struct Run {
    /// Hash of the last block.
    last: Digest,
    blocks: Vec<(Arc<Block>, RandomBeacon)>,
    bytes: usize,
    /// How many of the blocks make a segment, and the finalization that names the last of them.
    end: Option<(usize, Finalization)>,
}

impl Run {
    /// Adds the block at `height`; false when the segment is complete without it.
    fn take(&mut self, columns: &impl Columns, height: Height) -> Result<bool, StorageError> {
        let entry = recover::finalized(columns, height)?;
        let (block, size) = recover::block(columns, &entry.hash)?;
        let (count, bytes) = (self.blocks.len() + 1, self.bytes + size);
        let within = count <= limits::CHAIN_SEGMENT_BLOCKS_MAX && bytes <= limits::CHAIN_SEGMENT_BYTES_MAX;
        let fits = count <= limits::CHAIN_LINKS_MAX && bytes <= limits::PEER_MESSAGE_BYTES_MAX / 8 * 7;
        if !fits || (!within && self.end.is_some()) {
            return Ok(false);
        }
        self.blocks.push((block, entry.beacon));
        self.bytes = bytes;
        if entry.finalization.block == entry.hash {
            self.end = Some((count, entry.finalization));
        }
        self.last = entry.hash;
        Ok(true)
    }

    /// The last block of an epoch may be final by a void one alone.
    fn prove_end(&mut self, columns: &impl Columns, tip: Height) -> Result<(), StorageError> {
        let whole = self.blocks.last().is_some_and(|(block, _)| block.height == tip);
        if !whole || self.end.is_some_and(|(count, _)| count == self.blocks.len()) {
            return Ok(());
        }
        let void = journal::void(columns)?;
        let follows = |void: &ChainSegment| {
            void.blocks.first().is_some_and(|(block, _)| block.parent == self.last)
                && self.blocks.len() + void.blocks.len() <= limits::CHAIN_LINKS_MAX
        };
        if let Some(void) = void.filter(follows) {
            self.blocks.extend(void.blocks);
            self.end = Some((self.blocks.len(), void.finalization));
        }
        Ok(())
    }
}
