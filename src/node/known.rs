//! A file of members that an operator gives a node which knows no present member by itself: one that comes after
//! genesis' nodes have left, or was away until all whom it knew had. `atoll node list --cards` writes it. It names
//! peers to fetch from, and is believed in nothing else: what they send is proven by the subnet's key.

use super::config::{ConfigError, read_text};
use crate::crypto::genesis::validate_nodes;
use crate::types::{Epoch, GenesisNode};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The members of an epoch, in the order of their places.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownMembers {
    pub epoch: u64,
    pub nodes: Vec<GenesisNode>,
}

impl KnownMembers {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and what is wrong with it.
    pub fn load(file: &Path) -> Result<KnownMembers, ConfigError> {
        let path = || file.to_path_buf();
        let known: KnownMembers =
            toml::from_str(&read_text(file)?).map_err(|error| ConfigError::Syntax { path: path(), error })?;
        validate_nodes(&known.nodes).map_err(|error| ConfigError::Genesis { path: path(), error })?;
        Ok(known)
    }

    /// Whom to connect with, when the own chain has come to `epoch` and names `nodes`: it knows better once it is as far
    /// as the file.
    pub fn or_later<'a>(&'a self, epoch: Epoch, nodes: &'a [GenesisNode]) -> &'a [GenesisNode] {
        if self.epoch > epoch.0 { &self.nodes } else { nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::node_key::{EncryptionKey, IdentityKey, TlsKey};

    fn node(index: u8) -> GenesisNode {
        GenesisNode {
            name: format!("node-{index}"),
            identity_key: hex::encode(IdentityKey::from_bytes(&[index; 32]).public_key()),
            tls_key: hex::encode(TlsKey::from_bytes(&[index + 100; 32]).public_key()),
            encryption_key: hex::encode(EncryptionKey::from_bytes(&[index + 1; 32]).unwrap().public_key()),
            address: format!("10.0.0.{index}:9100"),
        }
    }

    fn known() -> KnownMembers {
        KnownMembers { epoch: 3, nodes: (0..4).map(node).collect() }
    }

    fn load(known: &KnownMembers) -> Result<KnownMembers, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("members.toml");
        std::fs::write(&file, toml::to_string(known).unwrap()).unwrap();
        KnownMembers::load(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(load(&known()), Ok(known()));
    }

    #[test]
    fn a_file_with_a_wrong_key_or_no_member_is_refused_by_its_name() {
        let mut wrong = known();
        wrong.nodes[2].identity_key = "00".into();
        for wrong in [wrong, KnownMembers { nodes: Vec::new(), ..known() }] {
            let error = load(&wrong).unwrap_err();
            assert!(error.contains("members.toml"), "{error}");
        }
    }

    #[test]
    fn the_own_chain_knows_better_once_it_is_as_far() {
        let own = [node(9)];
        assert_eq!(known().or_later(Epoch(2), &own), known().nodes);
        assert_eq!(known().or_later(Epoch(3), &own), own);
    }
}
