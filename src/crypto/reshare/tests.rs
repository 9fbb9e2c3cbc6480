use super::*;
use crate::crypto::node_key::{IdentityKey, TlsKey};
use crate::crypto::threshold::{CombineError, Statement};
use crate::types::{GenesisNode, Height, StateRoot, View, faults_max};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::ops::Range;
use threshold_crypto::blstrs::G2Affine;
use threshold_crypto::poly::Poly;

const CHAIN: Digest = Digest([7; 32]);

/// One node in one epoch.
#[derive(Clone)]
struct Member {
    id: u8,
    encryption: EncryptionKey,
    keyring: Keyring,
}

fn first_encryption(id: u8) -> EncryptionKey {
    EncryptionKey::from_bytes(&[id + 1; 32]).unwrap()
}

fn committee<'a>(members: impl Iterator<Item = (u8, &'a EncryptionKey)>) -> Committee {
    let node = |(id, encryption): (u8, &EncryptionKey)| GenesisNode {
        name: format!("node-{id}"),
        identity_key: hex::encode(IdentityKey::from_bytes(&[id; 32]).public_key()),
        tls_key: hex::encode(TlsKey::from_bytes(&[id; 32]).public_key()),
        encryption_key: hex::encode(encryption.public_key()),
        address: "127.0.0.1:1".into(),
    };
    Committee::from_nodes(&members.map(node).collect::<Vec<_>>()).unwrap()
}

/// The members of a first epoch, whose shares one dealer made.
fn first(ids: Range<u8>, rng: &mut StdRng) -> Vec<Member> {
    let n = ids.len();
    let mut dealt = |threshold: usize| {
        let polynomial = Poly::random(threshold - 1, rng);
        let secret = |point: usize| SecretKey::from_bytes(&polynomial.evaluate(point).to_bytes_be()).unwrap();
        let secrets: Vec<SecretKey> = (1..=n).map(secret).collect();
        let keys: Vec<_> = secrets.iter().map(|secret| bls::PublicKey::of(secret).unwrap()).collect();
        let sharing = |(own, secret): (usize, &SecretKey)| {
            bls::Sharing::new(threshold, NodeIndex(own as u16), Some(secret.clone()), keys.clone()).unwrap()
        };
        secrets.iter().enumerate().map(sharing).collect::<Vec<_>>()
    };
    let sharings = dealt(quorum(n)).into_iter().zip(dealt(faults_max(n) + 1)).enumerate();
    let member = |(id, (own, (quorum, beacon)))| Member {
        id,
        encryption: first_encryption(id),
        keyring: Keyring::real((CHAIN, Epoch::ZERO), n, Some(NodeIndex(own as u16)), quorum, beacon),
    };
    ids.zip(sharings).map(member).collect()
}

/// From these members to nodes `next`, who keep the encryption key that they have.
fn terms(members: &[Member], next: &[u8]) -> Terms {
    let key = |id: u8| {
        let member = members.iter().find(|member| member.id == id);
        member.map_or_else(|| first_encryption(id), |member| member.encryption.clone())
    };
    let keys: Vec<(u8, EncryptionKey)> = next.iter().map(|id| (*id, key(*id))).collect();
    Terms {
        chain: CHAIN,
        epoch: members[0].keyring.epoch(),
        dealers: PublicShares::of_keyring(&members[0].keyring),
        receivers: committee(keys.iter().map(|(id, key)| (*id, key))),
    }
}

fn dealing(terms: &Terms, member: &Member, seed: u8) -> Vec<u8> {
    deal(&[seed; 32], terms, &member.keyring).unwrap()
}

/// The next epoch, from the dealings of these of the members.
fn reshare(members: &[Member], next: &[u8], dealers: &[usize]) -> Vec<Member> {
    let terms = terms(members, next);
    let deal = |dealer: &usize| {
        let bytes = dealing(&terms, &members[*dealer], members[*dealer].id);
        Dealing::decode(&bytes, &terms, NodeIndex(*dealer as u16)).unwrap()
    };
    let dealings: Vec<Dealing> = dealers.iter().map(deal).collect();
    let shares = next_public_shares(&terms, &dealings).unwrap();
    assert_eq!(PublicShares::from_bytes(&shares.to_bytes()).as_ref(), Some(&shares));
    let member = |(place, id): (usize, &u8)| {
        let own = members.iter().position(|member| member.id == *id);
        let old = own.map_or_else(|| first_encryption(*id), |own| members[own].encryption.clone());
        let place = NodeIndex(place as u16);
        assert!(dealings.iter().all(|dealing| dealing.complain(&terms, place, &old).is_none()));
        let keyring = next_keyring(&terms, &dealings, &shares, Some((place, &old))).unwrap();
        assert!(keyring.signs());
        let dealt = own.and_then(|own| dealers.iter().position(|dealer| *dealer == own));
        let encryption = dealt.map_or(old, |at| {
            let next = next_encryption_key(&[*id; 32], &CHAIN, terms.epoch);
            assert_eq!(dealings[at].next_encryption_key(), Some(next.public_key()));
            next
        });
        Member { id: *id, encryption, keyring }
    };
    next.iter().enumerate().map(member).collect()
}

fn certify() -> Statement {
    Statement::Certify { height: Height(3), root: StateRoot(Digest([4; 32])) }
}

type Given = Vec<(NodeIndex, BlsBytes)>;

fn sign(members: &[Member], signers: &[usize]) -> Given {
    let share = |at: &usize| (NodeIndex(*at as u16), members[*at].keyring.sign_share(&certify()));
    signers.iter().map(share).collect()
}

#[test]
fn the_keys_outlive_ten_epochs_of_random_membership() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut members = first(0..4, &mut rng);
    let signature = members[0].keyring.combine(&certify(), &sign(&members, &[0, 1, 2])).unwrap();
    let root_key = members[0].keyring.root_key();
    for (newcomer, epoch) in (4..).zip(1..=10) {
        let mut next: Vec<u8> = members.iter().map(|member| member.id).collect();
        match rng.gen_range(0..4) {
            0 if next.len() < 7 => next.push(newcomer),
            1 if next.len() > 4 => drop(next.remove(rng.gen_range(0..next.len()))),
            2 => *next.choose_mut(&mut rng).unwrap() = newcomer,
            _ => {}
        }
        let mut dealers: Vec<usize> = (0..members.len()).collect();
        dealers.shuffle(&mut rng);
        dealers.truncate(quorum(members.len()));
        members = reshare(&members, &next, &dealers);
        let n = members.len();
        let keyring = &members[rng.gen_range(0..n)].keyring;
        assert_eq!((keyring.epoch(), keyring.nodes(), keyring.root_key()), (Epoch(epoch), n, root_key));
        let mut signers: Vec<usize> = (0..n).collect();
        signers.shuffle(&mut rng);
        signers.truncate(quorum(n));
        assert_eq!(keyring.combine(&certify(), &sign(&members, &signers)), Ok(signature));
        assert!(keyring.combine(&certify(), &sign(&members, &signers[1..])).is_err());
        let read = Keyring::from_bytes(&keyring.to_bytes(), CHAIN).unwrap();
        assert_eq!((read.epoch(), read.own()), (keyring.epoch(), keyring.own()));
        assert_eq!(read.sign_share(&certify()), keyring.sign_share(&certify()));
    }
}

/// All sets of `size` out of 0..n.
fn sets(n: usize, size: usize) -> Vec<Vec<usize>> {
    let bits = (0..1usize << n).filter(|bits| bits.count_ones() as usize == size);
    bits.map(|bits| (0..n).filter(|at| bits >> at & 1 == 1).collect()).collect()
}

#[test]
fn no_mix_of_old_and_new_shares_combines() {
    let mut rng = StdRng::seed_from_u64(2);
    let old = first(0..4, &mut rng);
    let new = reshare(&old, &[0, 1, 2, 3], &[3, 0, 2]);
    let message = b"anything";
    for kind in [Kind::Quorum, Kind::Beacon] {
        let sharing = |member: &Member| member.keyring.sharings().unwrap()[kind as usize].sign(message);
        let combine = |members: &[Member], shares: &Given| {
            members[0].keyring.sharings().unwrap()[kind as usize].combine(message, shares)
        };
        let size = kind.threshold(4);
        for set in sets(4, size) {
            for mix in 0..1usize << size {
                let pick = |(bit, at): (usize, &usize)| {
                    let members = if mix >> bit & 1 == 1 { &new } else { &old };
                    (NodeIndex(*at as u16), sharing(&members[*at]))
                };
                let shares: Given = set.iter().enumerate().map(pick).collect();
                let pure = mix == 0 || mix == (1 << size) - 1;
                assert_eq!(combine(&old, &shares).is_some(), pure, "{set:?} {mix:b}");
                assert_eq!(combine(&new, &shares), combine(&old, &shares));
            }
        }
    }
}

#[test]
fn shares_and_statements_of_another_epoch_count_nowhere() {
    let mut rng = StdRng::seed_from_u64(3);
    let old = first(0..4, &mut rng);
    let new = reshare(&old, &[0, 1, 2, 3], &[0, 1, 2]);
    let simulated = |epoch| simulated::keyring(CHAIN, Epoch(epoch), 4, Some(NodeIndex(1)), 0);
    for (old, new) in [(old[1].keyring.clone(), new[1].keyring.clone()), (simulated(0), simulated(1))] {
        for (keyring, other) in [(&old, &new), (&new, &old)] {
            let view = keyring.epoch().first_view();
            for statement in [
                Statement::Notarize { view, block: CHAIN },
                Statement::Nullify { view },
                Statement::Finalize { view, block: CHAIN },
                Statement::Beacon { view },
            ] {
                let share = keyring.sign_share(&statement);
                assert!(keyring.verify_share(&statement, NodeIndex(1), &share));
                assert!(!other.verify_share(&statement, NodeIndex(1), &share));
                assert_eq!(other.sign_share(&statement), BlsBytes([0; 48]));
                assert!(other.combine(&statement, &[(NodeIndex(1), share)]).is_err());
            }
        }
        let share = old.sign_share(&certify());
        assert!(old.verify_share(&certify(), NodeIndex(1), &share));
        assert!(!new.verify_share(&certify(), NodeIndex(1), &share));
        assert_eq!(old.root_key(), new.root_key());
    }
}

#[test]
fn a_signature_of_one_kind_is_none_of_another() {
    let members = first(0..4, &mut StdRng::seed_from_u64(4));
    let (view, block) = (View(5), Digest([5; 32]));
    let statements = [
        Statement::Notarize { view, block },
        Statement::Nullify { view },
        Statement::Finalize { view, block },
        Statement::Beacon { view },
        Statement::Certify { height: Height(5), root: StateRoot(block) },
    ];
    for (at, signed) in statements.iter().enumerate() {
        let share = |own: usize| (NodeIndex(own as u16), members[own].keyring.sign_share(signed));
        let signature = members[0].keyring.combine(signed, &[share(0), share(1), share(2)]).unwrap();
        for (other, claimed) in statements.iter().enumerate() {
            assert_eq!(members[3].keyring.verify(claimed, &signature), at == other, "{signed:?} {claimed:?}");
            assert_eq!(
                members[3].keyring.verify_share(claimed, NodeIndex(0), &share(0).1),
                at == other,
                "{signed:?} {claimed:?}"
            );
        }
    }
}

/// Signs a dealing whose body was changed as its dealer would.
fn resign(terms: &Terms, member: &Member, bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() - 96);
    let body = bytes.clone();
    for (kind, sharing) in [Kind::Quorum, Kind::Beacon].into_iter().zip(member.keyring.sharings().unwrap()) {
        let claim = terms.claim(kind, member.keyring.own(), &body);
        bytes.extend(bls::sign(sharing.secret().unwrap(), &claim).0);
    }
}

/// Where the encrypted shares of the quorum sharing begin, for 4 nodes.
const CIPHERTEXTS: usize = 2 + 3 * 96;

/// A point of the curve that is not of the subgroup.
fn low_order(rng: &mut StdRng) -> [u8; 96] {
    loop {
        let mut bytes = [0; 96];
        rng.fill(&mut bytes[1..]);
        bytes[0] = 0x80;
        let point: Option<G2Affine> = Option::from(G2Affine::from_compressed_unchecked(&bytes));
        if point.is_some_and(|point| bool::from(point.is_on_curve()) && !bool::from(point.is_torsion_free()))
        {
            return bytes;
        }
    }
}

type Spoil<'a> = &'a dyn Fn(&mut Vec<u8>, &mut StdRng);

#[test]
fn a_false_dealing_of_any_class_is_refused_before_use() {
    check_classes(0..10);
}

#[test]
#[ignore = "minutes: `make sim-soak` runs it"]
fn a_thousand_false_dealings_of_each_class_are_refused_before_use() {
    check_classes(10..1_010);
}

fn check_classes(seeds: std::ops::Range<u64>) {
    let members = first(0..4, &mut StdRng::seed_from_u64(5));
    let right = terms(&members, &[0, 1, 2, 3]);
    let (me, place) = (&members[2], NodeIndex(2));
    let identity = [&[0xc0][..], &[0; 95]].concat();
    let put = |bytes: &mut Vec<u8>, at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    let other_epoch = Terms { epoch: Epoch(1), ..right.clone() };
    let other_chain = Terms { chain: Digest::ZERO, ..right.clone() };
    let other_receivers = terms(&members, &[0, 1, 2, 4]);
    let seven = terms(&members, &[0, 1, 2, 3, 4, 5, 6]);
    let seed = |rng: &mut StdRng| rng.r#gen::<u8>();
    let classes: [(&str, ReshareError, Spoil<'_>); 14] = [
        ("degree raised", ReshareError::Degree { found: 4, expected: 2 }, &|bytes, rng| {
            *bytes = dealing(&seven, me, seed(rng));
        }),
        ("degree claimed", ReshareError::Degree { found: 1, expected: 2 }, &|bytes, _| bytes[1] = 2),
        ("constant term", ReshareError::Constant, &|bytes, rng| {
            *bytes = dealing(&right, &members[3], seed(rng));
        }),
        ("constant term of a fresh key", ReshareError::Constant, &|bytes, rng| {
            let fresh = SecretKey::key_gen(&rng.r#gen::<[u8; 32]>(), &[]).unwrap();
            put(bytes, 2, &fresh.sk_to_pk().to_bytes());
            resign(&right, me, bytes);
        }),
        ("proof", ReshareError::Proof, &|bytes, rng| {
            let at = bytes.len() - 1 - rng.gen_range(0..90);
            bytes[at] ^= 1 << rng.gen_range(0..8);
        }),
        ("a byte of a ciphertext on the way", ReshareError::Proof, &|bytes, rng| {
            bytes[CIPHERTEXTS + rng.gen_range(0..4 * cipher::BYTES)] ^= 1 << rng.gen_range(0..8);
        }),
        ("identity", ReshareError::Point, &|bytes, rng| {
            put(bytes, 2 + 96 * rng.gen_range(0..3), &identity);
            resign(&right, me, bytes);
        }),
        ("non-subgroup", ReshareError::Point, &|bytes, rng| {
            put(bytes, 2 + 96 * rng.gen_range(1..3), &low_order(rng));
            resign(&right, me, bytes);
        }),
        ("other epoch", ReshareError::Proof, &|bytes, rng| *bytes = dealing(&other_epoch, me, seed(rng))),
        ("other receivers", ReshareError::Proof, &|bytes, rng| {
            *bytes = dealing(&other_receivers, me, seed(rng));
        }),
        ("other subnet", ReshareError::Proof, &|bytes, rng| *bytes = dealing(&other_chain, me, seed(rng))),
        ("cut short", ReshareError::Size, &|bytes, rng| {
            bytes.truncate(2 + rng.gen_range(0..bytes.len() - 2))
        }),
        ("too long", ReshareError::Size, &|bytes, _| bytes.push(0)),
        ("empty", ReshareError::Size, &|bytes, _| bytes.clear()),
    ];
    for seed in seeds {
        let good = dealing(&right, me, seed as u8);
        assert_eq!(Dealing::decode(&good, &right, place).err(), None);
        for (class, expected, spoil) in &classes {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut bytes = good.clone();
            spoil(&mut bytes, &mut rng);
            let found = Dealing::decode(&bytes, &right, place).err();
            let cut = *class == "cut short" && found.is_some();
            assert!(cut || found == Some(*expected), "{class}, seed {seed}: {found:?}");
        }
    }
    assert_eq!(Dealing::decode(&[], &right, NodeIndex(4)).err(), Some(ReshareError::Dealer));
}

#[test]
fn dealings_of_one_dealer_twice_or_of_too_few_make_no_keys() {
    let members = first(0..4, &mut StdRng::seed_from_u64(6));
    let terms = terms(&members, &[0, 1, 2, 3]);
    let decode = |dealer: usize, seed: u8| {
        let bytes = dealing(&terms, &members[dealer], seed);
        Dealing::decode(&bytes, &terms, NodeIndex(dealer as u16)).unwrap()
    };
    let check = |dealings: &[Dealing], expected: ReshareError| {
        assert_eq!(next_public_shares(&terms, dealings).err(), Some(expected));
        let shares = PublicShares::of_keyring(&members[0].keyring);
        assert_eq!(next_keyring(&terms, dealings, &shares, None).err(), Some(expected));
    };
    check(&[decode(0, 1), decode(1, 1), decode(0, 2)], ReshareError::Twice);
    check(&[decode(0, 1), decode(1, 1)], ReshareError::TooFew { have: 2, need: 3 });
    let good = [decode(0, 1), decode(1, 1), decode(2, 1)];
    let other = first(0..4, &mut StdRng::seed_from_u64(7));
    let shares = PublicShares::of_keyring(&other[0].keyring);
    assert_eq!(next_keyring(&terms, &good, &shares, None).err(), Some(ReshareError::Degenerate));
}

/// Node 1's complaint about a dealing of node 2 that was spoilt by its dealer.
fn check_complaint(spoil: impl FnOnce(&mut Vec<u8>, &Terms)) {
    let members = first(0..4, &mut StdRng::seed_from_u64(8));
    let terms = terms(&members, &[0, 1, 2, 3]);
    let mut bytes = dealing(&terms, &members[2], 9);
    spoil(&mut bytes, &terms);
    resign(&terms, &members[2], &mut bytes);
    let bad = Dealing::decode(&bytes, &terms, NodeIndex(2)).unwrap();
    let complaint = bad.complain(&terms, NodeIndex(1), &members[1].encryption).unwrap();
    let read = Complaint::from_bytes(&complaint.to_bytes()).unwrap();
    assert!(bad.is_convicted_by(&terms, NodeIndex(1), &read));
    assert!(bad.complain(&terms, NodeIndex(0), &members[0].encryption).is_none());
    let shares = next_public_shares(&terms, &dealings_with(&terms, &members, bad.clone())).unwrap();
    let own = Some((NodeIndex(1), &members[1].encryption));
    let blind = next_keyring(&terms, &dealings_with(&terms, &members, bad), &shares, own).unwrap();
    assert!(!blind.signs(), "a bad share is never signed with");
    assert_eq!(blind.sign_share(&certify()), BlsBytes([0; 48]));
    assert_eq!(blind.root_key(), members[0].keyring.root_key());
}

fn dealings_with(terms: &Terms, members: &[Member], bad: Dealing) -> Vec<Dealing> {
    let decode = |dealer: usize| {
        Dealing::decode(&dealing(terms, &members[dealer], 1), terms, NodeIndex(dealer as u16)).unwrap()
    };
    vec![decode(0), decode(1), bad]
}

/// Where node 1's ciphertext of the quorum sharing is.
const VICTIM: Range<usize> = CIPHERTEXTS + cipher::BYTES..CIPHERTEXTS + 2 * cipher::BYTES;

#[test]
fn a_bad_share_is_proved_to_everybody_by_the_one_who_got_it() {
    check_complaint(|bytes, _| bytes[VICTIM.start + 60] ^= 1);
    check_complaint(|bytes, _| bytes[VICTIM][..48].fill(0xff));
    check_complaint(|bytes, _| bytes.copy_within(CIPHERTEXTS..VICTIM.start, VICTIM.start));
    check_complaint(|bytes, terms| {
        // A share of another polynomial, encrypted as it should be.
        let members = first(0..4, &mut StdRng::seed_from_u64(8));
        let other = dealing(terms, &members[2], 10);
        bytes[VICTIM].copy_from_slice(&other[VICTIM]);
    });
}

#[test]
fn a_false_complaint_convicts_nobody() {
    let members = first(0..4, &mut StdRng::seed_from_u64(8));
    let terms = terms(&members, &[0, 1, 2, 3]);
    let good = Dealing::decode(&dealing(&terms, &members[2], 9), &terms, NodeIndex(2)).unwrap();
    let key = &members[1].encryption;
    assert!(good.complain(&terms, NodeIndex(1), key).is_none());
    let Content::Bls { shared, .. } = &good.content else { panic!() };
    for (kind, shared) in [Kind::Quorum, Kind::Beacon].into_iter().zip(shared.iter()) {
        let label = terms.label(kind, NodeIndex(2));
        let right = shared.reveal(&label, NodeIndex(1), key);
        let wrong = shared.reveal(&label, NodeIndex(1), &members[0].encryption);
        for point in [right, wrong, [0; 48], [0xff; 48]] {
            let complaint = Complaint { kind, point };
            assert!(!good.is_convicted_by(&terms, NodeIndex(1), &complaint));
            assert!(!good.is_convicted_by(&terms, NodeIndex(9), &complaint));
        }
    }
    assert!(Complaint::from_bytes(&[2; COMPLAINT_BYTES]).is_none());
    assert!(Complaint::from_bytes(&[0; COMPLAINT_BYTES - 1]).is_none());
}

#[test]
fn nobody_is_made_to_open_a_share_that_another_dealt() {
    let members = first(0..4, &mut StdRng::seed_from_u64(8));
    let terms = terms(&members, &[0, 1, 2, 3]);
    let honest = dealing(&terms, &members[3], 3);
    let mut copy = dealing(&terms, &members[2], 9);
    copy[VICTIM].copy_from_slice(&honest[VICTIM]);
    resign(&terms, &members[2], &mut copy);
    let copy = Dealing::decode(&copy, &terms, NodeIndex(2)).unwrap();
    // Whatever point node 1 shows, the dealer is convicted: an empty one tells nothing.
    let nothing = Complaint { kind: Kind::Quorum, point: [0; 48] };
    assert!(copy.is_convicted_by(&terms, NodeIndex(1), &nothing));
    let complaint = copy.complain(&terms, NodeIndex(1), &members[1].encryption).unwrap();
    assert_eq!(complaint.point, [0; 48], "and nothing is what node 1 shows");
}

#[test]
fn simulated_dealings_follow_the_same_rules() {
    let (_, committee) = crate::crypto::node_key::simulated(CHAIN, 4);
    let keyrings = Keyring::simulated(CHAIN, 4);
    let dealers = PublicShares::of_keyring(&keyrings[0]);
    let terms = Terms { chain: CHAIN, epoch: Epoch::ZERO, dealers, receivers: committee };
    let bad = simulated::deal(&terms, NodeIndex(2), &[NodeIndex(1)]);
    let good = |dealer: usize| deal(&[0; 32], &terms, &keyrings[dealer]).unwrap();
    let decode = |bytes: &[u8], dealer: u16| Dealing::decode(bytes, &terms, NodeIndex(dealer));
    assert_eq!(decode(&good(1), 2).err(), Some(ReshareError::Proof));
    assert_eq!(decode(&[], 2).err(), Some(ReshareError::Size));
    assert_eq!(decode(&good(1), 4).err(), Some(ReshareError::Dealer));
    let other = Terms { epoch: Epoch(1), ..terms.clone() };
    assert_eq!(Dealing::decode(&good(1), &other, NodeIndex(1)).err(), Some(ReshareError::Proof));
    let key = first_encryption(1);
    let bad = decode(&bad, 2).unwrap();
    let complaint = bad.complain(&terms, NodeIndex(1), &key).unwrap();
    assert!(bad.is_convicted_by(&terms, NodeIndex(1), &complaint));
    assert!(!bad.is_convicted_by(&terms, NodeIndex(0), &complaint));
    let dealings = [decode(&good(0), 0).unwrap(), decode(&good(1), 1).unwrap(), bad];
    let shares = next_public_shares(&terms, &dealings).unwrap();
    assert_eq!(PublicShares::from_bytes(&shares.to_bytes()).as_ref(), Some(&shares));
    let next = |own| next_keyring(&terms, &dealings, &shares, Some((NodeIndex(own), &key))).unwrap();
    let statement = Statement::Nullify { view: Epoch(1).first_view() };
    let given: Given = [0, 2, 3].map(|own| (NodeIndex(own), next(own).sign_share(&statement))).to_vec();
    assert!(keyrings[0].verify(&statement, &next(0).combine(&statement, &given).unwrap()));
    assert!(!next(1).signs());
    assert_eq!(next(0).combine(&statement, &given[1..]), Err(CombineError::TooFew { have: 2, need: 3 }));
}
