//! The Candid page: forms for the methods of any canister (`web/candid`; docs/adr/0024).
//!
//! 1. It has a host name of its own, `candid-page.<domain>`, to which `/_/candid` under the gateway's own name leads.
//!    Under the gateway's own name `?canisterId=` shows pages of any canister, and these would be of one origin with it:
//!    they could read the keys that it keeps and call as whoever uses it.
//! 2. Under its name there is nothing else, but the interface of the replicas below `/api/`.
//! 3. It comes with the gateway, and it is told the subnet's key by the gateway. It believes neither of them the
//!    replicas' answers.
//!
//! Absent: any knowledge of Candid. What canisters say of themselves is read in the browser.

use super::body::{Reply, whole};
use super::domain::Domains;
use super::host::{Target, target};
use super::page::{page, refusal};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::net::IpAddr;
use std::sync::LazyLock;

/// First label of the page's host name.
const LABEL: &str = "candid-page";
/// What leads there.
const PATH: &str = "/_/candid";
const ENVIRONMENT: &str = "/env.json";
const HTML: &str = "text/html; charset=utf-8";

/// Nothing from elsewhere, and no script or style that is not a file. A form asks for the page of another canister.
const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    // It opens Identity's window and hears from it.
    ("cross-origin-opener-policy", "same-origin-allow-popups"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
    ("vary", "accept-encoding"),
];

/// A file as it is and compressed.
struct File {
    content_type: &'static str,
    body: Bytes,
    packed: Option<Bytes>,
    tag: String,
}

impl File {
    fn new(content_type: &'static str, body: impl Into<Bytes>) -> File {
        let body = body.into();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(&body).and_then(|()| encoder.finish()).ok();
        let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&body)[..16]));
        File { content_type, body, packed: packed.map(Bytes::from), tag }
    }
}

/// What `npm run build` in `web/candid` makes.
static FILES: LazyLock<[(&str, File); 4]> = LazyLock::new(|| {
    let built = |content_type, bytes: &'static [u8]| File::new(content_type, Bytes::from_static(bytes));
    [
        ("/", built(HTML, include_bytes!("../../web/candid/dist/index.html"))),
        ("/app.js", built("text/javascript; charset=utf-8", include_bytes!("../../web/candid/dist/app.js"))),
        ("/style.css", built("text/css; charset=utf-8", include_bytes!("../../web/candid/dist/style.css"))),
        ("/icon.svg", built("image/svg+xml", include_bytes!("../../web/candid/dist/icon.svg"))),
    ]
});

/// The page, of a subnet.
pub struct CandidPage {
    environment: File,
}

impl CandidPage {
    /// The page for the subnet with this key.
    pub fn new(root_key: &[u8]) -> CandidPage {
        let text = format!("{{\"root_key\":\"{}\"}}", hex::encode(root_key));
        CandidPage { environment: File::new("application/json", text) }
    }

    /// The answer to a request that is about the page, asked under the host name `host`.
    pub fn answer(&self, host: &str, parts: &Parts, domains: &Domains) -> Option<Reply> {
        if is_its_name(host) && target(host, None, domains) == Target::Gateway {
            return Some(self.file(parts));
        }
        let query = parts.uri.query();
        let leads = parts.uri.path() == PATH && target(host, query, domains) == Target::Gateway;
        leads.then(|| lead(host, query))
    }

    fn file(&self, parts: &Parts) -> Reply {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            let mut reply = refusal(StatusCode::METHOD_NOT_ALLOWED, "this page is only read");
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        let found = match parts.uri.path() {
            ENVIRONMENT => Some(&self.environment),
            path => FILES.iter().find(|(known, _)| *known == path).map(|(_, file)| file),
        };
        match found {
            Some(file) => served(file, &parts.headers),
            None => refusal(StatusCode::NOT_FOUND, "there is no such page"),
        }
    }
}

fn served(file: &File, asked: &HeaderMap) -> Reply {
    let packed = file.packed.clone().filter(|_| takes_gzip(asked));
    let (is_known, is_packed) = (has_it(asked, &file.tag), packed.is_some());
    let body = if is_known { Bytes::new() } else { packed.unwrap_or_else(|| file.body.clone()) };
    let mut reply = Response::new(whole(body));
    let headers = reply.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        headers.insert(header::ETAG, tag);
    }
    if is_known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        return reply;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}

fn items(asked: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = asked.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    items(asked, header::ACCEPT_ENCODING).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

fn has_it(asked: &HeaderMap, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim_start_matches("W/").to_owned();
    items(asked, header::IF_NONE_MATCH).any(|known| known == "*" || strong(known) == strong(tag))
}

/// A host's name and its port with the colon.
fn name_and_port(host: &str) -> (&str, &str) {
    match host.rfind(':').filter(|_| !host.ends_with(']')) {
        Some(colon) => host.split_at(colon),
        None => (host, ""),
    }
}

fn is_its_name(host: &str) -> bool {
    let first = name_and_port(host).0.split_once('.').map(|(first, _)| first);
    first.is_some_and(|first| first.eq_ignore_ascii_case(LABEL))
}

/// The page's host name below the one that was asked. An address of digits has no names below it, but this machine's own
/// has another name.
fn place(host: &str) -> Option<String> {
    let (name, port) = name_and_port(host);
    let digits = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = match digits {
        Ok(address) if address.is_loopback() => "localhost",
        Ok(_) => return None,
        Err(_) => name.trim_end_matches('.'),
    };
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let sound = !name.is_empty() && name.chars().all(is_sound);
    sound.then(|| format!("{LABEL}.{name}{port}"))
}

/// To the page, with what was asked of it.
fn lead(host: &str, query: Option<&str>) -> Reply {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let location = place(host).and_then(|place| HeaderValue::from_str(&format!("//{place}/{query}")).ok());
    let Some(location) = location else {
        return page(
            StatusCode::NOT_FOUND,
            "The Candid page needs a host name",
            "It lies below the gateway's name, as canisters' pages do, and an address of digits has no names below it.",
            &format!("http://{LABEL}.<domain>/"),
        );
    };
    let mut reply = refusal(StatusCode::FOUND, "the Candid page has a host name of its own");
    reply.headers_mut().insert(header::LOCATION, location);
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, query: Option<&str>, expected: Option<&str>) {
        let reply = lead(host, query);
        let found = reply.headers().get(header::LOCATION).map(|value| value.to_str().expect("text"));
        assert_eq!(found, expected, "{host} {query:?}");
        let status = if expected.is_some() { StatusCode::FOUND } else { StatusCode::NOT_FOUND };
        assert_eq!(reply.status(), status);
    }

    #[test]
    fn the_way_to_the_page_keeps_host_port_and_query() {
        check("localhost:8080", Some("id=a-b"), Some("//candid-page.localhost:8080/?id=a-b"));
        check("gateway.example.org", None, Some("//candid-page.gateway.example.org/"));
        check("127.0.0.1:8080", Some("id=a"), Some("//candid-page.localhost:8080/?id=a"));
        check("[::1]:8080", None, Some("//candid-page.localhost:8080/"));
        check("[::1]", None, Some("//candid-page.localhost/"));
        for host in ["192.168.1.5:8080", "[fe80::1]:8080", "", ":80", "a/b", "a b", "user@host"] {
            check(host, Some("id=a"), None);
        }
    }

    #[test]
    fn the_page_has_one_name_below_every_domain() {
        for (host, expected) in [
            ("candid-page.localhost:8080", true),
            ("Candid-Page.example.org", true),
            ("candid-page", false),
            ("localhost", false),
            ("a.candid-page.localhost", false),
            ("candid-pages.localhost", false),
        ] {
            assert_eq!(is_its_name(host), expected, "{host}");
        }
    }
}
