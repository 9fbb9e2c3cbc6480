use super::change::{ChangeError, sign};
use super::*;
use crate::crypto::node_key::{EncryptionKey, IdentityKey, simulated};
use crate::crypto::reshare::{PublicShares, Terms, deal, deal_badly};
use crate::crypto::threshold::{Keyring, Statement};
use crate::types::limits::COMPLAINT_HEIGHTS;
use crate::types::*;
use bytes::Bytes;

const CHAIN: Digest = Digest([7; 32]);
const LENGTH: u64 = 20;

/// A subnet of simulated nodes, and its succession.
struct Subnet {
    identities: Vec<IdentityKey>,
    keyrings: Vec<Keyring>,
    succession: Succession,
    height: Height,
}

/// Any key: simulated shares need none.
fn key() -> EncryptionKey {
    EncryptionKey::from_bytes(&[1; 32]).unwrap()
}

impl Subnet {
    /// `n` nodes, of which the first four are the members.
    fn new(n: usize) -> Subnet {
        let (identities, committee) = simulated(CHAIN, n);
        let keyrings = Keyring::simulated(CHAIN, 4);
        let members = simulated_members(&committee)[..4].to_vec();
        let shares = PublicShares::of_keyring(&keyrings[0]);
        let succession = Succession::genesis(CHAIN, LENGTH, members, &shares);
        Subnet { identities, keyrings, succession, height: Height::ZERO }
    }

    /// One more height, with these messages; true if they changed anything.
    fn pass(&mut self, messages: &[SystemMessage]) -> bool {
        self.height = self.height.next();
        let changed = self.succession.apply(self.height, messages).unwrap();
        let bytes = self.succession.encode();
        assert_eq!(Succession::decode(&bytes).as_ref(), Ok(&self.succession));
        changed
    }

    fn pass_until(&mut self, height: u64) {
        while self.height < Height(height) {
            self.pass(&[]);
        }
    }

    fn terms(&self) -> Terms {
        self.succession.terms().unwrap()
    }

    fn dealing(&self, dealer: usize) -> SystemMessage {
        let bytes = deal(&[0; 32], &self.terms(), &self.keyrings[dealer]).unwrap();
        self.dealt(dealer, bytes)
    }

    fn dealt(&self, dealer: usize, bytes: Vec<u8>) -> SystemMessage {
        let (epoch, dealer) = (self.succession.epoch(), NodeIndex(dealer as u16));
        SystemMessage::Dealing { epoch, dealer, dealing: bytes.into() }
    }

    fn signed(&self, mut change: MembershipChange, signers: &[usize]) -> SystemMessage {
        let signature =
            |signer: &usize| (NodeIndex(*signer as u16), sign(&CHAIN, &change, &self.identities[*signer]));
        change.signatures = signers.iter().map(signature).collect();
        SystemMessage::Change(change)
    }

    fn change(&self, version: u64, remove: &[usize], add: &[usize]) -> MembershipChange {
        let (_, committee) = simulated(CHAIN, self.identities.len());
        let key = |index: &usize| self.identities[*index].public_key();
        let node = |index: &usize| simulated_members(&committee)[*index].clone();
        MembershipChange {
            version,
            remove: remove.iter().map(key).collect(),
            add: add.iter().map(node).collect(),
            signatures: Vec::new(),
        }
    }

    /// The keyring of node `index` in the epoch that has begun.
    fn keyring(&self, index: usize) -> Keyring {
        let identity = self.identities[index].public_key();
        self.succession.keyring(&identity, &[key()]).unwrap().unwrap()
    }
}

#[test]
fn an_epoch_ends_at_a_multiple_of_its_length_and_the_next_has_fresh_shares() {
    let mut subnet = Subnet::new(4);
    subnet.pass_until(10);
    let dealings: Vec<SystemMessage> = (0..3).map(|dealer| subnet.dealing(dealer)).collect();
    assert!(subnet.pass(&dealings));
    subnet.pass_until(19);
    assert_eq!(subnet.succession.epoch(), Epoch(0));
    subnet.pass(&[]);
    assert_eq!((subnet.succession.epoch(), subnet.succession.start()), (Epoch(1), Height(20)));
    let keyrings: Vec<Keyring> = (0..4).map(|index| subnet.keyring(index)).collect();
    let statement = Statement::Nullify { view: Epoch(1).first_view() };
    let share = |index: usize| (NodeIndex(index as u16), keyrings[index].sign_share(&statement));
    let signature = keyrings[0].combine(&statement, &[share(0), share(2), share(3)]).unwrap();
    assert!(subnet.keyrings[0].verify(&statement, &signature), "the key is the same");
    assert!(!keyrings[0].verify_share(&statement, NodeIndex(1), &subnet.keyrings[1].sign_share(&statement)));
}

#[test]
fn an_epoch_whose_succession_is_not_complete_goes_on_to_the_next_multiple() {
    let mut subnet = Subnet::new(4);
    subnet.pass_until(10);
    subnet.pass(&[subnet.dealing(0), subnet.dealing(1)]);
    subnet.pass_until(20 - COMPLAINT_HEIGHTS);
    assert!(subnet.pass(&[subnet.dealing(2)]), "too late to be ripe at 20");
    subnet.pass_until(39);
    assert_eq!(subnet.succession.epoch(), Epoch(0));
    subnet.pass(&[]);
    assert_eq!((subnet.succession.epoch(), subnet.succession.start()), (Epoch(1), Height(40)));
}

#[test]
fn what_is_early_twice_foreign_or_of_another_epoch_changes_nothing() {
    let mut subnet = Subnet::new(4);
    let early = subnet.dealing(0);
    assert!(!subnet.pass(&[early]), "before the second half");
    subnet.pass_until(10);
    let SystemMessage::Dealing { dealing, .. } = subnet.dealing(1) else { panic!() };
    let place = |epoch: u64, dealer: u16, dealing: Bytes| SystemMessage::Dealing {
        epoch: Epoch(epoch),
        dealer: NodeIndex(dealer),
        dealing,
    };
    for wrong in [
        place(1, 1, dealing.clone()),
        place(0, 2, dealing.clone()),
        place(0, 4, dealing.clone()),
        place(0, 1, Bytes::new()),
        place(0, 1, dealing.slice(1..)),
    ] {
        assert!(!subnet.pass(&[wrong]));
    }
    let right = place(0, 1, dealing);
    assert!(subnet.succession.admits(Height(17), &right));
    assert!(subnet.pass(std::slice::from_ref(&right)));
    assert!(!subnet.succession.admits(Height(17), &right));
    assert!(!subnet.pass(&[right]), "twice");
}

#[test]
fn a_dealing_with_a_proved_complaint_does_not_count() {
    let mut subnet = Subnet::new(4);
    subnet.pass_until(10);
    let bad = subnet.dealt(3, deal_badly(&subnet.terms(), NodeIndex(3), &[NodeIndex(1)]));
    subnet.pass(&[bad, subnet.dealing(0), subnet.dealing(1)]);
    let complaints = |subnet: &Subnet, index: usize| {
        let identity = subnet.identities[index].public_key();
        subnet.succession.complaints(subnet.height.next(), &identity, &key()).unwrap()
    };
    assert!(complaints(&subnet, 0).is_empty());
    let said = complaints(&subnet, 1);
    let [complaint] = &said[..] else { panic!() };
    let SystemMessage::Complaint { epoch, complaint: proof, .. } = complaint.clone() else { panic!() };
    let say = |dealer: u16, receiver: u16, proof: &Bytes| SystemMessage::Complaint {
        epoch,
        dealer: NodeIndex(dealer),
        receiver: NodeIndex(receiver),
        complaint: proof.clone(),
    };
    for false_one in [say(0, 1, &proof), say(3, 0, &proof), say(3, 9, &proof), say(3, 1, &Bytes::new())] {
        assert!(!subnet.pass(&[false_one]));
    }
    assert!(subnet.pass(std::slice::from_ref(complaint)));
    assert!(complaints(&subnet, 1).is_empty(), "once is enough");
    subnet.pass_until(20);
    assert_eq!(subnet.succession.epoch(), Epoch(0), "two good dealings are no quorum");
    subnet.pass(&[subnet.dealing(2)]);
    subnet.pass_until(40);
    assert_eq!(subnet.succession.epoch(), Epoch(1));
    assert!((0..4).all(|index| subnet.keyring(index).signs()));
}

#[test]
fn a_complaint_that_comes_too_late_is_not_heard_and_its_sender_is_left_without_shares() {
    let mut subnet = Subnet::new(4);
    subnet.pass_until(10);
    let bad = subnet.dealt(3, deal_badly(&subnet.terms(), NodeIndex(3), &[NodeIndex(1)]));
    subnet.pass(&[bad, subnet.dealing(0), subnet.dealing(1)]);
    let identity = subnet.identities[1].public_key();
    let complaints = subnet.succession.complaints(Height(12), &identity, &key()).unwrap();
    subnet.pass_until(11 + COMPLAINT_HEIGHTS);
    assert!(complaints.iter().all(|complaint| subnet.succession.admits(subnet.height, complaint)));
    assert!(complaints.iter().all(|late| !subnet.succession.admits(subnet.height.next(), late)));
    subnet.pass(&complaints);
    assert_eq!(subnet.succession.epoch(), Epoch(1));
    let signers: Vec<bool> = (0..4).map(|index| subnet.keyring(index).signs()).collect();
    assert_eq!(signers, [true, false, true, true]);
}

#[test]
fn a_node_is_replaced_by_a_quorum_of_operators() {
    let mut subnet = Subnet::new(6);
    let change = subnet.change(0, &[2], &[4]);
    assert!(!subnet.pass(&[subnet.signed(change.clone(), &[0, 1])]), "two of four");
    assert!(!subnet.pass(&[subnet.signed(change.clone(), &[0, 1, 4])]), "a stranger");
    assert!(subnet.pass(&[subnet.signed(change.clone(), &[0, 1, 3])]));
    assert_eq!(subnet.succession.version(), 1);
    assert!(!subnet.pass(&[subnet.signed(change, &[0, 1, 3])]), "of an older version");
    subnet.pass_until(10);
    subnet.pass(&[subnet.dealing(0), subnet.dealing(1), subnet.dealing(2)]);
    subnet.pass_until(20);
    let names: Vec<&str> = subnet.succession.members().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["node-0", "node-1", "node-4", "node-3"]);
    assert!(!subnet.keyring(2).signs(), "the node that left");
    assert_eq!(subnet.keyring(4).own(), NodeIndex(2));
    let statement = Statement::Certify { height: Height(1), root: StateRoot(CHAIN) };
    let old = subnet.keyrings[2].sign_share(&statement);
    assert!(!subnet.keyring(0).verify_share(&statement, NodeIndex(2), &old));
    let given = [0, 1, 4].map(|index| {
        let keyring = subnet.keyring(index);
        (keyring.own(), keyring.sign_share(&statement))
    });
    let signature = subnet.keyring(5).combine(&statement, &given).unwrap();
    assert!(subnet.keyrings[0].verify(&statement, &signature));
}

#[test]
fn a_membership_grows_and_shrinks() {
    let mut subnet = Subnet::new(5);
    subnet.pass(&[subnet.signed(subnet.change(0, &[], &[4]), &[0, 1, 2])]);
    subnet.pass_until(10);
    subnet.pass(&[subnet.dealing(0), subnet.dealing(1), subnet.dealing(2)]);
    subnet.pass_until(20);
    assert_eq!(subnet.succession.members().len(), 5);
    subnet.keyrings = (0..5).map(|index| subnet.keyring(index)).collect();
    assert!(subnet.pass(&[subnet.signed(subnet.change(1, &[0], &[]), &[1, 2, 3, 4])]));
    subnet.pass_until(30);
    subnet.pass(&(1..5).map(|dealer| subnet.dealing(dealer)).collect::<Vec<_>>());
    subnet.pass_until(40);
    assert_eq!(subnet.succession.members().len(), 4);
    assert_eq!(subnet.keyring(1).own(), NodeIndex(0));
    assert_eq!(subnet.keyring(1).root_key(), Keyring::simulated(CHAIN, 4)[0].root_key());
}

#[test]
fn why_a_change_is_refused_is_named() {
    let mut subnet = Subnet::new(8);
    let check = |subnet: &Subnet, change: MembershipChange, expected: ChangeError| {
        let SystemMessage::Change(change) = subnet.signed(change, &[0, 1, 2]) else { panic!() };
        assert_eq!(subnet.succession.changed(subnet.height.next(), &change), Err(expected));
    };
    check(&subnet, subnet.change(3, &[0], &[]), ChangeError::Version { found: 3, current: 0 });
    check(&subnet, subnet.change(0, &[], &[]), ChangeError::Empty);
    let stranger = hex::encode(subnet.identities[7].public_key());
    check(&subnet, subnet.change(0, &[7], &[]), ChangeError::Unknown(stranger));
    check(&subnet, subnet.change(0, &[1, 1], &[]), ChangeError::Twice);
    check(&subnet, subnet.change(0, &[1, 2], &[]), ChangeError::TooMany { count: 2, what: "leave", max: 1 });
    check(&subnet, subnet.change(0, &[], &[5, 6]), ChangeError::TooMany { count: 2, what: "come", max: 1 });
    subnet.pass(&[subnet.signed(subnet.change(0, &[1], &[]), &[0, 1, 2])]);
    check(&subnet, subnet.change(1, &[2], &[]), ChangeError::TooMany { count: 2, what: "leave", max: 1 });
    subnet.pass_until(10);
    check(&subnet, subnet.change(1, &[], &[5]), ChangeError::Dealing);
}

#[test]
fn without_a_length_no_epoch_ends() {
    let mut subnet = Subnet::new(4);
    let shares = PublicShares::of_keyring(&subnet.keyrings[0]);
    subnet.succession = Succession::genesis(CHAIN, 0, subnet.succession.members().to_vec(), &shares);
    subnet.pass_until(50);
    assert!(!subnet.pass(&[subnet.dealing(0)]));
    assert_eq!(subnet.succession.epoch(), Epoch(0));
    assert!(subnet.succession.keyring(&[0; 32], &[]).unwrap().is_none());
}
