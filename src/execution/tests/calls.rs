use super::*;
use crate::encoding::management as candid;
use crate::types::*;

#[test]
fn an_update_changes_the_canister_and_a_query_sees_it() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    assert_eq!(subnet.update(id, "inc", vec![]), Ok(vec![1, 0, 0, 0]));
    assert_eq!(subnet.update(id, "inc", vec![]), Ok(vec![2, 0, 0, 0]));
    assert_eq!(subnet.count(id), 2);
}

#[test]
fn a_query_called_as_update_is_answered_and_changes_nothing() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let heap = subnet.canister(id).heap.root();
    assert_eq!(subnet.update(id, "read", vec![]), Ok(vec![1, 0, 0, 0]));
    assert_eq!(subnet.canister(id).heap.root(), heap);
}

/// The reject of an update: error code, and what its text contains.
fn check_reject(method: &str, error: ErrorCode, text: &str) {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let reject = subnet.update(id, method, vec![]).unwrap_err();
    assert_eq!((reject.error, reject.code), (error, error.reject_code()), "{reject}");
    assert!(reject.message.contains(text), "{reject}");
    assert_eq!(subnet.count(id), 0, "a refused call must change nothing");
}

#[test]
fn a_trap_rolls_back_and_says_why() {
    check_reject("boom", ErrorCode::CanisterCalledTrap, "boom");
}

#[test]
fn a_call_that_is_not_answered_is_rejected() {
    check_reject("silent", ErrorCode::CanisterDidNotReply, "did not reply");
}

#[test]
fn a_reject_is_passed_on() {
    check_reject("nope", ErrorCode::CanisterRejectedMessage, "boom");
}

#[test]
fn a_missing_method_is_named() {
    check_reject("absent", ErrorCode::CanisterMethodNotFound, "no update method 'absent'");
}

#[test]
fn an_endless_loop_ends_at_the_limit() {
    check_reject("spin", ErrorCode::CanisterInstructionLimitExceeded, "");
}

#[test]
fn calls_to_nobody_are_rejected_as_not_found() {
    let mut subnet = Subnet::new();
    let reject = subnet.update(CanisterId(77), "inc", vec![]).unwrap_err();
    assert_eq!((reject.code, reject.error), (RejectCode::DestinationInvalid, ErrorCode::CanisterNotFound));
    let id = subnet.create();
    let reject = subnet.update(id, "inc", vec![]).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterWasmModuleNotFound);
}

#[test]
fn a_reply_of_another_canister_comes_back_in_the_same_height() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let arg = forwarded(far.principal(), "inc", 0, b"");
    assert_eq!(subnet.update(near, "forward", arg), Ok(vec![1, 0, 0, 0]));
    assert_eq!((subnet.count(near), subnet.count(far)), (0, 1));
    assert!(subnet.canister(near).record.callbacks.is_empty());
    assert!(subnet.canister(near).record.contexts.is_empty());
}

/// What the caller's reject callback sees.
fn check_far_reject(method: &str, code: RejectCode) {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let arg = forwarded(far.principal(), method, 1_000, b"");
    assert_eq!(subnet.update(near, "forward", arg), Ok(vec![b'X', code as u8]));
}

#[test]
fn rejects_of_another_canister_reach_the_reject_callback() {
    check_far_reject("boom", RejectCode::CanisterError);
    check_far_reject("silent", RejectCode::CanisterError);
    check_far_reject("nope", RejectCode::CanisterReject);
    check_far_reject("absent", RejectCode::CanisterError);
}

#[test]
fn a_canister_can_call_itself() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let arg = forwarded(id.principal(), "inc", 0, b"");
    assert_eq!(subnet.update(id, "forward", arg), Ok(vec![1, 0, 0, 0]));
    assert_eq!(subnet.count(id), 1);
}

#[test]
fn a_callback_that_traps_is_rolled_back_and_cleaned_up() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let arg = forwarded(far.principal(), "inc", 0, b"");
    let reject = subnet.update(near, "forward_boom", arg).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterCalledTrap);
    assert_eq!(subnet.count(near), 100, "the callback's 10 are gone, the cleanup's 100 are there");
    assert_eq!(subnet.count(far), 1, "the other canister's change stays");
}

#[test]
fn a_callback_that_does_not_answer_leaves_a_call_without_answer() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let arg = forwarded(far.principal(), "inc", 0, b"");
    let reject = subnet.update(near, "forward_silent", arg).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterDidNotReply);
}

#[test]
fn a_trap_after_a_call_takes_the_call_back() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let arg = forwarded(far.principal(), "inc", 1_000_000, b"");
    let reject = subnet.update(near, "forward_then_boom", arg).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterCalledTrap);
    assert_eq!(subnet.count(far), 0);
    assert!(subnet.canister(near).record.callbacks.is_empty());
}

#[test]
fn a_timer_runs_once_when_it_is_due() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "arm", vec![]).unwrap();
    assert_eq!(subnet.count(id), 0);
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), 1_000);
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), 1_000);
}

#[test]
fn a_timer_of_a_stopped_canister_waits_until_it_is_started() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let arm = subnet.ingress(user(2), id.principal(), "arm", vec![]);
    let stop =
        subnet.ingress(user(1), management_canister(), "stop_canister", candid::encode(&record(id)).unwrap());
    subnet.height(vec![arm]);
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), 1_000);
    let arm = subnet.ingress(user(2), id.principal(), "arm", vec![]);
    subnet.height(vec![arm]);
    subnet.height_after(0, vec![stop]);
    let before = subnet.canister(id).heap.root();
    subnet.height(vec![]);
    assert_eq!(subnet.canister(id).heap.root(), before);
}

#[test]
fn certified_data_stands_in_the_tree() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "certify", vec![3; 32]).unwrap();
    let principal = id.principal();
    let path: [&[u8]; 3] = [b"canister", principal.as_slice(), b"certified_data"];
    assert_eq!(subnet.state.tree().leaf(&path), Some([3; 32].as_slice()));
}

#[test]
fn printed_lines_and_traps_are_kept_for_the_controllers() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "print", b"hello".to_vec()).unwrap();
    subnet.update(id, "boom", vec![]).unwrap_err();
    let args = candid::FetchCanisterLogsArgs { canister_id: id.principal(), filter: None };
    let arg = candid::encode(&args).unwrap();
    let reply = subnet.query(user(1), management_canister(), "fetch_canister_logs", arg.clone()).unwrap();
    let logs: candid::FetchCanisterLogsResult = candid::decode(&reply).unwrap();
    assert_eq!(logs.canister_log_records[0].content, b"hello");
    assert!(String::from_utf8_lossy(&logs.canister_log_records[1].content).contains("boom"));
    let refused = subnet.query(user(2), management_canister(), "fetch_canister_logs", arg).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CanisterRejectedMessage);
}

#[test]
fn a_best_effort_call_is_given_up_at_its_deadline() {
    let mut subnet = Subnet::new();
    let near = subnet.workshop();
    let stopping = never_stops(&mut subnet);
    // The far canister's answer does not come: it waits for itself to stop.
    let arg =
        forwarded(management_canister(), "stop_canister", 5_000, &candid::encode(&record(stopping)).unwrap());
    let settings = candid::UpdateSettingsArgs {
        canister_id: stopping.principal(),
        settings: candid::CanisterSettings {
            controllers: Some(vec![user(1), near.principal()]),
            ..Default::default()
        },
        sender_canister_version: None,
    };
    subnet.manage("update_settings", &settings).unwrap();
    assert_eq!(subnet.update(near, "forward_hurry", arg), Ok(vec![b'X', RejectCode::SysUnknown as u8]));
    subnet.manage("start_canister", &record(stopping)).unwrap();
    subnet.height(vec![]);
    assert!(subnet.canister(near).queue.is_empty(), "the late answer was taken");
}

/// A canister that is stopping, and does not stop because of a call of its own that waits for that.
fn never_stops(subnet: &mut Subnet) -> CanisterId {
    let id = subnet.workshop();
    let settings = candid::UpdateSettingsArgs {
        canister_id: id.principal(),
        settings: candid::CanisterSettings {
            controllers: Some(vec![user(1), id.principal()]),
            ..Default::default()
        },
        sender_canister_version: None,
    };
    subnet.manage("update_settings", &settings).unwrap();
    let arg = forwarded(management_canister(), "stop_canister", 0, &candid::encode(&record(id)).unwrap());
    let call = subnet.ingress(user(2), id.principal(), "forward", arg);
    subnet.height(vec![call]);
    id
}

#[test]
fn a_canister_that_waits_for_its_own_stop_is_refused_after_the_timeout_and_stops_then() {
    let mut subnet = Subnet::new();
    let id = never_stops(&mut subnet);
    assert_eq!(subnet.canister_status(id).status, candid::CanisterStatusType::Stopping);
    let reject = subnet.update(id, "inc", vec![]).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterStopping);
    let patience = limits::STOP_TIMEOUT_MS * 1_000_000;
    subnet.height_after(patience + SECOND, vec![]);
    assert_eq!(subnet.canister_status(id).status, candid::CanisterStatusType::Stopped);
}

#[test]
fn starting_a_stopping_canister_refuses_those_who_wait_for_the_stop() {
    let mut subnet = Subnet::new();
    let id = never_stops(&mut subnet);
    subnet.manage("start_canister", &record(id)).unwrap();
    subnet.height(vec![]);
    assert_eq!(subnet.canister_status(id).status, candid::CanisterStatusType::Running);
    assert!(subnet.canister(id).record.contexts.is_empty());
}

#[test]
fn canisters_get_randomness_that_differs_from_call_to_call() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let arg = forwarded(management_canister(), "raw_rand", 0, b"DIDL\0\0");
    let calls: Vec<_> =
        (0..2).map(|_| subnet.ingress(user(2), id.principal(), "forward", arg.clone())).collect();
    subnet.height(calls.clone());
    let [one, two] = [0, 1].map(|n| subnet.status(&calls[n]).unwrap());
    assert_ne!(one, two);
    let crate::state::IngressStatus::Replied(reply) = one else { panic!("{one:?}") };
    let bytes: serde_bytes::ByteBuf = candid::decode(&reply).unwrap();
    assert_eq!(bytes.len(), 32);
}

#[test]
fn a_canister_refuses_calls_before_they_enter_the_pool() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let inspect = |subnet: &mut Subnet, canister: Principal, method: &str| {
        let ingress = subnet.ingress(user(2), canister, method, vec![]);
        crate::execution::inspect(&subnet.engine, &subnet.state, &ingress.call).map_err(|reject| reject.error)
    };
    assert_eq!(inspect(&mut subnet, id.principal(), "inc"), Ok(()));
    assert_eq!(inspect(&mut subnet, id.principal(), "boom"), Err(ErrorCode::CanisterRejectedMessage));
    assert_eq!(inspect(&mut subnet, id.principal(), "absent"), Err(ErrorCode::CanisterMethodNotFound));
    assert_eq!(inspect(&mut subnet, CanisterId(1).principal(), "inc"), Err(ErrorCode::CanisterNotFound));
    assert_eq!(
        inspect(&mut subnet, management_canister(), "raw_rand"),
        Err(ErrorCode::CanisterRejectedMessage)
    );
}
