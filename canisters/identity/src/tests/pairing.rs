//! A new device joins by a code.

use super::*;

fn paired() -> (TestBook, UserNumber, String) {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let PairingOpened { secret, expiration } = ok(book.open_pairing(by(&passkey(1)), user));
    assert_eq!((secret.len(), expiration), (8, NOW + PAIRING_LASTS));
    (book, user, secret)
}

/// A code that is not this one.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[test]
fn the_code_of_the_new_device_lets_it_in() {
    let (mut book, user, secret) = paired();
    let left = ok(book.leave(by(&browser(2)), user, &secret, browser(2)));
    assert_eq!((left.verification_code.len(), left.device_registration_timeout), (6, NOW + PAIRING_LASTS));
    assert_eq!(book.my_anchor(by(&browser(2))), None);
    let waits = ok(book.info(by(&passkey(1)), user)).device_registration.and_then(|it| it.tentative_device);
    assert_eq!(waits, Some(browser(2)));
    ok(book.confirm(by(&passkey(1)), user, &left.verification_code));
    assert_eq!(book.my_anchor(by(&browser(2))), Some(user));
    assert_eq!(ok(book.info(by(&browser(2)), user)).device_registration, None);
    refused(book.confirm(by(&passkey(1)), user, &left.verification_code), Refusal::DeviceRegistrationModeOff);
}

#[test]
fn three_wrong_codes_close_the_window() {
    let (mut book, user, secret) = paired();
    let code = ok(book.leave(by(&browser(2)), user, &secret, browser(2))).verification_code;
    for retries_left in [2, 1, 0] {
        refused(book.confirm(by(&passkey(1)), user, wrong(&code)), Refusal::WrongCode { retries_left });
    }
    refused(book.confirm(by(&passkey(1)), user, &code), Refusal::DeviceRegistrationModeOff);
    refused(book.leave(by(&browser(2)), user, &secret, browser(2)), Refusal::DeviceRegistrationModeOff);
    assert_eq!(book.my_anchor(by(&browser(2))), None);
}

#[test]
fn the_window_closes_after_a_quarter_of_an_hour() {
    let (mut book, user, secret) = paired();
    let code = ok(book.leave(by(&browser(2)), user, &secret, browser(2))).verification_code;
    let late = NOW + PAIRING_LASTS;
    refused(book.confirm(by_at(&passkey(1), late), user, &code), Refusal::DeviceRegistrationModeOff);
    refused(
        book.leave(by_at(&browser(3), late), user, &secret, browser(3)),
        Refusal::DeviceRegistrationModeOff,
    );
    assert_eq!(ok(book.info(by_at(&passkey(1), late), user)).device_registration, None);
    ok(book.confirm(by_at(&passkey(1), late - 1), user, &code));
}

#[test]
fn one_device_waits_and_asks_as_often_as_it_likes() {
    let (mut book, user, secret) = paired();
    let left = ok(book.leave(by(&browser(2)), user, &secret, browser(2)));
    assert_eq!(ok(book.leave(by_at(&browser(2), NOW + SECOND), user, &secret, browser(2))), left);
    refused(book.leave(by(&browser(3)), user, &secret, browser(3)), Refusal::AnotherDeviceTentativelyAdded);
    let secret = ok(book.open_pairing(by_at(&passkey(1), NOW + 1), user)).secret;
    refused(book.confirm(by(&passkey(1)), user, &left.verification_code), Refusal::NoDeviceToVerify);
    ok(book.leave(by(&browser(3)), user, &secret, browser(3)));
}

#[test]
fn a_closed_window_is_like_no_identity() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let secret = ok(book.open_pairing(by(&passkey(1)), user)).secret;
    ok(book.close_pairing(by(&passkey(1)), user));
    for number in [user, user + 1] {
        refused(book.leave(by(&browser(2)), number, &secret, browser(2)), Refusal::DeviceRegistrationModeOff);
    }
}

#[test]
fn strangers_neither_find_nor_fill_a_window() {
    let (mut book, user, secret) = paired();
    for other in ["", "00000000", &secret[1..], format!("{secret}0").as_str(), wrong_secret(&secret).as_str()]
    {
        refused(book.leave(by(&browser(9)), user, other, browser(9)), Refusal::DeviceRegistrationModeOff);
    }
    let left = ok(book.leave(by(&browser(2)), user, &secret, browser(2)));
    // what opened the window before opens the next one no more
    let later = by_at(&passkey(1), NOW + 1);
    assert_ne!(ok(book.open_pairing(later, user)).secret, secret);
    refused(book.leave(by(&browser(2)), user, &secret, browser(2)), Refusal::DeviceRegistrationModeOff);
    refused(book.confirm(by(&passkey(1)), user, &left.verification_code), Refusal::NoDeviceToVerify);
}

/// The next secret.
fn wrong_secret(secret: &str) -> String {
    let number: u64 = secret.parse().expect("digits");
    format!("{:08}", (number + 1) % 100_000_000)
}

#[test]
fn a_device_leaves_its_own_key_which_is_nobodys() {
    let (mut book, user, secret) = paired();
    let owner = keys::principal(&browser(2).pubkey);
    refused(book.leave(by(&browser(3)), user, &secret, browser(2)), Refusal::NotTheDevice(owner));
    refused(book.leave(by(&passkey(1)), user, &secret, passkey(1)), Refusal::AlreadyRegistered);
    let words = phrase(4, DeviceProtection::Protected);
    refused(book.leave(by(&words), user, &secret, words.clone()), invalid());
}

#[test]
fn a_key_that_registers_meanwhile_is_not_let_in() {
    let (mut book, user, secret) = paired();
    let code = ok(book.leave(by(&browser(2)), user, &secret, browser(2))).verification_code;
    let other = register(&mut book, &browser(2));
    refused(book.confirm(by(&passkey(1)), user, &code), Refusal::AlreadyRegistered);
    assert_eq!(book.my_anchor(by(&browser(2))), Some(other));
}

#[test]
fn codes_differ_by_device_and_time() {
    let (mut book, user, _) = paired();
    let mut codes = std::collections::BTreeSet::new();
    for n in 2..30 {
        let secret = ok(book.open_pairing(by(&passkey(1)), user)).secret;
        let call = by_at(&browser(n), NOW + u64::from(n));
        codes.insert(ok(book.leave(call, user, &secret, browser(n))).verification_code);
    }
    assert!(codes.len() > 25, "{codes:?}");
}
