//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 2 MiB, so that an empty ledger is small and a full one has 64 GiB.
const BUCKET_PAGES: u16 = 32;

/// One segment.
pub type Segment<M> = VirtualMemory<M>;

/// All segments of one stable memory.
pub struct Segments<M: Memory>(MemoryManager<M>);

impl<M: Memory> Segments<M> {
    pub fn open(memory: M) -> Self {
        Self(MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES))
    }

    fn segment(&self, number: u8) -> Segment<M> {
        self.0.get(MemoryId::new(number))
    }

    pub fn settings(&self) -> Segment<M> {
        self.segment(0)
    }

    pub fn totals(&self) -> Segment<M> {
        self.segment(1)
    }

    pub fn balances(&self) -> Segment<M> {
        self.segment(2)
    }

    pub fn allowances(&self) -> Segment<M> {
        self.segment(3)
    }

    pub fn expirations(&self) -> Segment<M> {
        self.segment(4)
    }

    pub fn seen_by_hash(&self) -> Segment<M> {
        self.segment(5)
    }

    pub fn seen_by_time(&self) -> Segment<M> {
        self.segment(6)
    }

    pub fn log_index(&self) -> Segment<M> {
        self.segment(7)
    }

    pub fn log_blocks(&self) -> Segment<M> {
        self.segment(8)
    }

    pub fn flights(&self) -> Segment<M> {
        self.segment(9)
    }

    pub fn members(&self) -> Segment<M> {
        self.segment(10)
    }

    pub fn grants(&self) -> Segment<M> {
        self.segment(11)
    }
}
