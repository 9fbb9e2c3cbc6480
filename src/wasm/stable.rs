//! Stable memory of one run: the committed pages below, what the run wrote above (rule 7).

use super::Trap;
use crate::state::{HostFailure, Page, PageMap};
use crate::types::limits::{
    PAGE_BYTES, STABLE_BYTES_MAX, STABLE_PAGES_PER_RUN_MAX, STABLE_PAGES_READ_CACHE, WASM_PAGE_BYTES,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const PAGE: u64 = PAGE_BYTES as u64;
const WASM_PAGE: u64 = WASM_PAGE_BYTES as u64;

/// Stable memory as one run sees it.
#[derive(Default)]
pub struct Stable {
    committed: PageMap,
    wasm_pages: u64,
    written: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
    /// Pages read, at hand because the committed map may have to ask the disk.
    read: BTreeMap<u64, Option<Page>>,
    touched: usize,
}

impl Stable {
    pub fn new(committed: PageMap, wasm_pages: u64) -> Stable {
        Stable { committed, wasm_pages, ..Stable::default() }
    }

    /// Size in 64 KiB pages.
    pub fn wasm_pages(&self) -> u64 {
        self.wasm_pages
    }

    /// Grows by `delta` 64 KiB pages; answers the old size, or `None` if the limit does not allow it.
    pub fn grow(&mut self, delta: u64) -> Option<u64> {
        let old = self.wasm_pages;
        let new = old.checked_add(delta).filter(|new| *new <= STABLE_BYTES_MAX / WASM_PAGE)?;
        self.wasm_pages = new;
        Some(old)
    }

    /// Pages of `start..start + len` that this run has not touched yet, at most one more than may be:
    /// what the access is charged for.
    pub fn untouched(&self, start: u64, len: u64) -> u64 {
        let known = |index: &u64| self.written.contains_key(index) || self.read.contains_key(index);
        let last = start.saturating_add(len).saturating_sub(1) / PAGE;
        let pages = if len == 0 { 0..0 } else { start / PAGE..last + 1 };
        pages.filter(|index| !known(index)).take(STABLE_PAGES_PER_RUN_MAX + 1).count() as u64
    }

    /// Hands the bytes of `start..start + len` to `sink`, page by page.
    pub fn read(
        &mut self,
        start: u64,
        len: u64,
        mut sink: impl FnMut(&[u8]) -> Result<(), Trap>,
    ) -> Result<(), Trap> {
        self.check(start, len)?;
        for (index, part) in parts(start, len) {
            if let Some(page) = self.written.get(&index) {
                sink(&page[part])?;
                continue;
            }
            let page = self.page(index)?;
            sink(&page.as_deref().unwrap_or(&[0; PAGE_BYTES])[part])?;
        }
        Ok(())
    }

    /// Copies `bytes` to `start`.
    pub fn write(&mut self, start: u64, mut bytes: &[u8]) -> Result<(), Trap> {
        self.check(start, bytes.len() as u64)?;
        for (index, part) in parts(start, bytes.len() as u64) {
            let (now, later) = bytes.split_at(part.len());
            self.written_page(index)?[part].copy_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn check(&self, start: u64, len: u64) -> Result<(), Trap> {
        let end = start.checked_add(len);
        match end.is_some_and(|end| end <= self.wasm_pages * WASM_PAGE) {
            true => Ok(()),
            false => Err(Trap::Wasm("stable memory out of bounds")),
        }
    }

    fn page(&mut self, index: u64) -> Result<Option<Page>, Trap> {
        if let Some(page) = self.read.get(&index) {
            return Ok(page.clone());
        }
        self.touch()?;
        let page = self.committed.get(index)?;
        if self.read.len() >= STABLE_PAGES_READ_CACHE {
            self.read.clear();
        }
        self.read.insert(index, page.clone());
        Ok(page)
    }

    fn written_page(&mut self, index: u64) -> Result<&mut [u8; PAGE_BYTES], Trap> {
        if !self.written.contains_key(&index) {
            let page = self.page(index)?;
            let page = page.map_or_else(|| Box::new([0; PAGE_BYTES]), |page| Box::new(*page));
            self.written.insert(index, page);
        }
        self.written
            .get_mut(&index)
            .map(|page| &mut **page)
            .ok_or_else(|| HostFailure("stable page lost".into()).into())
    }

    fn touch(&mut self) -> Result<(), Trap> {
        self.touched += 1;
        match self.touched > STABLE_PAGES_PER_RUN_MAX {
            true => Err(Trap::MemoryAccessLimit),
            false => Ok(()),
        }
    }

    /// The pages whose content changed, ascending.
    pub fn changes(self) -> Result<Vec<(u64, Page)>, HostFailure> {
        let mut changed = Vec::new();
        for (index, page) in self.written {
            let old = self.committed.get(index)?;
            if *page != *old.as_deref().unwrap_or(&[0; PAGE_BYTES]) {
                changed.push((index, Arc::from(page)));
            }
        }
        Ok(changed)
    }
}

/// The pages that `start..start + len` touches, and which part of each.
fn parts(start: u64, len: u64) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let end = start + len;
    let mut at = start;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let (index, from) = (at / PAGE, at % PAGE);
        let to = PAGE.min(from + (end - at));
        at += to - from;
        Some((index, from as usize..to as usize))
    })
}
