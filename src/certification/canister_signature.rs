//! Canister signatures (interface spec, "Canister signatures"): a canister signs a payload by certifying
//! a tree with the path `/sig/<hash of the seed>/<hash of the payload>`.

use super::{CertificateError, HashTree, Lookup, Verifier, WireError, wire};
use crate::crypto::hash::sha256;
use crate::types::Principal;

/// The subnet type whose canister signatures are void.
const VOID_SUBNET_TYPE: &[u8] = b"cloud_engine";

/// A public key that stands for a canister and a seed of the canister's choice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CanisterKey {
    pub canister: Principal,
    pub seed: Vec<u8>,
}

/// Why a canister's signature does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CanisterSignatureError {
    #[error("not a canister signature: {0}")]
    Wire(#[from] WireError),
    #[error("its certificate is not believed: {0}")]
    Certificate(#[from] CertificateError),
    #[error("canister {0} is not in the ranges of the subnet that certified it")]
    Range(Principal),
    #[error("the delegation does not show the type of the subnet that certified it")]
    NoSubnetType,
    #[error("it comes from a subnet of type cloud_engine")]
    VoidSubnetType,
    #[error("its tree is not the certified data of canister {0}")]
    CertifiedData(Principal),
    #[error("its tree is not well-formed")]
    Tree,
    #[error("its tree does not sign this payload with this key")]
    Payload,
}

impl CanisterKey {
    /// Reads the content of the key's BIT STRING: the length of the canister's id, the id, the seed.
    pub fn decode(bytes: &[u8]) -> Option<CanisterKey> {
        let (length, rest) = bytes.split_first()?;
        let (id, seed) = rest.split_at_checked(usize::from(*length))?;
        Some(CanisterKey { canister: Principal::try_from_slice(id).ok()?, seed: seed.to_vec() })
    }

    /// Checks that the canister signed `payload`. How old the certificate is does not matter: what was
    /// signed once is signed for ever, and what is signed has its own expiry.
    ///
    /// # Errors
    /// The first condition of the interface spec that does not hold.
    pub fn verify(
        &self,
        verifier: &Verifier,
        payload: &[u8],
        signature: &[u8],
    ) -> Result<(), CanisterSignatureError> {
        let (certificate, tree) = wire::decode_canister_signature(signature)?;
        // What needs no pairing comes first.
        self.check_tree(&tree, payload)?;
        let certificate = verifier.verify_certificate(&certificate)?;
        if let Some(delegation) = certificate.delegation() {
            if !delegation.covers(&self.canister) {
                return Err(CanisterSignatureError::Range(self.canister));
            }
            match delegation.subnet_type.as_deref() {
                None => return Err(CanisterSignatureError::NoSubnetType),
                Some(VOID_SUBNET_TYPE) => return Err(CanisterSignatureError::VoidSubnetType),
                Some(_) => {}
            }
        }
        let digest = tree.digest();
        match certificate.lookup(&[b"canister", self.canister.as_slice(), b"certified_data"]) {
            Lookup::Found(data) if data == digest.0 => Ok(()),
            _ => Err(CanisterSignatureError::CertifiedData(self.canister)),
        }
    }

    fn check_tree(&self, tree: &HashTree, payload: &[u8]) -> Result<(), CanisterSignatureError> {
        if !tree.is_well_formed() {
            return Err(CanisterSignatureError::Tree);
        }
        let path: [&[u8]; 3] = [b"sig", &sha256(&self.seed).0, &sha256(payload).0];
        match tree.lookup(&path) {
            Lookup::Found([]) => Ok(()),
            _ => Err(CanisterSignatureError::Payload),
        }
    }
}
