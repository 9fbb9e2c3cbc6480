//! 4 KiB pages by index, as a persistent 32-ary tree with cached digests: a snapshot is a clone, the
//! root digest and the difference of two versions cost O(changed).
//!
//! **Digest.** It depends on the pages alone, never on the order in which they were set:
//! 1. A page's digest is `sha256("\x0aatoll-page" · content)`; pages that are all zero do not exist.
//! 2. A branch of level ℓ ≥ 1 covers 32^ℓ indices. Its digest is `sha256("\x0catoll-branch" · ℓ ·
//!    bitmap · digests of the children present)`, ℓ in one byte, the bitmap in four, little-endian.
//! 3. The root is the branch of the least level that covers the greatest index, so a map has one
//!    shape; the root of the empty map is [`Digest::ZERO`].
//!
//! **Loading.** A map restored from disk knows only its root. The index of digests is read at the
//! first touch and must reproduce the root; a page is read whenever it is asked for and must match
//! its digest. Pages read are not kept (the source has a cache of its own), pages set are.

mod branch;
#[cfg(test)]
mod tests;

use crate::crypto::hash::sha256;
use crate::types::{Digest, limits::PAGE_BYTES};
use branch::{Branch, Leaf};
use std::sync::{Arc, OnceLock};

/// The content of one page; pages that are all zero are not stored.
pub type Page = Arc<[u8; PAGE_BYTES]>;

/// Where pages live that are not in memory (a RocksDB snapshot, or a test's map). What it answers
/// must not change as long as it is held.
pub trait PageSource: Send + Sync {
    fn load(&self, index: u64) -> Result<Option<Page>, HostFailure>;
    /// All (index, digest) pairs, ascending.
    fn digests(&self) -> Result<Vec<(u64, Digest)>, HostFailure>;
    /// The pages at `indices` (ascending), in that order; a source that reads in bulk says so here.
    fn load_many(&self, indices: &[u64]) -> Result<Vec<Option<Page>>, HostFailure> {
        indices.iter().map(|index| self.load(*index)).collect()
    }
    /// What this is a source of, for the text of a [`HostFailure`].
    fn name(&self) -> String {
        "page source".into()
    }
}

/// The host, not the canister, failed: storage cannot be read. The replica must stop; no result may
/// be derived from this.
#[derive(Clone, Debug, thiserror::Error)]
#[error("host failure: {0}")]
pub struct HostFailure(pub String);

/// The digest of one page (rule 1), whatever its content.
pub fn page_digest(page: &[u8; PAGE_BYTES]) -> Digest {
    const DOMAIN: &[u8; 11] = b"\x0aatoll-page";
    let mut bytes = [0; DOMAIN.len() + PAGE_BYTES];
    bytes[..DOMAIN.len()].copy_from_slice(DOMAIN);
    bytes[DOMAIN.len()..].copy_from_slice(page);
    sha256(&bytes)
}

/// Pages by index.
#[derive(Clone, Default)]
pub struct PageMap {
    tree: Tree,
    /// Where leaves without content are read.
    source: Option<Arc<dyn PageSource>>,
}

#[derive(Clone)]
enum Tree {
    Loaded(Option<Arc<Branch>>),
    /// Shared by all clones: whoever touches it first loads the index for all of them.
    Unloaded(Arc<Unloaded>),
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::Loaded(None)
    }
}

struct Unloaded {
    root: Digest,
    top: OnceLock<Result<Option<Arc<Branch>>, HostFailure>>,
}

impl PageMap {
    /// The map without pages.
    pub fn new() -> PageMap {
        PageMap::default()
    }

    /// A map whose pages are still in `source`; `root` is what its digest must be.
    pub fn unloaded(root: Digest, source: Arc<dyn PageSource>) -> PageMap {
        if root == Digest::ZERO {
            return PageMap::new();
        }
        let tree = Tree::Unloaded(Arc::new(Unloaded { root, top: OnceLock::new() }));
        PageMap { tree, source: Some(source) }
    }

    /// The root of the map that has these digests, in strictly ascending order of index.
    pub fn root_of(digests: Vec<(u64, Digest)>) -> Digest {
        Branch::from_ascending(digests).map_or(Digest::ZERO, |top| top.digest())
    }

    /// `None`: the page is all zero.
    ///
    /// # Errors
    /// [`HostFailure`] if the page is in the source, and cannot be read or does not match its digest.
    pub fn get(&self, index: u64) -> Result<Option<Page>, HostFailure> {
        let Some(leaf) = self.top()?.as_deref().and_then(|top| top.leaf(index)) else {
            return Ok(None);
        };
        match &leaf.page {
            Some(page) => Ok(Some(page.clone())),
            None => self.load(index, leaf).map(Some),
        }
    }

    /// `None`, or a page of zeros, removes.
    ///
    /// # Errors
    /// [`HostFailure`] if the index of digests is still in the source and cannot be read.
    pub fn set(&mut self, index: u64, page: Option<Page>) -> Result<(), HostFailure> {
        let top = self.top_mut()?;
        match page.filter(|page| page.iter().any(|byte| *byte != 0)) {
            Some(page) => Branch::insert(top, index, Leaf::held(page)),
            None => Branch::remove(top, index),
        }
        Ok(())
    }

    /// Digest over all pages; depends on the content alone. [`Digest::ZERO`] when empty. Costs one
    /// page hash for each page set since it was last asked for, and one hash for each branch above.
    pub fn root(&self) -> Digest {
        match &self.tree {
            Tree::Loaded(top) => top.as_ref().map_or(Digest::ZERO, |top| top.digest()),
            Tree::Unloaded(unloaded) => unloaded.root,
        }
    }

    /// How many pages are stored.
    ///
    /// # Errors
    /// [`HostFailure`] if the index of digests is still in the source and cannot be read.
    pub fn len(&self) -> Result<u64, HostFailure> {
        Ok(self.top()?.as_ref().map_or(0, |top| top.count()))
    }

    /// Whether no page is stored; needs no index.
    pub fn is_empty(&self) -> bool {
        matches!(self.tree, Tree::Loaded(None))
    }

    /// The digest of the page at `index`; `None` if it is all zero.
    ///
    /// # Errors
    /// [`HostFailure`] if the index of digests is still in the source and cannot be read.
    pub fn digest_at(&self, index: u64) -> Result<Option<Digest>, HostFailure> {
        let leaf = self.top()?.as_deref().and_then(|top| top.leaf(index));
        Ok(leaf.map(Leaf::digest))
    }

    /// All pages, ascending; those still in the source are read in bulk.
    ///
    /// # Errors
    /// [`HostFailure`] as for [`PageMap::get`].
    pub fn pages(&self) -> Result<Vec<(u64, Page)>, HostFailure> {
        self.pages_from(0, usize::MAX)
    }

    /// Up to `count` pages from `index` on, ascending.
    ///
    /// # Errors
    /// [`HostFailure`] as for [`PageMap::get`].
    pub fn pages_from(&self, index: u64, count: usize) -> Result<Vec<(u64, Page)>, HostFailure> {
        let mut leaves = Vec::new();
        if let Some(top) = self.top()? {
            top.leaves_from(index, count, 0, &mut leaves);
        }
        let mut loaded = self.load_many(&leaves)?.into_iter();
        let content = |(index, leaf): (u64, &Leaf)| match &leaf.page {
            Some(page) => Some((index, page.clone())),
            None => loaded.next().map(|page| (index, page)),
        };
        Ok(leaves.into_iter().filter_map(content).collect())
    }

    /// What must be set on `older` to make it `self`, ascending; `None` removes. O(changed).
    ///
    /// # Errors
    /// [`HostFailure`] as for [`PageMap::get`].
    pub fn changes_since(&self, older: &PageMap) -> Result<Vec<(u64, Option<Page>)>, HostFailure> {
        if self.root() == older.root() {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        branch::differences(self.top()?, older.top()?, &mut changes);
        let page = |(index, leaf): (u64, Option<&Leaf>)| match leaf {
            None => Ok((index, None)),
            Some(Leaf { page: Some(page), .. }) => Ok((index, Some(page.clone()))),
            Some(leaf) => Ok((index, Some(self.load(index, leaf)?))),
        };
        changes.into_iter().map(page).collect()
    }

    fn top(&self) -> Result<&Option<Arc<Branch>>, HostFailure> {
        match &self.tree {
            Tree::Loaded(top) => Ok(top),
            Tree::Unloaded(unloaded) => {
                let loaded = unloaded.top.get_or_init(|| self.load_index(unloaded.root));
                loaded.as_ref().map_err(HostFailure::clone)
            }
        }
    }

    fn top_mut(&mut self) -> Result<&mut Option<Arc<Branch>>, HostFailure> {
        if matches!(self.tree, Tree::Unloaded(_)) {
            self.tree = Tree::Loaded(self.top()?.clone());
        }
        match &mut self.tree {
            Tree::Loaded(top) => Ok(top),
            Tree::Unloaded(_) => Err(HostFailure("the page index is not loaded".into())),
        }
    }

    fn source(&self) -> Result<&dyn PageSource, HostFailure> {
        let source = self.source.as_deref();
        source.ok_or_else(|| HostFailure("a page without content has no source".into()))
    }

    fn load_index(&self, root: Digest) -> Result<Option<Arc<Branch>>, HostFailure> {
        let source = self.source()?;
        let failed = |what: String| HostFailure(format!("{}: {what}", source.name()));
        let index = source.digests()?;
        if let Some(pair) = index.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(failed(format!("page index not ascending at {}", pair[1].0)));
        }
        let top = Branch::from_ascending(index);
        let found = top.as_ref().map_or(Digest::ZERO, |top| top.digest());
        if found != root {
            return Err(failed(format!("page index has root {found}, expected {root}")));
        }
        Ok(top)
    }

    fn load(&self, index: u64, leaf: &Leaf) -> Result<Page, HostFailure> {
        let source = self.source()?;
        check(source, index, leaf, source.load(index)?)
    }

    /// Contents of those `leaves` that have none, in their order.
    fn load_many(&self, leaves: &[(u64, &Leaf)]) -> Result<Vec<Page>, HostFailure> {
        let stored: Vec<_> = leaves.iter().filter(|(_, leaf)| leaf.page.is_none()).collect();
        if stored.is_empty() {
            return Ok(Vec::new());
        }
        let source = self.source()?;
        let indices: Vec<u64> = stored.iter().map(|(index, _)| *index).collect();
        let pages = source.load_many(&indices)?;
        if pages.len() != stored.len() {
            let counts = format!("{} pages asked, {} answered", stored.len(), pages.len());
            return Err(HostFailure(format!("{}: {counts}", source.name())));
        }
        let checked = |((index, leaf), page): (&(u64, &Leaf), _)| check(source, *index, leaf, page);
        stored.into_iter().zip(pages).map(checked).collect()
    }
}

fn check(source: &dyn PageSource, index: u64, leaf: &Leaf, page: Option<Page>) -> Result<Page, HostFailure> {
    let failed = |what: &str| HostFailure(format!("{}: page {index} {what}", source.name()));
    let page = page.ok_or_else(|| failed("is missing"))?;
    if page_digest(&page) != leaf.digest() {
        return Err(failed("does not match its digest"));
    }
    Ok(page)
}
