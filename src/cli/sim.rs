//! `atoll sim`: many seeds on all cores, a verdict on the last line.

mod summary;

use crate::sim::shrink::{SWITCHES, shrink, without};
use crate::sim::{Profile, Scenario, Verdict, run};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use summary::{Summary, Task};

/// Seeds between two writes of the summary's file.
const SEEDS_PER_SAVE: u64 = 64;

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
    /// How many of the last things that happened a failure prints, if not 60.
    #[arg(long)]
    lines: Option<usize>,
    /// Stop taking new seeds after so many minutes; the last line says how many were done.
    #[arg(long)]
    minutes: Option<u64>,
    /// Keep what was done in this file, and go on from what it says.
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
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
        let mut scenario = Scenario::of(self.profile, seed, self.heights, self.nodes);
        scenario.lines_told = self.lines.unwrap_or(scenario.lines_told);
        // The names were checked when they were read.
        without(scenario.clone(), &self.without).unwrap_or(scenario)
    }

    fn task(&self) -> Task {
        Task {
            profile: self.profile_name().to_string(),
            from: self.from,
            heights: self.heights,
            nodes: self.nodes,
            without: self.without.clone(),
        }
    }

    fn profile_name(&self) -> &'static str {
        let found = Profile::NAMES.iter().find(|(_, profile)| *profile == self.profile);
        found.map_or("", |(name, _)| name)
    }

    fn is_over(&self, start: Instant) -> bool {
        self.minutes.is_some_and(|minutes| start.elapsed().as_secs() >= 60 * minutes)
    }

    /// The command that runs `seed` again, with `more` switched off.
    fn replay(&self, seed: u64, more: &[&str]) -> String {
        let nodes = self.nodes.map_or(String::new(), |nodes| format!(" --nodes {nodes}"));
        let off: Vec<&str> = self.without.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let off = if off.is_empty() { String::new() } else { format!(" --without {}", off.join(",")) };
        format!(
            "atoll sim --from {seed} --seeds 1 --heights {} --profile {}{nodes}{off}",
            self.heights,
            self.profile_name()
        )
    }
}

/// Runs the command; the exit code is 1 when an invariant was violated, and 2 when the summary's file
/// cannot be used.
pub fn run_sim(args: &SimArgs) -> ExitCode {
    let start = Instant::now();
    let opened = Summary::open(args.summary.as_deref(), args.task(), args.seeds);
    let mut summary = match opened {
        Ok(summary) => summary,
        Err(error) => return unusable(&error),
    };
    let stride = if args.summary.is_some() { SEEDS_PER_SAVE } else { args.seeds };
    while summary.seeds_done < args.seeds && !args.is_over(start) {
        summary = run_some(args, start, summary, stride);
        if let Some(Err(error)) = args.summary.as_ref().map(|file| summary.save(file)) {
            return unusable(&error);
        }
    }
    report(args, &summary);
    if summary.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn unusable(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(2)
}

/// Runs the next `stride` seeds on all cores, or fewer when the time is over.
fn run_some(args: &SimArgs, start: Instant, summary: Summary, stride: u64) -> Summary {
    let began = Instant::now();
    let next = AtomicU64::new(summary.seeds_done);
    let end = args.seeds.min(summary.seeds_done.saturating_add(stride));
    let sum = Mutex::new(summary);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                // Whoever takes a seed runs it, so those done are always the first.
                while !args.is_over(start) {
                    let offset = next.fetch_add(1, Ordering::Relaxed);
                    if offset >= end {
                        break;
                    }
                    run_one(args, args.from.wrapping_add(offset), &sum);
                }
            });
        }
    });
    let mut summary = sum.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    summary.took(began.elapsed().as_secs_f64(), cores);
    summary
}

fn run_one(args: &SimArgs, seed: u64, sum: &Mutex<Summary>) {
    let scenario = args.scenario(seed);
    let verdict = run(scenario.clone());
    if verdict.violation.is_some() && !args.json {
        print_failure(args, &scenario, &verdict);
    }
    let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    sum.add(&verdict, || args.replay(seed, &[]));
    if !args.json && sum.seeds_done.is_multiple_of((args.seeds / 10).max(1)) {
        println!(
            "{} of {} seeds, {} heights, {} violations",
            sum.seeds_done, args.seeds, sum.heights_done, sum.violations
        );
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
    let (smallest, whole) = (args.replay(verdict.seed, &shrunk.without), args.replay(verdict.seed, &[]));
    println!("{text}replay: {smallest}\nreplay the whole run: {whole}");
}

fn report(args: &SimArgs, summary: &Summary) {
    if !args.json {
        for (name, count) in &summary.tally {
            println!("{count:>12} {}", name.replace('_', " "));
        }
        println!(
            "{} heights in {:.1} s, {} heights/s/core, trace {}",
            summary.heights_done, summary.seconds, summary.heights_per_second_and_core, summary.trace
        );
    }
    println!("{}", summary.line());
}
