use super::*;
use crate::state::IngressStatus;
use crate::types::*;
use std::sync::Arc;

#[test]
fn a_call_executes_once_however_often_it_is_ordered() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    subnet.height(vec![call.clone(), call.clone()]);
    subnet.height(vec![call.clone()]);
    assert_eq!(subnet.count(id), 1);
    assert_eq!(subnet.finished.iter().filter(|id| **id == call.id).count(), 1);
}

#[test]
fn an_expired_call_does_not_enter() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    let late = limits::INGRESS_TTL_MS * 1_000_000 + 1;
    subnet.height_after(late, vec![call.clone()]);
    assert_eq!((subnet.count(id), subnet.status(&call)), (0, None));
}

#[test]
fn a_call_enters_at_the_moment_of_its_expiry() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    subnet.height_after(limits::INGRESS_TTL_MS * 1_000_000, vec![call]);
    assert_eq!(subnet.count(id), 1);
}

#[test]
fn a_call_that_expires_in_the_queue_is_rejected_and_never_runs() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let calls: Vec<_> = (0..4).map(|_| subnet.ingress(user(2), id.principal(), "spin", vec![])).collect();
    let last = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    let mut batch = calls.clone();
    batch.push(last.clone());
    subnet.height(batch);
    assert_eq!(subnet.status(&last), Some(IngressStatus::Received), "the height has no time left for it");
    subnet.height_after(limits::INGRESS_TTL_MS * 1_000_000 + 1, vec![]);
    let Some(IngressStatus::Rejected(reject)) = subnet.status(&last) else { panic!() };
    assert_eq!((reject.error, reject.code), (ErrorCode::IngressMessageTimeout, RejectCode::SysTransient));
    subnet.height(vec![]);
    assert_eq!(subnet.count(id), 0);
}

#[test]
fn a_reply_is_kept_then_forgotten_then_the_call_is_forgotten() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    subnet.height(vec![call.clone()]);
    let (kept, done) = (limits::INGRESS_TTL_MS * 1_000_000, limits::INGRESS_DRIFT_MS * 1_000_000);
    subnet.height_after(kept, vec![]);
    assert!(matches!(subnet.status(&call), Some(IngressStatus::Replied(_))));
    subnet.height_after(1, vec![call.clone()]);
    assert_eq!(subnet.status(&call), Some(IngressStatus::Done));
    subnet.height_after(done, vec![]);
    assert_eq!(subnet.status(&call), None);
    subnet.height_after(1, vec![call.clone()]);
    assert_eq!((subnet.count(id), subnet.status(&call)), (1, None), "it has expired long ago");
}

#[test]
fn the_sender_of_a_call_is_known_while_the_call_is() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let call = subnet.ingress(user(2), id.principal(), "inc", vec![]);
    assert_eq!(subnet.state.request_sender(&call.id), None);
    subnet.height(vec![call.clone()]);
    assert_eq!(subnet.state.request_sender(&call.id), Some(user(2)));
}

#[test]
fn the_same_batches_make_the_same_roots_and_deltas() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    for n in 0..20u8 {
        let calls = (0..u64::from(n))
            .map(|m| {
                let (to, method) = if m % 3 == 0 { (near, "forward") } else { (far, "inc") };
                let arg = forwarded(far.principal(), if m % 2 == 0 { "inc" } else { "boom" }, m, b"x");
                subnet.ingress(user(n), to.principal(), method, arg)
            })
            .collect();
        subnet.height(calls);
    }
    let mut again = Subnet::new();
    for batch in &subnet.batches {
        again.execute(batch.clone());
    }
    assert_eq!(again.state.root(), subnet.state.root());
    assert_eq!(again.delta, subnet.delta);
}

#[test]
fn a_restored_state_goes_on_as_the_one_that_ran_through() {
    let mut subnet = Subnet::new();
    let (near, far) = (subnet.workshop(), subnet.workshop());
    let engine = Arc::new(crate::wasm::Engine::new(None));
    for n in 0..10 {
        let arg = forwarded(far.principal(), "inc", n, b"");
        let call = subnet.ingress(user(3), near.principal(), "forward", arg);
        let spin = subnet.ingress(user(3), near.principal(), "print", vec![n as u8; 100]);
        let mut fresh = Subnet::with_engine(engine.clone());
        fresh.state = subnet.restored();
        fresh.disk = subnet.disk.clone();
        subnet.height(vec![call, spin]);
        fresh.execute(subnet.batches.last().unwrap().clone());
        assert_eq!((fresh.state.root(), &fresh.delta), (subnet.state.root(), &subnet.delta));
    }
}

#[test]
fn idle_canisters_add_nothing_to_a_height() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    subnet.height(vec![]);
    subnet.height(vec![]);
    let alone = subnet.delta.writes.len();
    for _ in 0..10 {
        let creates: Vec<_> = (0..100)
            .map(|_| {
                let arg = crate::encoding::management::encode(
                    &crate::encoding::management::ProvisionalCreateCanisterArgs::default(),
                );
                let method = "provisional_create_canister_with_cycles";
                subnet.ingress(user(1), management_canister(), method, arg.unwrap())
            })
            .collect();
        subnet.height(creates);
    }
    assert_eq!(subnet.state.canister_count(), 1_001);
    subnet.height(vec![]);
    assert_eq!(subnet.delta.writes.len(), alone);
    assert_eq!(subnet.facts.messages, 0);
    assert_eq!(subnet.count(id), 0);
}

#[test]
fn messages_of_a_canister_run_in_the_order_of_the_block() {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let calls: Vec<_> = (0..250).map(|_| subnet.ingress(user(2), id.principal(), "inc", vec![])).collect();
    subnet.height(calls.clone());
    for (n, call) in calls.iter().enumerate() {
        assert_eq!(subnet.status(call), Some(IngressStatus::Replied((n as u32 + 1).to_le_bytes().to_vec())));
    }
    assert_eq!(
        subnet.finished[subnet.finished.len() - 250..],
        calls.iter().map(|call| call.id).collect::<Vec<_>>()
    );
}
