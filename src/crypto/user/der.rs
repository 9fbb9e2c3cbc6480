//! Keys that DER only wraps: WebAuthn's COSE keys and canister signatures' keys (interface spec,
//! "Web Authentication", "Canister signatures").

/// The algorithm 1.3.6.1.4.1.56387.1.N without parameters, up to N.
const ALGORITHM: [u8; 13] = [0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01];
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// A key in its wrapping, unread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapped<'a> {
    /// The COSE form of an authenticator's key.
    Cose(&'a [u8]),
    /// The length of a canister's id, the id, and a seed.
    Canister(&'a [u8]),
}

/// Unwraps a SubjectPublicKeyInfo with one of the two algorithms; `None` for every other key, and for
/// every wrapping that is not the one DER form.
pub fn unwrap_key(der: &[u8]) -> Option<Wrapped<'_>> {
    let (info, []) = element(der, SEQUENCE)? else { return None };
    let (kind, rest) = info.strip_prefix(&ALGORITHM)?.split_first()?;
    let (bits, []) = element(rest, BIT_STRING)? else { return None };
    // The first byte counts unused bits.
    let (0, key) = bits.split_first()? else { return None };
    match kind {
        1 => Some(Wrapped::Cose(key)),
        2 => Some(Wrapped::Canister(key)),
        _ => None,
    }
}

/// Whether the key of a canister's signatures can stand anywhere in `bytes`.
pub fn may_hold_canister_key(bytes: &[u8]) -> bool {
    bytes.windows(ALGORITHM.len() + 1).any(|part| part.strip_prefix(&ALGORITHM) == Some(&[2]))
}

/// The content of the element with this tag at the front, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (length, rest) = length(rest)?;
    if *found != tag { None } else { rest.split_at_checked(length) }
}

/// A length of up to four bytes in its shortest form.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let width = match first {
        0..0x80 => return Some((usize::from(*first), rest)),
        0x80 | 0x85..=0xff => return None,
        0x81..=0x84 => usize::from(first & 0x7f),
    };
    let (digits, rest) = rest.split_at_checked(width)?;
    let length = digits.iter().fold(0u64, |sum, digit| sum << 8 | u64::from(*digit));
    let shortest = length >= 0x80 && digits.first() != Some(&0);
    shortest.then_some((usize::try_from(length).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(der: &str, expected: Option<Wrapped<'_>>) {
        assert_eq!(unwrap_key(&hex::decode(der.replace(' ', "")).unwrap()), expected, "{der}");
    }

    #[test]
    fn a_wrapping_has_one_form() {
        check("3014 300c060a2b0601040183b8430101 03040061 6263", Some(Wrapped::Cose(b"abc")));
        check("3014 300c060a2b0601040183b8430102 03040061 6263", Some(Wrapped::Canister(b"abc")));
        check("3011 300c060a2b0601040183b8430102 030100", Some(Wrapped::Canister(b"")));
        // Another algorithm, a parameter, unused bits, long lengths, bytes behind or missing.
        check("3014 300c060a2b0601040183b8430103 03040061 6263", None);
        check("3016 300e060a2b0601040183b84301020500 03040061 6263", None);
        check("3014 300c060a2b0601040183b8430101 03040161 6263", None);
        check("308114 300c060a2b0601040183b8430101 03040061 6263", None);
        check("3014 300c060a2b0601040183b8430101 03040061 626300", None);
        check("3014 300c060a2b0601040183b8430101 03040061 62", None);
        check("3014 300c060a2b0601040183b8430101 03030061 6263", None);
        check("3080 300c060a2b0601040183b8430101 03040061 62630000", None);
        check("3010 300c060a2b0601040183b8430101 0300", None);
        check("", None);
    }

    #[test]
    fn long_lengths_are_read() {
        for size in [0x7f - 3, 0x80, 0xff, 0x100, 70_000usize] {
            let key = vec![7; size];
            let der = crate::crypto::user::tests::wrap(1, &key);
            assert_eq!(unwrap_key(&der), Some(Wrapped::Cose(&key)), "{size} bytes");
        }
    }
}
