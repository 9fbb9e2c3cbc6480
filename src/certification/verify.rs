//! Certificates verified, as every client does it.

use super::wire::{RawCertificate, RawDelegation};
use super::{HashTree, Lookup, WireError, state_root_message, wire};
use crate::crypto::hash::sha256;
use crate::crypto::user::{root_key_from_der, verify_bls};
use crate::encoding::cbor::{Reader, SELF_DESCRIBING_TAG};
use crate::encoding::{DecodeError, Fault};
use crate::types::limits::{CERTIFICATES_REMEMBERED_MAX, DELEGATION_RANGES_MAX};
use crate::types::{BlsBytes, Digest, Principal, Time};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A certificate whose signature was checked; only a [`Verifier`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    tree: HashTree,
    time: Time,
    delegation: Option<Delegation>,
}

/// What the root subnet certifies about the subnet that signed a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delegation {
    pub subnet_id: Principal,
    /// The leaf `/subnet/<subnet_id>/type`, if it is revealed.
    pub subnet_type: Option<Vec<u8>>,
    /// Closed intervals of the canister ids that the subnet may certify for.
    pub canister_ranges: Vec<(Principal, Principal)>,
}

/// Why a certificate is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("not a certificate: {0}")]
    Wire(#[from] WireError),
    #[error("the signature does not match the root key")]
    Signature,
    #[error("the certificate does not reveal a well-formed /time")]
    Time,
    #[error("the delegation's certificate is not believed: {0}")]
    Delegation(Box<CertificateError>),
    #[error("the delegation's certificate has itself a delegation")]
    NestedDelegation,
    #[error("the delegation's subnet id is not a principal")]
    SubnetId,
    #[error("the delegation does not show a public key of subnet {0}")]
    SubnetKey(Principal),
    #[error("the signature does not match the key of subnet {0}")]
    SubnetSignature(Principal),
    #[error("the delegation's canister ranges: {0}")]
    Ranges(DecodeError),
    #[error("it is the word of another subnet, to which the root subnet delegated")]
    Delegated,
}

impl Certificate {
    /// What the subnet certifies.
    pub fn tree(&self) -> &HashTree {
        &self.tree
    }

    /// The subnet's time at the height that was certified; whether it is recent enough is for the
    /// caller to judge, who has a clock.
    pub fn time(&self) -> Time {
        self.time
    }

    /// What the root subnet says of the subnet that signed; `None` if the root subnet signed itself.
    pub fn delegation(&self) -> Option<&Delegation> {
        self.delegation.as_ref()
    }

    /// Shorthand for a lookup in the tree.
    pub fn lookup(&self, path: &[&[u8]]) -> Lookup<&[u8]> {
        self.tree.lookup(path)
    }
}

impl Delegation {
    /// Whether the subnet may certify for the canister. Ids are compared byte by byte.
    pub fn covers(&self, canister: &Principal) -> bool {
        let id = canister.as_slice();
        self.canister_ranges.iter().any(|(first, last)| first.as_slice() <= id && id <= last.as_slice())
    }
}

/// Reads a certificate that the root subnet made itself. `signed` says whether the subnet's keys made the signature
/// over this root: for those who hold these keys in another form than a root key.
///
/// # Errors
/// [`CertificateError`] as for [`Verifier::verify_certificate`], and for every certificate with a delegation.
pub fn verify_own_certificate(
    bytes: &[u8],
    signed: impl FnOnce(Digest, &BlsBytes) -> bool,
) -> Result<Certificate, CertificateError> {
    let RawCertificate { tree, signature, delegation } = wire::decode_certificate(bytes)?;
    if delegation.is_some() {
        return Err(CertificateError::Delegated);
    }
    if !signed(tree.digest(), &signature) {
        return Err(CertificateError::Signature);
    }
    let time = read_time(&tree).ok_or(CertificateError::Time)?;
    Ok(Certificate { tree, time, delegation: None })
}

/// Believes certificates that lead to one root key (96 bytes in G2). It remembers signatures that held,
/// up to [`CERTIFICATES_REMEMBERED_MAX`]: that saves work and changes no answer.
pub struct Verifier {
    root_key: [u8; 96],
    held: Mutex<Held>,
}

/// Digests of key, message and signature, oldest first.
#[derive(Default)]
struct Held {
    known: BTreeSet<Digest>,
    order: VecDeque<Digest>,
}

impl Verifier {
    /// A verifier that has seen nothing.
    pub fn new(root_key: [u8; 96]) -> Verifier {
        Verifier { root_key, held: Mutex::default() }
    }

    /// Reads a certificate and checks its signature: against the root key, or against the key of the
    /// subnet that its one delegation names.
    ///
    /// # Errors
    /// [`CertificateError`] if the bytes are malformed, a signature is wrong, or there is no `/time`.
    pub fn verify_certificate(&self, bytes: &[u8]) -> Result<Certificate, CertificateError> {
        let RawCertificate { tree, signature, delegation } = wire::decode_certificate(bytes)?;
        let delegation = match delegation {
            None => {
                self.check_signature(&self.root_key, &tree, &signature)
                    .then_some(())
                    .ok_or(CertificateError::Signature)?;
                None
            }
            Some(raw) => {
                let (key, delegation) = self.verify_delegation(&raw)?;
                self.check_signature(&key, &tree, &signature)
                    .then_some(())
                    .ok_or(CertificateError::SubnetSignature(delegation.subnet_id))?;
                Some(delegation)
            }
        };
        let time = read_time(&tree).ok_or(CertificateError::Time)?;
        Ok(Certificate { tree, time, delegation })
    }

    /// The delegated subnet's key, and what is certified about the subnet.
    fn verify_delegation(&self, raw: &RawDelegation) -> Result<([u8; 96], Delegation), CertificateError> {
        let within = |error: CertificateError| CertificateError::Delegation(Box::new(error));
        let certificate = wire::decode_certificate(&raw.certificate).map_err(|error| within(error.into()))?;
        if certificate.delegation.is_some() {
            return Err(CertificateError::NestedDelegation);
        }
        let tree = certificate.tree;
        if !self.check_signature(&self.root_key, &tree, &certificate.signature) {
            return Err(within(CertificateError::Signature));
        }
        let id = raw.subnet_id.as_slice();
        let subnet_id = Principal::try_from_slice(id).map_err(|_| CertificateError::SubnetId)?;
        let key = match tree.lookup(&[b"subnet", id, b"public_key"]) {
            Lookup::Found(der) => root_key_from_der(der),
            _ => None,
        };
        let key = key.ok_or(CertificateError::SubnetKey(subnet_id))?;
        let subnet_type = match tree.lookup(&[b"subnet", id, b"type"]) {
            Lookup::Found(name) => Some(name.to_vec()),
            _ => None,
        };
        let canister_ranges = read_ranges(&tree, id).map_err(CertificateError::Ranges)?;
        Ok((key, Delegation { subnet_id, subnet_type, canister_ranges }))
    }

    /// Whether the key's owner signed the tree's root.
    fn check_signature(&self, key: &[u8; 96], tree: &HashTree, signature: &BlsBytes) -> bool {
        let message = state_root_message(&tree.digest());
        let name = sha256(&[&key[..], &signature.0, &message].concat());
        if self.held.lock().unwrap_or_else(PoisonError::into_inner).known.contains(&name) {
            return true;
        }
        let holds = verify_bls(key, &message, signature);
        if holds {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).remember(name);
        }
        holds
    }
}

impl Held {
    fn remember(&mut self, name: Digest) {
        if self.known.insert(name) {
            self.order.push_back(name);
        }
        if self.order.len() > CERTIFICATES_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// All shards of `/canister_ranges/<id>` that are revealed; without any, `/subnet/<id>/canister_ranges`.
fn read_ranges(tree: &HashTree, id: &[u8]) -> Result<Vec<(Principal, Principal)>, DecodeError> {
    let shards = match tree.lookup_subtree(&[b"canister_ranges", id]) {
        Lookup::Found(shards) => shards.leaves(),
        _ => Vec::new(),
    };
    let flat = match tree.lookup(&[b"subnet", id, b"canister_ranges"]) {
        Lookup::Found(ranges) if shards.is_empty() => Some(ranges),
        _ => None,
    };
    let mut ranges = Vec::new();
    for shard in shards.into_iter().chain(flat) {
        ranges.extend(read_shard(shard)?);
        if ranges.len() > DELEGATION_RANGES_MAX {
            return Err(Fault::TooMany { max: DELEGATION_RANGES_MAX }.at("canister_ranges"));
        }
    }
    Ok(ranges)
}

/// A list of pairs of principals.
fn read_shard(bytes: &[u8]) -> Result<Vec<(Principal, Principal)>, DecodeError> {
    let mut reader = Reader::new(bytes, "canister_ranges");
    reader.skip_tag(SELF_DESCRIBING_TAG)?;
    let ranges = reader.array(DELEGATION_RANGES_MAX, |reader| {
        let ends = reader.array(2, |reader| reader.principal())?;
        match ends.as_slice() {
            [first, last] => Ok((*first, *last)),
            other => Err(Fault::Length { have: other.len(), need: 2 }.at("canister_ranges")),
        }
    })?;
    reader.finish()?;
    Ok(ranges)
}

/// `/time` is a LEB128 number of nanoseconds.
fn read_time(tree: &HashTree) -> Option<Time> {
    let Lookup::Found(bytes) = tree.lookup(&[b"time"]) else {
        return None;
    };
    let (last, more) = bytes.split_last()?;
    let ended = last & 0x80 == 0 && more.iter().all(|byte| byte & 0x80 != 0);
    let add = |sum: Option<u64>, byte: &u8| sum?.checked_mul(128)?.checked_add(u64::from(byte & 0x7f));
    let time = bytes.iter().rev().fold(Some(0), add)?;
    ended.then_some(Time(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certification::{LabelTree, certificate};
    use crate::types::{Certification, Height, StateRoot};

    /// Key and signatures were made with blst, from the seed `[1; 32]`.
    const KEY: &str = "92c5ed2c7ec2b477af30b4a940ff81e367beca0e1cf98da85be7a0552640d7a9083f54e444dde74cd522b20281bea0de\
                       1433c8b152f289be588890ae4fd9cfb3a16a39bfe51d52561563c7c57ded262cf19b639c02d5e6696a7a2cf60137d17b";
    const SIGNATURE: &str =
        "94231ea99f74e2f1596e734614e664557d4816940ddcb64c7825705c1c5d628911a3d2d401681945fdb1b853bf08ab03";
    /// Of the same tree with text for its time.
    const SIGNATURE_BAD_TIME: &str =
        "8d8bc48330819b2e02625790f7a5c888ac260d82cf59d4abb2ec5bf0876c131a7130935a44a68662b263a0f04fa0fbce";

    fn tree(time: &[u8]) -> LabelTree {
        let mut tree = LabelTree::new();
        let mut set = |path: &[&[u8]], leaf: &[u8]| tree.set_leaf(path, leaf.to_vec());
        set(&[b"time"], time);
        set(&[b"request_status", b"11", b"status"], b"replied");
        set(&[b"request_status", b"11", b"reply"], b"DIDL");
        set(&[b"request_status", b"33", b"status"], b"processing");
        set(&[b"canister", b"a", b"module_hash"], b"m");
        set(&[b"canister", b"ab", b"module_hash"], b"n");
        tree
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    fn signed(tree: &LabelTree, signature: &str) -> Vec<u8> {
        let (root, signature) = (StateRoot(tree.digest()), BlsBytes(bytes(signature)));
        let certification = Certification { height: Height(1), root, signature };
        certificate(tree, &[vec![b"request_status".to_vec(), b"11".to_vec()]], &certification)
    }

    const TIME: &[u8] = &[0xe5, 0x8e, 0x26];

    #[test]
    fn believes_what_the_subnet_signed() {
        let certificate =
            Verifier::new(bytes(KEY)).verify_certificate(&signed(&tree(TIME), SIGNATURE)).unwrap();
        assert_eq!(certificate.time(), Time(624_485));
        let reply = certificate.lookup(&[b"request_status", b"11", b"reply"]);
        assert_eq!(reply, Lookup::Found(b"DIDL".as_slice()));
        assert_eq!(certificate.lookup(&[b"request_status", b"33", b"status"]), Lookup::Unknown);
    }

    fn check(bytes: &[u8], key: &[u8; 96], expected: CertificateError) {
        assert_eq!(Verifier::new(*key).verify_certificate(bytes).err(), Some(expected));
    }

    #[test]
    fn believes_nothing_else() {
        let good = signed(&tree(TIME), SIGNATURE);
        check(&signed(&tree(b"other"), SIGNATURE), &bytes(KEY), CertificateError::Signature);
        check(&good, &[0xff; 96], CertificateError::Signature);
        check(&good[..good.len() - 1], &bytes(KEY), CertificateError::Wire(WireError::Truncated));
        check(&signed(&tree(b"now"), SIGNATURE_BAD_TIME), &bytes(KEY), CertificateError::Time);
    }

    #[test]
    fn reads_time_as_leb128_of_64_bits() {
        let time = |leaf: &[u8]| read_time(&tree(leaf).witness(&[vec![b"time".to_vec()]]));
        assert_eq!(time(&[0]), Some(Time(0)));
        assert_eq!(time(&[[0xff; 9].as_slice(), &[1]].concat()), Some(Time(u64::MAX)));
        assert_eq!(time(&[[0xff; 9].as_slice(), &[2]].concat()), None);
        assert_eq!(time(&[]), None);
        assert_eq!(time(&[0x80]), None);
        assert_eq!(time(&[0x01, 0x80]), None);
        assert_eq!(time(&[0x01, 0x01]), None);
    }
}
