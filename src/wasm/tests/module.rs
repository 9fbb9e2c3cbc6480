//! Which modules are taken, and that their machine code is made once.

use super::*;
use crate::types::limits::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::Path;

fn refused(wat: &str) -> String {
    Engine::new(None).check(&wat::parse_str(wat).unwrap()).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn modules_are_refused_for_a_named_reason() {
    let many = |what: &str, count: usize| format!("(module {})", what.repeat(count));
    let methods: String =
        (0..=EXPORTS_MAX).map(|n| format!("(export \"canister_update {n}\" (func 0))")).collect();
    let sections = |name: &str, count: usize, bytes: usize| {
        let section = |n| format!("(@custom \"icp:{name}{n}\" \"{}\")", "x".repeat(bytes));
        format!("(module {})", (0..count).map(section).collect::<String>())
    };
    let cases = [
        ("(module (import \"env\" \"f\" (func)))".into(), "import `env.f`: only functions of `ic0`"),
        ("(module (import \"ic0\" \"nope\" (func)))".into(), "import `ic0.nope`: no such function"),
        (
            "(module (import \"ic0\" \"msg_reply\" (func (param i32))))".into(),
            "import `ic0.msg_reply`: has type",
        ),
        ("(module (import \"ic0\" \"m\" (memory 1)))".into(), "import `ic0.m`: only functions"),
        ("(module (import \"ic0\" \"g\" (global i32)))".into(), "import `ic0.g`: only functions"),
        (
            "(module (func (export \"canister_update f\") (param i32)))".into(),
            "export `canister_update f`: must be a function of type",
        ),
        (
            "(module (memory (export \"canister_init\") 1))".into(),
            "export `canister_init`: must be a function",
        ),
        (
            "(module (func (export \"canister_initt\")))".into(),
            "export `canister_initt`: no such entry point",
        ),
        (
            "(module (func (export \"canister_update f\")) (func (export \"canister_query f\")))".into(),
            "the method is exported as `canister_update f` too",
        ),
        (sections("public ", 17, 1), "custom sections: 17, at most 16"),
        (sections("public ", 2, 600_000), "bytes of custom sections"),
        (sections("other ", 1, 1), "custom section `icp:other 0`: neither"),
        (
            "(module (@custom \"icp:public a\" \"\") (@custom \"icp:private a\" \"\"))".into(),
            "the name is used twice",
        ),
        (many("(func)", FUNCTIONS_MAX + 1), "functions: 50001, at most 50000"),
        (many("(global i32 (i32.const 0))", GLOBALS_MAX + 1), "globals: 1001, at most 1000"),
        (format!("(module (func) {methods})"), "exported methods: 1001, at most 1000"),
        (format!("(module (func (param {})))", "i32 ".repeat(1_001)), "params"),
        (format!("(module (func (local {})))", "i32 ".repeat(50_001)), "locals"),
        ("(module (memory 65536))".into(), "initial memory pages: 65536, at most 65535"),
        ("(module (table 1000001 funcref))".into(), "table elements"),
        (
            "(module (global (mut funcref) (ref.null func)))".into(),
            "mutable global of reference type is not supported",
        ),
        ("(module (memory 1) (memory 1))".into(), "memor"),
        ("(module (memory i64 65536))".into(), "initial memory pages: 65536, at most 65535"),
        ("(module (table i64 1000001 funcref))".into(), "table elements"),
        (
            "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)))".into(),
            "import `wasi_snapshot_preview1.fd_write`: only functions of `ic0`",
        ),
        ("(module (memory 1 2 shared))".into(), "thread"),
        ("(module (func (return_call 0)))".into(), "tail call"),
        ("(module (func (drop (i32x4.relaxed_trunc_f32x4_s (v128.const i64x2 0 0)))))".into(), "relaxed"),
        ("(module (tag))".into(), "exceptions"),
        ("(module (type (struct)))".into(), "gc"),
        ("(module (func (result i32)))".into(), "type mismatch"),
    ];
    for (wat, reason) in cases {
        let found = refused(&wat);
        assert!(found.contains(reason), "{}: {found}", &wat[..wat.len().min(100)]);
    }
    let error = Engine::new(None).check(b"\0asm\x02\0\0\0").unwrap_err().to_string();
    assert!(error.contains("not a valid WebAssembly module"), "{error}");
}

/// Whether a module is valid and within the limits; it is not compiled.
fn is_taken(module: &[u8]) -> Result<(), String> {
    let parsed = validate::validate(module).map_err(|error| error.to_string())?;
    validate::facts(&parsed, Digest::ZERO).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_module_at_a_limit_is_taken_and_one_above_is_not() {
    let repeated = |what: &str, count: usize| format!("(module {})", what.repeat(count));
    let methods = |count: usize, name: &dyn Fn(usize) -> String| {
        let export = |n| format!("(export \"canister_query {}\" (func 0))", name(n));
        format!("(module (func) {})", (0..count).map(export).collect::<String>())
    };
    let sections = |count: usize, bytes: usize| {
        let section = |n| format!("(@custom \"icp:public {n:03}\" \"{}\")", "x".repeat(bytes));
        format!("(module {})", (0..count).map(section).collect::<String>())
    };
    type Case<'a> = (&'a str, &'a dyn Fn(usize) -> String, usize);
    let cases: [Case<'_>; 13] = [
        ("functions", &|n| repeated("(func)", n), FUNCTIONS_MAX),
        ("globals", &|n| repeated("(global i32 (i32.const 0))", n), GLOBALS_MAX),
        ("tables", &|n| repeated("(table 1 funcref)", n), TABLES_MAX),
        ("exported methods", &|n| methods(n, &|at| at.to_string()), EXPORTS_MAX),
        (
            "bytes of method names",
            &|n| methods(2, &|at| at.to_string().repeat(1 + at * (n - 2))),
            EXPORT_NAME_BYTES_MAX,
        ),
        ("custom sections", &|n| sections(n, 1), CUSTOM_SECTIONS_MAX),
        ("bytes of custom sections", &|n| sections(1, n - 3), CUSTOM_SECTIONS_BYTES_MAX),
        ("param", &|n| format!("(module (func (param {})))", "i32 ".repeat(n)), FUNCTION_PARAMS_MAX),
        ("return", &|n| format!("(module (type (func (result {}))))", "i32 ".repeat(n)), FUNCTION_PARAMS_MAX),
        (
            "locals",
            &|n| format!("(module (func (local {})))", "i32 ".repeat(n)),
            FUNCTION_LOCALS_MAX as usize,
        ),
        ("initial memory", &|n| format!("(module (memory {n}))"), HEAP_WASM_PAGES_MAX as usize),
        ("initial memory", &|n| format!("(module (memory i64 {n}))"), HEAP_WASM_PAGES_MAX as usize),
        ("table elements", &|n| format!("(module (table i64 {n} funcref))"), TABLE_ELEMENTS_MAX as usize),
    ];
    for (what, module, max) in cases {
        let module = |n| wat::parse_str(module(n)).unwrap();
        assert_eq!(is_taken(&module(max)), Ok(()), "{what}");
        let reason = is_taken(&module(max + 1)).unwrap_err();
        assert!(reason.contains(what), "{what}: {reason}");
    }
}

/// A module whose code section has `bytes` bytes.
fn code_of(bytes: usize) -> Vec<u8> {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection};
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    // One byte counts the functions; lengths of up to 2 MiB and more take four bytes.
    const BODIES: usize = 4;
    let rest = bytes - 1 - BODIES * 4;
    for at in 0..BODIES {
        let len = rest / BODIES + if at == 0 { rest % BODIES } else { 0 };
        let mut function = Function::new([]);
        for _ in 2..len {
            function.instruction(&wasm_encoder::Instruction::Nop);
        }
        function.instruction(&wasm_encoder::Instruction::End);
        functions.function(0);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

#[test]
fn a_code_section_may_have_10_mib() {
    assert_eq!(is_taken(&code_of(CODE_SECTION_BYTES_MAX)), Ok(()));
    let reason = is_taken(&code_of(CODE_SECTION_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(reason, "code section bytes: 10485761, at most 10485760 allowed");
}

#[test]
fn a_module_says_what_it_offers() {
    let wat = r#"(module (memory 3) (func (export "canister_update a b")) (func (export "canister_query c"))
        (func (export "canister_heartbeat")) (func (export "other")) (global (export "g") (mut i32) (i32.const 0))
        (@custom "icp:public candid:service" "service") (@custom "icp:private notes" "n") (@custom "name" ""))"#;
    let module = wat::parse_str(wat).unwrap();
    let facts = Engine::new(None).check(&module).unwrap();
    assert!(facts.has_update("a b") && facts.has_query("c") && facts.exports("canister_heartbeat"));
    assert!(!facts.exports("other") && !facts.has_update("c"));
    assert_eq!(facts.heap_wasm_pages, 3);
    let metadata =
        |name: &str| facts.metadata.get(name).map(|section| (section.public, section.content.as_slice()));
    assert_eq!(metadata("candid:service"), Some((true, &b"service"[..])));
    assert_eq!(metadata("notes"), Some((false, &b"n"[..])));
    assert!(facts.compile_cost > Instructions::ZERO);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_one_whole_member_within_the_limit() {
    let engine = Engine::new(None);
    let module = wat::parse_str("(module (func (export \"canister_update f\")))").unwrap();
    let packed = gzip(&module);
    let facts = engine.check(&packed).unwrap();
    assert!(facts.has_update("f"));
    assert_ne!(facts.hash, engine.check(&module).unwrap().hash, "the hash is of the module as it arrived");
    let check = |bytes: &[u8], reason: &str| {
        let error = engine.check(bytes).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    check(&[packed.as_slice(), b"more"].concat(), "gzip: 4 trailing bytes");
    check(&[packed.as_slice(), packed.as_slice()].concat(), "gzip: more than one member");
    check(&packed[..packed.len() - 9], "gzip: ");
    check(&gzip(&vec![0; MODULE_BYTES_MAX + 1_000_000]), "module bytes: 104857601, at most 104857600");
}

fn compilations(cache: &Path, module: &[u8]) -> u64 {
    let engine = Engine::new(Some(cache.into()));
    engine.check(module).unwrap();
    engine.check(module).unwrap();
    engine.compilations()
}

#[test]
fn machine_code_is_made_once_and_never_run_when_damaged() {
    let cache = tempfile::tempdir().unwrap();
    let module = wat::parse_str(canister(&method("run", "(call $answer32 (i32.const 7))"))).unwrap();
    assert_eq!(compilations(cache.path(), &module), 1);
    assert_eq!(compilations(cache.path(), &module), 0);
    let file = std::fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    for at in [0, 9, 13, 30, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&file, damaged).unwrap();
        assert_eq!(compilations(cache.path(), &module), 1, "byte {at}");
        assert_eq!(compilations(cache.path(), &module), 0, "the file is whole again");
    }
    for len in [0, 7, 12, 20, whole.len() - 1] {
        std::fs::write(&file, &whole[..len]).unwrap();
        assert_eq!(compilations(cache.path(), &module), 1, "{len} bytes");
    }
    let other = wat::parse_str("(module)").unwrap();
    assert_eq!(compilations(cache.path(), &other), 1);
    let others = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
    let stale = others.into_iter().find(|path| *path != file).unwrap();
    std::fs::copy(&stale, &file).unwrap();
    assert_eq!(compilations(cache.path(), &module), 1, "another module's file under this name");
}

#[test]
fn machine_code_from_disk_runs_like_fresh_code() {
    let cache = tempfile::tempdir().unwrap();
    let inc = "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $answer (i32.const 0) (i32.const 4))";
    let wat = canister(
        &[
            "(table 2 funcref)",
            &method("inc", inc),
            &method("set", "(table.set 0 (i32.const 0) (ref.null func))"),
        ]
        .concat(),
    );
    let run = || {
        let engine = Engine::new(Some(cache.path().into()));
        let mut canister = Canister::new(&engine, &wat);
        canister.update("set").unwrap();
        canister.update("inc").unwrap();
        let execution = canister.run(Entry::Export("canister_update inc".into()), Context::Update);
        (reply(&execution.outcome.unwrap()).to_vec(), execution.instructions)
    };
    let fresh = run();
    assert_eq!(fresh, run());
    assert_eq!(fresh.0, [2, 0, 0, 0]);
}

#[test]
fn a_cache_that_cannot_be_written_is_no_failure() {
    let engine = Engine::new(Some("/proc/nowhere".into()));
    engine.check(&wat::parse_str("(module)").unwrap()).unwrap();
}
