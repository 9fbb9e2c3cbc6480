//! The canisters whose balances are sampled, and how others are found.
//!
//! 1. Those that installation names are watched for good. Others are found by asking whether the ids exist that
//!    the subnet gives out one after the other, [`PROBES_PER_TICK`] at a time, and are watched while there is room.
//! 2. One of those others that no longer exists is *gone*: it is not asked any more, and its place is free for the
//!    next.
//! 3. Each canister has a number of its own, never used again, by which its series are kept.

use crate::memory::{self, Memory, Segment, Segments};
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::StableBTreeMap;
use serde::{Deserialize, Serialize};
use std::ops::Bound::{Excluded, Unbounded};

/// Canisters that are watched.
pub const WATCHED_MAX: u64 = 128;
/// Canisters sampled at a time; more take turns.
pub const CANISTERS_PER_TICK: usize = 16;
/// Ids that are tried at a time.
pub const PROBES_PER_TICK: u64 = 4;
/// How far above the last canister that was found ids are tried, so that deleted ones make no end.
pub const PROBE_WINDOW: u64 = 64;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 60;

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Watched {
    pub number: u32,
    pub name: Option<String>,
    pub gone: bool,
}

pub struct Watch<M: Memory>(StableBTreeMap<Principal, Stored<Watched>, Segment<M>>);

impl<M: Memory> Watch<M> {
    pub fn open(segments: &Segments<M>) -> Self {
        Self(StableBTreeMap::init(segments.get(memory::WATCHED)))
    }

    pub fn get(&self, id: &Principal) -> Option<Watched> {
        self.0.get(id).map(|stored| stored.0)
    }

    /// All, in the order of their ids.
    pub fn list(&self) -> Vec<(Principal, Watched)> {
        self.0.iter().map(|entry| (*entry.key(), entry.value().0)).collect()
    }

    /// Watches a canister, under the next number. Whether it is new; `freed` is the number of one that went for it.
    pub fn add(&mut self, id: Principal, name: Option<String>, number: u32) -> Added {
        if let Some(known) = self.get(&id) {
            let name = name.or(known.name);
            self.0.insert(id, Stored(Watched { name, gone: false, ..known }));
            return Added::Known;
        }
        let mut freed = None;
        if self.0.len() >= WATCHED_MAX {
            let Some((gone, record)) = self.list().into_iter().find(|(_, it)| it.gone) else {
                return Added::NoRoom;
            };
            self.0.remove(&gone);
            freed = Some(record.number);
        }
        self.0.insert(id, Stored(Watched { number, name, gone: false }));
        Added::New { freed }
    }

    /// Lets go of a canister that installation did not name.
    pub fn set_gone(&mut self, id: &Principal) {
        if let Some(known) = self.get(id)
            && known.name.is_none()
        {
            self.0.insert(*id, Stored(Watched { gone: true, ..known }));
        }
    }

    /// The canisters whose turn it is: those after `last`, from the beginning again at the end.
    pub fn turn(&self, last: Option<Principal>) -> Vec<Principal> {
        let present = |id: &Principal| self.get(id).is_some_and(|it| !it.gone);
        let after = last.map_or(Unbounded, Excluded);
        let later = self.0.range((after, Unbounded)).map(|entry| *entry.key());
        let earlier =
            self.0.iter().map(|entry| *entry.key()).take_while(|id| last.is_some_and(|it| *id <= it));
        later.chain(earlier).filter(present).take(CANISTERS_PER_TICK).collect()
    }
}

/// What became of [`Watch::add`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    Known,
    New { freed: Option<u32> },
    NoRoom,
}

/// A canister's id as a number: eight bytes, then the mark of canisters.
pub fn number_of(id: &Principal) -> Option<u64> {
    match id.as_slice().split_first_chunk::<8>() {
        Some((number, [1, 1])) => Some(u64::from_be_bytes(*number)),
        _ => None,
    }
}

/// The other way.
pub fn id_of(number: u64) -> Principal {
    let mut bytes = [1; 10];
    if let Some(head) = bytes.first_chunk_mut::<8>() {
        *head = number.to_be_bytes();
    }
    Principal::from_slice(&bytes)
}

/// Where to look for canisters that are not known.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Search {
    /// The first id that the subnet gives out, or after the last that was found.
    pub base: u64,
    /// How far above that the next probe is.
    pub offset: u64,
}

impl Search {
    /// The ids to try now.
    pub fn probes(&self) -> Vec<u64> {
        let first = self.base.checked_add(self.offset);
        let last = first.and_then(|first| first.checked_add(PROBES_PER_TICK));
        first.zip(last).map_or(Vec::new(), |(first, last)| (first..last).collect())
    }

    /// After the probes of this turn, of which `found` is the highest that exists.
    pub fn advance(&mut self, found: Option<u64>) {
        match found {
            Some(number) => *self = Self { base: self.base.max(number.saturating_add(1)), offset: 0 },
            None => self.offset = self.offset.saturating_add(PROBES_PER_TICK) % PROBE_WINDOW,
        }
    }
}
