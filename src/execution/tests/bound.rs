//! At the bounds: full queues, as many calls in flight as there may be, all the memory of a heap, ten thousand canisters.

use super::script::{Outgoing, Script, Then, till};
use super::*;
use crate::encoding::management::{self as candid, InstallMode};
use crate::execution::batch::execute_in_slices;
use crate::state::{IngressStatus, Message, Use};
use crate::types::limits::*;
use crate::types::*;
use std::sync::Arc;

/// MiB of work that take a good part of a height.
const LONG: u32 = 1_800;

fn new_till(subnet: &mut Subnet) -> CanisterId {
    let id = subnet.create();
    subnet.install_module(id, InstallMode::Install, till(), Vec::new()).unwrap();
    id
}

/// Calls that take a whole height of `id`.
fn a_height_of_work(subnet: &mut Subnet, id: CanisterId) -> Vec<Arc<Ingress>> {
    let work = Script::default().work(LONG).reply(0);
    (0..5).map(|_| subnet.ingress(user(2), id.principal(), "run", work.0.clone())).collect()
}

#[test]
fn a_full_queue_takes_no_more_calls_and_says_so() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let calls: Vec<_> = (0..=CANISTER_INBOX_MAX)
        .map(|_| subnet.ingress(user(2), id.principal(), "inc", Vec::new()))
        .collect();
    subnet.height(calls.clone());
    let error = |call: &Arc<Ingress>| match subnet.status(call) {
        Some(IngressStatus::Rejected(reject)) => reject.error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(&calls[CANISTER_INBOX_MAX]), ErrorCode::CanisterQueueFull);
    assert_eq!(error(&calls[CANISTER_INBOX_MAX - 1]), ErrorCode::CanisterWasmModuleNotFound);
}

/// So many bytes of messages for a canister that they fill the subnet's queues, and are nothing when their turn comes.
fn fill_queues(subnet: &mut Subnet, id: CanisterId) {
    let ingress = subnet.ingress(user(2), id.principal(), "absent", vec![0; MESSAGE_BYTES_MAX]);
    let count = QUEUE_BYTES_MAX / MESSAGE_BYTES_MAX as u64;
    subnet.state.change_canister(id, |canister| {
        (0..count).for_each(|_| canister.queue.push(Message::Ingress(ingress.clone())));
    });
}

#[test]
fn when_all_queues_are_full_guaranteed_responses_come_and_others_are_unknown() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), new_till(&mut subnet));
    let full = subnet.create();
    let burn = Script::default().burn(1).reply(8);
    let arg = forwarded(far.principal(), "run", 0, &burn.0);
    let mut ingress = a_height_of_work(&mut subnet, far);
    let hurried = subnet.ingress(user(2), near.principal(), "forward_hurry", arg.clone());
    let patient = subnet.ingress(user(2), near.principal(), "forward", arg.clone());
    ingress.extend([hurried.clone(), patient.clone()]);
    subnet.state.counters.last_turn = None;
    subnet.height(ingress);
    assert_eq!(subnet.canister(near).record.callbacks.len(), 2);
    fill_queues(&mut subnet, full);
    let late = subnet.ingress(user(2), near.principal(), "inc", vec![1]);
    subnet.state.counters.last_turn = Some(near);
    subnet.height(vec![late.clone()]);
    assert_eq!(subnet.canister(far).record.consumed.on(Use::Burned), Cycles(2), "both were executed");
    let Some(IngressStatus::Rejected(reject)) = subnet.status(&late) else { panic!("it was taken") };
    assert_eq!(reject.error, ErrorCode::CanisterQueueFull);
    let unknown = IngressStatus::Replied(vec![b'X', RejectCode::SysUnknown as u8]);
    assert_eq!(subnet.status(&hurried), Some(unknown));
    assert_eq!(subnet.status(&patient), Some(IngressStatus::Replied(vec![0; 8])));
    assert_eq!(subnet.state.queue_bytes(), 0);
}

#[test]
fn an_expired_call_is_given_up_once_though_the_replica_restarts() {
    let mut subnet = Subnet::new();
    let (busy, near) = (new_till(&mut subnet), subnet.workshop());
    let far = new_till(&mut subnet);
    let arg = forwarded(far.principal(), "run", 0, &Script::default().reply(0).0);
    // The far canister has no turn in the height of the call, and the near one none in that of the deadline.
    let mut ingress = a_height_of_work(&mut subnet, far);
    let call = subnet.ingress(user(2), near.principal(), "forward_hurry", arg);
    ingress.push(call.clone());
    subnet.state.counters.last_turn = Some(busy);
    subnet.height(ingress);
    let work = a_height_of_work(&mut subnet, busy);
    subnet.state.counters.last_turn = None;
    subnet.height_after(2 * SECOND, work);
    assert_eq!(subnet.canister(near).queue.len(), 1);
    subnet.state = subnet.restored();
    assert_eq!(subnet.state.due_deadline(Time(u64::MAX)), None);
    let work = a_height_of_work(&mut subnet, busy);
    subnet.state.counters.last_turn = None;
    subnet.height_after(2 * SECOND, work);
    assert_eq!(subnet.canister(near).queue.len(), 1, "no second response");
    (0..6).for_each(|_| subnet.height(Vec::new()));
    let unknown = IngressStatus::Replied(vec![b'X', RejectCode::SysUnknown as u8]);
    assert_eq!(subnet.status(&call), Some(unknown));
    assert!(subnet.canister(near).record.callbacks.is_empty());
}

#[test]
fn calls_with_a_guaranteed_response_are_bounded_and_others_are_not() {
    let mut subnet = Subnet::new();
    let senders: Vec<CanisterId> = (0..33).map(|_| new_till(&mut subnet)).collect();
    let busy = new_till(&mut subnet);
    let receivers: Vec<CanisterId> = (0..4).map(|_| new_till(&mut subnet)).collect();
    let calls = |receiver: CanisterId, count: usize, seconds: u8| {
        let payload = Script::default().reply(0).0;
        let call = Outgoing {
            receiver: receiver.principal(),
            method: "run",
            seconds,
            cycles: 0,
            then: Then::Nothing,
            payload: &payload,
        };
        (0..count).fold(Script::default(), |script, _| script.call(&call))
    };
    let mut ingress = a_height_of_work(&mut subnet, busy);
    for (n, sender) in senders.iter().enumerate() {
        let receiver = receivers[n % receivers.len()];
        let mut script = calls(receiver, if n < 32 { CANISTER_QUEUE_MAX } else { 400 }, 0);
        if n == 32 {
            script.0.extend(calls(receivers[1], 10, 5).0);
        }
        ingress.push(subnet.ingress(user(2), sender.principal(), "run", script.0));
    }
    subnet.state.counters.last_turn = None;
    subnet.height(ingress);
    assert_eq!(subnet.state.allocated().guaranteed_calls, GUARANTEED_CALLS_MAX);
    let in_flight = |id: CanisterId| subnet.canister(id).record.callbacks.len();
    assert_eq!(in_flight(senders[31]), CANISTER_QUEUE_MAX);
    assert_eq!(in_flight(senders[32]), GUARANTEED_CALLS_MAX as usize - 32 * CANISTER_QUEUE_MAX + 10);
}

/// A module whose method `fill` takes all the heap there is, writes to every `stride` bytes of the first `bytes`, and replies
/// with how many pages it has.
fn filler(bytes: u32, stride: u32) -> Vec<u8> {
    let wat = format!(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1)
        (func (export "canister_update fill") (local $at i32)
            (drop (memory.grow (i32.const 65534)))
            (loop $more
                (i32.store8 offset=8 (local.get $at) (i32.const 1))
                (local.set $at (i32.add (local.get $at) (i32.const {stride})))
                (br_if $more (i32.lt_u (local.get $at) (i32.const {bytes}))))
            (i32.store (i32.const 0) (memory.size))
            (call $append (i32.const 0) (i32.const 4))
            (call $reply))
        (func (export "canister_query pages")
            (i32.store (i32.const 0) (memory.size))
            (call $append (i32.const 0) (i32.const 4))
            (call $reply)))"#
    );
    wat::parse_str(wat).unwrap()
}

fn new_filler(subnet: &mut Subnet, bytes: u32, stride: u32) -> CanisterId {
    let id = subnet.create();
    subnet.install_module(id, InstallMode::Install, filler(bytes, stride), Vec::new()).unwrap();
    id
}

#[test]
fn a_message_may_take_four_gibibytes_and_holds_what_it_wrote() {
    let mut subnet = Subnet::new();
    // The last step ends before the addresses do.
    let id = new_filler(&mut subnet, 0xFFF0_0000, 1 << 20);
    let pages = HEAP_WASM_PAGES_MAX.to_le_bytes().to_vec();
    assert_eq!(subnet.update(id, "fill", Vec::new()), Ok(pages.clone()));
    let written = subnet.delta.writes.iter().filter_map(|write| write.value.as_ref());
    let bytes: usize = written.map(|value| value.len()).sum();
    assert!((1 << 20..1 << 26).contains(&bytes), "{bytes} bytes for some four thousand pages");
    assert_eq!(subnet.canister(id).record.heap_wasm_pages, HEAP_WASM_PAGES_MAX);
    assert_eq!(subnet.query(user(2), id.principal(), "pages", Vec::new()), Ok(pages));
}

#[test]
fn memory_beyond_the_controllers_limit_or_the_funds_is_refused_and_nothing_is_lost() {
    let check = |settings: candid::CanisterSettings, error: ErrorCode| {
        let mut subnet = Subnet::new();
        let id = new_filler(&mut subnet, 1, 1);
        let args = candid::UpdateSettingsArgs {
            canister_id: id.principal(),
            settings,
            sender_canister_version: None,
        };
        subnet.manage("update_settings", &args).unwrap();
        let heap = subnet.canister(id).heap.root();
        let reject = subnet.update(id, "fill", Vec::new()).unwrap_err();
        assert_eq!(reject.error, error, "{reject}");
        let canister = subnet.canister(id);
        assert_eq!((canister.heap.root(), canister.record.heap_wasm_pages), (heap, 1));
    };
    let limit =
        candid::CanisterSettings { wasm_memory_limit: Some((1u64 << 30).into()), ..Default::default() };
    check(limit, ErrorCode::CanisterWasmMemoryLimitExceeded);
    // A hundred trillion cycles keep four gibibytes for some years.
    let seconds = 400u64 * 365 * 86_400;
    let frozen = candid::CanisterSettings { freezing_threshold: Some(seconds.into()), ..Default::default() };
    check(frozen, ErrorCode::InsufficientCyclesInMemoryGrow);
}

#[test]
fn a_message_that_writes_to_too_many_pages_is_refused_and_nothing_is_lost() {
    let mut subnet = Subnet::new();
    let bytes = (HEAP_PAGES_PER_RUN_MAX * PAGE_BYTES) as u32 + 1;
    let id = new_filler(&mut subnet, bytes, PAGE_BYTES as u32);
    let reject = subnet.update(id, "fill", Vec::new()).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterMemoryAccessLimitExceeded, "{reject}");
    assert_eq!(subnet.canister(id).record.heap_wasm_pages, 1);
    assert_eq!(subnet.query(user(2), id.principal(), "pages", Vec::new()), Ok(vec![1, 0, 0, 0]));
}

const RING: usize = 10_000;

/// Makes a height of calls, and further ones until all are answered; their replies. Without a disk: it would be the
/// slowest of all.
fn all_replies(subnet: &mut Subnet, calls: Vec<Arc<Ingress>>, heights: usize) -> Vec<Vec<u8>> {
    let mut waiting = calls.clone();
    for _ in 0..heights {
        let batch = Batch {
            height: subnet.state.height().next(),
            time: Time(subnet.state.time().0 + SECOND),
            randomness: Digest::ZERO,
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress: std::mem::take(&mut waiting),
        };
        let state = subnet.state.clone();
        subnet.state = execute_in_slices(&subnet.engine, state, &batch, subnet.slicing).unwrap().state;
        assert_eq!(cycles_there_are(&subnet.state), subnet.state.counters.minted.0);
    }
    let reply = |call: &Arc<Ingress>| match subnet.status(call) {
        Some(IngressStatus::Replied(reply)) => reply,
        other => panic!("{other:?} after {heights} heights"),
    };
    calls.iter().map(reply).collect()
}

/// So many canisters, each of which knows the next and the last the first.
fn ring(subnet: &mut Subnet, count: usize) -> Vec<CanisterId> {
    let arg = candid::encode(&candid::ProvisionalCreateCanisterArgs::default()).unwrap();
    let made = "provisional_create_canister_with_cycles";
    let calls =
        (0..count).map(|_| subnet.ingress(user(1), management_canister(), made, arg.clone())).collect();
    let id = |reply: Vec<u8>| {
        let record: candid::CanisterIdRecord = candid::decode(&reply).unwrap();
        CanisterId::from_principal(&record.canister_id).unwrap()
    };
    let ids: Vec<CanisterId> = all_replies(subnet, calls, 2).into_iter().map(id).collect();
    let wasm_module = wat::parse_str(include_str!("ring.wat")).unwrap();
    let mut calls = Vec::new();
    for (id, next) in ids.iter().zip(ids.iter().cycle().skip(1)) {
        let args = candid::InstallCodeArgs {
            mode: InstallMode::Install,
            canister_id: id.principal(),
            wasm_module: wasm_module.clone(),
            arg: next.principal().as_slice().to_vec(),
            sender_canister_version: None,
        };
        let arg = candid::encode(&args).unwrap();
        calls.push(subnet.ingress(user(1), management_canister(), "install_code", arg));
    }
    all_replies(subnet, calls, 4);
    ids
}

#[test]
fn ten_thousand_canisters_call_each_other_in_a_ring() {
    let mut subnet = Subnet::new();
    let ids = ring(&mut subnet, RING);
    let pass = |subnet: &mut Subnet, id: CanisterId, count: usize| {
        subnet.ingress(user(2), id.principal(), "pass", (count as u32).to_le_bytes().to_vec())
    };
    // One call all the way around, back to where it began, and its answer all the way back.
    let around = pass(&mut subnet, ids[0], RING);
    assert_eq!(all_replies(&mut subnet, vec![around], 3), [(RING as u32).to_le_bytes()]);
    // All at once.
    let calls = ids.iter().map(|id| pass(&mut subnet, *id, 1)).collect();
    let replies = all_replies(&mut subnet, calls, 4);
    assert!(replies.iter().all(|reply| *reply == [1, 0, 0, 0]));
    assert_eq!(subnet.state.active_count(), 0);
    assert_eq!(subnet.state.allocated().guaranteed_calls, 0);
    let open = |id: &CanisterId| !subnet.canister(*id).record.contexts.is_empty();
    assert!(!ids.iter().any(open));
}
