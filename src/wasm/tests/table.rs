//! The System API's table against a second copy of it, made from the specification's text by itself.

use super::*;
use crate::wasm::import::{IMPORTS, Type};

/// Interface spec 0.66, "Overview of imports": name, parameters, results, contexts.
const SPECIFICATION: &[(&str, &str, &str, &str)] = &[
    ("msg_arg_data_size", "", "I", "I U RQ NRQ TQ CQ Ry CRy F"),
    ("msg_arg_data_copy", "I I I", "", "I U RQ NRQ TQ CQ Ry CRy F"),
    ("msg_caller_size", "", "I", "*"),
    ("msg_caller_copy", "I I I", "", "*"),
    ("msg_caller_info_data_size", "", "I", "U RQ NRQ CQ Ry Rt CRy CRt C CC F"),
    ("msg_caller_info_data_copy", "I I I", "", "U RQ NRQ CQ Ry Rt CRy CRt C CC F"),
    ("msg_caller_info_signer_size", "", "I", "U RQ NRQ CQ Ry Rt CRy CRt C CC F"),
    ("msg_caller_info_signer_copy", "I I I", "", "U RQ NRQ CQ Ry Rt CRy CRt C CC F"),
    ("msg_reject_code", "", "i32", "Ry Rt CRy CRt C"),
    ("msg_reject_msg_size", "", "I", "Rt CRt"),
    ("msg_reject_msg_copy", "I I I", "", "Rt CRt"),
    ("msg_deadline", "", "i64", "U RQ NRQ CQ Ry Rt CRy CRt"),
    ("msg_reply_data_append", "I I", "", "U RQ NRQ TQ CQ Ry Rt CRy CRt"),
    ("msg_reply", "", "", "U RQ NRQ TQ CQ Ry Rt CRy CRt"),
    ("msg_reject", "I I", "", "U RQ NRQ TQ CQ Ry Rt CRy CRt"),
    ("msg_cycles_available128", "I", "", "U RQ Rt Ry"),
    ("msg_cycles_refunded128", "I", "", "Rt Ry"),
    ("msg_cycles_accept128", "i64 i64 I", "", "U RQ Rt Ry"),
    ("cycles_burn128", "i64 i64 I", "", "I G U RQ Ry Rt C T"),
    ("canister_self_size", "", "I", "*"),
    ("canister_self_copy", "I I I", "", "*"),
    ("canister_cycle_balance128", "I", "", "*"),
    ("canister_liquid_cycle_balance128", "I", "", "*"),
    ("canister_status", "", "i32", "*"),
    ("canister_version", "", "i64", "*"),
    ("subnet_self_size", "", "I", "*"),
    ("subnet_self_copy", "I I I", "", "*"),
    ("subnet_self_node_count", "", "i32", "*"),
    ("msg_method_name_size", "", "I", "F"),
    ("msg_method_name_copy", "I I I", "", "F"),
    ("accept_message", "", "", "F"),
    ("call_new", "I I I I I I I I", "", "U CQ Ry Rt CRy CRt T"),
    ("call_on_cleanup", "I I", "", "U CQ Ry Rt CRy CRt T"),
    ("call_data_append", "I I", "", "U CQ Ry Rt CRy CRt T"),
    ("call_with_best_effort_response", "i32", "", "U CQ Ry Rt CRy CRt T"),
    ("call_cycles_add128", "i64 i64", "", "U Ry Rt T"),
    ("call_perform", "", "i32", "U CQ Ry Rt CRy CRt T"),
    ("stable64_size", "", "i64", "* s"),
    ("stable64_grow", "i64", "i64", "* s"),
    ("stable64_write", "i64 i64 i64", "", "* s"),
    ("stable64_read", "i64 i64 i64", "", "* s"),
    ("root_key_size", "", "I", "I G U RQ Ry Rt C T"),
    ("root_key_copy", "I I I", "", "I G U RQ Ry Rt C T"),
    ("certified_data_set", "I I", "", "I G U Ry Rt T"),
    ("data_certificate_present", "", "i32", "*"),
    ("data_certificate_size", "", "I", "NRQ CQ"),
    ("data_certificate_copy", "I I I", "", "NRQ CQ"),
    ("time", "", "i64", "*"),
    ("global_timer_set", "i64", "i64", "I G U Ry Rt C T"),
    ("performance_counter", "i32", "i64", "* s"),
    ("is_controller", "I I", "i32", "* s"),
    ("in_replicated_execution", "", "i32", "* s"),
    ("cost_call", "i64 i64 I", "", "* s"),
    ("cost_create_canister", "I", "", "* s"),
    ("cost_http_request", "i64 i64 I", "", "* s"),
    ("cost_http_request_v2", "I I I", "", "* s"),
    ("cost_sign_with_ecdsa", "I I i32 I", "i32", "* s"),
    ("cost_sign_with_schnorr", "I I i32 I", "i32", "* s"),
    ("cost_vetkd_derive_key", "I I i32 I", "i32", "* s"),
    ("env_var_count", "", "I", "*"),
    ("env_var_name_size", "I", "I", "*"),
    ("env_var_name_copy", "I I I I", "", "*"),
    ("env_var_name_exists", "I I", "i32", "*"),
    ("env_var_value_size", "I I", "I", "*"),
    ("env_var_value_copy", "I I I I I", "", "*"),
    ("debug_print", "I I", "", "* s"),
    ("trap", "I I", "", "* s"),
    ("msg_cycles_available", "", "i64", "U RQ Rt Ry"),
    ("msg_cycles_refunded", "", "i64", "Rt Ry"),
    ("msg_cycles_accept", "i64", "i64", "U RQ Rt Ry"),
    ("canister_cycle_balance", "", "i64", "*"),
    ("call_cycles_add", "i64", "", "U Ry Rt T"),
    ("stable_size", "", "i32", "* s"),
    ("stable_grow", "i32", "i32", "* s"),
    ("stable_write", "i32 i32 i32", "", "* s"),
    ("stable_read", "i32 i32 i32", "", "* s"),
];

/// Those at the end of it that modules with 64-bit addresses do not have.
const ONLY_32: usize = 9;

/// What is ours beyond the specification.
const BEYOND: &[&str] = &["mint_cycles128"];

/// The contexts that a letter of the specification stands for.
fn contexts(letter: &str) -> &'static [Context] {
    match letter {
        "I" => &[Context::Init, Context::PostUpgrade],
        "G" => &[Context::PreUpgrade],
        "U" => &[Context::Update],
        "RQ" => &[Context::ReplicatedQuery],
        "NRQ" => &[Context::Query],
        "TQ" => &[Context::HttpTransform],
        "CQ" => &[Context::CompositeQuery],
        "Ry" => &[Context::ReplyCallback],
        "Rt" => &[Context::RejectCallback],
        "CRy" => &[Context::CompositeReplyCallback],
        "CRt" => &[Context::CompositeRejectCallback],
        "C" => &[Context::Cleanup],
        "CC" => &[Context::CompositeCleanup],
        "F" => &[Context::InspectMessage],
        "T" => &[Context::SystemTask],
        "s" => &[Context::Start],
        "*" => CONTEXTS.strip_suffix(&[Context::Start]).unwrap(),
        other => panic!("{other}"),
    }
}

fn types(text: &str) -> Vec<Type> {
    let ty = |name| match name {
        "I" => Type::I,
        "i32" => Type::I32,
        "i64" => Type::I64,
        other => panic!("{other}"),
    };
    text.split_whitespace().map(ty).collect()
}

#[test]
fn the_table_is_the_specification_s() {
    for (at, (name, params, results, letters)) in SPECIFICATION.iter().enumerate() {
        let import = IMPORTS.iter().find(|import| import.name == *name);
        let import = import.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!((import.params, import.results), (&types(params)[..], &types(results)[..]), "{name}");
        assert_eq!(import.only_32, at >= SPECIFICATION.len() - ONLY_32, "{name}");
        let allowed: Vec<Context> = letters.split_whitespace().flat_map(contexts).copied().collect();
        for context in CONTEXTS {
            assert_eq!(import.contexts.contains(*context), allowed.contains(context), "{name} in {context}");
        }
    }
    let known = |name: &str| SPECIFICATION.iter().any(|row| row.0 == name) || BEYOND.contains(&name);
    let more: Vec<&str> = IMPORTS.iter().map(|import| import.name).filter(|name| !known(name)).collect();
    assert!(more.is_empty(), "{more:?}");
}
