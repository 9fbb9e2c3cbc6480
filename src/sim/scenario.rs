//! What a seed decides before the run starts. Each seed switches every kind of fault on or off by itself
//! (swarm testing): a mixture of everything hides the bugs that need the absence of something.

use super::adversary::Sin;
use super::bug::Planted;
use super::fault::Rates;
use super::network::Weather;
use super::random::Random;
use crate::types::limits;

/// One millisecond in the simulator's nanoseconds.
pub const MS: u64 = 1_000_000;
/// One second.
pub const SECOND: u64 = 1_000 * MS;

/// Every so many seeds, the production executor runs; in the others the ledger, at half the cost.
pub const REAL_EXECUTION_EVERY: u64 = 2;

/// Everything that a run depends on.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    /// The committee's size.
    pub nodes: usize,
    /// The run ends when every honest replica has finalized and certified this height.
    pub heights: u64,
    pub weather: Weather,
    pub rates: Rates,
    /// What each node does wrong; `None` is honest.
    pub sins: Vec<Option<Sin>>,
    /// Each node's clock: nanoseconds ahead, millionths too fast.
    pub clocks: Vec<(i64, i64)>,
    /// Whether a replica handles inputs while effects wait for its disk.
    pub pipelined: bool,
    /// Mean time between two calls of users, in nanoseconds.
    pub call_every: u64,
    pub heartbeat_ms: u64,
    pub view_timeout_ms: u64,
    /// How the run ends.
    pub ending: Ending,
    /// Whether the production executor runs the batches, in place of the simulator's ledger.
    pub real_execution: bool,
    pub planted: Planted,
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Faults stop some heights before the end, and from then on the subnet must live (I12, I13).
    Calm,
    /// After so many nanoseconds, alive or not: for the controls that must stop or fork.
    After(u64),
}

impl Scenario {
    /// What `seed` makes of a run of `heights` heights; `nodes` overrides the size that the seed chose.
    pub fn swarm(seed: u64, heights: u64, nodes: Option<usize>) -> Scenario {
        let mut random = Random::new(seed).fork(0);
        let size = if random.chance(800) { 4 } else { 7 };
        let nodes = nodes.unwrap_or(size).clamp(1, limits::NODES_MAX);
        Scenario {
            seed,
            nodes,
            heights,
            weather: weather(&mut random),
            rates: Rates::swarm(&mut random),
            sins: sins(&mut random, nodes),
            clocks: (0..nodes).map(|_| clock(&mut random)).collect(),
            pipelined: random.chance(500),
            call_every: random.between(5, 400) * MS,
            heartbeat_ms: random.between(200, 1_000),
            view_timeout_ms: random.between(300, 1_500),
            ending: Ending::Calm,
            real_execution: seed.is_multiple_of(REAL_EXECUTION_EVERY),
            planted: Planted::default(),
        }
    }

    /// A subnet in which nothing goes wrong: where controls start from.
    pub fn quiet(seed: u64, nodes: usize, heights: u64) -> Scenario {
        Scenario {
            weather: Weather::CALM,
            rates: Rates::NONE,
            sins: vec![None; nodes],
            clocks: vec![(0, 0); nodes],
            pipelined: false,
            call_every: 50 * MS,
            heartbeat_ms: 500,
            view_timeout_ms: 1_000,
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
    let sinners = random.between(0, Scenario::faults_allowed(nodes) as u64) as usize;
    for place in random.shuffled(nodes).into_iter().take(sinners) {
        sins[place] = Some(Sin::ALLOWED[random.index(Sin::ALLOWED.len())]);
    }
    sins
}

/// Clocks stand within ±30 s of each other's middle and run up to a thousandth wrong.
fn clock(random: &mut Random) -> (i64, i64) {
    let spread = if random.chance(500) { 30 * SECOND } else { 100 * MS };
    let offset = random.below(2 * spread) as i64 - spread as i64;
    (offset, random.below(2_001) as i64 - 1_000)
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
    fn the_swarm_reaches_every_sin_and_both_sizes() {
        let scenarios: Vec<Scenario> = (0..200).map(|seed| Scenario::swarm(seed, 200, None)).collect();
        for sin in Sin::ALLOWED {
            assert!(scenarios.iter().any(|scenario| scenario.sins.contains(&Some(*sin))), "{sin:?} never");
        }
        for nodes in [4, 7] {
            assert!(scenarios.iter().any(|scenario| scenario.nodes == nodes), "{nodes} nodes never");
        }
    }
}
