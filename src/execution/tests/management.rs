use super::*;
use crate::encoding::management as candid;
use crate::types::*;
use ::candid::Nat;

/// A subnet whose admin is user 7.
fn administered() -> Subnet {
    let mut subnet = Subnet::new();
    subnet.state = subnet::genesis_with(|genesis| genesis.subnet_admins = vec![user(7)]);
    subnet
}

#[test]
fn subnet_admins_manage_canisters_of_others_in_part() {
    let mut subnet = administered();
    let id = subnet.workshop();
    let call = |subnet: &mut Subnet, sender: Principal, method: &str| {
        let arg = candid::encode(&record(id)).unwrap();
        subnet.call(sender, management_canister(), method, arg)
    };
    for method in ["canister_status", "start_canister", "stop_canister", "uninstall_code"] {
        let refused = call(&mut subnet, user(2), method).unwrap_err();
        assert_eq!(refused.error, ErrorCode::CanisterInvalidController, "{method}");
        call(&mut subnet, user(7), method).unwrap();
    }
    for method in ["stored_chunks", "clear_chunk_store", "list_canister_snapshots"] {
        let refused = call(&mut subnet, user(7), method).unwrap_err();
        assert_eq!(refused.error, ErrorCode::CanisterInvalidController, "{method}");
    }
    call(&mut subnet, user(7), "delete_canister").unwrap();
    assert!(subnet.state.canister(id).is_none());
}

#[test]
fn subnet_admins_make_canisters_for_nothing_and_list_them() {
    let mut subnet = administered();
    let none = candid::encode(&candid::CreateCanisterArgs::default()).unwrap();
    let make = |subnet: &mut Subnet, sender| {
        subnet.call(sender, management_canister(), "create_canister", none.clone())
    };
    let refused = make(&mut subnet, user(1)).unwrap_err();
    assert!(refused.message.contains("is not allowed to call ic00 method create_canister"), "{refused}");
    let reply = make(&mut subnet, user(7)).unwrap();
    let made: candid::CanisterIdRecord = candid::decode(&reply).unwrap();
    make(&mut subnet, user(7)).unwrap();
    let specified_id = Some(CanisterId(3).principal());
    subnet.create_with(candid::ProvisionalCreateCanisterArgs { specified_id, ..Default::default() });
    let list = |subnet: &Subnet, sender| {
        subnet.query(sender, management_canister(), "list_canisters", candid::encode_unit())
    };
    assert_eq!(list(&subnet, user(1)).unwrap_err().error, ErrorCode::CanisterRejectedMessage);
    let reply = list(&subnet, user(7)).unwrap();
    let listed: candid::ListCanistersResult = candid::decode(&reply).unwrap();
    let first = CanisterId::from_principal(&made.canister_id).unwrap();
    let range = |start: CanisterId, end: CanisterId| candid::CanisterIdRange {
        start: start.principal(),
        end: end.principal(),
    };
    let expected = [range(CanisterId(3), CanisterId(3)), range(first, CanisterId(first.0 + 1))];
    assert_eq!(listed.canisters, expected);
    let refused = subnet.call(user(7), management_canister(), "list_canisters", candid::encode_unit());
    assert!(refused.unwrap_err().message.contains("is not allowed to call ic00 method"));
}

#[test]
fn observers_see_what_subnet_admins_see_and_change_nothing() {
    let mut subnet = Subnet::new();
    subnet.state = subnet::genesis_with(|genesis| genesis.observers = vec![user(7)]);
    let id = subnet.workshop();
    let arg = candid::encode(&record(id)).unwrap();
    for method in ["canister_status", "canister_metrics"] {
        let refused = subnet.call(user(2), management_canister(), method, arg.clone()).unwrap_err();
        assert_eq!(refused.error, ErrorCode::CanisterInvalidController, "{method}");
        subnet.call(user(7), management_canister(), method, arg.clone()).unwrap();
        subnet.query(user(7), management_canister(), method, arg.clone()).unwrap();
    }
    let list = |sender| subnet.query(sender, management_canister(), "list_canisters", candid::encode_unit());
    assert_eq!(list(user(2)).unwrap_err().error, ErrorCode::CanisterRejectedMessage);
    let listed: candid::ListCanistersResult = candid::decode(&list(user(7)).unwrap()).unwrap();
    let range = candid::CanisterIdRange { start: id.principal(), end: id.principal() };
    assert_eq!(listed.canisters, [range]);
    let changing = ["start_canister", "stop_canister", "uninstall_code", "delete_canister", "stored_chunks"];
    for method in changing.into_iter().chain(["list_canister_snapshots"]) {
        let refused = subnet.call(user(7), management_canister(), method, arg.clone()).unwrap_err();
        assert_eq!(refused.error, ErrorCode::CanisterInvalidController, "{method}");
    }
    let none = candid::encode(&candid::CreateCanisterArgs::default()).unwrap();
    let refused = subnet.call(user(7), management_canister(), "create_canister", none.clone()).unwrap_err();
    assert!(refused.message.contains("is not allowed to call ic00 method create_canister"), "{refused}");
    let unpaid =
        subnet.update(id, "forward", forwarded(management_canister(), "create_canister", 1_000, &none));
    assert_eq!(unpaid.unwrap(), [b'X', RejectCode::CanisterReject as u8], "and it is not free for others");
}

fn settings(id: CanisterId, settings: candid::CanisterSettings) -> candid::UpdateSettingsArgs {
    candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None }
}

#[test]
fn methods_of_other_networks_are_refused_by_name() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    for method in ["http_request", "sign_with_ecdsa", "vetkd_public_key", "bitcoin_get_utxos"] {
        let arg = forwarded(management_canister(), method, 0, &candid::encode(&record(id)).unwrap());
        let reply = subnet.update(id, "forward", arg).unwrap();
        assert_eq!(reply, [b'X', RejectCode::CanisterError as u8], "{method}");
        let reject = subnet.manage(method, &record(id)).unwrap_err();
        let text = format!("This network does not support the management method '{method}'.");
        assert_eq!(reject.message, text);
    }
}

#[test]
fn a_canister_asks_about_the_subnet_and_fetches_logs() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let own = subnet.state.subnet().id;
    let call = |subnet: &mut Subnet, method: &str, arg: Vec<u8>| {
        subnet.update(id, "forward", forwarded(management_canister(), method, 0, &arg)).unwrap()
    };
    let arg = candid::encode(&candid::SubnetInfoArgs { subnet_id: own }).unwrap();
    let info: candid::SubnetInfoResult = candid::decode(&call(&mut subnet, "subnet_info", arg)).unwrap();
    assert_eq!((info.replica_version.as_str(), info.accounting.as_str()), (limits::REPLICA_VERSION, "free"));
    let arg = candid::encode(&candid::SubnetInfoArgs { subnet_id: user(9) }).unwrap();
    assert_eq!(call(&mut subnet, "subnet_info", arg), [b'X', RejectCode::CanisterReject as u8]);
    let public = Some(candid::Visibility::Public);
    let change = candid::CanisterSettings { log_visibility: public, ..Default::default() };
    subnet.manage("update_settings", &settings(id, change)).unwrap();
    subnet.update(id, "print", b"hello".to_vec()).unwrap();
    let args = candid::FetchCanisterLogsArgs { canister_id: id.principal(), filter: None };
    let reply = call(&mut subnet, "fetch_canister_logs", candid::encode(&args).unwrap());
    let logs: candid::FetchCanisterLogsResult = candid::decode(&reply).unwrap();
    assert_eq!(logs.canister_log_records[0].content, b"hello");
    let refused = subnet.manage("fetch_canister_logs", &args).unwrap_err();
    assert!(refused.message.contains("is not allowed to call ic00 method"), "{refused}");
}

#[test]
fn logs_are_found_by_index_and_time_and_end_with_a_reinstallation() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    for n in 0..5u8 {
        subnet.update(id, "print", vec![b'a' + n]).unwrap();
    }
    let fetch = |subnet: &Subnet, filter| {
        let args = candid::FetchCanisterLogsArgs { canister_id: id.principal(), filter };
        let arg = candid::encode(&args).unwrap();
        let reply = subnet.query(user(1), management_canister(), "fetch_canister_logs", arg).unwrap();
        let logs: candid::FetchCanisterLogsResult = candid::decode(&reply).unwrap();
        logs.canister_log_records.into_iter().map(|record| record.content[0]).collect::<Vec<u8>>()
    };
    assert_eq!(fetch(&subnet, None), b"abcde");
    let by_index = candid::LogFilter::ByIndex(candid::LogRange { start: 1, end: 3 });
    assert_eq!(fetch(&subnet, Some(by_index)), b"bc");
    let time = subnet.canister(id).log.get(3).unwrap().time.0;
    let by_time = candid::LogFilter::ByTime(candid::LogRange { start: time, end: time + 1 });
    assert_eq!(fetch(&subnet, Some(by_time)), b"d");
    let none = candid::LogFilter::ByIndex(candid::LogRange { start: 3, end: 1 });
    assert_eq!(fetch(&subnet, Some(none)), b"");
    subnet.install_module(id, candid::InstallMode::Upgrade(None), workshop(), vec![]).unwrap();
    assert_eq!(fetch(&subnet, None), b"abcde");
    subnet.install_module(id, candid::InstallMode::Reinstall, workshop(), vec![]).unwrap();
    assert_eq!(fetch(&subnet, None), b"");
    subnet.update(id, "print", b"f".to_vec()).unwrap();
    assert_eq!(subnet.canister(id).log.first(), 5, "indices go on");
}

#[test]
fn a_log_keeps_what_its_limit_allows_and_the_oldest_lines_go_first() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let lines = |subnet: &Subnet| subnet.canister(id).log.iter().count() as u64;
    for _ in 0..5 {
        subnet.update(id, "print", vec![b'x'; 1_000]).unwrap();
    }
    assert_eq!((lines(&subnet), subnet.canister(id).log.first()), (3, 2));
    let limit = |subnet: &mut Subnet, bytes: u64| {
        let log_memory_limit = Some(Nat::from(bytes));
        let change = candid::CanisterSettings { log_memory_limit, ..Default::default() };
        subnet.manage("update_settings", &settings(id, change))
    };
    limit(&mut subnet, 2 << 20).unwrap();
    for _ in 0..10 {
        subnet.update(id, "print", vec![b'x'; 4_096]).unwrap();
    }
    assert_eq!(lines(&subnet), 13);
    limit(&mut subnet, 4_096).unwrap();
    assert_eq!(lines(&subnet), 0, "a line of 4096 bytes counts more than that");
    subnet.update(id, "print", vec![b'x'; 5_000]).unwrap();
    assert_eq!(lines(&subnet), 1);
    limit(&mut subnet, 0).unwrap();
    subnet.update(id, "print", vec![b'x'; 10]).unwrap();
    assert_eq!(lines(&subnet), 0);
    let refused = limit(&mut subnet, 4_095).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CanisterContractViolation);
    assert_eq!(limit(&mut subnet, (2 << 20) + 1).unwrap_err().error, ErrorCode::CanisterContractViolation);
}

#[test]
fn every_setting_is_shown_as_it_was_set() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let number = |n: u64| Some(Nat::from(n));
    let viewers = candid::Visibility::AllowedViewers(vec![user(4)]);
    let variable = candid::EnvironmentVariable { name: "PUBLIC_a".into(), value: "b".into() };
    let change = candid::CanisterSettings {
        controllers: Some(vec![user(1), user(2)]),
        compute_allocation: number(1),
        memory_allocation: number(1 << 30),
        freezing_threshold: number(7),
        reserved_cycles_limit: number(8),
        minimum_incoming_canister_call_cycles: number(9),
        log_visibility: Some(candid::Visibility::Public),
        log_memory_limit: number(10_000),
        snapshot_visibility: Some(viewers.clone()),
        status_visibility: Some(viewers.clone()),
        wasm_memory_limit: number(1 << 48),
        wasm_memory_threshold: number(11),
        environment_variables: Some(vec![variable.clone()]),
    };
    subnet.manage("update_settings", &settings(id, change)).unwrap();
    let shown = subnet.canister_status(id).settings;
    let mut controllers = vec![user(1), user(2)];
    controllers.sort();
    let expected = candid::DefiniteCanisterSettings {
        controllers,
        compute_allocation: Nat::from(1u8),
        memory_allocation: Nat::from(1u64 << 30),
        freezing_threshold: Nat::from(7u8),
        reserved_cycles_limit: Nat::from(8u8),
        minimum_incoming_canister_call_cycles: Nat::from(9u8),
        log_visibility: candid::Visibility::Public,
        log_memory_limit: Nat::from(10_000u64),
        snapshot_visibility: viewers.clone(),
        status_visibility: viewers,
        wasm_memory_limit: Nat::from(1u64 << 48),
        wasm_memory_threshold: Nat::from(11u8),
        environment_variables: vec![variable],
    };
    assert_eq!(shown, expected);
}

#[test]
fn settings_out_of_range_are_refused_and_change_nothing() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let before = subnet.canister_status(id).settings;
    let number = |n: u128| Some(Nat::from(n));
    let none = candid::CanisterSettings::default;
    let eleven: Vec<Principal> = (0..11).map(user).collect();
    let variable = |n: usize| candid::EnvironmentVariable { name: "n".repeat(n), value: "v".into() };
    let (range, payload) = (ErrorCode::CanisterContractViolation, ErrorCode::InvalidManagementPayload);
    let cases = [
        (candid::CanisterSettings { controllers: Some(eleven.clone()), ..none() }, payload),
        (candid::CanisterSettings { compute_allocation: number(101), ..none() }, range),
        (candid::CanisterSettings { memory_allocation: number(1 << 64), ..none() }, range),
        (
            candid::CanisterSettings { memory_allocation: number(1 << 63), ..none() },
            ErrorCode::SubnetOversubscribed,
        ),
        (candid::CanisterSettings { freezing_threshold: number(1 << 64), ..none() }, range),
        (
            candid::CanisterSettings { reserved_cycles_limit: Some(Nat::from(1u8) + u128::MAX), ..none() },
            range,
        ),
        (candid::CanisterSettings { wasm_memory_limit: number((1 << 48) + 1), ..none() }, range),
        (candid::CanisterSettings { wasm_memory_threshold: number((1 << 48) + 1), ..none() }, range),
        (
            candid::CanisterSettings {
                status_visibility: Some(candid::Visibility::AllowedViewers(eleven)),
                ..none()
            },
            payload,
        ),
        (candid::CanisterSettings { environment_variables: Some(vec![variable(129)]), ..none() }, payload),
        (
            candid::CanisterSettings {
                environment_variables: Some(vec![variable(1), variable(1)]),
                ..none()
            },
            payload,
        ),
        (
            candid::CanisterSettings {
                environment_variables: Some((1..22).map(variable).collect()),
                ..none()
            },
            payload,
        ),
    ];
    for (change, error) in cases {
        let reject = subnet.manage("update_settings", &settings(id, change.clone())).unwrap_err();
        assert_eq!(reject.error, error, "{change:?}: {reject}");
    }
    assert_eq!(subnet.canister_status(id).settings, before);
}

#[test]
fn the_version_counts_what_is_done_to_a_canister() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let version = |subnet: &Subnet| subnet.canister(id).record.canister_version;
    let check = |subnet: &mut Subnet, method: &str, more: u64| {
        let before = version(subnet);
        subnet.manage(method, &record(id)).unwrap();
        assert_eq!(version(subnet) - before, more, "{method}");
    };
    check(&mut subnet, "start_canister", 1);
    check(&mut subnet, "stop_canister", 2);
    check(&mut subnet, "stop_canister", 1);
    check(&mut subnet, "start_canister", 1);
    check(&mut subnet, "canister_status", 0);
}

#[test]
fn the_migration_orchestrator_alone_renames_a_stopped_canister() {
    let mut subnet = Subnet::new();
    let orchestrator = limits::MIGRATION_ORCHESTRATOR;
    let make = |subnet: &mut Subnet, id: CanisterId| {
        let args = candid::ProvisionalCreateCanisterArgs {
            specified_id: Some(id.principal()),
            ..Default::default()
        };
        subnet.create_with(args);
        subnet.install(id);
    };
    make(&mut subnet, orchestrator);
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let args = candid::UploadChunkArgs { canister_id: id.principal(), chunk: vec![1, 2, 3] };
    subnet.manage("upload_chunk", &args).unwrap();
    let controllers = Some(vec![user(1), orchestrator.principal()]);
    let change = candid::CanisterSettings { controllers, ..Default::default() };
    subnet.manage("update_settings", &settings(id, change)).unwrap();
    let new_id = CanisterId(77);
    let rename = |subnet: &mut Subnet, by: CanisterId| {
        let rename_to =
            candid::RenameTo { canister_id: new_id.principal(), version: 500, total_num_changes: 40 };
        let args = candid::RenameCanisterArgs {
            canister_id: id.principal(),
            rename_to,
            requested_by: user(1),
            sender_canister_version: subnet.canister(by).record.canister_version,
        };
        let arg = candid::encode(&args).unwrap();
        subnet.update(by, "forward", forwarded(management_canister(), "rename_canister", 0, &arg)).unwrap()
    };
    let rejected = |code: RejectCode| vec![b'X', code as u8];
    assert_eq!(rename(&mut subnet, orchestrator), rejected(RejectCode::CanisterError), "it runs");
    let other = subnet.workshop();
    subnet.manage("stop_canister", &record(id)).unwrap();
    assert_eq!(rename(&mut subnet, other), rejected(RejectCode::CanisterReject), "another asks");
    rename(&mut subnet, orchestrator);
    assert!(subnet.state.canister(id).is_none());
    subnet.state = subnet.restored();
    subnet.manage("start_canister", &record(new_id)).unwrap();
    assert_eq!(subnet.count(new_id), 1);
    assert_eq!(subnet.canister(new_id).record.chunks.len(), 1);
    let args = candid::CanisterInfoArgs { canister_id: new_id.principal(), num_requested_changes: Some(1) };
    let arg = candid::encode(&args).unwrap();
    let reply = subnet.query(user(9), management_canister(), "canister_info", arg).unwrap();
    let info: candid::CanisterInfoResult = candid::decode(&reply).unwrap();
    assert_eq!(info.total_num_changes, 41);
    assert_eq!(info.recent_changes[0].canister_version, 501);
    let candid::ChangeDetails::RenameCanister(renamed) = &info.recent_changes[0].details else {
        panic!("{:?}", info.recent_changes);
    };
    assert_eq!((renamed.canister_id, renamed.rename_to.canister_id), (id.principal(), new_id.principal()));
    assert_eq!(renamed.requested_by, user(1));
}

#[test]
fn a_run_that_names_another_version_of_its_canister_in_a_call_has_trapped() {
    let mut subnet = Subnet::new();
    let (id, managed) = (subnet.workshop(), subnet.workshop());
    let change =
        candid::CanisterSettings { controllers: Some(vec![user(1), id.principal()]), ..Default::default() };
    subnet.manage("update_settings", &settings(managed, change)).unwrap();
    let send = |subnet: &mut Subnet, method: &str, off: u64| {
        let sender_canister_version = Some(subnet.canister(id).record.canister_version + off);
        let (canister_id, settings) = (managed.principal(), candid::CanisterSettings::default());
        let arg = match method {
            "update_settings" => {
                candid::encode(&candid::UpdateSettingsArgs { canister_id, settings, sender_canister_version })
            }
            "uninstall_code" => {
                candid::encode(&candid::UninstallCodeArgs { canister_id, sender_canister_version })
            }
            _ => candid::encode(&candid::CreateCanisterArgs { settings: None, sender_canister_version }),
        };
        let before = subnet.state.canister_count();
        let balance = subnet.canister(id).record.cycles;
        let arg = forwarded(management_canister(), method, 1_000_000_000_000, &arg.unwrap());
        let answer = subnet.update(id, "forward", arg);
        (answer, subnet.state.canister_count() - before, balance.0 - subnet.canister(id).record.cycles.0)
    };
    for (method, made) in [("update_settings", 0), ("create_canister", 1), ("uninstall_code", 0)] {
        let (answer, new, spent) = send(&mut subnet, method, 1);
        let reject = answer.unwrap_err();
        assert_eq!(reject.error, ErrorCode::CanisterContractViolation, "{method}: {reject}");
        assert!(reject.message.contains("sender_canister_version"), "{reject}");
        assert!(new == 0 && spent < 1_000_000_000, "{method} made {new} and spent {spent}");
        assert!(subnet.canister(managed).module.is_some() && subnet.canister(id).record.callbacks.is_empty());
        let (answer, new, _) = send(&mut subnet, method, 0);
        assert!(answer.unwrap().starts_with(b"DIDL"), "{method}");
        assert_eq!(new, made, "{method}");
    }
    assert!(subnet.canister(managed).module.is_none());
}

#[test]
fn a_user_s_call_may_name_any_version() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let args =
        candid::UninstallCodeArgs { canister_id: id.principal(), sender_canister_version: Some(u64::MAX) };
    subnet.manage("uninstall_code", &args).unwrap();
}

#[test]
fn environment_variables_are_hashed_into_the_history_when_they_are_named() {
    let mut subnet = Subnet::new();
    let check = |subnet: &mut Subnet, environment_variables: Option<Vec<_>>, hashed: bool| {
        let settings = candid::CanisterSettings { environment_variables, ..Default::default() };
        let args = candid::ProvisionalCreateCanisterArgs { settings: Some(settings), ..Default::default() };
        let id = subnet.create_with(args);
        let args = candid::CanisterInfoArgs { canister_id: id.principal(), num_requested_changes: Some(1) };
        let arg = candid::encode(&args).unwrap();
        let reply = subnet.query(user(9), management_canister(), "canister_info", arg).unwrap();
        let info: candid::CanisterInfoResult = candid::decode(&reply).unwrap();
        let candid::ChangeDetails::Creation(creation) = &info.recent_changes[0].details else {
            panic!("{:?}", info.recent_changes);
        };
        assert_eq!(creation.environment_variables_hash.is_some(), hashed);
    };
    check(&mut subnet, None, false);
    check(&mut subnet, Some(vec![]), true);
    check(&mut subnet, Some(vec![candid::EnvironmentVariable { name: "a".into(), value: "b".into() }]), true);
}
