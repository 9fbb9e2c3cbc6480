//! The library, by what it promises.

mod delegations;
mod devices;
mod inspect;
mod interface;
mod page;
mod pairing;
mod registration;

use crate::book::{Book, Call};
use crate::interface::*;
use crate::keys;
use crate::limits::*;
use crate::registration::{work, zero_bits};
use candid::Principal;
use ic_certification::{Certificate, Hash, HashTree, fork, labeled, leaf};
use ic_stable_structures::VectorMemory;
use ic_verify_bls_signature::PrivateKey;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_bytes::ByteBuf;
use std::fmt::Debug;

pub type TestBook = Book<VectorMemory>;

pub const NOW: u64 = 1_700_000_040 * SECOND;
pub const CANISTER: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 44, 1, 1];
pub const DIFFICULTY: u8 = 4;
pub const PER_MINUTE: u32 = 4;
pub const SECRET: [u8; 32] = [7; 32];

pub fn canister() -> Principal {
    Principal::from_slice(&CANISTER)
}

/// A book that has its secret, and cheap registrations.
pub fn open(memory: VectorMemory) -> TestBook {
    let mut book = TestBook::open(memory, canister());
    let registration = Some(RegistrationRules { per_minute: PER_MINUTE, difficulty: DIFFICULTY });
    ok(book.configure(InitArgs { registration, gateways: None }));
    book.set_salt(SECRET);
    book
}

pub fn book() -> TestBook {
    open(VectorMemory::default())
}

/// The key of device `n`, as Ed25519.
pub fn plain_key(n: u8) -> ByteBuf {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    ByteBuf::from([prefix.as_slice(), &[n; 32]].concat())
}

/// The key of passkey `n`, of 77 bytes in COSE as P-256 has them.
pub fn cose_key(n: u8) -> ByteBuf {
    let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    let cose = [head.as_slice(), &[n; 32], &[0x22, 0x58, 0x20], &[n; 32]].concat();
    let algorithm = [0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, 0x01];
    let bits = [&[0x03, cose.len() as u8 + 1, 0x00], cose.as_slice()].concat();
    let body = [algorithm.as_slice(), &bits].concat();
    ByteBuf::from([&[0x30, body.len() as u8], body.as_slice()].concat())
}

pub fn passkey(n: u8) -> DeviceData {
    DeviceData {
        pubkey: cose_key(n),
        alias: format!("Passkey {n}"),
        credential_id: Some(ByteBuf::from(vec![n; 16])),
        purpose: Purpose::Authentication,
        key_type: KeyType::Platform,
        protection: DeviceProtection::Unprotected,
        origin: Some("http://rwlgt-iiaaa-aaaaa-aaaaa-cai.localhost:8000".to_owned()),
    }
}

pub fn browser(n: u8) -> DeviceData {
    let key_type = KeyType::BrowserStorageKey;
    DeviceData { pubkey: plain_key(n), credential_id: None, key_type, origin: None, ..passkey(n) }
}

pub fn phrase(n: u8, protection: DeviceProtection) -> DeviceData {
    DeviceData { key_type: KeyType::SeedPhrase, purpose: Purpose::Recovery, protection, ..browser(n) }
}

pub fn by_at(device: &DeviceData, now: u64) -> Call {
    Call { caller: keys::principal(&device.pubkey), now }
}

pub fn by(device: &DeviceData) -> Call {
    by_at(device, NOW)
}

#[track_caller]
pub fn ok<T>(answer: Result<T, Refusal>) -> T {
    match answer {
        Ok(it) => it,
        Err(refusal) => panic!("{refusal:?}"),
    }
}

#[track_caller]
pub fn refused<T: Debug>(answer: Result<T, Refusal>, expected: Refusal) {
    match (answer, expected) {
        (Err(Refusal::Invalid(_)), Refusal::Invalid(text)) if text.is_empty() => {}
        (other, expected) => assert_eq!(other.map(|_| ()).err(), Some(expected)),
    }
}

/// A refusal of arguments, whatever its text.
pub fn invalid() -> Refusal {
    Refusal::Invalid(String::new())
}

/// Does the work of a registration.
pub fn prove(challenge: &Challenge, device: &DeviceData) -> Proof {
    let enough = |nonce: &u64| {
        zero_bits(&work(&challenge.challenge, &device.pubkey, *nonce)) >= u32::from(challenge.difficulty)
    };
    let nonce = (0..).find(enough).expect("a nonce");
    Proof { challenge: challenge.challenge.clone(), nonce }
}

/// As little work as is enough.
pub fn prove_exactly(challenge: &Challenge, device: &DeviceData) -> Proof {
    let exactly = |nonce: &u64| {
        zero_bits(&work(&challenge.challenge, &device.pubkey, *nonce)) == u32::from(challenge.difficulty)
    };
    let nonce = (0..).find(exactly).expect("a nonce");
    Proof { challenge: challenge.challenge.clone(), nonce }
}

pub fn register_at(book: &mut TestBook, device: &DeviceData, now: u64) -> Result<UserNumber, Refusal> {
    let proof = prove(&ok(book.challenge(now)), device);
    book.register(by_at(device, now), device.clone(), &proof)
}

/// A new identity with this device.
pub fn register(book: &mut TestBook, device: &DeviceData) -> UserNumber {
    ok(register_at(book, device, NOW))
}

/// A device of `user` adds another, which accepts.
pub fn join(book: &mut TestBook, call: Call, user: UserNumber, device: DeviceData) {
    let own = by_at(&device, call.now);
    ok(book.add(call, user, device));
    ok(book.accept(own, user));
}

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A subnet of the test's own: its key, raw and in DER.
pub struct Subnet {
    key: PrivateKey,
}

impl Subnet {
    pub fn new() -> Self {
        Self { key: PrivateKey::random(&mut StdRng::seed_from_u64(1)) }
    }

    pub fn raw_key(&self) -> Vec<u8> {
        self.key.public_key().serialize().to_vec()
    }

    pub fn root_key(&self) -> Vec<u8> {
        [bls_prefix().as_slice(), &self.raw_key()].concat()
    }

    /// The certificate of the canister's certified data.
    pub fn certify(&self, data: Hash) -> Vec<u8> {
        let canister = labeled(CANISTER, labeled("certified_data", leaf(data)));
        let tree: HashTree = fork(labeled("canister", canister), labeled("time", leaf(leb128(NOW))));
        let message = [b"\x0Dic-state-root".as_slice(), &tree.digest()].concat();
        let signature = self.key.sign(&message).serialize().to_vec();
        let mut bytes = vec![0xd9, 0xd9, 0xf7];
        ciborium::into_writer(&Certificate { tree, signature, delegation: None }, &mut bytes).expect("CBOR");
        bytes
    }
}

/// What precedes a BLS key in DER.
fn bls_prefix() -> [u8; 37] {
    [
        0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
        0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03, 0x02, 0x01,
        0x03, 0x61, 0x00,
    ]
}
