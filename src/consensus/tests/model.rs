//! Every schedule of three views, looked at one by one: four replicas, one of them faulty.
//!
//! A state is the votes of the three honest replicas, and on what the blocks stand. The fourth replica
//! leads every view, proposes two blocks in each, on any block there is, and its votes are there for
//! whoever wants them; so two honest votes make a certificate. Messages need no place in the state: what
//! is certified may reach a replica at once, late, or never, so each replica may at any time act on what
//! exists, and may as well not. A vote needs nothing else than what exists, so no schedule is left out.
//!
//! What a replica may vote for is asked of the production rules ([`Attempt::may_notarize`] and its like,
//! [`Pool::is_nullified_between`]), once for each case, into tables. Replicas are alike, so states that
//! differ in their order are one; so are the two blocks of a view until one of them has a vote. Nobody
//! gives the last view up: nothing could follow, so nothing is left out.

use crate::consensus::pool::{Attempt, Pool};
use crate::types::planted::{Bug, plant};
use crate::types::*;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

const VIEWS: usize = 3;
const HONEST: usize = 3;
/// Honest votes that make a certificate together with the faulty replica's.
const NEEDED: u32 = 2;
/// Bits of a ballot: notarized the one or the other block, nullified, finalized the one or the other.
const BALLOT_BITS: usize = 5;
const NULLIFIED: u8 = 0b00100;

/// A block of a view, counted from 0, or genesis.
type Block = Option<(usize, usize)>;

/// What one replica voted for in each view.
type Ballots = [u8; VIEWS];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct State {
    replicas: [Ballots; HONEST],
    /// What each block stands on, once it has a vote.
    parents: [[Option<Block>; 2]; VIEWS],
}

impl State {
    const START: State = State { replicas: [[0; VIEWS]; HONEST], parents: [[None; 2]; VIEWS] };

    /// One number for all states that differ in the order of replicas alone.
    fn key(mut self) -> u64 {
        self.replicas.sort_unstable();
        let ballots = self.replicas.iter().flatten();
        let key = ballots.fold(0, |key, ballot| (key << BALLOT_BITS) | u64::from(*ballot));
        self.parents.iter().flatten().skip(2).fold(key, |key, parent| {
            let number = match parent {
                None => 0,
                Some(None) => 1,
                Some(Some((view, block))) => 2 + 2 * *view as u64 + *block as u64,
            };
            (key << 3) | number
        })
    }

    fn count(&self, view: usize, bit: u8) -> u32 {
        self.replicas.iter().filter(|ballots| ballots[view] & bit != 0).count() as u32
    }

    fn is_notarized(&self, block: Block) -> bool {
        block.is_none_or(|(view, block)| self.count(view, 1 << block) >= NEEDED)
    }

    fn is_nullified(&self, view: usize) -> bool {
        self.count(view, NULLIFIED) >= NEEDED
    }

    fn is_finalized(&self, (view, block): (usize, usize)) -> bool {
        self.count(view, 0b01000 << block) >= NEEDED
    }

    /// The blocks from `block` down to genesis.
    fn branch(&self, block: (usize, usize)) -> Vec<(usize, usize)> {
        let next = |block: &(usize, usize)| self.parents[block.0][block.1].flatten();
        std::iter::successors(Some(block), next).collect()
    }

    /// What RELIABILITY I1, I2 and I5 forbid.
    fn fault(&self) -> Option<&'static str> {
        for ballot in self.replicas.iter().flatten() {
            match ballot {
                _ if ballot & 0b11 == 0b11 => return Some("a replica notarizes two blocks of a view"),
                _ if ballot & NULLIFIED != 0 && ballot & 0b11000 != 0 => {
                    return Some("a replica finalizes a view that it gave up");
                }
                _ => {}
            }
        }
        let finalized: Vec<(usize, usize)> = (0..VIEWS)
            .flat_map(|view| [(view, 0), (view, 1)])
            .filter(|block| self.is_finalized(*block))
            .collect();
        if finalized.iter().any(|(view, _)| self.is_nullified(*view)) {
            return Some("a view is finalized and nullified");
        }
        if (0..VIEWS).any(|view| self.is_notarized(Some((view, 0))) && self.is_notarized(Some((view, 1)))) {
            return Some("two blocks of a view are notarized");
        }
        let highest = self.branch(*finalized.last()?);
        let forked = finalized.iter().any(|block| !highest.contains(block));
        forked.then_some("two finalized blocks are not of one branch")
    }
}

/// What the production rules say in every case.
struct Rules {
    may_notarize: [bool; 32],
    may_nullify: [bool; 32],
    /// Given the notarization of one of the two blocks.
    may_finalize: [[bool; 2]; 32],
    /// By the set of nullified views, and the views of parent and block; genesis is view 0.
    linked: [[[bool; VIEWS + 1]; VIEWS + 1]; 1 << VIEWS],
}

fn digest(block: usize) -> Digest {
    Digest([1 + block as u8; 32])
}

/// The production record of a replica's own votes in a view.
fn attempt(ballot: u8) -> Attempt {
    let voted = |bits: u8| (0..2).rev().find(|block| bits >> block & 1 == 1).map(digest);
    Attempt {
        notarized: voted(ballot),
        nullified: ballot & NULLIFIED != 0,
        finalized: voted(ballot >> 3),
        ..Attempt::default()
    }
}

fn pool(nullified: usize) -> Pool {
    let mut pool = Pool::default();
    for view in (1..=VIEWS).filter(|view| nullified >> (view - 1) & 1 == 1) {
        let view = View(view as u64);
        pool.at(view).nullification = Some(Nullification { view, signature: BlsBytes([0; 48]) });
    }
    pool
}

impl Rules {
    fn of_production() -> Rules {
        let of = |ballot: usize| attempt(ballot as u8);
        let finalize = |ballot, block| {
            let (view, signature) = (View(1), BlsBytes([0; 48]));
            let notarization = Notarization { view, block: digest(block), signature };
            let attempt =
                Attempt { notarization: Some(notarization), notarization_stored: true, ..of(ballot) };
            attempt.may_finalize() == Some(digest(block))
        };
        let linked = |nullified, low, high| {
            low < high && pool(nullified).is_nullified_between(View(low as u64), View(high as u64))
        };
        Rules {
            may_notarize: std::array::from_fn(|ballot| of(ballot).may_notarize()),
            may_nullify: std::array::from_fn(|ballot| of(ballot).may_nullify()),
            may_finalize: std::array::from_fn(|ballot| [finalize(ballot, 0), finalize(ballot, 1)]),
            linked: std::array::from_fn(|nullified| {
                std::array::from_fn(|low| std::array::from_fn(|high| linked(nullified, low, high)))
            }),
        }
    }

    /// Every state that one vote makes of `state`.
    fn successors(&self, state: &State, found: &mut Vec<State>) {
        for replica in 0..HONEST {
            // Replicas that voted alike can do alike.
            if state.replicas[..replica].contains(&state.replicas[replica]) {
                continue;
            }
            for view in 0..VIEWS {
                let ballot = state.replicas[replica][view];
                let mut vote = |bits: u8, parent: Option<((usize, usize), Block)>| {
                    let mut next = *state;
                    next.replicas[replica][view] |= bits;
                    if let Some(((view, block), parent)) = parent {
                        next.parents[view][block] = Some(parent);
                    }
                    found.push(next);
                };
                for block in 0..2 {
                    if self.may_finalize[usize::from(ballot)][block]
                        && state.is_notarized(Some((view, block)))
                    {
                        vote(0b01000 << block, None);
                    }
                }
                if !is_current(state, replica, view) {
                    continue;
                }
                if view + 1 < VIEWS && self.may_nullify[usize::from(ballot)] {
                    vote(NULLIFIED, None);
                }
                if self.may_notarize[usize::from(ballot)] {
                    for (block, parent) in self.proposals(state, view) {
                        vote(1 << block, Some(((view, block), parent)));
                    }
                }
            }
        }
    }

    /// The blocks of `view` that may be voted for, with their parents: a block that has a vote stands
    /// where it stands, a new one may stand anywhere; the second block is new only after the first.
    fn proposals(&self, state: &State, view: usize) -> Vec<(usize, Block)> {
        let nullified =
            (0..VIEWS).filter(|view| state.is_nullified(*view)).fold(0, |set, view| set | 1 << view);
        let places =
            std::iter::once(None).chain((0..view).flat_map(|view| [Some((view, 0)), Some((view, 1))]));
        let fits = |parent: &Block| {
            let low = parent.map_or(0, |(view, _)| view + 1);
            self.linked[nullified][low][view + 1] && state.is_notarized(*parent)
        };
        let known = state.parents[view];
        let mut proposals = Vec::new();
        for parent in places.filter(fits) {
            for block in 0..2 {
                let new = known[block].is_none() && (block == 0 || known[0].is_some());
                if known[block] == Some(parent) || new {
                    proposals.push((block, parent));
                }
            }
        }
        proposals
    }
}

/// Whether a replica may be in `view`: it gave no vote in a later one, and it was there before, or the
/// view below has a certificate.
fn is_current(state: &State, replica: usize, view: usize) -> bool {
    let voted = |view: usize| state.replicas[replica][view] & 0b00111 != 0;
    let left = (view + 1..VIEWS).any(voted);
    let certified =
        |view: usize| state.is_nullified(view) || (0..2).any(|block| state.is_notarized(Some((view, block))));
    !left && (view == 0 || voted(view) || certified(view - 1))
}

/// Looks at every state, breadth first: how many there are, or the first that must not be.
fn explore() -> Result<usize, Box<(State, &'static str)>> {
    let rules = Rules::of_production();
    let mut seen: HashSet<u64, BuildHasherDefault<Mixer>> = HashSet::default();
    let (mut layer, mut next, mut found) = (vec![State::START], Vec::new(), Vec::new());
    seen.insert(State::START.key());
    while !layer.is_empty() {
        for state in &layer {
            rules.successors(state, &mut found);
            for state in found.drain(..) {
                if !seen.insert(state.key()) {
                    continue;
                }
                if let Some(fault) = state.fault() {
                    return Err(Box::new((state, fault)));
                }
                next.push(state);
            }
        }
        layer.clear();
        std::mem::swap(&mut layer, &mut next);
    }
    Ok(seen.len())
}

/// Spreads a key that is a number already.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = (key ^ (key >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

#[test]
fn no_schedule_of_three_views_forks_the_chain() {
    let states = explore().unwrap_or_else(|found| panic!("{}: {:?}", found.1, found.0));
    println!("{states} states");
    assert!(states > 100_000, "only {states} states: the model does not move");
}

/// What the model says about the production rules with this mistake in them.
fn check(bug: Bug, expected: &str) {
    plant(Some(bug));
    let found = explore();
    plant(None);
    assert_eq!(found.err().map(|found| found.1), Some(expected));
}

#[test]
fn the_model_finds_every_weakened_rule() {
    check(Bug::NotarizeTwice, "a replica notarizes two blocks of a view");
    check(Bug::FinalizeAfterNullify, "a replica finalizes a view that it gave up");
    check(Bug::GapUnchecked, "two finalized blocks are not of one branch");
}
