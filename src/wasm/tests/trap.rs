//! How runs end that do not end well, and what instrumented code computes.

use super::*;

/// Runs `code` once and answers how it was rejected.
fn rejected(code: &str) -> Reject {
    let engine = Engine::new(None);
    let table =
        "(type $v (func)) (type $i (func (param i32))) (table 3 funcref) (elem (i32.const 0) func $recurse)
        (func $recurse (param i32) (call $recurse (local.get 0)))
        (data (i32.const 0) \"it is \\ffover\")";
    Canister::new(&engine, &canister(&[table, &method("run", code)].concat()))
        .update("run")
        .map(|_| ())
        .unwrap_err()
}

#[test]
fn every_way_to_fail_has_its_code_and_words() {
    use ErrorCode::*;
    let cases: &[(&str, ErrorCode, &str)] = &[
        ("unreachable", CanisterTrapped, "Canister trapped: unreachable"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", CanisterTrapped, "integer divide by 0"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", CanisterTrapped, "integer overflow"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", CanisterTrapped, "invalid conversion to integer"),
        ("(drop (i32.load (i32.const 65533)))", CanisterTrapped, "heap out of bounds"),
        ("(call_indirect (type $v) (i32.const 3))", CanisterTrapped, "table out of bounds"),
        ("(call_indirect (type $v) (i32.const 1))", CanisterTrapped, "indirect call to null"),
        ("(call_indirect (type $v) (i32.const 0))", CanisterTrapped, "function signature mismatch"),
        ("(call $recurse (i32.const 0))", CanisterTrapped, "stack overflow"),
        (
            "(call $trap (i32.const 0) (i32.const 5))",
            CanisterCalledTrap,
            "Canister called `ic0.trap` with message: 'it is'",
        ),
        ("(call $trap (i32.const 0) (i32.const 11))", CanisterCalledTrap, "message: 'it is over'"),
        ("(call $trap (i32.const 0) (i32.const -1))", CanisterCalledTrap, "out of memory bounds"),
        ("(call $trap (i32.const 65536) (i32.const 1))", CanisterCalledTrap, "out of memory bounds"),
        ("(call $append (i32.const 65535) (i32.const 2))", CanisterTrapped, "heap out of bounds"),
        ("(call $append (i32.const -1) (i32.const 2))", CanisterTrapped, "heap out of bounds"),
        ("(call $reply) (call $reply)", CanisterContractViolation, "already replied"),
        (
            "(call $reply) (call $append (i32.const 0) (i32.const 0))",
            CanisterContractViolation,
            "already replied",
        ),
        ("(drop (call $counter (i32.const 2)))", CanisterContractViolation, "performance counter 2"),
        (
            "(loop $l (br $l))",
            CanisterInstructionLimitExceeded,
            "exceeded the limit of 10000000 instructions",
        ),
    ];
    for (code, error, text) in cases {
        let reject = rejected(code);
        assert_eq!((reject.error, reject.code), (*error, error.reject_code()), "{code}: {reject}");
        assert!(reject.message.starts_with("Error from Canister "), "{reject}");
        assert!(reject.message.contains(text), "{code}: {reject}");
    }
}

#[test]
fn what_is_printed_stays_when_the_run_traps() {
    let engine = Engine::new(None);
    let code =
        "(call $print (i32.const 0) (i32.const 2)) (call $print (i32.const 65536) (i32.const 2)) unreachable";
    let canister =
        Canister::new(&engine, &canister(&["(data (i32.const 0) \"hi\")", &method("run", code)].concat()));
    let log = canister.run(Entry::Export("canister_update run".into()), Context::Update).log;
    let lines: Vec<&str> = log.iter().map(|line| std::str::from_utf8(line).unwrap()).collect();
    assert_eq!(lines, ["hi", "(message out of memory bounds)", "[TRAP]: unreachable"]);
}

#[test]
fn every_way_to_go_on_for_ever_is_stopped_near_the_limit() {
    let endless = [
        "(loop $l (br $l))",
        "(loop $l (br_if $l (i32.const 1)))",
        "(loop $l (block $b (br_table $l $b (i32.const 0))))",
        "(loop $l (if (i32.const 1) (then (br $l))))",
        "(loop $l (call $nothing) (br $l))",
        "(loop $l (call_indirect (type $v) (i32.const 0)) (br $l))",
        "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000)) (br $l))",
        "(loop $l (memory.copy (i32.const 0) (i32.const 9) (i32.const 60000)) (br $l))",
        "(loop $l (table.fill $t (i32.const 0) (ref.null func) (i32.const 1000)) (br $l))",
        "(loop $l (drop (memory.grow (i32.const 0))) (br $l))",
        "(loop $l (drop (call $counter (i32.const 0))) (br $l))",
        "(call $deep (i32.const 64))",
    ];
    let types = "(type $v (func)) (table $t 1000 funcref) (elem (i32.const 0) func $nothing) (func $nothing)
        (func $deep (param i32) (if (i32.eqz (local.get 0)) (then return))
            (call $deep (i32.sub (local.get 0) (i32.const 1))) (call $deep (i32.sub (local.get 0) (i32.const 1))))";
    let engine = Engine::new(None);
    for code in endless {
        let canister = Canister::new(&engine, &canister(&[types, &method("run", code)].concat()));
        let mut runs = Vec::new();
        for _ in 0..2 {
            let execution = canister.run(Entry::Export("canister_update run".into()), Context::Update);
            let reject = execution.outcome.map(|_| ()).unwrap_err();
            assert_eq!(reject.error, ErrorCode::CanisterInstructionLimitExceeded, "{code}: {reject}");
            runs.push((execution.instructions, reject.message));
        }
        assert_eq!(runs[0], runs[1]);
        assert_eq!(runs[0].0, canister.instructions_max, "{code}");
    }
}

#[test]
fn a_single_bulk_operation_cannot_overshoot() {
    let engine = Engine::new(None);
    let code = "(drop (memory.grow (i32.const 40000))) (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x90000000))";
    let canister = Canister::new(&engine, &canister(&method("run", code)));
    let reject = canister
        .run(Entry::Export("canister_update run".into()), Context::Update)
        .outcome
        .map(|_| ())
        .unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterInstructionLimitExceeded);
}

/// Recursions of every shape: direct, mutual, through a table, with many locals, by a long chain.
fn recursions() -> Vec<String> {
    let locals = "(local i64) ".repeat(2_000);
    let chain: String = (0..300)
        .map(|n| {
            format!(
                "(func $c{n} (param i32) (call $c{} (local.get 0)) {})",
                (n + 1) % 300,
                "(drop (i32.load (local.get 0)))".repeat(20)
            )
        })
        .collect();
    vec![
        "(func $f (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1))) (func $g (drop (call $f (i32.const 0))))".into(),
        "(func $a (call $b) (call $b)) (func $b (call $a) (call $a)) (func $g (call $a))".into(),
        "(type $v (func)) (table 1 funcref) (elem (i32.const 0) func $f) (func $f (call_indirect (type $v) (i32.const 0)) (call_indirect (type $v) (i32.const 0))) (func $g (call $f))".into(),
        format!("(func $f (param i32) {locals} (call $f (i32.const 0)) (call $f (i32.const 1))) (func $g (call $f (i32.const 0)))"),
        format!("{chain} (func $g (call $c0 (i32.const 0)))"),
    ]
}

#[test]
fn recursion_ends_at_the_same_place_on_every_thread() {
    let engine = Engine::new(None);
    for code in recursions() {
        let mut canister =
            Canister::new(&engine, &format!("(module (memory 1) {code} {})", method("run", "(call $g)")));
        canister.instructions_max = Instructions(1_000_000_000);
        let run = |stack: usize| {
            std::thread::scope(|threads| {
                let run = || canister.run(Entry::Export("canister_update run".into()), Context::Update);
                std::thread::Builder::new()
                    .stack_size(stack)
                    .spawn_scoped(threads, run)
                    .unwrap()
                    .join()
                    .unwrap()
            })
        };
        let small = run(128 * 1024);
        let large = run(64 * 1024 * 1024);
        let reject = small.outcome.map(|_| ()).unwrap_err();
        assert!(reject.message.contains("stack overflow"), "{reject}");
        assert_eq!(
            (reject, small.instructions),
            (large.outcome.map(|_| ()).unwrap_err(), large.instructions)
        );
    }
}

#[test]
fn honest_recursion_goes_deep_enough() {
    let fields =
        "(func $sum (param i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
        (else (i32.add (i32.const 1) (call $sum (i32.sub (local.get 0) (i32.const 1)))))))";
    let run = method("run", "(call $answer32 (call $sum (i32.const 5000)))");
    check(
        &canister(&[fields, &run].concat()),
        &[("run", Ok(&5000u32.to_le_bytes())), ("run", Ok(&5000u32.to_le_bytes()))],
    );
}

#[test]
fn stack_is_given_back_however_a_function_returns() {
    // Each call returns by another way; a counter that is not given back would run out.
    let fields = "(type $two (func (param i32) (result i32 i64)))
        (func $f (type $two)
            (if (i32.gt_s (local.get 0) (i32.const 1000000)) (then (drop (drop (call $f (i32.const 0))))))
            (block (loop $again (if (i32.eqz (i32.and (local.get 0) (i32.const 1))) (then (return (i32.const 1) (i64.const 2))))
                (if (i32.eqz (i32.and (local.get 0) (i32.const 2))) (then (br 3 (i32.const 1) (i64.const 2))))
                (br_table 1 1 (local.get 0))))
            (i32.const 1) (i64.const 2))
        (func $many (result i32) (local $n i32) (local $sum i32)
            (loop $l
                (call $f (local.get $n)) (i32.wrap_i64) (i32.add) (local.set $sum (i32.add (local.get $sum)))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))
            (local.get $sum))";
    let run = method("run", "(call $answer32 (call $many))");
    check(&canister(&[fields, &run].concat()), &[("run", Ok(&300_000u32.to_le_bytes()))]);
}

#[test]
fn nans_have_one_form() {
    let nan = "(f32.add (f32.reinterpret_i32 (i32.const 0xffa12345)) (f32.const 1))";
    let made = "(f64.div (f64.const 0) (f64.const 0))";
    let fields = [
        method("payload", &format!("(call $answer32 (i32.reinterpret_f32 {nan}))")),
        method(
            "made",
            &format!(
                "(call $answer32 (i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 {made}) (i64.const 32))))"
            ),
        ),
        method(
            "chained",
            &format!(
                "(call $answer32 (i32.reinterpret_f32 (f32.sub (f32.mul {nan} {nan}) (f32.neg {nan}))))"
            ),
        ),
        method("negated", &format!("(call $answer32 (i32.reinterpret_f32 (f32.neg (f32.mul {nan} {nan}))))")),
        method(
            "kept",
            &format!(
                "(local f32) (local.set 0 (f32.max {nan} (f32.const 2))) (f32.store (i32.const 8) (local.get 0)) (call $answer32 (i32.load (i32.const 8)))"
            ),
        ),
        method(
            "moved",
            "(f32.store (i32.const 8) (f32.load (i32.const 8))) (call $answer32 (i32.load (i32.const 8)))",
        ),
        method(
            "wide",
            "(call $answer32 (i32.xor (i32x4.extract_lane 3 (f64x2.mul (f64x2.splat (f64.const -nan:0x8000000000005)) (f64x2.splat (f64.const 2)))) (i32x4.extract_lane 0 (f64x2.div (f64x2.splat (f64.const 0)) (f64x2.splat (f64.const 0))))))",
        ),
        method("lanes", "(call $answer32 (i32x4.extract_lane 2 (f32x4.sqrt (f32x4.splat (f32.const -4)))))"),
    ];
    let steps: &[Step] = &[
        ("moved", Ok(&0xffa1_2345u32.to_le_bytes())),
        ("payload", Ok(&0x7fc0_0000u32.to_le_bytes())),
        ("made", Ok(&0x7ff8_0000u32.to_le_bytes())),
        ("chained", Ok(&0x7fc0_0000u32.to_le_bytes())),
        ("negated", Ok(&0xffc0_0000u32.to_le_bytes())),
        ("kept", Ok(&0x7fc0_0000u32.to_le_bytes())),
        ("wide", Ok(&0x7ff8_0000u32.to_le_bytes())),
        ("lanes", Ok(&0x7fc0_0000u32.to_le_bytes())),
    ];
    let data = r#"(data (i32.const 8) "\45\23\a1\ff")"#;
    check(&canister(&[&fields.concat(), data].concat()), steps);
}

#[test]
fn callbacks_go_through_the_table() {
    let engine = Engine::new(None);
    let fields = "(table 4 funcref) (elem (i32.const 1) func $keep $wrong)
        (func $keep (param i32) (i32.store (i32.const 0) (local.get 0)))
        (func $wrong (param i64))";
    let mut canister = Canister::new(&engine, &canister(fields));
    let mut call = |fun, env| {
        canister.apply(Entry::Callback { fun, env }, Context::ReplyCallback).map(|changes| changes.heap.len())
    };
    assert_eq!(call(1, 7), Ok(1));
    let mut fails = |fun, env, text: &str| {
        let reject = call(fun, env).unwrap_err();
        assert!(reject.message.contains(text), "{reject}");
    };
    fails(0, 7, "indirect call to null");
    fails(2, 7, "function signature mismatch");
    fails(4, 7, "table out of bounds");
    fails(1 << 32, 7, "table out of bounds");
    fails(1, 1 << 32, "environment 4294967296 is out of range");
    let canister = Canister::new(&engine, "(module)");
    canister.run(Entry::Callback { fun: 0, env: 0 }, Context::ReplyCallback).outcome.map(|_| ()).unwrap_err();
}

#[test]
fn absent_entry_points_are_empty_and_absent_methods_are_named() {
    let engine = Engine::new(None);
    let canister = Canister::new(&engine, "(module)");
    let run = |name: &str| canister.run(Entry::Export(name.into()), Context::Update).outcome;
    for name in [
        "canister_init",
        "canister_pre_upgrade",
        "canister_post_upgrade",
        "canister_heartbeat",
        "canister_global_timer",
    ] {
        assert!(!run(name).unwrap().message_accepted);
    }
    assert!(run("canister_inspect_message").unwrap().message_accepted);
    let reject = run("canister_update add").map(|_| ()).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterMethodNotFound);
    assert!(reject.message.contains("has no update method 'add'"), "{reject}");
    for hidden in ["atoll initialize", "atoll start", "atoll callback"] {
        assert_eq!(run(hidden).map(|_| ()).unwrap_err().error, ErrorCode::CanisterMethodNotFound);
    }
}
