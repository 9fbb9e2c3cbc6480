//! Composite queries: queries that call queries.

use super::*;
use crate::encoding::management as candid;
use crate::types::*;

fn crowd(subnet: &mut Subnet) -> CanisterId {
    let id = subnet.create();
    let wasm = wat::parse_str(include_str!("crowd.wat")).unwrap();
    subnet.install_module(id, candid::InstallMode::Install, wasm, Vec::new()).unwrap();
    id
}

/// What is sent to whoever asks another: see `crowd.wat`.
fn asked(receiver: Principal, method: &str, payload: &[u8]) -> Vec<u8> {
    let mut arg = vec![method.len() as u8];
    arg.extend_from_slice(method.as_bytes());
    arg.push(receiver.as_slice().len() as u8);
    arg.extend_from_slice(receiver.as_slice());
    arg.extend_from_slice(payload);
    arg
}

fn query(subnet: &Subnet, id: CanisterId, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, Reject> {
    subnet.query(user(2), id.principal(), method, arg)
}

#[test]
fn a_composite_query_answers_with_what_another_canister_answered() {
    let mut subnet = Subnet::new();
    let (near, far) = (crowd(&mut subnet), crowd(&mut subnet));
    let reply = query(&subnet, near, "ask", asked(far.principal(), "who", b"")).unwrap();
    assert_eq!(reply, [near.principal().as_slice(), &[0, 0]].concat(), "the caller is the canister");
    let through = asked(near.principal(), "ask", &asked(far.principal(), "who", b""));
    let reply = query(&subnet, near, "ask", through).unwrap();
    assert_eq!(reply, [near.principal().as_slice(), &[0, 0]].concat());
    assert_eq!(query(&subnet, near, "certified", vec![]), Ok(vec![1]));
    assert_eq!(query(&subnet, near, "ask", asked(near.principal(), "certified", b"")), Ok(vec![0]));
}

#[test]
fn rejects_of_what_a_composite_query_calls_reach_its_callback() {
    let mut subnet = Subnet::new();
    let (near, far) = (crowd(&mut subnet), crowd(&mut subnet));
    let empty = subnet.create();
    let cases = [
        (far.principal(), "absent", RejectCode::CanisterError),
        (far.principal(), "change", RejectCode::CanisterError),
        (far.principal(), "quiet", RejectCode::CanisterError),
        (empty.principal(), "who", RejectCode::CanisterError),
        (CanisterId(77).principal(), "who", RejectCode::DestinationInvalid),
    ];
    for (receiver, method, code) in cases {
        let reply = query(&subnet, near, "ask", asked(receiver, method, b""));
        assert_eq!(reply, Ok(vec![b'X', code as u8]), "{method}");
    }
}

#[test]
fn a_callback_finds_the_memory_of_its_query_and_nobody_after_it_does() {
    let mut subnet = Subnet::new();
    let (near, far) = (crowd(&mut subnet), crowd(&mut subnet));
    let root = subnet.state.root();
    for _ in 0..2 {
        let reply = query(&subnet, near, "count", asked(far.principal(), "who", b""));
        assert_eq!(reply, Ok(vec![2, 0, 1]), "two runs, no certificate, instructions of both");
    }
    let own = query(&subnet, near, "count", asked(near.principal(), "runs", b""));
    assert_eq!(own, Ok(vec![2, 0, 1]));
    assert_eq!(query(&subnet, near, "runs", vec![]), Ok(vec![0]));
    assert_eq!(subnet.state.root(), root);
}

#[test]
fn a_trapped_callback_ends_its_query_unless_a_cleanup_succeeds() {
    let mut subnet = Subnet::new();
    let (near, far) = (crowd(&mut subnet), crowd(&mut subnet));
    let arg = asked(far.principal(), "who", b"");
    assert_eq!(query(&subnet, near, "boom", arg.clone()).unwrap_err().error, ErrorCode::CanisterTrapped);
    assert_eq!(query(&subnet, near, "recover", arg), Ok(vec![11]), "the cleanup's 10 and one run");
}

#[test]
fn a_query_that_has_answered_makes_no_calls() {
    let mut subnet = Subnet::new();
    let id = crowd(&mut subnet);
    assert_eq!(query(&subnet, id, "answered", asked(id.principal(), "spin", b"")), Ok(vec![7]));
}

#[test]
fn composite_queries_call_each_other_to_the_allowed_depth_and_no_deeper() {
    let mut subnet = Subnet::new();
    let id = crowd(&mut subnet);
    let max = limits::QUERY_DEPTH_MAX as u8;
    assert_eq!(query(&subnet, id, "deep", vec![max]), Ok(vec![42]));
    // The refusal is the answer of the deepest query, which each caller passes on.
    assert_eq!(query(&subnet, id, "deep", vec![max + 1]), Ok(vec![b'X', RejectCode::CanisterError as u8]));
}

#[test]
fn a_tree_of_queries_has_bounded_instructions_calls_and_bytes() {
    let mut subnet = Subnet::new();
    let id = crowd(&mut subnet);
    let check = |method: &str, arg: Vec<u8>, error: ErrorCode| {
        assert_eq!(query(&subnet, id, method, arg).unwrap_err().error, error, "{method}");
    };
    let total = ErrorCode::QueryCallGraphTotalInstructionLimitExceeded;
    check("spin", vec![], ErrorCode::CanisterInstructionLimitExceeded);
    check("ask", asked(id.principal(), "spin", b""), total);
    check("endless", vec![], total);
    check("hoard", vec![], ErrorCode::CanisterMemoryAccessLimitExceeded);
}

#[test]
fn a_composite_query_is_no_update() {
    let mut subnet = Subnet::new();
    let id = crowd(&mut subnet);
    let reject = subnet.update(id, "certified", vec![]).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CompositeQueryCalledInReplicatedMode, "{reject}");
    let ingress = subnet.ingress(user(2), id.principal(), "certified", vec![]);
    let refused = crate::execution::inspect(&subnet.engine, &subnet.state, &ingress.call).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CompositeQueryCalledInReplicatedMode);
    let workshop = subnet.workshop();
    let arg = forwarded(id.principal(), "certified", 0, b"");
    assert_eq!(subnet.update(workshop, "forward", arg), Ok(vec![b'X', RejectCode::CanisterError as u8]));
}

#[test]
fn a_composite_query_can_ask_the_management_canister() {
    let mut subnet = Subnet::new();
    let (near, far) = (crowd(&mut subnet), crowd(&mut subnet));
    let ask = |subnet: &Subnet| {
        let arg = asked(management_canister(), "canister_status", &candid::encode(&record(far)).unwrap());
        query(subnet, near, "ask", arg).unwrap()
    };
    assert_eq!(ask(&subnet)[0], b'X', "it is no controller");
    let settings = candid::UpdateSettingsArgs {
        canister_id: far.principal(),
        settings: candid::CanisterSettings {
            controllers: Some(vec![user(1), near.principal()]),
            ..Default::default()
        },
        sender_canister_version: None,
    };
    subnet.manage("update_settings", &settings).unwrap();
    let status: candid::CanisterStatusResult = candid::decode(&ask(&subnet)).unwrap();
    assert_eq!(status.status, candid::CanisterStatusType::Running);
    let arg = asked(management_canister(), "raw_rand", b"DIDL\0\0");
    assert_eq!(query(&subnet, near, "ask", arg).unwrap()[0], b'X', "raw_rand is no query");
}
