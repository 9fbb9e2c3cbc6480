//! What a module must be like.

use super::{made, section};
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("canister-module-format", FORMAT),
        section("system-api-module", REQUIREMENTS),
        made("system-api-module", entry_point_types()),
    ]
}

const fn installs(module: Module) -> Step {
    install("install", module, "", REPLIED)
}

const fn refused(module: Module, words: &'static str) -> Step {
    install("install", module, "", reject(5, "IC0505", words))
}

const fn text(module: &'static str) -> Module {
    Module::Text(module)
}

#[rustfmt::skip]
const FORMAT: &[Case] = &[
    empty("a module in binary format is installed", &[installs(text("(module)"))]),
    empty("a gzip-compressed module is installed", &[installs(Module::Zipped("(module)"))]),
    empty("bytes that are no module are refused", &[refused(Module::Made(|| b"no module".to_vec()), "")]),
    empty("no bytes are no module", &[refused(Module::Made(Vec::new), "")]),
    empty(
        "a module cut short is refused",
        &[refused(Module::Made(|| b"\0asm\x01\0\0\0\x01\x05".to_vec()), "")],
    ),
    empty("a magic number without a version is refused", &[refused(Module::Made(|| b"\0asm".to_vec()), "")]),
    empty(
        "another version of the format is refused",
        &[refused(Module::Made(|| b"\0asm\x02\0\0\0".to_vec()), "")],
    ),
    empty(
        "a gzip stream cut short is refused",
        &[refused(Module::Made(|| crate::runner::zip(&[7; 1_000])[..20].to_vec()), "")],
    ),
    empty(
        "a gzip stream of something else is refused",
        &[refused(Module::Made(|| crate::runner::zip(b"no module")), "")],
    ),
    empty(
        "a module compressed twice is refused",
        &[refused(Module::Made(|| crate::runner::zip(&crate::runner::zip(b"\0asm\x01\0\0\0"))), "")],
    ),
    empty(
        "the module hash is the one of the bytes that were sent",
        &[
            installs(Module::Zipped("(module)")),
            send(
                |draft| { draft.read(&["/canister/$self/module_hash"]); },
                Expect::Body(|answer, variables| {
                    let sent = crate::runner::zip(b"\0asm\x01\0\0\0");
                    let hash = answer.lookup(&[b"canister", &variables["self"], b"module_hash"])?;
                    if hash == crate::request::sha256(&sent) { Ok(()) } else { Err(hex::encode(hash)) }
                }),
            ),
        ],
    ),
];

/// `count` times `item`, in which `#` is the number.
fn many(count: usize, item: &str) -> Vec<u8> {
    let items = (0..count).map(|number| item.replace('#', &number.to_string())).collect::<String>();
    wat::parse_str(format!("(module {items})")).expect("a module")
}

/// A module with one method whose name has `length` bytes.
fn long_name(length: usize) -> Vec<u8> {
    let name = "m".repeat(length);
    wat::parse_str(format!("(module (func (export \"canister_update {name}\")))")).expect("a module")
}

/// A module with one custom section whose name and content have so many bytes.
fn custom(bytes: usize) -> Vec<u8> {
    let content = "c".repeat(bytes - 1);
    wat::parse_str(format!("(module (@custom \"icp:public n\" \"{content}\"))")).expect("a module")
}

#[rustfmt::skip]
const REQUIREMENTS: &[Case] = &[
    empty("a module without a memory is installed", &[installs(text("(module (func))"))]),
    empty("two memories are refused", &[refused(text("(module (memory 1) (memory 1))"), "")]),
    empty(
        "an imported memory is refused",
        &[refused(text("(module (import \"ic0\" \"memory\" (memory 1)))"), "")],
    ),
    empty(
        "an imported global is refused",
        &[refused(text("(module (import \"ic0\" \"global\" (global i32)))"), "")],
    ),
    empty(
        "an imported table is refused",
        &[refused(text("(module (import \"ic0\" \"table\" (table 1 funcref)))"), "")],
    ),
    empty(
        "a function that ic0 does not have is refused by name",
        &[refused(text("(module (import \"ic0\" \"msg_sing\" (func)))"), "msg_sing")],
    ),
    empty(
        "a function of another module than ic0 is refused by name",
        &[refused(text("(module (import \"env\" \"abort\" (func)))"), "abort")],
    ),
    empty(
        "an import of WASI is refused by name",
        &[refused(
            text("(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32))))"),
            "fd_write",
        )],
    ),
    empty(
        "an import with another result type is refused",
        &[refused(text("(module (import \"ic0\" \"msg_arg_data_size\" (func (result i64))))"), "msg_arg_data_size")],
    ),
    empty(
        "an import with too few parameters is refused",
        &[refused(text("(module (import \"ic0\" \"msg_reject\" (func (param i32))))"), "msg_reject")],
    ),
    empty(
        "an import with a parameter too many is refused",
        &[refused(text("(module (import \"ic0\" \"msg_reply\" (func (param i32))))"), "msg_reply")],
    ),
    empty(
        "a function may be imported twice",
        &[installs(text("(module (import \"ic0\" \"msg_reply\" (func)) (import \"ic0\" \"msg_reply\" (func)))"))],
    ),
    empty("a start function is allowed", &[installs(text("(module (func $s) (start $s))"))]),
    empty(
        "exports whose names do not start with canister_ are free",
        &[installs(text("(module (func (export \"anything\") (param i32)) (memory (export \"memory\") 1))"))],
    ),
    empty(
        "an unknown export that starts with canister_ is refused",
        &[refused(text("(module (func (export \"canister_sing\")))"), "canister_sing")],
    ),
    empty(
        "canister_update without a space is refused",
        &[refused(text("(module (func (export \"canister_update\")))"), "canister_update")],
    ),
    empty(
        "canister_query_ with an underscore for the space is refused",
        &[refused(text("(module (func (export \"canister_query_x\")))"), "canister_query_x")],
    ),
    empty(
        "an entry point that is a memory is refused",
        &[refused(text("(module (memory (export \"canister_init\") 1))"), "canister_init")],
    ),
    empty(
        "a method that is a global is refused",
        &[refused(text("(module (global (export \"canister_query g\") i32 (i32.const 0)))"), "canister_query g")],
    ),
    empty(
        "one name for an update and a query is refused",
        &[refused(text("(module (func (export \"canister_update x\")) (func (export \"canister_query x\")))"), "x")],
    ),
    empty(
        "one name for an update and a composite query is refused",
        &[refused(
            text("(module (func (export \"canister_update x\")) (func (export \"canister_composite_query x\")))"),
            "x",
        )],
    ),
    empty(
        "one name for a query and a composite query is refused",
        &[refused(
            text("(module (func (export \"canister_query x\")) (func (export \"canister_composite_query x\")))"),
            "x",
        )],
    ),
    empty(
        "names that differ in case are two methods",
        &[installs(text("(module (func (export \"canister_update x\")) (func (export \"canister_query X\")))"))],
    ),
    empty(
        "a name may be public and private metadata, but not both",
        &[refused(text("(module (@custom \"icp:public n\" \"a\") (@custom \"icp:private n\" \"b\"))"), "n")],
    ),
    empty(
        "public and private metadata of different names are fine",
        &[installs(text("(module (@custom \"icp:public n\" \"a\") (@custom \"icp:private m\" \"b\"))"))],
    ),
    empty(
        "a custom section with another word after icp: is refused",
        &[refused(text("(module (@custom \"icp:secret n\" \"a\"))"), "icp:secret n")],
    ),
    empty(
        "a custom section icp:public without a name is refused",
        &[refused(text("(module (@custom \"icp:public\" \"a\"))"), "icp:public")],
    ),
    empty("other custom sections are free", &[installs(text("(module (@custom \"icp\" \"a\") (@custom \"x\" \"b\"))"))]),
    empty("50,000 functions are allowed", &[installs(Module::Made(|| many(50_000, "(func)")))]),
    empty("50,001 functions are too many", &[refused(Module::Made(|| many(50_001, "(func)")), "functions")]),
    empty("1,000 globals are allowed", &[installs(Module::Made(|| many(1_000, "(global i32 (i32.const 0))")))]),
    empty(
        "1,001 globals are too many",
        &[refused(Module::Made(|| many(1_001, "(global i32 (i32.const 0))")), "globals")],
    ),
    empty(
        "16 exported custom sections are allowed",
        &[installs(Module::Made(|| many(16, "(@custom \"icp:public n#\" \"c\")")))],
    ),
    empty(
        "17 exported custom sections are too many",
        &[refused(Module::Made(|| many(17, "(@custom \"icp:public n#\" \"c\")")), "custom sections")],
    ),
    empty(
        "other custom sections do not count against the 16",
        &[installs(Module::Made(|| many(20, "(@custom \"note #\" \"c\")")))],
    ),
    empty(
        "1,000 methods are allowed",
        &[installs(Module::Made(|| many(1_000, "(func (export \"canister_update m#\"))")))],
    ),
    empty(
        "1,001 methods are too many",
        &[refused(Module::Made(|| many(1_001, "(func (export \"canister_query m#\"))")), "methods")],
    ),
    empty("method names of 20,000 bytes in all are allowed", &[installs(Module::Made(|| long_name(20_000)))]),
    empty("method names of 20,001 bytes in all are too long", &[refused(Module::Made(|| long_name(20_001)), "")]),
    empty("custom sections of 1 MiB in all are allowed", &[installs(Module::Made(|| custom(1 << 20)))]),
    empty("custom sections of more than 1 MiB are too much", &[refused(Module::Made(|| custom((1 << 20) + 1)), "")]),
];

/// Every kind of entry point must be a function without parameters and results.
fn entry_point_types() -> Vec<Case> {
    let names = [
        "canister_init",
        "canister_inspect_message",
        "canister_pre_upgrade",
        "canister_post_upgrade",
        "canister_heartbeat",
        "canister_on_low_wasm_memory",
        "canister_global_timer",
        "canister_update x",
        "canister_query x",
        "canister_composite_query x",
    ];
    let case = |name: &'static str, verdict: &str, module: String, step: fn(Module, &'static str) -> Step| {
        let step = step(Module::Text(module.leak()), name);
        Case { name: format!("`{name}` {verdict}").leak(), place: Place::Empty, steps: vec![step].leak() }
    };
    let types = names.into_iter().flat_map(|name| {
        let module = |ty: &str, body: &str| format!("(module (func (export \"{name}\") {ty} {body}))");
        [
            case(name, "is a function of type () -> ()", module("", ""), |module, _| installs(module)),
            case(name, "may not take a parameter", module("(param i32)", ""), refused),
            case(name, "may not return a result", module("(result i32)", "(i32.const 0)"), refused),
        ]
    });
    types.collect()
}
