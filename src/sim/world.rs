//! The run: takes the earliest event, lets it happen, asks the oracle, until the verdict stands.

mod environment;
mod members;
mod perform;
mod sync;

use super::adversary::{Adversary, Keys, Sin};
use super::clock::{Clock, EPOCH};
use super::disk::Disk;
use super::executor::{Executor, FIRST_CANISTER};
use super::fault::Rates;
use super::host::Host;
use super::network::Network;
use super::oracle::{Oracle, Violation};
use super::queue::Queue;
use super::random::Random;
use super::scenario::{Ending, MS, SECOND, Scenario};
use super::tally::Tally;
use super::trace::{Facts, Line, Trace};
use super::workload::Workload;
use crate::crypto::hash::chain_id;
use crate::crypto::node_key;
use crate::crypto::reshare::PublicShares;
use crate::crypto::threshold::Keyring;
use crate::membership::{Succession, simulated_members};
use crate::storage::Memory;
use crate::types::*;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// The storm ends after so many nanoseconds for each height, however far the subnet came.
const STORM_PER_HEIGHT: u64 = 400 * MS;
/// What one replica may have waiting to be performed, and on its way, for each node of the committee (I10).
const OUTBOX_PER_NODE_MAX: usize = 4_096;

/// How wrong the clock of an anachronist is at least on one side, in nanoseconds.
const SEVERAL_MINUTES: i64 = 150_000 * MS as i64;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub seed: u64,
    /// The height that all honest nodes finalized and certified.
    pub height: u64,
    /// The highest that any of them finalized.
    pub highest: u64,
    pub violation: Option<Violation>,
    /// Hash over all that happened.
    pub trace: u64,
    pub events: u64,
    /// Virtual time that passed, in nanoseconds.
    pub elapsed: u64,
    /// What happened last, if something is wrong.
    pub last_lines: Vec<String>,
    pub tally: Tally,
}

/// Runs `scenario` to its end.
pub fn run(scenario: Scenario) -> Verdict {
    #[cfg(test)]
    crate::types::planted::plant(scenario.planted);
    let mut world = World::new(scenario);
    world.begin();
    while world.step() {}
    #[cfg(test)]
    crate::types::planted::plant(None);
    world.verdict()
}

/// Nodes stand at places: the first members in their order, those that may come behind them, the second copies of Twins
/// last. Hosts, links, events and faults are named by places; what replicas say names members by their places in the
/// committee of their epoch, as each of them knows it.
struct World {
    scenario: Scenario,
    now: Time,
    queue: Queue<Event>,
    network: Network,
    hosts: Vec<Host>,
    /// Every node's card: the first members', and of those that may come.
    cards: Vec<GenesisNode>,
    /// Where the copies of each node stand.
    copies: Vec<Vec<NodeIndex>>,
    /// What envelopes read as: each is read by many.
    read: HashMap<Bytes, Option<Arc<SignedIngress>>>,
    workload: Workload,
    reference: Executor,
    oracle: Oracle,
    trace: Trace,
    tally: Tally,
    rates: Rates,
    faults: Random,
    delays: Random,
    operators: Random,
    /// Members that a signed change may make, with the epoch in which it was signed.
    at_stake: Vec<(Epoch, Vec<NodeIndex>)>,
    /// Disk barriers so far.
    barriers: u64,
    /// How far all clocks jumped ahead together, in nanoseconds.
    leaped: u64,
    /// The height to reach, known once the calm began.
    goal: Option<Height>,
    ended: bool,
}

/// Something that will happen.
enum Event {
    /// On a connection that was opened before `sent`.
    Deliver {
        from: NodeIndex,
        to: NodeIndex,
        message: PeerMessage,
        sent: Time,
    },
    Timer {
        node: NodeIndex,
        life: u32,
        count: u64,
    },
    Synced {
        node: NodeIndex,
        life: u32,
    },
    Executed {
        node: NodeIndex,
        life: u32,
    },
    Restart {
        node: NodeIndex,
        life: u32,
    },
    Fetched {
        node: NodeIndex,
        life: u32,
        fetched: Box<(ChainSegment, Option<Memory>)>,
    },
    Fault,
    /// Operators want a change of the members.
    Operate,
    Heal {
        links: Vec<(NodeIndex, NodeIndex)>,
    },
    Call,
}

impl Event {
    /// The node whose standing still holds this event up.
    fn node(&self) -> Option<NodeIndex> {
        match self {
            Event::Deliver { to: node, .. }
            | Event::Timer { node, .. }
            | Event::Synced { node, .. }
            | Event::Fetched { node, .. }
            | Event::Executed { node, .. } => Some(*node),
            Event::Restart { .. } | Event::Fault | Event::Operate | Event::Heal { .. } | Event::Call => None,
        }
    }
}

impl World {
    fn new(scenario: Scenario) -> World {
        let random = Random::new(scenario.seed);
        let genesis = Arc::new(genesis(&scenario));
        let state = Executor::genesis(&scenario, &genesis, first_members(&scenario, &genesis));
        let state = state.unwrap_or_else(|failure| panic!("the state before the first block: {failure}"));
        let members = members(&scenario);
        let (_, all) = node_key::simulated(chain_id(&genesis), scenario.sins.len());
        let slow = members.iter().map(|member| scenario.slow[*member]).collect();
        World {
            now: EPOCH,
            queue: Queue::new(),
            network: Network::new(slow, scenario.weather, random.fork(1)),
            hosts: hosts(&scenario, &members, &genesis, &state, &random.fork(2)),
            cards: simulated_members(&all),
            copies: (0..scenario.sins.len()).map(|member| places_of(member, &members)).collect(),
            read: HashMap::new(),
            workload: Workload::new(random.fork(3), scenario.real_execution.then_some(FIRST_CANISTER)),
            reference: state,
            oracle: Oracle::new(&scenario, chain_id(&genesis)),
            trace: Trace::new(scenario.lines_told),
            tally: Tally::default(),
            rates: scenario.rates,
            faults: random.fork(4),
            delays: random.fork(5),
            operators: random.fork(6),
            at_stake: Vec::new(),
            barriers: 0,
            leaped: 0,
            goal: None,
            ended: false,
            scenario,
        }
    }

    fn begin(&mut self) {
        for node in self.nodes() {
            self.start(node);
        }
        if self.rates.every > 0 {
            self.queue.push(self.now, Event::Fault);
        }
        self.queue.push(self.now, Event::Call);
        if self.scenario.change_every > 0 {
            self.queue.push(self.now, Event::Operate);
        }
    }

    /// Lets the next event happen; false when the run is over.
    fn step(&mut self) -> bool {
        let Some((at, event)) = self.queue.pop() else {
            self.oracle.accuse("I12", "nothing will ever happen again".into());
            return false;
        };
        self.now = at;
        let held_up = event.node().map(|node| self.host(node).paused_until).filter(|until| *until > at);
        match held_up {
            Some(until) => self.queue.push(until, event),
            None => self.happen(event),
        }
        if self.queue.len() > OUTBOX_PER_NODE_MAX * self.hosts.len() * self.hosts.len() {
            self.oracle.accuse("I10", format!("{} messages are on their way", self.queue.len()));
        }
        self.oracle.passed(self.now);
        self.turn();
        self.oracle.violation().is_none() && !self.ended
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message, sent } if self.host(to).wiped.is_none_or(|at| at <= sent) => {
                self.deliver(from, to, message);
            }
            Event::Deliver { .. } => {}
            Event::Fetched { node, life, fetched } => self.fetched(node, life, &fetched.0, fetched.1),
            Event::Timer { node, life, count } => self.ring(node, life, count),
            Event::Synced { node, life } => self.synced(node, life),
            Event::Executed { node, life } => self.executed(node, life),
            Event::Restart { node, life } if self.host(node).incarnation == life => self.start(node),
            Event::Restart { .. } => {}
            Event::Fault => self.strike(),
            Event::Operate => self.operate(),
            Event::Heal { links } => self.heal(&links),
            Event::Call => self.call(),
        }
    }

    /// From storm to calm, and from calm to the end.
    fn turn(&mut self) {
        let elapsed = self.now.saturating_sub(EPOCH).0;
        if let Ending::After(limit) = self.scenario.ending {
            self.ended = elapsed >= limit;
            return;
        }
        match self.goal {
            Some(goal) => self.ended = self.oracle.lowest() >= goal && !self.oracle.awaits(),
            None if self.storm_is_over(elapsed) => self.calm(),
            None => {}
        }
    }

    fn storm_is_over(&self, elapsed: u64) -> bool {
        let Scenario { heights, calm_heights, .. } = self.scenario;
        self.oracle.highest().0 + calm_heights >= heights
            || elapsed > 30 * SECOND + heights * STORM_PER_HEIGHT
    }

    fn verdict(mut self) -> Verdict {
        self.tally.messages_lost = self.network.lost();
        self.tally.messages_doubled = self.network.doubled();
        let views = self.hosts.iter().filter_map(Host::status).map(|status| status.view);
        let view = views.max().unwrap_or_default();
        self.tally.epochs = view.epoch().0;
        self.tally.views = view.0.saturating_sub(view.epoch().first_view().0);
        self.tally.changes = self.oracle.changes();
        self.tally.twins = (self.hosts.len() - self.scenario.sins.len()) as u64;
        self.tally.far_nodes = self.scenario.slow.iter().filter(|slow| **slow > 0).count() as u64;
        for (host, sin) in self.hosts.iter().zip(&self.scenario.sins) {
            let deeds = host.adversary.as_ref().map_or(0, Adversary::deeds);
            match sin {
                Some(Sin::DoubleVoter) => self.tally.double_votes += deeds,
                Some(Sin::Forger) => self.tally.forged_shares += deeds,
                Some(Sin::Replayer) => self.tally.replays += deeds,
                Some(Sin::Flooder) => self.tally.floods += deeds,
                Some(Sin::Usurper) => self.tally.misplaced_blocks += deeds,
                Some(Sin::Equivocator | Sin::Conspirator) => self.tally.equivocations += deeds,
                Some(Sin::FalseDealer) => self.tally.false_dealings += deeds,
                Some(Sin::Withholder | Sin::Boaster | Sin::Mute) => self.tally.withholdings += deeds,
                Some(Sin::Perjurer) => self.tally.perjuries += deeds,
                Some(Sin::Miser) => self.tally.meannesses += deeds,
                Some(Sin::Babbler) => self.tally.babblings += deeds,
                Some(Sin::Anachronist) => self.tally.anachronists += 1,
                Some(Sin::Deserter | Sin::Twin) | None => {}
            }
        }
        let violation = self.oracle.violation().cloned();
        Verdict {
            seed: self.scenario.seed,
            height: self.oracle.lowest().0,
            highest: self.oracle.highest().0,
            last_lines: if violation.is_some() { self.trace.last_lines() } else { Vec::new() },
            violation,
            trace: self.trace.hash(),
            events: self.trace.events(),
            elapsed: self.now.saturating_sub(EPOCH).0,
            tally: self.tally,
        }
    }

    fn nodes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.hosts.len() as u16).map(NodeIndex)
    }

    fn host(&self, node: NodeIndex) -> &Host {
        &self.hosts[usize::from(node.0)]
    }

    fn host_mut(&mut self, node: NodeIndex) -> &mut Host {
        &mut self.hosts[usize::from(node.0)]
    }

    /// Who the node at `place` is.
    fn member(&self, place: NodeIndex) -> NodeIndex {
        self.host(place).member
    }

    fn sin(&self, place: NodeIndex) -> Option<Sin> {
        self.scenario.sins[usize::from(self.member(place).0)]
    }

    fn honest(&self, place: NodeIndex) -> bool {
        self.sin(place).is_none()
    }

    fn note(&mut self, verb: &'static str, node: NodeIndex, peer: Option<NodeIndex>, facts: Facts) {
        self.trace.note(Line { at: self.now, verb, node, peer, facts });
    }
}

fn genesis(scenario: &Scenario) -> Genesis {
    let node = |index| GenesisNode {
        name: format!("node-{index}"),
        identity_key: String::new(),
        tls_key: String::new(),
        encryption_key: String::new(),
        address: String::new(),
    };
    // The name makes the chain id, and that draws the leaders.
    let name = format!("sim-{}", scenario.seed);
    Genesis {
        heartbeat_ms: scenario.heartbeat_ms,
        view_timeout_ms: scenario.view_timeout_ms,
        epoch_length: scenario.epoch_length,
        ..Genesis::local(&name, (0..scenario.nodes).map(node).collect())
    }
}

/// The node at each place: all of them, and Twins once more.
fn members(scenario: &Scenario) -> Vec<usize> {
    let all = 0..scenario.sins.len();
    let twins = all.clone().filter(|member| scenario.sins[*member] == Some(Sin::Twin));
    all.chain(twins).collect()
}

fn places_of(member: usize, members: &[usize]) -> Vec<NodeIndex> {
    let places = members.iter().enumerate().filter(|(_, other)| **other == member);
    places.map(|(place, _)| NodeIndex(place as u16)).collect()
}

fn hosts(
    scenario: &Scenario,
    members: &[usize],
    genesis: &Arc<Genesis>,
    state: &Executor,
    random: &Random,
) -> Vec<Host> {
    let chain = chain_id(genesis);
    let (identities, _) = node_key::simulated(chain, scenario.sins.len());
    let (_, committee) = node_key::simulated(chain, scenario.nodes);
    let first = first_members(scenario, genesis);
    let mut keyrings = keyrings(scenario, chain);
    let blind = first.blind_keyring().unwrap_or_else(|error| panic!("the first members: {error}"));
    keyrings.resize(scenario.sins.len(), blind);
    let host = |(place, member): (usize, &usize)| {
        let (keyring, identity) = (keyrings[*member].clone(), identities[*member].clone());
        let (sin, (offset, drift_ppm)) = (scenario.sins[*member], scenario.clocks[*member]);
        let offset = if sin == Some(Sin::Anachronist) { 10 * offset + SEVERAL_MINUTES } else { offset };
        let keys = Keys { keyring: keyring.clone(), identity: identity.clone() };
        let sinner = |sin| Adversary::new(sin, keys, fellows(scenario, sin), random.fork(place as u64));
        Host {
            member: NodeIndex(*member as u16),
            keyring,
            identity,
            committee: committee.clone(),
            genesis: Arc::clone(genesis),
            first: first.clone(),
            clock: Clock { offset, drift_ppm },
            disk: Disk::new(state.clone()),
            adversary: sin.filter(|sin| *sin != Sin::Twin).map(sinner),
            life: None,
            incarnation: 0,
            offer: None,
            wiped: None,
            lacks: None,
            paused_until: Time::ZERO,
        }
    };
    members.iter().enumerate().map(host).collect()
}

fn first_members(scenario: &Scenario, genesis: &Genesis) -> Succession {
    let chain = chain_id(genesis);
    let (_, committee) = node_key::simulated(chain, scenario.nodes);
    let shares = keyrings(scenario, chain).first().map(PublicShares::of_keyring);
    let shares = shares.unwrap_or_else(|| panic!("a committee of none"));
    Succession::genesis(chain, scenario.epoch_length, simulated_members(&committee), &shares)
}

fn keyrings(scenario: &Scenario, chain: ChainId) -> Vec<Keyring> {
    #[cfg(test)]
    if scenario.planted == Some(crate::types::planted::Bug::QuorumTwoF) {
        return Keyring::simulated_with_quorum(
            chain,
            scenario.nodes,
            2 * Scenario::faults_allowed(scenario.nodes),
        );
    }
    match scenario.real_keys {
        true => Keyring::dealt(chain, scenario.nodes),
        false => Keyring::simulated(chain, scenario.nodes),
    }
}

fn fellows(scenario: &Scenario, sin: Sin) -> Vec<NodeIndex> {
    let places = scenario.sins.iter().enumerate().filter(|(_, other)| **other == Some(sin));
    places.map(|(place, _)| NodeIndex(place as u16)).collect()
}
