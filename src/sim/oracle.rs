//! The judge: the invariants of docs (RELIABILITY §2) again, in plain integer logic, after every event.
//!
//! It calls no production predicate: not the quorum, not a signature check, not a validation. A
//! certificate is believed when enough honest nodes were *seen* to vote for it, which no forged, early or
//! undersized certificate survives. What it checks, and where:
//!
//! - **I1** one finalized block per height over all honest nodes and all their lives ([`chain`]).
//! - **I2** finalized blocks are hash-linked, in time order, notarized, without holes ([`chain`]); no view
//!   has two notarized blocks, nor a finalization and a nullification; the leader that the beacon draws
//!   proposed them ([`votes`]).
//! - **I3** every certificate that an honest node says, keeps or acts on has its votes ([`votes`]).
//! - **I4** roots equal the reference execution's at every height ([`chain`]); nobody halts.
//! - **I5** no honest node says two conflicting things, not even across crashes ([`votes`]).
//! - **I6** an answer stays in every state as it was until its call expires ([`state`]).
//! - **I7** every request is ordered at most once, never after its expiry ([`chain`]).
//! - **I8** no state has more or fewer cycles than were minted in it ([`state`]).
//! - **I10** messages that wait and memory that grows stay below a computed bound ([`super::world`]).
//! - **I11** no panic ([`super::host`]).
//! - **I17** what a final block says of its voters and of missed views can be, and if its proposer is honest, is true
//!   ([`attendance`]).
//! - **I18** the members of an epoch are those whom finalized blocks and what operators signed make, for every node; a
//!   certificate needs the votes of its own epoch's members ([`members`], [`votes`]).
//! - **I12**, **I13**, **I14** in the calm all honest nodes advance, epochs end, and calls get executed
//!   ([`liveness`]).
//!
//! Elsewhere: I9 with the tests of `execution`, whose canisters call each other; I15 and I16 with controls.
//! Each event costs the same however long the run is, but for the logarithm of a map.

mod attendance;
mod chain;
mod liveness;
mod members;
mod state;
mod votes;

use super::adversary::Sin;
use super::scenario::Scenario;
use crate::types::*;
use std::fmt;

pub use liveness::{CALM_HEIGHTS, CALM_WINDOW};
pub use members::Signed;
pub use state::Books;

/// An invariant that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Its name in RELIABILITY §2.
    pub invariant: &'static str,
    /// Who did what.
    pub detail: String,
}

/// All that the judge has seen.
pub struct Oracle {
    votes: votes::Votes,
    chain: chain::Chain,
    liveness: liveness::Liveness,
    states: state::States,
    honest: Vec<bool>,
    /// Honest nodes that are members of the newest epoch: the subnet is where they are.
    reigning: Vec<bool>,
    violation: Option<Violation>,
}

type Finding = Result<(), Violation>;

fn violation(invariant: &'static str, detail: String) -> Finding {
    Err(Violation { invariant, detail })
}

impl Oracle {
    /// A judge of the chain with this name, who knows from `scenario` who is honest.
    pub fn new(scenario: &Scenario, chain: ChainId) -> Oracle {
        let honest: Vec<bool> = scenario.sins.iter().map(Option::is_none).collect();
        // Who was away and was dealt bad shares deals none: with false dealers, too few may be left until others come.
        let falsely = scenario.sins.contains(&Some(Sin::FalseDealer));
        let epoch_length = if falsely { 0 } else { scenario.epoch_length };
        let nodes = honest.len();
        let mut oracle = Oracle {
            votes: votes::Votes::new(&honest, scenario.nodes, scenario.epoch_length, chain),
            chain: chain::Chain::new(nodes, scenario.epoch_length),
            liveness: liveness::Liveness::new(scenario.nodes, scenario.calm_heights, epoch_length),
            states: state::States::new(nodes),
            reigning: vec![false; nodes],
            honest,
            violation: None,
        };
        oracle.crown();
        oracle
    }

    /// The first violation, if there was one.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Reports what somebody else found.
    pub fn accuse(&mut self, invariant: &'static str, detail: String) {
        self.judge(violation(invariant, detail));
    }

    /// `node` said `message` aloud.
    pub fn said(&mut self, node: NodeIndex, message: &PeerMessage) {
        if self.trusts(node) {
            let finding = self.votes.said(node, message);
            self.judge(finding);
        }
    }

    /// `record` is on the disk of `node`, safe from any crash.
    pub fn kept(&mut self, node: NodeIndex, record: &Record) {
        if self.trusts(node) {
            let finding =
                self.votes.kept(node, record).and_then(|()| self.chain.kept(node, record, &self.votes));
            self.judge(finding);
            if matches!(record, Record::Finalized { .. }) {
                self.heed();
            }
        }
    }

    /// What the block that became final says of the members.
    fn heed(&mut self) {
        let members = &mut self.votes.members;
        let Some((epoch, changes)) = self.chain.asked_of_members(members.awaited()) else { return };
        if members.finalized(epoch, changes) {
            self.crown();
        }
    }

    fn crown(&mut self) {
        let reign = self.votes.members.newest();
        let nodes = (0..).map(NodeIndex).zip(&self.honest);
        self.reigning = nodes.map(|(node, honest)| *honest && reign.nodes.contains(&node)).collect();
    }

    /// Operators signed this change of the members.
    pub fn signed(&mut self, signed: Signed) {
        self.votes.members.signed(signed);
    }

    /// `node` takes these for the members of `epoch`.
    pub fn opened(&mut self, node: NodeIndex, epoch: Epoch, members: &[NodeIndex]) {
        if self.trusts(node) {
            let finding = self.votes.members.opened(node, epoch, members);
            self.judge(finding);
        }
    }

    /// Whether `node` is honest, and a member of the newest epoch and of the next.
    pub fn stays(&self, node: NodeIndex) -> bool {
        self.trusts(node) && self.votes.members.stays(node)
    }

    /// The members of the newest epoch, by place.
    pub fn members(&self) -> &[NodeIndex] {
        &self.votes.members.newest().nodes
    }

    /// How many changes of the members were made.
    pub fn changes(&self) -> u64 {
        self.votes.members.changes()
    }

    /// `node` hands `batch` to its execution.
    pub fn ordered(&mut self, node: NodeIndex, batch: &Batch) {
        if self.trusts(node) {
            let finding = self.chain.ordered(node, batch);
            self.judge(finding);
        }
    }

    /// The reference execution of `batch` came to `root`.
    pub fn reference(&mut self, batch: &Batch, root: StateRoot) {
        self.chain.reference(batch.height, root);
        self.liveness.executed(batch);
    }

    /// The reference answered a call of `batch`.
    pub fn answered(&mut self, batch: &Batch, id: RequestId, says: u64) {
        if let Some(ingress) = batch.ingress.iter().find(|ingress| ingress.id == id) {
            self.states.answered(id, ingress.call.ingress_expiry, batch.height, says);
        }
    }

    /// `node` has a new state: after `height`, of `time`; `look` says what it answers.
    pub fn has_state(
        &mut self,
        node: NodeIndex,
        height: Height,
        time: Time,
        books: Books,
        look: impl Fn(&RequestId) -> Option<u64>,
    ) {
        if self.trusts(node) {
            let balanced = self.states.balanced(node, height, books);
            let finding = balanced.and_then(|()| self.states.look(node, height, time, look));
            self.judge(finding);
        }
    }

    /// `node` has come back with a state after `height`; `look` says what it answers.
    pub fn has_state_again(
        &mut self,
        node: NodeIndex,
        height: Height,
        look: impl Fn(&RequestId) -> Option<u64>,
    ) {
        if self.trusts(node) {
            let time = self.chain.time_of(height);
            let finding = self.states.look_again(node, height, time, look);
            self.judge(finding);
        }
    }

    /// The first height that the reference has not executed.
    pub fn unreferenced(&self) -> Height {
        self.chain.unreferenced()
    }

    /// `node` executed `height` and came to `root`.
    pub fn executed(&mut self, node: NodeIndex, height: Height, root: StateRoot) {
        if self.trusts(node) {
            self.votes.executed(node, height, root);
            let finding = self.chain.executed(node, height, root);
            self.judge(finding);
        }
    }

    /// `node` acts on `certification`.
    pub fn certified(&mut self, node: NodeIndex, certification: &Certification) {
        if self.trusts(node) {
            let finding =
                self.votes.certified(certification).and_then(|()| self.chain.certified(node, certification));
            self.judge(finding);
        }
    }

    /// `node` halts itself.
    pub fn halted(&mut self, node: NodeIndex, divergence: &Divergence) {
        if self.trusts(node) {
            self.accuse("I4", format!("honest node {node} halts: {divergence:?}"));
        }
    }

    /// `node` comes back with what its disk kept.
    pub fn restarted(&mut self, node: NodeIndex, recovered: &Recovered) {
        if self.trusts(node) {
            let finding = self.chain.restarted(node, recovered);
            self.judge(finding);
        }
    }

    /// From `now` on nothing fails.
    pub fn calm(&mut self, now: Time) {
        self.liveness.calm(now, self.lowest(), self.highest());
    }

    /// A call was given to an honest node in the calm; it must be executed before `deadline`.
    pub fn admitted(&mut self, id: RequestId, deadline: Time) {
        self.liveness.admitted(id, deadline);
    }

    /// Whether a call admitted in the calm still waits to be executed.
    pub fn awaits(&self) -> bool {
        self.liveness.awaits()
    }

    /// Time passes.
    pub fn passed(&mut self, now: Time) {
        let lowest = self.lowest();
        let finding = self.liveness.passed(now, lowest, || self.chain.standing(&self.reigning));
        let finding = finding.and_then(|()| self.liveness.reigns(self.chain.reign(), self.highest()));
        self.judge(finding);
    }

    /// The height that every honest member has finalized and certified.
    pub fn lowest(&self) -> Height {
        self.chain.lowest(&self.reigning)
    }

    /// The highest height that an honest node has finalized.
    pub fn highest(&self) -> Height {
        self.chain.highest()
    }

    fn trusts(&self, node: NodeIndex) -> bool {
        self.honest.get(usize::from(node.0)).copied().unwrap_or(false)
    }

    fn judge(&mut self, finding: Finding) {
        if let (None, Err(violation)) = (&self.violation, finding) {
            self.violation = Some(violation);
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}
