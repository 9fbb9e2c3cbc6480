//! 4 KiB pages by index, as a persistent 32-ary tree with cached digests: a snapshot is a clone, the
//! root digest and the difference of two versions cost O(changed).

use crate::types::{Digest, limits::PAGE_BYTES};
use std::sync::Arc;

/// The content of one page; pages that are all zero are not stored.
pub type Page = Arc<[u8; PAGE_BYTES]>;

/// Pages by index.
#[derive(Clone, Default)]
pub struct PageMap(());

/// Where pages live that are not in memory (a RocksDB snapshot, or a test's map).
pub trait PageSource: Send + Sync {
    fn load(&self, index: u64) -> Result<Option<Page>, HostFailure>;
    /// All (index, digest) pairs, ascending.
    fn digests(&self) -> Result<Vec<(u64, Digest)>, HostFailure>;
}

/// The host, not the canister, failed: storage cannot be read. The replica must stop; no result may
/// be derived from this.
#[derive(Clone, Debug, thiserror::Error)]
#[error("host failure: {0}")]
pub struct HostFailure(pub String);

impl PageMap {
    pub fn new() -> PageMap {
        PageMap(())
    }
    /// A map whose pages are still in `source`; `root` is what its digest must be.
    pub fn unloaded(root: Digest, source: Arc<dyn PageSource>) -> PageMap {
        let _ = (root, source);
        todo!()
    }
    /// `None`: the page is all zero.
    pub fn get(&self, index: u64) -> Result<Option<Page>, HostFailure> {
        let _ = index;
        todo!()
    }
    /// `None`, or a page of zeros, removes.
    pub fn set(&mut self, index: u64, page: Option<Page>) -> Result<(), HostFailure> {
        let _ = (index, page);
        todo!()
    }
    /// Digest over all pages; depends on the content alone. `Digest::ZERO` when empty.
    pub fn root(&self) -> Digest {
        todo!()
    }
    /// How many pages are stored.
    pub fn len(&self) -> Result<u64, HostFailure> {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.root() == Digest::ZERO
    }
    /// All pages, ascending.
    pub fn pages(&self) -> Result<Vec<(u64, Page)>, HostFailure> {
        todo!()
    }
    /// What must be set on `older` to make it `self`, ascending; `None` removes. O(changed).
    pub fn changes_since(&self, older: &PageMap) -> Result<Vec<(u64, Option<Page>)>, HostFailure> {
        let _ = older;
        todo!()
    }
}
