//! Proposals and votes.
//!
//! # Rules
//! 1. What a vote weighs is what it weighed when the proposal was made, and the total is that of the same moment.
//! 2. Everybody votes once on a proposal: by oneself, or by those whom one follows, whichever is first.
//! 3. Who votes has followers visited ([`Governance::work`]), a bounded number in one message. A follower votes Yes
//!    when more than half of those whom it follows did, and No when at least half did.
//! 4. A proposal is decided as soon as no further vote can change its outcome, and else at its deadline once all
//!    followers of those who voted before it were visited.
//! 5. A vote that turns the outcome moves the deadline ([`Rules::moved_deadline`]).
//! 6. The fee is held back while a proposal is open, given back if it is adopted, burnt if it is rejected.
//! 7. Who fills the slots pays ever more for it: each [`OPEN_PER_DOUBLING`](crate::parameters::OPEN_PER_DOUBLING)
//!    proposals that are not ended double the fee of the next, which stands on its record. The last quarter of the
//!    slots is only for upgrades and content ([`URGENT_PART`](crate::parameters::URGENT_PART)).

use crate::governance::{Governance, MAX_OPERATORS, pair_range};
use crate::interface::{GovernanceError, Proposal, ProposalStatus, Tally, Topic, Vote, Voter, Voters};
use crate::keys;
use crate::neuron::Neuron;
use crate::proposal::{Cast, Record, Rules};
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::Memory;

/// Most proposals of one proposer that are not ended.
pub const MAX_OPEN_OF_PROPOSER: usize = 10;
/// Most followers visited in one piece of work.
pub const FOLLOWERS_PER_PIECE: usize = 50;
/// Most proposals kept; older ended ones are forgotten.
pub const MAX_PROPOSALS: u64 = 10_000;
/// Most ballots kept, beside those of open proposals.
pub const MAX_BALLOTS: u64 = 10_000_000;
/// Most ballots forgotten in one piece of work.
const BALLOTS_PER_PIECE: usize = 500;

fn not_authorized(why: String) -> GovernanceError {
    GovernanceError::NotAuthorized(why)
}

impl<M: Memory> Governance<M> {
    /// Makes a proposal, for which the proposer votes.
    ///
    /// # Errors
    /// Why there is none.
    pub fn make_proposal(
        &mut self,
        caller: Principal,
        neuron_id: Option<u64>,
        proposal: Proposal,
        now_seconds: u64,
    ) -> Result<u64, GovernanceError> {
        let proposer = self.voter(caller, neuron_id)?;
        proposal.check(&self.config().canisters, self.own_id).map_err(GovernanceError::Invalid)?;
        let under_way = self.check_room(proposer, proposal.action.topic())?;
        let fee_e8s = self.reserve_fee(proposer, under_way, now_seconds)?;
        let total = match proposer {
            Voter::Neuron(_) => self.total_power(now_seconds),
            Voter::Operator(_) => self.electorate(0).len() as u128,
        };
        let id = self.count(|totals| {
            totals.last_proposal += 1;
            totals.last_proposal
        });
        if self.config().voters == Voters::Operators {
            self.electorates.insert(id, Stored(self.electorate(0)));
        }
        let mut record = self.new_record(id, proposer, proposal, fee_e8s, now_seconds);
        record.tally.total = total;
        if let Some(module) = record.proposal.action.take_module() {
            self.modules.insert(id, module);
        }
        self.open.insert(id, record.deadline_seconds);
        self.put_record(record.clone());
        let power = self.power_of(&record, proposer);
        self.cast(record, proposer, Cast { yes: true, power, cast_seconds: now_seconds, followed: false });
        Ok(id)
    }

    fn new_record(
        &self,
        id: u64,
        proposer: Voter,
        proposal: Proposal,
        fee_e8s: u64,
        created_seconds: u64,
    ) -> Record {
        let rules = Rules::of(&self.config().parameters, created_seconds);
        Record {
            id,
            proposer,
            proposal,
            status: ProposalStatus::Open,
            tally: Tally { yes: 0, no: 0, total: 0 },
            rules,
            fee_e8s,
            created_seconds,
            deadline_seconds: rules.first_deadline_seconds,
            decided_seconds: None,
            ended_seconds: None,
            awaits_registry: false,
        }
    }

    /// Whose votes a caller uses.
    fn voter(&self, caller: Principal, neuron_id: Option<u64>) -> Result<Voter, GovernanceError> {
        match (self.config().voters, neuron_id) {
            (Voters::Neurons, Some(id)) => match self.named_neuron(id)?.is_voted_by(caller) {
                true => Ok(Voter::Neuron(id)),
                false => Err(not_authorized(format!("{caller} does not vote with neuron {id}"))),
            },
            (Voters::Neurons, None) => Err(GovernanceError::Invalid("no neuron_id".to_owned())),
            (Voters::Operators, None) => match self.electorate(0).contains(&caller) {
                true => Ok(Voter::Operator(caller)),
                false => Err(not_authorized(format!("{caller} is no operator"))),
            },
            (Voters::Operators, Some(_)) => {
                Err(GovernanceError::Invalid("operators vote here; there are no neurons".to_owned()))
            }
        }
    }

    /// Whether there is a slot for one more; gives how many are taken.
    fn check_room(&self, proposer: Voter, topic: Topic) -> Result<usize, GovernanceError> {
        let under_way: Vec<u64> = self.open.keys().chain(self.adopted.keys()).collect();
        if under_way.len() >= self.config().parameters.slots(topic) {
            let why = format!("too many proposals are open for one more of topic {topic:?}");
            return Err(GovernanceError::TooMany(why));
        }
        let is_own = |id: &&u64| self.record(**id).is_some_and(|record| record.proposer == proposer);
        match under_way.iter().filter(is_own).count() < MAX_OPEN_OF_PROPOSER {
            true => Ok(under_way.len()),
            false => Err(GovernanceError::TooMany("10 proposals of the same proposer are open".to_owned())),
        }
    }

    /// Holds the fee back.
    fn reserve_fee(
        &mut self,
        proposer: Voter,
        under_way: usize,
        now_seconds: u64,
    ) -> Result<u64, GovernanceError> {
        let Voter::Neuron(id) = proposer else { return Ok(0) };
        let parameters = self.config().parameters;
        let mut neuron = self.named_neuron(id)?;
        if neuron.lock.delay(now_seconds) < parameters.min_dissolve_delay_seconds {
            let why = "a neuron with so short a dissolve delay neither votes nor proposes";
            return Err(GovernanceError::PreconditionFailed(why.to_owned()));
        }
        let fee_e8s = parameters.fee_e8s(under_way).ok_or_else(|| {
            GovernanceError::TooMany("so many are open that no neuron can hold the fee".to_owned())
        })?;
        let available_e8s = neuron.free_e8s();
        if available_e8s <= fee_e8s {
            let needed_e8s = fee_e8s.saturating_add(1);
            return Err(GovernanceError::InsufficientFunds { available_e8s, needed_e8s });
        }
        neuron.reserved_e8s = neuron.reserved_e8s.saturating_add(fee_e8s);
        self.put_neuron(neuron);
        Ok(fee_e8s)
    }

    /// Who votes on a proposal where operators do; at 0, who would on the next.
    pub fn electorate(&self, proposal: u64) -> Vec<Principal> {
        self.electorates.get(&proposal).map_or(Vec::new(), |Stored(operators)| operators)
    }

    /// The registry named its operators.
    ///
    /// # Errors
    /// Too many of them.
    pub fn set_operators(&mut self, mut operators: Vec<Principal>) -> Result<(), GovernanceError> {
        operators.sort_unstable();
        operators.dedup();
        if operators.len() > MAX_OPERATORS {
            return Err(GovernanceError::TooMany("more than 1000 operators".to_owned()));
        }
        self.electorates.insert(0, Stored(operators));
        Ok(())
    }

    fn power_of(&self, record: &Record, voter: Voter) -> u128 {
        match voter {
            Voter::Neuron(id) => self.neuron(id).map_or(0, |neuron| self.power_in(record, &neuron)),
            Voter::Operator(principal) => self.electorate(record.id).contains(&principal).into(),
        }
    }

    /// Votes.
    ///
    /// # Errors
    /// Why the vote does not count.
    pub fn register_vote(
        &mut self,
        caller: Principal,
        neuron_id: Option<u64>,
        proposal: u64,
        vote: Vote,
        now_seconds: u64,
    ) -> Result<(), GovernanceError> {
        let record = self
            .record(proposal)
            .ok_or_else(|| GovernanceError::NotFound(format!("there is no proposal {proposal}")))?;
        let voter = match (self.config().voters, neuron_id) {
            (Voters::Operators, None) => Voter::Operator(caller),
            _ => self.voter(caller, neuron_id)?,
        };
        if !record.is_open() || now_seconds >= record.deadline_seconds {
            return Err(GovernanceError::PreconditionFailed("it is not voted on any more".to_owned()));
        }
        let power = self.power_of(&record, voter);
        if power == 0 {
            return Err(not_authorized("no voting power when the proposal was made".to_owned()));
        }
        if self.cast_of(proposal, voter).is_some() {
            return Err(GovernanceError::PreconditionFailed("voted already".to_owned()));
        }
        let cast = Cast { yes: vote == Vote::Yes, power, cast_seconds: now_seconds, followed: false };
        self.cast(record, voter, cast);
        Ok(())
    }

    /// Counts a vote of somebody who did not vote before; gives the record as it then is.
    fn cast(&mut self, mut record: Record, voter: Voter, cast: Cast) -> Record {
        let passed = record.rules.passes(&record.tally);
        let side = if cast.yes { &mut record.tally.yes } else { &mut record.tally.no };
        *side = side.saturating_add(cast.power);
        self.ballots.insert(keys::ballot(record.id, voter), Stored(cast));
        if let Some(verdict) = record.rules.verdict(&record.tally) {
            return self.decide(record, verdict, cast.cast_seconds);
        }
        if record.rules.passes(&record.tally) != passed {
            record.deadline_seconds = record.rules.moved_deadline(record.deadline_seconds, cast.cast_seconds);
            self.open.insert(record.id, record.deadline_seconds);
        }
        if let Voter::Neuron(id) = voter
            && self.has_followers(id, record.proposal.action.topic())
        {
            self.waves.insert(keys::pair(record.id, id), Stored((false, 0)));
        }
        self.put_record(record.clone());
        record
    }

    /// Ends the voting.
    fn decide(&mut self, mut record: Record, adopted: bool, now_seconds: u64) -> Record {
        self.open.remove(&record.id);
        self.electorates.remove(&record.id);
        record.decided_seconds = Some(now_seconds);
        if adopted {
            record.status = ProposalStatus::Adopted;
            self.adopted.insert(record.id, ());
        } else {
            record.status = ProposalStatus::Rejected;
            record.ended_seconds = Some(now_seconds);
            self.modules.remove(&record.id);
        }
        if let Some(mut neuron) = self.neuron_of(record.proposer).filter(|_| record.fee_e8s > 0) {
            neuron.reserved_e8s = neuron.reserved_e8s.saturating_sub(record.fee_e8s);
            if !adopted {
                neuron.owed_e8s = neuron.owed_e8s.saturating_add(record.fee_e8s);
            }
            self.put_neuron(neuron);
        }
        self.put_record(record.clone());
        record
    }

    fn neuron_of(&self, voter: Voter) -> Option<Neuron> {
        match voter {
            Voter::Neuron(id) => self.neuron(id),
            Voter::Operator(_) => None,
        }
    }

    /// Does a bounded piece of what is to do: visits followers, ends votings, forgets what is too old. Whether
    /// there was anything.
    pub fn work(&mut self, now_seconds: u64) -> bool {
        self.spread(now_seconds) || self.close_due(now_seconds) || self.forget()
    }

    /// Visits some followers of one who voted.
    fn spread(&mut self, now_seconds: u64) -> bool {
        let Some((key, Stored((of_all, after)))) = self.waves.first_key_value() else { return false };
        let (proposal, voter) = keys::of_pair(&key);
        let Some(record) = self.record(proposal).filter(Record::is_open) else {
            self.waves.remove(&key);
            return true;
        };
        let topic = if of_all { Topic::All } else { record.proposal.action.topic() };
        let first = keys::follower(topic, voter, after.saturating_add(1));
        let range = first..=keys::follower(topic, voter, u64::MAX);
        let followers: Vec<u64> = self
            .followers
            .keys_range(range)
            .take(FOLLOWERS_PER_PIECE)
            .map(|key| keys::neuron_of_follower(&key))
            .collect();
        let more = followers.last().filter(|_| followers.len() == FOLLOWERS_PER_PIECE);
        match (more, of_all) {
            (Some(last), _) => self.waves.insert(key, Stored((of_all, *last))),
            (None, false) => self.waves.insert(key, Stored((true, 0))),
            (None, true) => self.waves.remove(&key),
        };
        let mut record = record;
        for follower in followers {
            if record.is_open() {
                record = self.visit(record, follower, now_seconds);
            }
        }
        true
    }

    fn has_followers(&self, id: u64, topic: Topic) -> bool {
        [topic, Topic::All].into_iter().any(|topic| {
            let range = keys::follower(topic, id, 0)..=keys::follower(topic, id, u64::MAX);
            self.followers.keys_range(range).next().is_some()
        })
    }

    /// A follower votes, if those whom it follows said enough.
    fn visit(&mut self, record: Record, follower: u64, now_seconds: u64) -> Record {
        let voter = Voter::Neuron(follower);
        if self.cast_of(record.id, voter).is_some() {
            return record;
        }
        let Some(yes) = self.followed_vote(&record, follower) else { return record };
        match self.power_of(&record, voter) {
            0 => record,
            power => {
                let cast = Cast { yes, power, cast_seconds: now_seconds, followed: true };
                self.cast(record, voter, cast)
            }
        }
    }

    /// Rule 3.
    fn followed_vote(&self, record: &Record, follower: u64) -> Option<bool> {
        let mut followees = self.followees(follower, record.proposal.action.topic());
        if followees.is_empty() {
            followees = self.followees(follower, Topic::All);
        }
        let casts = || followees.iter().filter_map(|id| self.cast_of(record.id, Voter::Neuron(*id)));
        let (yes, no) = (casts().filter(|it| it.yes).count(), casts().filter(|it| !it.yes).count());
        if 2 * yes > followees.len() {
            Some(true)
        } else if no > 0 && 2 * no >= followees.len() {
            Some(false)
        } else {
            None
        }
    }

    /// Ends one voting of which the deadline passed.
    fn close_due(&mut self, now_seconds: u64) -> bool {
        let due: Vec<u64> =
            self.open.iter().filter(|entry| entry.value() <= now_seconds).map(|entry| *entry.key()).collect();
        let Some(record) = due.into_iter().find_map(|id| self.record(id)) else { return false };
        debug_assert!(self.waves.range(pair_range(record.id)).next().is_none());
        let adopted = record.rules.passes(&record.tally);
        self.decide(record, adopted, now_seconds);
        true
    }

    /// Forgets some of the oldest, if there is too much.
    fn forget(&mut self) -> bool {
        if self.proposals.len() > self.max_proposals {
            let oldest = self.proposals.values().map(|Stored(record)| record).find(Record::is_ended);
            if let Some(record) = oldest {
                if !self.forget_ballots(record.id) {
                    self.proposals.remove(&record.id);
                }
                return true;
            }
        }
        if self.ballots.len() > self.max_ballots {
            let oldest = self.ballots.first_key_value().map(|(key, _)| keys::proposal_of_ballot(&key));
            let ended = oldest.filter(|id| self.record(*id).is_none_or(|record| !record.is_open()));
            return ended.is_some_and(|id| self.forget_ballots(id));
        }
        false
    }

    fn forget_ballots(&mut self, proposal: u64) -> bool {
        let range = keys::first_ballot(proposal)..keys::first_ballot(proposal.saturating_add(1));
        let some: Vec<_> = self.ballots.keys_range(range).take(BALLOTS_PER_PIECE).collect();
        some.iter().for_each(|key| {
            self.ballots.remove(key);
        });
        !some.is_empty()
    }

    /// When there is something to do next, in seconds; a time that passed: now.
    pub fn next_due(&self) -> Option<u64> {
        let visits = (!self.waves.is_empty()).then_some(0);
        let next = self.rest_until.max(self.executor.free_from());
        let execution = (!self.adopted.is_empty()).then_some(next);
        visits.or(self.open.values().chain(execution).min())
    }
}
