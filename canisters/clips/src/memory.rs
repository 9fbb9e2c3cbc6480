//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 2 MiB, so that an empty app is small and a full one has 64 GiB.
const BUCKET_PAGES: u16 = 32;

/// One segment.
pub type Segment<M> = VirtualMemory<M>;

/// What stands in which segment.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Place {
    Counters = 0,
    Users = 1,
    UsersByPrincipal = 2,
    UsersByName = 3,
    Edges = 4,
    Clips = 5,
    Heat = 6,
    Words = 7,
    TagCounts = 8,
    Comments = 9,
    Notifications = 10,
    Messages = 11,
    Threads = 12,
    Cases = 13,
    CasesByTarget = 14,
    Events = 15,
    Media = 16,
    Uploads = 17,
    Leaves = 18,
    Seals = 19,
    FreeSlots = 20,
    Slots = 21,
    FirstPage = 22,
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
