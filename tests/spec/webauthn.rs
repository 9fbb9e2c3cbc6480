//! Keys of authenticators and of canisters, as the spec describes them.

use crate::program::Variables;
use crate::request::{Draft, Key, bytes, encode, map, nat, now, sha256, text};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use ciborium::Value;
use ic_agent::Identity;
use ic_agent::agent::EnvelopeContent;
use ic_agent::export::Principal;
use ic_agent::identity::Signature;
use ic_certification::{HashTree, fork, labeled, leaf};
use std::sync::{Arc, OnceLock};

/// DER up to the object identifier's last number, after the outer length.
const OID: &str = "300c060a2b0601040183b84301";

/// A `SubjectPublicKeyInfo` of one of the spec's own schemes.
fn der(last: u8, key: &[u8]) -> Vec<u8> {
    let bits = element(0x03, &[&[0][..], key].concat());
    let oid = [hex::decode(OID).expect("hexadecimal"), vec![last]].concat();
    element(0x30, &[oid, bits].concat())
}

/// An element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a short key").to_be_bytes();
    let head = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [0, long] => vec![tag, 0x81, long],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [&head[..], content].concat()
}

enum Secret {
    P256(p256::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// Of 2,048 bits.
    Rsa(&'static KeyPair),
}

/// An authenticator with one key.
struct Authenticator {
    secret: Secret,
    /// What it signs instead of the challenge it is given.
    confused: bool,
}

/// A key with ES256.
pub fn es256() -> Key {
    let secret = Secret::P256(p256::ecdsa::SigningKey::from_slice(&[9; 32]).expect("a scalar"));
    Arc::new(Authenticator { secret, confused: false })
}

/// A key with EdDSA.
pub fn eddsa() -> Key {
    let secret = Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&[9; 32])));
    Arc::new(Authenticator { secret, confused: false })
}

/// A key with RS256.
pub fn rs256() -> Key {
    static RSA: OnceLock<KeyPair> = OnceLock::new();
    let secret = Secret::Rsa(RSA.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).expect("a key")));
    Arc::new(Authenticator { secret, confused: false })
}

/// A key that signs another challenge than the one it is given.
pub fn confused() -> Key {
    let secret = Secret::P256(p256::ecdsa::SigningKey::from_slice(&[9; 32]).expect("a scalar"));
    Arc::new(Authenticator { secret, confused: true })
}

impl Authenticator {
    fn cose(&self) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                let parts = [&hex::decode("a5010203262001215820").expect("hexadecimal")[..], x];
                [&parts.concat()[..], &[0x22, 0x58, 0x20], y].concat()
            }
            Secret::Ed25519(key) => {
                let head = hex::decode("a4010103272006215820").expect("hexadecimal");
                [&head[..], key.verifying_key().as_bytes()].concat()
            }
            Secret::Rsa(key) => {
                // A sequence of two integers, the first of 256 bytes after a zero and the second of three.
                let der = key.public_key().as_ref();
                let (modulus, exponent) = (&der[9..265], &der[267..]);
                let head = hex::decode("a401030339010020590100").expect("hexadecimal");
                [&head[..], modulus, &[0x21, 0x43], exponent].concat()
            }
        }
    }

    fn sign_message(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(key, message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = aws_lc_rs::rand::SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signs");
                signature
            }
            Secret::Ed25519(key) => ed25519_dalek::Signer::sign(&**key, message).to_bytes().to_vec(),
        }
    }
}

impl Identity for Authenticator {
    fn sender(&self) -> Result<Principal, String> {
        Ok(Principal::self_authenticating(der(1, &self.cose())))
    }

    fn public_key(&self) -> Option<Vec<u8>> {
        Some(der(1, &self.cose()))
    }

    fn sign(&self, _: &EnvelopeContent) -> Result<Signature, String> {
        Err("requests are signed as bytes".into())
    }

    fn sign_arbitrary(&self, content: &[u8]) -> Result<Signature, String> {
        let challenge = base64url(if self.confused { b"another" } else { content });
        let client = format!(
            "{{\"type\":\"webauthn.get\",\"challenge\":\"{challenge}\",\"origin\":\"https://atoll.test\"}}"
        );
        let authenticator = [&[7; 32][..], &[1, 0, 0, 0, 9]].concat();
        let signature = self.sign_message(&[&authenticator[..], &sha256(client.as_bytes())].concat());
        let assertion = map(&[
            ("authenticator_data".into(), bytes(authenticator)),
            ("client_data_json".into(), text(&client)),
            ("signature".into(), bytes(signature)),
        ]);
        let signature = Some(encode(&Value::Tag(55799, Box::new(assertion))));
        Ok(Signature { public_key: self.public_key(), signature, delegations: None })
    }
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let encoded = bytes.chunks(3).flat_map(|chunk| {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |digit| char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]))
    });
    encoded.collect()
}

/// The public key of `$self` with a seed.
pub fn canister_key(variables: &Variables) -> Vec<u8> {
    let id = &variables["self"];
    der(2, &[&[u8::try_from(id.len()).expect("a short id")][..], id, SEED].concat())
}

const SEED: &[u8] = b"a seed";

/// What a signing canister vouches for about a sender.
pub const INFO: &[u8] = b"a person of good repute";

/// A request of `$self.ask`, always the same, by the key that the canister itself signs for.
pub fn vouched(draft: &mut Draft, informed: bool) {
    static FIXED: OnceLock<u64> = OnceLock::new();
    let expiry = *FIXED.get_or_init(|| now() + 4 * crate::request::MINUTE);
    let key = canister_key(&draft.variables);
    let script = "caller append 'i' ic0.msg_caller_info_data_size allocate put 'i' get 0 ic0.msg_caller_info_data_size \
                  ic0.msg_caller_info_data_copy 'i' get ic0.msg_caller_info_data_size peek append reply";
    draft.query(script).set("ingress_expiry", nat(expiry));
    draft.set("sender", bytes(Principal::self_authenticating(&key)));
    if informed {
        let (signer, sig) = (draft.variables["self"].clone(), signature(&draft.variables));
        let info =
            [("info".into(), bytes(INFO)), ("signer".into(), bytes(signer)), ("sig".into(), bytes(sig))];
        draft.set("sender_info", map(&info));
    }
}

fn info_payload() -> Vec<u8> {
    [b"\x0Eic-sender-info".as_slice(), INFO].concat()
}

/// The payload of that request without information.
fn request_payload(variables: &Variables) -> Vec<u8> {
    let mut draft = Draft::new(variables.clone());
    vouched(&mut draft, false);
    [b"\x0Aic-request".as_slice(), &draft.id()].concat()
}

/// A tree with these payloads signed.
fn signed_tree(payloads: &[Vec<u8>]) -> HashTree {
    let mut hashes: Vec<[u8; 32]> = payloads.iter().map(|payload| sha256(payload)).collect();
    hashes.sort_unstable();
    let leaves = hashes.into_iter().map(|hash| labeled(hash, leaf(b"")));
    let tree = leaves.reduce(fork).expect("a payload");
    labeled(b"sig", labeled(sha256(SEED), tree))
}

/// What the canister certifies to sign that request and the information.
pub fn digest(variables: &Variables) -> Vec<u8> {
    signed_tree(&[request_payload(variables), info_payload()]).digest().to_vec()
}

/// What it certifies to sign a request with this id.
pub fn digest_with(variables: &Variables, id: &[u8; 32]) -> Vec<u8> {
    let payload = [b"\x0Aic-request".as_slice(), id].concat();
    signed_tree(&[request_payload(variables), info_payload(), payload]).digest().to_vec()
}

/// The canister's signature of the request or of the information, from the certificate that it gave.
fn signature(variables: &Variables) -> Vec<u8> {
    let payloads = [request_payload(variables), info_payload()];
    signature_of(variables, "certificate", &payloads)
}

fn signature_of(variables: &Variables, certificate: &str, payloads: &[Vec<u8>]) -> Vec<u8> {
    let Some(certificate) = variables.get(certificate) else { return Vec::new() };
    let tree = serde_cbor::value::to_value(signed_tree(payloads)).expect("a tree");
    let fields = [("certificate", serde_cbor::Value::Bytes(certificate.clone())), ("tree", tree)];
    let fields = fields.into_iter().map(|(name, value)| (serde_cbor::Value::Text(name.into()), value));
    let value = serde_cbor::Value::Tag(55799, Box::new(serde_cbor::Value::Map(fields.collect())));
    serde_cbor::to_vec(&value).expect("encodes")
}

/// Signs the request without information by the canister.
pub fn sign_by_canister(draft: &mut Draft) {
    draft.proof = Some((canister_key(&draft.variables), signature(&draft.variables)));
}

/// Signs any request by the canister, which has certified [`digest_with`] its id.
pub fn sign_by_canister_with(draft: &mut Draft, certificate: &str) {
    let payload = [b"\x0Aic-request".as_slice(), &draft.id()].concat();
    let payloads = [request_payload(&draft.variables), info_payload(), payload];
    let signature = signature_of(&draft.variables, certificate, &payloads);
    draft.proof = Some((canister_key(&draft.variables), signature));
}
