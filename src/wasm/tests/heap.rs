//! What a run leaves behind in the heap, globals, tables and stable memory.

use super::*;
use crate::types::limits::*;
use std::collections::BTreeSet;

const ZERO: &[u8] = &[0; 4];

#[test]
fn counts_and_keeps_the_count() {
    let inc = "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))";
    let get = "(call $answer (i32.const 0) (i32.const 4))";
    let data = "(data (i32.const 0) \"\\29\\00\\00\\00\")";
    let wat = canister(
        &[data, &method("inc", &[inc, get].concat()), &method("wrong", &[inc, "unreachable"].concat())]
            .concat(),
    );
    let wrong = ("wrong", Err((ErrorCode::CanisterTrapped, "Canister trapped: unreachable")));
    check(
        &wat,
        &[
            ("inc", Ok(&[42, 0, 0, 0])),
            wrong,
            ("inc", Ok(&[43, 0, 0, 0])),
            wrong,
            ("inc", Ok(&[44, 0, 0, 0])),
        ],
    );
}

/// The heap pages that `code` changes.
fn changed(code: &str) -> Vec<u64> {
    let engine = Engine::new(None);
    let data = "(data (i32.const 8192) \"\\07\")";
    let mut canister = Canister::new(&engine, &canister(&[data, &method("run", code)].concat()));
    let changes = canister.update("run").unwrap();
    changes.heap.iter().map(|(index, _)| *index).collect()
}

#[test]
fn reports_exactly_the_pages_whose_content_changed() {
    let none: [u64; 0] = [];
    assert_eq!(changed(""), none);
    assert_eq!(changed("(i32.store8 (i32.const 4095) (i32.const 1))"), [0]);
    assert_eq!(changed("(i32.store (i32.const 4094) (i32.const -1))"), [0, 1]);
    assert_eq!(changed("(i32.store8 (i32.const 8192) (i32.const 7))"), none, "the same value");
    assert_eq!(
        changed("(i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 0) (i32.const 0))"),
        none
    );
    assert_eq!(changed("(memory.fill (i32.const 4096) (i32.const 9) (i32.const 12288))"), [1, 2, 3]);
    assert_eq!(changed("(drop (memory.grow (i32.const 1)))"), none, "a grown page is zero");
    assert_eq!(
        changed("(drop (memory.grow (i32.const 1))) (i32.store (i32.const 65536) (i32.const 1))"),
        [16]
    );
}

#[test]
fn a_page_of_zeros_is_removed() {
    let engine = Engine::new(None);
    let clear = method("clear", "(i32.store8 (i32.const 0) (i32.const 0))");
    let mut canister = Canister::new(&engine, &canister(&["(data (i32.const 0) \"\\01\")", &clear].concat()));
    assert_eq!(canister.memory.heap.len().unwrap(), 1);
    canister.update("clear").unwrap();
    assert!(canister.memory.heap.is_empty());
}

#[test]
fn a_trap_takes_back_growth_and_globals() {
    let fields = [
        "(global $g (mut i32) (i32.const 5))",
        &method("grow", "(drop (memory.grow (i32.const 3))) (global.set $g (i32.const 6)) unreachable"),
        &method("size", "(call $answer32 (i32.add (memory.size) (i32.mul (i32.const 256) (global.get $g))))"),
        &method("past", "(i32.store (i32.const 65536) (i32.const 1))"),
    ];
    let trapped = |text| Err((ErrorCode::CanisterTrapped, text));
    let steps: &[Step] = &[
        ("size", Ok(&[1, 5, 0, 0])),
        ("grow", trapped("unreachable")),
        ("size", Ok(&[1, 5, 0, 0])),
        ("past", trapped("heap out of bounds")),
    ];
    check(&canister(&fields.concat()), steps);
}

#[test]
fn globals_of_every_type_are_kept() {
    let engine = Engine::new(None);
    let wat = r#"(module
        (global $const i32 (i32.const 9))
        (global $a (mut i32) (i32.const 9))
        (global $b (mut i64) (i64.const -1))
        (global $c (mut f32) (f32.const 1.5))
        (global $d (mut f64) (f64.const nan:0x8000000000001))
        (global $e (mut v128) (v128.const i64x2 1 2))
        (func (export "canister_update next")
            (global.set $a (i32.add (global.get $a) (i32.const 1)))
            (global.set $b (i64.sub (global.get $b) (i64.const 1)))
            (global.set $c (f32.neg (global.get $c)))
            (global.set $e (i64x2.add (global.get $e) (global.get $e)))))"#;
    let mut canister = Canister::new(&engine, wat);
    let nan = 0x7ff8_0000_0000_0001;
    let globals = |a, b, c: f32, e| {
        use crate::state::Global::*;
        vec![I32(a), I64(b), F32(c.to_bits()), F64(nan), V128(e)]
    };
    assert_eq!(canister.memory.globals, globals(9, u64::MAX, 1.5, 2 << 64 | 1));
    canister.update("next").unwrap();
    canister.update("next").unwrap();
    assert_eq!(canister.memory.globals, globals(11, u64::MAX - 2, 1.5, 8 << 64 | 4));
}

#[test]
fn tables_and_segments_are_as_installed_in_every_run() {
    let fields = [
        "(table $t 2 funcref) (elem (i32.const 0) func $one) (elem $later func $two) (data $d \"\\63\")",
        "(type $f (func (result i32))) (func $one (type $f) (i32.const 1)) (func $two (type $f) (i32.const 2))",
        &method("call", "(call $answer32 (call_indirect (type $f) (i32.const 0)))"),
        &method(
            "change",
            "(table.init $later (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $later) (data.drop $d)
             (call $answer32 (call_indirect (type $f) (i32.const 0)))",
        ),
        &method(
            "init",
            "(memory.init $d (i32.const 8) (i32.const 0) (i32.const 1)) (call $answer (i32.const 8) (i32.const 1))",
        ),
    ];
    let steps: &[Step] = &[
        ("call", Ok(&[1, 0, 0, 0])),
        ("change", Ok(&[2, 0, 0, 0])),
        ("call", Ok(&[1, 0, 0, 0])),
        ("init", Ok(&[0x63])),
    ];
    check(&canister(&fields.concat()), steps);
}

#[test]
fn an_active_segment_is_dropped_once_applied() {
    let fields = [
        "(data $d (i32.const 0) \"abc\")",
        &method("whole", "(call $answer (i32.const 0) (i32.const 3))"),
        &method(
            "none",
            "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (call $answer (i32.const 0) (i32.const 1))",
        ),
        &method("some", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))"),
    ];
    let some = ("some", Err((ErrorCode::CanisterTrapped, "heap out of bounds")));
    check(&canister(&fields.concat()), &[("whole", Ok(b"abc")), ("none", Ok(b"a")), some]);
}

#[test]
fn start_runs_once_at_instantiation() {
    let start = "(func $start (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))) (start $start)";
    let wat = canister(
        &[
            start,
            "(data (i32.const 0) \"\\06\")",
            &method("get", "(call $answer (i32.const 0) (i32.const 4))"),
        ]
        .concat(),
    );
    check(&wat, &[("get", Ok(&[7, 0, 0, 0])), ("get", Ok(&[7, 0, 0, 0]))]);
}

#[test]
fn a_segment_out_of_bounds_fails_the_installation() {
    let engine = Engine::new(None);
    let canister = Canister::uninstalled(&engine, "(module (memory 1) (data (i32.const 65535) \"ab\"))");
    let reject = canister.run(Entry::Instantiate, Context::Start).outcome.map(|_| ()).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterTrapped);
    let canister =
        Canister::uninstalled(&engine, "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))");
    let reject = canister.run(Entry::Instantiate, Context::Start).outcome.map(|_| ()).unwrap_err();
    assert!(reject.message.contains("table out of bounds"), "{reject}");
}

#[test]
fn instantiating_again_starts_from_nothing() {
    let engine = Engine::new(None);
    let set = method("set", "(i32.store (i32.const 100) (i32.const 1)) (drop (memory.grow (i32.const 1)))");
    let mut canister = Canister::new(&engine, &canister(&["(data (i32.const 0) \"x\")", &set].concat()));
    let fresh = canister.memory.heap.root();
    canister.update("set").unwrap();
    assert_ne!(canister.memory.heap.root(), fresh);
    canister.apply(Entry::Instantiate, Context::Start).unwrap();
    assert_eq!((canister.memory.heap.root(), canister.memory.heap_wasm_pages), (fresh, 1));
}

#[test]
fn growth_ends_at_the_module_s_maximum_and_at_the_room_given() {
    let engine = Engine::new(None);
    let grow = "(func (export \"canister_update grow\") (local $n i32)
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))";
    let pages = |memory: &str, room: u64| {
        let mut canister = Canister::new(&engine, &format!("(module {memory} {grow})"));
        canister.system.memory_room = Bytes(room);
        canister.instructions_max = Instructions(5_000_000_000);
        canister.update("grow").unwrap();
        canister.memory.heap_wasm_pages
    };
    assert_eq!(pages("(memory 1 5)", 1 << 33), 5);
    assert_eq!(pages("(memory 1)", 3 * WASM_PAGE_BYTES as u64 + 1), 4);
    assert_eq!(pages("(memory 1)", 1 << 33), HEAP_WASM_PAGES_MAX);
}

#[test]
fn the_last_byte_of_a_full_heap_is_there_and_the_next_is_not() {
    let fields = [
        &method(
            "grow",
            "(drop (memory.grow (i32.const 65534))) (i32.store8 (i32.const 0xfffeffff) (i32.const 7)) (call $answer (i32.const 0xfffeffff) (i32.const 1))",
        ),
        &method("past", "(drop (i32.load8_u (i32.const 0xffff0000)))"),
        &method("far", "(drop (i64.load offset=0xffffffff (i32.const 0xffffffff)))"),
    ];
    let out = Err((ErrorCode::CanisterTrapped, "heap out of bounds"));
    check(
        &canister(&fields.map(String::as_str).concat()),
        &[("grow", Ok(&[7])), ("past", out), ("far", out)],
    );
}

#[test]
fn a_query_sees_the_heap_it_was_handed_whatever_updates_do() {
    let inc = "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (i32.store (i32.const 50000) (i32.load (i32.const 0)))";
    let get = "(func (export \"canister_query get\") (i32.store (i32.const 4) (i32.load (i32.const 50000))) (call $answer (i32.const 0) (i32.const 8)))";
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &canister(&[&method("inc", inc), get].concat()));
    let mut snapshots = vec![(0u32, canister.memory.clone())];
    for count in 1..40 {
        canister.update("inc").unwrap();
        snapshots.push((count, canister.memory.clone()));
    }
    let canister = &canister;
    std::thread::scope(|threads| {
        for stride in 1..=3 {
            let snapshots = &snapshots;
            threads.spawn(move || {
                for at in 0..200 {
                    let (count, memory) = &snapshots[at * stride % snapshots.len()];
                    let query = canister.with_memory(memory.clone()).query("get").unwrap();
                    assert_eq!(reply(&query), [count.to_le_bytes(), count.to_le_bytes()].concat());
                }
            });
        }
        let mut writer = canister.with_memory(snapshots[39].1.clone());
        for _ in 0..200 {
            writer.update("inc").unwrap();
        }
    });
}

#[test]
fn discarded_changes_leave_no_trace() {
    let engine = Engine::new(None);
    let wat = canister(&method(
        "inc",
        "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $answer (i32.const 0) (i32.const 4))",
    ));
    let mut canister = Canister::new(&engine, &wat);
    for expected in 1..5u32 {
        canister.run(Entry::Export("canister_update inc".into()), Context::Update).outcome.unwrap();
        assert_eq!(reply(&canister.update("inc").unwrap()), expected.to_le_bytes());
    }
}

#[test]
fn stable_memory_is_kept_and_bounded() {
    let store = "(i32.store (i32.const 0) (i32.const 0x04030201))";
    let fields = [
        &method("empty", "(call $stable_write (i64.const 0) (i64.const 0) (i64.const 1))"),
        &method("grow", "(call $answer32 (i32.wrap_i64 (call $stable_grow (i64.const 1))))"),
        &method("write", &[store, "(call $stable_write (i64.const 4094) (i64.const 0) (i64.const 4)) (call $answer (i32.const 0) (i32.const 0))"].concat()),
        &method("read", "(call $stable_read (i64.const 100) (i64.const 4093) (i64.const 6)) (call $answer (i32.const 100) (i32.const 6))"),
        &method("torn", &[store, "(call $stable_write (i64.const 0) (i64.const 0) (i64.const 4)) unreachable"].concat()),
        &method("first", "(call $stable_read (i64.const 0) (i64.const 0) (i64.const 4)) (call $answer (i32.const 0) (i32.const 4))"),
        &method("past", "(call $stable_read (i64.const 0) (i64.const 65535) (i64.const 2))"),
        &method("wrap", "(call $stable_read (i64.const 0) (i64.const -1) (i64.const 2))"),
        &method("heap", "(call $stable_read (i64.const 65535) (i64.const 0) (i64.const 2))"),
        &method("too_much", "(call $answer32 (i32.wrap_i64 (call $stable_grow (i64.const 0x7fffffffffffffff))))"),
    ];
    let stable = Err((ErrorCode::CanisterTrapped, "stable memory out of bounds"));
    let steps: &[Step] = &[
        ("empty", stable),
        ("grow", Ok(ZERO)),
        ("write", Ok(&[])),
        ("read", Ok(&[0, 1, 2, 3, 4, 0])),
        ("torn", Err((ErrorCode::CanisterTrapped, "unreachable"))),
        ("first", Ok(ZERO)),
        ("past", stable),
        ("wrap", stable),
        ("heap", Err((ErrorCode::CanisterTrapped, "heap out of bounds"))),
        ("too_much", Ok(&[0xff; 4])),
        ("grow", Ok(&[1, 0, 0, 0])),
    ];
    check(&canister(&fields.map(String::as_str).concat()), steps);
}

#[test]
fn both_ways_of_finding_dirty_pages_agree() {
    let heap = super::super::heap::Heap::new(100).unwrap();
    heap.resize(100).unwrap();
    let pages: BTreeSet<u64> = (0..700).map(|n| n * n * 31 % 1600).collect();
    for page in &pages {
        heap.write(page * PAGE_BYTES as u64 + page, &[1]).unwrap();
        heap.read((page + 1) % 1600 * PAGE_BYTES as u64, 8).unwrap();
    }
    let changed: Vec<u64> = heap.changes().unwrap().into_iter().map(|(index, _)| index).collect();
    assert_eq!(changed, pages.iter().copied().collect::<Vec<_>>());
    let base = heap.read(0, 1).unwrap().as_ptr() as u64;
    let (scanned, listed) = super::super::dirty::tests::both(base, heap.size() as u64);
    assert_eq!((&scanned, &listed), (&changed, &changed));
    heap.undo().unwrap();
    assert_eq!(super::super::dirty::tests::both(base, heap.size() as u64), (vec![], vec![]));
}
