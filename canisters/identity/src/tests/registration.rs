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
fn a_full_minute_is_dearer_and_closed_to_nobody_who_pays() {
    let mut book = book();
    let cheap = prove_exactly(&ok(book.challenge(NOW)), &passkey(9));
    for n in 1..=4 {
        assert_eq!(ok(book.challenge(NOW)).difficulty, DIFFICULTY);
        register(&mut book, &passkey(n));
    }
    refused(book.register(by(&passkey(9)), passkey(9), &cheap), Refusal::BadProof);
    // one more bit, and again one for every half of four
    for (n, more) in [(5, 1), (6, 1), (7, 2), (8, 2), (9, 3)] {
        assert_eq!(book.stats(NOW).difficulty, DIFFICULTY + more);
        register(&mut book, &passkey(n));
    }
    let next = (NOW / WINDOW + 1) * WINDOW;
    assert_eq!(ok(book.challenge(next)).difficulty, DIFFICULTY + 1);
    ok(register_at(&mut book, &passkey(10), next));
}

#[test]
fn work_that_was_saved_up_buys_nothing_cheaper() {
    let mut book = book();
    let saved = prove_exactly(&ok(book.challenge(NOW)), &passkey(9));
    let next = (NOW / WINDOW + 1) * WINDOW;
    for n in 1..=4 {
        ok(register_at(&mut book, &passkey(n), next));
    }
    refused(book.register(by_at(&passkey(9), next), passkey(9), &saved), Refusal::BadProof);
    let paid = prove(&Challenge { difficulty: DIFFICULTY + 1, ..ok(book.challenge(NOW)) }, &passkey(9));
    ok(book.register(by_at(&passkey(9), next), passkey(9), &paid));
}

#[test]
fn a_minute_ends_when_so_many_came_that_no_work_helps() {
    let mut book = book();
    book.change_state(|state| {
        state.window = Window { number: NOW / WINDOW, used: MAX_PER_WINDOW, difficulty: 1 }
    });
    let proof = |book: &TestBook| prove(&Challenge { difficulty: 0, ..ok(book.challenge(NOW)) }, &passkey(1));
    refused(book.register(by(&passkey(1)), passkey(1), &proof(&book)), Refusal::BadProof);
    // as cheap as a test can pay, and yet full
    let rules = RegistrationRules { per_minute: MAX_PER_WINDOW, difficulty: 1 };
    ok(book.configure(InitArgs { registration: Some(rules), gateways: None }));
    let until = (NOW / WINDOW + 1) * WINDOW;
    refused(register_at(&mut book, &passkey(1), NOW), Refusal::TooManyRegistrations { until });
}

#[test]
fn where_there_is_no_room_who_never_signed_in_makes_it() {
    let mut book = book();
    let (used, unused) = (register(&mut book, &passkey(1)), register(&mut book, &passkey(2)));
    ok(book.prepare(by(&passkey(1)), used, "https://a.example", &plain_key(9), None));
    book.room = 0;
    let later = NOW + UNUSED_LASTS;
    refused(register_at(&mut book, &passkey(3), later - 1), Refusal::CanisterFull);
    assert_eq!(ok(register_at(&mut book, &passkey(3), later)), unused + 1);
    assert_eq!((book.my_anchor(by(&passkey(2))), book.device_key(&[2; 16])), (None, None));
    assert_eq!((book.my_anchor(by(&passkey(1))), book.stats(later).users_registered), (Some(used), 2));
    refused(register_at(&mut book, &passkey(4), later), Refusal::CanisterFull);
}

#[test]
fn the_price_rises_with_full_minutes_and_falls_with_empty_ones() {
    let mut window = Window { number: 100, used: 0, difficulty: DIFFICULTY };
    for minute in 100..120 {
        window = Window { used: 3, ..window.at(minute * WINDOW, &RULES) };
        let risen = DIFFICULTY + MAX_RISE.min((minute - 100) as u8);
        assert_eq!((window.number, window.difficulty), (minute, risen));
    }
    let check = |minute: u64, difficulty: u8| {
        let it = window.at(minute * WINDOW, &RULES);
        assert_eq!((it.number, it.used, it.difficulty), (minute, 0, difficulty));
    };
    check(120, 12);
    check(121, 11);
    check(128, 4);
    check(129, 4);
    check(9_000, 4);
    assert_eq!(window.at(0, &RULES), window);
}

#[test]
fn nobody_is_asked_for_more_than_a_phone_finds() {
    let check = |difficulty: u8, per_minute: u32, used: u32, expected: u8| {
        let window = Window { number: 100, used, difficulty };
        assert_eq!(window.price(&RegistrationRules { per_minute, difficulty: 4 }), expected);
    };
    check(20, 60, 59, 20);
    check(20, 60, 60, 21);
    check(20, 60, 90, 22);
    check(20, 60, MAX_PER_WINDOW, 22);
    check(20, 1, u32::MAX, 22);
    let dear = RegistrationRules { per_minute: 1, difficulty: MAX_DIFFICULTY };
    let window = Window { number: 100, used: 9, difficulty: MAX_DIFFICULTY };
    assert_eq!(window.at(101 * WINDOW, &dear).difficulty, MAX_DIFFICULTY);
}

#[test]
fn half_a_minutes_registrations_do_not_raise_the_price() {
    let window = Window { number: 100, used: 2, difficulty: DIFFICULTY };
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
    for everybody in
        ["https://*", "https://*.com", "https://*.*.example", "https://a..example", "https://a.example:x"]
    {
        check(&mut book, 1, 1, &[everybody]);
    }
    check(&mut book, 1, 1, &["https://a.example"; MAX_GATEWAYS + 1]);
    ok(book.configure(InitArgs { registration: None, gateways: Some(vec!["https://*.example.org".into()]) }));
    ok(book.configure(InitArgs::default()));
    let here = ["http://*.localhost:*", "http://localhost:8000"].map(str::to_owned).to_vec();
    ok(open(VectorMemory::default()).configure(InitArgs { registration: None, gateways: Some(here) }));
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
