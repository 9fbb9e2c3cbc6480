//! Records become writes; what a finalized height makes obsolete is deleted in the same batch.

use super::schema::{self, BY_VIEW, Family, meta};
use super::{Batch, Columns, StorageError, decoded};
use crate::encoding::record;
use crate::state::StateDelta;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::collections::BTreeMap;

/// What must be known of the disk to write to it.
#[derive(Clone, Default, Debug)]
pub(super) struct Journal {
    /// The finalized tip and its view.
    finalized: Option<(Height, View)>,
    certified: Option<Height>,
    executed: Option<Height>,
    /// Keys of the families in [`BY_VIEW`] whose view is not final.
    open: BTreeMap<View, Vec<(Family, Vec<u8>)>>,
}

fn state_batch(delta: &StateDelta, root: StateRoot) -> Batch {
    let mut batch = Batch::default();
    let dropped = delta.dropped.iter();
    batch.dropped.extend(dropped.map(|(column, prefix)| (Family::State(*column), prefix.clone())));
    for write in &delta.writes {
        batch.writes.push((Family::State(write.column), write.key.clone(), write.value.clone()));
    }
    let executed = [delta.height.0.to_be_bytes().as_slice(), &root.0.0].concat();
    batch.put(Family::Meta, meta::EXECUTED, executed);
    batch
}

impl Journal {
    /// Reads the journal's state from disk.
    pub(super) fn load(columns: &impl Columns) -> Result<Journal, StorageError> {
        let mut journal = Journal::default();
        for family in BY_VIEW {
            for (key, _) in columns.range(family, &[], usize::MAX)? {
                let short = || StorageError::damaged(family, &key, "the key is too short");
                let view = View(schema::leading_number(&key).ok_or_else(short)?);
                journal.open.entry(view).or_default().push((family, key));
            }
        }
        journal.finalized = tip(columns)?.map(|tip| (tip.height, tip.beacon.view));
        journal.certified = certification(columns)?.map(|certification| certification.height);
        journal.executed = executed(columns)?.map(|(height, _)| height);
        Ok(journal)
    }

    /// The writes for `records`, in their order.
    pub(super) fn persist(&mut self, records: &[Record]) -> Result<Batch, StorageError> {
        let mut batch = Batch::default();
        for record in records {
            self.add(record, &mut batch)?;
        }
        Ok(batch)
    }

    /// The writes for an executed height.
    pub(super) fn commit(&mut self, delta: &StateDelta, root: StateRoot) -> Result<Batch, StorageError> {
        let follows = match self.executed {
            Some(last) => delta.height == last.next(),
            None => delta.height <= Height(1),
        };
        if !follows {
            let last = self.executed.unwrap_or_default();
            return Err(StorageError::Order { what: "committed height", last, got: delta.height });
        }
        self.executed = Some(delta.height);
        Ok(state_batch(delta, root))
    }

    /// The writes that change the state of the last executed height in place.
    pub(super) fn amend(&self, delta: &StateDelta, root: StateRoot) -> Result<Batch, StorageError> {
        let last = self.executed.unwrap_or_default();
        if delta.height != last {
            return Err(StorageError::Order { what: "amended height", last, got: delta.height });
        }
        Ok(state_batch(delta, root))
    }

    fn add(&mut self, record: &Record, batch: &mut Batch) -> Result<(), StorageError> {
        match record {
            Record::Vote(vote) => {
                let (key, value) = (schema::vote_key(vote), record::encode_vote(vote));
                self.put_by_view(Family::Vote, vote.view(), key, value, batch);
            }
            Record::Proposal { hash, proposal } => {
                let (view, signature) = (proposal.block.view, proposal.signature.0.to_vec());
                batch.put(Family::Block, hash.0, record::encode_block(&proposal.block));
                let key = schema::proposal_key(view, hash);
                self.put_by_view(Family::Proposal, view, key, signature, batch);
            }
            Record::Block { hash, block } => {
                batch.put(Family::Block, hash.0, record::encode_block(block));
            }
            Record::Notarization(notarization, beacon) => {
                let value = record::encode_notarization(notarization, beacon);
                let key = schema::view_key(notarization.view);
                self.put_by_view(Family::Notarization, notarization.view, key, value, batch);
            }
            Record::Nullification(nullification, beacon) => {
                let value = record::encode_nullification(nullification, beacon);
                let key = schema::view_key(nullification.view);
                self.put_by_view(Family::Nullification, nullification.view, key, value, batch);
            }
            Record::Finalized { height, hash, beacon, finalization } => {
                let (hash, beacon, finalization) = (*hash, *beacon, *finalization);
                let entry = record::Finalized { height: *height, hash, beacon, finalization };
                self.finalize(&entry, batch)?;
            }
            Record::Recollected { until } => {
                batch.delete(Family::Meta, meta::AMNESIA);
                batch.put(Family::Meta, meta::RECOLLECTED, schema::view_key(*until));
            }
            Record::Void { blocks, finalization } => {
                batch.put(Family::Meta, meta::VOID, record::encode_void(blocks, finalization));
            }
            Record::Certification(certification) => {
                if self.certified.is_none_or(|certified| certified < certification.height) {
                    self.certified = Some(certification.height);
                    let value = record::encode_certification(certification);
                    batch.put(Family::Meta, meta::CERTIFICATION, value);
                }
            }
        }
        Ok(())
    }

    /// Notes the key for deletion, unless its view is final already: then nobody will ask for it.
    fn put_by_view(&mut self, family: Family, view: View, key: Vec<u8>, value: Vec<u8>, batch: &mut Batch) {
        if self.finalized.is_some_and(|(_, finalized)| view <= finalized) {
            return;
        }
        let keys = self.open.entry(view).or_default();
        let entry = (family, key.clone());
        if !keys.contains(&entry) {
            keys.push(entry);
        }
        batch.put(family, key, value);
    }

    /// Rule 5.
    fn finalize(&mut self, entry: &record::Finalized, batch: &mut Batch) -> Result<(), StorageError> {
        let last = self.finalized.map_or(Height::ZERO, |(height, _)| height);
        if entry.height > last.next() || entry.height == Height::ZERO {
            let got = entry.height;
            return Err(StorageError::Order { what: "finalized height", last, got });
        }
        let value = record::encode_finalized(entry);
        batch.put(Family::Finalized, schema::height_key(entry.height), value);
        if entry.height > last {
            self.finalized = Some((entry.height, entry.beacon.view));
            self.close(entry.beacon.view, &entry.hash, batch);
        }
        Ok(())
    }

    /// Deletes what belongs to `view` and those below; blocks too, but not the final one.
    fn close(&mut self, view: View, finalized: &Digest, batch: &mut Batch) {
        let above = self.open.split_off(&view.next());
        for (family, key) in std::mem::replace(&mut self.open, above).into_values().flatten() {
            let loser = schema::proposal_hash(&key).filter(|hash| hash != finalized);
            if let (Family::Proposal, Some(hash)) = (family, loser) {
                batch.delete(Family::Block, hash.0);
            }
            batch.delete(family, key);
        }
        if planted(Bug::VotesPurgedEarly) {
            let next = self.open.get(&view.next()).into_iter().flatten();
            next.filter(|(family, _)| *family == Family::Vote)
                .for_each(|(family, key)| batch.delete(*family, key.clone()));
        }
    }
}

/// The greatest finalized height.
pub(super) fn tip(columns: &impl Columns) -> Result<Option<record::Finalized>, StorageError> {
    let Some((key, value)) = columns.last(Family::Finalized)? else {
        return Ok(None);
    };
    decoded(Family::Finalized, &key, value, record::decode_finalized).map(Some)
}

/// The newest certification.
pub(super) fn certification(columns: &impl Columns) -> Result<Option<Certification>, StorageError> {
    let Some(value) = columns.get(Family::Meta, meta::CERTIFICATION)? else {
        return Ok(None);
    };
    let decode = record::decode_certification;
    decoded(Family::Meta, meta::CERTIFICATION, value, decode).map(Some)
}

/// What an ended epoch built on top of its last block, and the finalization that names the last of it.
pub(super) fn void(columns: &impl Columns) -> Result<Option<ChainSegment>, StorageError> {
    let Some(value) = columns.get(Family::Meta, meta::VOID)? else {
        return Ok(None);
    };
    decoded(Family::Meta, meta::VOID, value, record::decode_void).map(Some)
}

/// The last committed height and its root.
pub(super) fn executed(columns: &impl Columns) -> Result<Option<(Height, StateRoot)>, StorageError> {
    let Some(value) = columns.get(Family::Meta, meta::EXECUTED)? else {
        return Ok(None);
    };
    let parts = value.split_first_chunk().and_then(|(height, root)| {
        let root: [u8; 32] = root.try_into().ok()?;
        Some((Height(u64::from_be_bytes(*height)), StateRoot(Digest(root))))
    });
    let wrong = || StorageError::damaged(Family::Meta, meta::EXECUTED, "expected 40 bytes");
    parts.ok_or_else(wrong).map(Some)
}
