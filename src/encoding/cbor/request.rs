//! The content of the three kinds of request, and their ids.

use super::envelope::{self, Envelope, SenderInfoProof, optional_bytes, required, set, unknown_field};
use super::{Reader, SELF_DESCRIBING_TAG, Writer};
use crate::encoding::request_id::{Value, hash_of_map};
use crate::encoding::{DecodeError, Fault};
use crate::types::limits::{
    INGRESS_BYTES_MAX, METHOD_NAME_BYTES_MAX, READ_STATE_LABELS_MAX, READ_STATE_PATHS_MAX,
};
use crate::types::{
    Principal, RequestId, SenderInfo, SignedIngress, Time, UserCall, UserQuery, UserReadState,
};
use bytes::Bytes;
use std::borrow::Cow;

type Path = Vec<Vec<u8>>;

/// Every field that any request may have; which are required depends on the type.
#[derive(Default)]
struct Content<'a> {
    request_type: Option<Cow<'a, str>>,
    nonce: Option<Option<Vec<u8>>>,
    ingress_expiry: Option<u64>,
    sender: Option<Principal>,
    canister_id: Option<Principal>,
    method_name: Option<Cow<'a, str>>,
    arg: Option<Cow<'a, [u8]>>,
    sender_info: Option<Option<SenderInfoProof>>,
    paths: Option<Vec<Path>>,
}

/// Reads an update call.
///
/// # Errors
/// Anything that `requests.cddl` does not allow, naming the field.
pub fn read_call(bytes: &[u8]) -> Result<Envelope<UserCall>, DecodeError> {
    call(bytes, |content| content.id())
}

/// Reads a call again that [`read_call`] or [`read_ingress`] read before, and whose id is known from that.
///
/// # Errors
/// None for an envelope that was read before.
pub fn read_call_again(ingress: &SignedIngress) -> Result<Envelope<UserCall>, DecodeError> {
    call(&ingress.envelope, |_| ingress.id)
}

fn call(bytes: &[u8], id: impl Fn(&Content) -> RequestId) -> Result<Envelope<UserCall>, DecodeError> {
    envelope::read(bytes, |reader| {
        let content = read_content(reader, "call")?;
        let (id, sender_info) = (id(&content), content.sender_info.clone().flatten());
        let call = UserCall {
            canister_id: required(content.canister_id, "canister_id")?,
            method_name: required(content.method_name, "method_name")?.into_owned(),
            arg: required(content.arg, "arg")?.into_owned(),
            sender: required(content.sender, "sender")?,
            ingress_expiry: Time(required(content.ingress_expiry, "ingress_expiry")?),
            nonce: content.nonce.flatten(),
            sender_info: sender_info.as_ref().map(|proof| proof.info.clone()),
        };
        Ok((call, id, sender_info))
    })
}

/// Reads a query.
///
/// # Errors
/// As [`read_call`].
pub fn read_query(bytes: &[u8]) -> Result<Envelope<UserQuery>, DecodeError> {
    envelope::read(bytes, |reader| {
        let content = read_content(reader, "query")?;
        let (id, sender_info) = (content.id(), content.sender_info.clone().flatten());
        let query = UserQuery {
            canister_id: required(content.canister_id, "canister_id")?,
            method_name: required(content.method_name, "method_name")?.into_owned(),
            arg: required(content.arg, "arg")?.into_owned(),
            sender: required(content.sender, "sender")?,
            ingress_expiry: Time(required(content.ingress_expiry, "ingress_expiry")?),
            nonce: content.nonce.flatten(),
            sender_info: sender_info.as_ref().map(|proof| proof.info.clone()),
        };
        Ok((query, id, sender_info))
    })
}

/// Reads a `read_state` request.
///
/// # Errors
/// As [`read_call`].
pub fn read_read_state(bytes: &[u8]) -> Result<Envelope<UserReadState>, DecodeError> {
    envelope::read(bytes, |reader| {
        let content = read_content(reader, "read_state")?;
        let id = content.id();
        let request = UserReadState {
            paths: required(content.paths, "paths")?,
            sender: required(content.sender, "sender")?,
            ingress_expiry: Time(required(content.ingress_expiry, "ingress_expiry")?),
            nonce: content.nonce.flatten(),
        };
        Ok((request, id, None))
    })
}

/// Reads an update call's envelope only as far as its id and expiry; the argument is not copied.
///
/// # Errors
/// As [`read_call`]: whatever this accepts, `read_call` accepts.
pub fn read_ingress(envelope: Bytes) -> Result<SignedIngress, DecodeError> {
    if envelope.len() > INGRESS_BYTES_MAX {
        return Err(Fault::TooLong { max: INGRESS_BYTES_MAX }.at("envelope"));
    }
    let read = envelope::read(&envelope, |reader| {
        let content = read_content(reader, "call")?;
        required(content.canister_id, "canister_id")?;
        required(content.method_name.as_ref(), "method_name")?;
        required(content.arg.as_ref(), "arg")?;
        required(content.sender, "sender")?;
        Ok((Time(required(content.ingress_expiry, "ingress_expiry")?), content.id(), None))
    })?;
    let expiry = read.valid_until(read.content);
    Ok(SignedIngress { id: read.id, expiry, envelope })
}

fn read_content<'a>(reader: &mut Reader<'a>, request_type: &'static str) -> Result<Content<'a>, DecodeError> {
    let mut content = Content::default();
    reader.map(|reader, key| content.read_field(reader, key))?;
    content.check_type(request_type)?;
    Ok(content)
}

impl<'a> Content<'a> {
    fn read_field(&mut self, reader: &mut Reader<'a>, key: &str) -> Result<(), DecodeError> {
        match key {
            "request_type" => set(&mut self.request_type, reader.at("request_type").text()?, "request_type"),
            "nonce" => set(&mut self.nonce, optional_bytes(reader.at("nonce"))?, "nonce"),
            "ingress_expiry" => {
                set(&mut self.ingress_expiry, reader.at("ingress_expiry").unsigned()?, "ingress_expiry")
            }
            "sender" => set(&mut self.sender, reader.at("sender").principal()?, "sender"),
            "canister_id" => set(&mut self.canister_id, reader.at("canister_id").principal()?, "canister_id"),
            "method_name" => {
                set(&mut self.method_name, read_method_name(reader.at("method_name"))?, "method_name")
            }
            "arg" => set(&mut self.arg, reader.at("arg").bytes()?, "arg"),
            "sender_info" => {
                set(&mut self.sender_info, read_sender_info(reader.at("sender_info"))?, "sender_info")
            }
            "paths" => set(&mut self.paths, read_paths(reader.at("paths"))?, "paths"),
            _ => Err(unknown_field(key, "content")),
        }
    }

    /// The type is the one that this endpoint serves, and no field of another type stands there.
    fn check_type(&self, expected: &'static str) -> Result<(), DecodeError> {
        let found = required(self.request_type.as_ref(), "request_type")?;
        if found != expected {
            return Err(Fault::UnknownValue(found.chars().take(64).collect()).at("request_type"));
        }
        let reads_state = expected == "read_state";
        let stray = [
            ("paths", !reads_state && self.paths.is_some()),
            ("canister_id", reads_state && self.canister_id.is_some()),
            ("method_name", reads_state && self.method_name.is_some()),
            ("arg", reads_state && self.arg.is_some()),
            ("sender_info", reads_state && self.sender_info.is_some()),
        ];
        match stray.into_iter().find(|(_, present)| *present) {
            Some((field, _)) => Err(unknown_field(field, "content")),
            None => Ok(()),
        }
    }

    /// Hash of the fields that are present (interface spec, "Request ids").
    fn id(&self) -> RequestId {
        let fields = [
            ("request_type", self.request_type.as_deref().map(Value::Text)),
            ("nonce", self.nonce.as_ref().and_then(|nonce| nonce.as_deref()).map(Value::Bytes)),
            ("ingress_expiry", self.ingress_expiry.map(Value::Nat)),
            ("sender", self.sender.as_ref().map(principal_value)),
            ("canister_id", self.canister_id.as_ref().map(principal_value)),
            ("method_name", self.method_name.as_deref().map(Value::Text)),
            ("arg", self.arg.as_deref().map(Value::Bytes)),
            ("sender_info", self.sender_info.as_ref().and_then(|info| info.as_ref()).map(sender_info_value)),
            ("paths", self.paths.as_deref().map(paths_value)),
        ];
        let present: Vec<_> =
            fields.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
        RequestId(hash_of_map(&present).0)
    }
}

fn principal_value(principal: &Principal) -> Value<'_> {
    Value::Bytes(principal.as_slice())
}

fn sender_info_value(proof: &SenderInfoProof) -> Value<'_> {
    Value::Map(vec![
        ("info", Value::Bytes(&proof.info.info)),
        ("signer", Value::Bytes(proof.info.signer.as_slice())),
        ("sig", Value::Bytes(&proof.sig)),
    ])
}

fn paths_value(paths: &[Path]) -> Value<'_> {
    Value::Array(paths.iter().map(|path| labels_value(path)).collect())
}

fn labels_value(path: &[Vec<u8>]) -> Value<'_> {
    Value::Array(path.iter().map(|label| Value::Bytes(label)).collect())
}

fn read_method_name<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, DecodeError> {
    let name = reader.text()?;
    if name.len() > METHOD_NAME_BYTES_MAX {
        return Err(reader.error(Fault::TooLong { max: METHOD_NAME_BYTES_MAX }));
    }
    Ok(name)
}

fn read_paths(reader: &mut Reader<'_>) -> Result<Vec<Path>, DecodeError> {
    reader.array(READ_STATE_PATHS_MAX, |reader| {
        reader.at("paths.label").array(READ_STATE_LABELS_MAX, |reader| reader.bytes().map(Cow::into_owned))
    })
}

fn read_sender_info(reader: &mut Reader<'_>) -> Result<Option<SenderInfoProof>, DecodeError> {
    if reader.take_null()? {
        return Ok(None);
    }
    let (mut info, mut signer, mut sig) = (None, None, None);
    reader.map(|reader, key| match key {
        "info" => set(&mut info, reader.at("sender_info.info").bytes()?.into_owned(), "sender_info.info"),
        "signer" => set(&mut signer, reader.at("sender_info.signer").principal()?, "sender_info.signer"),
        "sig" => set(&mut sig, reader.at("sender_info.sig").bytes()?.into_owned(), "sender_info.sig"),
        _ => Err(unknown_field(key, "sender_info")),
    })?;
    let info = SenderInfo {
        info: required(info, "sender_info.info")?,
        signer: required(signer, "sender_info.signer")?,
    };
    Ok(Some(SenderInfoProof { info, sig: required(sig, "sender_info.sig")? }))
}

/// Writes an update call's envelope: anonymous without `proof`, which is the sender's DER-encoded
/// public key and its signature over the request id.
pub fn encode_call(call: &UserCall, proof: Option<(&[u8], &[u8])>) -> Bytes {
    let mut writer = Writer::new();
    writer.tag(SELF_DESCRIBING_TAG).map(1 + 2 * usize::from(proof.is_some())).text("content");
    writer.map(6 + usize::from(call.nonce.is_some()));
    writer.text("request_type").text("call");
    writer.text("canister_id").bytes(call.canister_id.as_slice());
    writer.text("method_name").text(&call.method_name);
    writer.text("arg").bytes(&call.arg);
    writer.text("sender").bytes(call.sender.as_slice());
    writer.text("ingress_expiry").unsigned(call.ingress_expiry.0);
    if let Some(nonce) = &call.nonce {
        writer.text("nonce").bytes(nonce);
    }
    if let Some((pubkey, signature)) = proof {
        writer.text("sender_pubkey").bytes(pubkey).text("sender_sig").bytes(signature);
    }
    writer.into_bytes().into()
}
