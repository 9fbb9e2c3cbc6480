//! What everybody may see, in bounded pages.

use crate::governance::Governance;
use crate::interface::{
    Ballot, DissolveState, Followees, ListBallots, ListNeurons, ListProposals, Neuron, ProposalInfo, Status,
    Topic, Vote, Voter,
};
use crate::keys;
use crate::neuron::{self, Lock};
use crate::proposal::{Cast, Record};
use candid::Principal;
use cycles_interface::{Account, Stored};
use ic_stable_structures::Memory;

/// Most neurons in an answer.
pub const NEURONS_PER_PAGE: usize = 100;
/// Most proposals in an answer.
pub const PROPOSALS_PER_PAGE: usize = 50;
/// Most ballots in an answer.
pub const BALLOTS_PER_PAGE: usize = 500;

fn page(limit: u32, most: usize) -> usize {
    usize::try_from(limit).unwrap_or(most).min(most)
}

impl<M: Memory> Governance<M> {
    fn show_neuron(&self, neuron: neuron::Neuron, now_seconds: u64) -> Neuron {
        let parameters = &self.config().parameters;
        let max = parameters.max_dissolve_delay_seconds;
        let power = neuron.standing().power(now_seconds, parameters.min_dissolve_delay_seconds, max);
        let delay = neuron.lock.delay(now_seconds);
        let followees = Topic::EACH
            .map(|topic| Followees { topic, followees: self.followees(neuron.id, topic) })
            .into_iter()
            .filter(|it| !it.followees.is_empty())
            .collect();
        Neuron {
            id: neuron.id,
            controller: neuron.controller,
            account: Account { owner: self.own_id, subaccount: Some(neuron.subaccount()) },
            stake_e8s: neuron.stake_e8s,
            reserved_e8s: neuron.reserved_e8s,
            owed_e8s: neuron.owed_e8s,
            moving_e8s: neuron.order.as_ref().map_or(0, |order| order.e8s),
            dissolve_state: match neuron.lock {
                _ if delay == 0 => DissolveState::Dissolved,
                Lock::Locked { delay_seconds } => DissolveState::Locked { delay_seconds },
                Lock::Dissolving { when_dissolved_seconds } => {
                    DissolveState::Dissolving { when_dissolved_seconds }
                }
            },
            dissolve_delay_seconds: delay,
            voting_power: power / u128::from(max.max(1)),
            created_seconds: neuron.created_seconds,
            hot_keys: neuron.hot_keys,
            followees,
        }
    }

    pub fn get_neuron(&self, id: u64, now_seconds: u64) -> Option<Neuron> {
        self.neuron(id).map(|neuron| self.show_neuron(neuron, now_seconds))
    }

    pub fn list_neurons(&self, list: ListNeurons, now_seconds: u64) -> Vec<Neuron> {
        let most = page(list.limit, NEURONS_PER_PAGE);
        let Some(first) = list.after.unwrap_or(0).checked_add(1) else { return Vec::new() };
        let ids: Vec<u64> = match list.of {
            None => self.neurons.keys_range(first..).take(most).collect(),
            Some(owner) => {
                let range = keys::owner(owner, first)..=keys::owner(owner, u64::MAX);
                self.by_owner.keys_range(range).take(most).map(|key| keys::neuron_of_owner(&key)).collect()
            }
        };
        ids.into_iter().filter_map(|id| self.get_neuron(id, now_seconds)).collect()
    }

    pub fn get_proposal(&self, id: u64) -> Option<ProposalInfo> {
        self.record(id).map(Record::shown)
    }

    /// The newest first.
    pub fn list_proposals(&self, list: ListProposals) -> Vec<ProposalInfo> {
        let most = page(list.limit, PROPOSALS_PER_PAGE);
        let before = list.before.unwrap_or(u64::MAX);
        let ids: Vec<u64> = match list.open_only {
            true => self.open.keys_range(..before).rev().take(most).collect(),
            false => self.proposals.keys_range(..before).rev().take(most).collect(),
        };
        let shown = |record: Record| {
            let mut info = record.shown();
            info.proposal.action = info.proposal.action.shortened();
            info
        };
        ids.into_iter().filter_map(|id| self.record(id)).map(shown).collect()
    }

    pub fn get_ballot(&self, proposal: u64, voter: Voter) -> Option<Ballot> {
        let unit = self.record(proposal)?.unit();
        self.cast_of(proposal, voter).map(|cast| show_ballot(voter, cast, unit))
    }

    pub fn list_ballots(&self, list: ListBallots) -> Vec<Ballot> {
        let Some(record) = self.record(list.proposal_id) else { return Vec::new() };
        let first = list.after.map_or(keys::first_ballot(record.id), |voter| keys::ballot(record.id, voter));
        let end = keys::first_ballot(record.id.saturating_add(1));
        if first >= end {
            return Vec::new();
        }
        self.ballots
            .range(first..end)
            .map(|entry| (keys::voter_of_ballot(entry.key()), entry.value()))
            .filter(|(voter, _)| Some(*voter) != list.after)
            .take(page(list.limit, BALLOTS_PER_PAGE))
            .map(|(voter, Stored(cast))| show_ballot(voter, cast, record.unit()))
            .collect()
    }

    /// Where somebody transfers tokens for a neuron.
    pub fn neuron_account(&self, controller: Principal, memo: u64) -> Account {
        Account { owner: self.own_id, subaccount: Some(neuron::subaccount_of(controller, memo)) }
    }

    pub fn status(&self, now_seconds: u64) -> Status {
        let totals = self.totals();
        let max = self.config().parameters.max_dissolve_delay_seconds.max(1);
        Status {
            neurons: self.neurons.len(),
            proposals: self.proposals.len(),
            open_proposals: self.open.len(),
            stake_e8s: totals.stake_e8s,
            voting_power: self.total_power(now_seconds) / u128::from(max),
            disbursed_e8s: totals.disbursed_e8s,
            burnt_e8s: totals.burnt_e8s,
            fees_e8s: totals.fees_e8s,
            unsettled_neurons: self.unsettled.len(),
        }
    }
}

fn show_ballot(voter: Voter, cast: Cast, unit: u128) -> Ballot {
    Ballot {
        voter,
        vote: if cast.yes { Vote::Yes } else { Vote::No },
        voting_power: cast.power / unit,
        cast_seconds: cast.cast_seconds,
        followed: cast.followed,
    }
}
