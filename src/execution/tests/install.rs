use super::*;
use crate::crypto::hash::sha256;
use crate::encoding::management::{self as candid, InstallMode, UpgradeFlags, WasmMemoryPersistence};
use crate::types::*;
use std::io::Write;

#[test]
fn an_upgrade_keeps_what_the_canister_saved() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    subnet.install_module(id, InstallMode::Upgrade(None), workshop(), vec![]).unwrap();
    assert_eq!(subnet.count(id), 1);
    assert_eq!(subnet.canister(id).record.stable_wasm_pages, 1);
}

#[test]
fn an_upgrade_without_pre_upgrade_saves_nothing() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.install_module(id, InstallMode::Upgrade(None), workshop(), vec![]).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
    let flags = UpgradeFlags { skip_pre_upgrade: Some(true), wasm_memory_persistence: None };
    subnet.install_module(id, InstallMode::Upgrade(Some(flags)), workshop(), vec![]).unwrap();
    assert_eq!(subnet.count(id), 0);
}

#[test]
fn reinstalling_starts_afresh() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.install_module(id, InstallMode::Upgrade(None), workshop(), vec![]).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
    subnet.install_module(id, InstallMode::Reinstall, workshop(), vec![]).unwrap();
    assert_eq!(subnet.count(id), 0);
    assert_eq!(subnet.canister(id).record.stable_wasm_pages, 0);
}

/// A module that keeps its state in its heap, with the section that says so to those in `visibility`.
fn persistent(visibility: &str) -> Vec<u8> {
    with_section(&format!("(@custom \"icp:{visibility} enhanced-orthogonal-persistence\" \"\")"))
}

fn with_section(section: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module {section}
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i64 i64)))
        (memory i64 1) (data (i64.const 0) "\05")
        (global $since (mut i32) (i32.const 0))
        (func $start (i32.store8 (i64.const 2) (i32.add (i32.load8_u (i64.const 2)) (i32.const 1)))) (start $start)
        (func (export "canister_post_upgrade") (i32.store8 (i64.const 3) (i32.const 9)))
        (func (export "canister_update inc")
            (global.set $since (i32.add (global.get $since) (i32.const 1)))
            (i32.store8 (i64.const 0) (i32.add (i32.load8_u (i64.const 0)) (i32.const 1)))
            (i32.store8 (i64.const 1) (global.get $since))
            (call $append (i64.const 0) (i64.const 4))
            (call $reply)))"#
    ))
    .unwrap()
}

fn upgrade(persistence: Option<WasmMemoryPersistence>) -> InstallMode {
    InstallMode::Upgrade(Some(UpgradeFlags { skip_pre_upgrade: None, wasm_memory_persistence: persistence }))
}

#[test]
fn an_upgrade_that_keeps_the_heap_resets_globals_and_runs_start_again() {
    let (keep, replace) = (Some(WasmMemoryPersistence::Keep), Some(WasmMemoryPersistence::Replace));
    let mut subnet = Subnet::new();
    let id = subnet.create();
    subnet.install_module(id, InstallMode::Install, persistent("private"), vec![]).unwrap();
    assert_eq!(subnet.update(id, "inc", vec![]).unwrap(), [6, 1, 1, 0]);
    for count in 1..4 {
        subnet.install_module(id, upgrade(keep), persistent("private"), vec![]).unwrap();
        assert_eq!(subnet.update(id, "inc", vec![]).unwrap(), [6 + count, 1, 1 + count, 9]);
    }
    subnet.install_module(id, upgrade(replace), persistent("private"), vec![]).unwrap();
    assert_eq!(subnet.update(id, "inc", vec![]).unwrap(), [6, 1, 1, 9]);
}

#[test]
fn whether_the_heap_is_kept_must_be_said_and_possible() {
    let (keep, replace) = (Some(WasmMemoryPersistence::Keep), Some(WasmMemoryPersistence::Replace));
    let refused = |old: &[u8], new: &[u8], mode: InstallMode| {
        let mut subnet = Subnet::new();
        let id = subnet.create();
        subnet.install_module(id, InstallMode::Install, old.to_vec(), vec![]).unwrap();
        let refused = subnet.install_module(id, mode, new.to_vec(), vec![]).err()?;
        assert_eq!(refused.error, ErrorCode::CanisterContractViolation, "{refused}");
        assert_eq!(subnet.canister(id).record.module_hash, Some(sha256(old)));
        Some(refused.message)
    };
    let (with, public, without) = (persistent("private"), persistent("public"), with_section(""));
    let missing = |mode| refused(&with, &with, mode).unwrap().starts_with("Missing upgrade option");
    assert!(missing(InstallMode::Upgrade(None)) && missing(upgrade(None)));
    let invalid = |new| refused(&with, new, upgrade(keep)).unwrap().starts_with("Invalid upgrade option");
    assert!(invalid(&without) && invalid(&public));
    assert_eq!(refused(&with, &without, upgrade(replace)), None);
    assert_eq!(refused(&without, &with, upgrade(keep)), None);
    assert_eq!(refused(&public, &without, upgrade(None)), None);
    assert_eq!(refused(&with, &without, InstallMode::Reinstall), None);
}

/// A failed installation changes nothing but fee and log.
fn check_failure(mode: InstallMode, module: Vec<u8>, arg: Vec<u8>, error: ErrorCode, text: &str) {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let before = subnet.canister(id).clone();
    let reject = subnet.install_module(id, mode, module, arg).unwrap_err();
    assert_eq!(reject.error, error, "{reject}");
    assert!(reject.message.contains(text), "{reject}");
    let after = subnet.canister(id);
    assert!(after.record.cycles < before.record.cycles);
    let mut record = after.record.clone();
    record.cycles = before.record.cycles;
    record.charged_until = before.record.charged_until;
    record.log_end = before.record.log_end;
    record.consumed.clone_from(&before.record.consumed);
    record.solvent_until = before.record.solvent_until;
    assert_eq!(record, before.record);
    assert_eq!((after.heap.root(), after.stable.root()), (before.heap.root(), before.stable.root()));
}

#[test]
fn a_failed_installation_changes_nothing() {
    let boom = || b"boom".to_vec();
    check_failure(InstallMode::Upgrade(None), workshop(), boom(), ErrorCode::CanisterCalledTrap, "boom");
    check_failure(InstallMode::Reinstall, workshop(), boom(), ErrorCode::CanisterCalledTrap, "boom");
    check_failure(
        InstallMode::Reinstall,
        b"\0asm?".to_vec(),
        vec![],
        ErrorCode::CanisterInvalidWasm,
        "not valid",
    );
    check_failure(
        InstallMode::Install,
        workshop(),
        vec![],
        ErrorCode::CanisterAlreadyInstalledError,
        "not empty",
    );
    let bomb = wat::parse_str(r#"(module (import "ic0" "no_such_thing" (func)))"#).unwrap();
    check_failure(InstallMode::Upgrade(None), bomb, vec![], ErrorCode::CanisterInvalidWasm, "no_such_thing");
}

#[test]
fn an_empty_canister_cannot_be_upgraded() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let reject = subnet.install_module(id, InstallMode::Upgrade(None), workshop(), vec![]).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterWasmModuleNotFound);
}

#[test]
fn a_compressed_module_is_named_by_the_hash_of_what_was_sent() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&workshop()).unwrap();
    let module = gzip.finish().unwrap();
    subnet.install_module(id, InstallMode::Install, module.clone(), vec![]).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
    let principal = id.principal();
    let path: [&[u8]; 3] = [b"canister", principal.as_slice(), b"module_hash"];
    assert_eq!(subnet.state.tree().leaf(&path), Some(sha256(&module).0.as_slice()));
}

#[test]
fn a_module_is_installed_from_chunks() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let module = workshop();
    let mut hashes = Vec::new();
    for chunk in module.chunks(1_000) {
        let args = candid::UploadChunkArgs { canister_id: id.principal(), chunk: chunk.to_vec() };
        let reply = subnet.manage("upload_chunk", &args).unwrap();
        let hash: candid::ChunkHash = candid::decode(&reply).unwrap();
        assert_eq!(hash.hash, sha256(chunk).0);
        hashes.push(hash);
    }
    let reply = subnet.manage("stored_chunks", &record(id)).unwrap();
    let stored: Vec<candid::ChunkHash> = candid::decode(&reply).unwrap();
    assert_eq!(stored.len(), hashes.len());
    let mut args = candid::InstallChunkedCodeArgs {
        mode: InstallMode::Install,
        target_canister: id.principal(),
        store_canister: None,
        chunk_hashes_list: hashes,
        wasm_module_hash: vec![0; 32],
        arg: vec![],
        sender_canister_version: None,
    };
    let reject = subnet.manage("install_chunked_code", &args).unwrap_err();
    assert_eq!(reject.error, ErrorCode::InvalidManagementPayload);
    args.wasm_module_hash = sha256(&module).0.to_vec();
    subnet.manage("install_chunked_code", &args).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
    subnet.manage("clear_chunk_store", &record(id)).unwrap();
    assert!(subnet.canister(id).record.chunks.is_empty());
}

#[test]
fn only_controllers_install() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let args = candid::InstallCodeArgs {
        mode: InstallMode::Install,
        canister_id: id.principal(),
        wasm_module: workshop(),
        arg: vec![],
        sender_canister_version: None,
    };
    let arg = candid::encode(&args).unwrap();
    let reject = subnet.call(user(2), management_canister(), "install_code", arg).unwrap_err();
    assert_eq!(
        (reject.error, reject.code),
        (ErrorCode::CanisterInvalidController, RejectCode::CanisterError)
    );
}

#[test]
fn the_history_tells_who_installed_what() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.install_module(id, InstallMode::Upgrade(None), workshop(), vec![]).unwrap();
    let args = candid::CanisterInfoArgs { canister_id: id.principal(), num_requested_changes: Some(2) };
    let arg = candid::encode(&args).unwrap();
    let reply = subnet.query(user(5), management_canister(), "canister_info", arg).unwrap();
    let info: candid::CanisterInfoResult = candid::decode(&reply).unwrap();
    assert_eq!((info.total_num_changes, info.recent_changes.len()), (3, 2));
    let candid::ChangeDetails::CodeDeployment(deployment) = &info.recent_changes[1].details else { panic!() };
    assert_eq!(deployment.mode, candid::DeploymentMode::Upgrade);
    assert_eq!(deployment.module_hash, sha256(&workshop()).0);
    let origin = candid::ChangeOrigin::FromUser(candid::FromUser { user_id: user(1) });
    assert_eq!(info.recent_changes[1].origin, origin);
}
