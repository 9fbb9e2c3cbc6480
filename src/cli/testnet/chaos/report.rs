//! What a run came to, for people and as one JSON object.

use super::disk;
use super::seen::Stall;
use crate::cli::testnet::layout::Place;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The JSON object.
#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    pub nodes: usize,
    /// As it really was.
    pub minutes: f64,
    /// Faults by kind; one that befell several replicas counts for each.
    pub faults: BTreeMap<&'static str, u64>,
    /// Kinds that this machine does not offer, and why.
    pub skipped: BTreeMap<&'static str, String>,
    /// How replicas with flipped bits and on full disks ended, by how.
    pub ends: BTreeMap<String, u64>,
    pub kills: Kills,
    pub links: Links,
    pub calls: Calls,
    pub heights: u64,
    pub violations: Vec<String>,
    /// From its restart (or SIGCONT) to the height that the others had then; by fault.
    pub rejoin_ms: BTreeMap<&'static str, Times>,
    /// From the end of a fault until every replica certified a height that nobody had before.
    pub heal_ms: BTreeMap<&'static str, Times>,
    pub longest_stall: Stall,
    /// While a quorum was up and connected.
    pub longest_stall_with_quorum: Stall,
    pub begin: Size,
    pub end: Size,
    /// What does it again.
    pub replay: String,
}

/// SIGKILLs.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Kills {
    pub single: u64,
    pub whole_subnet: u64,
}

/// What happened on the links besides delays and partitions.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Links {
    pub resets: u64,
    pub stalls: u64,
}

/// What became of the clients' calls.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Calls {
    pub sent: u64,
    pub certified: u64,
    pub rejected: u64,
    /// Expired before anybody said what became of them.
    pub unanswered: u64,
    /// Certificates checked a second time, from the journal.
    pub certificates_checked: usize,
    /// Replies read a second time, over all replicas.
    pub read_again: u64,
    /// Roots of equal heights compared between two replicas.
    pub roots_compared: u64,
}

/// Durations, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Times {
    pub count: usize,
    pub p50: u128,
    pub p99: u128,
    pub max: u128,
}

impl Times {
    /// Of at least one duration.
    pub fn of(durations: &[Duration]) -> Option<Times> {
        let mut ms: Vec<u128> = durations.iter().map(Duration::as_millis).collect();
        ms.sort_unstable();
        let rank = |percent: usize| ms.get((ms.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Times { count: ms.len(), p50: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }
}

/// The largest of the replicas' processes and data directories.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Size {
    pub rss_mib: u64,
    pub disk_mib: u64,
}

impl Size {
    /// As they are now.
    pub fn of(places: &[Place], pids: impl Iterator<Item = u32>) -> Size {
        let disk = places.iter().map(|place| disk::bytes(&place.data())).max();
        let rss = pids.map(resident_kib).max();
        Size { rss_mib: rss.unwrap_or_default() >> 10, disk_mib: disk.unwrap_or_default() >> 20 }
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

impl Report {
    /// For people; then the JSON object in one line. With `json_only` the object alone.
    ///
    /// # Errors
    /// The object cannot be encoded.
    pub fn print(&self, json_only: bool) -> std::io::Result<()> {
        if !json_only {
            self.lines().iter().for_each(|line| println!("{line}"));
        }
        println!("{}", serde_json::to_string(self).map_err(std::io::Error::from)?);
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let Report { calls, links, kills, .. } = self;
        let mut lines = vec![
            format!(
                "{} replicas, {:.1} minutes, {} heights certified",
                self.nodes, self.minutes, self.heights
            ),
            format!("faults: {}", list(self.faults.iter().map(|(kind, count)| format!("{kind} {count}")))),
            format!("kills: {} of one replica, {} of all", kills.single, kills.whole_subnet),
            format!("links: {} connections reset, {} halts", links.resets, links.stalls),
            format!(
                "calls: {} sent, {} certified, {} rejected, {} without an answer",
                calls.sent, calls.certified, calls.rejected, calls.unanswered
            ),
            format!(
                "checked again: {} certificates, {} replies at replicas, {} pairs of roots",
                calls.certificates_checked, calls.read_again, calls.roots_compared
            ),
        ];
        let skipped = self.skipped.iter();
        lines.extend(skipped.map(|(kind, why)| format!("SKIPPED {kind}: {why}")));
        lines.extend(self.ends.iter().map(|(how, count)| format!("{count} × {how}")));
        let times = |what: &str, times: &BTreeMap<&'static str, Times>| -> Vec<String> {
            let line = |(kind, Times { count, p50, p99, max }): (&&str, &Times)| {
                format!("{what} after {kind}: {count} times, p50 {p50} ms, p99 {p99} ms, longest {max} ms")
            };
            times.iter().map(line).collect()
        };
        lines.extend(times("a replica at the tip", &self.rejoin_ms));
        lines.extend(times("all certify again", &self.heal_ms));
        lines.push(stall("longest stall", &self.longest_stall));
        lines.push(stall("longest stall with a quorum up", &self.longest_stall_with_quorum));
        let (begin, end) = (self.begin, self.end);
        lines.push(format!(
            "largest replica: memory {} MiB, then {} MiB; disk {} MiB, then {} MiB",
            begin.rss_mib, end.rss_mib, begin.disk_mib, end.disk_mib
        ));
        lines.extend(self.violations.iter().map(|violation| format!("VIOLATION: {violation}")));
        lines.push(format!("{} violations; again: {}", self.violations.len(), self.replay));
        lines
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn stall(what: &str, stall: &Stall) -> String {
    let waits_for =
        stall.waits_for.as_ref().map_or(String::new(), |what| format!(", a replica waited for {what}"));
    let during = if stall.during.is_empty() { "no fault" } else { &stall.during };
    format!("{what}: {:.1} s, during {during}{waits_for}", stall.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let durations: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(Times::of(&durations), Some(Times { count: 100, p50: 50, p99: 99, max: 100 }));
        assert_eq!(Times::of(&durations[..1]).map(|times| times.p50), Some(100));
        assert_eq!(Times::of(&[]), None);
    }
}
