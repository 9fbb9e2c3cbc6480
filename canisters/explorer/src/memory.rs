//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 1 MiB.
const BUCKET_PAGES: u16 = 16;

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

    pub fn config(&self) -> Segment<M> {
        self.segment(0)
    }

    pub fn progress(&self) -> Segment<M> {
        self.segment(1)
    }

    pub fn ends(&self) -> Segment<M> {
        self.segment(2)
    }

    pub fn points(&self) -> Segment<M> {
        self.segment(3)
    }

    pub fn epochs(&self) -> Segment<M> {
        self.segment(4)
    }

    pub fn watched(&self) -> Segment<M> {
        self.segment(5)
    }
}
