//! Which pages of a private mapping the guest has written: asked of the kernel, without a signal a
//! page. `PAGEMAP_SCAN` (Linux 6.7) answers in time proportional to what is mapped; older kernels
//! answer the same from `/proc/self/pagemap`, eight bytes a page.

use crate::state::HostFailure;
use crate::types::limits::PAGE_BYTES;
use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

const PAGE: u64 = PAGE_BYTES as u64;

/// Page index ranges of `start..start + len` that were copied on write, ascending.
pub fn copied(start: u64, len: u64) -> Result<Vec<Range<u64>>, HostFailure> {
    match scan_works()? {
        true => scan(start, len),
        false => read_pagemap(start, len),
    }
}

/// Opens what is asked later: a process that made itself undumpable could not any more.
pub fn prepare() {
    let _ = scan_works();
}

fn pagemap() -> Result<&'static File, HostFailure> {
    static PAGEMAP: OnceLock<Result<File, String>> = OnceLock::new();
    let open = || File::open("/proc/self/pagemap").map_err(|error| error.to_string());
    let opened = PAGEMAP.get_or_init(open).as_ref();
    opened.map_err(|error| HostFailure(format!("/proc/self/pagemap: {error}")))
}

fn scan_works() -> Result<bool, HostFailure> {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let pagemap = pagemap()?;
    Ok(*WORKS.get_or_init(|| {
        let mut regions = [Region::default(); 1];
        scan_once(pagemap, 0..PAGE, &mut regions).is_ok()
    }))
}

/// `struct page_region` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg` of the kernel.
#[repr(C)]
struct ScanArg {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    regions_len: u64,
    pages_max: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof: u64,
    return_mask: u64,
}

const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
/// `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: u64 = 0xC060_6610;
/// Regions asked for at once.
const REGIONS: usize = 512;

fn scan(start: u64, len: u64) -> Result<Vec<Range<u64>>, HostFailure> {
    let pagemap = pagemap()?;
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut regions = [Region::default(); REGIONS];
    let (mut at, end) = (start, start + len);
    while at < end {
        let (count, walked) = scan_once(pagemap, at..end, &mut regions)
            .map_err(|error| HostFailure(format!("PAGEMAP_SCAN: {error}")))?;
        let index = |region: &Region| (region.start - start) / PAGE..(region.end - start) / PAGE;
        found.extend(regions.iter().take(count).map(index));
        if walked <= at {
            return Err(HostFailure("PAGEMAP_SCAN stands still".into()));
        }
        at = walked;
    }
    Ok(found)
}

/// Pages in `range` that are in memory or swapped out and do not belong to the file: the copies.
/// Answers how many regions were found, and up to where.
fn scan_once(pagemap: &File, range: Range<u64>, regions: &mut [Region]) -> std::io::Result<(usize, u64)> {
    let mut arg = ScanArg {
        size: std::mem::size_of::<ScanArg>() as u64,
        flags: 0,
        start: range.start,
        end: range.end,
        walk_end: 0,
        regions: regions.as_mut_ptr() as u64,
        regions_len: regions.len() as u64,
        pages_max: 0,
        category_inverted: PAGE_IS_FILE,
        category_mask: PAGE_IS_FILE,
        category_anyof: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        return_mask: PAGE_IS_FILE,
    };
    // SAFETY: the argument and the regions it names live until the call returns.
    let count = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN as _, &mut arg) };
    match usize::try_from(count) {
        Ok(count) => Ok((count, arg.walk_end)),
        Err(_) => Err(std::io::Error::last_os_error()),
    }
}

/// Bits of an entry of `/proc/self/pagemap`: in memory, swapped out, a file's or shared.
const PRESENT_OR_SWAPPED: u64 = 0b11 << 62;
const FILE_OR_SHARED: u64 = 1 << 61;

fn read_pagemap(start: u64, len: u64) -> Result<Vec<Range<u64>>, HostFailure> {
    let pagemap = pagemap()?;
    let pages = len / PAGE;
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut entries = vec![0u8; 8 * PAGE_BYTES];
    for first in (0..pages).step_by(PAGE_BYTES) {
        let count = (pages - first).min(PAGE) as usize;
        let entries = &mut entries[..8 * count];
        pagemap
            .read_exact_at(entries, 8 * (start / PAGE + first))
            .map_err(|error| HostFailure(format!("/proc/self/pagemap: {error}")))?;
        for (index, entry) in (first..).zip(entries.as_chunks::<8>().0) {
            let entry = u64::from_ne_bytes(*entry);
            if entry & PRESENT_OR_SWAPPED != 0 && entry & FILE_OR_SHARED == 0 {
                found.push(index..index + 1);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Both ways of asking, for tests that compare them.
    pub fn both(start: u64, len: u64) -> (Vec<u64>, Vec<u64>) {
        let flat = |ranges: Vec<Range<u64>>| ranges.into_iter().flatten().collect();
        (flat(copied(start, len).unwrap()), flat(read_pagemap(start, len).unwrap()))
    }
}
