//! A site that a canister serves, certified as canisters do it, and replicas that tell of it what a test wants.

use crate::certification::{LabelTree, certificate, state_root_message};
use crate::gateway::range::Wanted;
use crate::http::tests::node::{FakeNode, Script};
use crate::ingress::signer;
use crate::types::*;
use blst::min_sig::SecretKey;
use candid::{CandidType, Decode, Encode};
use ic_certification::{HashTree, fork, labeled, leaf, pruned};
use ic_http_certification::cel::DefaultResponseCertification;
use ic_http_certification::{
    CERTIFICATE_EXPRESSION_HEADER_NAME, DefaultCelBuilder, HttpCertification, HttpCertificationPath,
    HttpCertificationTree, HttpCertificationTreeEntry, HttpResponse, StatusCode,
    utils::add_v2_certificate_header,
};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BLS_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// Bytes of one part of `/video`, which has three and a bit.
pub const PART: usize = 300_000;
pub const VIDEO: usize = 3 * PART + 1_234;
/// Bytes of one part of `/stream`, which comes by a callback and has more than DFINITY's gateway verifies.
pub const STREAM_PART: usize = 250_000;
pub const STREAM: usize = 9 * STREAM_PART;

/// The canister's id.
pub fn id() -> Principal {
    CanisterId(7).principal()
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Token {
    pub next: u64,
}

candid::define_function!(pub More : (Token) -> (Piece) query);

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Piece {
    pub body: ByteBuf,
    pub token: Option<Token>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum Strategy {
    Callback { callback: More, token: Token },
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Reply {
    pub status_code: u16,
    pub headers: Vec<(String, String)>,
    pub body: ByteBuf,
    pub streaming_strategy: Option<Strategy>,
    pub upgrade: Option<bool>,
}

impl Reply {
    pub fn header(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
        &mut found.unwrap_or_else(|| panic!("no header {name}")).1
    }

    pub fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub fn add_header(&mut self, name: &str, value: &str) {
        self.headers.push((name.into(), value.into()));
    }
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Question {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub certificate_version: Option<u16>,
}

impl Question {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Bytes that no encoding makes shorter.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

pub fn index() -> Vec<u8> {
    format!("<!doctype html><title>site</title>{}", "<p>verified</p>".repeat(200)).into_bytes()
}

pub fn video() -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| noise(3, VIDEO));
    BYTES.clone()
}

pub fn stream() -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| noise(5, STREAM));
    BYTES.clone()
}

pub fn large() -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| noise(9, 1_900_000));
    BYTES.clone()
}

#[derive(Clone)]
struct Asset {
    path: HttpCertificationPath<'static>,
    certification: HttpCertification,
    response: HttpResponse<'static>,
}

/// The site; its certified data are the root of two trees, of both versions.
#[derive(Clone)]
pub struct Site {
    tree: HttpCertificationTree,
    assets: Vec<(String, Asset)>,
    old: HashTree,
}

const CERTIFIED: &[&str] = &[
    "access-control-allow-origin",
    "content-type",
    "content-encoding",
    "content-range",
    "cache-control",
    "etag",
    "location",
];

impl Site {
    /// `version` tells one state of the site from another.
    pub fn new(version: u8) -> Site {
        let old = labeled(b"http_assets", fork(script_of_version_1(), page_of_version_1()));
        let mut site = Site { tree: HttpCertificationTree::default(), assets: Vec::new(), old };
        let exact = |path: &'static str| HttpCertificationPath::exact(path);
        let html = ("content-type", "text/html");
        let mut page = index();
        page.extend(format!("<!-- {version} -->").bytes());
        site.add("/", exact("/"), 200, &[html], &page);
        site.add("/kept", exact("/kept"), 200, &[html, ("cache-control", "max-age=60")], &page);
        site.add("/other", exact("/other"), 200, &[html], b"another page");
        site.add("/large", exact("/large"), 200, &[("content-type", "image/png")], &large());
        site.add("/packed", exact("/packed"), 200, &[html, ("content-encoding", "gzip")], &packed());
        site.add("/cors", exact("/cors"), 204, &[("access-control-allow-origin", "https://a.example")], b"");
        site.add("/moved", exact("/moved"), 301, &[("location", "/other")], b"");
        site.add("/stream", exact("/stream"), 200, &[("content-type", "image/png")], &stream());
        let tag = format!("\"video-{version}\"");
        for (number, part) in video().chunks(PART).enumerate() {
            let start = number * PART;
            let place = format!("bytes {start}-{}/{VIDEO}", start + part.len() - 1);
            let headers =
                [("content-type", "video/mp4"), ("content-range", place.as_str()), ("etag", tag.as_str())];
            site.add(&format!("/video {number}"), exact("/video"), 206, &headers, part);
        }
        site.add("*", HttpCertificationPath::wildcard("/"), 404, &[html], b"<p>nothing here</p>");
        site
    }

    fn add(
        &mut self,
        name: &str,
        path: HttpCertificationPath<'static>,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        let expression = DefaultCelBuilder::response_only_certification()
            .with_response_certification(DefaultResponseCertification::certified_response_headers(CERTIFIED))
            .build();
        let mut all = vec![(CERTIFICATE_EXPRESSION_HEADER_NAME.to_string(), expression.to_string())];
        all.extend(headers.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let response = HttpResponse::builder()
            .with_status_code(StatusCode::from_u16(status).expect("a status"))
            .with_headers(all)
            .with_body(body.to_vec())
            .build();
        let certification =
            HttpCertification::response_only(&expression, &response, None).expect("certified");
        self.tree.insert(&HttpCertificationTreeEntry::new(&path, certification));
        self.assets.push((name.to_string(), Asset { path, certification, response }));
    }

    /// What the canister's certified data are.
    pub fn root(&self) -> Vec<u8> {
        let tree: HashTree = fork(pruned(self.old.digest()), pruned(self.tree.root_hash()));
        tree.digest().to_vec()
    }

    /// An asset by its name, with a proof under `certificate` that it answers `url`.
    pub fn told(&self, name: &str, url: &str, certificate: &[u8]) -> Reply {
        let (_, asset) = self.assets.iter().find(|(known, _)| known == name).expect("an asset");
        let entry = HttpCertificationTreeEntry::new(&asset.path, asset.certification);
        let witness = fork(pruned(self.old.digest()), self.tree.witness(&entry, url).expect("a witness"));
        let mut response = asset.response.clone();
        add_v2_certificate_header(certificate, &mut response, &witness, &asset.path.to_expr_path());
        Reply {
            status_code: response.status_code().as_u16(),
            headers: response.headers().to_vec(),
            body: ByteBuf::from(response.body().to_vec()),
            streaming_strategy: None,
            upgrade: None,
        }
    }

    /// The index under version 1, with a proof of all that there is.
    pub fn told_old(&self, certificate: &[u8]) -> Reply {
        self.told_with(self.old.clone(), certificate)
    }

    /// The same, with a proof that hides what else there is.
    pub fn told_old_hiding(&self, certificate: &[u8]) -> Reply {
        let hidden = fork(pruned(script_of_version_1().digest()), page_of_version_1());
        self.told_with(labeled(b"http_assets", hidden), certificate)
    }

    fn told_with(&self, old: HashTree, certificate: &[u8]) -> Reply {
        let witness = fork(old, pruned(self.tree.root_hash()));
        let encode = ic_http_certification::utils::cbor_encode_to_base64;
        let certificate = base64(certificate);
        let value = format!("certificate=:{certificate}:, tree=:{}:", encode(&witness));
        let headers = vec![("content-type".into(), "text/html".into()), ("IC-Certificate".into(), value)];
        Reply {
            status_code: 200,
            headers,
            body: ByteBuf::from(index()),
            streaming_strategy: None,
            upgrade: None,
        }
    }

    /// What the canister answers.
    pub fn answer(&self, question: &Question, certificate: &[u8]) -> Reply {
        let url = question.url.as_str();
        let path = url.split('?').next().unwrap_or_default();
        match path {
            "/video" => {
                let mut headers = hyper::HeaderMap::new();
                if let Some(range) = question.header("range") {
                    headers.insert("range", range.parse().expect("a value"));
                }
                let wanted = Wanted::of(&headers).and_then(|wanted| wanted.within(VIDEO as u64));
                let number = wanted.map_or(0, |range| range.start as usize / PART);
                self.told(&format!("/video {number}"), url, certificate)
            }
            "/stream" => {
                let mut told = self.told("/stream", url, certificate);
                told.body.truncate(STREAM_PART);
                let callback = More::new(id(), "more".into());
                told.streaming_strategy = Some(Strategy::Callback { callback, token: Token { next: 1 } });
                told
            }
            path if path.starts_with("/update") => {
                let body = ByteBuf::from(b"a query's word".to_vec());
                Reply {
                    status_code: 200,
                    headers: vec![],
                    body,
                    streaming_strategy: None,
                    upgrade: Some(true),
                }
            }
            path if self.assets.iter().any(|(name, _)| name == path) => self.told(path, url, certificate),
            _ => self.told("*", path, certificate),
        }
    }
}

/// What version 1 has besides the index.
fn script_of_version_1() -> HashTree {
    labeled(b"/app.js", leaf(Sha256::digest(b"run()").to_vec()))
}

fn page_of_version_1() -> HashTree {
    labeled(b"/index.html", leaf(Sha256::digest(index()).to_vec()))
}

pub fn packed() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &index()).expect("packs");
    encoder.finish().expect("packs")
}

pub fn piece(next: u64) -> Piece {
    let body = stream().chunks(STREAM_PART).nth(next as usize).unwrap_or_default().to_vec();
    let token = ((next as usize + 1) * STREAM_PART < STREAM).then_some(Token { next: next + 1 });
    Piece { body: ByteBuf::from(body), token }
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { digit } else { digit | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

/// A certificate, and all that may be wrong with it.
pub struct Certificate {
    pub key: SecretKey,
    pub canister: Principal,
    /// `None`: there is no such label.
    pub data: Option<Vec<u8>>,
    pub time: Option<SystemTime>,
}

impl Certificate {
    /// A good one.
    pub fn of(site: &Site) -> Certificate {
        let (data, time) = (Some(site.root()), Some(SystemTime::now()));
        Certificate { key: signer::root_secret(), canister: id(), data, time }
    }

    pub fn aged(self, by: Duration) -> Certificate {
        Certificate { time: Some(SystemTime::now() - by), ..self }
    }

    pub fn bytes(self) -> Vec<u8> {
        let mut tree = LabelTree::new();
        if let Some(time) = self.time {
            let time = time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
            tree.set_leaf(&[b"time".as_slice()], leb128(time as u64));
        }
        let path = [b"canister".as_slice(), self.canister.as_slice(), b"certified_data"];
        if let Some(data) = self.data {
            tree.set_leaf(&path, data);
        }
        let root = StateRoot(tree.digest());
        let signature =
            BlsBytes(self.key.sign(&state_root_message(&tree.digest()), BLS_SUITE, &[]).compress());
        let certification = Certification { height: Height(1), root, signature };
        certificate(&tree, &[path.iter().map(|label| label.to_vec()).collect()], &certification)
    }
}

/// What a replica says instead of what is so.
pub enum Lie {
    Told(Reply),
    Bytes(Vec<u8>),
    Refused(Reject),
}

/// From a question, and what would be honest, to what is said.
pub type Sin = Arc<dyn Fn(&Site, &Question, Reply) -> Lie + Send + Sync>;
/// The same of a stream's pieces.
pub type PieceSin = Arc<dyn Fn(u64, Piece) -> Piece + Send + Sync>;

/// A replica that tells of the site.
pub struct Teller {
    pub node: FakeNode,
    /// How often its canister was asked for a page, and executed an update.
    pub asked: Arc<AtomicUsize>,
    pub updated: Arc<AtomicUsize>,
    pub sin: Arc<Mutex<Option<Sin>>>,
    pub piece_sin: Arc<Mutex<Option<PieceSin>>>,
    /// How long a query takes.
    pub takes: Arc<Mutex<Duration>>,
}

impl Teller {
    /// Of a site whose canister says that it knows `versions`.
    pub async fn start(versions: Option<&str>) -> Teller {
        let (asked, updated) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (sin, piece_sin) = (Arc::new(Mutex::new(None::<Sin>)), Arc::new(Mutex::new(None::<PieceSin>)));
        let takes = Arc::new(Mutex::new(Duration::ZERO));
        let script = script(asked.clone(), updated.clone(), sin.clone(), piece_sin.clone(), takes.clone());
        let config = crate::http::Config::default();
        let node = FakeNode::scripted(config, crate::http::tests::controller(), versions, script).await;
        Teller { node, asked, updated, sin, piece_sin, takes }
    }

    pub fn sins(&self, sin: impl Fn(&Site, &Question, Reply) -> Lie + Send + Sync + 'static) {
        *self.sin.lock().expect("not poisoned") = Some(Arc::new(sin));
    }

    pub fn repents(&self) {
        *self.sin.lock().expect("not poisoned") = None;
        *self.piece_sin.lock().expect("not poisoned") = None;
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn script(
    asked: Arc<AtomicUsize>,
    updated: Arc<AtomicUsize>,
    sin: Arc<Mutex<Option<Sin>>>,
    piece_sin: Arc<Mutex<Option<PieceSin>>>,
    takes: Arc<Mutex<Duration>>,
) -> Script {
    let site = Site::new(1);
    Arc::new(move |method, arg| {
        let replied =
            |reply: Result<Vec<u8>, candid::Error>| Some(QueryResult::Replied(reply.expect("encodes")));
        match method {
            "http_request" => {
                asked.fetch_add(1, Ordering::SeqCst);
                let takes = *takes.lock().expect("not poisoned");
                if !takes.is_zero() {
                    std::thread::sleep(takes);
                }
                let question = Decode!(arg, Question).expect("a question");
                let honest = site.answer(&question, &Certificate::of(&site).bytes());
                let sin = sin.lock().expect("not poisoned").clone();
                match sin.map_or(Lie::Told(honest.clone()), |sin| sin(&site, &question, honest)) {
                    Lie::Told(reply) => replied(Encode!(&reply)),
                    Lie::Bytes(bytes) => Some(QueryResult::Replied(bytes)),
                    Lie::Refused(reject) => Some(QueryResult::Rejected(reject)),
                }
            }
            "more" => {
                let Token { next } = Decode!(arg, Token).expect("a token");
                let sin = piece_sin.lock().expect("not poisoned").clone();
                let honest = piece(next);
                replied(Encode!(&sin.map_or(honest.clone(), |sin| sin(next, honest))))
            }
            "http_request_update" => {
                updated.fetch_add(1, Ordering::SeqCst);
                let question = Decode!(arg, Question).expect("a question");
                match question.url.as_str() {
                    "/update-trap" => {
                        return Some(QueryResult::Rejected(Reject::new(
                            ErrorCode::CanisterTrapped,
                            "trapped",
                        )));
                    }
                    "/other" => {
                        let error = ErrorCode::CanisterMethodNotFound;
                        return Some(QueryResult::Rejected(Reject::new(error, "no such method")));
                    }
                    "/update-nonsense" => return replied(Ok(b"no page".to_vec())),
                    _ => {}
                }
                let callback = More::new(id(), "more".into());
                let streams = question.url == "/update-stream";
                let strategy = streams.then_some(Strategy::Callback { callback, token: Token { next: 7 } });
                let body = ByteBuf::from(b"certified".to_vec());
                let (headers, upgrade) = (vec![("content-type".into(), "text/plain".into())], None);
                replied(Encode!(&Reply {
                    status_code: 200,
                    headers,
                    body,
                    streaming_strategy: strategy,
                    upgrade
                }))
            }
            _ => None,
        }
    })
}
