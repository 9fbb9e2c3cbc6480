//! Entry points: who is called when, and what a trap undoes.

use super::canister::certifies;
use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("entry-points", ENTRY_POINTS),
        section("system-api-init", INIT),
        section("system-api-upgrades", UPGRADES),
        section("system-api-upgrades", KEEPING),
        section("system-api-requests", METHODS),
        section("heartbeat", HEARTBEAT),
        section("global-timer", TIMER),
        section("on-low-wasm-memory", LOW_MEMORY),
        section("callbacks", CALLBACKS),
        section("replicated-and-non-replicated-execution-mode", MODES),
        section("system-api-inspect-message", INSPECTION),
    ]
}

const LOGS: &str = "(record { canister_id = $self })";
const STOP: Step = manage("stop_canister", "(record { canister_id = $self })", REPLIED);

#[rustfmt::skip]
const ENTRY_POINTS: &[Case] = &[
    case("an update changes the heap", &[
        update("'an update changes' 'yes' put reply", REPLIED),
        query("'an update changes' get append reply", reply("'yes'")),
    ]),
    case("a query changes nothing", &[
        query("'a query changes' 'yes' put reply", REPLIED),
        query("'a query changes' get append reply", reply("")),
    ]),
    case("a replicated query changes nothing", &[
        update_to("self", "ask", "'a replicated query changes' 'yes' put reply", REPLIED),
        query("'a replicated query changes' get append reply", reply("")),
    ]),
    case("a composite query changes nothing", &[
        compose("'a composite query changes' 'yes' put reply", REPLIED),
        query("'a composite query changes' get append reply", reply("")),
    ]),
    case("a query sees its own changes while it runs", &[
        query("'own' 'yes' put 'own' get append reply", reply("'yes'")),
    ]),
    fresh("a trapped update does not grow the stable memory", &[
        update("1 stable_grow drop 'stop' trap", called_trap("stop")),
        query("stable_size append reply", reply("0")),
    ]),
    fresh("a trapped update does not write the stable memory", &[
        update("1 stable_grow drop 0 'old' stable_write reply", REPLIED),
        update("0 'new' stable_write 'stop' trap", called_trap("stop")),
        query("0 3 stable_read append reply", reply("'old'")),
    ]),
    fresh("a trapped update does not set the certified data", &[
        update("'old' certify reply", REPLIED),
        update("'new' certify 'stop' trap", called_trap("stop")),
        query("certificate append reply", Expect::Body(|answer, variables| certifies(answer, variables, b"old"))),
    ]),
    fresh("a trapped update does not set the timer", &[
        update("1u8 { 'rang' 'yes' put } keep 18446744073709551615 timer drop reply", REPLIED),
        update("0 timer drop 'stop' trap", called_trap("stop")),
        update("0 timer append reply", reply("18446744073709551615")),
    ]),
    fresh("a trapped update gives the cycles of its calls back", &[
        update("$peer 'run' { reply } 1_000_000_000_000u128 { } { } call drop 'stop' trap", called_trap("stop")),
        query("99_900_000_000_000u128 balance less append reply", reply("1")),
    ]),
    fresh("a query that runs too long is ended", &[query("loop", reject(5, "IC0522", "instruction"))]),
    case("an update may use billions of instructions", &[
        update("300000000 spin drop 1_000_000_000 0u32 counter less append reply", reply("1")),
    ]),
    case("a query of the heap sees the last update", &[
        update("'last' '1' put reply", REPLIED),
        update("'last' '2' put reply", REPLIED),
        query("'last' get append reply", reply("'2'")),
    ]),
];

#[rustfmt::skip]
const INIT: &[Case] = &[
    empty("canister_init runs when a module is installed", &[
        install("install", Module::Probe, "'ran' 'yes' put", REPLIED),
        query("'ran' get append reply", reply("'yes'")),
    ]),
    empty("canister_init sees its argument", &[
        install("install", Module::Probe, "'size' argument size put", REPLIED),
        query("'size' get append reply", reply("12")),
    ]),
    empty("a trap in canister_init leaves the canister empty", &[
        install("install", Module::Probe, "'not today' trap", called_trap("not today")),
        update("reply", reject(5, "IC0537", "no Wasm module")),
    ]),
    empty("a trap in canister_init leaves no module hash", &[
        install("install", Module::Probe, "'not today' trap", called_trap("not today")),
        manage("canister_status", "(record { canister_id = $self })", shows(&["module_hash = null"])),
    ]),
    fresh("a trap in canister_init leaves a reinstalled canister as it was", &[
        update("'kept' 'yes' put reply", REPLIED),
        install("reinstall", Module::Probe, "'not today' trap", called_trap("not today")),
        query("'kept' get append reply", reply("'yes'")),
    ]),
    empty("a module without canister_init is installed", &[
        install("install", Module::Text("(module)"), "", REPLIED),
    ]),
    empty("canister_init can use stable memory", &[
        install("install", Module::Probe, "1 stable_grow drop 0 'here' stable_write", REPLIED),
        query("0 4 stable_read append reply", reply("'here'")),
    ]),
    empty("canister_init cannot answer", &[
        install("install", Module::Probe, "reply", CONTRACT),
    ]),
    empty("a WebAssembly trap in canister_init ends the installation", &[
        install("install", Module::Text(
            "(module (func (export \"canister_init\") unreachable))"), "", TRAPPED),
    ]),
    empty("a start function runs before canister_init", &[
        install("install", Module::Text(
            "(module (global $g (mut i32) (i32.const 0)) (func $s (global.set $g (i32.const 7))) (start $s)
             (func (export \"canister_init\") (if (i32.ne (global.get $g) (i32.const 7)) (then unreachable))))"), "", REPLIED),
    ]),
    empty("a trap in the start function ends the installation", &[
        install("install", Module::Text("(module (func $s unreachable) (start $s))"), "", TRAPPED),
        manage("canister_status", "(record { canister_id = $self })", shows(&["module_hash = null"])),
    ]),
    empty("what a start function writes stays", &[
        install("install", Module::Text(
            "(module (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32)))
             (import \"ic0\" \"msg_reply\" (func $reply)) (memory 1)
             (func $s (i32.store8 (i32.const 0) (i32.const 65))) (start $s)
             (func (export \"canister_query go\") (call $append (i32.const 0) (i32.const 1)) (call $reply)))"), "", REPLIED),
        query_to("self", "go", "", reply("'A'")),
    ]),
    empty("active data segments are there before the start function", &[
        install("install", Module::Text(
            "(module (memory 1) (data (i32.const 3) \"x\")
             (func $s (if (i32.ne (i32.load8_u (i32.const 3)) (i32.const 120)) (then unreachable))) (start $s))"), "", REPLIED),
    ]),
    empty("a data segment beyond the memory ends the installation", &[
        install("install", Module::Text("(module (memory 1) (data (i32.const 65536) \"x\"))"), "", Expect::RejectCode(5)),
    ]),
    empty("an element segment beyond the table ends the installation", &[
        install("install", Module::Text("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))"), "", Expect::RejectCode(5)),
    ]),
];

#[rustfmt::skip]
const UPGRADES: &[Case] = &[
    fresh("canister_post_upgrade sees its argument", &[
        install("upgrade", Module::Probe, "'size' argument size put", REPLIED),
        query("'size' get append reply", reply("12")),
    ]),
    fresh("an upgrade keeps the stable memory", &[
        update("1 stable_grow drop 0 'kept' stable_write reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        query("0 4 stable_read append reply", reply("'kept'")),
    ]),
    fresh("an upgrade forgets the heap", &[
        update("'k' 'lost' put reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        query("'k' get append reply", reply("")),
    ]),
    fresh("an upgrade that replaces the memory forgets the heap", &[
        update("'k' 'lost' put reply", REPLIED),
        install("upgrade replacing memory", Module::Probe, "", REPLIED),
        query("'k' get append reply", reply("")),
    ]),
    fresh("a reinstallation forgets stable memory and heap", &[
        update("1 stable_grow drop 'k' 'lost' put reply", REPLIED),
        install("reinstall", Module::Probe, "", REPLIED),
        query("stable_size append 'k' get append reply", reply("0")),
    ]),
    fresh("canister_pre_upgrade can save to stable memory", &[
        update("0u8 { 1 stable_grow drop 0 'saved' stable_write } keep reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        query("0 5 stable_read append reply", reply("'saved'")),
    ]),
    fresh("canister_post_upgrade sees what canister_pre_upgrade saved", &[
        update("0u8 { 1 stable_grow drop 0 'saved' stable_write } keep reply", REPLIED),
        install("upgrade", Module::Probe, "0 5 stable_read 'saved' assert", REPLIED),
    ]),
    fresh("a trap in canister_pre_upgrade fails the upgrade and changes nothing", &[
        update("0u8 { 1 stable_grow drop 'not today' trap } keep 'k' 'kept' put reply", REPLIED),
        install("upgrade", Module::Probe, "", called_trap("not today")),
        query("stable_size append 'k' get append reply", reply("0 'kept'")),
    ]),
    fresh("a trap in canister_post_upgrade undoes canister_pre_upgrade too", &[
        update("0u8 { 1 stable_grow drop } keep 'k' 'kept' put reply", REPLIED),
        install("upgrade", Module::Probe, "'not today' trap", called_trap("not today")),
        query("stable_size append 'k' get append reply", reply("0 'kept'")),
    ]),
    fresh("skip_pre_upgrade passes by a canister_pre_upgrade that traps", &[
        update("0u8 { 'not today' trap } keep reply", REPLIED),
        install("upgrade", Module::Probe, "", called_trap("not today")),
        install("upgrade without pre_upgrade", Module::Probe, "", REPLIED),
    ]),
    fresh("skip_pre_upgrade loses what canister_pre_upgrade would save", &[
        update("0u8 { 1 stable_grow drop } keep reply", REPLIED),
        install("upgrade without pre_upgrade", Module::Probe, "", REPLIED),
        query("stable_size append reply", reply("0")),
    ]),
    fresh("skip_pre_upgrade = false runs canister_pre_upgrade", &[
        update("0u8 { 1 stable_grow drop } keep reply", REPLIED),
        install("upgrade replacing memory", Module::Probe, "", REPLIED),
        query("stable_size append reply", reply("1")),
    ]),
    fresh("an upgrade to a module without entry points works", &[
        install("upgrade", Module::Text("(module)"), "", REPLIED),
        update("reply", reject(5, "IC0536", "run")),
    ]),
    fresh("an upgrade to an invalid module changes nothing", &[
        update("'k' 'kept' put reply", REPLIED),
        install("upgrade", Module::Text("(module (func (export \"canister_sing\")))"), "", reject(5, "IC0505", "")),
        query("'k' get append reply", reply("'kept'")),
    ]),
    empty("an empty canister cannot be upgraded", &[
        install("upgrade", Module::Probe, "", reject(5, "IC0537", "")),
    ]),
    fresh("canister_init does not run in an upgrade", &[
        install("upgrade", Module::Text("(module (func (export \"canister_init\") unreachable))"), "", REPLIED),
    ]),
    fresh("a start function runs in an upgrade", &[
        install("upgrade", Module::Text("(module (func $s unreachable) (start $s))"), "", TRAPPED),
        query("'still here' append reply", reply("'still here'")),
    ]),
    fresh("canister_pre_upgrade sees the old version and canister_post_upgrade the new one", &[
        update("1 stable_grow drop 0u8 { 0 version stable_write } keep reply", REPLIED),
        install("upgrade", Module::Probe, "0 8 stable_read version less 1 assert", REPLIED),
    ]),
    fresh("an upgrade turns the timer off", &[
        update("18446744073709551615 timer drop reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
        update("0 timer append reply", reply("0")),
    ]),
    fresh("a reinstallation turns the timer off", &[
        update("18446744073709551615 timer drop reply", REPLIED),
        install("reinstall", Module::Probe, "", REPLIED),
        update("0 timer append reply", reply("0")),
    ]),
    fresh("a timer set by canister_post_upgrade stays", &[
        install("upgrade", Module::Probe, "18446744073709551615 timer drop", REPLIED),
        update("0 timer append reply", reply("18446744073709551615")),
    ]),
    fresh("canister_post_upgrade of a stopped canister sees that it is stopped", &[
        STOP,
        install("upgrade", Module::Probe, "status 3u32 assert", REPLIED),
    ]),
    fresh("canister_pre_upgrade cannot read an argument", &[
        update("0u8 { ic0.msg_arg_data_size drop } keep reply", REPLIED),
        install("upgrade", Module::Probe, "", CONTRACT),
    ]),
];

/// `set` writes a byte, raises a global and grows the memory; `tell` replies with byte, global, pages, and how
/// often the start function ran.
const KEEPER: &str = "(module (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32)))
    (import \"ic0\" \"msg_reply\" (func $reply)) (memory 1) (global $g (mut i32) (i32.const 0)) (data $passive \"P\")
    (func $started (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 8)) (i32.const 1)))) (start $started)
    (func (export \"canister_update set\") (i32.store8 (i32.const 0) (i32.const 65)) (global.set $g (i32.const 7))
        (memory.init $passive (i32.const 1) (i32.const 0) (i32.const 1)) (drop (memory.grow (i32.const 2))) (call $reply))
    (func (export \"canister_query tell\") (i32.store8 (i32.const 100) (i32.load8_u (i32.const 0)))
        (i32.store8 (i32.const 101) (global.get $g)) (i32.store8 (i32.const 102) (memory.size))
        (i32.store8 (i32.const 103) (i32.load8_u (i32.const 8))) (i32.store8 (i32.const 104) (i32.load8_u (i32.const 1)))
        (call $append (i32.const 100) (i32.const 5)) (call $reply))
    (@custom \"icp:private enhanced-orthogonal-persistence\" \"\"))";
const SET: Step = update_to("self", "set", "", REPLIED);

#[rustfmt::skip]
const KEEPING: &[Case] = &[
    with("before an upgrade there is what was set", KEEPER, &[SET, query_to("self", "tell", "", reply("0x4107030150"))]),
    with("an upgrade that keeps the memory keeps bytes and size, resets globals and runs start again", KEEPER, &[
        SET,
        install("upgrade keeping memory", Module::Text(KEEPER), "", REPLIED),
        query_to("self", "tell", "", reply("0x4100030250")),
    ]),
    with("memory is kept over several upgrades", KEEPER, &[
        SET,
        install("upgrade keeping memory", Module::Text(KEEPER), "", REPLIED),
        install("upgrade keeping memory", Module::Text(KEEPER), "", REPLIED),
        query_to("self", "tell", "", reply("0x4100030350")),
    ]),
    with("an upgrade that replaces the memory starts anew", KEEPER, &[
        SET,
        install("upgrade replacing memory", Module::Text(KEEPER), "", REPLIED),
        query_to("self", "tell", "", reply("0x0000010100")),
    ]),
    with("a reinstallation starts anew", KEEPER, &[
        SET,
        install("reinstall", Module::Text(KEEPER), "", REPLIED),
        query_to("self", "tell", "", reply("0x0000010100")),
    ]),
    with("passive segments are not dropped for good", KEEPER, &[
        SET, SET, query_to("self", "tell", "", reply("0x4107050150")),
    ]),
];

#[rustfmt::skip]
const METHODS: &[Case] = &[
    case("a method that is not there is refused", &[
        update_to("self", "sing", "", reject(5, "IC0536", "sing")),
    ]),
    case("a query method that is not there is refused", &[
        query_to("self", "sing", "", reject(5, "IC0536", "sing")),
    ]),
    case("an update method cannot be queried", &[query_to("self", "run", "reply", reject(5, "IC0536", "run"))]),
    case("a composite query cannot be called as an update", &[
        update_to("self", "compose", "reply", reject(5, "IC0527", "compose")),
    ]),
    case("a query can be called as an update", &[update_to("self", "ask", "'ok' append reply", reply("'ok'"))]),
    case("a composite query cannot be called by a canister's update", &[
        update("$peer 'compose' { reply } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("5u32")),
    ]),
    case("a canister's call of a method that is not there is rejected", &[
        update("$peer 'sing' { } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("5u32")),
    ]),
    case("a canister may call a query method", &[
        update("$peer 'ask' { 'ok' append reply } 0u128 { argument append reply } { } call drop", reply("'ok'")),
    ]),
    with("a method's name may contain spaces", NAMES, &[query_to("self", "a b", "", reply(""))]),
    with("a method's name may be empty", NAMES, &[query_to("self", "", "", reply(""))]),
    with("a method's name may be any text", NAMES, &[query_to("self", "größe ∞", "", reply(""))]),
    with("a lifecycle entry point is no method", NAMES, &[query_to("self", "init", "", reject(5, "IC0536", ""))]),
    with("an update of that name alone answers updates", NAMES, &[update_to("self", "set", "", reply(""))]),
    empty("an empty canister has no methods", &[update("reply", reject(5, "IC0537", "no Wasm module"))]),
    empty("an empty canister has no query methods", &[query("reply", reject(5, "IC0537", "no Wasm module"))]),
    case("a canister that does not exist takes no call", &[
        update_to("nobody", "run", "reply", reject(3, "IC0301", "not found")),
    ]),
    case("a canister that does not exist takes no query", &[
        query_to("nobody", "ask", "reply", reject(3, "IC0301", "not found")),
    ]),
    case("a canister's call of a canister that does not exist is rejected", &[
        update("$nobody 'run' { } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("3u32")),
    ]),
];

const NAMES: &str = "(module (import \"ic0\" \"msg_reply\" (func $reply)) (func $f (call $reply))
    (export \"canister_query a b\" (func $f)) (export \"canister_query \" (func $f))
    (export \"canister_query größe ∞\" (func $f)) (export \"canister_update set\" (func $f)))";

#[rustfmt::skip]
const HEARTBEAT: &[Case] = &[
    empty("a heartbeat runs again and again", &[
        install("install", Module::Beating, "3u8 { 'beats' 'beats' get 'x' concat put } keep", REPLIED),
        eventually("4 'beats' get size less append reply", reply("1")),
        STOP,
    ]),
    empty("a heartbeat can call", &[
        install("install", Module::Beating,
            "3u8 { $self 'run' { 'called' 'yes' put reply } 0u128 { } { } call drop } keep", REPLIED),
        eventually("'called' get append reply", reply("'yes'")),
        STOP,
    ]),
    empty("a heartbeat cannot reply", &[
        install("install", Module::Beating, "3u8 { reply } keep", REPLIED),
        manage_eventually("fetch_canister_logs", LOGS, shows(&["msg_reply"])),
        STOP,
    ]),
    empty("a heartbeat's caller is the management canister", &[
        install("install", Module::Beating, "3u8 { 'c' caller size put } keep", REPLIED),
        eventually("'c' get append reply", reply("0")),
        STOP,
    ]),
    empty("a heartbeat that traps does not end the others", &[
        install("install", Module::Beating, "3u8 { 'b' 'ran' print 'stop' trap } keep", REPLIED),
        manage_eventually("fetch_canister_logs", LOGS, shows(&["idx = 3"])),
        STOP,
    ]),
];

#[rustfmt::skip]
const TIMER: &[Case] = &[
    fresh("a timer that is due runs", &[
        update("1u8 { 'rang' 'yes' put } keep 1 timer drop reply", REPLIED),
        eventually("'rang' get append reply", reply("'yes'")),
    ]),
    fresh("a timer runs once", &[
        update("1u8 { 'rang' 'rang' get 'x' concat put } keep 1 timer drop reply", REPLIED),
        eventually("'rang' get append reply", reply("'x'")),
        update("reply", REPLIED),
        update("reply", REPLIED),
        query("'rang' get append reply", reply("'x'")),
    ]),
    fresh("a timer is off once it has run", &[
        update("1u8 { 'rang' 'yes' put } keep 1 timer drop reply", REPLIED),
        eventually("'rang' get append reply", reply("'yes'")),
        update("0 timer append reply", reply("0")),
    ]),
    fresh("a timer may set itself again", &[
        update("1u8 { 'rang' 'rang' get 'x' concat put 1 timer drop } keep 1 timer drop reply", REPLIED),
        eventually("2 'rang' get size less append reply", reply("1")),
        update("0 timer drop reply", REPLIED),
    ]),
    fresh("a timer in the future does not run yet", &[
        update("1u8 { 'rang' 'yes' put } keep 9000000000000000000 timer drop reply", REPLIED),
        update("reply", REPLIED),
        query("'rang' get append reply", reply("")),
    ]),
    fresh("global_timer_set gives the old value", &[
        update("9000000000000000000 timer append 9000000000000000001 timer append reply", reply("0 9000000000000000000")),
    ]),
    fresh("zero turns the timer off", &[
        update("9000000000000000000 timer drop 0 timer append 0 timer append reply", reply("9000000000000000000 0")),
    ]),
    fresh("a timer can call", &[
        update("1u8 { $self 'run' { 'called' 'yes' put reply } 0u128 { } { } call drop } keep 1 timer drop reply", REPLIED),
        eventually("'called' get append reply", reply("'yes'")),
    ]),
    fresh("a timer cannot reply", &[
        update("1u8 { reply } keep 1 timer drop reply", REPLIED),
        manage_eventually("fetch_canister_logs", LOGS, shows(&["msg_reply"])),
    ]),
    fresh("a timer that traps is off", &[
        update("1u8 { 'stop' trap } keep 1 timer drop reply", REPLIED),
        manage_eventually("fetch_canister_logs", LOGS, shows(&["stop"])),
        update("0 timer append reply", reply("0")),
    ]),
    fresh("a timer runs in replicated mode", &[
        update("1u8 { 'mode' ic0.in_replicated_execution put } keep 1 timer drop reply", REPLIED),
        eventually("'mode' get append reply", reply("1")),
    ]),
    fresh("a timer set by canister_init runs", &[
        install("reinstall", Module::Probe, "1u8 { 'rang' 'yes' put } keep 1 timer drop", REPLIED),
        eventually("'rang' get append reply", reply("'yes'")),
    ]),
    fresh("a timer set by a callback runs", &[
        update("1u8 { 'rang' 'yes' put } keep $peer 'ask' { reply } 0u128 { 1 timer drop reply } { } call drop", REPLIED),
        eventually("'rang' get append reply", reply("'yes'")),
    ]),
];

const THRESHOLD: Step = manage(
    "update_settings",
    "(record { canister_id = $self; settings = record { wasm_memory_threshold = opt 4_290_000_000 } })",
    REPLIED,
);

#[rustfmt::skip]
const LOW_MEMORY: &[Case] = &[
    empty("the hook runs when the remaining memory falls below the threshold", &[
        install("install", Module::Watching, "4u8 { 'low' 'yes' put } keep", REPLIED),
        THRESHOLD,
        update("100 heap_grow drop reply", REPLIED),
        eventually("'low' get append reply", reply("'yes'")),
    ]),
    empty("the hook runs once", &[
        install("install", Module::Watching, "4u8 { 'low' 'low' get 'x' concat put } keep", REPLIED),
        THRESHOLD,
        update("100 heap_grow drop reply", REPLIED),
        eventually("'low' get append reply", reply("'x'")),
        update("100 heap_grow drop reply", REPLIED),
        update("reply", REPLIED),
        query("'low' get append reply", reply("'x'")),
    ]),
    empty("the hook does not run without a threshold", &[
        install("install", Module::Watching, "4u8 { 'low' 'yes' put } keep", REPLIED),
        update("100 heap_grow drop reply", REPLIED),
        update("reply", REPLIED),
        query("'low' get append reply", reply("")),
    ]),
    empty("the hook does not run while enough memory remains", &[
        install("install", Module::Watching, "4u8 { 'low' 'yes' put } keep", REPLIED),
        THRESHOLD,
        update("1 heap_grow drop reply", REPLIED),
        update("reply", REPLIED),
        query("'low' get append reply", reply("")),
    ]),
    empty("the limit of the memory counts for the hook", &[
        install("install", Module::Watching, "4u8 { 'low' 'yes' put } keep", REPLIED),
        manage(
            "update_settings",
            "(record { canister_id = $self; settings = record { wasm_memory_limit = opt 20_000_000; \
             wasm_memory_threshold = opt 15_000_000 } })",
            REPLIED,
        ),
        update("100 heap_grow drop reply", REPLIED),
        eventually("'low' get append reply", reply("'yes'")),
    ]),
];

#[rustfmt::skip]
const CALLBACKS: &[Case] = &[
    case("a reply runs the reply callback", &[
        update("$peer 'ask' { reply } 0u128 { 'reply' append reply } { 'reject' append reply } call drop", reply("'reply'")),
    ]),
    case("a reject runs the reject callback", &[
        update("$peer 'ask' { 'no' reject } 0u128 { 'reply' append reply } { 'reject' append reply } call drop", reply("'reject'")),
    ]),
    case("a callee's trap runs the reject callback", &[
        update("$peer 'ask' { 'stop' trap } 0u128 { } { reject_code append reply } call drop", reply("5u32")),
    ]),
    case("a callee that does not answer runs the reject callback", &[
        update("$peer 'ask' { } 0u128 { } { reject_code append reply } call drop", reply("5u32")),
    ]),
    fresh("a callback sees what happened since the call", &[
        update("'k' '1' put $self 'run' { 'k' '2' put reply } 0u128 { 'k' get append reply } { } call drop", reply("'2'")),
    ]),
    fresh("a callback that traps keeps what was before it", &[
        update("'k' '1' put $peer 'ask' { reply } 0u128 { 'k' '2' put 'stop' trap } { } call drop", called_trap("stop")),
        query("'k' get append reply", reply("'1'")),
    ]),
    case("a callback whose table entry is not there traps", &[
        update(
            "$peer address 'ask' address 4000000000 0 4000000000 0 ic0.call_new { reply } address \
             ic0.call_data_append ic0.call_perform drop", Expect::RejectCode(5)),
    ]),
    fresh("a cleanup runs after a trap of the reply callback", &[
        update("$peer 'ask' { reply } 0u128 { 'stop' trap } { } { 'clean' 'yes' put } call_with_cleanup drop", called_trap("stop")),
        query("'clean' get append reply", reply("'yes'")),
    ]),
    fresh("a cleanup runs after a trap of the reject callback", &[
        update("$peer 'ask' { 'no' reject } 0u128 { } { 'stop' trap } { 'clean' 'yes' put } call_with_cleanup drop", called_trap("stop")),
        query("'clean' get append reply", reply("'yes'")),
    ]),
    fresh("a cleanup does not run when the callback succeeds", &[
        update("$peer 'ask' { reply } 0u128 { reply } { } { 'clean' 'yes' put } call_with_cleanup drop", REPLIED),
        query("'clean' get append reply", reply("")),
    ]),
    fresh("a cleanup that traps changes nothing", &[
        update("$peer 'ask' { reply } 0u128 { 'stop' trap } { } { 'clean' 'yes' put 'again' trap } call_with_cleanup drop", called_trap("stop")),
        query("'clean' get append reply", reply("")),
    ]),
    fresh("a cleanup cannot answer for the callback", &[
        update("$peer 'ask' { reply } 0u128 { 'stop' trap } { } { reply } call_with_cleanup drop", called_trap("stop")),
    ]),
    case("callbacks of several calls each run", &[
        update(
            "$peer 'ask' { '1' append reply } 0u128 { 'both' argument put } { } call drop \
             $peer 'ask' { '2' append reply } 0u128 { 'both' get argument concat append reply } { } call drop",
            reply("'12'")),
    ]),
];

#[rustfmt::skip]
const MODES: &[Case] = &[
    case("an update is replicated", &[update("ic0.in_replicated_execution append reply", reply("1"))]),
    case("a query called as an update is replicated", &[update_to("self", "ask", "ic0.in_replicated_execution append reply", reply("1"))]),
    case("a query is not replicated", &[query("ic0.in_replicated_execution append reply", reply("0"))]),
    case("a composite query is not replicated", &[compose("ic0.in_replicated_execution append reply", reply("0"))]),
    case("a query called by an update is replicated", &[
        update("$peer 'ask' { ic0.in_replicated_execution append reply } 0u128 { argument append reply } { } call drop", reply("1")),
    ]),
    case("inspection is not replicated", &[
        update_to("self", "inspected", "ic0.in_replicated_execution 0 assert accept_message", REPLIED),
    ]),
    empty("canister_init is replicated", &[install("install", Module::Probe, "ic0.in_replicated_execution 1 assert", REPLIED)]),
    fresh("canister_post_upgrade is replicated", &[install("upgrade", Module::Probe, "ic0.in_replicated_execution 1 assert", REPLIED)]),
    fresh("canister_pre_upgrade is replicated", &[
        update("0u8 { ic0.in_replicated_execution 1 assert } keep reply", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
    ]),
    case("a reply callback is replicated", &[
        update("$peer 'ask' { reply } 0u128 { ic0.in_replicated_execution append reply } { } call drop", reply("1")),
    ]),
];

#[rustfmt::skip]
const INSPECTION: &[Case] = &[
    case("a message that is accepted is executed", &[update_to("self", "inspected", "accept_message", reply("'accepted'"))]),
    case("a message that is not accepted is refused", &[
        update_to("self", "inspected", "", rejected("canister_inspect_message")),
    ]),
    case("a trap refuses the message", &[update_to("self", "inspected", "'go away' trap", called_trap("go away"))]),
    case("a trap after accepting refuses the message", &[
        update_to("self", "inspected", "accept_message 'go away' trap", called_trap("go away")),
    ]),
    case("accepting twice traps", &[update_to("self", "inspected", "accept_message accept_message", CONTRACT)]),
    case("inspection knows the method", &[
        update_to("self", "inspected",
            "ic0.msg_method_name_size allocate dup 0 ic0.msg_method_name_size ic0.msg_method_name_copy 9 peek 'inspected' assert accept_message",
            REPLIED),
    ]),
    case("inspection does not happen for queries", &[query("reply", REPLIED)]),
    fresh("inspection does not happen for calls of canisters", &[
        update("2u8 { } keep reply", REPLIED),
        update("reply", rejected("")),
        update_to("peer", "run", "$self 'run' { 'in' append reply } 0u128 { argument append reply } { } call drop", reply("'in'")),
    ]),
    fresh("inspection does not happen for the management canister", &[
        update("2u8 { } keep reply", REPLIED),
        manage("canister_status", "(record { canister_id = $self })", REPLIED),
        install("upgrade", Module::Probe, "", REPLIED),
    ]),
    case("inspection changes nothing", &[
        update_to("self", "inspected", "'inspection changes' 'yes' put accept_message", REPLIED),
        query("'inspection changes' get append reply", reply("")),
    ]),
    case("inspection that runs too long refuses the message", &[
        update_to("self", "inspected", "loop", reject(5, "IC0522", "")),
    ]),
    with("a canister without inspection accepts all messages",
        "(module (import \"ic0\" \"msg_reply\" (func $r)) (func (export \"canister_update go\") (call $r)))",
        &[update_to("self", "go", "", reply("")).by(Who::Anonymous)]),
    case("a query called as an update is inspected", &[
        update_to("self", "ask", "'ok' append reply", reply("'ok'")),
    ]),
    case("the anonymous user can be told apart", &[
        update_to("self", "inspected", "caller $anonymous assert accept_message", REPLIED).by(Who::Anonymous),
        update_to("self", "inspected", "caller $anonymous assert accept_message", called_trap("is not")),
    ]),
];
