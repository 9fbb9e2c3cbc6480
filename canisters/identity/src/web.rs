//! The page: certified responses (response verification, version 2), in one tree with the signatures.
//!
//! 1. Every response is certified: each file at its path, and everywhere else one answer 404. `/authorize` is the page
//!    too, since newer clients open that.
//! 2. Scripts and styles have their hash in their names and are kept by browsers for good; the page itself is asked
//!    for every time.
//! 3. The policy allows no script, style or picture from elsewhere, and nobody may show the page in a frame, where it
//!    could be covered. The page may *ask* apps' own gateways for their alternative origins.
//! 4. No `cross-origin-opener-policy`: the page talks to the app that opened it.

use ic_certification::{Hash, HashTree, fork, fork_hash, pruned};
use ic_http_certification::utils::add_v2_certificate_header;
use ic_http_certification::{
    CERTIFICATE_EXPRESSION_HEADER_NAME, DefaultCelBuilder, DefaultResponseCertification, HttpCertification,
    HttpCertificationError, HttpCertificationPath, HttpCertificationTree, HttpCertificationTreeEntry,
    HttpRequest, HttpResponse, StatusCode,
};

include!(concat!(env!("OUT_DIR"), "/page.rs"));

pub const INDEX: &str = "index.html";
/// Where the page is.
pub const PAGES: [&str; 2] = ["/", "/authorize"];
/// Where the page learns which canister it is of.
pub const ENVIRONMENT: &str = "/env.json";

const KEPT: &str = "public, max-age=31536000, immutable";
const ASKED: &str = "no-cache";
const TEXT: &str = "text/plain; charset=utf-8";

/// The page's policy; `gateways` are what it may ask besides its own origin.
pub fn policy(gateways: &[String]) -> String {
    let asked: String = gateways.iter().map(|source| format!(" {source}")).collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{asked}; \
img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

struct Entry {
    path: HttpCertificationPath<'static>,
    /// The path that it answers; any that is not another's if absent.
    at: Option<String>,
    response: HttpResponse<'static>,
    certification: HttpCertification,
}

impl Entry {
    fn tree_entry(&self) -> HttpCertificationTreeEntry<'_> {
        HttpCertificationTreeEntry::new(&self.path, self.certification)
    }
}

/// A file before it is certified.
struct File<'a> {
    at: Option<String>,
    status: StatusCode,
    content_type: &'static str,
    cache: &'static str,
    body: &'a [u8],
}

/// All responses, and the tree that certifies them.
pub struct Site {
    entries: Vec<Entry>,
    tree: HttpCertificationTree,
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => TEXT,
    }
}

/// Files whose name holds the hash of what is in them never change.
fn cache(name: &str) -> &'static str {
    if name.contains('-') { KEPT } else { ASKED }
}

fn files(environment: &str) -> Vec<File<'_>> {
    let file = |at: String, name: &str, body| File {
        at: Some(at),
        status: StatusCode::OK,
        content_type: content_type(name),
        cache: cache(name),
        body,
    };
    let index = FILES.iter().find(|(name, _)| *name == INDEX).map(|(_, body)| *body).unwrap_or_default();
    let pages = PAGES.map(|at| file(at.to_owned(), INDEX, index));
    let others = FILES
        .iter()
        .filter(|(name, _)| *name != INDEX)
        .map(|(name, body)| file(format!("/{name}"), name, body));
    let env = file(ENVIRONMENT.to_owned(), ENVIRONMENT, environment.as_bytes());
    let missing: &[u8] = b"There is no such page.";
    let missing =
        File { at: None, status: StatusCode::NOT_FOUND, content_type: TEXT, cache: ASKED, body: missing };
    pages.into_iter().chain(others).chain([env, missing]).collect()
}

fn entry(file: File, policy: &str) -> Result<Entry, HttpCertificationError> {
    let all = DefaultResponseCertification::response_header_exclusions(vec![]);
    let expression =
        DefaultCelBuilder::response_only_certification().with_response_certification(all).build();
    let expressed = expression.to_string();
    let headers = [
        ("content-type", file.content_type),
        ("cache-control", file.cache),
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        (
            "permissions-policy",
            "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()",
        ),
        (CERTIFICATE_EXPRESSION_HEADER_NAME, expressed.as_str()),
    ];
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).to_vec();
    let response = HttpResponse::builder()
        .with_status_code(file.status)
        .with_headers(headers)
        .with_body(file.body.to_vec())
        .build();
    let certification = HttpCertification::response_only(&expression, &response, None)?;
    let path = match &file.at {
        Some(at) => HttpCertificationPath::exact(at.clone()),
        None => HttpCertificationPath::wildcard(""),
    };
    Ok(Entry { path, at: file.at, response, certification })
}

/// An answer without a certificate, for what the gateway never asks.
fn uncertified(status: StatusCode, text: &'static str) -> HttpResponse<'static> {
    let headers = vec![("content-type".to_owned(), TEXT.to_owned())];
    HttpResponse::builder().with_status_code(status).with_headers(headers).with_body(text.as_bytes()).build()
}

impl Site {
    /// The page of the canister with this id, on the subnet with this root key.
    ///
    /// # Errors
    /// When a response cannot be certified.
    pub fn new(canister: &str, root_key: &[u8], gateways: &[String]) -> Result<Self, HttpCertificationError> {
        let key: String = root_key.iter().map(|byte| format!("{byte:02x}")).collect();
        let environment = serde_json::json!({ "canister": canister, "root_key": key }).to_string();
        let policy = policy(gateways);
        let entries = files(&environment)
            .into_iter()
            .map(|file| entry(file, &policy))
            .collect::<Result<Vec<_>, _>>()?;
        let mut tree = HttpCertificationTree::default();
        entries.iter().for_each(|entry| tree.insert(&entry.tree_entry()));
        Ok(Self { entries, tree })
    }

    /// What is certified: the page, and signatures with this digest.
    pub fn root(&self, signatures: Hash) -> Hash {
        fork_hash(&self.tree.root_hash(), &signatures)
    }

    /// From the root to what `witness` shows of the signatures.
    pub fn beside(&self, witness: HashTree) -> HashTree {
        fork(pruned(self.tree.root_hash()), witness)
    }

    fn select(&self, path: &str) -> Option<&Entry> {
        let here = self.entries.iter().find(|entry| entry.at.as_deref() == Some(path));
        here.or_else(|| self.entries.iter().find(|entry| entry.at.is_none()))
    }

    /// The response to a query that came with this certificate, while signatures have this digest.
    pub fn respond(
        &self,
        request: &HttpRequest,
        certificate: Option<&[u8]>,
        signatures: Hash,
    ) -> HttpResponse<'static> {
        let Ok(path) = request.get_path() else {
            return uncertified(StatusCode::BAD_REQUEST, "The URL cannot be read.");
        };
        let Some(certificate) = certificate else {
            return uncertified(StatusCode::INTERNAL_SERVER_ERROR, "No certificate: ask by a query call.");
        };
        let Some(entry) = self.select(&path) else {
            return uncertified(StatusCode::NOT_FOUND, "There is no such page.");
        };
        let Ok(witness) = self.tree.witness(&entry.tree_entry(), &path) else {
            return uncertified(StatusCode::INTERNAL_SERVER_ERROR, "There is no proof for this path.");
        };
        let mut response = entry.response.clone();
        let tree = fork(witness, pruned(signatures));
        add_v2_certificate_header(certificate, &mut response, &tree, &entry.path.to_expr_path());
        response
    }
}
