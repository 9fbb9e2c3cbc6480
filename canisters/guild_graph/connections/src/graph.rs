//! The connections, and what can be asked of them.

use crate::memory::{Place, Segment, Segments};
use crate::*;
use candid::Principal;
use ic_stable_structures::StableBTreeMap;
use std::collections::{BTreeMap, BTreeSet};

type Pair = (PersonId, PersonId);

// Keys of `Graph::settings`.
const GUILD: u8 = 0;
const FLOOR: u8 = 1;
const EDGES: u8 = 2;

/// Who is connected with whom.
pub struct Graph<M: Memory> {
    settings: StableBTreeMap<u8, Vec<u8>, Segment<M>>,
    /// Both directions of each connection, with the number of the change that made it.
    edges: StableBTreeMap<Pair, u64, Segment<M>>,
    degrees: StableBTreeMap<PersonId, u32, Segment<M>>,
    /// Pairs, the smaller person first, whose connection ended, with the number of the change that ended it.
    ended: StableBTreeMap<Pair, u64, Segment<M>>,
    ended_by_age: StableBTreeMap<(u64, PersonId, PersonId), (), Segment<M>>,
}

fn ordered(a: PersonId, b: PersonId) -> Pair {
    (a.min(b), a.max(b))
}

impl<M: Memory> Graph<M> {
    /// The graph that `memory` holds, or a new one where it holds nothing.
    pub fn open(memory: M) -> Self {
        let segments = Segments::open(memory);
        Self {
            settings: StableBTreeMap::init(segments.at(Place::Settings)),
            edges: StableBTreeMap::init(segments.at(Place::Edges)),
            degrees: StableBTreeMap::init(segments.at(Place::Degrees)),
            ended: StableBTreeMap::init(segments.at(Place::Ended)),
            ended_by_age: StableBTreeMap::init(segments.at(Place::EndedByAge)),
        }
    }

    /// Names the one who may write.
    pub fn set_guild(&mut self, guild: Option<Principal>) {
        match guild {
            Some(guild) => self.settings.insert(GUILD, guild.as_slice().to_vec()),
            None => self.settings.remove(&GUILD),
        };
    }

    pub fn guild(&self) -> Option<Principal> {
        self.settings.get(&GUILD).and_then(|bytes| Principal::try_from_slice(&bytes).ok())
    }

    fn number(&self, key: u8) -> u64 {
        let bytes = self.settings.get(&key).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_be_bytes)
    }

    fn set_number(&mut self, key: u8, number: u64) {
        self.settings.insert(key, number.to_be_bytes().to_vec());
    }

    // --- writing ---

    /// Makes pairs as the changes say (rules 1 to 4).
    pub fn apply(&mut self, caller: Principal, changes: &[Change]) -> Result<Vec<Outcome>, Refusal> {
        if self.guild() != Some(caller) {
            return Err(Refusal::NotGuild);
        }
        if changes.len() > CHANGES_MAX {
            return Err(Refusal::TooMany(CHANGES_MAX as u32));
        }
        Ok(changes.iter().map(|change| self.apply_one(change)).collect())
    }

    fn apply_one(&mut self, change: &Change) -> Outcome {
        let pair = ordered(change.a, change.b);
        if pair.0 == pair.1 {
            return Outcome::Itself;
        }
        match self.edges.get(&pair).or_else(|| self.ended.get(&pair)) {
            Some(known) if known == change.number && self.connected(pair.0, pair.1) == change.connected => {
                Outcome::Done
            }
            Some(known) if known >= change.number => Outcome::Older(known),
            None if change.number <= self.number(FLOOR) => Outcome::Older(self.number(FLOOR)),
            _ if change.connected => self.connect(pair, change.number),
            _ => self.disconnect(pair, change.number),
        }
    }

    fn connect(&mut self, (a, b): Pair, number: u64) -> Outcome {
        let is_new = !self.edges.contains_key(&(a, b));
        if is_new {
            let full = |person| self.degree_of(person) >= CONNECTIONS_MAX;
            if full(a) || full(b) || self.number(EDGES) >= EDGES_MAX {
                return Outcome::Full;
            }
            self.count(a, b, true);
        }
        self.edges.insert((a, b), number);
        self.edges.insert((b, a), number);
        self.forget_end((a, b));
        Outcome::Done
    }

    fn disconnect(&mut self, (a, b): Pair, number: u64) -> Outcome {
        if self.edges.remove(&(a, b)).is_some() {
            self.edges.remove(&(b, a));
            self.count(a, b, false);
        }
        self.forget_end((a, b));
        self.ended.insert((a, b), number);
        self.ended_by_age.insert((number, a, b), ());
        if self.ended.len() > ENDED_MAX
            && let Some(((oldest, a, b), ())) = self.ended_by_age.pop_first()
        {
            self.ended.remove(&(a, b));
            // a late change may be the oldest, and older than what was forgotten before
            self.set_number(FLOOR, oldest.max(self.number(FLOOR)));
        }
        Outcome::Done
    }

    fn forget_end(&mut self, (a, b): Pair) {
        if let Some(number) = self.ended.remove(&(a, b)) {
            self.ended_by_age.remove(&(number, a, b));
        }
    }

    fn count(&mut self, a: PersonId, b: PersonId, up: bool) {
        let step = |count: u64| if up { count.saturating_add(1) } else { count.saturating_sub(1) };
        for person in [a, b] {
            match step(self.degree_of(person).into()) {
                0 => self.degrees.remove(&person),
                count => self.degrees.insert(person, u32::try_from(count).unwrap_or(u32::MAX)),
            };
        }
        self.set_number(EDGES, step(self.number(EDGES)));
    }

    // --- asking ---

    fn degree_of(&self, person: PersonId) -> u32 {
        self.degrees.get(&person).unwrap_or_default()
    }

    pub fn connected(&self, a: PersonId, b: PersonId) -> bool {
        self.edges.contains_key(&(a, b))
    }

    fn friends(&self, of: PersonId) -> impl Iterator<Item = PersonId> + '_ {
        self.edges.range((of, 0)..=(of, PersonId::MAX)).map(|it| it.key().1)
    }

    /// A page of somebody's connections.
    pub fn connections(&self, of: PersonId, after: Option<PersonId>, limit: u32) -> PersonPage {
        let room = (limit as usize).clamp(1, PAGE_MAX);
        let first = after.map_or(Some(0), |it| it.checked_add(1));
        let people: Vec<PersonId> = match first {
            Some(first) => {
                let range = self.edges.range((of, first)..=(of, PersonId::MAX));
                range.take(room).map(|it| it.key().1).collect()
            }
            None => Vec::new(),
        };
        let next = people.last().copied().filter(|_| people.len() == room);
        PersonPage { people, next }
    }

    /// Those who are connected with both, found from the one with fewer connections.
    fn mutual(&self, a: PersonId, b: PersonId) -> impl Iterator<Item = PersonId> + '_ {
        let (few, many) = if self.degree_of(a) <= self.degree_of(b) { (a, b) } else { (b, a) };
        self.friends(few).filter(move |it| self.connected(many, *it))
    }

    /// A page of all connections, so that Guild can look for those that it does not know.
    pub fn pairs(&self, after: Option<Pair>) -> PairPage {
        let first = after.map_or((0, 0), |(a, b)| (a, b.saturating_add(1)));
        let seen: Vec<Pair> = self.edges.range(first..).take(PAIRS_SEEN_MAX).map(|it| *it.key()).collect();
        let next = seen.last().copied().filter(|_| seen.len() == PAIRS_SEEN_MAX);
        PairPage { pairs: seen.into_iter().filter(|(a, b)| a < b).collect(), next }
    }

    /// How two people are connected.
    pub fn between(&self, a: PersonId, b: PersonId) -> Between {
        let (mut mutual, mut count) = (Vec::new(), 0_u32);
        for person in self.mutual(a, b) {
            count = count.saturating_add(1);
            if mutual.len() < MUTUAL_MAX {
                mutual.push(person);
            }
        }
        Between { degree: self.degree(a, b, &mut { STEPS_MAX }), mutual, mutual_count: count }
    }

    /// For each of the others 1, 2, 3, or 0 where it is not known.
    pub fn degrees(&self, of: PersonId, others: &[PersonId]) -> Vec<u8> {
        let mut steps = STEPS_MAX;
        let others = others.iter().take(PAGE_MAX);
        others.map(|it| self.degree(of, *it, &mut steps).unwrap_or_default()).collect()
    }

    fn degree(&self, a: PersonId, b: PersonId, steps: &mut usize) -> Option<u8> {
        if a == b {
            return None;
        }
        if self.connected(a, b) {
            return Some(1);
        }
        let (few, many) = if self.degree_of(a) <= self.degree_of(b) { (a, b) } else { (b, a) };
        let near: BTreeSet<PersonId> = self.friends(few).take(*steps).collect();
        *steps = steps.saturating_sub(near.len());
        if near.iter().any(|it| self.connected(many, *it)) {
            return Some(2);
        }
        for friend in self.friends(many).take(FRIENDS_MAX) {
            for further in self.friends(friend) {
                *steps = steps.checked_sub(1)?;
                if near.contains(&further) {
                    return Some(3);
                }
            }
        }
        None
    }

    /// People whom somebody may know, those with the most mutual connections first.
    pub fn suggestions(&self, of: PersonId, limit: u32) -> Vec<Suggestion> {
        let (mut found, mut steps) = (BTreeMap::<PersonId, u32>::new(), STEPS_MAX);
        for friend in self.friends(of).take(FRIENDS_MAX) {
            for person in self.friends(friend) {
                if steps == 0 {
                    break;
                }
                steps -= 1;
                if person != of && !self.connected(of, person) {
                    let count = found.entry(person).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        let mut people: Vec<Suggestion> =
            found.into_iter().map(|(person, mutual)| Suggestion { person, mutual }).collect();
        people.sort_by_key(|it| (std::cmp::Reverse(it.mutual), it.person));
        people.truncate((limit as usize).clamp(1, PAGE_MAX));
        people
    }

    pub fn totals(&self) -> Totals {
        Totals { people: self.degrees.len(), connections: self.number(EDGES), ended: self.ended.len() }
    }
}
