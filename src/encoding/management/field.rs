//! What is read of a call's argument before its method is: which canister it is about, and which version its
//! caller says it has.

use super::*;

/// The canister that a management call is about: it must stand in the URL of the request (interface
/// spec, "Effective canister id"). `None` if the call names none, as `provisional_create_canister_with_cycles`
/// without `specified_id`, or if the argument is not of the method's type.
pub fn effective_canister_id(method: &str, arg: &[u8]) -> Option<Principal> {
    // Every method's own type, so that its blobs are read and not skipped: skipping is dear.
    match method {
        "create_canister" | "raw_rand" | "list_canisters" => None,
        "atoll_membership" | "atoll_prices" | "atoll_set_prices" | "node_metrics_history" => None,
        "provisional_create_canister_with_cycles" => {
            field(arg, |args: ProvisionalCreateCanisterArgs| args.specified_id).flatten()
        }
        "install_code" => field(arg, |args: InstallCodeArgs| args.canister_id),
        "install_chunked_code" => field(arg, |args: InstallChunkedCodeArgs| args.target_canister),
        "upload_chunk" => field(arg, |args: UploadChunkArgs| args.canister_id),
        "update_settings" => field(arg, |args: UpdateSettingsArgs| args.canister_id),
        "upload_canister_snapshot_metadata" => {
            field(arg, |args: UploadCanisterSnapshotMetadataArgs| args.canister_id)
        }
        "upload_canister_snapshot_data" => {
            field(arg, |args: UploadCanisterSnapshotDataArgs| args.canister_id)
        }
        _ => field(arg, |args: CanisterIdRecord| args.canister_id),
    }
}

/// The version that the calling canister says it has: it must be the one that it has (interface spec,
/// `validate_sender_canister_version`). `None` if the call does not say, if the method does not ask, or if the argument
/// is not of the method's type.
pub fn sender_canister_version(method: &str, arg: &[u8]) -> Option<u64> {
    match method {
        "create_canister" => field(arg, |args: CreateCanisterArgs| args.sender_canister_version)?,
        "provisional_create_canister_with_cycles" => {
            field(arg, |args: ProvisionalCreateCanisterArgs| args.sender_canister_version)?
        }
        "update_settings" => field(arg, |args: UpdateSettingsArgs| args.sender_canister_version)?,
        "install_code" => field(arg, |args: InstallCodeArgs| args.sender_canister_version)?,
        "install_chunked_code" => field(arg, |args: InstallChunkedCodeArgs| args.sender_canister_version)?,
        "uninstall_code" => field(arg, |args: UninstallCodeArgs| args.sender_canister_version)?,
        "take_canister_snapshot" => {
            field(arg, |args: TakeCanisterSnapshotArgs| args.sender_canister_version)?
        }
        "load_canister_snapshot" => {
            field(arg, |args: LoadCanisterSnapshotArgs| args.sender_canister_version)?
        }
        "rename_canister" => field(arg, |args: RenameCanisterArgs| args.sender_canister_version),
        _ => None,
    }
}

fn field<T, R>(arg: &[u8], field: impl FnOnce(T) -> R) -> Option<R>
where
    T: CandidType + for<'a> Deserialize<'a>,
{
    decode(arg).ok().map(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, arg: Vec<u8>, id: Option<Principal>) {
        assert_eq!(effective_canister_id(method, &arg), id, "{method}");
    }

    #[test]
    fn the_canister_a_call_is_about_is_found_in_the_largest_arguments() {
        let id = Principal::from_slice(&[1, 2, 3]);
        let module = vec![7; crate::types::limits::CALL_PAYLOAD_BYTES_MAX - 1_000];
        let args = InstallCodeArgs {
            mode: InstallMode::Upgrade(None),
            canister_id: id,
            wasm_module: module,
            arg: vec![1],
            sender_canister_version: None,
        };
        check("install_code", encode(&args).unwrap(), Some(id));
        let args = UploadChunkArgs { canister_id: id, chunk: vec![1; 1 << 20] };
        check("upload_chunk", encode(&args).unwrap(), Some(id));
        check("stop_canister", encode(&CanisterIdRecord { canister_id: id }).unwrap(), Some(id));
        let args = ProvisionalCreateCanisterArgs { specified_id: Some(id), ..Default::default() };
        check("provisional_create_canister_with_cycles", encode(&args).unwrap(), Some(id));
        let args = ProvisionalCreateCanisterArgs::default();
        check("provisional_create_canister_with_cycles", encode(&args).unwrap(), None);
        check("stop_canister", b"DIDL".to_vec(), None);
    }

    #[test]
    fn fields_of_later_versions_are_skipped_but_no_bomb_is() {
        #[derive(CandidType)]
        struct Later<T> {
            canister_id: Principal,
            later: T,
        }
        let id = Principal::from_slice(&[1, 2, 3]);
        let later = Later { canister_id: id, later: Some("text".to_owned()) };
        check("start_canister", encode(&later).unwrap(), Some(id));
        let bomb = Later { canister_id: id, later: vec![(); 1_000_000] };
        check("start_canister", encode(&bomb).unwrap(), None);
    }

    #[test]
    fn every_method_that_asks_for_its_callers_version_is_read() {
        #[derive(CandidType)]
        struct All {
            canister_id: Principal,
            target_canister: Principal,
            settings: CanisterSettings,
            mode: InstallMode,
            wasm_module: Vec<u8>,
            arg: Vec<u8>,
            chunk_hashes_list: Vec<ChunkHash>,
            wasm_module_hash: Vec<u8>,
            snapshot_id: Vec<u8>,
            sender_canister_version: Option<u64>,
        }
        let canister_id = Principal::from_slice(&[1, 2, 3]);
        let all = |version| All {
            canister_id,
            target_canister: canister_id,
            settings: CanisterSettings::default(),
            mode: InstallMode::Install,
            wasm_module: Vec::new(),
            arg: Vec::new(),
            chunk_hashes_list: Vec::new(),
            wasm_module_hash: Vec::new(),
            snapshot_id: Vec::new(),
            sender_canister_version: version,
        };
        for method in [
            "create_canister",
            "update_settings",
            "install_code",
            "install_chunked_code",
            "uninstall_code",
            "take_canister_snapshot",
            "load_canister_snapshot",
        ] {
            for version in [None, Some(7)] {
                assert_eq!(
                    sender_canister_version(method, &encode(&all(version)).unwrap()),
                    version,
                    "{method}"
                );
            }
        }
        let args = ProvisionalCreateCanisterArgs { sender_canister_version: Some(7), ..Default::default() };
        let arg = encode(&args).unwrap();
        assert_eq!(sender_canister_version("provisional_create_canister_with_cycles", &arg), Some(7));
        assert_eq!(sender_canister_version("canister_status", &encode(&all(Some(7))).unwrap()), None);
        assert_eq!(sender_canister_version("create_canister", b"DIDL"), None);
    }
}
