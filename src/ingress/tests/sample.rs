//! Requests for tests, made and signed by the code that real clients run (ic-agent), and then bent.

use crate::types::limits::INGRESS_TTL_MS;
use crate::types::{CanisterId, Principal, Time};
use ciborium::Value;
use ic_agent::Identity;
use ic_agent::agent::{Envelope, EnvelopeContent};
use ic_agent::identity::{
    AnonymousIdentity, BasicIdentity, DelegatedIdentity, Delegation, DelegationPermissions,
    Prime256v1Identity, Secp256k1Identity, SignedDelegation,
};
use std::borrow::Cow;

/// The moment at which test requests arrive.
pub const NOW: Time = Time(1_700_000_000_000_000_000);

pub fn basic(seed: u8) -> BasicIdentity {
    BasicIdentity::from_raw_key(&[seed; 32])
}

pub fn secp256k1() -> Secp256k1Identity {
    Secp256k1Identity::from_private_key(k256::SecretKey::from_slice(&[7; 32]).expect("a scalar"))
}

pub fn prime256v1() -> Prime256v1Identity {
    Prime256v1Identity::from_private_key(p256::SecretKey::from_slice(&[7; 32]).expect("a scalar"))
}

/// One identity of every kind, by name.
pub fn identities() -> Vec<(&'static str, Box<dyn Identity>)> {
    vec![
        ("anonymous", Box::new(AnonymousIdentity)),
        ("Ed25519", Box::new(basic(1))),
        ("secp256k1", Box::new(secp256k1())),
        ("P-256", Box::new(prime256v1())),
        ("two delegations", Box::new(delegated(&[Link::default(), Link::default()]))),
    ]
}

/// What to put into a delegation; key `n` of a chain is `basic(n)`, from 1 on.
#[derive(Clone)]
pub struct Link {
    pub expiration: Time,
    pub targets: Option<Vec<Principal>>,
    pub permissions: Option<DelegationPermissions>,
    /// Delegates to this key instead of a new one.
    pub to: Option<u8>,
}

impl Default for Link {
    fn default() -> Link {
        Link { expiration: NOW.plus_ms(60_000), targets: None, permissions: None, to: None }
    }
}

/// `basic(1)` speaking through a chain of keys.
pub fn delegated(links: &[Link]) -> DelegatedIdentity {
    delegated_by(&basic(1), links)
}

/// Somebody speaking through a chain of keys.
pub fn delegated_by(sender: &dyn Identity, links: &[Link]) -> DelegatedIdentity {
    let (mut chain, mut from) = (Vec::new(), 1);
    for (index, link) in links.iter().enumerate() {
        let to = link.to.unwrap_or(index as u8 + 2);
        let delegation = Delegation {
            pubkey: basic(to).public_key().expect("a key"),
            expiration: link.expiration.0,
            targets: link.targets.clone(),
            permissions: link.permissions,
        };
        let own = basic(from);
        let signer: &dyn Identity = if index == 0 { sender } else { &own };
        let signature = signer.sign_delegation(&delegation).expect("signs").signature.expect("a signature");
        chain.push(SignedDelegation { delegation, signature });
        from = to;
    }
    DelegatedIdentity::new_unchecked(sender.public_key().expect("a key"), Box::new(basic(from)), chain)
}

/// An update call of canister 7 that expires in time.
pub fn call(sender: &dyn Identity) -> EnvelopeContent {
    EnvelopeContent::Call {
        nonce: Some(vec![3; 16]),
        ingress_expiry: NOW.plus_ms(INGRESS_TTL_MS).0,
        sender: sender.sender().expect("a sender"),
        canister_id: CanisterId(7).principal(),
        method_name: "inc".into(),
        arg: b"DIDL\0\0".to_vec(),
        sender_info: None,
    }
}

/// A query of canister 7 that expires in time.
pub fn query(sender: &dyn Identity) -> EnvelopeContent {
    EnvelopeContent::Query {
        nonce: None,
        ingress_expiry: NOW.plus_ms(INGRESS_TTL_MS).0,
        sender: sender.sender().expect("a sender"),
        canister_id: CanisterId(7).principal(),
        method_name: "get".into(),
        arg: b"DIDL\0\0".to_vec(),
        sender_info: None,
    }
}

/// A `read_state` of the paths, given as text.
pub fn read_state(sender: &dyn Identity, paths: &[&[&[u8]]]) -> EnvelopeContent {
    let path = |labels: &&[&[u8]]| labels.iter().map(|label| (*label).into()).collect();
    EnvelopeContent::ReadState {
        ingress_expiry: NOW.plus_ms(INGRESS_TTL_MS).0,
        sender: sender.sender().expect("a sender"),
        paths: paths.iter().map(path).collect(),
    }
}

/// The same content, expiring at another moment.
pub fn expiring(mut content: EnvelopeContent, at: Time) -> EnvelopeContent {
    let (EnvelopeContent::Call { ingress_expiry, .. }
    | EnvelopeContent::Query { ingress_expiry, .. }
    | EnvelopeContent::ReadState { ingress_expiry, .. }) = &mut content;
    *ingress_expiry = at.0;
    content
}

/// The signed envelope, as ic-agent sends it.
pub fn sign(identity: &dyn Identity, content: &EnvelopeContent) -> Vec<u8> {
    let signature = identity.sign(content).expect("signs");
    let envelope = Envelope {
        content: Cow::Borrowed(content),
        sender_pubkey: signature.public_key,
        sender_sig: signature.signature,
        sender_delegation: signature.delegations,
    };
    envelope.encode_bytes()
}

/// Bends an envelope: `bend` gets the untagged CBOR map.
pub fn bend(envelope: &[u8], bend: impl FnOnce(&mut Value)) -> Vec<u8> {
    let tagged: Value = ciborium::from_reader(envelope).expect("CBOR");
    let Value::Tag(55_799, mut inner) = tagged else { panic!("no self-describing tag") };
    bend(&mut inner);
    encode(&Value::Tag(55_799, inner))
}

pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("writes to memory");
    bytes
}

/// Sets, or with `None` removes, the field at `path` of nested maps.
pub fn set_field(value: &mut Value, path: &[&str], to: Option<Value>) {
    let (field, within) = path.split_last().expect("a path");
    let map = within.iter().fold(value, |value, key| {
        let entries = value.as_map_mut().expect("a map").iter_mut();
        &mut entries.into_iter().find(|(name, _)| name.as_text() == Some(key)).expect("the field").1
    });
    let entries = map.as_map_mut().expect("a map");
    entries.retain(|(name, _)| name.as_text() != Some(field));
    entries.extend(to.map(|value| (Value::Text((*field).into()), value)));
}
