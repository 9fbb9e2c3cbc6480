//! Orders of the registry canister: what the subnet itself certified that its members are to become.

use crate::certification::{CertificateError, HashTree, Lookup, WireError, verify_own_certificate};
use crate::crypto::threshold::{Keyring, Statement};
use crate::types::limits::{CHANGE_NODES_MAX, NODE_FIELD_BYTES_MAX, ORDER_BYTES_MAX, ORDER_PROOF_BYTES_MAX};
use crate::types::{GenesisNode, Height, MembershipOrder, Principal, StateRoot};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// Where the order stands in the tree that the registry certifies.
pub const LABEL: &[u8] = b"membership_order";

/// Who leaves and who comes; CBOR, a map of these fields in this order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The version of the membership that it builds upon.
    pub version: u64,
    /// Raw identity keys of the nodes that leave.
    pub remove: Vec<ByteArray<32>>,
    /// The nodes that come.
    pub add: Vec<GenesisNode>,
}

/// Why an order is not the registry's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OrderError {
    #[error("no canister orders the membership of this subnet: its operators sign changes")]
    NoRegistry,
    #[error("not an order: {0}")]
    Malformed(String),
    #[error("the order's certificate is not believed: {0}")]
    Certificate(#[from] CertificateError),
    #[error("the order's certificate does not show the certified data of the registry canister {0}")]
    Uncertified(Principal),
    #[error("the order's witness is no hash tree: {0}")]
    Witness(WireError),
    #[error("the order's witness is not of the tree that the registry canister {0} certified")]
    Root(Principal),
    #[error("the order's witness does not show this order under \"membership_order\"")]
    Shown,
    #[error("this subnet's public keys cannot be read")]
    Keys,
}

/// Reads an order; nothing about it is proved yet.
pub fn read(bytes: &[u8]) -> Result<Order, OrderError> {
    let malformed = |what: String| OrderError::Malformed(what);
    if bytes.len() > ORDER_BYTES_MAX {
        return Err(malformed(format!("{} bytes, at most {ORDER_BYTES_MAX} are possible", bytes.len())));
    }
    let mut rest = bytes;
    let order: Order = ciborium::from_reader(&mut rest).map_err(|error| malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(malformed(format!("{} bytes follow it", rest.len())));
    }
    if order.remove.len() > CHANGE_NODES_MAX || order.add.len() > CHANGE_NODES_MAX {
        return Err(malformed(format!("more than {CHANGE_NODES_MAX} nodes")));
    }
    let fields = |node: &GenesisNode| {
        let GenesisNode { name, identity_key, tls_key, encryption_key, address } = node;
        [name, identity_key, tls_key, encryption_key, address].map(String::len)
    };
    if order.add.iter().flat_map(fields).any(|length| length > NODE_FIELD_BYTES_MAX) {
        return Err(malformed(format!("a field of more than {NODE_FIELD_BYTES_MAX} bytes")));
    }
    Ok(order)
}

/// That `registry` has this order among what it certifies, by the word of the subnet whose keys `keyring` has.
pub(super) fn verify(
    message: &MembershipOrder,
    registry: &Principal,
    keyring: &Keyring,
) -> Result<(), OrderError> {
    let MembershipOrder { order, certificate, witness } = message;
    for (what, bytes) in [("certificate", certificate.len()), ("witness", witness.len())] {
        // What is longer no peer reads, and no block that carries it.
        if bytes > ORDER_PROOF_BYTES_MAX {
            let error = format!("a {what} of {bytes} bytes, at most {ORDER_PROOF_BYTES_MAX} are possible");
            return Err(OrderError::Malformed(error));
        }
    }
    let certificate = verify_own_certificate(certificate, |root, signature| {
        // The signature covers the root alone.
        let statement = Statement::Certify { height: Height::ZERO, root: StateRoot(root) };
        keyring.verify(&statement, signature)
    })?;
    let path: [&[u8]; 3] = [b"canister", registry.as_slice(), b"certified_data"];
    let Lookup::Found(certified) = certificate.lookup(&path) else {
        return Err(OrderError::Uncertified(*registry));
    };
    let tree = HashTree::decode(witness).map_err(OrderError::Witness)?;
    if tree.digest().0 != certified {
        return Err(OrderError::Root(*registry));
    }
    match tree.lookup(&[LABEL]) {
        Lookup::Found(shown) if shown == &order[..] => Ok(()),
        _ => Err(OrderError::Shown),
    }
}
