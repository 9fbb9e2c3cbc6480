//! Whether the subnet vouches for what a replica told: response verification v2 and v1
//! (`ic-response-verification`), and what of an answer is certified at all.

use super::ask::{Asked, Told};
use super::cache::allowed;
use super::form::{check_decoding, check_expression, is_texts, is_version_2, only, unbase64};
use super::limit::Room;
use crate::certification::{HashTree, Lookup, Verifier};
use crate::types::{Digest as TreeDigest, Principal};
use bytes::Bytes;
use hyper::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::types::VerificationInfo;
use ic_response_verification::{MIN_VERIFICATION_VERSION, verify_request_response_pair};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A certificate is believed for so long.
pub const CERTIFICATE_AGE: Duration = Duration::from_secs(300);

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

/// What of the canister vouches for a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Certified {
    /// When the subnet certified it.
    pub time: SystemTime,
    /// The root of all that the canister certifies.
    pub root: TreeDigest,
}

/// A canister's answer, and why it is believed.
#[derive(Clone)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub proof: Proof,
    /// What a certificate says, if it was one.
    pub certified: Option<Certified>,
    /// Whether everything of the request that the proof is about stands in the cache's key.
    pub keyed: bool,
    /// Whether the proof is about the range that was asked for.
    pub ranged: bool,
    /// Keeps the room for the body taken.
    pub room: Option<Arc<Room>>,
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
            let wrong = || "one of its headers is none".to_string();
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
        let (certified, tree) = self.check_form(canister, certificate)?;
        check_expression(&expression)?;
        if !is_version_2(certificate) {
            check_decoding(&told)?;
        }
        let info = check(&self.root_key, canister, asked, &told)?;
        if info.verification_version < 2 {
            check_index(&tree, asked)?;
            return of_version_1(told, certified);
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
        Ok(Page { certified: Some(certified), keyed, ranged, ..page })
    }

    /// Reads what a certificate header has, with bounds on depth and size: the library has none, and whoever installs
    /// a canister chooses these bytes. The certificate is verified here first, so that what goes on is the subnet's own.
    /// What it says, and the tree below it, of which the library sees whether it is the canister's.
    fn check_form(&self, canister: &Principal, header: &str) -> Result<(Certified, HashTree), String> {
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
        let tree = HashTree::decode(field("tree")?).map_err(|error| format!("its tree: {error}"))?;
        if fields.get("expr_path").is_some_and(|path| !is_texts(path)) {
            return Err("its path is no list of texts".into());
        }
        let certificate = self.verifier.verify_certificate(field("certificate")?);
        let certificate = certificate.map_err(|error| format!("its certificate: {error}"))?;
        if certificate.delegation().is_some_and(|delegation| !delegation.covers(canister)) {
            return Err("its certificate is of a subnet that does not have this canister".into());
        }
        let time = UNIX_EPOCH.checked_add(Duration::from_nanos(certificate.time().0));
        let time = time.ok_or("its certificate has no time")?;
        Ok((Certified { time, root: tree.digest() }, tree))
    }
}

/// Version 1 has the index for every path that is not there. The library takes it also for paths of which the tree does
/// not say whether they are there.
fn check_index(tree: &HashTree, asked: &Asked) -> Result<(), String> {
    let request =
        HttpRequest::builder().with_method(asked.method.clone()).with_url(asked.url.clone()).build();
    let path = request.get_path().map_err(|error| error.to_string())?;
    match tree.lookup(&[b"http_assets", path.as_bytes()]) {
        Lookup::Found(_) | Lookup::Absent => Ok(()),
        Lookup::Unknown | Lookup::NotLeaf => {
            Err("it does not prove that there is no page of its own at this path".into())
        }
    }
}

/// A page whose body is certified, and nothing else.
fn of_version_1(told: Told, certified: Certified) -> Result<Page, String> {
    let refused = told.status < 200 || told.status == 206 || (300..400).contains(&told.status);
    if refused {
        return Err(format!("version 1 does not certify the status {}", told.status));
    }
    let mut page = Page::new(told.status, told, Proof::Body)?;
    // Whoever says that it is not to be kept is believed.
    let keyed = allowed(&page.headers).is_some_and(|time| !time.is_zero());
    let cut: Vec<HeaderName> =
        page.headers.keys().filter(|name| !V1_HEADERS.contains(&name.as_str())).cloned().collect();
    for name in cut {
        page.headers.remove(name);
    }
    Ok(Page { certified: Some(certified), keyed, ..page.tagged() })
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
    use super::super::form::EXPRESSION_BYTES_MAX;
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
            assert!(judge.check_form(&Principal::from_slice(&[1; 10]), &header).is_err(), "{field}");
        }
    }
}
