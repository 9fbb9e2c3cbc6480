use super::*;
use crate::crypto::node_key::{IdentityKey, TlsKey};
use crate::crypto::threshold::Statement;
use crate::types::NodeIndex;
use crate::types::{Digest, Genesis, GenesisNode, Height, StateRoot, View};

const CHAIN: Digest = Digest([7; 32]);

fn encryption_key(node: usize) -> EncryptionKey {
    EncryptionKey::from_bytes(&[node as u8 + 1; 32]).unwrap()
}

fn committee(n: usize) -> Committee {
    let nodes = (0..n).map(|node| GenesisNode {
        name: format!("node-{node}"),
        identity_key: hex::encode(IdentityKey::from_bytes(&[node as u8; 32]).public_key()),
        tls_key: hex::encode(TlsKey::from_bytes(&[node as u8; 32]).public_key()),
        encryption_key: hex::encode(encryption_key(node).public_key()),
        address: "127.0.0.1:1".into(),
    });
    let genesis = Genesis::local("test", nodes.collect());
    Committee::from_genesis(&genesis).unwrap()
}

fn dealing(dealer: usize, n: usize) -> Vec<u8> {
    deal(&[dealer as u8; 32], &CHAIN, &committee(n), NodeIndex(dealer as u16)).unwrap()
}

/// Where the encrypted shares of the quorum sharing begin, for 4 nodes.
const CIPHERTEXTS: usize = 2 + 3 * PK_SIZE + SIG_SIZE;

/// What node 1 makes of dealings of which node 2's was spoilt.
fn check(spoil: impl FnOnce(&mut Vec<u8>), expected: DealingError) {
    let mut bytes: Vec<Vec<u8>> = (0..4).map(|dealer| dealing(dealer, 4)).collect();
    spoil(&mut bytes[2]);
    let dealings = bytes.iter().enumerate().map(|(dealer, bytes)| {
        let dealer = NodeIndex(dealer as u16);
        Dealing::decode(bytes, &CHAIN, dealer, 4).map_err(|error| (dealer, error))
    });
    let outcome = dealings
        .collect::<Result<Vec<_>, _>>()
        .and_then(|dealings| Outcome::of(CHAIN, NodeIndex(1), &encryption_key(1), &dealings));
    assert_eq!(outcome.err(), Some((NodeIndex(2), expected)));
}

#[test]
fn a_false_dealing_is_refused_and_its_dealer_named() {
    check(|bytes| bytes[1] = 4, DealingError::Degree { found: 3, expected: 2 });
    check(|bytes| bytes[1] = 2, DealingError::Degree { found: 1, expected: 2 });
    check(|bytes| bytes.truncate(bytes.len() - 1), DealingError::Size);
    check(|bytes| bytes.push(0), DealingError::Size);
    check(|bytes| bytes.clear(), DealingError::Size);
    check(|bytes| bytes[2..2 + PK_SIZE].fill(0xff), DealingError::Point);
    let identity = [&[0xc0][..], &[0; PK_SIZE - 1]].concat();
    check(|bytes| bytes[2..2 + PK_SIZE].copy_from_slice(&identity), DealingError::Identity);
    check(|bytes| bytes[98..98 + PK_SIZE].copy_from_slice(&identity), DealingError::Identity);
    check(|bytes| bytes.copy_from_slice(&dealing(3, 4)), DealingError::Proof);
    let constant = dealing(3, 4)[2..2 + PK_SIZE].to_vec();
    check(|bytes| bytes[2..2 + PK_SIZE].copy_from_slice(&constant), DealingError::Proof);
    let own = CIPHERTEXTS + CIPHERTEXT_BYTES;
    check(|bytes| bytes[own + CIPHERTEXT_BYTES - 1] ^= 1, DealingError::Ciphertext);
    check(|bytes| bytes[own..own + 48].fill(0xff), DealingError::Ciphertext);
    let another = deal(&[9; 32], &CHAIN, &committee(4), NodeIndex(2)).unwrap();
    let share = another[own..own + CIPHERTEXT_BYTES].to_vec();
    check(|bytes| bytes[own..own + CIPHERTEXT_BYTES].copy_from_slice(&share), DealingError::Share);
    let for_node_0 = dealing(2, 4)[CIPHERTEXTS..own].to_vec();
    check(|bytes| bytes[own..own + CIPHERTEXT_BYTES].copy_from_slice(&for_node_0), DealingError::Share);
}

#[test]
fn a_dealing_for_another_chain_or_place_proves_nothing() {
    let bytes = dealing(2, 4);
    let decoded = |chain: Digest, dealer: u16| Dealing::decode(&bytes, &chain, NodeIndex(dealer), 4).err();
    assert_eq!(decoded(CHAIN, 2), None);
    assert_eq!(decoded(Digest::ZERO, 2), Some(DealingError::Proof));
    assert_eq!(decoded(CHAIN, 1), Some(DealingError::Proof));
    let five = Some(DealingError::Degree { found: 2, expected: 3 });
    assert_eq!(Dealing::decode(&bytes, &CHAIN, NodeIndex(2), 5).err(), five);
}

#[test]
fn a_dealing_is_a_function_of_its_seed() {
    assert_eq!(dealing(2, 4), dealing(2, 4));
    let other = deal(&[2; 32], &Digest::ZERO, &committee(4), NodeIndex(2)).unwrap();
    assert_ne!(other[2..2 + PK_SIZE], dealing(2, 4)[2..2 + PK_SIZE]);
}

fn outcomes(n: usize) -> Vec<Outcome> {
    let decode =
        |dealer: usize| Dealing::decode(&dealing(dealer, n), &CHAIN, NodeIndex(dealer as u16), n).unwrap();
    let dealings: Vec<Dealing> = (0..n).map(decode).collect();
    let outcome =
        |own: usize| Outcome::of(CHAIN, NodeIndex(own as u16), &encryption_key(own), &dealings).unwrap();
    (0..n).map(outcome).collect()
}

#[test]
fn public_shares_of_another_node_or_sharing_are_refused() {
    let outcomes = outcomes(4);
    let shares: Vec<_> = outcomes.iter().map(Outcome::public_shares).collect();
    assert_eq!(outcomes[0].check(NodeIndex(3), &shares[3]), Ok(()));
    let refused = Err(DealingError::PublicShares);
    assert_eq!(outcomes[0].check(NodeIndex(3), &shares[2]), refused);
    assert_eq!(outcomes[0].check(NodeIndex(3), &[0xff; PUBLIC_SHARES_BYTES]), refused);
    let mut swapped = shares[3];
    swapped.rotate_left(96);
    assert_eq!(outcomes[0].check(NodeIndex(3), &swapped), refused);
    assert!(outcomes[0].keyring(&shares[..3]).is_err());
}

#[test]
fn a_single_node_can_make_its_keys() {
    let outcome = outcomes(1).remove(0);
    let keyring = outcome.keyring(&[outcome.public_shares()]).unwrap();
    for statement in [
        Statement::Certify { height: Height(1), root: StateRoot(CHAIN) },
        Statement::Beacon { view: View(1) },
    ] {
        let share = keyring.sign_share(&statement);
        assert_eq!(keyring.combine(&statement, &[(NodeIndex(0), share)]), Ok(share));
    }
}
