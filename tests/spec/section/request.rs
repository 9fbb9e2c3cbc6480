//! The HTTPS interface: endpoints, requests, effective ids.

use super::section;
use crate::answer::{Answer, Outcome};
use crate::case::*;
use crate::client::{fields, find};
use crate::program::Variables;
use crate::request::*;
use ciborium::Value;

pub fn sections() -> Vec<Section> {
    vec![
        section("http-interface", ENDPOINTS),
        section("http-call", CALL),
        section("http-sync-call-overview", SYNCHRONOUS),
        section("http-async-call", ASYNCHRONOUS),
        section("http-async-call-overview", OVERVIEW),
        section("http-query", QUERY),
        section("http-effective-canister-id", CANISTER_ID),
        section("http-effective-subnet-id", SUBNET_ID),
        section("api-status", STATUS),
        section("api-cbor", CBOR),
        section("cbor", TAGS),
    ]
}

const BAD: u16 = 400;

#[rustfmt::skip]
const ENDPOINTS: &[Case] = &[
    case("v2 takes calls", &[send(|d| { d.call("'ok' append reply").at("v2", "self", "call"); }, reply("'ok'"))]),
    case("v3 takes calls", &[send(|d| { d.call("'ok' append reply").at("v3", "self", "call"); }, reply("'ok'"))]),
    case("v4 takes calls", &[send(|d| { d.call("'ok' append reply").at("v4", "self", "call"); }, reply("'ok'"))]),
    case("v2 takes queries", &[send(|d| { d.at("v2", "self", "query"); }, reply("'ok'"))]),
    case("v3 takes queries", &[send(|d| { d.at("v3", "self", "query"); }, reply("'ok'"))]),
    case("v2 reads the state of a canister", &[send(|d| { d.read(&["/time"]).at("v2", "self", "read_state"); }, http(200, ""))]),
    case("v3 reads the state of a canister", &[send(|d| { d.read(&["/time"]).at("v3", "self", "read_state"); }, http(200, ""))]),
    nowhere("v2 reads the state of a subnet", &[send(|d| { d.read(&["/time"]).at_subnet("v2", "read_state"); }, http(200, ""))]),
    nowhere("v3 reads the state of a subnet", &[send(|d| { d.read(&["/time"]).at_subnet("v3", "read_state"); }, http(200, ""))]),
    case("there is no v1", &[send(|d| { d.at("v1", "self", "query"); }, http(404, ""))]),
    case("there is no v9", &[send(|d| { d.at("v9", "self", "query"); }, http(404, ""))]),
    case("there is no other verb", &[send(|d| { d.at("v3", "self", "sing"); }, http(404, ""))]),
    nowhere("the subnet's calls are v4", &[send(|d| { d.read(&["/time"]).at_subnet("v3", "call"); }, http(404, ""))]),
    nowhere("the subnet's queries are v3", &[send(|d| { d.read(&["/time"]).at_subnet("v2", "query"); }, http(404, ""))]),
    case("a query is not gotten", &[send(|d| d.verb = "GET", http(405, ""))]),
    case("a query is not put", &[send(|d| d.verb = "PUT", http(405, ""))]),
    case("a request's body is CBOR by its type", &[send(|d| d.content_type = "text/plain", http(415, ""))]),
    case("a request without a type is refused", &[send(|d| d.content_type = "", http(415, ""))]),
    case("an id in the URL that is none is refused", &[send(|d| d.path = "/api/v3/canister/nonsense/query".into(), http(BAD, ""))]),
    case("an id in the URL with a wrong checksum is refused", &[
        send(|d| d.path = "/api/v3/canister/rwlgt-iiaaa-aaaaa-aaaaa-caj/query".into(), http(BAD, "")),
    ]),
    case("browsers from anywhere may ask", &[
        send(|_| (), Expect::Body(|answer, _| match answer.headers.get("access-control-allow-origin") {
            Some(origin) if origin == "*" => Ok(()),
            other => Err(format!("{other:?}")),
        })),
    ]),
];

#[rustfmt::skip]
const CALL: &[Case] = &[
    case("a call replies with a certificate", &[update("'ok' append reply", reply("'ok'"))]),
    case("a call rejects with a certificate", &[update("'no' reject", rejected("no"))]),
    case("a query method can be called", &[update_to("self", "ask", "'ok' append reply", reply("'ok'"))]),
    case("a call without a nonce is a call", &[send(|d| { d.call("'ok' append reply").unset("nonce"); }, reply("'ok'"))]),
    case("a call with a nonce of 32 bytes is a call", &[
        send(|d| { d.call("'ok' append reply"); let mut nonce = [7; 32]; nonce[..8].copy_from_slice(&now().to_be_bytes()); d.set("nonce", bytes(nonce)); },
            reply("'ok'")),
    ]),
    case("a nonce of 33 bytes is too long", &[send(|d| { d.call("reply").set("nonce", bytes([7; 33])); }, http(BAD, "nonce"))]),
    case("an empty nonce is a nonce", &[send(|d| { d.call("'ok' append reply"); d.set("nonce", bytes([])); }, reply("'ok'"))]),
    case("a call without a canister is refused", &[send(|d| { d.call("reply").unset("canister_id"); }, http(BAD, "canister_id"))]),
    case("a call without a method is refused", &[send(|d| { d.call("reply").unset("method_name"); }, http(BAD, "method_name"))]),
    case("a call without an argument is refused", &[send(|d| { d.call("reply").unset("arg"); }, http(BAD, "arg"))]),
    case("a call without a sender is refused", &[send(|d| { d.call("reply").unset("sender"); }, http(BAD, "sender"))]),
    case("a call without an expiry is refused", &[send(|d| { d.call("reply").unset("ingress_expiry"); }, http(BAD, "ingress_expiry"))]),
    case("a call without a type is refused", &[send(|d| { d.call("reply").unset("request_type"); }, http(BAD, "request_type"))]),
    case("a query is no call", &[send(|d| { d.query("reply"); d.at("v3", "self", "call"); }, http(BAD, "request_type"))]),
    case("a call that expired is refused", &[
        send(|d| { d.call("reply").set("ingress_expiry", nat(now() - MINUTE)); }, http(BAD, "Invalid request expiry: ")),
    ]),
    case("a call that expires too late is refused", &[
        send(|d| { d.call("reply").set("ingress_expiry", nat(now() + 20 * MINUTE)); }, http(BAD, "Invalid request expiry: ")),
    ]),
    case("a call that expires in five minutes is taken", &[
        send(|d| { d.call("'ok' append reply").set("ingress_expiry", nat(now() + 5 * MINUTE)); }, reply("'ok'")),
    ]),
    case("a call that expired in 1970 is refused", &[send(|d| { d.call("reply").set("ingress_expiry", nat(0)); }, http(BAD, "Invalid request expiry: "))]),
    case("an inspection that refuses is no certificate", &[
        send(|d| { let arg = Vec::new(); d.call_of("self", "inspected", arg); }, Expect::Body(is_non_replicated)),
    ]),
    case("a call of a canister that does not exist is refused before it is ordered", &[
        send(|d| { d.call_of("nobody", "run", Vec::new()); }, Expect::Body(is_non_replicated)),
    ]),
    empty("a call of an empty canister is refused before it is ordered", &[
        send(|d| { d.call_of("self", "run", Vec::new()); }, Expect::Body(is_non_replicated)),
    ]),
    case("an argument of nearly 2 MiB is taken", &[
        send(|d| {
            let mut arg = vec![crate::op::PUSH];
            arg.extend(2_000_000u32.to_le_bytes());
            arg.resize(2_000_005, 0);
            arg.extend(crate::program::assemble("drop 'ok' append reply", &d.variables));
            d.call_of("self", "run", arg); }, reply("'ok'")),
    ]),
    case("an argument of 3 MiB is too large", &[send(|d| { d.call_of("self", "run", vec![0; 3 << 20]); }, http(413, ""))]),
];

/// A reject of this replica alone, told as v3 tells it.
fn is_non_replicated(answer: &Answer, _: &Variables) -> Result<(), String> {
    let body = fields(&answer.body)?;
    let status = find(&body, "status");
    match (&answer.outcome, status) {
        (Outcome::Rejected { .. }, Some(Value::Text(text))) if text == "non_replicated_rejection" => Ok(()),
        _ => Err(answer.to_string()),
    }
}

#[rustfmt::skip]
const SYNCHRONOUS: &[Case] = &[
    case("the certificate comes with the call", &[
        send(|d| { d.call("'ok' append reply"); }, Expect::Body(|answer, _| {
            let body = fields(&answer.body)?;
            match find(&body, "certificate") { Some(_) => Ok(()), None => Err(answer.to_string()) }
        })),
    ]),
    case("the same call twice is executed once", &[
        send(|d| { d.call("'once' 'once' get 'x' concat put 'once' get append reply"); d.unset("nonce").set("ingress_expiry", nat(fixed())); }, reply("'x'")),
        send(|d| { d.call("'once' 'once' get 'x' concat put 'once' get append reply"); d.unset("nonce").set("ingress_expiry", nat(fixed())); }, reply("'x'")),
        query("'once' get append reply", reply("'x'")),
    ]),
    case("v4 brings the certificate too", &[
        send(|d| { d.call("'ok' append reply").at("v4", "self", "call"); }, reply("'ok'")),
    ]),
];

/// The same moment for all calls of a few minutes.
fn fixed() -> u64 {
    static FIXED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *FIXED.get_or_init(|| now() + 4 * MINUTE)
}

#[rustfmt::skip]
const ASYNCHRONOUS: &[Case] = &[
    case("an asynchronous call is accepted without a word", &[
        send(|d| { d.call("'ok' append reply").at("v2", "self", "call"); }, http(202, "")),
    ]),
    case("an asynchronous call's reply is read from the state", &[
        send(|d| { d.call("'ok' append reply").at("v2", "self", "call"); }, reply("'ok'")),
    ]),
    case("an asynchronous call's reject is read from the state", &[
        send(|d| { d.call("'no' reject").at("v2", "self", "call"); }, rejected("no")),
    ]),
    case("an asynchronous call that inspection refuses is told at once", &[
        send(|d| { d.call_of("self", "inspected", Vec::new()); d.at("v2", "self", "call"); }, Expect::Body(is_early_reject)),
    ]),
    case("an asynchronous call of a canister that does not exist is told at once", &[
        send(|d| { d.call_of("nobody", "run", Vec::new()); d.at("v2", "nobody", "call"); }, Expect::Body(is_early_reject)),
    ]),
    case("an asynchronous call that expired is refused", &[
        send(|d| { d.call("reply").at("v2", "self", "call"); d.set("ingress_expiry", nat(now() - MINUTE)); }, http(BAD, "Invalid request expiry: ")),
    ]),
];

fn is_early_reject(answer: &Answer, _: &Variables) -> Result<(), String> {
    let body = fields(&answer.body)?;
    match (&answer.outcome, find(&body, "status")) {
        (Outcome::Rejected { .. }, None) => Ok(()),
        _ => Err(answer.to_string()),
    }
}

#[rustfmt::skip]
const OVERVIEW: &[Case] = &[
    fresh("a call to a stopped canister is refused", &[
        manage("stop_canister", "(record { canister_id = $self })", REPLIED),
        update("reply", reject(5, "IC0508", "stopped")),
    ]),
    fresh("a call to a frozen canister is refused", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        update("reply", Expect::RejectCode(2)),
    ]),
    fresh("a management call by somebody who is no controller is refused", &[
        manage("stop_canister", "(record { canister_id = $self })", reject(5, "IC0512", "")).by(Who::Stranger),
    ]),
    case("a management method for canisters only is refused", &[
        manage("raw_rand", "()", NOT_ALLOWED),
    ]),
];

#[rustfmt::skip]
const QUERY: &[Case] = &[
    case("a query's answer is signed by a node", &[query("'ok' append reply", reply("'ok'"))]),
    case("a query's reject is signed by a node", &[query("'no' reject", rejected("no"))]),
    case("a trapped query's reject is signed by a node", &[query("'stop' trap", called_trap("stop"))]),
    case("a composite query is queried", &[compose("'ok' append reply", reply("'ok'"))]),
    case("an update is not queried", &[query_to("self", "run", "reply", reject(5, "IC0536", ""))]),
    case("an anonymous query may have expired", &[send(|d| { d.set("ingress_expiry", nat(0)); }, reply("'ok'"))]),
    case("a signed query that expired is refused", &[
        send(|d| { d.by_me().set("ingress_expiry", nat(now() - MINUTE)); }, http(BAD, "Invalid request expiry: ")),
    ]),
    case("a signed query that expires too late is refused", &[
        send(|d| { d.by_me().set("ingress_expiry", nat(now() + 60 * MINUTE)); }, http(BAD, "Invalid request expiry: ")),
    ]),
    case("a query with a nonce is a query", &[send(|d| { d.set("nonce", bytes([1; 16])); }, reply("'ok'"))]),
    case("a query's nonce of 33 bytes is too long", &[send(|d| { d.set("nonce", bytes([1; 33])); }, http(BAD, "nonce"))]),
    case("a query without an argument is refused", &[send(|d| { d.unset("arg"); }, http(BAD, "arg"))]),
    case("a query without a method is refused", &[send(|d| { d.unset("method_name"); }, http(BAD, "method_name"))]),
    case("a query without a canister is refused", &[send(|d| { d.unset("canister_id"); }, http(BAD, "canister_id"))]),
    case("a query without a type is refused", &[send(|d| { d.unset("request_type"); }, http(BAD, "request_type"))]),
    case("a call is no query", &[send(|d| { d.call("reply"); d.at("v3", "self", "query"); }, http(BAD, "request_type"))]),
    case("a canister that does not exist is told by a signed reject", &[query_to("nobody", "ask", "", reject(3, "IC0301", ""))]),
    fresh("a stopped canister is told by a signed reject", &[
        manage("stop_canister", "(record { canister_id = $self })", REPLIED),
        query("reply", reject(5, "IC0508", "stopped")),
    ]),
    fresh("a query has a limit of instructions", &[query("loop", reject(5, "IC0522", ""))]),
];

#[rustfmt::skip]
const CANISTER_ID: &[Case] = &[
    case("the URL of a call names the canister", &[
        send(|d| { d.call("reply"); d.at("v3", "peer", "call"); }, http(BAD, "")),
    ]),
    case("the URL of a query names the canister", &[send(|d| { d.at("v3", "peer", "query"); }, http(BAD, ""))]),
    case("the URL of a call of a canister is not the management canister", &[
        send(|d| { d.call("reply"); d.at("v3", "management", "call"); }, http(BAD, "")),
    ]),
    case("an id outside of the subnet's ranges is refused", &[
        send(|d| { d.query_of("me", "ask", Vec::new()); }, http(BAD, "canister_not_found")),
    ]),
    case("a management call's URL names the canister of its argument", &[
        send(|d| { let arg = crate::interface::encode("canister_status", "(record { canister_id = $self })", &d.variables);
            d.call_of("management", "canister_status", arg).by_me().at("v3", "peer", "call"); }, http(BAD, "")),
    ]),
    case("a management query's URL names the canister of its argument", &[
        send(|d| { let arg = crate::interface::encode("canister_status", "(record { canister_id = $self })", &d.variables);
            d.query_of("management", "canister_status", arg).by_me().at("v3", "peer", "query"); }, http(BAD, "")),
    ]),
    case("a chunked installation's URL names its target", &[
        send(|d| { let text = "(record { mode = variant { install }; target_canister = $self; chunk_hashes_list = vec {}; wasm_module_hash = blob \"\"; arg = blob \"\" })";
            let arg = crate::interface::encode("install_chunked_code", text, &d.variables);
            d.call_of("management", "install_chunked_code", arg).by_me().at("v3", "peer", "call"); }, http(BAD, "")),
    ]),
    nowhere("a creation's URL may name any canister", &[
        send(|d| { let arg = crate::interface::encode("provisional_create_canister_with_cycles", "(record {})", &d.variables);
            d.call_of("management", "provisional_create_canister_with_cycles", arg).by_me().at("v3", "nobody", "call"); }, REPLIED),
    ]),
    nowhere("a creation's URL may name the management canister", &[
        send(|d| { let arg = crate::interface::encode("provisional_create_canister_with_cycles", "(record {})", &d.variables);
            d.call_of("management", "provisional_create_canister_with_cycles", arg).by_me().at("v3", "management", "call"); }, REPLIED),
    ]),
    case("a management call whose argument names no canister is rejected", &[
        send(|d| { d.call_of("management", "canister_status", b"nonsense".to_vec()).by_me().at("v3", "self", "call"); }, INVALID),
    ]),
    case("a management query whose argument names no canister is rejected", &[
        send(|d| { d.query_of("management", "canister_status", b"nonsense".to_vec()).by_me().at("v3", "self", "query"); }, INVALID),
    ]),
];

#[rustfmt::skip]
const SUBNET_ID: &[Case] = &[
    nowhere("a subnet's endpoint creates canisters only", &[
        send(|d| { d.variables.insert("self".into(), d.variables["probe"].clone()); d.call("reply").at_subnet("v4", "call"); }, http(BAD, "create_canister")),
    ]),
    nowhere("another subnet's endpoint is refused", &[
        send(|d| { let arg = crate::interface::encode("create_canister", "(record {})", &d.variables);
            d.call_of("management", "create_canister", arg).by_me();
            d.path = "/api/v4/subnet/tdb26-jop6k-aogll-7ltgs-eruif-6kk7m-qpktf-gdiqx-mxtrf-vb5e6-eqe/call".into(); }, http(BAD, "")),
    ]),
    nowhere("a user who is no subnet admin creates no canister", &[
        send(|d| { let arg = crate::interface::encode("create_canister", "(record {})", &d.variables);
            d.call_of("management", "create_canister", arg).by_me().at_subnet("v4", "call"); }, NOT_ALLOWED),
    ]),
    nowhere("a subnet's endpoint takes no query of a canister", &[
        send(|d| { d.variables.insert("self".into(), d.variables["probe"].clone()); d.query("reply").at_subnet("v3", "query"); }, http(BAD, "list_canisters")),
    ]),
    nowhere("a user who is no subnet admin lists no canisters", &[
        send(|d| { let arg = crate::interface::encode("list_canisters", "(record {})", &d.variables);
            d.query_of("management", "list_canisters", arg).by_me().at_subnet("v3", "query"); }, NOT_ALLOWED),
    ]),
];

fn status(d: &mut Draft) {
    d.verb = "GET";
    d.path = "/api/v2/status".into();
    d.content_type = "";
    d.mangle = Some(|_| Vec::new());
}

#[rustfmt::skip]
const STATUS: &[Case] = &[
    nowhere("the status tells the root key", &[send(status, Expect::Body(|answer, variables| {
        match find(&fields(&answer.body)?, "root_key") {
            Some(Value::Bytes(key)) if *key == variables["root_key"] && key.len() == 133 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }))]),
    nowhere("the status tells that the replica is healthy", &[send(status, Expect::Body(|answer, _| {
        match find(&fields(&answer.body)?, "replica_health_status") {
            Some(Value::Text(text)) if text == "healthy" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }))]),
    nowhere("the status is not posted", &[send(|d| { status(d); d.verb = "POST"; }, http(405, ""))]),
    nowhere("the root key is a BLS key in DER", &[send(status, Expect::Body(|_, variables| {
        let der = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";
        match hex::encode(&variables["root_key"][..37]) == der { true => Ok(()), false => Err("another prefix".into()) }
    }))]),
];

#[rustfmt::skip]
const CBOR: &[Case] = &[
    case("no CBOR at all is refused", &[send(|d| d.mangle = Some(|_| b"nonsense".to_vec()), http(BAD, ""))]),
    case("an empty body is refused", &[send(|d| d.mangle = Some(|_| Vec::new()), http(BAD, ""))]),
    case("CBOR cut short is refused", &[send(|d| d.mangle = Some(|body| body[..body.len() - 1].to_vec()), http(BAD, ""))]),
    case("bytes after the CBOR are refused", &[send(|d| d.mangle = Some(|mut body| { body.push(0); body }), http(BAD, ""))]),
    case("a body that is no map is refused", &[send(|d| d.mangle = Some(|_| vec![0xd9, 0xd9, 0xf7, 0x01]), http(BAD, ""))]),
    case("an envelope without content is refused", &[send(|d| d.tamper = Some(|envelope| envelope.clear()), http(BAD, "content"))]),
    case("an unknown field of the envelope is refused", &[
        send(|d| d.tamper = Some(|envelope| envelope.push(("extra".into(), nat(1)))), http(BAD, "extra")),
    ]),
    case("an unknown field of the content is refused", &[send(|d| { d.set("extra", nat(1)); }, http(BAD, "extra"))]),
    case("a field that stands twice is refused", &[
        send(|d| d.content.push(("method_name".into(), text("ask"))), http(BAD, "method_name")),
    ]),
    case("content that stands twice is refused", &[
        send(|d| d.tamper = Some(|envelope| { let again = envelope[0].clone(); envelope.push(again); }), http(BAD, "content")),
    ]),
    case("a method that is a blob is refused", &[send(|d| { d.set("method_name", bytes("ask")); }, http(BAD, "method_name"))]),
    case("an argument that is a text is refused", &[send(|d| { d.set("arg", text("argument")); }, http(BAD, "arg"))]),
    case("a canister that is a text is refused", &[send(|d| { d.set("canister_id", text("rwlgt-iiaaa")); }, http(BAD, "canister_id"))]),
    case("a canister of 30 bytes is refused", &[send(|d| { d.set("canister_id", bytes([1; 30])); }, http(BAD, "canister_id"))]),
    case("an expiry that is a float is refused", &[send(|d| { d.set("ingress_expiry", Value::Float(1e18)); }, http(BAD, "ingress_expiry"))]),
    case("an expiry that is negative is refused", &[send(|d| { d.set("ingress_expiry", Value::Integer((-1).into())); }, http(BAD, "ingress_expiry"))]),
    case("an expiry that is a text is refused", &[send(|d| { d.set("ingress_expiry", text("tomorrow")); }, http(BAD, "ingress_expiry"))]),
    case("a nonce that is a number is refused", &[send(|d| { d.set("nonce", nat(1)); }, http(BAD, "nonce"))]),
    case("a request type that nobody knows is refused", &[send(|d| { d.set("request_type", text("sing")); }, http(BAD, "request_type"))]),
    case("keys that are blobs are refused", &[
        send(|d| d.mangle = Some(|_| encode(&Value::Map(vec![(bytes("content"), nat(1))]))), http(BAD, "")),
    ]),
    case("a request without the self-describing tag is accepted", &[
        send(|d| d.mangle = Some(|body| body[3..].to_vec()), reply("'ok'")),
    ]),
    case("a map of indefinite length is read", &[
        send(|d| d.mangle = Some(|body| [&body[..3], &[0xbf], &body[4..], &[0xff]].concat()), reply("'ok'")),
    ]),
    case("very deep CBOR is refused", &[send(|d| d.mangle = Some(|_| vec![0x81; 100_000]), http(BAD, ""))]),
    case("an array that promises too much is refused", &[
        send(|d| d.mangle = Some(|_| vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), http(BAD, "")),
    ]),
    case("fields may stand in any order", &[send(|d| d.content.reverse(), reply("'ok'"))]),
];

#[rustfmt::skip]
const TAGS: &[Case] = &[
    case("a query's answer carries the self-describing tag", &[
        send(|_| (), Expect::Body(|answer, _| fields(&answer.body).map(drop))),
    ]),
    case("a call's answer carries the self-describing tag", &[
        send(|d| { d.call("reply"); }, Expect::Body(|answer, _| fields(&answer.body).map(drop))),
    ]),
    nowhere("the status carries the self-describing tag", &[send(status, Expect::Body(|answer, _| fields(&answer.body).map(drop)))]),
    case("answers are CBOR by their type", &[
        send(|_| (), Expect::Body(|answer, _| match answer.headers.get("content-type") {
            Some(ty) if ty == "application/cbor" => Ok(()),
            other => Err(format!("{other:?}")),
        })),
    ]),
];
