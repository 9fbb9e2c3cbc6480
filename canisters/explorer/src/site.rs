//! The page: certified responses (response verification, version 2).
//!
//! 1. Every response is certified: each file at its path, as it is and compressed, and everywhere else one answer
//!    404. The gateway shows nothing that is not.
//! 2. Scripts and styles have their hash in their names and are kept by browsers for good; the page itself is asked
//!    for every time.
//! 3. The policy allows nothing from elsewhere, and no inline script or style.

use ic_http_certification::utils::add_v2_certificate_header;
use ic_http_certification::{
    CERTIFICATE_EXPRESSION_HEADER_NAME, DefaultCelBuilder, DefaultResponseCertification, HttpCertification,
    HttpCertificationError, HttpCertificationPath, HttpCertificationTree, HttpCertificationTreeEntry,
    HttpRequest, HttpResponse, StatusCode,
};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const KEPT: &str = "public, max-age=31536000, immutable";
const ASKED: &str = "no-cache";
/// Bytes of the hash in a file's name.
const NAME_HASH_BYTES: usize = 8;

/// What `npm run build` in `web/` makes.
pub const INDEX: &str = include_str!("../web/dist/index.html");
const INDEX_GZ: &[u8] = include_bytes!("../web/dist/index.html.gz");
pub const MISSING: &str = include_str!("../web/dist/404.html");
const APP: &[u8] = include_bytes!("../web/dist/app.js");
const APP_GZ: &[u8] = include_bytes!("../web/dist/app.js.gz");
const STYLE: &[u8] = include_bytes!("../web/dist/style.css");
const STYLE_GZ: &[u8] = include_bytes!("../web/dist/style.css.gz");
const ICON: &[u8] = include_bytes!("../web/dist/icon.svg");

/// One response and where it stands in the tree.
struct Entry {
    path: HttpCertificationPath<'static>,
    /// The path that it answers; any that is not another's if absent.
    at: Option<String>,
    gzip: bool,
    response: HttpResponse<'static>,
    certification: HttpCertification,
}

impl Entry {
    fn tree_entry(&self) -> HttpCertificationTreeEntry<'_> {
        HttpCertificationTreeEntry::new(&self.path, self.certification)
    }
}

/// All responses, and the tree that certifies them.
pub struct Site {
    entries: Vec<Entry>,
    tree: HttpCertificationTree,
}

/// A file before it is certified.
struct File {
    at: Option<String>,
    status: StatusCode,
    content_type: &'static str,
    cache: &'static str,
    gzip: bool,
    body: Vec<u8>,
}

/// `/name-HASH.ending`
pub fn hashed(name: &str, ending: &str, content: &[u8]) -> String {
    let mut path = format!("/{name}-");
    for byte in Sha256::digest(content).iter().take(NAME_HASH_BYTES) {
        let written = write!(path, "{byte:02x}");
        debug_assert!(written.is_ok());
    }
    path + "." + ending
}

/// Paths of the script and of the style.
pub fn paths() -> [String; 2] {
    [hashed("app", "js", APP), hashed("style", "css", STYLE)]
}

fn files(subnet: String) -> Vec<File> {
    let [app, style] = paths();
    let file = |at: &str, content_type, cache, gzip, body: &[u8]| File {
        at: Some(at.to_owned()),
        status: StatusCode::OK,
        content_type,
        cache,
        gzip,
        body: body.to_vec(),
    };
    let (html, js, css) =
        ("text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8");
    vec![
        file("/", html, ASKED, false, INDEX.as_bytes()),
        file("/", html, ASKED, true, INDEX_GZ),
        file(&app, js, KEPT, false, APP),
        file(&app, js, KEPT, true, APP_GZ),
        file(&style, css, KEPT, false, STYLE),
        file(&style, css, KEPT, true, STYLE_GZ),
        file("/icon.svg", "image/svg+xml", ASKED, false, ICON),
        file("/subnet.json", "application/json", ASKED, false, subnet.as_bytes()),
        File {
            at: None,
            status: StatusCode::NOT_FOUND,
            content_type: html,
            cache: ASKED,
            gzip: false,
            body: MISSING.as_bytes().to_vec(),
        },
    ]
}

fn headers(file: &File) -> Vec<(String, String)> {
    let mut headers = vec![
        ("content-type", file.content_type),
        ("cache-control", file.cache),
        ("content-security-policy", SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("vary", "accept-encoding"),
    ];
    if file.gzip {
        headers.push(("content-encoding", "gzip"));
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn entry(file: File) -> Result<Entry, HttpCertificationError> {
    let expression = DefaultCelBuilder::response_only_certification()
        .with_response_certification(DefaultResponseCertification::response_header_exclusions(vec![]))
        .build();
    let mut headers = headers(&file);
    headers.push((CERTIFICATE_EXPRESSION_HEADER_NAME.to_owned(), expression.to_string()));
    let File { at, status, gzip, body, .. } = file;
    let response =
        HttpResponse::builder().with_status_code(status).with_headers(headers).with_body(body).build();
    let certification = HttpCertification::response_only(&expression, &response, None)?;
    let path = match &at {
        Some(at) => HttpCertificationPath::exact(at.clone()),
        None => HttpCertificationPath::wildcard(""),
    };
    Ok(Entry { path, at, gzip, response, certification })
}

/// Whether the client takes compressed answers.
fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
    let coding = |coding: &str| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    };
    accepted.flat_map(|(_, value)| value.split(',')).any(coding)
}

/// An answer without a certificate, for what the gateway never asks.
fn uncertified(status: StatusCode, text: &'static str) -> HttpResponse<'static> {
    let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    HttpResponse::builder().with_status_code(status).with_headers(headers).with_body(text.as_bytes()).build()
}

impl Site {
    /// The site of the explorer with this id, on the subnet with this root key.
    ///
    /// # Errors
    /// When a response cannot be certified.
    pub fn new(explorer: &str, root_key: &[u8]) -> Result<Self, HttpCertificationError> {
        let mut key = String::new();
        for byte in root_key {
            let written = write!(key, "{byte:02x}");
            debug_assert!(written.is_ok());
        }
        let subnet = format!("{{\"explorer\":\"{explorer}\",\"root_key\":\"{key}\"}}");
        let entries = files(subnet).into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let mut tree = HttpCertificationTree::default();
        entries.iter().for_each(|entry| tree.insert(&entry.tree_entry()));
        Ok(Self { entries, tree })
    }

    /// What is to be certified.
    pub fn root(&self) -> [u8; 32] {
        self.tree.root_hash()
    }

    fn select(&self, path: &str, gzip: bool) -> Option<&Entry> {
        let here = || self.entries.iter().filter(|entry| entry.at.as_deref() == Some(path));
        let compressed = here().find(|entry| gzip && entry.gzip);
        let plain = || here().find(|entry| !entry.gzip);
        compressed.or_else(plain).or_else(|| self.entries.iter().find(|entry| entry.at.is_none()))
    }

    /// The response to a query that came with this certificate.
    pub fn respond(&self, request: &HttpRequest, certificate: Option<&[u8]>) -> HttpResponse<'static> {
        let Ok(path) = request.get_path() else {
            return uncertified(StatusCode::BAD_REQUEST, "The URL cannot be read.");
        };
        let Some(certificate) = certificate else {
            return uncertified(StatusCode::INTERNAL_SERVER_ERROR, "No certificate: ask by a query call.");
        };
        let Some(entry) = self.select(&path, takes_gzip(request)) else {
            return uncertified(StatusCode::NOT_FOUND, "There is no such page.");
        };
        let Ok(witness) = self.tree.witness(&entry.tree_entry(), &path) else {
            return uncertified(StatusCode::INTERNAL_SERVER_ERROR, "There is no proof for this path.");
        };
        let mut response = entry.response.clone();
        add_v2_certificate_header(certificate, &mut response, &witness, &entry.path.to_expr_path());
        response
    }
}
