//! The heap of an instance: reserved address space over an image of the committed pages (rule 6).
//!
//! The image is an anonymous file that holds exactly the pages of one page map. The guest's memory is
//! a private mapping of it, so a write copies the page and the image stays as it was. Pages beyond
//! the current size are inaccessible. Dropping the copies undoes a run in time proportional to what
//! it touched.

use super::dirty;
use crate::state::{HostFailure, Page, PageMap};
use crate::types::limits::{HEAP_WASM_PAGES_MAX, PAGE_BYTES, WASM_PAGE_BYTES};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap,
};
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use wasmer::sys::vm::{LinearMemory, MemoryError, MemoryStyle, VMMemoryDefinition};
use wasmer::{MemoryType, Pages};

/// What a 32-bit memory can address.
const ADDRESSABLE: usize = 1 << 32;
/// Wasmer's static memories are followed by a guard of this size: base and offset are 32 bits each.
const GUARD: usize = (1 << 32) + WASM_PAGE_BYTES;

/// The heap of one instance.
#[derive(Debug)]
pub struct Heap {
    base: NonNull<u8>,
    image: OwnedFd,
    /// The image itself, for reading.
    view: NonNull<u8>,
    /// Bytes that are accessible.
    size: AtomicUsize,
    /// Bytes that heap and stable memory may still grow in this run.
    room: AtomicU64,
    /// 64 KiB pages that the module allows itself.
    pages_max: u32,
    /// Where the generated code reads the size; null while no instance exists.
    definition: AtomicPtr<VMMemoryDefinition>,
    failed: std::sync::Mutex<Option<HostFailure>>,
}

// SAFETY: the mapping belongs to this value alone, and whoever uses it holds the instance's lock.
unsafe impl Send for Heap {}
// SAFETY: as above; all fields that change are atomic or locked.
unsafe impl Sync for Heap {}

impl Heap {
    /// An empty heap that may grow to `pages_max`.
    pub fn new(pages_max: u32) -> Result<Heap, HostFailure> {
        let image = memfd_create("atoll-heap", MemfdFlags::CLOEXEC).map_err(failed("memfd_create"))?;
        rustix::fs::ftruncate(&image, ADDRESSABLE as u64).map_err(failed("ftruncate"))?;
        let nothing = std::ptr::null_mut();
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: new mappings at addresses of the kernel's choice touch nothing that exists.
        let view = unsafe { mmap(nothing, ADDRESSABLE, ProtFlags::READ, MapFlags::SHARED, &image, 0) };
        let view = not_null(view.map_err(failed("mmap"))?)?;
        // SAFETY: as above.
        let base = unsafe { mmap_anonymous(nothing, ADDRESSABLE + GUARD, ProtFlags::empty(), flags) };
        let base = base.map_err(failed("mmap"))?;
        let heap = Heap {
            base: not_null(base)?,
            image,
            view,
            size: AtomicUsize::new(0),
            room: AtomicU64::new(0),
            pages_max: pages_max.min(HEAP_WASM_PAGES_MAX),
            definition: AtomicPtr::new(std::ptr::null_mut()),
            failed: std::sync::Mutex::new(None),
        };
        let flags = flags | MapFlags::FIXED;
        // SAFETY: replaces the first part of the reservation made above.
        unsafe { mmap(base, ADDRESSABLE, ProtFlags::empty(), flags, &heap.image, 0) }
            .map_err(failed("mmap"))?;
        Ok(heap)
    }

    /// Accessible bytes.
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Accessible 64 KiB pages.
    pub fn wasm_pages(&self) -> u32 {
        (self.size() / WASM_PAGE_BYTES) as u32
    }

    /// Sets how many bytes heap and stable memory may still grow.
    pub fn set_room(&self, bytes: u64) {
        self.room.store(bytes, Ordering::Relaxed);
    }

    /// Takes `bytes` from the room; `false` if there are not that many.
    pub fn take_room(&self, bytes: u64) -> bool {
        let take = |room: u64| room.checked_sub(bytes);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Gives back `bytes` that were taken and not used.
    pub fn give_room(&self, bytes: u64) {
        self.room.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Makes exactly `pages` 64 KiB pages accessible.
    pub fn resize(&self, pages: u32) -> Result<(), HostFailure> {
        let size = pages.min(HEAP_WASM_PAGES_MAX) as usize * WASM_PAGE_BYTES;
        let old = self.size();
        let (from, to) = (old.min(size), old.max(size));
        if from != to {
            let access = match size > old {
                true => MprotectFlags::READ | MprotectFlags::WRITE,
                false => MprotectFlags::empty(),
            };
            // SAFETY: `from..to` lies within the private mapping of the image.
            unsafe { mprotect(self.at(from), to - from, access) }.map_err(failed("mprotect"))?;
        }
        self.size.store(size, Ordering::Relaxed);
        self.publish();
        Ok(())
    }

    /// Tells the generated code the size.
    fn publish(&self) {
        if let Some(mut definition) = NonNull::new(self.definition.load(Ordering::Relaxed)) {
            // SAFETY: set by `attach`, valid until the instance goes and `detach` is called.
            let definition = unsafe { definition.as_mut() };
            definition.base = self.base.as_ptr();
            definition.current_length = self.size();
        }
    }

    /// Connects the heap to the instance whose definition lies at `definition`.
    pub fn attach(&self, definition: NonNull<VMMemoryDefinition>) {
        self.definition.store(definition.as_ptr(), Ordering::Relaxed);
        self.publish();
    }

    /// Forgets the instance, which is about to go.
    pub fn detach(&self) {
        self.definition.store(std::ptr::null_mut(), Ordering::Relaxed);
    }

    /// `len` bytes of the heap at `start`, if they lie within it.
    pub fn read(&self, start: u64, len: u64) -> Option<&[u8]> {
        let start = self.within(start, len)?;
        // SAFETY: accessible, and no guest code runs while a host function reads.
        Some(unsafe { std::slice::from_raw_parts(start, len as usize) })
    }

    /// Copies `bytes` to `start`; `None` if they do not lie within the heap.
    pub fn write(&self, start: u64, bytes: &[u8]) -> Option<()> {
        let start = self.within(start, bytes.len() as u64)?;
        // SAFETY: accessible, and `bytes` is never a part of the heap.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        Some(())
    }

    fn within(&self, start: u64, len: u64) -> Option<*mut u8> {
        let end = start.checked_add(len)?;
        // SAFETY: the sum lies within the reservation, or one past the accessible part.
        (end <= self.size() as u64).then(|| unsafe { self.base.as_ptr().add(start as usize) })
    }

    /// The pages whose content differs from the image, ascending. What the kernel calls dirty only says
    /// where to look: the answer is the same on every host.
    pub fn changes(&self) -> Result<Vec<(u64, Page)>, HostFailure> {
        let mut changed = Vec::new();
        for run in dirty::copied(self.base.as_ptr() as u64, self.size() as u64)? {
            for index in run {
                let start = index as usize * PAGE_BYTES;
                // SAFETY: page `index` lies within both mappings and is accessible; nobody writes now.
                let (old, new) = unsafe {
                    (&*self.view.as_ptr().add(start).cast(), &*self.base.as_ptr().add(start).cast())
                };
                let (old, new): (&[u8; PAGE_BYTES], &[u8; PAGE_BYTES]) = (old, new);
                if old != new {
                    changed.push((index, Arc::new(*new)));
                }
            }
        }
        Ok(changed)
    }

    /// Drops every copied page: the guest sees the image again.
    pub fn undo(&self) -> Result<(), HostFailure> {
        // SAFETY: the pages belong to the private mapping; nobody holds a reference into it.
        unsafe { madvise(self.at(0), ADDRESSABLE, Advice::LinuxDontNeed) }.map_err(failed("madvise"))
    }

    /// Turns the image from the pages of `from` into those of `to`. The mapping must hold no copies.
    pub fn advance(&self, from: &PageMap, to: &PageMap) -> Result<(), HostFailure> {
        const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
        for (index, page) in to.changes_since(from)? {
            let content = page.as_deref().unwrap_or(&ZEROS);
            let start = index.checked_mul(PAGE_BYTES as u64).filter(|start| *start < ADDRESSABLE as u64);
            let start = start.ok_or_else(|| HostFailure(format!("heap page {index} is out of range")))?;
            self.write_image(start, content)?;
        }
        Ok(())
    }

    fn write_image(&self, start: u64, page: &[u8; PAGE_BYTES]) -> Result<(), HostFailure> {
        match rustix::io::pwrite(&self.image, page, start) {
            Ok(PAGE_BYTES) => Ok(()),
            Ok(written) => Err(HostFailure(format!("heap image: {written} bytes written at {start}"))),
            Err(error) => Err(failed("pwrite")(error)),
        }
    }

    /// What the host failed at while the guest ran, if anything.
    pub fn failure(&self) -> Option<HostFailure> {
        self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    fn at(&self, offset: usize) -> *mut core::ffi::c_void {
        // SAFETY: callers stay within the reservation.
        unsafe { self.base.as_ptr().add(offset).cast() }
    }

    /// `memory.grow`: `None` if the module, the room or the address space does not allow it.
    fn grow(&self, delta: u32) -> Option<u32> {
        let old = self.wasm_pages();
        let new = old.checked_add(delta).filter(|new| *new <= self.pages_max)?;
        if !self.take_room(u64::from(delta) * WASM_PAGE_BYTES as u64) {
            return None;
        }
        if let Err(failure) = self.resize(new) {
            let mut failed = self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            *failed = Some(failure);
            return None;
        }
        Some(old)
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: the whole reservation, which nobody can reach any more. Failing leaves it reserved.
        let _ = unsafe { munmap(self.at(0), ADDRESSABLE + GUARD) };
        // SAFETY: as above.
        let _ = unsafe { munmap(self.view.as_ptr().cast(), ADDRESSABLE) };
    }
}

fn not_null(mapping: *mut core::ffi::c_void) -> Result<NonNull<u8>, HostFailure> {
    NonNull::new(mapping.cast()).ok_or_else(|| HostFailure("heap: mmap gave null".into()))
}

/// An operating system call's failure as the host's.
fn failed(what: &str) -> impl FnOnce(rustix::io::Errno) -> HostFailure + '_ {
    move |error| HostFailure(format!("heap: {what}: {error}"))
}

/// The heap as wasmer sees it.
#[derive(Debug)]
pub struct GuestMemory {
    pub heap: Arc<Heap>,
    pub definition: NonNull<VMMemoryDefinition>,
    pub ty: MemoryType,
}

// SAFETY: the definition lies in the instance that owns this value, and moves between threads with it.
unsafe impl Send for GuestMemory {}
// SAFETY: as above.
unsafe impl Sync for GuestMemory {}

impl Drop for GuestMemory {
    fn drop(&mut self) {
        self.heap.detach();
    }
}

impl LinearMemory for GuestMemory {
    fn ty(&self) -> MemoryType {
        MemoryType { minimum: self.size(), ..self.ty }
    }

    fn size(&self) -> Pages {
        Pages(self.heap.wasm_pages())
    }

    fn style(&self) -> MemoryStyle {
        MemoryStyle::Static
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        let refused = MemoryError::CouldNotGrow { current: self.size(), attempted_delta: delta };
        self.heap.grow(delta.0).map(Pages).ok_or(refused)
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.definition
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }
}
