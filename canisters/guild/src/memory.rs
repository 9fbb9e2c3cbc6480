//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 2 MiB, so that an empty app is small and a full one has 64 GiB.
const BUCKET_PAGES: u16 = 32;

/// Most buckets that there can be.
const BUCKETS: u64 = 32_768;

/// Pages that may be taken by what people write: four fifths. The rest is for those who leave, and for what the graph says.
pub const ROOM: u64 = BUCKETS * BUCKET_PAGES as u64 / 5 * 4;

/// How many places there are.
const PLACES: u8 = 22;

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
    Ties = 5,
    Intents = 6,
    Posts = 7,
    Comments = 8,
    Words = 9,
    Jobs = 10,
    Applications = 11,
    Notifications = 12,
    Messages = 13,
    Threads = 14,
    Views = 15,
    Pictures = 16,
    PictureDigests = 17,
    PictureBytes = 18,
    Leaving = 19,
    FirstPage = 20,
    Orphans = 21,
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

    /// Pages that are taken.
    pub fn pages(&self) -> u64 {
        let bucket = u64::from(BUCKET_PAGES);
        let taken = |place| self.0.get(MemoryId::new(place)).size().div_ceil(bucket) * bucket;
        (0..PLACES).map(taken).sum()
    }
}
