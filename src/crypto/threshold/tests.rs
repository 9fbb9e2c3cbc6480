use super::*;

const CHAIN: Digest = Digest([7; 32]);

fn dealt(n: usize) -> Vec<Keyring> {
    Keyring::dealt(CHAIN, n)
}

fn shares(keyrings: &[Keyring], statement: &Statement, nodes: &[usize]) -> Vec<(NodeIndex, SignatureShare)> {
    nodes.iter().map(|node| (NodeIndex(*node as u16), keyrings[*node].sign_share(statement))).collect()
}

fn certify() -> Statement {
    Statement::Certify { height: Height(3), root: StateRoot(Digest([4; 32])) }
}

/// What every scheme must do.
fn check(keyrings: &[Keyring]) {
    let n = keyrings.len();
    for statement in [certify(), Statement::Beacon { view: View(1) }] {
        let need = keyrings[0].threshold(&statement);
        let first: Vec<usize> = (0..need).collect();
        let last: Vec<usize> = (n - need..n).rev().collect();
        let signature = keyrings[0].combine(&statement, &shares(keyrings, &statement, &first)).unwrap();
        assert_eq!(keyrings[n - 1].combine(&statement, &shares(keyrings, &statement, &last)), Ok(signature));
        assert!(keyrings[n - 1].verify(&statement, &signature));
        assert!(!keyrings[0].verify(&Statement::Nullify { view: View(1) }, &signature));
        let too_few = shares(keyrings, &statement, &first[1..]);
        assert_eq!(
            keyrings[0].combine(&statement, &too_few),
            Err(CombineError::TooFew { have: need - 1, need })
        );
        assert!(!too_few.iter().any(|(_, share)| keyrings[0].verify(&statement, share)));
    }
    names_culprits(keyrings);
    combines_two_at_once(keyrings);
}

fn combines_two_at_once(keyrings: &[Keyring]) {
    let all: Vec<usize> = (0..keyrings.len()).collect();
    let (one, other) = (Statement::Nullify { view: View(7) }, Statement::Beacon { view: View(7) });
    let given = |statement: &Statement| shares(keyrings, statement, &all);
    let both = |ones: &[_], others: &[_]| keyrings[0].combine_both((&one, ones), (&other, others));
    let (ones, others) = (given(&one), given(&other));
    let apart = (keyrings[0].combine(&one, &ones).unwrap(), keyrings[0].combine(&other, &others).unwrap());
    assert_eq!(both(&ones, &others), Some(apart));
    let spoilt = |shares: &[(NodeIndex, SignatureShare)]| {
        let mut spoilt = shares.to_vec();
        spoilt[0].1 = keyrings[0].sign_share(&certify());
        spoilt
    };
    assert_eq!(both(&spoilt(&ones), &others), None);
    assert_eq!(both(&ones, &spoilt(&others)), None);
    assert_eq!(both(&ones[1..keyrings[0].threshold(&one)], &others), None, "too few");
    assert_eq!(keyrings[0].combine_both((&other, &ones), (&one, &others)), None, "the wrong way round");
}

fn names_culprits(keyrings: &[Keyring]) {
    let statement = certify();
    let all: Vec<usize> = (0..keyrings.len()).collect();
    let other = Statement::Nullify { view: View(9) };
    let spoil = |node: usize, share: SignatureShare| {
        let mut given = shares(keyrings, &statement, &all);
        given[node].1 = share;
        keyrings[0].combine(&statement, &given)
    };
    let one = Err(CombineError::Invalid(vec![NodeIndex(1)]));
    assert_eq!(spoil(1, keyrings[1].sign_share(&other)), one, "over another statement");
    assert_eq!(spoil(1, keyrings[2].sign_share(&statement)), one, "another node's share");
    assert_eq!(spoil(1, BlsBytes([0xff; 48])), one, "no point");
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    assert_eq!(spoil(1, BlsBytes(identity)), one, "the identity");
    let twice = [shares(keyrings, &statement, &all), shares(keyrings, &statement, &[1])].concat();
    assert_eq!(keyrings[0].combine(&statement, &twice), one, "named twice");
    let stranger = NodeIndex(keyrings.len() as u16);
    let strange =
        [shares(keyrings, &statement, &all), vec![(stranger, keyrings[0].sign_share(&statement))]].concat();
    assert_eq!(keyrings[0].combine(&statement, &strange), Err(CombineError::Invalid(vec![stranger])));
    assert!(!keyrings[0].verify_share(&statement, stranger, &keyrings[0].sign_share(&statement)));
}

#[test]
fn shares_of_any_quorum_make_one_signature_and_bad_ones_are_named() {
    check(&dealt(4));
    for n in [1, 2, 3, 4, 7, 40] {
        let keyrings = Keyring::simulated(CHAIN, n);
        if n > 2 {
            check(&keyrings);
        }
        assert_eq!(keyrings[0].threshold(&certify()), quorum(n));
        assert_eq!(keyrings[0].threshold(&Statement::Beacon { view: View(1) }), faults_max(n) + 1);
    }
}

#[test]
fn statements_are_encoded_as_the_golden_bytes() {
    let (view, block) = (View(0x0102), Digest([0xbb; 32]));
    let chain = Digest([0xcc; 32]);
    let (cc, bb) = ("cc".repeat(32), "bb".repeat(32));
    let golden = [
        (
            Statement::Notarize { view, block },
            format!("0e61746f6c6c2d6e6f746172697a65{cc}0000000000000102{bb}"),
        ),
        (Statement::Nullify { view }, format!("0d61746f6c6c2d6e756c6c696679{cc}0000000000000102")),
        (
            Statement::Finalize { view, block },
            format!("0e61746f6c6c2d66696e616c697a65{cc}0000000000000102{bb}"),
        ),
        (Statement::Beacon { view }, format!("0c61746f6c6c2d626561636f6e{cc}0000000000000102")),
        (
            Statement::Certify { height: Height(1), root: StateRoot(block) },
            format!("0d69632d73746174652d726f6f74{bb}"),
        ),
    ];
    for (statement, expected) in golden {
        assert_eq!(hex::encode(statement.message(&chain)), expected);
    }
}

#[test]
fn a_certificate_verifies_with_the_internet_computers_own_crate() {
    let keyrings = dealt(4);
    let signature = keyrings[3].combine(&certify(), &shares(&keyrings, &certify(), &[3, 0, 2])).unwrap();
    let message = [&b"\x0Dic-state-root"[..], &[4; 32]].concat();
    let root_key = keyrings[0].root_key();
    assert_eq!(ic_verify_bls_signature::verify_bls_signature(&signature.0, &message, &root_key), Ok(()));
    assert!(crate::crypto::user::verify_bls(&root_key, &message, &signature));
    assert!(!crate::crypto::user::verify_bls(&root_key, &message[1..], &signature));
    assert!(!crate::crypto::user::verify_bls(&[0xff; 96], &message, &signature));
}

#[test]
fn a_keyring_survives_its_file_and_a_damaged_one_is_refused() {
    let keyrings = dealt(4);
    let bytes = keyrings[2].to_bytes();
    let read = Keyring::from_bytes(&bytes, CHAIN).unwrap();
    assert_eq!(read.root_key(), keyrings[2].root_key());
    assert_eq!((read.own(), read.nodes(), read.chain()), (NodeIndex(2), 4, CHAIN));
    assert_eq!(read.sign_share(&certify()), keyrings[2].sign_share(&certify()));
    let refused = |bytes: &[u8], chain| Keyring::from_bytes(bytes, chain).err();
    assert_eq!(refused(&bytes[..bytes.len() - 1], CHAIN), Some(KeyringError::Damaged));
    assert_eq!(refused(&[&bytes[..], &[0]].concat(), CHAIN), Some(KeyringError::Damaged));
    assert_eq!(refused(&[], CHAIN), Some(KeyringError::Damaged));
    assert_eq!(refused(&[9], CHAIN), Some(KeyringError::Format(9)));
    let expected = KeyringError::Chain { found: CHAIN, expected: Digest::ZERO };
    assert_eq!(refused(&bytes, Digest::ZERO), Some(expected));
    for index in [42, 44, 48, 68, 108, 508] {
        let mut spoilt = bytes.to_vec();
        spoilt[index] ^= 1;
        assert_eq!(refused(&spoilt, CHAIN), Some(KeyringError::Damaged), "byte {index}");
    }
    let simulated = Keyring::simulated(CHAIN, 4)[0].to_bytes();
    assert_eq!(refused(&simulated, CHAIN), Some(KeyringError::Damaged));
}

#[test]
fn every_node_leads_and_all_agree_who() {
    let keyrings = Keyring::simulated(CHAIN, 4);
    let mut turns = [0; 4];
    for view in 1..=400 {
        let beacon = BlsBytes([view as u8; 48]);
        let leader = keyrings[0].leader(View(view), Some(&beacon));
        assert_eq!(keyrings[3].leader(View(view), Some(&beacon)), leader);
        turns[usize::from(leader.0)] += 1;
    }
    assert!(turns.iter().all(|count| *count > 60), "{turns:?}");
    assert!(keyrings[0].leader(View(1), None).0 < 4);
}
