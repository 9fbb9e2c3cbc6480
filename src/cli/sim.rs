//! `atoll sim`: many seeds on all cores, a verdict on the last line.

use crate::sim::{Scenario, Tally, Verdict, run};
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
    /// Size of the committee; the seed chooses when it is not given.
    #[arg(long)]
    nodes: Option<usize>,
    /// Print the last line only.
    #[arg(long)]
    json: bool,
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
            scope.spawn(|| work(args, &next, &sum));
        }
    });
    let sum = sum.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    report(args, &sum, start.elapsed().as_secs_f64(), cores);
    if sum.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(args: &SimArgs, next: &AtomicU64, sum: &Mutex<Sum>) {
    loop {
        let offset = next.fetch_add(1, Ordering::Relaxed);
        if offset >= args.seeds {
            return;
        }
        let scenario = Scenario::swarm(args.from.wrapping_add(offset), args.heights, args.nodes);
        let described = format!("{scenario:?}");
        let verdict = run(scenario);
        let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        sum.add(args, verdict, &described);
    }
}

impl Sum {
    fn add(&mut self, args: &SimArgs, verdict: Verdict, described: &str) {
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
            if !args.json {
                print_failure(args, &verdict, described);
            }
            self.violations.push(verdict);
        }
    }
}

fn print_failure(args: &SimArgs, verdict: &Verdict, described: &str) {
    println!("{described}");
    verdict.last_lines.iter().for_each(|line| println!("{line}"));
    if let Some(violation) = &verdict.violation {
        println!("seed {}: {violation}", verdict.seed);
    }
    let nodes = args.nodes.map_or(String::new(), |nodes| format!(" --nodes {nodes}"));
    println!("replay: atoll sim --from {} --seeds 1 --heights {}{nodes}", verdict.seed, args.heights);
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
        "seeds": args.seeds,
        "heights": args.heights,
        "violations": sum.violations.len(),
        "failing_seed": failing,
    });
    println!("{line}");
}
