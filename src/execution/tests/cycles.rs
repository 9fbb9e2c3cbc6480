use super::*;
use crate::encoding::management as candid;
use crate::types::*;
use ::candid::Nat;

fn poor(subnet: &mut Subnet, cycles: u64) -> CanisterId {
    let id = subnet.workshop();
    let now = subnet.canister(id).record.cycles.0;
    // Send all but `cycles` away.
    let other = subnet.create();
    let arg = forwarded(
        management_canister(),
        "deposit_cycles",
        (now - u128::from(cycles)) as u64,
        &candid::encode(&record(other)).unwrap(),
    );
    subnet.update(id, "forward", arg).unwrap();
    id
}

#[test]
fn a_canister_that_accepts_keeps_the_cycles_and_one_that_does_not_gives_them_back() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let balance = |subnet: &Subnet, id| subnet.canister(id).record.cycles.0;
    let before = balance(&subnet, far);
    let amount = 1_000_000_000_000;
    subnet.update(near, "forward", forwarded(far.principal(), "accept", amount, b"")).unwrap();
    let gained = balance(&subnet, far) - before;
    assert!(gained > u128::from(amount) * 99 / 100, "{gained}");
    let before = (balance(&subnet, near), balance(&subnet, far));
    subnet.update(near, "forward", forwarded(far.principal(), "inc", amount, b"")).unwrap();
    assert!(before.0 - balance(&subnet, near) < 1_000_000_000, "only fees are gone");
    assert!(balance(&subnet, far) < before.1);
}

#[test]
fn the_price_of_a_call_is_that_of_four_nodes() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.update(id, "inc", vec![]).unwrap();
    let before = subnet.canister(id).record.cycles.0;
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![0; 100]);
    // In the same second, so that no time is charged.
    subnet.height_after(0, vec![call]);
    let paid = before - subnet.canister(id).record.cycles.0;
    let ingress = (1_200_000 + 2_000 * 103) * 4 / 13;
    let message = (5_000_000 + u128::from(subnet.facts.instructions.0)) * 4 / 13;
    assert_eq!(paid, ingress + message);
}

#[test]
fn burned_cycles_are_counted() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let before = subnet.state.counters.burned.0;
    subnet.update(id, "burn", vec![]).unwrap();
    assert!(subnet.state.counters.burned.0 - before > 1_000_000);
}

#[test]
fn a_canister_without_cycles_refuses_calls_and_can_be_helped() {
    let mut subnet = Subnet::new();
    let id = poor(&mut subnet, 20_000_000_000);
    let settings =
        candid::CanisterSettings { freezing_threshold: Some(Nat::from(1u64 << 40)), ..Default::default() };
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &args).unwrap();
    let reject = subnet.update(id, "inc", vec![]).unwrap_err();
    assert_eq!((reject.error, reject.code), (ErrorCode::CanisterOutOfCycles, RejectCode::SysTransient));
    let query = subnet.query(user(2), id.principal(), "read", vec![]).unwrap_err();
    assert_eq!(query.error, ErrorCode::CanisterOutOfCycles);
    let args =
        candid::ProvisionalTopUpCanisterArgs { canister_id: id.principal(), amount: Nat::from(1u128 << 100) };
    subnet.manage("provisional_top_up_canister", &args).unwrap();
    subnet.update(id, "inc", vec![]).unwrap();
}

#[test]
fn a_canister_that_cannot_pay_for_its_time_loses_its_code() {
    let mut subnet = Subnet::new();
    let id = poor(&mut subnet, 20_000_000_000);
    let settings = candid::CanisterSettings {
        compute_allocation: Some(Nat::from(1u8)),
        freezing_threshold: Some(Nat::from(0u8)),
        ..Default::default()
    };
    let args =
        candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None };
    subnet.manage("update_settings", &args).unwrap();
    subnet.height_after(86_400 * SECOND, vec![]);
    let reject = subnet.update(id, "inc", vec![]).unwrap_err();
    assert_eq!(reject.error, ErrorCode::CanisterOutOfCycles);
    assert_eq!(subnet.canister(id).record.module_hash, None);
    assert_eq!(subnet.canister(id).record.cycles, Cycles::ZERO);
    assert!(subnet.canister(id).heap.is_empty());
}

#[test]
fn a_canister_makes_another_with_what_it_attaches() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let arg = candid::encode(&candid::CreateCanisterArgs::default()).unwrap();
    let too_little = forwarded(management_canister(), "create_canister", 1_000, &arg);
    assert_eq!(subnet.update(id, "forward", too_little), Ok(vec![b'X', 4]));
    let reply =
        subnet.update(id, "forward", forwarded(management_canister(), "create_canister", 1 << 40, &arg));
    let made: candid::CanisterIdRecord = candid::decode(&reply.unwrap()).unwrap();
    let made = CanisterId::from_principal(&made.canister_id).unwrap();
    let fee = 500_000_000_000u128 * 4 / 13;
    assert_eq!(subnet.canister(made).record.cycles.0, (1 << 40) - fee);
    assert!(subnet.canister(made).is_controller(&id.principal()));
}

#[test]
fn no_amount_of_cycles_overflows() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    for amount in [Nat::from(u128::MAX), Nat::from(u128::MAX) + Nat::from(1u8)] {
        let args = candid::ProvisionalTopUpCanisterArgs { canister_id: id.principal(), amount };
        let reject = subnet.manage("provisional_top_up_canister", &args).unwrap_err();
        assert_eq!(reject.error, ErrorCode::InvalidManagementPayload);
    }
}
