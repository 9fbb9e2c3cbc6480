use super::adversary::Sin;
use super::bug::{Bug, Planted};
use super::fault::Rates;
use super::oracle::CALM_HEIGHTS;
use super::scenario::SECOND;
use super::*;

const HEIGHTS: u64 = 60;

fn swarm(seed: u64) -> Scenario {
    Scenario::swarm(seed, HEIGHTS, None)
}

/// Runs every scenario on all cores; verdicts in the order of the scenarios.
fn run_all(scenarios: Vec<Scenario>) -> Vec<Verdict> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let part = scenarios.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = scenarios
            .chunks(part)
            .map(|part| scope.spawn(|| part.iter().cloned().map(run).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

fn expect_clean(verdicts: &[Verdict]) {
    for verdict in verdicts {
        if let Some(violation) = &verdict.violation {
            panic!("seed {}: {violation}\n{}", verdict.seed, verdict.last_lines.join("\n"));
        }
    }
}

#[test]
fn a_quiet_subnet_finalizes_every_height_and_executes_every_call() {
    let verdict = run(Scenario::quiet(1, 4, HEIGHTS));
    expect_clean(std::slice::from_ref(&verdict));
    assert!(verdict.height >= HEIGHTS);
    assert!(verdict.tally.calls_executed > 0);
}

#[test]
fn the_production_executor_answers_calls_and_survives_crashes() {
    let quiet = run(Scenario { real_execution: true, ..Scenario::quiet(1, 4, HEIGHTS) });
    expect_clean(std::slice::from_ref(&quiet));
    // Creation and installation, and then calls of the canister.
    assert!(quiet.tally.calls_executed > 20, "{} of {} calls", quiet.tally.calls_executed, quiet.tally.calls);
    let stormy = (1..=6).map(|seed| Scenario { real_execution: true, ..swarm(seed) });
    expect_clean(&run_all(stormy.collect()));
}

#[test]
fn a_swarm_of_seeds_keeps_every_invariant() {
    let verdicts = run_all((1..=60).map(swarm).collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.height >= HEIGHTS));
}

#[test]
fn the_same_seed_makes_the_same_trace() {
    let trace =
        |verdicts: Vec<Verdict>| -> Vec<u64> { verdicts.iter().map(|verdict| verdict.trace).collect() };
    let scenarios: Vec<Scenario> = (1..=20).map(swarm).collect();
    let first = trace(run_all(scenarios.clone()));
    assert_eq!(first, trace(run_all(scenarios)));
    let distinct: std::collections::BTreeSet<u64> = first.iter().copied().collect();
    assert_eq!(distinct.len(), first.len());
}

#[test]
fn every_kind_of_fault_strikes_within_fifty_seeds() {
    let mut tally = Tally::default();
    run_all((1..=50).map(swarm).collect()).into_iter().for_each(|verdict| tally += verdict.tally);
    for (name, count) in tally.rows() {
        assert!(count >= 1, "{name}: never in 50 seeds");
    }
}

/// Every write of a short run ends in a crash, one run for each.
#[test]
fn a_crash_within_any_write_leaves_a_subnet_that_goes_on() {
    let scenarios = (1..=240).map(|barrier| {
        let quiet = Scenario::quiet(barrier % 8, 4, CALM_HEIGHTS + 40);
        Scenario { rates: Rates { torn_barrier: Some(barrier), ..Rates::NONE }, ..quiet }
    });
    let verdicts = run_all(scenarios.collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.tally.crashes == 1));
}

/// The scenario with the first `count` nodes committing `sin`.
fn with_sinners(scenario: Scenario, sin: Sin, count: usize) -> Scenario {
    let sins = (0..scenario.nodes).map(|node| (node < count).then_some(sin)).collect();
    Scenario { sins, ..scenario }
}

#[test]
fn with_one_more_mute_than_allowed_nothing_is_ever_finalized() {
    for (nodes, mute) in [(4, 2), (7, 3)] {
        let quiet = Scenario { ending: Ending::After(120 * SECOND), ..Scenario::quiet(3, nodes, HEIGHTS) };
        let stopped = run(with_sinners(quiet.clone(), Sin::Mute, mute));
        expect_clean(std::slice::from_ref(&stopped));
        assert_eq!(stopped.highest, 0, "{mute} of {nodes} mute");
        let living = run(with_sinners(quiet, Sin::Mute, mute - 1));
        assert!(living.highest > 50, "one fewer: {}", living.highest);
    }
}

#[test]
fn with_more_conspirators_than_allowed_the_oracle_reports_a_fork() {
    for (nodes, conspirators) in [(4, 2), (7, 3)] {
        let scenarios = (1..=20).map(|seed| {
            let quiet =
                Scenario { ending: Ending::After(60 * SECOND), ..Scenario::quiet(seed, nodes, HEIGHTS) };
            with_sinners(quiet, Sin::Conspirator, conspirators)
        });
        let verdicts = run_all(scenarios.collect());
        let forks = verdicts.iter().filter(|verdict| {
            verdict.violation.as_ref().is_some_and(|violation| matches!(violation.invariant, "I1" | "I2"))
        });
        assert!(
            forks.count() >= 19,
            "{nodes} nodes: {:?}",
            verdicts.iter().map(|verdict| &verdict.violation).collect::<Vec<_>>()
        );
    }
}

/// How many seeds it takes to find the bug, and what gave it away.
fn caught_after(bug: Bug) -> (u64, Violation) {
    let found = (1..=200).find_map(|seed| {
        let verdict = run(Scenario { planted: Planted(Some(bug)), real_execution: false, ..swarm(seed) });
        Some((seed, verdict.violation?))
    });
    let (seeds, violation) = found.unwrap_or_else(|| panic!("{bug:?} goes unnoticed for 200 seeds"));
    println!("{bug:?}: {seeds} seeds, {violation}");
    (seeds, violation)
}

#[test]
fn votes_sent_before_they_are_on_disk_are_caught() {
    assert_eq!(caught_after(Bug::NoFsyncBeforeVote).1.invariant, "I5");
}

#[test]
fn a_quorum_that_is_one_short_is_caught() {
    assert_eq!(caught_after(Bug::QuorumTwoF).1.invariant, "I3");
}

#[test]
fn a_state_root_in_hash_order_is_caught() {
    assert_eq!(caught_after(Bug::HashOrderRoot).1.invariant, "I4");
}
