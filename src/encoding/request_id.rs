//! The representation-independent hash (interface spec, "Representation-independent hashing of
//! structured data"): names requests, and is what delegations and query responses sign.

use crate::crypto::hash::sha256;
use crate::types::Digest;

/// A value as the spec hashes it.
pub enum Value<'a> {
    Bytes(&'a [u8]),
    Text(&'a str),
    Nat(u64),
    Array(Vec<Value<'a>>),
    Map(Vec<(&'a str, Value<'a>)>),
}

/// Hash of a map, whatever the order of its fields. Absent fields are not listed.
pub fn hash_of_map(fields: &[(&str, Value<'_>)]) -> Digest {
    let mut pairs: Vec<[Digest; 2]> =
        fields.iter().map(|(name, value)| [sha256(name.as_bytes()), hash(value)]).collect();
    pairs.sort_unstable();
    hash_concatenation(pairs.iter().flatten())
}

fn hash(value: &Value<'_>) -> Digest {
    match value {
        Value::Bytes(bytes) => sha256(bytes),
        Value::Text(text) => sha256(text.as_bytes()),
        Value::Nat(number) => sha256(&leb128(*number)),
        Value::Array(items) => hash_concatenation(items.iter().map(hash).collect::<Vec<_>>().iter()),
        Value::Map(fields) => hash_of_map(fields),
    }
}

fn hash_concatenation<'d>(digests: impl Iterator<Item = &'d Digest>) -> Digest {
    sha256(&digests.flat_map(|digest| digest.0).collect::<Vec<u8>>())
}

/// Shortest unsigned LEB128.
fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10);
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_the_interface_specs_example() {
        let fields = [
            ("request_type", Value::Text("call")),
            ("sender", Value::Bytes(&[4])),
            ("ingress_expiry", Value::Nat(1_685_570_400_000_000_000)),
            ("canister_id", Value::Bytes(&[0, 0, 0, 0, 0, 0, 0x04, 0xd2])),
            ("method_name", Value::Text("hello")),
            ("arg", Value::Bytes(b"DIDL\x00\xfd*")),
        ];
        assert_eq!(
            hash_of_map(&fields).to_string(),
            "1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101"
        );
    }

    #[test]
    fn encodes_numbers_as_shortest_leb128() {
        assert_eq!(leb128(0), [0]);
        assert_eq!(leb128(624_485), [0xe5, 0x8e, 0x26]);
        assert_eq!(leb128(u64::MAX).len(), 10);
    }

    #[test]
    fn order_of_fields_does_not_matter_but_order_of_entries_does() {
        let paths = |a: &'static str, b: &'static str| {
            Value::Array(vec![Value::Array(vec![Value::Text(a)]), Value::Array(vec![Value::Text(b)])])
        };
        let one = hash_of_map(&[("a", Value::Nat(1)), ("p", paths("x", "y"))]);
        assert_eq!(one, hash_of_map(&[("p", paths("x", "y")), ("a", Value::Nat(1))]));
        assert_ne!(one, hash_of_map(&[("a", Value::Nat(1)), ("p", paths("y", "x"))]));
    }
}
