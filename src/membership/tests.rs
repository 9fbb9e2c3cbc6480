use super::change::{ChangeError, sign};
use super::order::OrderError;
use super::proof::{certified, order, proved, shown};
use super::*;
use crate::certification::{CertificateError, LabelTree};
use crate::crypto::node_key::{EncryptionKey, IdentityKey, TlsKey, simulated};
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
fn a_node_with_another_key_than_its_cards_accuses_nobody() {
    let encryption = |index: u8| EncryptionKey::from_bytes(&[index + 1; 32]).unwrap();
    let card = |index: u8| GenesisNode {
        name: format!("node-{index}"),
        identity_key: hex::encode(IdentityKey::from_bytes(&[index; 32]).public_key()),
        tls_key: hex::encode(TlsKey::from_bytes(&[index + 100; 32]).public_key()),
        encryption_key: hex::encode(encryption(index).public_key()),
        address: String::new(),
    };
    let keyrings = Keyring::dealt(CHAIN, 4);
    let shares = PublicShares::of_keyring(&keyrings[0]);
    let mut succession = Succession::genesis(CHAIN, LENGTH, (0..4).map(card).collect(), &shares);
    let dealing = deal(&[5; 32], &succession.terms().unwrap(), &keyrings[0]).unwrap();
    let dealt = SystemMessage::Dealing { epoch: Epoch(0), dealer: NodeIndex(0), dealing: dealing.into() };
    assert!(succession.apply(Height(11), &[dealt]).unwrap());
    let identity = IdentityKey::from_bytes(&[2; 32]).public_key();
    for key in [encryption(2), encryption(3)] {
        assert_eq!(succession.complaints(Height(12), &identity, &key), Ok(Vec::new()));
    }
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

/// The registry canister of these tests.
fn registry() -> Principal {
    CanisterId(0).principal()
}

impl Subnet {
    /// `n` nodes, of which the first four are the members; a registry orders who they are.
    fn ordered(n: usize) -> Subnet {
        let mut subnet = Subnet::new(n);
        subnet.succession = subnet.succession.with_registry(Some(registry()));
        subnet
    }

    fn order(&self, version: u64, remove: &[usize], add: &[usize]) -> MembershipOrder {
        let change = self.change(version, remove, add);
        proved(&self.keyrings, &registry(), order(version, &change.remove, change.add))
    }
}

#[test]
fn a_node_is_replaced_by_an_order_of_the_registry_and_by_no_operators() {
    let mut subnet = Subnet::ordered(6);
    let signed = subnet.signed(subnet.change(0, &[2], &[4]), &[0, 1, 2, 3]);
    assert!(!subnet.succession.awaits(subnet.height.next(), &signed));
    assert!(!subnet.pass(&[signed]));
    let said = SystemMessage::Order(subnet.order(0, &[2], &[4]));
    assert!(subnet.succession.awaits(subnet.height.next(), &said));
    assert!(subnet.succession.admits(subnet.height.next(), &said));
    assert!(subnet.pass(std::slice::from_ref(&said)));
    assert_eq!(subnet.succession.version(), 1);
    assert!(!subnet.succession.awaits(subnet.height.next(), &said));
    assert!(!subnet.pass(&[said]), "twice");
    subnet.pass_until(10);
    subnet.pass(&[subnet.dealing(0), subnet.dealing(1), subnet.dealing(2)]);
    subnet.pass_until(20);
    let names: Vec<&str> = subnet.succession.members().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["node-0", "node-1", "node-4", "node-3"]);
    // The certificates of the new shares are as good, and so are those of the old.
    let said = SystemMessage::Order(subnet.order(1, &[0], &[5]));
    assert!(subnet.succession.admits(Height(21), &said));
    subnet.keyrings = [0, 1, 4, 3].map(|index| subnet.keyring(index)).to_vec();
    assert!(subnet.pass(&[SystemMessage::Order(subnet.order(1, &[0], &[5]))]));
}

#[test]
fn why_an_order_is_refused_is_named() {
    let subnet = Subnet::ordered(8);
    let check = |order: &MembershipOrder, expected: ChangeError| {
        assert_eq!(subnet.succession.ordered(Height(1), order), Err(expected.clone()));
        assert!(!subnet.succession.admits(Height(1), &SystemMessage::Order(order.clone())), "{expected}");
    };
    let good = subnet.order(0, &[2], &[4]);
    assert!(subnet.succession.ordered(Height(1), &good).is_ok());
    check(&subnet.order(3, &[2], &[4]), ChangeError::Version { found: 3, current: 0 });
    check(&subnet.order(0, &[], &[]), ChangeError::Empty);
    check(&subnet.order(0, &[1, 1], &[]), ChangeError::Twice);
    check(&subnet.order(0, &[0, 1], &[]), ChangeError::TooMany { count: 2, what: "leave", max: 1 });
    let late = subnet.succession.ordered(Height(11), &good);
    assert_eq!(late, Err(ChangeError::Dealing));
    let other = Subnet::new(8);
    let refused = other.succession.ordered(Height(1), &good);
    assert_eq!(refused, Err(OrderError::NoRegistry.into()));
    let change = subnet.change(0, &[2], &[4]);
    assert_eq!(subnet.succession.changed(Height(1), &change), Err(ChangeError::Registry(registry())));
}

#[test]
fn an_order_that_the_registry_did_not_certify_is_refused() {
    let subnet = Subnet::ordered(8);
    let good = subnet.order(0, &[2], &[4]);
    let check = |spoil: &dyn Fn(&mut MembershipOrder), expected: OrderError| {
        let mut order = good.clone();
        spoil(&mut order);
        assert_eq!(subnet.succession.ordered(Height(1), &order), Err(expected.into()));
    };
    let certified = |canister: u64, data: &[u8]| -> Bytes {
        certified(&subnet.keyrings, &CanisterId(canister).principal(), data).into()
    };
    let (root, _) = shown(b"membership_order", &good.order);
    // The signature of another subnet, over the very tree.
    let strangers = Keyring::simulated(Digest([8; 32]), 4);
    let foreign = proved(&strangers, &registry(), good.order.to_vec());
    let unsigned = OrderError::Certificate(CertificateError::Signature);
    check(&|order| order.certificate = foreign.certificate.clone(), unsigned.clone());
    // A tree that nobody signed: the last byte of the certificate is the signature's.
    let forged = |order: &mut MembershipOrder| {
        let mut bytes = order.certificate.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        order.certificate = bytes.into();
    };
    check(&forged, unsigned);
    check(&|order| order.certificate = certified(7, &root.0), OrderError::Uncertified(registry()));
    check(&|order| order.certificate = certified(0, &[7; 32]), OrderError::Root(registry()));
    check(&|order| order.certificate = certified(0, b""), OrderError::Root(registry()));
    let label = |label: &'static [u8], leaf: &[u8]| {
        let (root, witness) = shown(label, leaf);
        let certificate = certified(0, &root.0);
        move |order: &mut MembershipOrder| {
            (order.certificate, order.witness) = (certificate.clone(), witness.clone().into());
        }
    };
    check(&label(b"membership_orders", &good.order), OrderError::Shown);
    check(&label(b"membership_order", b"another order"), OrderError::Shown);
    let (_, other) = shown(b"zzz", &good.order);
    check(&|order| order.witness = other.clone().into(), OrderError::Root(registry()));
}

#[test]
fn bytes_that_are_no_order_or_no_proof_are_refused() {
    let subnet = Subnet::ordered(8);
    let good = subnet.order(0, &[2], &[4]);
    let check = |spoil: &dyn Fn(&mut MembershipOrder), expected: &str| {
        let mut order = good.clone();
        spoil(&mut order);
        let error = subnet.succession.ordered(Height(1), &order).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!subnet.succession.admits(Height(1), &SystemMessage::Order(order)));
    };
    check(&|order| order.order = Bytes::new(), "not an order");
    check(&|order| order.order = [&good.order[..], &[0]].concat().into(), "1 bytes follow it");
    check(&|order| order.order = good.order.slice(1..), "not an order");
    check(&|order| order.order = vec![0; 40_000].into(), "at most");
    check(&|order| order.certificate = Bytes::new(), "certificate is not believed");
    check(&|order| order.certificate = good.certificate.slice(..90), "certificate is not believed");
    check(&|order| order.witness = Bytes::new(), "no hash tree");
    check(&|order| order.witness = vec![0x82; 10_000].into(), "no hash tree");
    // All is proved, but by a tree that shows more than it has to: peers would not read the message.
    let mut tree = LabelTree::new();
    tree.set_leaf(&[b"another"], vec![0; 40_000]);
    tree.set_leaf(&[b"membership_order"], good.order.to_vec());
    let paths = [b"another".as_slice(), b"membership_order"].map(|label| vec![label.to_vec()]);
    let witness: Bytes = tree.witness(&paths).encode().into();
    let certificate: Bytes = certified(&subnet.keyrings, &registry(), &tree.digest().0).into();
    let whole = |order: &mut MembershipOrder| {
        (order.certificate, order.witness) = (certificate.clone(), witness.clone());
    };
    check(&whole, "a witness of 40");
    let mut wordy = subnet.change(0, &[], &[4]).add;
    wordy[0].address = "a".repeat(300);
    let wordy = order(0, &[], wordy);
    check(&|order| order.order = wordy.clone().into(), "a field of more than");
    let crowd = order(0, &[[0; 32]; 65], Vec::new());
    check(&|order| order.order = crowd.clone().into(), "more than 64 nodes");
}

#[test]
fn an_order_is_proved_by_real_keys_too_and_not_by_those_of_another_subnet() {
    let (_, committee) = simulated(CHAIN, 4);
    let (own, strangers) = (Keyring::dealt(CHAIN, 4), Keyring::dealt(Digest([8; 32]), 4));
    let shares = PublicShares::of_keyring(&own[0]);
    let succession = Succession::genesis(CHAIN, LENGTH, simulated_members(&committee), &shares);
    let succession = succession.with_registry(Some(registry()));
    let verdict = |keyrings: &[Keyring]| {
        let order = proved(keyrings, &registry(), order(0, &[], Vec::new()));
        succession.ordered(Height(1), &order).unwrap_err()
    };
    // Proved, and then found to change nothing.
    assert_eq!(verdict(&own[1..]), ChangeError::Empty);
    assert_eq!(verdict(&strangers), OrderError::Certificate(CertificateError::Signature).into());
}
