//! What the replicas say of themselves, watched while the run goes on: heights, roots, who halted, and how long nothing
//! was certified.

use crate::cli::testnet::layout::Place;
use crate::cli::testnet::probe::{self, Health};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// All replicas are asked this often.
const POLL: Duration = Duration::from_millis(100);
/// Heights whose roots are remembered: longer than any replica is behind while it is compared.
const ROOTS_MAX: usize = 100_000;

/// A time in which no replica certified a height.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stall {
    pub seconds: f64,
    /// The fault that was under way.
    pub during: String,
    /// What a replica said it waited for.
    pub waits_for: Option<String>,
}

/// The board on which the watcher writes.
#[derive(Default)]
pub struct Seen(Mutex<Board>);

struct Board {
    last: Vec<Option<Health>>,
    tip: u64,
    /// When the tip rose.
    rose: Instant,
    /// The fault under way, and whether it leaves a quorum.
    fault: Option<(String, bool)>,
    /// The stall under way: its fault, and whether nothing that stops the subnet was under way in it.
    stall: (Stall, bool),
    longest: Stall,
    longest_with_quorum: Stall,
    /// The first root seen of a height, and whose.
    roots: BTreeMap<u64, (String, usize)>,
    compared: u64,
    /// Replicas that may halt: their disk was damaged.
    damaged: Vec<usize>,
    violations: Vec<String>,
}

impl Default for Board {
    fn default() -> Board {
        Board {
            last: Vec::new(),
            tip: 0,
            rose: Instant::now(),
            fault: None,
            stall: (Stall::default(), true),
            longest: Stall::default(),
            longest_with_quorum: Stall::default(),
            roots: BTreeMap::new(),
            compared: 0,
            damaged: Vec::new(),
            violations: Vec::new(),
        }
    }
}

impl Seen {
    /// Asks all replicas for ever.
    pub async fn watch(self: Arc<Seen>, places: Vec<Place>) {
        self.lock().last = vec![None; places.len()];
        let watching = places.into_iter().map(|place| {
            let seen = self.clone();
            tokio::spawn(async move {
                loop {
                    let health = probe::health(place.metrics_port).await;
                    seen.lock().take(place.index, health, Instant::now());
                    sleep(POLL).await;
                }
            })
        });
        for task in watching.collect::<Vec<_>>() {
            let _ = task.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The greatest height that any replica said to be certified.
    pub fn tip(&self) -> u64 {
        self.lock().tip
    }

    /// The height that a replica that runs has certified; 0 while it does not answer.
    pub fn certified(&self, node: usize) -> u64 {
        let board = self.lock();
        let running = board.last.get(node).and_then(Option::as_ref).filter(|last| last.status == "running");
        running.map_or(0, |health| health.certified_height)
    }

    /// What a replica last said it waits for.
    pub fn waits_for(&self, node: usize) -> Option<String> {
        self.lock().last.get(node)?.as_ref()?.waits_for.clone()
    }

    /// A replica is restarted: what it said counts no more.
    pub fn forget(&self, node: usize) {
        if let Some(last) = self.lock().last.get_mut(node) {
            *last = None;
        }
    }

    /// A fault begins, and whether a quorum is left; or the last one is over.
    pub fn fault(&self, fault: Option<(String, bool)>) {
        self.lock().fault = fault;
    }

    /// Whether this replica may halt from now on.
    pub fn damaged(&self, node: usize, damaged: bool) {
        let mut board = self.lock();
        board.damaged.retain(|other| *other != node);
        if damaged {
            board.damaged.push(node);
        }
    }

    /// Violations seen since the last time.
    pub fn violations(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().violations)
    }

    /// The longest stall of all, the longest in which a quorum was up and connected, and how many roots were compared.
    pub fn stalls(&self) -> (Stall, Stall, u64) {
        let board = self.lock();
        (board.longest.clone(), board.longest_with_quorum.clone(), board.compared)
    }
}

impl Board {
    fn take(&mut self, node: usize, health: Option<Health>, now: Instant) {
        if let Some(health) = &health {
            self.compare(node, health);
            if health.certified_height > self.tip {
                self.tip = health.certified_height;
                self.rose = now;
                self.stall = (Stall::default(), true);
            }
        }
        self.measure(health.as_ref().and_then(|health| health.waits_for.clone()), now);
        if let Some(last) = self.last.get_mut(node) {
            *last = health;
        }
    }

    fn compare(&mut self, node: usize, health: &Health) {
        if health.status == "halted" && !self.damaged.contains(&node) {
            self.damaged.push(node);
            self.violations.push(format!("node {node} halted: its state differs from the quorum's"));
        }
        let Some(root) = health.state_root.as_ref().filter(|_| !self.damaged.contains(&node)) else { return };
        let height = health.executed_height;
        match self.roots.get(&height) {
            None => drop(self.roots.insert(height, (root.clone(), node))),
            Some((_, other)) if *other == node => {}
            Some((known, _)) if known == root => self.compared += 1,
            Some((known, other)) => {
                let told = format!("after height {height} node {node} has root {root}, node {other} {known}");
                self.violations.push(told);
            }
        }
        if self.roots.len() > ROOTS_MAX {
            self.roots.pop_first();
        }
    }

    fn measure(&mut self, waits_for: Option<String>, now: Instant) {
        let (stall, quorum) = &mut self.stall;
        stall.seconds = now.duration_since(self.rose).as_secs_f64();
        if waits_for.is_some() {
            stall.waits_for = waits_for;
        }
        if let Some((fault, leaves_quorum)) = &self.fault {
            stall.during.clone_from(fault);
            *quorum &= leaves_quorum;
        }
        let longest = match quorum {
            true => &mut self.longest_with_quorum,
            false => &mut self.longest,
        };
        if stall.seconds > longest.seconds {
            longest.clone_from(stall);
        }
        if self.longest_with_quorum.seconds > self.longest.seconds {
            self.longest.clone_from(&self.longest_with_quorum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(height: u64, root: &str) -> Option<Health> {
        Some(Health {
            status: "running".into(),
            certified_height: height,
            executed_height: height,
            state_root: Some(root.into()),
            waits_for: None,
            node_id: None,
            root_key: None,
        })
    }

    fn board(nodes: usize) -> Board {
        Board { last: vec![None; nodes], ..Board::default() }
    }

    #[test]
    fn two_roots_of_one_height_are_a_violation_unless_the_disk_was_damaged() {
        let now = Instant::now();
        let mut board = board(3);
        board.take(0, health(5, "aa"), now);
        board.take(1, health(5, "aa"), now);
        assert_eq!((board.compared, board.violations.len()), (1, 0));
        board.damaged.push(2);
        board.take(2, health(5, "bb"), now);
        assert!(board.violations.is_empty());
        board.take(1, health(5, "bb"), now);
        assert_eq!(board.violations, ["after height 5 node 1 has root bb, node 0 aa"]);
    }

    #[test]
    fn a_replica_that_halts_is_told_once() {
        let now = Instant::now();
        let mut board = board(1);
        let halted = health(1, "aa").map(|health| Health { status: "halted".into(), ..health });
        board.take(0, halted.clone(), now);
        board.take(0, halted, now);
        assert_eq!(board.violations.len(), 1);
    }

    #[test]
    fn the_longest_stall_is_told_with_its_fault_and_its_reason() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut board = board(2);
        board.take(0, health(1, "aa"), at(0));
        board.fault = Some(("kill of node 1".into(), true));
        board.take(0, health(1, "aa"), at(2));
        board.take(0, health(2, "bb"), at(3));
        board.fault = Some(("kill-all".into(), false));
        let waiting = health(2, "bb").map(|health| Health { waits_for: Some("votes".into()), ..health });
        board.take(0, waiting, at(8));
        assert_eq!(board.longest_with_quorum.seconds, 2.0);
        assert_eq!(board.longest_with_quorum.during, "kill of node 1");
        assert_eq!(board.longest.seconds, 5.0);
        assert_eq!(board.longest.waits_for.as_deref(), Some("votes"));
    }
}
