//! Blobs between canister and system; the argument of a message; the answer.

use super::{made, section};
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        made("blob-typed-arguments-and-results", blobs()),
        section("interpretation-of-numbers", NUMBERS),
        section("method-arguments", ARGUMENTS),
        section("responding", RESPONDING),
        section("debugging-aids", DEBUGGING),
    ]
}

/// Functions that copy a blob out: a prefix of arguments, the blob's name, its size, and the place that calls it.
const COPIES: &[(&str, &str, &str)] = &[
    ("msg_arg_data_copy", "", "update"),
    ("msg_caller_copy", "", "update"),
    ("msg_caller_info_data_copy", "", "update"),
    ("msg_caller_info_signer_copy", "", "update"),
    ("msg_reject_msg_copy", "", "reject callback"),
    ("canister_self_copy", "", "update"),
    ("subnet_self_copy", "", "update"),
    ("msg_method_name_copy", "", "inspection"),
    ("root_key_copy", "", "update"),
    ("data_certificate_copy", "", "query"),
    ("env_var_name_copy", "0", "update"),
    ("env_var_value_copy", "'PROBE' address", "update"),
];

/// Functions that take a blob: what stands before and after the blob's address and size.
const TAKES: &[(&str, &str, &str, &str)] = &[
    ("msg_reply_data_append", "", "", "update"),
    ("msg_reject", "", "", "update"),
    ("call_data_append", "$management address 'x' address 0 0 0 0 ic0.call_new", "", "update"),
    ("certified_data_set", "", "", "update"),
    ("is_controller", "", "", "update"),
    ("env_var_name_exists", "", "", "update"),
    ("env_var_value_size", "", "", "update"),
    ("cost_sign_with_ecdsa", "", "0 16 allocate", "update"),
    ("cost_sign_with_schnorr", "", "0 16 allocate", "update"),
    ("cost_vetkd_derive_key", "", "0 16 allocate", "update"),
];

/// Functions that write 16 bytes.
const WRITES: &[(&str, &str)] = &[
    ("msg_cycles_available128", ""),
    ("msg_cycles_accept128", "0 0"),
    ("cycles_burn128", "0 0"),
    ("canister_cycle_balance128", ""),
    ("canister_liquid_cycle_balance128", ""),
    ("cost_call", "0 0"),
    ("cost_create_canister", ""),
    ("cost_http_request", "0 0"),
];

fn place(place: &str, script: &str, expect: Expect) -> Vec<Step> {
    let script: &'static str = script.to_owned().leak();
    vec![match place {
        "query" => query(script, expect),
        "inspection" => update_to("self", "inspected", script, expect),
        "reject callback" => {
            let text = format!("$self 'ask' {{ 'no' reject }} 0u128 {{ }} {{ {script} }} call drop");
            update(text.leak(), expect)
        }
        _ => update(script, expect),
    }]
}

fn made_case(name: String, steps: Vec<Step>) -> Case {
    Case { name: name.leak(), place: Place::Shared, steps: steps.leak() }
}

fn blobs() -> Vec<Case> {
    let copies = COPIES.iter().flat_map(|&(function, before, context)| {
        let case = |what: &str, arguments: &str, expect: Expect| {
            let script = format!("{before} {arguments} ic0.{function}");
            made_case(format!("ic0.{function} {what}"), place(context, &script, expect))
        };
        [
            case("traps when the offset leads out of the blob", "16 allocate 5000000 1", CONTRACT),
            case(
                "traps when offset and size together lead out of the blob",
                "16 allocate 0 5000000",
                CONTRACT,
            ),
            case(
                "traps when offset and size overflow",
                "16 allocate 4294967295 4294967295",
                Expect::RejectCode(5),
            ),
            case("traps when there is nothing so far beyond", "16 allocate 5000000 0", CONTRACT),
        ]
    });
    let takes = TAKES.iter().flat_map(|&(function, before, after, context)| {
        let case = |what: &str, blob: &str| {
            let script = format!("{before} {blob} {after} ic0.{function}");
            made_case(format!("ic0.{function} {what}"), place(context, &script, TRAPPED))
        };
        [
            case("traps when the source lies beyond the memory", "4294967295 1"),
            case("traps when the source's end lies beyond the memory", "4294901760 16"),
        ]
    });
    let writes = WRITES.iter().flat_map(|&(function, before)| {
        let case = |what: &str, address: &str| {
            let script = format!("{before} {address} ic0.{function}");
            made_case(format!("ic0.{function} {what}"), place("update", &script, TRAPPED))
        };
        [
            case("traps when it would write beyond the memory", "4294967295"),
            case("traps when its last byte lies beyond the memory", "4294967281"),
        ]
    });
    let targets = [
        ("msg_caller_copy", "4294967295 0 1"),
        ("canister_self_copy", "4294967290 0 10"),
        ("subnet_self_copy", "4294967290 0 29"),
        ("root_key_copy", "4294967290 0 133"),
        ("msg_arg_data_copy", "4294967290 0 20"),
    ];
    let targets = targets.into_iter().map(|(function, arguments)| {
        let script = format!("{arguments} ic0.{function}");
        made_case(
            format!("ic0.{function} traps when the destination leads out of the memory"),
            place("update", &script, TRAPPED),
        )
    });
    copies.chain(takes).chain(writes).chain(targets).collect()
}

#[rustfmt::skip]
const NUMBERS: &[Case] = &[
    case(
        "a size of all ones is a large number and no negative one",
        &[update("0 4294967295 ic0.msg_reply_data_append", REJECTED_OUT)],
    ),
    case(
        "amounts of cycles with the highest bit are positive",
        &[update("16 allocate dup 9223372036854775808 swap 0 swap ic0.cost_call 16 peek drop 'ok' append reply", REPLIED)],
    ),
    fresh(
        "stable memory cannot be grown by a number of pages that would be negative",
        &[update("18446744073709551615 ic0.stable64_grow append reply", reply("18446744073709551615"))],
    ),
];

/// Sizes beyond the memory trap, whichever limit is looked at first.
const REJECTED_OUT: Expect = Expect::RejectCode(5);

#[rustfmt::skip]
const ARGUMENTS: &[Case] = &[
    case("an update sees its argument", &[update("argument size append reply", reply("4"))]),
    case("a query sees its argument", &[query("argument size append reply", reply("4"))]),
    case("a replicated query sees its argument", &[update_to("self", "ask", "argument size append reply", reply("4"))]),
    case("a composite query sees its argument", &[compose("argument size append reply", reply("4"))]),
    case(
        "part of an argument can be copied",
        &[update("'abcdef' drop 3 allocate dup 5 3 ic0.msg_arg_data_copy 3 peek append reply", reply("'abc'"))],
    ),
    case(
        "a reply callback's argument is the reply",
        &[update(
            "$self 'ask' { 'the reply' append reply } 0u128 { argument append reply } { } call drop",
            reply("'the reply'"),
        )],
    ),
    case("the caller is the user", &[update("caller append reply", reply("$me"))]),
    case("another user is another caller", &[update("caller append reply", reply("$stranger")).by(Who::Stranger)]),
    case("the anonymous user has a principal", &[update("caller append reply", reply("0x04")).by(Who::Anonymous)]),
    case("a query sees its caller", &[query("caller append reply", reply("$stranger")).by(Who::Stranger)]),
    case("a composite query sees its caller", &[compose("caller append reply", reply("$me"))]),
    case(
        "a called canister sees the calling canister",
        &[update(
            "$peer 'run' { caller append reply } 0u128 { argument append reply } { } call drop",
            reply("$self"),
        )],
    ),
    case(
        "the caller of a call is the caller in its reply callback",
        &[update("$peer 'ask' { reply } 0u128 { caller append reply } { } call drop", reply("$me"))],
    ),
    case(
        "the caller of a call is the caller in its reject callback",
        &[update("$peer 'ask' { 'no' reject } 0u128 { } { caller append reply } call drop", reply("$me"))],
    ),
    case(
        "inspection sees the caller",
        &[update_to("self", "inspected", "caller $me assert accept_message", REPLIED)],
    ),
    case(
        "inspection sees the argument",
        &[update_to("self", "inspected", "argument size 17 assert accept_message", REPLIED)],
    ),
    fresh(
        "the caller in canister_init is who installs",
        &[install("reinstall", Module::Probe, "'c' caller put", REPLIED), query("'c' get append reply", reply("$me"))],
    ),
    fresh(
        "the caller in canister_post_upgrade is who upgrades",
        &[install("upgrade", Module::Probe, "'c' caller put", REPLIED), query("'c' get append reply", reply("$me"))],
    ),
    fresh(
        "the caller in canister_pre_upgrade is who upgrades",
        &[update("0u8 { caller $me assert } keep reply", REPLIED), install("upgrade", Module::Probe, "", REPLIED)],
    ),
    fresh(
        "the caller in a timer is the management canister",
        &[
            update("1u8 { 'c' caller size put } keep 1 timer drop reply", REPLIED),
            eventually("'c' get append reply", reply("0")),
        ],
    ),
    case(
        "a user who signs alone brings no info of a caller",
        &[update("ic0.msg_caller_info_data_size append ic0.msg_caller_info_signer_size append reply", reply("0 0"))],
    ),
    case(
        "a calling canister brings no info of a caller",
        &[update(
            "$peer 'run' { ic0.msg_caller_info_data_size append ic0.msg_caller_info_signer_size append reply } \
             0u128 { argument append reply } { } call drop",
            reply("0 0"),
        )],
    ),
    case(
        "the reject code in a reply callback is zero",
        &[update("$peer 'ask' { reply } 0u128 { reject_code append reply } { } call drop", reply("0u32"))],
    ),
    case(
        "the reject message in a reply callback is not there",
        &[update("$peer 'ask' { reply } 0u128 { ic0.msg_reject_msg_size drop reply } { } call drop", CONTRACT)],
    ),
    case(
        "the reject code after a reject is CANISTER_REJECT",
        &[update("$peer 'ask' { 'no' reject } 0u128 { } { reject_code append reply } call drop", reply("4u32"))],
    ),
    case(
        "the reject message after a reject is the canister's",
        &[update(
            "$peer 'ask' { 'no, thanks' reject } 0u128 { } { reject_message append reply } call drop",
            reply("'no, thanks'"),
        )],
    ),
    case(
        "part of a reject message can be copied",
        &[update(
            "$peer 'ask' { 'no, thanks' reject } 0u128 { } { 6 allocate dup 4 6 ic0.msg_reject_msg_copy 6 peek \
             append reply } call drop",
            reply("'thanks'"),
        )],
    ),
    fresh(
        "the reject code in the cleanup of a reply callback is zero",
        &[
            update(
                "$peer 'ask' { reply } 0u128 { 'stop' trap } { } { 'c' ic0.msg_reject_code put } call_with_cleanup drop",
                called_trap("stop"),
            ),
            query("'c' get append reply", reply("0")),
        ],
    ),
    fresh(
        "the reject code in the cleanup of a reject callback is the call's",
        &[
            update(
                "$peer 'ask' { 'no' reject } 0u128 { } { 'stop' trap } { 'c' ic0.msg_reject_code put } \
                 call_with_cleanup drop",
                called_trap("stop"),
            ),
            query("'c' get append reply", reply("4")),
        ],
    ),
    case("a user's call has no deadline", &[update("ic0.msg_deadline append reply", reply("0"))]),
    case("a user's query has no deadline", &[query("ic0.msg_deadline append reply", reply("0"))]),
    case(
        "a call with a guaranteed response has no deadline",
        &[update(
            "$peer 'run' { ic0.msg_deadline append reply } 0u128 { argument append reply } { } call drop",
            reply("0"),
        )],
    ),
    case(
        "a bounded-wait call has a deadline in the future",
        &[update(
            "$peer address 'run' address { argument append reply } callback { } callback ic0.call_new \
             { time ic0.msg_deadline less append reply } address ic0.call_data_append \
             60 ic0.call_with_best_effort_response ic0.call_perform drop",
            reply("1"),
        )],
    ),
    case(
        "a query called with a bounded wait has no deadline",
        &[update(
            "$peer address 'ask' address { argument append reply } callback { } callback ic0.call_new \
             { ic0.msg_deadline append reply } address ic0.call_data_append \
             60 ic0.call_with_best_effort_response ic0.call_perform drop",
            reply("0"),
        )],
    ),
];

#[rustfmt::skip]
const RESPONDING: &[Case] = &[
    case("a reply without data is empty", &[update("reply", reply(""))]),
    case("data can be appended piece by piece", &[update("'a' append 'b' append 'c' append reply", reply("'abc'"))]),
    case("a query replies too", &[query("'a' append 'b' append reply", reply("'ab'"))]),
    case("a composite query replies too", &[compose("'a' append 'b' append reply", reply("'ab'"))]),
    case("a second reply traps", &[update("reply reply", CONTRACT)]),
    case("a reject after a reply traps", &[update("reply 'no' reject", CONTRACT)]),
    case("a reply after a reject traps", &[update("'no' reject reply", CONTRACT)]),
    case("a second reject traps", &[update("'no' reject 'no' reject", CONTRACT)]),
    case("appending after a reply traps", &[update("reply 'late' append", CONTRACT)]),
    case("appending after a reject traps", &[update("'no' reject 'late' append", CONTRACT)]),
    case("a second reply of a query traps", &[query("reply reply", CONTRACT)]),
    case("a second reply of a composite query traps", &[compose("reply reply", CONTRACT)]),
    case("a call that ends without an answer is rejected", &[update("", reject(5, "IC0506", "did not reply"))]),
    case("a query that ends without an answer is rejected", &[query("", reject(5, "IC0506", "did not"))]),
    case("a replicated query that ends without an answer is rejected", &[update_to("self", "ask", "", reject(5, "IC0506", ""))]),
    case("data without a reply is no answer", &[update("'lost' append", reject(5, "IC0506", ""))]),
    case("a reject carries the canister's words", &[update("'no, thanks' reject", rejected("no, thanks"))]),
    case("a query rejects too", &[query("'no, thanks' reject", rejected("no, thanks"))]),
    case("a composite query rejects too", &[compose("'no, thanks' reject", rejected("no, thanks"))]),
    case("a reject without words is a reject", &[update("'' reject", rejected(""))]),
    case("a reject discards what was appended", &[update("'lost' append 'no' reject", rejected("no"))]),
    case("a reject that is not UTF-8 traps", &[update("0xff reject", CONTRACT)]),
    case("a query's reject that is not UTF-8 traps", &[query("0xfffe reject", CONTRACT)]),
    case(
        "what was appended is discarded when the canister yields",
        &[update(
            "'lost' append $self 'ask' { reply } 0u128 { 'kept' append reply } { } call drop",
            reply("'kept'"),
        )],
    ),
    case(
        "a callback may answer, where the method did not",
        &[update("$self 'ask' { reply } 0u128 { 'later' append reply } { } call drop", reply("'later'"))],
    ),
    case(
        "a callback may reject, where the method did not",
        &[update("$self 'ask' { reply } 0u128 { 'later' reject } { } call drop", rejected("later"))],
    ),
    case(
        "a callback may not answer again",
        &[update("'first' append reply $self 'ask' { reply } 0u128 { reply } { } call drop", reply("'first'"))],
    ),
    case(
        "a call whose callbacks do not answer is rejected",
        &[update("$self 'ask' { reply } 0u128 { } { } call drop", reject(5, "IC0506", ""))],
    ),
    case(
        "a reply of 2 MiB is allowed",
        &[update(
            "1u8 2097152 fill append reply",
            Expect::Body(|answer, _| match &answer.outcome {
                crate::answer::Outcome::Replied(reply) if reply.len() == 2 << 20 => Ok(()),
                other => Err(other.to_string()),
            }),
        )],
    ),
    case("a reply beyond the largest response traps", &[update("1u8 3145729 fill append reply", CONTRACT)]),
    case("a query reply beyond the largest response traps", &[query("1u8 3145729 fill append reply", CONTRACT)]),
    case(
        "pieces that together exceed the largest response trap",
        &[update("1u8 1572864 fill dup append dup append append reply", CONTRACT)],
    ),
    case("the changes of a trapped call are discarded", &[
        update("'discarded' 'yes' put 'stop' trap", called_trap("stop")),
        query("'discarded' get append reply", reply("")),
    ]),
    case("a reply before a trap is discarded", &[update("'ok' append reply 'stop' trap", called_trap("stop"))]),
    case("calls before a trap are discarded", &[
        update("$peer 'run' { 'called before a trap' 'yes' put reply } 0u128 { } { } call drop 'stop' trap", called_trap("stop")),
        query_to("peer", "ask", "'called before a trap' get append reply", reply("")),
    ]),
];

#[rustfmt::skip]
const DEBUGGING: &[Case] = &[
    case("a trap tells its words", &[update("'so be it' trap", called_trap("so be it"))]),
    case("a query's trap tells its words", &[query("'so be it' trap", called_trap("so be it"))]),
    case("a composite query's trap tells its words", &[compose("'so be it' trap", called_trap("so be it"))]),
    case("a trap without words is a trap", &[update("0 0 ic0.trap", called_trap(""))]),
    case("a trap whose words are not UTF-8 traps all the same", &[update("0xff41 trap", called_trap("A"))]),
    case("a trap whose words lie outside of the memory traps all the same", &[update("4294967295 9 ic0.trap", Expect::RejectCode(5))]),
    case("unreachable traps", &[update("unreachable", TRAPPED)]),
    case("unreachable in a query traps", &[query("unreachable", TRAPPED)]),
    case("endless recursion traps", &[update("recurse", TRAPPED)]),
    case("endless recursion in a query traps", &[query("recurse", TRAPPED)]),
    case("debug_print beyond the memory does not trap", &[update("4294967295 9 ic0.debug_print reply", reply(""))]),
    case("debug_print with an overflow does not trap", &[query("4294967295 4294967295 ic0.debug_print reply", reply(""))]),
    fresh("prints are in the log", &[
        update("'printed by an update' print reply", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["printed by an update", "idx = 0"])),
    ]),
    fresh("traps are in the log", &[
        update("'trapped in an update' trap", called_trap("")),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["trapped in an update"])),
    ]),
    fresh("prints before a trap are in the log", &[
        update("'printed first' print 'then trapped' trap", called_trap("")),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["printed first", "then trapped"])),
    ]),
    fresh("prints of queries are not in the log", &[
        query("'printed by a query' print reply", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["canister_log_records = vec {}"])),
    ]),
    fresh("prints of replicated queries are in the log", &[
        update_to("self", "ask", "'printed by a replicated query' print reply", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["printed by a replicated query"])),
    ]),
    fresh("prints of canister_init are in the log", &[
        install("reinstall", Module::Probe, "'printed by init' print", REPLIED),
        manage_query("fetch_canister_logs", "(record { canister_id = $self })", shows(&["printed by init"])),
    ]),
];
