//! Installing code, in one piece and in chunks.

use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("ic-management-canister", MANAGEMENT),
        section("ic-install_code", INSTALL),
        section("ic-upload_chunk", UPLOAD),
        section("ic-clear_chunk_store", CLEAR),
        section("ic-stored_chunks", STORED),
        section("ic-install_chunked_code", CHUNKED),
        section("ic-uninstall_code", UNINSTALL),
    ]
}

/// The caller names a version in a call that is not its own.
const WRONG_VERSION: Expect = reject(5, "IC0504", "version");
const NOT_CONTROLLER: Expect = reject(5, "IC0512", "ontroller");

#[rustfmt::skip]
const MANAGEMENT: &[Case] = &[
    empty("a method that the management canister does not have is rejected", &[
        manage("sing", "(record { canister_id = $self })", Expect::RejectCode(5)),
    ]),
    empty("a query that the management canister does not have is rejected", &[
        manage_query("sing", "(record { canister_id = $self })", Expect::RejectCode(5)),
    ]),
    empty("an update method of the management canister is no query", &[
        manage_query("start_canister", "(record { canister_id = $self })", Expect::RejectCode(5)),
    ]),
    empty("an argument of another type is rejected", &[
        manage("start_canister", "(record { canister_id = 5 })", INVALID),
    ]),
    empty("an argument with more fields is fine", &[
        manage("start_canister", "(record { canister_id = $self; later = \"text\" })", REPLIED),
    ]),
    case("a canister's call of a method that the management canister does not have is rejected", &[
        through("sing", "()", 0, Expect::RejectCode(5)),
    ]),
    case("a canister's call with an argument of another type is rejected", &[
        through("start_canister", "(5)", 0, Expect::RejectCode(4)),
    ]),
    case("a canister's call refunds cycles that a method does not take", &[
        update("$management 'raw_rand' 0x4449444c0000 5_000_000u128 { refunded append reply } { } call drop", reply("5000000u128")),
    ]),
    case("a rejected management call refunds everything", &[
        update("$management 'sing' '' 5_000_000u128 { } { refunded append reply } call drop", reply("5000000u128")),
    ]),
    nowhere("users cannot call raw_rand", &[manage("raw_rand", "()", NOT_ALLOWED)]),
    empty("users cannot call deposit_cycles", &[manage("deposit_cycles", "(record { canister_id = $self })", NOT_ALLOWED)]),
    empty("users cannot call canister_info", &[manage("canister_info", "(record { canister_id = $self })", NOT_ALLOWED)]),
    empty("users cannot call canister_metadata", &[
        manage("canister_metadata", "(record { canister_id = $self; name = \"x\" })", NOT_ALLOWED),
    ]),
];

#[rustfmt::skip]
const INSTALL: &[Case] = &[
    case("a version that is not the caller's installs nothing", &[
        through("install_code", "(record { mode = variant { install }; canister_id = $self; wasm_module = blob \"\"; arg = blob \"\"; \
            sender_canister_version = opt 999_999_999 })", 0, WRONG_VERSION),
    ]),
    empty("a controller installs", &[install("install", Module::Probe, "", REPLIED)]),
    empty("somebody else does not install", &[install("install", Module::Probe, "", NOT_CONTROLLER).by(Who::Stranger)]),
    empty("the anonymous user does not install", &[install("install", Module::Probe, "", NOT_CONTROLLER).by(Who::Anonymous)]),
    fresh("somebody else does not upgrade", &[install("upgrade", Module::Probe, "", NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("somebody else does not reinstall", &[install("reinstall", Module::Probe, "", NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("a canister with code is not installed", &[install("install", Module::Probe, "", reject(5, "IC0538", ""))]),
    empty("an empty canister is reinstalled", &[install("reinstall", Module::Probe, "", REPLIED)]),
    fresh("a stopped canister is upgraded and stays stopped", &[
        manage("stop_canister", "(record { canister_id = $self })", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        update("reply", reject(5, "IC0508", "")),
    ]),
    empty("a stopped canister is installed", &[
        manage("stop_canister", "(record { canister_id = $self })", REPLIED),
        install("install", Module::Probe, "status 3u32 assert", REPLIED),
    ]),
    empty("a rejected installation has no effect", &[
        install("install", Module::Made(|| b"no module".to_vec()), "", reject(5, "IC0505", "")),
        install("install", Module::Probe, "", REPLIED),
    ]),
    fresh("a rejected reinstallation has no effect", &[
        update("'k' 'kept' put reply", REPLIED),
        install("reinstall", Module::Made(|| b"no module".to_vec()), "", reject(5, "IC0505", "")),
        query("'k' get append reply", reply("'kept'")),
    ]),
    fresh("a reinstallation forgets what was", &[
        update("'k' 'lost' put reply", REPLIED),
        install("reinstall", Module::Probe, "", REPLIED),
        query("'k' get append reply", reply("")),
    ]),
    fresh("code is installed again after uninstalling", &[
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        install("install", Module::Probe, "", REPLIED),
    ]),
    empty("a canister that does not exist is not installed", &[
        send(|d| {
            let text = "(record { mode = variant { install }; canister_id = $nobody; wasm_module = blob \"\"; arg = blob \"\" })";
            let arg = crate::interface::encode("install_code", text, &d.variables);
            d.call_of("management", "install_code", arg).by_me().at("v3", "nobody", "call");
        }, reject(3, "IC0301", "")),
    ]),
    fresh("an installation that leaves too few cycles is refused", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        install("upgrade", Module::Probe, "", Expect::RejectCode(2)),
    ]),
];

#[rustfmt::skip]
const UPLOAD: &[Case] = &[
    empty("a chunk's hash comes back", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })",
            shows(&["\\ba\\78\\16\\bf\\8f\\01\\cf\\ea"])),
    ]),
    empty("somebody else does not upload", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })", NOT_CONTROLLER).by(Who::Stranger),
    ]),
    empty("an empty chunk is a chunk", &[manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"\" })", REPLIED)]),
    empty("a chunk of 1 MiB is a chunk", &[
        send(|d| chunk_of(d, 1 << 20), REPLIED),
    ]),
    empty("a chunk of more than 1 MiB is too large", &[send(|d| chunk_of(d, (1 << 20) + 1), INVALID)]),
    empty("the same chunk twice is stored once", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })", REPLIED),
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })", REPLIED).save("hash"),
        manage("stored_chunks", "(record { canister_id = $self })", shows(&["(vec { record { hash = %hash } })"])),
    ]),
    fresh("a canister uploads to itself", &[through("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })", 0, REPLIED)]),
    case("a canister does not upload to another", &[through("upload_chunk", "(record { canister_id = $peer; chunk = blob \"abc\" })", 0, Expect::RejectCode(5))]),
];

fn chunk_of(d: &mut crate::request::Draft, size: usize) {
    #[derive(candid::CandidType)]
    struct Args {
        canister_id: candid::Principal,
        chunk: serde_bytes::ByteBuf,
    }
    let args = Args {
        canister_id: candid::Principal::from_slice(&d.variables["self"]),
        chunk: vec![7; size].into(),
    };
    d.call_of("management", "upload_chunk", candid::encode_args((args,)).expect("encodes"))
        .by_me()
        .at("v3", "self", "call");
}

#[rustfmt::skip]
const CLEAR: &[Case] = &[
    empty("clearing forgets every chunk", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })", REPLIED),
        manage("clear_chunk_store", "(record { canister_id = $self })", REPLIED),
        manage("stored_chunks", "(record { canister_id = $self })", shows(&["(vec {})"])),
    ]),
    empty("clearing what is empty is fine", &[manage("clear_chunk_store", "(record { canister_id = $self })", REPLIED)]),
    empty("somebody else does not clear", &[manage("clear_chunk_store", "(record { canister_id = $self })", NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("a canister clears its own store", &[through("clear_chunk_store", "(record { canister_id = $self })", 0, REPLIED)]),
];

#[rustfmt::skip]
const STORED: &[Case] = &[
    empty("no chunks are stored at first", &[manage("stored_chunks", "(record { canister_id = $self })", shows(&["(vec {})"]))]),
    empty("stored chunks are listed", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"one\" })", REPLIED).save("one"),
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"two\" })", REPLIED).save("two"),
        manage("stored_chunks", "(record { canister_id = $self })", shows(&["%one", "%two"])),
    ]),
    empty("somebody else does not list chunks", &[manage("stored_chunks", "(record { canister_id = $self })", NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("a canister lists its own chunks", &[through("stored_chunks", "(record { canister_id = $self })", 0, shows(&["(vec {})"]))]),
    fresh("chunks survive an installation", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"one\" })", REPLIED).save("one"),
        install("reinstall", Module::Probe, "", REPLIED),
        manage("stored_chunks", "(record { canister_id = $self })", shows(&["%one"])),
    ]),
    fresh("chunks go when the canister is uninstalled", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"one\" })", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        manage("stored_chunks", "(record { canister_id = $self })", shows(&["(vec {})"])),
    ]),
];

/// `(module)`, in two chunks.
const FIRST: Step =
    manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"\\00asm\" })", REPLIED)
        .save("first_half");
const SECOND: Step =
    manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"\\01\\00\\00\\00\" })", REPLIED)
        .save("second_half");

/// The text of an installation from chunks.
macro_rules! chunked {
    ($mode:literal, $hashes:literal, $more:literal) => {
        concat!(
            "(record { mode = variant { ", $mode, " }; target_canister = $self; chunk_hashes_list = vec { ", $hashes,
            " }; wasm_module_hash = blob \"\\93\\a4\\4b\\bb\\96\\c7\\51\\21\\8e\\4c\\00\\d4\\79\\e4\\c1\\43\\58\\12\\2a\\38\\9a\\cc\\a1\\62\\05\\b1\\e4\\d0\\dc\\5f\\94\\76\"; arg = blob \"\"", $more, " })"
        )
    };
}

#[rustfmt::skip]
const CHUNKED: &[Case] = &[
    case("a version that is not the caller's installs no chunks", &[
        through("install_chunked_code", "(record { mode = variant { install }; target_canister = $self; chunk_hashes_list = vec {}; \
            wasm_module_hash = blob \"\"; arg = blob \"\"; sender_canister_version = opt 999_999_999 })", 0, WRONG_VERSION),
    ]),
    empty("code is installed from chunks", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("install", "record { hash = %first_half }; record { hash = %second_half }", ""), REPLIED),
        manage("canister_status", "(record { canister_id = $self })", shows(&["module_hash = opt blob"])),
    ]),
    empty("the order of the chunks counts", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("install", "record { hash = %second_half }; record { hash = %first_half }", ""), INVALID),
    ]),
    empty("a hash that does not fit is refused", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("install", "record { hash = %first_half }", ""), INVALID),
    ]),
    empty("a chunk that is not stored is refused", &[
        FIRST,
        manage("install_chunked_code", chunked!("install",
            "record { hash = %first_half }; record { hash = blob \"\\93\\a4\\4b\\bb\\96\\c7\\51\\21\\8e\\4c\\00\\d4\\79\\e4\\c1\\43\\58\\12\\2a\\38\\9a\\cc\\a1\\62\\05\\b1\\e4\\d0\\dc\\5f\\94\\76\" }", ""),
            INVALID),
    ]),
    empty("a hash of another length is refused", &[
        manage("install_chunked_code", chunked!("install", "record { hash = blob \"short\" }", ""), INVALID),
    ]),
    empty("somebody else does not install from chunks", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("install", "record { hash = %first_half }; record { hash = %second_half }", ""), NOT_CONTROLLER).by(Who::Stranger),
    ]),
    fresh("a canister with code is not installed from chunks", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("install", "record { hash = %first_half }; record { hash = %second_half }", ""), reject(5, "IC0538", "")),
    ]),
    fresh("a canister is upgraded from chunks", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("upgrade", "record { hash = %first_half }; record { hash = %second_half }", ""), REPLIED),
        update("reply", reject(5, "IC0536", "")),
    ]),
    fresh("a canister is reinstalled from chunks", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("reinstall", "record { hash = %first_half }; record { hash = %second_half }", ""), REPLIED),
    ]),
    empty("the store of another canister that one does not control is refused", &[
        manage("install_chunked_code", chunked!("install", "", "; store_canister = opt $nobody"), Expect::RejectCode(3)),
    ]),
    empty("one's own store may be named", &[
        FIRST, SECOND,
        manage("install_chunked_code", chunked!("install", "record { hash = %first_half }; record { hash = %second_half }", "; store_canister = opt $self"), REPLIED),
    ]),
    empty("chunks may come from another canister's store that one controls", &[
        FIRST, SECOND,
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"\\00asm\\01\\00\\00\\00\" })", REPLIED).save("whole"),
        manage("install_chunked_code", chunked!("install", "record { hash = %whole }", "; store_canister = opt $self"), REPLIED),
    ]),
    empty("no chunks make no module", &[
        manage("install_chunked_code", chunked!("install", "", ""), INVALID),
    ]),
];

#[rustfmt::skip]
const UNINSTALL: &[Case] = &[
    case("a version that is not the caller's uninstalls nothing", &[
        through("uninstall_code", "(record { canister_id = $self; sender_canister_version = opt 999_999_999 })", 0, WRONG_VERSION),
    ]),
    fresh("an uninstalled canister is empty", &[
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        update("reply", reject(5, "IC0537", "")),
        query("reply", reject(5, "IC0537", "")),
    ]),
    fresh("somebody else does not uninstall", &[manage("uninstall_code", "(record { canister_id = $self })", NOT_CONTROLLER).by(Who::Stranger)]),
    empty("an empty canister is uninstalled", &[manage("uninstall_code", "(record { canister_id = $self })", REPLIED)]),
    fresh("an uninstalled canister keeps its controllers and settings", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 77 } })", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        manage("canister_status", "(record { canister_id = $self })", shows(&["freezing_threshold = 77 : nat", "module_hash = null"])),
    ]),
    fresh("an uninstalled canister keeps its status", &[
        manage("stop_canister", "(record { canister_id = $self })", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        manage("canister_status", "(record { canister_id = $self })", shows(&["status = variant { stopped }"])),
    ]),
    fresh("an uninstalled canister has no memory", &[
        update("2 stable_grow drop reply", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        manage("canister_status", "(record { canister_id = $self })",
            shows(&["stable_memory_size = 0 : nat", "wasm_memory_size = 0 : nat", "wasm_binary_size = 0 : nat"])),
    ]),
    fresh("uninstalling rejects the calls that are open", &[
        update(
            "$management 'uninstall_code' 0x4449444c016c01b3c4b1f204680100010a $peer concat 0u128 { reply } { reject_message reject } call drop",
            rejected("ontroller")),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
    ]),
    fresh("uninstalling purges the log", &[
        update("'gone' print reply", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["canister_log_records = vec {}"])),
    ]),
    fresh("uninstalling turns the timer off", &[
        update("9000000000000000000 timer drop reply", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        install("install", Module::Probe, "0 timer 0 assert", REPLIED),
    ]),
];
