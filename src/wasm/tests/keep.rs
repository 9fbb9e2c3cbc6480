//! Instantiating over a heap that is kept.

use super::*;

/// Writes 1 to address 0 by an active segment, adds 10 to address 4 in `start`; a global counts calls.
fn module(memory: &str) -> String {
    canister(
        r#"(global $calls (mut i32) (i32.const 100))
        (data (i32.const 0) "\01")
        (data $passive "\02")
        (func $start (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (i32.const 10))))
        (start $start)
        (func (export "canister_update bump")
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store (i32.const 0) (i32.const 50)))
        (func (export "canister_update init_passive") (memory.init $passive (i32.const 8) (i32.const 0) (i32.const 1)))
        (func (export "canister_update state")
            (i32.store (i32.const 12) (global.get $calls))
            (call $append (i32.const 0) (i32.const 16))
            (call $append (i32.const 65000) (i32.const 0))
            (call $reply))"#,
    )
    .replace("(memory 1)", memory)
}

fn state(canister: &mut Canister) -> Vec<u32> {
    let changes = canister.update("state").unwrap();
    reply(&changes).as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
}

#[test]
fn a_kept_heap_sees_start_and_fresh_globals_but_no_active_segments() {
    let engine = Engine::new(None);
    let mut canister = Canister::new(&engine, &module("(memory 1)"));
    assert_eq!(state(&mut canister), [1, 10, 0, 100]);
    canister.update("bump").unwrap();
    assert_eq!(state(&mut canister), [50, 10, 0, 101]);
    canister.apply(Entry::Reinstantiate, Context::Init).unwrap();
    assert_eq!(state(&mut canister), [50, 20, 0, 100]);
    canister.update("init_passive").unwrap();
    assert_eq!(state(&mut canister), [50, 20, 2, 100], "passive segments are there again");
    canister.apply(Entry::Instantiate, Context::Init).unwrap();
    assert_eq!(state(&mut canister), [1, 10, 0, 100]);
}

#[test]
fn a_kept_heap_has_at_least_the_new_modules_size_and_at_most_its_maximum() {
    let engine = Engine::new(None);
    let old = Canister::new(&engine, &module("(memory 2)"));
    let upgrade = |memory: &str, room: u64| {
        let mut new = Canister::uninstalled(&engine, &module(memory));
        new.memory = old.memory.clone();
        new.system.memory_room = Bytes(room);
        new.apply(Entry::Reinstantiate, Context::Init).map(|changes| changes.heap_wasm_pages)
    };
    assert_eq!(upgrade("(memory 1)", 0), Ok(2));
    assert_eq!(upgrade("(memory 5)", 3 * 65_536), Ok(5));
    let reject = upgrade("(memory 5)", 3 * 65_536 - 1).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterOutOfMemory);
    let reject = upgrade("(memory 1 1)", 0).unwrap_err();
    assert!(reject.message.contains("has 2 Wasm pages, the new module allows 1"), "{reject}");
}
