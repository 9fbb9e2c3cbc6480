//! RELIABILITY.md H1: every class of abuse is a 4xx whose body names it, or a closed connection where
//! the framing itself is broken; never a 5xx, and the server goes on.

use super::client::{exchange, post, request};
use super::{FakeNode, canister, fresh, hasty, path, start};
use crate::http::wall_clock;
use crate::ingress::sample::{self, Link, basic, bend, delegated, set_field};
use crate::ingress::signer;
use crate::types::limits::HTTP_BODY_BYTES_MAX;
use crate::types::*;
use ciborium::Value;
use ic_agent::Identity;
use ic_agent::agent::EnvelopeContent;
use std::net::SocketAddr;

/// One abuse: class of H1, what is sent, the expected status (0: 400 or closed) and words of the reason.
pub(crate) struct Abuse {
    pub class: u8,
    pub bytes: Vec<u8>,
    pub status: u16,
    pub reason: &'static str,
}

fn abuse(class: u8, bytes: Vec<u8>, status: u16, reason: &'static str) -> Abuse {
    Abuse { class, bytes, status, reason }
}

/// A POST of `body` to the call endpoint that must be refused with 400.
fn call(class: u8, body: Vec<u8>, reason: &'static str) -> Abuse {
    abuse(class, post(&path("call"), &body), 400, reason)
}

fn good_call() -> Vec<u8> {
    fresh(&basic(1), sample::call(&basic(1)))
}

fn bent(path: &[&str], to: Option<Value>) -> Vec<u8> {
    bend(&good_call(), |value| set_field(value, path, to))
}

fn map(entries: &[u8]) -> Vec<u8> {
    [&[0xd9, 0xd9, 0xf7], entries].concat()
}

fn cbor_classes() -> Vec<Abuse> {
    let good = good_call();
    let nested = |byte: u8| map(&[&[0xa1, 0x67], b"content".as_slice(), &vec![byte; 10_000]].concat());
    let duplicate = bend(&good, |value| {
        let entries = value.as_map_mut().expect("a map");
        let again = entries[0].clone();
        entries.push(again);
    });
    vec![
        call(1, b"this is not CBOR".to_vec(), "envelope: expected map"),
        call(1, vec![], "envelope: truncated"),
        call(1, map(&[0xfc]), "reserved"),
        call(2, good[..good.len() / 2].to_vec(), "truncated"),
        call(3, [good.as_slice(), &[0]].concat(), "1 trailing bytes"),
        call(4, nested(0x81), "content: expected map, found array"),
        call(4, nested(0xa1), "expected text, found map"),
        call(5, vec![0xd9; 9_999], "another tag"),
        call(5, nested(0xc1), "content: expected map, found tag"),
        call(6, map(&[0xbb, 0x40, 0, 0, 0, 0, 0, 0, 0]), "truncated"),
        call(6, map(&[0xa1, 0x7b, 0x40, 0, 0, 0, 0, 0, 0, 0]), "truncated"),
        call(7, map(&[0xbf, 0x67]), "truncated"),
        call(7, map(&[0xa1, 0x7f, 0x7f, 0x61]), "indefinite chunk"),
        call(7, map(&[0xa1, 0x7f, 0x41, 0x61, 0xff]), "expected text, found byte string"),
        call(8, duplicate, "content: given twice"),
        call(
            9,
            bent(&["content", "arg"], Some(Value::Text("x".into()))),
            "arg: expected byte string, found text",
        ),
        call(
            9,
            bent(&["content", "ingress_expiry"], Some(Value::Float(1.0))),
            "ingress_expiry: expected unsigned",
        ),
        call(
            9,
            bent(&["content", "request_type"], Some(Value::Text("query".into()))),
            "request_type: unknown value",
        ),
        call(10, bent(&["content", "method_name"], None), "method_name: missing"),
        call(10, bent(&["content"], None), "content: missing"),
        call(10, bent(&["content", "extra"], Some(Value::Bool(true))), "unknown field `extra`"),
        call(11, map(&[0xa1, 0x62, 0xff, 0xff]), "not valid UTF-8"),
        call(23, bent(&["content", "ingress_expiry"], None), "ingress_expiry: missing"),
    ]
}

fn http_classes() -> Vec<Abuse> {
    let cbor = ("Content-Type", "application/cbor");
    let (call_path, body) = (path("call"), good_call());
    let length = body.len().to_string();
    let with = |headers: &[(&str, &str)], body: &[u8]| request("POST", &call_path, headers, body);
    let header = |extra: (&str, &str)| with(&[cbor, ("Content-Length", &length), extra], &body);
    let chunk = [format!("{:x}\r\n", HTTP_BODY_BYTES_MAX + 1).into_bytes(), vec![0; HTTP_BODY_BYTES_MAX + 1]]
        .concat();
    let many: Vec<(String, String)> = (0..150).map(|n| (format!("x-{n}"), "y".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let too_long = (HTTP_BODY_BYTES_MAX + 1).to_string();
    vec![
        abuse(
            12,
            with(&[("Content-Type", "application/json"), ("Content-Length", &length)], &body),
            415,
            "content-type",
        ),
        abuse(12, with(&[("Content-Length", &length)], &body), 415, "content-type"),
        abuse(13, request("GET", &call_path, &[], b""), 405, "method not allowed; use POST"),
        abuse(13, request("POST", "/api/v2/status", &[("Content-Length", "0")], b""), 405, "use GET"),
        abuse(14, request("GET", "/api/v9/status", &[], b""), 404, "unknown path"),
        abuse(14, post("/api/v2/canister/aaaaa-aa/call/more", &body), 404, "unknown path"),
        abuse(14, post("/api/v2/subnet/aaaaa-aa/call", &body), 404, "unknown path"),
        abuse(15, with(&[cbor, ("Content-Length", &too_long)], b""), 413, "body too large"),
        abuse(16, with(&[cbor, ("Transfer-Encoding", "chunked")], &chunk), 413, "body too large"),
        abuse(17, with(&[cbor, ("Content-Length", "99999")], &body), 408, "did not come in time"),
        abuse(37, header(("x-long", &"y".repeat(70_000))), 431, ""),
        abuse(37, with(&many, b""), 431, ""),
        abuse(38, header(("x-nul", "a\0b")), 400, ""),
        abuse(38, header(("x-cr", "a\rb")), 400, ""),
        abuse(39, header(("Transfer-Encoding", "chunked")), 400, "the body broke off"),
        abuse(39, header(("Content-Length", "7")), 400, ""),
        abuse(39, with(&[cbor, ("Content-Length", "+5")], b"12345"), 400, ""),
        abuse(39, with(&[cbor, ("Content-Length", "0x5")], b"12345"), 400, ""),
        abuse(39, with(&[cbor, ("Transfer-Encoding", "xchunked")], b"0\r\n\r\n"), 400, ""),
        abuse(40, header(("Content-Encoding", "gzip")), 415, "content-encoding"),
    ]
}

fn id_classes() -> Vec<Abuse> {
    let body = good_call();
    let at = |id: &str| format!("/api/v4/canister/{id}/call");
    let long = "aaaaa-".repeat(20);
    let user = basic(1).sender().expect("a sender").to_string();
    let elsewhere = {
        let mut content = sample::call(&basic(1));
        if let EnvelopeContent::Call { canister_id, .. } = &mut content {
            *canister_id = basic(1).sender().expect("a sender");
        }
        fresh(&basic(1), content)
    };
    let read_others = sample::read_state(&basic(1), &[&[b"canister", &[1], b"module_hash"]]);
    vec![
        abuse(18, post(&at("not-a-principal"), &body), 400, "invalid principal"),
        abuse(18, post(&at("rwlgt-iiaaa-aaaaa-aaaaa-caj"), &body), 400, "invalid principal"),
        abuse(18, post(&at(&long), &body), 400, "invalid principal"),
        call(
            18,
            bent(&["content", "canister_id"], Some(Value::Bytes(vec![1; 30]))),
            "canister_id: not a principal",
        ),
        abuse(19, post(&at("ryjl3-tyaaa-aaaaa-aaaba-cai"), &body), 400, "effective canister id"),
        abuse(20, post(&at(&user), &elsewhere), 400, "canister_not_found"),
        abuse(
            20,
            post(&path("read_state"), &fresh(&basic(1), read_others)),
            400,
            "own effective canister id",
        ),
    ]
}

fn auth_classes() -> Vec<Abuse> {
    let now = wall_clock();
    let expiring = |at: Time| sample::sign(&basic(1), &sample::expiring(sample::call(&basic(1)), at));
    let bytes = |length: usize| Some(Value::Bytes(vec![1; length]));
    let anonymous = bent(&["content", "sender"], Some(Value::Bytes(vec![4])));
    let other = basic(2).public_key().map(Value::Bytes);
    let domain = {
        let content = sample::expiring(sample::call(&basic(1)), now.plus_ms(60_000));
        let signature = basic(1).sign_arbitrary(content.to_request_id().as_slice()).expect("signs").signature;
        bend(&sample::sign(&basic(1), &content), |value| {
            set_field(value, &["sender_sig"], signature.map(Value::Bytes));
        })
    };
    vec![
        call(21, expiring(Time(now.0 - 1_000_000_000)), "Invalid request expiry: "),
        call(22, expiring(now.plus_ms(400_000)), "Invalid request expiry: "),
        call(24, bent(&["content", "nonce"], bytes(33)), "nonce too long"),
        call(25, bent(&["sender_sig"], bytes(64)), "invalid signature"),
        call(26, bent(&["sender_pubkey"], other), "does not match the public key"),
        call(27, anonymous, "anonymous request with a signature"),
        call(28, bent(&["sender_sig"], None), "missing signature"),
        call(33, domain, "invalid signature"),
    ]
}

fn delegation_classes() -> Vec<Abuse> {
    let link = Link { expiration: wall_clock().plus_ms(60_000), ..Link::default() };
    let through = |links: &[Link]| {
        let identity = delegated(links);
        fresh(&identity, sample::call(&identity))
    };
    let elsewhere = Link { targets: Some(vec![CanisterId(8).principal()]), ..link.clone() };
    let many = Link { targets: Some(vec![canister(); 1_001]), ..link.clone() };
    vec![
        call(29, through(&vec![link.clone(); 21]), "sender_delegation: more than 20 entries"),
        call(30, through(&[link.clone(), Link { to: Some(1), ..link.clone() }]), "delegation cycle"),
        call(31, through(&[many]), "delegation.targets: more than 1000 entries"),
        call(31, through(&[elsewhere]), "do not include canister"),
        call(32, through(&[Link { expiration: Time(1), ..link }]), "delegation 0 expired"),
    ]
}

/// What `node` answers is not for this reader, or too much of it is asked for.
async fn read_state_classes(node: &FakeNode) -> Vec<Abuse> {
    let content = sample::expiring(sample::call(&basic(1)), wall_clock().plus_ms(60_000));
    let id = *content.to_request_id();
    let answer = exchange(node.address, &post(&path("call"), &sample::sign(&basic(1), &content))).await;
    assert_eq!(answer.status, 200);
    let read = |class: u8, paths: &[&[&[u8]]], status: u16, reason: &'static str| {
        let envelope = fresh(&basic(2), sample::read_state(&basic(2), paths));
        abuse(class, post(&path("read_state"), &envelope), status, reason)
    };
    let time: &[&[u8]] = &[b"time"];
    vec![
        read(34, &vec![time; 1_001], 400, "paths: more than 1000 entries"),
        read(35, &[&vec![b"x".as_slice(); 128]], 400, "more than 127 entries"),
        read(36, &[&[b"request_status", &id]], 403, "sender only"),
        read(36, &[&[b"request_status", &[1; 32]], &[b"request_status", &[2; 32]]], 400, "one request"),
        read(36, &[&[b"request_status", &[1; 31]]], 400, "32 bytes"),
    ]
}

/// All classes; what is read of others' calls is `node`'s.
pub(crate) async fn classes(node: &FakeNode) -> Vec<Abuse> {
    let mut all = read_state_classes(node).await;
    let others = [cbor_classes(), http_classes(), id_classes(), auth_classes(), delegation_classes()];
    all.extend(others.into_iter().flatten());
    all
}

async fn check(node: &FakeNode, abuses: Vec<Abuse>) {
    check_at(node.address, abuses, "/health").await;
}

/// Whoever listens at `address` refuses each by name, and goes on: the page `alive` is there.
pub(crate) async fn check_at(address: SocketAddr, abuses: Vec<Abuse>, alive: &str) {
    for Abuse { class, bytes, status, reason } in abuses {
        let answer = exchange(address, &bytes).await;
        let text = answer.text();
        assert!(
            answer.status == status && text.contains(reason),
            "class {class}: {} {text:?}, expected {status} {reason:?}",
            answer.status
        );
    }
    assert_eq!(exchange(address, &request("GET", alive, &[], b"")).await.status, 200);
}

#[tokio::test]
async fn bad_cbor_is_refused_by_name() {
    check(&start().await, cbor_classes()).await;
}

#[tokio::test]
async fn bad_http_is_refused_by_name() {
    check(&FakeNode::start(hasty(), super::controller()).await, http_classes()).await;
}

#[tokio::test]
async fn wrong_ids_are_refused_by_name() {
    check(&start().await, id_classes()).await;
}

#[tokio::test]
async fn bad_proofs_are_refused_by_name() {
    check(&start().await, auth_classes()).await;
}

#[tokio::test]
async fn bad_delegations_are_refused_by_name() {
    check(&start().await, delegation_classes()).await;
}

#[tokio::test]
async fn bad_reads_are_refused_by_name() {
    let node = start().await;
    let abuses = read_state_classes(&node).await;
    check(&node, abuses).await;
}

#[tokio::test]
async fn every_class_is_covered() {
    let node = start().await;
    let all = classes(&node).await;
    let missing: Vec<u8> = (1..=40).filter(|class| !all.iter().any(|abuse| abuse.class == *class)).collect();
    assert_eq!(missing, [0u8; 0]);
}

/// A small, fixed generator: the mutants are the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A few bytes changed, put in, or cut off behind.
fn mutate(bytes: &mut Vec<u8>, random: &mut u64) {
    for _ in 0..=next(random) % 3 {
        let at = (next(random) % bytes.len().max(1) as u64) as usize;
        match next(random) % 3 {
            _ if bytes.is_empty() => bytes.push(next(random) as u8),
            0 => bytes[at] = next(random) as u8,
            1 => bytes.truncate(at + 1),
            _ => bytes.insert(at, next(random) as u8),
        }
    }
}

/// A mutant of a request: of its body, framed well, or of anything in it, framing too.
fn mutant(request: &[u8], random: &mut u64) -> Vec<u8> {
    let body = request.windows(4).position(|window| window == b"\r\n\r\n").map(|end| end + 4);
    let mut bytes = request.to_vec();
    match body {
        Some(start) if start < bytes.len() && !next(random).is_multiple_of(4) => {
            let mut body = bytes.split_off(start);
            mutate(&mut body, random);
            let target = String::from_utf8_lossy(&bytes).split(' ').nth(1).unwrap_or("/").to_owned();
            post(&target, &body)
        }
        _ => {
            mutate(&mut bytes, random);
            bytes
        }
    }
}

const MUTANTS_PER_CLASS: usize = 250;
/// So few that the bodies of all fit into the budget of bodies.
const MUTANTS_AT_ONCE: usize = 16;

/// RELIABILITY.md H1: 40 classes, 250 mutants each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_mutants_never_make_a_server_error() {
    let node = FakeNode::start(hasty(), super::controller()).await;
    let abuses = classes(&node).await;
    assert_eq!(mutants_at(node.address, &abuses, MUTANTS_PER_CLASS, "/health").await, 10_000);
}

/// Sends mutants of each class to whoever listens at `address`, and looks for the page `alive` afterwards; how many there
/// were.
pub(crate) async fn mutants_at(
    address: SocketAddr,
    abuses: &[Abuse],
    per_class: usize,
    alive: &str,
) -> usize {
    let (mut random, mut sent, mut under_way) = (0x9e37_79b9_7f4a_7c15, 0, tokio::task::JoinSet::new());
    for class in 1..=40u8 {
        let of_class: Vec<&Abuse> = abuses.iter().filter(|abuse| abuse.class == class).collect();
        for round in 0..per_class {
            let bytes = mutant(&of_class[round % of_class.len()].bytes, &mut random);
            if under_way.len() >= MUTANTS_AT_ONCE {
                under_way.join_next().await.expect("one is under way").expect("no panic");
            }
            under_way.spawn(async move {
                let status = exchange(address, &bytes).await.status;
                let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
                assert!(status < 500, "class {class}, round {round}: {status} for {shown:?}");
            });
            sent += 1;
        }
    }
    while let Some(finished) = under_way.join_next().await {
        finished.expect("no panic");
    }
    assert_eq!(exchange(address, &request("GET", alive, &[], b"")).await.status, 200);
    sent
}

/// What is bent in a proof by an authenticator or a canister is refused by name, and mutants of such a
/// proof never make a server error.
#[tokio::test]
async fn mutants_of_rare_proofs_never_make_a_server_error() {
    let node = FakeNode::start(hasty(), super::controller()).await;
    let signers: [Box<dyn Identity>; 5] = [
        Box::new(signer::es256()),
        Box::new(signer::eddsa()),
        Box::new(signer::rs256()),
        Box::new(signer::CanisterSigner::new(7).signer()),
        Box::new(super::session()),
    ];
    let mut random = 0x2545_f491_4f6c_dd1d;
    for identity in &signers {
        let good = fresh(identity, sample::call(identity));
        assert_eq!(exchange(node.address, &post(&path("call"), &good)).await.status, 200);
        for round in 0..200 {
            let mut body = good.clone();
            mutate(&mut body, &mut random);
            let status = exchange(node.address, &post(&path("call"), &body)).await.status;
            assert!((200..500).contains(&status), "round {round}: {status} for {body:02x?}");
        }
    }
}
