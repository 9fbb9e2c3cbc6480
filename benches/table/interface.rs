//! Row 8: what a call of the System API costs from Wasm.

use crate::engine::{ROUNDS, Subnet, bare_store};
use crate::report::{Row, Spread, cpu_of};
use wasmer::{Function, Instance, Module, imports};

/// Calls of a cheap function in one run, and performed calls in one run.
const CHEAP: u32 = 20_000;
const PERFORMED: u32 = 400;

/// Every method counts down from its argument, given as its length, and traps: what it wished is thrown away. So two
/// heights that differ in the argument alone differ by what the loop did.
const CALLER: &str = r#"(module
    (import "ic0" "msg_arg_data_size" (func $size (result i32)))
    (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
    (import "ic0" "canister_self_copy" (func $self (param i32 i32 i32)))
    (import "ic0" "canister_self_size" (func $self_size (result i32)))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (memory 1) (data (i32.const 64) "callee") (global $left (mut i32) (i32.const 0))
    (func $times (result i32)
        (call $copy (i32.const 0) (i32.const 0) (i32.const 4)) (i32.load (i32.const 0)))
    (func (export "canister_update none") (global.set $left (call $times))
        (loop (global.set $left (i32.sub (global.get $left) (i32.const 1)))
            (br_if 0 (i32.gt_s (global.get $left) (i32.const 0)))) unreachable)
    (func (export "canister_update size") (global.set $left (call $times))
        (loop (drop (call $size)) (global.set $left (i32.sub (global.get $left) (i32.const 1)))
            (br_if 0 (i32.gt_s (global.get $left) (i32.const 0)))) unreachable)
    (func (export "canister_update copy") (global.set $left (call $times))
        (loop (call $copy (i32.const 8) (i32.const 0) (i32.const 1))
            (global.set $left (i32.sub (global.get $left) (i32.const 1)))
            (br_if 0 (i32.gt_s (global.get $left) (i32.const 0)))) unreachable)
    (func (export "canister_update perform") (global.set $left (call $times))
        (call $self (i32.const 16) (i32.const 0) (call $self_size))
        (loop (call $new (i32.const 16) (call $self_size) (i32.const 64) (i32.const 6)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (if (call $perform) (then (return)))
            (global.set $left (i32.sub (global.get $left) (i32.const 1)))
            (br_if 0 (i32.gt_s (global.get $left) (i32.const 0)))) unreachable))"#;

/// CPU nanoseconds of one turn of the method's loop; the methods named `none` turn without a call.
fn nanos(subnet: &mut Subnet, method: &str, times: u32, messages: u32) -> f64 {
    let id = atoll::types::CanisterId(1_000).principal();
    let mut heights = |method: &str, times: u32| {
        let call = |_| subnet.call(id, method, times.to_le_bytes().to_vec());
        let calls: Vec<_> = (0..messages).map(call).collect();
        let last = calls.last().expect("a call").clone();
        let seconds = cpu_of(|| subnet.height(calls));
        assert!(subnet.reject_of(&last).contains("unreachable"), "all turns were made");
        seconds
    };
    let (all, idle) = (heights(method, times), heights("none", times));
    (all - idle) / f64::from(times) / f64::from(messages) * 1e9
}

/// The least that a call of the host can cost in this engine: one that does nothing.
fn bare() -> f64 {
    let mut store = bare_store();
    let wasm = wat::parse_str(
        r#"(module (import "host" "nothing" (func $nothing (result i32)))
            (func (export "go") (param i32)
                (loop (drop (call $nothing)) (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                    (br_if 0 (local.get 0)))))"#,
    );
    let module = Module::new(&store, wasm.expect("wat")).expect("compiles");
    let nothing = Function::new_typed(&mut store, || 0i32);
    let imports = imports! { "host" => { "nothing" => nothing } };
    let instance = Instance::new(&mut store, &module, &imports).expect("instantiates");
    let go = instance.exports.get_typed_function::<u32, ()>(&store, "go").expect("an export");
    cpu_of(|| go.call(&mut store, CHEAP).expect("ends")) / f64::from(CHEAP) * 1e9
}

/// Row 8.
pub fn system_calls() -> Vec<Row> {
    let mut subnet = Subnet::new();
    subnet.install(1_000, &wat::parse_str(CALLER).expect("wat"));
    let bare = Spread::of((0..ROUNDS).map(|_| bare()).collect()).median;
    let mut row = |what: &str, method, (times, messages), anchor, target| {
        let spread = Spread::of((0..ROUNDS).map(|_| nanos(&mut subnet, method, times, messages)).collect());
        Row {
            number: "8",
            what: format!("System API call from Wasm: {what}, CPU ns (IC {anchor} ns)"),
            figure: format!("{:.0} ns", spread.median),
            baseline: format!("{bare:.0} ns bare host call"),
            ratio: spread,
            target,
        }
    };
    vec![
        row("size", "size", (CHEAP, 25), "80", 60.0),
        row("copy of 1 byte", "copy", (CHEAP, 25), "140", 80.0),
        row("call_new and call_perform", "perform", (PERFORMED, 50), "1,800", 800.0),
    ]
}
