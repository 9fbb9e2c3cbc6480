//! The asset canister of crate ic-certified-assets (`canisters/assets`), filled by ic-asset (`canisters/assets/uploader`)
//! and served by the gateway, which verifies every response. `atoll assets sync` ([`super::sync`]) reads the same rules
//! in the same way.

use super::network::person::Person;
use super::network::{Network, canisters, load, module};
use super::{create, install, install_code, nothing, upgrade};
use atoll::encoding::management::InstallMode;
use bytes::Bytes;
use candid::{CandidType, Principal};
use http_body_util::{BodyExt, Empty};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use ic_agent::Agent;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

const SEED: u8 = 3;
const PICTURE_BYTES: usize = 3_000_000;
const CONFIG: &str = r#"[
  // everything, then what differs
  { "match": "**/*", "headers": { "x-shelf": "third" }, "encodings": ["identity", "gzip"] },
  { match: "**/*.css", cache: { max_age: 60 }, headers: { 'x-shelf': "fourth" }, },
]"#;

/// What a browser gets.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }
}

/// Asks the gateway for a page of `host`, as a browser does that resolved the name.
pub async fn fetch(network: &Network, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::get(format!("{}{path}", network.gateway_url)).header("host", host);
    // What was uploaded is looked at right away: not what the gateway has kept for a moment.
    request = request.header("cache-control", "no-cache");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let (head, body) = client.request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.unwrap_or_else(|error| panic!("{host}{path}: {error}")).to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

/// Bytes that no encoding makes shorter.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

pub fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("written");
}

fn sync(network: &Network, canister: Principal, folder: &Path) {
    let uploader = canisters().join("uploader");
    assert!(uploader.exists(), "run `make assets`");
    let (root_key, key) = (hex::encode(&network.root_key), hex::encode([SEED; 32]));
    let output = Command::new(uploader)
        .args([&*network.gateway_url, &root_key, &key, &canister.to_text()])
        .arg(folder)
        .output()
        .expect("the uploader starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn page() -> String {
    format!("<!doctype html><link rel=stylesheet href=style.css>{}", "<p>shelf</p>".repeat(500))
}

fn sheet() -> String {
    "p { color: teal }\n".repeat(300)
}

/// An asset canister, its pages under its own host name.
struct Site<'a> {
    network: &'a Network,
    host: String,
}

impl Site<'_> {
    async fn check(&self, path: &str, content_type: &str, shelf: &str, body: &[u8]) {
        let plain = fetch(self.network, &self.host, path, &[]).await;
        assert_eq!(plain.status, StatusCode::OK, "{path}: {plain:?}");
        assert_eq!(plain.header("content-type"), Some(content_type), "{path}");
        assert_eq!(plain.header("x-shelf"), Some(shelf), "{path}");
        assert!(plain.body == body, "{path} has {} bytes", plain.body.len());
    }

    async fn check_compressed(&self, path: &str, body: &[u8]) {
        let answer = fetch(self.network, &self.host, path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{path}: {answer:?}");
        assert!(answer.body.len() < body.len() / 10, "{path} has {} bytes", answer.body.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut unpacked).expect("gzip");
        assert!(unpacked == body, "{path}");
    }

    async fn check_all(&self, picture: &[u8]) {
        self.check("/", "text/html", "third", page().as_bytes()).await;
        self.check("/index.html", "text/html", "third", page().as_bytes()).await;
        self.check("/style.css?version=7", "text/css", "fourth", sheet().as_bytes()).await;
        self.check("/pictures/whale.bin", "application/octet-stream", "third", picture).await;
        self.check("/pictures", "text/html", "third", b"<p>pictures</p>").await;
        self.check_compressed("/", page().as_bytes()).await;
        self.check_compressed("/style.css", sheet().as_bytes()).await;
        let sheet = fetch(self.network, &self.host, "/style.css", &[]).await;
        assert_eq!(sheet.header("cache-control"), Some("max-age=60"));
    }
}

/// An empty asset canister.
pub async fn deploy(agent: &Agent) -> Principal {
    let id = create(agent).await;
    let installed = install_code(agent, id, InstallMode::Install, module("assets"), nothing());
    installed.await.expect("installed");
    id
}

/// Files of ic-asset arrive as they are, with types, encodings and headers, before and after an upgrade and a change.
pub async fn the_asset_canister_serves_what_ic_asset_uploads(network: &Network) {
    let agent = load::agent(&network.gateway_url, &network.root_key, SEED);
    let id = deploy(&agent).await;
    let site = Site { network, host: format!("{id}.localhost") };
    let temporary = tempfile::tempdir().expect("a folder");
    // ic-asset leaves out what has a dot before its name, the temporary folder itself among it.
    let folder = &temporary.path().join("site");
    let picture = noise(PICTURE_BYTES);
    write(folder, ".ic-assets.json5", CONFIG);
    write(folder, "style.css", "p { color: red }");
    write(folder, "pictures/whale.bin", &picture);
    write(folder, "pictures/index.html", "<p>pictures</p>");
    sync(network, id, folder);
    site.check("/style.css", "text/css", "fourth", b"p { color: red }").await;
    for path in ["/", "/nowhere"] {
        let missing = fetch(network, &site.host, path, &[]).await;
        assert_eq!((missing.status, &*missing.body), (StatusCode::NOT_FOUND, &b"not found"[..]), "{path}");
    }

    write(folder, "style.css", sheet());
    write(folder, "index.html", page());
    sync(network, id, folder);
    site.check_all(&picture).await;
    // With a page at its root, the canister answers unknown paths by that page.
    site.check("/nowhere", "text/html", "third", page().as_bytes()).await;

    upgrade(&agent, id, "assets").await;
    site.check_all(&picture).await;
    let (canister, folder) = (id.to_text(), folder.to_str().expect("UTF-8"));
    let again = ["assets", "sync", folder, "--canister", &canister, "--dry-run"];
    let found = Person::new(network, SEED).run(&again).expect("a dry run");
    assert_eq!(found, "4 files: 0 would be new, 0 would be changed, 0 would be deleted");
}

#[derive(CandidType)]
struct Token {
    next: u64,
}

candid::define_function!(More : (Token) -> (Part) query);

#[derive(CandidType)]
struct Part {
    body: Vec<u8>,
    token: Option<Token>,
}

#[derive(CandidType)]
enum Strategy {
    Callback { callback: More, token: Token },
}

#[derive(CandidType)]
struct Page {
    status_code: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    streaming_strategy: Option<Strategy>,
}

/// A canister that answers `http_request` and `more` with the same replies always, and certifies nothing.
fn forger(page: Page) -> Vec<u8> {
    let part = Part { body: b"more".to_vec(), token: Some(Token { next: 1 }) };
    let replies = [("http_request", candid::encode_one(page)), ("more", candid::encode_one(part))];
    let mut text = String::from(
        r#"(module (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply)) (memory 1)"#,
    );
    for (index, (method, reply)) in replies.into_iter().enumerate() {
        let (reply, at) = (reply.expect("encodes"), index * 32_768);
        let bytes: String = reply.iter().map(|byte| format!("\\{byte:02x}")).collect();
        text += &format!(
            r#"(data (i32.const {at}) "{bytes}") (func (export "canister_query {method}")
                (call $append (i32.const {at}) (i32.const {})) (call $reply))"#,
            reply.len()
        );
    }
    wat::parse_str(text + ")").expect("a module")
}

/// A page without a certificate is an error page, unless its host name says that nobody verifies; a stream that goes on
/// for longer than the gateway gathers it is no way around that.
pub async fn what_cannot_be_verified_is_not_served(network: &Network) {
    let agent = load::agent(&network.gateway_url, &network.root_key, SEED);
    for streams in [false, true] {
        let id = create(&agent).await;
        let callback = More::new(id, "more".to_string());
        let strategy = streams.then_some(Strategy::Callback { callback, token: Token { next: 0 } });
        let headers = vec![("content-type".to_string(), "text/plain".to_string())];
        let page =
            Page { status_code: 200, headers, body: b"believe me".to_vec(), streaming_strategy: strategy };
        install(&agent, id, forger(page)).await.expect("installed");
        let refused = fetch(network, &format!("{id}.localhost"), "/", &[]).await;
        let text = String::from_utf8_lossy(&refused.body);
        let (status, words) = match streams {
            false => (StatusCode::SERVICE_UNAVAILABLE, "could not be verified"),
            true => (StatusCode::BAD_GATEWAY, "too large"),
        };
        assert_eq!(refused.status, status, "streams: {streams}: {text}");
        assert!(text.contains(words) && !text.contains("believe me"), "{text}");
        if !streams {
            let raw = fetch(network, &format!("{id}.raw.localhost"), "/", &[]).await;
            assert_eq!((raw.status, &*raw.body), (StatusCode::OK, &b"believe me"[..]));
        }
    }
}
