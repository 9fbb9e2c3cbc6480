//! Runs that take more than a slice (rule 7).

use super::*;
use crate::encoding::management as candid;
use crate::encoding::management::InstallMode;
use crate::execution::paused::Slicing;
use crate::state::{IngressStatus, Status};
use crate::types::*;
use crate::wasm::Engine;
use std::sync::Arc;

/// Instructions of a slice, and of some rounds of the mill: five slices and more.
const SLICE: u64 = 500_000;
const ROUNDS: u32 = 250_000;

fn mill() -> Vec<u8> {
    wat::parse_str(include_str!("mill.wat")).unwrap()
}

fn rounds(n: u32) -> Vec<u8> {
    n.to_le_bytes().to_vec()
}

/// A subnet with slices of so many instructions, and a mill.
fn subnet(slice: u64) -> (Subnet, CanisterId) {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    subnet.install_module(id, InstallMode::Install, mill(), vec![]).unwrap();
    subnet.slicing = Slicing {
        slice: Instructions(slice),
        paced: false,
        update_max: Instructions(30_000_000),
        install_max: Instructions(60_000_000),
    };
    (subnet, id)
}

impl Subnet {
    fn send(&mut self, id: CanisterId, method: &str, n: u32) -> Arc<Ingress> {
        self.ingress(user(2), id.principal(), method, rounds(n))
    }

    fn manage_later<T: ::candid::CandidType>(&mut self, method: &str, args: &T) -> Arc<Ingress> {
        self.ingress(user(1), management_canister(), method, candid::encode(args).unwrap())
    }

    fn install_later(&mut self, id: CanisterId, mode: InstallMode, arg: Vec<u8>) -> Arc<Ingress> {
        let args = candid::InstallCodeArgs {
            mode,
            canister_id: id.principal(),
            wasm_module: mill(),
            arg,
            sender_canister_version: None,
        };
        self.manage_later("install_code", &args)
    }

    /// Makes heights, in the same second, until the call is answered; answers how many were made.
    fn wait(&mut self, call: &Ingress) -> usize {
        for heights in 0..400 {
            if self.status(call).is_some_and(|status| status.is_final()) {
                return heights;
            }
            self.height_after(0, vec![]);
        }
        panic!("not answered: {:?}", self.status(call));
    }

    fn answer(&self, call: &Ingress) -> Result<Vec<u8>, Reject> {
        match self.status(call) {
            Some(IngressStatus::Replied(reply)) => Ok(reply),
            Some(IngressStatus::Rejected(reject)) => Err(reject),
            other => panic!("{other:?}"),
        }
    }

    fn total(&self, id: CanisterId) -> u32 {
        u32::from_le_bytes(self.query(user(2), id.principal(), "read", vec![]).unwrap().try_into().unwrap())
    }

    /// As after a restart: from disk, with an engine that knows nothing.
    fn restart(&mut self) {
        self.state = self.restored();
        self.engine = Arc::new(Engine::new(None));
    }
}

/// Everything that can be long, all answered, in `heights` heights of one second; the root in the end.
fn all_kinds(slice: u64, heights: usize) -> (StateRoot, usize) {
    let (mut subnet, id) = subnet(slice);
    let (near, far) = (subnet.create(), subnet.create());
    let methods = ["grind", "peek", "grind_boom", "silent", "ask", "ask_boom", "spin", "arm", "tick"];
    let mut paused = 0;
    for method in methods {
        let call = subnet.send(id, method, ROUNDS);
        subnet.height_after(0, vec![call]);
        for _ in 0..heights {
            paused += subnet.state.paused_count();
            subnet.height_after(0, vec![]);
        }
    }
    for (canister, mode, arg) in [
        (near, InstallMode::Install, rounds(ROUNDS)),
        (near, InstallMode::Upgrade(None), rounds(ROUNDS)),
        (far, InstallMode::Install, [rounds(ROUNDS), vec![0]].concat()),
        (id, InstallMode::Reinstall, rounds(ROUNDS)),
    ] {
        let call = subnet.install_later(canister, mode, arg);
        subnet.height_after(0, vec![call]);
        for _ in 0..heights {
            paused += subnet.state.paused_count();
            subnet.height_after(0, vec![]);
        }
    }
    assert_eq!(subnet.state.paused_count(), 0);
    (subnet.state.root(), paused)
}

#[test]
fn the_result_is_the_same_whatever_the_slices() {
    // So many that the samples of duties, at every 499th height, fall between the runs.
    let heights = 150;
    let whole = all_kinds(60_000_000, heights);
    assert_eq!(whole.1, 0, "nothing is paused in slices as large as the limit");
    for slice in [7_000_000, 1_000_000, 433_337] {
        let (root, paused) = all_kinds(slice, heights);
        assert_eq!(root, whole.0, "slices of {slice}");
        assert!(paused > 0);
    }
}

#[test]
fn a_run_ends_in_the_height_in_which_it_was_granted_what_it_uses() {
    let (mut subnet, id) = subnet(SLICE);
    let call = subnet.send(id, "grind", ROUNDS);
    subnet.height_after(0, vec![call.clone()]);
    assert_eq!(subnet.status(&call), Some(IngressStatus::Processing));
    let heights = subnet.wait(&call);
    let reply = subnet.answer(&call).unwrap();
    let used = u64::from_le_bytes(reply[32..40].try_into().unwrap());
    assert!(used > 2_000_000, "{used}");
    assert_eq!(heights as u64, used / SLICE);
    assert_eq!(subnet.total(id), ROUNDS);
}

#[test]
fn a_run_gets_its_slice_in_a_second_of_block_time() {
    let (mut subnet, id) = subnet(SLICE);
    subnet.slicing.paced = true;
    let call = subnet.send(id, "grind", ROUNDS);
    subnet.height(vec![call]);
    for (nanos, granted) in
        [(0, SLICE), (SECOND / 4, SLICE * 5 / 4), (SECOND, SLICE * 9 / 4), (5 * SECOND, SLICE * 13 / 4)]
    {
        subnet.height_after(nanos, vec![]);
        assert_eq!(subnet.canister(id).record.granted, Some(Instructions(granted)));
    }
}

#[test]
fn a_restart_in_every_slice_loses_nothing() {
    let check = |method: &str| {
        let (mut through, id) = subnet(SLICE);
        let (mut restarted, _) = subnet(SLICE);
        assert_eq!(through.state.root(), restarted.state.root());
        let call = through.send(id, method, ROUNDS);
        let mut ingress = vec![restarted.send(id, method, ROUNDS)];
        assert_eq!(ingress, std::slice::from_ref(&call));
        let mut heights = 0;
        while !through.status(&call).is_some_and(|status| status.is_final()) {
            through.height(ingress.clone());
            restarted.restart();
            restarted.height(std::mem::take(&mut ingress));
            assert_eq!(restarted.state.root(), through.state.root(), "{method}, slice {heights}");
            assert_eq!(restarted.delta, through.delta);
            heights += 1;
        }
        assert!(heights > 4, "{method}: {heights}");
    };
    ["grind", "grind_boom", "ask", "ask_boom"].iter().for_each(|method| check(method));
}

#[test]
fn an_installation_goes_on_after_restarts() {
    let (mut through, id) = subnet(SLICE);
    let (mut restarted, _) = subnet(SLICE);
    let call = through.install_later(id, InstallMode::Upgrade(None), rounds(ROUNDS));
    restarted.install_later(id, InstallMode::Upgrade(None), rounds(ROUNDS));
    let mut ingress = vec![call.clone()];
    while !through.status(&call).is_some_and(|status| status.is_final()) {
        through.height(ingress.clone());
        restarted.restart();
        restarted.height(std::mem::take(&mut ingress));
        assert_eq!(restarted.state.root(), through.state.root());
    }
    through.answer(&call).unwrap();
    assert_eq!((through.total(id), restarted.total(id)), (ROUNDS, ROUNDS));
}

#[test]
fn other_canisters_go_on_and_the_own_messages_wait() {
    let (mut subnet, id) = subnet(SLICE);
    let other = subnet.workshop();
    let long = subnet.send(id, "grind", 4 * ROUNDS);
    let next = subnet.send(id, "tick", 0);
    subnet.height(vec![long.clone(), next.clone()]);
    for _ in 0..10 {
        let call = subnet.ingress(user(2), other.principal(), "inc", vec![]);
        subnet.height(vec![call.clone()]);
        assert!(subnet.answer(&call).is_ok(), "answered in its own height");
        assert_eq!(subnet.status(&long), Some(IngressStatus::Processing));
        assert_eq!(subnet.status(&next), Some(IngressStatus::Received));
        assert_eq!(subnet.total(id), 0, "queries see the state before");
    }
    subnet.wait(&long);
    assert!(subnet.answer(&next).is_ok(), "the next message runs in the same height");
    assert_eq!(subnet.total(id), 4 * ROUNDS + 1);
}

#[test]
fn a_trap_in_a_later_slice_rolls_back() {
    let (mut subnet, id) = subnet(SLICE);
    let call = subnet.send(id, "grind_boom", ROUNDS);
    subnet.height(vec![call.clone()]);
    assert!(subnet.wait(&call) > 3);
    assert_eq!(subnet.answer(&call).unwrap_err().error, ErrorCode::CanisterCalledTrap);
    assert_eq!(subnet.total(id), 0);
}

#[test]
fn a_callback_that_traps_in_a_later_slice_is_cleaned_up() {
    let (mut subnet, id) = subnet(SLICE);
    let call = subnet.send(id, "ask_boom", ROUNDS);
    subnet.height(vec![call.clone()]);
    subnet.wait(&call);
    assert_eq!(subnet.answer(&call).unwrap_err().error, ErrorCode::CanisterCalledTrap);
    assert_eq!(subnet.total(id), 1 + 7, "the call of itself and the cleanup");
    assert!(subnet.canister(id).record.contexts.is_empty());
}

#[test]
fn an_endless_run_ends_at_the_limit_of_all_slices() {
    let (mut subnet, id) = subnet(SLICE);
    let call = subnet.send(id, "spin", 0);
    subnet.height(vec![call.clone()]);
    assert_eq!(subnet.wait(&call) as u64, 30_000_000 / SLICE - 1);
    assert_eq!(subnet.answer(&call).unwrap_err().error, ErrorCode::CanisterInstructionLimitExceeded);
}

#[test]
fn management_calls_wait_until_the_run_has_ended() {
    let (mut subnet, id) = subnet(SLICE);
    let long = subnet.send(id, "grind", ROUNDS);
    subnet.height(vec![long.clone()]);
    let upgrade = subnet.install_later(id, InstallMode::Upgrade(None), vec![]);
    let stop = subnet.manage_later("stop_canister", &record(id));
    let delete = subnet.manage_later("delete_canister", &record(id));
    subnet.height(vec![upgrade.clone(), stop.clone(), delete.clone()]);
    assert_eq!(subnet.canister(id).held.len(), 3);
    subnet.restart();
    for call in [&upgrade, &stop, &delete] {
        assert_eq!(subnet.status(call), Some(IngressStatus::Received));
    }
    subnet.canister_status(id);
    subnet.wait(&long);
    assert!(subnet.answer(&long).is_ok());
    assert!(subnet.state.canister(id).is_some());
    subnet.wait(&delete);
    for call in [&upgrade, &stop, &delete] {
        assert!(subnet.answer(call).is_ok());
    }
    assert!(subnet.state.canister(id).is_none());
}

#[test]
fn a_stop_waits_for_a_callback_in_the_middle() {
    let (mut subnet, id) = subnet(SLICE);
    let call = subnet.send(id, "ask", ROUNDS);
    subnet.height(vec![call.clone()]);
    let stop = subnet.manage_later("stop_canister", &record(id));
    subnet.height(vec![stop.clone()]);
    assert_eq!(subnet.canister(id).record.status, Status::Running);
    subnet.wait(&stop);
    assert!(subnet.answer(&call).is_ok());
    assert_eq!(subnet.canister(id).record.status, Status::Stopped);
}

#[test]
fn cycles_that_come_and_go_in_the_middle_are_kept() {
    let (mut subnet, id) = subnet(SLICE);
    let before = subnet.canister(id).record.cycles;
    let long = subnet.send(id, "grind", ROUNDS);
    subnet.height_after(0, vec![long.clone()]);
    let prepaid = subnet.canister(id).paused.as_ref().unwrap().prepaid;
    assert!(prepaid >= Cycles(30_000_000 * 4 / 13));
    let args = candid::ProvisionalTopUpCanisterArgs {
        canister_id: id.principal(),
        amount: 5_000_000_000_u64.into(),
    };
    let top_up = subnet.manage_later("provisional_top_up_canister", &args);
    let next = subnet.send(id, "tick", 0);
    subnet.height_after(0, vec![top_up.clone(), next]);
    assert!(subnet.answer(&top_up).is_ok(), "it does not wait");
    subnet.wait(&long);
    let after = subnet.canister(id).record.cycles;
    let gained = after.checked_sub(before).unwrap();
    assert!(gained > Cycles(4_990_000_000) && gained < Cycles(5_000_000_000), "{gained}");
}

#[test]
fn runs_without_a_place_wait_in_line() {
    let (mut subnet, first) = subnet(SLICE);
    let mut ids = vec![first];
    for _ in 0..4 {
        let id = subnet.create();
        subnet.install_module(id, InstallMode::Install, mill(), vec![]).unwrap();
        ids.push(id);
    }
    let calls: Vec<_> = ids.iter().map(|id| subnet.send(*id, "grind", ROUNDS)).collect();
    subnet.height_after(0, calls.clone());
    let granted = |subnet: &Subnet| -> Vec<_> {
        ids.iter().map(|id| subnet.canister(*id).record.granted.unwrap().0 / SLICE).collect()
    };
    assert_eq!((granted(&subnet), subnet.engine.long_runs()), (vec![1, 1, 0, 0, 0], 2));
    subnet.height_after(0, vec![]);
    assert_eq!((granted(&subnet), subnet.engine.long_runs()), (vec![2, 2, 0, 0, 0], 2));
    subnet.restart();
    let heights = calls.iter().map(|call| subnet.wait(call)).collect::<Vec<_>>();
    assert_eq!((heights[1], heights[3]), (0, 0), "two at a time: {heights:?}");
    assert!(ids.iter().all(|id| subnet.total(*id) == ROUNDS));
    assert_eq!(subnet.engine.long_runs(), 0);
}

#[test]
fn one_installation_leaves_a_place_for_a_call() {
    let (mut subnet, id) = subnet(SLICE);
    let others = [subnet.create(), subnet.create()];
    let installs = others.map(|id| subnet.install_later(id, InstallMode::Install, rounds(4 * ROUNDS)));
    subnet.height_after(0, installs.to_vec());
    assert_eq!(subnet.state.under_way().len(), 1);
    let call = subnet.send(id, "grind", ROUNDS);
    subnet.height_after(0, vec![call.clone()]);
    assert_eq!(subnet.state.under_way().len(), 2);
    subnet.wait(&call);
    assert!(installs.iter().all(|install| !subnet.status(install).unwrap().is_final()));
    installs.iter().for_each(|install| {
        subnet.wait(install);
    });
    assert!(others.iter().all(|id| subnet.total(*id) == 4 * ROUNDS));
}

#[test]
fn a_failed_long_installation_changes_nothing_but_fee_and_log() {
    let (mut subnet, id) = subnet(SLICE);
    subnet.update(id, "tick", vec![]).unwrap();
    let before = subnet.canister(id).clone();
    let modules = subnet.state.module(&before.record.module_hash.unwrap()).cloned();
    let call = subnet.install_later(id, InstallMode::Reinstall, [rounds(ROUNDS), vec![0]].concat());
    subnet.height(vec![call.clone()]);
    let waiting = subnet.send(id, "tick", 0);
    subnet.height(vec![waiting.clone()]);
    assert!(subnet.wait(&call) > 3);
    assert_eq!(subnet.answer(&call).unwrap_err().error, ErrorCode::CanisterCalledTrap);
    assert!(subnet.answer(&waiting).is_ok(), "it waited and ran on the old code");
    let after = subnet.canister(id);
    assert_eq!(after.record.module_hash, before.record.module_hash);
    assert!(after.record.cycles < before.record.cycles);
    assert!(modules.is_some());
    assert_eq!(subnet.total(id), 2);
}

#[test]
fn a_timer_is_not_due_in_the_middle_of_a_run() {
    let (mut subnet, id) = subnet(SLICE);
    subnet.update(id, "arm", vec![]).unwrap();
    let long = subnet.send(id, "grind", ROUNDS);
    // The timer, 200,000 rounds, comes first; the call waits until it has ended.
    subnet.height(vec![long.clone()]);
    assert_eq!(subnet.status(&long), Some(IngressStatus::Received));
    assert!(subnet.state.due_timers(Time(u64::MAX)).is_empty());
    subnet.wait(&long);
    assert_eq!(subnet.total(id), 200_000 + ROUNDS);
}

#[test]
fn a_long_call_does_not_expire() {
    let (mut subnet, id) = subnet(SLICE);
    let long = subnet.send(id, "grind", ROUNDS);
    subnet.height(vec![long.clone()]);
    subnet.height_after(2 * limits::INGRESS_TTL_MS * 1_000_000, vec![]);
    assert_eq!(subnet.status(&long), Some(IngressStatus::Processing));
    subnet.wait(&long);
    assert!(subnet.answer(&long).is_ok());
}

#[test]
fn a_host_that_knows_the_long_entry_points_gets_the_same_results() {
    let (mut knowing, id) = subnet(SLICE);
    let (mut forgetful, _) = subnet(SLICE);
    for n in [ROUNDS, 1, ROUNDS, ROUNDS, 2, ROUNDS] {
        let call = knowing.send(id, "grind", n);
        let mut ingress = vec![forgetful.send(id, "grind", n)];
        let mut next = vec![call.clone()];
        while !knowing.status(&call).is_some_and(|status| status.is_final()) {
            knowing.height(std::mem::take(&mut next));
            forgetful.restart();
            forgetful.height(std::mem::take(&mut ingress));
            assert_eq!(knowing.state.root(), forgetful.state.root(), "{n} rounds");
            assert_eq!(knowing.delta, forgetful.delta, "{n} rounds");
        }
    }
    assert_eq!(knowing.total(id), 4 * ROUNDS + 3);
}
