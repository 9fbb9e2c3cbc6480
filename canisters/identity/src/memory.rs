//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 1 MiB.
const BUCKET_PAGES: u16 = 16;

/// One segment.
pub type Segment<M> = VirtualMemory<M>;

/// What stands in which segment.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Place {
    State = 0,
    Anchors = 1,
    ByKey = 2,
    ByCredential = 3,
    Signatures = 4,
}

/// All segments of one stable memory.
pub struct Segments<M: Memory>(MemoryManager<M>);

impl<M: Memory> Segments<M> {
    pub fn open(memory: M) -> Self {
        Self(MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES))
    }

    pub fn at(&self, place: Place) -> Segment<M> {
        self.0.get(MemoryId::new(place as u8))
    }
}
