//! Who is connected with whom: the graph as a library ([`graph`]), and what Guild and its graph say to each other.
//!
//! 1. A [`Change`] tells what is to be between two people, not what is to be done, and has a number that grows with every
//!    change of mind of Guild's. So it may come twice, late, or after a later one, and the pair ends as the highest
//!    number says.
//!    A Guild that was put back to an older state may give a number again: what has a known number and says
//!    otherwise than the pair is counts as older, so that Guild gives it a new one.
//! 2. Every change has an [`Outcome`] of its own; one that is refused keeps no other from being applied.

pub mod graph;
mod memory;

#[cfg(test)]
mod tests;

pub use graph::Graph;
pub use ic_stable_structures::Memory;

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// A person, by the number that Guild gave them.
pub type PersonId = u32;

/// Most changes in one call.
pub const CHANGES_MAX: usize = 100;
/// Most connections of one person.
pub const CONNECTIONS_MAX: u32 = 5_000;

/// Most connections of all people.
pub const EDGES_MAX: u64 = 50_000_000;
/// Ended connections whose numbers are remembered.
pub const ENDED_MAX: u64 = 100_000;
/// Most people of a page, and most of whom degrees are asked at once.
pub const PAGE_MAX: usize = 50;
/// Most connections of a page of all of them, each counted in both directions.
pub const PAIRS_SEEN_MAX: usize = 1_000;
/// Most mutual connections that are named; all are counted.
pub const MUTUAL_MAX: usize = 12;
/// Most connections looked at for one question.
pub const STEPS_MAX: usize = 20_000;
/// Most of somebody's connections whose own connections are looked at.
pub const FRIENDS_MAX: usize = 300;

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default)]
pub struct InitArgs {
    /// The one canister that may write; none: nobody may.
    pub guild: Option<Principal>,
}

/// What is to be between two people.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    pub a: PersonId,
    pub b: PersonId,
    pub connected: bool,
    pub number: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The pair is as the change says: now, or since it came before.
    Done,
    /// Nothing changed, because a change with this number, or perhaps a later one that is forgotten, came before.
    Older(u64),
    /// One of the two has as many connections as one may have, or there are as many as fit.
    Full,
    /// Nobody is connected with themselves.
    Itself,
}

/// Why a call changed nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Only Guild writes.
    NotGuild,
    /// One call takes so many changes.
    TooMany(u32),
}

/// How two people are connected.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Between {
    /// 1: connected; 2: by somebody; 3: by two; none: further away, or too far to be looked at.
    pub degree: Option<u8>,
    /// The first of those who are connected with both.
    pub mutual: Vec<PersonId>,
    pub mutual_count: u32,
}

/// Somebody whom one may know, and how many both know.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suggestion {
    pub person: PersonId,
    pub mutual: u32,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PersonPage {
    pub people: Vec<PersonId>,
    pub next: Option<PersonId>,
}

/// Some of all connections, each with the smaller person first, and where to go on.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PairPage {
    pub pairs: Vec<(PersonId, PersonId)>,
    pub next: Option<(PersonId, PersonId)>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// People with at least one connection.
    pub people: u64,
    pub connections: u64,
    /// Ended connections whose numbers are still known.
    pub ended: u64,
}
