//! Making identities, and what it costs.

use super::*;
use crate::registration::Window;

const RULES: RegistrationRules = RegistrationRules { per_minute: PER_MINUTE, difficulty: DIFFICULTY };

#[test]
fn a_passkey_or_a_browser_key_makes_an_identity() {
    let mut book = book();
    assert_eq!(register(&mut book, &passkey(1)), FIRST_ANCHOR);
    assert_eq!(register(&mut book, &browser(2)), FIRST_ANCHOR + 1);
    assert_eq!(book.stats(NOW).users_registered, 2);
    assert_eq!(book.my_anchor(by(&browser(2))), Some(FIRST_ANCHOR + 1));
}

#[test]
fn a_second_call_finds_the_identity_of_the_first() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    assert_eq!(register(&mut book, &passkey(1)), user);
    assert_eq!((book.stats(NOW).users_registered, book.stats(NOW).registered_this_minute), (1, 1));
}

#[test]
fn only_the_device_itself_registers() {
    let mut book = book();
    let proof = prove(&ok(book.challenge(NOW)), &passkey(1));
    let owner = keys::principal(&passkey(1).pubkey);
    refused(book.register(by(&passkey(2)), passkey(1), &proof), Refusal::NotTheDevice(owner));
    let stranger = Call { caller: Principal::anonymous(), now: NOW };
    refused(book.register(stranger, passkey(1), &proof), Refusal::NotTheDevice(owner));
}

#[test]
fn an_identity_does_not_begin_with_a_recovery_phrase() {
    let mut book = book();
    refused(register_at(&mut book, &phrase(1, DeviceProtection::Unprotected), NOW), invalid());
}

#[test]
fn a_proof_is_of_one_key_and_of_this_minute_or_the_last() {
    let mut book = book();
    let challenge = ok(book.challenge(NOW));
    let proof = prove(&challenge, &passkey(1));
    let lazy = (0..).find(|nonce| zero_bits(&work(&challenge.challenge, &passkey(1).pubkey, *nonce)) < 4);
    let lazy = Proof { nonce: lazy.expect("a nonce"), ..proof.clone() };
    refused(book.register(by(&passkey(1)), passkey(1), &lazy), Refusal::BadProof);
    let other = Proof { challenge: ByteBuf::from([1; 32]), ..proof.clone() };
    refused(book.register(by(&passkey(1)), passkey(1), &other), Refusal::BadProof);
    let late = by_at(&passkey(1), NOW + 2 * WINDOW);
    refused(book.register(late, passkey(1), &proof), Refusal::BadProof);
    assert_eq!(challenge.expiration, (NOW / WINDOW + 2) * WINDOW);
    ok(book.register(by_at(&passkey(1), challenge.expiration - 1), passkey(1), &proof));
}

#[test]
fn a_full_minute_is_closed_and_the_next_one_is_open() {
    let mut book = book();
    for n in 1..=4 {
        register(&mut book, &passkey(n));
    }
    let until = (NOW / WINDOW + 1) * WINDOW;
    refused(register_at(&mut book, &passkey(5), NOW), Refusal::TooManyRegistrations { until });
    ok(register_at(&mut book, &passkey(5), until));
}

#[test]
fn the_price_rises_with_full_minutes_and_falls_with_empty_ones() {
    let mut window = Window { number: 100, used: 0, difficulty: DIFFICULTY, before: DIFFICULTY };
    for minute in 100..120 {
        window = Window { used: 3, ..window.at(minute * WINDOW, &RULES) };
        let risen = DIFFICULTY + MAX_RISE.min((minute - 100) as u8);
        assert_eq!((window.number, window.difficulty), (minute, risen));
    }
    let check = |minute: u64, difficulty: u8, before: u8| {
        let it = window.at(minute * WINDOW, &RULES);
        assert_eq!((it.number, it.used, it.difficulty, it.before), (minute, 0, difficulty, before));
    };
    check(120, 12, 12);
    check(121, 11, 12);
    check(128, 4, 5);
    check(129, 4, 4);
    check(9_000, 4, 4);
    assert_eq!(window.at(0, &RULES), window);
}

#[test]
fn half_a_minutes_registrations_do_not_raise_the_price() {
    let window = Window { number: 100, used: 2, difficulty: DIFFICULTY, before: DIFFICULTY };
    assert_eq!(window.at(101 * WINDOW, &RULES).difficulty, DIFFICULTY);
}

#[test]
fn without_a_secret_nobody_registers() {
    let mut book = TestBook::open(VectorMemory::default(), canister());
    refused(book.challenge(NOW), Refusal::NotReady);
    let proof = Proof { challenge: ByteBuf::new(), nonce: 0 };
    refused(book.register(by(&passkey(1)), passkey(1), &proof), Refusal::NotReady);
}

#[test]
fn the_secret_is_drawn_once() {
    let mut book = book();
    let before = ok(book.challenge(NOW));
    book.set_salt([8; 32]);
    assert_eq!(ok(book.challenge(NOW)), before);
}

#[test]
fn rules_out_of_bounds_are_refused_and_change_nothing() {
    let mut book = book();
    let check = |book: &mut TestBook, per_minute: u32, difficulty: u8, gateways: &[&str]| {
        let registration = Some(RegistrationRules { per_minute, difficulty });
        let gateways = Some(gateways.iter().map(|it| (*it).to_owned()).collect());
        refused(book.configure(InitArgs { registration, gateways }), invalid());
        assert_eq!(book.stats(NOW).registration, RULES);
    };
    check(&mut book, 0, 4, &[]);
    check(&mut book, MAX_PER_WINDOW + 1, 4, &[]);
    check(&mut book, 1, MAX_DIFFICULTY + 1, &[]);
    check(&mut book, 1, 1, &["https://a.example; script-src *"]);
    check(&mut book, 1, 1, &["*"]);
    check(&mut book, 1, 1, &["https://"]);
    check(&mut book, 1, 1, &["https://a.example"; MAX_GATEWAYS + 1]);
    ok(book.configure(InitArgs { registration: None, gateways: Some(vec!["https://*.example.org".into()]) }));
    ok(book.configure(InitArgs::default()));
    assert_eq!((book.gateways().len(), book.stats(NOW).registration), (1, RULES));
}

#[test]
fn zero_bits_are_counted_from_the_front() {
    let check = |hash: &[u8], expected: u32| assert_eq!(zero_bits(hash), expected, "{hash:?}");
    check(&[0xff, 0], 0);
    check(&[0x01, 0], 7);
    check(&[0, 0x40], 9);
    check(&[0, 0], 16);
    check(&[], 0);
}
