//! A node's own keys: Ed25519 identity, TLS, share encryption; and everybody's public ones.

use super::hash::{domain_message, hash_parts};
use super::user::{ed25519_der, self_authenticating};
use crate::types::{ChainId, Digest, Genesis, GenesisNode, NodeId, NodeIndex, NodeSignature};
use aws_lc_rs::signature::Ed25519KeyPair;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand::{CryptoRng, Rng, RngCore};
use std::sync::Arc;
use threshold_crypto::blstrs::Scalar;
use zeroize::Zeroizing;

/// The Ed25519 identity key of this node. Signs proposals, ceremony messages and query responses.
/// Zeroized when its last clone is dropped; never printed.
#[derive(Clone)]
pub struct IdentityKey(Arc<Identity>);

enum Identity {
    Ed25519(Box<FastKey>),
    Simulated(Digest),
}

/// The same key twice: Ed25519 has one signature for a key and a message, so whoever signs sooner may.
struct FastKey {
    key: SigningKey,
    /// `None`: the library does not take the key, and `key` signs.
    fast: Option<Ed25519KeyPair>,
}

impl FastKey {
    fn new(key: SigningKey) -> FastKey {
        let fast = Ed25519KeyPair::from_seed_unchecked(key.as_bytes()).ok();
        FastKey { key, fast }
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let fast = self.fast.as_ref().and_then(|key| key.try_sign(message).ok());
        let fast = fast.and_then(|signature| signature.as_ref().try_into().ok());
        fast.unwrap_or_else(|| self.key.sign(message).to_bytes())
    }
}

impl IdentityKey {
    /// A new key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> IdentityKey {
        IdentityKey(Arc::new(Identity::Ed25519(Box::new(FastKey::new(SigningKey::generate(rng))))))
    }

    /// The key with this secret seed (RFC 8032).
    pub fn from_bytes(seed: &[u8; 32]) -> IdentityKey {
        IdentityKey(Arc::new(Identity::Ed25519(Box::new(FastKey::new(SigningKey::from_bytes(seed))))))
    }

    /// The secret seed, for the key file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match &*self.0 {
            Identity::Ed25519(pair) => pair.key.to_bytes(),
            Identity::Simulated(secret) => secret.0,
        })
    }

    /// The self-authenticating principal of the public key.
    pub fn node_id(&self) -> NodeId {
        node_id(&self.public_key())
    }

    /// The raw public key.
    pub fn public_key(&self) -> [u8; 32] {
        match &*self.0 {
            Identity::Ed25519(pair) => pair.key.verifying_key().to_bytes(),
            Identity::Simulated(secret) => secret.0,
        }
    }

    /// Signs domain-separated bytes: one length byte, the domain, then `message`. Query responses are
    /// signed with the domain `ic-response`, as clients check them (interface spec, "Query call").
    pub fn sign(&self, domain: &str, message: &[u8]) -> NodeSignature {
        match &*self.0 {
            Identity::Ed25519(pair) => NodeSignature(pair.sign(&domain_message(domain, &[message]))),
            Identity::Simulated(secret) => simulated_signature(secret, domain, message),
        }
    }
}

/// The self-authenticating principal of a raw Ed25519 key.
pub fn node_id(public_key: &[u8; 32]) -> NodeId {
    NodeId(self_authenticating(&ed25519_der(public_key)))
}

/// Whether the owner of the raw Ed25519 key `public_key` signed `message` under `domain`.
pub fn verify_node(public_key: &[u8; 32], domain: &str, message: &[u8], signature: &NodeSignature) -> bool {
    let Some(key) = decode_ed25519(public_key) else {
        return false;
    };
    key.verify_strict(&domain_message(domain, &[message]), &Signature::from_bytes(&signature.0)).is_ok()
}

fn decode_ed25519(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())
}

/// The Ed25519 key of a node's TLS certificate, which peers pin.
pub struct TlsKey(SigningKey);

impl TlsKey {
    /// A new key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> TlsKey {
        TlsKey(SigningKey::generate(rng))
    }

    /// The key with this secret seed.
    pub fn from_bytes(seed: &[u8; 32]) -> TlsKey {
        TlsKey(SigningKey::from_bytes(seed))
    }

    /// The secret seed, for the key file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The raw public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The key as PKCS#8 DER, as TLS libraries take it.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        let document = self.0.to_pkcs8_der().expect("an Ed25519 key always has a PKCS#8 form");
        Zeroizing::new(document.as_bytes().to_vec())
    }
}

/// The key to which other nodes encrypt this node's shares of the threshold keys.
#[derive(Clone)]
pub struct EncryptionKey(threshold_crypto::SecretKey);

impl EncryptionKey {
    /// A new key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> EncryptionKey {
        EncryptionKey(rng.r#gen())
    }

    /// The key with this secret scalar, big-endian; an error if it is zero or not below the group's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<EncryptionKey, KeyError> {
        if bytes == &[0; 32] {
            return Err(KeyError::EncryptionSecret);
        }
        threshold_crypto::SecretKey::from_bytes(*bytes)
            .map(EncryptionKey)
            .map_err(|_| KeyError::EncryptionSecret)
    }

    /// The secret scalar, for the key file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key, a compressed point in G1.
    pub fn public_key(&self) -> [u8; 48] {
        self.0.public_key().to_bytes()
    }

    /// The secret scalar.
    pub(super) fn scalar(&self) -> Scalar {
        // A secret key is a scalar below the group's order: this never falls back.
        Option::from(Scalar::from_bytes_be(&self.to_bytes())).unwrap_or_else(|| Scalar::from(0))
    }

    pub(super) fn decrypt(&self, ciphertext: &threshold_crypto::Ciphertext) -> Option<Zeroizing<Vec<u8>>> {
        self.0.decrypt(ciphertext).map(Zeroizing::new)
    }
}

/// A key that is not one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    #[error("not a secret encryption key: zero, or not below the group's order")]
    EncryptionSecret,
    #[error("node {node}: identity_key is not 64 hex digits of an Ed25519 key")]
    Identity { node: NodeIndex },
    #[error("node {node}: tls_key is not 64 hex digits of an Ed25519 key")]
    Tls { node: NodeIndex },
    #[error("node {node}: encryption_key is not 96 hex digits of a point in G1 other than the identity")]
    Encryption { node: NodeIndex },
}

/// The committee's public keys by index, decoded and checked.
#[derive(Clone)]
pub struct Committee(Arc<Members>);

enum Members {
    Real(Vec<Member>),
    Simulated(Vec<Digest>),
}

struct Member {
    identity: VerifyingKey,
    tls: VerifyingKey,
    encryption: threshold_crypto::PublicKey,
}

impl Committee {
    /// The committee that `genesis` names, every key decoded and checked.
    pub fn from_genesis(genesis: &Genesis) -> Result<Committee, KeyError> {
        Committee::from_nodes(&genesis.nodes)
    }

    /// The committee of these nodes, every key decoded and checked.
    pub fn from_nodes(nodes: &[GenesisNode]) -> Result<Committee, KeyError> {
        let indexes = (0..=u16::MAX).map(NodeIndex);
        let members = nodes.iter().zip(indexes).map(|(node, index)| {
            Ok(Member {
                identity: parse_ed25519(&node.identity_key).ok_or(KeyError::Identity { node: index })?,
                tls: parse_ed25519(&node.tls_key).ok_or(KeyError::Tls { node: index })?,
                encryption: parse_encryption(&node.encryption_key)
                    .ok_or(KeyError::Encryption { node: index })?,
            })
        });
        Ok(Committee(Arc::new(Members::Real(members.collect::<Result<_, _>>()?))))
    }

    /// A committee of these nodes; simulated ones have their secrets as identity keys.
    pub fn of_kind(simulated: bool, nodes: &[GenesisNode]) -> Result<Committee, KeyError> {
        if !simulated {
            return Committee::from_nodes(nodes);
        }
        let indexes = (0..=u16::MAX).map(NodeIndex);
        let secret = |(node, index): (&GenesisNode, NodeIndex)| {
            parse_hex(&node.identity_key).map(Digest).ok_or(KeyError::Identity { node: index })
        };
        let secrets = nodes.iter().zip(indexes).map(secret).collect::<Result<_, _>>()?;
        Ok(Committee(Arc::new(Members::Simulated(secrets))))
    }

    /// Whether this is the simulator's.
    pub fn is_simulated(&self) -> bool {
        matches!(&*self.0, Members::Simulated(_))
    }

    /// Names the committee: its keys, in order.
    pub fn digest(&self) -> Digest {
        let keys = |index: NodeIndex| {
            let identity = self.identity_key(index).unwrap_or_default();
            let encryption = self.encryption_key(index).map_or([0; 48], |key| key.to_bytes());
            hash_parts("atoll-member", &[&identity, &self.tls_key(index).unwrap_or_default(), &encryption])
        };
        let members: Vec<Digest> = self.indexes().map(keys).collect();
        hash_parts("atoll-committee", &members.iter().map(AsRef::as_ref).collect::<Vec<_>>())
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        match &*self.0 {
            Members::Real(members) => members.len(),
            Members::Simulated(members) => members.len(),
        }
    }

    /// Every index of the committee, in order.
    pub fn indexes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..=u16::MAX).map(NodeIndex).take(self.nodes())
    }

    /// The raw identity key of a member.
    pub fn identity_key(&self, node: NodeIndex) -> Option<[u8; 32]> {
        match &*self.0 {
            Members::Real(members) => {
                members.get(usize::from(node.0)).map(|member| member.identity.to_bytes())
            }
            Members::Simulated(members) => members.get(usize::from(node.0)).map(|secret| secret.0),
        }
    }

    /// The id of a member.
    pub fn node_id(&self, node: NodeIndex) -> Option<NodeId> {
        self.identity_key(node).map(|key| node_id(&key))
    }

    /// The member with this raw identity key.
    pub fn index_of(&self, identity_key: &[u8; 32]) -> Option<NodeIndex> {
        self.indexes().find(|index| self.identity_key(*index).as_ref() == Some(identity_key))
    }

    /// The raw TLS key of a member; a simulated one has none.
    pub fn tls_key(&self, node: NodeIndex) -> Option<[u8; 32]> {
        self.member(node).map(|member| member.tls.to_bytes())
    }

    /// Whether shares for `node` are encrypted to `key`.
    pub fn encrypts_to(&self, node: NodeIndex, key: &EncryptionKey) -> bool {
        self.encryption_key(node).is_some_and(|public| public.to_bytes() == key.public_key())
    }

    pub(super) fn encryption_key(&self, node: NodeIndex) -> Option<&threshold_crypto::PublicKey> {
        self.member(node).map(|member| &member.encryption)
    }

    fn member(&self, node: NodeIndex) -> Option<&Member> {
        match &*self.0 {
            Members::Real(members) => members.get(usize::from(node.0)),
            Members::Simulated(_) => None,
        }
    }

    /// Whether `signer` is a member and signed `message` under `domain`.
    pub fn verify(&self, signer: NodeIndex, domain: &str, message: &[u8], signature: &NodeSignature) -> bool {
        match &*self.0 {
            Members::Real(members) => members.get(usize::from(signer.0)).is_some_and(|member| {
                let signature = Signature::from_bytes(&signature.0);
                member.identity.verify_strict(&domain_message(domain, &[message]), &signature).is_ok()
            }),
            Members::Simulated(secrets) => secrets
                .get(usize::from(signer.0))
                .is_some_and(|secret| simulated_signature(secret, domain, message) == *signature),
        }
    }
}

fn parse_ed25519(text: &str) -> Option<VerifyingKey> {
    decode_ed25519(&parse_hex(text)?)
}

fn parse_encryption(text: &str) -> Option<threshold_crypto::PublicKey> {
    decode_encryption(&parse_hex(text)?)
}

fn decode_encryption(bytes: &[u8; 48]) -> Option<threshold_crypto::PublicKey> {
    let key = threshold_crypto::PublicKey::from_bytes(*bytes).ok()?;
    (key.to_bytes() != IDENTITY_G1).then_some(key)
}

/// Whether these bytes are a key to which shares can be encrypted.
pub(super) fn is_encryption_key(bytes: &[u8; 48]) -> bool {
    decode_encryption(bytes).is_some()
}

/// The identity of G1, compressed: encrypting to it would hide nothing.
const IDENTITY_G1: [u8; 48] = {
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    bytes
};

/// Exactly N bytes in lower-case hex: a key has one spelling in a genesis.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes: [u8; N] = hex::decode(text).ok()?.try_into().ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// Identity keys of `n` simulated nodes and their committee: one hash instead of a signature, forgeable
/// by anyone. Only `sim` and tests may call this (tests/tidy.rs).
pub fn simulated(chain: ChainId, n: usize) -> (Vec<IdentityKey>, Committee) {
    let secrets: Vec<Digest> = (0..n as u64)
        .map(|index| hash_parts("atoll-simulated-identity", &[&chain.0, &index.to_be_bytes()]))
        .collect();
    let keys = secrets.iter().map(|secret| IdentityKey(Arc::new(Identity::Simulated(*secret))));
    (keys.collect(), Committee(Arc::new(Members::Simulated(secrets))))
}

fn simulated_signature(secret: &Digest, domain: &str, message: &[u8]) -> NodeSignature {
    let half = hash_parts("atoll-simulated-signature", &[&secret.0, domain.as_bytes(), message]);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&half.0);
    NodeSignature(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genesis(keys: &[(&IdentityKey, &TlsKey, &EncryptionKey)]) -> Genesis {
        let nodes = keys.iter().map(|(identity, tls, encryption)| GenesisNode {
            name: "node".into(),
            identity_key: hex::encode(identity.public_key()),
            tls_key: hex::encode(tls.public_key()),
            encryption_key: hex::encode(encryption.public_key()),
            address: "127.0.0.1:1".into(),
        });
        Genesis::local("test", nodes.collect())
    }

    fn one() -> (IdentityKey, Genesis) {
        let identity = IdentityKey::from_bytes(&[1; 32]);
        let encryption = EncryptionKey::from_bytes(&[3; 32]).unwrap();
        let genesis = genesis(&[(&identity, &TlsKey::from_bytes(&[2; 32]), &encryption)]);
        (identity, genesis)
    }

    /// A signature holds for its signer, domain and message, and for nothing else.
    fn check(keys: &[IdentityKey], committee: &Committee) {
        let signature = keys[0].sign("domain", b"message");
        assert!(committee.verify(NodeIndex(0), "domain", b"message", &signature));
        assert!(!committee.verify(NodeIndex(0), "domaim", b"message", &signature));
        assert!(!committee.verify(NodeIndex(0), "domain", b"messagf", &signature));
        assert!(!committee.verify(NodeIndex(1), "domain", b"message", &signature));
        assert!(!committee.verify(NodeIndex(u16::MAX), "domain", b"message", &signature));
    }

    #[test]
    fn a_signature_holds_for_its_signer_domain_and_message_only() {
        let (identity, genesis) = one();
        check(&[identity], &Committee::from_genesis(&genesis).unwrap());
        let (keys, committee) = simulated(Digest::ZERO, 2);
        check(&keys, &committee);
    }

    #[test]
    fn an_identity_signs_the_golden_bytes() {
        let (identity, _) = one();
        let key = SigningKey::from_bytes(&[1; 32]);
        assert_eq!(identity.sign("ab", b"c").0, key.sign(b"\x02abc").to_bytes());
        assert!(verify_node(&identity.public_key(), "ab", b"c", &identity.sign("ab", b"c")));
    }

    #[test]
    fn a_node_id_is_the_self_authenticating_principal_of_the_der_key() {
        let id = IdentityKey::from_bytes(&[1; 32]).node_id();
        assert_eq!(id.0.as_slice().len(), 29);
        assert_eq!(id.0.to_text(), "wf3fv-4c4nr-7ks2b-xa4u7-kf3no-32glf-lf7e4-4ng4a-wwtlu-a2vnq-nae");
    }

    #[test]
    fn keys_survive_their_files() {
        assert_eq!(*IdentityKey::from_bytes(&[1; 32]).to_bytes(), [1; 32]);
        assert_eq!(*TlsKey::from_bytes(&[2; 32]).to_bytes(), [2; 32]);
        assert_eq!(*EncryptionKey::from_bytes(&[3; 32]).unwrap().to_bytes(), [3; 32]);
        assert_eq!(EncryptionKey::from_bytes(&[0; 32]).err(), Some(KeyError::EncryptionSecret));
        assert_eq!(EncryptionKey::from_bytes(&[0xff; 32]).err(), Some(KeyError::EncryptionSecret));
    }

    #[test]
    fn a_committee_refuses_keys_that_are_none() {
        let node = NodeIndex(0);
        let weak = hex::encode([0; 32]);
        let identity_point = hex::encode(IDENTITY_G1);
        type Spoil<'a> = &'a dyn Fn(&mut GenesisNode);
        let wrongs: [(KeyError, Spoil<'_>); 7] = [
            (KeyError::Identity { node }, &|n| n.identity_key = weak.clone()),
            (KeyError::Identity { node }, &|n| n.identity_key.truncate(62)),
            (KeyError::Identity { node }, &|n| n.identity_key = n.identity_key.to_uppercase()),
            (KeyError::Tls { node }, &|n| n.tls_key = "x".into()),
            (KeyError::Encryption { node }, &|n| n.encryption_key = identity_point.clone()),
            (KeyError::Encryption { node }, &|n| n.encryption_key = hex::encode([0xff; 48])),
            (KeyError::Encryption { node }, &|n| n.encryption_key.clear()),
        ];
        for (expected, spoil) in wrongs {
            let (_, mut genesis) = one();
            spoil(&mut genesis.nodes[0]);
            assert_eq!(Committee::from_genesis(&genesis).err(), Some(expected));
        }
    }

    #[test]
    fn a_member_is_found_by_its_key() {
        let (identity, genesis) = one();
        let committee = Committee::from_genesis(&genesis).unwrap();
        assert_eq!(committee.index_of(&identity.public_key()), Some(NodeIndex(0)));
        assert_eq!(committee.index_of(&[7; 32]), None);
        assert_eq!(committee.node_id(NodeIndex(0)), Some(identity.node_id()));
        assert_eq!(committee.tls_key(NodeIndex(0)), Some(TlsKey::from_bytes(&[2; 32]).public_key()));
    }
}
