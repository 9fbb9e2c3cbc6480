//! The server against agents as they are, and against strangers as they come (RELIABILITY.md H1, H2).

pub(crate) mod abuse;
pub(crate) mod client;
pub(crate) mod node;

use self::client::{exchange, post, read_answer, request};
use self::node::FakeNode;
use super::{Config, wall_clock};
use crate::encoding::cbor::Reader;
use crate::ingress::sample::{self, Link, basic};
use crate::ingress::signer::{self, CanisterSigner};
use crate::types::*;
use ic_agent::agent::EnvelopeContent;
use ic_agent::identity::InfoAwareIdentity;
use ic_agent::{Agent, Identity};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

pub(crate) fn controller() -> Principal {
    basic(1).sender().expect("a sender")
}

async fn start() -> FakeNode {
    FakeNode::start(Config::default(), controller()).await
}

fn canister() -> Principal {
    CanisterId(7).principal()
}

fn path(verb: &str) -> String {
    let version = if verb == "call" { "v4" } else { "v3" };
    format!("/api/{version}/canister/{}/{verb}", canister())
}

/// An envelope that is valid now.
fn fresh(identity: &dyn Identity, content: EnvelopeContent) -> Vec<u8> {
    sample::sign(identity, &sample::expiring(content, wall_clock().plus_ms(60_000)))
}

fn agent(node: &FakeNode, identity: impl Identity + 'static) -> Agent {
    let url = format!("http://{}", node.address);
    let agent = Agent::builder().with_url(url).with_identity(identity).build().expect("an agent");
    agent.set_root_key(node.root_key.clone());
    agent
}

#[tokio::test]
async fn agents_of_every_kind_update_and_query_with_all_checks_on() {
    let node = start().await;
    for (name, identity) in sample::identities() {
        // The sample's delegations are valid in the sample's time only.
        if name == "two delegations" {
            continue;
        }
        let agent = agent(&node, identity);
        let reply = agent.update(&canister(), "inc").with_arg(b"DIDL\0\0".to_vec()).call_and_wait().await;
        assert_eq!(reply.expect(name), b"DIDL\0\0");
        let reply = agent.query(&canister(), "get").with_arg(b"DIDL\0\0".to_vec()).call().await;
        assert_eq!(reply.expect(name), b"DIDL\0\0");
    }
}

/// A browser's key, by which a user of canister 7 speaks: what an identity provider hands out.
fn session() -> impl Identity {
    let link = Link { expiration: wall_clock().plus_ms(60_000), ..Link::default() };
    sample::delegated_by(&CanisterSigner::new(7).signer(), &[link])
}

#[tokio::test]
async fn users_whom_an_authenticator_or_a_canister_signs_for_update_and_query() {
    let node = start().await;
    let identities: [(&str, Box<dyn Identity>); 5] = [
        ("ES256", Box::new(signer::es256())),
        ("EdDSA", Box::new(signer::eddsa())),
        ("RS256", Box::new(signer::rs256())),
        ("a canister", Box::new(CanisterSigner::new(7).signer())),
        ("a session of a canister's user", Box::new(session())),
    ];
    for (name, identity) in identities {
        let agent = agent(&node, identity);
        let reply = agent.update(&canister(), "inc").with_arg(b"DIDL\0\0".to_vec()).call_and_wait().await;
        assert_eq!(reply.expect(name), b"DIDL\0\0");
        let reply = agent.query(&canister(), "get").with_arg(b"DIDL\0\0".to_vec()).call().await;
        assert_eq!(reply.expect(name), b"DIDL\0\0");
    }
}

#[tokio::test]
async fn what_a_canister_vouches_for_comes_with_the_call() {
    let node = start().await;
    let sig = CanisterSigner::new(7).signature(b"\x0eic-sender-infoover 18");
    let info = b"over 18".to_vec();
    // The agent checks the signature by our root key too.
    let identity = InfoAwareIdentity::new_with_root_key(session(), info.clone(), sig, &node.root_key);
    let agent = agent(&node, identity.expect("the agent believes it"));
    let reply = agent.update(&canister(), "whoami").call_and_wait().await;
    assert_eq!(reply.expect("replied"), info);
}

#[tokio::test]
async fn a_call_for_which_there_is_no_room_is_refused_aloud() {
    let node = start().await;
    let mut content = sample::call(&basic(2));
    if let EnvelopeContent::Call { method_name, .. } = &mut content {
        *method_name = "full".into();
    }
    let envelope = fresh(&basic(2), content);
    for version in ["v2", "v3", "v4"] {
        let path = format!("/api/{version}/canister/{}/call", canister());
        let answer = exchange(node.address, &post(&path, &envelope)).await;
        assert_eq!(answer.status, 503, "{version}");
        assert!(answer.text().contains("the ingress pool is full"), "{}", answer.text());
        assert!(answer.head.to_lowercase().contains("retry-after: 1"), "{}", answer.head);
    }
}

#[tokio::test]
async fn agents_see_rejects_of_queries_updates_and_inspection_with_their_codes() {
    let node = start().await;
    let agent = agent(&node, basic(2));
    let text = |error: ic_agent::AgentError| format!("{error:?}");
    let refused = text(agent.query(&canister(), "missing").call().await.expect_err("no such method"));
    assert!(refused.contains("IC0536") && refused.contains("no method missing"), "{refused}");
    let refused = text(agent.update(&canister(), "trap").call_and_wait().await.expect_err("traps"));
    assert!(refused.contains("IC0502") && refused.contains("trapped"), "{refused}");
    let refused = text(agent.update(&canister(), "refused").call_and_wait().await.expect_err("refused"));
    assert!(refused.contains("IC0406") && refused.contains("not you"), "{refused}");
}

#[tokio::test]
async fn agents_read_the_state_and_fetch_the_root_key() {
    let node = start().await;
    let agent = agent(&node, basic(1));
    agent.fetch_root_key().await.expect("status");
    assert_eq!(agent.read_root_key(), node.root_key);
    let status = agent.status().await.expect("status");
    assert_eq!(status.replica_health_status.as_deref(), Some("healthy"));
    let controllers = agent.read_state_canister_controllers(canister()).await.expect("controllers");
    assert_eq!(controllers, [controller()]);
    assert_eq!(agent.read_state_canister_metadata(canister(), "secret").await.expect("ours"), b"content");
    let subnet = agent.get_subnet_by_canister(&canister()).await.expect("the subnet");
    assert_eq!(subnet.id(), node.subnet);
    let subnet = agent.get_subnet_by_id(&node.subnet).await.expect("the subnet");
    assert!(subnet.contains_canister(&canister()));
    let metrics = agent.read_state_subnet_metrics(node.subnet).await.expect("metrics");
    assert_eq!((metrics.num_canisters, metrics.consumed_cycles_total), (1, 0));
    let ranges = agent.read_state_subnet_canister_ranges(node.subnet).await.expect("ranges");
    assert_eq!(ranges, [(CanisterId(0).principal(), CanisterId(u64::MAX).principal())]);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_202_and_can_be_polled() {
    let config = Config { call_wait: Duration::from_millis(20), ..Config::default() };
    let node = FakeNode::start(config, controller()).await;
    let mut content = sample::call(&basic(2));
    if let EnvelopeContent::Call { method_name, .. } = &mut content {
        *method_name = "slow".into();
    }
    let envelope = fresh(&basic(2), content);
    for version in ["v2", "v3", "v4"] {
        let path = format!("/api/{version}/canister/{}/call", canister());
        let answer = exchange(node.address, &post(&path, &envelope)).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{version}");
    }
}

#[tokio::test]
async fn a_resubmitted_call_gets_the_certificate_of_the_first() {
    let node = start().await;
    let envelope = fresh(&basic(2), sample::call(&basic(2)));
    for _ in 0..2 {
        let answer = exchange(node.address, &post(&path("call"), &envelope)).await;
        assert_eq!((answer.status, text_field(&answer.body, "status").as_deref()), (200, Some("replied")));
    }
}

/// A text field of a tagged CBOR map.
fn text_field(body: &[u8], name: &str) -> Option<String> {
    let mut reader = Reader::new(body, "body");
    reader.skip_tag(55_799).ok()?;
    let mut found = None;
    let _ = reader.map(|reader, key| {
        if key == name {
            found = Some(reader.text()?.into_owned());
        } else {
            reader.bytes()?;
        }
        Ok(())
    });
    found
}

async fn read(node: &FakeNode, path: &str, identity: &dyn Identity, labels: &[&[u8]]) -> (u16, String) {
    let envelope = fresh(identity, sample::read_state(identity, &[labels]));
    let answer = exchange(node.address, &post(path, &envelope)).await;
    (answer.status, answer.text())
}

#[tokio::test]
async fn only_its_sender_reads_the_status_of_a_request() {
    let node = start().await;
    let content = sample::expiring(sample::call(&basic(2)), wall_clock().plus_ms(60_000));
    let id = *content.to_request_id();
    let answer = exchange(node.address, &post(&path("call"), &sample::sign(&basic(2), &content))).await;
    assert_eq!(answer.status, 200);
    let labels: [&[u8]; 2] = [b"request_status", &id];
    assert_eq!(read(&node, &path("read_state"), &basic(2), &labels).await.0, 200);
    let (status, text) = read(&node, &path("read_state"), &basic(3), &labels).await;
    assert_eq!((status, text.contains("sender only")), (403, true));
    let elsewhere = [
        format!("canister/{}", CanisterId(8).principal()),
        format!("subnet/{}", node.subnet),
        "canister/aaaaa-aa".into(),
    ];
    for scope in elsewhere {
        let path = format!("/api/v3/{scope}/read_state");
        let (status, text) = read(&node, &path, &basic(2), &labels).await;
        assert_eq!((status, text.contains("under the id of the called canister")), (403, true), "{scope}");
    }
    assert_eq!(read(&node, &path("read_state"), &basic(3), &[b"request_status", &[9; 32]]).await.0, 200);
}

#[tokio::test]
async fn paths_are_read_where_the_spec_lets_them() {
    let node = start().await;
    let (canister, subnet) = (canister(), node.subnet);
    let at_canister = path("read_state");
    let at_canister_v2 = at_canister.replace("v3", "v2");
    let at_subnet = format!("/api/v3/subnet/{subnet}/read_state");
    let at_management = "/api/v2/canister/aaaaa-aa/read_state".to_owned();
    let (id, sid) = (canister.as_slice(), subnet.as_slice());
    let other = CanisterId(8).principal();
    let cases: &[(&str, &[&[u8]], u16)] = &[
        (&at_canister, &[b"time"], 200),
        (&at_canister, &[b"subnet"], 200),
        (&at_canister, &[b"subnet", sid, b"node"], 200),
        (&at_canister, &[b"canister", id, b"module_hash"], 200),
        (&at_canister, &[b"canister", id, b"metadata", b"open"], 200),
        (&at_canister, &[b"canister", id, b"metadata", b"absent"], 200),
        (&at_canister, &[b"canister", id, b"metadata", b"secret"], 403),
        (&at_canister, &[b"canister", id, b"metadata", b"\xff"], 400),
        (&at_canister, &[b"canister", id, b"certified_data"], 400),
        (&at_canister, &[b"canister", id], 400),
        (&at_canister, &[b"canister", id, b"controllers"], 200),
        (&at_canister, &[b"canister", id, b"canister_creation_timestamp"], 200),
        (&at_canister, &[b"canister", id, b"last_install_timestamp"], 200),
        (&at_canister, &[b"subnet", sid], 200),
        (&at_canister, &[b"subnet", sid, b"public_key"], 200),
        (&at_canister, &[b"subnet", sid, b"type"], 200),
        (&at_canister, &[b"subnet", sid, b"canister_ranges"], 200),
        (&at_canister, &[b"subnet", b"another", b"canister_ranges"], 400),
        (&at_canister_v2, &[b"subnet", b"another", b"canister_ranges"], 200),
        (&at_canister, &[b"subnet", sid, b"node", b"some node"], 200),
        (&at_canister, &[b"subnet", sid, b"node", b"some node", b"public_key"], 200),
        (&at_canister, &[b"subnet", sid, b"node", b"some node", b"private_key"], 400),
        (&at_canister, &[b"subnet", sid, b"secret"], 400),
        (&at_canister, &[b"canister_ranges", sid], 400),
        (&at_canister, &[b"api_boundary_nodes"], 200),
        (&at_canister, &[b"api_boundary_nodes", b"some node"], 200),
        (&at_canister, &[b"api_boundary_nodes", b"some node", b"domain"], 200),
        (&at_canister, &[b"api_boundary_nodes", b"some node", b"ipv4_address"], 200),
        (&at_canister, &[b"api_boundary_nodes", b"some node", b"ipv6_address"], 200),
        (&at_canister, &[b"api_boundary_nodes", b"some node", b"owner"], 400),
        (&at_canister, &[b"request_status"], 400),
        (&at_canister, &[b"request_status", &[9; 32], b"error_code"], 200),
        (&at_canister, &[b"request_status", &[9; 32], b"other"], 400),
        (&at_canister, &[b"canister", other.as_slice(), b"module_hash"], 400),
        (&at_canister, &[b"subnet", sid, b"metrics"], 400),
        (&at_canister, &[b"atoll_state"], 400),
        (&at_canister, &[], 400),
        (&at_subnet, &[b"subnet", sid, b"metrics"], 200),
        (&at_subnet, &[b"subnet", b"another", b"metrics"], 400),
        (&at_subnet, &[b"canister_ranges", sid], 200),
        (&at_subnet, &[b"canister_ranges"], 400),
        (&at_subnet, &[b"canister", id, b"module_hash"], 400),
        (&at_management, &[b"request_status", &[1; 32]], 200),
        ("/api/v3/subnet/aaaaa-aa/read_state", &[b"time"], 400),
        ("/api/v3/canister/2vxsx-fae/read_state", &[b"time"], 400),
    ];
    for (path, labels, expected) in cases {
        let (status, text) = read(&node, path, &basic(3), labels).await;
        assert_eq!(status, *expected, "{path} {labels:?}: {text}");
    }
}

#[tokio::test]
async fn management_calls_are_scoped_by_their_argument() {
    let node = start().await;
    let status_of = |number: u64| {
        let id = CanisterId(number).principal();
        candid::encode_one(crate::encoding::management::CanisterIdRecord { canister_id: id }).expect("candid")
    };
    let seven = format!("canister/{}", canister());
    let anywhere = "canister/aaaaa-aa".to_owned();
    let stranger = format!("canister/{}", controller());
    let record = crate::encoding::management::CanisterIdRecord { canister_id: controller() };
    let status_of_stranger = candid::encode_one(record).expect("candid");
    let subnet = format!("subnet/{}", node.subnet);
    let cases = [
        (&seven, "canister_status", status_of(7), 200),
        (&seven, "canister_status", status_of(8), 400),
        (&stranger, "canister_status", status_of_stranger, 400),
        (&seven, "create_canister", vec![], 200),
        (&anywhere, "provisional_create_canister_with_cycles", vec![], 200),
        (&anywhere, "canister_status", status_of(7), 400),
        (&subnet, "create_canister", vec![], 200),
        (&subnet, "canister_status", status_of(7), 400),
    ];
    for (scope, method, argument, expected) in cases {
        let mut content = sample::call(&basic(1));
        if let EnvelopeContent::Call { canister_id, method_name, arg, nonce, .. } = &mut content {
            (*canister_id, *method_name, *arg) = (management_canister(), method.into(), argument);
            *nonce = Some(scope.as_bytes()[..16].to_vec());
        }
        let path = format!("/api/v4/{scope}/call");
        let answer = exchange(node.address, &post(&path, &fresh(&basic(1), content))).await;
        assert_eq!(answer.status, expected, "{path} {method}: {}", answer.text());
    }
}

#[tokio::test]
async fn browsers_may_ask_from_anywhere() {
    let node = start().await;
    let preflight = [("Origin", "http://app.test"), ("Access-Control-Request-Method", "POST")];
    let answer = exchange(node.address, &request("OPTIONS", &path("call"), &preflight, b"")).await;
    let head = answer.head.to_lowercase();
    assert_eq!(answer.status, 204);
    for needed in [
        "access-control-allow-origin: *",
        "access-control-allow-methods: head, get, post",
        "content-type",
        "x-ic-canister-id",
        "access-control-max-age: 7200",
    ] {
        assert!(head.contains(needed), "{needed} is not in {head}");
    }
    let answer = exchange(node.address, &request("GET", "/api/v2/status", &[], b"")).await;
    assert!(answer.head.to_lowercase().contains("access-control-allow-origin: *"));
}

#[tokio::test]
async fn health_is_a_page() {
    let node = start().await;
    let answer = exchange(node.address, &request("GET", "/health", &[], b"")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "healthy\n"));
}

#[tokio::test]
async fn a_stopped_server_finishes_and_lets_go_of_its_port() {
    let mut node = start().await;
    node.stop();
    (&mut node.served).await.expect("serves to the end");
    assert!(TcpStream::connect(node.address).await.is_err());
}

fn hasty() -> Config {
    let short = Duration::from_millis(100);
    Config { header_deadline: short, body_deadline: short, write_deadline: short, ..Config::default() }
}

#[tokio::test]
async fn connections_without_a_request_are_reaped_before_and_after_the_version_is_known() {
    let node = FakeNode::start(hasty(), controller()).await;
    let starts: [&[u8]; 6] = [
        b"",
        b"P",
        b"POST /api/v2/status HT",
        b"GET /health HTTP/1.1\r\nHost: te",
        b"PRI * HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ];
    for start in starts {
        let mut stream = TcpStream::connect(node.address).await.expect("connects");
        stream.write_all(start).await.expect("writes");
        let answer = read_answer(&mut stream).await;
        assert!(matches!(answer.status, 0 | 408), "{start:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_second_request_must_come_in_time_too() {
    let node = FakeNode::start(hasty(), controller()).await;
    let mut stream = TcpStream::connect(node.address).await.expect("connects");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\nGET /hea").await.expect("writes");
    assert_eq!(read_answer(&mut stream).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let node = FakeNode::start(hasty(), controller()).await;
    let lying = request(
        "POST",
        &path("call"),
        &[("Content-Type", "application/cbor"), ("Content-Length", "100")],
        b"ten bytes.",
    );
    let answer = exchange(node.address, &lying).await;
    assert_eq!((answer.status, answer.text().contains("did not come in time")), (408, true));
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let config = Config { connections_per_ip_max: 2, ..Config::default() };
    let node = FakeNode::start(config, controller()).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(node.address).await.expect("connects");
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("writes");
        stream.readable().await.expect("answers");
        held.push(stream);
    }
    let answer = exchange(node.address, &request("GET", "/health", &[], b"")).await;
    assert_eq!(answer.status, 0);
    held.clear();
    // Its place is free as soon as the server has seen the end of the connection.
    while exchange(node.address, &request("GET", "/health", &[], b"")).await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_take_its_replies_is_cut_off() {
    let node = FakeNode::start(
        Config { write_deadline: Duration::from_millis(100), ..Config::default() },
        controller(),
    )
    .await;
    let mut content = sample::query(&basic(1));
    if let EnvelopeContent::Query { arg, .. } = &mut content {
        *arg = vec![0; 2_000_000];
    }
    let query = post(&path("query"), &fresh(&basic(1), content));
    let query = without_close(&query);
    let mut stream = TcpStream::connect(node.address).await.expect("connects");
    // More than all buffers on the way can hold: only a closed connection ends this.
    let sent = async {
        loop {
            if stream.write_all(&query).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent).await.expect("the server closes");
}

/// The same request on a connection that stays open.
fn without_close(request: &[u8]) -> Vec<u8> {
    let header = b"Connection: close\r\n";
    let at = request.windows(header.len()).position(|window| window == header).expect("the header");
    [&request[..at], &request[at + header.len()..]].concat()
}

#[tokio::test]
async fn operators_read_the_members_and_hand_changes_over() {
    const PATH: &str = "/atoll/v1/membership";
    let node = start().await;
    let read = exchange(node.address, &request("GET", PATH, &[], b"")).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let report: serde_json::Value = serde_json::from_slice(&read.body).expect("JSON");
    assert_eq!((&report["epoch"], &report["dealing"]), (&0.into(), &false.into()));
    assert_eq!(report["members"][0]["address"], "alone.example:9100");
    let change = |version: u64| {
        let change = MembershipChange { version, remove: vec![[1; 32]], add: vec![], signatures: vec![] };
        crate::encoding::system::encode_change(&change)
    };
    let sent = |content_type: &'static str, body: Vec<u8>| {
        let length = body.len().to_string();
        let headers = [("content-type", content_type), ("content-length", &length)];
        let bytes = request("POST", PATH, &headers, &body);
        async move { exchange(node.address, &bytes).await }
    };
    let protobuf = "application/x-protobuf";
    assert_eq!(sent(protobuf, change(0)).await.status, 200);
    let late = sent(protobuf, change(1)).await;
    assert_eq!((late.status, late.text().as_str()), (409, "too late"));
    assert_eq!(sent(protobuf, b"nonsense".to_vec()).await.status, 400);
    assert_eq!(sent("application/cbor", change(0)).await.status, 415);
    assert_eq!(exchange(node.address, &request("PUT", PATH, &[], b"")).await.status, 405);
}
