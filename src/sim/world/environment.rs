//! What comes from outside of the nodes: faults, their end, users.

use super::super::adversary::Sin;
use super::super::fault::{Fault, Rates};
use super::super::network::Weather;
use super::super::scenario::MS;
use super::super::trace::Facts;
use super::super::workload::{CALM_CALL_DEADLINE, CALM_CALL_EVERY, Submission};
use super::{Event, World};
use crate::types::*;

/// Shortest and longest time that a node is down after a crash at a disk barrier or between effects.
const REVIVAL: (u64, u64) = (MS, 400 * MS);

impl World {
    /// A node comes up, for the first time or again.
    pub(super) fn start(&mut self, node: NodeIndex) {
        if self.host(node).life.is_some() {
            return;
        }
        let recovered = match self.host_mut(node).start() {
            Ok(recovered) => recovered,
            Err(error) => return self.oracle.accuse("I5", format!("node {node} cannot recover: {error}")),
        };
        self.tally.restarts += u64::from(self.host(node).incarnation > 0);
        self.note("starts", node, None, Facts::new("height", recovered.executed.0, 0));
        self.oracle.restarted(node, &recovered);
        if let Some(alive) = &self.hosts[usize::from(node.0)].life {
            self.oracle.has_state_again(node, recovered.executed, |id| alive.executor.answer(id));
        }
        self.feed(node, Input::Started(Box::new(recovered)));
    }

    /// The next fault strikes, and the one after it is scheduled.
    pub(super) fn strike(&mut self) {
        if self.rates.every == 0 {
            return;
        }
        let next = Time(self.now.0 + 1 + self.faults.waiting(self.rates.every));
        self.queue.push(next, Event::Fault);
        match Fault::draw(&mut self.faults, &self.rates, self.hosts.len()) {
            Some(Fault::Crash { node, lasting }) => self.crash(node, lasting),
            Some(Fault::Pause { node, lasting }) => self.pause(node, lasting),
            Some(Fault::Partition { links, lasting }) => {
                self.tally.partitions += u64::from(!links.is_empty());
                self.cut(links, lasting);
            }
            Some(Fault::OneWay { links, lasting }) => {
                self.tally.one_way_partitions += u64::from(!links.is_empty());
                self.cut(links, lasting);
            }
            Some(Fault::Clog { links, lasting }) => self.clog(&links, lasting),
            Some(Fault::Blackout { lasting }) => self.blackout(lasting),
            Some(Fault::ClockStep { node, offset }) => self.step_clock(node, offset),
            Some(Fault::Leap { by }) => self.leap(by),
            None => {}
        }
    }

    fn pause(&mut self, node: NodeIndex, lasting: u64) {
        self.tally.pauses += 1;
        self.note("stands still", node, None, Facts::default());
        self.host_mut(node).paused_until = Time(self.now.0 + lasting);
    }

    fn cut(&mut self, links: Vec<(NodeIndex, NodeIndex)>, lasting: u64) {
        for (from, to) in &links {
            self.note("is cut from", *from, Some(*to), Facts::default());
            self.network.cut(*from, *to);
        }
        self.queue.push(Time(self.now.0 + lasting), Event::Heal { links });
    }

    pub(super) fn heal(&mut self, links: &[(NodeIndex, NodeIndex)]) {
        for (from, to) in links {
            self.network.mend(*from, *to);
        }
    }

    fn clog(&mut self, links: &[(NodeIndex, NodeIndex)], lasting: u64) {
        self.tally.clogs += u64::from(!links.is_empty());
        for (from, to) in links {
            self.network.clog(*from, *to, Time(self.now.0 + lasting));
        }
    }

    fn blackout(&mut self, lasting: u64) {
        self.tally.blackouts += 1;
        for node in self.nodes() {
            let delay = self.faults.waiting(lasting);
            self.crash(node, delay);
        }
    }

    fn step_clock(&mut self, node: NodeIndex, offset: i64) {
        self.tally.clock_steps += 1;
        self.note("sets its clock", node, None, Facts::default());
        self.host_mut(node).clock.offset = self.leaped as i64 + offset;
    }

    fn leap(&mut self, by: u64) {
        self.tally.leaps += 1;
        self.leaped += by;
        for host in &mut self.hosts {
            host.clock.offset += by as i64;
        }
    }

    /// The time of the users.
    fn users_now(&self) -> Time {
        Time(self.now.0 + self.leaped)
    }

    /// The process dies, and comes back after `lasting`.
    pub(super) fn crash(&mut self, node: NodeIndex, lasting: u64) {
        if self.host(node).life.is_none() {
            return;
        }
        let host = &mut self.hosts[usize::from(node.0)];
        host.life = None;
        host.incarnation += 1;
        let torn = match host.disk.crash(&mut self.faults) {
            Ok(torn) => torn,
            Err(error) => {
                return self.oracle.accuse("I5", format!("the disk of node {node} is damaged: {error}"));
            }
        };
        self.now_safe(node, Ok(torn.kept));
        self.wipe(node);
        self.tally.crashes += 1;
        self.tally.torn_writes += u64::from(torn.lost > 0);
        self.note("crashes", node, None, Facts::new("losing", torn.lost as u64, torn.unsynced as u64));
        let life = self.host(node).incarnation;
        self.queue.push(Time(self.now.0 + lasting), Event::Restart { node, life });
    }

    /// The process ends and never comes back.
    fn desert(&mut self, node: NodeIndex) {
        self.tally.desertions += 1;
        self.note("deserts", node, None, Facts::default());
        let host = self.host_mut(node);
        host.life = None;
        host.incarnation += 1;
    }

    /// A crash from which the node comes back soon.
    pub(super) fn crash_and_return(&mut self, node: NodeIndex) {
        let lasting = self.faults.between(REVIVAL.0, REVIVAL.1);
        self.crash(node, lasting);
    }

    pub(super) fn struck_in_barrier(&mut self) -> bool {
        self.barriers += 1;
        let chosen = self.rates.torn_barrier == Some(self.barriers);
        chosen || (self.rates.torn_per_mille > 0 && self.faults.chance(self.rates.torn_per_mille))
    }

    pub(super) fn struck_after_barrier(&mut self) -> bool {
        self.rates.torn_per_mille > 0 && self.faults.chance(self.rates.torn_per_mille)
    }

    pub(super) fn struck_between_effects(&mut self) -> bool {
        self.rates.cut_short_per_100k > 0 && self.faults.below(100_000) < self.rates.cut_short_per_100k
    }

    /// All faults end: links are whole, nodes are up and awake. Sinners go on sinning.
    pub(super) fn calm(&mut self) {
        self.rates = Rates::NONE;
        self.network.calm(Weather::CALM);
        for node in self.nodes() {
            self.host_mut(node).paused_until = Time::ZERO;
            match self.sin(node) {
                Some(Sin::Deserter) => self.desert(node),
                _ => self.start(node),
            }
        }
        let lowest = self.oracle.lowest();
        self.goal = Some(Height(self.scenario.heights.max(lowest.0 + self.scenario.calm_heights)));
        self.oracle.calm(self.now);
    }

    /// Users call, and will call again until the end is near.
    pub(super) fn call(&mut self) {
        let every = match self.goal {
            // The last calls are awaited; more would be for ever.
            Some(goal) if self.oracle.lowest() >= goal => return,
            Some(_) => CALM_CALL_EVERY,
            None => self.scenario.call_every,
        };
        let next = Time(self.now.0 + 1 + self.workload.waiting(every));
        self.queue.push(next, Event::Call);
        if self.goal.is_some() {
            self.calm_call();
        } else {
            let submission = self.workload.storm(self.users_now(), self.hosts.len());
            self.submit(&submission);
        }
    }

    /// A call to an honest node, which must be executed.
    fn calm_call(&mut self) {
        let submission = self.workload.calm(self.users_now(), self.hosts.len());
        let deadline = Time(self.now.0 + CALM_CALL_DEADLINE);
        for (node, id) in self.submit(&submission) {
            if self.oracle.stays(node) {
                self.oracle.admitted(id, deadline);
            }
        }
    }

    /// Hands a call to its receivers; those that let it in.
    fn submit(&mut self, submission: &Submission) -> Vec<(NodeIndex, RequestId)> {
        self.tally.calls += 1;
        let mut admitted = Vec::new();
        for node in submission.to.clone() {
            let up = self.host(node).life.is_some();
            let Some(ingress) = self.admit(node, submission.envelope.clone()).filter(|_| up) else {
                continue;
            };
            admitted.push((node, ingress.id));
            self.note(
                "is called",
                node,
                None,
                Facts::new("request", 0, super::super::trace::short(&Digest(ingress.id.0))),
            );
            self.feed(node, Input::Ingress(ingress));
        }
        admitted
    }
}
