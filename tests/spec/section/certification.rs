//! Certificates: how they are encoded, what they prove, and what they prove not to be there.

use super::lookup::{absent, found};
use super::section;
use crate::answer::Outcome;
use crate::case::*;
use crate::client::{fields, find};
use ciborium::Value;

pub fn sections() -> Vec<Section> {
    vec![
        section("certification", CERTIFICATION),
        section("lookup", LOOKUP),
        section("certification-encoding", ENCODING),
    ]
}

#[rustfmt::skip]
const CERTIFICATION: &[Case] = &[
    nowhere("a certificate is signed by the subnet", &[send(|d| { d.read(&["/time"]); }, http(200, ""))]),
    case("a call's certificate is signed by the subnet", &[update("reply", REPLIED)]),
    case("a query's certificate of data is signed by the subnet", &[
        query("certificate append reply", Expect::Body(|answer, variables| {
            let Outcome::Replied(reply) = &answer.outcome else { return Err(answer.to_string()) };
            let certificate: ic_certification::Certificate = serde_cbor::from_slice(reply).map_err(|error| error.to_string())?;
            let message = [b"\x0Dic-state-root".as_slice(), &certificate.tree.digest()].concat();
            ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, &variables["root_key"][37..])
                .map_err(|()| "the signature is wrong".into())
        })),
    ]),
    nowhere("the root subnet's certificates carry no delegation", &[
        send(|d| { d.read(&["/time"]); }, Expect::Body(|answer, _| match &answer.outcome {
            Outcome::Certified(certificate) if certificate.delegation.is_none() => Ok(()),
            other => Err(other.to_string()),
        })),
    ]),
];

#[rustfmt::skip]
const LOOKUP: &[Case] = &[
    case("what is there is found", &[
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, v| found(a, v, "/canister/$self/module_hash"))),
    ]),
    case("what was not asked for is not revealed", &[
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, _| match a.lookup(&[b"subnet", b"x"]) {
            Err(why) if why == "Unknown" => Ok(()), other => Err(format!("{other:?}")),
        })),
    ]),
    case("another canister is not revealed", &[
        send(|d| { d.read(&["/canister/$self/module_hash"]); }, Expect::Body(|a, v| match a.lookup(&[b"canister", &v["peer"], b"module_hash"]) {
            Err(why) if why == "Unknown" => Ok(()), other => Err(format!("{other:?}")),
        })),
    ]),
    case("the metadata of a canister without is absent", &[
        send(|d| { d.read(&["/canister/$self/metadata/zzz"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/zzz"))),
    ]),
    with("absence between two neighbours is proved", "(module (@custom \"icp:public a\" \"1\") (@custom \"icp:public c\" \"2\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/b"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/b"))),
    ]),
    with("absence before the first is proved", "(module (@custom \"icp:public b\" \"1\") (@custom \"icp:public c\" \"2\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/a"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/a"))),
    ]),
    with("absence after the last is proved", "(module (@custom \"icp:public b\" \"1\") (@custom \"icp:public c\" \"2\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/d"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/d"))),
    ]),
    with("a name that begins another's is told apart", "(module (@custom \"icp:public ab\" \"1\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/a"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/a"))),
    ]),
    with("a name that another begins is told apart", "(module (@custom \"icp:public a\" \"1\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/ab"]); }, Expect::Body(|a, v| absent(a, v, "/canister/$self/metadata/ab"))),
    ]),
    with("an empty value is found", "(module (@custom \"icp:public a\" \"\"))", &[
        send(|d| { d.read(&["/canister/$self/metadata/a"]); }, Expect::Body(|a, v| found(a, v, "/canister/$self/metadata/a"))),
    ]),
];

/// A node of the tree as it is encoded is one of the spec's five.
fn is_node(node: &Value) -> bool {
    let Some(items) = node.as_array() else { return false };
    let Some(kind) = items.first().and_then(Value::as_integer).and_then(|kind| u8::try_from(kind).ok())
    else {
        return false;
    };
    match (kind, &items[1..]) {
        (0, []) => true,
        (1, [left, right]) => is_node(left) && is_node(right),
        (2, [Value::Bytes(_), tree]) => is_node(tree),
        (3, [Value::Bytes(_)]) => true,
        (4, [Value::Bytes(hash)]) => hash.len() == 32,
        _ => false,
    }
}

#[rustfmt::skip]
const ENCODING: &[Case] = &[
    nowhere("a certificate is a tagged map of tree and signature", &[
        send(|d| { d.read(&["/subnet"]); }, Expect::Body(|answer, _| {
            let body = fields(&answer.body)?;
            let Some(Value::Bytes(certificate)) = find(&body, "certificate") else { return Err("no certificate".into()) };
            let certificate = fields(certificate)?;
            let Some(Value::Bytes(signature)) = find(&certificate, "signature") else { return Err("no signature".into()) };
            let tree = find(&certificate, "tree").ok_or("no tree")?;
            if signature.len() == 48 && is_node(tree) { Ok(()) } else { Err("another encoding".into()) }
        })),
    ]),
];
