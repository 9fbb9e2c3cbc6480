//! Calls between canisters.

use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("system-api-call", CALLS),
        section("system-api-call", COMPOSITE),
        section("ordering-guarantees", ORDER),
        section("reject-codes", REJECT_CODES),
        section("error-codes", ERROR_CODES),
    ]
}

/// Calls the shared probe, which asks to stop this canister and so waits until this call is over: only its
/// deadline ends it.
const STOPPED_BY_CALLEE: &str = "$probe address 'run' address { 'replied' trap } callback { reject_code append status append reply } callback \
    ic0.call_new { $management 'stop_canister' 0x4449444c016c01b3c4b1f204680100010a $self concat 0u128 { reply } { reply } call drop } address \
    ic0.call_data_append 1 ic0.call_with_best_effort_response ic0.call_perform 0 assert";

#[rustfmt::skip]
const CALLS: &[Case] = &[
    case("a canister calls another", &[
        update("$peer 'run' { 'hello' append reply } 0u128 { argument append reply } { } call drop", reply("'hello'")),
    ]),
    case("a canister calls itself", &[
        update("$self 'run' { 'hello' append reply } 0u128 { argument append reply } { } call drop", reply("'hello'")),
    ]),
    case("call_perform gives zero", &[
        update("$peer 'ask' { reply } 0u128 { } { } call append reply", reply("0u32")),
    ]),
    case("a call's data can be appended piece by piece", &[
        update(
            "$peer address 'ask' address { argument append reply } callback { } callback ic0.call_new \
             { 'one' append } address ic0.call_data_append { 'two' append reply } address ic0.call_data_append \
             ic0.call_perform drop", reply("'onetwo'")),
    ]),
    case("a call without data has an empty argument", &[
        update(
            "$peer address 'ask' address { } callback { reject_code append reply } callback ic0.call_new \
             ic0.call_perform drop", reply("5u32")),
    ]),
    case("a call that is not performed is dropped", &[
        update("$peer address 'run' address { } callback { } callback ic0.call_new \
                { 'not performed' 'yes' put reply } address ic0.call_data_append reply", reply("")),
        query_to("peer", "ask", "'not performed' get append reply", reply("")),
    ]),
    case("a new call drops the one under construction", &[
        update(
            "$peer address 'run' address { } callback { } callback ic0.call_new \
             { 'replaced' 'yes' put reply } address ic0.call_data_append \
             $peer 'ask' { 'new' append reply } 0u128 { argument append reply } { } call drop", reply("'new'")),
        query_to("peer", "ask", "'replaced' get append reply", reply("")),
    ]),
    case("call_data_append without a call traps", &[update("'x' address ic0.call_data_append", CONTRACT)]),
    case("call_on_cleanup without a call traps", &[update("{ } callback ic0.call_on_cleanup", CONTRACT)]),
    case("call_cycles_add without a call traps", &[update("1 ic0.call_cycles_add", CONTRACT)]),
    case("call_cycles_add128 without a call traps", &[update("0 1 ic0.call_cycles_add128", CONTRACT)]),
    case("call_with_best_effort_response without a call traps", &[update("1 ic0.call_with_best_effort_response", CONTRACT)]),
    case("call_perform without a call traps", &[update("ic0.call_perform drop", CONTRACT)]),
    case("call_perform twice traps", &[
        update("$peer 'ask' { reply } 0u128 { } { } call drop ic0.call_perform drop", CONTRACT),
    ]),
    case("call_data_append after call_perform traps", &[
        update("$peer 'ask' { reply } 0u128 { } { } call drop 'x' address ic0.call_data_append", CONTRACT),
    ]),
    case("call_on_cleanup after call_perform traps", &[
        update("$peer 'ask' { reply } 0u128 { } { } call drop { } callback ic0.call_on_cleanup", CONTRACT),
    ]),
    case("call_cycles_add128 after call_perform traps", &[
        update("$peer 'ask' { reply } 0u128 { } { } call drop 0 1 ic0.call_cycles_add128", CONTRACT),
    ]),
    case("call_on_cleanup twice traps", &[
        update("$peer address 'ask' address { } callback { } callback ic0.call_new \
                { } callback ic0.call_on_cleanup { } callback ic0.call_on_cleanup", CONTRACT),
    ]),
    case("call_with_best_effort_response twice traps", &[
        update("$peer address 'ask' address { } callback { } callback ic0.call_new \
                1 ic0.call_with_best_effort_response 1 ic0.call_with_best_effort_response", CONTRACT),
    ]),
    case("any timeout is permitted", &[
        update("$peer address 'ask' address { 'ok' append reply } callback { } callback ic0.call_new \
                { reply } address ic0.call_data_append 4294967295 ic0.call_with_best_effort_response \
                ic0.call_perform 0 assert", reply("'ok'")),
    ]),
    case("a timeout of zero is permitted", &[
        update("$peer address 'ask' address { 'reply' append reply } callback { 'reject' append reply } callback \
                ic0.call_new { reply } address ic0.call_data_append 0 ic0.call_with_best_effort_response \
                ic0.call_perform 0 assert", REPLIED),
    ]),
    fresh("a bounded-wait call whose deadline passes is rejected with SYS_UNKNOWN", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { controllers = opt vec { $me; $probe } } })", REPLIED),
        update(STOPPED_BY_CALLEE, reply("6u32 2u32")),
    ]),
    case("a payload beyond the largest message traps", &[
        update("$peer address 'ask' address { } callback { } callback ic0.call_new \
                1u8 10485761 fill address ic0.call_data_append", CONTRACT),
    ]),
    case("pieces that together exceed the largest message trap", &[
        update("$peer address 'ask' address { } callback { } callback ic0.call_new \
                1u8 6000000 fill dup address ic0.call_data_append address ic0.call_data_append", CONTRACT),
    ]),
    case("a payload of 2 MiB is delivered", &[
        update("$peer 'ask' 0x01 2097152u32 concat 1u8 2097152 fill concat 0x02 concat { 'ok' append reply } concat 0u128 \
                { argument append reply } { reject_message trap } call drop", reply("'ok'")),
    ]),
    case("a callee's principal that is too long traps", &[
        update("1u8 30 fill address 'ask' address { } callback { } callback ic0.call_new", CONTRACT),
    ]),
    case("a method name that is not UTF-8 traps", &[
        update("$peer address 0xff address { } callback { } callback ic0.call_new", CONTRACT),
    ]),
    case("a method name beyond 20,000 bytes traps", &[
        update("$peer address 97u8 20001 fill address { } callback { } callback ic0.call_new", CONTRACT),
    ]),
    case("a callee that is no canister of the subnet is rejected", &[
        update("$me 'run' { } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("3u32")),
    ]),
    case("calls go out only when the method has returned", &[
        update("$self 'run' { 'k of calls' 'callee' put reply } 0u128 { reply } { } call drop \
                'k of calls' 'caller' put", REPLIED),
        query("'k of calls' get append reply", reply("'callee'")),
    ]),
    case("a chain of calls brings the reply back", &[
        update(
            "$peer 'run' { $probe 'run' { $peer 'run' { 'deep' append reply } 0u128 { argument append reply } { } call drop } \
             0u128 { argument append reply } { } call drop } 0u128 { argument append reply } { } call drop", reply("'deep'")),
    ]),
    case("a called canister that traps rejects with CANISTER_ERROR and its words", &[
        update("$peer 'run' { 'so be it' trap } 0u128 { } { reject_code append reject_message size 20 swap less append reply } call drop",
            reply("5u32 1")),
    ]),
    fresh("more calls than a queue holds are refused with SYS_FATAL", &[
        update("600 { $peer 'ask' { reply } 0u128 { } { } call 2u32 equal { 'n' 'n' get 'x' concat put } if } repeat \
                0 'n' get size less append reply", reply("1")),
    ]),
    fresh("a call that would freeze the canister is refused with SYS_FATAL", &[
        update("$peer address 'ask' address { } callback { } callback ic0.call_new 'a' 16 allocate put \
                'a' get ic0.canister_liquid_cycle_balance128 0 'a' get 8 peek ic0.call_cycles_add128 ic0.call_perform append reply",
            reply("2")),
    ]),
    fresh("no callback of a refused call runs", &[
        update("$peer address 'ask' address { 'ran' 'yes' put } callback { 'ran' 'yes' put } callback ic0.call_new 'a' 16 allocate put \
                'a' get ic0.canister_liquid_cycle_balance128 0 'a' get 8 peek ic0.call_cycles_add128 ic0.call_perform append reply",
            reply("2")),
        query("'ran' get append reply", reply("")),
    ]),
    fresh("cycles of a refused call are given back", &[
        update("$peer address 'ask' address { } callback { } callback ic0.call_new 'a' 16 allocate put \
                'a' get ic0.canister_liquid_cycle_balance128 0 'a' get 8 peek ic0.call_cycles_add128 ic0.call_perform drop \
                50_000_000_000_000u128 balance less append reply", reply("1")),
    ]),
];

#[rustfmt::skip]
const COMPOSITE: &[Case] = &[
    case("a composite query calls a query", &[
        compose("$peer 'ask' { 'ok' append reply } 0u128 { argument append reply } { } call drop", reply("'ok'")),
    ]),
    case("a composite query calls a composite query", &[
        compose("$peer 'compose' { 'ok' append reply } 0u128 { argument append reply } { } call drop", reply("'ok'")),
    ]),
    case("a composite query calls itself", &[
        compose("$self 'compose' { 'ok' append reply } 0u128 { argument append reply } { } call drop", reply("'ok'")),
    ]),
    case("a composite query cannot call an update", &[
        compose("$peer 'run' { reply } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("5u32")),
    ]),
    case("a composite query's callee rejects", &[
        compose("$peer 'ask' { 'no' reject } 0u128 { } { reject_code append reject_message append reply } call drop", reply("4u32 'no'")),
    ]),
    case("a composite query's callee traps", &[
        compose("$peer 'ask' { 'stop' trap } 0u128 { } { reject_code append reply } call drop", reply("5u32")),
    ]),
    case("a composite query's callee that does not exist is rejected", &[
        compose("$nobody 'ask' { } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("3u32")),
    ]),
    case("a composite query's callback sees its changes", &[
        compose("'c' '1' put $peer 'ask' { reply } 0u128 { 'c' get append reply } { } call drop", reply("'1'")),
    ]),
    case("a composite query's callback that traps rejects it", &[
        compose("$peer 'ask' { reply } 0u128 { 'stop' trap } { } call drop", called_trap("stop")),
    ]),
    case("a composite query whose callbacks do not answer is rejected", &[
        compose("$peer 'ask' { reply } 0u128 { } { } call drop", reject(5, "IC0506", "")),
    ]),
    case("a composite query's callee sees the calling canister", &[
        compose("$peer 'ask' { caller append reply } 0u128 { argument append reply } { } call drop", reply("$self")),
    ]),
    case("a composite query calls several", &[
        compose(
            "$peer 'ask' { '1' append reply } 0u128 { 'both' argument put } { } call drop \
             $peer 'ask' { '2' append reply } 0u128 { 'both' get argument concat append reply } { } call drop",
            reply("'12'")),
    ]),
    case("a plain query cannot call", &[query("$peer 'ask' { reply } 0u128 { } { } call drop", CONTRACT)]),
    case("a composite query cannot attach cycles", &[
        compose("$peer 'ask' { reply } 1u128 { } { } call drop", CONTRACT),
    ]),
    case("composite queries nest only so deep", &[
        compose("$self 'compose' argument 0u128 { argument append reply } { reject_code append reply } call drop", reply("5u32")),
    ]),
    case("a callee of a composite query has no certificate", &[
        compose("$peer 'ask' { ic0.data_certificate_present append reply } 0u128 { argument append reply } { } call drop", reply("0")),
    ]),
    case("a callback of a composite query has no certificate", &[
        compose("$peer 'ask' { reply } 0u128 { ic0.data_certificate_present append reply } { } call drop", reply("0")),
    ]),
];

#[rustfmt::skip]
const ORDER: &[Case] = &[
    fresh("calls to one canister start in the order in which they were made", &[
        update(
            "$self 'run' { 'o' 'o' get '1' concat put reply } 0u128 { } { } call drop \
             $self 'run' { 'o' 'o' get '2' concat put reply } 0u128 { } { } call drop \
             $self 'run' { 'o' 'o' get '3' concat put 'o' get append reply } 0u128 { argument append reply } { } call drop",
            reply("'123'")),
    ]),
    fresh("many calls to another canister start in order", &[
        update(
            "20 { $peer 'ask' { reply } 0u128 { 'o' 'o' get 'x' concat put } { } call drop } repeat \
             $peer 'ask' { reply } 0u128 { 'o' get size 21 less append reply } { } call drop", reply("1")),
    ]),
];

#[rustfmt::skip]
const REJECT_CODES: &[Case] = &[
    case("DESTINATION_INVALID is 3", &[update_to("nobody", "run", "reply", Expect::RejectCode(3))]),
    case("CANISTER_REJECT is 4", &[update("'no' reject", Expect::RejectCode(4))]),
    case("CANISTER_ERROR is 5", &[update("'stop' trap", Expect::RejectCode(5))]),
    fresh("SYS_TRANSIENT is 2 for a canister that is frozen", &[
        manage("update_settings",
            "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        update("reply", Expect::RejectCode(2)),
    ]),
    case("a reject of a query has the same codes", &[query("'no' reject", Expect::RejectCode(4))]),
    case("a canister cannot choose its reject code", &[
        update("$peer 'ask' { 'IC0301' reject } 0u128 { } { reject_code append reply } call drop", reply("4u32")),
    ]),
    case("the words of a reject are text", &[update("'größe ∞' reject", rejected("größe ∞"))]),
];

#[rustfmt::skip]
const ERROR_CODES: &[Case] = &[
    case("a canister's reject has an error code", &[update("'no' reject", reject(4, "IC0406", "no"))]),
    case("a trap has an error code", &[update("unreachable", reject(5, "IC0502", ""))]),
    case("a called trap has an error code", &[update("'x' trap", reject(5, "IC0503", "x"))]),
    case("a wrong use of the System API has an error code", &[update("reply reply", reject(5, "IC0504", ""))]),
    case("a missing method has an error code", &[update_to("self", "sing", "", reject(5, "IC0536", ""))]),
    case("a missing canister has an error code", &[update_to("nobody", "run", "", reject(3, "IC0301", ""))]),
    case("an unknown management method has an error code", &[
        manage("sing", "()", Expect::RejectCode(5)),
    ]),
];
