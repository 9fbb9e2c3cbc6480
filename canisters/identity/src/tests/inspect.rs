//! What is let in before the canister pays for it.

use super::*;
use candid::encode_args;

fn argument<T: candid::utils::ArgumentEncoder>(args: T) -> Vec<u8> {
    encode_args(args).expect("candid")
}

#[test]
fn a_device_of_an_identity_is_let_in_with_what_is_short() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let check = |device: &DeviceData, method: &str, argument: &[u8], expected: bool| {
        assert_eq!(book.admits(by(device), method, argument), expected, "{method}");
    };
    for method in ["add", "update", "remove", "prepare_delegation", "enter_device_registration_mode"] {
        check(&passkey(1), method, &argument((user,)), true);
        check(&passkey(2), method, &argument((user,)), false);
        check(&passkey(1), method, &[0; MAX_ARGUMENT_BYTES], true);
        check(&passkey(1), method, &[0; MAX_ARGUMENT_BYTES + 1], false);
    }
    let stranger = Call { caller: Principal::anonymous(), now: NOW };
    assert!(!book.admits(stranger, "register", &argument((user,))));
}

#[test]
fn who_registers_is_let_in_when_the_work_is_done_and_there_is_room() {
    let mut book = book();
    let proof = |book: &TestBook, n: u8| prove(&ok(book.challenge(NOW)), &passkey(n));
    let good = proof(&book, 1);
    let lazy = Proof { challenge: ByteBuf::from([1; 32]), ..good.clone() };
    let check = |book: &TestBook, by_device: &DeviceData, proof: &Proof, expected: bool| {
        let argument = argument((passkey(1), proof));
        assert_eq!(book.admits(by(by_device), "register", &argument), expected);
    };
    check(&book, &passkey(1), &good, true);
    check(&book, &passkey(1), &lazy, false);
    check(&book, &passkey(2), &good, false);
    assert!(!book.admits(by(&passkey(1)), "register", b"DIDL"));
    // what was enough for an empty minute is not for a full one
    let cheap = prove_exactly(&ok(book.challenge(NOW)), &passkey(1));
    check(&book, &passkey(1), &cheap, true);
    for n in 2..=5 {
        register(&mut book, &passkey(n));
    }
    check(&book, &passkey(1), &cheap, false);
    let paid = proof(&book, 1);
    check(&book, &passkey(1), &paid, true);
}

#[test]
fn who_registered_may_ask_for_the_number_again() {
    let mut book = book();
    register(&mut book, &passkey(1));
    let proof = prove(&ok(book.challenge(NOW)), &passkey(1));
    assert!(book.admits(by(&passkey(1)), "register", &argument((passkey(1), proof))));
}

#[test]
fn a_new_device_is_let_in_where_it_is_waited_for() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let check = |book: &TestBook, secret: &str, n: u8, leaves: bool, accepts: bool| {
        let leave = argument((user, secret, browser(n)));
        assert_eq!(book.admits(by(&browser(n)), "add_tentative_device", &leave), leaves);
        assert_eq!(book.admits(by(&browser(n)), "accept", &argument((user,))), accepts);
    };
    check(&book, "", 2, false, false);
    let secret = ok(book.open_pairing(by(&passkey(1)), user)).secret;
    check(&book, "", 2, false, false);
    check(&book, &secret, 2, true, false);
    ok(book.leave(by(&browser(2)), user, &secret, browser(2)));
    check(&book, &secret, 2, true, false);
    check(&book, &secret, 3, false, false);
    ok(book.add(by(&passkey(1)), user, browser(3)));
    check(&book, &secret, 3, false, true);
    ok(book.accept(by(&browser(3)), user));
    check(&book, &secret, 4, false, false);
}

#[test]
fn the_largest_device_fits() {
    let largest = DeviceData {
        pubkey: ByteBuf::from(vec![0; MAX_KEY_BYTES]),
        alias: "\u{1f511}".repeat(MAX_ALIAS),
        credential_id: Some(ByteBuf::from(vec![0; MAX_CREDENTIAL_BYTES])),
        origin: Some("o".repeat(MAX_ORIGIN_BYTES)),
        ..passkey(1)
    };
    let proof = Proof { challenge: ByteBuf::from([0; 32]), nonce: u64::MAX };
    let bytes = argument((largest, proof));
    assert!(bytes.len() < MAX_ARGUMENT_BYTES);
    assert!(crate::inspect::decode::<(DeviceData, Proof)>(&bytes).is_some());
}
