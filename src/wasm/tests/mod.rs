//! Canisters in text form, run by the engine.

mod heap;
mod keep;
mod long;
mod module;
mod random;
mod system;
mod table;
mod trap;
mod wide;
mod world;

use super::*;
use crate::state::PageMap;
use crate::types::*;
use std::sync::{Arc, LazyLock};

/// Every context; `start`'s stands last.
pub const CONTEXTS: &[Context] = &[
    Context::Init,
    Context::PreUpgrade,
    Context::PostUpgrade,
    Context::Update,
    Context::ReplicatedQuery,
    Context::Query,
    Context::CompositeQuery,
    Context::ReplyCallback,
    Context::RejectCallback,
    Context::Cleanup,
    Context::HttpTransform,
    Context::CompositeReplyCallback,
    Context::CompositeRejectCallback,
    Context::CompositeCleanup,
    Context::InspectMessage,
    Context::SystemTask,
    Context::Start,
];

/// A canister as execution would hold it.
pub struct Canister<'e> {
    pub engine: &'e Engine,
    pub module: Arc<[u8]>,
    hash: Digest,
    pub memory: Memory,
    pub system: System,
    pub instructions_max: Instructions,
}

impl<'e> Canister<'e> {
    /// Instantiates `wat`.
    pub fn new(engine: &'e Engine, wat: &str) -> Canister<'e> {
        let mut canister = Canister::uninstalled(engine, wat);
        canister.apply(Entry::Instantiate, Context::Start).unwrap();
        canister
    }

    fn uninstalled(engine: &'e Engine, wat: &str) -> Canister<'e> {
        Canister::of(engine, wat::parse_str(wat).unwrap().into()).unwrap()
    }

    /// An empty canister that will run `module`.
    fn of(engine: &'e Engine, module: Arc<[u8]>) -> Result<Canister<'e>, InvalidModule> {
        let hash = engine.check(&module)?.hash;
        Ok(Canister {
            engine,
            module,
            hash,
            memory: Memory {
                heap: PageMap::new(),
                heap_wasm_pages: 0,
                stable: PageMap::new(),
                stable_wasm_pages: 0,
                globals: Vec::new(),
            },
            system: System {
                canister: CanisterId(7),
                balance: Cycles(1_000_000),
                memory_room: Bytes(1 << 33),
                call_room: CallRoom { all: 10, guaranteed: 10, ..CallRoom::default() },
                ..System::nobody()
            },
            instructions_max: Instructions(10_000_000),
        })
    }

    pub fn run(&self, entry: Entry, context: Context) -> Execution {
        self.engine.run(self.call(entry, context)).unwrap()
    }

    pub fn call(&self, entry: Entry, context: Context) -> Call {
        Call {
            module_hash: self.hash,
            module: Arc::clone(&self.module),
            memory: self.memory.clone(),
            entry,
            context,
            system: self.system.clone(),
            instructions_max: self.instructions_max,
        }
    }

    /// Runs, and keeps the changes if it succeeds.
    pub fn apply(&mut self, entry: Entry, context: Context) -> Result<Changes, Reject> {
        if entry == Entry::Instantiate {
            self.memory.heap = PageMap::new();
        }
        let changes = self.run(entry, context).outcome?;
        self.keep(&changes);
        Ok(changes)
    }

    /// Applies what a run of this canister changed.
    fn keep(&mut self, changes: &Changes) {
        for (index, page) in &changes.heap {
            self.memory.heap.set(*index, Some(Arc::clone(page))).unwrap();
        }
        for (index, page) in &changes.stable {
            self.memory.stable.set(*index, Some(Arc::clone(page))).unwrap();
        }
        self.memory.heap_wasm_pages = changes.heap_wasm_pages;
        self.memory.stable_wasm_pages = changes.stable_wasm_pages;
        self.memory.globals = changes.globals.clone();
    }

    pub fn update(&mut self, method: &str) -> Result<Changes, Reject> {
        self.apply(Entry::Export(format!("canister_update {method}")), Context::Update)
    }

    /// The same canister with another memory.
    fn with_memory(&self, memory: Memory) -> Canister<'e> {
        Canister {
            engine: self.engine,
            module: Arc::clone(&self.module),
            hash: self.hash,
            memory,
            system: self.system.clone(),
            instructions_max: self.instructions_max,
        }
    }

    pub fn query(&self, method: &str) -> Result<Changes, Reject> {
        self.run(Entry::Export(format!("canister_query {method}")), Context::Query).outcome
    }
}

pub fn reply(changes: &Changes) -> &[u8] {
    match &changes.answer {
        Some(Answer::Reply(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

/// An update method, and the bytes it must reply, or the code and a part of the text of its reject.
type Step<'a> = (&'a str, Result<&'a [u8], (ErrorCode, &'a str)>);

/// Runs update methods of `wat` in turn.
fn check(wat: &str, steps: &[Step]) {
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, wat);
    for (method, expected) in steps {
        match (canister.update(method), expected) {
            (Ok(changes), Ok(bytes)) => assert_eq!(reply(&changes), *bytes, "{method}"),
            (Err(reject), Err((code, text))) => {
                assert_eq!(reject.error, *code, "{method}: {reject}");
                assert!(reject.message.contains(text), "{method}: {reject}");
            }
            (Ok(changes), Err(expected)) => panic!("{method}: {:?}, expected {expected:?}", changes.answer),
            (Err(reject), Ok(_)) => panic!("{method}: {reject}"),
        }
    }
}

/// A module of `fields` with the functions that most canisters import, one page of memory, and a
/// helper `$answer` that replies with `len` bytes at `at`.
fn canister(fields: &str) -> String {
    format!(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
        (import "ic0" "stable64_size" (func $stable_size (result i64)))
        (import "ic0" "stable64_write" (func $stable_write (param i64 i64 i64)))
        (import "ic0" "stable64_read" (func $stable_read (param i64 i64 i64)))
        (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
        (import "ic0" "trap" (func $trap (param i32 i32)))
        (import "ic0" "debug_print" (func $print (param i32 i32)))
        (memory 1)
        (func $answer (param $at i32) (param $len i32)
            (call $append (local.get $at) (local.get $len)) (call $reply))
        (func $answer32 (param $value i32)
            (i32.store (i32.const 65000) (local.get $value))
            (call $answer (i32.const 65000) (i32.const 4)))
        {fields})"#
    )
}

/// An update method `name` that executes `code`.
fn method(name: &str, code: &str) -> String {
    format!("(func (export \"canister_update {name}\") {code})")
}
