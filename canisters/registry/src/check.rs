//! What may stand in a record. A card must be one that the chain takes: an order with another would
//! never be done. The rules are those of a genesis (`src/crypto/genesis.rs`).

use crate::interface::{DataCenter, Error, NodeCard, Operator, ReplicaVersion};
use candid::Principal;
use ed25519_dalek::VerifyingKey;
use ic_bls12_381::G1Affine;
use sha2::{Digest, Sha224};

/// Most bytes of a name, an id, a region.
pub const MAX_NAME_BYTES: usize = 64;
/// Most bytes of a node's host.
pub const MAX_HOST_BYTES: usize = 4 * MAX_NAME_BYTES;
/// Most places from which a replica's version can be had.
pub const MAX_URLS: usize = 8;
/// Most bytes of such a place.
pub const MAX_URL_BYTES: usize = 500;
/// Bytes of a SHA-256.
pub const HASH_BYTES: usize = 32;

/// What precedes an Ed25519 key in DER.
const ED25519_DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The last byte of a principal that is the hash of a key.
const SELF_AUTHENTICATING: u8 = 2;

fn invalid(reason: String) -> Error {
    Error::Invalid(reason)
}

fn check_name(field: &str, name: &str) -> Result<(), Error> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
    match fits {
        true => Ok(()),
        false => Err(invalid(format!(
            "{field} is empty, longer than {MAX_NAME_BYTES} bytes, or has control characters"
        ))),
    }
}

/// The id is part of a key: visible ASCII.
pub fn check_data_center(center: &DataCenter) -> Result<(), Error> {
    check_name("the id of the data center", &center.id)?;
    if !center.id.chars().all(|c| c.is_ascii_graphic()) {
        return Err(invalid("the id of the data center has other characters than visible ASCII".to_owned()));
    }
    check_name("the region", &center.region)?;
    check_name("the owner", &center.owner)
}

pub fn check_operator(operator: &Operator) -> Result<(), Error> {
    check_name("the name of the operator", &operator.name)
}

pub fn check_replica_version(version: &ReplicaVersion) -> Result<(), Error> {
    check_name("the version", &version.version)?;
    if version.sha256.len() != HASH_BYTES {
        return Err(invalid(format!("a SHA-256 has {HASH_BYTES} bytes, not {}", version.sha256.len())));
    }
    if version.urls.len() > MAX_URLS {
        return Err(invalid(format!("more than {MAX_URLS} urls")));
    }
    let fits = |url: &String| (1..=MAX_URL_BYTES).contains(&url.len()) && !url.chars().any(char::is_control);
    match version.urls.iter().all(fits) {
        true => Ok(()),
        false => Err(invalid(format!(
            "a url is empty, longer than {MAX_URL_BYTES} bytes, or has control characters"
        ))),
    }
}

fn check_address(address: &str) -> Result<(), Error> {
    let (host, port) = address.rsplit_once(':').unwrap_or_default();
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c) || (bracketed && "[]:%".contains(c));
    let host_fits = (1..=MAX_HOST_BYTES).contains(&host.len()) && host.chars().all(allowed);
    let port_fits = port.parse::<u16>().is_ok_and(|number| number != 0 && number.to_string() == port);
    match host_fits && port_fits {
        true => Ok(()),
        false => Err(invalid(format!("{:?} is no host:port", address.chars().take(80).collect::<String>()))),
    }
}

fn check_ed25519(field: &str, key: &[u8]) -> Result<(), Error> {
    let decoded = <[u8; 32]>::try_from(key).ok().and_then(|key| VerifyingKey::from_bytes(&key).ok());
    match decoded.filter(|key| !key.is_weak()) {
        Some(_) => Ok(()),
        None => Err(invalid(format!("the {field} is no Ed25519 key"))),
    }
}

fn check_encryption(key: &[u8]) -> Result<(), Error> {
    let point = <[u8; 48]>::try_from(key).ok().and_then(|key| G1Affine::from_compressed(&key).into_option());
    match point.filter(|point| !bool::from(point.is_identity())) {
        Some(_) => Ok(()),
        None => Err(invalid("the encryption key is no point of BLS12-381's G1".to_owned())),
    }
}

pub fn check_card(card: &NodeCard) -> Result<(), Error> {
    check_name("the name of the node", &card.name)?;
    check_address(&card.address)?;
    check_ed25519("identity key", &card.identity_key)?;
    check_ed25519("TLS key", &card.tls_key)?;
    check_encryption(&card.encryption_key)?;
    match card.identity_key == card.tls_key {
        true => Err(invalid("the identity key is also the TLS key".to_owned())),
        false => Ok(()),
    }
}

/// Whether two nodes could not be members together, and why.
pub fn clash(one: &NodeCard, other: &NodeCard) -> Option<&'static str> {
    let keys = |card: &NodeCard| [card.identity_key.clone(), card.tls_key.clone()];
    if keys(one).iter().any(|key| keys(other).contains(key)) {
        return Some("an identity or TLS key");
    }
    if one.encryption_key == other.encryption_key {
        return Some("the encryption key");
    }
    (one.address == other.address).then_some("the address")
}

/// The principal of an identity key.
pub fn node_id(identity_key: &[u8]) -> Principal {
    let mut hasher = Sha224::new();
    hasher.update(ED25519_DER);
    hasher.update(identity_key);
    let mut bytes = hasher.finalize().to_vec();
    bytes.push(SELF_AUTHENTICATING);
    Principal::from_slice(&bytes)
}
