//! States that are offered and fetched, and disks that are lost. Whether a fetched part is right is not simulated:
//! `node::sync` has tests of its own. Here a liar's state is found out, and the fetch was in vain.

use super::super::scenario::{MS, SECOND, Scenario};
use super::super::trace::Facts;
use super::{Event, World};
use crate::storage::Memory;
use crate::types::*;

/// How long fetching a state takes at most.
const FETCH_MAX: u64 = 3 * SECOND;
/// How long a node that starts from a fetched state is away at most.
const AWAY_MAX: u64 = 200 * MS;

impl World {
    /// A height was certified: if its state is frozen it is offered, and the blocks below are purged.
    pub(super) fn checkpoint(&mut self, node: NodeIndex, certification: Certification) {
        let host = self.host_mut(node);
        let Some(alive) = &mut host.life else { return };
        let Some((_, state)) = alive.frozen.take_if(|(height, _)| *height == certification.height) else {
            return;
        };
        match host.disk.package(certification) {
            Ok(Some(package)) => host.offer = Some((package, state)),
            Ok(None) => return,
            Err(error) => return self.oracle.accuse("I5", format!("no package at node {node}: {error}")),
        }
        match host.disk.purge(certification.height) {
            Ok(purged) => self.tally.purged += purged as u64,
            Err(error) => self.oracle.accuse("I5", format!("node {node} cannot purge: {error}")),
        }
    }

    /// A peer asks for blocks that are not here.
    pub(super) fn serve_package(&mut self, node: NodeIndex, to: NodeIndex, from: Height) {
        let host = self.host_mut(node);
        let offer = host.offer.as_ref().filter(|(package, _)| package.stands_in_from(from));
        let Some((package, state)) = offer.cloned() else { return };
        let borrower = host.peer(to);
        if let Some((alive, borrower)) = host.life.as_mut().zip(borrower) {
            alive.lent.insert(borrower, (package.clone(), state));
        }
        let package = match host.adversary.as_mut() {
            Some(adversary) => adversary.serve(package),
            None => package,
        };
        let message = PeerMessage::Package(Box::new(package));
        self.say(node, Some(to), &message);
        self.route(node, to, message);
    }

    /// A state is to be fetched; one at a time. Who offered it to `node`, or offers it now, holds on to it while it is
    /// fetched: where a state is offered for some heights only, the next may be offered before the package is here.
    pub(super) fn fetch_state(&mut self, node: NodeIndex, package: Box<ChainSegment>) {
        let at = Time(self.now.0 + self.delays.below(FETCH_MAX));
        let state = self.offered(node, &package);
        let host = self.host_mut(node);
        let life = host.incarnation;
        let Some(alive) = host.life.as_mut().filter(|alive| !alive.fetching) else { return };
        alive.fetching = true;
        self.queue.push(at, Event::Fetched { node, life, fetched: Box::new((*package, state)) });
    }

    /// The state of `package`, if somebody honest offers it, or did to `node` and was up since.
    fn offered(&self, node: NodeIndex, package: &ChainSegment) -> Option<Memory> {
        let up =
            self.nodes().filter(|other| *other != node && self.honest(*other)).map(|other| self.host(other));
        let member = self.member(node);
        let held = up.filter_map(|host| {
            host.life.as_ref().map(|alive| (alive.lent.get(&member), host.offer.as_ref()))
        });
        let mut offers = held.flat_map(|(lent, offer)| lent.into_iter().chain(offer));
        let same = |offered: &ChainSegment| offered.certification == package.certification;
        offers.find(|(offered, _)| same(offered)).map(|(_, state)| state.clone())
    }

    /// The state is here, if it was there: the node starts again from it.
    pub(super) fn fetched(
        &mut self,
        node: NodeIndex,
        life: u32,
        package: &ChainSegment,
        state: Option<Memory>,
    ) {
        if self.host(node).incarnation != life {
            return;
        }
        if let Some(alive) = &mut self.host_mut(node).life {
            alive.fetching = false;
        }
        let Some(state) = state else { return };
        let away = self.faults.below(AWAY_MAX);
        self.crash(node, away);
        match self.host_mut(node).disk.adopt(package, &state) {
            Ok(true) => {
                self.tally.states_fetched += 1;
                self.note("fetched a state", node, None, Facts::default());
            }
            Ok(false) => {}
            Err(error) => self.oracle.accuse("I5", format!("node {node} cannot adopt a state: {error}")),
        }
    }

    /// Perhaps the crash that `node` just had took its disk: as long as sinners and those that have not made good such a
    /// loss are not more than the protocol bears. Were only those counted that do not know what they voted, one
    /// after the other could lose its disk before it had fetched anything, and the chain be gone.
    pub(super) fn wipe(&mut self, node: NodeIndex) {
        let Scenario { wiped_per_mille, .. } = self.scenario;
        if wiped_per_mille == 0 || !self.honest(node) || !self.faults.chance(wiped_per_mille) {
            return;
        }
        if !self.spares(node) {
            return;
        }
        let (now, height) = (self.now, self.oracle.highest());
        let host = self.host_mut(node);
        host.disk.lose();
        host.offer = None;
        host.wiped = Some(now);
        host.lacks = Some(height);
        self.tally.wiped += 1;
        self.note("loses its disk", node, None, Facts::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_held_for_the_one_it_was_offered_to_when_the_next_is_offered() {
        let mut world = World::new(Scenario { checkpoint_every: 2, ..Scenario::quiet(1, 4, 60) });
        world.begin();
        let [server, lagging, other] = [0, 3, 2].map(NodeIndex);
        let package = loop {
            assert!(world.step(), "nothing was offered");
            if let Some((package, _)) = &world.host(server).offer {
                break package.clone();
            }
        };
        world.serve_package(server, lagging, Height(1));
        let is_it = |(offered, _): &(ChainSegment, Memory)| offered.certification == package.certification;
        while world.nodes().any(|node| world.host(node).offer.as_ref().is_some_and(is_it)) {
            assert!(world.step(), "it is offered to the end");
        }
        assert!(world.offered(lagging, &package).is_some());
        assert!(world.offered(other, &package).is_none());
    }
}
