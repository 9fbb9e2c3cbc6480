//! What is done to a canister, and in which commits.

use super::{asset, contents};
use crate::agent::assets::encode::Encoding::{self, Brotli, Gzip, Identity};
use crate::agent::assets::plan::{self, Change, Kind};
use crate::agent::assets::wire::{Headers, Operation, Properties, Remote, RemoteEncoding};
use candid::Nat;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

const RULE: &str = "[{ match: '*', cache: { max_age: 5 }, headers: { a: 'b' } }]";

fn remote(content_type: &str, encodings: &[(&str, u8)]) -> Remote {
    let encodings = encodings.iter().map(|(name, number)| RemoteEncoding {
        content_encoding: name.to_string(),
        sha256: Some(ByteBuf::from([*number; 32])),
        length: None,
        modified: None,
    });
    Remote { key: "/a.css".into(), content_type: content_type.into(), encodings: encodings.collect() }
}

fn properties(max_age: Option<u64>, headers: &[(&str, &str)]) -> Properties {
    let headers: Headers =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Properties { max_age, headers: Some(headers), is_aliased: None, allow_raw_access: Some(true) }
}

/// An operation in a few letters.
fn shown(operation: &Operation) -> String {
    match operation {
        Operation::CreateAsset { content_type, max_age, headers, .. } => {
            format!("create {content_type} {max_age:?} {headers:?}")
        }
        Operation::SetAssetContent { content_encoding, chunk_ids, sha256, .. } => {
            let number = sha256.as_ref().map_or(0, |sha256| sha256[0]);
            let ids: Vec<_> = chunk_ids.iter().map(Nat::to_string).collect();
            format!("set {content_encoding} {number} from {}", ids.join(" "))
        }
        Operation::UnsetAssetContent { content_encoding, .. } => format!("unset {content_encoding}"),
        Operation::DeleteAsset { .. } => "delete".into(),
        Operation::SetAssetProperties { max_age, headers, is_aliased, allow_raw_access, .. } => {
            format!("properties {max_age:?} {headers:?} {is_aliased:?} {allow_raw_access:?}")
        }
    }
}

fn check(have: &[(Encoding, u8)], remote: Option<(&Remote, &Properties)>, expected: &[&str]) {
    let asset = asset("a.css", RULE);
    let (remote, properties) = remote.unzip();
    let change = plan::change(&asset, &contents(have), remote, properties);
    let ids = change.iter().flat_map(|change| {
        change.contents.iter().map(move |(encoding, content)| (change.place(*encoding), vec![content.length]))
    });
    let ids: BTreeMap<_, _> = ids.collect();
    let operations = change.map(|change| change.operations(&ids)).unwrap_or_default();
    let operations: Vec<_> = operations.iter().map(shown).collect();
    assert_eq!(operations, expected, "{have:?} over {remote:?} {properties:?}");
}

#[test]
fn an_asset_becomes_what_the_file_is_by_the_fewest_steps() {
    let same = properties(Some(5), &[("a", "b")]);
    let both = [(Identity, 1), (Gzip, 2)];
    let create = "create text/css Some(5) Some({\"a\": \"b\"})";
    check(&both, None, &[create, "set identity 1 from 1", "set gzip 2 from 2"]);
    let kept = remote("text/css", &[("identity", 1), ("gzip", 2)]);
    check(&both, Some((&kept, &same)), &[]);
    let older = remote("text/css", &[("identity", 9), ("gzip", 2)]);
    check(&both, Some((&older, &same)), &["set identity 1 from 1"]);
    let more = remote("text/css", &[("identity", 1), ("gzip", 2), ("br", 3), ("zstd", 4)]);
    check(&both, Some((&more, &same)), &["unset br", "unset zstd"]);
    check(&[(Identity, 1), (Brotli, 3)], Some((&kept, &same)), &["set br 3 from 3", "unset gzip"]);
    let other = remote("text/plain", &[("identity", 1), ("gzip", 2)]);
    let anew = ["delete", create, "set identity 1 from 1", "set gzip 2 from 2"];
    check(&both, Some((&other, &same)), &anew);
}

#[test]
fn only_properties_that_differ_are_set() {
    let kept = remote("text/css", &[("identity", 1)]);
    let check = |properties: Properties, expected: &[&str]| {
        check(&[(Identity, 1)], Some((&kept, &properties)), expected);
    };
    check(properties(Some(6), &[("a", "b")]), &["properties Some(Some(5)) None None None"]);
    check(properties(Some(5), &[("a", "c")]), &["properties None Some(Some({\"a\": \"b\"})) None None"]);
    check(properties(Some(5), &[]), &["properties None Some(Some({\"a\": \"b\"})) None None"]);
    let raw = Properties { allow_raw_access: None, ..properties(Some(5), &[("a", "b")]) };
    check(raw, &["properties None None None Some(Some(true))"]);
    let aliased = Properties { is_aliased: Some(false), ..properties(Some(5), &[("a", "b")]) };
    check(aliased, &["properties None None Some(None) None"]);
}

#[test]
fn no_headers_and_none_at_all_are_the_same() {
    let asset = asset("a.css", "[]");
    let kept = remote("text/css", &[("identity", 1)]);
    for have in [properties(None, &[]), Properties { headers: None, ..properties(None, &[]) }] {
        assert_eq!(plan::change(&asset, &contents(&[(Identity, 1)]), Some(&kept), Some(&have)), None);
    }
}

#[test]
fn a_change_says_what_it_is_and_what_it_sends() {
    let asset = asset("a.css", RULE);
    let change = plan::change(&asset, &contents(&[(Identity, 1), (Gzip, 2)]), None, None).expect("a change");
    assert_eq!((change.kind, change.bytes(), change.pieces()), (Kind::New, 3, 2));
    let end = Change::deletion("/a.css");
    assert_eq!((end.kind, end.bytes(), end.pieces()), (Kind::Deleted, 0, 0));
}

/// How many operations each commit has, for changes of so many operations with headers of so many bytes.
fn check_commits(changes: &[(usize, usize)], expected: &[usize]) {
    let operation = |bytes: usize| Operation::CreateAsset {
        key: "/a".into(),
        content_type: "text/css".into(),
        max_age: None,
        headers: Some(Headers::from([("a".to_string(), "b".repeat(bytes))])),
        enable_aliasing: None,
        allow_raw_access: None,
    };
    let commits = plan::commits(changes.iter().map(|(count, bytes)| vec![operation(*bytes); *count]));
    assert_eq!(commits.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{changes:?}");
}

#[test]
fn commits_are_cut_between_changes_by_operations_and_bytes() {
    check_commits(&[], &[]);
    check_commits(&[(1, 1)], &[1]);
    check_commits(&[(3, 1); 166], &[498]);
    check_commits(&[(3, 1); 167], &[498, 3]);
    check_commits(&[(5, 1); 300], &[500, 500, 500]);
    check_commits(&[(1, 700_000); 5], &[2, 2, 1]);
    check_commits(&[(1, 1), (1, 1_499_900), (1, 1)], &[1, 1, 1]);
}

#[test]
fn operations_weigh_about_what_they_take_in_a_message() {
    let create = Operation::CreateAsset {
        key: "/index.html".into(),
        content_type: "text/html".into(),
        max_age: Some(1),
        headers: Some(Headers::from([("a".to_string(), "b".repeat(3_000))])),
        enable_aliasing: Some(true),
        allow_raw_access: Some(true),
    };
    let set = Operation::SetAssetContent {
        key: "/video.mp4".into(),
        content_encoding: "identity".into(),
        chunk_ids: (0..300u32).map(Nat::from).collect(),
        sha256: Some(ByteBuf::from([1; 32])),
    };
    for operation in [create, set] {
        let encode = |count| candid::encode_one(vec![operation.clone(); count]).expect("encodes").len();
        let each = (encode(101) - encode(1)) / 100;
        assert!(operation.bytes() >= each, "{} for {each}: {operation:?}", operation.bytes());
    }
}
