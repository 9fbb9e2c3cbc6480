use super::adversary::Sin;
use super::fault::Rates;
use super::oracle::CALM_HEIGHTS;
use super::scenario::{MS, SECOND};
use super::*;
use crate::types::planted::Bug;

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
fn a_swarm_of_seeds_keeps_every_invariant_and_meets_every_fault() {
    let verdicts = run_all((1..=70).map(swarm).collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.height >= HEIGHTS));
    let mut tally = Tally::default();
    verdicts.into_iter().for_each(|verdict| tally += verdict.tally);
    let rows = tally.rows().into_iter().filter(|(name, _)| !ONLY_AMONG_CHANGES.contains(name));
    for (name, count) in rows {
        assert!(count >= 1, "{name}: never");
    }
}

/// What happens only in runs in which the members change.
const ONLY_AMONG_CHANGES: [&str; 2] = ["changes", "perjuries"];

/// S9: nodes come and go in every storm, and the oracle follows who may say what.
#[test]
fn nodes_come_and_go_in_any_storm() {
    let scenarios = (1..=80).map(|seed| Scenario::members(seed, 2 * HEIGHTS, None));
    let verdicts = run_all(scenarios.collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.height >= 2 * HEIGHTS));
    let changes: Vec<u64> = verdicts.iter().map(|verdict| verdict.tally.changes).collect();
    assert!(changes.iter().filter(|changes| **changes > 2).count() > 40, "{changes:?}");
    for name in ONLY_AMONG_CHANGES {
        let counts = verdicts.iter().flat_map(|verdict| verdict.tally.rows());
        assert!(counts.filter(|(of, _)| *of == name).any(|(_, count)| count > 0), "{name}: never");
    }
}

#[test]
fn twins_in_changing_partitions_never_fork_the_chain() {
    let verdicts = run_all((1..=150).map(|seed| Scenario::twins(seed, 18, None)).collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.height >= 18 && verdict.tally.twins > 0));
}

#[test]
fn epochs_pass_in_any_storm_and_false_dealers_stop_none() {
    let scenario = |seed: u64| {
        let scenario = Scenario { epoch_length: 15, ..Scenario::swarm(seed, 2 * HEIGHTS, None) };
        match Scenario::faults_allowed(scenario.nodes) {
            dealers if seed.is_multiple_of(2) => with_sinners(scenario, Sin::FalseDealer, dealers),
            _ => scenario,
        }
    };
    let verdicts = run_all((1..=40).map(scenario).collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.tally.epochs > 0));
    assert!(verdicts.iter().map(|verdict| verdict.tally.false_dealings).sum::<u64>() > 20);
}

/// As many boasters as the protocol bears: nothing waits for what they claim to have.
#[test]
fn epochs_pass_whatever_is_claimed() {
    let scenario = |seed: u64| {
        let swarm = Scenario::swarm(seed, 2 * HEIGHTS, None);
        let scenario = Scenario { epoch_length: 15, calm_heights: HEIGHTS, ..swarm };
        let boasters = Scenario::faults_allowed(scenario.nodes);
        with_sinners(scenario, Sin::Boaster, boasters)
    };
    let verdicts = run_all((1..=24).map(scenario).collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.tally.epochs > 0 && verdict.tally.withholdings > 0));
}

#[test]
fn a_crash_within_any_write_around_an_epochs_end_leaves_a_subnet_that_goes_on() {
    let scenarios = (100..=220).map(|barrier| {
        let quiet = Scenario { epoch_length: 15, ..Scenario::quiet(barrier % 8, 4, HEIGHTS) };
        Scenario { rates: Rates { torn_barrier: Some(barrier), ..Rates::NONE }, ..quiet }
    });
    let verdicts = run_all(scenarios.collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.tally.crashes == 1 && verdict.tally.epochs > 0));
}

#[test]
fn seeds_that_once_failed_stay_good() {
    // A vote to finalize that outlived its certificate; a member without shares that asked itself.
    let once = [72_131_332, 72_131_105, 72_131_118].map(|seed| Scenario::swarm(seed, 200, None));
    expect_clean(&run_all(once.to_vec()));
    // A replica that had lost its disk voted in a view from before the loss.
    expect_clean(&[run(Scenario::swarm(20, 600, None))]);
    // The first of these once more: a forged share kept back the beacon, and with it the certificate.
    expect_clean(&[run(Scenario::swarm(1_002_063, 460, None))]);
    // The only vote that came for a block was of a replica that left: nobody else was asked for the block.
    expect_clean(&[run(Scenario::swarm(77_000_052, 200, None))]);
    // A notarized block stood on one whose view most had given up: they never learned of its certificate.
    expect_clean(&[run(Scenario::swarm(1_001_722, 700, None))]);
    // The simulator's own: a liar without shares in an epoch took itself for a peer; disks were lost while others had
    // not written that they vote again.
    expect_clean(&[run(Scenario::swarm(1_002_107, 860, None)), run(Scenario::swarm(1_007_339, 60, None))]);
    // The simulator's own, too: states were offered for two heights, and no package reached a far node so soon.
    expect_clean(&[run(Scenario::swarm(1_009_540, 600, None))]);
}

#[test]
fn seeds_with_changing_members_that_once_failed_stay_good() {
    // A newcomer that was an epoch behind took shares of members whose places had moved for lies, and heard nobody any more.
    expect_clean(&[run(Scenario::members(5_001_487, 500, None))]);
}

#[test]
fn real_threshold_keys_keep_every_invariant() {
    let short = Scenario { calm_heights: 3, ..Scenario::of(Profile::Keys, 3, 8, None) };
    expect_clean(&[run(short)]);
}

#[test]
fn the_same_seed_makes_the_same_trace() {
    let trace =
        |verdicts: Vec<Verdict>| -> Vec<u64> { verdicts.iter().map(|verdict| verdict.trace).collect() };
    let scenarios: Vec<Scenario> =
        (1..=200).map(|seed| Scenario::swarm(seed, CALM_HEIGHTS + 5, None)).collect();
    let first = trace(run_all(scenarios.clone()));
    assert_eq!(first, trace(run_all(scenarios)));
    let distinct: std::collections::BTreeSet<u64> = first.iter().copied().collect();
    assert_eq!(distinct.len(), first.len());
}

/// Every write of a run of sixty heights, up to the three hundredth, ends in a crash, one run for each.
#[test]
fn a_crash_within_any_write_leaves_a_subnet_that_goes_on() {
    let scenarios = (1..=300).map(|barrier| {
        let quiet = Scenario::quiet(barrier % 8, 4, HEIGHTS);
        Scenario { rates: Rates { torn_barrier: Some(barrier), ..Rates::NONE }, ..quiet }
    });
    let verdicts = run_all(scenarios.collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.tally.crashes == 1));
}

/// As many misers as the protocol bears, where much of the gossip gets lost, too.
#[test]
fn calls_that_are_kept_back_stop_nothing() {
    let scenarios = (1..=24).map(|seed| {
        let mut scenario = Scenario::quiet(seed, if seed % 6 == 0 { 7 } else { 4 }, HEIGHTS);
        scenario.weather.loss_per_mille = 20 * (seed % 8);
        with_sinners(scenario, Sin::Miser, Scenario::faults_allowed(4))
    });
    let verdicts = run_all(scenarios.collect());
    expect_clean(&verdicts);
    assert!(verdicts.iter().all(|verdict| verdict.tally.bodies_fetched > 0 && verdict.tally.meannesses > 0));
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

/// In how many of these runs the oracle reports two blocks where there may be one.
fn forks(scenarios: Vec<Scenario>) -> usize {
    let verdicts = run_all(scenarios);
    let violations = verdicts.iter().filter_map(|verdict| verdict.violation.as_ref());
    violations.filter(|violation| matches!(violation.invariant, "I1" | "I2")).count()
}

#[test]
fn with_more_conspirators_than_allowed_the_oracle_reports_a_fork() {
    for (nodes, conspirators) in [(4, 2), (7, 3)] {
        let scenario = |seed| {
            let quiet =
                Scenario { ending: Ending::After(60 * SECOND), ..Scenario::quiet(seed, nodes, HEIGHTS) };
            with_sinners(quiet, Sin::Conspirator, conspirators)
        };
        let forks = forks((1..=200).map(scenario).collect());
        assert!(forks >= 198, "{forks} of 200 runs of {nodes} nodes");
    }
}

#[test]
fn with_more_twins_than_allowed_the_oracle_reports_a_fork() {
    let scenario = |seed| {
        let scenario =
            Scenario { ending: Ending::After(60 * SECOND), ..Scenario::twins(seed, HEIGHTS, Some(4)) };
        with_sinners(scenario, Sin::Twin, 2)
    };
    let forks = forks((1..=40).map(scenario).collect());
    assert!(forks >= 30, "{forks} of 40 runs");
}

/// S8: a leader that equivocates costs its own views, and little more.
#[test]
fn an_equivocating_leader_leaves_three_fifths_of_the_pace() {
    let highest = |sin: Option<Sin>| {
        let quiet = Scenario { ending: Ending::After(300 * SECOND), ..Scenario::quiet(3, 4, HEIGHTS) };
        let scenario = sin.map_or(quiet.clone(), |sin| with_sinners(quiet, sin, 1));
        let verdict = run(scenario);
        expect_clean(std::slice::from_ref(&verdict));
        verdict.highest
    };
    let (honest, equivocating) = (highest(None), highest(Some(Sin::Equivocator)));
    assert!(10 * equivocating >= 6 * honest, "{equivocating} heights in place of {honest}");
}

/// I15: f nodes gone and f others far away cost time, and nothing else.
#[test]
fn with_f_nodes_gone_and_f_far_away_the_others_live() {
    for nodes in [4, 7, 13] {
        let gone = Scenario::faults_allowed(nodes);
        let quiet = Scenario::quiet(5, nodes, HEIGHTS);
        let slow = (0..nodes).map(|node| if node >= nodes - gone { 150 * MS } else { 0 }).collect();
        let verdict = run(with_sinners(Scenario { slow, ..quiet }, Sin::Deserter, gone));
        expect_clean(std::slice::from_ref(&verdict));
        assert!(verdict.height >= HEIGHTS);
        assert_eq!(verdict.tally.desertions, gone as u64);
    }
}

#[test]
fn what_a_failure_can_do_without_is_no_part_of_it() {
    let seed = caught_after(Bug::RefundTwice, 1).map_or(1, |(seed, _)| seed);
    let scenario = Scenario { planted: Some(Bug::RefundTwice), real_execution: false, ..swarm(seed) };
    let shrunk = shrink::shrink(&scenario, &run(scenario.clone()));
    assert_eq!(shrunk.verdict.violation.map(|violation| violation.invariant), Some("I8"));
    assert!(shrunk.scenario.sins.iter().all(Option::is_none), "{:?}", shrunk.scenario);
    assert_eq!(shrunk.scenario.weather.loss_per_mille, 0);
    let names: Vec<String> = shrunk.without.iter().map(|name| name.to_string()).collect();
    let again = shrink::without(scenario, &names).unwrap();
    assert_eq!(run(again).trace, shrunk.verdict.trace);
}

/// Seeds within which every bug must be found.
const SEEDS_MAX: u64 = 200;
/// Runs of the soak for each bug, each from another seed on.
const STARTS: u64 = 11;

/// How many seeds from `first` on it takes to find the bug, and what gave it away.
fn caught_after(bug: Bug, first: u64) -> Option<(u64, Violation)> {
    (1..=SEEDS_MAX).find_map(|count| {
        let mut scenario = swarm(first + count - 1);
        match bug {
            // Few runs of the swarm end an epoch while blocks above its last are on their way.
            Bug::VoidDelivered => scenario.epoch_length = 15,
            // Shares must spoil combinations, and nobody else may be to blame.
            Bug::CulpritsKept => {
                let forgers = Scenario::faults_allowed(scenario.nodes);
                scenario = with_sinners(scenario, Sin::Forger, forgers);
            }
            // Only a leader who lies shows it.
            Bug::AttendanceUnchecked => scenario = with_sinners(scenario, Sin::Usurper, 1),
            // The members must change, and one of them lie.
            Bug::AssertionsKept => {
                scenario = Scenario::members(scenario.seed, 2 * HEIGHTS, Some(4));
                scenario.sins = vec![None; scenario.sins.len()];
                scenario.sins[3] = Some(Sin::Perjurer);
            }
            _ => {}
        }
        let verdict = run(Scenario { planted: Some(bug), real_execution: false, ..scenario });
        Some((count, verdict.violation?))
    })
}

/// What must have given a bug away.
fn check_caught(bug: Bug, invariants: &[&str]) {
    let (seeds, violation) = caught_after(bug, 1).unwrap_or_else(|| panic!("{bug:?} goes unnoticed"));
    assert!(invariants.contains(&violation.invariant), "{bug:?} after {seeds} seeds: {violation}");
}

/// Every bug with how many seeds it took, from each of so many starts; the median of each is printed.
fn hunt(starts: u64) -> Vec<(Bug, Vec<Option<u64>>)> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let found = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let hunts = (0..starts).map(|start| caught_after(*bug, 1 + start * SEEDS_MAX));
                    let hunts: Vec<Option<(u64, Violation)>> = hunts.collect();
                    let mut seeds: Vec<Option<u64>> =
                        hunts.iter().map(|hunt| Some(hunt.as_ref()?.0)).collect();
                    // Unnoticed counts as longer than any.
                    seeds.sort_unstable_by_key(|seeds| seeds.unwrap_or(u64::MAX));
                    let median = seeds[seeds.len() / 2];
                    println!("{bug:?}: median {median:?} of {seeds:?}, e.g. {:?}", hunts[0]);
                    found.lock().unwrap().push((*bug, seeds));
                }
            });
        }
    });
    found.into_inner().unwrap()
}

#[test]
fn every_planted_bug_is_caught() {
    let found = hunt(1);
    let missed: Vec<Bug> =
        found.iter().filter(|(_, seeds)| seeds.contains(&None)).map(|(bug, _)| *bug).collect();
    assert!(missed.is_empty(), "unnoticed for {SEEDS_MAX} seeds: {missed:?}");
    assert_eq!(found.len(), Bug::ALL.len());
}

#[test]
#[ignore = "minutes: `make sim-soak` runs it"]
fn every_planted_bug_is_caught_within_a_hundred_seeds_in_the_median() {
    for (bug, seeds) in hunt(STARTS) {
        let median = seeds[seeds.len() / 2];
        assert!(median.is_some_and(|median| median <= 100), "{bug:?}: {seeds:?}");
    }
}

#[test]
fn what_gives_a_bug_away_is_what_it_breaks() {
    check_caught(Bug::NoFsyncBeforeVote, &["I5"]);
    check_caught(Bug::VotesPurgedEarly, &["I5"]);
    check_caught(Bug::QuorumTwoF, &["I3"]);
    check_caught(Bug::BeaconUnchecked, &["I3"]);
    check_caught(Bug::CulpritsKept, &["I12"]);
    check_caught(Bug::HashOrderRoot, &["I4"]);
    check_caught(Bug::RefundTwice, &["I8"]);
    check_caught(Bug::AttendanceUnchecked, &["I17"]);
    check_caught(Bug::AssertionsKept, &["I4"]);
    check_caught(Bug::DeliveredForgotten, &["I7"]);
    check_caught(Bug::BodyUnchecked, &["I1", "I2", "I4", "I7"]);
}
