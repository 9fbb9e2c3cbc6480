//! Certificates verified, as every client does it.

use super::{HashTree, Lookup, WireError, state_root_message, wire};
use crate::crypto::user::verify_bls;
use crate::types::{BlsBytes, Time};

/// A certificate whose signature was checked; only [`verify_certificate`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    tree: HashTree,
    time: Time,
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

    /// Shorthand for a lookup in the tree.
    pub fn lookup(&self, path: &[&[u8]]) -> Lookup<&[u8]> {
        self.tree.lookup(path)
    }
}

/// Reads a certificate and checks its signature against the subnet's root key (96 bytes in G2).
///
/// # Errors
/// [`CertificateError`] if the bytes are malformed, the signature is wrong, or there is no `/time`.
pub fn verify_certificate(
    bytes: &[u8],
    root_key: &[u8; 96],
) -> Result<Certificate, CertificateError> {
    let (tree, signature) = wire::decode_certificate(bytes)?;
    check_signature(&tree, &signature, root_key)?;
    let time = read_time(&tree).ok_or(CertificateError::Time)?;
    Ok(Certificate { tree, time })
}

fn check_signature(
    tree: &HashTree,
    signature: &BlsBytes,
    root_key: &[u8; 96],
) -> Result<(), CertificateError> {
    let message = state_root_message(&tree.digest());
    match verify_bls(root_key, &message, signature) {
        true => Ok(()),
        false => Err(CertificateError::Signature),
    }
}

/// `/time` is a LEB128 number of nanoseconds.
fn read_time(tree: &HashTree) -> Option<Time> {
    let Lookup::Found(bytes) = tree.lookup(&[b"time"]) else {
        return None;
    };
    let (last, more) = bytes.split_last()?;
    let ended = last & 0x80 == 0 && more.iter().all(|byte| byte & 0x80 != 0);
    let add =
        |sum: Option<u64>, byte: &u8| sum?.checked_mul(128)?.checked_add(u64::from(byte & 0x7f));
    let time = bytes.iter().rev().fold(Some(0), add)?;
    ended.then_some(Time(time))
}
