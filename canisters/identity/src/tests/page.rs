//! Every response verifies, with the crate that the gateway verifies with, under a root key of the test's own.

use super::*;
use crate::web::{FILES, INDEX, PAGES, Site, policy};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_response_verification::verify_request_response_pair;

/// Bytes of everything that one visit loads, uncompressed.
const PAGE_BYTES_MAX: usize = 300_000;
const FIVE_MINUTES: u128 = 300_000_000_000;

struct World {
    site: Site,
    subnet: Subnet,
    signatures: Hash,
    certificate: Vec<u8>,
}

fn world() -> World {
    let (subnet, mut book) = (Subnet::new(), book());
    let user = register(&mut book, &passkey(1));
    ok(book.prepare(by(&passkey(1)), user, "https://a.example", &plain_key(9), None));
    let gateways = ["https://*.example.org".to_owned()];
    let site = Site::new("identity", &subnet.root_key(), &gateways).expect("it is certified");
    let signatures = book.signatures.digest();
    let certificate = subnet.certify(site.root(signatures));
    World { site, subnet, signatures, certificate }
}

impl World {
    fn ask(&self, path: &str) -> (HttpRequest<'static>, HttpResponse<'static>) {
        let request = HttpRequest::get(path.to_owned()).build();
        let response = self.site.respond(&request, Some(&self.certificate), self.signatures);
        (request, response)
    }

    fn verifies(&self, request: HttpRequest, response: HttpResponse) -> Result<(), String> {
        let key = self.subnet.root_key();
        let checked = verify_request_response_pair(
            request,
            response,
            &CANISTER,
            u128::from(NOW),
            FIVE_MINUTES,
            &key,
            2,
        );
        checked.map(|info| assert!(info.response.is_some())).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn verified(&self, path: &str, status: u16) -> HttpResponse<'static> {
        let (request, response) = self.ask(path);
        self.verifies(request, response.clone()).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(response.status_code().as_u16(), status, "{path}");
        response
    }
}

fn header<'r>(response: &'r HttpResponse, name: &str) -> &'r str {
    let found = response.headers().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

#[test]
fn the_page_and_its_files_are_certified_beside_the_signatures() {
    let world = world();
    for (name, body) in FILES.iter().filter(|(name, _)| *name != INDEX) {
        assert_eq!(world.verified(&format!("/{name}"), 200).body(), *body);
    }
    for path in PAGES.into_iter().chain(["/?x=1", "/authorize?openid=x"]) {
        assert!(header(&world.verified(path, 200), "content-type").starts_with("text/html"), "{path}");
    }
}

#[test]
fn everything_else_is_a_certified_404() {
    let world = world();
    for path in ["/nothing", "/a/b", "/index.html", "/authorize/x", "/.well-known/ic-domains"] {
        world.verified(path, 404);
    }
}

#[test]
fn the_page_learns_its_canister_and_root_key_from_a_certified_file() {
    let world = world();
    let env: serde_json::Value =
        serde_json::from_slice(world.verified("/env.json", 200).body()).expect("JSON");
    let key: String = world.subnet.root_key().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((env["canister"].as_str(), env["root_key"].as_str()), (Some("identity"), Some(key.as_str())));
}

#[test]
fn the_policy_lets_nothing_in_and_nobody_frame_the_page() {
    let world = world();
    for path in ["/", "/authorize", "/env.json", "/nothing"] {
        let response = world.verified(path, 200 + 204 * u16::from(path == "/nothing"));
        let policy = header(&response, "content-security-policy").to_owned();
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(
            policy.contains("connect-src 'self' https://*.example.org;") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(
            (header(&response, "x-frame-options"), header(&response, "cross-origin-opener-policy")),
            ("DENY", "")
        );
    }
    assert!(!policy(&[]).contains("http"));
    // of a canister that nobody told about gateways
    assert!(policy(book().gateways()).contains("connect-src 'self' http://*.localhost:*;"));
}

#[test]
fn a_changed_body_header_or_status_does_not_verify() {
    let world = world();
    let (request, good) = world.ask("/");
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
fn only_scripts_and_styles_with_a_hash_in_their_name_are_kept() {
    let world = world();
    for (name, _) in FILES.iter().filter(|(name, _)| *name != INDEX) {
        let kept = header(&world.verified(&format!("/{name}"), 200), "cache-control").contains("immutable");
        assert_eq!(kept, name.contains('-'), "{name}");
    }
    assert_eq!(header(&world.verified("/", 200), "cache-control"), "no-cache");
}

#[test]
fn the_page_has_nothing_inline_and_loads_less_than_300_kilobytes() {
    let index = FILES.iter().find(|(name, _)| *name == INDEX).map(|(_, body)| String::from_utf8_lossy(body));
    let index = index.expect("a page");
    assert!(!index.contains("<style") && !index.contains(" style=") && !index.contains("http-equiv"));
    assert_eq!(index.matches("<script").count(), index.matches("<script type=\"module\" ").count());
    let bytes: usize = FILES.iter().map(|(_, body)| body.len()).sum();
    assert!(bytes < PAGE_BYTES_MAX, "{bytes}");
}

#[test]
fn without_a_certificate_or_a_readable_url_there_is_no_page() {
    let world = world();
    let answer = |url: &str, certificate: Option<&[u8]>| {
        let request = HttpRequest::get(url.to_owned()).build();
        world.site.respond(&request, certificate, world.signatures).status_code().as_u16()
    };
    assert_eq!(answer("/", None), 500);
    assert_eq!(answer("http://[", Some(&world.certificate)), 400);
}
