//! What is refused, and what a change leaves.

use super::*;
use crate::book::MAX_CHANGES_PER_PAGE;
use std::collections::{BTreeMap, BTreeSet};

/// A method, called by somebody.
type Method = fn(&mut TestRegistry, Call) -> Result<u64, Error>;

fn replica_version(urls: usize) -> SetReplicaVersion {
    let replica_version = ReplicaVersion {
        version: "1.2.3".to_owned(),
        sha256: ByteBuf::from([7; 32]),
        urls: vec!["https://example.org/atoll".to_owned(); urls],
    };
    SetReplicaVersion { replica_version, proposal: None }
}

fn update_of(number: u8) -> UpdateOperator {
    UpdateOperator {
        operator: principal(number),
        name: None,
        data_center: None,
        reward_account: Some(principal(200).into()),
        proposal: None,
    }
}

fn assigning(number: u16, to: Option<u8>) -> AssignNode {
    AssignNode { node_id: id(number), operator: to.map(principal), proposal: None }
}

fn another_center() -> AddDataCenter {
    AddDataCenter { data_center: DataCenter { id: "zh2".to_owned(), ..center() }, proposal: Some(1) }
}

fn upgrading() -> UpgradeGovernance {
    use sha2::{Digest, Sha256};
    UpgradeGovernance {
        wasm_module: ByteBuf::from(b"\0asm".to_vec()),
        arg: ByteBuf::new(),
        sha256: ByteBuf::from(Sha256::digest(b"\0asm").to_vec()),
        proposal: None,
    }
}

/// Every method that only governance may call, with arguments that it would take.
const METHODS: [(&str, Method); 9] = [
    ("add_data_center", |registry, call| registry.add_data_center(call, another_center())),
    ("add_operator", |registry, call| {
        registry.add_operator(call, AddOperator { operator: operator(3), proposal: None })
    }),
    ("update_operator", |registry, call| registry.update_operator(call, update_of(1))),
    ("add_node", |registry, call| registry.add_node(call, adding(10))),
    ("remove_node", |registry, call| registry.remove_node(call, removing(1))),
    ("replace_node", |registry, call| registry.replace_node(call, replacing(1, 10))),
    ("assign_node", |registry, call| registry.assign_node(call, assigning(1, Some(2)))),
    ("set_replica_version", |registry, call| registry.set_replica_version(call, replica_version(1))),
    ("upgrade_governance", |registry, call| registry.ask_upgrade(call, upgrading())),
];

#[test]
fn each_privileged_method_refuses_everybody_else_and_changes_nothing() {
    for (name, method) in METHODS {
        for stranger in [Principal::anonymous(), principal(2), own_id(), Principal::management_canister()] {
            let (mut registry, _) = following(4);
            let before = (registry.version(), registry.order_tree().digest());
            let refused = method(&mut registry, by(stranger));
            assert!(matches!(refused, Err(Error::Unauthorized(_))), "{name} by {stranger}: {refused:?}");
            assert_eq!((registry.version(), registry.order_tree().digest()), before, "{name}");
            assert_eq!(registry.upgrade_step(), None);
        }
    }
}

#[test]
fn each_privileged_method_makes_one_version_for_governance() {
    for (name, method) in METHODS {
        let (mut registry, _) = following(4);
        let before = registry.version();
        assert_eq!(method(&mut registry, voted()), Ok(before + 1), "{name}");
        let page = registry.changes(before + 1, 10);
        assert_eq!(page.changes.len(), 1, "{name}");
        assert_eq!((page.changes[0].version, page.changes[0].caller), (before + 1, governance()));
    }
}

#[test]
fn an_operator_changes_its_own_reward_account_and_nothing_else() {
    let account = Some(principal(200).into());
    let named = UpdateOperator { name: Some("other".to_owned()), ..update_of(1) };
    let moved = UpdateOperator { data_center: Some("zh1".to_owned()), ..update_of(1) };
    let voted_on = UpdateOperator { proposal: Some(1), ..update_of(1) };
    let (mut registry, _) = following(4);
    for args in [named, moved, voted_on] {
        let refused = registry.update_operator(by(principal(1)), args);
        assert!(matches!(refused, Err(Error::Unauthorized(_))));
    }
    assert!(registry.update_operator(by(principal(1)), update_of(1)).is_ok());
    let expected = Operator { reward_account: account, ..operator(1) };
    assert_eq!(registry.operator(principal(1)), Some(expected));
}

#[test]
fn what_changes_nothing_makes_no_version() {
    let (mut registry, _) = following(4);
    let methods: [(&str, Method); 3] = [
        ("update_operator", |registry, call| registry.update_operator(call, update_of(1))),
        ("assign_node", |registry, call| registry.assign_node(call, assigning(1, Some(2)))),
        ("set_replica_version", |registry, call| registry.set_replica_version(call, replica_version(1))),
    ];
    for (name, method) in methods {
        let version = method(&mut registry, voted()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let before = (registry.changes(0, MAX_CHANGES_PER_PAGE), registry.order_tree().digest());
        assert_eq!(method(&mut registry, voted()), Ok(version), "{name}");
        let after = (registry.changes(0, MAX_CHANGES_PER_PAGE), registry.order_tree().digest());
        assert_eq!(after, before, "{name}");
    }
    assert_eq!(registry.update_operator(by(principal(1)), update_of(1)), Ok(registry.version()));
}

fn check_refused(name: &str, refused: Result<u64, Error>, expected: &str) {
    let kind = match &refused {
        Err(Error::NotFound(_)) => "not found",
        Err(Error::AlreadyExists(_)) => "exists",
        Err(Error::Invalid(_)) => "invalid",
        Err(Error::TooMany(_)) => "too many",
        Err(Error::NotNow(_)) => "not now",
        Err(Error::Unauthorized(_)) => "unauthorized",
        Ok(_) => "taken",
    };
    assert_eq!(kind, expected, "{name}: {refused:?}");
}

#[test]
fn what_is_there_is_not_made_again_and_what_is_missing_is_not_referred_to() {
    let (mut registry, _) = following(4);
    let again = registry.add_data_center(voted(), AddDataCenter { data_center: center(), proposal: None });
    check_refused("data center", again, "exists");
    let again = registry.add_operator(voted(), AddOperator { operator: operator(1), proposal: None });
    check_refused("operator", again, "exists");
    let nowhere = Operator { data_center: "mars".to_owned(), ..operator(3) };
    let nowhere = registry.add_operator(voted(), AddOperator { operator: nowhere, proposal: None });
    check_refused("operator nowhere", nowhere, "not found");
    check_refused("unknown operator", registry.update_operator(voted(), update_of(77)), "not found");
    let nobody = AddNode { operator: principal(77), ..adding(10) };
    check_refused("node of nobody", registry.add_node(voted(), nobody), "not found");
    check_refused("unknown node", registry.assign_node(voted(), assigning(33, None)), "not found");
    check_refused("to nobody", registry.assign_node(voted(), assigning(1, Some(77))), "not found");
    let unassigned = ReplaceNode { operator: None, ..replacing(1, 10) };
    check_refused("no operator", registry.replace_node(voted(), unassigned), "invalid");
}

#[test]
fn names_hashes_and_places_are_bounded() {
    let (mut registry, _) = following(4);
    for id in ["", "with space", "naïve", &"x".repeat(65)] {
        let data_center = DataCenter { id: id.to_owned(), ..center() };
        let refused = registry.add_data_center(voted(), AddDataCenter { data_center, proposal: None });
        check_refused(id, refused, "invalid");
    }
    for name in ["", "line\nbreak", &"x".repeat(65)] {
        let named = Operator { name: name.to_owned(), ..operator(3) };
        let refused = registry.add_operator(voted(), AddOperator { operator: named, proposal: None });
        check_refused(name, refused, "invalid");
    }
    check_refused("urls", registry.set_replica_version(voted(), replica_version(9)), "invalid");
    let mut short = replica_version(1);
    short.replica_version.sha256 = ByteBuf::from([7; 31]);
    check_refused("hash", registry.set_replica_version(voted(), short), "invalid");
}

#[test]
fn a_card_that_the_chain_would_not_take_is_refused() {
    let good = card(10);
    let identity_point = {
        let mut bytes = [0; 48];
        bytes[0] = 0xc0;
        ByteBuf::from(bytes)
    };
    let cases = [
        ("name", NodeCard { name: String::new(), ..good.clone() }),
        ("short identity key", NodeCard { identity_key: ByteBuf::from([1; 31]), ..good.clone() }),
        ("weak identity key", NodeCard { identity_key: ByteBuf::from([0; 32]), ..good.clone() }),
        ("TLS key", NodeCard { tls_key: ByteBuf::from([1; 33]), ..good.clone() }),
        ("one key twice", NodeCard { tls_key: good.identity_key.clone(), ..good.clone() }),
        ("encryption key", NodeCard { encryption_key: ByteBuf::from([0x8f; 48]), ..good.clone() }),
        ("no point", NodeCard { encryption_key: identity_point, ..good.clone() }),
        ("no port", NodeCard { address: "host".to_owned(), ..good.clone() }),
        ("port 0", NodeCard { address: "host:0".to_owned(), ..good.clone() }),
        ("host", NodeCard { address: "ho st:1".to_owned(), ..good.clone() }),
    ];
    let (mut registry, _) = following(4);
    for (name, node) in cases {
        check_refused(name, registry.add_node(voted(), AddNode { node, ..adding(10) }), "invalid");
    }
    assert!(registry.add_node(voted(), adding(10)).is_ok());
}

#[test]
fn every_change_is_a_version_with_its_proposal_and_the_history_is_bounded() {
    let (mut registry, _) = following(4);
    registry.max_changes = 5;
    for proposal in 0..20 {
        let args = AssignNode { proposal: Some(proposal), ..assigning(1, Some(1 + (proposal % 2) as u8)) };
        registry.assign_node(voted(), args).unwrap_or_else(|error| panic!("{error:?}"));
    }
    let page = registry.changes(0, MAX_CHANGES_PER_PAGE);
    let versions: Vec<u64> = page.changes.iter().map(|change| change.version).collect();
    assert_eq!(versions, (registry.version() - 4..=registry.version()).collect::<Vec<_>>());
    assert_eq!((page.oldest, page.newest), (versions[0], registry.version()));
    assert_eq!(page.changes.last().and_then(|change| change.proposal), Some(19));
    assert_eq!(registry.changes(page.newest, 1).changes[0].deltas.len(), 1);
    assert!(registry.changes(page.newest + 1, 10).changes.is_empty());
}

#[test]
fn the_records_are_the_sum_of_all_changes() {
    let (mut registry, mut chain) = following(7);
    registry.add_node(voted(), adding(10)).unwrap_or_default();
    registry.replace_node(voted(), replacing(1, 11)).unwrap_or_default();
    assert!(carry(&registry, &mut chain));
    chain.end_epoch();
    read(&mut registry, &chain);
    let mut sum = BTreeMap::new();
    for delta in registry.changes(0, 100).changes.into_iter().flat_map(|change| change.deltas) {
        match delta.value {
            Some(record) => sum.insert(delta.key, record),
            None => sum.remove(&delta.key),
        };
    }
    let records: BTreeMap<String, Record> =
        registry.records().map(|(key, entry)| (key, entry.record)).collect();
    assert_eq!(sum, records);
}

#[test]
fn genesis_nodes_are_read_from_the_chain_and_assigned_by_name() {
    let (registry, _) = following(4);
    let operators: Vec<_> =
        (0..4).map(|number| registry.node(id(number)).and_then(|it| it.operator)).collect();
    assert_eq!(operators, [Some(principal(1)), None, None, None]);
    let statuses: BTreeSet<_> =
        registry.nodes().iter().map(|node| node.status == NodeStatus::Member).collect();
    assert_eq!(statuses, BTreeSet::from([true]));
    assert_eq!(registry.subnet().members.len(), 4);
}

#[test]
fn an_upgrade_may_name_another_governance_and_keeps_the_rest() {
    let (mut registry, _) = following(4);
    let args = InitArgs { governance: Some(principal(50)), ..InitArgs::default() };
    assert!(registry.configure(args, false, by(principal(9))).is_ok());
    assert!(registry.assign_node(by(principal(50)), assigning(1, Some(2))).is_ok());
    assert!(registry.assign_node(voted(), assigning(1, Some(2))).is_err());
    let args = InitArgs { data_centers: Some(vec![center()]), ..InitArgs::default() };
    assert!(registry.configure(args, false, by(principal(9))).is_err());
}
