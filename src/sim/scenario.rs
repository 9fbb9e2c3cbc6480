//! What a seed decides before the run starts. Each seed switches every kind of fault on or off by itself
//! (swarm testing): a mixture of everything hides the bugs that need the absence of something.

use super::adversary::Sin;
use super::fault::Rates;
use super::network::Weather;
use super::oracle::CALM_HEIGHTS;
use super::random::Random;
use crate::types::limits;
use crate::types::planted::Bug;

/// One millisecond in the simulator's nanoseconds.
pub const MS: u64 = 1_000_000;
/// One second.
pub const SECOND: u64 = 1_000 * MS;

/// Every so many seeds, the production executor runs; in the others the ledger, at a quarter of the cost.
pub const REAL_EXECUTION_EVERY: u64 = 16;

/// Heights of the calm after a run with Twins: a bug of theirs shows within a dozen views.
const TWINS_CALM_HEIGHTS: u64 = 10;
/// Heights of an epoch, at least and at most: some pass within any run.
const EPOCH_MIN: u64 = 15;
const EPOCH_MAX: u64 = 60;
/// Nodes beyond the first members that operators may let in.
const NEWCOMERS: usize = 3;
/// As many as a person reads.
const LINES_TOLD: usize = 60;
/// How far clocks may be from true time, in nanoseconds: two of them then agree about a block's time.
const CLOCK_ERROR_MAX: u64 = 30 * SECOND;

/// Which kind of runs seeds make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Every kind of fault and sinner, each on or off.
    Swarm,
    /// Twins in partitions that change with every view, in short runs.
    Twins,
    /// As the swarm, while operators let nodes come and go, in most epochs.
    Members,
    /// As the swarm, with real threshold keys and four nodes.
    Keys,
    /// No fault at all.
    Quiet,
}

/// Everything that a run depends on.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    /// The first committee's size.
    pub nodes: usize,
    /// The run ends when every honest replica has finalized and certified this height.
    pub heights: u64,
    /// So many of them are the calm's.
    pub calm_heights: u64,
    pub weather: Weather,
    pub rates: Rates,
    /// What each node does wrong; `None` is honest. Those behind the first members are none at first.
    pub sins: Vec<Option<Sin>>,
    /// Each node's clock: nanoseconds ahead, millionths too fast.
    pub clocks: Vec<(i64, i64)>,
    /// What every message from or to each node takes longer, in nanoseconds; in the calm too.
    pub slow: Vec<u64>,
    /// Whether a replica handles inputs while effects wait for its disk.
    pub pipelined: bool,
    /// Every so many heights a state is offered and the blocks below are purged; 0 means never.
    pub checkpoint_every: u64,
    /// Of a thousand crashes so many take the whole disk, while the protocol bears one more fault.
    pub wiped_per_mille: u64,
    /// Mean time between two calls of users, in nanoseconds.
    pub call_every: u64,
    pub heartbeat_ms: u64,
    pub view_timeout_ms: u64,
    /// Heights of an epoch; 0 for one epoch for ever.
    pub epoch_length: u64,
    /// Mean time between two changes of the members that operators want, in nanoseconds; 0 for none ever.
    pub change_every: u64,
    /// How the run ends.
    pub ending: Ending,
    /// Whether the production executor runs the batches, in place of the simulator's ledger.
    pub real_execution: bool,
    /// How many of the last things that happened a failure tells.
    pub lines_told: usize,
    /// Whether signatures are real ones, in place of hashes.
    pub real_keys: bool,
    /// The mistake that a test plants; outside of tests it changes nothing.
    pub planted: Option<Bug>,
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Faults stop some heights before the end, and from then on the subnet must live (I12, I13).
    Calm,
    /// After so many nanoseconds, alive or not: for the controls that must stop or fork.
    After(u64),
}

impl Profile {
    /// Every profile with its name on the command line.
    pub const NAMES: &[(&str, Profile)] = &[
        ("swarm", Profile::Swarm),
        ("twins", Profile::Twins),
        ("members", Profile::Members),
        ("keys", Profile::Keys),
        ("quiet", Profile::Quiet),
    ];
}

impl Scenario {
    /// What `seed` makes of a run of `heights` heights; `nodes` overrides the size that the profile or the
    /// seed chooses.
    pub fn of(profile: Profile, seed: u64, heights: u64, nodes: Option<usize>) -> Scenario {
        match profile {
            Profile::Swarm => Scenario::swarm(seed, heights, nodes),
            Profile::Twins => Scenario::twins(seed, heights, nodes),
            Profile::Members => Scenario::members(seed, heights, nodes),
            Profile::Keys => Scenario {
                real_keys: true,
                real_execution: false,
                // Simulated nodes have no keys to which real shares could be encrypted.
                epoch_length: 0,
                ..Scenario::swarm(seed, heights, nodes.or(Some(4)))
            },
            Profile::Quiet => Scenario::quiet(seed, nodes.unwrap_or(4), heights),
        }
    }

    /// A run of the swarm.
    pub fn swarm(seed: u64, heights: u64, nodes: Option<usize>) -> Scenario {
        let mut random = Random::new(seed).fork(0);
        let size = match random.below(100) {
            0..75 => 4,
            75..95 => 7,
            _ => 13,
        };
        let nodes = nodes.unwrap_or(size).clamp(1, limits::NODES_MAX);
        let mut rates = Rates::swarm(&mut random);
        Scenario {
            seed,
            nodes,
            heights,
            calm_heights: CALM_HEIGHTS,
            weather: weather(&mut random),
            sins: sins(&mut random, nodes),
            clocks: clocks(&mut random, nodes, heights, &mut rates),
            slow: slow(&mut random, nodes),
            rates,
            pipelined: random.chance(500),
            checkpoint_every: if random.chance(600) { random.between(2, 30) } else { 0 },
            wiped_per_mille: if random.chance(500) { random.between(10, 400) } else { 0 },
            call_every: random.between(10, 400) * MS,
            heartbeat_ms: random.between(200, 1_000),
            view_timeout_ms: random.between(300, 1_500),
            epoch_length: if random.chance(500) { random.between(EPOCH_MIN, EPOCH_MAX) } else { 0 },
            change_every: 0,
            ending: Ending::Calm,
            real_execution: seed.is_multiple_of(REAL_EXECUTION_EVERY),
            lines_told: LINES_TOLD,
            real_keys: false,
            planted: None,
        }
    }

    /// A run of the swarm in which nodes come and go.
    pub fn members(seed: u64, heights: u64, nodes: Option<usize>) -> Scenario {
        let mut scenario = Scenario::swarm(seed, heights, nodes);
        let mut random = Random::new(seed).fork(8);
        scenario.epoch_length = random.between(EPOCH_MIN, EPOCH_MAX);
        scenario.change_every = random.between(500, 5_000) * MS;
        let sins = Sin::among_changes();
        let mut sin = || sins[random.index(sins.len())];
        scenario.sins.iter_mut().flatten().for_each(|found| *found = sin());
        for newcomer in 0..NEWCOMERS {
            let sin = sin();
            scenario.sins.push((newcomer == 0).then_some(sin));
            scenario.clocks.push(scenario.clocks[newcomer % scenario.nodes]);
            scenario.slow.push(0);
        }
        scenario
    }

    /// As many Twins as the protocol bears, in partitions that come and go as fast as views.
    pub fn twins(seed: u64, heights: u64, nodes: Option<usize>) -> Scenario {
        let mut random = Random::new(seed).fork(7);
        let nodes = nodes.unwrap_or(if random.chance(900) { 4 } else { 7 }).clamp(1, limits::NODES_MAX);
        let places = random.shuffled(nodes);
        let (twins, _) = places.split_at(Scenario::faults_allowed(nodes));
        let crashes = if random.chance(300) { 1 } else { 0 };
        Scenario {
            calm_heights: TWINS_CALM_HEIGHTS,
            rates: Rates {
                every: random.between(300, 1_500) * MS,
                weights: [crashes, 0, 6, random.below(3), random.below(2), 0, 0, 0],
                execute_max: 5 * MS,
                ..Rates::NONE
            },
            weather: Weather { delay_mean: random.between(1, 40) * MS, ..Weather::CALM },
            sins: (0..nodes).map(|node| twins.contains(&node).then_some(Sin::Twin)).collect(),
            pipelined: random.chance(500),
            call_every: 100 * MS,
            heartbeat_ms: 100,
            view_timeout_ms: random.between(100, 400),
            epoch_length: if random.chance(300) { EPOCH_MIN } else { 0 },
            ..Scenario::quiet(seed, nodes, heights)
        }
    }

    /// A subnet in which nothing goes wrong: where controls start from.
    pub fn quiet(seed: u64, nodes: usize, heights: u64) -> Scenario {
        Scenario {
            weather: Weather::CALM,
            rates: Rates::NONE,
            sins: vec![None; nodes],
            clocks: vec![(0, 0); nodes],
            slow: vec![0; nodes],
            pipelined: false,
            checkpoint_every: 0,
            wiped_per_mille: 0,
            call_every: 50 * MS,
            heartbeat_ms: 500,
            view_timeout_ms: 1_000,
            epoch_length: 0,
            change_every: 0,
            real_execution: false,
            ..Scenario::swarm(seed, heights, Some(nodes))
        }
    }

    /// How many nodes may sin before the protocol promises nothing.
    pub fn faults_allowed(nodes: usize) -> usize {
        (nodes.max(1) - 1) / 3
    }
}

impl Weather {
    /// A good network.
    pub const CALM: Weather = Weather {
        delay_min: 2 * MS,
        delay_mean: 3 * MS,
        loss_per_mille: 0,
        twice_per_mille: 0,
        ordered: false,
    };
}

fn weather(random: &mut Random) -> Weather {
    Weather {
        delay_min: random.between(MS / 10, 20 * MS),
        delay_mean: random.between(MS / 10, 60 * MS),
        loss_per_mille: if random.chance(500) { random.between(1, 300) } else { 0 },
        twice_per_mille: if random.chance(500) { random.between(1, 500) } else { 0 },
        ordered: random.chance(300),
    }
}

fn sins(random: &mut Random, nodes: usize) -> Vec<Option<Sin>> {
    let mut sins = vec![None; nodes];
    let allowed = Scenario::faults_allowed(nodes) as u64;
    let sinners = if random.chance(800) { random.between(1.min(allowed), allowed) as usize } else { 0 };
    for place in random.shuffled(nodes).into_iter().take(sinners) {
        sins[place] = Some(Sin::ALLOWED[random.index(Sin::ALLOWED.len())]);
    }
    sins
}

/// Clocks stand far apart, or near each other and run up to a tenth wrong: by the end of the run they are
/// never further from true time than [`CLOCK_ERROR_MAX`].
fn clocks(random: &mut Random, nodes: usize, heights: u64, rates: &mut Rates) -> Vec<(i64, i64)> {
    let drifting = random.chance(250);
    let duration = 180 * SECOND + heights * SECOND / 2;
    let (spread, ppm) = match drifting {
        true => (100 * MS, (CLOCK_ERROR_MAX / (duration / 1_000_000)).min(100_000)),
        false if random.chance(500) => (CLOCK_ERROR_MAX, 100),
        false => (100 * MS, 1_000),
    };
    if drifting {
        // A clock that is set anew would be wrong twice.
        rates.weights[6] = 0;
    }
    let mut within = |bound: u64| random.below(2 * bound + 1) as i64 - bound as i64;
    (0..nodes).map(|_| (within(spread), within(ppm))).collect()
}

/// Sometimes up to a third of the nodes are far away.
fn slow(random: &mut Random, nodes: usize) -> Vec<u64> {
    let mut slow = vec![0; nodes];
    if random.chance(200) {
        for place in random.shuffled(nodes).into_iter().take(Scenario::faults_allowed(nodes)) {
            slow[place] = random.between(20, 300) * MS;
        }
    }
    slow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(
            format!("{:?}", Scenario::swarm(5, 200, None)),
            format!("{:?}", Scenario::swarm(5, 200, None))
        );
    }

    #[test]
    fn never_more_sinners_than_the_protocol_bears() {
        for seed in 0..500 {
            let scenario = Scenario::swarm(seed, 200, None);
            let sinners = scenario.sins.iter().flatten().count();
            assert!(3 * sinners < scenario.nodes, "seed {seed}: {sinners} of {}", scenario.nodes);
        }
    }

    #[test]
    fn the_swarm_reaches_every_sin_and_all_sizes() {
        let scenarios: Vec<Scenario> = (0..200).map(|seed| Scenario::swarm(seed, 200, None)).collect();
        for sin in Sin::ALLOWED {
            assert!(scenarios.iter().any(|scenario| scenario.sins.contains(&Some(*sin))), "{sin:?} never");
        }
        for nodes in [4, 7, 13] {
            assert!(scenarios.iter().any(|scenario| scenario.nodes == nodes), "{nodes} nodes never");
        }
    }
}
