;; A canister for tests of accounting: its one method `run` does what its argument says, byte by byte.
;;   1 accept      u64 cycles
;;   2 burn        u64 cycles
;;   3 reply       u32 bytes
;;   4 reject      u32 bytes
;;   5 trap
;;   6 grow heap   u32 pages
;;   7 grow stable u32 pages
;;   8 call        u8 length and receiver, u8 length and method, u8 seconds (0: guaranteed), u64 cycles,
;;                 u8 what the callbacks do, u32 length and payload
;;   9 set the global timer to the past
;;  10 work          u32 MiB to fill with zeros: an instruction a byte, and quickly done
;; What callbacks do: 0 reply, 1 trap, 2 nothing, 3 accept all and reply, 4 reply too much, 5 call the caller's
;; own method again and trap, 6 trap and trap in the cleanup.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reject" (func $reject (param i32 i32)))
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
  (import "ic0" "call_new" (func $call_new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_on_cleanup" (func $on_cleanup (param i32 i32)))
  (import "ic0" "call_cycles_add128" (func $add_cycles (param i64 i64)))
  (import "ic0" "call_data_append" (func $call_data (param i32 i32)))
  (import "ic0" "call_with_best_effort_response" (func $best_effort (param i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (import "ic0" "msg_cycles_accept128" (func $accept (param i64 i64 i32)))
  (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
  (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
  (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
  (import "ic0" "canister_self_size" (func $self_size (result i32)))
  (import "ic0" "canister_self_copy" (func $self_copy (param i32 i32 i32)))

  ;; Replies and rejects of up to 3 MiB are taken from the zeros and "x" here.
  (memory 64)
  (data (i32.const 64) "run")
  (table funcref (elem $callback $cleanup))

  (global $at (mut i32) (i32.const 0))
  (func $u8 (result i32)
    (global.set $at (i32.add (global.get $at) (i32.const 1)))
    (i32.load8_u (i32.sub (global.get $at) (i32.const 1))))
  (func $u32 (result i32)
    (global.set $at (i32.add (global.get $at) (i32.const 4)))
    (i32.load (i32.sub (global.get $at) (i32.const 4))))
  (func $u64 (result i64)
    (global.set $at (i32.add (global.get $at) (i32.const 8)))
    (i64.load (i32.sub (global.get $at) (i32.const 8))))
  ;; Skips so many bytes; says where they begin.
  (func $skip (param $bytes i32) (result i32)
    (global.set $at (i32.add (global.get $at) (local.get $bytes)))
    (i32.sub (global.get $at) (local.get $bytes)))

  (func $call
    (local $receiver i32) (local $receiver_size i32) (local $method i32) (local $method_size i32)
    (local $seconds i32) (local $cycles i64) (local $then i32) (local $size i32)
    (local.set $receiver_size (call $u8))
    (local.set $receiver (call $skip (local.get $receiver_size)))
    (local.set $method_size (call $u8))
    (local.set $method (call $skip (local.get $method_size)))
    (local.set $seconds (call $u8))
    (local.set $cycles (call $u64))
    (local.set $then (call $u8))
    (local.set $size (call $u32))
    (call $call_new (local.get $receiver) (local.get $receiver_size) (local.get $method) (local.get $method_size)
      (i32.const 0) (local.get $then) (i32.const 0) (local.get $then))
    (call $on_cleanup (i32.const 1) (local.get $then))
    (call $call_data (call $skip (local.get $size)) (local.get $size))
    (if (local.get $seconds) (then (call $best_effort (local.get $seconds))))
    (call $add_cycles (i64.const 0) (local.get $cycles))
    (drop (call $perform)))

  (func (export "canister_update run")
    (local $end i32) (local $op i32) (local $times i32)
    (call $arg_copy (i32.const 3145728) (i32.const 0) (call $arg_size))
    (global.set $at (i32.const 3145728))
    (local.set $end (i32.add (i32.const 3145728) (call $arg_size)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (global.get $at) (local.get $end)))
        (local.set $op (call $u8))
        (if (i32.eq (local.get $op) (i32.const 1)) (then (call $accept (i64.const 0) (call $u64) (i32.const 0))))
        (if (i32.eq (local.get $op) (i32.const 2)) (then (call $burn (i64.const 0) (call $u64) (i32.const 0))))
        (if (i32.eq (local.get $op) (i32.const 3))
          (then (call $append (i32.const 128) (call $u32)) (call $reply)))
        (if (i32.eq (local.get $op) (i32.const 4)) (then (call $reject (i32.const 128) (call $u32))))
        (if (i32.eq (local.get $op) (i32.const 5)) (then (unreachable)))
        (if (i32.eq (local.get $op) (i32.const 6)) (then (drop (memory.grow (call $u32)))))
        (if (i32.eq (local.get $op) (i32.const 7)) (then (drop (call $stable_grow (i64.extend_i32_u (call $u32))))))
        (if (i32.eq (local.get $op) (i32.const 8)) (then (call $call)))
        (if (i32.eq (local.get $op) (i32.const 9)) (then (drop (call $timer (i64.const 1)))))
        (if (i32.eq (local.get $op) (i32.const 10))
          (then
            (local.set $times (call $u32))
            (loop $again
              (memory.fill (i32.const 65536) (i32.const 0) (i32.const 1048576))
              (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
        (br $next))))

  (func $callback (param $then i32)
    (if (i32.eq (local.get $then) (i32.const 0)) (then (call $reply)))
    (if (i32.eq (local.get $then) (i32.const 1)) (then (unreachable)))
    (if (i32.eq (local.get $then) (i32.const 3))
      (then (call $accept (i64.const -1) (i64.const -1) (i32.const 0)) (call $reply)))
    (if (i32.eq (local.get $then) (i32.const 4))
      (then (call $append (i32.const 128) (i32.const 2097153)) (call $reply)))
    (if (i32.eq (local.get $then) (i32.const 5))
      (then
        (call $self_copy (i32.const 32) (i32.const 0) (call $self_size))
        (call $call_new (i32.const 32) (call $self_size) (i32.const 64) (i32.const 3)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (call $perform))
        (unreachable)))
    (if (i32.eq (local.get $then) (i32.const 6)) (then (unreachable))))
  (func $cleanup (param $then i32)
    (if (i32.eq (local.get $then) (i32.const 6)) (then (unreachable))))
  (func (export "canister_global_timer")
    (call $burn (i64.const 0) (i64.const 1000) (i32.const 0))))
