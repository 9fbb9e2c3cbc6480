//! What a canister knows of itself and of the world.

use super::section;
use crate::answer::{Answer, Outcome};
use crate::case::*;
use crate::program::Variables;

pub fn sections() -> Vec<Section> {
    vec![
        section("system-api-canister-self", SELF),
        section("system-api-canister-status", STATUS),
        section("system-api-canister-version", VERSION),
        section("system-api-time", TIME),
        section("system-api-performance-counter", COUNTER),
        section("system-api-replicated-execution-check", MODE),
        section("system-api-controller-check", CONTROLLER),
        section("system-api-certified-data", CERTIFIED),
        section("environment-variables", ENVIRONMENT),
    ]
}

#[rustfmt::skip]
const SELF: &[Case] = &[
    case("a canister knows its id", &[update("self append reply", reply("$self"))]),
    case("a canister knows its id in a query", &[query("self append reply", reply("$self"))]),
    empty("a canister knows its id in canister_init", &[install("install", Module::Probe, "self $self assert", REPLIED)]),
    case("a canister knows its subnet", &[
        update("29 allocate dup 0 29 ic0.subnet_self_copy 29 peek append reply", reply("$subnet")),
    ]),
    case("a canister knows its subnet in a query", &[
        query("29 allocate dup 0 29 ic0.subnet_self_copy 29 peek append reply", reply("$subnet")),
    ]),
    case("a subnet's id has 29 bytes", &[update("ic0.subnet_self_size append reply", reply("29"))]),
    case("a canister knows how many nodes there are", &[update("ic0.subnet_self_node_count append reply", reply("$nodes"))]),
    case("a query knows how many nodes there are", &[query("ic0.subnet_self_node_count append reply", reply("$nodes"))]),
    case("a canister knows the root key", &[
        update("133 allocate dup 0 133 ic0.root_key_copy 133 peek append reply", reply("$root_key")),
    ]),
    case("the root key's size is known", &[update("ic0.root_key_size append reply", reply("133"))]),
    case("a query cannot read the root key", &[query("133 allocate 0 133 ic0.root_key_copy reply", CONTRACT)]),
];

const STOP: Step = manage("stop_canister", "(record { canister_id = $self })", REPLIED);

#[rustfmt::skip]
const STATUS: &[Case] = &[
    case("a running canister has status 1", &[update("status append reply", reply("1u32"))]),
    case("a running canister has status 1 in a query", &[query("status append reply", reply("1u32"))]),
    fresh("a stopped canister has status 3 in an upgrade", &[
        STOP, install("upgrade", Module::Probe, "status 3u32 assert", REPLIED),
    ]),
    fresh("a stopped canister has status 3 in canister_pre_upgrade", &[
        update("0u8 { status 3u32 assert } keep reply", REPLIED), STOP, install("upgrade", Module::Probe, "", REPLIED),
    ]),
    fresh("a started canister has status 1 again", &[
        STOP,
        manage("start_canister", "(record { canister_id = $self })", REPLIED),
        update("status append reply", reply("1u32")),
    ]),
    fresh("a stopping canister has status 2 in its callbacks", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $probe } } })", REPLIED),
        update("$probe address 'run' address { 'replied' trap } callback { status append reply } callback ic0.call_new \
                { $management 'stop_canister' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { reply } { reply } call drop } \
                address ic0.call_data_append 1 ic0.call_with_best_effort_response ic0.call_perform 0 assert", reply("2u32")),
    ]),
];

#[rustfmt::skip]
const VERSION: &[Case] = &[
    fresh("a successful update raises the version", &[
        update("'v' version put reply", REPLIED),
        update("'v' get version less append reply", reply("1")),
    ]),
    fresh("a replicated query raises the version", &[
        update("'v' version put reply", REPLIED),
        update_to("self", "ask", "reply", REPLIED),
        query("'v' get version less append reply", reply("1")),
    ]),
    fresh("a change of the settings raises the version", &[
        query("version append reply", REPLIED).save("before"),
        manage("update_settings", "(record { canister_id = $self; settings = record {} })", REPLIED),
        query("$before version less append reply", reply("1")),
    ]),
    fresh("an upgrade raises the version", &[
        query("version append reply", REPLIED).save("before"),
        install("upgrade", Module::Probe, "", REPLIED),
        query("$before version less append reply", reply("1")),
    ]),
    fresh("a reinstallation raises the version", &[
        query("version append reply", REPLIED).save("before"),
        install("reinstall", Module::Probe, "", REPLIED),
        query("$before version less append reply", reply("1")),
    ]),
    fresh("stopping and starting raise the version", &[
        query("version append reply", REPLIED).save("before"),
        STOP,
        manage("start_canister", "(record { canister_id = $self })", REPLIED),
        query("$before version less append reply", reply("1")),
    ]),
    fresh("uninstalling raises the version", &[
        query("version append reply", REPLIED).save("before"),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        install("install", Module::Probe, "$before version less 1 assert", REPLIED),
    ]),
    fresh("a callback raises the version", &[
        update("'v' version put $peer 'ask' { reply } 0u128 { 'v' get version less append reply } { } call drop", reply("1")),
    ]),
    fresh("a timer raises the version", &[
        update("1u8 { } keep 'v' version put 1 timer drop reply", REPLIED),
        eventually("'v' get version less append reply", reply("1")),
    ]),
    fresh("a query does not raise the version", &[
        query("version append reply", REPLIED).save("before"),
        query("version append reply", reply("$before")),
    ]),
];

/// The reply is a time that is not far from now.
fn is_now(answer: &Answer, _: &Variables) -> Result<(), String> {
    let Outcome::Replied(reply) = &answer.outcome else { return Err(answer.to_string()) };
    let bytes = reply.as_slice().try_into().map_err(|_| "no time of 8 bytes")?;
    let (told, now) = (u64::from_le_bytes(bytes), crate::request::now());
    match told.abs_diff(now) < 5 * crate::request::MINUTE {
        true => Ok(()),
        false => Err(format!("the time {told} at {now}")),
    }
}

#[rustfmt::skip]
const TIME: &[Case] = &[
    case("an update knows the time", &[update("time append reply", Expect::Body(is_now))]),
    case("a query knows the time", &[query("time append reply", Expect::Body(is_now))]),
    case("the time stands still within a run", &[update("time 1000000 spin drop time equal append reply", reply("1"))]),
    fresh("the time does not go back", &[
        update("'t' time put reply", REPLIED),
        update("time 't' get less append reply", reply("0")),
    ]),
    fresh("the time does not go back in an upgrade", &[
        update("1 stable_grow drop 0 time stable_write reply", REPLIED),
        install("upgrade", Module::Probe, "time 0 8 stable_read less 0 assert", REPLIED),
    ]),
    fresh("the time does not go back between call and callback", &[
        update("'t' time put $peer 'ask' { reply } 0u128 { time 't' get less append reply } { } call drop", reply("0")),
    ]),
];

#[rustfmt::skip]
const COUNTER: &[Case] = &[
    case("the counter of instructions rises", &[update("0u32 counter 1000 spin drop 0u32 counter less append reply", reply("1"))]),
    case("the counter of instructions rises in a query", &[query("0u32 counter 1000 spin drop 0u32 counter less append reply", reply("1"))]),
    case("more work counts more", &[
        update("0u32 counter 10000 spin drop 0u32 counter swap drop 10000 swap less append reply", reply("1")),
    ]),
    case("the counter of the call context rises", &[update("1u32 counter 1000 spin drop 1u32 counter less append reply", reply("1"))]),
    fresh("the counter of instructions starts anew in a callback", &[
        update("1000000 spin drop 'c' 0u32 counter put $peer 'ask' { reply } 0u128 { 0u32 counter 'c' get less append reply } { } call drop",
            reply("1")),
    ]),
    fresh("the counter of the call context goes on in a callback", &[
        update("1000000 spin drop 'c' 1u32 counter put $peer 'ask' { reply } 0u128 { 'c' get 1u32 counter less append reply } { } call drop",
            reply("1")),
    ]),
    case("there is no third counter", &[update("2u32 counter drop", CONTRACT)]),
    case("there is no third counter in a query", &[query("4294967295u32 counter drop", CONTRACT)]),
];

#[rustfmt::skip]
const MODE: &[Case] = &[
    case("in_replicated_execution is 1 in an update", &[update("ic0.in_replicated_execution append reply", reply("1"))]),
    case("in_replicated_execution is 0 in a query", &[query("ic0.in_replicated_execution append reply", reply("0"))]),
    case("in_replicated_execution is 0 in a called composite query", &[
        compose("$peer 'compose' { ic0.in_replicated_execution append reply } 0u128 { argument append reply } { } call drop", reply("0")),
    ]),
];

#[rustfmt::skip]
const CONTROLLER: &[Case] = &[
    case("a controller is one", &[update("$me is_controller append reply", reply("1u32"))]),
    case("somebody else is none", &[update("$stranger is_controller append reply", reply("0u32"))]),
    case("the canister itself is none unless it is one", &[update("$self is_controller append reply", reply("0u32"))]),
    case("the empty principal is none", &[update("0 0 ic0.is_controller append reply", reply("0"))]),
    case("a query can ask for controllers", &[query("$me is_controller append $stranger is_controller append reply", reply("1u32 0u32"))]),
    case("is_controller can be called many times", &[update("10 { $me is_controller 1u32 assert } repeat reply", reply(""))]),
    case("a principal that is too long traps", &[update("1u8 30 fill is_controller append reply", CONTRACT)]),
    fresh("a new controller is one", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $stranger } } })", REPLIED),
        update("$stranger is_controller append reply", reply("1u32")),
    ]),
    fresh("a former controller is none", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $stranger } } })", REPLIED),
        update("$me is_controller append reply", reply("0u32")),
    ]),
    empty("canister_init can ask for controllers", &[install("install", Module::Probe, "$me is_controller 1u32 assert", REPLIED)]),
];

/// The reply is a certificate that proves `expected` to be the canister's certified data.
pub fn certifies(answer: &Answer, variables: &Variables, expected: &[u8]) -> Result<(), String> {
    let Outcome::Replied(reply) = &answer.outcome else { return Err(answer.to_string()) };
    let certificate: ic_certification::Certificate =
        serde_cbor::from_slice(reply).map_err(|error| error.to_string())?;
    let message = [b"\x0Dic-state-root".as_slice(), &certificate.tree.digest()].concat();
    if certificate.delegation.is_none() {
        let key = &variables["root_key"][37..];
        ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, key)
            .map_err(|()| "the certificate's signature is wrong")?;
    }
    let found = |path: &[&[u8]]| match certificate.tree.lookup_path(path) {
        ic_certification::LookupResult::Found(value) => Ok(value.to_vec()),
        other => Err(format!("{other:?}")),
    };
    found(&[b"time"])?;
    match found(&[b"canister", &variables["self"], b"certified_data"])? {
        data if data == expected => Ok(()),
        other => Err(format!("certified data {}", hex::encode(other))),
    }
}

#[rustfmt::skip]
const CERTIFIED: &[Case] = &[
    fresh("a query gets a certificate of what was certified", &[
        update("'certain' certify reply", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"certain"))),
    ]),
    fresh("a composite query gets a certificate too", &[
        update("'certain' certify reply", REPLIED),
        compose("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"certain"))),
    ]),
    fresh("fresh canisters certify nothing", &[
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b""))),
    ]),
    fresh("the last data that was certified counts", &[
        update("'one' certify 'two' certify reply", REPLIED),
        update("'three' certify reply", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"three"))),
    ]),
    fresh("32 bytes can be certified", &[
        update("7u8 32 fill certify reply", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, &[7; 32]))),
    ]),
    case("33 bytes are too many", &[update("7u8 33 fill certify reply", CONTRACT)]),
    fresh("certifying nothing takes the data back", &[
        update("'certain' certify reply", REPLIED),
        update("'' certify reply", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b""))),
    ]),
    empty("canister_init can certify", &[
        install("install", Module::Probe, "'born' certify", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"born"))),
    ]),
    fresh("canister_post_upgrade can certify", &[
        install("upgrade", Module::Probe, "'grown' certify", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"grown"))),
    ]),
    fresh("canister_pre_upgrade can certify", &[
        update("0u8 { 'going' certify } keep reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"going"))),
    ]),
    fresh("a timer can certify", &[
        update("1u8 { 'rung' certify } keep 1 timer drop reply", REPLIED),
        eventually("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"rung"))),
    ]),
    fresh("a callback can certify", &[
        update("$peer 'ask' { reply } 0u128 { 'called' certify reply } { } call drop", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"called"))),
    ]),
    fresh("an upgrade keeps what was certified", &[
        update("'kept' certify reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"kept"))),
    ]),
    fresh("a reinstallation certifies nothing", &[
        update("'gone' certify reply", REPLIED),
        install("reinstall", Module::Probe, "", REPLIED),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b""))),
    ]),
    case("a query has a certificate", &[query("ic0.data_certificate_present append reply", reply("1"))]),
    case("a composite query has a certificate", &[compose("ic0.data_certificate_present append reply", reply("1"))]),
    case("an update has no certificate", &[update("ic0.data_certificate_present append reply", reply("0"))]),
    case("a replicated query has no certificate", &[update_to("self", "ask", "ic0.data_certificate_present append reply", reply("0"))]),
    case("a query called by an update has no certificate", &[
        update("$peer 'ask' { ic0.data_certificate_present append reply } 0u128 { argument append reply } { } call drop", reply("0")),
    ]),
    empty("canister_init has no certificate", &[install("install", Module::Probe, "ic0.data_certificate_present 0 assert", REPLIED)]),
    case("inspection has no certificate", &[update_to("self", "inspected", "ic0.data_certificate_present 0 assert accept_message", REPLIED)]),
    case("part of a certificate can be copied", &[
        query("3 allocate dup 0 3 ic0.data_certificate_copy 3 peek append reply", reply("0xd9d9f7")),
    ]),
    case("a query cannot certify", &[query("'x' certify reply", CONTRACT)]),
    case("a replicated query cannot certify", &[update_to("self", "ask", "'x' certify reply", CONTRACT)]),
];

const TWO: &str = "(record { canister_id = $self; settings = record { environment_variables = opt vec { \
    record { name = \"A\"; value = \"first\" }; record { name = \"größe\"; value = \"\" } } } })";

#[rustfmt::skip]
const ENVIRONMENT: &[Case] = &[
    fresh("variables are counted", &[
        update("ic0.env_var_count append reply", reply("1")),
        manage("update_settings", TWO, REPLIED),
        update("ic0.env_var_count append reply", reply("2")),
    ]),
    fresh("no variables are none", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { environment_variables = opt vec {} } })", REPLIED),
        query("ic0.env_var_count append reply", reply("0")),
    ]),
    case("a variable's name is read by its number", &[
        update("5 allocate dup 0 swap 0 5 ic0.env_var_name_copy 5 peek append reply", reply("'PROBE'")),
    ]),
    case("part of a name can be copied", &[
        update("3 allocate dup 0 swap 1 3 ic0.env_var_name_copy 3 peek append reply", reply("'ROB'")),
    ]),
    case("a variable's value is read by its name", &[
        update("'v' 7 allocate put 'PROBE' address 'v' get 0 7 ic0.env_var_value_copy 'v' get 7 peek append reply", reply("'probing'")),
    ]),
    case("a variable's value is read in a query", &[
        query("'v' 7 allocate put 'PROBE' address 'v' get 0 7 ic0.env_var_value_copy 'v' get 7 peek append reply", reply("'probing'")),
    ]),
    case("part of a value can be copied", &[
        update("'v' 3 allocate put 'PROBE' address 'v' get 4 3 ic0.env_var_value_copy 'v' get 3 peek append reply", reply("'ing'")),
    ]),
    case("a name's size is known", &[update("0 ic0.env_var_name_size append reply", reply("5"))]),
    case("a value's size is known", &[update("'PROBE' address ic0.env_var_value_size append reply", reply("7"))]),
    case("a name that is there exists", &[update("'PROBE' address ic0.env_var_name_exists append reply", reply("1"))]),
    case("a name that is not there does not exist", &[update("'probe' address ic0.env_var_name_exists append reply", reply("0"))]),
    fresh("an empty value is a value", &[
        manage("update_settings", TWO, REPLIED),
        update("'größe' address ic0.env_var_value_size append reply", reply("0")),
    ]),
    fresh("an upgrade sees new variables", &[
        manage("update_settings", TWO, REPLIED),
        install("upgrade", Module::Probe, "ic0.env_var_count 2 assert", REPLIED),
    ]),
    fresh("variables survive a reinstallation", &[
        install("reinstall", Module::Probe, "ic0.env_var_count 1 assert", REPLIED),
    ]),
    case("the size of a name beyond the last traps", &[update("1 ic0.env_var_name_size drop", CONTRACT)]),
    case("the copy of a name beyond the last traps", &[update("1 16 allocate 0 1 ic0.env_var_name_copy", CONTRACT)]),
    case("a number of all ones traps", &[query("4294967295 ic0.env_var_name_size drop", CONTRACT)]),
    case("the size of a value that is not there traps", &[update("'NO' address ic0.env_var_value_size drop", CONTRACT)]),
    case("the copy of a value that is not there traps", &[update("'NO' address 16 allocate 0 0 ic0.env_var_value_copy", CONTRACT)]),
    case("a name that is too long traps where it is looked for", &[
        update("65u8 129 fill address ic0.env_var_name_exists drop", CONTRACT),
    ]),
    case("a name that is too long traps where its value's size is asked", &[
        update("65u8 129 fill address ic0.env_var_value_size drop", CONTRACT),
    ]),
    case("a name that is not UTF-8 traps where it is looked for", &[update("0xff address ic0.env_var_name_exists drop", CONTRACT)]),
    case("a name that is not UTF-8 traps where its value's size is asked", &[update("0xff address ic0.env_var_value_size drop", CONTRACT)]),
    case("a name that is not UTF-8 traps where its value is copied", &[
        update("0xff address 16 allocate 0 0 ic0.env_var_value_copy", CONTRACT),
    ]),
];
