//! Whether the subnet vouches for what a replica told: response verification v2 and v1
//! (`ic-response-verification`), and what of an answer is certified at all.

use super::ask::{Asked, Told};
use super::limit::Place;
use crate::certification::{HashTree, Verifier};
use crate::types::Principal;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, GzDecoder};
use hyper::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::types::VerificationInfo;
use ic_response_verification::{MIN_VERIFICATION_VERSION, verify_request_response_pair};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A certificate is believed for so long.
pub const CERTIFICATE_AGE: Duration = Duration::from_secs(300);

/// A path of more segments is not asked for, nor proved: with a proof for all that begins alike, the library's effort
/// and memory grow with the square of their number.
pub const PATH_SEGMENTS_MAX: usize = 128;
/// A proof's path has besides what it begins with, and how it ends.
const PROOF_SEGMENTS_MAX: usize = PATH_SEGMENTS_MAX + 3;

/// A page has at most so many headers, and bytes of them.
const HEADERS_MAX: usize = 256;
const HEADER_BYTES_MAX: usize = 64 * 1024;

const CERTIFICATE: &str = "ic-certificate";
const EXPRESSION: &str = "ic-certificateexpression";

/// Version 1 certifies bodies only. Of its headers those are passed on that say how to read the body, and those that
/// only take rights away.
const V1_HEADERS: &[&str] = &[
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
    CERTIFICATE,
];

/// Headers of a canister that are the gateway's to say.
const OURS: &[HeaderName] = &[
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
    header::TE,
    header::DATE,
];

/// What vouches for a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// Status, headers, body.
    Whole,
    /// The body, of a canister that knows only version 1.
    Body,
    /// The canister certifies that it certifies nothing here.
    Skipped,
    /// It is the certified reply to an update call.
    Update,
    /// Nothing: the host name says so.
    Nothing,
}

/// A canister's answer, and why it is believed.
#[derive(Clone)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub proof: Proof,
    /// The time of the certificate.
    pub certified: Option<SystemTime>,
    /// Whether everything of the request that the proof is about stands in the cache's key.
    pub keyed: bool,
    /// Whether the proof is about the range that was asked for.
    pub ranged: bool,
    /// Keeps the room for the body taken.
    pub room: Option<Arc<Place>>,
}

impl Page {
    /// A header's value, if it is text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn new(status: u16, told: Told, proof: Proof) -> Result<Page, String> {
        let status = StatusCode::from_u16(status).map_err(|_| format!("{status} is no HTTP status"))?;
        if status.is_informational() {
            return Err(format!("{status} is no answer"));
        }
        let bytes = told.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if told.headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
            return Err(format!(
                "it has more than {HEADERS_MAX} headers, or {HEADER_BYTES_MAX} bytes of them"
            ));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &told.headers {
            let wrong = || format!("its header {name:?} is none");
            let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            if !OURS.contains(&known) {
                headers.try_append(known, value).map_err(|_| "it has too many headers".to_string())?;
            }
        }
        let room = told.room.map(Arc::new);
        Ok(Page {
            status,
            headers,
            body: told.body,
            proof,
            certified: None,
            keyed: false,
            ranged: false,
            room,
        })
    }

    /// A page with a tag of its content, if it has none and is whole.
    fn tagged(mut self) -> Page {
        if self.status == StatusCode::OK && !self.headers.contains_key(header::ETAG) {
            let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&self.body)[..16]));
            if let Ok(tag) = HeaderValue::from_str(&tag) {
                self.headers.insert(header::ETAG, tag);
            }
        }
        self
    }
}

/// What was told, as it is.
pub fn unverified(told: Told, proof: Proof) -> Result<Page, String> {
    Ok(Page::new(told.status, told, proof)?.tagged())
}

fn only<'a>(told: &'a Told, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = told.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let first = values.next().map(|(_, value)| value.as_str());
    match values.next() {
        Some(_) => Err(format!("it has two headers {name}")),
        None => Ok(first),
    }
}

/// Knows the subnet's key, and judges.
pub struct Judge {
    /// DER-encoded.
    root_key: Vec<u8>,
    verifier: Verifier,
}

/// A root key in DER is a head of 37 bytes, and the key.
const ROOT_KEY_BYTES: usize = 133;

impl Judge {
    /// Of a subnet's pages; `None` if this is no root key in DER.
    pub fn new(root_key: Vec<u8>) -> Option<Judge> {
        let key: [u8; 96] = root_key.get(ROOT_KEY_BYTES - 96..)?.try_into().ok()?;
        Some(Judge { root_key, verifier: Verifier::new(key) })
    }

    /// The page that was told, if the subnet vouches for it. Takes about a millisecond of computing.
    pub fn verify(&self, canister: &Principal, asked: &Asked, mut told: Told) -> Result<Page, String> {
        let certificate = only(&told, CERTIFICATE)?.unwrap_or_default();
        let expression = only(&told, EXPRESSION)?.unwrap_or_default().to_string();
        let certified = self.check_form(certificate)?;
        check_expression(&expression)?;
        if !is_version_2(certificate) {
            check_decoding(&told)?;
        }
        let info = check(&self.root_key, canister, asked, &told)?;
        if info.verification_version < 2 {
            let refused = told.status < 200 || told.status == 206 || (300..400).contains(&told.status);
            if refused {
                return Err(format!("version 1 does not certify the status {}", told.status));
            }
            told.headers.retain(|(name, _)| V1_HEADERS.iter().any(|kept| name.eq_ignore_ascii_case(kept)));
            let page = Page::new(told.status, told, Proof::Body)?.tagged();
            return Ok(Page { certified, keyed: true, ..page });
        }
        let Some(response) = info.response else {
            return unverified(told, Proof::Skipped);
        };
        told.headers = response.headers;
        let page = Page::new(response.status_code.unwrap_or(told.status), told, Proof::Whole)?.tagged();
        let headers = request_headers(&expression);
        let about = |headers: &[String], name: &str| headers.iter().any(|known| known == name);
        let ranged = headers.as_ref().is_none_or(|headers| about(headers, "range"));
        let keyed =
            headers.is_some_and(|headers| headers.iter().all(|name| KEY_HEADERS.contains(&name.as_str())));
        Ok(Page { certified, keyed, ranged, ..page })
    }

    /// Reads what a certificate header has, with bounds on depth and size: the library has none, and whoever installs
    /// a canister chooses these bytes. The certificate is verified here first, so that what goes on is the subnet's own.
    /// Its time.
    fn check_form(&self, header: &str) -> Result<Option<SystemTime>, String> {
        let mut fields: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for field in header.split(',') {
            let Some((name, value)) = field.trim().split_once('=') else { continue };
            if ["certificate", "tree", "expr_path"].contains(&name) {
                let bytes =
                    unbase64(value.trim_matches(':')).ok_or_else(|| format!("its {name} is no base64"))?;
                if fields.insert(name, bytes).is_some() {
                    return Err(format!("it has two fields {name}"));
                }
            }
        }
        let field = |name: &str| fields.get(name).ok_or_else(|| format!("it has no field {name}"));
        HashTree::decode(field("tree")?).map_err(|error| format!("its tree: {error}"))?;
        if fields.get("expr_path").is_some_and(|path| !is_texts(path)) {
            return Err("its path is no list of texts".into());
        }
        let certificate = self.verifier.verify_certificate(field("certificate")?);
        let time = certificate.map_err(|error| format!("its certificate: {error}"))?.time();
        Ok(UNIX_EPOCH.checked_add(Duration::from_nanos(time.0)))
    }
}

/// How many segments a path has, slashes that are written as `%2F` counted.
pub fn segments(path: &str) -> usize {
    let bytes = path.as_bytes();
    let plain = bytes.iter().filter(|byte| **byte == b'/').count();
    plain + bytes.windows(3).filter(|three| three.eq_ignore_ascii_case(b"%2f")).count()
}

/// Whether these bytes are the CBOR of not too many texts and nothing else, in the one form that encoders write.
fn is_texts(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(&[0xd9, 0xd9, 0xf7]).unwrap_or(bytes);
    let Ok(texts) = ciborium::from_reader::<Vec<String>, _>(bytes) else { return false };
    if texts.len() > PROOF_SEGMENTS_MAX {
        return false;
    }
    let mut again = Vec::new();
    ciborium::into_writer(&texts, &mut again).is_ok() && again == bytes
}

/// A longer expression, or one that is nested deeper, is no expression.
const EXPRESSION_BYTES_MAX: usize = 8 * 1024;
const EXPRESSION_DEPTH_MAX: usize = 16;

fn check_expression(text: &str) -> Result<(), String> {
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
fn unbase64(text: &str) -> Option<Vec<u8>> {
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
fn is_version_2(header: &str) -> bool {
    let fields = header.split(',').filter_map(|field| field.trim().split_once('='));
    let mut versions = fields.filter(|(name, _)| *name == "version").map(|(_, value)| value);
    versions.next() == Some("2") && versions.next().is_none()
}

/// A body of version 1 is decoded to at most this size, or to twice its own.
const DECODED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The library decodes a body of version 1 before it compares anything, and as far as it goes: here it is seen how far.
fn check_decoding(told: &Told) -> Result<(), String> {
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

fn check(
    root_key: &[u8],
    canister: &Principal,
    asked: &Asked,
    told: &Told,
) -> Result<VerificationInfo, String> {
    let status =
        ic_http_certification::StatusCode::from_u16(told.status).map_err(|error| error.to_string())?;
    let request = HttpRequest::builder()
        .with_method(asked.method.clone())
        .with_url(asked.url.clone())
        .with_headers(asked.headers.clone())
        .with_body(asked.body.as_ref())
        .build();
    let response = HttpResponse::builder()
        .with_status_code(status)
        .with_headers(told.headers.clone())
        .with_body(told.body.as_ref())
        .build();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    verify_request_response_pair(
        request,
        response,
        canister.as_slice(),
        now,
        CERTIFICATE_AGE.as_nanos(),
        root_key,
        MIN_VERIFICATION_VERSION,
    )
    .map_err(|error| error.to_string())
}

/// Headers of a request that stand in the cache's key.
pub const KEY_HEADERS: &[&str] = &["accept-encoding", "host", "origin", "range"];

/// The headers of the request that a proof's expression is about; `None` if it does not say. All of the URL stands in the
/// cache's key anyway.
fn request_headers(expression: &str) -> Option<Vec<String>> {
    let Some((_, rest)) = expression.split_once("certified_request_headers") else {
        return expression.contains("no_request_certification").then(Vec::new);
    };
    let (list, _) = rest.split_once('[')?.1.split_once(']')?;
    let names = list.split(',').map(|name| name.trim().trim_matches(['"', '\'']).to_ascii_lowercase());
    Some(names.filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_says_which_headers_of_the_request_it_is_about() {
        let check = |list: &str, headers: &[&str]| {
            let expression = format!(
                "default_certification(ValidationArgs{{request_certification:RequestCertification{{\
certified_request_headers:[{list}],certified_query_parameters:[\"a\"]}},response_certification:\
ResponseCertification{{certified_response_headers:ResponseHeaderList{{headers:[\"x\"]}}}}}})"
            );
            let expected = headers.iter().map(|name| name.to_string()).collect();
            assert_eq!(request_headers(&expression), Some(expected), "{list}");
        };
        check("", &[]);
        check("\"range\"", &["range"]);
        check("\"Host\", \"cookie\"", &["host", "cookie"]);
        let none = "default_certification(ValidationArgs{no_request_certification:Empty{},…";
        assert_eq!(request_headers(none), Some(vec![]));
        assert_eq!(request_headers("default_certification(ValidationArgs{no_certification:Empty{}})"), None);
        assert_eq!(request_headers("certified_request_headers:"), None);
    }

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
    fn the_headers_of_a_page_have_a_bound() {
        let check = |count: usize, bytes: usize, expected: bool| {
            let headers = vec![("x".to_string(), "y".repeat(bytes)); count];
            let told = Told { status: 200, headers, body: Bytes::new(), upgrade: false, room: None };
            assert_eq!(unverified(told, Proof::Nothing).is_ok(), expected, "{count} of {bytes}");
        };
        check(HEADERS_MAX, 1, true);
        check(HEADERS_MAX + 1, 1, false);
        check(1, HEADER_BYTES_MAX - 1, true);
        check(1, HEADER_BYTES_MAX, false);
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

    #[test]
    fn what_is_nested_without_end_is_refused_before_it_is_parsed() {
        assert!(check_expression(&"f(".repeat(100_000)).is_err());
        assert!(check_expression(&"x".repeat(EXPRESSION_BYTES_MAX + 1)).is_err());
        assert!(check_expression("a(b{c:[\"d\"]})").is_ok());
        let judge = Judge::new(vec![0; ROOT_KEY_BYTES]).expect("a key");
        let nested = "g".repeat(100_000);
        for field in ["certificate", "tree", "expr_path"] {
            let rest = ["certificate", "tree", "expr_path"]
                .map(|name| if name == field { &*nested } else { "gQA=" });
            let header =
                format!("certificate=:{}:, tree=:{}:, expr_path=:{}:, version=2", rest[0], rest[1], rest[2]);
            assert!(judge.check_form(&header).is_err(), "{field}");
        }
    }
}
