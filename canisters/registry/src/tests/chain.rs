//! A model of the chain: what it takes (ADR 15), and what it says of itself. It reads orders with a decoder of
//! its own.

use crate::chain::{Member, Membership};
use crate::check::node_id;
use crate::interface::NodeCard;
use ciborium::Value;
use serde_bytes::ByteBuf;
use std::collections::BTreeSet;

pub struct Chain {
    pub version: u64,
    pub epoch: u64,
    pub dealing: bool,
    pub members: Vec<NodeCard>,
    pub next: Vec<NodeCard>,
}

fn member(card: &NodeCard) -> Member {
    Member {
        name: card.name.clone(),
        node_id: node_id(&card.identity_key),
        identity_key: card.identity_key.clone(),
        tls_key: card.tls_key.clone(),
        encryption_key: card.encryption_key.clone(),
        address: card.address.clone(),
    }
}

fn keys(cards: &[NodeCard]) -> BTreeSet<Vec<u8>> {
    cards.iter().map(|card| card.identity_key.to_vec()).collect()
}

/// Reads an order; panics on what has another format.
pub fn decode(order: &[u8]) -> (u64, Vec<Vec<u8>>, Vec<NodeCard>) {
    let field = |map: &Value, name: &str| -> Value {
        let entries = map.as_map().unwrap_or_else(|| panic!("no map: {map:?}"));
        let found = entries.iter().find(|(key, _)| key.as_text() == Some(name));
        found.unwrap_or_else(|| panic!("no {name} in {map:?}")).1.clone()
    };
    let text = |map: &Value, name: &str| field(map, name).into_text().unwrap_or_else(|_| panic!("{name}"));
    let key = |map: &Value, name: &str| {
        ByteBuf::from(hex::decode(text(map, name)).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let order: Value = ciborium::from_reader(order).unwrap_or_else(|error| panic!("{error}"));
    let list = |name: &str| field(&order, name).into_array().unwrap_or_else(|_| panic!("{name}"));
    let version = field(&order, "version").into_integer().unwrap_or_else(|_| panic!("version"));
    let remove = list("remove").into_iter().map(|key| key.into_bytes().unwrap_or_else(|_| panic!("remove")));
    let add = list("add").into_iter().map(|card| NodeCard {
        name: text(&card, "name"),
        identity_key: key(&card, "identity_key"),
        tls_key: key(&card, "tls_key"),
        encryption_key: key(&card, "encryption_key"),
        address: text(&card, "address"),
    });
    (u64::try_from(version).unwrap_or_default(), remove.collect(), add.collect())
}

impl Chain {
    pub fn of(members: Vec<NodeCard>) -> Self {
        Self { version: 0, epoch: 0, dealing: false, next: members.clone(), members }
    }

    pub fn changes_max(&self) -> usize {
        (self.members.len().saturating_sub(1) / 3).max(1)
    }

    pub fn membership(&self) -> Membership {
        Membership {
            version: self.version,
            epoch: self.epoch,
            dealing: self.dealing,
            changes_max: self.changes_max() as u64,
            members: self.members.iter().map(member).collect(),
            next: self.next.iter().map(member).collect(),
        }
    }

    /// Takes an order, if it may.
    pub fn take(&mut self, order: &[u8]) -> bool {
        let (version, remove, add) = decode(order);
        if self.dealing || version != self.version || (remove.is_empty() && add.is_empty()) {
            return false;
        }
        let mut next = self.next.clone();
        for key in remove {
            let Some(place) = next.iter().position(|card| card.identity_key[..] == key[..]) else {
                return false;
            };
            next.remove(place);
        }
        next.extend(add);
        let (before, after) = (keys(&self.members), keys(&next));
        let max = self.changes_max();
        let too_many = before.difference(&after).count() > max || after.difference(&before).count() > max;
        if too_many || next.is_empty() || after.len() < next.len() {
            return false;
        }
        self.next = next;
        self.version += 1;
        true
    }

    /// The epoch ends.
    pub fn end_epoch(&mut self) {
        self.members = self.next.clone();
        self.epoch += 1;
        self.dealing = false;
    }
}
