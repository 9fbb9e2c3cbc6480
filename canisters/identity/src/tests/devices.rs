//! Devices: who may do what with them, and what they are.

use super::*;

fn keys_of(book: &TestBook, by_device: &DeviceData, user: UserNumber) -> Vec<ByteBuf> {
    ok(book.info(by(by_device), user)).devices.into_iter().map(|it| it.pubkey).collect()
}

#[test]
fn a_device_adds_another_which_then_may_do_the_same() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, browser(2));
    join(&mut book, by(&browser(2)), user, passkey(3));
    assert_eq!(keys_of(&book, &passkey(3), user), [passkey(1).pubkey, browser(2).pubkey, passkey(3).pubkey]);
}

#[test]
fn adding_twice_adds_once() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, browser(2));
    join(&mut book, by(&passkey(1)), user, browser(2));
    assert_eq!(keys_of(&book, &passkey(1), user).len(), 2);
}

#[test]
fn nobody_is_put_into_somebody_elses_identity() {
    let mut book = book();
    let (hers, proof) = (passkey(2), prove(&ok(book.challenge(NOW)), &passkey(2)));
    let user = register(&mut book, &passkey(1));
    ok(book.add(by(&passkey(1)), user, hers.clone()));
    assert_eq!((book.my_anchor(by(&hers)), book.device_key(&[2; 16])), (None, None));
    assert_eq!(ok(book.register(by(&hers), hers.clone(), &proof)), user + 1);
    refused(book.accept(by(&hers), user), Refusal::AlreadyRegistered);
    assert_eq!(book.my_anchor(by(&hers)), Some(user + 1));
}

#[test]
fn a_key_that_joined_an_identity_does_not_register() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, browser(2));
    refused(register_at(&mut book, &browser(2), NOW), Refusal::AlreadyRegistered);
    assert_eq!(register(&mut book, &passkey(1)), user);
}

#[test]
fn only_the_invited_device_accepts_and_only_for_a_while() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let check = |book: &mut TestBook, device: &DeviceData, now: u64| {
        let call = by_at(device, now);
        refused(book.accept(call, user), Refusal::Unauthorized(call.caller));
        assert_eq!(keys_of(book, &passkey(1), user), [passkey(1).pubkey]);
    };
    check(&mut book, &browser(2), NOW);
    ok(book.add(by(&passkey(1)), user, browser(2)));
    check(&mut book, &browser(3), NOW);
    check(&mut book, &browser(2), NOW + INVITATION_LASTS);
    ok(book.add(by(&passkey(1)), user, browser(3)));
    check(&mut book, &browser(2), NOW);
    ok(book.accept(by_at(&browser(3), NOW + INVITATION_LASTS - 1), user));
    ok(book.accept(by(&browser(3)), user));
    assert_eq!(keys_of(&book, &browser(3), user).len(), 2);
}

#[test]
fn who_removes_a_device_takes_invitations_back() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, passkey(2));
    ok(book.add(by(&passkey(2)), user, browser(3)));
    ok(book.remove(by(&passkey(1)), user, &passkey(2).pubkey));
    refused(book.accept(by(&browser(3)), user), Refusal::Unauthorized(by(&browser(3)).caller));
}

#[test]
fn strangers_and_other_identities_are_refused_everywhere() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    register(&mut book, &passkey(2));
    for call in [by(&passkey(2)), by(&passkey(9)), Call { caller: Principal::anonymous(), now: NOW }] {
        let expected = || Refusal::Unauthorized(call.caller);
        refused(book.add(call, user, browser(3)), expected());
        refused(book.update(call, user, &passkey(1).pubkey, passkey(1)), expected());
        refused(book.remove(call, user, &passkey(1).pubkey), expected());
        refused(book.info(call, user), expected());
        refused(book.open_pairing(call, user), expected());
        refused(book.close_pairing(call, user), expected());
        refused(book.confirm(call, user, "000000"), expected());
        refused(book.principal(call, user, "https://a.example"), expected());
        refused(book.prepare(call, user, "https://a.example", &plain_key(9), None), expected());
    }
    refused(book.info(by(&passkey(1)), user + 7), Refusal::Unauthorized(keys::principal(&passkey(1).pubkey)));
}

#[test]
fn a_key_and_a_credential_belong_to_one_identity() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    register(&mut book, &passkey(2));
    refused(book.add(by(&passkey(1)), user, passkey(2)), Refusal::AlreadyRegistered);
    let borrowed = DeviceData { credential_id: passkey(2).credential_id, ..passkey(3) };
    refused(book.add(by(&passkey(1)), user, borrowed), Refusal::AlreadyRegistered);
    let renamed = DeviceData { alias: "Other".into(), ..passkey(1) };
    refused(book.add(by(&passkey(1)), user, renamed), Refusal::AlreadyRegistered);
}

#[test]
fn a_removed_device_is_nobodys_and_may_come_again() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, passkey(2));
    ok(book.remove(by(&passkey(1)), user, &passkey(2).pubkey));
    assert_eq!(book.my_anchor(by(&passkey(2))), None);
    assert_eq!(book.device_key(&[2; 16]), None);
    refused(book.remove(by(&passkey(1)), user, &passkey(2).pubkey), Refusal::NoSuchDevice);
    join(&mut book, by(&passkey(1)), user, passkey(2));
    ok(book.remove(by(&passkey(2)), user, &passkey(2).pubkey));
}

#[test]
fn the_last_device_stays() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    refused(book.remove(by(&passkey(1)), user, &passkey(1).pubkey), Refusal::LastDevice);
}

#[test]
fn a_protected_phrase_is_changed_and_removed_by_itself_only() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let safe = phrase(2, DeviceProtection::Protected);
    let open = phrase(2, DeviceProtection::Unprotected);
    join(&mut book, by(&passkey(1)), user, open.clone());
    ok(book.update(by(&passkey(1)), user, &open.pubkey, safe.clone()));
    let later = NOW + PROTECTION_AFTER;
    assert_eq!(ok(book.info(by(&safe), user)).devices[1].protected_from, Some(later));
    let call = by_at(&passkey(1), later);
    refused(book.update(call, user, &open.pubkey, open.clone()), Refusal::Protected);
    refused(book.remove(call, user, &open.pubkey), Refusal::Protected);
    ok(book.update(by_at(&safe, later), user, &open.pubkey, open.clone()));
    ok(book.update(by_at(&safe, later), user, &open.pubkey, safe.clone()));
    // it begins anew when it is asked for anew
    assert_eq!(ok(book.info(by(&safe), user)).devices[1].protected_from, Some(later + PROTECTION_AFTER));
    ok(book.remove(by_at(&safe, later), user, &safe.pubkey));
}

#[test]
fn who_held_a_device_for_a_minute_leaves_no_phrase_that_stays() {
    let check = |is_added_protected: bool, age: u64, expected: Result<(), Refusal>| {
        let mut book = book();
        let user = register(&mut book, &passkey(1));
        let theirs = phrase(2, DeviceProtection::Protected);
        if is_added_protected {
            join(&mut book, by(&passkey(1)), user, theirs.clone());
        } else {
            join(&mut book, by_at(&passkey(1), NOW - DAY), user, phrase(2, DeviceProtection::Unprotected));
            ok(book.update(by(&theirs), user, &theirs.pubkey, theirs.clone()));
        }
        assert_eq!(book.remove(by_at(&passkey(1), NOW + age), user, &theirs.pubkey), expected);
    };
    for is_added_protected in [true, false] {
        check(is_added_protected, 0, Ok(()));
        check(is_added_protected, PROTECTION_AFTER - 1, Ok(()));
        check(is_added_protected, PROTECTION_AFTER, Err(Refusal::Protected));
    }
}

#[test]
fn a_forgotten_identity_is_gone_and_its_keys_are_nobodys() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, browser(2));
    let app = "https://a.example";
    let before = ok(book.principal(by(&passkey(1)), user, app));
    let stranger = keys::principal(&passkey(3).pubkey);
    refused(book.forget(by(&passkey(3)), user), Refusal::Unauthorized(stranger));
    ok(book.forget(by(&browser(2)), user));
    assert_eq!((book.my_anchor(by(&passkey(1))), book.my_anchor(by(&browser(2)))), (None, None));
    assert_eq!((book.device_key(&[1; 16]), book.stats(NOW).users_registered), (None, 0));
    refused(book.forget(by(&browser(2)), user), Refusal::Unauthorized(by(&browser(2)).caller));
    // the number is not given again, nor are the principals
    assert_eq!(ok(register_at(&mut book, &passkey(1), NOW + 1)), user + 1);
    assert_ne!(ok(book.principal(by(&passkey(1)), user + 1, app)), before);
}

#[test]
fn where_a_phrase_protects_an_identity_only_the_phrase_has_it_forgotten() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let words = phrase(2, DeviceProtection::Protected);
    join(&mut book, by(&passkey(1)), user, words.clone());
    let later = NOW + PROTECTION_AFTER;
    refused(book.forget(by_at(&passkey(1), later), user), Refusal::Protected);
    ok(book.forget(by_at(&words, later), user));
}

#[test]
fn a_full_canister_takes_no_devices_and_signs_in_whom_it_knows() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, browser(4));
    ok(book.add(by(&passkey(1)), user, browser(3)));
    let secret = ok(book.open_pairing(by(&passkey(1)), user)).secret;
    book.room = 0;
    refused(book.add(by(&passkey(1)), user, browser(2)), Refusal::CanisterFull);
    refused(book.accept(by(&browser(3)), user), Refusal::CanisterFull);
    refused(book.leave(by(&browser(2)), user, &secret, browser(2)), Refusal::CanisterFull);
    refused(register_at(&mut book, &browser(2), NOW), Refusal::CanisterFull);
    ok(book.prepare(by(&passkey(1)), user, "https://a.example", &plain_key(9), None));
    ok(book.remove(by(&passkey(1)), user, &browser(4).pubkey));
}

#[test]
fn a_device_tells_when_it_was_added() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by_at(&passkey(1), NOW + DAY), user, browser(2));
    let added: Vec<_> = ok(book.info(by(&passkey(1)), user)).devices.iter().map(|it| it.added_at).collect();
    assert_eq!(added, [Some(NOW), Some(NOW + DAY)]);
}

#[test]
fn only_name_and_protection_change() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let renamed = DeviceData { alias: "My phone".into(), ..passkey(1) };
    ok(book.update(by(&passkey(1)), user, &passkey(1).pubkey, renamed.clone()));
    assert_eq!(ok(book.info(by(&passkey(1)), user)).devices[0].alias, "My phone");
    let check = |book: &mut TestBook, device: DeviceData| {
        refused(book.update(by(&passkey(1)), user, &passkey(1).pubkey, device), invalid());
    };
    check(&mut book, DeviceData { pubkey: passkey(2).pubkey, ..renamed.clone() });
    check(&mut book, DeviceData { credential_id: passkey(2).credential_id, ..renamed.clone() });
    check(&mut book, DeviceData { key_type: KeyType::CrossPlatform, ..renamed.clone() });
    check(&mut book, DeviceData { purpose: Purpose::Recovery, ..renamed.clone() });
    check(&mut book, DeviceData { protection: DeviceProtection::Protected, ..renamed.clone() });
    check(&mut book, DeviceData { alias: String::new(), ..renamed });
}

#[test]
fn an_identity_has_ten_devices_and_one_phrase() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, phrase(2, DeviceProtection::Protected));
    refused(book.add(by(&passkey(1)), user, phrase(3, DeviceProtection::Protected)), invalid());
    (3..=10).for_each(|n| join(&mut book, by(&passkey(1)), user, passkey(n)));
    refused(book.add(by(&passkey(1)), user, passkey(11)), Refusal::TooManyDevices { max: 10 });
    refused(book.open_pairing(by(&passkey(1)), user), Refusal::TooManyDevices { max: 10 });
}

#[test]
fn who_knows_a_credential_learns_its_key() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, passkey(2));
    let found = book.device_key(&[2; 16]).expect("a key");
    assert_eq!((found.pubkey, found.anchor_number), (passkey(2).pubkey, user));
    assert_eq!(book.device_key(&[3; 16]), None);
}

#[test]
fn what_is_no_device_is_refused() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    let mut check = |device: DeviceData| refused(book.add(by(&passkey(1)), user, device), invalid());
    check(DeviceData { credential_id: None, ..passkey(2) });
    check(DeviceData { credential_id: Some(ByteBuf::new()), ..passkey(2) });
    check(DeviceData { credential_id: Some(ByteBuf::from(vec![1; MAX_CREDENTIAL_BYTES + 1])), ..passkey(2) });
    check(DeviceData { credential_id: Some(ByteBuf::from([1])), ..browser(2) });
    check(DeviceData { alias: "x".repeat(MAX_ALIAS + 1), ..browser(2) });
    for hidden in ["a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{2066}b", "\u{feff}ab", "a\u{e0041}b"] {
        check(DeviceData { alias: hidden.into(), ..browser(2) });
    }
    check(DeviceData { origin: Some("https://a.example/path".into()), ..browser(2) });
    check(DeviceData { protection: DeviceProtection::Protected, ..browser(2) });
    check(DeviceData { purpose: Purpose::Authentication, ..phrase(2, DeviceProtection::Unprotected) });
    check(DeviceData {
        pubkey: cose_key(2),
        credential_id: Some(ByteBuf::from([1])),
        ..phrase(2, DeviceProtection::Protected)
    });
}

#[test]
fn names_are_of_any_script_and_may_have_joined_emoji() {
    let mut book = book();
    let user = register(&mut book, &passkey(1));
    for alias in ["Räuberhöhle", "گوشی\u{200c}من", "👩\u{200d}💻", "电话"] {
        let renamed = DeviceData { alias: alias.into(), ..passkey(1) };
        ok(book.update(by(&passkey(1)), user, &passkey(1).pubkey, renamed));
    }
}

#[test]
fn what_is_no_public_key_is_refused() {
    let check = |key: &[u8]| refused(keys::kind(key), invalid());
    check(&[]);
    check(&[0x30]);
    check(&plain_key(1)[..43]);
    check(&[plain_key(1).as_slice(), &[0]].concat());
    check(&cose_key(1)[..cose_key(1).len() - 1]);
    check(&[0x30; MAX_KEY_BYTES + 1]);
    check(&keys::canister_key(canister(), &[1; 32]));
    let mut no_map = cose_key(1).into_vec();
    no_map[19] = 0x01;
    check(&no_map);
    for at in 0..cose_key(1).len() {
        let cut = &cose_key(1)[..at];
        assert!(keys::kind(cut).is_err());
    }
    assert_eq!(keys::kind(&cose_key(1)), Ok(keys::Kind::WebAuthn));
}

#[test]
fn everything_is_there_after_an_upgrade() {
    let memory = VectorMemory::default();
    let mut book = open(memory.clone());
    let user = register(&mut book, &passkey(1));
    join(&mut book, by(&passkey(1)), user, phrase(2, DeviceProtection::Protected));
    ok(book.open_pairing(by(&passkey(1)), user));
    let app = "https://a.example";
    let before = (
        ok(book.info(by(&passkey(1)), user)),
        ok(book.principal(by(&passkey(1)), user, app)),
        book.stats(NOW),
    );
    let prepared = ok(book.prepare(by(&passkey(1)), user, app, &plain_key(9), None));
    let digest = book.signatures.digest();
    drop(book);
    let mut book = TestBook::open(memory, canister());
    book.set_salt([9; 32]);
    let info = ok(book.info(by(&passkey(1)), user));
    assert_eq!(info.devices[0].last_usage, Some(NOW));
    assert_eq!(
        (info.devices[1].clone(), info.device_registration),
        (before.0.devices[1].clone(), before.0.device_registration)
    );
    assert_eq!(ok(book.principal(by(&passkey(1)), user, app)), before.1);
    assert_eq!(Stats { signatures: 0, ..book.stats(NOW) }, before.2);
    assert_eq!(book.signatures.digest(), digest);
    assert!(book.prepared(by(&passkey(1)), user, app, &plain_key(9), prepared.expiration).is_some());
    assert_eq!(register(&mut book, &passkey(3)), user + 1);
}
