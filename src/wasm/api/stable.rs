//! Stable memory.

use crate::types::Bytes;
use crate::types::limits::WASM_PAGE_BYTES;
use crate::wasm::host::{Host, OUT_OF_BOUNDS};
use crate::wasm::{Trap, cost};
use std::sync::Arc;

type Returns<T> = Result<T, Trap>;

/// Pages beyond which the 32-bit functions cannot be used.
const PAGES_MAX_32: u64 = 1 << 16;

impl Host {
    pub fn stable_size(&mut self) -> Returns<u32> {
        self.stable_pages_32()
    }

    pub fn stable_grow(&mut self, pages: u32) -> Returns<u32> {
        let old = u64::from(self.stable_pages_32()?);
        if old + u64::from(pages) > PAGES_MAX_32 {
            return Ok(u32::MAX);
        }
        let grown = self.stable64_grow(pages.into())?;
        Ok(u32::try_from(grown).unwrap_or(u32::MAX))
    }

    pub fn stable_write(&mut self, offset: u32, src: u32, size: u32) -> Returns<()> {
        self.stable_pages_32()?;
        self.stable64_write(offset.into(), src.into(), size.into())
    }

    pub fn stable_read(&mut self, dst: u32, offset: u32, size: u32) -> Returns<()> {
        self.stable_pages_32()?;
        self.stable64_read(dst.into(), offset.into(), size.into())
    }

    pub fn stable64_size(&mut self) -> Returns<u64> {
        Ok(self.run.stable.wasm_pages())
    }

    pub fn stable64_grow(&mut self, pages: u64) -> Returns<u64> {
        let bytes = pages.checked_mul(WASM_PAGE_BYTES as u64);
        let Some(bytes) = bytes.filter(|bytes| self.take_room(Bytes(*bytes))) else {
            return Ok(u64::MAX);
        };
        match self.run.stable.grow(pages) {
            Some(old) => Ok(old),
            None => {
                self.heap.give_room(bytes);
                Ok(u64::MAX)
            }
        }
    }

    pub fn stable64_write(&mut self, offset: u64, src: u64, size: u64) -> Returns<()> {
        self.charge_access(offset, size)?;
        let heap = Arc::clone(&self.heap);
        let bytes = heap.read(src, size).ok_or(OUT_OF_BOUNDS)?;
        self.run.stable.write(offset, bytes)
    }

    pub fn stable64_read(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        self.charge_access(offset, size)?;
        let heap = Arc::clone(&self.heap);
        heap.read(dst, size).ok_or(OUT_OF_BOUNDS)?;
        let mut at = dst;
        self.run.stable.read(offset, size, |part| {
            heap.write(at, part).ok_or(OUT_OF_BOUNDS)?;
            at += part.len() as u64;
            Ok(())
        })
    }

    /// Charges an access by its bytes and by the pages it touches first.
    fn charge_access(&mut self, offset: u64, size: u64) -> Returns<()> {
        self.charge_bytes(size)?;
        let pages = self.run.stable.untouched(offset, size);
        self.charge(pages.saturating_mul(cost::STABLE_PAGE))
    }

    fn stable_pages_32(&self) -> Returns<u32> {
        let pages = self.run.stable.wasm_pages();
        match u32::try_from(pages) {
            Ok(pages) if u64::from(pages) <= PAGES_MAX_32 => Ok(pages),
            _ => Err(Trap::contract("stable memory is too large for the 32-bit stable memory API")),
        }
    }
}
