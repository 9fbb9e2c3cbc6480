//! The state, all of it in stable memory but what messages are working on.

use crate::execution::EXECUTION_SECONDS;
use crate::interface::{Canisters, GovernanceError, Topic, Voter, Voters};
use crate::keys::{self, BallotKey, FollowerKey, FollowingKey, OwnerKey, Pair};
use crate::neuron::{Neuron, Standing};
use crate::parameters::Parameters;
use crate::proposal::{Cast, Record};
use crate::voting::{MAX_BALLOTS, MAX_PROPOSALS};
use crate::weights::Weights;
use candid::Principal;
use cycles_interface::{Stored, Subaccount};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use lease::Lease;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most neurons.
pub const MAX_NEURONS: u64 = 1_000_000;
/// Most operators that vote.
pub const MAX_OPERATORS: usize = 1_000;
/// Most standings of one neuron forgotten in one message.
const FORGOTTEN_STANDINGS: usize = 100;
/// What a transfer costs until the ledger says otherwise.
const TRANSFER_FEE_E8S: u64 = 10_000;

/// Pages of which segments of stable memory are made: 2 MiB.
const BUCKET_PAGES: u16 = 32;

type Segment<M> = VirtualMemory<M>;
type Map<K, V, M> = StableBTreeMap<K, V, Segment<M>>;

/// What installation and votes decide.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    pub canisters: Canisters,
    pub voters: Voters,
    pub parameters: Parameters,
    pub transfer_fee_e8s: u64,
}

/// Sums and counters.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub last_neuron: u64,
    pub last_proposal: u64,
    pub last_order: u64,
    pub stake_e8s: u128,
    pub disbursed_e8s: u128,
    pub burnt_e8s: u128,
    pub fees_e8s: u128,
}

/// State, and what messages are working on. The latter is forgotten by an upgrade, before which they all end.
pub struct Governance<M: Memory> {
    pub(crate) own_id: Principal,
    config: StableCell<Stored<Option<Config>>, Segment<M>>,
    totals: StableCell<Stored<Totals>, Segment<M>>,
    pub(crate) neurons: Map<u64, Stored<Neuron>, M>,
    by_subaccount: Map<[u8; 32], u64, M>,
    pub(crate) by_owner: Map<OwnerKey, (), M>,
    /// (neuron, proposal): what the neuron's votes weigh in proposals up to this one.
    standings: Map<Pair, Stored<Standing>, M>,
    pub(crate) weights: Weights<Segment<M>>,
    pub(crate) following: Map<FollowingKey, Stored<Vec<u64>>, M>,
    pub(crate) followers: Map<FollowerKey, (), M>,
    pub(crate) proposals: Map<u64, Stored<Record>, M>,
    pub(crate) modules: Map<u64, Vec<u8>, M>,
    /// Proposals that are voted on, with their deadlines.
    pub(crate) open: Map<u64, u64, M>,
    /// Adopted proposals that are not ended.
    pub(crate) adopted: Map<u64, (), M>,
    pub(crate) ballots: Map<BallotKey, Stored<Cast>, M>,
    /// (proposal, neuron that voted): where the visit of its followers goes on.
    pub(crate) waves: Map<Pair, Stored<(bool, u64)>, M>,
    /// Neurons of which tokens are to move.
    pub(crate) unsettled: Map<u64, (), M>,
    /// Operators that vote on a proposal; at 0, those that the registry named last.
    pub(crate) electorates: Map<u64, Stored<Vec<Principal>>, M>,
    working: BTreeSet<[u8; 32]>,
    /// Who executes a proposal.
    pub(crate) executor: Lease,
    /// Nothing is executed before this second.
    pub(crate) rest_until: u64,
    /// Where the search for unsettled neurons goes on.
    pub(crate) swept: u64,
    /// [`MAX_PROPOSALS`] and [`MAX_BALLOTS`]; tests do with fewer.
    pub(crate) max_proposals: u64,
    pub(crate) max_ballots: u64,
}

impl<M: Memory> Governance<M> {
    pub fn open(memory: M, own_id: Principal) -> Self {
        let segments = MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES);
        let segment = |number| segments.get(MemoryId::new(number));
        Self {
            own_id,
            config: StableCell::init(segment(0), Stored(None)),
            totals: StableCell::init(segment(1), Stored::default()),
            neurons: StableBTreeMap::init(segment(2)),
            by_subaccount: StableBTreeMap::init(segment(3)),
            by_owner: StableBTreeMap::init(segment(4)),
            standings: StableBTreeMap::init(segment(5)),
            weights: Weights::init(segment(6)),
            following: StableBTreeMap::init(segment(7)),
            followers: StableBTreeMap::init(segment(8)),
            proposals: StableBTreeMap::init(segment(9)),
            modules: StableBTreeMap::init(segment(10)),
            open: StableBTreeMap::init(segment(11)),
            adopted: StableBTreeMap::init(segment(12)),
            ballots: StableBTreeMap::init(segment(13)),
            waves: StableBTreeMap::init(segment(14)),
            unsettled: StableBTreeMap::init(segment(15)),
            electorates: StableBTreeMap::init(segment(16)),
            working: BTreeSet::new(),
            executor: Lease::lasting(EXECUTION_SECONDS),
            rest_until: 0,
            swept: 0,
            max_proposals: MAX_PROPOSALS,
            max_ballots: MAX_BALLOTS,
        }
    }

    /// Begins with this configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn configure(
        &mut self,
        canisters: Canisters,
        voters: Voters,
        parameters: Parameters,
    ) -> Result<(), String> {
        parameters.check()?;
        match voters {
            Voters::Neurons if canisters.ledger.is_none() => return Err("neurons need a ledger".to_owned()),
            Voters::Operators if canisters.registry.is_none() => {
                return Err("operators need a registry".to_owned());
            }
            _ => (),
        }
        let config = Config { canisters, voters, parameters, transfer_fee_e8s: TRANSFER_FEE_E8S };
        self.config.set(Stored(Some(config)));
        Ok(())
    }

    /// # Panics
    /// Before [`Self::configure`], which is part of the installation.
    pub fn config(&self) -> &Config {
        match &self.config.get().0 {
            Some(config) => config,
            None => unreachable!("installation configures"),
        }
    }

    pub(crate) fn change_config(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = *self.config();
        change(&mut config);
        self.config.set(Stored(Some(config)));
    }

    pub fn totals(&self) -> &Totals {
        &self.totals.get().0
    }

    pub(crate) fn count<T>(&mut self, change: impl FnOnce(&mut Totals) -> T) -> T {
        let mut totals = *self.totals();
        let result = change(&mut totals);
        self.totals.set(Stored(totals));
        result
    }

    pub fn neuron(&self, id: u64) -> Option<Neuron> {
        self.neurons.get(&id).map(|Stored(neuron)| neuron)
    }

    /// A neuron that somebody named.
    pub(crate) fn named_neuron(&self, id: u64) -> Result<Neuron, GovernanceError> {
        self.neuron(id).ok_or_else(|| GovernanceError::NotFound(format!("there is no neuron {id}")))
    }

    pub fn neuron_at(&self, subaccount: &Subaccount) -> Option<u64> {
        self.by_subaccount.get(subaccount.as_ref())
    }

    /// Keeps a neuron, old or new, with all that follows from what it is. Every change of a neuron is one of
    /// this function.
    pub(crate) fn put_neuron(&mut self, neuron: Neuron) {
        let old = self.neuron(neuron.id);
        match &old {
            Some(old) => self.forget_traces(old),
            None => {
                self.by_subaccount.insert(neuron.subaccount().into_array(), neuron.id);
            }
        }
        let before = old.as_ref().map_or(Standing::NONE, Neuron::standing);
        if before != neuron.standing() {
            self.remember_standing(neuron.id, before);
        }
        self.weights.add(neuron.lock, neuron.standing().stake_e8s);
        for principal in neuron.principals() {
            self.by_owner.insert(keys::owner(principal, neuron.id), ());
        }
        if neuron.is_unsettled() {
            self.unsettled.insert(neuron.id, ());
        }
        let stake_e8s = neuron.stake_e8s;
        self.count(|totals| totals.stake_e8s = totals.stake_e8s.saturating_add(stake_e8s.into()));
        self.neurons.insert(neuron.id, Stored(neuron));
    }

    /// Forgets a neuron in which nothing is.
    pub(crate) fn remove_neuron(&mut self, neuron: &Neuron) {
        if let Some(kept) = self.neuron(neuron.id) {
            self.forget_traces(&kept);
        }
        for topic in Topic::EACH {
            self.set_followees(neuron.id, topic, Vec::new());
        }
        let standings = pair_range(neuron.id);
        let forgotten: Vec<_> = self.standings.keys_range(standings).take(FORGOTTEN_STANDINGS).collect();
        forgotten.iter().for_each(|key| {
            self.standings.remove(key);
        });
        self.by_subaccount.remove(&neuron.subaccount().into_array());
        self.neurons.remove(&neuron.id);
    }

    fn forget_traces(&mut self, old: &Neuron) {
        self.weights.remove(old.lock, old.standing().stake_e8s);
        for principal in old.principals() {
            self.by_owner.remove(&keys::owner(principal, old.id));
        }
        self.unsettled.remove(&old.id);
        self.count(|totals| totals.stake_e8s = totals.stake_e8s.saturating_sub(old.stake_e8s.into()));
    }

    /// Keeps what a neuron's votes weigh in the proposals that are open now, before it changes. The first change
    /// after a proposal counts: later ones find a standing at this proposal or above.
    fn remember_standing(&mut self, neuron: u64, before: Standing) {
        let (Some((oldest, _)), Some((newest, _))) =
            (self.open.first_key_value(), self.open.last_key_value())
        else {
            return;
        };
        let useless = keys::pair(neuron, 0)..keys::pair(neuron, oldest);
        let useless: Vec<_> = self.standings.keys_range(useless).take(FORGOTTEN_STANDINGS).collect();
        for key in useless {
            self.standings.remove(&key);
        }
        if self.standing_since(neuron, newest).is_none() {
            self.standings.insert(keys::pair(neuron, newest), Stored(before));
        }
    }

    fn standing_since(&self, neuron: u64, proposal: u64) -> Option<Standing> {
        let since = keys::pair(neuron, proposal)..=keys::pair(neuron, u64::MAX);
        self.standings.range(since).next().map(|entry| entry.value().0)
    }

    /// What a neuron's votes weigh in an open proposal, in least units: as it was when the proposal was made.
    pub(crate) fn power_in(&self, record: &Record, neuron: &Neuron) -> u128 {
        let standing = self.standing_since(neuron.id, record.id).unwrap_or_else(|| neuron.standing());
        let rules = &record.rules;
        standing.power(record.created_seconds, rules.min_delay_seconds, rules.max_delay_seconds)
    }

    /// Voting power of all neurons now, in least units.
    pub fn total_power(&self, now_seconds: u64) -> u128 {
        let parameters = &self.config().parameters;
        self.weights.power(
            now_seconds,
            parameters.min_dissolve_delay_seconds,
            parameters.max_dissolve_delay_seconds,
        )
    }

    pub fn record(&self, id: u64) -> Option<Record> {
        self.proposals.get(&id).map(|Stored(record)| record)
    }

    pub(crate) fn put_record(&mut self, record: Record) {
        self.proposals.insert(record.id, Stored(record));
    }

    pub fn cast_of(&self, proposal: u64, voter: Voter) -> Option<Cast> {
        self.ballots.get(&keys::ballot(proposal, voter)).map(|Stored(cast)| cast)
    }

    /// Takes an account for one message; whether nobody had it.
    pub fn hold(&mut self, subaccount: Subaccount) -> bool {
        self.working.insert(subaccount.into_array())
    }

    /// A message does not work on an account any more: it answered, or it trapped.
    pub fn release(&mut self, subaccount: Subaccount) {
        self.working.remove(&subaccount.into_array());
    }

    pub fn is_held(&self, subaccount: Subaccount) -> bool {
        self.working.contains(&subaccount.into_array())
    }
}

/// Pairs with this first.
pub(crate) fn pair_range(first: u64) -> std::ops::RangeInclusive<Pair> {
    keys::pair(first, 0)..=keys::pair(first, u64::MAX)
}
