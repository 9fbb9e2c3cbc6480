//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 2 MiB, so that an empty app is small and a full one has 64 GiB.
const BUCKET_PAGES: u16 = 32;

/// Most buckets that there can be.
const BUCKETS: u64 = 32_768;

/// Pages that may be taken by what people write and upload: four fifths. The rest is for moderation, and for taking away.
pub const ROOM: u64 = BUCKETS * BUCKET_PAGES as u64 / 5 * 4;

/// How many places there are.
const PLACES: u8 = 27;

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
    Digests = 23,
    TagRanks = 24,
    Acts = 25,
    Strays = 26,
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
