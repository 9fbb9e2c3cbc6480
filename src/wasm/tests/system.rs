//! The System API: who may call what, and what it does.

use super::*;
use crate::wasm::import::{IMPORTS, Type, Width};

/// The types as a module with 32-bit addresses declares them.
fn narrow(types: &[Type]) -> Vec<wasmparser::ValType> {
    types.iter().map(|ty| ty.at(Width::Bits32)).collect()
}

/// A module that calls the function `name` with zeros, in `start` and in an update method.
fn caller(import: &crate::wasm::import::Import, started: bool) -> String {
    let params: String = narrow(import.params).iter().map(|ty| format!("{ty} ")).collect();
    let results: String = narrow(import.results).iter().map(|ty| format!("{ty} ")).collect();
    let zeros: String = narrow(import.params).iter().map(|ty| format!("({ty}.const 0) ")).collect();
    let dropped = if import.results.is_empty() { "" } else { "drop" };
    let start = if started { "(start $call)" } else { "" };
    format!(
        "(module (import \"ic0\" \"{}\" (func $f (param {params}) (result {results})))
        (memory 1) {start} (func $call (export \"canister_update call\") {zeros} call $f {dropped}))",
        import.name
    )
}

#[test]
fn functions_trap_exactly_where_the_table_does_not_allow_them() {
    let engine = Engine::new(None);
    for import in IMPORTS {
        let canister = Canister::new(&engine, &caller(import, false));
        for context in CONTEXTS {
            let outcome = match context {
                Context::Start => {
                    Canister::uninstalled(&engine, &caller(import, true)).run(Entry::Instantiate, *context)
                }
                _ => canister.run(Entry::Export("canister_update call".into()), *context),
            };
            let outside = match outcome.outcome {
                Ok(_) => false,
                Err(reject) => {
                    reject.message.contains("cannot be executed in")
                        && reject.error == ErrorCode::CanisterContractViolation
                }
            };
            assert_eq!(outside, !import.contexts.contains(*context), "{} in {context}", import.name);
        }
    }
}

#[test]
fn no_function_reads_or_writes_outside_of_the_heap() {
    let engine = Engine::new(None);
    let pointers = [0u32, 1, 65_535, 65_536, 0x7fff_ffff, 0xffff_0000, u32::MAX];
    for import in IMPORTS.iter().filter(|import| import.params.len() > 1) {
        let params: String = narrow(import.params).iter().map(|ty| format!("{ty} ")).collect();
        let results: String = narrow(import.results).iter().map(|ty| format!("{ty} ")).collect();
        let dropped = if import.results.is_empty() { "" } else { "drop" };
        let mut methods = String::new();
        for (n, first) in pointers.iter().enumerate() {
            for (m, rest) in pointers.iter().enumerate() {
                let args = narrow(import.params)
                    .into_iter()
                    .enumerate()
                    .map(|(at, ty)| format!("({ty}.const {}) ", if at == 0 { first } else { rest }));
                methods +=
                    &method(&format!("{n}{m}"), &format!("{} call $f {dropped}", args.collect::<String>()));
            }
        }
        let head =
            format!("(import \"ic0\" \"{}\" (func $f (param {params}) (result {results})))", import.name);
        let canister = Canister::new(&engine, &format!("(module {head} (memory 1) {methods})"));
        for n in 0..pointers.len() * pointers.len() {
            let name = format!("canister_update {}{}", n / pointers.len(), n % pointers.len());
            for context in [Context::Update, Context::RejectCallback, Context::InspectMessage] {
                let _ = canister.run(Entry::Export(name.clone()), context);
            }
        }
    }
}

/// An update method that makes calls, as `code` says; `$new` begins one to `aaaaa-aa` with method "m".
fn calls(code: &str) -> String {
    format!(
        r#"(module
        (import "ic0" "call_new" (func $call_new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_on_cleanup" (func $cleanup (param i32 i32)))
        (import "ic0" "call_data_append" (func $data (param i32 i32)))
        (import "ic0" "call_cycles_add" (func $cycles (param i64)))
        (import "ic0" "call_with_best_effort_response" (func $timeout (param i32)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (import "ic0" "canister_cycle_balance" (func $balance (result i64)))
        (import "ic0" "msg_cycles_accept" (func $accept (param i64) (result i64)))
        (import "ic0" "msg_cycles_available" (func $available (result i64)))
        (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1) (data (i32.const 0) "m-payload")
        (func $new (call $call_new (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)
            (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)))
        (func $out (param i64) (i64.store (i32.const 100) (local.get 0)) (call $append (i32.const 100) (i32.const 8)))
        (func (export "canister_update run") {code}))"#
    )
}

fn call(code: &str) -> Result<Changes, Reject> {
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &calls(code));
    canister.system.prices = Prices {
        call_base: Cycles(1_000),
        call_byte: Cycles(10),
        call_reservation: Cycles(5_000),
        ..Prices::default()
    };
    canister.system.balance = Cycles(100_000);
    canister.system.freezing_limit = Cycles(40_000);
    canister.system.cycles_available = Cycles(300);
    canister.system.call_room.all = 2;
    canister.system.next_callback = 77;
    canister.update("run")
}

#[test]
fn a_call_leaves_as_it_was_assembled() {
    let changes = call(
        "(call $new) (call $data (i32.const 2) (i32.const 4)) (call $data (i32.const 6) (i32.const 3)) (call $cycles (i64.const 9))
        (call $cleanup (i32.const 5) (i32.const 6)) (call $timeout (i32.const 1000)) (drop (call $perform))
        (call $new) (drop (call $perform)) (call $new) (call $data (i32.const 0) (i32.const 1))",
    )
    .unwrap();
    let expected = OutgoingCall {
        callback: CallbackId(77),
        receiver: Principal::management_canister(),
        method_name: "m".into(),
        payload: b"payload".to_vec(),
        cycles: Cycles(9),
        deadline_seconds: Some(300),
        on_reply: (1, 2),
        on_reject: (3, 4),
        on_cleanup: Some((5, 6)),
        reserved: Cycles(5_000),
    };
    assert_eq!(changes.calls[0], expected);
    assert_eq!(
        (changes.calls.len(), changes.calls[1].callback, changes.next_callback),
        (2, CallbackId(78), 79)
    );
    assert_eq!(changes.cycles_spent_on_calls, Cycles(9 + 1_000 + 80 + 5_000 + 1_000 + 10 + 5_000));
}

#[test]
fn without_room_for_guaranteed_responses_only_best_effort_calls_are_performed() {
    let engine = Engine::new(None);
    let perform = "(drop (call $perform))";
    let code = format!(
        "(call $new) {perform} (call $new) {perform} (call $new) (call $timeout (i32.const 9)) {perform}"
    );
    let mut canister = Canister::new(&engine, &calls(&code));
    canister.system.call_room.guaranteed = 1;
    let made = canister.update("run").unwrap().calls;
    let timeouts: Vec<_> = made.iter().map(|call| call.deadline_seconds).collect();
    assert_eq!(timeouts, [None, Some(9)]);
}

#[test]
fn cycles_of_a_call_come_back_when_it_is_not_performed() {
    let balances = |code: &str| {
        let changes = call(&format!("{code} (call $reply)")).unwrap();
        let amounts = reply(&changes).as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        (amounts.collect::<Vec<_>>(), changes)
    };
    let show = "(call $out (call $balance))";
    let add = "(call $new) (call $cycles (i64.const 500))";
    assert_eq!(balances(&[show, add, show, "(call $new)", show].concat()).0, [100_000, 99_500, 100_000]);
    let unaffordable =
        "(call $new) (call $cycles (i64.const 54000)) (call $out (i64.extend_i32_u (call $perform)))";
    let (amounts, changes) = balances(&[unaffordable, show].concat());
    assert_eq!(
        (amounts, changes.calls.len(), changes.cycles_spent_on_calls),
        (vec![2, 100_000], 0, Cycles::ZERO)
    );
    let perform = "(call $new) (call $out (i64.extend_i32_u (call $perform)))";
    let (amounts, changes) = balances(&[perform, perform, perform].concat());
    assert_eq!((amounts, changes.calls.len()), (vec![0, 0, 2], 2), "two fit into the queue");
    let accept = "(call $out (call $accept (i64.const 200))) (call $out (call $available)) (call $out (call $accept (i64.const 200)))";
    let (amounts, changes) = balances(&[accept, show].concat());
    assert_eq!((amounts, changes.cycles_accepted), (vec![200, 100, 100, 100_300], Cycles(300)));
    let (_, changes) = balances("(call $burn (i64.const 1) (i64.const 0) (i32.const 200))");
    assert_eq!(changes.cycles_burned, Cycles(60_000), "down to the freezing limit");
}

#[test]
fn calls_are_assembled_in_order_or_not_at_all() {
    let cases = [
        ("(call $data (i32.const 0) (i32.const 1))", "no call is under construction"),
        ("(drop (call $perform))", "no call is under construction"),
        ("(call $new) (drop (call $perform)) (call $cycles (i64.const 1))", "no call is under construction"),
        ("(call $new) (call $cycles (i64.const 60001))", "60001 cycles attached, 60000 can be spent"),
        (
            "(call $new) (call $cleanup (i32.const 0) (i32.const 0)) (call $cleanup (i32.const 0) (i32.const 0))",
            "already called",
        ),
        ("(call $new) (call $timeout (i32.const 0)) (call $timeout (i32.const 0))", "already has a timeout"),
    ];
    for (code, text) in cases {
        let reject = call(code).map(|_| ()).unwrap_err();
        assert_eq!(reject.error, ErrorCode::CanisterContractViolation, "{code}: {reject}");
        assert!(reject.message.contains(text), "{code}: {reject}");
    }
}

#[test]
fn the_world_is_told_as_it_was_handed_in() {
    let engine = Engine::new(None);
    let blobs = ["msg_arg_data", "msg_caller", "msg_reject_msg", "canister_self", "subnet_self", "root_key"];
    let imports: String = blobs
        .iter()
        .map(|name| {
            format!(
                "(import \"ic0\" \"{name}_size\" (func ${name}_size (result i32)))
                (import \"ic0\" \"{name}_copy\" (func ${name}_copy (param i32 i32 i32)))"
            )
        })
        .collect();
    let methods: String = blobs
        .iter()
        .map(|name| {
            let copy = format!("(call ${name}_copy (i32.const 0) (i32.const 0) (call ${name}_size))");
            let past = format!("(call ${name}_copy (i32.const 0) (i32.const 1) (call ${name}_size))");
            let answer = format!("(call $append (i32.const 0) (call ${name}_size)) (call $reply)");
            method(name, &[copy, answer].concat()) + &method(&format!("past {name}"), &past)
        })
        .collect();
    let wat = format!(
        "(module {imports} (import \"ic0\" \"msg_reply\" (func $reply)) (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32))) (memory 1) {methods})"
    );
    let mut canister = Canister::new(&engine, &wat);
    canister.system.arg = b"argument".to_vec().into();
    canister.system.caller = Principal::from_slice(&[1, 2, 3]);
    canister.system.reject = Some(Reject::new(ErrorCode::CanisterTrapped, "because"));
    canister.system.subnet = Principal::from_slice(&[9; 29]);
    canister.system.root_key = vec![5; 133].into();
    let own = CanisterId(7).principal();
    let cases: [(&str, Context, &[u8]); 6] = [
        ("msg_arg_data", Context::Update, b"argument"),
        ("msg_caller", Context::Update, &[1, 2, 3]),
        ("msg_reject_msg", Context::RejectCallback, b"because"),
        ("canister_self", Context::Update, own.as_slice()),
        ("subnet_self", Context::Update, &[9; 29]),
        ("root_key", Context::Update, &[5; 133]),
    ];
    for (name, context, expected) in cases {
        let run =
            |name: &str| canister.run(Entry::Export(format!("canister_update {name}")), context).outcome;
        assert_eq!(reply(&run(name).unwrap()), expected, "{name}");
        let reject = run(&format!("past {name}")).map(|_| ()).unwrap_err();
        assert_eq!(reject.error, ErrorCode::CanisterContractViolation, "{name}: {reject}");
    }
}
