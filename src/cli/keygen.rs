//! `atoll keygen`: makes a node's keys, and the card with their public halves.

use crate::crypto::genesis::{GenesisError, NodeCard};
use crate::crypto::node_key::{EncryptionKey, IdentityKey, TlsKey};
use crate::storage::key_file::{self, KeyFileError};
use crate::types::GenesisNode;
use rand::rngs::OsRng;
use std::path::{Path, PathBuf};

/// File name of the card.
pub const CARD: &str = "node.pub.toml";

/// Make a node's identity, TLS and share-encryption keys.
///
/// The secret keys stay in DIR (mode 0700, files 0600). Hand over DIR/node.pub.toml, and nothing
/// else, to whoever assembles the genesis.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Directory for the keys; made if it does not exist. Keys that exist are never overwritten.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Who runs the node, for people.
    #[arg(long, default_value = "node")]
    pub name: String,
    /// Where the other nodes will reach this one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9100")]
    pub address: String,
}

/// Keys could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeygenError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error("the card: {0}")]
    Card(#[from] GenesisError),
    #[error("{}: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
}

/// Makes the keys and prints the card.
pub fn run(args: Args) -> Result<(), KeygenError> {
    let card = make(&args.out, &args.name, &args.address)?;
    print!("{}", card.print()?);
    eprintln!("secret keys in {}; hand over {}", args.out.display(), args.out.join(CARD).display());
    Ok(())
}

/// Makes the keys of a node in `dir`. Nothing is written unless the card would be accepted.
pub fn make(dir: &Path, name: &str, address: &str) -> Result<NodeCard, KeygenError> {
    let identity = IdentityKey::generate(&mut OsRng);
    let tls = TlsKey::generate(&mut OsRng);
    let encryption = EncryptionKey::generate(&mut OsRng);
    let node = GenesisNode {
        name: name.into(),
        identity_key: hex::encode(identity.public_key()),
        tls_key: hex::encode(tls.public_key()),
        encryption_key: hex::encode(encryption.public_key()),
        address: address.into(),
    };
    let text = NodeCard::sign(node, &identity).print()?;
    let card = NodeCard::parse(&text)?;
    key_file::create_dir(dir)?;
    key_file::write_new(&dir.join(key_file::IDENTITY), &identity.to_bytes()[..])?;
    key_file::write_new(&dir.join(key_file::TLS), &tls.to_bytes()[..])?;
    key_file::write_new(&dir.join(key_file::ENCRYPTION), &encryption.to_bytes()[..])?;
    let path = dir.join(CARD);
    std::fs::write(&path, text).map_err(|error| KeygenError::Write { path, error })?;
    Ok(card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_made_are_the_keys_on_the_card() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("keys");
        let node = make(&dir, "alice", "alice.example:9100").unwrap().into_node();
        let read = |name: &str| key_file::read_array::<32>(&dir.join(name)).unwrap();
        let identity = IdentityKey::from_bytes(&read(key_file::IDENTITY));
        let tls = TlsKey::from_bytes(&read(key_file::TLS));
        let encryption = EncryptionKey::from_bytes(&read(key_file::ENCRYPTION)).unwrap();
        assert_eq!(node.identity_key, hex::encode(identity.public_key()));
        assert_eq!(node.tls_key, hex::encode(tls.public_key()));
        assert_eq!(node.encryption_key, hex::encode(encryption.public_key()));
        let text = std::fs::read_to_string(dir.join(CARD)).unwrap();
        assert_eq!(NodeCard::parse(&text).unwrap().into_node(), node);
    }

    #[test]
    fn keys_are_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("keys");
        make(&dir, "alice", "alice.example:9100").unwrap();
        let before = std::fs::read(dir.join(key_file::IDENTITY)).unwrap();
        let error = make(&dir, "alice", "alice.example:9100").unwrap_err().to_string();
        assert!(error.ends_with("identity.key: exists already and is not overwritten"), "{error}");
        assert_eq!(std::fs::read(dir.join(key_file::IDENTITY)).unwrap(), before);
    }

    #[test]
    fn nothing_is_written_for_a_card_that_nobody_would_take() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("keys");
        let error = make(&dir, "alice", "nowhere").unwrap_err().to_string();
        assert_eq!(error, "the card: address \"nowhere\" is not HOST:PORT");
        assert!(!dir.exists());
    }
}
