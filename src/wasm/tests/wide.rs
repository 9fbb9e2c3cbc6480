//! 64-bit memories and tables (rule 8): every access ends as it would have with 64 bits.

use super::*;

const WASM_PAGE: u128 = 65_536;
/// What 32 bits would take for something else.
const ODD: [u64; 9] =
    [0, 1, 0xffff_ffff, 1 << 32, (1 << 32) + 8, 0x8000_0000_0000_0000, u64::MAX - 7, u64::MAX - 1, u64::MAX];

/// A module of `fields` with a 64-bit memory of one page, and `$arg`, which answers the n-th 8 bytes of the
/// argument.
fn wide(fields: &str) -> String {
    format!(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i64 i64)))
        (import "ic0" "msg_arg_data_size" (func $arg_size (result i64)))
        (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i64 i64 i64)))
        (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
        (import "ic0" "call_new" (func $call_new (param i64 i64 i64 i64 i64 i64 i64 i64)))
        (import "ic0" "call_on_cleanup" (func $on_cleanup (param i64 i64)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (import "ic0" "trap" (func $trap (param i64 i64)))
        (memory i64 1)
        (func $arg (param $n i64) (result i64)
            (call $arg_copy (i64.const 64) (i64.mul (local.get $n) (i64.const 8)) (i64.const 8))
            (i64.load (i64.const 64)))
        (func $answer (param $value i64)
            (i64.store (i64.const 64) (local.get $value))
            (call $append (i64.const 64) (i64.const 8))
            (call $reply))
        {fields})"#
    )
}

fn argument(numbers: &[u64]) -> Arc<[u8]> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Runs `method` with `numbers`: whether it ends well, or that it traps with `trap`.
fn check_bounds(canister: &mut Canister, method: &str, numbers: &[u64], within: bool, trap: &str) {
    canister.system.arg = argument(numbers);
    let outcome = canister.run(Entry::Export(format!("canister_update {method}")), Context::Update).outcome;
    match (outcome, within) {
        (Ok(_), true) => {}
        (Err(reject), false) => assert!(reject.message.contains(trap), "{method} {numbers:x?}: {reject}"),
        (Ok(_), false) => panic!("{method} {numbers:x?} went on, beyond the end"),
        (Err(reject), true) => panic!("{method} {numbers:x?}: {reject}"),
    }
}

/// Every access to memory: what comes before and after the address, and its bytes.
fn accesses() -> Vec<(String, String, u128)> {
    let mut found = Vec::new();
    let mut load = |name: &str, bytes| found.push((format!("{name} @"), String::new(), bytes));
    for (name, bytes) in [("i32.load", 4), ("i64.load", 8), ("f32.load", 4), ("f64.load", 8)] {
        load(name, bytes);
    }
    for (bits, bytes) in [(8, 1), (16, 2), (32, 4)] {
        for sign in ["s", "u"] {
            load(&format!("i64.load{bits}_{sign}"), bytes);
            if bits < 32 {
                load(&format!("i32.load{bits}_{sign}"), bytes);
            }
        }
    }
    load("v128.load", 16);
    for shape in ["8x8", "16x4", "32x2"] {
        load(&format!("v128.load{shape}_s"), 8);
        load(&format!("v128.load{shape}_u"), 8);
    }
    for (bits, bytes) in [(8, 1), (16, 2), (32, 4), (64, 8)] {
        load(&format!("v128.load{bits}_splat"), bytes);
        if bits >= 32 {
            load(&format!("v128.load{bits}_zero"), bytes);
        }
    }
    let lanes = [(8, 1), (16, 2), (32, 4), (64, 8)];
    let vector = "(v128.const i64x2 1 2)";
    for (bits, bytes) in lanes {
        found.push((format!("v128.load{bits}_lane @ 1"), vector.into(), bytes));
        found.push((format!("v128.store{bits}_lane @ 1"), vector.into(), bytes));
    }
    for (name, bytes) in [("i32.store", 4), ("i32.store8", 1), ("i32.store16", 2)] {
        found.push((format!("{name} @"), "(i32.const 7)".into(), bytes));
    }
    for (name, bytes) in [("i64.store", 8), ("i64.store8", 1), ("i64.store16", 2), ("i64.store32", 4)] {
        found.push((format!("{name} @"), "(i64.const 7)".into(), bytes));
    }
    found.push(("f32.store @".into(), "(f32.const 7)".into(), 4));
    found.push(("f64.store @".into(), "(f64.const 7)".into(), 8));
    found.push(("v128.store @".into(), vector.into(), 16));
    found
}

#[test]
fn accesses_beyond_the_end_of_a_64_bit_memory_trap_exactly() {
    let offsets: [u64; 6] = [0, 3, 0xffff, 0xffff_ffff, 1 << 32, u64::MAX];
    let mut fields = String::new();
    let accesses = accesses();
    for (number, (access, value, _)) in accesses.iter().enumerate() {
        for offset in offsets {
            let code = access.replace('@', &format!("offset={offset}"));
            let code = format!("({code} (call $arg (i64.const 0)) {value})");
            let code = if access.contains("store") { code } else { format!("(drop {code})") };
            fields.push_str(&method(&format!("{number}+{offset}"), &code));
        }
    }
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &wide(&fields));
    for (number, (_, _, bytes)) in accesses.iter().enumerate() {
        for offset in offsets {
            let last = (WASM_PAGE - bytes).saturating_sub(offset.into()) as u64;
            for address in ODD.into_iter().chain([last, last + 1]) {
                let within = u128::from(address) + u128::from(offset) + bytes <= WASM_PAGE;
                let name = format!("{number}+{offset}");
                check_bounds(&mut canister, &name, &[address], within, "heap out of bounds");
            }
        }
    }
}

#[test]
fn bulk_operations_on_a_64_bit_memory_are_within_it_or_trap() {
    let [a, b, c] = [0, 1, 2].map(|n| format!("(call $arg (i64.const {n}))"));
    let fields = [
        method("fill", &format!("(memory.fill {a} (i32.const 1) {b})")),
        method("copy", &format!("(memory.copy {a} {b} {c})")),
        method("init", &format!("(memory.init $d {a} (i32.wrap_i64 {b}) (i32.wrap_i64 {c}))")),
        "(data $d \"0123456789\")".into(),
    ];
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &wide(&fields.concat()));
    canister.instructions_max = Instructions(1 << 40);
    let numbers: Vec<u64> = ODD.into_iter().chain([65_535, 65_536, 65_537]).collect();
    let within = |start: u64, len: u64, of: u128| u128::from(start) + u128::from(len) <= of;
    let trap = "heap out of bounds";
    for &to in &numbers {
        for &from in &numbers {
            let fits = within(to, from, WASM_PAGE);
            check_bounds(&mut canister, "fill", &[to, from], fits, trap);
            for &len in &numbers {
                let fits = within(to, len, WASM_PAGE) && within(from, len, WASM_PAGE);
                check_bounds(&mut canister, "copy", &[to, from, len], fits, trap);
            }
            for len in [0, 1, 9, 10, 11] {
                let fits = within(to, len, WASM_PAGE) && within(u64::from(from as u32), len, 10);
                check_bounds(&mut canister, "init", &[to, from, len], fits, trap);
            }
        }
    }
}

#[test]
fn a_64_bit_memory_grows_to_4_gib_less_one_page_and_no_further() {
    let fields = [
        method("size", "(call $answer (memory.size))"),
        method("grow", "(call $answer (memory.grow (call $arg (i64.const 0))))"),
        method(
            "last",
            "(i64.store (i64.const 0xfffefff8) (i64.const 7)) (call $answer (i64.load (i64.const 0xfffefff8)))",
        ),
        method("past", "(drop (i64.load (i64.const 0xfffefff9)))"),
    ];
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &wide(&fields.concat()));
    let steps = [
        (1 << 32, u64::MAX),
        (u64::MAX, u64::MAX),
        (0xffff_ffff, u64::MAX),
        (65_535, u64::MAX),
        (0, 1),
        (65_534, 1),
        (1, u64::MAX),
        (0, 65_535),
    ];
    for (delta, expected) in steps {
        canister.system.arg = argument(&[delta]);
        assert_eq!(reply(&canister.update("grow").unwrap()), expected.to_le_bytes(), "{delta}");
    }
    assert_eq!(reply(&canister.update("size").unwrap()), 65_535u64.to_le_bytes());
    assert_eq!(reply(&canister.update("last").unwrap()), 7u64.to_le_bytes());
    check_bounds(&mut canister, "past", &[], false, "heap out of bounds");
}

/// A table of 64-bit indices, one of 32-bit ones, and one of references that are no functions.
const TABLES: &str =
    "(type $v (func)) (table $t i64 10 20 funcref) (table $n 10 funcref) (table $x i64 10 externref)
    (elem $e func $f $f $f) (elem (table $t) (i64.const 2) func $f $f) (func $f)";

#[test]
fn tables_of_64_bit_indices_trap_exactly() {
    let [a, b, c] = [0, 1, 2].map(|n| format!("(call $arg (i64.const {n}))"));
    let narrow = |number: &str| format!("(i32.wrap_i64 {number})");
    let fields = [
        TABLES.into(),
        method("get", &format!("(drop (table.get $t {a}))")),
        method("set", &format!("(table.set $t {a} (ref.func $f))")),
        method("set_x", &format!("(table.set $x {a} (ref.null extern))")),
        method("fill", &format!("(table.fill $t {a} (ref.func $f) {b})")),
        method("fill_x", &format!("(table.fill $x {a} (ref.null extern) {b})")),
        method("copy", &format!("(table.copy $t $t {a} {b} {c})")),
        method("copy_out", &format!("(table.copy $n $t {} {b} {})", narrow(&a), narrow(&c))),
        method("copy_in", &format!("(table.copy $t $n {a} {} {})", narrow(&b), narrow(&c))),
        method("init", &format!("(table.init $t $e {a} {} {})", narrow(&b), narrow(&c))),
        method("call", &format!("(call_indirect $t (type $v) {a})")),
        method("grow", &format!("(call $answer (table.grow $t (ref.func $f) {a}))")),
        method("size", &format!("(drop (table.grow $t (ref.null func) {a})) (call $answer (table.size $t))")),
    ];
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &wide(&fields.concat()));
    canister.instructions_max = Instructions(1 << 40);
    let numbers = [0, 2, 3, 9, 10, 11, 1 << 32, (1 << 32) + 2, u64::MAX];
    let within = |start: u64, len: u64, of: u128| u128::from(start) + u128::from(len) <= of;
    let low = |number: u64| u64::from(number as u32);
    let trap = "table out of bounds";
    for &to in &numbers {
        for name in ["get", "set", "set_x"] {
            check_bounds(&mut canister, name, &[to], to < 10, trap);
        }
        let called = if to < 10 { "indirect call to null" } else { trap };
        check_bounds(&mut canister, "call", &[to], to == 2 || to == 3, called);
        for (method, expected) in
            [("grow", if to <= 10 { 10 } else { u64::MAX }), ("size", if to <= 10 { 10 + to } else { 10 })]
        {
            canister.system.arg = argument(&[to]);
            assert_eq!(reply(&canister.update(method).unwrap()), expected.to_le_bytes(), "{method} {to:x}");
        }
        for &from in &numbers {
            check_bounds(&mut canister, "fill", &[to, from], within(to, from, 10), trap);
            check_bounds(&mut canister, "fill_x", &[to, from], within(to, from, 10), trap);
            for &len in &numbers {
                let all = [to, from, len];
                let fits = within(to, len, 10) && within(from, len, 10);
                check_bounds(&mut canister, "copy", &all, fits, trap);
                let fits = within(low(to), low(len), 10) && within(from, low(len), 10);
                check_bounds(&mut canister, "copy_out", &all, fits, trap);
                let fits = within(to, low(len), 10) && within(low(from), low(len), 10);
                check_bounds(&mut canister, "copy_in", &all, fits, trap);
                let fits = within(to, low(len), 10) && within(low(from), low(len), 3);
                check_bounds(&mut canister, "init", &all, fits, trap);
            }
        }
    }
}

#[test]
fn segments_beyond_the_end_of_64_bit_memories_and_tables_trap() {
    let engine = Engine::new(None);
    let instantiate = |fields: &str| {
        let canister = Canister::uninstalled(&engine, &wide(fields));
        canister.run(Entry::Instantiate, Context::Start).outcome.map(|_| ())
    };
    for offset in [65_527u64, 65_528, 1 << 32, u64::MAX] {
        let found = instantiate(&format!("(data (i64.const {offset}) \"12345678\\00\")"));
        assert_eq!(found.is_ok(), offset == 65_527, "{offset}: {found:?}");
    }
    for offset in [7u64, 8, 1 << 32, u64::MAX] {
        let fields = format!("(table i64 10 funcref) (elem (i64.const {offset}) func $f $f $f) (func $f)");
        let found = instantiate(&fields);
        assert_eq!(found.is_ok(), offset == 7, "{offset}: {found:?}");
        let empty = instantiate(&format!("(table i64 10 funcref) (elem (i64.const {offset}) func)"));
        assert_eq!(empty.is_ok(), offset <= 10, "{offset}: {empty:?}");
    }
}

#[test]
fn a_64_bit_program_computes_and_pays_what_a_32_bit_one_does() {
    // Sorts 2,000 numbers that a generator makes, and answers a checksum.
    let code = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param P P)))
        (memory M 2)
        (data (P.const 8) "\07\00\00\00")
        (table M 4 funcref) (elem (P.const 1) func $less)
        (type $less (func (param P P) (result i32)))
        (func $less (type $less) (i32.lt_u (i32.load (local.get 0)) (i32.load offset=4 (local.get 1))))
        (func (export "canister_update run") (local $n P) (local $m P) (local $x i32) (local $sum i32)
            (local.set $x (i32.load (P.const 8)))
            (memory.fill (P.const 1000) (i32.const 0) (P.const 9000))
            (loop $make
                (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.const 12345)))
                (i32.store offset=1024 (local.get $n) (local.get $x))
                (br_if $make (P.lt_u (local.tee $n (P.add (local.get $n) (P.const 4))) (P.const 8000))))
            (loop $pass
                (local.set $m (P.const 1024))
                (loop $pair
                    (if (call_indirect (type $less) (local.get $m) (local.get $m) (P.const 1)) (then
                        (local.set $x (i32.load (local.get $m)))
                        (i32.store (local.get $m) (i32.load offset=4 (local.get $m)))
                        (i32.store offset=4 (local.get $m) (local.get $x))))
                    (br_if $pair (P.lt_u (local.tee $m (P.add (local.get $m) (P.const 4))) (P.const 9020))))
                (br_if $pass (P.gt_u (local.tee $n (P.sub (local.get $n) (P.const 80))) (P.const 0))))
            (drop (memory.grow (P.const 1)))
            (memory.copy (P.const 100000) (P.const 1024) (P.const 8000))
            (local.set $m (P.const 0))
            (loop $check
                (local.set $sum (i32.add (i32.rotl (local.get $sum) (i32.const 5)) (i32.load offset=100000 (local.get $m))))
                (br_if $check (P.lt_u (local.tee $m (P.add (local.get $m) (P.const 4))) (P.const 8000))))
            (i32.store (P.const 0) (local.get $sum))
            (call $append (P.const 0) (P.const 4))
            (call $reply)))"#;
    let engine = Engine::new(None);
    let run = |pointer: &str| {
        let mut canister = Canister::new(&engine, &code.replace(['P', 'M'], pointer));
        canister.instructions_max = Instructions(1_000_000_000);
        let execution = canister.run(Entry::Export("canister_update run".into()), Context::Update);
        (reply(&execution.outcome.unwrap()).to_vec(), execution.instructions)
    };
    assert_eq!(run("i64"), run("i32"));
}

#[test]
fn pointers_of_the_system_api_have_64_bits() {
    let [a, b, c] = [0, 1, 2].map(|n| format!("(call $arg (i64.const {n}))"));
    let fields = [
        method("append", &format!("(call $append {a} {b})")),
        method("copy", &format!("(call $arg_copy {a} {b} {c})")),
    ];
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &wide(&fields.concat()));
    canister.instructions_max = Instructions(1 << 40);
    for to in ODD.into_iter().chain([65_528, 65_529]) {
        for size in [0, 8] {
            let fits = u128::from(to) + u128::from(size) <= WASM_PAGE;
            check_bounds(&mut canister, "append", &[to, size], fits, "heap out of bounds");
        }
        check_bounds(
            &mut canister,
            "copy",
            &[to, 0, 8],
            u128::from(to) + 8 <= WASM_PAGE,
            "heap out of bounds",
        );
        let fits = u128::from(to) + 8 <= 24;
        check_bounds(&mut canister, "copy", &[0, to, 8], fits, "exceed the 24 bytes");
    }
}

#[test]
fn a_module_has_pointers_of_its_memorys_width() {
    let engine = Engine::new(None);
    let refused = |wat: &str| engine.check(&wat::parse_str(wat).unwrap()).unwrap_err().to_string();
    let append = |param: &str, memory: &str| {
        format!("(module (import \"ic0\" \"msg_reply_data_append\" (func (param {param}))) {memory})")
    };
    let wrong = "import `ic0.msg_reply_data_append`: has type";
    for (param, memory, good) in [
        ("i32 i32", "(memory 1)", true),
        ("i64 i64", "(memory 1)", false),
        ("i32 i32", "(memory i64 1)", false),
        ("i64 i64", "(memory i64 1)", true),
        ("i32 i32", "", true),
        ("i64 i64", "", false),
        ("i32 i32", "(table i64 1 funcref)", true),
    ] {
        let wat = append(param, memory);
        match good {
            true => drop(engine.check(&wat::parse_str(&wat).unwrap()).unwrap()),
            false => assert!(refused(&wat).contains(wrong), "{wat}"),
        }
    }
    let old = r#"(module (import "ic0" "canister_cycle_balance" (func (result i64))) (memory i64 1))"#;
    assert!(refused(old).contains("import `ic0.canister_cycle_balance`"), "{}", refused(old));
}

#[test]
fn callbacks_of_a_64_bit_module_get_their_whole_environment() {
    let engine = Engine::new(None);
    let fields = "(table i64 4 funcref) (elem (i64.const 1) func $keep $narrow)
        (func $keep (param i64) (i64.store (i64.const 0) (local.get 0)))
        (func $narrow (param i32))
        (func (export \"canister_update call\")
            (call $call_new (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
                (i64.const 1) (i64.const 0x123456789abcdef0) (i64.const 0x1_0000_0001) (i64.const -1))
            (call $on_cleanup (i64.const 1) (i64.const 0x7000_0000_0000_0000))
            (drop (call $perform)))";
    let mut canister = Canister::new(&engine, &wide(fields));
    let call = canister.update("call").unwrap().calls.remove(0);
    assert_eq!(call.on_reply, (1, 0x1234_5678_9abc_def0));
    assert_eq!(call.on_reject, ((1 << 32) + 1, u64::MAX));
    assert_eq!(call.on_cleanup, Some((1, 0x7000_0000_0000_0000)));
    let mut run = |(fun, env)| canister.apply(Entry::Callback { fun, env }, Context::ReplyCallback);
    let changes = run(call.on_reply).unwrap();
    assert_eq!(changes.heap[0].1[..8], 0x1234_5678_9abc_def0u64.to_le_bytes());
    let mut fails = |call, text: &str| {
        let reject = run(call).map(|_| ()).unwrap_err();
        assert!(reject.message.contains(text), "{reject}");
    };
    fails(call.on_reject, "table out of bounds");
    fails((2, 0), "function signature mismatch");
    fails((3, 0), "indirect call to null");
}
