//! Where the bytes of files are: slots of one size in a segment of their own, with a list of free ones.

use crate::memory::{Memory, Place, Segment, Segments};
use crate::types::UserId;
use ic_stable_structures::StableBTreeMap;

/// Bytes of a slot; also of a page of stable memory.
const SLOT: u64 = 64 * 1024;

// What a key of the book is about.
const FREE: u8 = 0;
const OWNED: u8 = 1;
const NUMBERS: u8 = 2;
const SLOTS: u64 = 0;
const FILES: u64 = 1;
const USED: u64 = 2;

/// Bytes of the slots that so many bytes take.
pub fn whole(bytes: u64) -> u64 {
    bytes.div_ceil(SLOT).saturating_mul(SLOT)
}

pub struct Pool<M: Memory> {
    memory: Segment<M>,
    /// Free slots; bytes of each owner; how many slots and files there ever were, and how many
    /// bytes the used ones have.
    book: StableBTreeMap<(u8, u64), u64, Segment<M>>,
}

impl<M: Memory> Pool<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self { memory: segments.at(Place::Slots), book: StableBTreeMap::init(segments.at(Place::FreeSlots)) }
    }

    fn read_number(&self, kind: u8, of: u64) -> u64 {
        self.book.get(&(kind, of)).unwrap_or_default()
    }

    /// The next number of a file.
    pub fn number(&mut self, next: impl FnOnce(&mut u64) -> u64) -> u64 {
        let mut last = self.read_number(NUMBERS, FILES);
        let number = next(&mut last);
        self.book.insert((NUMBERS, FILES), last);
        number
    }

    /// Bytes that files take, in whole slots.
    pub fn used(&self) -> u64 {
        self.read_number(NUMBERS, USED)
    }

    /// Bytes that one owner's files take, or have announced, in whole slots.
    pub fn owned(&self, owner: UserId) -> u64 {
        self.read_number(OWNED, owner.into())
    }

    /// Counts a file against its owner.
    pub fn reserve(&mut self, owner: UserId, bytes: u64) {
        let owned = self.owned(owner).saturating_add(whole(bytes));
        self.book.insert((OWNED, owner.into()), owned);
    }

    /// Counts a file of an owner no more.
    pub fn release(&mut self, owner: UserId, bytes: u64) {
        match self.owned(owner).saturating_sub(whole(bytes)) {
            0 => self.book.remove(&(OWNED, owner.into())),
            owned => self.book.insert((OWNED, owner.into()), owned),
        };
    }

    /// Slots for so many bytes: free ones first, then new ones.
    pub fn take(&mut self, bytes: u64) -> Vec<u32> {
        let count = bytes.div_ceil(SLOT) as usize;
        let free = self.book.range((FREE, 0)..(OWNED, 0)).take(count).map(|entry| entry.key().1);
        let mut slots: Vec<u32> = free.filter_map(|slot| u32::try_from(slot).ok()).collect();
        for slot in &slots {
            self.book.remove(&(FREE, u64::from(*slot)));
        }
        let first = self.read_number(NUMBERS, SLOTS);
        let more = (count - slots.len()) as u64;
        slots.extend((first..first + more).filter_map(|slot| u32::try_from(slot).ok()));
        self.book.insert((NUMBERS, SLOTS), first + more);
        let used = self.used().saturating_add(whole(bytes));
        self.book.insert((NUMBERS, USED), used);
        slots
    }

    pub fn give_back(&mut self, slots: &[u32]) {
        for slot in slots {
            self.book.insert((FREE, u64::from(*slot)), 0);
        }
        let used = self.used().saturating_sub((slots.len() as u64).saturating_mul(SLOT));
        self.book.insert((NUMBERS, USED), used);
    }

    fn pieces(slots: &[u32], start: u64, length: usize) -> Vec<(u64, usize)> {
        let (mut at, mut left, mut pieces) = (start, length, Vec::new());
        while left > 0 {
            let Some(slot) = slots.get((at / SLOT) as usize) else { break };
            let within = at % SLOT;
            let size = left.min((SLOT - within) as usize);
            pieces.push((u64::from(*slot) * SLOT + within, size));
            at += size as u64;
            left -= size;
        }
        pieces
    }

    pub fn write(&self, slots: &[u32], bytes: &[u8]) {
        let mut done = 0;
        for (address, size) in Self::pieces(slots, 0, bytes.len()) {
            let (have, need) = (self.memory.size(), (address + size as u64).div_ceil(SLOT));
            if need > have && self.memory.grow(need - have) < 0 {
                // undone with everything else that the call did
                panic!("no stable memory left");
            }
            self.memory.write(address, &bytes[done..done + size]);
            done += size;
        }
    }

    pub fn read(&self, slots: &[u32], start: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut done = 0;
        for (address, size) in Self::pieces(slots, start, length) {
            self.memory.read(address, &mut bytes[done..done + size]);
            done += size;
        }
        bytes
    }
}
