//! Random modules end alike wherever they run (RELIABILITY.md, D1 and D2): on one thread or many, on small
//! native stacks and large ones, with code compiled just now or read from disk.

use super::*;
use crate::wasm::compile::sha256;
use std::path::Path;
use std::sync::Mutex;
use wasm_smith::{Config, Module};

/// Random modules of one test. A soak raises it by the environment.
fn modules() -> u64 {
    std::env::var("ATOLL_RANDOM_MODULES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000)
}

/// A stretch of bytes that depends on `seed` alone.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    (0..len / 8).flat_map(|_| next().to_le_bytes()).collect()
}

/// Functions that modules of any pointer width may call.
const ANY_WIDTH: &str = r#"
    (import "ic0" "performance_counter" (func (param i32) (result i64)))
    (import "ic0" "stable64_grow" (func (param i64) (result i64)))
    (import "ic0" "stable64_write" (func (param i64 i64 i64)))
    (import "ic0" "stable64_read" (func (param i64 i64 i64)))
    (import "ic0" "stable64_size" (func (result i64)))
    (import "ic0" "time" (func (result i64)))
    (import "ic0" "msg_reply" (func))"#;
const NARROW: &str = r#"
    (import "ic0" "msg_reply_data_append" (func (param i32 i32)))
    (import "ic0" "debug_print" (func (param i32 i32)))
    (import "ic0" "msg_arg_data_copy" (func (param i32 i32 i32)))
    (import "ic0" "trap" (func (param i32 i32)))"#;

/// The language of `validate`, in modules small enough to make a thousand of.
fn config(wide: bool) -> Config {
    let imports = format!("(module {ANY_WIDTH} {})", if wide { "" } else { NARROW });
    let exports = r#"(module (func (export "canister_init")) (func (export "canister_update run")))"#;
    Config {
        available_imports: Some(wat::parse_str(imports).unwrap()),
        exports: Some(wat::parse_str(exports).unwrap()),
        bulk_memory_enabled: true,
        reference_types_enabled: true,
        simd_enabled: true,
        multi_value_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        memory64_enabled: wide,
        relaxed_simd_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        extended_const_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        max_memories: 1,
        max_memory32_bytes: 1 << 24,
        max_memory64_bytes: 1 << 24,
        max_table_elements: 1_000,
        max_funcs: 12,
        max_instructions: 200,
        max_data_segments: 8,
        max_element_segments: 8,
        generate_custom_sections: false,
        ..Config::default()
    }
}

fn module(seed: u64) -> Vec<u8> {
    let noise = noise(seed, 8_192);
    Module::new(config(seed % 2 == 1), &mut arbitrary::Unstructured::new(&noise)).unwrap().to_bytes()
}

/// All that can be observed of a run.
fn observed(canister: &Canister, execution: &Execution) -> String {
    let end = match &execution.outcome {
        Err(reject) => reject.to_string(),
        Ok(changes) => format!(
            "{} {} {} {} {:?} {:?}",
            canister.memory.heap.root(),
            changes.heap_wasm_pages,
            canister.memory.stable.root(),
            changes.stable_wasm_pages,
            changes.globals,
            changes.answer,
        ),
    };
    format!("{} {:?} {end}", execution.instructions, execution.log)
}

/// Installs a module, runs it twice, upgrades it to itself with its heap kept, and runs it again.
fn life(engine: &Engine, module: Vec<u8>) -> Vec<String> {
    let mut canister = match Canister::of(engine, module.into()) {
        Ok(canister) => canister,
        Err(refusal) => return vec![refusal.to_string()],
    };
    canister.instructions_max = Instructions(300_000);
    canister.system.arg = (0..64).collect();
    let run = || Entry::Export("canister_update run".into());
    let init = Entry::Export("canister_init".into());
    let steps = [
        (Entry::Instantiate, Context::Start),
        (init, Context::Init),
        (run(), Context::Update),
        (run(), Context::Update),
        (Entry::Reinstantiate, Context::Start),
        (run(), Context::Update),
    ];
    let mut seen = Vec::new();
    for (entry, context) in steps {
        let instantiates = entry == Entry::Instantiate;
        let execution = canister.run(entry, context);
        if let Ok(changes) = &execution.outcome {
            canister.keep(changes);
        }
        seen.push(observed(&canister, &execution));
        if instantiates && execution.outcome.is_err() {
            break;
        }
    }
    seen
}

/// What `check` answers for each of `0..count`, taken by `threads` threads with native stacks of `stack` bytes.
fn on_threads<T: Send>(count: u64, threads: u64, stack: usize, check: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (found, check) = (&found, &check);
            let work = move || {
                for at in (thread..count).step_by(threads as usize) {
                    let answer = check(at);
                    found.lock().unwrap().push((at, answer));
                }
            };
            std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, work).unwrap();
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, answer)| answer).collect()
}

fn lives(cache: Option<&Path>, threads: u64, stack: usize) -> (Vec<Vec<String>>, u64) {
    let engine = Engine::new(cache.map(Into::into));
    let lives = on_threads(modules(), threads, stack, |seed| life(&engine, module(seed)));
    (lives, engine.compilations())
}

#[test]
fn random_modules_end_alike_on_every_thread_stack_and_cache() {
    let cache = tempfile::tempdir().unwrap();
    let (first, compiled) = lives(Some(cache.path()), 1, 256 << 10);
    let (second, again) = lives(None, 7, 64 << 20);
    let (third, _) = lives(Some(cache.path()), 3, 1 << 20);
    for (seed, first) in first.iter().enumerate() {
        assert_eq!(*first, second[seed], "module {seed} by another thread");
        assert_eq!(*first, third[seed], "module {seed} from disk");
    }
    assert!(compiled > 0 && compiled <= again);
    let ran = first.iter().filter(|life| life.len() == 6).count();
    assert!(ran * 2 > first.len(), "{ran} of {} modules ran", first.len());
    let distinct: std::collections::BTreeSet<_> =
        first.iter().map(|life| sha256(life.concat().as_bytes())).collect();
    assert!(distinct.len() * 2 > first.len(), "{} of {} lives differ", distinct.len(), first.len());
}

/// A recursion whose shape depends on `seed`: direct, mutual or through a table, with small frames or large
/// ones of every type, that calls the host or not.
fn recursion(seed: u64) -> String {
    let noise = noise(seed, 64);
    let pick = |at: usize, of: u8| usize::from(noise[at] % of);
    let locals: String = (0..pick(0, 4))
        .map(|at| {
            format!(
                "(local {})",
                ["i32 ", "i64 ", "f64 ", "v128 "][pick(1 + at, 4)].repeat(1 << pick(5 + at, 9))
            )
        })
        .collect();
    let deep = pick(10, 60);
    let host = ["", "(drop (call $counter (i32.const 0)))"][pick(11, 2)];
    let call = [
        "(call $f (local.get 0))",
        "(call $g (local.get 0))",
        "(call_indirect (type $t) (local.get 0) (i32.const 0))",
    ][pick(12, 3)];
    let across =
        format!("{} {call} {} drop", "(i64.load (i32.const 8))".repeat(deep + 1), "i64.xor ".repeat(deep));
    format!(
        r#"(module (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
        (memory 1) (type $t (func (param i32))) (table 1 funcref) (elem (i32.const 0) func $f)
        (func $f (type $t) {locals} {host} {across} {across})
        (func $g (type $t) {locals} {call})
        (func (export "canister_update run") (call $f (i32.const 0))))"#
    )
}

#[test]
fn random_recursions_end_at_the_same_instruction_on_every_stack() {
    let engine = Engine::new(None);
    let check = |seed| {
        let mut canister = Canister::new(&engine, &recursion(seed));
        canister.instructions_max = Instructions(1_000_000_000);
        let execution = canister.run(Entry::Export("canister_update run".into()), Context::Update);
        let reject = execution.outcome.map(|_| ()).unwrap_err();
        assert!(reject.message.contains("stack overflow"), "{seed}: {reject}");
        execution.instructions
    };
    let count = modules() / 2;
    let small = on_threads(count, 2, 128 << 10, check);
    let large = on_threads(count, 3, 64 << 20, check);
    assert_eq!(small, large);
}
