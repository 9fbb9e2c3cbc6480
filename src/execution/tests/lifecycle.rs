use super::*;
use crate::encoding::management as candid;
use crate::types::*;
use ::candid::Nat;

#[test]
fn a_stopped_canister_takes_no_calls_until_it_is_started() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.manage("stop_canister", &record(id)).unwrap();
    assert_eq!(subnet.canister_status(id).status, candid::CanisterStatusType::Stopped);
    assert_eq!(subnet.update(id, "inc", vec![]).unwrap_err().error, ErrorCode::CanisterStopped);
    let query = subnet.query(user(2), id.principal(), "read", vec![]).unwrap_err();
    assert_eq!(query.error, ErrorCode::CanisterStopped);
    subnet.manage("start_canister", &record(id)).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
}

#[test]
fn a_canister_must_be_stopped_to_be_deleted_and_is_gone_then() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let reject = subnet.manage("delete_canister", &record(id)).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterNotStopped);
    subnet.manage("stop_canister", &record(id)).unwrap();
    subnet.manage("delete_canister", &record(id)).unwrap();
    assert_eq!(subnet.update(id, "inc", vec![]).unwrap_err().error, ErrorCode::CanisterNotFound);
    assert!(subnet.state.tree().subtree(&[b"canister", id.principal().as_slice()]).is_none());
    assert_ne!(subnet.create(), id, "ids are not given out again");
}

#[test]
fn uninstalling_leaves_an_empty_canister_with_its_cycles() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let args = candid::UninstallCodeArgs { canister_id: id.principal(), sender_canister_version: None };
    subnet.manage("uninstall_code", &args).unwrap();
    let status = subnet.canister_status(id);
    assert_eq!((status.module_hash, status.status), (None, candid::CanisterStatusType::Running));
    assert!(status.cycles > limits::PROVISIONAL_CYCLES / 2);
    assert_eq!(subnet.update(id, "inc", vec![]).unwrap_err().error, ErrorCode::CanisterWasmModuleNotFound);
    subnet.install(id);
    subnet.update(id, "inc", vec![]).unwrap();
}

#[test]
fn the_status_says_what_the_canister_holds() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let status = subnet.canister_status(id);
    assert_eq!(status.settings.controllers, [user(1)]);
    assert_eq!(status.memory_metrics.wasm_memory_size, Nat::from(65_536u32));
    assert_eq!(status.memory_metrics.wasm_binary_size, Nat::from(workshop().len()));
    assert_eq!(status.settings.log_memory_limit, Nat::from(4_096u32));
    assert!(status.idle_cycles_burned_per_day > 0u8);
    assert_eq!(status.module_hash.unwrap().as_slice(), crate::crypto::hash::sha256(&workshop()).0);
}

#[test]
fn the_status_is_for_those_whom_the_settings_allow() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let arg = candid::encode(&record(id)).unwrap();
    let ask =
        |subnet: &mut Subnet| subnet.call(user(2), management_canister(), "canister_status", arg.clone());
    assert_eq!(ask(&mut subnet).unwrap_err().error, ErrorCode::CanisterInvalidController);
    let visibility = Some(candid::Visibility::AllowedViewers(vec![user(2)]));
    let settings = candid::CanisterSettings { status_visibility: visibility, ..Default::default() };
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &args).unwrap();
    ask(&mut subnet).unwrap();
    subnet.query(user(2), management_canister(), "canister_status", arg).unwrap();
}

#[test]
fn a_canister_can_be_made_under_an_id_of_ones_choice() {
    let mut subnet = Subnet::new();
    let args = candid::ProvisionalCreateCanisterArgs {
        specified_id: Some(CanisterId(7).principal()),
        amount: Some(Nat::from(5u8)),
        ..Default::default()
    };
    assert_eq!(subnet.create_with(args.clone()), CanisterId(7));
    assert_eq!(subnet.canister(CanisterId(7)).record.cycles, Cycles(5));
    let method = "provisional_create_canister_with_cycles";
    assert!(subnet.manage(method, &args).unwrap_err().message.contains("existing"));
    for id in [CanisterId(u64::MAX).principal(), user(1), management_canister()] {
        let args = candid::ProvisionalCreateCanisterArgs { specified_id: Some(id), ..Default::default() };
        assert!(subnet.manage(method, &args).unwrap_err().message.contains("canister_not_found"));
    }
}

/// Settings that may not be are refused, and nothing is changed.
fn check_settings(settings: candid::CanisterSettings, text: &str) {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let before = subnet.canister(id).record.settings.clone();
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    let reject = subnet.manage("update_settings", &args).unwrap_err();
    assert!(reject.message.contains(text), "{reject}");
    assert_eq!(subnet.canister(id).record.settings, before);
}

#[test]
fn settings_that_may_not_be_are_refused() {
    let some = candid::CanisterSettings {
        controllers: Some(vec![user(9)]),
        freezing_threshold: Some(Nat::from(u64::MAX)),
        ..Default::default()
    };
    let with = |change: fn(&mut candid::CanisterSettings)| {
        let mut settings = some.clone();
        change(&mut settings);
        settings
    };
    check_settings(with(|s| s.compute_allocation = Some(Nat::from(101u8))), "compute_allocation");
    check_settings(with(|s| s.memory_allocation = Some(Nat::from(u128::MAX))), "memory_allocation");
    check_settings(with(|s| s.log_memory_limit = Some(Nat::from(1u8))), "log_memory_limit");
    check_settings(with(|s| s.controllers = Some((0..11).map(user).collect())), "controllers");
    check_settings(with(|s| s.wasm_memory_limit = Some(Nat::from(1u64 << 49))), "wasm_memory_limit");
    let twice = || candid::EnvironmentVariable { name: "a".into(), value: "b".into() };
    let mut settings = some.clone();
    settings.environment_variables = Some(vec![twice(), twice()]);
    check_settings(settings, "named twice");
}

#[test]
fn users_are_kept_from_methods_of_canisters_and_from_nonsense() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let mut check = |method: &str, arg: Vec<u8>, error: ErrorCode, text: &str| {
        let reject = subnet.call(user(1), management_canister(), method, arg).unwrap_err();
        assert_eq!(reject.error, error, "{reject}");
        assert!(reject.message.contains(text), "{reject}");
    };
    let arg = candid::encode(&record(id)).unwrap();
    check("raw_rand", vec![], ErrorCode::CanisterRejectedMessage, "is not allowed to call ic00 method");
    check(
        "create_canister",
        vec![],
        ErrorCode::CanisterRejectedMessage,
        "is not allowed to call ic00 method",
    );
    check("deposit_cycles", arg, ErrorCode::CanisterRejectedMessage, "is not allowed to call ic00 method");
    check("bitcoin_send", vec![], ErrorCode::CanisterMethodNotFound, "bitcoin_send");
    check("install_code", b"garbage".to_vec(), ErrorCode::InvalidManagementPayload, "argument");
    check(
        "stop_canister",
        candid::encode(&record(CanisterId(9))).unwrap(),
        ErrorCode::CanisterNotFound,
        "not found",
    );
}

#[test]
fn a_deleted_canister_answers_those_who_wait_for_it() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let encoded = candid::encode(&record(id)).unwrap();
    // All in one height: the call enters the queue before the management calls run.
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    let stop = subnet.ingress(user(1), management_canister(), "stop_canister", encoded.clone());
    let delete = subnet.ingress(user(1), management_canister(), "delete_canister", encoded);
    subnet.height(vec![call.clone(), stop, delete]);
    assert!(subnet.status(&call).unwrap().is_final());
}
