//! Which segment of stable memory holds what. A number once used is never used for something else.

use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 2 MiB, so that an empty graph is small and a full one has 64 GiB.
const BUCKET_PAGES: u16 = 32;

/// One segment.
pub type Segment<M> = VirtualMemory<M>;

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Place {
    Settings = 0,
    Edges = 1,
    Degrees = 2,
    Ended = 3,
    EndedByAge = 4,
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
