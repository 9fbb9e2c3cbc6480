//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 2 MiB, so that an empty ledger is small and a full one has 64 GiB.
const BUCKET_PAGES: u16 = 32;

pub const SETTINGS: MemoryId = MemoryId::new(0);
pub const TOTALS: MemoryId = MemoryId::new(1);
pub const BALANCES: MemoryId = MemoryId::new(2);
pub const ALLOWANCES: MemoryId = MemoryId::new(3);
pub const EXPIRATIONS: MemoryId = MemoryId::new(4);
pub const SEEN_BY_HASH: MemoryId = MemoryId::new(5);
pub const SEEN_BY_TIME: MemoryId = MemoryId::new(6);
pub const LOG_INDEX: MemoryId = MemoryId::new(7);
pub const LOG_BLOCKS: MemoryId = MemoryId::new(8);
pub const FLIGHTS: MemoryId = MemoryId::new(9);
pub const MEMBERS: MemoryId = MemoryId::new(10);
pub const GRANTS: MemoryId = MemoryId::new(11);

/// One segment.
pub type Segment<M> = VirtualMemory<M>;

/// All segments of one stable memory.
pub type Segments<M> = MemoryManager<M>;

pub fn open<M: Memory>(memory: M) -> Segments<M> {
    MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES)
}
