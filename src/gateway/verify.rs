//! Whether the subnet vouches for what a replica told: response verification v2 and v1
//! (`ic-response-verification`), and what of an answer is certified at all.

use super::ask::{Asked, Told};
use super::limit::Place;
use crate::types::Principal;
use bytes::Bytes;
use hyper::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ic_certification::hash_tree::LookupResult;
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::types::VerificationInfo;
use ic_response_verification::{CertificateHeader, MIN_VERIFICATION_VERSION, verify_request_response_pair};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A certificate is believed for so long.
pub const CERTIFICATE_AGE: Duration = Duration::from_secs(300);

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
        Ok(Page { status, headers, body: told.body, proof, certified: None, keyed: false, room })
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

/// The page that was told, if the subnet vouches for it. Takes a signature check: about a millisecond of computing.
pub fn verify(root_key: &[u8], canister: &Principal, asked: &Asked, mut told: Told) -> Result<Page, String> {
    let certificate = only(&told, CERTIFICATE)?.unwrap_or_default().to_string();
    let expression = only(&told, EXPRESSION)?.unwrap_or_default().to_string();
    let info = check(root_key, canister, asked, &told)?;
    if info.verification_version < 2 {
        let refused = told.status < 200 || told.status == 206 || (300..400).contains(&told.status);
        if refused {
            return Err(format!("version 1 does not certify the status {}", told.status));
        }
        told.headers.retain(|(name, _)| V1_HEADERS.iter().any(|kept| name.eq_ignore_ascii_case(kept)));
        let mut page = Page::new(told.status, told, Proof::Body)?.tagged();
        page.certified = time(&certificate);
        page.keyed = true;
        return Ok(page);
    }
    let Some(certified) = info.response else {
        return unverified(told, Proof::Skipped);
    };
    told.headers = certified.headers;
    let mut page = Page::new(certified.status_code.unwrap_or(told.status), told, Proof::Whole)?.tagged();
    page.certified = time(&certificate);
    page.keyed = is_keyed(&expression);
    Ok(page)
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

/// When a certificate that was verified was made.
fn time(header: &str) -> Option<SystemTime> {
    let header = CertificateHeader::from(header).ok()?;
    let LookupResult::Found(bytes) = header.certificate.tree.lookup_path([b"time"]) else {
        return None;
    };
    UNIX_EPOCH.checked_add(Duration::from_nanos(leb128(bytes)?))
}

fn leb128(bytes: &[u8]) -> Option<u64> {
    bytes.iter().enumerate().try_fold(0u64, |sum, (index, byte)| {
        let digit = u64::from(byte & 0x7f);
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        let part = digit.checked_shl(shift).filter(|part| part >> shift == digit)?;
        Some(sum | part)
    })
}

/// Headers of a request that stand in the cache's key.
pub const KEY_HEADERS: &[&str] = &["accept-encoding", "host", "range"];

/// Whether a proof's expression is about no other headers of the request than those of the key. All of the URL stands
/// in it anyway.
fn is_keyed(expression: &str) -> bool {
    let Some((_, rest)) = expression.split_once("certified_request_headers") else {
        return expression.contains("no_request_certification");
    };
    let list = rest.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(list, _)| list);
    let Some(list) = list else { return false };
    let names = list.split(',').map(|name| name.trim().trim_matches(['"', '\'']).to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).all(|name| KEY_HEADERS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_about_other_headers_than_the_keys_is_not_cached() {
        let check = |headers: &str, keyed: bool| {
            let expression = format!(
                "default_certification(ValidationArgs{{request_certification:RequestCertification{{\
certified_request_headers:[{headers}],certified_query_parameters:[\"a\"]}},response_certification:\
ResponseCertification{{certified_response_headers:ResponseHeaderList{{headers:[\"x\"]}}}}}})"
            );
            assert_eq!(is_keyed(&expression), keyed, "{headers}");
        };
        check("", true);
        check("\"range\"", true);
        check("\"Host\", \"accept-encoding\"", true);
        check("\"range\",\"cookie\"", false);
        assert!(is_keyed("default_certification(ValidationArgs{no_request_certification:Empty{},…"));
        assert!(!is_keyed("default_certification(ValidationArgs{no_certification:Empty{}})"));
        assert!(!is_keyed(""));
    }

    #[test]
    fn a_number_is_read_and_one_that_is_too_long_is_none() {
        assert_eq!(leb128(&[0xe5, 0x8e, 0x26]), Some(624_485));
        assert_eq!(leb128(&[0xff; 10]), None);
        assert_eq!(leb128(&[0x80; 80]), None);
    }
}
