//! Delegations: the public verifier accepts what is certified, and nothing else.

use super::*;
use crate::delegation::{encode_signature, message};
use crate::origin;
use crate::web::Site;
use ic_signature_verification::verify_canister_sig;
use std::collections::BTreeSet;

const APP: &str = "https://a.example";

fn site() -> Site {
    Site::new("identity", &[], &[]).expect("a site")
}

/// The signature as `get_delegation` gives it, certified by this subnet.
fn signed(book: &TestBook, subnet: &Subnet, user: UserNumber, app: &str, expiration: u64) -> Option<Vec<u8>> {
    let site = site();
    let proved = book.prepared(by(&passkey(1)), user, app, &plain_key(9), expiration)?;
    let certificate = subnet.certify(site.root(book.signatures.digest()));
    Some(encode_signature(&certificate, &site.beside(proved.witness)).expect("CBOR"))
}

fn world() -> (TestBook, Subnet, UserNumber) {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    (book, Subnet::new(), user)
}

fn prepare(book: &mut TestBook, user: UserNumber, app: &str, ttl: Option<u64>) -> PreparedDelegation {
    ok(book.prepare(by(&passkey(1)), user, app, &plain_key(9), ttl))
}

#[test]
fn the_public_verifier_accepts_the_signature() {
    let (mut book, subnet, user) = world();
    let prepared: Vec<_> = ["https://a.example", "https://b.example", "http://localhost:8000"]
        .map(|app| (app, prepare(&mut book, user, app, None)))
        .into();
    for (app, it) in &prepared {
        let signature = signed(&book, &subnet, user, app, it.expiration).expect("a signature");
        let message = message(&plain_key(9), it.expiration);
        verify_canister_sig(&message, &signature, &it.user_key, &subnet.raw_key()).expect(app);
    }
}

#[test]
fn the_public_verifier_refuses_all_else() {
    let (mut book, subnet, user) = world();
    let (a, b) = (prepare(&mut book, user, APP, None), prepare(&mut book, user, "https://b.example", None));
    let signature = signed(&book, &subnet, user, APP, a.expiration).expect("a signature");
    let good = message(&plain_key(9), a.expiration);
    let refuses = |message: &[u8], signature: &[u8], key: &[u8], root: &[u8]| {
        assert!(verify_canister_sig(message, signature, key, root).is_err());
    };
    refuses(&message(&plain_key(8), a.expiration), &signature, &a.user_key, &subnet.raw_key());
    refuses(&message(&plain_key(9), a.expiration + 1), &signature, &a.user_key, &subnet.raw_key());
    refuses(&good, &signature, &b.user_key, &subnet.raw_key());
    let mut other = subnet.raw_key();
    other[0] ^= 0x20;
    refuses(&good, &signature, &a.user_key, &other);
    let stale = subnet.certify([1; 32]);
    let proved =
        book.prepared(by(&passkey(1)), user, APP, &plain_key(9), a.expiration).expect("it is prepared");
    let uncertified = encode_signature(&stale, &site().beside(proved.witness)).expect("CBOR");
    refuses(&good, &uncertified, &a.user_key, &subnet.raw_key());
}

#[test]
fn the_key_is_as_the_interface_specification_has_it() {
    let der = keys::canister_key(canister(), &[5; 32]);
    let parsed = ic_canister_key(&der);
    assert_eq!(parsed, [&[10], CANISTER.as_slice(), &[5; 32]].concat());
}

/// The bits of a key whose lengths and algorithm are right.
fn ic_canister_key(der: &[u8]) -> Vec<u8> {
    assert_eq!(der[..2], [0x30, der.len() as u8 - 2]);
    assert_eq!(
        der[2..16],
        [0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x02]
    );
    assert_eq!(der[16..19], [0x03, der.len() as u8 - 18, 0x00]);
    der[19..].to_vec()
}

#[test]
fn an_app_knows_a_person_by_one_principal_and_two_apps_by_two() {
    let (mut book, _, user) = world();
    let other = register(&mut book, &passkey(2));
    join(&mut book, by(&passkey(1)), user, browser(3));
    let apps = ["https://a.example", "http://a.example", "https://a.example:8000", "https://b.example"];
    let mut seen = BTreeSet::new();
    for app in apps {
        let principal = ok(book.principal(by(&passkey(1)), user, app));
        assert_eq!(ok(book.principal(by(&browser(3)), user, app)), principal);
        assert_eq!(keys::principal(&prepare(&mut book, user, app, None).user_key), principal);
        assert!(seen.insert(principal) && seen.insert(ok(book.principal(by(&passkey(2)), other, app))));
    }
}

#[test]
fn seeds_depend_on_the_secret_and_do_not_run_into_each_other() {
    let seeds = [
        origin::seed(&[1; 32], &[5; 32], "https://a.example"),
        origin::seed(&[2; 32], &[5; 32], "https://a.example"),
        origin::seed(&[1; 32], &[6; 32], "https://a.example"),
        origin::seed(&[1; 32], &[5; 32], "https://a.example2"),
    ];
    assert_eq!(BTreeSet::from(seeds).len(), seeds.len());
    let form = [&[32], [1; 32].as_slice(), &[32], &[5; 32], &[17], b"https://a.example"].concat();
    assert_eq!(seeds[0], keys::sha256(&[&form]));
}

#[test]
fn who_registers_after_an_older_state_was_put_back_gets_nobody_elses_principals() {
    let check = |device: &DeviceData, now: u64| {
        let mut book = book();
        let user = ok(register_at(&mut book, device, now));
        (user, ok(book.principal(by(device), user, APP)))
    };
    let (user, before) = check(&passkey(1), NOW);
    assert_eq!(check(&passkey(1), NOW), (user, before));
    for (device, now) in [(passkey(2), NOW), (passkey(1), NOW + 1)] {
        let (again, after) = check(&device, now);
        assert_eq!(again, user);
        assert_ne!(after, before);
    }
}

#[test]
fn a_delegation_lasts_as_asked_but_at_most_a_month() {
    let (mut book, _, user) = world();
    let mut check = |ttl: Option<u64>, lasts: u64| {
        assert_eq!(prepare(&mut book, user, APP, ttl).expiration, NOW + lasts, "{ttl:?}");
    };
    check(None, DEFAULT_TTL);
    check(Some(8 * 60 * MINUTE), 8 * 60 * MINUTE);
    check(Some(MAX_TTL + 1), MAX_TTL);
    check(Some(u64::MAX), MAX_TTL);
    check(Some(0), 0);
}

#[test]
fn what_was_not_prepared_is_not_there() {
    let (mut book, _, user) = world();
    let it = prepare(&mut book, user, APP, None);
    register(&mut book, &passkey(2));
    let check = |call: Call, app: &str, key: &[u8], expiration: u64| {
        assert!(book.prepared(call, user, app, key, expiration).is_none());
    };
    check(by(&passkey(2)), APP, &plain_key(9), it.expiration);
    check(by(&passkey(1)), "https://b.example", &plain_key(9), it.expiration);
    check(by(&passkey(1)), "nonsense", &plain_key(9), it.expiration);
    check(by(&passkey(1)), APP, &plain_key(8), it.expiration);
    check(by(&passkey(1)), APP, &plain_key(9), it.expiration + 1);
    assert!(book.prepared(by(&passkey(1)), user, APP, &plain_key(9), it.expiration).is_some());
}

#[test]
fn a_signature_is_there_for_a_minute_and_then_pruned() {
    let (mut book, _, user) = world();
    let empty = book.signatures.digest();
    let it = prepare(&mut book, user, APP, None);
    let there = |book: &TestBook, now: u64| {
        book.prepared(by_at(&passkey(1), now), user, APP, &plain_key(9), it.expiration).is_some()
    };
    assert!(there(&book, NOW + SIGNATURE_LASTS - 1));
    assert!(!there(&book, NOW + SIGNATURE_LASTS));
    book.signatures.prune(NOW + SIGNATURE_LASTS - 1, PRUNED_PER_CALL);
    assert_eq!(book.signatures.len(), 1);
    book.signatures.prune(NOW + SIGNATURE_LASTS, PRUNED_PER_CALL);
    assert_eq!((book.signatures.len(), book.signatures.digest()), (0, empty));
}

#[test]
fn the_next_delegation_prunes_the_last_ones() {
    let (mut book, _, user) = world();
    for second in 0..300 {
        let call = by_at(&passkey(1), NOW + second * 10 * SECOND);
        ok(book.prepare(call, user, APP, &plain_key(9), None));
        assert!(book.signatures.len() <= 6);
    }
}

#[test]
fn ones_own_oldest_signature_makes_room() {
    let (mut book, _, user) = world();
    let other = register(&mut book, &passkey(2));
    ok(book.prepare(by(&passkey(2)), other, APP, &plain_key(9), None));
    let most = MAX_SIGNATURES_OF_ANCHOR as u64;
    let mut expirations = Vec::new();
    for second in 0..=most {
        let call = by_at(&passkey(1), NOW + second * SECOND);
        expirations.push(ok(book.prepare(call, user, APP, &plain_key(9), None)).expiration);
    }
    let then = by_at(&passkey(1), NOW + most * SECOND);
    let there = expirations.iter().map(|it| book.prepared(then, user, APP, &plain_key(9), *it).is_some());
    assert_eq!(there.collect::<Vec<_>>(), [&[false][..], &[true; MAX_SIGNATURES_OF_ANCHOR][..]].concat());
    assert_eq!(book.signatures.len(), most + 1);
    let theirs = book.prepared(by(&passkey(2)), other, APP, &plain_key(9), NOW + DEFAULT_TTL);
    assert!(theirs.is_some());
}

#[test]
fn who_asks_for_many_signatures_keeps_nobody_from_signing_in() {
    let (mut book, _, user) = world();
    let signed = |book: &TestBook, seed: u64, message: &[u8]| {
        book.signatures.witness(&seed.to_be_bytes(), message, NOW + SECOND).is_some()
    };
    for n in 0..MAX_SIGNATURES {
        // the last of the crowd asks for two, all others for one
        let of = n.min(MAX_SIGNATURES - 2);
        book.signatures.prepare(FIRST_ANCHOR + 100 + of, &n.to_be_bytes(), b"x", NOW);
    }
    assert_eq!(book.signatures.len(), MAX_SIGNATURES);
    let it = ok(book.prepare(by_at(&passkey(1), NOW + 1), user, APP, &plain_key(9), None));
    assert!(book.prepared(by(&passkey(1)), user, APP, &plain_key(9), it.expiration).is_some());
    let of_the_last = [MAX_SIGNATURES - 2, MAX_SIGNATURES - 1].map(|n| signed(&book, n, b"x"));
    assert_eq!(of_the_last.iter().filter(|it| **it).count(), 1);
    assert!(signed(&book, 0, b"x"));
    assert_eq!(book.signatures.len(), MAX_SIGNATURES);
}

#[test]
fn a_crowds_signatures_are_pruned_a_portion_at_a_time() {
    let (mut book, _, _) = world();
    for n in 0..20u8 {
        let device = browser(100 + n);
        let user = ok(register_at(&mut book, &device, NOW + u64::from(n) * WINDOW / 2));
        for ttl in 0..10 {
            ok(book.prepare(by(&device), user, APP, &plain_key(9), Some(ttl)));
        }
    }
    assert_eq!(book.signatures.len(), 200);
    book.signatures.prune(NOW + SIGNATURE_LASTS, PRUNED_PER_CALL);
    assert_eq!(book.signatures.len(), 100);
    book.signatures.prune(NOW + SIGNATURE_LASTS, PRUNED_BY_TIMER);
    assert!(book.signatures.is_empty());
}

#[test]
fn one_message_prepared_twice_lasts_as_long_as_the_second() {
    let (mut book, _, user) = world();
    let first = ok(book.prepare(by(&passkey(1)), user, APP, &plain_key(9), Some(9 * SECOND)));
    let later = by_at(&passkey(1), NOW + 4 * SECOND);
    let second = ok(book.prepare(later, user, APP, &plain_key(9), Some(5 * SECOND)));
    assert_eq!(first.expiration, second.expiration);
    let then = NOW + SIGNATURE_LASTS + SECOND;
    book.signatures.prune(then, PRUNED_PER_CALL);
    assert_eq!(book.signatures.len(), 1);
    assert!(book.prepared(by_at(&passkey(1), then), user, APP, &plain_key(9), first.expiration).is_some());
    book.signatures.prune(then + 4 * SECOND, PRUNED_PER_CALL);
    assert_eq!(book.signatures.len(), 0);
}

#[test]
fn what_is_no_origin_or_no_key_is_refused() {
    let (mut book, _, user) = world();
    let long = format!("https://{}.example", "a".repeat(MAX_ORIGIN_BYTES));
    for bad in [
        "",
        "null",
        "a.example",
        "https://",
        "https://a.example/",
        "https://A.example",
        "ftp://a",
        "https://a b",
        "http://a:",
        long.as_str(),
    ] {
        refused(book.prepare(by(&passkey(1)), user, bad, &plain_key(9), None), invalid());
        refused(book.principal(by(&passkey(1)), user, bad), invalid());
    }
    for bad in [&[][..], &[0x30], &[0x31, 0], &plain_key(9)[..40], &[0x30; MAX_KEY_BYTES + 1]] {
        refused(book.prepare(by(&passkey(1)), user, APP, bad, None), invalid());
    }
    assert!(origin::check("http://[::1]:8000").is_ok());
    assert_eq!(book.signatures.len(), 0);
}

#[test]
fn without_a_secret_nobody_signs_in() {
    let memory = VectorMemory::default();
    let book = TestBook::open(memory, canister());
    let refusal = Refusal::Unauthorized(keys::principal(&passkey(1).pubkey));
    refused(book.principal(by(&passkey(1)), FIRST_ANCHOR, APP), refusal);
}
