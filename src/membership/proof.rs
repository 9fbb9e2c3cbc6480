//! Orders with their proofs, as tests make them.

use super::order::Order;
use crate::certification::{LabelTree, certificate};
use crate::crypto::threshold::{Keyring, Statement};
use crate::types::*;
use serde_bytes::ByteArray;

/// The order, in CBOR.
pub fn order(version: u64, remove: &[[u8; 32]], add: Vec<GenesisNode>) -> Vec<u8> {
    let remove = remove.iter().map(|key| ByteArray::new(*key)).collect();
    let mut bytes = Vec::new();
    ciborium::into_writer(&Order { version, remove, add }, &mut bytes).unwrap();
    bytes
}

/// What these nodes certify of a canister's certified data.
pub fn certified(keyrings: &[Keyring], canister: &Principal, data: &[u8]) -> Vec<u8> {
    let mut tree = LabelTree::new();
    tree.set_leaf(&[b"time"], vec![1]);
    tree.set_leaf(&[b"canister", CanisterId(9).principal().as_slice(), b"certified_data"], vec![9; 32]);
    let path: [&[u8]; 3] = [b"canister", canister.as_slice(), b"certified_data"];
    tree.set_leaf(&path, data.to_vec());
    let (height, root) = (Height(1), StateRoot(tree.digest()));
    let statement = Statement::Certify { height, root };
    let shares: Vec<_> =
        keyrings.iter().map(|keyring| (keyring.own(), keyring.sign_share(&statement))).collect();
    let signature = keyrings[0].combine(&statement, &shares).unwrap();
    let path = path.map(<[u8]>::to_vec).to_vec();
    certificate(&tree, &[path], &Certification { height, root, signature })
}

/// The tree of a registry that has `leaf` under `label` among other things, and the witness that shows it.
pub fn shown(label: &[u8], leaf: &[u8]) -> (Digest, Vec<u8>) {
    let mut tree = LabelTree::new();
    tree.set_leaf(&[b"another"], vec![1]);
    tree.set_leaf(&[b"zone"], vec![2]);
    tree.set_leaf(&[label], leaf.to_vec());
    (tree.digest(), tree.witness(&[vec![label.to_vec()]]).encode())
}

/// The order of `registry`, as these nodes certify it.
pub fn proved(keyrings: &[Keyring], registry: &Principal, order: Vec<u8>) -> MembershipOrder {
    let (root, witness) = shown(b"membership_order", &order);
    let certificate = certified(keyrings, registry, &root.0);
    MembershipOrder { order: order.into(), certificate: certificate.into(), witness: witness.into() }
}
