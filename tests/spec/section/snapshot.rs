//! Snapshots of canisters.

use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("ic-take_canister_snapshot", TAKE),
        section("ic-load_canister_snapshot", LOAD),
        section("ic-list_canister_snapshots", LIST),
        section("ic-delete_canister_snapshot", DELETE),
        section("ic-read_canister_snapshot_metadata", READ_METADATA),
        section("ic-read_canister_snapshot_data", READ_DATA),
        section("ic-upload_canister_snapshot_metadata", UPLOAD_METADATA),
        section("ic-upload_canister_snapshot_data", UPLOAD_DATA),
        section("ic-canister_metrics", METRICS),
        section("ic-ecdsa_public_key", LATER),
    ]
}

const SELF: &str = "(record { canister_id = $self })";
const ID: &str = "(record { canister_id = $self; snapshot_id = %id })";
const TAKEN: Step = manage("take_canister_snapshot", SELF, REPLIED).save("id");
const REFUSED: Expect = Expect::RejectCode(5);
const NOT_CONTROLLER: Expect = reject(5, "IC0512", "");

#[rustfmt::skip]
const TAKE: &[Case] = &[
    case("a version that is not the caller's takes no snapshot", &[
        through("take_canister_snapshot", "(record { canister_id = $self; sender_canister_version = opt 999_999_999 })", 0, reject(5, "IC0504", "version")),
    ]),
    fresh("a controller takes a snapshot", &[manage("take_canister_snapshot", SELF, shows(&["id = blob", "taken_at_timestamp = ", "total_size = "]))]),
    fresh("somebody else does not take a snapshot", &[manage("take_canister_snapshot", SELF, NOT_CONTROLLER).by(Who::Stranger)]),
    empty("an empty canister has no snapshot", &[manage("take_canister_snapshot", SELF, reject(4, "IC0406", ""))]),
    fresh("ten snapshots are allowed, an eleventh is not", &[
        TAKEN, TAKEN, TAKEN, TAKEN, TAKEN, TAKEN, TAKEN, TAKEN, TAKEN, TAKEN,
        manage("take_canister_snapshot", SELF, reject(4, "IC0406", "")),
    ]),
    fresh("a snapshot replaces another", &[
        TAKEN,
        manage("take_canister_snapshot", "(record { canister_id = $self; replace_snapshot = opt %id })", REPLIED).save("other"),
        manage("list_canister_snapshots", SELF, shows(&["(vec { record { id = %other"])),
    ]),
    fresh("a snapshot that is not there is not replaced", &[
        manage("take_canister_snapshot", "(record { canister_id = $self; replace_snapshot = opt blob \"no snapshot\" })", reject(3, "IC0305", "")),
    ]),
    fresh("a snapshot uninstalls the code where that is wished", &[
        manage("take_canister_snapshot", "(record { canister_id = $self; uninstall_code = opt true })", REPLIED),
        update("reply", reject(5, "IC0537", "")),
    ]),
    fresh("snapshots count in the status", &[
        TAKEN,
        manage("canister_status", SELF, shows(&["snapshots_size = 1"])),
    ]),
];

#[rustfmt::skip]
const LOAD: &[Case] = &[
    case("a version that is not the caller's loads no snapshot", &[
        through("load_canister_snapshot", "(record { canister_id = $self; snapshot_id = blob \"\"; sender_canister_version = opt 999_999_999 })", 0,
            reject(5, "IC0504", "version")),
    ]),
    fresh("a loaded snapshot brings the heap back", &[
        update("'k' 'old' put reply", REPLIED), TAKEN, update("'k' 'new' put reply", REPLIED),
        manage("load_canister_snapshot", ID, REPLIED),
        query("'k' get append reply", reply("'old'")),
    ]),
    fresh("a loaded snapshot brings stable memory back", &[
        update("1 stable_grow drop 0 'old' stable_write reply", REPLIED), TAKEN, update("0 'new' stable_write reply", REPLIED),
        manage("load_canister_snapshot", ID, REPLIED),
        query("0 3 stable_read append reply", reply("'old'")),
    ]),
    fresh("a loaded snapshot brings the code back", &[
        TAKEN,
        install("reinstall", Module::Text("(module)"), "", REPLIED),
        manage("load_canister_snapshot", ID, REPLIED),
        update("'back' append reply", reply("'back'")),
    ]),
    fresh("somebody else does not load", &[TAKEN, manage("load_canister_snapshot", ID, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("a snapshot that is not there is not loaded", &[
        manage("load_canister_snapshot", "(record { canister_id = $self; snapshot_id = blob \"no snapshot\" })", reject(3, "IC0305", "")),
    ]),
    fresh("loading is in the history", &[
        TAKEN, manage("load_canister_snapshot", ID, REPLIED),
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", shows(&["load_snapshot = record", "taken_from_canister"])),
    ]),
    fresh("a snapshot may be loaded twice", &[TAKEN, manage("load_canister_snapshot", ID, REPLIED), manage("load_canister_snapshot", ID, REPLIED)]),
    fresh("a snapshot is loaded after uninstalling", &[
        update("'k' 'old' put reply", REPLIED), TAKEN,
        manage("uninstall_code", SELF, REPLIED),
        manage("load_canister_snapshot", ID, REPLIED),
        query("'k' get append reply", reply("'old'")),
    ]),
];

#[rustfmt::skip]
const LIST: &[Case] = &[
    fresh("there are no snapshots at first", &[manage("list_canister_snapshots", SELF, shows(&["(vec {})"]))]),
    fresh("snapshots are listed", &[TAKEN, manage("list_canister_snapshots", SELF, shows(&["id = %id"]))]),
    fresh("somebody else does not list snapshots", &[manage("list_canister_snapshots", SELF, REFUSED).by(Who::Stranger)]),
    fresh("public snapshots are listed by everybody", &[
        TAKEN,
        manage("update_settings", "(record { canister_id = $self; settings = record { snapshot_visibility = opt variant { public } } })", REPLIED),
        manage("list_canister_snapshots", SELF, shows(&["id = %id"])).by(Who::Stranger),
    ]),
    fresh("allowed viewers list snapshots", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { snapshot_visibility = opt variant { allowed_viewers = vec { $stranger } } } })", REPLIED),
        manage("list_canister_snapshots", SELF, shows(&["(vec {})"])).by(Who::Stranger),
        manage("list_canister_snapshots", SELF, REFUSED).by(Who::Anonymous),
    ]),
];

#[rustfmt::skip]
const DELETE: &[Case] = &[
    fresh("a deleted snapshot is gone", &[
        TAKEN, manage("delete_canister_snapshot", ID, REPLIED),
        manage("list_canister_snapshots", SELF, shows(&["(vec {})"])),
        manage("load_canister_snapshot", ID, reject(3, "IC0305", "")),
    ]),
    fresh("a deleted snapshot is not deleted again", &[
        TAKEN, manage("delete_canister_snapshot", ID, REPLIED), manage("delete_canister_snapshot", ID, reject(3, "IC0305", "")),
    ]),
    fresh("somebody else does not delete a snapshot", &[TAKEN, manage("delete_canister_snapshot", ID, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("a snapshot that never was is not deleted", &[
        manage("delete_canister_snapshot", "(record { canister_id = $self; snapshot_id = blob \"no snapshot\" })", reject(3, "IC0305", "")),
    ]),
];

#[rustfmt::skip]
const READ_METADATA: &[Case] = &[
    fresh("metadata tells where a snapshot is from", &[
        update("2 stable_grow drop 'sure' certify reply", REPLIED), TAKEN,
        manage("read_canister_snapshot_metadata", ID, shows(&["source = variant { taken_from_canister", "stable_memory_size = 131_072 : nat64",
            "certified_data = blob \"sure\"", "global_timer = opt variant { inactive }", "globals = vec", "wasm_chunk_store = vec {}"])),
    ]),
    fresh("metadata tells the timer", &[
        update("9000000000000000000 timer drop reply", REPLIED), TAKEN,
        manage("read_canister_snapshot_metadata", ID, shows(&["global_timer = opt variant { active = 9_000_000_000_000_000_000"])),
    ]),
    fresh("metadata of a snapshot that is not there is not read", &[
        manage("read_canister_snapshot_metadata", "(record { canister_id = $self; snapshot_id = blob \"no snapshot\" })", reject(3, "IC0305", "")),
    ]),
    fresh("somebody else does not read metadata", &[TAKEN, manage("read_canister_snapshot_metadata", ID, REFUSED).by(Who::Stranger)]),
];

/// The text of a read of data.
macro_rules! read {
    ($kind:literal) => {
        concat!("(record { canister_id = $self; snapshot_id = %id; kind = variant { ", $kind, " } })")
    };
}

#[rustfmt::skip]
const READ_DATA: &[Case] = &[
    fresh("stable memory is read", &[
        update("1 stable_grow drop 0 'stable data' stable_write reply", REPLIED), TAKEN,
        manage("read_canister_snapshot_data", read!("stable_memory = record { offset = 7; size = 4 }"), shows(&["chunk = blob \"data\""])),
    ]),
    fresh("the module is read", &[
        TAKEN, manage("read_canister_snapshot_data", read!("wasm_module = record { offset = 1; size = 3 }"), shows(&["chunk = blob \"asm\""])),
    ]),
    fresh("the heap is read", &[
        TAKEN, manage("read_canister_snapshot_data", read!("wasm_memory = record { offset = 0; size = 4 }"), shows(&["chunk = blob"])),
    ]),
    fresh("a chunk is read", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"a chunk\" })", REPLIED).save("hash"), TAKEN,
        manage("read_canister_snapshot_data", read!("wasm_chunk = record { hash = %hash }"), shows(&["chunk = blob \"a chunk\""])),
    ]),
    fresh("data beyond the end is not read", &[
        TAKEN, manage("read_canister_snapshot_data", read!("stable_memory = record { offset = 0; size = 1 }"), INVALID),
    ]),
    fresh("data whose end overflows is not read", &[
        TAKEN, manage("read_canister_snapshot_data", read!("wasm_memory = record { offset = 18_446_744_073_709_551_615; size = 2 }"), INVALID),
    ]),
    fresh("a chunk that is not there is not read", &[
        TAKEN, manage("read_canister_snapshot_data", read!("wasm_chunk = record { hash = %id }"), INVALID),
    ]),
    fresh("somebody else does not read data", &[
        TAKEN, manage("read_canister_snapshot_data", read!("wasm_module = record { offset = 0; size = 4 }"), REFUSED).by(Who::Stranger),
    ]),
];

const METADATA: &str = "(record { canister_id = $self; wasm_module_size = 8; globals = vec {}; wasm_memory_size = 0; \
    stable_memory_size = 65_536; certified_data = blob \"new\" })";
const UPLOADED: Step = manage("upload_canister_snapshot_metadata", METADATA, REPLIED).save("id");

#[rustfmt::skip]
const UPLOAD_METADATA: &[Case] = &[
    fresh("metadata makes a snapshot", &[
        UPLOADED,
        manage("read_canister_snapshot_metadata", ID, shows(&["source = variant { metadata_upload", "stable_memory_size = 65_536 : nat64", "certified_data = blob \"new\""])),
    ]),
    fresh("somebody else does not upload metadata", &[manage("upload_canister_snapshot_metadata", METADATA, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("an uploaded snapshot is listed", &[UPLOADED, manage("list_canister_snapshots", SELF, shows(&["id = %id"]))]),
];

/// The text of an upload of data.
macro_rules! upload {
    ($kind:literal, $chunk:literal) => {
        concat!(
            "(record { canister_id = $self; snapshot_id = %id; kind = variant { ",
            $kind,
            " }; chunk = blob \"",
            $chunk,
            "\" })"
        )
    };
}

#[rustfmt::skip]
const UPLOAD_DATA: &[Case] = &[
    fresh("an uploaded snapshot is loaded", &[
        UPLOADED,
        manage("upload_canister_snapshot_data", upload!("wasm_module = record { offset = 0 }", "\\00asm\\01\\00\\00\\00"), REPLIED),
        manage("upload_canister_snapshot_data", upload!("stable_memory = record { offset = 5 }", "hello"), REPLIED),
        manage("load_canister_snapshot", ID, REPLIED),
        install("upgrade", Module::Probe, "5 5 stable_read 'hello' assert", REPLIED),
    ]),
    fresh("data beyond the end is not uploaded", &[
        UPLOADED,
        manage("upload_canister_snapshot_data", upload!("wasm_module = record { offset = 1 }", "\\00asm\\01\\00\\00\\00"), INVALID),
    ]),
    fresh("data is not uploaded to a snapshot that was taken", &[
        TAKEN,
        manage("upload_canister_snapshot_data", upload!("wasm_module = record { offset = 0 }", "\\00asm"), reject(4, "IC0409", "")),
    ]),
    fresh("somebody else does not upload data", &[
        UPLOADED,
        manage("upload_canister_snapshot_data", upload!("wasm_module = record { offset = 0 }", "\\00asm"), NOT_CONTROLLER).by(Who::Stranger),
    ]),
    fresh("a chunk is uploaded", &[
        UPLOADED,
        manage("upload_canister_snapshot_data", upload!("wasm_chunk", "a chunk"), REPLIED),
    ]),
];

#[rustfmt::skip]
const METRICS: &[Case] = &[
    fresh("a controller asks for the metrics", &[manage("canister_metrics", SELF, REPLIED)]),
    fresh("a controller asks for the metrics by a query", &[manage_query("canister_metrics", SELF, REPLIED)]),
    fresh("somebody else does not ask for the metrics", &[manage("canister_metrics", SELF, NOT_CONTROLLER).by(Who::Stranger)]),
];

/// What comes in later versions is rejected, and says so.
#[rustfmt::skip]
const LATER: &[Case] = &[
    case("ECDSA keys are rejected", &[through("ecdsa_public_key", "(record { derivation_path = vec {}; key_id = record { name = \"k\"; curve = variant { secp256k1 } } })", 0, REFUSED)]),
    case("users cannot ask for ECDSA keys", &[manage("ecdsa_public_key", "(record {})", REFUSED)]),
];
