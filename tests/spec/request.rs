//! Requests of users, as the spec describes them, and wrong ones made from right ones.

use crate::program::{Variables, assemble};
use ciborium::Value;
use ic_agent::Identity;
use ic_agent::export::Principal;
use ic_agent::identity::BasicIdentity;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds of a minute.
pub const MINUTE: u64 = 60_000_000_000;

/// A CBOR map with text keys, in the order in which it is sent.
pub type Map = Vec<(String, Value)>;

/// A key that signs.
pub type Key = Arc<dyn Identity>;

/// An Ed25519 key made from a number.
pub fn key(seed: u8) -> Key {
    Arc::new(BasicIdentity::from_raw_key(&[seed; 32]))
}

/// The DER-encoded public key.
pub fn public(key: &Key) -> Vec<u8> {
    key.public_key().expect("a public key")
}

pub fn sign(key: &Key, message: &[u8]) -> Vec<u8> {
    key.sign_arbitrary(message).expect("signs").signature.expect("a signature")
}

pub fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    Value::Bytes(bytes.as_ref().to_vec())
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn nat(number: u64) -> Value {
    Value::Integer(number.into())
}

pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_nanos()).expect("before 2554")
}

/// A request on its way to being sent.
pub struct Draft {
    pub verb: &'static str,
    pub path: String,
    pub content_type: &'static str,
    pub content: Map,
    /// Nobody: the anonymous principal, without a signature.
    pub signer: Option<Key>,
    /// A public key and a signature, instead of the signer's.
    pub proof: Option<(Vec<u8>, Vec<u8>)>,
    /// Links of the chain from `signer` on; the last key signs the request.
    pub links: Vec<Link>,
    /// What becomes of the envelope when it is signed.
    pub tamper: Option<fn(&mut Map)>,
    /// What becomes of the body's bytes at last.
    pub mangle: Option<fn(Vec<u8>) -> Vec<u8>>,
    pub variables: Variables,
}

/// A delegation from the key before to `to`.
pub struct Link {
    pub to: Key,
    pub delegation: Map,
    /// Another key signs it than should.
    pub forger: Option<Key>,
}

impl Draft {
    /// An anonymous query of `$self` that replies `ok`.
    pub fn new(variables: Variables) -> Draft {
        let mut draft = Draft {
            verb: "POST",
            path: String::new(),
            content_type: "application/cbor",
            content: Map::new(),
            signer: None,
            proof: None,
            links: Vec::new(),
            tamper: None,
            mangle: None,
            variables,
        };
        draft.content = vec![
            ("request_type".into(), text("query")),
            ("sender".into(), bytes(Principal::anonymous())),
            ("ingress_expiry".into(), nat(now() + 4 * MINUTE)),
        ];
        if draft.variables.contains_key("self") {
            draft.query("'ok' append reply");
        }
        draft
    }

    fn variable(&self, name: &str) -> Vec<u8> {
        self.variables.get(name).unwrap_or_else(|| panic!("no variable ${name}")).clone()
    }

    /// The principal that a variable holds, as text.
    pub fn principal(&self, name: &str) -> String {
        Principal::from_slice(&self.variable(name)).to_text()
    }

    /// Sets a field of the content.
    pub fn set(&mut self, field: &str, value: Value) -> &mut Draft {
        match self.content.iter_mut().find(|(name, _)| name == field) {
            Some((_, old)) => *old = value,
            None => self.content.push((field.into(), value)),
        }
        self
    }

    /// Removes a field of the content.
    pub fn unset(&mut self, field: &str) -> &mut Draft {
        self.content.retain(|(name, _)| name != field);
        self
    }

    /// Sends it to `version` of the canister endpoint `verb` of `$canister`.
    pub fn at(&mut self, version: &str, canister: &str, verb: &str) -> &mut Draft {
        self.path = format!("/api/{version}/canister/{}/{verb}", self.principal(canister));
        self
    }

    /// Sends it to the subnet's endpoint.
    pub fn at_subnet(&mut self, version: &str, verb: &str) -> &mut Draft {
        self.path = format!("/api/{version}/subnet/{}/{verb}", self.principal("subnet"));
        self
    }

    /// A call of `$canister.method` with any argument.
    pub fn call_of(&mut self, canister: &str, method: &str, arg: Vec<u8>) -> &mut Draft {
        let id = self.variable(canister);
        self.set("request_type", text("call"));
        self.set("canister_id", bytes(id)).set("method_name", text(method)).set("arg", bytes(arg));
        let unique = now().to_be_bytes();
        self.set("nonce", bytes(unique));
        self.at("v3", canister, "call")
    }

    /// A query of `$canister.method` with any argument.
    pub fn query_of(&mut self, canister: &str, method: &str, arg: Vec<u8>) -> &mut Draft {
        let id = self.variable(canister);
        self.set("request_type", text("query"));
        self.set("canister_id", bytes(id)).set("method_name", text(method)).set("arg", bytes(arg));
        self.at("v3", canister, "query")
    }

    /// An update call of `$self.run`.
    pub fn call(&mut self, script: &str) -> &mut Draft {
        let arg = assemble(script, &self.variables);
        self.call_of("self", "run", arg)
    }

    /// A query of `$self.ask`.
    pub fn query(&mut self, script: &str) -> &mut Draft {
        let arg = assemble(script, &self.variables);
        self.query_of("self", "ask", arg)
    }

    /// A `read_state` of paths, written `/label/$variable`, under `$self` (or the subnet, if there is none).
    pub fn read(&mut self, paths: &[&str]) -> &mut Draft {
        let paths = paths.iter().map(|path| path_value(path, &self.variables)).collect();
        for field in ["canister_id", "method_name", "arg"] {
            self.unset(field);
        }
        self.set("request_type", text("read_state")).set("paths", Value::Array(paths));
        match self.variables.contains_key("self") {
            true => self.at("v3", "self", "read_state"),
            false => self.at_subnet("v3", "read_state"),
        }
    }

    /// Signed by `key`, whose principal is the sender.
    pub fn signed(&mut self, key: Key) -> &mut Draft {
        self.set("sender", bytes(Principal::self_authenticating(public(&key))));
        self.signer = Some(key);
        self
    }

    /// Signed by the controller of the case's canisters.
    pub fn by_me(&mut self) -> &mut Draft {
        self.signed(key(crate::client::CONTROLLER))
    }

    /// Signed by somebody else.
    pub fn by_stranger(&mut self) -> &mut Draft {
        self.signed(key(crate::client::STRANGER))
    }

    /// Delegates to `to` until `expiration`.
    pub fn delegated(&mut self, to: Key, expiration: u64) -> &mut Draft {
        let delegation = vec![("pubkey".into(), bytes(public(&to))), ("expiration".into(), nat(expiration))];
        self.links.push(Link { to, delegation, forger: None });
        self
    }

    /// Sets a field of the last delegation.
    pub fn link(&mut self, field: &str, value: Value) -> &mut Draft {
        let link = self.links.last_mut().expect("a delegation");
        link.delegation.retain(|(name, _)| name != field);
        link.delegation.push((field.into(), value));
        self
    }

    /// The request id.
    pub fn id(&self) -> [u8; 32] {
        hash_of_map(&self.content)
    }

    /// The bytes to send.
    pub fn body(&self) -> Vec<u8> {
        let mut envelope: Map = vec![("content".into(), map(&self.content))];
        if let Some((key, signature)) = &self.proof {
            envelope.push(("sender_pubkey".into(), bytes(key)));
            envelope.push(("sender_sig".into(), bytes(signature)));
        } else if let Some(signer) = &self.signer {
            let last = self.links.last().map_or(signer, |link| &link.to);
            let message = [b"\x0Aic-request".as_slice(), &self.id()].concat();
            envelope.push(("sender_pubkey".into(), bytes(public(signer))));
            envelope.push(("sender_sig".into(), bytes(sign(last, &message))));
            if !self.links.is_empty() {
                envelope.push(("sender_delegation".into(), self.chain(signer)));
            }
        }
        if let Some(tamper) = self.tamper {
            tamper(&mut envelope);
        }
        let body = encode(&Value::Tag(55799, Box::new(map(&envelope))));
        self.mangle.map_or(body.clone(), |mangle| mangle(body))
    }

    fn chain(&self, signer: &Key) -> Value {
        let mut from = signer;
        let mut chain = Vec::new();
        for link in &self.links {
            let hash = hash_of_map(&link.delegation);
            let message = [b"\x1Aic-request-auth-delegation".as_slice(), &hash].concat();
            let signature = sign(link.forger.as_ref().unwrap_or(from), &message);
            let delegation = map(&link.delegation);
            chain.push(map(&[("delegation".into(), delegation), ("signature".into(), bytes(signature))]));
            from = &link.to;
        }
        Value::Array(chain)
    }
}

pub fn map(fields: &[(String, Value)]) -> Value {
    Value::Map(fields.iter().map(|(name, value)| (text(name), value.clone())).collect())
}

pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("encodes");
    bytes
}

/// `/label/$variable` as an array of blobs.
fn path_value(path: &str, variables: &Variables) -> Value {
    let labels = path.split('/').skip(1).map(|label| match label.strip_prefix('$') {
        Some(name) => bytes(variables.get(name).unwrap_or_else(|| panic!("no variable {label}"))),
        None => bytes(label),
    });
    Value::Array(labels.collect())
}

/// The spec's representation-independent hash.
pub fn hash_of_map(fields: &[(String, Value)]) -> [u8; 32] {
    let pair = |(name, value): &(String, Value)| [sha256(name.as_bytes()), hash_of(value)].concat();
    let mut pairs: Vec<Vec<u8>> = fields.iter().map(pair).collect();
    pairs.sort();
    sha256(&pairs.concat())
}

fn hash_of(value: &Value) -> [u8; 32] {
    match value {
        Value::Bytes(bytes) => sha256(bytes),
        Value::Text(text) => sha256(text.as_bytes()),
        Value::Integer(number) => sha256(&leb128(u128::try_from(*number).expect("a natural number"))),
        Value::Array(values) => sha256(&values.iter().flat_map(hash_of).collect::<Vec<u8>>()),
        Value::Map(entries) => {
            let field = |(name, value): &(Value, Value)| {
                (name.as_text().expect("a text key").to_owned(), value.clone())
            };
            hash_of_map(&entries.iter().map(field).collect::<Map>())
        }
        // What cannot be hashed is sent as a malformed request; its hash does not matter.
        _ => [0; 32],
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn leb128(mut number: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The example of the spec, "Request ids".
#[test]
fn the_request_id_is_the_one_of_the_spec() {
    let content = vec![
        ("request_type".into(), text("call")),
        ("sender".into(), bytes([4])),
        ("ingress_expiry".into(), nat(1_685_570_400_000_000_000)),
        ("canister_id".into(), bytes([0, 0, 0, 0, 0, 0, 4, 0xD2])),
        ("method_name".into(), text("hello")),
        ("arg".into(), bytes(b"DIDL\x00\xFD*")),
    ];
    let id = hex::encode(hash_of_map(&content));
    assert_eq!(id, "1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101");
}
