//! What a canister learns of its caller, its settings, and prices.

use super::*;
use crate::wasm::import::{IMPORTS, Width};
use candid::{CandidType, Encode};

/// A canister with a method for each case: every System API function is imported as `$name`. The text "name"
/// lies at 0, "none" at 8, what is answered from 64 on; `$out n` answers with `n` bytes of it.
fn curious<'e>(engine: &'e Engine, cases: &[&str]) -> Canister<'e> {
    let types = |types: &[crate::wasm::import::Type]| {
        types.iter().map(|ty| format!("{} ", ty.at(Width::Bits32))).collect::<String>()
    };
    let imports: String = IMPORTS
        .iter()
        .map(|import| {
            let (name, params, results) = (import.name, types(import.params), types(import.results));
            format!("(import \"ic0\" \"{name}\" (func ${name} (param {params}) (result {results})))")
        })
        .collect();
    let methods: String = cases.iter().enumerate().map(|(n, code)| method(&n.to_string(), code)).collect();
    Canister::new(
        engine,
        &format!(
            r#"(module {imports} (memory 1)
            (data (i32.const 0) "name") (data (i32.const 8) "none") (data (i32.const 16) "\ff\fe")
            (func $out (param i32)
                (call $msg_reply_data_append (i32.const 64) (local.get 0)) (call $msg_reply))
            (func $out32 (param i32) (i32.store (i32.const 64) (local.get 0)) (call $out (i32.const 4)))
            (func $out64 (param i64) (i64.store (i32.const 64) (local.get 0)) (call $out (i32.const 8)))
            {methods})"#
        ),
    )
}

/// Code, and the bytes that it answers or a part of the text with which it traps.
type Case<'a> = (&'a str, Result<Vec<u8>, &'a str>);

fn check(prepare: impl FnOnce(&mut System), cases: &[Case<'_>]) {
    let engine = Engine::new(None);
    let mut canister = curious(&engine, &cases.iter().map(|(code, _)| *code).collect::<Vec<_>>());
    prepare(&mut canister.system);
    for (n, (code, expected)) in cases.iter().enumerate() {
        let run = canister.run(Entry::Export(format!("canister_update {n}")), Context::Update);
        match (run.outcome, expected) {
            (Ok(changes), Ok(bytes)) => assert_eq!(reply(&changes), bytes, "{code}"),
            (Err(reject), Err(text)) => {
                assert!(reject.message.contains(text), "{code}: {reject}");
                assert_eq!(reject.code, RejectCode::CanisterError);
            }
            (outcome, _) => {
                panic!("{code}: {:?}, expected {expected:?}", outcome.map(|changes| changes.answer))
            }
        }
    }
}

fn number(n: u32) -> Result<Vec<u8>, &'static str> {
    Ok(n.to_le_bytes().to_vec())
}

fn cycles(n: u128) -> Result<Vec<u8>, &'static str> {
    Ok(n.to_le_bytes().to_vec())
}

#[test]
fn what_a_canister_vouches_for_about_the_caller_is_told() {
    let data = "(call $msg_caller_info_data_copy (i32.const 64) (i32.const 1) (i32.const 2)) (call $out (i32.const 2))";
    let signer = "(call $msg_caller_info_signer_copy (i32.const 64) (i32.const 0) (i32.const 10)) (call $out (i32.const 10))";
    let sizes =
        "(call $out32 (i32.add (call $msg_caller_info_data_size) (call $msg_caller_info_signer_size)))";
    let issuer = CanisterId(9).principal();
    check(
        |system| system.caller_info = Some(SenderInfo { info: b"info".to_vec(), signer: issuer }),
        &[(data, Ok(b"nf".to_vec())), (signer, Ok(issuer.as_slice().to_vec())), (sizes, number(14))],
    );
    check(|_| (), &[(sizes, number(0)), (data, Err("exceed the 0 bytes"))]);
}

#[test]
fn environment_variables_are_listed_by_name_and_found_by_name() {
    let variables = |system: &mut System| {
        let of = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        system.env_vars = Arc::new([("name", "value"), ("a", "")].map(of).into());
    };
    let cases: &[Case<'_>] = &[
        ("(call $out32 (call $env_var_count))", number(2)),
        ("(call $out32 (call $env_var_name_size (i32.const 1)))", number(4)),
        (
            "(call $env_var_name_copy (i32.const 1) (i32.const 64) (i32.const 2) (i32.const 2)) (call $out (i32.const 2))",
            Ok(b"me".to_vec()),
        ),
        ("(drop (call $env_var_name_size (i32.const 2)))", Err("no environment variable 2")),
        (
            "(call $env_var_name_copy (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 2))",
            Err("exceed the 1 bytes"),
        ),
        ("(call $out32 (call $env_var_name_exists (i32.const 0) (i32.const 4)))", number(1)),
        ("(call $out32 (call $env_var_name_exists (i32.const 8) (i32.const 4)))", number(0)),
        ("(call $out32 (call $env_var_value_size (i32.const 0) (i32.const 4)))", number(5)),
        (
            "(call $env_var_value_copy (i32.const 0) (i32.const 4) (i32.const 64) (i32.const 0) (i32.const 5)) (call $out (i32.const 5))",
            Ok(b"value".to_vec()),
        ),
        (
            "(drop (call $env_var_value_size (i32.const 8) (i32.const 4)))",
            Err("no environment variable `none`"),
        ),
        ("(drop (call $env_var_name_exists (i32.const 16) (i32.const 2)))", Err("not valid UTF-8")),
        ("(drop (call $env_var_name_exists (i32.const 0) (i32.const 129)))", Err("129 bytes, at most 128")),
        ("(drop (call $env_var_name_exists (i32.const 65535) (i32.const 2)))", Err("heap out of bounds")),
    ];
    check(variables, cases);
}

#[test]
fn calls_canisters_and_outcalls_have_their_prices() {
    let prices = |system: &mut System| {
        system.subnet_nodes = 13;
        system.prices = Prices {
            call_base: Cycles(100),
            call_byte: Cycles(2),
            call_reservation: Cycles(1_000),
            canister_creation: Cycles(500),
            http_base: Cycles(10),
            http_request_byte: Cycles(3),
            http_response_byte: Cycles(7),
        };
    };
    let cases: &[Case<'_>] = &[
        (
            "(call $cost_call (i64.const 3) (i64.const 4) (i32.const 64)) (call $out (i32.const 16))",
            cycles(1_114),
        ),
        ("(call $cost_create_canister (i32.const 64)) (call $out (i32.const 16))", cycles(500)),
        (
            "(call $cost_http_request (i64.const 5) (i64.const 6) (i32.const 64)) (call $out (i32.const 16))",
            cycles(10 + 15 + 42),
        ),
        ("(call $cost_create_canister (i32.const 65521))", Err("heap out of bounds")),
        (
            "(call $cost_http_request_v2 (i32.const 0) (i32.const 4) (i32.const 64))",
            Err("not the usage of an outcall"),
        ),
        ("(call $cost_http_request_v2 (i32.const 0) (i32.const 1025) (i32.const 64))", Err("at most 1024")),
    ];
    check(prices, cases);
}

#[test]
fn the_subnet_has_no_keys_to_sign_with() {
    let call = |name: &str, algorithm: u32, dst: u32| {
        format!(
            "(call $out32 (call ${name} (i32.const 0) (i32.const 4) (i32.const {algorithm}) (i32.const {dst})))"
        )
    };
    for (name, known) in
        [("cost_sign_with_ecdsa", 1), ("cost_sign_with_schnorr", 2), ("cost_vetkd_derive_key", 1)]
    {
        let [good, bad, outside] = [call(name, known - 1, 64), call(name, known, 64), call(name, 0, 65_521)];
        check(|_| (), &[(&good, number(2)), (&bad, number(1)), (&outside, Err("heap out of bounds"))]);
    }
}

#[test]
fn an_outcall_is_priced_by_its_usage() {
    #[derive(CandidType)]
    struct Usage {
        request_bytes: u64,
        http_roundtrip_time_ms: u64,
        raw_response_bytes: u64,
        transformed_response_bytes: u64,
        transform_instructions: u64,
    }
    let usage = Usage {
        request_bytes: 100,
        http_roundtrip_time_ms: 2_000,
        raw_response_bytes: 1_000,
        transformed_response_bytes: 2_000,
        transform_instructions: 26,
    };
    let code = "(call $msg_arg_data_copy (i32.const 1024) (i32.const 0) (call $msg_arg_data_size))
        (call $cost_http_request_v2 (i32.const 1024) (call $msg_arg_data_size) (i32.const 64)) (call $out (i32.const 16))";
    let prepare = |system: &mut System| {
        system.subnet_nodes = 13;
        system.arg = Encode!(&usage).unwrap().into();
    };
    check(prepare, &[(code, cycles(38_482_600 + 13 * 650_002 + 27_415_557))]);
}

#[test]
fn only_the_minting_canister_mints_and_no_more_than_there_may_be() {
    let mint = "(call $mint_cycles128 (i64.const 0) (i64.const 70) (i32.const 64))";
    let balance = "(call $canister_cycle_balance128 (i32.const 80)) (call $out (i32.const 32))";
    let twice = [mint, mint, balance].concat();
    let expected = [30u128.to_le_bytes(), 1_000_100u128.to_le_bytes()].concat();
    check(|system| system.mint_room = Some(Cycles(100)), &[(&twice, Ok(expected))]);
    check(|_| (), &[(mint, Err("minting canister alone"))]);
}

#[test]
fn a_cleanup_learns_why_the_call_was_refused() {
    let engine = Engine::new(None);
    let mut canister =
        curious(&engine, &["(drop (call $global_timer_set (i64.extend_i32_u (call $msg_reject_code))))"]);
    let mut code = |reject: Option<Reject>| {
        canister.system.reject = reject;
        let run = canister.run(Entry::Export("canister_update 0".into()), Context::Cleanup);
        run.outcome.unwrap().global_timer.unwrap().0
    };
    assert_eq!(code(None), 0);
    assert_eq!(code(Some(Reject::new(ErrorCode::CanisterRejectedMessage, "no"))), 4);
}

#[test]
fn a_query_s_deadline_certificate_and_mode_are_told() {
    let engine = Engine::new(None);
    let mut canister = curious(
        &engine,
        &[
            "(call $out64 (call $msg_deadline))",
            "(call $out32 (call $data_certificate_present))",
            "(call $out32 (call $in_replicated_execution))",
        ],
    );
    canister.system.deadline = Some(Time(5));
    canister.system.data_certificate =
        Some(Arc::new(LazyLock::new(Box::new(|| unreachable!("asked for, though only its presence was")))));
    let run = |n: u32, context: Context| {
        let run = canister.run(Entry::Export(format!("canister_update {n}")), context);
        reply(&run.outcome.unwrap()).to_vec()
    };
    assert_eq!(run(0, Context::Update), 5u64.to_le_bytes());
    for (context, present, replicated) in [
        (Context::Update, 0, 1),
        (Context::ReplicatedQuery, 0, 1),
        (Context::Query, 1, 0),
        (Context::CompositeQuery, 1, 0),
        (Context::HttpTransform, 0, 0),
        (Context::CompositeReplyCallback, 0, 0),
        (Context::CompositeRejectCallback, 0, 0),
        (Context::RejectCallback, 0, 1),
    ] {
        let expected = [present, replicated].map(|n: u32| n.to_le_bytes().to_vec());
        assert_eq!([run(1, context), run(2, context)], expected, "{context}");
    }
}
