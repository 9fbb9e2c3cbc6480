//! The state tree: what stands where.

use super::lookup::{absent, found, is, lookup};
use super::section;
use crate::answer::{Answer, Outcome};
use crate::case::*;
use crate::program::Variables;
use ciborium::Value;

pub fn sections() -> Vec<Section> {
    vec![
        section("state-tree-time", TIME),
        section("state-tree-api-bn", BOUNDARY),
        section("state-tree-subnet", SUBNET),
        section("state-tree-canister-ranges", RANGES),
        section("state-tree-request-status", REQUESTS),
        section("state-tree-certified-data", CERTIFIED),
        section("state-tree-canister-information", CANISTER),
    ]
}

fn cbor(bytes: &[u8]) -> Result<Value, String> {
    let Ok(Value::Tag(55799, value)) = ciborium::from_reader(bytes) else {
        return Err("no CBOR with tag 55799".into());
    };
    Ok(*value)
}

/// A LEB128 number of nanoseconds that is not far from now.
fn is_recent(leaf: &[u8]) -> Result<(), String> {
    let time = leaf.iter().rev().fold(0u128, |sum, byte| sum << 7 | u128::from(byte & 0x7f));
    let apart = time.abs_diff(u128::from(crate::request::now()));
    if apart < 5 * u128::from(crate::request::MINUTE) { Ok(()) } else { Err(format!("the time {time}")) }
}

#[rustfmt::skip]
const TIME: &[Case] = &[
    nowhere("the time is now, in nanoseconds", &[
        send(|d| { d.read(&["/time"]); }, Expect::Body(|a, v| is_recent(&lookup(a, v, "/time")?))),
    ]),
    case("a call's certificate is of now", &[update("reply", REPLIED), send(|d| { d.read(&["/time"]); }, Expect::Body(|a, v| is_recent(&lookup(a, v, "/time")?)))]),
];

#[rustfmt::skip]
const BOUNDARY: &[Case] = &[
    nowhere("there are no API boundary nodes", &[
        send(|d| { d.read(&["/api_boundary_nodes"]); }, Expect::Body(|a, v| absent(a, v, "/api_boundary_nodes/x/domain"))),
    ]),
    nowhere("the domain of an API boundary node that is not there is absent", &[
        send(|d| { d.variables.insert("node".into(), vec![1; 29]); d.read(&["/api_boundary_nodes/$node/domain"]); }, http(200, "")),
    ]),
];

/// The first id and the last.
type Range = (Vec<u8>, Vec<u8>);

/// The pairs of a value of ranges.
fn ranges(bytes: &[u8]) -> Result<Vec<Range>, String> {
    let ranges = cbor(bytes)?.into_array().map_err(|_| "no array")?;
    let pair = |range: Value| {
        let range = range.into_array().ok().filter(|range| range.len() == 2)?;
        Some((range[0].as_bytes()?.clone(), range[1].as_bytes()?.clone()))
    };
    ranges.into_iter().map(|range| pair(range).ok_or_else(|| "a range is no pair".to_owned())).collect()
}

#[rustfmt::skip]
const SUBNET: &[Case] = &[
    nowhere("the root subnet's key is the root key", &[
        send(|d| { d.read(&["/subnet"]); }, Expect::Body(|a, v| is(a, v, "/subnet/$subnet/public_key", &v["root_key"]))),
    ]),
    nowhere("the root subnet's id is derived from its key", &[
        send(|d| { d.read(&["/subnet"]); }, Expect::Body(|a, v| {
            found(a, v, "/subnet/$subnet/public_key")?;
            let id = candid::Principal::self_authenticating(&v["root_key"]);
            if id.as_slice() == v["subnet"] { Ok(()) } else { Err(id.to_text()) }
        })),
    ]),
    nowhere("the type is a word of the spec", &[
        send(|d| { d.read(&["/subnet"]); }, Expect::Body(|a, v| {
            let ty = lookup(a, v, "/subnet/$subnet/type")?;
            let known: [&[u8]; 4] = [b"application", b"system", b"verified_application", b"cloud_engine"];
            if known.contains(&ty.as_slice()) { Ok(()) } else { Err(String::from_utf8_lossy(&ty).into_owned()) }
        })),
    ]),
    nowhere("the ranges include every canister", &[
        send(|d| { d.read(&["/subnet"]); }, Expect::Body(|a, v| {
            let ranges = ranges(&lookup(a, v, "/subnet/$subnet/canister_ranges")?)?;
            let probe = &v["probe"];
            if ranges.iter().any(|(start, end)| start <= probe && probe <= end) { Ok(()) } else { Err(format!("{ranges:?}")) }
        })),
    ]),
    nowhere("a node's key is Ed25519 in DER", &[
        send(|d| { d.read(&["/subnet/$subnet/node"]); }, Expect::Body(|answer, _| match &answer.outcome {
            Outcome::Certified(certificate) => {
                let keys = certificate.tree.list_paths().into_iter().filter(|path| path.last().is_some_and(|l| l.as_bytes() == b"public_key") && path.len() == 5);
                let keys: Vec<_> = keys.collect();
                let ders = keys.iter().map(|path| match certificate.tree.lookup_path(path) {
                    ic_certification::LookupResult::Found(der) => der.len() == 44 && der.starts_with(&[0x30, 0x2a]),
                    _ => false,
                });
                if !keys.is_empty() && ders.into_iter().all(|good| good) { Ok(()) } else { Err(format!("{} keys", keys.len())) }
            }
            other => Err(other.to_string()),
        })),
    ]),
    nowhere("the metrics are a map with the spec's fields", &[
        send(|d| { d.read(&["/subnet/$subnet/metrics"]); }, Expect::Body(|a, v| {
            let metrics: Value = ciborium::from_reader(lookup(a, v, "/subnet/$subnet/metrics")?.as_slice()).map_err(|e| e.to_string())?;
            let metrics = match metrics { Value::Tag(_, inner) => *inner, other => other };
            let names: Vec<String> = metrics.as_map().ok_or("no map")?.iter().filter_map(|(key, _)| key.as_text().map(str::to_owned)).collect();
            let wanted = ["num_canisters", "canister_state_bytes", "consumed_cycles_total", "update_transactions_total"];
            match wanted.into_iter().find(|name| !names.iter().any(|known| known == name)) { None => Ok(()), Some(name) => Err(format!("no {name} in {names:?}")) }
        })),
    ]),
    nowhere("another subnet is absent", &[
        send(|d| { d.variables.insert("other".into(), vec![9; 29]); d.read(&["/subnet/$other"]); }, Expect::Body(|a, _| {
            match a.lookup(&[b"subnet", &[9; 29], b"public_key"]) { Err(why) if why == "Absent" => Ok(()), other => Err(format!("{other:?}")) }
        })),
    ]),
];

#[rustfmt::skip]
const RANGES: &[Case] = &[
    nowhere("a shard is named by the first id of its first range", &[
        send(|d| { d.read(&["/canister_ranges/$subnet"]); }, Expect::Body(|answer, variables| {
            let Outcome::Certified(certificate) = &answer.outcome else { return Err(answer.to_string()) };
            let paths = certificate.tree.list_paths().into_iter().filter(|path| path[0].as_bytes() == b"canister_ranges");
            let mut shards = 0;
            for path in paths {
                if path.len() != 3 || path[1].as_bytes() != variables["subnet"].as_slice() { return Err(format!("{path:?}")) }
                let ic_certification::LookupResult::Found(shard) = certificate.tree.lookup_path(&path) else { return Err("no shard".into()) };
                let first = ranges(shard)?.into_iter().next().ok_or("an empty shard")?;
                if first.0 != path[2].as_bytes() { return Err("another first id".into()) }
                shards += 1;
            }
            if shards > 0 { Ok(()) } else { Err("no shards".into()) }
        })),
    ]),
    case("sharded ranges cannot be read at a canister's endpoint", &[
        send(|d| { d.read(&["/canister_ranges/$subnet"]); }, http(400, "")),
    ]),
];

#[rustfmt::skip]
const REQUESTS: &[Case] = &[
    case("a replied request has a reply and no reject", &[
        send(|d| { d.call("'ok' append reply"); }, Expect::Body(|answer, _| match &answer.outcome {
            Outcome::Replied(reply) if reply == b"ok" => Ok(()), other => Err(other.to_string()),
        })),
    ]),
    case("a rejected request has code, message and error code", &[
        send(|d| { d.call("'no' reject"); }, Expect::Body(|answer, _| match &answer.outcome {
            Outcome::Rejected { code: 4, message, error: Some(_) } if message.contains("no") => Ok(()), other => Err(other.to_string()),
        })),
    ]),
    case("an unknown request is absent", &[
        send(|d| { d.variables.insert("request".into(), vec![0x5a; 32]); d.read(&["/request_status/$request/status"]); },
            Expect::Body(|a, _| match a.lookup(&[b"request_status", &[0x5a; 32], b"status"]) { Err(why) if why == "Absent" => Ok(()), other => Err(format!("{other:?}")) })),
    ]),
];

#[rustfmt::skip]
const CERTIFIED: &[Case] = &[
    fresh("certified data stands in the certificate that a query gets", &[
        update("'in the tree' certify reply", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| {
            let Outcome::Replied(reply) = &answer.outcome else { return Err(answer.to_string()) };
            let certificate: ic_certification::Certificate = serde_cbor::from_slice(reply).map_err(|e| e.to_string())?;
            match certificate.tree.lookup_path([b"canister".as_slice(), &variables["self"], b"certified_data"]) {
                ic_certification::LookupResult::Found(b"in the tree") => Ok(()), other => Err(format!("{other:?}")),
            }
        })),
    ]),
];

/// The controllers in the tree.
fn controllers(answer: &Answer, variables: &Variables) -> Result<Vec<Vec<u8>>, String> {
    let list = cbor(&lookup(answer, variables, "/canister/$self/controllers")?)?
        .into_array()
        .map_err(|_| "no array")?;
    list.into_iter().map(|id| id.into_bytes().map_err(|_| "no principal".to_owned())).collect()
}

#[rustfmt::skip]
const CANISTER: &[Case] = &[
    fresh("the controllers are a list of principals", &[
        send(|d| { d.read(&["/canister/$self/controllers"]); }, Expect::Body(|a, v| {
            let list = controllers(a, v)?;
            if list == [v["me"].clone()] { Ok(()) } else { Err(format!("{list:?}")) }
        })),
    ]),
    fresh("a new list of controllers stands in the tree", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $stranger } } })", REPLIED),
        send(|d| { d.read(&["/canister/$self/controllers"]); }, Expect::Body(|a, v| {
            let list = controllers(a, v)?;
            if list.len() == 2 && list.contains(&v["stranger"]) { Ok(()) } else { Err(format!("{list:?}")) }
        })),
    ]),
    fresh("an empty list of controllers stands in the tree", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec {} } })", REPLIED),
        send(|d| { d.read(&["/canister/$self/controllers"]); }, Expect::Body(|a, v| {
            let list = controllers(a, v)?;
            if list.is_empty() { Ok(()) } else { Err(format!("{list:?}")) }
        })),
    ]),
    fresh("the module hash is the SHA-256 of the module", &[
        install("reinstall", Module::Text("(module)"), "", REPLIED),
        send(|d| { d.read(&["/canister/$self/module_hash"]); },
            Expect::Body(|a, v| is(a, v, "/canister/$self/module_hash", &crate::request::sha256(b"\0asm\x01\0\0\0")))),
    ]),
    fresh("the module hash goes with the module", &[
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/module_hash"))),
    ]),
    empty("when a canister was created stands in the tree", &[
        send(|d| { d.read(&["/canister/$self/canister_creation_timestamp"]); },
            Expect::Body(|a, v| is_recent(&lookup(a, v, "/canister/$self/canister_creation_timestamp")?))),
    ]),
    fresh("when a canister was installed stands in the tree", &[
        send(|d| { d.read(&["/canister/$self/last_install_timestamp"]); },
            Expect::Body(|a, v| is_recent(&lookup(a, v, "/canister/$self/last_install_timestamp")?))),
    ]),
    empty("when an empty canister was installed is absent", &[
        send(|d| { d.read(&["/canister/$self/last_install_timestamp"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/last_install_timestamp"))),
    ]),
    fresh("uninstalling takes the time of installation away", &[
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        send(|d| { d.read(&["/canister/$self/last_install_timestamp"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/last_install_timestamp"))),
    ]),
    with("metadata is the content of the section", "(module (@custom \"icp:public a b\" \"of a b\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/a b"]); }, Expect::Body(|a, v| is(a, v, "/canister/$self/metadata/a b", b"of a b"))),
    ]),
    with("an upgrade changes metadata", "(module (@custom \"icp:public v\" \"1\"))", &[
        install("upgrade", Module::Text("(module (@custom \"icp:public v\" \"2\"))"), "", REPLIED),
        send(|d| { d.read(&["/canister/$self/metadata/v"]); }, Expect::Body(|a, v| is(a, v, "/canister/$self/metadata/v", b"2"))),
    ]),
    fresh("a deleted canister is absent", &[
        manage("stop_canister", "(record { canister_id = $self })", REPLIED),
        manage("delete_canister", "(record { canister_id = $self })", REPLIED),
        send(|d| { d.read(&["/canister/$self/controllers"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/controllers"))),
    ]),
];
