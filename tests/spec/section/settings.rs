//! Creating canisters and changing their settings.

use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("ic-create_canister", CREATE),
        section("ic-update_settings", UPDATE),
        section("ic-update_settings", LIMITS),
        section("ic-list_canisters", LIST),
    ]
}

const SELF: &str = "(record { canister_id = $self })";

/// The text of a change of settings.
macro_rules! change {
    ($settings:literal) => {
        concat!("(record { canister_id = $self; settings = record { ", $settings, " } })")
    };
}

const REFUSED: Expect = Expect::RejectCode(5);
/// The caller names a version in a call that is not its own.
const WRONG_VERSION: Expect = reject(5, "IC0504", "version");

#[rustfmt::skip]
const CREATE: &[Case] = &[
    nowhere("a user creates no canister", &[manage("create_canister", "(record {})", NOT_ALLOWED)]),
    case("a canister creates a canister", &[through("create_canister", "(record {})", 2_000_000_000_000, shows(&["canister_id"]))]),
    case("its creator controls it", &[
        through("create_canister", "(record {})", 2_000_000_000_000, REPLIED).save("new"),
        through("canister_status", "(record { canister_id = $new })", 0, shows(&["controllers = vec { $self }", "status = variant { running }", "module_hash = null"])),
    ]),
    case("its creator is no controller where others are named", &[
        through("create_canister", "(record { settings = opt record { controllers = opt vec { $stranger } } })", 2_000_000_000_000, REPLIED).save("new"),
        through("canister_status", "(record { canister_id = $new })", 0, REFUSED),
    ]),
    case("a canister without controllers is created", &[
        through("create_canister", "(record { settings = opt record { controllers = opt vec {} } })", 2_000_000_000_000, REPLIED),
    ]),
    case("too few cycles create no canister", &[through("create_canister", "(record {})", 1_000, Expect::RejectCode(4))]),
    case("no cycles create no canister", &[through("create_canister", "(record {})", 0, Expect::RejectCode(4))]),
    case("settings are given at creation", &[
        through("create_canister", "(record { settings = opt record { freezing_threshold = opt 7; wasm_memory_limit = opt 9; \
            log_visibility = opt variant { public } } })", 2_000_000_000_000, REPLIED).save("new"),
        through("canister_status", "(record { canister_id = $new })", 0,
            shows(&["freezing_threshold = 7 : nat", "wasm_memory_limit = 9 : nat", "log_visibility = variant { public }"])),
    ]),
    case("wrong settings create no canister", &[
        through("create_canister", "(record { settings = opt record { compute_allocation = opt 101 } })", 2_000_000_000_000, REFUSED),
    ]),
    case("a version that is not the caller's creates no canister", &[
        through("create_canister", "(record { sender_canister_version = opt 999_999_999 })", 2_000_000_000_000, WRONG_VERSION),
    ]),
    case("the caller's version creates a canister", &[
        update("$management 'create_canister' 0x4449444c026e786c01ca9998b40d00010101 version concat 2_000_000_000_000u128 \
            { 'made' append reply } { reject_message append reply } call 0u32 assert", reply("'made'")),
    ]),
    case("the cycles that are not the fee are the new canister's", &[
        through("create_canister", "(record {})", 7_000_000_000_000, REPLIED).save("new"),
        through("canister_status", "(record { canister_id = $new })", 0, shows(&["cycles = 6_"])),
    ]),
];

#[rustfmt::skip]
const UPDATE: &[Case] = &[
    empty("a controller changes settings", &[manage("update_settings", change!("freezing_threshold = opt 7"), REPLIED)]),
    case("a version that is not the caller's changes no settings", &[
        through("update_settings", "(record { canister_id = $self; settings = record {}; sender_canister_version = opt 999_999_999 })", 0, WRONG_VERSION),
    ]),
    empty("a user has no version, and may name any", &[
        manage("update_settings", "(record { canister_id = $self; settings = record {}; sender_canister_version = opt 999_999_999 })", REPLIED),
    ]),
    empty("somebody else does not change settings", &[manage("update_settings", change!("freezing_threshold = opt 7"), reject(5, "IC0512", "")).by(Who::Stranger)]),
    empty("what is not named does not change", &[
        manage("update_settings", change!("freezing_threshold = opt 7"), REPLIED),
        manage("update_settings", change!("wasm_memory_limit = opt 9"), REPLIED),
        manage("canister_status", SELF, shows(&["freezing_threshold = 7 : nat", "wasm_memory_limit = 9 : nat", "controllers = vec { $me }"])),
    ]),
    empty("controllers are replaced", &[
        manage("update_settings", change!("controllers = opt vec { $stranger }"), REPLIED),
        manage("canister_status", SELF, reject(5, "IC0512", "")),
        manage("canister_status", SELF, shows(&["controllers = vec { $stranger }"])).by(Who::Stranger),
    ]),
    empty("ten controllers are allowed", &[
        manage("update_settings", change!("controllers = opt vec { $me; $stranger; $probe; $peer; $nobody; $first; $subnet; $anonymous; $self; $management }"), REPLIED),
    ]),
    empty("eleven controllers are too many", &[
        send(|d| {
            for number in 0..11u8 { d.variables.insert(format!("c{number}"), vec![number, 7]); }
            let list = (0..11).map(|number| format!("$c{number}; ")).collect::<String>();
            let text = format!("(record {{ canister_id = $self; settings = record {{ controllers = opt vec {{ {list} }} }} }})");
            let arg = crate::interface::encode("update_settings", &text, &d.variables);
            d.call_of("management", "update_settings", arg).by_me().at("v3", "self", "call");
        }, INVALID),
    ]),
    empty("the anonymous user may be a controller", &[
        manage("update_settings", change!("controllers = opt vec { $anonymous }"), REPLIED),
        manage("canister_status", SELF, shows(&["controllers = vec { $anonymous }"])).by(Who::Anonymous),
    ]),
    empty("a compute allocation of 101 is refused", &[manage("update_settings", change!("compute_allocation = opt 101"), REFUSED)]),
    empty("a compute allocation of zero is fine", &[manage("update_settings", change!("compute_allocation = opt 0"), REPLIED)]),
    empty("a compute allocation of one is told", &[
        manage("update_settings", change!("compute_allocation = opt 1"), REPLIED),
        manage("canister_status", SELF, shows(&["compute_allocation = 1 : nat"])),
    ]),
    empty("a memory allocation is told", &[
        manage("update_settings", change!("memory_allocation = opt 1_000_000"), REPLIED),
        manage("canister_status", SELF, shows(&["memory_allocation = 1_000_000 : nat"])),
    ]),
    empty("a memory allocation of 2^64 is refused", &[manage("update_settings", change!("memory_allocation = opt 18_446_744_073_709_551_616"), REFUSED)]),
    empty("a freezing threshold of 2^64 is refused", &[manage("update_settings", change!("freezing_threshold = opt 18_446_744_073_709_551_616"), REFUSED)]),
    empty("a freezing threshold of 2^64 - 1 is told", &[
        manage("update_settings", change!("freezing_threshold = opt 18_446_744_073_709_551_615"), REPLIED),
        manage("canister_status", SELF, shows(&["freezing_threshold = 18_446_744_073_709_551_615 : nat"])),
    ]),
    empty("a limit of reserved cycles is told", &[
        manage("update_settings", change!("reserved_cycles_limit = opt 7"), REPLIED),
        manage("canister_status", SELF, shows(&["reserved_cycles_limit = 7 : nat"])),
    ]),
    empty("a limit of reserved cycles of 2^128 is refused", &[
        manage("update_settings", change!("reserved_cycles_limit = opt 340_282_366_920_938_463_463_374_607_431_768_211_456"), REFUSED),
    ]),
    empty("a minimum of incoming cycles is told", &[
        manage("update_settings", change!("minimum_incoming_canister_call_cycles = opt 7"), REPLIED),
        manage("canister_status", SELF, shows(&["minimum_incoming_canister_call_cycles = 7 : nat"])),
    ]),
    empty("a minimum of incoming cycles of 2^128 is refused", &[
        manage("update_settings", change!("minimum_incoming_canister_call_cycles = opt 340_282_366_920_938_463_463_374_607_431_768_211_456"), REFUSED),
    ]),
    empty("a limit of Wasm memory is told", &[
        manage("update_settings", change!("wasm_memory_limit = opt 7"), REPLIED),
        manage("canister_status", SELF, shows(&["wasm_memory_limit = 7 : nat"])),
    ]),
    empty("a limit of Wasm memory of 2^48 is told", &[
        manage("update_settings", change!("wasm_memory_limit = opt 281_474_976_710_656"), REPLIED),
        manage("canister_status", SELF, shows(&["wasm_memory_limit = 281_474_976_710_656 : nat"])),
    ]),
    empty("a limit of Wasm memory above 2^48 is refused", &[manage("update_settings", change!("wasm_memory_limit = opt 281_474_976_710_657"), REFUSED)]),
    empty("a threshold of Wasm memory is told", &[
        manage("update_settings", change!("wasm_memory_threshold = opt 7"), REPLIED),
        manage("canister_status", SELF, shows(&["wasm_memory_threshold = 7 : nat"])),
    ]),
    empty("a threshold of Wasm memory above 2^48 is refused", &[manage("update_settings", change!("wasm_memory_threshold = opt 281_474_976_710_657"), REFUSED)]),
    empty("a log of no bytes is allowed", &[
        manage("update_settings", change!("log_memory_limit = opt 0"), REPLIED),
        manage("canister_status", SELF, shows(&["log_memory_limit = 0 : nat"])),
    ]),
    empty("a log of one byte is refused", &[manage("update_settings", change!("log_memory_limit = opt 1"), REFUSED)]),
    empty("a log of 4,095 bytes is refused", &[manage("update_settings", change!("log_memory_limit = opt 4_095"), REFUSED)]),
    empty("a log of 2 MiB is allowed", &[
        manage("update_settings", change!("log_memory_limit = opt 2_097_152"), REPLIED),
        manage("canister_status", SELF, shows(&["log_memory_limit = 2_097_152 : nat"])),
    ]),
    empty("a log of more than 2 MiB is refused", &[manage("update_settings", change!("log_memory_limit = opt 2_097_153"), REFUSED)]),
    empty("visibility of logs is told", &[
        manage("update_settings", change!("log_visibility = opt variant { allowed_viewers = vec { $stranger } }"), REPLIED),
        manage("canister_status", SELF, shows(&["log_visibility = variant { allowed_viewers = vec { $stranger } }"])),
    ]),
    empty("visibility of snapshots is told", &[
        manage("update_settings", change!("snapshot_visibility = opt variant { public }"), REPLIED),
        manage("canister_status", SELF, shows(&["snapshot_visibility = variant { public }"])),
    ]),
    empty("visibility of the status is told", &[
        manage("update_settings", change!("status_visibility = opt variant { allowed_viewers = vec { $stranger } }"), REPLIED),
        manage("canister_status", SELF, shows(&["status_visibility = variant { allowed_viewers = vec { $stranger } }"])),
    ]),
    empty("ten viewers are allowed", &[
        manage("update_settings", change!("log_visibility = opt variant { allowed_viewers = vec { $me; $stranger; $probe; $peer; $nobody; $first; $subnet; $anonymous; $self; $management } }"), REPLIED),
    ]),
    empty("eleven viewers are too many", &[
        send(|d| {
            for number in 0..11u8 { d.variables.insert(format!("c{number}"), vec![number, 7]); }
            let list = (0..11).map(|number| format!("$c{number}; ")).collect::<String>();
            let text = format!("(record {{ canister_id = $self; settings = record {{ log_visibility = opt variant {{ allowed_viewers = vec {{ {list} }} }} }} }})");
            let arg = crate::interface::encode("update_settings", &text, &d.variables);
            d.call_of("management", "update_settings", arg).by_me().at("v3", "self", "call");
        }, INVALID),
    ]),
    empty("environment variables are replaced", &[
        manage("update_settings", change!("environment_variables = opt vec { record { name = \"A\"; value = \"1\" } }"), REPLIED),
        manage("canister_status", SELF, shows(&["environment_variables = vec { record {", "value = \"1\"", "name = \"A\""])),
    ]),
    empty("a variable's name may stand once", &[
        manage("update_settings", change!("environment_variables = opt vec { record { name = \"A\"; value = \"1\" }; record { name = \"A\"; value = \"2\" } }"), INVALID),
    ]),
    empty("twenty variables are allowed, twenty-one are too many", &[
        send(|d| variables(d, 20, 1), REPLIED),
        send(|d| variables(d, 21, 1), INVALID),
    ]),
    empty("a variable's value of 128 bytes is allowed, of 129 too long", &[
        send(|d| variables(d, 1, 128), REPLIED),
        send(|d| variables(d, 1, 129), INVALID),
    ]),
    fresh("a canister that is its own controller changes its settings", &[
        manage("update_settings", change!("controllers = opt vec { $me; $self }"), REPLIED),
        through("update_settings", change!("freezing_threshold = opt 7"), 0, REPLIED),
        manage("canister_status", SELF, shows(&["freezing_threshold = 7 : nat"])),
    ]),
    fresh("a refused change changes nothing", &[
        manage("update_settings", change!("freezing_threshold = opt 7; compute_allocation = opt 101"), REFUSED),
        manage("canister_status", SELF, shows(&["freezing_threshold = 2_592_000 : nat"])),
    ]),
];

fn variables(d: &mut crate::request::Draft, count: usize, length: usize) {
    let value = "v".repeat(length);
    let list = (0..count)
        .map(|number| format!("record {{ name = \"N{number}\"; value = \"{value}\" }}; "))
        .collect::<String>();
    let text = format!(
        "(record {{ canister_id = $self; settings = record {{ environment_variables = opt vec {{ {list} }} }} }})"
    );
    let arg = crate::interface::encode("update_settings", &text, &d.variables);
    d.call_of("management", "update_settings", arg).by_me().at("v3", "self", "call");
}

#[rustfmt::skip]
const LIMITS: &[Case] = &[
    fresh("an update beyond the limit of Wasm memory traps", &[
        manage("update_settings", change!("wasm_memory_limit = opt 2_000_000"), REPLIED),
        update("100 heap_grow drop reply", reject(5, "IC0539", "limit")),
        update("'alive' append reply", reply("'alive'")),
    ]),
    fresh("a query ignores the limit of Wasm memory", &[
        manage("update_settings", change!("wasm_memory_limit = opt 2_000_000"), REPLIED),
        query("100 heap_grow drop 'ok' append reply", reply("'ok'")),
    ]),
    fresh("a reply callback ignores the limit of Wasm memory", &[
        manage("update_settings", change!("wasm_memory_limit = opt 2_000_000"), REPLIED),
        update("$peer 'ask' { reply } 0u128 { 100 heap_grow drop 'ok' append reply } { } call drop", reply("'ok'")),
    ]),
    fresh("canister_pre_upgrade ignores the limit of Wasm memory", &[
        update("0u8 { 100 heap_grow drop } keep reply", REPLIED),
        manage("update_settings", change!("wasm_memory_limit = opt 2_000_000"), REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
    ]),
    fresh("canister_init beyond the limit of Wasm memory traps", &[
        manage("update_settings", change!("wasm_memory_limit = opt 2_000_000"), REPLIED),
        install("reinstall", Module::Probe, "100 heap_grow drop", reject(5, "IC0539", "")),
    ]),
    fresh("canister_post_upgrade beyond the limit of Wasm memory traps", &[
        manage("update_settings", change!("wasm_memory_limit = opt 2_000_000"), REPLIED),
        install("upgrade", Module::Probe, "100 heap_grow drop", reject(5, "IC0539", "")),
    ]),
    fresh("a call with fewer cycles than the minimum is rejected and refunded", &[
        manage("update_settings", change!("minimum_incoming_canister_call_cycles = opt 1_000"), REPLIED),
        update_to("probe", "run", "$self 'run' { reply } 999u128 { 'replied' trap } { reject_code append refunded append reply } call drop", reply("5u32 999u128")),
    ]),
    fresh("a call with the minimum of cycles is taken", &[
        manage("update_settings", change!("minimum_incoming_canister_call_cycles = opt 1_000"), REPLIED),
        update_to("probe", "run", "$self 'run' { 'ok' append reply } 1_000u128 { argument append reply } { reject_message trap } call drop", reply("'ok'")),
    ]),
    fresh("a user's call is not subject to the minimum", &[
        manage("update_settings", change!("minimum_incoming_canister_call_cycles = opt 1_000"), REPLIED),
        update("'ok' append reply", reply("'ok'")),
    ]),
    fresh("a call of oneself is not subject to the minimum", &[
        manage("update_settings", change!("minimum_incoming_canister_call_cycles = opt 1_000"), REPLIED),
        update("$self 'run' { 'ok' append reply } 0u128 { argument append reply } { reject_message trap } call drop", reply("'ok'")),
    ]),
    fresh("a larger log keeps more", &[
        manage("update_settings", change!("log_memory_limit = opt 100_000"), REPLIED),
        update("10 { 65u8 1000 fill print } repeat reply", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["idx = 0", "idx = 9"])),
    ]),
    fresh("a log of no bytes keeps nothing", &[
        manage("update_settings", change!("log_memory_limit = opt 0"), REPLIED),
        update("'gone' print reply", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["canister_log_records = vec {}"])),
    ]),
];

#[rustfmt::skip]
const LIST: &[Case] = &[
    nowhere("a user who is no subnet admin lists none", &[
        send(|d| { let arg = crate::interface::encode("list_canisters", "(record {})", &d.variables);
            d.query_of("management", "list_canisters", arg).by_me().at("v3", "first", "query"); }, NOT_ALLOWED),
    ]),
    nowhere("canisters are not listed by an update", &[manage("list_canisters", "(record {})", NOT_ALLOWED)]),
    case("a canister's replicated call lists none", &[through("list_canisters", "(record {})", 0, REFUSED)]),
];
