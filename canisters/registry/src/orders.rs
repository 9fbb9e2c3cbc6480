//! Changes of the membership on their way, and what the chain made of them.
//!
//! 1. An order asks for one node to leave, one to come, or both. It is refused when it is made if the chain
//!    could never take it: the node that leaves is no member, the one that comes has a bad card or one that
//!    clashes with a member's, nobody would be left, or there would be too many.
//! 2. One order is open: certified, building upon the version of the membership that was read last. The
//!    others wait.
//! 3. The chain says what became of it. When the next members are as it asks, it is done. As long as they
//!    are not it stays open: the chain takes nothing while members deal, nor more changes than it allows in
//!    one epoch. If the version has moved without it, the order is made again for the new one.
//! 4. After [`MAX_EPOCHS`] that were seen to pass and in which it was not taken, or when it cannot be done any more, it is given up, so that
//!    those behind it are not held up for ever: only orders move the version, so one that the chain never takes
//!    would. While the version is the same, whoever kept an order that was given up may still bring it, and the
//!    chain takes the first that comes: that one or the open one, never both. Its record says so. If it is done,
//!    the records follow, and the open one is made again or given up by the same rules.
//! 5. A node's status follows from what the chain said last and from the orders that are under way: nothing
//!    else sets it.

use crate::book::*;
use crate::chain::{MAX_MEMBERS, Member, Membership, encode_order};
use crate::check::{check_card, clash, node_id};
use crate::interface::*;
use candid::Principal;
use ic_stable_structures::Memory;
use lease::Held;
use std::collections::BTreeSet;

/// Most orders under way.
pub const MAX_ORDERS: usize = 100;
/// For how many epochs an order is open at most.
pub const MAX_EPOCHS: u64 = 10;
/// After what time of which nothing was heard the chain is read again: a minute.
pub const READING_NANOS: u64 = 60_000_000_000;

/// Whether an order has not ended.
pub fn is_under_way(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Queued | OrderStatus::Open { .. })
}

fn has_member(members: &[(Principal, NodeCard)], id: Principal) -> bool {
    members.iter().any(|(member, _)| *member == id)
}

/// The id of the node that an order adds.
fn added(order: &Order) -> Option<Principal> {
    order.add.as_ref().map(|card| node_id(&card.identity_key))
}

/// The members after a change, if the chain could make it.
fn changed(
    members: &[(Principal, NodeCard)],
    remove: Option<Principal>,
    add: Option<&NodeCard>,
) -> Result<Vec<(Principal, NodeCard)>, Error> {
    let mut next = members.to_vec();
    if let Some(leaving) = remove {
        if !has_member(members, leaving) {
            return Err(Error::NotFound(format!("{leaving} will be no member that could leave")));
        }
        next.retain(|(member, _)| *member != leaving);
    }
    if let Some(card) = add {
        let coming = node_id(&card.identity_key);
        if remove == Some(coming) {
            return Err(Error::Invalid(format!("{coming} cannot take its own place")));
        }
        if has_member(&next, coming) {
            return Err(Error::AlreadyExists(format!("{coming} will be a member already")));
        }
        let clashing = next.iter().find_map(|(id, member)| Some((id, clash(member, card)?)));
        if let Some((id, field)) = clashing {
            return Err(Error::AlreadyExists(format!("{id} has {field} already")));
        }
        next.push((coming, card.clone()));
    }
    match next.len() {
        0 => Err(Error::Invalid("nobody would be left".to_owned())),
        count if count > MAX_MEMBERS => {
            Err(Error::TooMany(format!("there would be {count} members; at most {MAX_MEMBERS} can be")))
        }
        _ => Ok(next),
    }
}

fn cards(members: &[Member]) -> Vec<(Principal, NodeCard)> {
    members.iter().map(|member| (member.node_id, member.card())).collect()
}

/// Whether the next members are as an order asks.
fn is_done(order: &Order, membership: &Membership) -> bool {
    let is_next = |id: Principal| membership.next.iter().any(|member| member.node_id == id);
    order.remove.is_none_or(|leaving| !is_next(leaving)) && added(order).is_none_or(is_next)
}

impl<M: Memory> Registry<M> {
    pub fn orders_under_way(&self) -> Vec<Order> {
        self.orders().into_iter().filter(is_under_way).collect()
    }

    pub fn open_order(&self) -> Option<Order> {
        self.orders().into_iter().find(|order| matches!(order.status, OrderStatus::Open { .. }))
    }

    /// The open order as the chain reads it.
    pub fn open_order_bytes(&self) -> Option<Vec<u8>> {
        let order = self.open_order()?;
        let OrderStatus::Open { version, .. } = order.status else { return None };
        let next = &self.reading()?.membership.next;
        let leaving = match order.remove {
            Some(id) => Some(&next.iter().find(|member| member.node_id == id)?.identity_key),
            None => None,
        };
        Some(encode_order(version, leaving, order.add.as_ref()))
    }

    /// Whether the chain was read and nothing is under way.
    pub fn is_settled(&self) -> bool {
        let moves = |node: &Node| matches!(node.status, NodeStatus::Joining | NodeStatus::Leaving);
        self.reading().is_some() && self.orders_under_way().is_empty() && !self.nodes().iter().any(moves)
    }

    pub fn subnet_view(&self, subnet_id: Principal) -> SubnetView {
        let reading = self.reading();
        SubnetView {
            subnet_id,
            governance: self.config().governance,
            subnet: self.subnet(),
            read_nanos: reading.map_or(0, |reading| reading.nanos),
            epoch: reading.map_or(0, |reading| reading.membership.epoch),
            dealing: reading.is_some_and(|reading| reading.membership.dealing),
            changes_max: reading.map_or(0, |reading| reading.membership.changes_max),
            orders: self.orders_under_way(),
        }
    }

    /// The next members after all that is under way.
    fn projected(&self) -> Result<Vec<(Principal, NodeCard)>, Error> {
        let not_yet = || Error::NotNow("the chain was not read yet; try again in a moment".to_owned());
        let membership = &self.reading().ok_or_else(not_yet)?.membership;
        let mut members = cards(&membership.next);
        for order in self.orders_under_way() {
            // One that cannot be done any more will be given up: it changes nothing.
            if let Ok(next) = changed(&members, order.remove, order.add.as_ref()) {
                members = next;
            }
        }
        Ok(members)
    }

    /// Whether an order could be made (rule 1).
    pub(crate) fn check_order(&self, remove: Option<Principal>, add: Option<&NodeCard>) -> Result<(), Error> {
        if let Some(card) = add {
            check_card(card)?;
        }
        if self.orders_under_way().len() >= MAX_ORDERS {
            return Err(Error::TooMany(format!("{MAX_ORDERS} changes of the membership are under way")));
        }
        changed(&self.projected()?, remove, add).map(|_| ())
    }

    /// Makes an order that was checked.
    pub(crate) fn make_order(&mut self, draft: &mut Draft, remove: Option<Principal>, add: Option<NodeCard>) {
        let id = self.number_order();
        let order = Order { id, proposal: draft.proposal, remove, add, status: OrderStatus::Queued };
        self.put_order(draft, order);
        self.settle(draft, 0);
    }

    fn put_order(&mut self, draft: &mut Draft, order: Order) {
        self.put(draft, order_key(order.id), Record::Order(order));
    }

    /// The right to read the chain, if nobody does. What a reading says is taken over even if it comes after another
    /// began: an older answer than the last is refused anyway.
    pub fn begin_reading(&self, now: u64) -> Option<Held> {
        self.reader.take(now)
    }

    /// Takes over what the chain said. None if it is no news.
    ///
    /// # Errors
    /// An answer that no chain of this kind gives, or one that is older than the last.
    pub fn follow(&mut self, membership: Membership, now: u64) -> Result<Option<u64>, String> {
        check_membership(&membership)?;
        let seen = self.reading().map(|reading| (reading.membership.epoch, reading.membership.version));
        // The reading before may be from long before an order was made.
        let unseen = seen.map_or(0, |(epoch, _)| membership.epoch.saturating_sub(epoch).saturating_sub(1));
        if seen.is_some_and(|seen| seen > (membership.epoch, membership.version)) {
            return Err("an older membership than the last".to_owned());
        }
        let what = format!("version {} of the membership, epoch {}", membership.version, membership.epoch);
        self.set_reading(Reading { nanos: now, membership });
        let mut draft = Draft::new(self.own_id, None, now);
        self.settle(&mut draft, unseen);
        Ok((!draft.is_empty()).then(|| self.commit(draft, what)))
    }

    /// Rules 2 to 5, after something changed. Between this reading and the last, `unseen` epochs began that nobody
    /// looked at.
    fn settle(&mut self, draft: &mut Draft, unseen: u64) {
        let Some(membership) = self.reading().map(|reading| reading.membership.clone()) else { return };
        for mut order in self.orders_under_way() {
            let status = match order.status {
                OrderStatus::Queued => begun(&order, &membership),
                OrderStatus::Open { version, since_epoch } => {
                    went_on(&order, &membership, version, since_epoch.saturating_add(unseen))
                }
                _ => continue,
            };
            let holds_up = matches!(status, OrderStatus::Open { .. });
            if status != order.status {
                order.status = status;
                self.put_order(draft, order);
            }
            if holds_up {
                break;
            }
        }
        self.settle_nodes(draft, &membership);
        self.settle_subnet(draft, &membership);
        self.forget_old(draft);
    }

    /// Rule 5; members that are new to us get a record.
    fn settle_nodes(&mut self, draft: &mut Draft, membership: &Membership) {
        let under_way = self.orders_under_way();
        for member in membership.members.iter().chain(&membership.next) {
            if self.node(member.node_id).is_none() {
                let node = Node {
                    node_id: member.node_id,
                    card: member.card(),
                    operator: self.initial_operator(&member.name),
                    status: status_of(member.node_id, membership, &under_way),
                };
                self.put(draft, node_key(node.node_id), Record::Node(node));
            }
        }
        for mut node in self.nodes() {
            let status = status_of(node.node_id, membership, &under_way);
            if status != node.status {
                node.status = status;
                self.put(draft, node_key(node.node_id), Record::Node(node));
            }
        }
    }

    fn initial_operator(&self, name: &str) -> Option<Principal> {
        let named = self.config().initial_nodes.iter().find(|(node, _)| node == name)?.1;
        self.operator(named).map(|operator| operator.operator)
    }

    fn settle_subnet(&mut self, draft: &mut Draft, membership: &Membership) {
        let ids = |members: &[Member]| members.iter().map(|member| member.node_id).collect();
        let before = self.subnet();
        let subnet = Subnet {
            replica_version: before.replica_version.clone(),
            membership_version: membership.version,
            members: ids(&membership.members),
            next: ids(&membership.next),
        };
        if subnet != before {
            self.put(draft, SUBNET_KEY.to_owned(), Record::Subnet(subnet));
        }
    }

    /// Keeps the bounds on what has ended.
    fn forget_old(&mut self, draft: &mut Draft) {
        let ended: Vec<u64> =
            self.orders().iter().filter(|order| !is_under_way(order)).map(|order| order.id).collect();
        for id in &ended[..ended.len().saturating_sub(MAX_ENDED_ORDERS)] {
            self.forget(draft, order_key(*id));
        }
        let mut gone: Vec<(u64, Principal)> = self
            .versioned_nodes()
            .into_iter()
            .filter(|(_, node)| node.status == NodeStatus::Gone)
            .map(|(version, node)| (version, node.node_id))
            .collect();
        gone.sort();
        for (_, id) in &gone[..gone.len().saturating_sub(MAX_GONE)] {
            self.forget(draft, node_key(*id));
        }
    }
}

/// What becomes of the first order that waits.
fn begun(order: &Order, membership: &Membership) -> OrderStatus {
    match changed(&cards(&membership.next), order.remove, order.add.as_ref()) {
        Ok(_) => OrderStatus::Open { version: membership.version, since_epoch: membership.epoch },
        Err(Error::Invalid(reason) | Error::NotFound(reason) | Error::AlreadyExists(reason)) => {
            OrderStatus::GivenUp(reason)
        }
        Err(other) => OrderStatus::GivenUp(format!("{other:?}")),
    }
}

/// What became of the open order (rules 3 and 4).
fn went_on(order: &Order, membership: &Membership, version: u64, since_epoch: u64) -> OrderStatus {
    if is_done(order, membership) {
        return OrderStatus::Done;
    }
    if membership.epoch.saturating_sub(since_epoch) >= MAX_EPOCHS {
        return OrderStatus::GivenUp(not_taken(membership, version));
    }
    if membership.version == version {
        return OrderStatus::Open { version, since_epoch };
    }
    match begun(order, membership) {
        OrderStatus::Open { version, .. } => OrderStatus::Open { version, since_epoch },
        ended => ended,
    }
}

/// Why an order that was open for too long is given up, and whether it may still be brought.
fn not_taken(membership: &Membership, version: u64) -> String {
    let why = format!("the chain did not take it in {MAX_EPOCHS} epochs");
    match membership.version == version {
        true => format!("{why}; whoever kept it may bring it while the membership is of version {version}"),
        false => why,
    }
}

fn status_of(id: Principal, membership: &Membership, under_way: &[Order]) -> NodeStatus {
    let is_in = |members: &[Member]| members.iter().any(|member| member.node_id == id);
    let last = under_way.iter().rev().find(|order| order.remove == Some(id) || added(order) == Some(id));
    let stays = match last {
        Some(order) => added(order) == Some(id),
        None => is_in(&membership.next),
    };
    match (is_in(&membership.members), is_in(&membership.next), stays) {
        (true, _, true) => NodeStatus::Member,
        (false, _, true) => NodeStatus::Joining,
        (false, false, false) => NodeStatus::Gone,
        (_, _, false) => NodeStatus::Leaving,
    }
}

fn check_membership(membership: &Membership) -> Result<(), String> {
    for members in [&membership.members, &membership.next] {
        if members.is_empty() || members.len() > MAX_MEMBERS {
            return Err(format!("a membership of {} nodes", members.len()));
        }
        let ids: BTreeSet<_> = members.iter().map(|member| member.node_id).collect();
        if ids.len() != members.len() {
            return Err("a membership with one node twice".to_owned());
        }
    }
    Ok(())
}
