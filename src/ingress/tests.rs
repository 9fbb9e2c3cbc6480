//! Who is let in and who is not, judged by envelopes that real clients made; the pool against a model
//! of its promises.

mod proof;
pub(crate) mod sample;
pub(crate) mod signer;

use self::sample::*;
use super::*;
use crate::types::limits::*;
use crate::types::*;
use bytes::Bytes;
use ciborium::Value;
use ic_agent::Identity;
use ic_agent::agent::EnvelopeContent;
use ic_agent::identity::{AnonymousIdentity, DelegationPermissions};
use std::sync::Arc;

#[test]
fn envelopes_of_every_kind_of_identity_authenticate_with_the_clients_own_request_id() {
    for (name, identity) in identities() {
        let content = call(&identity);
        let (call, ingress) =
            authenticator().authenticate_call(sign(&identity, &content).into(), NOW).expect(name);
        assert_eq!(call.id().0, *content.to_request_id(), "{name}");
        assert_eq!(ingress.id, call.id(), "{name}");
        assert_eq!(read_call(&ingress).expect(name).call, *call.content(), "{name}");
        let content = query(&identity);
        let query = authenticator().authenticate_query(&sign(&identity, &content), NOW).expect(name);
        assert_eq!(query.id().0, *content.to_request_id(), "{name}");
        let content = read_state(&identity, &[&[b"time"], &[b"request_status", &[9; 32]], &[]]);
        let request = authenticator().authenticate_read_state(&sign(&identity, &content), NOW).expect(name);
        assert_eq!(request.id().0, *content.to_request_id(), "{name}");
    }
}

fn authenticator() -> Authenticator {
    Authenticator::new(signer::root_key())
}

#[test]
fn calls_together_are_judged_as_each_alone() {
    let authenticator = authenticator();
    let mut envelopes: Vec<Bytes> = identities()
        .iter()
        .chain(&identities())
        .map(|(_, identity)| sign(identity, &call(identity)).into())
        .collect();
    let swapped = sign(&basic(1), &call(&basic(2)));
    let forged = bend(&sign(&basic(1), &call(&basic(1))), |value| {
        set_field(value, &["sender_sig"], Some(Value::Bytes(vec![1; 64])));
    });
    envelopes.extend([swapped, forged, b"no envelope".to_vec()].map(Bytes::from));
    let through = call_through(&[Link::default(), Link::default()]);
    let forged = bend(&through, |value| set_field(value, &["sender_sig"], Some(Value::Bytes(vec![1; 64]))));
    let forged_twice = bend(&forged, forge_delegations);
    envelopes.extend([bend(&through, forge_delegations), forged, forged_twice].map(Bytes::from));
    let canister = signer::CanisterSigner::new(7).signer();
    for signer in [signer::es256(), canister] {
        let good = sign(&signer, &call(&signer));
        let bad = bend(&good, |value| {
            set_field(value, &["sender_sig"], Some(Value::Bytes(vec![1; 64])));
        });
        envelopes.extend([good, bad].map(Bytes::from));
    }
    let alone = |one: &Bytes| authenticator.authenticate_call(one.clone(), NOW).map(|(_, ingress)| ingress);
    let alone: Vec<_> = envelopes.iter().map(alone).collect();
    assert!(alone.iter().any(Result::is_ok) && alone.iter().any(Result::is_err));
    let mut rng = rand::rngs::OsRng;
    assert_eq!(authenticator.authenticate_calls(envelopes, NOW, &mut rng), alone);
    assert_eq!(authenticator.authenticate_calls(Vec::new(), NOW, &mut rng), []);
}

/// Turns a bit in the signatures of all delegations.
fn forge_delegations(envelope: &mut Value) {
    let fields = envelope.as_map_mut().expect("a map").iter_mut();
    let chain = fields.into_iter().find(|(name, _)| name.as_text() == Some("sender_delegation"));
    for link in chain.expect("delegations").1.as_array_mut().expect("an array") {
        let link = link.as_map_mut().expect("a map").iter_mut();
        let signature = link.into_iter().find(|(name, _)| name.as_text() == Some("signature"));
        signature.expect("signed").1.as_bytes_mut().expect("bytes")[40] ^= 1;
    }
}

/// The complaint about a call, which there must be.
fn refusal(envelope: Vec<u8>) -> String {
    authenticator().authenticate_call(envelope.into(), NOW).expect_err("must be refused").to_string()
}

fn check(envelope: Vec<u8>, class: &str) {
    let text = refusal(envelope);
    assert!(text.contains(class), "{text:?} does not name {class:?}");
}

fn signed_call(change: impl FnOnce(&mut EnvelopeContent)) -> Vec<u8> {
    let mut content = call(&basic(1));
    change(&mut content);
    sign(&basic(1), &content)
}

#[test]
fn the_expiry_must_lie_between_now_and_five_minutes_and_drift() {
    let max = NOW.plus_ms(INGRESS_TTL_MS + INGRESS_DRIFT_MS);
    for accepted in [NOW, max] {
        let envelope = signed_call(|content| *content = expiring(content.clone(), accepted));
        assert!(authenticator().authenticate_call(envelope.into(), NOW).is_ok());
    }
    check(
        signed_call(|content| *content = expiring(content.clone(), Time(NOW.0 - 1))),
        "Invalid request expiry: ",
    );
    check(
        signed_call(|content| *content = expiring(content.clone(), Time(max.0 + 1))),
        "too far in the future",
    );
}

#[test]
fn only_anonymous_reads_may_carry_any_expiry() {
    let expired = |identity: &dyn Identity| {
        let content = expiring(query(identity), Time(1));
        authenticator().authenticate_query(&sign(identity, &content), NOW)
    };
    assert!(expired(&AnonymousIdentity).is_ok());
    assert!(matches!(expired(&basic(1)), Err(AuthError::Expired { .. })));
}

#[test]
fn a_proof_that_does_not_fit_is_refused_by_name() {
    let good = signed_call(|_| ());
    let with = |path: &[&str], to: Option<Value>| bend(&good, |value| set_field(value, path, to));
    let other_key = basic(2).public_key().map(Value::Bytes);
    check(with(&["sender_sig"], None), "missing signature");
    check(with(&["sender_pubkey"], None), "missing signature");
    check(with(&["sender_pubkey"], other_key), "does not match the public key");
    check(with(&["sender_sig"], Some(Value::Bytes(vec![1; 64]))), "invalid signature");
    check(with(&["sender_sig"], Some(Value::Bytes(vec![1; 63]))), "63 bytes");
    check(with(&["content", "method_name"], Some(Value::Text("dec".into()))), "invalid signature");
    check(with(&["content", "sender"], Some(Value::Bytes(vec![4]))), "anonymous request with a signature");
    check(signed_call(|content| set_nonce(content, 33)), "nonce too long");
    assert!(
        authenticator().authenticate_call(signed_call(|content| set_nonce(content, 32)).into(), NOW).is_ok()
    );
}

fn set_nonce(content: &mut EnvelopeContent, length: usize) {
    if let EnvelopeContent::Call { nonce, .. } = content {
        *nonce = Some(vec![1; length]);
    }
}

#[test]
fn a_signature_under_another_domain_is_refused() {
    let identity = basic(1);
    let content = call(&identity);
    for domain in [b"\x0bic-response".as_slice(), b"", b"\x1aic-request-auth-delegation"] {
        let message = [domain, content.to_request_id().as_slice()].concat();
        let signature = identity.sign_arbitrary(&message).expect("signs").signature.map(Value::Bytes);
        let envelope = bend(&sign(&identity, &content), |value| set_field(value, &["sender_sig"], signature));
        check(envelope, "invalid signature");
    }
}

fn call_through(links: &[Link]) -> Vec<u8> {
    let identity = delegated(links);
    sign(&identity, &call(&identity))
}

#[test]
fn chains_of_delegations_hold_link_by_link() {
    let link = Link::default();
    let seven = CanisterId(7).principal();
    let targets = |ids: &[u64]| Link {
        targets: Some(ids.iter().map(|id| CanisterId(*id).principal()).collect()),
        ..link.clone()
    };
    assert!(authenticator().authenticate_call(call_through(&vec![link.clone(); 20]).into(), NOW).is_ok());
    check(call_through(&vec![link.clone(); 21]), "sender_delegation: more than 20 entries");
    check(call_through(&[link.clone(), Link { to: Some(1), ..link.clone() }]), "delegation cycle");
    check(call_through(&[Link { expiration: Time(NOW.0 - 1), ..link.clone() }]), "delegation 0 expired");
    check(call_through(&[targets(&[1, 2])]), "do not include canister");
    check(call_through(&[targets(&[7]), targets(&[8])]), "do not include canister");
    let queries = Link { permissions: Some(DelegationPermissions::Queries), ..link.clone() };
    check(call_through(&[queries]), "queries only");
    let envelope = call_through(&[targets(&[6, 7]), link.clone(), targets(&[7, 9])]);
    let (call, _) =
        authenticator().authenticate_call(envelope.into(), NOW).expect("canister 7 is a target of both");
    assert_eq!(call.targets(), Some([seven].as_slice()));
    let many = Link { targets: Some(vec![seven; DELEGATION_TARGETS_MAX + 1]), ..link };
    check(call_through(&[many]), "delegation.targets: more than 1000 entries");
}

#[test]
fn a_delegation_that_permits_queries_lets_queries_through() {
    let link = Link { permissions: Some(DelegationPermissions::Queries), ..Link::default() };
    let identity = delegated(&[link]);
    assert!(authenticator().authenticate_query(&sign(&identity, &query(&identity)), NOW).is_ok());
}

#[test]
fn a_forged_delegation_is_refused() {
    let forged = bend(&call_through(&[Link::default()]), |value| {
        let chain = vec![Value::Map(vec![
            (
                Value::Text("delegation".into()),
                Value::Map(vec![
                    (Value::Text("pubkey".into()), Value::Bytes(basic(2).public_key().expect("a key"))),
                    (Value::Text("expiration".into()), Value::Integer(u64::MAX.into())),
                ]),
            ),
            (Value::Text("signature".into()), Value::Bytes(vec![1; 64])),
        ])];
        set_field(value, &["sender_delegation"], Some(Value::Array(chain)));
    });
    check(forged, "invalid delegation 0");
}

#[test]
fn a_call_is_void_when_its_first_delegation_expires() {
    let expiration = NOW.plus_ms(5);
    let envelope = call_through(&[Link::default(), Link { expiration, ..Link::default() }]);
    let (_, ingress) = authenticator().authenticate_call(envelope.clone().into(), NOW).expect("valid");
    assert_eq!(ingress.expiry, expiration);
    assert_eq!(crate::encoding::cbor::read_ingress(envelope.into()), Ok(ingress));
}

/// A call of its own kind for every `n`, that expires `ms` after [`NOW`].
fn ingress(n: u64, ms: u64) -> Arc<SignedIngress> {
    sized_ingress(n, ms, 6)
}

fn sized_ingress(n: u64, ms: u64, size: usize) -> Arc<SignedIngress> {
    let call = UserCall {
        canister_id: CanisterId(n).principal(),
        method_name: "inc".into(),
        arg: vec![0; size],
        sender: Principal::anonymous(),
        ingress_expiry: NOW.plus_ms(ms),
        nonce: None,
        sender_info: None,
    };
    let envelope = crate::encoding::cbor::encode_call(&call, None);
    Arc::new(crate::encoding::cbor::read_ingress(envelope).expect("well-formed"))
}

fn block(time: Time, ingress: Vec<Arc<SignedIngress>>) -> Arc<Block> {
    Arc::new(Block {
        view: View(1),
        height: Height(1),
        parent: Digest::ZERO,
        parent_view: View(0),
        proposer: NodeIndex(0),
        time,
        attendance: Attendance::default(),
        payload: Payload { ingress, ..Payload::default() },
    })
}

fn pool(calls: &[Arc<SignedIngress>]) -> Pool {
    let mut pool = Pool::new(Arc::new(authenticator()));
    for call in calls {
        assert_eq!(pool.insert(call.clone()), Ok(true));
    }
    pool
}

fn check_verdict(pool: &Pool, block: &Block, ancestors: &[Arc<Block>], fault: Option<&str>) {
    match (pool.validate(block, ancestors, false), fault) {
        (Verdict::Valid, None) => {}
        (Verdict::Permanent(text), Some(fault)) if text.contains(fault) => {}
        (verdict, _) => panic!("{verdict:?}, expected {fault:?}"),
    }
}

#[test]
fn calls_are_selected_in_the_order_in_which_they_came() {
    let calls = [ingress(9, 100), ingress(3, 200), ingress(5, 50)];
    let pool = pool(&calls);
    assert_eq!(pool.select(NOW, &[]).ingress, calls);
    assert_eq!(
        pool.select(NOW, &[block(NOW, vec![calls[1].clone()])]).ingress,
        [calls[0].clone(), calls[2].clone()]
    );
    assert_eq!(pool.select(NOW.plus_ms(60), &[]).ingress, [calls[0].clone(), calls[1].clone()]);
    assert!(!pool.has_work(NOW, &[block(NOW, calls.to_vec())]));
}

#[test]
fn what_one_replica_selects_another_finds_valid() {
    let calls = [ingress(1, 100), ingress(2, INGRESS_AHEAD_MAX_MS), ingress(3, INGRESS_AHEAD_MAX_MS + 1)];
    let selected = block(NOW, pool(&calls).select(NOW, &[]).ingress);
    assert_eq!(selected.payload.ingress.len(), 2);
    check_verdict(&Pool::new(Arc::new(authenticator())), &selected, &[], None);
}

#[test]
fn a_block_holds_no_more_than_its_bounds() {
    let calls: Vec<_> = (0..BLOCK_INGRESS_COUNT_MAX as u64 + 1).map(|n| ingress(n, 100)).collect();
    let pool = pool(&calls);
    assert_eq!(pool.select(NOW, &[]).ingress.len(), BLOCK_INGRESS_COUNT_MAX);
    check_verdict(&pool, &block(NOW, calls), &[], Some("1001 calls in a block"));
    let big: Vec<_> = (0..3).map(|n| sized_ingress(n, 100, 1_900_000)).collect();
    let pool = self::pool(&big);
    assert_eq!(pool.select(NOW, &[]).ingress.len(), 2);
    check_verdict(&pool, &block(NOW, big), &[], Some("bytes of calls"));
}

#[test]
fn a_call_that_is_too_big_for_the_rest_of_a_block_does_not_hold_up_a_small_one() {
    let calls = [
        sized_ingress(1, 9, 2_000_000),
        sized_ingress(2, 9, 2_000_000),
        sized_ingress(3, 9, 2_000_000),
        ingress(4, 9),
    ];
    let chosen = pool(&calls).select(NOW, &[]).ingress;
    assert_eq!(chosen, [calls[0].clone(), calls[1].clone(), calls[3].clone()]);
}

#[test]
fn a_block_with_a_repeated_or_expired_or_forged_call_is_never_voted_for() {
    let call = ingress(1, 100);
    let mut pool = pool(std::slice::from_ref(&call));
    check_verdict(&pool, &block(NOW, vec![call.clone(), call.clone()]), &[], Some("twice"));
    check_verdict(&pool, &block(NOW, vec![call.clone()]), &[block(NOW, vec![call.clone()])], Some("twice"));
    check_verdict(&pool, &block(NOW.plus_ms(101), vec![call.clone()]), &[], Some("expires"));
    pool.deliver(&block(NOW, vec![call.clone()]));
    check_verdict(&pool, &block(NOW, vec![call]), &[], Some("twice"));
    let forged = bend(&signed_call(|_| ()), |value| {
        set_field(value, &["sender_sig"], Some(Value::Bytes(vec![1; 64])));
    });
    let forged = Arc::new(crate::encoding::cbor::read_ingress(forged.into()).expect("well-formed"));
    check_verdict(&pool, &block(NOW, vec![forged]), &[], Some("invalid signature"));
}

/// One call, signed validly twice, and a third time with a signature that does not hold.
fn twins() -> [Arc<SignedIngress>; 3] {
    let identity = secp256k1();
    let envelope = sign(&identity, &call(&identity));
    let (_, one) = authenticator().authenticate_call(envelope.into(), NOW).expect("valid");
    let signed = |signature: &[u8]| {
        let signature = Some(Value::Bytes(signature.to_vec()));
        let twin = bend(&one.envelope, |value| set_field(value, &["sender_sig"], signature));
        Arc::new(crate::encoding::cbor::read_ingress(twin.into()).expect("well-formed"))
    };
    let mut other = Vec::new();
    bend(&one.envelope, |value| {
        let fields = value.as_map().expect("a map");
        let signature = fields.iter().find(|(name, _)| name.as_text() == Some("sender_sig")).expect("signed");
        let signature = signature.1.as_bytes().expect("bytes");
        let signature = k256::ecdsa::Signature::from_slice(signature).expect("a signature");
        let s: k256::Scalar = *signature.s().as_ref();
        let twin = k256::ecdsa::Signature::from_scalars(signature.r().to_bytes(), (-s).to_bytes());
        other = twin.expect("a signature").to_bytes().to_vec();
    });
    [signed(&other), signed(&[1; 64])].iter().for_each(|twin| assert_eq!(twin.id, one.id));
    [Arc::new(one.clone()), signed(&other), signed(&[1; 64])]
}

#[test]
fn a_twin_with_another_signature_is_the_same_call_and_is_verified_by_itself() {
    let [one, twin, forged] = twins();
    let mut pool = pool(std::slice::from_ref(&one));
    check_verdict(&pool, &block(NOW, vec![twin.clone()]), &[], None);
    check_verdict(&pool, &block(NOW, vec![forged.clone()]), &[], Some("invalid signature"));
    check_verdict(&pool, &block(NOW, vec![one.clone(), twin.clone()]), &[], Some("twice"));
    assert_eq!(pool.insert(twin.clone()), Ok(false), "nothing new to propose");
    assert_eq!(pool.select(NOW, &[]).ingress, std::slice::from_ref(&one));
    let hashes = [&one, &twin, &forged].map(|call| body_hash(call));
    assert_eq!(pool.find(&hashes), [Some(one.clone()), Some(twin.clone()), None]);
    pool.deliver(&block(NOW, vec![twin]));
    assert!(pool.is_empty() && pool.bytes() == 0, "its twin is executed, so it is");
    assert_eq!(pool.find(&hashes), [None, None, None]);
    assert_eq!(pool.insert(one), Ok(false));
}

#[test]
fn a_pool_keeps_few_twins_of_one_call() {
    let spelt = |n: u8| {
        let envelope = bend(&ingress(1, 100).envelope, |value| {
            set_field(value, &["sender_sig"], Some(Value::Bytes(vec![n])));
        });
        Arc::new(crate::encoding::cbor::read_ingress(envelope.into()).expect("well-formed"))
    };
    let mut pool = pool(&[ingress(1, 100)]);
    assert!((0..100).all(|n| pool.insert(spelt(n)) == Ok(false)));
    assert_eq!(pool.len(), INGRESS_TWINS_MAX);
    pool.purge_expired(NOW.plus_ms(101));
    assert!(pool.is_empty() && pool.bytes() == 0);
}

#[test]
fn whether_a_calls_proof_holds_does_not_depend_on_the_time() {
    let authenticator = authenticator();
    let [one, twin, forged] = twins();
    for call in [&one, &twin] {
        assert_eq!(authenticator.authenticate_body(call.envelope.clone()).as_ref(), Ok(&**call));
    }
    let old = call_through(&[Link { expiration: Time(NOW.0 - 1), ..Link::default() }]);
    let read = authenticator.authenticate_body(old.clone().into()).expect("its proof holds");
    assert_eq!(read.expiry, Time(NOW.0 - 1));
    let envelopes = vec![one.envelope.clone(), forged.envelope.clone(), old.into()];
    let together = authenticator.authenticate_bodies(envelopes, &mut rand::rngs::OsRng);
    assert!(matches!(&together[..], [Ok(_), Err(AuthError::Signature(_)), Ok(_)]), "{together:?}");
    // What is proven is judged by its time alone.
    let pool = Pool::new(Arc::new(authenticator));
    let late = block(NOW, vec![Arc::new(read)]);
    assert!(
        matches!(pool.validate(&late, &[], true), Verdict::Permanent(fault) if fault.contains("expires"))
    );
    assert_eq!(pool.validate(&block(NOW, vec![forged]), &[], true), Verdict::Valid);
}

#[test]
fn certificates_and_long_envelopes_are_not_for_threads_that_others_wait_for() {
    assert!(!identities().iter().any(|(_, identity)| is_costly(&sign(identity, &call(identity)))));
    let canister = signer::CanisterSigner::new(7).signer();
    assert!(is_costly(&sign(&canister, &call(&canister))));
    let session = delegated_by(&canister, &[Link::default()]);
    assert!(is_costly(&sign(&session, &call(&session))));
    assert!(is_costly(&sized_ingress(1, 9, ENVELOPE_BYTES_PROMPT).envelope));
}

#[test]
fn a_delivered_call_does_not_come_back_until_nothing_with_its_id_can_be_valid() {
    let call = ingress(1, 100);
    let mut pool = pool(std::slice::from_ref(&call));
    pool.deliver(&block(NOW, vec![call.clone()]));
    assert!(pool.is_empty() && pool.bytes() == 0);
    assert_eq!(pool.insert(call.clone()), Ok(false));
    pool.deliver(&block(NOW.plus_ms(INGRESS_AHEAD_MAX_MS), vec![]));
    assert_eq!(pool.insert(call.clone()), Ok(false));
    pool.purge_expired(NOW.plus_ms(2 * INGRESS_AHEAD_MAX_MS));
    assert_eq!(pool.insert(call.clone()), Ok(false), "the own clock does not decide");
    pool.deliver(&block(NOW.plus_ms(INGRESS_AHEAD_MAX_MS + 1), vec![]));
    assert_eq!(pool.insert(call), Ok(true));
}

#[test]
fn a_restarted_pool_knows_what_the_chain_carried() {
    let (first, second) = (ingress(1, 100), ingress(2, 50));
    let mut pool = Pool::new(Arc::new(authenticator()));
    pool.remember(&[(first.id, first.expiry), (second.id, second.expiry)]);
    assert_eq!(pool.insert(first.clone()), Ok(false));
    check_verdict(&pool, &block(NOW, vec![second.clone()]), &[], Some("twice"));
    pool.deliver(&block(second.expiry.plus_ms(1), vec![]));
    assert_eq!(pool.insert(second), Ok(true));
    assert_eq!(pool.insert(first), Ok(false));
}

#[test]
fn a_full_pool_refuses_and_has_room_again_when_calls_expire() {
    let mut pool = Pool::new(Arc::new(authenticator()));
    for n in 0..INGRESS_POOL_COUNT_MAX as u64 {
        assert_eq!(pool.insert(ingress(n, n % 2)), Ok(true));
    }
    let late = ingress(u64::MAX, 9);
    assert_eq!(pool.insert(late.clone()), Err(PoolFull));
    pool.purge_expired(NOW.plus_ms(1));
    assert_eq!(pool.len(), INGRESS_POOL_COUNT_MAX / 2);
    assert_eq!(pool.insert(late), Ok(true));
}

#[test]
fn bytes_bound_the_pool_too() {
    let mut pool = Pool::new(Arc::new(authenticator()));
    let size = 2 * 1024 * 1024;
    let fits = (0..).take_while(|n| pool.insert(sized_ingress(*n, 9, size)).is_ok()).count();
    assert_eq!(fits, INGRESS_POOL_BYTES_MAX / (size + 150));
    assert!(pool.bytes() <= INGRESS_POOL_BYTES_MAX);
}

#[test]
fn an_oversized_envelope_is_refused_before_it_is_read() {
    let error = authenticator()
        .authenticate_call(Bytes::from(vec![0; INGRESS_BYTES_MAX + 1]), NOW)
        .expect_err("too large");
    assert!(matches!(error, AuthError::TooLarge { .. }));
}
