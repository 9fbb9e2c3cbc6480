use super::*;
use crate::types::{BlsBytes, Certification, Digest, Height, StateRoot};
use ic_certification as ra;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Leaves = BTreeMap<Path, Vec<u8>>;

fn refs(path: &Path) -> Vec<&[u8]> {
    path.iter().map(Vec::as_slice).collect()
}

fn path(text: &str) -> Path {
    text.split('/').map(|label| label.as_bytes().to_vec()).collect()
}

fn tree_of<'a>(leaves: impl IntoIterator<Item = (&'a str, &'a str)>) -> LabelTree {
    let mut tree = LabelTree::new();
    for (at, leaf) in leaves {
        tree.set_leaf(&refs(&path(at)), leaf.as_bytes().to_vec());
    }
    tree
}

fn sample() -> LabelTree {
    tree_of([
        ("time", "now"),
        ("request_status/11/status", "replied"),
        ("request_status/11/reply", "DIDL"),
        ("request_status/33/status", "processing"),
        ("canister/a/module_hash", "m"),
        ("canister/ab/module_hash", "n"),
    ])
}

/// The tree as the Rust agent reads it from our bytes.
fn as_agent(tree: &HashTree) -> ra::HashTree {
    serde_cbor::from_slice(&tree.encode()).expect("the agent reads our encoding")
}

fn agent_lookup(tree: &HashTree, path: &Path) -> Lookup<Vec<u8>> {
    match as_agent(tree).lookup_path(path.iter().map(Vec::as_slice)) {
        ra::LookupResult::Found(leaf) => Lookup::Found(leaf.to_vec()),
        ra::LookupResult::Absent => Lookup::Absent,
        ra::LookupResult::Unknown => Lookup::Unknown,
        ra::LookupResult::Error => Lookup::NotLeaf,
    }
}

fn owned(lookup: Lookup<&[u8]>) -> Lookup<Vec<u8>> {
    match lookup {
        Lookup::Found(leaf) => Lookup::Found(leaf.to_vec()),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unknown => Lookup::Unknown,
        Lookup::NotLeaf => Lookup::NotLeaf,
    }
}

/// What the JavaScript agents decide; told apart from the Rust agent's by their search that ends at the
/// first label not less than the one wanted.
fn js_find<'a>(tree: &'a HashTree, label: &[u8]) -> Result<&'a HashTree, JsMiss> {
    match tree {
        HashTree::Labeled(own, _) if label > own.as_slice() => Err(JsMiss::Greater),
        HashTree::Labeled(own, below) if label == own.as_slice() => Ok(below),
        HashTree::Labeled(..) => Err(JsMiss::Less),
        HashTree::Fork(left, right) => match js_find(left, label) {
            Err(JsMiss::Greater) => match js_find(right, label) {
                Err(JsMiss::Less) => Err(JsMiss::Absent),
                other => other,
            },
            Err(JsMiss::Unknown) => match js_find(right, label) {
                Err(JsMiss::Less) => Err(JsMiss::Unknown),
                other => other,
            },
            other => other,
        },
        HashTree::Pruned(_) => Err(JsMiss::Unknown),
        HashTree::Leaf(_) | HashTree::Empty => Err(JsMiss::Absent),
    }
}

#[derive(PartialEq, Debug)]
enum JsMiss {
    Greater,
    Less,
    Absent,
    Unknown,
}

fn js_lookup(tree: &HashTree, path: &[Vec<u8>]) -> Lookup<Vec<u8>> {
    let Some((label, rest)) = path.split_first() else {
        return match tree {
            HashTree::Leaf(leaf) => Lookup::Found(leaf.clone()),
            HashTree::Pruned(_) => Lookup::Unknown,
            _ => Lookup::NotLeaf,
        };
    };
    match js_find(tree, label) {
        Ok(below) => js_lookup(below, rest),
        Err(JsMiss::Unknown) => Lookup::Unknown,
        Err(_) => Lookup::Absent,
    }
}

fn check(witness: &HashTree, wanted: &str, expected: Lookup<&str>) {
    let expected = match expected {
        Lookup::Found(text) => Lookup::Found(text.as_bytes().to_vec()),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unknown => Lookup::Unknown,
        Lookup::NotLeaf => Lookup::NotLeaf,
    };
    let wanted = path(wanted);
    assert_eq!(owned(witness.lookup(&refs(&wanted))), expected, "{wanted:?}");
    assert_eq!(agent_lookup(witness, &wanted), expected, "Rust agent, {wanted:?}");
    assert_eq!(js_lookup(witness, &wanted), expected, "JavaScript agent, {wanted:?}");
}

#[test]
fn a_witness_answers_what_was_asked_and_hides_the_rest() {
    let witness = sample().witness(&[path("time"), path("request_status/11")]);
    check(&witness, "time", Lookup::Found("now"));
    check(&witness, "request_status/11/status", Lookup::Found("replied"));
    check(&witness, "request_status/11/reply", Lookup::Found("DIDL"));
    check(&witness, "request_status/11/error_code", Lookup::Absent);
    check(&witness, "request_status/33/status", Lookup::Unknown);
    check(&witness, "canister/a/module_hash", Lookup::Unknown);
}

#[test]
fn a_witness_proves_absence_before_between_and_behind() {
    let tree = sample();
    let gone = ["request_status/00", "request_status/22", "request_status/44", "zebra", "alpha"];
    for gone in gone {
        let witness = tree.witness(&[path("time"), path(gone)]);
        check(&witness, &format!("{gone}/status"), Lookup::Absent);
        check(&witness, "request_status/11/status", Lookup::Unknown);
        assert_eq!(witness.digest(), tree.digest());
    }
}

#[test]
fn absence_is_proved_through_a_parent_that_is_not_there() {
    let witness = tree_of([("time", "now")]).witness(&[path("request_status/11")]);
    check(&witness, "request_status/11/status", Lookup::Absent);
}

#[test]
fn no_witness_of_a_tree_with_content_holds_an_empty_node() {
    fn empties(tree: &HashTree) -> usize {
        match tree {
            HashTree::Empty => 1,
            HashTree::Fork(left, right) => empties(left) + empties(right),
            HashTree::Labeled(_, below) => empties(below),
            HashTree::Leaf(_) | HashTree::Pruned(_) => 0,
        }
    }
    let mut tree = sample();
    tree.set_subtree(&[b"empty"], LabelTree::new());
    tree.remove(&[b"canister", b"a", b"module_hash"]);
    assert_eq!(empties(&tree.witness(&[vec![]])), 0);
    assert_eq!(tree.labels(), [b"canister".as_slice(), b"request_status", b"time"]);
}

#[test]
fn removing_the_last_child_removes_its_parents() {
    let mut tree = tree_of([("a/b/c", "1"), ("a/d", "2")]);
    tree.remove(&[b"a", b"b", b"c"]);
    assert!(tree.subtree(&[b"a", b"b"]).is_none());
    tree.remove(&[b"a", b"x", b"y"]);
    tree.remove(&[b"a", b"d"]);
    assert!(tree.is_empty());
    assert_eq!(tree.digest(), LabelTree::new().digest());
}

#[test]
fn a_label_sorts_before_those_that_extend_it() {
    let tree = tree_of([("abc", "3"), ("ab", "2"), ("", "0"), ("b", "4"), ("a", "1")]);
    assert_eq!(tree.labels(), [b"".as_slice(), b"a", b"ab", b"abc", b"b"]);
    let mut zeros = LabelTree::new();
    for label in [b"a\0".as_slice(), b"a", b"a\0\0", b"a\x01"] {
        zeros.set_leaf(&[label], vec![1]);
    }
    assert_eq!(zeros.labels(), [b"a".as_slice(), b"a\0", b"a\0\0", b"a\x01"]);
}

#[test]
fn a_clone_is_a_snapshot() {
    let old = sample();
    let digest = old.digest();
    let mut new = old.clone();
    new.set_leaf(&[b"time"], b"later".to_vec());
    new.remove(&[b"request_status", b"11"]);
    assert_eq!(old.leaf(&[b"time"]), Some(b"now".as_slice()));
    assert_eq!(old.digest(), digest);
    assert_ne!(new.digest(), digest);
}

/// The expected digest comes from a second implementation (the spec's formulas in Python).
#[test]
fn the_root_hash_is_pinned() {
    assert_eq!(
        sample().digest().to_string(),
        "6fe72ce225a39ba116f50f3b6c506aa690a110d82ef9425c48a5e34db4fc5d83"
    );
}

/// An attacker who picks labels gets a tree as deep as the bits it can make them share, not as deep as
/// there are labels: here, for a treap by hashes, the worst of 2^16 labels would lie some 500 deep.
#[test]
fn labels_picked_to_skew_a_treap_do_not_skew_the_tree() {
    let priority = |n: u32| crate::crypto::hash::sha256(&n.to_be_bytes());
    let mut tree = LabelTree::new();
    let mut least = Digest([0xff; 32]);
    for n in 0..1u32 << 16 {
        if n % 128 == 0 {
            least = Digest([0xff; 32]);
        }
        if priority(n) < least {
            least = priority(n);
            tree.set_leaf(&[&n.to_be_bytes()], vec![1]);
        }
    }
    let labels: Vec<Path> = tree.labels().iter().map(|label| vec![label.to_vec()]).collect();
    let deepest = labels.iter().map(|label| depth(&tree.witness(std::slice::from_ref(label)))).max();
    assert!(labels.len() > 2_000 && deepest < Some(24), "{} labels, {deepest:?}", labels.len());
}

fn depth(tree: &HashTree) -> usize {
    match tree {
        HashTree::Fork(left, right) => 1 + depth(left).max(depth(right)),
        HashTree::Labeled(_, below) => 1 + depth(below),
        HashTree::Empty | HashTree::Leaf(_) | HashTree::Pruned(_) => 1,
    }
}

#[test]
fn a_certificate_is_what_the_agent_reads() {
    let tree = sample();
    let root = StateRoot(tree.digest());
    let signature = BlsBytes([7; 48]);
    let certification = Certification { height: Height(3), root, signature };
    let bytes = certificate(&tree, &[path("request_status/11")], &certification);
    assert_eq!(bytes[..3], [0xd9, 0xd9, 0xf7]);
    let read: ra::Certificate = serde_cbor::from_slice(&bytes).unwrap();
    assert_eq!((read.signature, read.delegation), (vec![7; 48], None));
    assert_eq!(read.tree.digest(), tree.digest().0);
    let time = read.tree.lookup_path([b"time"]);
    assert_eq!(time, ra::LookupResult::Found(b"now"));
    let own = wire::decode_certificate(&bytes).unwrap();
    assert_eq!((own.tree.digest(), own.signature, own.delegation), (tree.digest(), signature, None));
}

fn refuses(hex_bytes: &str, expected: WireError) {
    assert_eq!(HashTree::decode(&hex::decode(hex_bytes).unwrap()), Err(expected), "{hex_bytes}");
}

#[test]
fn malformed_trees_are_refused_by_name() {
    refuses("", WireError::Truncated);
    refuses("8301810081", WireError::Truncated);
    refuses("8203580a00", WireError::Truncated);
    refuses("82035bffffffffffffffff00", WireError::Truncated);
    refuses("810000", WireError::Trailing(1));
    refuses("9f00ff", WireError::Length);
    refuses("8105", WireError::Node { kind: 5, items: 1 });
    refuses("8200f6", WireError::Node { kind: 0, items: 2 });
    refuses("820442beef", WireError::DigestLength(2));
    refuses("82036161", WireError::Type { expected: "a leaf", found: TEXT });
    refuses("a0", WireError::Type { expected: "a hash tree node", found: 5 });
    refuses(&"83024161".repeat(100_000), WireError::Depth);
}

const TEXT: u8 = 3;

#[test]
fn malformed_certificates_are_refused_by_name() {
    let check = |text: &str, expected| {
        assert_eq!(wire::decode_certificate(&hex::decode(text).unwrap()), Err(expected), "{text}");
    };
    check("a0", WireError::Missing("tree"));
    check("a164747265658100", WireError::Missing("signature"));
    check("a2647472656581006474726565", WireError::Field("tree".into()));
    check("a16a64656c65676174696f6ea0", WireError::Missing("subnet_id"));
    check("a16a64656c65676174696f6ea1697375626e65745f696440", WireError::Missing("certificate"));
    check("a16a64656c65676174696f6ea1617840", WireError::Field("x".into()));
    let error = wire::decode_canister_signature(&[0xa0]).err();
    assert_eq!(error, Some(WireError::Missing("certificate")));
}

#[test]
fn trees_with_labels_out_of_order_or_leaves_beside_others_are_not_well_formed() {
    let labeled = |label: &str| HashTree::Labeled(label.into(), Box::new(HashTree::Leaf(vec![])));
    let fork = |left, right| HashTree::Fork(Box::new(left), Box::new(right));
    let check = |tree: HashTree, expected| assert_eq!(tree.is_well_formed(), expected, "{tree:?}");
    check(HashTree::Empty, true);
    check(HashTree::Leaf(vec![]), true);
    check(fork(labeled("a"), fork(HashTree::Pruned(Digest::ZERO), labeled("b"))), true);
    check(fork(labeled("b"), labeled("a")), false);
    check(fork(labeled("a"), fork(HashTree::Empty, labeled("a"))), false);
    check(fork(labeled("a"), HashTree::Leaf(vec![])), false);
    check(HashTree::Labeled(b"x".to_vec(), Box::new(fork(labeled("b"), labeled("a")))), false);
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(255)], 0..4)
}

fn paths() -> impl Strategy<Value = Vec<Path>> {
    prop::collection::vec(prop::collection::vec(label(), 1..4), 0..12)
}

/// Leaves of which none lies below another.
fn leaves() -> impl Strategy<Value = Leaves> {
    let any = prop::collection::btree_map(
        prop::collection::vec(label(), 1..4),
        prop::collection::vec(any::<u8>(), 0..4),
        0..40,
    );
    any.prop_map(|all: Leaves| {
        let keep = |at: &Path| !all.keys().any(|other| other != at && other.starts_with(at));
        all.iter().filter(|(at, _)| keep(at)).map(|(at, leaf)| (at.clone(), leaf.clone())).collect()
    })
}

fn build<'a>(leaves: impl Iterator<Item = (&'a Path, &'a Vec<u8>)>) -> LabelTree {
    let mut tree = LabelTree::new();
    leaves.for_each(|(at, leaf)| tree.set_leaf(&refs(at), leaf.clone()));
    tree
}

/// What a full tree says about a path.
fn truth(leaves: &Leaves, path: &Path) -> Lookup<Vec<u8>> {
    match leaves.get(path) {
        Some(leaf) => Lookup::Found(leaf.clone()),
        None if leaves.keys().any(|at| at.starts_with(path)) => Lookup::NotLeaf,
        None => Lookup::Absent,
    }
}

proptest! {
    #[test]
    fn the_shape_depends_on_the_content_alone(leaves in leaves(), others in leaves()) {
        let forward = build(leaves.iter());
        let mut detour = build(others.iter().chain(leaves.iter().rev()));
        for at in others.keys().filter(|at| !leaves.contains_key(*at)) {
            if truth(&leaves, at) == Lookup::Absent {
                detour.remove(&refs(at));
            }
        }
        // What `others` put below a leaf or above one was replaced when the leaf was set.
        prop_assert_eq!(forward.witness(&[vec![]]), detour.witness(&[vec![]]));
        prop_assert_eq!(forward.digest(), detour.digest());
        prop_assert_eq!(forward.witness(&[vec![]]).digest(), forward.digest());
    }

    #[test]
    fn agents_find_in_a_witness_what_is_in_the_tree(leaves in leaves(), mut asked in paths()) {
        asked.extend(leaves.keys().step_by(5).cloned());
        let tree = build(leaves.iter());
        let witness = tree.witness(&asked);
        prop_assert_eq!(witness.digest(), tree.digest());
        prop_assert_eq!(as_agent(&witness).digest(), tree.digest().0);
        prop_assert_eq!(&HashTree::decode(&witness.encode()).unwrap(), &witness);
        for path in &asked {
            let expected = truth(&leaves, path);
            prop_assert_eq!(owned(witness.lookup(&refs(path))), expected.clone());
            prop_assert_eq!(agent_lookup(&witness, path), expected.clone());
            prop_assert_eq!(js_lookup(&witness, path), expected);
        }
    }

    #[test]
    fn a_witness_says_nothing_false_about_what_was_not_asked(leaves in leaves(), asked in paths(), other in paths()) {
        let witness = build(leaves.iter()).witness(&asked);
        for path in &other {
            let said = owned(witness.lookup(&refs(path)));
            prop_assert!(said == Lookup::Unknown || said == truth(&leaves, path));
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = HashTree::decode(&bytes);
        let _ = wire::decode_certificate(&bytes);
        let _ = wire::decode_canister_signature(&bytes);
    }
}
