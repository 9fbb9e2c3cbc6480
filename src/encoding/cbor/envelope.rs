//! The envelope around every request: content and the proof of who sent it.

use super::{Reader, SELF_DESCRIBING_TAG};
use crate::encoding::request_id::{Value, hash_of_map};
use crate::encoding::{DecodeError, Fault};
use crate::types::limits::{DELEGATION_TARGETS_MAX, DELEGATIONS_MAX};
use crate::types::{Digest, Principal, RequestId, SenderInfo, Time};

/// A request as its user sent it. Nothing in it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope<R> {
    pub content: R,
    /// Computed from the content.
    pub id: RequestId,
    /// What must prove the content's `sender_info`, which is part of the id.
    pub sender_info: Option<SenderInfoProof>,
    pub sender_pubkey: Option<Vec<u8>>,
    pub sender_sig: Option<Vec<u8>>,
    pub sender_delegation: Option<Vec<SignedDelegation>>,
}

/// What a canister vouches for about the sender (interface spec 0.59, `sender_info`), with its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SenderInfoProof {
    pub info: SenderInfo,
    pub sig: Vec<u8>,
}

/// One link of a chain of keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedDelegation {
    pub pubkey: Vec<u8>,
    pub expiration: Time,
    pub targets: Option<Vec<Principal>>,
    pub permissions: Option<Permissions>,
    pub signature: Vec<u8>,
    /// Representation-independent hash of the `delegation` map: what is signed.
    pub hash: Digest,
}

/// The kinds of request that a delegation allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permissions {
    /// `query` and `read_state`.
    Queries,
    All,
}

impl<R> Envelope<R> {
    /// The moment after which the proof is void: `ingress_expiry`, or the first expiration in the chain
    /// of delegations if that comes earlier.
    pub fn valid_until(&self, ingress_expiry: Time) -> Time {
        let delegations = self.sender_delegation.iter().flatten();
        delegations.fold(ingress_expiry, |first, delegation| first.min(delegation.expiration))
    }
}

/// Stores the value of a field that may stand once.
pub(super) fn set<T>(slot: &mut Option<T>, value: T, field: &'static str) -> Result<(), DecodeError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::Duplicate.at(field)),
    }
}

/// The value of a field that must be there.
pub(super) fn required<T>(slot: Option<T>, field: &'static str) -> Result<T, DecodeError> {
    slot.ok_or(Fault::Missing.at(field))
}

/// An error that quotes at most 64 characters of a stranger's key.
pub(super) fn unknown_field(key: &str, within: &'static str) -> DecodeError {
    Fault::UnknownField(key.chars().take(64).collect()).at(within)
}

/// Reads an envelope whose content `content` reads.
pub(super) fn read<'a, R>(
    bytes: &'a [u8],
    mut content: impl FnMut(&mut Reader<'a>) -> Result<(R, RequestId, Option<SenderInfoProof>), DecodeError>,
) -> Result<Envelope<R>, DecodeError> {
    let mut reader = Reader::new(bytes, "envelope");
    reader.skip_tag(SELF_DESCRIBING_TAG)?;
    let (mut request, mut sender_pubkey, mut sender_sig, mut sender_delegation) = (None, None, None, None);
    reader.map(|reader, key| match key {
        "content" => set(&mut request, content(reader.at("content"))?, "content"),
        "sender_pubkey" => {
            set(&mut sender_pubkey, optional_bytes(reader.at("sender_pubkey"))?, "sender_pubkey")
        }
        "sender_sig" => set(&mut sender_sig, optional_bytes(reader.at("sender_sig"))?, "sender_sig"),
        "sender_delegation" => set(
            &mut sender_delegation,
            read_delegations(reader.at("sender_delegation"))?,
            "sender_delegation",
        ),
        _ => Err(unknown_field(key, "envelope")),
    })?;
    reader.at("envelope").finish()?;
    let (content, id, sender_info) = required(request, "content")?;
    Ok(Envelope {
        content,
        id,
        sender_info,
        sender_pubkey: sender_pubkey.flatten(),
        sender_sig: sender_sig.flatten(),
        sender_delegation: sender_delegation.flatten(),
    })
}

pub(super) fn optional_bytes(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, DecodeError> {
    if reader.take_null()? {
        return Ok(None);
    }
    reader.bytes().map(|bytes| Some(bytes.into_owned()))
}

fn read_delegations(reader: &mut Reader<'_>) -> Result<Option<Vec<SignedDelegation>>, DecodeError> {
    if reader.take_null()? {
        return Ok(None);
    }
    reader.array(DELEGATIONS_MAX, read_signed_delegation).map(Some)
}

fn read_signed_delegation(reader: &mut Reader<'_>) -> Result<SignedDelegation, DecodeError> {
    let (mut delegation, mut signature) = (None, None);
    reader.map(|reader, key| match key {
        "delegation" => set(&mut delegation, read_delegation(reader.at("delegation"))?, "delegation"),
        "signature" => set(
            &mut signature,
            reader.at("delegation.signature").bytes()?.into_owned(),
            "delegation.signature",
        ),
        _ => Err(unknown_field(key, "sender_delegation")),
    })?;
    let delegation = required(delegation, "delegation")?;
    Ok(SignedDelegation { signature: required(signature, "delegation.signature")?, ..delegation })
}

/// The inner map; the signature stays empty here.
fn read_delegation(reader: &mut Reader<'_>) -> Result<SignedDelegation, DecodeError> {
    let (mut pubkey, mut expiration, mut targets, mut permissions) = (None, None, None, None);
    reader.map(|reader, key| match key {
        "pubkey" => {
            set(&mut pubkey, reader.at("delegation.pubkey").bytes()?.into_owned(), "delegation.pubkey")
        }
        "expiration" => set(
            &mut expiration,
            Time(reader.at("delegation.expiration").unsigned()?),
            "delegation.expiration",
        ),
        "targets" => set(&mut targets, read_targets(reader.at("delegation.targets"))?, "delegation.targets"),
        "permissions" => set(
            &mut permissions,
            read_permissions(reader.at("delegation.permissions"))?,
            "delegation.permissions",
        ),
        _ => Err(unknown_field(key, "delegation")),
    })?;
    let pubkey = required(pubkey, "delegation.pubkey")?;
    let expiration = required(expiration, "delegation.expiration")?;
    let (targets, permissions) = (targets.flatten(), permissions.flatten());
    let hash = hash_delegation(&pubkey, expiration, targets.as_deref(), permissions);
    Ok(SignedDelegation { pubkey, expiration, targets, permissions, signature: Vec::new(), hash })
}

fn read_targets(reader: &mut Reader<'_>) -> Result<Option<Vec<Principal>>, DecodeError> {
    if reader.take_null()? {
        return Ok(None);
    }
    reader.array(DELEGATION_TARGETS_MAX, |reader| reader.principal()).map(Some)
}

fn read_permissions(reader: &mut Reader<'_>) -> Result<Option<Permissions>, DecodeError> {
    if reader.take_null()? {
        return Ok(None);
    }
    match reader.text()?.as_ref() {
        "queries" => Ok(Some(Permissions::Queries)),
        "all" => Ok(Some(Permissions::All)),
        other => Err(reader.error(Fault::UnknownValue(other.chars().take(64).collect()))),
    }
}

fn hash_delegation(
    pubkey: &[u8],
    expiration: Time,
    targets: Option<&[Principal]>,
    permissions: Option<Permissions>,
) -> Digest {
    let mut fields = vec![("pubkey", Value::Bytes(pubkey)), ("expiration", Value::Nat(expiration.0))];
    if let Some(targets) = targets {
        fields.push((
            "targets",
            Value::Array(targets.iter().map(|target| Value::Bytes(target.as_slice())).collect()),
        ));
    }
    match permissions {
        Some(Permissions::Queries) => fields.push(("permissions", Value::Text("queries"))),
        Some(Permissions::All) => fields.push(("permissions", Value::Text("all"))),
        None => {}
    }
    hash_of_map(&fields)
}
