//! Every System API function in every context (interface spec, "Overview of imports"): where the table allows
//! it, it works; everywhere else it traps.

use crate::case::*;
use crate::program::{FUNCTIONS, Signature};

/// A line of the spec's table: where a function may be called, and a script that calls it so that it works
/// there. `@` stands for 16 bytes to write to.
struct Line {
    name: &'static str,
    letters: &'static str,
    script: &'static str,
}

const fn line(name: &'static str, letters: &'static str, script: &'static str) -> Line {
    Line { name, letters, script }
}

const CALL: &str = "U CQ Ry Rt CRy CRt T";
const REPLYING: &str = "U RQ NRQ TQ CQ Ry Rt CRy CRt";
const INFORMED: &str = "U RQ NRQ CQ Ry Rt CRy CRt C CC F";

#[rustfmt::skip]
const LINES: &[Line] = &[
    line("msg_arg_data_size", "I U RQ NRQ TQ CQ Ry CRy F", "ic0.msg_arg_data_size drop"),
    line("msg_arg_data_copy", "I U RQ NRQ TQ CQ Ry CRy F", "@ 0 0 ic0.msg_arg_data_copy"),
    line("msg_caller_size", "*", "ic0.msg_caller_size drop"),
    line("msg_caller_copy", "*", "@ 0 0 ic0.msg_caller_copy"),
    line("msg_caller_info_data_size", INFORMED, "ic0.msg_caller_info_data_size 0 assert"),
    line("msg_caller_info_data_copy", INFORMED, "@ 0 0 ic0.msg_caller_info_data_copy"),
    line("msg_caller_info_signer_size", INFORMED, "ic0.msg_caller_info_signer_size 0 assert"),
    line("msg_caller_info_signer_copy", INFORMED, "@ 0 0 ic0.msg_caller_info_signer_copy"),
    line("msg_reject_code", "Ry Rt CRy CRt C", "ic0.msg_reject_code drop"),
    line("msg_reject_msg_size", "Rt CRt", "ic0.msg_reject_msg_size drop"),
    line("msg_reject_msg_copy", "Rt CRt", "@ 0 0 ic0.msg_reject_msg_copy"),
    line("msg_deadline", "U RQ NRQ CQ Ry Rt CRy CRt", "ic0.msg_deadline 0 assert"),
    line("msg_reply_data_append", REPLYING, "0 0 ic0.msg_reply_data_append"),
    line("msg_reply", REPLYING, "'ok' append ic0.msg_reply"),
    line("msg_reject", REPLYING, "'ok' address ic0.msg_reject"),
    line("msg_cycles_available128", "U RQ Rt Ry", "@ ic0.msg_cycles_available128"),
    line("msg_cycles_refunded128", "Rt Ry", "@ ic0.msg_cycles_refunded128"),
    line("msg_cycles_accept128", "U RQ Rt Ry", "0 7 @ ic0.msg_cycles_accept128"),
    line("cycles_burn128", "I G U RQ Ry Rt C T", "0 7 @ ic0.cycles_burn128"),
    line("canister_self_size", "*", "ic0.canister_self_size $self size assert"),
    line("canister_self_copy", "*", "@ 0 10 ic0.canister_self_copy"),
    line("canister_cycle_balance128", "*", "@ ic0.canister_cycle_balance128"),
    line("canister_liquid_cycle_balance128", "*", "@ ic0.canister_liquid_cycle_balance128"),
    line("canister_status", "*", "ic0.canister_status 1 assert"),
    line("canister_version", "*", "ic0.canister_version drop"),
    line("subnet_self_size", "*", "ic0.subnet_self_size 29 assert"),
    line("subnet_self_copy", "*", "@ 0 16 ic0.subnet_self_copy"),
    line("subnet_self_node_count", "*", "ic0.subnet_self_node_count $nodes assert"),
    line("msg_method_name_size", "F", "ic0.msg_method_name_size 9 assert"),
    line("msg_method_name_copy", "F", "@ 0 9 ic0.msg_method_name_copy"),
    line("accept_message", "F", "ic0.accept_message"),
    line("call_new", CALL, "%"),
    line("call_on_cleanup", CALL, "% { } callback ic0.call_on_cleanup"),
    line("call_data_append", CALL, "% 'data' address ic0.call_data_append"),
    line("call_with_best_effort_response", CALL, "% 5 ic0.call_with_best_effort_response"),
    line("call_cycles_add128", "U Ry Rt T", "% 0 7 ic0.call_cycles_add128"),
    line("call_perform", CALL, "% ic0.call_perform 0 assert"),
    line("stable64_size", "* s", "ic0.stable64_size drop"),
    line("stable64_grow", "* s", "0 ic0.stable64_grow drop"),
    line("stable64_write", "* s", "0 0 0 ic0.stable64_write"),
    line("stable64_read", "* s", "@ 0 0 ic0.stable64_read"),
    line("root_key_size", "I G U RQ Ry Rt C T", "ic0.root_key_size 133 assert"),
    line("root_key_copy", "I G U RQ Ry Rt C T", "@ 0 16 ic0.root_key_copy"),
    line("certified_data_set", "I G U Ry Rt T", "'data' address ic0.certified_data_set"),
    line("data_certificate_present", "*", "ic0.data_certificate_present drop"),
    line("data_certificate_size", "NRQ CQ", "ic0.data_certificate_size drop"),
    line("data_certificate_copy", "NRQ CQ", "@ 0 16 ic0.data_certificate_copy"),
    line("time", "*", "ic0.time drop"),
    line("global_timer_set", "I G U Ry Rt C T", "0 ic0.global_timer_set drop"),
    line("performance_counter", "* s", "0 ic0.performance_counter drop"),
    line("is_controller", "* s", "$me address ic0.is_controller 1 assert"),
    line("in_replicated_execution", "* s", "ic0.in_replicated_execution drop"),
    line("cost_call", "* s", "1 1 @ ic0.cost_call"),
    line("cost_create_canister", "* s", "@ ic0.cost_create_canister"),
    line("cost_http_request", "* s", "1 1 @ ic0.cost_http_request"),
    line("cost_http_request_v2", "* s", "? address @ ic0.cost_http_request_v2"),
    line("cost_sign_with_ecdsa", "* s", "'key' address 0 @ ic0.cost_sign_with_ecdsa drop"),
    line("cost_sign_with_schnorr", "* s", "'key' address 0 @ ic0.cost_sign_with_schnorr drop"),
    line("cost_vetkd_derive_key", "* s", "'key' address 0 @ ic0.cost_vetkd_derive_key drop"),
    line("env_var_count", "*", "ic0.env_var_count 1 assert"),
    line("env_var_name_size", "*", "0 ic0.env_var_name_size 5 assert"),
    line("env_var_name_copy", "*", "0 @ 0 5 ic0.env_var_name_copy"),
    line("env_var_name_exists", "*", "'PROBE' address ic0.env_var_name_exists 1 assert"),
    line("env_var_value_size", "*", "'PROBE' address ic0.env_var_value_size 7 assert"),
    line("env_var_value_copy", "*", "'PROBE' address @ 0 7 ic0.env_var_value_copy"),
    line("debug_print", "* s", "'text' address ic0.debug_print"),
    line("trap", "* s", "'ok' address ic0.trap"),
    line("msg_cycles_available", "U RQ Rt Ry", "ic0.msg_cycles_available drop"),
    line("msg_cycles_refunded", "Rt Ry", "ic0.msg_cycles_refunded drop"),
    line("msg_cycles_accept", "U RQ Rt Ry", "7 ic0.msg_cycles_accept drop"),
    line("canister_cycle_balance", "*", "ic0.canister_cycle_balance drop"),
    line("call_cycles_add", "U Ry Rt T", "% 7 ic0.call_cycles_add"),
    line("stable_size", "* s", "ic0.stable_size drop"),
    line("stable_grow", "* s", "0 ic0.stable_grow drop"),
    line("stable_write", "* s", "0 0 0 ic0.stable_write"),
    line("stable_read", "* s", "@ 0 0 ic0.stable_read"),
];

/// `@`: an address to write to.
const BUFFER: &str = "16 allocate";
/// `?`: what an outcall uses, in Candid: one of everything.
const USAGE: &str = "0x4449444c016c05bba8d4840478a182a2910578989188980678a4d9e6b90a789595df9c\
    0c78010001000000000000000100000000000000010000000000000001000000000000000100000000000000";
/// `%`: a call under construction.
const NEW_CALL: &str = "$management address 'raw_rand' address { } callback { } callback ic0.call_new";

/// A place from which functions are called.
pub struct Context {
    /// The spec's letters: `I` has two entry points, `T` three.
    pub letter: &'static str,
    pub name: &'static str,
}

/// The contexts, but for `TQ`: HTTPS outcalls are not there yet.
pub const CONTEXTS: &[Context] = &[
    Context { letter: "I", name: "canister_init" },
    Context { letter: "I", name: "canister_post_upgrade" },
    Context { letter: "G", name: "canister_pre_upgrade" },
    Context { letter: "U", name: "update" },
    Context { letter: "RQ", name: "replicated query" },
    Context { letter: "NRQ", name: "query" },
    Context { letter: "CQ", name: "composite query" },
    Context { letter: "Ry", name: "reply callback" },
    Context { letter: "Rt", name: "reject callback" },
    Context { letter: "CRy", name: "composite reply callback" },
    Context { letter: "CRt", name: "composite reject callback" },
    Context { letter: "C", name: "cleanup callback" },
    Context { letter: "CC", name: "composite cleanup callback" },
    Context { letter: "s", name: "start function" },
    Context { letter: "F", name: "canister_inspect_message" },
    Context { letter: "T", name: "canister_global_timer" },
    Context { letter: "T", name: "canister_heartbeat" },
    Context { letter: "T", name: "canister_on_low_wasm_memory" },
];

/// A cell of the table with its case.
pub struct Cell {
    pub function: &'static str,
    pub context: &'static str,
    pub allowed: bool,
    pub case: Case,
}

fn allows(line: &Line, letter: &str) -> bool {
    line.letters.split(' ').any(|known| known == letter || known == "*" && letter != "s")
}

/// The whole table.
pub fn cells() -> Vec<Cell> {
    let lines = LINES.iter().flat_map(|line| CONTEXTS.iter().map(move |context| (line, context)));
    lines.map(|(line, context)| cell(line, context)).collect()
}

fn cell(line: &Line, context: &Context) -> Cell {
    let allowed = allows(line, context.letter);
    let verdict = if allowed { "works" } else { "traps" };
    let name = format!("ic0.{} {verdict} in {}", line.name, context.name).leak();
    let script = line.script.replace('@', BUFFER).replace('%', NEW_CALL).replace('?', USAGE);
    let steps = steps(line.name, context.name, &script, allowed);
    let place = match context.name {
        "canister_init" | "start function" => Place::Empty,
        "canister_post_upgrade" | "canister_pre_upgrade" => Place::Fresh,
        "canister_global_timer" => Place::Fresh,
        "canister_heartbeat" | "canister_on_low_wasm_memory" => Place::Empty,
        _ => Place::Shared,
    };
    Cell {
        function: line.name,
        context: context.name,
        allowed,
        case: Case { name, place, steps: steps.leak() },
    }
}

/// What comes back where the script's outcome is told.
fn outcome(function: &str, allowed: bool, otherwise: Expect) -> Expect {
    match (allowed, function) {
        (false, _) => Expect::Reject(5, "IC0504", "cannot be executed"),
        (true, "trap") => called_trap("ok"),
        (true, "msg_reject") => rejected("ok"),
        (true, _) => otherwise,
    }
}

/// The script, after which the call is answered, unless the script does that itself.
fn answering(function: &str, script: &str) -> String {
    match function {
        "msg_reply" | "msg_reject" => script.to_owned(),
        _ => format!("{script} 'ok' append reply"),
    }
}

fn steps(function: &'static str, context: &str, script: &str, allowed: bool) -> Vec<Step> {
    let answering = answering(function, script);
    let ok = outcome(function, allowed, reply("'ok'"));
    let installed = outcome(function, allowed, REPLIED);
    let marking = &*format!("{script} '{function}' 'done' put").leak();
    let marked = &*format!("'{function}' get append reply").leak();
    let done = allowed && function != "trap";
    let trace = if done { reply("'done'") } else { reply("") };
    match context {
        "canister_init" => vec![install("install", Module::Probe, script.to_owned().leak(), installed)],
        "canister_post_upgrade" => {
            vec![install("upgrade", Module::Probe, script.to_owned().leak(), installed)]
        }
        "canister_pre_upgrade" => vec![
            update(answer_to(keep(0, script).to_owned()), REPLIED),
            install("upgrade", Module::Probe, "", installed),
        ],
        "update" => vec![update(answering.leak(), ok)],
        "replicated query" => vec![update_to("self", "ask", answering.leak(), ok)],
        "query" => vec![query(answering.leak(), ok)],
        "composite query" => vec![compose(answering.leak(), ok)],
        "reply callback" => vec![update(calling("reply", &answering, "'rejected' trap"), ok)],
        "reject callback" => vec![update(calling("'no' reject", "'replied' trap", &answering), ok)],
        "composite reply callback" => vec![compose(calling("reply", &answering, "'rejected' trap"), ok)],
        "composite reject callback" => {
            vec![compose(calling("'no' reject", "'replied' trap", &answering), ok)]
        }
        "cleanup callback" => {
            let text = format!(
                "'{function}' '' put $self 'ask' {{ reply }} 0u128 {{ 'stop' trap }} {{ }} {{ {marking} }} \
                 call_with_cleanup 0u32 assert"
            );
            vec![update(text.leak(), called_trap("stop")), query(marked, trace)]
        }
        "composite cleanup callback" => {
            // After a cleanup that succeeds the query goes on with its other calls.
            let text = format!(
                "'{function}' '' put $self 'ask' {{ reply }} 0u128 {{ 'stop' trap }} {{ }} {{ {marking} }} \
                 call_with_cleanup 0u32 assert $self 'ask' {{ reply }} 0u128 {{ {marked} }} {{ 'rejected' trap }} \
                 call 0u32 assert"
            );
            vec![compose(text.leak(), if done { trace } else { called_trap("stop") })]
        }
        "start function" => {
            let installed = match installed {
                Expect::Reject(code, error, "ok") => Expect::Reject(code, error, ""),
                other => other,
            };
            vec![install("install", Module::Text(start_module(function)), "", installed)]
        }
        "canister_inspect_message" => inspected(function, script, allowed),
        "canister_global_timer" => {
            let set = format!("{} 1 timer drop", keep(1, marking));
            let mut steps = vec![update(answer_to(set), REPLIED)];
            steps.extend(task_ran(marked, done));
            steps
        }
        "canister_heartbeat" => {
            let set = keep(3, marking);
            let mut steps = vec![install("install", Module::Beating, set, REPLIED)];
            steps.extend(task_ran(marked, done));
            // It would beat for as long as the subnet lives.
            steps.push(manage("stop_canister", "(record { canister_id = $self })", REPLIED));
            steps
        }
        "canister_on_low_wasm_memory" => {
            let set = keep(4, marking);
            let threshold = "(record { canister_id = $self; settings = record { \
                             wasm_memory_threshold = opt 4_290_000_000 } })";
            let mut steps = vec![install("install", Module::Watching, set, REPLIED)];
            steps.push(manage("update_settings", threshold, REPLIED));
            steps.push(update("100 heap_grow drop 'grown' append reply", reply("'grown'")));
            steps.extend(task_ran(marked, done));
            steps
        }
        other => panic!("no context {other}"),
    }
}

/// A system task left its mark, or the log says why it could not.
fn task_ran(marked: &'static str, done: bool) -> Vec<Step> {
    let logs = "(record { canister_id = $self })";
    vec![match (done, marked.starts_with("'trap'")) {
        (true, _) => eventually(marked, reply("'done'")),
        (false, true) => manage_eventually("fetch_canister_logs", logs, shows(&["ok"])),
        (false, false) => manage_eventually("fetch_canister_logs", logs, shows(&["cannot be executed"])),
    }]
}

fn keep(slot: u8, script: &str) -> &'static str {
    format!("{slot}u8 {{ {script} }} keep").leak()
}

fn answer_to(script: String) -> &'static str {
    format!("{script} reply").leak()
}

fn calling(callee: &str, on_reply: &str, on_reject: &str) -> &'static str {
    let text =
        format!("$self 'ask' {{ {callee} }} 0u128 {{ {on_reply} }} {{ {on_reject} }} call 0u32 assert");
    text.leak()
}

fn inspected(function: &str, script: &str, allowed: bool) -> Vec<Step> {
    let script = match function {
        "accept_message" => script.to_owned(),
        _ => format!("{script} accept_message"),
    };
    vec![update_to("self", "inspected", script.leak(), outcome(function, allowed, reply("'accepted'")))]
}

/// Functions that are there for 32-bit pointers only.
const NARROW_ONLY: &[&str] = &[
    "msg_cycles_available",
    "msg_cycles_refunded",
    "msg_cycles_accept",
    "canister_cycle_balance",
    "call_cycles_add",
    "stable_size",
    "stable_grow",
    "stable_write",
    "stable_read",
];

/// Every function in its form for 64-bit memories, and in none other with them.
pub fn wide_forms() -> Vec<Case> {
    let made = |name: String, module: String, expect: Expect| {
        let steps = vec![install("install", Module::Text(module.leak()), "", expect)];
        Case { name: name.leak(), place: Place::Empty, steps: steps.leak() }
    };
    let cases = FUNCTIONS.iter().map(|function| {
        let imported = importing(function, "i64", "(memory i64 1)");
        match NARROW_ONLY.contains(&function.name) {
            false => made(format!("ic0.{} has a 64-bit form", function.name), imported, REPLIED),
            true => {
                let refused = reject(5, "IC0505", function.name);
                made(format!("ic0.{} has no 64-bit form", function.name), imported, refused)
            }
        }
    });
    cases.collect()
}

/// A module that imports `function` with pointers of type `pointer`.
fn importing(function: &Signature, pointer: &str, memory: &str) -> String {
    let ty = |name: &str| if name == "ptr" { pointer.to_owned() } else { name.to_owned() };
    let params = function.params.iter().map(|name| format!("(param {})", ty(name))).collect::<String>();
    let result = match function.result {
        "" => String::new(),
        name => format!("(result {})", ty(name)),
    };
    format!("(module (import \"ic0\" \"{}\" (func {params} {result})) {memory})", function.name)
}

/// A module whose start function calls `function`, with zeros if it takes them.
fn start_module(function: &str) -> &'static str {
    let signature = FUNCTIONS.iter().find(|known| known.name == function);
    let signature = signature.unwrap_or_else(|| panic!("no signature of {function}"));
    let Signature { params, result, .. } = signature;
    let ty = |name: &str| if name == "i64" { "i64" } else { "i32" };
    let types = params.iter().map(|name| format!("(param {})", ty(name))).collect::<String>();
    let zeros = params.iter().map(|name| format!("({}.const 0)", ty(name))).collect::<String>();
    // The one function that takes no zeros for an answer.
    let usage = USAGE.trim_start_matches("0x");
    let arguments = match function {
        "cost_http_request_v2" => format!("(i32.const 0) (i32.const {}) (i32.const 1024)", usage.len() / 2),
        _ => zeros,
    };
    let escaped = usage.as_bytes().chunks(2).map(|byte| format!("\\{}", String::from_utf8_lossy(byte)));
    let data = escaped.collect::<String>();
    let (returned, dropped) = match *result {
        "" => (String::new(), ""),
        name => (format!("(result {})", ty(name)), "drop"),
    };
    format!(
        "(module (import \"ic0\" \"{function}\" (func $f {types} {returned})) (memory 1) \
         (data (i32.const 0) \"{data}\") (func $start {arguments} call $f {dropped}) (start $start))"
    )
    .leak()
}

#[test]
fn the_table_has_a_line_for_every_function_of_the_probe() {
    let names = |names: Vec<&'static str>| names.into_iter().collect::<std::collections::BTreeSet<_>>();
    let lines = names(LINES.iter().map(|line| line.name).collect());
    assert_eq!(lines, names(FUNCTIONS.iter().map(|function| function.name).collect()));
}
