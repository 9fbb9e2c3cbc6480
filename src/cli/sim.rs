//! `atoll sim`: many seeds on all cores, a verdict on the last line.

use crate::sim::shrink::{SWITCHES, shrink, without};
use crate::sim::{Profile, Scenario, Tally, Verdict, run};
use clap::Args;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Run whole simulated subnets, one for each seed, and check every invariant.
#[derive(Args, Debug, Clone)]
pub struct SimArgs {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// Heights that every honest replica must finalize and certify.
    #[arg(long, default_value_t = 200)]
    heights: u64,
    /// Which kind of runs: swarm, twins, keys (real threshold keys) or quiet.
    #[arg(long, default_value = "swarm", value_parser = parse_profile)]
    profile: Profile,
    /// Size of the committee; the seed chooses when it is not given.
    #[arg(long)]
    nodes: Option<usize>,
    /// Faults and sinners to switch off, as the replay of a failure names them.
    #[arg(long, value_delimiter = ',', value_parser = parse_switch)]
    without: Vec<String>,
    /// Stop taking new seeds after so many minutes; the last line says how many were done.
    #[arg(long)]
    minutes: Option<u64>,
    /// Print the last line only.
    #[arg(long)]
    json: bool,
}

fn parse_profile(name: &str) -> Result<Profile, String> {
    let known = Profile::NAMES.iter().find(|(known, _)| *known == name);
    let names: Vec<&str> = Profile::NAMES.iter().map(|(name, _)| *name).collect();
    known.map(|(_, profile)| *profile).ok_or_else(|| format!("one of: {}", names.join(", ")))
}

fn parse_switch(name: &str) -> Result<String, String> {
    let names: Vec<&str> = SWITCHES.iter().map(|(name, _)| *name).collect();
    match names.contains(&name) {
        true => Ok(name.to_string()),
        false => Err(format!("one of: {}", names.join(", "))),
    }
}

impl SimArgs {
    fn scenario(&self, seed: u64) -> Scenario {
        let scenario = Scenario::of(self.profile, seed, self.heights, self.nodes);
        // The names were checked when they were read.
        without(scenario.clone(), &self.without).unwrap_or(scenario)
    }

    fn profile_name(&self) -> &'static str {
        let found = Profile::NAMES.iter().find(|(_, profile)| *profile == self.profile);
        found.map_or("", |(name, _)| name)
    }

    fn is_over(&self, start: Instant) -> bool {
        self.minutes.is_some_and(|minutes| start.elapsed().as_secs() >= 60 * minutes)
    }
}

/// What all seeds together came to.
#[derive(Default)]
struct Sum {
    done: u64,
    heights: u64,
    violations: Vec<Verdict>,
    tally: Tally,
    /// Combined so that the order in which seeds end does not matter.
    trace: u64,
}

/// Runs the command; the exit code is 1 when an invariant was violated.
pub fn run_sim(args: &SimArgs) -> ExitCode {
    let start = Instant::now();
    let sum = Mutex::new(Sum::default());
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| work(args, start, &next, &sum));
        }
    });
    let sum = sum.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    report(args, &sum, start.elapsed().as_secs_f64(), cores);
    if sum.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(args: &SimArgs, start: Instant, next: &AtomicU64, sum: &Mutex<Sum>) {
    loop {
        let offset = next.fetch_add(1, Ordering::Relaxed);
        if offset >= args.seeds || args.is_over(start) {
            return;
        }
        let scenario = args.scenario(args.from.wrapping_add(offset));
        let verdict = run(scenario.clone());
        if verdict.violation.is_some() && !args.json {
            print_failure(args, &scenario, &verdict);
        }
        let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        sum.add(args, verdict);
    }
}

impl Sum {
    fn add(&mut self, args: &SimArgs, verdict: Verdict) {
        self.done += 1;
        self.heights += verdict.height;
        self.tally += verdict.tally;
        self.trace ^= verdict.trace.rotate_left((verdict.seed % 64) as u32);
        if !args.json && self.done.is_multiple_of((args.seeds / 10).max(1)) {
            println!(
                "{} of {} seeds, {} heights, {} violations",
                self.done,
                args.seeds,
                self.heights,
                self.violations.len()
            );
        }
        if verdict.violation.is_some() {
            self.violations.push(verdict);
        }
    }
}

/// Prints the failure made as small as it gets, as one piece, and the commands that replay both.
fn print_failure(args: &SimArgs, scenario: &Scenario, verdict: &Verdict) {
    let shrunk = shrink(scenario, verdict);
    let mut text = format!("{:?}\n", shrunk.scenario);
    for line in &shrunk.verdict.last_lines {
        text.push_str(line);
        text.push('\n');
    }
    if let Some(violation) = &shrunk.verdict.violation {
        text.push_str(&format!("seed {}: {violation}\n", verdict.seed));
    }
    let nodes = args.nodes.map_or(String::new(), |nodes| format!(" --nodes {nodes}"));
    let replay = format!(
        "atoll sim --from {} --seeds 1 --heights {} --profile {}{nodes}",
        verdict.seed,
        args.heights,
        args.profile_name()
    );
    let off = |names: &str| if names.is_empty() { String::new() } else { format!(" --without {names}") };
    let given = args.without.join(",");
    let more: Vec<&str> = args.without.iter().map(String::as_str).chain(shrunk.without).collect();
    println!("{text}replay: {replay}{}\nreplay the whole run: {replay}{}", off(&more.join(",")), off(&given));
}

fn report(args: &SimArgs, sum: &Sum, seconds: f64, cores: usize) {
    let failing = sum.violations.iter().map(|verdict| verdict.seed).min();
    if !args.json {
        for (name, count) in sum.tally.rows() {
            println!("{count:>12} {}", name.replace('_', " "));
        }
        let rate = sum.heights as f64 / seconds / cores as f64;
        println!(
            "{} heights in {seconds:.1} s, {rate:.0} heights/s/core, trace {:016x}",
            sum.heights, sum.trace
        );
    }
    let line = serde_json::json!({
        "profile": args.profile_name(),
        "seeds": args.seeds,
        "seeds_done": sum.done,
        "heights": args.heights,
        "heights_done": sum.heights,
        "heights_per_second_and_core": (sum.heights as f64 / seconds / cores as f64).round(),
        "violations": sum.violations.len(),
        "failing_seed": failing,
        "trace": format!("{:016x}", sum.trace),
    });
    println!("{line}");
}
