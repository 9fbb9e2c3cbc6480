//! What happens in a run, drawn from its seed alone: faults one after the other, each healed before the next.
//!
//! 1. The n-th fault depends on the seed, the number of replicas, the kinds that are wanted and n; not on a clock, nor
//!    on how the subnet does. The same command tells the same story, though not with the same milliseconds.
//! 2. At most f replicas at once are down, stopped, without their votes or with wrong clocks: that is what a subnet
//!    must bear. Killing all is allowed, for disks survive; so is a partition without a quorum on either side, for it
//!    only waits.
//! 3. Kinds come in rounds: each wanted kind once, in an order of its own, before any comes again.

use crate::sim::random::Random;
use serde::Serialize;
use std::time::Duration;

/// Sorts of faults.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// kill -9 of one replica, or of up to f.
    Kill,
    /// kill -9 of all replicas.
    KillAll,
    /// SIGSTOP, and later SIGCONT.
    Pause,
    /// No byte more fits on the disk; later there is room again.
    DiskFull,
    /// The data directory is lost, the keys are not.
    Wipe,
    /// Bits of the data directory are flipped.
    Flip,
    /// The clock is wrong.
    Skew,
    /// Replicas do not reach each other.
    Partition,
    /// Links are slow, narrow, break and stand still.
    Links,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 9] = [
        Kind::Kill,
        Kind::KillAll,
        Kind::Pause,
        Kind::DiskFull,
        Kind::Wipe,
        Kind::Flip,
        Kind::Skew,
        Kind::Partition,
        Kind::Links,
    ];

    /// As on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kill => "kill",
            Kind::KillAll => "kill-all",
            Kind::Pause => "pause",
            Kind::DiskFull => "disk-full",
            Kind::Wipe => "wipe",
            Kind::Flip => "flip",
            Kind::Skew => "skew",
            Kind::Partition => "partition",
            Kind::Links => "links",
        }
    }

    /// Whether it befalls single replicas.
    fn has_victims(self) -> bool {
        !matches!(self, Kind::KillAll | Kind::Partition | Kind::Links)
    }
}

/// What all links do while it lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Climate {
    pub delay: Duration,
    pub jitter: Duration,
    /// What a replica can send to all others together.
    pub mbit: Option<u64>,
    /// Mean time between two resets of some connection.
    pub resets: Option<Duration>,
    /// Mean time between two halts of some direction of a link, which lets others overtake it.
    pub stalls: Option<Duration>,
}

/// Who does not reach whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Nothing passes between the two sides.
    Both,
    /// Nothing passes from the first side to the second.
    Out,
    /// Nothing passes from the second side to the first.
    In,
}

/// One fault of one replica.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blow {
    pub victim: usize,
    pub kind: Kind,
    /// What its clock is wrong by, if that is the fault.
    pub skew_s: i64,
    /// What else it draws comes from here.
    pub seed: u64,
}

/// One fault of the run, with all that belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Episode {
    pub number: u64,
    pub kind: Kind,
    /// Before it.
    pub calm: Duration,
    /// From the fault to its end.
    pub hold: Duration,
    pub blows: Vec<Blow>,
    /// The first side of a partition.
    pub side: Vec<usize>,
    pub cut: Cut,
    pub climate: Climate,
    /// For what happens on the links.
    pub seed: u64,
}

impl Episode {
    /// Whether it leaves no quorum, so that nothing can be certified until it is over.
    pub fn stops_the_subnet(&self, nodes: usize) -> bool {
        let faulty = crate::types::faults_max(nodes);
        match self.kind {
            Kind::KillAll => true,
            Kind::Partition => self.side.len() > faulty,
            _ => false,
        }
    }
}

/// The source of a run's faults.
pub struct Plan {
    seed: u64,
    nodes: usize,
    kinds: Vec<Kind>,
}

impl Plan {
    /// Faults of `kinds` for a subnet of `nodes` replicas.
    pub fn new(seed: u64, nodes: usize, kinds: Vec<Kind>) -> Plan {
        Plan { seed, nodes, kinds }
    }

    /// The fault with this number, from 0 on; `None` if no kind is wanted.
    pub fn episode(&self, number: u64) -> Option<Episode> {
        let kind = self.kind(number)?;
        let mut random = Random::new(self.seed).fork(1).fork(number);
        let calm = ms(random.between(100, 800));
        let (low, high) = hold(kind);
        let hold = ms(random.between(low, high));
        let blows = self.blows(kind, &mut random);
        let side = match kind {
            Kind::Partition => self.side(&mut random),
            _ => Vec::new(),
        };
        let cut = [Cut::Both, Cut::Out, Cut::In][random.index(3)];
        let stormy = kind == Kind::Links || random.chance(400);
        let climate = if stormy { climate(&mut random) } else { Climate::default() };
        Some(Episode { number, kind, calm, hold, blows, side, cut, climate, seed: random.next() })
    }

    /// Rule 3.
    fn kind(&self, number: u64) -> Option<Kind> {
        let count = self.kinds.len();
        let round = number.checked_div(count as u64)?;
        let order = Random::new(self.seed).fork(0).fork(round).shuffled(count);
        let place = usize::try_from(number % count as u64).ok()?;
        order.get(place).and_then(|kind| self.kinds.get(*kind)).copied()
    }

    /// Rule 2. The first is of the episode's kind, the others of any.
    fn blows(&self, kind: Kind, random: &mut Random) -> Vec<Blow> {
        if !kind.has_victims() {
            return Vec::new();
        }
        let most = crate::types::faults_max(self.nodes) as u64;
        let victims = random.shuffled(self.nodes);
        let count = usize::try_from(random.between(1, most.max(1))).unwrap_or(1);
        let others: Vec<Kind> = self.kinds.iter().copied().filter(|kind| kind.has_victims()).collect();
        let blow = |(place, victim): (usize, usize)| Blow {
            victim,
            kind: if place == 0 { kind } else { others[random.index(others.len())] },
            skew_s: [-300, -90, -20, -5, 5, 20, 90, 300][random.index(8)],
            seed: random.next(),
        };
        victims.into_iter().take(count).enumerate().map(blow).collect()
    }

    /// One replica, up to f, or half of all.
    fn side(&self, random: &mut Random) -> Vec<usize> {
        let most = crate::types::faults_max(self.nodes);
        let count = match random.chance(400) {
            true => self.nodes / 2,
            false => 1 + random.index(most),
        };
        random.shuffled(self.nodes).into_iter().take(count).collect()
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Least and greatest milliseconds that a fault of this kind lasts.
fn hold(kind: Kind) -> (u64, u64) {
    match kind {
        Kind::Kill => (0, 1_500),
        Kind::KillAll => (0, 1_000),
        Kind::Pause => (500, 12_000),
        Kind::DiskFull | Kind::Wipe => (0, 2_000),
        Kind::Flip => (1_000, 5_000),
        Kind::Skew => (3_000, 8_000),
        Kind::Partition => (1_000, 8_000),
        Kind::Links => (3_000, 10_000),
    }
}

/// Within what a view's time bears, so that the subnet goes on in it.
fn climate(random: &mut Random) -> Climate {
    let some = |random: &mut Random, low, high| random.chance(500).then(|| random.between(low, high));
    Climate {
        delay: ms(some(random, 1, 120).unwrap_or_default()),
        jitter: ms(some(random, 1, 80).unwrap_or_default()),
        mbit: some(random, 4, 50),
        resets: some(random, 300, 3_000).map(ms),
        stalls: some(random, 200, 2_000).map(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(seed: u64, nodes: usize) -> Plan {
        Plan::new(seed, nodes, Kind::ALL.to_vec())
    }

    #[test]
    fn the_seed_alone_tells_the_story() {
        let story = |seed| (0..40).map(|number| plan(seed, 7).episode(number)).collect::<Vec<_>>();
        assert_eq!(story(5), story(5));
        assert_ne!(story(5), story(6));
    }

    #[test]
    fn no_more_than_f_replicas_are_faulty_at_once() {
        for (nodes, faulty) in [(4, 1), (7, 2), (13, 4)] {
            for number in 0..500 {
                let episode = plan(number, nodes).episode(number).unwrap();
                let victims: BTreeSet<usize> = episode.blows.iter().map(|blow| blow.victim).collect();
                assert_eq!(victims.len(), episode.blows.len(), "each is hit once");
                assert!(victims.len() <= faulty && victims.iter().all(|victim| *victim < nodes));
                assert_eq!(victims.is_empty(), !episode.kind.has_victims());
                assert_eq!(episode.side.is_empty(), episode.kind != Kind::Partition);
                assert!(episode.side.len() <= nodes / 2);
            }
        }
    }

    #[test]
    fn each_wanted_kind_comes_once_a_round() {
        let kinds = vec![Kind::Kill, Kind::Wipe, Kind::Partition];
        let plan = Plan::new(3, 4, kinds.clone());
        for round in 0..20 {
            let found: BTreeSet<Kind> =
                (0..3).map(|place| plan.episode(3 * round + place).unwrap().kind).collect();
            assert_eq!(found, kinds.iter().copied().collect());
        }
        assert_eq!(Plan::new(3, 4, Vec::new()).episode(0), None);
    }
}
