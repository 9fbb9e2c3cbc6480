//! Proofs by authenticators and by canisters (interface spec, "Web Authentication", "Canister
//! signatures"), and what canisters vouch for.

use super::signer::*;
use super::*;
use crate::crypto::user::tests::wrap;
use blst::min_sig::SecretKey;
use ic_agent::identity::InfoAwareIdentity;

fn from(signer: &Signer) -> Vec<u8> {
    sign(signer, &call(signer))
}

fn accepts(envelope: Vec<u8>) -> Authenticated<UserCall> {
    authenticator().authenticate_call(envelope.into(), NOW).expect("a good proof").0
}

#[test]
fn authenticators_of_every_kind_sign_calls_and_delegations() {
    for (name, signer) in [("ES256", es256()), ("EdDSA", eddsa()), ("RS256", rs256())] {
        let sender = signer.sender().expect("a sender");
        assert_eq!(accepts(from(&signer)).content().sender, sender, "{name}");
        let session = delegated_by(&signer, &[Link::default()]);
        assert_eq!(accepts(sign(&session, &call(&session))).content().sender, sender, "{name}");
    }
}

/// Sends a call with another proof of the authenticator's than the right one.
fn check_assertion(bent: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static, reason: &str) {
    check(from(&Signer::new(eddsa().der, bent)), reason);
}

#[test]
fn an_assertion_must_be_about_the_request() {
    let of = |text: &'static str| move |_: &[u8]| assertion(text, |_| vec![0; 64]);
    check_assertion(|_| b"no CBOR".to_vec(), "WebAuthn: malformed");
    check_assertion(|_| vec![0; 64], "WebAuthn: malformed: assertion: expected map");
    check_assertion(of("not JSON"), "not a JSON object");
    check_assertion(of("{\"type\":\"webauthn.get\"}"), "not a JSON object with one text named challenge");
    check_assertion(of("{\"challenge\":1.5}"), "not a JSON object with one text named challenge");
    check_assertion(of("{\"challenge\":\"\",\"challenge\":\"\"}"), "not a JSON object with one text");
    check_assertion(of("{\"challenge\":\"AAAA\"}"), "challenge in client_data_json is not the base64url");
    check_assertion(|payload| eddsa().signature(&[payload, b"x"].concat()), "challenge in client_data_json");
    check_assertion(|payload| assertion(&client_data(payload), |_| vec![0; 64]), "signature does not hold");
    check_assertion(|payload| assertion(&client_data(payload), |_| vec![0; 63]), "63 bytes, 64 expected");
    let padded =
        |payload: &[u8]| assertion(&client_data(payload).replace("\",\"origin", "=\",\"origin"), |_| vec![]);
    check_assertion(padded, "challenge in client_data_json");
}

#[test]
fn assertions_of_one_key_do_not_hold_for_another() {
    let es256_with_raw_signature =
        Signer::new(es256().der, |payload| assertion(&client_data(payload), |_| vec![1; 64]));
    check(from(&es256_with_raw_signature), "not the DER form of an ECDSA signature");
    check(from(&Signer::new(es256().der, |payload| eddsa().signature(payload))), "not the DER form");
    check(from(&Signer::new(rs256().der, |payload| eddsa().signature(payload))), "signature does not hold");
    check(from(&Signer::new(eddsa().der, |payload| rs256().signature(payload))), "256 bytes, 64 expected");
    // A plain signature is no assertion, and an assertion no plain signature.
    let plain = basic(1).public_key().expect("a key");
    check(from(&Signer::new(plain, |payload| eddsa().signature(payload))), "64 expected");
}

#[test]
fn keys_that_authenticators_cannot_have_are_refused_by_name() {
    let with = |cose: &str| from(&Signer::new(wrap(1, &hex::decode(cose).expect("hex")), |_| Vec::new()));
    check(with(""), "not a COSE key of ES256, RS256 or EdDSA: cose_key: truncated");
    check(with("a0"), "cose_key.kty: missing");
    check(with("a201020327"), "cose_key.alg: unknown value `-8`");
    let off_curve = format!("a5010203262001215820{}225820{}", "01".repeat(32), "01".repeat(32));
    check(with(&off_curve), "P-256 point is not on its curve");
    check(with("a401030339010020420102214303 0405".replace(' ', "").as_str()), "2048 to 8192 bits");
}

#[test]
fn a_canister_signs_for_its_users() {
    let signer = CanisterSigner::new(7).signer();
    let call = accepts(from(&signer));
    assert_eq!(call.content().sender, signer.sender().expect("a sender"));
    assert_eq!(call.content().sender_info, None);
    let session = delegated_by(&signer, &[Link::default(), Link::default()]);
    accepts(sign(&session, &super::call(&session)));
    let query = authenticator().authenticate_query(&sign(&session, &query(&session)), NOW);
    assert!(query.is_ok());
}

#[test]
fn a_canister_of_another_subnet_signs_through_its_delegation() {
    for sharded in [true, false] {
        let delegate = Some(Delegate { sharded, ..Delegate::default() });
        accepts(from(&CanisterSigner { delegate, ..CanisterSigner::new(7) }.signer()));
    }
}

/// A call by a user of a canister, whose signature is bent.
fn check_canister(bend: impl FnOnce(&mut CanisterSigner), reason: &str) {
    let mut signer = CanisterSigner::new(7);
    bend(&mut signer);
    check(from(&signer.signer()), reason);
}

#[test]
fn a_canister_signature_holds_only_if_every_condition_does() {
    let stranger = || SecretKey::key_gen(&[99; 32], &[]).expect("a key");
    let through = |delegate: Delegate| move |signer: &mut CanisterSigner| signer.delegate = Some(delegate);
    check_canister(|signer| signer.secret = Some(stranger()), "does not match the root key");
    check_canister(|signer| signer.data = Some(vec![1; 32]), "its tree is not the certified data");
    check_canister(
        through(Delegate { range: (8, 99), ..Delegate::default() }),
        "is not in the ranges of the subnet",
    );
    check_canister(
        through(Delegate { subnet_type: None, ..Delegate::default() }),
        "does not show the type of the subnet",
    );
    check_canister(
        through(Delegate { subnet_type: Some(b"cloud_engine"), ..Delegate::default() }),
        "a subnet of type cloud_engine",
    );
    check_canister(
        through(Delegate { root: stranger(), ..Delegate::default() }),
        "delegation's certificate is not believed: the signature does not match the root key",
    );
    check_canister(through(Delegate { nested: true, ..Delegate::default() }), "has itself a delegation");
    check_canister(
        |signer| {
            signer.delegate = Some(Delegate::default());
            signer.secret = Some(root_secret());
        },
        "does not match the key of subnet",
    );
}

#[test]
fn a_canister_signature_is_about_one_payload_and_one_key() {
    let other_payload = |payload: &[u8]| CanisterSigner::new(7).signature(&[payload, b"x"].concat());
    let der = CanisterSigner::new(7).signer().der;
    check(from(&Signer::new(der.clone(), other_payload)), "does not sign this payload with this key");
    let other_seed = CanisterSigner { seed: b"another".to_vec(), ..CanisterSigner::new(7) };
    let sign_other_seed = move |payload: &[u8]| other_seed.signature(payload);
    check(from(&Signer::new(der.clone(), sign_other_seed)), "does not sign this payload with this key");
    let other_canister = |payload: &[u8]| CanisterSigner::new(8).signature(payload);
    check(from(&Signer::new(der.clone(), other_canister)), "not the certified data of canister");
    check(from(&Signer::new(der, |_| vec![0; 64])), "not a canister signature");
    for key in ["", "1e", "0102", "ff00"] {
        let key = wrap(2, &hex::decode(key).expect("hex"));
        let found = authenticator().authenticate_call(from(&Signer::new(key, |_| vec![])).into(), NOW);
        assert!(found.is_err());
    }
    check(from(&Signer::new(wrap(2, &[5, 1]), |_| vec![])), "no canister id where it should stand");
}

/// A user of canister 7 whom it vouches for, by `signer` and with a signature on `signed`.
fn informed(signer: u64, signed: &[u8]) -> Vec<u8> {
    let own = CanisterSigner::new(7);
    let sig = own.signature(&[b"\x0eic-sender-info".as_slice(), signed].concat());
    let content = with_info(call(&own.signer()), CanisterId(signer).principal(), b"over 18", sig);
    sign(&own.signer(), &content)
}

fn with_info(mut content: EnvelopeContent, signer: Principal, info: &[u8], sig: Vec<u8>) -> EnvelopeContent {
    let (EnvelopeContent::Call { sender_info, .. } | EnvelopeContent::Query { sender_info, .. }) =
        &mut content
    else {
        return content;
    };
    let signer = signer.as_slice().to_vec();
    *sender_info = Some(ic_agent::identity::SenderInfo { info: info.to_vec(), signer, sig });
    content
}

#[test]
fn a_canister_hears_what_another_vouches_for() {
    let expected = SenderInfo { info: b"over 18".to_vec(), signer: CanisterId(7).principal() };
    let (call, ingress) =
        authenticator().authenticate_call(informed(7, b"over 18").into(), NOW).expect("signed");
    assert_eq!(call.content().sender_info.as_ref(), Some(&expected));
    let in_block = read_call(&ingress).expect("well-formed");
    assert_eq!(in_block.call.sender_info.as_ref(), Some(&expected));
    // A session key of the user's: the canister's key still stands in front.
    let own = CanisterSigner::new(7);
    let sig = own.signature(b"\x0eic-sender-infoover 18");
    let session = delegated_by(&own.signer(), &[Link::default()]);
    let session =
        InfoAwareIdentity::new_unchecked(session, b"over 18".to_vec(), sig).expect("a canister's key");
    let info = session.sender_info().expect("info");
    let content = with_info(query(&session), CanisterId(7).principal(), &info.info, info.sig);
    let query = authenticator().authenticate_query(&sign(&session, &content), NOW).expect("signed");
    assert_eq!(query.content().sender_info.as_ref(), Some(&expected));
}

#[test]
fn what_nobody_vouches_for_is_refused_by_name() {
    check(informed(8, b"over 18"), "the signer of sender_info is");
    check(informed(7, b"over 21"), "invalid sender_info: its signature is refused: canister signature");
    let sig = CanisterSigner::new(7).signature(b"\x0eic-sender-infoover 18");
    let plain = with_info(call(&basic(1)), CanisterId(7).principal(), b"over 18", sig.clone());
    check(sign(&basic(1), &plain), "sender_info without a canister's key");
    let anonymous = with_info(call(&AnonymousIdentity), CanisterId(7).principal(), b"over 18", sig);
    check(sign(&AnonymousIdentity, &anonymous), "anonymous request with sender_info");
    let changed = bend(&informed(7, b"over 18"), |value| {
        set_field(value, &["content", "sender_info", "info"], Some(Value::Bytes(b"over 99".to_vec())));
    });
    check(changed, "does not sign this payload with this key");
}

#[test]
fn a_certificate_that_is_shown_again_is_checked_once_and_still_holds_for_nothing_else() {
    let authenticator = authenticator();
    let signer = CanisterSigner::new(7);
    let session = delegated_by(&signer.signer(), &[Link::default()]);
    let first = sign(&session, &call(&session));
    for _ in 0..2 {
        assert!(authenticator.authenticate_call(first.clone().into(), NOW).is_ok());
    }
    let forger =
        CanisterSigner { secret: Some(SecretKey::key_gen(&[99; 32], &[]).expect("a key")), ..signer };
    let forged = delegated_by(&forger.signer(), &[Link::default()]);
    assert!(authenticator.authenticate_call(sign(&forged, &call(&forged)).into(), NOW).is_err());
}

#[test]
fn logs_of_a_canister_can_be_read_within_delegations_to_it() {
    let seven = CanisterId(7).principal();
    let identity = delegated(&[Link { targets: Some(vec![seven]), ..Link::default() }]);
    let about = |number: u64| {
        let record =
            crate::encoding::management::CanisterIdRecord { canister_id: CanisterId(number).principal() };
        let mut content = query(&identity);
        if let EnvelopeContent::Query { canister_id, method_name, arg, .. } = &mut content {
            *canister_id = management_canister();
            *method_name = "fetch_canister_logs".into();
            *arg = candid::encode_one(record).expect("candid");
        }
        authenticator().authenticate_query(&sign(&identity, &content), NOW)
    };
    assert!(about(7).is_ok());
    assert!(matches!(about(8), Err(AuthError::NotATarget(_))));
}
