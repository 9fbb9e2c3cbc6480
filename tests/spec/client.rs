//! A client that verifies everything, on its own: BLS signatures of certificates, delegations of subnets,
//! Ed25519 signatures of nodes.

use crate::answer::{Answer, Outcome};
use crate::request::{Draft, Map, hash_of_map, nat, text};
use bytes::Bytes;
use ciborium::Value;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ic_agent::export::Principal;
use ic_certification::{Certificate, LookupResult, SubtreeLookupResult};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Numbers of keys ([`crate::request::key`]).
pub const CONTROLLER: u8 = 1;
pub const STRANGER: u8 = 2;

/// A call that is not answered after this long never is.
const PATIENCE: Duration = Duration::from_secs(100);

/// One endpoint of one subnet.
pub struct Client {
    url: String,
    http: HttpClient<HttpConnector, Full<Bytes>>,
    /// DER-encoded.
    pub root_key: Vec<u8>,
    pub subnet: Principal,
    /// A canister id of the subnet's range.
    pub effective: Principal,
    nodes: BTreeMap<Vec<u8>, [u8; 32]>,
    /// Roots whose signature was verified, with it.
    verified: Mutex<BTreeSet<([u8; 32], Vec<u8>)>>,
}

impl Client {
    /// Connects, takes the root key on trust and the nodes' keys by a certificate.
    pub async fn connect(url: &str) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = HttpClient::builder(TokioExecutor::new()).build(connector);
        let mut client = Client {
            url: url.trim_end_matches('/').to_owned(),
            http,
            root_key: Vec::new(),
            subnet: Principal::management_canister(),
            effective: Principal::management_canister(),
            nodes: BTreeMap::new(),
            verified: Mutex::default(),
        };
        let (_, _, body) = client.exchange("GET", "/api/v2/status", "", Vec::new()).await.expect("a status");
        client.root_key = field(&fields(&body).expect("CBOR"), "root_key").expect("a root key");
        client.subnet = Principal::self_authenticating(&client.root_key);
        client.read_subnet().await;
        client
    }

    async fn read_subnet(&mut self) {
        let variables = BTreeMap::from([("subnet".into(), self.subnet.as_slice().to_vec())]);
        let mut draft = Draft::new(variables);
        draft.read(&["/subnet"]);
        let answer = self.send(&draft).await.expect("an answer");
        let Outcome::Certified(certificate) = &answer.outcome else { panic!("no certificate: {answer}") };
        let ranges = certificate.tree.lookup_path([b"subnet", self.subnet.as_slice(), b"canister_ranges"]);
        let LookupResult::Found(ranges) = ranges else { panic!("no canister ranges") };
        self.effective = first_canister(ranges).expect("a canister range");
        let nodes = certificate.tree.lookup_subtree([b"subnet", self.subnet.as_slice(), b"node"]);
        let SubtreeLookupResult::Found(nodes) = nodes else { panic!("no nodes") };
        let paths = nodes.list_paths();
        let keys = paths.iter().filter(|path| path.len() == 2 && path[1].as_bytes() == b"public_key");
        self.nodes = keys
            .map(|path| {
                let LookupResult::Found(der) = nodes.lookup_path(path) else { panic!("no key") };
                assert_eq!(hex::encode(&der[..12]), "302a300506032b6570032100", "an Ed25519 key in DER");
                (path[0].as_bytes().to_vec(), der[12..].try_into().expect("32 bytes"))
            })
            .collect();
    }

    async fn exchange(
        &self,
        verb: &str,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(u16, hyper::HeaderMap, Vec<u8>), String> {
        let mut request = Request::builder().method(verb).uri(format!("{}{path}", self.url));
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Full::new(body.into())).map_err(|error| error.to_string())?;
        let answer = self.http.request(request).await.map_err(|error| format!("{error:?}"))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((head.status.as_u16(), head.headers, body.to_vec()))
    }

    /// Sends a request and verifies the answer. A call that takes long is polled for.
    pub async fn send(&self, draft: &Draft) -> Result<Answer, String> {
        let body = draft.body();
        let (status, headers, body) =
            self.exchange(draft.verb, &draft.path, draft.content_type, body).await?;
        let mut answer = Answer { status, headers, body, outcome: Outcome::Http };
        answer.outcome = match (status, draft.path.rsplit('/').next()) {
            (200, Some("call")) => self.read_call(draft, &answer.body)?,
            (200, Some("query")) => self.read_query(draft, &answer.body)?,
            (200, Some("read_state")) => Outcome::Certified(self.read_certificate(&answer.body)?),
            (202, _) if answer.body.is_empty() => Outcome::Accepted,
            _ => Outcome::Http,
        };
        Ok(answer)
    }

    /// Sends a call and waits until it is answered.
    pub async fn call(&self, draft: &Draft) -> Result<Answer, String> {
        let answer = self.send(draft).await?;
        match answer.outcome {
            Outcome::Accepted => self.poll(draft, answer).await,
            _ => Ok(answer),
        }
    }

    /// Asks for the status of a call until it is final.
    pub async fn poll(&self, draft: &Draft, mut answer: Answer) -> Result<Answer, String> {
        let started = Instant::now();
        let mut read = Draft::new(draft.variables.clone());
        read.variables.insert("request".into(), draft.id().to_vec());
        read.read(&["/request_status/$request"]);
        read.path =
            draft.path.replace("/call", "/read_state").replace("/v2/", "/v3/").replace("/v4/", "/v3/");
        if let Some(key) = &draft.signer {
            read.signed(key.clone());
        }
        while started.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(200)).await;
            read.set("ingress_expiry", nat(crate::request::now() + 4 * crate::request::MINUTE));
            let status = self.send(&read).await?;
            if let Outcome::Certified(certificate) = &status.outcome {
                answer.outcome = outcome_of(certificate, &draft.id())?;
                if !matches!(answer.outcome, Outcome::Accepted) {
                    return Ok(answer);
                }
            } else {
                return Ok(status);
            }
        }
        Err(format!("no answer after {} s", PATIENCE.as_secs()))
    }

    fn read_call(&self, draft: &Draft, body: &[u8]) -> Result<Outcome, String> {
        let fields = fields(body)?;
        if let Some(certificate) = field(&fields, "certificate") {
            if find(&fields, "status") != Some(&text("replied")) {
                return Err("a certificate without the status `replied`".into());
            }
            return outcome_of(&self.verify(&certificate)?, &draft.id());
        }
        let status = find(&fields, "status");
        let asynchronous = draft.path.starts_with("/api/v2");
        let expected = (!asynchronous).then(|| text("non_replicated_rejection"));
        match status == expected.as_ref() {
            true => read_reject(&fields),
            false => Err(format!("a reject whose status is {status:?}")),
        }
    }

    fn read_query(&self, draft: &Draft, body: &[u8]) -> Result<Outcome, String> {
        let fields = fields(body)?;
        let status = find(&fields, "status").and_then(Value::as_text).unwrap_or_default().to_owned();
        let (outcome, mut signed) = match status.as_str() {
            "replied" => {
                let reply = find(&fields, "reply").and_then(Value::as_map).ok_or("no reply")?;
                let arg = reply.iter().find(|(key, _)| *key == text("arg"));
                let arg = arg.and_then(|(_, arg)| arg.as_bytes()).ok_or("no arg in the reply")?;
                let signed = vec![("reply".into(), Value::Map(reply.clone()))];
                (Outcome::Replied(arg.clone()), signed)
            }
            "rejected" => {
                let names = ["reject_code", "reject_message", "error_code"];
                let present =
                    names.iter().filter_map(|name| Some((name.to_string(), find(&fields, name)?.clone())));
                (read_reject(&fields)?, present.collect())
            }
            other => return Err(format!("a query answer with the status `{other}`")),
        };
        signed.push(("status".into(), text(&status)));
        signed.push(("request_id".into(), Value::Bytes(draft.id().to_vec())));
        self.verify_signatures(&fields, signed)?;
        Ok(outcome)
    }

    fn verify_signatures(&self, fields: &Map, signed: Map) -> Result<(), String> {
        let signatures = find(fields, "signatures").and_then(Value::as_array).ok_or("no signatures")?;
        if signatures.is_empty() {
            return Err("no signature of a node".into());
        }
        for signature in signatures {
            let entries = signature.as_map().ok_or("a signature is no map")?;
            let get = |name: &str| entries.iter().find(|(key, _)| *key == text(name)).map(|(_, value)| value);
            let node = get("identity").and_then(Value::as_bytes).ok_or("no identity")?;
            let key = self.nodes.get(node).ok_or("the signing node is not of the subnet")?;
            let bytes = get("signature").and_then(Value::as_bytes).ok_or("no signature")?;
            let mut signed = signed.clone();
            signed.push(("timestamp".into(), get("timestamp").ok_or("no timestamp")?.clone()));
            let message = [b"\x0Bic-response".as_slice(), &hash_of_map(&signed)].concat();
            let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|error| error.to_string())?;
            let bytes = ed25519_dalek::Signature::from_slice(bytes).map_err(|error| error.to_string())?;
            key.verify_strict(&message, &bytes).map_err(|_| "a node's signature is wrong")?;
        }
        Ok(())
    }

    fn read_certificate(&self, body: &[u8]) -> Result<Certificate, String> {
        let certificate = field(&fields(body)?, "certificate").ok_or("no certificate")?;
        self.verify(&certificate)
    }

    /// A certificate whose signature is the subnet's and which says what time it is.
    pub fn verify(&self, bytes: &[u8]) -> Result<Certificate, String> {
        let certificate: Certificate = serde_cbor::from_slice(bytes).map_err(|error| error.to_string())?;
        let key = match &certificate.delegation {
            None => self.root_key.clone(),
            Some(delegation) => self.delegated_key(&delegation.subnet_id, &delegation.certificate)?,
        };
        let root = certificate.tree.digest();
        let proof = (root, certificate.signature.clone());
        if !self.verified.lock().expect("a lock").contains(&proof) {
            let message = [b"\x0Dic-state-root".as_slice(), &root].concat();
            let key = key.get(37..).ok_or("a short key")?;
            ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, key)
                .map_err(|()| "the certificate's signature is wrong")?;
            self.verified.lock().expect("a lock").insert(proof);
        }
        match certificate.tree.lookup_path([b"time"]) {
            LookupResult::Found(_) => Ok(certificate),
            other => Err(format!("the certificate does not reveal /time: {other:?}")),
        }
    }

    fn delegated_key(&self, subnet: &[u8], certificate: &[u8]) -> Result<Vec<u8>, String> {
        let certificate: Certificate =
            serde_cbor::from_slice(certificate).map_err(|error| error.to_string())?;
        if certificate.delegation.is_some() {
            return Err("a delegation within a delegation".into());
        }
        let message = [b"\x0Dic-state-root".as_slice(), &certificate.tree.digest()].concat();
        ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, &self.root_key[37..])
            .map_err(|()| "the delegation's signature is wrong")?;
        match certificate.tree.lookup_path([b"subnet", subnet, b"public_key"]) {
            LookupResult::Found(key) => Ok(key.to_vec()),
            other => Err(format!("the delegation has no key of the subnet: {other:?}")),
        }
    }
}

/// What a certificate says of a request: [`Outcome::Accepted`] while nothing is final.
pub fn outcome_of(certificate: &Certificate, id: &[u8; 32]) -> Result<Outcome, String> {
    let lookup = |name: &[u8]| match certificate.tree.lookup_path([b"request_status", id.as_slice(), name]) {
        LookupResult::Found(value) => Ok(Some(value.to_vec())),
        LookupResult::Absent => Ok(None),
        other => Err(format!("{} of the request: {other:?}", String::from_utf8_lossy(name))),
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|error| error.to_string());
    match lookup(b"status")?.as_deref() {
        Some(b"replied") => Ok(Outcome::Replied(lookup(b"reply")?.ok_or("replied without a reply")?)),
        Some(b"rejected") => {
            let code = lookup(b"reject_code")?.ok_or("rejected without a code")?;
            let message = text(lookup(b"reject_message")?.ok_or("rejected without a message")?)?;
            let error = lookup(b"error_code")?.map(text).transpose()?;
            Ok(Outcome::Rejected { code: u64::from(*code.first().unwrap_or(&0)), message, error })
        }
        Some(b"done") => Ok(Outcome::Certified(certificate.clone())),
        Some(b"received" | b"processing") | None => Ok(Outcome::Accepted),
        Some(other) => Err(format!("the status {}", String::from_utf8_lossy(other))),
    }
}

/// The first id of the first range.
fn first_canister(ranges: &[u8]) -> Option<Principal> {
    let Ok(Value::Tag(55799, ranges)) = ciborium::from_reader(ranges) else { return None };
    let ranges = ranges.into_array().ok()?;
    Principal::try_from_slice(ranges.first()?.as_array()?.first()?.as_bytes()?).ok()
}

fn read_reject(fields: &Map) -> Result<Outcome, String> {
    let code = find(fields, "reject_code").and_then(Value::as_integer).ok_or("no reject_code")?;
    let message = find(fields, "reject_message").and_then(Value::as_text).ok_or("no reject_message")?;
    let error = match find(fields, "error_code") {
        None => None,
        Some(Value::Text(text)) => Some(text.clone()),
        Some(other) => return Err(format!("an error_code that is no text: {other:?}")),
    };
    let code = u64::try_from(code).map_err(|error| error.to_string())?;
    Ok(Outcome::Rejected { code, message: message.to_owned(), error })
}

/// The fields of a tagged CBOR map.
pub fn fields(body: &[u8]) -> Result<Map, String> {
    let value: Value = ciborium::from_reader(body).map_err(|error| format!("not CBOR: {error}"))?;
    let Value::Tag(55799, inner) = value else { return Err("the body does not carry tag 55799".into()) };
    let entries = inner.into_map().map_err(|_| "the body is no map")?;
    let named = |(key, value): (Value, Value)| match key {
        Value::Text(key) => Ok((key, value)),
        other => Err(format!("the key {other:?}")),
    };
    entries.into_iter().map(named).collect()
}

pub fn find<'m>(fields: &'m Map, name: &str) -> Option<&'m Value> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn field(fields: &Map, name: &str) -> Option<Vec<u8>> {
    find(fields, name)?.as_bytes().cloned()
}
