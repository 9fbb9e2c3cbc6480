use super::script::*;
use super::*;
use crate::encoding::management as candid;
use crate::state::Use;
use crate::types::*;
use ::candid::Nat;

const GIB: u64 = 1 << 30;
const DAY: u64 = 86_400 * SECOND;

fn set(subnet: &mut Subnet, id: CanisterId, settings: candid::CanisterSettings) -> Result<Vec<u8>, Reject> {
    let canister_id = id.principal();
    let args = candid::UpdateSettingsArgs { canister_id, settings, sender_canister_version: None };
    subnet.manage("update_settings", &args)
}

fn some(number: u64) -> Option<Nat> {
    Some(Nat::from(number))
}

fn top_up(subnet: &mut Subnet, id: CanisterId, amount: u128) {
    let args =
        candid::ProvisionalTopUpCanisterArgs { canister_id: id.principal(), amount: Nat::from(amount) };
    subnet.manage("provisional_top_up_canister", &args).unwrap();
}

/// A canister that runs scripts.
fn new_till(subnet: &mut Subnet) -> CanisterId {
    let id = subnet.create();
    subnet.install_module(id, candid::InstallMode::Install, till(), Vec::new()).unwrap();
    id
}

fn run(subnet: &mut Subnet, id: CanisterId, script: Script) -> Result<Vec<u8>, Reject> {
    subnet.update(id, "run", script.0)
}

#[test]
fn a_canister_that_nobody_calls_is_uninstalled_when_its_funds_end() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let compute = candid::CanisterSettings { compute_allocation: some(1), ..Default::default() };
    set(&mut subnet, id, compute).unwrap();
    let a_day = crate::execution::charge::idle_cycles_per_day(&subnet.prices(), subnet.canister(id));
    let days = (subnet.canister(id).record.cycles.0 / a_day.0) as u64;
    assert!(days > 100);
    subnet.height_after((days - 1) * DAY, vec![]);
    let touched = subnet.delta.writes.iter().any(|write| write.column == crate::state::Column::Canister);
    assert!(!touched, "an idle canister costs nothing");
    assert!(subnet.canister(id).module.is_some());
    subnet.height_after(2 * DAY, vec![]);
    let record = &subnet.canister(id).record;
    assert_eq!(
        (record.module_hash, record.cycles, record.settings.compute_allocation),
        (None, Cycles::ZERO, 0)
    );
    assert!(
        record.history.is_empty() && record.history_total > 0,
        "the history is dropped, its length is not"
    );
    assert!(subnet.canister(id).log.iter().next().is_none());
    assert_eq!(subnet.state.due_insolvent(Time(u64::MAX)), [], "nothing is left to pay for");
}

#[test]
fn a_call_that_waits_in_an_uninstalled_canister_is_rejected_and_refunded() {
    let mut subnet = Subnet::new();
    let (near, far, slow) = (new_till(&mut subnet), new_till(&mut subnet), new_till(&mut subnet));
    // `far` waits for a canister that does not stop, because `far` itself calls it.
    let controllers = Some(vec![user(1), far.principal(), slow.principal()]);
    let settings = candid::CanisterSettings { controllers, ..Default::default() };
    set(&mut subnet, slow, settings).unwrap();
    let stop = candid::encode(&record(slow)).unwrap();
    let stop = Outgoing {
        receiver: management_canister(),
        method: "stop_canister",
        seconds: 0,
        cycles: 7,
        then: Then::Reply,
        payload: &stop,
    };
    let wait = Script::default().call(&stop);
    let call = subnet.ingress(user(2), slow.principal(), "run", wait.0.clone());
    subnet.height(vec![call]);
    let script = Script::default().run_at(far, 1 << 40, Then::Reply, &wait);
    let call = subnet.ingress(user(2), near.principal(), "run", script.0);
    subnet.height(vec![call.clone()]);
    assert_eq!(subnet.canister(far).record.contexts.len(), 1);
    let attached: u128 =
        subnet.canister(far).record.contexts.values().map(|context| context.available.0).sum();
    assert_eq!(attached, 1 << 40);
    let before = subnet.canister(near).record.cycles.0;
    // The funds of `far` end.
    let years = candid::CanisterSettings {
        compute_allocation: some(100),
        freezing_threshold: some(0),
        ..Default::default()
    };
    set(&mut subnet, far, years).unwrap();
    subnet.height_after(30 * DAY, vec![]);
    assert!(subnet.canister(far).module.is_none());
    subnet.height(vec![]);
    let crate::state::IngressStatus::Replied(_) = subnet.status(&call).unwrap() else {
        panic!("{:?}", subnet.status(&call));
    };
    assert!(subnet.canister(near).record.cycles.0 > before + (1 << 40) - (1 << 36), "the cycles came back");
    subnet.manage("start_canister", &record(slow)).unwrap();
    subnet.height(vec![]);
    assert!(subnet.canister(far).record.contexts.is_empty(), "the late response ends the deleted context");
}

#[test]
fn reserved_cycles_pay_for_time_before_the_balance_does() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    full_subnet(&mut subnet, 1_500 * GIB);
    top_up(&mut subnet, id, 1 << 70);
    let settings = candid::CanisterSettings {
        memory_allocation: some(GIB),
        reserved_cycles_limit: some(u64::MAX),
        ..Default::default()
    };
    set(&mut subnet, id, settings).unwrap();
    let before = subnet.canister(id).record.clone();
    assert!(before.reserved_cycles > Cycles::ZERO);
    subnet.height_after(DAY, vec![]);
    let status = subnet.canister_status(id);
    let fees = before.cycles.0 - subnet.canister(id).record.cycles.0;
    assert_eq!(
        fees,
        subnet.canister(id).record.consumed.on(Use::IngressInduction).0
            - before.consumed.on(Use::IngressInduction).0
    );
    assert!(status.reserved_cycles < before.reserved_cycles.0);
}

/// Fills the subnet up to so many bytes with canisters that have them allocated.
fn full_subnet(subnet: &mut Subnet, bytes: u64) -> CanisterId {
    let id = subnet.create();
    top_up(subnet, id, 1 << 90);
    let settings = candid::CanisterSettings {
        memory_allocation: some(bytes - subnet.state.allocated().bytes),
        freezing_threshold: some(0),
        reserved_cycles_limit: Some(Nat::from(u128::MAX)),
        ..Default::default()
    };
    set(subnet, id, settings).unwrap();
    id
}

#[test]
fn memory_is_set_aside_for_when_it_grows_scarce() {
    let mut subnet = Subnet::new();
    let (id, other) = (new_till(&mut subnet), new_till(&mut subnet));
    run(&mut subnet, id, Script::default().grow_stable(16).reply(0)).unwrap();
    assert_eq!(subnet.canister(id).record.reserved_cycles, Cycles::ZERO, "there is enough");
    full_subnet(&mut subnet, 1_500 * GIB);
    run(&mut subnet, id, Script::default().grow_stable(16).reply(0)).unwrap();
    let reserved = subnet.canister(id).record.reserved_cycles.0;
    // A MiB for (1500 - 750) / (2048 - 750) of ten years, on four nodes.
    let expected = 127_000 * 10 * 365 * 86_400 / 1_024 * 4 / 13 * 750 / 1_298;
    assert!(reserved.abs_diff(expected) < expected / 1_000, "{reserved}, {expected} expected");
    // Whoever does not want that gets no more.
    let never = candid::CanisterSettings { reserved_cycles_limit: some(0), ..Default::default() };
    set(&mut subnet, other, never.clone()).unwrap();
    let reject = run(&mut subnet, other, Script::default().grow_stable(16).reply(0)).unwrap_err();
    assert_eq!(reject.error, ErrorCode::ReservedCyclesLimitExceededInMemoryGrow);
    assert_eq!(subnet.canister(other).record.stable_wasm_pages, 0);
    let reject = set(&mut subnet, id, never).unwrap_err();
    assert_eq!(reject.error, ErrorCode::ReservedCyclesLimitIsTooLow);
}

#[test]
fn the_memory_of_the_subnet_is_bounded() {
    let mut subnet = Subnet::new();
    let id = new_till(&mut subnet);
    let full = limits::SUBNET_MEMORY_MAX.0;
    let hog = full_subnet(&mut subnet, full - 10 * GIB);
    let ask = |bytes: u64| candid::CanisterSettings {
        memory_allocation: some(bytes),
        reserved_cycles_limit: Some(Nat::from(u128::MAX)),
        freezing_threshold: some(0),
        ..Default::default()
    };
    top_up(&mut subnet, id, 1 << 90);
    let reject = set(&mut subnet, id, ask(11 * GIB)).unwrap_err();
    assert_eq!(reject.error, ErrorCode::SubnetOversubscribed);
    assert!(reject.message.contains("available in the subnet"), "{reject}");
    set(&mut subnet, id, ask(9 * GIB)).unwrap();
    // What is allocated can be used; what is free as well; no more than that: growing fails.
    let pages = |subnet: &Subnet| subnet.canister(id).record.stable_wasm_pages;
    run(&mut subnet, id, Script::default().grow_stable(8 * 16_384).reply(0)).unwrap();
    assert_eq!(pages(&subnet), 8 * 16_384);
    let more = Script::default().grow_stable(2 * 16_384 + 1).reply(0);
    run(&mut subnet, id, more.clone()).unwrap();
    assert_eq!(pages(&subnet), 8 * 16_384, "stable64_grow said no");
    set(&mut subnet, hog, ask(0)).unwrap();
    run(&mut subnet, id, more).unwrap();
    assert_eq!(pages(&subnet), 10 * 16_384 + 1);
}

#[test]
fn memory_that_cannot_be_paid_for_is_not_given() {
    let mut subnet = Subnet::new();
    let id = new_till(&mut subnet);
    // 300 GiB for 30 days cost 30 T on four nodes; it has 100 T.
    run(&mut subnet, id, Script::default().grow_stable(300 * 16_384).reply(0)).unwrap();
    let threshold = candid::CanisterSettings { freezing_threshold: some(75 * 86_400), ..Default::default() };
    set(&mut subnet, id, threshold).unwrap();
    let reject = run(&mut subnet, id, Script::default().grow_stable(150 * 16_384).reply(0)).unwrap_err();
    assert_eq!(reject.error, ErrorCode::InsufficientCyclesInMemoryGrow, "{reject}");
    assert!(reject.message.contains("additional cycles"), "{reject}");
    assert_eq!(subnet.canister(id).record.stable_wasm_pages, 300 * 16_384);
    let ask = candid::CanisterSettings { memory_allocation: some(450 * GIB), ..Default::default() };
    let reject = set(&mut subnet, id, ask).unwrap_err();
    assert_eq!(reject.error, ErrorCode::InsufficientCyclesInMemoryAllocation);
    let ask = candid::CanisterSettings { compute_allocation: some(50), ..Default::default() };
    let reject = set(&mut subnet, id, ask).unwrap_err();
    assert_eq!(reject.error, ErrorCode::InsufficientCyclesInComputeAllocation);
}

#[test]
fn compute_is_allocated_only_as_far_as_there_is_any() {
    let mut subnet = Subnet::new();
    let ids: Vec<_> = (0..4).map(|_| subnet.create()).collect();
    let percent = |n: u64| candid::CanisterSettings {
        compute_allocation: some(n),
        freezing_threshold: some(0),
        ..Default::default()
    };
    for id in &ids[..2] {
        set(&mut subnet, *id, percent(100)).unwrap();
    }
    set(&mut subnet, ids[2], percent(99)).unwrap();
    let reject = set(&mut subnet, ids[3], percent(1)).unwrap_err();
    assert_eq!(reject.error, ErrorCode::SubnetOversubscribed);
    set(&mut subnet, ids[0], percent(0)).unwrap();
    set(&mut subnet, ids[3], percent(100)).unwrap();
    assert_eq!(subnet.state.allocated().compute, 299);
}

/// Nearly a slice of instructions: four of them fill a height.
const LONG: u32 = 1_800;

#[test]
fn a_compute_allocation_gives_turns_that_others_cannot_take() {
    let mut subnet = Subnet::new();
    let hogs: Vec<_> = (0..5).map(|_| new_till(&mut subnet)).collect();
    let id = subnet.workshop();
    let answered_after = |subnet: &mut Subnet| {
        let work = Script::default().work(LONG).reply(0);
        let mut ingress: Vec<_> =
            hogs.iter().map(|hog| subnet.ingress(user(2), hog.principal(), "run", work.0.clone())).collect();
        let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
        ingress.push(call.clone());
        subnet.state.counters.last_turn = None;
        subnet.height(ingress);
        let mut heights = 1;
        while !subnet.status(&call).unwrap().is_final() {
            subnet.height(vec![]);
            heights += 1;
        }
        heights
    };
    assert_eq!(answered_after(&mut subnet), 2, "hogs go first");
    let settings = candid::CanisterSettings {
        compute_allocation: some(100),
        freezing_threshold: some(0),
        ..Default::default()
    };
    set(&mut subnet, id, settings).unwrap();
    assert_eq!(answered_after(&mut subnet), 1);
}

#[test]
fn a_request_that_comes_after_its_deadline_is_dropped_with_its_cycles() {
    let mut subnet = Subnet::new();
    let (near, far) = (new_till(&mut subnet), new_till(&mut subnet));
    let burn = Script::default().burn(1).reply(0);
    let hurry = Outgoing {
        receiver: far.principal(),
        method: "run",
        seconds: 1,
        cycles: 1 << 40,
        then: Then::Reply,
        payload: &burn.0,
    };
    let work = Script::default().work(LONG).reply(0);
    let mut ingress: Vec<_> =
        (0..5).map(|_| subnet.ingress(user(2), far.principal(), "run", work.0.clone())).collect();
    let call = subnet.ingress(user(2), near.principal(), "run", Script::default().call(&hurry).0);
    ingress.push(call.clone());
    let before = subnet.canister(near).record.cycles.0;
    subnet.state.counters.last_turn = None;
    subnet.height(ingress);
    assert_eq!(subnet.canister(near).record.callbacks.len(), 1);
    subnet.height_after(2 * SECOND, vec![]);
    subnet.height(vec![]);
    let status = subnet.status(&call).unwrap();
    assert_eq!(status, crate::state::IngressStatus::Replied(vec![]), "the reject callback replied");
    assert_eq!(subnet.canister(far).record.consumed.on(Use::Burned), Cycles::ZERO, "it was not executed");
    let spent = before - subnet.canister(near).record.cycles.0;
    assert!((1 << 40..1 << 41).contains(&spent), "{spent}: the cycles do not come back");
    assert!(subnet.canister(near).record.callbacks.is_empty());
    assert_eq!(subnet.canister(near).in_flight, crate::state::InFlight::default());
}

#[test]
fn a_canister_takes_calls_of_others_only_with_the_cycles_it_asks_for() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let minimum =
        candid::CanisterSettings { minimum_incoming_canister_call_cycles: some(1_000), ..Default::default() };
    set(&mut subnet, far, minimum).unwrap();
    let ask = |subnet: &mut Subnet, from: CanisterId, cycles| {
        subnet.update(from, "forward", forwarded(far.principal(), "inc", cycles, b"")).unwrap()
    };
    let balance = |subnet: &Subnet| subnet.canister(near).record.cycles;
    let before = balance(&subnet);
    assert_eq!(ask(&mut subnet, near, 999), [b'X', RejectCode::CanisterError as u8]);
    assert!(before.0 - balance(&subnet).0 < 1_000_000_000);
    assert_eq!(ask(&mut subnet, near, 1_000), [1, 0, 0, 0]);
    assert_eq!(ask(&mut subnet, far, 0), [2, 0, 0, 0], "from itself it takes all");
    assert_eq!(subnet.update(far, "inc", vec![]), Ok(vec![3, 0, 0, 0]), "and from users");
}

#[test]
fn between_two_canisters_at_most_500_calls_are_in_flight() {
    let mut subnet = Subnet::new();
    let (near, far) = (new_till(&mut subnet), new_till(&mut subnet));
    let burn = Script::default().burn(1).reply(0);
    let calls = |count| (0..count).fold(Script::default(), |all, _| all.run_at(far, 0, Then::Nothing, &burn));
    // Both run before `far` has its turn.
    let ingress: Vec<_> =
        [400, 200].map(|count| subnet.ingress(user(2), near.principal(), "run", calls(count).0)).into();
    subnet.state.counters.last_turn = None;
    subnet.height(ingress);
    subnet.height(vec![]);
    assert_eq!(subnet.canister(far).record.consumed.on(Use::Burned), Cycles(500));
    assert_eq!(subnet.canister(near).in_flight, crate::state::InFlight::default());
    assert_eq!(subnet.state.allocated().guaranteed_calls, 0);
}

#[test]
fn stopping_makes_a_new_version_of_the_canister() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let before = subnet.canister(id).record.canister_version;
    subnet.manage("stop_canister", &record(id)).unwrap();
    assert!(subnet.canister(id).record.canister_version > before);
}

#[test]
fn what_is_spent_is_counted_by_use() {
    let mut subnet = Subnet::new();
    let (id, far) = (new_till(&mut subnet), new_till(&mut subnet));
    let script = Script::default().burn(1_000).run_at(far, 0, Then::Reply, &Script::default().reply(3));
    run(&mut subnet, id, script).unwrap();
    let record = &subnet.canister(id).record;
    let on = |purpose| record.consumed.on(purpose).0;
    assert_eq!(on(Use::Burned), 1_000);
    let all = [
        Use::Memory,
        Use::ComputeAllocation,
        Use::IngressInduction,
        Use::Instructions,
        Use::RequestAndResponseTransmission,
        Use::Burned,
    ];
    let spent: u128 = all.into_iter().map(on).sum();
    assert_eq!(record.cycles.0 + spent, limits::PROVISIONAL_CYCLES, "nothing is spent uncounted");
    let arg = candid::encode(&super::record(id)).unwrap();
    let reply = subnet.query(user(1), management_canister(), "canister_metrics", arg.clone()).unwrap();
    let metrics: candid::CanisterMetricsResult = candid::decode(&reply).unwrap();
    assert_eq!(metrics.cycles_consumed.burned_cycles, Nat::from(1_000u32));
    assert_eq!(metrics.cycles_consumed.instructions, Nat::from(on(Use::Instructions)));
    let refused = subnet.query(user(2), management_canister(), "canister_metrics", arg).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CanisterInvalidController);
    assert_eq!(subnet.manage("canister_metrics", &super::record(id)).map(|_| ()), Ok(()));
}
