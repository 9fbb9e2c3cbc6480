//! Starting, stopping, deleting; what a canister is and was; logs and randomness.

use super::section;
use crate::answer::Outcome;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("canister-lifecycle", LIFE),
        section("canister-status", STATUS),
        section("ic-stop_canister", STOPPING),
        section("ic-start_canister", STARTING),
        section("ic-delete_canister", DELETING),
        section("ic-canister_status", CANISTER_STATUS),
        section("ic-canister_info", INFO),
        section("ic-canister_metadata", METADATA),
        section("ic-raw_rand", RANDOM),
        section("ic-fetch_canister_logs", LOGS),
        section("ic-subnet_info", SUBNET_INFO),
        section("ic-node_metrics_history", NODE_METRICS),
    ]
}

const SELF: &str = "(record { canister_id = $self })";
const NOT_CONTROLLER: Expect = reject(5, "IC0512", "ontroller");

#[rustfmt::skip]
const LIFE: &[Case] = &[
    empty("a created canister is empty and runs", &[
        manage("canister_status", SELF, shows(&["status = variant { running }", "module_hash = null"])),
    ]),
    empty("an empty canister takes no calls", &[update("reply", reject(5, "IC0537", ""))]),
    empty("an empty canister is stopped", &[
        manage("stop_canister", SELF, REPLIED),
        manage("canister_status", SELF, shows(&["status = variant { stopped }"])),
    ]),
    fresh("an installed canister is not empty", &[manage("canister_status", SELF, shows(&["module_hash = opt blob"]))]),
    fresh("a canister whose controllers are taken away is not managed any more", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec {} } })", REPLIED),
        manage("canister_status", SELF, NOT_CONTROLLER),
        update("'alive' append reply", reply("'alive'")),
    ]),
];

#[rustfmt::skip]
const STATUS: &[Case] = &[
    fresh("a running canister takes calls", &[update("reply", REPLIED)]),
    fresh("a stopped canister takes no calls", &[manage("stop_canister", SELF, REPLIED), update("reply", reject(5, "IC0508", "stopped"))]),
    fresh("a stopped canister takes no queries", &[manage("stop_canister", SELF, REPLIED), query("reply", reject(5, "IC0508", "stopped"))]),
    fresh("a stopped canister takes no calls of canisters", &[
        manage("stop_canister", SELF, REPLIED),
        update_to("probe", "run", "$self 'run' { reply } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("5u32")),
    ]),
    fresh("a stopped canister is managed", &[
        manage("stop_canister", SELF, REPLIED),
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 5 } })", REPLIED),
        manage("canister_status", SELF, shows(&["freezing_threshold = 5 : nat"])),
    ]),
];

#[rustfmt::skip]
const STOPPING: &[Case] = &[
    fresh("a canister without open calls is stopped at once", &[
        manage("stop_canister", SELF, REPLIED),
        manage("canister_status", SELF, shows(&["status = variant { stopped }"])),
    ]),
    fresh("a stopped canister is stopped again", &[manage("stop_canister", SELF, REPLIED), manage("stop_canister", SELF, REPLIED)]),
    fresh("somebody else does not stop", &[manage("stop_canister", SELF, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("the canister itself does not stop itself unless it is a controller", &[
        update("$management 'stop_canister' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { 'replied' trap } { reject_code append reply } call drop",
            reply("5u32")),
    ]),
    fresh("a canister that controls itself cannot stop before its call has ended", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $self } } })", REPLIED),
        update("$management 'stop_canister' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { 's' status put } { 's' status put } call drop \
                'asked' append reply", reply("'asked'")),
    ]),
    fresh("a controller that is a canister stops", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $probe } } })", REPLIED),
        update_to("probe", "run", "$management 'stop_canister' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { 'ok' append reply } { reject_message trap } call drop",
            reply("'ok'")),
        update("reply", reject(5, "IC0508", "")),
    ]),
    nowhere("a canister that does not exist is not stopped", &[
        send(|d| { let arg = crate::interface::encode("stop_canister", "(record { canister_id = $nobody })", &d.variables);
            d.call_of("management", "stop_canister", arg).by_me().at("v3", "nobody", "call"); }, reject(3, "IC0301", "")),
    ]),
];

#[rustfmt::skip]
const STARTING: &[Case] = &[
    fresh("a stopped canister is started", &[
        manage("stop_canister", SELF, REPLIED), manage("start_canister", SELF, REPLIED), update("'ok' append reply", reply("'ok'")),
    ]),
    fresh("a running canister is started again", &[manage("start_canister", SELF, REPLIED), update("'ok' append reply", reply("'ok'"))]),
    fresh("somebody else does not start", &[manage("start_canister", SELF, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("a started canister remembers", &[
        update("'k' 'kept' put reply", REPLIED),
        manage("stop_canister", SELF, REPLIED), manage("start_canister", SELF, REPLIED),
        query("'k' get append reply", reply("'kept'")),
    ]),
];

#[rustfmt::skip]
const DELETING: &[Case] = &[
    fresh("a stopped canister is deleted", &[
        manage("stop_canister", SELF, REPLIED), manage("delete_canister", SELF, REPLIED),
        update("reply", reject(3, "IC0301", "")),
        query("reply", reject(3, "IC0301", "")),
    ]),
    fresh("a running canister is not deleted", &[manage("delete_canister", SELF, reject(5, "IC0510", "stop"))]),
    fresh("somebody else does not delete", &[
        manage("stop_canister", SELF, REPLIED), manage("delete_canister", SELF, NOT_CONTROLLER).by(Who::Stranger),
    ]),
    fresh("a deleted canister is not managed", &[
        manage("stop_canister", SELF, REPLIED), manage("delete_canister", SELF, REPLIED), manage("canister_status", SELF, reject(3, "IC0301", "")),
    ]),
    fresh("a deleted canister is not deleted again", &[
        manage("stop_canister", SELF, REPLIED), manage("delete_canister", SELF, REPLIED), manage("delete_canister", SELF, reject(3, "IC0301", "")),
    ]),
];

#[rustfmt::skip]
const CANISTER_STATUS: &[Case] = &[
    fresh("a controller asks for the status", &[manage("canister_status", SELF, shows(&["status = variant { running }"]))]),
    fresh("a controller asks for the status by a query", &[manage_query("canister_status", SELF, shows(&["status = variant { running }"]))]),
    fresh("somebody else does not ask for the status", &[manage("canister_status", SELF, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("somebody else does not ask for the status by a query", &[manage_query("canister_status", SELF, NOT_CONTROLLER).by(Who::Stranger)]),
    fresh("the canister itself asks for its status", &[through("canister_status", SELF, 0, shows(&["status = variant { running }"]))]),
    fresh("the status names controllers and settings", &[
        manage("canister_status", SELF, shows(&["controllers = vec { $me }", "compute_allocation = 0 : nat", "memory_allocation = 0 : nat",
            "freezing_threshold = 2_592_000 : nat", "reserved_cycles_limit = 5_000_000_000_000 : nat",
            "minimum_incoming_canister_call_cycles = 0 : nat", "log_visibility = variant { controllers }",
            "snapshot_visibility = variant { controllers }", "status_visibility = variant { controllers }",
            "wasm_memory_limit = 0 : nat", "wasm_memory_threshold = 0 : nat", "log_memory_limit = 4_096 : nat"])),
    ]),
    fresh("the status names environment variables", &[
        manage("canister_status", SELF, shows(&["environment_variables = vec { record {", "value = \"probing\"", "name = \"PROBE\""])),
    ]),
    fresh("the status names memory and cycles", &[
        manage("canister_status", SELF, shows(&["memory_size = ", "wasm_memory_size = ", "stable_memory_size = 0 : nat", "global_memory_size = ",
            "wasm_binary_size = ", "custom_sections_size = ", "canister_history_size = ", "wasm_chunk_store_size = 0 : nat", "snapshots_size = 0 : nat",
            "cycles = ", "reserved_cycles = 0 : nat", "idle_cycles_burned_per_day = ", "query_stats = record"])),
    ]),
    empty("the status of an empty canister names no module", &[manage("canister_status", SELF, shows(&["module_hash = null"]))]),
    fresh("a running canister is not ready for migration", &[manage("canister_status", SELF, shows(&["ready_for_migration = false"]))]),
    fresh("a stopped canister is ready for migration", &[
        manage("stop_canister", SELF, REPLIED),
        manage("canister_status", SELF, shows(&["ready_for_migration = true"])),
    ]),
    fresh("a public status is for everybody", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { status_visibility = opt variant { public } } })", REPLIED),
        manage("canister_status", SELF, shows(&["status_visibility = variant { public }"])).by(Who::Stranger),
        manage_query("canister_status", SELF, REPLIED).by(Who::Anonymous),
    ]),
    fresh("allowed viewers see the status", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { status_visibility = opt variant { allowed_viewers = vec { $stranger } } } })", REPLIED),
        manage("canister_status", SELF, REPLIED).by(Who::Stranger),
        manage_query("canister_status", SELF, Expect::RejectCode(5)).by(Who::Anonymous),
    ]),
    fresh("a chunk counts as 1 MiB", &[
        manage("upload_chunk", "(record { canister_id = $self; chunk = blob \"abc\" })", REPLIED),
        manage("canister_status", SELF, shows(&["wasm_chunk_store_size = 1_048_576 : nat"])),
    ]),
    case("a composite query asks for the status of its own canister", &[
        compose("$management 'canister_status' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { 'ok' append reply } { reject_message trap } call drop",
            reply("'ok'")),
    ]),
];

#[rustfmt::skip]
const INFO: &[Case] = &[
    fresh("a canister asks about any canister", &[
        through("canister_info", "(record { canister_id = $peer })", 0, shows(&["total_num_changes = ", "recent_changes = vec {}", "controllers = vec { $me }"])),
    ]),
    fresh("a canister asks about itself", &[
        through("canister_info", "(record { canister_id = $self; num_requested_changes = opt 10 })", 0,
            shows(&["total_num_changes = 2 : nat64", "creation = record", "code_deployment = record", "mode = variant { install }", "from_user = record { user_id = $me }"])),
    ]),
    fresh("as many changes come as were asked for", &[
        through("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", 0,
            shows(&["total_num_changes = 2 : nat64", "recent_changes = vec { record", "code_deployment = record"])),
    ]),
    fresh("a user asks by a query", &[
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 10 })", shows(&["total_num_changes = 2 : nat64"])),
    ]),
    fresh("anybody asks by a query", &[manage_query("canister_info", SELF, shows(&["recent_changes = vec {}"])).by(Who::Anonymous)]),
    empty("an empty canister has a history of its creation", &[
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 10 })",
            shows(&["total_num_changes = 1 : nat64", "creation = record", "controllers = vec { $me }", "module_hash = null", "environment_variables_hash = opt blob"])),
    ]),
    fresh("an upgrade is in the history", &[
        install("upgrade", Module::Probe, "", REPLIED),
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", shows(&["mode = variant { upgrade }", "total_num_changes = 3 : nat64"])),
    ]),
    fresh("a reinstallation is in the history", &[
        install("reinstall", Module::Probe, "", REPLIED),
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", shows(&["mode = variant { reinstall }"])),
    ]),
    fresh("an uninstallation is in the history", &[
        manage("uninstall_code", SELF, REPLIED),
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", shows(&["code_uninstall", "module_hash = null"])),
    ]),
    fresh("a change of controllers is in the history", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $stranger } } })", REPLIED),
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", shows(&["controllers_change = record", "$stranger"])),
    ]),
    fresh("another change of the settings is not in the history", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 5 } })", REPLIED),
        manage_query("canister_info", SELF, shows(&["total_num_changes = 2 : nat64"])),
    ]),
    fresh("a failed installation is not in the history", &[
        install("reinstall", Module::Probe, "'no' trap", called_trap("no")),
        manage_query("canister_info", SELF, shows(&["total_num_changes = 2 : nat64"])),
    ]),
    fresh("a change by a canister names it", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $probe } } })", REPLIED),
        update_to("probe", "run", "$management 'uninstall_code' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { reply } { reject_message trap } call drop", REPLIED),
        manage_query("canister_info", "(record { canister_id = $self; num_requested_changes = opt 1 })", shows(&["from_canister = record {", "canister_id = $probe"])),
    ]),
    case("a canister that does not exist has no history", &[through("canister_info", "(record { canister_id = $nobody })", 0, Expect::RejectCode(3))]),
];

const SECTIONS: &str =
    "(module (@custom \"icp:public open\" \"told\") (@custom \"icp:private closed\" \"secret\"))";

#[rustfmt::skip]
const METADATA: &[Case] = &[
    with("a canister reads another's public metadata", SECTIONS, &[
        through_of("probe", "canister_metadata", "(record { canister_id = $self; name = \"open\" })", 0, shows(&["value = blob \"told\""])),
    ]),
    with("a canister does not read another's private metadata", SECTIONS, &[
        through_of("probe", "canister_metadata", "(record { canister_id = $self; name = \"closed\" })", 0, Expect::RejectCode(5)),
    ]),
    with("a controller that is a canister reads private metadata", SECTIONS, &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $probe } } })", REPLIED),
        through_of("probe", "canister_metadata", "(record { canister_id = $self; name = \"closed\" })", 0, shows(&["value = blob \"secret\""])),
    ]),
    with("metadata that is not there is rejected", SECTIONS, &[
        through_of("probe", "canister_metadata", "(record { canister_id = $self; name = \"other\" })", 0, Expect::RejectCode(4)),
    ]),
    empty("an empty canister has no metadata", &[
        through_of("probe", "canister_metadata", "(record { canister_id = $self; name = \"open\" })", 0, Expect::RejectCode(4)),
    ]),
    nowhere("a canister that does not exist has no metadata", &[
        through_of("probe", "canister_metadata", "(record { canister_id = $nobody; name = \"open\" })", 0, Expect::RejectCode(3)),
    ]),
];

#[rustfmt::skip]
const RANDOM: &[Case] = &[
    case("a canister gets 32 random bytes", &[
        through("raw_rand", "()", 0, Expect::Body(|answer, _| match &answer.outcome {
            Outcome::Replied(reply) if reply.len() == 10 + 32 => Ok(()),
            other => Err(other.to_string()),
        })),
    ]),
    case("two calls get different bytes", &[
        through("raw_rand", "()", 0, REPLIED).save("one"),
        through("raw_rand", "()", 0, REPLIED).save("two"),
        query("$one $two equal append $one size append reply", reply("0 32")),
    ]),
    case("two calls in one message get different bytes", &[
        update("$management 'raw_rand' 0x4449444c0000 0u128 { 'rand' argument put } { } call drop \
                $management 'raw_rand' 0x4449444c0000 0u128 { 'rand' get argument equal append reply } { } call drop", reply("0")),
    ]),
];

#[rustfmt::skip]
const LOGS: &[Case] = &[
    fresh("a controller fetches the log", &[
        update("'one' print 'two' print reply", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["idx = 0", "one", "idx = 1", "two"])),
    ]),
    fresh("somebody else does not fetch the log", &[manage_query("fetch_canister_logs", SELF, NOT_ALLOWED).by(Who::Stranger)]),
    fresh("a public log is for everybody", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { log_visibility = opt variant { public } } })", REPLIED),
        update("'one' print reply", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["one"])).by(Who::Anonymous),
    ]),
    fresh("allowed viewers fetch the log", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { log_visibility = opt variant { allowed_viewers = vec { $stranger } } } })", REPLIED),
        manage_query("fetch_canister_logs", SELF, REPLIED).by(Who::Stranger),
        manage_query("fetch_canister_logs", SELF, NOT_ALLOWED).by(Who::Anonymous),
    ]),
    fresh("the log is filtered by numbers", &[
        update("'one' print 'two' print 'three' print reply", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self; filter = opt variant { by_idx = record { start = 1; end = 2 } } })",
            shows(&["(record { canister_log_records = vec { record { idx = 1 : nat64;", "two"])),
    ]),
    fresh("the log is filtered by times", &[
        update("'one' print reply", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self; filter = opt variant { by_timestamp_nanos = record { start = 0; end = 5 } } })",
            shows(&["canister_log_records = vec {}"])),
    ]),
    fresh("the log survives an upgrade", &[
        update("'kept' print reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["kept"])),
    ]),
    fresh("the log is purged by a reinstallation", &[
        update("'gone' print reply", REPLIED),
        install("reinstall", Module::Probe, "", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["canister_log_records = vec {}"])),
    ]),
    fresh("numbers go on after the oldest lines are purged", &[
        update("3 { 65u8 1000 fill print } repeat reply", REPLIED),
        update("3 { 65u8 1000 fill print } repeat reply", REPLIED),
        manage_query("fetch_canister_logs", SELF, shows(&["idx = 5"])),
        manage_query("fetch_canister_logs", "(record { canister_id = $self; filter = opt variant { by_idx = record { start = 0; end = 2 } } })",
            shows(&["canister_log_records = vec {}"])),
    ]),
    fresh("users cannot fetch the log by an update", &[manage("fetch_canister_logs", SELF, NOT_ALLOWED)]),
    fresh("a canister fetches a log that it may see", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { log_visibility = opt variant { public } } })", REPLIED),
        through("fetch_canister_logs", SELF, 0, shows(&["canister_log_records"])),
    ]),
    fresh("traps of a timer are in the log", &[
        update("1u8 { 'timer trapped' trap } keep 1 timer drop reply", REPLIED),
        manage_eventually("fetch_canister_logs", SELF, shows(&["timer trapped"])),
    ]),
];

#[rustfmt::skip]
const SUBNET_INFO: &[Case] = &[
    case("a canister asks about the subnet", &[
        through("subnet_info", "(record { subnet_id = $subnet })", 0, shows(&["replica_version = ", "registry_version = "])),
    ]),
    case("another subnet is not known", &[through("subnet_info", "(record { subnet_id = $me })", 0, Expect::RejectCode(4))]),
];

#[rustfmt::skip]
const NODE_METRICS: &[Case] = &[
    case("a canister reads what nodes did", &[
        through("node_metrics_history", "(record { subnet_id = $subnet; start_at_timestamp_nanos = 0 })", 0, shows(&["vec {"])),
    ]),
    fresh("users do not read what nodes did", &[
        manage("node_metrics_history", "(record { subnet_id = $subnet; start_at_timestamp_nanos = 0 })", NOT_ALLOWED),
    ]),
    case("what nodes of another subnet did is not known", &[
        through("node_metrics_history", "(record { subnet_id = $me; start_at_timestamp_nanos = 0 })", 0, Expect::RejectCode(4)),
    ]),
];
