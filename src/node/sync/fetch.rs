//! One state, part by part: what is to be asked for next, and whether what came is right.
//!
//! 1. Head, records, then what the records name: modules and chunks, digests of pages, pages. A stage ends
//!    when all its parts are there; within it they come in any order, from any peer.
//! 2. Records and digests are fetched anew at each beginning: they are some hundredth of the state. Modules,
//!    chunks and pages that a crash or another fetch left are kept if they have the right digest, and so
//!    are those of the replica's own state.
//! 3. Parts that are right only together (slices of a module, the digests of all memories) are a *sequence*: they come
//!    from one peer; if it does not help to the end they are begun again. Before that shows whether they are right, they
//!    are full but for the last, and not more than the records say that there can be.

use super::Offer;
use super::task::{Task, What};
use crate::certification::HashTree;
use crate::crypto::hash::sha256;
use crate::execution::module_record;
use crate::node::NodeError;
use crate::state::record::{self, key};
use crate::state::transfer::{self, Needs, PageName, Part, RECORDS, check, digest_of, read_digests};
use crate::state::{Column, HostFailure, StateSource, VolumeId, Write, page_map};
use crate::storage::Rocks;
use crate::types::limits::{CHUNK_BYTES_MAX, PAGE_BYTES, STATE_PART_BYTES, STATE_PART_PAGES};
use crate::types::*;
use crate::wasm::Engine;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What became of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Kept,
    /// Its sender is wrong.
    Flaw,
    /// The certified root is of another height than the package says, or of another block of this height: nothing of it is
    /// of use.
    Void,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Head,
    Records(u8),
    Blobs,
    Digests,
    Pages,
    Complete,
}

/// A fetch under way.
pub struct Fetch {
    shelf: Arc<Rocks>,
    /// The replica's own state.
    own: Arc<dyn StateSource>,
    engine: Arc<Engine>,
    offer: Offer,
    stage: Stage,
    todo: VecDeque<Task>,
    under_way: usize,
    /// Of all records.
    digest: Digest,
    needs: Needs,
    /// Of `needs`, with the number of pages above which they have no entry.
    volumes: BTreeMap<VolumeId, u64>,
    /// Pages were there at the beginning.
    resumed: bool,
    /// Up to where it is known which pages are missing; `None` when all are.
    listed: Option<Vec<u8>>,
    /// Bytes that came, and that were there.
    pub fetched: u64,
    pub reused: u64,
}

impl Fetch {
    /// Begins to fetch this state into `shelf`.
    ///
    /// # Errors
    /// The disk fails.
    pub fn begin(
        shelf: Arc<Rocks>,
        own: Arc<dyn StateSource>,
        engine: Arc<Engine>,
        offer: Offer,
    ) -> Result<Fetch, NodeError> {
        let anew = [Column::Subnet, Column::Canister, Column::History, Column::PageDigest];
        shelf.grow(&anew.map(|column| (column, Vec::new())), Vec::new())?;
        let left = |column| shelf.source().scan_from(column, &[], 1).map(|found| !found.is_empty());
        let resumed = left(Column::Page)? || left(Column::Module)? || left(Column::Chunk)?;
        Ok(Fetch {
            shelf,
            own,
            engine,
            offer,
            stage: Stage::Head,
            todo: VecDeque::from([Task::new(What::Head)]),
            under_way: 0,
            digest: Digest::ZERO,
            needs: Needs::default(),
            volumes: BTreeMap::new(),
            resumed,
            listed: None,
            fetched: 0,
            reused: 0,
        })
    }

    /// What is being fetched, in a word.
    pub fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Head | Stage::Records(_) => "records",
            Stage::Blobs => "modules",
            Stage::Digests => "digests",
            Stage::Pages | Stage::Complete => "pages",
        }
    }

    /// Whether everything is there.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Complete
    }

    /// Something to ask `peer` for; `None` if nothing is to be asked of it now.
    ///
    /// # Errors
    /// The disk fails.
    pub fn next(&mut self, peer: NodeIndex) -> Result<Option<Task>, NodeError> {
        loop {
            let fits = |task: &Task| task.only.is_none_or(|only| only == peer);
            if let Some(place) = self.todo.iter().position(fits) {
                self.under_way = self.under_way.saturating_add(1);
                return Ok(self.todo.remove(place));
            }
            if self.listed.is_some() {
                self.list_pages()?;
                continue;
            }
            if self.under_way > 0 || !self.todo.is_empty() || self.is_complete() {
                return Ok(None);
            }
            self.advance()?;
        }
    }

    /// The task was in vain; it is to be asked of another peer.
    ///
    /// # Errors
    /// The disk fails.
    pub fn again(&mut self, task: Task) -> Result<(), NodeError> {
        self.under_way = self.under_way.saturating_sub(1);
        self.begin_anew(task)
    }

    /// This peer is not asked for a while: sequences that wait for it are begun anew.
    ///
    /// # Errors
    /// The disk fails.
    pub fn forsake(&mut self, peer: NodeIndex) -> Result<(), NodeError> {
        let (waiting, rest): (VecDeque<Task>, VecDeque<Task>) =
            self.todo.drain(..).partition(|task| task.only == Some(peer));
        self.todo = rest;
        waiting.into_iter().try_for_each(|task| self.begin_anew(task))
    }

    fn begin_anew(&mut self, task: Task) -> Result<(), NodeError> {
        self.todo.push_back(match task.what {
            What::Module { hash, .. } => Task::module(hash),
            What::Digests { .. } => {
                self.shelf.grow(&[(Column::PageDigest, Vec::new())], Vec::new())?;
                Task::new(What::Digests { after: None })
            }
            other => Task::new(other),
        });
        Ok(())
    }

    /// A part has come though it was given up: takes the task back, if nobody else was asked for it since.
    pub fn reclaim(&mut self, task: &Task) -> bool {
        let place = self.todo.iter().position(|waiting| waiting.what == task.what);
        let found = place.and_then(|place| self.todo.remove(place)).is_some();
        self.under_way = self.under_way.saturating_add(usize::from(found));
        found
    }

    /// Takes what `peer` sent for `task`. After a flaw the task is to be given to [`Fetch::again`].
    ///
    /// # Errors
    /// The disk fails.
    pub fn take(&mut self, task: &mut Task, peer: NodeIndex, part: Part) -> Result<Verdict, NodeError> {
        let mut next = None;
        let verdict = match (&mut task.what, part) {
            (What::Head, Part::Head(tree)) => self.take_head(&tree),
            (What::Records { column, after }, part @ Part::Records { .. }) => {
                self.take_records(*column, after.as_deref(), part)?
            }
            (what @ What::Module { .. }, Part::Content { total, bytes }) => {
                if !what.add_slice(total, &bytes) {
                    return Ok(Verdict::Flaw);
                }
                self.take_module(what, &mut next)?
            }
            (What::Chunk { canister, hash }, Part::Content { bytes, .. }) => {
                self.take_chunk(*canister, *hash, bytes.into_vec())?
            }
            (What::Digests { after }, Part::Digests(entries)) => {
                self.take_digests(*after, &entries, &mut next)?
            }
            (What::Pages(names), Part::Pages(pages)) => self.take_pages(names, &pages)?,
            _ => Verdict::Flaw,
        };
        if let Some(what) = next {
            self.todo.push_front(Task { what, only: Some(peer), since: task.since });
        }
        if verdict == Verdict::Kept {
            self.under_way = self.under_way.saturating_sub(1);
        }
        Ok(verdict)
    }

    fn keep(&mut self, writes: Vec<Write>) -> Result<(), NodeError> {
        let bytes = writes.iter().filter_map(|write| write.value.as_ref()).map(|value| value.len() as u64);
        self.fetched = self.fetched.saturating_add(bytes.sum());
        Ok(self.shelf.grow(&[], writes)?)
    }

    fn take_head(&mut self, tree: &[u8]) -> Verdict {
        let tree = HashTree::decode(tree).ok();
        match tree.and_then(|tree| digest_of(self.offer.root, &tree).ok()) {
            Some(digest) => self.digest = digest,
            None => return Verdict::Flaw,
        }
        Verdict::Kept
    }

    fn take_records(&mut self, column: u8, after: Option<&[u8]>, part: Part) -> Result<Verdict, NodeError> {
        let of = RECORDS.get(usize::from(column)).copied();
        let (Some(of), Some(piece)) = (of, part.piece()) else {
            return Ok(Verdict::Flaw);
        };
        let Ok(checked) = check(self.digest, of, after, &piece) else {
            return Ok(Verdict::Flaw);
        };
        let last = checked.records.last().map(|(key, _)| key.clone());
        self.keep(checked.records.into_iter().map(|(key, value)| Write::set(of, key, value)).collect())?;
        if !checked.is_last {
            self.todo.push_back(Task::new(What::Records { column, after: last }));
        } else if of == Column::Subnet && !self.is_of_its_block()? {
            return Ok(Verdict::Void);
        }
        Ok(Verdict::Kept)
    }

    /// Whether the state is that of the package's first block: by its height, and by its epoch, for the last block of an
    /// epoch may have void ones above it that prove it final, which have the heights of those of the next.
    fn is_of_its_block(&self) -> Result<bool, NodeError> {
        let here = self.shelf.source();
        let height = transfer::height(&*here)?;
        Ok(height == self.offer.height && transfer::epoch(&*here)? == self.offer.view.epoch())
    }

    /// All slices but the last leave the `next` one to be asked for.
    fn take_module(&mut self, what: &mut What, next: &mut Option<What>) -> Result<Verdict, NodeError> {
        let What::Module { hash, total, got } = what else {
            return Ok(Verdict::Flaw);
        };
        let (hash, total, content) = (*hash, *total, std::mem::take(got));
        if (content.len() as u64) < total {
            *next = Some(What::Module { hash, total, got: content });
            return Ok(Verdict::Kept);
        }
        if sha256(&content) != hash {
            return Ok(Verdict::Flaw);
        }
        let invalid =
            |error| HostFailure(format!("the installed module {hash} does not compile here: {error}"));
        let facts = self.engine.check(&content).map_err(invalid)?;
        let record = record::encode(&module_record(&content, &facts))?;
        self.keep(vec![
            Write::set(Column::Module, key::module(&hash), content),
            Write::set(Column::Module, key::module_record(&hash), record),
        ])?;
        Ok(Verdict::Kept)
    }

    fn take_chunk(
        &mut self,
        canister: CanisterId,
        hash: Digest,
        bytes: Vec<u8>,
    ) -> Result<Verdict, NodeError> {
        if bytes.len() > CHUNK_BYTES_MAX || sha256(&bytes) != hash {
            return Ok(Verdict::Flaw);
        }
        self.keep(vec![Write::set(Column::Chunk, key::chunk(canister, &hash), bytes)])?;
        Ok(Verdict::Kept)
    }

    fn take_digests(
        &mut self,
        after: Option<PageName>,
        entries: &[u8],
        next: &mut Option<What>,
    ) -> Result<Verdict, NodeError> {
        let Some((entries, is_last)) = read_digests(entries, after) else {
            return Ok(Verdict::Flaw);
        };
        let can_be = |(volume, index): &PageName| self.volumes.get(volume).is_some_and(|pages| index < pages);
        if !entries.iter().all(|(name, _)| can_be(name)) {
            return Ok(Verdict::Flaw);
        }
        let last = entries.last().map(|(name, _)| *name);
        let writes = entries.into_iter().map(|((volume, index), digest)| {
            let digest = digest.map(|digest| Bytes::copy_from_slice(&digest.0)).unwrap_or_default();
            Write::set(Column::PageDigest, key::page(volume, index), digest)
        });
        self.keep(writes.collect())?;
        if !is_last {
            *next = Some(What::Digests { after: last });
            return Ok(Verdict::Kept);
        }
        let source = self.shelf.source();
        for memory in &self.needs.memories {
            if !memory.is_complete(&*source)? {
                return Ok(Verdict::Flaw);
            }
        }
        Ok(Verdict::Kept)
    }

    fn take_pages(&mut self, names: &[(PageName, Digest)], pages: &[u8]) -> Result<Verdict, NodeError> {
        let (pages, []) = pages.as_chunks::<PAGE_BYTES>() else {
            return Ok(Verdict::Flaw);
        };
        let right = |((_, digest), page): (&(PageName, Digest), &[u8; PAGE_BYTES])| {
            page_map::page_digest(page) == *digest
        };
        if pages.len() != names.len() || !names.iter().zip(pages).all(right) {
            return Ok(Verdict::Flaw);
        }
        let writes = names.iter().zip(pages).map(|(((volume, index), _), page)| {
            Write::set(Column::Page, key::page(*volume, *index), Bytes::copy_from_slice(page))
        });
        self.keep(writes.collect())?;
        Ok(Verdict::Kept)
    }

    /// The stage before is over.
    fn advance(&mut self) -> Result<(), NodeError> {
        self.stage = match self.stage {
            Stage::Head => self.records(0),
            Stage::Records(column) if usize::from(column).saturating_add(1) < RECORDS.len() => {
                self.records(column.saturating_add(1))
            }
            Stage::Records(_) => {
                self.needs = Needs::of(&*self.shelf.source())?;
                self.volumes = self.needs.volumes();
                self.list_blobs()?;
                Stage::Blobs
            }
            Stage::Blobs => {
                self.todo.push_back(Task::new(What::Digests { after: None }));
                Stage::Digests
            }
            Stage::Digests => {
                if self.resumed {
                    self.tidy()?;
                }
                self.listed = Some(Vec::new());
                Stage::Pages
            }
            Stage::Pages | Stage::Complete => Stage::Complete,
        };
        Ok(())
    }

    fn records(&mut self, column: u8) -> Stage {
        self.todo.push_back(Task::new(What::Records { column, after: None }));
        Stage::Records(column)
    }

    /// Modules and chunks that are neither here nor in the own state.
    fn list_blobs(&mut self) -> Result<(), NodeError> {
        let here = self.shelf.source();
        for hash in self.needs.modules.clone() {
            let keys = [key::module(&hash), key::module_record(&hash)];
            let [content, record] = &keys;
            if here.get(Column::Module, content)?.is_some() && here.get(Column::Module, record)?.is_some() {
                continue;
            }
            let found = self.own.get_many(Column::Module, &keys)?;
            match found.into_iter().collect::<Option<Vec<Bytes>>>() {
                Some(values) => self.reuse(keys.into_iter().zip(values), Column::Module)?,
                None => self.todo.push_back(Task::module(hash)),
            }
        }
        for (canister, hash) in self.needs.chunks.clone() {
            let key = key::chunk(canister, &hash);
            if here.get(Column::Chunk, &key)?.is_some() {
                continue;
            }
            match self.own.get(Column::Chunk, &key)? {
                Some(value) => self.reuse([(key, value)].into_iter(), Column::Chunk)?,
                None => self.todo.push_back(Task::new(What::Chunk { canister, hash })),
            }
        }
        Ok(())
    }

    fn reuse(
        &mut self,
        entries: impl Iterator<Item = (Vec<u8>, Bytes)>,
        column: Column,
    ) -> Result<(), NodeError> {
        let mut writes = Vec::new();
        for (key, value) in entries {
            self.reused = self.reused.saturating_add(value.len() as u64);
            writes.push(Write::set(column, key, value));
        }
        Ok(self.shelf.grow(&[], writes)?)
    }

    /// Looks at the next digests: pages that are neither here nor in the own state are to be fetched.
    fn list_pages(&mut self) -> Result<(), NodeError> {
        let Some(first) = self.listed.take() else {
            return Ok(());
        };
        let here = self.shelf.source();
        let run = here.scan_from(Column::PageDigest, &first, STATE_PART_BYTES / 8)?;
        let Some((last, _)) = run.last() else {
            return Ok(());
        };
        self.listed = Some([last.as_slice(), &[0]].concat());
        let present = run.into_iter().filter(|(_, digest)| !digest.is_empty());
        let (keys, digests): (Vec<Vec<u8>>, Vec<Bytes>) = present.unzip();
        let found = here.get_many(Column::Page, &keys)?.into_iter();
        let owned = self.own.get_many(Column::Page, &keys)?;
        let (mut missing, mut reused) = (Vec::new(), Vec::new());
        for (((key, digest), found), owned) in keys.into_iter().zip(digests).zip(found).zip(owned) {
            if is_page(found.as_ref(), &digest) {
                self.reused = self.reused.saturating_add(PAGE_BYTES as u64);
            } else if let Some(page) = owned.filter(|page| is_page(Some(page), &digest)) {
                reused.push((key, page));
            } else {
                missing.push(name(&key, &digest)?);
            }
        }
        self.reuse(reused.into_iter(), Column::Page)?;
        let tasks = missing.chunks(STATE_PART_PAGES).map(|pages| Task::new(What::Pages(pages.to_vec())));
        self.todo.extend(tasks);
        Ok(())
    }

    /// Deletes what an earlier fetch left and this state does not have.
    fn tidy(&mut self) -> Result<(), NodeError> {
        let here = self.shelf.source();
        for column in [Column::Page, Column::Module, Column::Chunk] {
            let mut first = Vec::new();
            loop {
                let run = here.scan_from(column, &first, STATE_PART_BYTES)?;
                let Some((last, _)) = run.last() else {
                    break;
                };
                first = [last.as_slice(), &[0]].concat();
                let mut gone = Vec::new();
                for (key, _) in run {
                    if !self.is_needed(&*here, column, &key)? {
                        gone.push(Write::remove(column, key));
                    }
                }
                self.shelf.grow(&[], gone)?;
            }
        }
        Ok(())
    }

    fn is_needed(&self, here: &dyn StateSource, column: Column, key: &[u8]) -> Result<bool, NodeError> {
        let digest = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest);
        Ok(match column {
            Column::Page => here.get(Column::PageDigest, key)?.is_some_and(|digest| !digest.is_empty()),
            Column::Module => digest(key.get(..32)).is_some_and(|hash| self.needs.modules.contains(&hash)),
            _ => {
                let canister = key.first_chunk().map(|number| CanisterId(u64::from_be_bytes(*number)));
                let both = canister.zip(digest(key.get(8..)));
                both.is_some_and(|both| self.needs.chunks.contains(&both))
            }
        })
    }
}

fn is_page(page: Option<&Bytes>, digest: &[u8]) -> bool {
    let page = page.and_then(|page| <&[u8; PAGE_BYTES]>::try_from(page.as_ref()).ok());
    page.is_some_and(|page| page_map::page_digest(page).0 == digest)
}

/// The page of an entry of `PageDigest`.
fn name(key: &[u8], digest: &[u8]) -> Result<(PageName, Digest), HostFailure> {
    transfer::page_name(key)
        .zip(digest.try_into().ok().map(Digest))
        .ok_or_else(|| HostFailure("an entry of the page digests being fetched is damaged".into()))
}
