//! What the environment does to nodes and links, drawn from the seed.

use super::random::Random;
use super::scenario::{MS, SECOND};
use crate::types::NodeIndex;

/// How often and which faults strike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Mean time between two faults, in nanoseconds; 0 means never.
    pub every: u64,
    /// Weights of [`Fault`]'s kinds, in their order.
    pub weights: [u64; 8],
    /// Of a thousand disk barriers so many end in a crash before they hold.
    pub torn_per_mille: u64,
    /// The one barrier of the run that ends in a crash, counted from 1 over all nodes.
    pub torn_barrier: Option<u64>,
    /// Of a hundred thousand effects so many are followed by a crash.
    pub cut_short_per_100k: u64,
    /// Longest time that a barrier takes, in nanoseconds.
    pub sync_max: u64,
    /// Longest time that executing a height takes, in nanoseconds.
    pub execute_max: u64,
}

/// Something bad, and how long it lasts in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The process dies; what was not synced is lost, at least in part.
    Crash { node: NodeIndex, lasting: u64 },
    /// The process stands still and then goes on.
    Pause { node: NodeIndex, lasting: u64 },
    /// No messages between the two sides.
    Partition { links: Vec<(NodeIndex, NodeIndex)>, lasting: u64 },
    /// No messages in one direction.
    OneWay { links: Vec<(NodeIndex, NodeIndex)>, lasting: u64 },
    /// Messages are held back.
    Clog { links: Vec<(NodeIndex, NodeIndex)>, lasting: u64 },
    /// All processes die at once.
    Blackout { lasting: u64 },
    /// A clock is set anew, to so many nanoseconds ahead.
    ClockStep { node: NodeIndex, offset: i64 },
    /// All clocks jump ahead by so many nanoseconds: the machines were suspended, and calls expired.
    Leap { by: u64 },
}

impl Rates {
    /// Nothing ever fails; disk and execution take no time.
    pub const NONE: Rates = Rates {
        every: 0,
        weights: [0; 8],
        torn_per_mille: 0,
        torn_barrier: None,
        cut_short_per_100k: 0,
        sync_max: 0,
        execute_max: 0,
    };

    /// Every kind of fault on or off by itself.
    pub fn swarm(random: &mut Random) -> Rates {
        let mut weights = [0; 8];
        for weight in &mut weights {
            *weight = if random.chance(500) { random.between(1, 10) } else { 0 };
        }
        // One of these outdates a whole storm of calls.
        weights[7] = weights[7].min(1);
        let crashes = random.chance(500);
        Rates {
            every: if random.chance(850) { random.between(100, 3_000) * MS } else { 0 },
            weights,
            torn_barrier: None,
            torn_per_mille: if crashes { random.between(1, 10) } else { 0 },
            cut_short_per_100k: if crashes { random.between(1, 60) } else { 0 },
            sync_max: if random.chance(700) { random.between(MS / 10, 30 * MS) } else { 0 },
            execute_max: random.between(MS / 100, 100 * MS),
        }
    }
}

impl Fault {
    /// The next fault, if any kind is on.
    pub fn draw(random: &mut Random, rates: &Rates, n: usize) -> Option<Fault> {
        let total: u64 = rates.weights.iter().sum();
        let mut left = random.below(total);
        let kind = rates.weights.iter().position(|weight| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        })?;
        let node = NodeIndex(random.index(n) as u16);
        let lasting = 5 * MS + random.waiting(700 * MS);
        Some(match kind {
            0 => Fault::Crash { node, lasting },
            1 => Fault::Pause { node, lasting },
            2 => Fault::Partition { links: split(random, n), lasting },
            3 => Fault::OneWay { links: one_way(random, n), lasting },
            4 => Fault::Clog { links: one_way(random, n), lasting: lasting.min(5 * SECOND) },
            5 => Fault::Blackout { lasting },
            6 => Fault::ClockStep { node, offset: random.below(60 * SECOND) as i64 - 30 * SECOND as i64 },
            _ => Fault::Leap { by: random.below(400 * SECOND) },
        })
    }
}

/// All links between two random sides.
fn split(random: &mut Random, n: usize) -> Vec<(NodeIndex, NodeIndex)> {
    let sides = random.next();
    links(n, |from, to| (sides >> from ^ sides >> to) & 1 == 1)
}

/// Some links out of one node, or into it, or between random pairs.
fn one_way(random: &mut Random, n: usize) -> Vec<(NodeIndex, NodeIndex)> {
    let (node, shape, dice) = (random.index(n), random.below(3), random.next());
    links(n, |from, to| match shape {
        0 => from == node,
        1 => to == node,
        _ => dice >> ((from * n + to) % 64) & 1 == 1,
    })
}

fn links(n: usize, chosen: impl Fn(usize, usize) -> bool) -> Vec<(NodeIndex, NodeIndex)> {
    let pairs = (0..n).flat_map(|from| (0..n).map(move |to| (from, to)));
    pairs
        .filter(|(from, to)| from != to && chosen(*from, *to))
        .map(|(from, to)| (NodeIndex(from as u16), NodeIndex(to as u16)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_only_the_kinds_that_are_on() {
        let rates = Rates { weights: [0, 3, 0, 0, 0, 0, 1, 0], ..Rates::NONE };
        let mut random = Random::new(1);
        for _ in 0..200 {
            let fault = Fault::draw(&mut random, &rates, 4);
            assert!(matches!(fault, Some(Fault::Pause { .. } | Fault::ClockStep { .. })), "{fault:?}");
        }
        assert_eq!(Fault::draw(&mut random, &Rates::NONE, 4), None);
    }

    #[test]
    fn a_partition_cuts_both_ways_and_not_within_a_side() {
        let mut random = Random::new(4);
        for _ in 0..100 {
            let cut = split(&mut random, 7);
            assert!(cut.iter().all(|(from, to)| cut.contains(&(*to, *from))));
            assert!(cut.iter().all(|(from, to)| from != to));
        }
    }
}
