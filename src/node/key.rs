//! The node's secrets on disk, as `storage::key_file` keeps them.
//!
//! In the first epoch the keyring that the key generation left stands in a file of its own, beside the
//! encryption key of the node's card. Each later epoch has one file with both secrets, which takes the place of
//! the one before in one step; what was there is overwritten.

use super::NodeError;
use crate::crypto::node_key::{EncryptionKey, IdentityKey, TlsKey};
use crate::crypto::reshare::PublicShares;
use crate::crypto::threshold::Keyring;
use crate::storage::key_file::{self, KeyFileError, Problem};
use crate::types::{ChainId, Epoch, Genesis, SecretKeys, Seed};
use bytes::Bytes;
use rand::RngCore;
use rand::rngs::OsRng;
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

/// What the key generation left, or the epochs after it.
pub struct SubnetKeys {
    pub keyring: Keyring,
    /// Opens this node's shares of the next epoch.
    pub encryption: EncryptionKey,
    /// For the dealing of the keyring's epoch.
    pub seed: Option<Seed>,
    /// Everybody's public shares of the first epoch.
    pub first_shares: PublicShares,
    /// Of the key generation; only in the first epoch is it of use.
    pub transcript: Option<Bytes>,
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

    /// Whether this node has had shares of the subnet's keys: then it may have signed with them.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn has_shares(&self) -> Result<bool, NodeError> {
        for name in [key_file::KEYRING, key_file::EPOCH] {
            let path = self.0.join(name);
            if path.try_exists().map_err(NodeError::io(format!("looking for {}", path.display())))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The subnet's keys, if the ceremony is over.
    ///
    /// # Errors
    /// A file is damaged, of another chain, missing beside the other, or others can reach it.
    pub fn load_subnet_keys(&self, chain: ChainId) -> Result<Option<SubnetKeys>, NodeError> {
        if let Some(keys) = self.load_epoch(chain)? {
            // A crash may have left them.
            self.erase_first()?;
            return Ok(Some(keys));
        }
        let path = self.0.join(key_file::KEYRING);
        let Some(bytes) = key_file::read_if_exists(&path)? else { return Ok(None) };
        let keyring = read_keyring(&path, &bytes, chain)?;
        let transcript = key_file::read(&self.0.join(key_file::TRANSCRIPT))?;
        let first_shares = PublicShares::of_keyring(&keyring);
        self.store_first_shares(&first_shares)?;
        Ok(Some(SubnetKeys {
            first_shares,
            encryption: self.load_node_keys()?.encryption,
            seed: self.load_dealing_seed(keyring.epoch())?,
            transcript: Some(Bytes::copy_from_slice(&transcript)),
            keyring,
        }))
    }

    /// What a node starts with that joins a running subnet: the public shares of its first epoch, which its
    /// operator copied from another node.
    ///
    /// # Errors
    /// There are none, or they are not of this subnet's first committee.
    pub fn joining_keys(&self, chain: ChainId, genesis: &Genesis) -> Result<SubnetKeys, NodeError> {
        let path = self.0.join(key_file::FIRST_SHARES);
        if key_file::read_if_exists(&path)?.is_none() {
            return Err(NodeError::Stranger(self.load_node_keys()?.identity.node_id(), path));
        }
        let first_shares = self.load_first_shares()?;
        let blind = first_shares.blind_keyring(chain, Epoch::ZERO);
        let fits = first_shares.nodes() == genesis.nodes.len() && !first_shares.is_simulated();
        let keyring = blind.filter(|_| fits).ok_or(NodeError::FirstShares(path))?;
        let encryption = self.load_node_keys()?.encryption;
        Ok(SubnetKeys { keyring, encryption, seed: None, first_shares, transcript: None })
    }

    fn load_epoch(&self, chain: ChainId) -> Result<Option<SubnetKeys>, NodeError> {
        let path = self.0.join(key_file::EPOCH);
        let Some(bytes) = key_file::read_if_exists(&path)? else { return Ok(None) };
        let (found, expected) = (bytes.len() as u64, 32);
        let short = || KeyFileError { path: path.clone(), problem: Problem::Size { found, expected } };
        let (encryption, keyring) = bytes.split_first_chunk::<32>().ok_or_else(short)?;
        let keyring = read_keyring(&path, keyring, chain)?;
        Ok(Some(SubnetKeys {
            first_shares: self.load_first_shares()?,
            encryption: EncryptionKey::from_bytes(encryption)?,
            seed: self.load_dealing_seed(keyring.epoch())?,
            transcript: None,
            keyring,
        }))
    }

    fn load_first_shares(&self) -> Result<PublicShares, NodeError> {
        let path = self.0.join(key_file::FIRST_SHARES);
        let bytes = key_file::read(&path)?;
        PublicShares::from_bytes(&bytes).ok_or(NodeError::FirstShares(path))
    }

    /// Whether the operator gave this node what it needs to join a running subnet.
    ///
    /// # Errors
    /// The file cannot be read, or others can.
    pub fn may_join(&self) -> Result<bool, KeyFileError> {
        Ok(key_file::read_if_exists(&self.0.join(key_file::FIRST_SHARES))?.is_some())
    }

    fn store_first_shares(&self, shares: &PublicShares) -> Result<(), KeyFileError> {
        let path = self.0.join(key_file::FIRST_SHARES);
        if key_file::read_if_exists(&path)?.is_none() {
            key_file::write(&path, &shares.to_bytes())?;
        }
        Ok(())
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
        let read = read_keyring(&path, keyring, chain)?;
        let first_shares = PublicShares::of_keyring(&read);
        key_file::write(&path, keyring)?;
        self.store_first_shares(&first_shares)?;
        Ok(SubnetKeys {
            keyring: read,
            encryption: self.load_node_keys()?.encryption,
            seed: None,
            first_shares,
            transcript: Some(transcript.clone()),
        })
    }

    /// The keys of an epoch take the place of the last one's, which are overwritten.
    ///
    /// # Errors
    /// The disk fails.
    pub fn store_epoch(&self, (keyring, encryption): &SecretKeys) -> Result<(), NodeError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(encryption.len() + keyring.len()));
        bytes.extend_from_slice(&encryption[..]);
        bytes.extend_from_slice(keyring);
        key_file::replace(&self.0.join(key_file::EPOCH), &bytes)?;
        self.erase_first()
    }

    /// What opens the shares of the first epoch: the keyring, and the seed with which it was dealt. The
    /// encryption key of the card stays while the subnet encrypts to it.
    fn erase_first(&self) -> Result<(), NodeError> {
        for name in [key_file::KEYRING, key_file::SEED] {
            key_file::erase(&self.0.join(name))?;
        }
        let encryption = self.0.join(key_file::ENCRYPTION);
        let epoch = key_file::read(&self.0.join(key_file::EPOCH))?;
        let now = epoch.get(..32).unwrap_or_default();
        if key_file::read(&encryption)?.as_slice() != now {
            key_file::replace(&encryption, now)?;
        }
        Ok(())
    }

    fn load_dealing_seed(&self, epoch: Epoch) -> Result<Option<Seed>, NodeError> {
        let path = self.0.join(key_file::DEALING_SEED);
        let Some(bytes) = key_file::read_if_exists(&path)? else { return Ok(None) };
        let seed = bytes.split_first_chunk::<8>().filter(|(of, _)| u64::from_be_bytes(**of) == epoch.0);
        let seed = seed.and_then(|(_, seed)| <[u8; 32]>::try_from(seed).ok());
        Ok(seed.map(|seed| Seed(Zeroizing::new(seed))))
    }

    /// Randomness for the dealing of `epoch`: what is on disk of it, or new, and on disk then.
    ///
    /// # Errors
    /// The disk fails.
    pub fn dealing_seed(&self, epoch: Epoch) -> Result<Seed, NodeError> {
        if let Some(seed) = self.load_dealing_seed(epoch)? {
            return Ok(seed);
        }
        let mut seed = Seed(Zeroizing::new([0; 32]));
        OsRng.fill_bytes(&mut seed.0[..]);
        let mut bytes = Zeroizing::new(Vec::with_capacity(40));
        bytes.extend_from_slice(&epoch.0.to_be_bytes());
        bytes.extend_from_slice(&seed.0[..]);
        key_file::replace(&self.0.join(key_file::DEALING_SEED), &bytes)?;
        Ok(seed)
    }
}

fn read_keyring(path: &Path, bytes: &[u8], chain: ChainId) -> Result<Keyring, NodeError> {
    let wrong = |error| NodeError::Keyring { path: path.to_path_buf(), error };
    Keyring::from_bytes(bytes, chain).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> (tempfile::TempDir, KeyDir) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("keys");
        key_file::create_dir(&dir).unwrap();
        let write = |name: &str, bytes: &[u8]| key_file::write(&dir.join(name), bytes).unwrap();
        write(key_file::ENCRYPTION, &[1; 32]);
        write(key_file::KEYRING, b"the first shares");
        write(key_file::SEED, b"the ceremony's seed");
        (root, KeyDir(dir))
    }

    fn files(dir: &KeyDir) -> Vec<Vec<u8>> {
        let entries = std::fs::read_dir(&dir.0).unwrap();
        entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn the_keys_of_an_epoch_are_all_that_is_left_of_any() {
        let (_root, dir) = dir();
        for epoch in [2u8, 3] {
            let keys = (Zeroizing::new(vec![epoch; 100]), Zeroizing::new([10 * epoch; 32]));
            dir.store_epoch(&keys).unwrap();
            let now = [vec![10 * epoch; 32], vec![epoch; 100]].concat();
            let mut files = files(&dir);
            files.sort();
            assert_eq!(files, [vec![10 * epoch; 32], now]);
        }
    }

    #[test]
    fn the_randomness_of_an_epoch_is_made_once() {
        let (_root, dir) = dir();
        let seed = |epoch: u64| *dir.dealing_seed(Epoch(epoch)).unwrap().0;
        let first = seed(4);
        assert_eq!(seed(4), first);
        assert_ne!(seed(5), first);
        assert_ne!(seed(4), first, "what was forgotten does not come back");
    }

    #[test]
    fn a_node_joins_only_with_the_public_shares_of_the_subnet() {
        let (_root, dir) = dir();
        let write = |name: &str, bytes: &[u8]| key_file::write(&dir.0.join(name), bytes).unwrap();
        write(key_file::IDENTITY, &[1; 32]);
        write(key_file::TLS, &[2; 32]);
        let genesis = Genesis::local("test", Vec::new());
        let chain = crate::types::Digest([7; 32]);
        assert!(!dir.may_join().unwrap());
        let error = dir.joining_keys(chain, &genesis).err().unwrap().to_string();
        assert!(error.contains("first.shares"), "{error}");
        let simulated = PublicShares::of_keyring(&Keyring::simulated(chain, 4)[0]);
        for wrong in [b"nonsense".to_vec(), simulated.to_bytes()] {
            write(key_file::FIRST_SHARES, &wrong);
            assert!(matches!(dir.joining_keys(chain, &genesis), Err(NodeError::FirstShares(_))));
        }
    }
}
