//! Canisters in text form, run by the engine.

use super::*;
use crate::state::PageMap;
use crate::types::*;
use std::sync::Arc;

/// A canister as execution would hold it.
struct Canister<'e> {
    engine: &'e Engine,
    module: Arc<[u8]>,
    hash: Digest,
    memory: Memory,
    system: System,
    instructions_max: Instructions,
}

impl<'e> Canister<'e> {
    /// Instantiates `wat`.
    fn new(engine: &'e Engine, wat: &str) -> Canister<'e> {
        let mut canister = Canister::uninstalled(engine, wat);
        canister.apply(Entry::Instantiate, Context::Start).unwrap();
        canister
    }

    fn uninstalled(engine: &'e Engine, wat: &str) -> Canister<'e> {
        let module: Arc<[u8]> = wat::parse_str(wat).unwrap().into();
        let hash = engine.check(&module).unwrap().hash;
        Canister {
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
                outgoing_calls_max: 10,
                ..System::nobody()
            },
            instructions_max: Instructions(10_000_000),
        }
    }

    fn run(&self, entry: Entry, context: Context) -> Execution {
        let call = Call {
            module_hash: self.hash,
            module: Arc::clone(&self.module),
            memory: self.memory.clone(),
            entry,
            context,
            system: self.system.clone(),
            instructions_max: self.instructions_max,
        };
        self.engine.run(call).unwrap()
    }

    /// Runs, and keeps the changes if it succeeds.
    fn apply(&mut self, entry: Entry, context: Context) -> Result<Changes, Reject> {
        if entry == Entry::Instantiate {
            self.memory.heap = PageMap::new();
        }
        let changes = self.run(entry, context).outcome?;
        for (index, page) in &changes.heap {
            self.memory.heap.set(*index, Some(Arc::clone(page))).unwrap();
        }
        for (index, page) in &changes.stable {
            self.memory.stable.set(*index, Some(Arc::clone(page))).unwrap();
        }
        self.memory.heap_wasm_pages = changes.heap_wasm_pages;
        self.memory.stable_wasm_pages = changes.stable_wasm_pages;
        self.memory.globals = changes.globals.clone();
        Ok(changes)
    }

    fn update(&mut self, method: &str) -> Result<Changes, Reject> {
        self.apply(Entry::Export(format!("canister_update {method}")), Context::Update)
    }

    fn query(&self, method: &str) -> Result<Changes, Reject> {
        self.run(Entry::Export(format!("canister_query {method}")), Context::Query).outcome
    }
}

fn reply(changes: &Changes) -> &[u8] {
    match &changes.answer {
        Some(Answer::Reply(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

const COUNTER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (memory 1)
    (data (i32.const 0) "\29\00\00\00")
    (func (export "canister_update inc")
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (call $append (i32.const 0) (i32.const 4)) (call $reply))
    (func (export "canister_query get")
        (call $append (i32.const 0) (i32.const 4)) (call $reply))
    (func (export "canister_query wrong")
        (i32.store (i32.const 0) (i32.const 0)) unreachable))"#;

#[test]
fn counts_and_keeps_the_count() {
    let engine = Engine::new(None);
    let mut counter = Canister::new(&engine, COUNTER);
    for expected in 42..50u32 {
        assert_eq!(reply(&counter.update("inc").unwrap()), expected.to_le_bytes());
        counter.query("wrong").map(|_| ()).unwrap_err();
        assert_eq!(reply(&counter.query("get").unwrap()), expected.to_le_bytes());
    }
}
