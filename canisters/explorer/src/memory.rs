//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 1 MiB.
const BUCKET_PAGES: u16 = 16;

pub const CONFIG: MemoryId = MemoryId::new(0);
pub const PROGRESS: MemoryId = MemoryId::new(1);
pub const ENDS: MemoryId = MemoryId::new(2);
pub const POINTS: MemoryId = MemoryId::new(3);
pub const EPOCHS: MemoryId = MemoryId::new(4);
pub const WATCHED: MemoryId = MemoryId::new(5);

/// One segment.
pub type Segment<M> = VirtualMemory<M>;

/// All segments of one stable memory.
pub type Segments<M> = MemoryManager<M>;

pub fn open<M: Memory>(memory: M) -> Segments<M> {
    MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES)
}
