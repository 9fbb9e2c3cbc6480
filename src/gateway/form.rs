//! How large, and of what form, that may be which a replica tells: looked at before the library sees it, which has no
//! bounds of its own.

use super::ask::Told;
use flate2::read::{DeflateDecoder, GzDecoder};
use std::io::{self, Read};

/// A path of more segments is not asked for, nor proved: with a proof for all that begins alike, the library's effort
/// and memory grow with the square of their number.
pub const PATH_SEGMENTS_MAX: usize = 128;
/// A proof's path has besides what it begins with, and how it ends.
const PROOF_SEGMENTS_MAX: usize = PATH_SEGMENTS_MAX + 3;

/// The value of a header that must not stand there twice.
pub fn only<'a>(told: &'a Told, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = told.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let first = values.next().map(|(_, value)| value.as_str());
    match values.next() {
        Some(_) => Err(format!("it has two headers {name}")),
        None => Ok(first),
    }
}

/// How many segments a path has, slashes that are written as `%2F` counted.
pub fn segments(path: &str) -> usize {
    let bytes = path.as_bytes();
    let plain = bytes.iter().filter(|byte| **byte == b'/').count();
    plain + bytes.windows(3).filter(|three| three.eq_ignore_ascii_case(b"%2f")).count()
}

/// Whether these bytes are the CBOR of not too many texts and nothing else, in the one form that encoders write.
pub fn is_texts(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(&[0xd9, 0xd9, 0xf7]).unwrap_or(bytes);
    let Ok(texts) = ciborium::from_reader::<Vec<String>, _>(bytes) else { return false };
    if texts.len() > PROOF_SEGMENTS_MAX {
        return false;
    }
    let mut again = Vec::new();
    ciborium::into_writer(&texts, &mut again).is_ok() && again == bytes
}

/// A longer expression, or one that is nested deeper, is no expression.
pub const EXPRESSION_BYTES_MAX: usize = 8 * 1024;
const EXPRESSION_DEPTH_MAX: usize = 16;

/// Refuses an expression before it is parsed.
pub fn check_expression(text: &str) -> Result<(), String> {
    let mut depth = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > EXPRESSION_DEPTH_MAX {
            return Err("its expression is nested too deep".into());
        }
    }
    match text.len() {
        0..=EXPRESSION_BYTES_MAX => Ok(()),
        _ => Err("its expression is too long".into()),
    }
}

/// Base64 as the library reads it, padded or not.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut number = 0u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            number = number << 6 | u32::from(digit);
        }
        match group.len() {
            4 => bytes.extend_from_slice(&number.to_be_bytes()[1..]),
            3 => bytes.extend_from_slice(&(number >> 2).to_be_bytes()[2..]),
            2 => bytes.extend_from_slice(&(number >> 4).to_be_bytes()[3..]),
            _ => return None,
        }
    }
    Some(bytes)
}

/// Whether a certificate header is of version 2, without any doubt.
pub fn is_version_2(header: &str) -> bool {
    let fields = header.split(',').filter_map(|field| field.trim().split_once('='));
    let mut versions = fields.filter(|(name, _)| *name == "version").map(|(_, value)| value);
    versions.next() == Some("2") && versions.next().is_none()
}

/// A body of version 1 is decoded to at most this size, or to twice its own.
const DECODED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The library decodes a body of version 1 before it compares anything, and as far as it goes: here it is seen how far.
pub fn check_decoding(told: &Told) -> Result<(), String> {
    let body = told.body.as_ref();
    let most = (2 * body.len()).max(DECODED_BYTES_MAX) as u64;
    let decoded = |decoder: &mut dyn Read| io::copy(&mut decoder.take(most + 1), &mut io::sink());
    let size = match only(told, "content-encoding")? {
        Some("gzip") => decoded(&mut GzDecoder::new(body)),
        Some("deflate") => decoded(&mut DeflateDecoder::new(body)),
        _ => return Ok(()),
    };
    match size.map_err(|error| format!("its body cannot be decoded: {error}"))? {
        size if size > most => Err(format!("its body is more than {most} bytes when it is decoded")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn segments_are_counted_however_their_slashes_are_written() {
        for (path, expected) in [("/", 1), ("/a/b", 2), ("/a%2fb%2Fc", 3), ("", 0), ("/%2", 1), ("/%252f", 1)]
        {
            assert_eq!(segments(path), expected, "{path}");
        }
    }

    #[test]
    fn the_path_of_a_proof_has_a_bound() {
        let path = |count: usize| {
            let mut bytes = Vec::new();
            ciborium::into_writer(&vec!["a"; count], &mut bytes).expect("writes");
            bytes
        };
        assert!(is_texts(&path(PROOF_SEGMENTS_MAX)));
        assert!(!is_texts(&path(PROOF_SEGMENTS_MAX + 1)));
    }

    #[test]
    fn a_body_of_version_1_that_grows_without_end_is_refused_before_it_is_decoded() {
        let packed = |size: u64| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            io::copy(&mut io::repeat(0).take(size), &mut encoder).expect("packs");
            Bytes::from(encoder.finish().expect("packs"))
        };
        let check = |encodings: &[&str], body: Bytes, expected: bool| {
            let headers = encodings.iter().map(|value| ("Content-Encoding".to_string(), value.to_string()));
            let told = Told { status: 200, headers: headers.collect(), body, upgrade: false, room: None };
            assert_eq!(check_decoding(&told).is_ok(), expected, "{encodings:?}");
        };
        let (most, bomb) = (packed(DECODED_BYTES_MAX as u64), packed(DECODED_BYTES_MAX as u64 + 1));
        check(&["gzip"], most, true);
        check(&["gzip"], bomb.clone(), false);
        check(&[], bomb.clone(), true);
        check(&["gzip"], Bytes::from_static(b"no gzip"), false);
        check(&["identity", "gzip"], bomb, false);
    }

    #[test]
    fn only_a_header_that_says_version_2_once_is_of_version_2() {
        for (header, expected) in [
            ("certificate=:AA==:, version=2, tree=:AA==:", true),
            ("version=1", false),
            ("version=02", false),
            ("version=1, version=2", false),
            ("version=2, version=1", false),
            ("tree=:AA==:", false),
            ("", false),
        ] {
            assert_eq!(is_version_2(header), expected, "{header}");
        }
    }

    #[test]
    fn base64_is_read_padded_or_not_and_nothing_else_is() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("AA==", b"\0"),
            ("AA", b"\0"),
            ("+/8", b"\xfb\xff"),
            ("AQIDBA==", b"\x01\x02\x03\x04"),
        ] {
            assert_eq!(unbase64(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["A", "A?==", "AA=A", "-_", "AAAAA"] {
            assert_eq!(unbase64(text), None, "{text}");
        }
    }
}
