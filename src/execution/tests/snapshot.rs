use super::*;
use crate::encoding::management::{self as candid, Slice, SnapshotDataKind, SnapshotUploadKind};
use crate::types::limits::{SNAPSHOT_SLICE_BYTES_MAX, SNAPSHOTS_MAX, WASM_PAGE_BYTES};
use crate::types::*;
use serde_bytes::ByteBuf;

fn taking(id: CanisterId) -> candid::TakeCanisterSnapshotArgs {
    candid::TakeCanisterSnapshotArgs {
        canister_id: id.principal(),
        replace_snapshot: None,
        uninstall_code: None,
        sender_canister_version: None,
    }
}

fn naming(id: CanisterId, snapshot: &[u8]) -> candid::CanisterSnapshotArgs {
    candid::CanisterSnapshotArgs { canister_id: id.principal(), snapshot_id: snapshot.to_vec() }
}

impl Subnet {
    fn take(&mut self, args: &candid::TakeCanisterSnapshotArgs) -> candid::SnapshotEntry {
        candid::decode(&self.manage("take_canister_snapshot", args).unwrap()).unwrap()
    }

    fn load(&mut self, id: CanisterId, snapshot: &[u8]) -> Result<Vec<u8>, Reject> {
        let args = candid::LoadCanisterSnapshotArgs {
            canister_id: id.principal(),
            snapshot_id: snapshot.to_vec(),
            sender_canister_version: None,
        };
        self.manage("load_canister_snapshot", &args)
    }

    fn snapshots(&mut self, id: CanisterId) -> Vec<Vec<u8>> {
        let reply = self.manage("list_canister_snapshots", &record(id)).unwrap();
        let listed: Vec<candid::SnapshotEntry> = candid::decode(&reply).unwrap();
        listed.into_iter().map(|entry| entry.id).collect()
    }

    fn metadata(&mut self, id: CanisterId, snapshot: &[u8]) -> candid::ReadCanisterSnapshotMetadataResponse {
        let reply = self.manage("read_canister_snapshot_metadata", &naming(id, snapshot)).unwrap();
        candid::decode(&reply).unwrap()
    }

    fn read(&mut self, id: CanisterId, snapshot: &[u8], kind: SnapshotDataKind) -> Result<Vec<u8>, Reject> {
        let snapshot_id = snapshot.to_vec();
        let args = candid::ReadCanisterSnapshotDataArgs { canister_id: id.principal(), snapshot_id, kind };
        let reply = self.manage("read_canister_snapshot_data", &args)?;
        let response: candid::ReadCanisterSnapshotDataResponse = candid::decode(&reply).unwrap();
        Ok(response.chunk)
    }

    fn upload(
        &mut self,
        id: CanisterId,
        snapshot: &[u8],
        kind: SnapshotUploadKind,
        chunk: Vec<u8>,
    ) -> Result<Vec<u8>, Reject> {
        let snapshot_id = snapshot.to_vec();
        let args =
            candid::UploadCanisterSnapshotDataArgs { canister_id: id.principal(), snapshot_id, kind, chunk };
        self.manage("upload_canister_snapshot_data", &args)
    }

    fn announce(&mut self, id: CanisterId, of: &candid::ReadCanisterSnapshotMetadataResponse) -> Vec<u8> {
        let args = announcing(id, of);
        let reply = self.manage("upload_canister_snapshot_metadata", &args).unwrap();
        let response: candid::UploadCanisterSnapshotMetadataResponse = candid::decode(&reply).unwrap();
        response.snapshot_id
    }

    /// Goes on as a replica that was started again.
    fn recover(&mut self) {
        self.state = self.restored();
    }
}

fn announcing(
    id: CanisterId,
    of: &candid::ReadCanisterSnapshotMetadataResponse,
) -> candid::UploadCanisterSnapshotMetadataArgs {
    candid::UploadCanisterSnapshotMetadataArgs {
        canister_id: id.principal(),
        replace_snapshot: None,
        wasm_module_size: of.wasm_module_size,
        globals: of.globals.clone(),
        wasm_memory_size: of.wasm_memory_size,
        stable_memory_size: of.stable_memory_size,
        certified_data: of.certified_data.clone(),
        global_timer: of.global_timer,
        on_low_wasm_memory_hook_status: None,
    }
}

#[test]
fn a_snapshot_brings_back_what_the_canister_was() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let taken = subnet.take(&taking(id));
    assert_eq!(taken.taken_at_timestamp, subnet.state.time().0);
    assert!(taken.total_size > WASM_PAGE_BYTES as u64);
    subnet.update(id, "inc", vec![]).unwrap();
    subnet.install_module(id, candid::InstallMode::Reinstall, workshop(), vec![]).unwrap();
    assert_eq!(subnet.count(id), 0);
    let version = subnet.canister(id).record.canister_version;
    subnet.recover();
    subnet.load(id, &taken.id).unwrap();
    assert_eq!(subnet.count(id), 1);
    assert_eq!(subnet.canister(id).record.canister_version, version + 1);
    assert_eq!(subnet.canister(id).record.installed, subnet.state.time());
    subnet.update(id, "inc", vec![]).unwrap();
    assert_eq!(subnet.count(id), 2);
    subnet.load(id, &taken.id).unwrap();
    assert_eq!(subnet.count(id), 1, "a snapshot stays what it is");
}

#[test]
fn the_history_says_which_snapshot_was_loaded() {
    let mut subnet = Subnet::new();
    let (from, to) = (subnet.workshop(), subnet.create());
    let taken = subnet.take(&taking(from));
    for (id, expected) in [(from, None), (to, Some(from.principal()))] {
        subnet.load(id, &taken.id).unwrap();
        let args = candid::CanisterInfoArgs { canister_id: id.principal(), num_requested_changes: Some(1) };
        let arg = candid::encode(&args).unwrap();
        let reply = subnet.query(user(9), management_canister(), "canister_info", arg).unwrap();
        let info: candid::CanisterInfoResult = candid::decode(&reply).unwrap();
        let candid::ChangeDetails::LoadSnapshot(loaded) = &info.recent_changes[0].details else {
            panic!("{:?}", info.recent_changes);
        };
        assert_eq!(loaded.from_canister_id, expected);
        assert_eq!(loaded.snapshot_id, taken.id);
        assert_eq!(loaded.taken_at_timestamp, taken.taken_at_timestamp);
        assert!(matches!(loaded.source, candid::SnapshotSource::TakenFromCanister(_)));
    }
}

#[test]
fn a_snapshot_of_another_canister_can_be_loaded_and_outlives_it() {
    let mut subnet = Subnet::new();
    let (from, to) = (subnet.workshop(), subnet.create());
    subnet.update(from, "inc", vec![]).unwrap();
    let taken = subnet.take(&taking(from));
    subnet.load(to, &taken.id).unwrap();
    assert_eq!(subnet.count(to), 1);
    subnet.manage("stop_canister", &record(from)).unwrap();
    subnet.manage("delete_canister", &record(from)).unwrap();
    subnet.recover();
    subnet.update(to, "inc", vec![]).unwrap();
    assert_eq!(subnet.count(to), 2);
    assert_eq!(subnet.load(to, &taken.id).unwrap_err().error, ErrorCode::CanisterSnapshotNotFound);
}

#[test]
fn a_canister_has_ten_snapshots_at_most_and_can_replace_or_delete_them() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let taken: Vec<Vec<u8>> = (0..SNAPSHOTS_MAX).map(|_| subnet.take(&taking(id)).id).collect();
    assert_eq!(subnet.snapshots(id), taken);
    let refused = subnet.manage("take_canister_snapshot", &taking(id)).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CanisterRejectedMessage);
    assert!(refused.message.contains("maximum number of snapshots allowed: 10"), "{refused}");
    let replace = candid::TakeCanisterSnapshotArgs {
        replace_snapshot: Some(ByteBuf::from(taken[3].clone())),
        ..taking(id)
    };
    let new = subnet.take(&replace).id;
    assert!(!subnet.snapshots(id).contains(&taken[3]) && subnet.snapshots(id).contains(&new));
    let again = subnet.manage("take_canister_snapshot", &replace).unwrap_err();
    assert_eq!(
        (again.error, again.code),
        (ErrorCode::CanisterSnapshotNotFound, RejectCode::DestinationInvalid)
    );
    subnet.manage("delete_canister_snapshot", &naming(id, &new)).unwrap();
    assert_eq!(subnet.snapshots(id).len(), SNAPSHOTS_MAX - 1);
    let size = subnet.canister_status(id).memory_metrics.snapshots_size;
    assert_eq!(size, subnet.canister(id).snapshot_bytes());
}

#[test]
fn taking_a_snapshot_can_uninstall_the_canister() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let taken = subnet.take(&candid::TakeCanisterSnapshotArgs { uninstall_code: Some(true), ..taking(id) });
    assert_eq!(subnet.canister_status(id).module_hash, None);
    assert_eq!(
        subnet.manage("take_canister_snapshot", &taking(id)).unwrap_err().message,
        format!("Failed to create snapshot for empty canister {id}. Install code first.")
    );
    subnet.recover();
    subnet.load(id, &taken.id).unwrap();
    assert_eq!(subnet.count(id), 1);
}

#[test]
fn neither_taking_nor_loading_a_snapshot_writes_pages() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let pages = |subnet: &Subnet| {
        subnet.delta.writes.iter().filter(|write| write.column == crate::state::Column::Page).count()
    };
    let taken = subnet.take(&taking(id));
    assert_eq!(pages(&subnet), 0);
    subnet.update(id, "inc", vec![]).unwrap();
    assert_eq!(pages(&subnet), 1);
    subnet.load(id, &taken.id).unwrap();
    assert_eq!(pages(&subnet), 0);
}

#[test]
fn a_snapshot_is_downloaded_and_uploaded_to_an_equal_canister() {
    let mut subnet = Subnet::new();
    let (from, to) = (subnet.workshop(), subnet.create());
    subnet.update(from, "inc", vec![]).unwrap();
    let chunk = vec![5; 1_000];
    let args = candid::UploadChunkArgs { canister_id: from.principal(), chunk: chunk.clone() };
    subnet.manage("upload_chunk", &args).unwrap();
    let taken = subnet.take(&taking(from)).id;
    subnet.manage("clear_chunk_store", &record(from)).unwrap();
    subnet.recover();
    let metadata = subnet.metadata(from, &taken);
    assert!(matches!(metadata.source, candid::SnapshotSource::TakenFromCanister(_)));
    let copy = subnet.announce(to, &metadata);
    assert!(matches!(subnet.metadata(to, &copy).source, candid::SnapshotSource::MetadataUpload(_)));
    type Part = (fn(Slice) -> SnapshotDataKind, fn(candid::Offset) -> SnapshotUploadKind, u64);
    let parts: [Part; 3] = [
        (SnapshotDataKind::WasmModule, SnapshotUploadKind::WasmModule, metadata.wasm_module_size),
        (SnapshotDataKind::WasmMemory, SnapshotUploadKind::WasmMemory, metadata.wasm_memory_size),
        (SnapshotDataKind::StableMemory, SnapshotUploadKind::StableMemory, metadata.stable_memory_size),
    ];
    for (download, upload, size) in parts {
        for offset in (0..size).step_by(30_001) {
            let slice = Slice { offset, size: (size - offset).min(30_001) };
            let bytes = subnet.read(from, &taken, download(slice)).unwrap();
            assert_eq!(bytes.len() as u64, slice.size);
            subnet.upload(to, &copy, upload(candid::Offset { offset }), bytes.clone()).unwrap();
            assert_eq!(subnet.read(to, &copy, download(slice)).unwrap(), bytes);
        }
    }
    for hash in &metadata.wasm_chunk_store {
        let bytes = subnet.read(from, &taken, SnapshotDataKind::WasmChunk(hash.clone())).unwrap();
        assert_eq!(bytes, chunk);
        subnet.upload(to, &copy, SnapshotUploadKind::WasmChunk, bytes).unwrap();
    }
    subnet.recover();
    let copied = subnet.metadata(to, &copy);
    assert_eq!((copied.globals, copied.wasm_chunk_store), (metadata.globals, metadata.wasm_chunk_store));
    subnet.load(to, &copy).unwrap();
    assert_eq!(subnet.count(to), 1);
    let [from, to] = [from, to].map(|id| subnet.canister(id).clone());
    assert_eq!((to.heap.root(), to.stable.root()), (from.heap.root(), from.stable.root()));
    assert_eq!((to.record.module_hash, to.record.chunks.len()), (from.record.module_hash, 1));
}

#[test]
fn what_cannot_be_read_or_uploaded_is_refused_with_the_reason() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let other = subnet.create();
    let taken = subnet.take(&taking(id)).id;
    let metadata = subnet.metadata(id, &taken);
    let size = metadata.wasm_memory_size;
    let check = |result: Result<Vec<u8>, Reject>, error: ErrorCode, text: &str| {
        let reject = result.unwrap_err();
        assert_eq!(reject.error, error, "{reject}");
        assert!(reject.message.contains(text), "{reject}");
    };
    let heap = |offset, size| SnapshotDataKind::WasmMemory(Slice { offset, size });
    let payload = ErrorCode::InvalidManagementPayload;
    check(subnet.read(id, &taken, heap(size, 1)), payload, "exceed the Wasm memory");
    check(subnet.read(id, &taken, heap(u64::MAX, 2)), payload, "exceed the Wasm memory");
    let chunk = SnapshotDataKind::WasmChunk(candid::ChunkHash { hash: vec![1; 32] });
    check(subnet.read(id, &taken, chunk), payload, "no chunk of this hash");
    let none = ErrorCode::CanisterSnapshotNotFound;
    check(subnet.read(id, b"nonsense", heap(0, 1)), none, "Could not find the snapshot ID");
    let foreign = ErrorCode::CanisterRejectedMessage;
    check(subnet.read(other, &taken, heap(0, 1)), foreign, "does not belong to canister");
    let at = SnapshotUploadKind::WasmMemory(candid::Offset { offset: 0 });
    let immutable = ErrorCode::CanisterSnapshotImmutable;
    check(subnet.upload(id, &taken, at, vec![1]), immutable, "created by metadata upload");
    let copy = subnet.announce(id, &metadata);
    let end = SnapshotUploadKind::WasmMemory(candid::Offset { offset: size });
    check(subnet.upload(id, &copy, end, vec![1]), payload, "exceed the Wasm memory");
    let large = vec![0; SNAPSHOT_SLICE_BYTES_MAX as usize + 1];
    check(subnet.upload(id, &copy, at, large), payload, "size of the chunk");
    let wide = vec![0; limits::CHUNK_BYTES_MAX + 1];
    check(subnet.upload(id, &copy, SnapshotUploadKind::WasmChunk, wide), payload, "size of the chunk");
    check(subnet.load(id, &copy), ErrorCode::CanisterInvalidWasm, "Upload it whole");
}

#[test]
fn an_upload_that_is_no_canister_is_not_loaded() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let taken = subnet.take(&taking(id)).id;
    let metadata = subnet.metadata(id, &taken);
    let module = workshop();
    let check = |change: &dyn Fn(&mut candid::UploadCanisterSnapshotMetadataArgs), text: &str| {
        let mut subnet = Subnet::new();
        let id = subnet.workshop();
        let mut args = announcing(id, &metadata);
        change(&mut args);
        let loaded = subnet.manage("upload_canister_snapshot_metadata", &args).and_then(|reply| {
            let response: candid::UploadCanisterSnapshotMetadataResponse = candid::decode(&reply).unwrap();
            let at = SnapshotUploadKind::WasmModule(candid::Offset { offset: 0 });
            subnet.upload(id, &response.snapshot_id, at, module.clone())?;
            subnet.load(id, &response.snapshot_id)
        });
        let reject = loaded.unwrap_err();
        assert!(reject.message.contains(text), "{reject}");
        assert_eq!(reject.error, ErrorCode::InvalidManagementPayload, "{reject}");
    };
    let global = candid::SnapshotGlobal::I64(1);
    check(&|args| args.globals.push(global.clone()), "1 globals are given, but the module has 0");
    check(&|args| args.wasm_memory_size = 0, "the Wasm memory has 0 pages, but the module allows 1 to");
    check(&|args| args.wasm_memory_size += 1, "must be a multiple of 65536");
    check(&|args| args.certified_data = vec![0; 33], "the size of certified_data is 33");
    check(&|args| args.wasm_memory_size = 1 << 40, "wasm_memory_size is 1099511627776; it may be at most");
    let hook = Some(candid::OnLowWasmMemoryHookStatus::Ready);
    check(&|args| args.on_low_wasm_memory_hook_status = hook, "on_low_wasm_memory_hook_status");
}

#[test]
fn globals_of_an_upload_are_those_that_the_module_keeps() {
    let module = wat::parse_str(
        r#"(module (import "ic0" "msg_reply" (func $reply)) (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1) (global $kept (mut i32) (i32.const 7)) (global $shown (export "shown") i64 (i64.const 3))
        (func (export "canister_query read") (i32.store (i32.const 0) (global.get $kept))
            (call $append (i32.const 0) (i32.const 4)) (call $reply))
        (func (export "canister_update inc") (global.set $kept (i32.add (global.get $kept) (i32.const 1))) (call $reply)))"#,
    )
    .unwrap();
    let mut subnet = Subnet::new();
    let id = subnet.create();
    subnet.install_module(id, candid::InstallMode::Install, module.clone(), vec![]).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
    let taken = subnet.take(&taking(id)).id;
    let mut metadata = subnet.metadata(id, &taken);
    assert_eq!(metadata.globals, [candid::SnapshotGlobal::I32(8)]);
    let mut counts = Vec::new();
    for shown in [false, true] {
        if shown {
            metadata.globals.push(candid::SnapshotGlobal::I64(3));
        }
        metadata.globals[0] = candid::SnapshotGlobal::I32(-5);
        let copy = subnet.announce(id, &metadata);
        let at = SnapshotUploadKind::WasmModule(candid::Offset { offset: 0 });
        subnet.upload(id, &copy, at, module.clone()).unwrap();
        subnet.load(id, &copy).unwrap();
        counts.push(subnet.count(id) as i32);
    }
    assert_eq!(counts, [-5, -5]);
}

#[test]
fn snapshots_are_seen_by_those_whom_the_settings_allow() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let taken = subnet.take(&taking(id)).id;
    let arg = candid::encode(&record(id)).unwrap();
    let ask = |subnet: &mut Subnet, viewer| {
        subnet.call(viewer, management_canister(), "list_canister_snapshots", arg.clone())
    };
    assert_eq!(ask(&mut subnet, user(2)).unwrap_err().error, ErrorCode::CanisterInvalidController);
    let visibility = Some(candid::Visibility::AllowedViewers(vec![user(2)]));
    let settings = candid::CanisterSettings { snapshot_visibility: visibility, ..Default::default() };
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &args).unwrap();
    ask(&mut subnet, user(2)).unwrap();
    assert_eq!(ask(&mut subnet, user(3)).unwrap_err().error, ErrorCode::CanisterInvalidController);
    let args = candid::encode(&naming(id, &taken)).unwrap();
    let method = "read_canister_snapshot_metadata";
    subnet.call(user(2), management_canister(), method, args.clone()).unwrap();
    let delete = subnet.call(user(2), management_canister(), "delete_canister_snapshot", args).unwrap_err();
    assert_eq!(delete.error, ErrorCode::CanisterInvalidController);
}

#[test]
fn a_heap_is_as_small_again_as_it_was() {
    let module = wat::parse_str(
        r#"(module (import "ic0" "msg_reply" (func $reply)) (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1)
        (func (export "canister_query read") (i32.store (i32.const 0) (memory.size))
            (call $append (i32.const 0) (i32.const 4)) (call $reply))
        (func (export "canister_update grow") (drop (memory.grow (i32.const 3)))
            (i32.store (i32.const 200000) (i32.const 9)) (call $reply))
        (func (export "canister_update size") (i32.store (i32.const 0) (memory.size))
            (call $append (i32.const 0) (i32.const 4)) (call $reply)))"#,
    )
    .unwrap();
    let mut subnet = Subnet::new();
    let id = subnet.create();
    subnet.install_module(id, candid::InstallMode::Install, module, vec![]).unwrap();
    let taken = subnet.take(&taking(id)).id;
    subnet.update(id, "grow", vec![]).unwrap();
    assert_eq!(subnet.count(id), 4);
    subnet.load(id, &taken).unwrap();
    assert_eq!(subnet.count(id), 1);
    assert_eq!(subnet.update(id, "size", vec![]).unwrap(), [1, 0, 0, 0]);
    subnet.update(id, "grow", vec![]).unwrap();
    assert_eq!(subnet.count(id), 4);
}
