//! Freezing, and who may do it (rule 9).

use super::script::*;
use super::*;
use crate::encoding::management as candid;
use crate::encoding::management::InstallMode;
use crate::execution::inspect;
use crate::execution::paused::Slicing;
use crate::state::{Frozen, IngressStatus, ReplicatedState, Status, Use};
use crate::types::*;
use ::candid::{CandidType, Nat};
use std::sync::Arc;

/// Between canisters with lower ids, which have their turns before it, and those with higher ones.
pub const GOVERNANCE: CanisterId = CanisterId(20);

/// The state of a subnet whose genesis names the governance canister.
pub fn governed_by(canister: CanisterId) -> ReplicatedState {
    genesis_with(|genesis| genesis.governance_canister = Some(canister.principal()))
}

impl Subnet {
    /// With a governance canister that does what users say.
    pub fn governed() -> Subnet {
        let mut subnet = Subnet::new();
        subnet.state = governed_by(GOVERNANCE);
        subnet.workshop_at(GOVERNANCE);
        subnet
    }

    pub fn workshop_at(&mut self, id: CanisterId) -> CanisterId {
        self.canister_at(id, workshop())
    }

    pub fn canister_at(&mut self, id: CanisterId, module: Vec<u8>) -> CanisterId {
        let specified_id = Some(id.principal());
        self.create_with(candid::ProvisionalCreateCanisterArgs { specified_id, ..Default::default() });
        self.install_module(id, InstallMode::Install, module, Vec::new()).unwrap();
        id
    }

    /// What the canister hears when it calls the management canister: the reply, or the reject code.
    pub fn through<T: CandidType>(
        &mut self,
        id: CanisterId,
        method: &str,
        args: &T,
    ) -> Result<Vec<u8>, RejectCode> {
        let arg = forwarded(management_canister(), method, 0, &candid::encode(args).unwrap());
        answer_of(&self.update(id, "forward", arg).unwrap())
    }

    pub fn decide<T: CandidType>(&mut self, method: &str, args: &T) -> Result<Vec<u8>, RejectCode> {
        self.through(GOVERNANCE, method, args)
    }

    fn decide_later<T: CandidType>(&mut self, method: &str, args: &T) -> Arc<Ingress> {
        let arg = forwarded(management_canister(), method, 0, &candid::encode(args).unwrap());
        self.ingress(user(2), GOVERNANCE.principal(), "forward", arg)
    }

    fn freeze(&mut self, id: CanisterId) {
        self.decide("atoll_freeze_canister", &freezing(id, "spam")).unwrap();
    }

    fn unfreeze(&mut self, id: CanisterId) {
        self.decide("atoll_unfreeze_canister", &record(id)).unwrap();
    }

    /// What `atoll_frozen` answers to anybody.
    fn frozen(&self, id: CanisterId) -> Option<candid::Frozen> {
        let arg = candid::encode(&record(id)).unwrap();
        candid::decode(&self.query(user(9), management_canister(), "atoll_frozen", arg).unwrap()).unwrap()
    }
}

/// The workshop's reply to a call that it forwarded.
pub fn answer_of(reply: &[u8]) -> Result<Vec<u8>, RejectCode> {
    match reply {
        [b'X', code] => Err(match code {
            1 => RejectCode::SysFatal,
            2 => RejectCode::SysTransient,
            3 => RejectCode::DestinationInvalid,
            4 => RejectCode::CanisterReject,
            5 => RejectCode::CanisterError,
            _ => RejectCode::SysUnknown,
        }),
        reply => Ok(reply.to_vec()),
    }
}

fn freezing(id: CanisterId, reason: &str) -> candid::FreezeCanisterArgs {
    candid::FreezeCanisterArgs { canister_id: id.principal(), reason: reason.into() }
}

/// That a call was refused because the canister is frozen for spam.
fn check_refused<T: std::fmt::Debug>(id: CanisterId, answer: Result<T, Reject>) {
    let reject = answer.expect_err("it is frozen");
    let message = format!("Canister {id} is frozen by the subnet's governance: spam");
    assert_eq!(reject, Reject::new(ErrorCode::CanisterFrozen, message));
    assert_eq!((reject.code, reject.error.to_string().as_str()), (RejectCode::CanisterError, "IC0590"));
}

#[test]
fn each_privileged_method_is_refused_to_all_but_the_governance_canister() {
    let prices = shown_prices(&Subnet::new());
    let check = |subnet: &mut Subnet, caller: CanisterId, target: CanisterId| {
        let calls = [
            ("atoll_freeze_canister", candid::encode(&freezing(target, "spam")).unwrap()),
            ("atoll_unfreeze_canister", candid::encode(&record(target)).unwrap()),
            (
                "atoll_set_prices",
                candid::encode(&candid::Prices { call: Nat::from(7u8), ..prices.clone() }).unwrap(),
            ),
        ];
        for (method, arg) in calls {
            let call = subnet.ingress(user(1), management_canister(), method, arg.clone());
            assert!(inspect(&subnet.engine, &subnet.state, &call.call).is_err(), "{method}");
            let refused = subnet.call(user(1), management_canister(), method, arg.clone()).unwrap_err();
            assert!(refused.message.contains("is not allowed to call ic00 method"), "{refused}");
            let forwarded = forwarded(management_canister(), method, 0, &arg);
            let reply = subnet.update(caller, "forward", forwarded).unwrap();
            assert_eq!(answer_of(&reply), Err(RejectCode::CanisterReject), "{method}");
            let query = subnet.query(user(1), management_canister(), method, arg);
            assert_eq!(query.unwrap_err().error, ErrorCode::CanisterMethodNotFound, "{method}");
        }
        assert_eq!((subnet.frozen(target), shown_prices(subnet)), (None, prices.clone()));
    };
    let mut subnet = Subnet::governed();
    let (other, target) = (subnet.workshop(), subnet.workshop());
    check(&mut subnet, other, target);
    // Where genesis names nobody, nobody may.
    let mut subnet = Subnet::new();
    let (other, target) = (subnet.workshop_at(GOVERNANCE), subnet.workshop());
    check(&mut subnet, other, target);
}

fn shown_prices(subnet: &Subnet) -> candid::Prices {
    let reply = subnet.query(user(9), management_canister(), "atoll_prices", candid::encode_unit()).unwrap();
    candid::decode(&reply).unwrap()
}

#[test]
fn a_frozen_canister_runs_for_nobody_and_says_why() {
    let mut subnet = Subnet::governed();
    let (id, near) = (subnet.workshop(), subnet.workshop());
    subnet.freeze(id);
    let since = subnet.canister(id).record.frozen.as_ref().unwrap().since;
    assert_eq!(subnet.frozen(id), Some(candid::Frozen { reason: "spam".into(), since_nanos: since.0 }));
    assert_eq!(subnet.frozen(near), None);
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    check_refused(id, inspect(&subnet.engine, &subnet.state, &call.call));
    let paid = |subnet: &Subnet| subnet.canister(id).record.consumed.on(Use::IngressInduction);
    let (fees, heap) = (paid(&subnet), subnet.canister(id).heap.root());
    check_refused(id, subnet.update(id, "inc", vec![]));
    assert_eq!(paid(&subnet), fees, "who is refused does not pay");
    check_refused(id, subnet.query(user(2), id.principal(), "read", vec![]));
    let before = subnet.canister(near).record.cycles;
    let reply = subnet.update(near, "forward", forwarded(id.principal(), "inc", 1 << 40, b"")).unwrap();
    assert_eq!(answer_of(&reply), Err(RejectCode::CanisterError));
    let spent = before.saturating_sub(subnet.canister(near).record.cycles);
    assert!(spent < Cycles(1 << 36), "what was attached came back: {spent}");
    assert_eq!(subnet.canister(id).heap.root(), heap);
    let frozen = Some(Frozen { reason: "spam".into(), since });
    assert_eq!(subnet.restored().canister(id).unwrap().record.frozen, frozen);
    subnet.unfreeze(id);
    subnet.update(id, "inc", vec![]).unwrap();
    assert_eq!((subnet.count(id), subnet.frozen(id)), (1, None));
}

#[test]
fn what_cannot_be_frozen_or_freed_is_refused_and_another_reason_keeps_the_time() {
    let mut subnet = Subnet::governed();
    let id = subnet.workshop();
    let refused = Err(RejectCode::CanisterReject);
    let freeze = |subnet: &mut Subnet, id: CanisterId, reason: &str| {
        subnet.decide("atoll_freeze_canister", &freezing(id, reason))
    };
    assert_eq!(freeze(&mut subnet, id, &"x".repeat(501)), refused);
    assert_eq!(freeze(&mut subnet, GOVERNANCE, "spam"), refused);
    assert_eq!(freeze(&mut subnet, CanisterId(99), "spam"), Err(RejectCode::DestinationInvalid));
    assert_eq!(subnet.decide("atoll_unfreeze_canister", &record(id)), refused);
    assert_eq!((subnet.frozen(id), subnet.frozen(GOVERNANCE)), (None, None));
    freeze(&mut subnet, id, &"x".repeat(500)).unwrap();
    let first = subnet.frozen(id).unwrap();
    freeze(&mut subnet, id, "spam").unwrap();
    let second = candid::Frozen { reason: "spam".into(), ..first };
    assert_eq!(subnet.frozen(id), Some(second));
}

#[test]
fn a_call_that_waits_while_its_canister_is_frozen_is_refused() {
    let mut subnet = Subnet::governed();
    let (id, near) = (subnet.workshop_at(CanisterId(30)), subnet.workshop_at(CanisterId(10)));
    subnet.update(id, "inc", vec![]).unwrap();
    let before = subnet.canister(near).record.cycles;
    // Their turns come by their ids: the caller, governance, the frozen.
    let calls = [
        subnet.ingress(user(2), near.principal(), "forward", forwarded(id.principal(), "inc", 1 << 40, b"")),
        subnet.decide_later("atoll_freeze_canister", &freezing(id, "spam")),
        subnet.ingress(user(2), id.principal(), "inc", vec![]),
    ];
    subnet.height(calls.to_vec());
    subnet.height(vec![]);
    assert_eq!(subnet.status(&calls[0]), Some(IngressStatus::Replied(vec![b'X', 5])));
    let spent = before.saturating_sub(subnet.canister(near).record.cycles);
    assert!(spent < Cycles(1 << 36), "what was attached came back: {spent}");
    let Some(IngressStatus::Rejected(reject)) = subnet.status(&calls[2]) else {
        panic!("{:?}", subnet.status(&calls[2]));
    };
    check_refused(id, Err::<(), _>(reject));
    assert!(subnet.canister(id).queue.is_empty());
}

#[test]
fn a_response_to_a_frozen_canister_ends_its_call_with_the_reason_and_brings_its_cycles() {
    let mut subnet = Subnet::governed();
    let (id, far) = (subnet.workshop_at(CanisterId(10)), subnet.workshop_at(CanisterId(30)));
    subnet.update(far, "inc", vec![]).unwrap();
    let before = subnet.canister(id).record.cycles;
    let calls = [
        subnet.ingress(user(2), id.principal(), "forward", forwarded(far.principal(), "inc", 1 << 40, b"")),
        subnet.decide_later("atoll_freeze_canister", &freezing(id, "spam")),
    ];
    subnet.height(calls.to_vec());
    subnet.height(vec![]);
    assert_eq!(subnet.count(far), 2, "the call had gone out");
    let Some(IngressStatus::Rejected(reject)) = subnet.status(&calls[0]) else {
        panic!("{:?}", subnet.status(&calls[0]));
    };
    check_refused(id, Err::<(), _>(reject));
    let canister = subnet.canister(id).record.clone();
    assert!(canister.callbacks.is_empty() && canister.contexts.is_empty());
    assert!(before.saturating_sub(canister.cycles) < Cycles(1 << 36), "refund and reservation came back");
    assert_eq!(subnet.state.counters.calls_in_flight, 0);
}

#[test]
fn a_stop_that_waits_comes_to_its_end_while_the_canister_is_frozen() {
    let mut subnet = Subnet::governed();
    let (id, helper) = (subnet.workshop_at(CanisterId(10)), subnet.workshop_at(CanisterId(15)));
    let far = subnet.workshop_at(CanisterId(30));
    let controllers = Some(vec![user(1), helper.principal()]);
    let settings = candid::CanisterSettings { controllers, ..Default::default() };
    let canister_id = id.principal();
    let change = candid::UpdateSettingsArgs { canister_id, settings, sender_canister_version: None };
    subnet.manage("update_settings", &change).unwrap();
    subnet.update(far, "inc", vec![]).unwrap();
    // The call goes out, then the stop waits for it, then the canister is frozen, then the response comes.
    let stop = forwarded(management_canister(), "stop_canister", 0, &candid::encode(&record(id)).unwrap());
    let stop = subnet.ingress(user(2), helper.principal(), "forward", stop);
    let calls = vec![
        subnet.ingress(user(2), id.principal(), "forward", forwarded(far.principal(), "inc", 0, b"")),
        stop.clone(),
        subnet.decide_later("atoll_freeze_canister", &freezing(id, "spam")),
    ];
    subnet.height(calls);
    subnet.height(vec![]);
    assert_eq!(subnet.status(&stop), Some(IngressStatus::Replied(candid::encode_unit())));
    let record = &subnet.canister(id).record;
    assert_eq!((&record.status, record.frozen.is_some()), (&Status::Stopped, true));
}

#[test]
fn timer_and_heartbeat_rest_while_a_canister_is_frozen() {
    let beating = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (memory 1)
        (func (export "canister_heartbeat")
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
        (func (export "canister_query read") (call $append (i32.const 0) (i32.const 4)) (call $reply)))"#;
    let mut subnet = Subnet::governed();
    let beat = subnet.canister_at(CanisterId(8), wat::parse_str(beating).unwrap());
    let timed = subnet.workshop_at(CanisterId(10));
    subnet.freeze(beat);
    let count = |subnet: &Subnet| {
        let page = subnet.canister(beat).heap.get(0).unwrap();
        page.map_or(0, |page| u32::from_le_bytes(page[..4].try_into().unwrap()))
    };
    let frozen_at = count(&subnet);
    assert!(frozen_at > 0);
    subnet.update(GOVERNANCE, "inc", vec![]).unwrap();
    let calls = vec![
        subnet.ingress(user(2), timed.principal(), "arm", vec![]),
        subnet.decide_later("atoll_freeze_canister", &freezing(timed, "spam")),
    ];
    subnet.height(calls);
    assert!(!subnet.canister(timed).record.global_timer.is_zero(), "it was armed before it was frozen");
    for _ in 0..3 {
        subnet.height(vec![]);
    }
    assert_eq!((count(&subnet), subnet.state.due_timers(Time(u64::MAX))), (frozen_at, vec![]));
    subnet.unfreeze(beat);
    subnet.unfreeze(timed);
    subnet.height(vec![]);
    assert!(count(&subnet) > frozen_at);
    assert_eq!(subnet.count(timed), 1_000, "the timer went off once it was free");
}

#[test]
fn controllers_change_nothing_of_a_frozen_canister_but_see_it_and_top_it_up() {
    let mut subnet = Subnet::governed();
    let (id, helper) = (subnet.workshop(), subnet.workshop());
    let controllers = Some(vec![user(1), helper.principal()]);
    let settings = candid::CanisterSettings { controllers, ..Default::default() };
    let canister_id = id.principal();
    let change = candid::UpdateSettingsArgs { canister_id, settings, sender_canister_version: None };
    subnet.manage("update_settings", &change).unwrap();
    subnet.freeze(id);
    let install = candid::InstallCodeArgs {
        mode: InstallMode::Upgrade(None),
        canister_id,
        wasm_module: workshop(),
        arg: Vec::new(),
        sender_canister_version: None,
    };
    let chunk = candid::UploadChunkArgs { canister_id, chunk: vec![1] };
    let uninstall = candid::UninstallCodeArgs { canister_id, sender_canister_version: None };
    let snapshot = candid::TakeCanisterSnapshotArgs {
        canister_id,
        replace_snapshot: None,
        uninstall_code: None,
        sender_canister_version: None,
    };
    let calls = [
        ("start_canister", candid::encode(&record(id))),
        ("stop_canister", candid::encode(&record(id))),
        ("delete_canister", candid::encode(&record(id))),
        ("clear_chunk_store", candid::encode(&record(id))),
        ("install_code", candid::encode(&install)),
        ("upload_chunk", candid::encode(&chunk)),
        ("uninstall_code", candid::encode(&uninstall)),
        ("update_settings", candid::encode(&change)),
        ("take_canister_snapshot", candid::encode(&snapshot)),
    ];
    let before = subnet.canister(id).record.clone();
    for (method, arg) in calls {
        let arg = arg.unwrap();
        let call = subnet.ingress(user(1), management_canister(), method, arg.clone());
        check_refused(id, inspect(&subnet.engine, &subnet.state, &call.call));
        check_refused(id, subnet.call(user(1), management_canister(), method, arg.clone()));
        let reply =
            subnet.update(helper, "forward", forwarded(management_canister(), method, 0, &arg)).unwrap();
        assert_eq!(answer_of(&reply), Err(RejectCode::CanisterError), "{method}");
    }
    assert_eq!(subnet.canister(id).record, before);
    assert_eq!(subnet.canister_status(id).status, candid::CanisterStatusType::Running);
    let top_up = candid::ProvisionalTopUpCanisterArgs { canister_id, amount: Nat::from(1u64 << 40) };
    subnet.manage("provisional_top_up_canister", &top_up).unwrap();
    let deposit =
        forwarded(management_canister(), "deposit_cycles", 1 << 40, &candid::encode(&record(id)).unwrap());
    subnet.update(helper, "forward", deposit).unwrap();
    let more = subnet.canister(id).record.cycles.saturating_sub(before.cycles);
    assert!(more > Cycles((1 << 41) - (1 << 36)), "{more}");
}

#[test]
fn a_frozen_canister_pays_for_its_time_and_is_emptied_when_its_funds_end() {
    let mut subnet = Subnet::governed();
    let id = subnet.workshop();
    let settings = candid::CanisterSettings {
        compute_allocation: Some(Nat::from(100u8)),
        freezing_threshold: Some(Nat::from(0u8)),
        ..Default::default()
    };
    let change =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &change).unwrap();
    subnet.freeze(id);
    subnet.height_after(30 * 86_400 * SECOND, vec![]);
    let record = &subnet.canister(id).record;
    assert_eq!((record.module_hash, record.cycles), (None, Cycles::ZERO));
    assert!(record.frozen.is_some());
}

fn mill() -> Vec<u8> {
    wat::parse_str(include_str!("mill.wat")).unwrap()
}

/// A mill that runs in slices, and governance.
fn sliced() -> (Subnet, CanisterId) {
    let mut subnet = Subnet::governed();
    let id = subnet.canister_at(CanisterId(10), mill());
    subnet.slicing = Slicing {
        slice: Instructions(500_000),
        paced: false,
        update_max: Instructions(30_000_000),
        install_max: Instructions(60_000_000),
    };
    (subnet, id)
}

const ROUNDS: [u8; 4] = 250_000u32.to_le_bytes();

#[test]
fn a_run_in_the_middle_is_broken_off_and_paid_as_far_as_it_was_granted() {
    // `ask` has a callback that goes on, after a call that has added one.
    for (method, total) in [("grind", 0u32), ("ask", 1)] {
        let (mut subnet, id) = sliced();
        let call = subnet.ingress(user(2), id.principal(), method, ROUNDS.to_vec());
        subnet.height(vec![call.clone()]);
        assert_eq!(subnet.state.paused_count(), 1, "{method}");
        subnet.freeze(id);
        assert_eq!(subnet.state.paused_count(), 0, "{method}");
        let Some(IngressStatus::Rejected(reject)) = subnet.status(&call) else {
            panic!("{method}: {:?}", subnet.status(&call));
        };
        check_refused(id, Err::<(), _>(reject));
        let canister = subnet.canister(id);
        assert!(canister.record.contexts.is_empty() && canister.queue.is_empty(), "{method}");
        subnet.unfreeze(id);
        let reply = subnet.query(user(2), id.principal(), "read", vec![]).unwrap();
        assert_eq!(reply, total.to_le_bytes(), "{method}");
    }
}

#[test]
fn a_timer_that_is_broken_off_goes_off_again() {
    let (mut subnet, id) = sliced();
    subnet.update(id, "arm", vec![]).unwrap();
    subnet.height(vec![]);
    assert_eq!(subnet.state.paused_count(), 1);
    subnet.freeze(id);
    assert_eq!((subnet.state.paused_count(), subnet.state.due_timers(Time(u64::MAX))), (0, vec![]));
    subnet.unfreeze(id);
    for _ in 0..40 {
        subnet.height(vec![]);
    }
    let reply = subnet.query(user(2), id.principal(), "read", vec![]).unwrap();
    assert_eq!(reply, 200_000u32.to_le_bytes());
}

#[test]
fn an_installation_in_the_middle_is_broken_off_and_leaves_what_was_there() {
    let (mut subnet, id) = sliced();
    let before = subnet.canister(id).record.module_hash;
    let install = candid::InstallCodeArgs {
        mode: InstallMode::Reinstall,
        canister_id: id.principal(),
        wasm_module: mill(),
        arg: ROUNDS.to_vec(),
        sender_canister_version: None,
    };
    let arg = candid::encode(&install).unwrap();
    let call = subnet.ingress(user(1), management_canister(), "install_code", arg);
    subnet.height(vec![call.clone()]);
    assert!(subnet.state.paused(id).is_some_and(|paused| paused.is_install()));
    let history = subnet.canister(id).record.history_total;
    subnet.freeze(id);
    let Some(IngressStatus::Rejected(reject)) = subnet.status(&call) else {
        panic!("{:?}", subnet.status(&call));
    };
    check_refused(id, Err::<(), _>(reject));
    let record = &subnet.canister(id).record;
    assert_eq!((record.module_hash, record.history_total), (before, history));
    assert_eq!(subnet.state.paused_count(), 0);
}

#[test]
fn no_cycles_come_or_go_while_canisters_freeze_and_thaw() {
    let mut subnet = Subnet::governed();
    let tills: Vec<CanisterId> =
        (0..4).map(|n| subnet.canister_at(CanisterId(18 + n + n / 2 * 4), till())).collect();
    let mut dice = super::conservation::Dice(11);
    for _ in 0..60 {
        let (a, b, c) = (dice.pick(&tills), dice.pick(&tills), dice.pick(&tills));
        let then = dice.pick(&[Then::Reply, Then::AcceptAll, Then::Trap, Then::CallAndTrap]);
        let inner = Script::default().run_at(c, dice.cycles() >> 24, then, &Script::default().reply(3));
        let script = Script::default().accept(5).run_at(b, dice.cycles() >> 24, then, &inner);
        let method = dice.pick(&["atoll_freeze_canister", "atoll_unfreeze_canister"]);
        let call = match method {
            "atoll_freeze_canister" => subnet.decide_later(method, &freezing(b, "spam")),
            _ => subnet.decide_later(method, &record(b)),
        };
        let run = subnet.ingress(user(2), a.principal(), "run", script.0);
        let late = subnet.ingress(user(2), c.principal(), "run", Script::default().burn(7).reply(1).0);
        subnet.height(vec![run.clone(), call, late]);
        for _ in 0..3 {
            subnet.height(vec![]);
        }
        assert!(subnet.status(&run).is_some_and(|status| status.is_final()), "every call is answered");
    }
    assert_eq!(subnet.state.counters.calls_in_flight, 0);
}
