//! Faults carried out, one after the other: struck, held, healed, and waited for until all replicas are well again.

use super::blow::{Offers, Struck};
use super::load::{Accounts, Progress};
use super::plan::{Blow, Episode, Kind};
use super::report::{Kills, Times};
use super::seen::Seen;
use super::sky::Sky;
use super::verify;
use crate::cli::testnet::TestnetError;
use crate::cli::testnet::layout::Place;
use crate::cli::testnet::process::{Process, ProcessError, describe};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A subnet that is not well again by then after its last fault never will be.
const RECOVERY: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(20);
/// Newest replies that a replica must know after its recovery.
const SPOT_CHECKS: usize = 3;
/// What Rust's runtime ends with after a panic.
const PANICKED: i32 = 101;

/// What happened, counted.
#[derive(Default)]
pub struct Tally {
    pub faults: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<&'static str, String>,
    pub ends: BTreeMap<String, u64>,
    pub kills: Kills,
    pub read_again: u64,
    pub violations: Vec<String>,
    rejoin: BTreeMap<&'static str, Vec<Duration>>,
    heal: BTreeMap<&'static str, Vec<Duration>>,
}

impl Tally {
    /// Times to the tip after a restart, and until all certify again; by kind of fault.
    pub fn times(&self) -> [BTreeMap<&'static str, Times>; 2] {
        [&self.rejoin, &self.heal].map(|all| {
            all.iter().filter_map(|(kind, durations)| Some((*kind, Times::of(durations)?))).collect()
        })
    }
}

/// Who carries out the faults.
pub struct Driver<'a> {
    pub places: Vec<Place>,
    pub processes: &'a mut Vec<Process>,
    pub sky: Arc<Sky>,
    pub seen: Arc<Seen>,
    pub accounts: Arc<Accounts>,
    pub progress: Arc<Progress>,
    pub offers: Offers,
    pub tally: Tally,
    pub log: File,
    pub begun: Instant,
    /// Replicas that are down on purpose.
    pub down: BTreeSet<usize>,
}

impl Driver<'_> {
    /// One line in the run's log and on standard error.
    pub fn tell(&mut self, what: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        eprintln!("{seconds:8.1} s  {what}");
        if let Err(error) = writeln!(self.log, "{seconds:.3} {what}") {
            eprintln!("chaos: the log cannot be written: {error}");
        }
    }

    /// A rule was broken.
    pub fn violation(&mut self, what: String) {
        self.tell(&format!("VIOLATION: {what}"));
        self.tally.violations.push(what);
    }

    /// Carries out one fault; false if the subnet does not recover.
    ///
    /// # Errors
    /// A process cannot be started, or the file system refuses.
    pub async fn episode(&mut self, episode: &Episode) -> Result<bool, TestnetError> {
        sleep(episode.calm).await;
        self.look_after_processes().await?;
        let name = self.describe(episode);
        self.tell(&name);
        let with_quorum = !episode.stops_the_subnet(self.places.len());
        self.seen.fault(Some((name, with_quorum)));
        self.sky.begin(&episode.climate);
        let (sky, climate, seed) = (self.sky.clone(), episode.climate, episode.seed);
        let storm = tokio::spawn(async move { sky.storm(climate, seed).await });
        let restarted = self.strike_and_heal(episode).await;
        storm.abort();
        self.sky.clear();
        let well = self.recover(episode.kind, restarted?).await?;
        self.seen.fault(None);
        self.collect();
        Ok(well)
    }

    fn describe(&self, episode: &Episode) -> String {
        let (number, kind) = (episode.number, episode.kind.name());
        let blow = |blow: &Blow| format!("{} of node {}", blow.kind.name(), blow.victim);
        let blows: Vec<String> = episode.blows.iter().map(blow).collect();
        let what = match episode.kind {
            Kind::Partition => format!("{kind} of {:?}, {:?}", episode.side, episode.cut),
            _ if blows.is_empty() => kind.to_string(),
            _ => blows.join(", "),
        };
        let climate = episode.climate;
        let mut links = Vec::new();
        if !climate.delay.is_zero() || !climate.jitter.is_zero() {
            links.push(format!("{}+{} ms", climate.delay.as_millis(), climate.jitter.as_millis()));
        }
        links.extend(climate.mbit.map(|mbit| format!("{mbit} Mbit/s")));
        links.extend(climate.resets.map(|mean| format!("resets every {} ms", mean.as_millis())));
        links.extend(climate.stalls.map(|mean| format!("halts every {} ms", mean.as_millis())));
        let weather = if links.is_empty() { String::new() } else { format!("; links: {}", links.join(", ")) };
        format!("#{number} {what}, {} ms{weather}", episode.hold.as_millis())
    }

    /// The replicas that were started again, by which kind of fault, when, and what the tip was then.
    async fn strike_and_heal(&mut self, episode: &Episode) -> Result<Vec<Restart>, TestnetError> {
        match episode.kind {
            Kind::KillAll => self.kill_all(episode).await,
            Kind::Partition | Kind::Links => {
                self.count(episode.kind);
                if episode.kind == Kind::Partition {
                    self.sky.cut(&episode.side, episode.cut);
                }
                sleep(episode.hold).await;
                Ok(Vec::new())
            }
            _ => {
                let mut struck = Vec::new();
                for blow in &episode.blows {
                    struck.push(self.strike(blow).await?);
                }
                sleep(episode.hold).await;
                let mut restarts = Vec::new();
                for (blow, struck) in episode.blows.iter().zip(struck) {
                    if !matches!(struck, Struck::Skipped) {
                        self.heal(blow, struck).await?;
                        restarts.push(self.restarted(blow.victim, blow.kind));
                    }
                }
                Ok(restarts)
            }
        }
    }

    async fn kill_all(&mut self, episode: &Episode) -> Result<Vec<Restart>, TestnetError> {
        self.count(Kind::KillAll);
        self.tally.kills.whole_subnet += 1;
        let nodes = 0..self.places.len();
        self.down.extend(nodes.clone());
        self.processes.iter().for_each(|process| process.signal(rustix::process::Signal::KILL));
        for node in nodes.clone() {
            self.kill(node).await;
        }
        sleep(episode.hold).await;
        for node in nodes.clone() {
            self.start(node)?;
        }
        Ok(nodes.map(|node| self.restarted(node, Kind::KillAll)).collect())
    }

    /// One more fault of this kind.
    pub fn count(&mut self, kind: Kind) {
        *self.tally.faults.entry(kind.name()).or_default() += 1;
    }

    /// Kills a replica; it is down until it is started.
    pub async fn kill(&mut self, node: usize) {
        self.down.insert(node);
        if let Some(process) = self.processes.get_mut(node) {
            process.kill().await;
        }
        self.seen.forget(node);
    }

    /// Starts a replica that is down.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(&mut self, node: usize) -> Result<(), ProcessError> {
        self.seen.forget(node);
        self.down.remove(&node);
        self.processes.get_mut(node).map_or(Ok(()), Process::spawn)
    }

    fn restarted(&self, node: usize, kind: Kind) -> Restart {
        Restart { node, kind, at: Instant::now(), tip: self.seen.tip() }
    }

    /// Waits until those that were restarted are where the others were then, and all certify what nobody had certified.
    async fn recover(&mut self, kind: Kind, mut restarts: Vec<Restart>) -> Result<bool, TestnetError> {
        let healed = Instant::now();
        let tip = self.seen.tip();
        let back: Vec<usize> = restarts.iter().map(|restart| restart.node).collect();
        loop {
            restarts.retain(|restart| {
                let there = self.seen.certified(restart.node) >= restart.tip.max(1);
                if there {
                    self.tally.rejoin.entry(restart.kind.name()).or_default().push(restart.at.elapsed());
                }
                !there
            });
            let behind = (0..self.places.len()).find(|node| self.seen.certified(*node) <= tip);
            let Some(behind) = restarts.first().map(|restart| restart.node).or(behind) else { break };
            if healed.elapsed() > RECOVERY {
                let waits_for = self.seen.waits_for(behind).unwrap_or_else(|| "nothing that it told".into());
                let seconds = RECOVERY.as_secs();
                let tail = self.processes.get(behind).map(Process::tail).unwrap_or_default();
                self.violation(format!(
                    "node {behind} is not at height {tip} {seconds} s after the fault; it waits for {waits_for}; {tail}"
                ));
                return Ok(false);
            }
            self.look_after_processes().await?;
            sleep(POLL).await;
        }
        self.tally.heal.entry(kind.name()).or_default().push(healed.elapsed());
        self.spot_check(&back).await;
        Ok(true)
    }

    /// The newest replies are known at replicas that were away.
    async fn spot_check(&mut self, nodes: &[usize]) {
        let recent = self.progress.recent(SPOT_CHECKS);
        for node in nodes {
            let (read, wrong) = verify::read_again(&self.accounts, *node, &recent).await;
            self.tally.read_again += read;
            wrong.into_iter().for_each(|what| self.violation(what));
        }
    }

    /// A replica that ends by itself breaks a rule; it is started again.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn look_after_processes(&mut self) -> Result<(), ProcessError> {
        for node in (0..self.places.len()).filter(|node| !self.down.contains(node)).collect::<Vec<_>>() {
            let Some(process) = self.processes.get_mut(node) else { continue };
            if let Some(status) = process.exit(Duration::ZERO).await {
                let (how, tail) = (describe(status), process.tail());
                self.violation(format!("node {node} ended by itself, {how}; the end of its log:\n{tail}"));
                self.start(node)?;
            }
        }
        Ok(())
    }

    /// A replica ended because of a fault: with a word, not by a panic or a signal.
    pub fn judge_end(&mut self, node: usize, because: &str, status: ExitStatus) {
        *self.tally.ends.entry(format!("{because}: {}", describe(status))).or_default() += 1;
        if status.code() == Some(PANICKED) || status.signal().is_some() {
            let tail = self.processes.get(node).map(Process::tail).unwrap_or_default();
            self.violation(format!("node {node}, {because}, ended with {}:\n{tail}", describe(status)));
        }
    }

    /// Takes over what was seen in the background.
    pub fn collect(&mut self) {
        for violation in self.seen.violations() {
            self.violation(violation);
        }
    }
}

/// A replica that was started again.
struct Restart {
    node: usize,
    kind: Kind,
    at: Instant,
    /// What the others had certified then.
    tip: u64,
}
