//! Every response verifies, with the crate that the gateway verifies with, under a root key of the test's own.

use crate::site::{INDEX, MISSING, Site, paths};
use flate2::read::GzDecoder;
use ic_certification::{Certificate, HashTree, fork, labeled, leaf};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::verify_request_response_pair;
use ic_verify_bls_signature::PrivateKey;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::io::Read;

const NOW: u128 = 1_700_000_000_000_000_000;
const CANISTER: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 33, 1, 1];
/// Bytes of everything that one visit loads, uncompressed.
const PAGE_BYTES_MAX: usize = 300_000;

/// What precedes a BLS key in DER.
const KEY_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
    0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03, 0x02, 0x01,
    0x03, 0x61, 0x00,
];

struct World {
    site: Site,
    root_key: Vec<u8>,
    certificate: Vec<u8>,
}

fn leb128(mut number: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn certificate(key: &PrivateKey, root: [u8; 32]) -> Vec<u8> {
    let canister = labeled(CANISTER, labeled("certified_data", leaf(root)));
    let tree: HashTree = fork(labeled("canister", canister), labeled("time", leaf(leb128(NOW))));
    let message = [b"\x0Dic-state-root".as_slice(), &tree.digest()].concat();
    let signature = key.sign(&message).serialize().to_vec();
    let mut bytes = vec![0xd9, 0xd9, 0xf7];
    ciborium::into_writer(&Certificate { tree, signature, delegation: None }, &mut bytes).expect("CBOR");
    bytes
}

fn world() -> World {
    let key = PrivateKey::random(&mut StdRng::seed_from_u64(1));
    let root_key = [KEY_PREFIX.as_slice(), &key.public_key().serialize()].concat();
    let site = Site::new("wqmuk-5qaaa-aaaaa-aaaqq-cai", &root_key).expect("it is certified");
    let certificate = certificate(&key, site.root());
    World { site, root_key, certificate }
}

impl World {
    fn ask(&self, path: &str, encoding: &str) -> (HttpRequest<'static>, HttpResponse<'static>) {
        let headers = vec![("Accept-Encoding".to_owned(), encoding.to_owned())];
        let request = HttpRequest::get(path.to_owned()).with_headers(headers).build();
        let response = self.site.respond(&request, Some(&self.certificate));
        (request, response)
    }

    fn verifies(&self, request: HttpRequest, response: HttpResponse) -> Result<(), String> {
        let checked = verify_request_response_pair(
            request,
            response,
            &CANISTER,
            NOW,
            300_000_000_000,
            &self.root_key,
            2,
        );
        checked.map(|info| assert!(info.response.is_some())).map_err(|error| error.to_string())
    }

    /// The response to a request, after it was verified.
    fn verified(&self, path: &str, encoding: &str) -> HttpResponse<'static> {
        let (request, response) = self.ask(path, encoding);
        self.verifies(request, response.clone())
            .unwrap_or_else(|error| panic!("{path}, {encoding}: {error}"));
        response
    }
}

fn header<'r>(response: &'r HttpResponse, name: &str) -> Option<&'r str> {
    let found = response.headers().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn all_paths() -> Vec<String> {
    let [app, style] = paths();
    vec!["/".to_owned(), app, style, "/icon.svg".to_owned(), "/subnet.json".to_owned()]
}

#[test]
fn every_file_is_certified_as_it_is_and_compressed() {
    let world = world();
    for path in all_paths() {
        for encoding in ["identity", "gzip, br;q=0.5", "gzip;q=0", "br"] {
            let response = world.verified(&path, encoding);
            assert_eq!(response.status_code().as_u16(), 200, "{path}");
        }
    }
}

#[test]
fn everything_else_is_a_certified_404_that_leads_back() {
    let world = world();
    for path in ["/nothing", "/a/b/c", "/app.js", "/index.html", "/subnet.json/x", "/?a=b/../c", "/%20"] {
        let response = world.verified(path, "gzip");
        let found = path.starts_with("/?");
        assert_eq!(response.status_code().as_u16(), if found { 200 } else { 404 }, "{path}");
        assert!(found || response.body() == MISSING.as_bytes(), "{path}");
    }
    assert!(MISSING.contains("href=\"/\""));
}

#[test]
fn the_compressed_form_is_the_same_file() {
    let world = world();
    for path in all_paths() {
        let (plain, compressed) = (world.verified(&path, "identity"), world.verified(&path, "gzip"));
        assert_eq!(header(&plain, "content-encoding"), None, "{path}");
        if header(&compressed, "content-encoding").is_none() {
            assert_eq!(compressed.body(), plain.body(), "{path}");
            continue;
        }
        let mut unpacked = Vec::new();
        GzDecoder::new(compressed.body()).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.body(), "{path}");
    }
}

#[test]
fn a_changed_body_header_or_status_does_not_verify() {
    let world = world();
    let (request, good) = world.ask("/", "identity");
    let rebuilt = |status: u16, headers: Vec<(String, String)>, body: Vec<u8>| {
        let status = status.try_into().expect("a status");
        HttpResponse::builder().with_status_code(status).with_headers(headers).with_body(body).build()
    };
    let (headers, body) = (good.headers().to_vec(), good.body().to_vec());
    let mut weaker = headers.clone();
    weaker.retain(|(name, _)| name != "content-security-policy");
    for (what, response) in [
        ("body", rebuilt(200, headers.clone(), b"<h1>Other</h1>".to_vec())),
        ("status", rebuilt(404, headers.clone(), body.clone())),
        ("header", rebuilt(200, weaker, body.clone())),
    ] {
        assert!(world.verifies(request.clone(), response).is_err(), "{what}");
    }
    assert!(world.verifies(request, rebuilt(200, headers, body)).is_ok());
}

#[test]
fn a_file_of_one_path_does_not_verify_at_another_nor_as_missing() {
    let world = world();
    let (_, icon) = world.ask("/icon.svg", "identity");
    let (_, missing) = world.ask("/nothing", "identity");
    let home = HttpRequest::get("/").build();
    assert!(world.verifies(home.clone(), icon).is_err());
    assert!(world.verifies(home, missing).is_err());
}

#[test]
fn headers_say_what_may_be_kept_and_what_may_run() {
    let world = world();
    for path in all_paths().into_iter().chain(["/nothing".to_owned()]) {
        let response = world.verified(&path, "gzip");
        let policy = header(&response, "content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}");
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"), "{path}");
        let kept = header(&response, "cache-control").expect("a rule").contains("immutable");
        assert_eq!(kept, paths().contains(&path), "{path}");
    }
}

#[test]
fn the_page_names_the_files_that_are_served_and_has_nothing_inline() {
    let [app, style] = paths();
    for page in [INDEX, MISSING] {
        assert!(page.contains(&format!("href=\"{style}\"")), "{style}");
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("http-equiv"));
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
    }
    assert!(INDEX.contains(&format!("src=\"{app}\"")), "{app}");
}

#[test]
fn a_visit_loads_less_than_300_kilobytes() {
    let world = world();
    let bytes: usize = all_paths().iter().map(|path| world.verified(path, "identity").body().len()).sum();
    assert!(bytes < PAGE_BYTES_MAX, "{bytes}");
}

#[test]
fn the_page_learns_the_root_key_from_a_certified_file() {
    let world = world();
    let response = world.verified("/subnet.json", "identity");
    let key: String = world.root_key.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = format!("{{\"explorer\":\"wqmuk-5qaaa-aaaaa-aaaqq-cai\",\"root_key\":\"{key}\"}}");
    assert_eq!(response.body(), expected.as_bytes());
}

#[test]
fn without_a_certificate_or_a_readable_url_there_is_no_page() {
    let world = world();
    let request = HttpRequest::get("/").build();
    assert_eq!(world.site.respond(&request, None).status_code().as_u16(), 500);
    let request = HttpRequest::get("http://[").build();
    assert_eq!(world.site.respond(&request, Some(&world.certificate)).status_code().as_u16(), 400);
}
