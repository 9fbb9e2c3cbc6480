//! Which segment of stable memory holds what. A number once used is never used for something else.

pub use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};

/// Pages of which segments are made: 4 MiB, so that an empty canister is small and a full one has 128 GiB.
const BUCKET_PAGES: u16 = 64;

/// Most buckets that there can be.
const BUCKETS: u64 = 32_768;

/// Pages that identities and their devices may take: four fifths. With the rest, those who are there sign in for ever.
pub const ROOM: u64 = BUCKETS * BUCKET_PAGES as u64 / 5 * 4;

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
    Unused = 5,
}

const PLACES: [Place; 6] =
    [Place::State, Place::Anchors, Place::ByKey, Place::ByCredential, Place::Signatures, Place::Unused];

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
        PLACES.iter().map(|place| self.at(*place).size().div_ceil(bucket) * bucket).sum()
    }
}
