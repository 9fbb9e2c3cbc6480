//! The node's secrets on disk, as `storage::key_file` keeps them.

use super::NodeError;
use crate::crypto::node_key::{EncryptionKey, IdentityKey, TlsKey};
use crate::crypto::threshold::Keyring;
use crate::storage::key_file::{self, KeyFileError};
use crate::types::ChainId;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A directory with a node's keys.
pub struct KeyDir(PathBuf);

/// What `atoll keygen` made.
pub struct NodeKeys {
    pub identity: IdentityKey,
    pub tls: TlsKey,
    pub encryption: EncryptionKey,
}

/// What the key generation left.
pub struct SubnetKeys {
    pub keyring: Keyring,
    pub transcript: Bytes,
}

impl KeyDir {
    pub fn new(dir: &Path) -> KeyDir {
        KeyDir(dir.to_path_buf())
    }

    /// # Errors
    /// A key is missing, damaged, or others can reach it.
    pub fn load_node_keys(&self) -> Result<NodeKeys, NodeError> {
        let secret = |name: &str| key_file::read_array::<32>(&self.0.join(name));
        let encryption = EncryptionKey::from_bytes(&*secret(key_file::ENCRYPTION)?)?;
        Ok(NodeKeys {
            identity: IdentityKey::from_bytes(&*secret(key_file::IDENTITY)?),
            tls: TlsKey::from_bytes(&*secret(key_file::TLS)?),
            encryption,
        })
    }

    /// What the ceremony remembers, if it began.
    ///
    /// # Errors
    /// The file cannot be read, or others can.
    pub fn load_seed(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
        key_file::read_if_exists(&self.0.join(key_file::SEED))
    }

    /// # Errors
    /// The disk fails.
    pub fn store_seed(&self, seed: &[u8]) -> Result<(), KeyFileError> {
        key_file::write(&self.0.join(key_file::SEED), seed)
    }

    /// The subnet's keys, if the ceremony is over.
    ///
    /// # Errors
    /// A file is damaged, of another chain, missing beside the other, or others can reach it.
    pub fn load_subnet_keys(&self, chain: ChainId) -> Result<Option<SubnetKeys>, NodeError> {
        let path = self.0.join(key_file::KEYRING);
        let Some(bytes) = key_file::read_if_exists(&path)? else { return Ok(None) };
        let keyring =
            Keyring::from_bytes(&bytes, chain).map_err(|error| NodeError::Keyring { path, error })?;
        let transcript = key_file::read(&self.0.join(key_file::TRANSCRIPT))?;
        Ok(Some(SubnetKeys { keyring, transcript: Bytes::copy_from_slice(&transcript) }))
    }

    /// Writes the transcript first: with the keyring the keys are in force.
    ///
    /// # Errors
    /// The disk fails.
    pub fn store_subnet_keys(
        &self,
        chain: ChainId,
        keyring: &[u8],
        transcript: &Bytes,
    ) -> Result<SubnetKeys, NodeError> {
        key_file::write(&self.0.join(key_file::TRANSCRIPT), transcript)?;
        let path = self.0.join(key_file::KEYRING);
        key_file::write(&path, keyring)?;
        let keyring =
            Keyring::from_bytes(keyring, chain).map_err(|error| NodeError::Keyring { path, error })?;
        Ok(SubnetKeys { keyring, transcript: transcript.clone() })
    }
}
