//! Keys of browsers' authenticators and of canisters, made for tests: they sign what real ones would.

use super::super::webauthn::base64url;
use super::sample::encode;
use crate::certification::{LabelTree, Path, certificate, state_root_message};
use crate::crypto::hash::sha256;
use crate::crypto::user::root_key_der;
use crate::crypto::user::tests::{RSA, rsa_parts, wrap};
use crate::types::*;
use blst::min_sig::SecretKey;
use ciborium::Value;
use ic_agent::agent::EnvelopeContent;
use ic_agent::identity::Delegation;
use ic_agent::{Identity, Signature};
use std::sync::Arc;

const BLS_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// The root subnet's secret in tests; `FakeNode` has the same.
pub fn root_secret() -> SecretKey {
    SecretKey::key_gen(&[7; 32], &[]).expect("a key")
}

pub fn root_key() -> [u8; 96] {
    root_secret().sk_to_pk().compress()
}

type Sign = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

/// Someone who signs payloads with the key of this DER form.
#[derive(Clone)]
pub struct Signer {
    pub der: Vec<u8>,
    sign: Arc<Sign>,
}

impl Signer {
    pub fn new(der: Vec<u8>, sign: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Signer {
        Signer { der, sign: Arc::new(sign) }
    }

    /// A signature on `payload`, domain separator included.
    pub fn signature(&self, payload: &[u8]) -> Vec<u8> {
        (self.sign)(payload)
    }

    fn signed(&self, payload: &[u8]) -> Result<Signature, String> {
        let public_key = Some(self.der.clone());
        Ok(Signature { public_key, signature: Some(self.signature(payload)), delegations: None })
    }
}

impl Identity for Signer {
    fn sender(&self) -> Result<Principal, String> {
        Ok(Principal::self_authenticating(&self.der))
    }

    fn public_key(&self) -> Option<Vec<u8>> {
        Some(self.der.clone())
    }

    fn sign(&self, content: &EnvelopeContent) -> Result<Signature, String> {
        self.signed(&content.to_request_id().signable())
    }

    fn sign_delegation(&self, content: &Delegation) -> Result<Signature, String> {
        self.signed(&content.signable())
    }

    fn sign_arbitrary(&self, content: &[u8]) -> Result<Signature, String> {
        self.signed(content)
    }
}

fn map(fields: Vec<(Value, Value)>) -> Vec<u8> {
    encode(&Value::Map(fields))
}

fn number(number: i64) -> Value {
    Value::Integer(number.into())
}

/// What a browser says that it asked the authenticator to sign.
pub fn client_data(payload: &[u8]) -> String {
    let challenge = base64url(payload);
    format!(
        "{{\"type\":\"webauthn.get\",\"challenge\":\"{challenge}\",\"origin\":\"https://app.test\",\"crossOrigin\":false}}"
    )
}

/// The wrapping of an authenticator's signature over `client_data`.
pub fn assertion(client_data: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let data = [&sha256(b"app.test").0[..], &[1, 0, 0, 0, 9]].concat();
    let signed = [data.as_slice(), &sha256(client_data.as_bytes()).0].concat();
    let fields = vec![
        (Value::Text("authenticator_data".into()), Value::Bytes(data)),
        (Value::Text("client_data_json".into()), Value::Text(client_data.into())),
        (Value::Text("signature".into()), Value::Bytes(sign(&signed))),
    ];
    encode(&Value::Tag(55_799, Box::new(Value::Map(fields))))
}

fn authenticator(cose: Vec<u8>, sign: impl Fn(&[u8]) -> Vec<u8> + Clone + Send + Sync + 'static) -> Signer {
    Signer::new(wrap(1, &cose), move |payload| assertion(&client_data(payload), sign.clone()))
}

pub fn es256() -> Signer {
    let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).expect("a scalar");
    let point = key.verifying_key().to_encoded_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| Value::Bytes(bytes.expect("a point").to_vec());
    let cose = map(vec![
        (number(1), number(2)),
        (number(3), number(-7)),
        (number(-1), number(1)),
        (number(-2), coordinate(point.x())),
        (number(-3), coordinate(point.y())),
    ]);
    authenticator(cose, move |message| {
        let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&key, message);
        signature.to_der().as_bytes().to_vec()
    })
}

pub fn eddsa() -> Signer {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let cose = map(vec![
        (number(1), number(1)),
        (number(3), number(-8)),
        (number(-1), number(6)),
        (number(-2), Value::Bytes(key.verifying_key().to_bytes().to_vec())),
    ]);
    authenticator(cose, move |message| ed25519_dalek::Signer::sign(&key, message).to_bytes().to_vec())
}

pub fn rs256() -> Signer {
    let (modulus, exponent) = rsa_parts(&RSA);
    let cose = map(vec![
        (number(1), number(3)),
        (number(3), number(-257)),
        (number(-1), Value::Bytes(modulus)),
        (number(-2), Value::Bytes(exponent)),
    ]);
    authenticator(cose, crate::crypto::user::tests::rsa_sign)
}

/// The certificate of `tree` by `key`, that reveals `paths`.
pub fn certify(key: &SecretKey, tree: &LabelTree, paths: &[Path]) -> Vec<u8> {
    let root = StateRoot(tree.digest());
    let signature = BlsBytes(key.sign(&state_root_message(&root.0), BLS_SUITE, &[]).compress());
    certificate(tree, paths, &Certification { height: Height(1), root, signature })
}

/// A subnet below the root subnet, as the root subnet certifies it.
#[derive(Clone)]
pub struct Delegate {
    pub subnet_type: Option<&'static [u8]>,
    /// First and last canister number.
    pub range: (u64, u64),
    /// Ranges stand in shards, or in one leaf.
    pub sharded: bool,
    /// Who signs for the root subnet.
    pub root: SecretKey,
    /// The delegation's certificate has a delegation too.
    pub nested: bool,
}

impl Default for Delegate {
    fn default() -> Delegate {
        let (range, root) = ((0, 99), root_secret());
        Delegate { subnet_type: Some(b"application"), range, sharded: true, root, nested: false }
    }
}

impl Delegate {
    fn secret() -> SecretKey {
        SecretKey::key_gen(&[8; 32], &[]).expect("a key")
    }

    fn der() -> Vec<u8> {
        root_key_der(&Delegate::secret().sk_to_pk().compress())
    }

    /// `certificate`, signed by the delegate, with the delegation added.
    fn delegate(&self, certificate: &[u8]) -> Vec<u8> {
        let id = Principal::self_authenticating(Delegate::der()).as_slice().to_vec();
        let mut tree = LabelTree::new();
        tree.set_leaf(&[b"time"], vec![1]);
        tree.set_leaf(&[b"subnet", &id, b"public_key"], Delegate::der());
        if let Some(name) = self.subnet_type {
            tree.set_leaf(&[b"subnet", &id, b"type"], name.to_vec());
        }
        let end = |number| Value::Bytes(CanisterId(number).principal().as_slice().to_vec());
        let ranges = Value::Array(vec![Value::Array(vec![end(self.range.0), end(self.range.1)])]);
        let ranges = encode(&Value::Tag(55_799, Box::new(ranges)));
        match self.sharded {
            true => tree.set_leaf(&[b"canister_ranges", &id, b"first"], ranges),
            false => tree.set_leaf(&[b"subnet", &id, b"canister_ranges"], ranges),
        }
        let paths = [vec![b"subnet".to_vec()], vec![b"canister_ranges".to_vec(), id.clone()]];
        let mut word = certify(&self.root, &tree, &paths);
        if self.nested {
            word = Delegate { nested: false, ..self.clone() }.delegate(&word);
        }
        let delegation = vec![
            (Value::Text("subnet_id".into()), Value::Bytes(id)),
            (Value::Text("certificate".into()), Value::Bytes(word)),
        ];
        super::sample::bend(certificate, |value| {
            super::sample::set_field(value, &["delegation"], Some(Value::Map(delegation)));
        })
    }
}

/// What goes into a canister's signature.
#[derive(Clone)]
pub struct CanisterSigner {
    pub canister: Principal,
    pub seed: Vec<u8>,
    /// The subnet that certifies, if it is not the root subnet itself.
    pub delegate: Option<Delegate>,
    /// Who signs the certificate, if it is not the subnet.
    pub secret: Option<SecretKey>,
    /// Certified data other than the signatures' tree.
    pub data: Option<Vec<u8>>,
}

impl CanisterSigner {
    pub fn new(number: u64) -> CanisterSigner {
        let canister = CanisterId(number).principal();
        CanisterSigner { canister, seed: b"a user".to_vec(), delegate: None, secret: None, data: None }
    }

    pub fn signature(&self, payload: &[u8]) -> Vec<u8> {
        let path = [b"sig".to_vec(), sha256(&self.seed).0.to_vec(), sha256(payload).0.to_vec()];
        let mut signatures = LabelTree::new();
        signatures.set_leaf(&path.each_ref().map(Vec::as_slice), Vec::new());
        signatures.set_leaf(&[b"sig", &[0; 32], &[0; 32]], Vec::new());
        let mut tree = LabelTree::new();
        tree.set_leaf(&[b"time"], vec![1]);
        let data = self.data.clone().unwrap_or_else(|| signatures.digest().0.to_vec());
        let place = [b"canister".to_vec(), self.canister.as_slice().to_vec(), b"certified_data".to_vec()];
        tree.set_leaf(&place.each_ref().map(Vec::as_slice), data);
        let subnet = if self.delegate.is_some() { Delegate::secret() } else { root_secret() };
        let mut certificate = certify(self.secret.as_ref().unwrap_or(&subnet), &tree, &[place.to_vec()]);
        if let Some(delegate) = &self.delegate {
            certificate = delegate.delegate(&certificate);
        }
        let witness = signatures.witness(&[path.to_vec()]).encode();
        let fields = vec![
            (Value::Text("certificate".into()), Value::Bytes(certificate)),
            (Value::Text("tree".into()), ciborium::from_reader(witness.as_slice()).expect("CBOR")),
        ];
        encode(&Value::Tag(55_799, Box::new(Value::Map(fields))))
    }

    pub fn signer(&self) -> Signer {
        let id = self.canister.as_slice();
        let key = [&[id.len() as u8], id, &self.seed].concat();
        let own = self.clone();
        Signer::new(wrap(2, &key), move |payload| own.signature(payload))
    }
}
