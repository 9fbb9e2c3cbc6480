//! Who sent a request: signatures, delegations, and the hash that is signed.

use super::section;
use crate::answer::{Answer, Outcome};
use crate::case::*;
use crate::program::Variables;
use crate::request::*;
use crate::webauthn::*;
use ic_agent::Identity;
use ic_agent::identity::{Prime256v1Identity, Secp256k1Identity};
use std::sync::Arc;

pub fn sections() -> Vec<Section> {
    vec![
        section("authentication", SIGNED),
        section("authentication", DELEGATED),
        section("ecdsa", SCHEMES),
        section("webauthn", WEBAUTHN),
        section("canister-signatures", CANISTER_SIGNATURES),
        section("hash-of-map", HASH),
        section("request-id", REQUEST_ID),
        section("principal", PRINCIPALS),
        section("id-classes", CLASSES),
        section("textual-ids", TEXTS),
    ]
}

const BAD: u16 = 400;

fn secp256k1() -> Key {
    Arc::new(Secp256k1Identity::from_private_key(k256::SecretKey::from_slice(&[7; 32]).expect("a scalar")))
}

fn prime256v1() -> Key {
    Arc::new(Prime256v1Identity::from_private_key(p256::SecretKey::from_slice(&[8; 32]).expect("a scalar")))
}

fn in_an_hour() -> u64 {
    now() + 60 * MINUTE
}

/// The reply is the principal of this key.
fn is_principal_of(answer: &Answer, key: &Key) -> Result<(), String> {
    match &answer.outcome {
        Outcome::Replied(caller) if caller == key.sender()?.as_slice() => Ok(()),
        other => Err(other.to_string()),
    }
}

const CALLER: &str = "caller append reply";

#[rustfmt::skip]
const SIGNED: &[Case] = &[
    case("an anonymous call needs no signature", &[update(CALLER, reply("0x04")).by(Who::Anonymous)]),
    case("a signed call is the signer's", &[update(CALLER, reply("$me"))]),
    case("a signed query is the signer's", &[query(CALLER, reply("$me"))]),
    case("a signed read_state is taken", &[send(|d| { d.read(&["/time"]).by_me(); }, http(200, ""))]),
    case("a call without its signature is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| e.retain(|(k, _)| k != "sender_sig")); }, http(BAD, "signature")),
    ]),
    case("a call without its public key is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| e.retain(|(k, _)| k != "sender_pubkey")); }, http(BAD, "signature")),
    ]),
    case("a call with neither is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.signer = None; }, http(BAD, "signature")),
    ]),
    case("a query without its signature is refused", &[
        send(|d| { d.query(CALLER).by_me(); d.signer = None; }, http(BAD, "signature")),
    ]),
    case("a read_state without its signature is refused", &[
        send(|d| { d.read(&["/time"]).by_me(); d.signer = None; }, http(BAD, "signature")),
    ]),
    case("a wrong signature is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 64]))); }, http(BAD, "signature")),
    ]),
    case("a wrong signature of a query is refused", &[
        send(|d| { d.query(CALLER).by_me(); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 64]))); }, http(BAD, "signature")),
    ]),
    case("a wrong signature of a read_state is refused", &[
        send(|d| { d.read(&["/time"]).by_me(); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 64]))); }, http(BAD, "signature")),
    ]),
    case("a short signature is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 10]))); }, http(BAD, "signature")),
    ]),
    case("an empty signature is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| set(e, "sender_sig", bytes([]))); }, http(BAD, "signature")),
    ]),
    case("a signature by another key is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| set(e, "sender_pubkey", bytes(public(&key(99))))); }, http(BAD, "")),
    ]),
    case("a sender that is not the key's is refused", &[
        send(|d| { d.call(CALLER).by_me(); let other = key(9).sender().expect("a sender"); d.set("sender", bytes(other)); }, http(BAD, "sender")),
    ]),
    case("a sender that is a canister is refused", &[
        send(|d| { d.call(CALLER).by_me(); let id = d.variables["self"].clone(); d.set("sender", bytes(id)); }, http(BAD, "sender")),
    ]),
    case("an anonymous call with a public key is refused", &[
        send(|d| { d.call(CALLER); d.tamper = Some(|e| e.push(("sender_pubkey".into(), bytes(public(&key(1)))))); }, http(BAD, "anonymous")),
    ]),
    case("an anonymous call with a signature is refused", &[
        send(|d| { d.call(CALLER); d.tamper = Some(|e| e.push(("sender_sig".into(), bytes([7; 64])))); }, http(BAD, "anonymous")),
    ]),
    case("an anonymous query with a public key is refused", &[
        send(|d| { d.query(CALLER); d.tamper = Some(|e| e.push(("sender_pubkey".into(), bytes(public(&key(1)))))); }, http(BAD, "anonymous")),
    ]),
    case("an anonymous call with delegations is refused", &[
        send(|d| { d.call(CALLER); d.tamper = Some(|e| e.push(("sender_delegation".into(), ciborium::Value::Array(vec![])))); }, http(BAD, "anonymous")),
    ]),
    case("a key that is no DER is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| set(e, "sender_pubkey", bytes([1, 2, 3])));
            let id = candid::Principal::self_authenticating([1, 2, 3]); d.set("sender", bytes(id)); }, http(BAD, "public key")),
    ]),
    case("a call changed after it was signed is refused", &[
        send(|d| { d.call(CALLER).by_me(); d.tamper = Some(|e| {
            if let ciborium::Value::Map(content) = &mut e[0].1 {
                content.retain(|(key, _)| *key != text("arg"));
                content.push((text("arg"), bytes(b"another")));
            } }); }, http(BAD, "signature")),
    ]),
];

fn set(envelope: &mut Map, name: &str, value: ciborium::Value) {
    envelope.retain(|(key, _)| key != name);
    envelope.push((name.into(), value));
}

/// A chain of so many delegations.
fn chain(d: &mut Draft, length: u8) {
    d.call(CALLER).by_me();
    for number in 0..length {
        d.delegated(key(100 + number), in_an_hour());
    }
}

#[rustfmt::skip]
const DELEGATED: &[Case] = &[
    case("a delegation lets another key sign", &[send(|d| chain(d, 1), reply("$me"))]),
    case("a delegation lets another key query", &[
        send(|d| { d.query(CALLER).by_me().delegated(key(100), in_an_hour()); }, reply("$me")),
    ]),
    case("a delegation lets another key read the state", &[
        send(|d| { d.read(&["/time"]).by_me().delegated(key(100), in_an_hour()); }, http(200, "")),
    ]),
    case("a chain of two delegations is followed", &[send(|d| chain(d, 2), reply("$me"))]),
    case("a chain of twenty delegations is followed", &[send(|d| chain(d, 20), reply("$me"))]),
    case("a chain of twenty-one delegations is too long", &[send(|d| chain(d, 21), http(BAD, "delegation"))]),
    case("an expired delegation is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), now() - MINUTE); }, http(BAD, "expired")),
    ]),
    case("an expired delegation in the middle is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()).delegated(key(101), 1).delegated(key(102), in_an_hour()); }, http(BAD, "expired")),
    ]),
    case("an expired delegation of a query is refused", &[
        send(|d| { d.query(CALLER).by_me().delegated(key(100), now() - MINUTE); }, http(BAD, "expired")),
    ]),
    case("a delegation signed by somebody else is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.links[0].forger = Some(key(66)); }, http(BAD, "delegation")),
    ]),
    case("a second delegation signed by the first key is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()).delegated(key(101), in_an_hour()); d.links[1].forger = Some(key(1)); },
            http(BAD, "delegation")),
    ]),
    case("a key that delegates to itself is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(1), in_an_hour()); }, http(BAD, "cycle")),
    ]),
    case("a chain that returns to a key is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()).delegated(key(101), in_an_hour()).delegated(key(100), in_an_hour()); },
            http(BAD, "cycle")),
    ]),
    case("a delegation to the canister that is called is enough", &[
        send(|d| { let id = d.variables["self"].clone(); d.call(CALLER).by_me().delegated(key(100), in_an_hour());
            d.link("targets", ciborium::Value::Array(vec![bytes(id)])); }, reply("$me")),
    ]),
    case("a delegation to other canisters is not enough", &[
        send(|d| { let id = d.variables["peer"].clone(); d.call(CALLER).by_me().delegated(key(100), in_an_hour());
            d.link("targets", ciborium::Value::Array(vec![bytes(id)])); }, http(BAD, "targets")),
    ]),
    case("a delegation to no canister is not enough", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("targets", ciborium::Value::Array(vec![])); }, http(BAD, "targets")),
    ]),
    case("a delegation to other canisters is not enough for a query", &[
        send(|d| { let id = d.variables["peer"].clone(); d.query(CALLER).by_me().delegated(key(100), in_an_hour());
            d.link("targets", ciborium::Value::Array(vec![bytes(id)])); }, http(BAD, "targets")),
    ]),
    case("targets of several delegations must all include the canister", &[
        send(|d| { let (own, other) = (d.variables["self"].clone(), d.variables["peer"].clone());
            d.call(CALLER).by_me().delegated(key(100), in_an_hour()).link("targets", ciborium::Value::Array(vec![bytes(own)]));
            d.delegated(key(101), in_an_hour()).link("targets", ciborium::Value::Array(vec![bytes(other)])); }, http(BAD, "targets")),
    ]),
    case("a thousand targets are allowed", &[
        send(|d| { let id = d.variables["self"].clone(); d.call(CALLER).by_me().delegated(key(100), in_an_hour());
            d.link("targets", ciborium::Value::Array(vec![bytes(id); 1_000])); }, reply("$me")),
    ]),
    case("a thousand and one targets are too many", &[
        send(|d| { let id = d.variables["self"].clone(); d.call(CALLER).by_me().delegated(key(100), in_an_hour());
            d.link("targets", ciborium::Value::Array(vec![bytes(id); 1_001])); }, http(BAD, "targets")),
    ]),
    case("a delegation for queries lets a key query", &[
        send(|d| { d.query(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("permissions", text("queries")); }, reply("$me")),
    ]),
    case("a delegation for queries does not let a key call", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("permissions", text("queries")); }, http(BAD, "quer")),
    ]),
    case("a delegation for all lets a key call", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("permissions", text("all")); }, reply("$me")),
    ]),
    case("a delegation for something else is refused", &[
        send(|d| { d.query(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("permissions", text("sing")); }, http(BAD, "permissions")),
    ]),
    case("one delegation for queries in a chain is one too many for a call", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()).link("permissions", text("queries")); d.delegated(key(101), in_an_hour()); },
            http(BAD, "quer")),
    ]),
    case("a delegation without an expiration is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.links[0].delegation.retain(|(name, _)| name != "expiration"); },
            http(BAD, "expiration")),
    ]),
    case("a delegation without a key is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.links[0].delegation.retain(|(name, _)| name != "pubkey"); }, http(BAD, "pubkey")),
    ]),
    case("a delegation with an unknown field is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("extra", nat(1)); }, http(BAD, "extra")),
    ]),
    case("a target that is no principal is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour()); d.link("targets", ciborium::Value::Array(vec![bytes([1; 30])])); },
            http(BAD, "targets")),
    ]),
    case("a request signed by the key before the last is refused", &[
        send(|d| { d.call(CALLER).by_me().delegated(key(100), in_an_hour());
            d.tamper = Some(|e| set(e, "sender_sig", bytes(sign(&key(1), b"another request")))); }, http(BAD, "signature")),
    ]),
    case("a delegation to a key of another scheme is followed", &[
        send(|d| { d.call(CALLER).by_me().delegated(secp256k1(), in_an_hour()).delegated(prime256v1(), in_an_hour()); }, reply("$me")),
    ]),
];

#[rustfmt::skip]
const SCHEMES: &[Case] = &[
    case("Ed25519 signs", &[send(|d| { d.call(CALLER).signed(key(5)); }, Expect::Body(|answer, _| is_principal_of(answer, &key(5))))]),
    case("secp256k1 signs", &[send(|d| { d.call(CALLER).signed(secp256k1()); }, Expect::Body(|answer, _| is_principal_of(answer, &secp256k1())))]),
    case("P-256 signs", &[send(|d| { d.call(CALLER).signed(prime256v1()); }, Expect::Body(|answer, _| is_principal_of(answer, &prime256v1())))]),
    case("secp256k1 signs queries", &[send(|d| { d.query(CALLER).signed(secp256k1()); }, Expect::Body(|answer, _| is_principal_of(answer, &secp256k1())))]),
    case("P-256 signs queries", &[send(|d| { d.query(CALLER).signed(prime256v1()); }, Expect::Body(|answer, _| is_principal_of(answer, &prime256v1())))]),
    case("a wrong secp256k1 signature is refused", &[
        send(|d| { d.call(CALLER).signed(secp256k1()); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 64]))); }, http(BAD, "signature")),
    ]),
    case("a wrong P-256 signature is refused", &[
        send(|d| { d.call(CALLER).signed(prime256v1()); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 64]))); }, http(BAD, "signature")),
    ]),
    case("a signature of another scheme is refused", &[
        send(|d| { d.call(CALLER).signed(prime256v1()); d.tamper = Some(|e| set(e, "sender_sig", bytes(sign(&secp256k1(), b"x")))); }, http(BAD, "signature")),
    ]),
];

/// A sender whose key is of one of the spec's own schemes, but no key.
fn with_broken_key(d: &mut Draft, last: u8) {
    let head = hex::decode("305e300c060a2b0601040183b84301").expect("hexadecimal");
    let key = [head, vec![last], vec![0x03, 0x4e, 0x00], vec![7; 77]].concat();
    d.call(CALLER).set("sender", bytes(candid::Principal::self_authenticating(&key)));
    d.proof = Some((key, vec![7; 64]));
}

#[rustfmt::skip]
const WEBAUTHN: &[Case] = &[
    case("a WebAuthn key that is no COSE key is refused", &[send(|d| with_broken_key(d, 1), http(BAD, ""))]),
    case("an authenticator signs calls with ES256", &[
        send(|d| { d.call(CALLER).signed(es256()); }, Expect::Body(|answer, _| is_principal_of(answer, &es256()))),
    ]),
    case("an authenticator signs queries with ES256", &[
        send(|d| { d.query(CALLER).signed(es256()); }, Expect::Body(|answer, _| is_principal_of(answer, &es256()))),
    ]),
    case("an authenticator signs calls with EdDSA", &[
        send(|d| { d.call(CALLER).signed(eddsa()); }, Expect::Body(|answer, _| is_principal_of(answer, &eddsa()))),
    ]),
    case("an authenticator signs queries with EdDSA", &[
        send(|d| { d.query(CALLER).signed(eddsa()); }, Expect::Body(|answer, _| is_principal_of(answer, &eddsa()))),
    ]),
    case("an authenticator signs calls with RS256", &[
        send(|d| { d.call(CALLER).signed(rs256()); }, Expect::Body(|answer, _| is_principal_of(answer, &rs256()))),
    ]),
    case("an authenticator signs queries with RS256", &[
        send(|d| { d.query(CALLER).signed(rs256()); }, Expect::Body(|answer, _| is_principal_of(answer, &rs256()))),
    ]),
    case("an authenticator with RS256 delegates to a key of the session", &[
        send(|d| { d.call(CALLER).signed(rs256()).delegated(key(100), in_an_hour()); }, Expect::Body(|answer, _| is_principal_of(answer, &rs256()))),
    ]),
    case("a signature with RS256 of another request is refused", &[
        send(|d| { d.call(CALLER).signed(rs256()); d.tamper = Some(|e| set(e, "sender_sig", bytes(sign(&rs256(), b"another")))); }, http(BAD, "signature")),
    ]),
    case("an authenticator signs reads of the state", &[send(|d| { d.read(&["/time"]).signed(es256()); }, http(200, ""))]),
    case("an authenticator delegates to a key of the session", &[
        send(|d| { d.call(CALLER).signed(es256()).delegated(key(100), in_an_hour()); }, Expect::Body(|answer, _| is_principal_of(answer, &es256()))),
    ]),
    case("an authenticator that signs another challenge is refused", &[send(|d| { d.call(CALLER).signed(confused()); }, http(BAD, "signature"))]),
    case("an authenticator's signature that is no CBOR is refused", &[
        send(|d| { d.call(CALLER).signed(es256()); d.tamper = Some(|e| set(e, "sender_sig", bytes([7; 64]))); }, http(BAD, "signature")),
    ]),
    case("an authenticator's signature of another request is refused", &[
        send(|d| { d.call(CALLER).signed(es256()); d.tamper = Some(|e| set(e, "sender_sig", bytes(sign(&es256(), b"another")))); }, http(BAD, "signature")),
    ]),
    case("a plain signature by an authenticator's key is refused", &[
        send(|d| { d.call(CALLER).signed(es256()); d.tamper = Some(|e| set(e, "sender_sig", bytes(sign(&prime256v1(), b"x")))); }, http(BAD, "signature")),
    ]),
];

const DIGEST: Step = compute("digest", digest);
const CERTIFIED: Step = update("$digest certify reply", REPLIED);
const CERTIFICATE: Step = query("certificate append reply", REPLIED).save("certificate");

/// The reply is the principal of the canister's key, and then `info`.
fn is_vouched_for(answer: &Answer, variables: &Variables, info: &[u8]) -> Result<(), String> {
    let sender = candid::Principal::self_authenticating(canister_key(variables));
    match &answer.outcome {
        Outcome::Replied(reply) if *reply == [sender.as_slice(), info].concat() => Ok(()),
        other => Err(other.to_string()),
    }
}

#[rustfmt::skip]
const CANISTER_SIGNATURES: &[Case] = &[
    case("a canister signature whose key names no canister is refused", &[send(|d| with_broken_key(d, 2), http(BAD, ""))]),
    fresh("a canister signs a query", &[
        DIGEST, CERTIFIED, CERTIFICATE,
        send(|d| { vouched(d, false); sign_by_canister(d); }, Expect::Body(|answer, variables| is_vouched_for(answer, variables, b""))),
    ]),
    fresh("a canister vouches for what it says of a sender", &[
        DIGEST, CERTIFIED, CERTIFICATE,
        compute("digest", |variables| {
            let mut draft = Draft::new(variables.clone());
            vouched(&mut draft, true);
            crate::webauthn::digest_with(variables, &draft.id())
        }),
        CERTIFIED,
        query("certificate append reply", REPLIED).save("second_certificate"),
        send(|d| { vouched(d, true); sign_by_canister_with(d, "second_certificate"); },
            Expect::Body(|answer, variables| is_vouched_for(answer, variables, INFO))),
    ]),
    fresh("a canister signature of what was not certified is refused", &[
        CERTIFICATE,
        send(|d| { vouched(d, false); sign_by_canister(d); }, http(BAD, "signature")),
    ]),
    fresh("a canister signature of another request is refused", &[
        DIGEST, CERTIFIED, CERTIFICATE,
        send(|d| { vouched(d, false); sign_by_canister(d); d.set("nonce", bytes([1])); }, http(BAD, "signature")),
    ]),
    fresh("a canister's signature with another seed is refused", &[
        DIGEST, CERTIFIED, CERTIFICATE,
        send(|d| {
            vouched(d, false);
            sign_by_canister(d);
            let (mut key, signature) = d.proof.take().expect("a proof");
            *key.last_mut().expect("a key") ^= 1;
            d.set("sender", bytes(candid::Principal::self_authenticating(&key)));
            d.proof = Some((key, signature));
        }, http(BAD, "signature")),
    ]),
    case("information about a sender who signs alone is refused", &[
        send(|d| { d.call(CALLER).by_me(); let signer = d.variables["self"].clone();
            let info = map(&[("info".into(), bytes("x")), ("signer".into(), bytes(signer)), ("sig".into(), bytes("y"))]);
            d.set("sender_info", info); }, http(BAD, "sender_info")),
    ]),
    case("information about the anonymous sender is refused", &[
        send(|d| { d.call(CALLER); let signer = d.variables["self"].clone();
            let info = map(&[("info".into(), bytes("x")), ("signer".into(), bytes(signer)), ("sig".into(), bytes("y"))]);
            d.set("sender_info", info); }, http(BAD, "sender_info")),
    ]),
];

#[rustfmt::skip]
const HASH: &[Case] = &[
    case("the order of fields does not change the signature", &[
        send(|d| { d.call(CALLER).by_me(); d.content.reverse(); }, reply("$me")),
    ]),
    case("an empty argument is hashed", &[
        send(|d| { d.query_of("self", "ask", Vec::new()); d.by_me(); }, reject(5, "IC0506", "")),
    ]),
    case("a nonce is hashed", &[
        send(|d| { d.query(CALLER).by_me(); d.set("nonce", bytes([9; 8])); }, reply("$me")),
    ]),
    case("paths are hashed as arrays of arrays", &[
        send(|d| { d.read(&["/time", "/canister/$self/module_hash", "/subnet"]).by_me(); }, http(200, "")),
    ]),
    case("an empty list of paths is hashed", &[send(|d| { d.read(&[]).by_me(); }, http(200, ""))]),
    case("a delegation with targets is hashed with them", &[
        send(|d| { let id = d.variables["self"].clone(); d.query(CALLER).by_me().delegated(key(100), in_an_hour());
            d.link("targets", ciborium::Value::Array(vec![bytes(id), bytes([])])); }, reply("$me")),
    ]),
    case("large numbers are hashed in the shortest form", &[
        send(|d| { d.query(CALLER).by_me().delegated(key(100), u64::MAX); }, reply("$me")),
    ]),
];

#[rustfmt::skip]
const REQUEST_ID: &[Case] = &[
    case("the status of a call stands under its request id", &[update("'ok' append reply", reply("'ok'"))]),
    case("a request id that has not 32 bytes is refused", &[send(|d| { d.read(&["/request_status/short"]); }, http(BAD, "32"))]),
    case("a request that nobody sent is proved absent", &[
        send(|d| { d.variables.insert("request".into(), vec![0xab; 32]); d.read(&["/request_status/$request"]); },
            Expect::Body(|answer, _| match answer.lookup(&[b"request_status", &[0xab; 32], b"status"]) {
                Err(why) if why == "Absent" => Ok(()),
                other => Err(format!("{other:?}")),
            })),
    ]),
    case("calls that differ in the nonce are two calls", &[
        send(|d| { d.call("'two' 'two' get 'x' concat put reply").set("nonce", bytes([1])); }, REPLIED),
        send(|d| { d.call("'two' 'two' get 'x' concat put reply").set("nonce", bytes([2])); }, REPLIED),
        query("'two' get append reply", reply("'xx'")),
    ]),
];

/// The reply has so many bytes, the last of which is this.
fn ends(answer: &Answer, _: &Variables) -> Result<(), String> {
    match &answer.outcome {
        Outcome::Replied(id) if id.len() == 29 && id.last() == Some(&2) => Ok(()),
        other => Err(other.to_string()),
    }
}

#[rustfmt::skip]
const PRINCIPALS: &[Case] = &[
    case("the management canister is the empty principal", &[
        update("$management 'raw_rand' 0x4449444c0000 0u128 { argument size append reply } { } call drop", reply("42")),
    ]),
    case("a principal of 29 bytes is one", &[update("1u8 29 fill is_controller append reply", reply("0u32"))]),
    case("a principal of 30 bytes is none", &[update("1u8 30 fill is_controller append reply", CONTRACT)]),
];

#[rustfmt::skip]
const CLASSES: &[Case] = &[
    case("a user's id is self-authenticating", &[update(CALLER, Expect::Body(ends))]),
    case("the anonymous id is one byte, four", &[update(CALLER, reply("0x04")).by(Who::Anonymous)]),
    case("a canister's id is opaque and ends with one", &[
        update("self append reply", Expect::Body(|answer, _| match &answer.outcome {
            Outcome::Replied(id) if id.last() == Some(&1) && id.len() < 29 => Ok(()),
            other => Err(other.to_string()),
        })),
    ]),
    case("a fresh id is never one that another has", &[
        through("provisional_create_canister_with_cycles", "(record {})", 0, REPLIED).save("one"),
        through("provisional_create_canister_with_cycles", "(record {})", 0, REPLIED).save("two"),
        query("$one $two equal append reply", reply("0")),
    ]),
];

#[rustfmt::skip]
const TEXTS: &[Case] = &[
    case("an id is written in groups with a checksum", &[
        send(|d| { let text = candid::Principal::from_slice(&d.variables["self"]).to_text(); d.path = format!("/api/v3/canister/{text}/query"); }, reply("'ok'")),
    ]),
    case("an id with a wrong checksum is refused", &[send(|d| d.path = "/api/v3/canister/em77e-bvlzu-ar/query".into(), http(BAD, ""))]),
    case("an id without its dashes is refused", &[send(|d| d.path = d.path.replace('-', ""), http(BAD, ""))]),
    case("an id that is too long is refused", &[
        send(|d| d.path = format!("/api/v3/canister/{}/query", "aaaaa-".repeat(20)), http(BAD, "")),
    ]),
];
