//! Sends contents into a batch, side by side and in messages that are full, and commits them (rules 8 to 10 of the
//! room).

use super::canister::{AssetCanister, CallError};
use super::encode::{self, Content, ContentError, Contents, Encoding, PIECE_BYTES, PiecesOf};
use super::folder::Asset;
use super::journal::{Journal, PieceName};
use super::plan::{self, Change, Place};
use super::wire::Limits;
use super::{Progress, SyncError};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Calls on their way at once, each with up to [`PIECE_BYTES`].
const CALLS_PARALLEL: usize = 8;
/// Pieces in one call.
const CALL_PIECES_MAX: usize = 500;
/// What waits in the canister to be committed: its memory holds this beside what it serves.
const STAGED_BYTES_MAX: u64 = 1 << 30;
/// Pieces of a large file that are read ahead.
const READ_AHEAD: usize = 2;

struct Piece {
    name: PieceName,
    bytes: Vec<u8>,
}

/// Pieces that a call brought to the canister.
struct Arrived {
    pieces: Vec<PieceName>,
    ids: Vec<u64>,
    bytes: u64,
}

/// One batch after the other.
pub struct Stage<'a> {
    canister: &'a AssetCanister,
    journal: Journal,
    /// Known once there is something to send.
    limits: Option<Limits>,
    batch: Option<u64>,
    changes: Vec<Change>,
    bytes: u64,
    pieces: u64,
    ids: BTreeMap<Place, Vec<u64>>,
    waiting: Vec<Piece>,
    waiting_bytes: usize,
    calls: JoinSet<Result<Arrived, CallError>>,
}

impl<'a> Stage<'a> {
    pub fn new(canister: &'a AssetCanister, journal: Journal) -> Stage<'a> {
        Stage {
            canister,
            journal,
            limits: None,
            batch: None,
            changes: Vec::new(),
            bytes: 0,
            pieces: 0,
            ids: BTreeMap::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            calls: JoinSet::new(),
        }
    }

    /// Takes a change in; its contents are on their way when this returns.
    ///
    /// # Errors
    /// [`SyncError`].
    pub async fn take(
        &mut self,
        change: Change,
        source: Option<(&Asset, Contents)>,
        progress: &mut Progress<'_>,
    ) -> Result<(), SyncError> {
        if let Some((asset, mut contents)) = source.filter(|_| !change.contents.is_empty()) {
            self.make_room(&change, progress).await?;
            for (encoding, content) in &change.contents {
                let place = change.place(*encoding);
                let count = usize::try_from(encode::pieces(content.length)).unwrap_or(usize::MAX);
                self.ids.insert(place.clone(), vec![0; count]);
                match contents.remove(encoding).and_then(|found| found.whole) {
                    Some(bytes) => self.send(place, 0, bytes, progress).await?,
                    None => self.stream(asset, place, *content, progress).await?,
                }
            }
        }
        self.changes.push(change);
        Ok(())
    }

    /// Commits what is full, and begins a batch where none is.
    async fn make_room(&mut self, change: &Change, progress: &mut Progress<'_>) -> Result<(), SyncError> {
        let limits = match self.limits {
            Some(limits) => limits,
            None => self.canister.limits().await?,
        };
        self.limits = Some(limits);
        let bytes_max = limits.max_bytes.unwrap_or(u64::MAX).min(STAGED_BYTES_MAX);
        let pieces_max = limits.max_chunks.unwrap_or(u64::MAX);
        let (bytes, pieces) = (change.bytes(), change.pieces());
        if limits.max_bytes.is_some_and(|most| bytes > most) || pieces > pieces_max {
            return Err(SyncError::TooLarge { key: change.key.clone(), bytes, pieces });
        }
        let full =
            self.bytes.saturating_add(bytes) > bytes_max || self.pieces.saturating_add(pieces) > pieces_max;
        if full && self.pieces > 0 {
            self.commit(progress).await?;
        }
        if self.batch.is_none() {
            self.batch = Some(self.open().await?);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.pieces = self.pieces.saturating_add(pieces);
        Ok(())
    }

    /// The batch of the journal if the canister still has it, a new one otherwise.
    async fn open(&mut self) -> Result<u64, SyncError> {
        if let Some(batch) = self.journal.pages.batch {
            match self.canister.create_chunks(batch, vec![ByteBuf::new()]).await {
                // A canister that was emptied since counts anew.
                Ok(ids) if ids.iter().all(|id| self.journal.pages.are_before(*id)) => return Ok(batch),
                Ok(_) => {}
                Err(error) if error.is_refusal() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let batch = self.canister.create_batch().await?;
        self.journal.begin(batch)?;
        Ok(batch)
    }

    /// Reads a file once more and sends it piece by piece.
    async fn stream(
        &mut self,
        asset: &Asset,
        place: Place,
        content: Content,
        progress: &mut Progress<'_>,
    ) -> Result<(), SyncError> {
        let (sender, mut pieces) = mpsc::channel(READ_AHEAD);
        let (path, bytes, encoding) = (asset.path.clone(), asset.bytes, place.encoding);
        let reader = tokio::task::spawn_blocking(move || {
            read_pieces(&path, bytes, encoding, &sender)
                .map_err(|source| ContentError::Read { path: path.clone(), source })
        });
        let mut index = 0;
        while let Some(bytes) = pieces.recv().await {
            self.send(place.clone(), index, bytes, progress).await?;
            index += 1;
        }
        let read = reader.await.map_err(|error| SyncError::Task(error.to_string()))??;
        match read == content {
            true => Ok(()),
            false => Err(ContentError::Changed(asset.path.clone()).into()),
        }
    }

    /// Puts a piece on its way, unless the canister has it.
    async fn send(
        &mut self,
        place: Place,
        index: u64,
        bytes: Vec<u8>,
        progress: &mut Progress<'_>,
    ) -> Result<(), SyncError> {
        let name = PieceName { place, index, sha256: Sha256::digest(&bytes).into() };
        if let Some(id) = self.journal.pages.chunk(&name) {
            self.found(&name, id);
            progress.counts.resumed_bytes += bytes.len() as u64;
            progress.show();
            return Ok(());
        }
        let full = self.waiting_bytes + bytes.len() > PIECE_BYTES;
        if full || self.waiting.len() == CALL_PIECES_MAX {
            self.dispatch(progress).await?;
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push(Piece { name, bytes });
        Ok(())
    }

    /// Notes the canister's id of a piece. A file that grew has more pieces than were counted; it is refused later.
    fn found(&mut self, piece: &PieceName, id: u64) {
        let slots = self.ids.get_mut(&piece.place);
        let index = usize::try_from(piece.index).unwrap_or(usize::MAX);
        if let Some(slot) = slots.and_then(|slots| slots.get_mut(index)) {
            *slot = id;
        }
    }

    /// Sends what waits, once there is a call to spare.
    async fn dispatch(&mut self, progress: &mut Progress<'_>) -> Result<(), SyncError> {
        let Some(batch) = self.batch.filter(|_| !self.waiting.is_empty()) else { return Ok(()) };
        while self.calls.len() >= CALLS_PARALLEL {
            self.settle_one(progress).await?;
        }
        let bytes = self.waiting_bytes as u64;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (pieces, content): (Vec<_>, Vec<_>) =
            waiting.map(|piece| (piece.name, ByteBuf::from(piece.bytes))).unzip();
        self.waiting_bytes = 0;
        let canister = self.canister.clone();
        self.calls.spawn(async move {
            let ids = canister.create_chunks(batch, content).await?;
            Ok(Arrived { pieces, ids, bytes })
        });
        Ok(())
    }

    async fn settle_one(&mut self, progress: &mut Progress<'_>) -> Result<(), SyncError> {
        let Some(settled) = self.calls.join_next().await else { return Ok(()) };
        let settled = settled.map_err(|error| SyncError::Task(error.to_string()))?;
        let Arrived { pieces, ids, bytes } = self.refusal_ends_batch(settled)?;
        self.journal.keep(&pieces, &ids)?;
        pieces.iter().zip(&ids).for_each(|(piece, id)| self.found(piece, *id));
        progress.counts.sent_bytes += bytes;
        progress.show();
        Ok(())
    }

    /// A canister that says no would say it again: the next upload begins anew.
    fn refusal_ends_batch<T>(&mut self, result: Result<T, CallError>) -> Result<T, SyncError> {
        if let Err(error) = &result
            && error.is_refusal()
        {
            self.journal.forget()?;
        }
        Ok(result?)
    }

    /// Waits for everything that is on its way, and makes the changes that were taken in.
    ///
    /// # Errors
    /// [`SyncError`].
    pub async fn commit(&mut self, progress: &mut Progress<'_>) -> Result<(), SyncError> {
        self.dispatch(progress).await?;
        while !self.calls.is_empty() {
            self.settle_one(progress).await?;
        }
        let changes = std::mem::take(&mut self.changes);
        let mut commits = plan::commits(changes.into_iter().map(|change| change.operations(&self.ids)));
        let last = commits.pop();
        for operations in commits {
            let keys = operations.iter().map(|operation| operation.key().to_string()).collect();
            let done = self.canister.commit(None, operations).await;
            self.refusal_ends_batch(done)?;
            self.journal.set(keys)?;
            progress.counts.commits += 1;
        }
        if let Some(operations) = last {
            let done = self.canister.commit(self.batch, operations).await;
            self.refusal_ends_batch(done)?;
            progress.counts.commits += 1;
        }
        if self.batch.take().is_some() {
            self.journal.forget()?;
        }
        self.ids.clear();
        (self.bytes, self.pieces) = (0, 0);
        progress.show();
        Ok(())
    }
}

fn read_pieces(
    path: &Path,
    bytes: u64,
    encoding: Encoding,
    sender: &mpsc::Sender<Vec<u8>>,
) -> std::io::Result<Content> {
    let mut pieces = PiecesOf::new(encode::open(path, bytes, encoding)?);
    while let Some(piece) = pieces.next_piece()? {
        // Nobody waits for it any more: the upload failed elsewhere.
        if sender.blocking_send(piece).is_err() {
            break;
        }
    }
    Ok(pieces.content())
}
