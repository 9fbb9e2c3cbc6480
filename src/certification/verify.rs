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
pub fn verify_certificate(bytes: &[u8], root_key: &[u8; 96]) -> Result<Certificate, CertificateError> {
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
        let certificate = verify_certificate(&signed(&tree(TIME), SIGNATURE), &bytes(KEY)).unwrap();
        assert_eq!(certificate.time(), Time(624_485));
        let reply = certificate.lookup(&[b"request_status", b"11", b"reply"]);
        assert_eq!(reply, Lookup::Found(b"DIDL".as_slice()));
        assert_eq!(certificate.lookup(&[b"request_status", b"33", b"status"]), Lookup::Unknown);
    }

    fn check(bytes: &[u8], key: &[u8; 96], expected: CertificateError) {
        assert_eq!(verify_certificate(bytes, key).err(), Some(expected));
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
