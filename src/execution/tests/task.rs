//! Heartbeats, the hook of low memory, minting.

use super::*;
use crate::encoding::management as candid;
use crate::state::{HookStatus, ReplicatedState};
use crate::types::*;

/// A module of `fields` with a page of memory and the count at address 0: `$add` adds to it, `read` is
/// the query for it.
fn module(fields: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "mint_cycles128" (func $mint (param i64 i64 i32)))
        (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
        (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
        (import "ic0" "time" (func $time (result i64)))
        (memory 1)
        (func $add (param $n i32)
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (local.get $n))))
        (func (export "canister_query read") (call $append (i32.const 0) (i32.const 4)) (call $reply))
        (func (export "canister_update grow") (drop (memory.grow (i32.const 10))) (call $reply))
        (func (export "canister_update add") (call $add (i32.const 1)) (call $reply))
        {fields})"#
    );
    wat::parse_str(wat).unwrap()
}

fn install(subnet: &mut Subnet, fields: &str) -> CanisterId {
    let id = subnet.create();
    subnet.install_module(id, candid::InstallMode::Install, module(fields), Vec::new()).unwrap();
    id
}

const HEARTBEAT: &str = r#"(func (export "canister_heartbeat") (call $add (i32.const 1)))"#;

#[test]
fn a_heartbeat_runs_each_height_while_its_canister_runs_and_is_paid_for() {
    let mut subnet = Subnet::new();
    let id = install(&mut subnet, HEARTBEAT);
    let (count, cycles) = (subnet.count(id), subnet.canister(id).record.cycles);
    subnet.height(vec![]);
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), count + 2);
    assert!(subnet.canister(id).record.cycles < cycles);
    subnet.manage("stop_canister", &record(id)).unwrap();
    let heap = subnet.canister(id).heap.root();
    subnet.height(vec![]);
    assert_eq!(subnet.canister(id).heap.root(), heap);
    subnet.manage("start_canister", &record(id)).unwrap();
    subnet.height(vec![]);
    assert_ne!(subnet.canister(id).heap.root(), heap);
}

#[test]
fn canisters_without_a_heartbeat_are_not_touched() {
    let mut subnet = Subnet::new();
    let idle = subnet.workshop();
    install(&mut subnet, HEARTBEAT);
    let before = subnet.canister(idle).record.clone();
    subnet.height(vec![]);
    assert_eq!(subnet.canister(idle).record, before);
    assert_eq!(subnet.facts.messages, 1);
}

#[test]
fn a_heartbeat_that_traps_or_cannot_be_paid_changes_nothing_and_stops_nobody() {
    let mut subnet = Subnet::new();
    let trapping =
        install(&mut subnet, r#"(func (export "canister_heartbeat") (call $add (i32.const 1)) unreachable)"#);
    let poor = install(&mut subnet, HEARTBEAT);
    let id = install(&mut subnet, HEARTBEAT);
    let settings = candid::UpdateSettingsArgs {
        canister_id: poor.principal(),
        settings: candid::CanisterSettings {
            freezing_threshold: Some(u64::MAX.into()),
            ..Default::default()
        },
        sender_canister_version: None,
    };
    subnet.manage("update_settings", &settings).unwrap();
    let (heaps, count) = ([trapping, poor].map(|id| subnet.canister(id).heap.root()), subnet.count(id));
    subnet.height(vec![]);
    assert_eq!([trapping, poor].map(|id| subnet.canister(id).heap.root()), heaps);
    assert_eq!((subnet.count(id), subnet.facts.traps), (count + 1, 1));
}

#[test]
fn heavy_heartbeats_take_turns_and_leave_room_for_calls() {
    let mut subnet = Subnet::new();
    let heavy = r#"(func (export "canister_heartbeat") (local $n i32)
        (call $add (i32.const 1))
        (loop $more
            (memory.fill (i32.const 8) (i32.const 0) (i32.const 65000))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.const 45000)))))"#;
    let ids: Vec<CanisterId> = (0..4).map(|_| install(&mut subnet, heavy)).collect();
    let workshop = subnet.workshop();
    let start: Vec<u32> = ids.iter().map(|id| subnet.count(*id)).collect();
    for _ in 0..4 {
        let call = subnet.ingress(user(2), workshop.principal(), "inc", vec![]);
        subnet.height(vec![call.clone()]);
        assert!(matches!(subnet.status(&call), Some(crate::state::IngressStatus::Replied(_))));
    }
    let ran: Vec<u32> = ids.iter().zip(start).map(|(id, start)| subnet.count(*id) - start).collect();
    let (least, most) = (ran.iter().min().unwrap(), ran.iter().max().unwrap());
    assert!(*least >= 1 && most - least <= 1 && ran.iter().sum::<u32>() < 16, "{ran:?}");
}

const HOOK: &str = r#"(func (export "canister_on_low_wasm_memory") (call $add (i32.const 100)))"#;

/// Sets limit and threshold of the Wasm memory.
fn limit(subnet: &mut Subnet, id: CanisterId, limit: u64, threshold: u64) {
    let settings = candid::CanisterSettings {
        wasm_memory_limit: Some(limit.into()),
        wasm_memory_threshold: Some(threshold.into()),
        ..Default::default()
    };
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &args).unwrap();
}

const PAGE: u64 = limits::WASM_PAGE_BYTES as u64;

#[test]
fn the_hook_of_low_memory_runs_once_when_memory_falls_below_the_threshold() {
    let mut subnet = Subnet::new();
    let id = install(&mut subnet, HOOK);
    limit(&mut subnet, id, 100 * PAGE, 89 * PAGE);
    subnet.height(vec![]);
    assert_eq!(
        (subnet.count(id), subnet.canister(id).record.low_memory_hook),
        (0, HookStatus::ConditionNotSatisfied)
    );
    // Exactly the threshold is left after the first growth: not below it.
    subnet.update(id, "grow", vec![]).unwrap();
    limit(&mut subnet, id, 100 * PAGE, 89 * PAGE);
    assert_eq!(subnet.canister(id).record.low_memory_hook, HookStatus::ConditionNotSatisfied);
    subnet.update(id, "grow", vec![]).unwrap();
    subnet.height(vec![]);
    assert_eq!((subnet.count(id), subnet.canister(id).record.low_memory_hook), (100, HookStatus::Executed));
    subnet.height(vec![]);
    subnet.update(id, "grow", vec![]).unwrap();
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), 100, "it runs once");
    // Enough again, and too little again.
    limit(&mut subnet, id, 200 * PAGE, 89 * PAGE);
    assert_eq!(subnet.canister(id).record.low_memory_hook, HookStatus::ConditionNotSatisfied);
    limit(&mut subnet, id, 100 * PAGE, 89 * PAGE);
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), 200);
}

#[test]
fn the_hook_of_low_memory_comes_before_the_next_call() {
    let mut subnet = Subnet::new();
    let id = install(&mut subnet, HOOK);
    limit(&mut subnet, id, 100 * PAGE, 95 * PAGE);
    let calls = ["grow", "read"].map(|method| subnet.ingress(user(2), id.principal(), method, vec![]));
    subnet.height(calls.to_vec());
    let reply = crate::state::IngressStatus::Replied(100u32.to_le_bytes().to_vec());
    assert_eq!(subnet.status(&calls[1]), Some(reply));
}

/// Sets the canister's freezing threshold, in seconds.
fn freeze(subnet: &mut Subnet, id: CanisterId, threshold: u64) {
    let settings =
        candid::CanisterSettings { freezing_threshold: Some(threshold.into()), ..Default::default() };
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &args).unwrap();
}

#[test]
fn a_frozen_canister_s_hook_waits_until_it_can_be_paid() {
    let mut subnet = Subnet::new();
    let id = install(&mut subnet, HOOK);
    freeze(&mut subnet, id, u64::MAX);
    limit(&mut subnet, id, 10 * PAGE, 10 * PAGE);
    subnet.height(vec![]);
    let heap = subnet.canister(id).heap.root();
    assert_eq!(subnet.canister(id).record.low_memory_hook, HookStatus::Ready);
    freeze(&mut subnet, id, 0);
    subnet.height(vec![]);
    assert_eq!(subnet.canister(id).record.low_memory_hook, HookStatus::Executed);
    assert_ne!(subnet.canister(id).heap.root(), heap);
}

/// Sets the timer to three seconds from now; turns it off and says when it was due.
const TIMER: &str = r#"(func (export "canister_update arm")
        (drop (call $timer (i64.add (call $time) (i64.const 3000000000)))) (call $reply))
    (func (export "canister_update disarm")
        (i64.store (i32.const 8) (call $timer (i64.const 0))) (call $append (i32.const 8) (i32.const 8)) (call $reply))"#;
const RINGS: &str = r#"(func (export "canister_global_timer") (call $add (i32.const 1000)))"#;

#[test]
fn a_timer_that_cannot_be_paid_runs_when_it_can_be_again() {
    let mut subnet = Subnet::new();
    let id = install(&mut subnet, &[TIMER, RINGS].concat());
    subnet.update(id, "arm", vec![]).unwrap();
    let set = subnet.canister(id).record.global_timer;
    freeze(&mut subnet, id, u64::MAX);
    subnet.height_after(3 * SECOND, vec![]);
    let looked_at = subnet.state.time().plus_ms(limits::TIMER_AGAIN_MS);
    let timer = |subnet: &Subnet| {
        let record = &subnet.canister(id).record;
        (record.global_timer, record.timer_again)
    };
    assert_eq!(timer(&subnet), (set, looked_at));
    subnet.height(vec![]);
    assert_eq!(timer(&subnet), (set, looked_at), "it is not looked at in every height");
    subnet.state = subnet.restored();
    freeze(&mut subnet, id, 0);
    assert_eq!(subnet.count(id), 0);
    subnet.height_after(limits::TIMER_AGAIN_MS * 1_000_000, vec![]);
    assert_eq!((subnet.count(id), timer(&subnet)), (1_000, (Time::ZERO, Time::ZERO)));
}

#[test]
fn a_timer_without_a_function_for_it_stays_set_and_costs_nothing() {
    let mut subnet = Subnet::new();
    let id = install(&mut subnet, TIMER);
    subnet.update(id, "arm", vec![]).unwrap();
    let before = subnet.canister(id).record.clone();
    subnet.height_after(5 * SECOND, vec![]);
    assert_eq!(subnet.canister(id).record, before);
    assert_eq!(subnet.update(id, "disarm", vec![]), Ok(before.global_timer.0.to_le_bytes().to_vec()));
}

const MINT: &str = r#"(func (export "canister_update mint")
    (call $balance (i32.const 64))
    (call $mint (i64.const 0) (i64.const 1000000) (i32.const 16))
    (call $balance (i32.const 80))
    (call $append (i32.const 16) (i32.const 16)) (call $append (i32.const 64) (i32.const 32)) (call $reply))"#;

#[test]
fn the_canister_that_genesis_names_makes_cycles_and_no_other_does() {
    let mut subnet = Subnet::new();
    subnet.state = minting(CanisterId(4));
    let made = candid::ProvisionalCreateCanisterArgs {
        specified_id: Some(CanisterId(4).principal()),
        ..Default::default()
    };
    let id = subnet.create_with(made);
    let wasm = module(MINT);
    subnet.install_module(id, candid::InstallMode::Install, wasm, Vec::new()).unwrap();
    let minted = subnet.state.counters.minted;
    let reply = subnet.update(id, "mint", vec![]).unwrap();
    let amounts: Vec<u128> =
        reply.as_chunks::<16>().0.iter().map(|bytes| u128::from_le_bytes(*bytes)).collect();
    assert_eq!(amounts[0], 1_000_000);
    assert_eq!(amounts[2] - amounts[1], 1_000_000);
    assert_eq!(subnet.state.counters.minted, minted.saturating_add(Cycles(1_000_000)));
    let other = install(&mut subnet, MINT);
    let reject = subnet.update(other, "mint", vec![]).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterContractViolation, "{reject}");
}

/// The state of a subnet whose genesis names a minting canister.
fn minting(canister: CanisterId) -> ReplicatedState {
    genesis_with(|genesis| genesis.minting_canister = Some(canister.principal()))
}
