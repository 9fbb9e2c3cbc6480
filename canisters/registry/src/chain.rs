//! What the chain says of its membership (`atoll_membership` of the management canister), and what it is
//! told: the bytes of an order.

use crate::interface::NodeCard;
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Most members that a subnet has.
pub const MAX_MEMBERS: usize = 64;

/// A member's card, as the chain has it now.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Member {
    pub name: String,
    pub node_id: Principal,
    pub identity_key: ByteBuf,
    pub tls_key: ByteBuf,
    pub encryption_key: ByteBuf,
    pub address: String,
}

impl Member {
    pub fn card(&self) -> NodeCard {
        NodeCard {
            name: self.name.clone(),
            identity_key: self.identity_key.clone(),
            tls_key: self.tls_key.clone(),
            encryption_key: self.encryption_key.clone(),
            address: self.address.clone(),
        }
    }
}

/// The answer of `atoll_membership`.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Membership {
    pub version: u64,
    pub epoch: u64,
    pub dealing: bool,
    pub changes_max: u64,
    pub members: Vec<Member>,
    pub next: Vec<Member>,
}

/// An order as it is certified. The order of the fields is part of the format.
#[derive(Serialize)]
struct OrderBytes {
    version: u64,
    remove: Vec<ByteBuf>,
    add: Vec<CardBytes>,
}

/// A card whose keys are in hexadecimal digits, as in a genesis.
#[derive(Serialize)]
struct CardBytes {
    name: String,
    identity_key: String,
    tls_key: String,
    encryption_key: String,
    address: String,
}

impl From<&NodeCard> for CardBytes {
    fn from(card: &NodeCard) -> Self {
        Self {
            name: card.name.clone(),
            identity_key: hex::encode(&card.identity_key),
            tls_key: hex::encode(&card.tls_key),
            encryption_key: hex::encode(&card.encryption_key),
            address: card.address.clone(),
        }
    }
}

/// CBOR of an order that builds upon `version`: `{version, remove: [identity key], add: [card]}`.
pub fn encode_order(version: u64, remove: Option<&ByteBuf>, add: Option<&NodeCard>) -> Vec<u8> {
    let order = OrderBytes {
        version,
        remove: remove.into_iter().cloned().collect(),
        add: add.into_iter().map(CardBytes::from).collect(),
    };
    let mut bytes = Vec::new();
    if let Err(error) = ciborium::into_writer(&order, &mut bytes) {
        unreachable!("an order is always encoded: {error}");
    }
    bytes
}
