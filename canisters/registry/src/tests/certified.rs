//! The bytes that replicas and clients check.

use super::*;
use crate::certify::ORDER_LABEL;
use crate::chain::encode_order;
use cycles_interface::encode_hash_tree;
use ic_certification::{HashTree, LookupResult};

fn text(text: &str) -> Vec<u8> {
    let length = text.len() as u8;
    let head = if length < 24 { vec![0x60 | length] } else { vec![0x78, length] };
    [head, text.as_bytes().to_vec()].concat()
}

/// The format, written down by hand (RFC 8949).
#[test]
fn an_order_has_these_bytes() {
    let node = NodeCard {
        name: "node-9".to_owned(),
        identity_key: ByteBuf::from([0xab; 32]),
        tls_key: ByteBuf::from([0xcd; 32]),
        encryption_key: ByteBuf::from([0xef; 48]),
        address: "10.0.0.9:4100".to_owned(),
    };
    let expected = [
        vec![0xa3],
        text("version"),
        vec![0x19, 0x01, 0x2c],
        text("remove"),
        vec![0x81, 0x58, 0x20],
        vec![0x11; 32],
        text("add"),
        vec![0x81, 0xa5],
        text("name"),
        text("node-9"),
        text("identity_key"),
        text(&"ab".repeat(32)),
        text("tls_key"),
        text(&"cd".repeat(32)),
        text("encryption_key"),
        text(&"ef".repeat(48)),
        text("address"),
        text("10.0.0.9:4100"),
    ]
    .concat();
    let order = encode_order(300, Some(&ByteBuf::from([0x11; 32])), Some(&node));
    assert_eq!(hex::encode(order), hex::encode(expected));
}

#[test]
fn an_order_of_nothing_to_add_or_to_remove_has_empty_lists() {
    let key = ByteBuf::from([0x11; 32]);
    let leaving = [&[0xa3][..], &text("version"), &[0], &text("remove"), &[0x81, 0x58, 0x20], &key];
    let expected = [leaving.concat(), text("add"), vec![0x80]].concat();
    assert_eq!(hex::encode(encode_order(0, Some(&key), None)), hex::encode(expected));
    let (version, remove, add) = chain::decode(&encode_order(1, None, Some(&card(1))));
    assert_eq!((version, remove.len(), add), (1, 0, vec![card(1)]));
}

fn found(tree: &HashTree, path: &[&str]) -> Vec<u8> {
    match tree.lookup_path(path.iter().map(|label| label.as_bytes())) {
        LookupResult::Found(bytes) => bytes.to_vec(),
        other => panic!("{path:?}: {other:?}"),
    }
}

#[test]
fn the_witness_shows_the_open_order_under_what_is_certified() {
    let (mut registry, _) = following(4);
    registry.replace_node(voted(), replacing(2, 10)).unwrap_or_default();
    let encoded = encode_hash_tree(&registry.order_tree());
    assert_eq!(encoded[..3], [0xd9, 0xd9, 0xf7]);
    let tree: HashTree = serde_cbor::from_slice(&encoded).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(tree.digest(), registry.order_tree().digest());
    let order = found(&tree, &[ORDER_LABEL]);
    assert_eq!(chain::decode(&order), (0, vec![card(2).identity_key.into_vec()], vec![card(10)]));
}

#[test]
fn without_an_open_order_the_tree_proves_that_there_is_none() {
    let (registry, _) = following(4);
    let tree = registry.order_tree();
    assert_eq!(tree.lookup_path([ORDER_LABEL.as_bytes()]), LookupResult::Absent);
}

#[test]
fn every_record_is_shown_under_what_is_certified_with_and_without_an_order() {
    let (mut registry, _) = following(4);
    for turn in 0..2 {
        let keys: Vec<String> = registry.records().map(|(key, _)| key).collect();
        assert!(keys.len() > 7);
        for key in keys {
            let (bytes, tree) = registry.record_tree(&key).unwrap_or_else(|| panic!("{key}"));
            assert_eq!(tree.digest(), registry.order_tree().digest(), "{key}, turn {turn}");
            assert_eq!(found(&tree, &["records", &key]), bytes);
            let record: Record = candid::decode_one(&bytes).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(Some(record), registry.record(&key));
            assert_eq!(found(&tree, &["version"]), registry.version().to_be_bytes());
        }
        registry.add_node(voted(), adding(10)).unwrap_or_default();
    }
    assert_eq!(registry.record_tree("node/nobody").map(|(bytes, _)| bytes), None);
}

#[test]
fn an_upgrade_of_this_canister_certifies_the_same() {
    let memory = VectorMemory::default();
    let chain = Chain::of((0..4).map(card).collect());
    let mut registry = Registry::open(memory.clone(), own_id());
    let operators = vec![InitialOperator { operator: operator(1), nodes: vec![] }];
    let args =
        InitArgs { data_centers: Some(vec![center()]), operators: Some(operators), ..InitArgs::default() };
    registry.configure(args, true, by(principal(9))).unwrap_or_else(|error| panic!("{error:?}"));
    read(&mut registry, &chain);
    registry.add_node(voted(), adding(10)).unwrap_or_default();
    let before = (registry.version(), registry.order_tree().digest(), registry.changes(0, 100));
    drop(registry);
    let registry = Registry::open(memory, own_id());
    assert_eq!((registry.version(), registry.order_tree().digest(), registry.changes(0, 100)), before);
}
