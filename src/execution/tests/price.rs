//! Prices by vote (`charge`, rules 4 and 5).

use super::govern::{GOVERNANCE, governed_by};
use super::*;
use crate::encoding::management as candid;
use crate::execution::paused::Slicing;
use crate::execution::price::PriceTable;
use crate::state::{Tariff, Use};
use crate::types::limits::{PRICE_MAX, REPRICED_PER_HEIGHT_MAX};
use crate::types::*;
use ::candid::Nat;

const DAY: u64 = 86_400 * SECOND;
const NODES: usize = 4;

/// All at one price.
fn flat(price: u128) -> candid::Prices {
    let price = || Nat::from(price);
    candid::Prices {
        ingress: price(),
        ingress_byte: price(),
        call: price(),
        call_byte: price(),
        message: price(),
        instruction: price(),
        gib_second: price(),
        compute_percent_second: price(),
        creation: price(),
        http: price(),
        http_node: price(),
        http_request_byte: price(),
        http_response_byte: price(),
    }
}

fn shown(subnet: &Subnet) -> candid::Prices {
    let reply = subnet.query(user(9), management_canister(), "atoll_prices", candid::encode_unit()).unwrap();
    candid::decode(&reply).unwrap()
}

impl Subnet {
    /// Sets prices, and answers when.
    fn set_prices(&mut self, prices: &candid::Prices) -> Time {
        self.decide("atoll_set_prices", prices).unwrap();
        self.state.time()
    }

    /// Gives the canister more than any price takes.
    fn endow(&mut self, id: CanisterId) {
        let amount = Nat::from(10u128.pow(32));
        let args = candid::ProvisionalTopUpCanisterArgs { canister_id: id.principal(), amount };
        self.manage("provisional_top_up_canister", &args).unwrap();
    }

    fn allocate(&mut self, id: CanisterId, bytes: u64) {
        let settings =
            candid::CanisterSettings { memory_allocation: Some(Nat::from(bytes)), ..Default::default() };
        let canister_id = id.principal();
        let args = candid::UpdateSettingsArgs { canister_id, settings, sender_canister_version: None };
        self.manage("update_settings", &args).unwrap();
    }
}

#[test]
fn prices_are_the_published_ones_until_governance_sets_others() {
    let mut subnet = Subnet::governed();
    let published = shown(&subnet);
    assert_eq!(published.creation, Nat::from(500_000_000_000u64));
    assert_eq!((&published.gib_second, &published.instruction), (&Nat::from(127_000u64), &Nat::from(1u8)));
    let id = subnet.workshop();
    let paid = |subnet: &Subnet| subnet.canister(id).record.consumed.on(Use::IngressInduction).0;
    let call = |subnet: &mut Subnet| {
        let before = paid(subnet);
        subnet.update(id, "inc", vec![]).unwrap();
        paid(subnet) - before
    };
    assert_eq!(call(&mut subnet), (1_200_000 + 3 * 2_000) * 4 / 13);
    let prices = candid::Prices { ingress: Nat::from(13u8), ingress_byte: Nat::from(26u8), ..published };
    subnet.set_prices(&prices);
    assert_eq!(shown(&subnet), prices);
    assert_eq!(call(&mut subnet), (13 + 3 * 26) * 4 / 13);
    assert_eq!(subnet.restored().prices(), subnet.state.prices());
    let reply = subnet.through(id, "atoll_prices", &()).unwrap();
    assert_eq!(candid::decode::<candid::Prices>(&reply).unwrap(), prices, "canisters read them too");
}

#[test]
fn new_prices_stand_from_the_next_height_on() {
    let mut subnet = Subnet::governed();
    // It has its turn after governance.
    let id = subnet.workshop_at(CanisterId(30));
    subnet.update(id, "inc", vec![]).unwrap();
    let spent = |subnet: &Subnet| subnet.canister(id).record.consumed.on(Use::Instructions).0;
    let arg = candid::encode(&flat(0)).unwrap();
    let calls = vec![
        subnet.ingress(
            user(2),
            GOVERNANCE.principal(),
            "forward",
            forwarded(management_canister(), "atoll_set_prices", 0, &arg),
        ),
        subnet.ingress(user(2), id.principal(), "inc", vec![]),
    ];
    let before = spent(&subnet);
    subnet.height(calls);
    assert_eq!((shown(&subnet), subnet.count(id)), (flat(0), 2));
    let after = spent(&subnet);
    assert!(after > before);
    subnet.update(id, "inc", vec![]).unwrap();
    assert_eq!(spent(&subnet), after);
}

#[test]
fn prices_out_of_bounds_are_refused_and_the_highest_break_nothing() {
    let mut subnet = Subnet::governed();
    let id = subnet.workshop();
    let published = shown(&subnet);
    let more = PRICE_MAX.0 + 1;
    for wrong in [
        candid::Prices { http_node: Nat::from(more), ..published.clone() },
        candid::Prices { gib_second: Nat::from(more), ..published.clone() },
        candid::Prices { call: Nat::from(u128::MAX) + 1u8, ..published.clone() },
    ] {
        assert_eq!(subnet.decide("atoll_set_prices", &wrong), Err(RejectCode::CanisterReject));
    }
    assert_eq!(subnet.decide("atoll_set_prices", &record(id)), Err(RejectCode::CanisterReject));
    assert_eq!(shown(&subnet), published);
    subnet.endow(GOVERNANCE);
    subnet.set_prices(&flat(PRICE_MAX.0));
    let refused = subnet.update(id, "inc", vec![]).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CanisterOutOfCycles);
    for days in [1, 400, 40_000] {
        subnet.height_after(days * DAY, vec![]);
    }
    assert!(subnet.canister(id).module.is_none(), "nobody can pay that");
}

#[test]
fn prices_at_which_governance_could_not_go_on_are_refused() {
    let mut subnet = Subnet::governed();
    let published = shown(&subnet);
    for unpayable in [
        candid::Prices { instruction: Nat::from(PRICE_MAX.0), ..published.clone() },
        candid::Prices { message: Nat::from(PRICE_MAX.0), ..published.clone() },
        candid::Prices { gib_second: Nat::from(PRICE_MAX.0), ..published.clone() },
    ] {
        assert_eq!(subnet.decide("atoll_set_prices", &unpayable), Err(RejectCode::CanisterReject));
        assert_eq!(shown(&subnet), published);
        subnet.endow(GOVERNANCE);
        subnet.set_prices(&unpayable);
        assert_eq!(shown(&subnet), unpayable);
        subnet = Subnet::governed();
    }
}

#[test]
fn time_costs_what_stood_while_it_passed() {
    const BYTES: u64 = 1 << 33;
    let mut subnet = Subnet::governed();
    let id = subnet.workshop();
    subnet.allocate(id, BYTES);
    subnet.update(id, "inc", vec![]).unwrap();
    let from = subnet.canister(id).record.charged_until;
    let before = subnet.canister(id).record.consumed.on(Use::Memory);
    let published = shown(&subnet);
    let mut changes = Vec::new();
    for (days, price) in [(10, 127_000u64), (3, 1_270), (1, 1_270_000)] {
        subnet.height_after(days * DAY + SECOND / 3, vec![]);
        let next = candid::Prices { gib_second: Nat::from(price * 2), ..published.clone() };
        changes.push(subnet.set_prices(&next));
    }
    subnet.height_after(2 * DAY, vec![]);
    assert_eq!(subnet.canister(id).record.charged_until, from, "nobody has touched it");
    // Each change is a price that ends; the last price stands.
    let prices = [127_000u64, 254_000, 2_540, 2_540_000];
    let shown_then = {
        let arg = candid::encode(&record(id)).unwrap();
        let reply = subnet.query(user(1), management_canister(), "canister_metrics", arg).unwrap();
        candid::decode::<candid::CanisterMetricsResult>(&reply).unwrap().cycles_consumed.memory
    };
    let expected = |until: Time| {
        let ends = changes.iter().copied().chain([until]);
        let (mut seconds, mut sum) = (0, Cycles::ZERO);
        for (end, price) in ends.zip(prices) {
            let until = (end.0 - from.0) / SECOND;
            let tariff = Tariff { gib_second: Cycles(price.into()), ..Tariff::default() };
            let rate = PriceTable::new(tariff, NODES).idle(BYTES, 0);
            sum = sum.saturating_add(rate.for_seconds(until - seconds));
            seconds = until;
        }
        sum
    };
    assert_eq!(shown_then, Nat::from(before.saturating_add(expected(subnet.state.time())).0));
    subnet.update(id, "inc", vec![]).unwrap();
    let paid = subnet.canister(id).record.consumed.on(Use::Memory).saturating_sub(before);
    assert_eq!(paid, expected(subnet.state.time()));
    assert!(paid > Cycles(1_000_000_000));
}

#[test]
fn whoever_cannot_pay_new_prices_is_uninstalled_in_time_though_nobody_calls() {
    let mut subnet = Subnet::governed();
    // More than one height looks at.
    let ids: Vec<CanisterId> = (0..3).map(|_| subnet.workshop()).collect();
    let empty = candid::encode(&candid::ProvisionalCreateCanisterArgs::default()).unwrap();
    let many: Vec<_> = (0..REPRICED_PER_HEIGHT_MAX)
        .map(|_| {
            let method = "provisional_create_canister_with_cycles";
            subnet.ingress(user(1), management_canister(), method, empty.clone())
        })
        .collect();
    subnet.height(many);
    let last = subnet.workshop();
    let published = shown(&subnet);
    let until = |subnet: &Subnet, id: CanisterId| subnet.canister(id).record.solvent_until;
    let before = [until(&subnet, ids[0]), until(&subnet, last)];
    subnet.endow(GOVERNANCE);
    subnet.set_prices(&candid::Prices { gib_second: Nat::from(PRICE_MAX.0), ..published });
    assert_eq!([until(&subnet, ids[0]), until(&subnet, last)], before, "the change itself costs nothing");
    subnet.height(vec![]);
    assert!(until(&subnet, ids[0]) < before[0], "the first are looked at in the next height");
    assert_eq!(subnet.restored().counters.repriced, subnet.state.counters.repriced);
    assert!(subnet.state.counters.repriced.is_some(), "there are more than one height looks at");
    while subnet.state.counters.repriced.is_some() {
        subnet.height(vec![]);
    }
    assert!(until(&subnet, last) < before[1]);
    subnet.height_after(400 * DAY, vec![]);
    for id in ids.into_iter().chain([last]) {
        assert!(subnet.canister(id).module.is_none(), "{id}");
    }
}

#[test]
fn cheaper_time_lets_a_canister_live_longer_than_was_foreseen() {
    let mut subnet = Subnet::governed();
    let id = subnet.workshop();
    subnet.allocate(id, 1 << 36);
    let foreseen = subnet.canister(id).record.solvent_until;
    subnet.set_prices(&candid::Prices { gib_second: Nat::from(12_700u16), ..shown(&subnet) });
    subnet.height(vec![]);
    let later = subnet.canister(id).record.solvent_until;
    let now = subnet.state.time().0;
    assert!(later.0 - now > 9 * (foreseen.0 - now), "{later}");
    subnet.height_after(foreseen.0 + DAY - subnet.state.time().0, vec![]);
    assert!(subnet.canister(id).module.is_some());
}

#[test]
fn a_run_that_goes_on_costs_what_stood_when_it_began() {
    let check = |changes: bool| {
        let mut subnet = Subnet::new();
        subnet.state = governed_by(GOVERNANCE);
        subnet.workshop_at(GOVERNANCE);
        let mill = wat::parse_str(include_str!("mill.wat")).unwrap();
        let id = subnet.canister_at(CanisterId(10), mill);
        let update_max = Instructions(30_000_000);
        let slice = Instructions(500_000);
        subnet.slicing = Slicing { slice, update_max, paced: false, ..Slicing::default() };
        let call = subnet.ingress(user(2), id.principal(), "grind", 250_000u32.to_le_bytes().to_vec());
        subnet.height(vec![call.clone()]);
        let before = subnet.canister(id).record.consumed.on(Use::Instructions);
        if changes {
            subnet.endow(GOVERNANCE);
            subnet.set_prices(&candid::Prices { instruction: Nat::from(1_000_000u32), ..shown(&subnet) });
        }
        assert_eq!(subnet.state.paused_count(), 1);
        // As after a restart.
        subnet.state = subnet.restored();
        subnet.engine = std::sync::Arc::new(crate::wasm::Engine::new(None));
        while subnet.state.paused_count() > 0 {
            subnet.height(vec![]);
        }
        let Some(crate::state::IngressStatus::Replied(reply)) = subnet.status(&call) else {
            panic!("{:?}", subnet.status(&call));
        };
        // Total and rounds, and the balance as the canister saw it.
        let seen = [reply[..16].to_vec(), reply[24..32].to_vec()];
        (subnet.canister(id).record.consumed.on(Use::Instructions).saturating_sub(before), seen)
    };
    assert_eq!(check(true), check(false));
}
