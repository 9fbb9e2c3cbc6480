//! Rules one by one; orders against a model of the chain; the bytes that are certified; the upgrade of
//! governance; the interface against the file.

mod alarm;
mod certified;
mod chain;
mod interface;
mod orders;
mod rules;
mod upgrade;
mod world;

use crate::book::Registry;
use crate::changes::Call;
use crate::check::node_id;
use crate::interface::*;
use candid::Principal;
use chain::Chain;
use ed25519_dalek::SigningKey;
use ic_bls12_381::{G1Affine, G1Projective, Scalar};
use ic_stable_structures::VectorMemory;
use serde_bytes::ByteBuf;

type TestRegistry = Registry<VectorMemory>;

const NOW: u64 = 1_800_000_000_000_000_000;

fn own_id() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
}

fn governance() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
}

fn principal(number: u8) -> Principal {
    Principal::from_slice(&[number, 7])
}

fn by(caller: Principal) -> Call {
    Call { caller, now: NOW }
}

fn voted() -> Call {
    by(governance())
}

fn ed25519(seed: u16, purpose: u8) -> ByteBuf {
    let mut secret = [purpose; 32];
    secret[..2].copy_from_slice(&seed.to_be_bytes());
    ByteBuf::from(SigningKey::from_bytes(&secret).verifying_key().to_bytes())
}

fn card(number: u16) -> NodeCard {
    let point = G1Projective::generator() * Scalar::from(u64::from(number) + 2);
    NodeCard {
        name: format!("node-{number}"),
        identity_key: ed25519(number, 1),
        tls_key: ed25519(number, 2),
        encryption_key: ByteBuf::from(G1Affine::from(point).to_compressed()),
        address: format!("10.0.0.{}:{}", number % 250, 1_000 + number),
    }
}

fn id(number: u16) -> Principal {
    node_id(&card(number).identity_key)
}

fn center() -> DataCenter {
    DataCenter { id: "zh1".to_owned(), region: "Europe".to_owned(), owner: "somebody".to_owned() }
}

fn operator(number: u8) -> Operator {
    Operator {
        operator: principal(number),
        name: format!("operator {number}"),
        data_center: "zh1".to_owned(),
        reward_account: Some(principal(100 + number).into()),
    }
}

/// Installed with one data center and two operators; the first runs node-0.
fn installed() -> TestRegistry {
    let mut registry = Registry::open(VectorMemory::default(), own_id());
    let args = InitArgs {
        governance: None,
        data_centers: Some(vec![center()]),
        operators: Some(vec![
            InitialOperator { operator: operator(1), nodes: vec!["node-0".to_owned()] },
            InitialOperator { operator: operator(2), nodes: vec![] },
        ]),
    };
    registry.configure(args, true, by(principal(9))).unwrap_or_else(|error| panic!("{error:?}"));
    registry
}

/// A registry that has read a chain of so many members.
fn following(members: u16) -> (TestRegistry, Chain) {
    let chain = Chain::of((0..members).map(card).collect());
    let mut registry = installed();
    read(&mut registry, &chain);
    (registry, chain)
}

fn read(registry: &mut TestRegistry, chain: &Chain) -> Option<u64> {
    registry.follow(chain.membership(), NOW).unwrap_or_else(|error| panic!("{error}"))
}

/// The open order reaches the chain; whether it was taken.
fn carry(registry: &TestRegistry, chain: &mut Chain) -> bool {
    let order = registry.open_order_bytes().unwrap_or_else(|| panic!("no order is open"));
    chain.take(&order)
}

fn adding(number: u16) -> AddNode {
    AddNode { node: card(number), operator: principal(1), proposal: Some(u64::from(number)) }
}

fn removing(number: u16) -> RemoveNode {
    RemoveNode { node_id: id(number), proposal: None }
}

fn replacing(leaving: u16, coming: u16) -> ReplaceNode {
    ReplaceNode { leaving: id(leaving), node: card(coming), operator: Some(principal(2)), proposal: Some(9) }
}

fn status(registry: &TestRegistry, number: u16) -> Option<NodeStatus> {
    registry.node(id(number)).map(|node| node.status)
}

fn order_status(registry: &TestRegistry, order: u64) -> Option<OrderStatus> {
    registry.orders().into_iter().find(|it| it.id == order).map(|order| order.status)
}
