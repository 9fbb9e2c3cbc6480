//! Identities of users, from PEM files as dfx and icp-cli write them.

use ic_agent::Identity;
use ic_agent::identity::{AnonymousIdentity, BasicIdentity, Prime256v1Identity, Secp256k1Identity};
use std::path::{Path, PathBuf};

/// A PEM file that is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{0} holds no Ed25519, secp256k1 or P-256 private key in PEM form")]
    Unknown(PathBuf),
}

/// Reads the private key in `path`, whichever of the three kinds it is; without a path: the anonymous identity.
pub fn load(path: Option<&Path>) -> Result<Box<dyn Identity>, IdentityError> {
    let Some(path) = path else {
        return Ok(Box::new(AnonymousIdentity));
    };
    let pem = std::fs::read(path).map_err(|source| IdentityError::Read { path: path.into(), source })?;
    if let Ok(identity) = BasicIdentity::from_pem(&pem) {
        return Ok(Box::new(identity));
    }
    if let Ok(identity) = Secp256k1Identity::from_pem(&pem) {
        return Ok(Box::new(identity));
    }
    match Prime256v1Identity::from_pem(&pem) {
        Ok(identity) => Ok(Box::new(identity)),
        Err(_) => Err(IdentityError::Unknown(path.into())),
    }
}
