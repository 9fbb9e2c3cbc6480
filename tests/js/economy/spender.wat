;; A canister that spends what it has: `burn` burns as much as it may of the cycles that its installation had to
;; have.
(module
  (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (memory 1)
  (data (i32.const 16) "DIDL\00\00")
  (func $answer (call $append (i32.const 16) (i32.const 6)) (call $reply))
  (func (export "canister_update burn")
    (call $burn (i64.const 0) (i64.const 90_000_000_000) (i32.const 0))
    (call $answer))
  (func (export "canister_update live") (call $answer)))
