use super::*;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use k256::ecdsa::signature::Signer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::LazyLock;

/// A key as authenticators hold it.
pub(crate) static RSA: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

/// Modulus and exponent of a key of 2,048 bits.
pub(crate) fn rsa_parts(key: &KeyPair) -> (Vec<u8>, Vec<u8>) {
    // A sequence of two integers, the first with a leading zero.
    let der = key.public_key().as_ref();
    assert_eq!((&der[..9], &der[265..267]), (&[0x30, 0x82, 1, 0x0a, 2, 0x82, 1, 1, 0][..], &[2, 3][..]));
    (der[9..265].to_vec(), der[267..].to_vec())
}

pub(crate) fn rsa_sign(message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; RSA.public_modulus_len()];
    RSA.sign(&RSA_PKCS1_SHA256, &aws_lc_rs::rand::SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// A key wrapped under the algorithm 1.3.6.1.4.1.56387.1.`kind`.
pub(crate) fn wrap(kind: u8, key: &[u8]) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| {
        let length = content.len() as u32;
        let head = match length {
            0..0x80 => vec![length as u8],
            0x80..0x100 => vec![0x81, length as u8],
            0x100..0x1_0000 => [&[0x82], &length.to_be_bytes()[2..]].concat(),
            _ => [&[0x83], &length.to_be_bytes()[1..]].concat(),
        };
        [&[tag], head.as_slice(), content].concat()
    };
    let algorithm = [0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01, kind];
    element(0x30, &[&algorithm[..], &element(3, &[&[0], key].concat())].concat())
}

/// DER key and a signature on `message`, for each scheme.
fn signers(message: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let secp256k1 = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let ed25519_signature = ed25519_dalek::Signer::sign(&ed25519, message).to_bytes().to_vec();
    let secp256k1_signature: k256::ecdsa::Signature = secp256k1.sign(message);
    let p256_signature: p256::ecdsa::Signature = p256.sign(message);
    let secp256k1_point = secp256k1.verifying_key().to_encoded_point(false);
    let p256_point = p256.verifying_key().to_encoded_point(false);
    vec![
        (ed25519_der(&ed25519.verifying_key().to_bytes()).to_vec(), ed25519_signature),
        (
            [&SECP256K1_PREFIX[..], secp256k1_point.as_bytes()].concat(),
            secp256k1_signature.to_bytes().to_vec(),
        ),
        ([&P256_PREFIX[..], p256_point.as_bytes()].concat(), p256_signature.to_bytes().to_vec()),
    ]
}

fn check(der: &[u8], message: &[u8], signature: &[u8], expected: Result<(), SignatureError>) {
    assert_eq!(PublicKey::from_der(der).and_then(|key| key.verify(message, signature)), expected);
}

#[test]
fn a_signature_holds_for_its_key_and_message_only() {
    let all = signers(b"message");
    for (der, signature) in &all {
        check(der, b"message", signature, Ok(()));
        check(der, b"messagf", signature, Err(SignatureError::Invalid));
        check(der, b"message", &signature[..63], Err(SignatureError::Length(63)));
        check(der, b"message", &[&signature[..], b"x"].concat(), Err(SignatureError::Length(65)));
        check(der, b"message", &[0xff; 64], Err(SignatureError::Invalid));
        check(der, b"message", &[0; 64], Err(SignatureError::Invalid));
    }
    for (der, _) in &all {
        let others = all.iter().filter(|(other, _)| other != der);
        others.for_each(|(_, signature)| check(der, b"message", signature, Err(SignatureError::Invalid)));
    }
}

#[test]
fn a_key_has_one_der_form() {
    for (der, signature) in signers(b"m") {
        for index in 0..der.len().min(26) {
            let mut spoilt = der.clone();
            spoilt[index] ^= 0x40;
            assert!(
                PublicKey::from_der(&spoilt).and_then(|key| key.verify(b"m", &signature)).is_err(),
                "byte {index}"
            );
        }
        check(&der[..der.len() - 1], b"m", &signature, Err(SignatureError::UnknownKey));
        check(&[&der[..], b"\0"].concat(), b"m", &signature, Err(SignatureError::UnknownKey));
    }
    check(b"", b"m", b"", Err(SignatureError::UnknownKey));
}

#[test]
fn a_point_off_its_curve_is_refused_by_name() {
    let off = [&[4][..], &[1; 64]].concat();
    check(&[&SECP256K1_PREFIX[..], &off].concat(), b"", b"", Err(SignatureError::InvalidKey("secp256k1")));
    check(&[&P256_PREFIX[..], &off].concat(), b"", b"", Err(SignatureError::InvalidKey("P-256")));
    check(&ed25519_der(&[2; 32]), b"", b"", Err(SignatureError::InvalidKey("Ed25519")));
}

#[test]
fn either_s_of_an_ecdsa_signature_is_taken() {
    let all = signers(b"message");
    let (der, signature) = &all[1];
    let low = k256::ecdsa::Signature::from_slice(signature).unwrap();
    let high = k256::ecdsa::Signature::from_scalars(*low.r(), -*low.s()).unwrap();
    assert!(high.normalize_s().is_some());
    check(der, b"message", &high.to_bytes(), Ok(()));
    let (der, signature) = &all[2];
    let low = p256::ecdsa::Signature::from_slice(signature).unwrap();
    let high = p256::ecdsa::Signature::from_scalars(*low.r(), -*low.s()).unwrap();
    check(der, b"message", &high.to_bytes(), Ok(()));
}

fn verify_together(items: &[(Vec<u8>, Vec<u8>)], messages: &[&[u8]]) -> Vec<Result<(), SignatureError>> {
    let keys: Vec<PublicKey> = items.iter().map(|(der, _)| PublicKey::from_der(der).unwrap()).collect();
    let batch = keys.iter().zip(items).zip(messages);
    let batch: Vec<_> =
        batch.map(|((key, (_, signature)), message)| Signed { key, message, signature }).collect();
    verify_batch(&batch, &mut StdRng::seed_from_u64(1))
}

#[test]
fn a_batch_answers_for_each_signature_as_alone() {
    let mut items = [signers(b"a"), signers(b"b")].concat();
    let messages: [&[u8]; 6] = [b"a", b"a", b"a", b"b", b"b", b"b"];
    assert_eq!(verify_together(&items, &messages), vec![Ok(()); 6]);
    items[3].1[0] ^= 1;
    items[4].1.pop();
    let mut expected = vec![Ok(()); 6];
    expected[3] = Err(SignatureError::Invalid);
    expected[4] = Err(SignatureError::Length(63));
    assert_eq!(verify_together(&items, &messages), expected);
    assert_eq!(verify_together(&[], &[]), vec![]);
}

/// A signature whose key is the point of order two: RFC 8032's check and ZIP 215's differ about it.
#[test]
fn torsion_is_judged_alike_alone_and_in_a_batch() {
    let mut order_two = [0xff; 32];
    order_two[0] = 0xec;
    order_two[31] = 0x7f;
    let identity = [&[1][..], &[0; 31]].concat();
    let signature = [&identity[..], &[0; 32]].concat();
    let der = ed25519_der(&order_two).to_vec();
    for message in [b"a", b"b", b"c", b"d"] {
        let alone = PublicKey::from_der(&der).unwrap().verify(message, &signature);
        assert_eq!(alone, Ok(()));
        assert_eq!(verify_together(&[(der.clone(), signature.clone())], &[message]), vec![alone]);
    }
}

#[test]
fn a_root_key_has_the_der_form_of_the_interface_spec() {
    let der = root_key_der(&[9; 96]);
    assert_eq!(der.len(), 133);
    assert_eq!(root_key_from_der(&der), Some([9; 96]));
    assert_eq!(root_key_from_der(&der[..132]), None);
    let prefix = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";
    assert_eq!(hex::encode(&der[..37]), prefix);
}

fn check_assertion(key: &PublicKey, signature: &[u8], expected: Result<(), SignatureError>) {
    assert_eq!(key.verify_assertion(b"message", signature), expected);
}

#[test]
fn authenticators_signatures_hold_in_their_own_forms() {
    let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let signature: p256::ecdsa::Signature = p256.sign(b"message");
    let key = PublicKey::from_p256(p256.verifying_key().to_encoded_point(false).as_bytes()).unwrap();
    check_assertion(&key, signature.to_der().as_bytes(), Ok(()));
    check_assertion(&key, &signature.to_bytes(), Err(SignatureError::NotDer));
    check_assertion(&key, &[], Err(SignatureError::NotDer));
    let other: p256::ecdsa::Signature = p256.sign(b"another");
    check_assertion(&key, other.to_der().as_bytes(), Err(SignatureError::Invalid));

    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let key = PublicKey::from_ed25519(&ed25519.verifying_key().to_bytes()).unwrap();
    check_assertion(&key, &ed25519_dalek::Signer::sign(&ed25519, b"message").to_bytes(), Ok(()));
    check_assertion(&key, &[0; 63], Err(SignatureError::Length(63)));

    let (modulus, exponent) = rsa_parts(&RSA);
    let key = PublicKey::from_rsa(&modulus, &exponent).unwrap();
    check_assertion(&key, &rsa_sign(b"message"), Ok(()));
    check_assertion(&key, &rsa_sign(b"another"), Err(SignatureError::Invalid));
    check_assertion(&key, &rsa_sign(b"message")[1..], Err(SignatureError::Invalid));
    check_assertion(&key, &[], Err(SignatureError::Invalid));
}

#[test]
fn rsa_keys_of_other_sizes_are_refused() {
    let (modulus, exponent) = rsa_parts(&RSA);
    let check = |modulus: &[u8], exponent: &[u8]| {
        assert_eq!(PublicKey::from_rsa(modulus, exponent).err(), Some(SignatureError::InvalidRsaKey));
    };
    check(&modulus[..255], &exponent);
    check(&[1; 1_025], &exponent);
    check(&[&[0][..], &modulus].concat(), &exponent);
    check(&modulus, &[]);
    check(&modulus, &[0, 1]);
    check(&modulus, &[1; 6]);
    check(&[], &exponent);
}

/// Numbers that make no RSA key, of the right sizes: they are met by an answer, never by a panic.
#[test]
fn nonsense_of_the_right_size_verifies_nothing() {
    for (first, last, exponent) in [(0x80, 0, 3), (0xff, 0xff, 1), (0x80, 1, 2), (1, 1, 3), (0xff, 0xfe, 4)] {
        let modulus = [&[first][..], &[0; 254], &[last]].concat();
        let key = PublicKey::from_rsa(&modulus, &[exponent]).unwrap();
        for signature in [vec![0; 256], vec![1; 256], vec![0xff; 256], rsa_sign(b"message")] {
            check_assertion(&key, &signature, Err(SignatureError::Invalid));
        }
    }
}
