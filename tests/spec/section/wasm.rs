//! What WebAssembly can do: the features that toolchains use, and where it traps.

use super::{made, section};
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("system-api-module", FEATURES),
        section("system-api-module", TRAPS),
        section("system-api-module", WIDE),
        made("system-api-imports", crate::system_api::wide_forms()),
    ]
}

/// A module whose query `go` replies with the four bytes of `$f`.
macro_rules! replying {
    ($body:expr) => {
        concat!(
            "(module (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32))) \
             (import \"ic0\" \"msg_reply\" (func $reply)) (memory (export \"memory\") 1) ",
            $body,
            " (func (export \"canister_query go\") (i32.store (i32.const 1024) (call $f)) \
             (call $append (i32.const 1024) (i32.const 4)) (call $reply)))"
        )
    };
}

/// The same with a memory of 64-bit addresses.
macro_rules! replying_wide {
    ($body:expr) => {
        concat!(
            "(module (import \"ic0\" \"msg_reply_data_append\" (func $append (param i64 i64))) \
             (import \"ic0\" \"msg_reply\" (func $reply)) (memory (export \"memory\") i64 1) ",
            $body,
            " (func (export \"canister_query go\") (i64.store (i64.const 1024) (call $f)) \
             (call $append (i64.const 1024) (i64.const 8)) (call $reply)))"
        )
    };
}

const fn gives(name: &'static str, module: &'static str, steps: &'static [Step]) -> Case {
    with(name, module, steps)
}

const fn goes(expect: Expect) -> Step {
    query_to("self", "go", "", expect)
}

#[rustfmt::skip]
const FEATURES: &[Case] = &[
    gives("integers are extended by their sign", replying!("(func $f (result i32) (i32.extend8_s (i32.const 255)))"), &[goes(reply("4294967295u32"))]),
    gives("16 bits are extended by their sign", replying!("(func $f (result i32) (i32.extend16_s (i32.const 32768)))"), &[goes(reply("4294934528u32"))]),
    gives("conversions saturate", replying!("(func $f (result i32) (i32.trunc_sat_f32_u (f32.const 1e30)))"), &[goes(reply("4294967295u32"))]),
    gives("conversions of what is no number saturate to zero", replying!("(func $f (result i32) (i32.trunc_sat_f64_s (f64.const nan)))"), &[goes(reply("0u32"))]),
    gives("memory is filled in bulk", replying!("(func $f (result i32) (memory.fill (i32.const 8) (i32.const 7) (i32.const 4)) (i32.load (i32.const 8)))"),
        &[goes(reply("0x07070707"))]),
    gives("memory is copied in bulk", replying!("(data (i32.const 0) \"abcd\") (func $f (result i32) (memory.copy (i32.const 8) (i32.const 0) (i32.const 4)) (i32.load (i32.const 8)))"),
        &[goes(reply("'abcd'"))]),
    gives("passive data segments are put where they are asked for",
        replying!("(data $d \"wxyz\") (func $f (result i32) (memory.init $d (i32.const 8) (i32.const 0) (i32.const 4)) (i32.load (i32.const 8)))"),
        &[goes(reply("'wxyz'"))]),
    gives("a dropped data segment is empty",
        replying!("(data $d \"wxyz\") (func $f (result i32) (data.drop $d) (memory.init $d (i32.const 8) (i32.const 0) (i32.const 4)) (i32.const 0))"),
        &[goes(TRAPPED)]),
    gives("functions return several values",
        replying!("(func $two (result i32 i32) (i32.const 40) (i32.const 2)) (func $f (result i32) (i32.add (call $two)))"), &[goes(reply("42u32"))]),
    gives("blocks take and return several values",
        replying!("(func $f (result i32) (i32.const 40) (i32.const 2) (block (param i32 i32) (result i32) (i32.add)))"), &[goes(reply("42u32"))]),
    gives("references to functions are compared with null",
        replying!("(func $f (result i32) (ref.is_null (ref.null func)))"), &[goes(reply("1u32"))]),
    gives("tables are read and written",
        replying!("(table $t 2 funcref) (elem declare func $g) (func $g) (func $f (result i32) (table.set $t (i32.const 1) (ref.func $g)) (ref.is_null (table.get $t (i32.const 1))))"),
        &[goes(reply("0u32"))]),
    gives("tables grow", replying!("(table $t 2 funcref) (func $f (result i32) (drop (table.grow $t (ref.null func) (i32.const 3))) (table.size $t))"), &[goes(reply("5u32"))]),
    gives("functions are called by table",
        replying!("(type $n (func (result i32))) (table 2 funcref) (elem (i32.const 1) $g) (func $g (result i32) (i32.const 42)) (func $f (result i32) (call_indirect (type $n) (i32.const 1)))"),
        &[goes(reply("42u32"))]),
    gives("there may be two tables",
        replying!("(type $n (func (result i32))) (table $a 1 funcref) (table $b 1 funcref) (elem (table $b) (i32.const 0) func $g) (func $g (result i32) (i32.const 42)) (func $f (result i32) (call_indirect $b (type $n) (i32.const 0)))"),
        &[goes(reply("42u32"))]),
    gives("vectors of 128 bits are added",
        replying!("(func $f (result i32) (i32x4.extract_lane 2 (i32x4.add (v128.const i32x4 1 2 3 4) (v128.const i32x4 10 20 39 40))))"), &[goes(reply("42u32"))]),
    gives("vectors are kept in memory",
        replying!("(func $f (result i32) (v128.store (i32.const 0) (i8x16.splat (i32.const 7))) (i32.load (i32.const 12)))"), &[goes(reply("0x07070707"))]),
    gives("vectors are shuffled",
        replying!("(func $f (result i32) (i8x16.extract_lane_u 0 (i8x16.shuffle 5 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i8x16 0 1 2 3 4 42 6 7 8 9 10 11 12 13 14 15) (v128.const i32x4 0 0 0 0))))"),
        &[goes(reply("42u32"))]),
    gives("globals of vectors are kept",
        replying!("(global $g (mut v128) (v128.const i32x4 1 2 42 4)) (func $f (result i32) (i32x4.extract_lane 2 (global.get $g)))"), &[goes(reply("42u32"))]),
    gives("memory grows", replying!("(func $f (result i32) (drop (memory.grow (i32.const 2))) (memory.size))"), &[goes(reply("3u32"))]),
    gives("memory does not grow beyond its own maximum",
        "(module (import \"ic0\" \"msg_reply_data_append\" (func $a (param i32 i32))) (import \"ic0\" \"msg_reply\" (func $r)) (memory 1 2) \
         (func (export \"canister_query go\") (i32.store (i32.const 0) (memory.grow (i32.const 5))) (call $a (i32.const 0) (i32.const 4)) (call $r)))",
        &[goes(reply("4294967295u32"))]),
    gives("memory does not grow beyond 4 GiB", replying!("(func $f (result i32) (memory.grow (i32.const 65536)))"), &[goes(reply("4294967295u32"))]),
    gives("what is no number is one bit pattern", replying!("(func $f (result i32) (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))))"), &[goes(reply("2143289344u32"))]),
    gives("the square root of what is negative is that bit pattern", replying!("(func $f (result i32) (i32.reinterpret_f32 (f32.sqrt (f32.const -1))))"), &[goes(reply("2143289344u32"))]),
    empty("relaxed vector operations are refused", &[install("install", Module::Text(
        "(module (func (drop (i8x16.relaxed_swizzle (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))))"), "", reject(5, "IC0505", ""))]),
    empty("shared memories are refused", &[install("install", Module::Text("(module (memory 1 1 shared))"), "", reject(5, "IC0505", ""))]),
    empty("exceptions are refused", &[install("install", Module::Text("(module (tag))"), "", reject(5, "IC0505", ""))]),
    empty("a module that is not valid is refused", &[install("install", Module::Made(||
        b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b".to_vec()), "", reject(5, "IC0505", ""))]),
];

#[rustfmt::skip]
const TRAPS: &[Case] = &[
    gives("a division by zero traps", replying!("(func $f (result i32) (i32.div_s (i32.const 1) (i32.const 0)))"), &[goes(TRAPPED)]),
    gives("a division that overflows traps", replying!("(func $f (result i32) (i32.div_s (i32.const 0x80000000) (i32.const -1)))"), &[goes(TRAPPED)]),
    gives("a remainder by zero traps", replying!("(func $f (result i32) (i32.rem_u (i32.const 1) (i32.const 0)))"), &[goes(TRAPPED)]),
    gives("a conversion that overflows traps", replying!("(func $f (result i32) (i32.trunc_f32_s (f32.const 1e30)))"), &[goes(TRAPPED)]),
    gives("a conversion of what is no number traps", replying!("(func $f (result i32) (i32.trunc_f32_s (f32.const nan)))"), &[goes(TRAPPED)]),
    gives("a load beyond the memory traps", replying!("(func $f (result i32) (i32.load (i32.const 65536)))"), &[goes(TRAPPED)]),
    gives("a load across the end of the memory traps", replying!("(func $f (result i32) (i32.load (i32.const 65533)))"), &[goes(TRAPPED)]),
    gives("a load at the end of the memory works", replying!("(func $f (result i32) (i32.load (i32.const 65532)))"), &[goes(reply("0u32"))]),
    gives("a load whose address and offset overflow traps", replying!("(func $f (result i32) (i32.load offset=4294967295 (i32.const 4294967295)))"), &[goes(TRAPPED)]),
    gives("a store beyond the memory traps", replying!("(func $f (result i32) (i32.store (i32.const 65536) (i32.const 0)) (i32.const 0))"), &[goes(TRAPPED)]),
    gives("a fill beyond the memory traps", replying!("(func $f (result i32) (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)) (i32.const 0))"), &[goes(TRAPPED)]),
    gives("a copy beyond the memory traps", replying!("(func $f (result i32) (memory.copy (i32.const 0) (i32.const 65535) (i32.const 2)) (i32.const 0))"), &[goes(TRAPPED)]),
    gives("a data segment read beyond its end traps", replying!("(data $d \"ab\") (func $f (result i32) (memory.init $d (i32.const 0) (i32.const 1) (i32.const 2)) (i32.const 0))"),
        &[goes(TRAPPED)]),
    gives("a call by table beyond its end traps", replying!("(type $n (func (result i32))) (table 1 funcref) (func $f (result i32) (call_indirect (type $n) (i32.const 7)))"),
        &[goes(TRAPPED)]),
    gives("a call by table of nothing traps", replying!("(type $n (func (result i32))) (table 1 funcref) (func $f (result i32) (call_indirect (type $n) (i32.const 0)))"),
        &[goes(TRAPPED)]),
    gives("a call by table of another type traps",
        replying!("(type $n (func (result i32))) (table 1 funcref) (elem (i32.const 0) $g) (func $g) (func $f (result i32) (call_indirect (type $n) (i32.const 0)))"),
        &[goes(TRAPPED)]),
    gives("a table read beyond its end traps", replying!("(table $t 1 funcref) (func $f (result i32) (ref.is_null (table.get $t (i32.const 1))))"), &[goes(TRAPPED)]),
    gives("endless recursion by table traps",
        replying!("(type $n (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f (result i32) (i32.add (i32.const 1) (call_indirect (type $n) (i32.const 0))))"),
        &[goes(TRAPPED)]),
];

#[rustfmt::skip]
const WIDE: &[Case] = &[
    gives("a memory of 64-bit addresses is read and written",
        replying_wide!("(func $f (result i64) (i64.store (i64.const 8) (i64.const 42)) (i64.load (i64.const 8)))"), &[goes(reply("42"))]),
    gives("a 64-bit memory grows by 64-bit numbers", replying_wide!("(func $f (result i64) (drop (memory.grow (i64.const 2))) (memory.size))"), &[goes(reply("3"))]),
    gives("a 64-bit memory that cannot grow gives -1", replying_wide!("(func $f (result i64) (memory.grow (i64.const 0x1000000000000)))"), &[goes(reply("18446744073709551615"))]),
    gives("a 64-bit load beyond the memory traps", replying_wide!("(func $f (result i64) (i64.load (i64.const 65529)))"), &[goes(TRAPPED)]),
    gives("a 64-bit load beyond 32 bits traps", replying_wide!("(func $f (result i64) (i64.load (i64.const 0x100000000)))"), &[goes(TRAPPED)]),
    gives("a 64-bit load at the last address traps", replying_wide!("(func $f (result i64) (i64.load (i64.const -1)))"), &[goes(TRAPPED)]),
    gives("a 64-bit load whose offset overflows traps", replying_wide!("(func $f (result i64) (i64.load offset=0xffffffffffffffff (i64.const 9)))"), &[goes(TRAPPED)]),
    gives("a 64-bit fill works", replying_wide!("(func $f (result i64) (memory.fill (i64.const 8) (i32.const 7) (i64.const 8)) (i64.load (i64.const 8)))"),
        &[goes(reply("0x0707070707070707"))]),
    gives("a 64-bit fill beyond the memory traps", replying_wide!("(func $f (result i64) (memory.fill (i64.const 8) (i32.const 7) (i64.const 0x100000000)) (i64.const 0))"), &[goes(TRAPPED)]),
    gives("a 64-bit copy works", replying_wide!("(data (i64.const 0) \"abcdefgh\") (func $f (result i64) (memory.copy (i64.const 8) (i64.const 0) (i64.const 8)) (i64.load (i64.const 8)))"),
        &[goes(reply("'abcdefgh'"))]),
    gives("a table of 64-bit indexes is called by",
        replying_wide!("(type $n (func (result i64))) (table $t i64 2 funcref) (elem (table $t) (i64.const 1) func $g) (func $g (result i64) (i64.const 42)) (func $f (result i64) (call_indirect $t (type $n) (i64.const 1)))"),
        &[goes(reply("42"))]),
    gives("a 64-bit call by table beyond its end traps",
        replying_wide!("(type $n (func (result i64))) (table $t i64 2 funcref) (func $f (result i64) (call_indirect $t (type $n) (i64.const 0x100000000)))"),
        &[goes(TRAPPED)]),
    empty("with a 64-bit memory pointers have 64 bits", &[install("install", Module::Text(
        "(module (import \"ic0\" \"msg_arg_data_size\" (func (result i32))) (memory i64 1))"), "", reject(5, "IC0505", "msg_arg_data_size"))]),
    empty("with a 32-bit memory pointers have 32 bits", &[install("install", Module::Text(
        "(module (import \"ic0\" \"msg_arg_data_size\" (func (result i64))) (memory 1))"), "", reject(5, "IC0505", "msg_arg_data_size"))]),
    empty("without a memory pointers have 32 bits", &[install("install", Module::Text(
        "(module (import \"ic0\" \"msg_arg_data_size\" (func (result i32))))"), "", REPLIED)]),
    empty("with a 64-bit memory stable_size is not there", &[install("install", Module::Text(
        "(module (import \"ic0\" \"stable_size\" (func (result i32))) (memory i64 1))"), "", reject(5, "IC0505", "stable_size"))]),
    empty("with a 64-bit memory canister_cycle_balance is not there", &[install("install", Module::Text(
        "(module (import \"ic0\" \"canister_cycle_balance\" (func (result i64))) (memory i64 1))"), "", reject(5, "IC0505", "canister_cycle_balance"))]),
    empty("with a 64-bit memory stable64_read is there", &[install("install", Module::Text(
        "(module (import \"ic0\" \"stable64_read\" (func (param i64 i64 i64))) (memory i64 1))"), "", REPLIED)]),
];
