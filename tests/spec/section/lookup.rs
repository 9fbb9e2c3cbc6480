//! Reading the state tree over HTTP.

use super::section;
use crate::answer::Answer;
use crate::case::*;
use crate::program::Variables;
use crate::request::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("http-read-state", READ),
        section("http-read-state", REFUSED),
        section("http-read-state", STATUS),
    ]
}

const BAD: u16 = 400;

/// The certificate proves what stands at a path whose labels may be variables.
pub fn lookup(answer: &Answer, variables: &Variables, path: &str) -> Result<Vec<u8>, String> {
    let labels = path.split('/').skip(1).map(|label| match label.strip_prefix('$') {
        Some(name) => variables[name].clone(),
        None => label.as_bytes().to_vec(),
    });
    let labels: Vec<Vec<u8>> = labels.collect();
    let labels: Vec<&[u8]> = labels.iter().map(Vec::as_slice).collect();
    answer.lookup(&labels)
}

pub fn found(answer: &Answer, variables: &Variables, path: &str) -> Result<(), String> {
    lookup(answer, variables, path).map(drop)
}

pub fn absent(answer: &Answer, variables: &Variables, path: &str) -> Result<(), String> {
    match lookup(answer, variables, path) {
        Err(why) if why == "Absent" => Ok(()),
        other => Err(format!("{path}: {other:?}")),
    }
}

#[rustfmt::skip]
const READ: &[Case] = &[
    case("the time can be read", &[send(|d| { d.read(&["/time"]); }, Expect::Body(|a, v| found(a, v, "/time")))]),
    case("the time is revealed whatever is asked for", &[
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, v| found(a, v, "/time"))),
    ]),
    case("the time is revealed when nothing is asked for", &[send(|d| { d.read(&[]); }, Expect::Body(|a, v| found(a, v, "/time")))]),
    case("a canister's module hash can be read", &[
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, v| found(a, v, "/canister/$self/module_hash"))),
    ]),
    case("a canister's controllers can be read", &[
        send(|d| { d.read(&["/canister/$self/controllers"]); }, Expect::Body(|a, v| found(a, v, "/canister/$self/controllers"))),
    ]),
    case("several paths can be read at once", &[
        send(|d| { d.read(&["/canister/$self/controllers", "/canister/$self/module_hash", "/subnet"]); }, Expect::Body(|a, v| {
            found(a, v, "/canister/$self/controllers")?;
            found(a, v, "/canister/$self/module_hash")?;
            found(a, v, "/subnet/$subnet/public_key")
        })),
    ]),
    case("a path may stand twice", &[send(|d| { d.read(&["/time", "/time"]); }, http(200, ""))]),
    case("the controllers of a canister that does not exist are absent", &[
        send(|d| { d.variables.insert("self".into(), d.variables["nobody"].clone()); d.read(&["/canister/$self/controllers"]); },
            Expect::Body(|a, v| absent(a, v, "/canister/$nobody/controllers"))),
    ]),
    empty("an empty canister's module hash is absent", &[
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/module_hash"))),
    ]),
    nowhere("a subnet's key can be read", &[
        send(|d| { d.read(&["/subnet/$subnet/public_key"]); }, Expect::Body(|a, v| found(a, v, "/subnet/$subnet/public_key"))),
    ]),
    nowhere("a subnet's type can be read", &[
        send(|d| { d.read(&["/subnet/$subnet/type"]); }, Expect::Body(|a, v| found(a, v, "/subnet/$subnet/type"))),
    ]),
    nowhere("the root subnet's ranges can be read", &[
        send(|d| { d.read(&["/subnet/$subnet/canister_ranges"]); }, Expect::Body(|a, v| found(a, v, "/subnet/$subnet/canister_ranges"))),
    ]),
    nowhere("the nodes of a subnet can be read", &[send(|d| { d.read(&["/subnet/$subnet/node"]); }, http(200, ""))]),
    nowhere("the sharded ranges can be read at the subnet's endpoint", &[send(|d| { d.read(&["/canister_ranges/$subnet"]); }, http(200, ""))]),
    nowhere("a subnet's metrics can be read at the subnet's endpoint", &[
        send(|d| { d.read(&["/subnet/$subnet/metrics"]); }, Expect::Body(|a, v| found(a, v, "/subnet/$subnet/metrics"))),
    ]),
    case("nodes of API boundaries can be read, though there are none", &[send(|d| { d.read(&["/api_boundary_nodes"]); }, http(200, ""))]),
    with("public metadata can be read by anybody", METADATA, &[
        send(|d| { d.read(&["/canister/$self/metadata/open"]); }, Expect::Body(|a, v| is(a, v, "/canister/$self/metadata/open", b"told"))),
    ]),
    with("private metadata can be read by a controller", METADATA, &[
        send(|d| { d.read(&["/canister/$self/metadata/closed"]).by_me(); }, Expect::Body(|a, v| is(a, v, "/canister/$self/metadata/closed", b"secret"))),
    ]),
    with("private metadata cannot be read by somebody else", METADATA, &[
        send(|d| { d.read(&["/canister/$self/metadata/closed"]).by_stranger(); }, http(403, "")),
    ]),
    with("private metadata cannot be read by the anonymous user", METADATA, &[send(|d| { d.read(&["/canister/$self/metadata/closed"]); }, http(403, ""))]),
    with("metadata that is not there is absent", METADATA, &[
        send(|d| { d.read(&["/canister/$self/metadata/other"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/other"))),
    ]),
    empty("an empty canister's metadata is absent", &[
        send(|d| { d.read(&["/canister/$self/metadata/any"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/any"))),
    ]),
    case("a thousand paths can be read", &[send(|d| { d.read(&["/time"; 1_000]); }, http(200, ""))]),
];

const METADATA: &str =
    "(module (@custom \"icp:public open\" \"told\") (@custom \"icp:private closed\" \"secret\"))";

pub fn is(answer: &Answer, variables: &Variables, path: &str, expected: &[u8]) -> Result<(), String> {
    match lookup(answer, variables, path)? {
        value if value == expected => Ok(()),
        other => Err(format!("{path} is {}", hex::encode(other))),
    }
}

#[rustfmt::skip]
const REFUSED: &[Case] = &[
    case("certified data cannot be read", &[send(|d| { d.read(&["/canister/$self/certified_data"]); }, http(BAD, ""))]),
    case("a whole canister cannot be read", &[send(|d| { d.read(&["/canister/$self"]); }, http(BAD, ""))]),
    case("all canisters cannot be read", &[send(|d| { d.read(&["/canister"]); }, http(BAD, ""))]),
    case("all metadata cannot be read", &[send(|d| { d.read(&["/canister/$self/metadata"]); }, http(BAD, ""))]),
    case("all requests cannot be read", &[send(|d| { d.read(&["/request_status"]); }, http(BAD, ""))]),
    case("the whole tree cannot be read", &[
        send(|d| { d.read(&[]); d.set("paths", ciborium::Value::Array(vec![ciborium::Value::Array(vec![])])); }, http(BAD, "")),
    ]),
    case("an unknown path cannot be read", &[send(|d| { d.read(&["/songs"]); }, http(BAD, ""))]),
    case("what lies below a value cannot be read", &[send(|d| { d.read(&["/time/now"]); }, http(BAD, ""))]),
    case("another canister cannot be read under this one's id", &[send(|d| { d.read(&["/canister/$peer/module_hash"]); }, http(BAD, ""))]),
    nowhere("a canister cannot be read at the subnet's endpoint", &[send(|d| { d.read(&["/canister/$probe/module_hash"]); }, http(BAD, ""))]),
    case("a subnet's metrics cannot be read at a canister's endpoint", &[send(|d| { d.read(&["/subnet/$subnet/metrics"]); }, http(BAD, ""))]),
    case("metadata whose name is not UTF-8 cannot be read", &[
        send(|d| { d.variables.insert("name".into(), vec![0xff]); d.read(&["/canister/$self/metadata/$name"]); }, http(BAD, "")),
    ]),
    case("two requests cannot be read at once", &[
        send(|d| { d.variables.insert("one".into(), vec![1; 32]); d.variables.insert("two".into(), vec![2; 32]);
            d.read(&["/request_status/$one", "/request_status/$two"]); }, http(BAD, "")),
    ]),
    case("a thousand and one paths are too many", &[send(|d| { d.read(&["/time"; 1_001]); }, http(BAD, "paths"))]),
    case("a path of 128 labels is too long", &[
        send(|d| { d.read(&[]); d.set("paths", ciborium::Value::Array(vec![ciborium::Value::Array(vec![bytes("x"); 128])])); }, http(BAD, "")),
    ]),
    case("paths that are no array are refused", &[send(|d| { d.read(&[]); d.set("paths", text("/time")); }, http(BAD, "paths"))]),
    case("labels that are texts are refused", &[
        send(|d| { d.read(&[]); d.set("paths", ciborium::Value::Array(vec![ciborium::Value::Array(vec![text("time")])])); }, http(BAD, "paths")),
    ]),
    case("a read_state without paths is refused", &[send(|d| { d.read(&["/time"]).unset("paths"); }, http(BAD, "paths"))]),
    case("a read_state with a method is refused", &[send(|d| { d.read(&["/time"]).set("method_name", text("x")); }, http(BAD, "method_name"))]),
    case("an id outside of the ranges cannot be read", &[
        send(|d| { d.read(&["/time"]); d.at("v3", "me", "read_state"); }, http(BAD, "canister_not_found")),
    ]),
    nowhere("another subnet's endpoint cannot be read", &[
        send(|d| { d.read(&["/time"]); d.path = "/api/v3/subnet/tdb26-jop6k-aogll-7ltgs-eruif-6kk7m-qpktf-gdiqx-mxtrf-vb5e6-eqe/read_state".into(); }, http(BAD, "")),
    ]),
    case("a signed read_state that expired is refused", &[
        send(|d| { d.read(&["/time"]).by_me().set("ingress_expiry", nat(now() - MINUTE)); }, http(BAD, "Invalid request expiry: ")),
    ]),
    case("an anonymous read_state may have expired", &[send(|d| { d.read(&["/time"]).set("ingress_expiry", nat(0)); }, http(200, ""))]),
    case("a query is no read_state", &[send(|d| { d.query("reply").at("v3", "self", "read_state"); }, http(BAD, "request_type"))]),
];

/// Sends the same call every time.
fn same(d: &mut Draft, script: &str) {
    static FIXED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let expiry = *FIXED.get_or_init(|| now() + 4 * MINUTE);
    d.call(script).by_me().unset("nonce").set("ingress_expiry", nat(expiry));
}

/// Reads the status of that call.
fn status_of(d: &mut Draft, script: &str, path: &str) {
    same(d, script);
    let id = d.id();
    d.variables.insert("request".into(), id.to_vec());
    d.set("ingress_expiry", nat(now() + MINUTE));
    d.read(&[path]);
}

#[rustfmt::skip]
const STATUS: &[Case] = &[
    case("the sender reads the status of a call", &[
        send(|d| same(d, "'read by me' append reply"), REPLIED),
        send(|d| status_of(d, "'read by me' append reply", "/request_status/$request"), http(200, "replied")),
    ]),
    case("the sender reads the reply of a call", &[
        send(|d| same(d, "'read my reply' append reply"), REPLIED),
        send(|d| status_of(d, "'read my reply' append reply", "/request_status/$request/reply"), http(200, "read my reply")),
    ]),
    case("the sender reads the reject of a call", &[
        send(|d| same(d, "'read my reject' reject"), rejected("read my reject")),
        send(|d| status_of(d, "'read my reject' reject", "/request_status/$request/reject_message"), http(200, "read my reject")),
    ]),
    case("the sender reads the error code of a call", &[
        send(|d| same(d, "'read my error' trap"), called_trap("read my error")),
        send(|d| status_of(d, "'read my error' trap", "/request_status/$request/error_code"), http(200, "IC0503")),
    ]),
    case("somebody else does not read the status of a call", &[
        send(|d| same(d, "'read by others' append reply"), REPLIED),
        send(|d| { status_of(d, "'read by others' append reply", "/request_status/$request"); d.by_stranger(); }, http(403, "")),
    ]),
    case("the anonymous user does not read the status of another's call", &[
        send(|d| same(d, "'read by nobody' append reply"), REPLIED),
        send(|d| { status_of(d, "'read by nobody' append reply", "/request_status/$request"); d.signer = None;
            d.set("sender", bytes([4])); }, http(403, "")),
    ]),
    case("a status is not read under another canister's id", &[
        send(|d| same(d, "'read elsewhere' append reply"), REPLIED),
        send(|d| { status_of(d, "'read elsewhere' append reply", "/request_status/$request"); d.at("v3", "peer", "read_state"); }, Expect::Body(|answer, _| {
            match answer.status { 400 | 403 => Ok(()), other => Err(format!("HTTP {other}")) }
        })),
    ]),
    case("what lies below a status that is not known cannot be read", &[
        send(|d| { d.variables.insert("request".into(), vec![3; 32]); d.read(&["/request_status/$request/song"]); }, http(BAD, "")),
    ]),
];
