//! The machine: one input in, effects out; between them every rule until none has anything to do.

use super::amnesia::Amnesia;
use super::assemble::Assemblies;
use super::catch_up::CatchUp;
use super::certify::Certifier;
use super::chain::Chain;
use super::clock::Clock;
use super::epoch::Handing;
use super::evidence::{Equivocation, Evidence};
use super::fetch::Fetches;
use super::pacemaker::{CurrentView, Load};
use super::peer::Peers;
use super::pool::Pool;
use super::propose::Proposing;
use super::records_first;
use crate::crypto::node_key::{Committee, EncryptionKey, IdentityKey};
use crate::crypto::reshare::{PublicShares, next_encryption_key};
use crate::crypto::threshold::Keyring;
use crate::membership::{Succession, simulated_members};
use crate::types::*;

/// What this node signs with, and what it checks others by; all of one chain.
#[derive(Clone)]
pub struct Keys {
    /// Of the epoch that this node was in when it stopped.
    pub keyring: Keyring,
    pub identity: IdentityKey,
    pub committee: Committee,
    /// Opens this node's shares of the next epoch.
    pub encryption: EncryptionKey,
    /// Secret randomness for the dealing of the keyring's epoch; on disk. Without, this node does not deal.
    pub seed: Option<Seed>,
    /// The members before the first block.
    pub genesis: Succession,
}

impl Keys {
    /// Simulated keys at the start of a chain whose epochs have this length. Only `sim` and tests may call this.
    pub fn simulated(
        keyring: Keyring,
        identity: IdentityKey,
        committee: &Committee,
        epoch_length: u64,
    ) -> Keys {
        let (chain, shares) = (keyring.chain(), PublicShares::of_keyring(&keyring));
        let genesis = Succession::genesis(chain, epoch_length, simulated_members(committee), &shares);
        let encryption = next_encryption_key(&[0; 32], &chain, Epoch::ZERO);
        Keys { keyring, identity, committee: committee.clone(), encryption, seed: None, genesis }
    }
}

/// What is signed and checked with, in the epoch that this replica is in.
pub struct Signing {
    pub keyring: Keyring,
    pub identity: IdentityKey,
    pub committee: Committee,
}

/// What `Genesis` fixes about the pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    pub heartbeat_ms: u64,
    pub view_timeout_ms: u64,
}

impl From<&Genesis> for Pace {
    fn from(genesis: &Genesis) -> Pace {
        Pace { heartbeat_ms: genesis.heartbeat_ms, view_timeout_ms: genesis.view_timeout_ms }
    }
}

/// One replica's consensus machine.
pub struct Consensus {
    pub(super) keys: Signing,
    pub(super) handing: Handing,
    pub(super) pace: Pace,
    pub(super) clock: Clock,
    pub(super) pool: Pool,
    pub(super) chain: Chain,
    pub(super) view: CurrentView,
    pub(super) load: Load,
    pub(super) certifier: Certifier,
    pub(super) catch_up: CatchUp,
    pub(super) fetches: Fetches,
    pub(super) assemblies: Assemblies,
    pub(super) peers: Peers,
    pub(super) evidence: Evidence,
    /// `None`: every vote that this replica gave above `forgotten` is known.
    pub(super) amnesia: Option<Amnesia>,
    /// Votes up to this view may have been lost: there are no others in them.
    pub(super) forgotten: View,
    /// When the next resend is due, on the scale of waits.
    pub(super) resend_due: Time,
    /// What `SetTimer` last asked for.
    pub(super) armed: Option<Time>,
    pub(super) started: bool,
    /// Diverged or forked: nothing is said any more.
    pub(super) stopped: bool,
    out: Vec<Effect>,
}

impl Consensus {
    /// A machine that waits for [`Input::Started`].
    pub fn new(keys: Keys, pace: Pace) -> Consensus {
        let Keys { keyring, identity, committee, encryption, seed, genesis } = keys;
        let seed = seed.map(|seed| (keyring.epoch(), seed));
        let peers = Peers::new(keyring.nodes());
        let view = CurrentView {
            number: View(1),
            leader: keyring.leader(View(1), None),
            entered: Time::ZERO,
            is_void: false,
            waiting_since: None,
            proposing: Proposing::Idle,
            gathering_since: Time::ZERO,
            nullified_in_row: 0,
        };
        Consensus {
            keys: Signing { keyring, identity, committee },
            handing: Handing::new(genesis, encryption, seed),
            pace,
            clock: Clock::default(),
            pool: Pool::default(),
            chain: Chain::default(),
            view,
            load: Load::default(),
            certifier: Certifier::default(),
            catch_up: CatchUp::default(),
            fetches: Fetches::default(),
            assemblies: Assemblies::default(),
            peers,
            evidence: Evidence::default(),
            amnesia: None,
            forgotten: View::ZERO,
            resend_due: Time::ZERO,
            armed: None,
            started: false,
            stopped: false,
            out: Vec::new(),
        }
    }

    /// Takes one input; the effects are to be performed in order, records first. Before
    /// [`Input::Started`], and after a halt, inputs have no effect.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Effect> {
        if self.stopped {
            return Vec::new();
        }
        self.clock.advance(now);
        self.take(input);
        if self.started {
            self.settle();
        }
        records_first(std::mem::take(&mut self.out))
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Started(recovered) if !self.started => self.recover(*recovered),
            _ if !self.started => {}
            Input::Peer(from, message) => self.receive(from, message),
            Input::Timer => self.armed = None,
            Input::Executed(executed) => self.take_executed(executed),
            Input::Payload { view, payload } => self.take_payload(view, payload),
            Input::PayloadValidated { block, verdict } => self.take_verdict(&block, &verdict),
            Input::PayloadWaiting => self.payload_waits(),
            Input::Bodies { from, block, bodies } if self.may_hear(from) => {
                self.take_bodies(from, &block, bodies);
            }
            Input::CallsFound { block, calls } => self.take_found(&block, calls),
            Input::CallArrived { hash, ingress } => self.take_call(&hash, &ingress),
            Input::System(message) => self.take_system(*message),
            Input::Seed { epoch, seed } => self.take_seed(epoch, seed),
            Input::Started(_) | Input::Ingress(_) | Input::PeerIngress(_) | Input::Bodies { .. } => {}
        }
    }

    /// Applies the rules until none of them changes anything. Each change uses up something that
    /// comes but once (a vote, a view, a finalization), so this ends.
    fn settle(&mut self) {
        while !self.stopped && (self.deliver() || self.enter()) {}
        self.recollect();
        while !self.stopped
            && (self.deliver()
                || self.enter()
                || self.deal()
                || self.notarize()
                || self.nullify()
                || self.propose())
        {}
        self.fetch_blocks();
        self.fetch_bodies();
        self.fetch_chain();
        self.resend();
        self.rearm();
    }

    pub(super) fn emit(&mut self, effect: Effect) {
        if !self.stopped {
            self.out.push(effect);
        }
    }

    /// All nodes but this one, in order of index.
    pub(super) fn others(&self) -> Vec<NodeIndex> {
        // A member without shares has a place all the same.
        let own = self.keys.committee.index_of(&self.keys.identity.public_key());
        let all = (0..=u16::MAX).map(NodeIndex).take(self.keys.keyring.nodes());
        all.filter(|node| Some(*node) != own).collect()
    }

    /// Where this replica stands: the lowest view whose certificate it lacks, its finalized and its
    /// certified height.
    pub fn status(&self) -> PeerStatus {
        let view = self.pool.first_gap(self.base()).min(self.view.number);
        let (finalized, certified) = (self.chain.tip.height, self.certifier.height());
        PeerStatus { view, entered: self.view.number, finalized, certified }
    }

    /// The view that this replica is in.
    pub fn view(&self) -> View {
        self.view.number
    }

    /// The view of the finalized tip.
    pub fn finalized_view(&self) -> View {
        self.chain.tip.view
    }

    /// The leader of the current view.
    pub fn leader(&self) -> NodeIndex {
        self.view.leader
    }

    /// The last height whose execution came back.
    pub fn executed(&self) -> Height {
        self.chain.executed
    }

    /// Whether this replica diverged, or saw two finalized chains, and says nothing any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Nodes caught saying two things at once in this run.
    pub fn evidence(&self) -> &[Equivocation] {
        self.evidence.all()
    }

    /// Proven faults of each node in this run, by index.
    pub fn faults(&self) -> Vec<u32> {
        self.peers.faults()
    }

    /// How many views are kept; bounded by the distance to the finalized view and `VIEWS_AHEAD_MAX`.
    pub fn views_kept(&self) -> usize {
        self.pool.len()
    }
}
