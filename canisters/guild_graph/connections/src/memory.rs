//! Which segment of stable memory holds what. A number once used is never used for something else.

use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

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
        Self(MemoryManager::init(memory))
    }

    pub fn at(&self, place: Place) -> Segment<M> {
        self.0.get(MemoryId::new(place as u8))
    }
}
