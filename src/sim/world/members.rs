//! Operators let nodes come and go (S9). What they sign is a change that the subnet can bear: of the members that it
//! makes no more may be faulty, or have lost what makes them whole, than the protocol allows.

use super::super::oracle::Signed;
use super::super::scenario::Scenario;
use super::super::trace::Facts;
use super::{Event, World};
use crate::membership::Succession;
use crate::membership::change::sign;
use crate::types::*;

/// As small as a subnet gets.
const MEMBERS_MIN: usize = 3;

impl World {
    /// Operators sign a change of the members, if one can be made, and give it to a member.
    pub(super) fn operate(&mut self) {
        if self.scenario.change_every == 0 || self.goal.is_some() {
            return;
        }
        let next = Time(self.now.0 + 1 + self.operators.waiting(self.scenario.change_every));
        self.queue.push(next, Event::Operate);
        let Some(succession) = self.newest_succession() else { return };
        let Some((leave, come)) = self.draw_change(&succession) else { return };
        let change = self.sign(&succession, leave, come);
        let members = self.oracle.members().to_vec();
        let to = members[self.operators.index(members.len())];
        self.note("is told of a change", to, None, Facts::new("version", change.version, 0));
        self.feed(to, Input::System(Box::new(SystemMessage::Change(change))));
    }

    /// What the honest node that is furthest knows of the members.
    fn newest_succession(&self) -> Option<Succession> {
        let honest = self.nodes().filter(|node| self.honest(*node)).map(|node| self.host(node));
        let alive = honest.filter_map(|host| host.life.as_ref());
        let newest = alive.max_by_key(|life| life.replica.status().finalized);
        newest.map(|life| life.replica.consensus().succession().clone())
    }

    /// Who leaves and who comes. One honest node never leaves: whoever was away for many epochs knows one that is
    /// still a member.
    fn draw_change(&mut self, succession: &Succession) -> Option<(Vec<NodeIndex>, Vec<NodeIndex>)> {
        let next = self.nodes_of(succession.next_members());
        let all = (0..self.scenario.sins.len() as u16).map(NodeIndex);
        let outside: Vec<NodeIndex> = all.filter(|node| !next.contains(node)).collect();
        let stays = self.scenario.sins.iter().position(Option::is_none);
        let leaving = next.iter().copied().filter(|node| Some(usize::from(node.0)) != stays);
        let inside: Vec<NodeIndex> = leaving.collect();
        let mut one = |of: &[NodeIndex]| of.get(self.operators.index(of.len().max(1))).copied();
        let (leaves, comes) = (one(&inside), one(&outside));
        let (leave, come) = match self.operators.below(3) {
            0 => (None, comes),
            1 => (leaves, None),
            _ => (leaves, comes),
        };
        let after: Vec<NodeIndex> =
            next.iter().copied().filter(|node| Some(*node) != leave).chain(come).collect();
        let changes = leave.is_some() || come.is_some();
        if !changes
            || after.len() < MEMBERS_MIN
            || self.bad_among(&after, None) > Scenario::faults_allowed(after.len())
        {
            return None;
        }
        self.at_stake.push((succession.epoch(), after));
        Some((leave.into_iter().collect(), come.into_iter().collect()))
    }

    /// The change with the signatures of all members' operators; the judge sees them sign.
    fn sign(
        &mut self,
        succession: &Succession,
        leave: Vec<NodeIndex>,
        come: Vec<NodeIndex>,
    ) -> MembershipChange {
        let key = |node: &NodeIndex| self.host(*node).identity.public_key();
        let mut change = MembershipChange {
            version: succession.version(),
            remove: leave.iter().map(key).collect(),
            add: come.iter().map(|node| self.cards[usize::from(node.0)].clone()).collect(),
            signatures: Vec::new(),
        };
        let by = self.nodes_of(succession.members());
        let signed = by.iter().map(|node| sign(&succession.chain(), &change, &self.host(*node).identity));
        change.signatures = (0..).map(NodeIndex).zip(signed).collect();
        self.oracle.signed(Signed { change: change.clone(), leave, come, by });
        change
    }

    /// The replica of `node` opened an epoch, or knows of other guests: places may be others' before its hands know.
    pub(super) fn meet(&mut self, node: NodeIndex) {
        let Some(life) = &self.host(node).life else { return };
        let moving = life.outbox.iter().any(|effect| match effect {
            Effect::OpenEpoch(opened) => self.peers_of(opened) != life.peers,
            _ => false,
        });
        if let Some(life) = &mut self.host_mut(node).life {
            life.moving = moving;
        }
    }

    /// Members and guests, by place.
    pub(super) fn peers_of(&self, opened: &NewEpoch) -> Vec<NodeIndex> {
        let cards: Vec<GenesisNode> = opened.members.iter().chain(&opened.guests).cloned().collect();
        self.nodes_of(&cards)
    }

    /// The nodes with these cards.
    pub(super) fn nodes_of(&self, cards: &[GenesisNode]) -> Vec<NodeIndex> {
        let place =
            |card: &GenesisNode| self.cards.iter().position(|known| known.identity_key == card.identity_key);
        cards.iter().filter_map(place).map(|place| NodeIndex(place as u16)).collect()
    }

    /// How many of `members`, `but` for one, are sinners or have lost what makes them whole.
    fn bad_among(&mut self, members: &[NodeIndex], but: Option<NodeIndex>) -> usize {
        let others =
            members.iter().filter(|member| Some(**member) != but).map(|member| usize::from(member.0));
        others
            .filter(|other| self.scenario.sins[*other].is_some() || self.hosts[*other].is_impaired())
            .count()
    }

    /// Whether the members there are, and any that a signed change may still make, can bear the loss of `node`.
    pub(super) fn spares(&mut self, node: NodeIndex) -> bool {
        let lives = self.hosts.iter().filter_map(|host| host.life.as_ref());
        let epoch = lives.map(|life| life.replica.consensus().epoch()).max().unwrap_or_default();
        self.at_stake.retain(|(of, _)| of.next() >= epoch);
        let now = self.oracle.members().to_vec();
        let stakes: Vec<Vec<NodeIndex>> =
            self.at_stake.iter().map(|(_, members)| members.clone()).chain([now]).collect();
        stakes
            .iter()
            .all(|members| self.bad_among(members, Some(node)) < Scenario::faults_allowed(members.len()))
    }
}
